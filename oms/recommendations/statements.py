"""The arithmetic of recommendations, as the SQL that does it: no rows are touched here, no clock is read.

Measured in docs/recommendations.md, on real orders and with the very text below.
"""

# ruff: noqa: S608 - put together from numbers of our own

from __future__ import annotations

# Orders older than this say nothing; a younger one counts the more, the younger it is.
DAYS, HALF_LIFE_DAYS = 365, 90
OWN_DECAY_DAYS = 90
BESTSELLER_DAYS = 28
# What stands together fewer times than this is chance; `SHRINKAGE` keeps a rare pair from beating a well known one.
ORDERS_MIN, PAIRS_MIN, SHRINKAGE = 5, 3, 10
# Pairs grow with the square of an order: a wholesale order of hundreds of titles says little about any two of them.
TITLES_PER_ORDER_MAX = 150
NEIGHBOURS_KEPT, BESTSELLERS_KEPT = 50, 60

# What was bought: one row for an order and a title. Canceled orders and given back history (units below zero) are left out.
_BOUGHT = f"""
    SELECT DISTINCT l.order_id, v.product_id, 0.5 ^ (extract(epoch FROM %(now)s - l.ordered_at) / 86400 / {HALF_LIFE_DAYS}) AS weight
      FROM oms_orderline l
      JOIN oms_order o ON o.id = l.order_id AND o.status <> 'CANCELED'
      JOIN storefront_variant v ON v.id = l.variant_id
     WHERE l.kind IN ('GOODS', 'DIGITAL') AND l.quantity > l.quantity_canceled AND l.ordered_at <= %(now)s
       AND l.ordered_at > %(now)s - interval '{DAYS} days'"""

# Cosine over orders, shrunk: together / (sqrt(a · b) + SHRINKAGE), every order weighing less the older it is.
NEIGHBOURS = f"""
WITH bought AS MATERIALIZED ({_BOUGHT}
), titles AS (
    SELECT product_id, sum(weight) AS weight FROM bought GROUP BY product_id HAVING count(*) >= {ORDERS_MIN}
), small AS (
    SELECT order_id FROM bought GROUP BY order_id HAVING count(*) BETWEEN 2 AND {TITLES_PER_ORDER_MAX}
), told AS MATERIALIZED (
    SELECT b.order_id, b.product_id, b.weight FROM bought b JOIN small USING (order_id) JOIN titles USING (product_id)
), pairs AS (
    SELECT one.product_id AS product_id, two.product_id AS other_id, sum(one.weight) AS weight, count(*) AS orders
      FROM told one JOIN told two ON two.order_id = one.order_id AND two.product_id > one.product_id
     GROUP BY 1, 2 HAVING count(*) >= {PAIRS_MIN}
), scored AS (
    SELECT p.product_id, p.other_id, p.weight / (sqrt(a.weight * b.weight) + {SHRINKAGE}) AS score, p.orders
      FROM pairs p JOIN titles a ON a.product_id = p.product_id JOIN titles b ON b.product_id = p.other_id
), ranked AS (
    SELECT product_id, other_id, score, orders,
           row_number() OVER (PARTITION BY product_id ORDER BY score DESC, other_id) AS place
      FROM (SELECT product_id, other_id, score, orders FROM scored
            UNION ALL SELECT other_id, product_id, score, orders FROM scored) both_ways
)
INSERT INTO oms_neighbour (product_id, other_id, score, orders)
SELECT product_id, other_id, score, orders FROM ranked WHERE place <= {NEIGHBOURS_KEPT}"""

# What sells now in each branch (a title counts in every branch it stands in), and in the whole shop (no branch).
BESTSELLERS = f"""
WITH sold AS MATERIALIZED (
    SELECT v.product_id, sum(l.quantity - l.quantity_canceled) AS units, count(DISTINCT l.order_id) AS orders
      FROM oms_orderline l
      JOIN oms_order o ON o.id = l.order_id AND o.status <> 'CANCELED'
      JOIN storefront_variant v ON v.id = l.variant_id
     WHERE l.kind IN ('GOODS', 'DIGITAL') AND l.quantity > l.quantity_canceled AND l.ordered_at <= %(now)s
       AND l.ordered_at > %(now)s - interval '{BESTSELLER_DAYS} days'
     GROUP BY v.product_id
), placed AS (
    SELECT m.category_id, s.product_id, s.orders, s.units FROM sold s JOIN storefront_product_categories m USING (product_id)
    UNION ALL SELECT NULL, product_id, orders, units FROM sold
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY category_id ORDER BY orders DESC, units DESC, product_id) AS place FROM placed
)
INSERT INTO oms_bestseller (category_id, product_id, orders, units, place)
SELECT category_id, product_id, orders, units, place FROM ranked WHERE place <= {BESTSELLERS_KEPT}"""

