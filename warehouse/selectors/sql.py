"""The pieces of SQL that all stock questions share, so that a promise, a hold and a page can never disagree.

Parameters, always by name: variants (bigint[]), channel (bigint or null: pools are not asked), now, basket and order (bigint
or null: their own claims count as free).
"""

# What is sold, part by part: a plain variant is its own only part, a kit has its components; a file (`is_digital`) is
# on no shelf, so nothing is claimed for it.
PARTS = """
parts AS MATERIALIZED (
    SELECT v.id AS sold_id, COALESCE(k.component_id, v.id) AS variant_id, COALESCE(k.quantity, 1)::int AS per_unit,
           count(*) OVER (PARTITION BY v.id) AS of_parts, v.is_digital
      FROM storefront_variant v
      LEFT JOIN storefront_kitcomponent k ON v.is_kit AND k.kit_id = v.id
     WHERE v.id = ANY(%(variants)s::bigint[])
)"""

# Locations that feed the channel at this instant, by their own clock. A channel without any pool is fed by all.
POOLED = """
pooled AS MATERIALIZED (
    SELECT l.id, l.code, l.kind = 'WAREHOUSE' AS is_warehouse
      FROM kernel_location l
     WHERE l.is_active AND l.kind IN ('STORE', 'WAREHOUSE')
       AND (%(channel)s::bigint IS NULL
            OR NOT EXISTS (SELECT 1 FROM warehouse_stockpool p WHERE p.channel_id = %(channel)s::bigint)
            OR EXISTS (
                SELECT 1
                  FROM warehouse_stockpool p,
                       LATERAL (SELECT %(now)s::timestamptz AT TIME ZONE l.time_zone AS here) t
                 WHERE p.channel_id = %(channel)s::bigint AND p.location_id = l.id
                   AND (p.valid_from IS NULL OR p.valid_from <= %(now)s::timestamptz)
                   AND (p.valid_to IS NULL OR p.valid_to > %(now)s::timestamptz)
                   AND (p.weekdays = '{}' OR extract(isodow FROM t.here)::int - 1 = ANY(p.weekdays))
                   AND CASE
                         WHEN p.hour_from IS NULL AND p.hour_to IS NULL THEN true
                         WHEN p.hour_from IS NULL THEN t.here::time < p.hour_to
                         WHEN p.hour_to IS NULL THEN t.here::time >= p.hour_from
                         WHEN p.hour_from <= p.hour_to THEN t.here::time >= p.hour_from AND t.here::time < p.hour_to
                         ELSE t.here::time >= p.hour_from OR t.here::time < p.hour_to
                       END))
)"""

# Claims that count as free for the asker: basket holds past their time, and the asker's own.
GIVEN_BACK = """
given_back AS MATERIALIZED (
    SELECT stock_item_id, sum(quantity)::int AS quantity
      FROM (SELECT r.stock_item_id, r.quantity
              FROM warehouse_reservation r
             WHERE r.state = 'HELD' AND r.order_line_id IS NULL AND r.expires_at <= %(now)s::timestamptz
            UNION ALL
            SELECT r.stock_item_id, r.quantity
              FROM oms_basketline l
                   -- Line by line: asked by state and time, it would look through the claims of all baskets.
                   CROSS JOIN LATERAL (SELECT c.stock_item_id, c.quantity, c.state, c.expires_at
                                         FROM warehouse_reservation c WHERE c.basket_line_id = l.id OFFSET 0) r
             WHERE l.basket_id = %(basket)s::bigint AND r.state = 'HELD' AND r.expires_at > %(now)s::timestamptz
            UNION ALL
            SELECT r.stock_item_id, r.quantity
              FROM oms_orderline l JOIN warehouse_reservation r ON r.order_line_id = l.id
             WHERE l.order_id = %(order)s::bigint AND r.state IN ('HELD', 'ALLOCATED')) own
     GROUP BY stock_item_id
)"""

# Units that are never offered. The most specific entry holds: location and branch of the catalog, location, everywhere.
SAFETY = """
safety_by_branch AS MATERIALIZED (
    SELECT s.location_id, c.path, c.depth, s.quantity
      FROM warehouse_safetystock s JOIN storefront_category c ON c.id = s.category_id
), safety_by_location AS MATERIALIZED (
    SELECT s.location_id, s.quantity FROM warehouse_safetystock s
     WHERE s.location_id IS NOT NULL AND s.category_id IS NULL
), safety_everywhere AS MATERIALIZED (
    SELECT COALESCE(max(s.quantity), 0) AS quantity FROM warehouse_safetystock s WHERE s.location_id IS NULL
)"""