# For the product page, which has its own statement: the titles that were bought together with the one whose id stands in {{product}}.
TOGETHER = "SELECT n.other_id AS id, n.score FROM oms_neighbour n WHERE n.product_id = {product}"

# Titles for somebody or something, best first: {candidates} yields (id, tier, score); only what can be had is kept, once each.
_SHELF = """(
WITH candidates AS MATERIALIZED ({candidates}),
best AS (
    SELECT DISTINCT ON (id) id, tier, score FROM candidates WHERE id <> ALL({without}) ORDER BY id, tier, score DESC
)
SELECT b.id, row_number() OVER (ORDER BY b.tier, b.score DESC, b.id) AS place
  FROM best b JOIN storefront_product p ON p.id = b.id AND p.status = 'PUBLISHED'
 WHERE EXISTS (SELECT 1 FROM storefront_variant v
                WHERE v.product_id = b.id AND v.is_sellable AND {available}
                  AND EXISTS (SELECT 1 FROM storefront_price r
                               WHERE r.variant_id = v.id AND r.price_list_id = %(list)s AND r.minimum_quantity = 1
                                 AND r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)))
 ORDER BY place LIMIT %(limit)s) wanted"""

_PRODUCTS = "ARRAY(SELECT v.product_id FROM storefront_variant v WHERE v.id = ANY(%(variants)s::bigint[]))"

_FILLER = """
    SELECT s.product_id, {tier}, 1.0 / s.place FROM oms_bestseller s
     WHERE s.category_id IN (SELECT m.category_id FROM storefront_product_categories m WHERE m.product_id = ANY({near}))
    UNION ALL
    SELECT s.product_id, {tier} + 1, 1.0 / s.place FROM oms_bestseller s WHERE s.category_id IS NULL"""

_RELATED = f"""
    SELECT n.other_id AS id, 0 AS tier, sum(n.score)::double precision AS score FROM oms_neighbour n
     WHERE n.product_id = ANY({_PRODUCTS}) GROUP BY n.other_id
    UNION ALL{_FILLER.format(tier=1, near=_PRODUCTS)}"""

# What somebody bought, each purchase weighing less the older it is; live, so that the order of a minute ago counts.
_OWN = f"""
    SELECT v.product_id AS id, sum(exp(-extract(epoch FROM %(now)s - l.ordered_at) / 86400 / {OWN_DECAY_DAYS})) AS score
      FROM oms_order o JOIN oms_orderline l ON l.order_id = o.id JOIN storefront_variant v ON v.id = l.variant_id
     WHERE o.customer_id = %(customer)s AND o.status <> 'CANCELED' AND l.kind IN ('GOODS', 'DIGITAL') AND l.quantity > l.quantity_canceled
       AND o.placed_at <= %(now)s AND o.placed_at > %(now)s - interval '{DAYS} days'
     GROUP BY v.product_id"""

FOR_CUSTOMER = f"""
    WITH own AS MATERIALIZED ({_OWN}), bought AS MATERIALIZED (SELECT array_agg(id) AS ids FROM own)
    SELECT id, 0 AS tier, score FROM own WHERE NOT %(is_new_only)s
    UNION ALL
    SELECT n.other_id, 1, sum(n.score * own.score) FROM own JOIN oms_neighbour n ON n.product_id = own.id
     WHERE n.other_id NOT IN (SELECT id FROM own) GROUP BY n.other_id
    UNION ALL
    SELECT f.product_id, f.tier, f.score FROM ({_FILLER.format(tier=2, near="(SELECT ids FROM bought)::bigint[]")}) f(product_id, tier, score)
     WHERE f.product_id NOT IN (SELECT id FROM own)"""


def related(available: str) -> str:
    """Parameters variants, list, now, limit. `available` is a condition on `v.id`."""
    return _SHELF.format(candidates=_RELATED, available=available, without=_PRODUCTS)


def for_customer(available: str) -> str:
    """Parameters customer, is_new_only, without, list, now, limit."""
    without = "%(without)s::bigint[]"
    return _SHELF.format(candidates=FOR_CUSTOMER, available=available, without=without)