def safety_of(place: str) -> str:
    """The safety stock of the rows of `place`, which has variant_id and location_id; needs SAFETY before it.

    Most places have no entry for a branch of the catalog: they are not asked which branch it is.
    """
    return f"""
        COALESCE(
            CASE WHEN EXISTS (SELECT 1 FROM safety_by_branch sb WHERE sb.location_id = {place}.location_id) THEN
            (SELECT sb.quantity
               FROM safety_by_branch sb
               JOIN storefront_variant sv ON sv.id = {place}.variant_id
               JOIN storefront_product sp ON sp.id = sv.product_id
               JOIN storefront_category sc ON sc.id = sp.main_category_id
              WHERE sb.location_id = {place}.location_id AND (sc.path = sb.path OR starts_with(sc.path, sb.path || '/'))
              ORDER BY sb.depth DESC LIMIT 1) END,
            (SELECT sl.quantity FROM safety_by_location sl WHERE sl.location_id = {place}.location_id),
            (SELECT se.quantity FROM safety_everywhere se))"""  # noqa: S608 - an alias of our own statement


def given_back_of(item: str) -> str:
    """The units of GIVEN_BACK of one row of stock, for a question that asks row by row and ends early; the own claims are those of a basket."""
    return f"""
        CASE WHEN {item}.reserved > 0 THEN COALESCE((
            SELECT sum(r.quantity)
              FROM warehouse_reservation r
             WHERE r.stock_item_id = {item}.id AND r.state = 'HELD' AND r.order_line_id IS NULL
               AND (r.expires_at <= %(now)s::timestamptz
                    OR r.basket_line_id IN (SELECT l.id FROM oms_basketline l WHERE l.basket_id = %(basket)s::bigint))), 0) ELSE 0 END"""  # noqa: S608 - an alias of our own statement


# How many units each place of the pool has to ship or hand over already, by day; needs POOLED before it.
LOAD = """(SELECT COALESCE(json_agg(json_build_array(d.code, d.day, d.units)), '[]')
          FROM (SELECT p.code, s.planned_on AS day, sum(w.units) AS units
                  FROM (SELECT r.location_id, r.shipment_id, sum(r.quantity) AS units
                          FROM warehouse_reservation r
                         WHERE r.state IN ('ALLOCATED', 'PICKED', 'PACKED') AND NOT r.is_put_back
                         GROUP BY r.location_id, r.shipment_id) w
                  JOIN pooled p ON p.id = w.location_id
                  LEFT JOIN warehouse_shipment s ON s.id = w.shipment_id
                 GROUP BY p.code, s.planned_on) d)"""

# Per variant and location what may be offered, and from it how many of what is sold each location can serve.
OFFERED = f"""
lots AS MATERIALIZED (
    SELECT i.variant_id, i.location_id, sum(i.on_hand - i.reserved + COALESCE(g.quantity, 0))::int AS free
      FROM warehouse_stockitem i
      JOIN pooled p ON p.id = i.location_id
      LEFT JOIN given_back g ON g.stock_item_id = i.id
     WHERE i.is_sellable AND i.variant_id = ANY(ARRAY(SELECT variant_id FROM parts))
     GROUP BY i.variant_id, i.location_id
    HAVING sum(i.on_hand - i.reserved + COALESCE(g.quantity, 0)) > 0
), offered AS MATERIALIZED (
    SELECT l.variant_id, l.location_id, l.free - {safety_of("l")} AS quantity FROM lots l
), served AS MATERIALIZED (
    SELECT p.sold_id, o.location_id, min(o.quantity / p.per_unit) AS quantity
      FROM parts p JOIN offered o ON o.variant_id = p.variant_id AND o.quantity > 0
     GROUP BY p.sold_id, o.location_id, p.of_parts
    HAVING count(*) = p.of_parts AND min(o.quantity / p.per_unit) > 0
)"""  # noqa: S608

SERVED = ", ".join([PARTS, POOLED, GIVEN_BACK, SAFETY, OFFERED])
