"""The lots from which a claim may be served, read in one statement for any number of variants."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from retail.kernel.prepared import Prepared
from warehouse.rules import Lot
from warehouse.selectors.sql import GIVEN_BACK, PARTS, POOLED, SAFETY, safety_of

# One row with four lists, because a hold must ask all of it in one round trip.
_READ = Prepared(
    "stock_supply",
    f"""
WITH {PARTS}, {POOLED}, {GIVEN_BACK}, {SAFETY},
mine AS MATERIALIZED (
    SELECT r.id, r.basket_line_id, r.variant_id, r.quantity, r.expires_at > %(now)s::timestamptz AS is_live
      FROM warehouse_reservation r
     WHERE r.basket_line_id = ANY(%(lines)s::bigint[]) AND r.state = 'HELD'
), client AS MATERIALIZED (
    SELECT DISTINCT b.id, b.client_hash, b.customer_id
      FROM oms_basketline l JOIN oms_basket b ON b.id = l.basket_id WHERE l.id = ANY(%(lines)s::bigint[])
), baskets AS MATERIALIZED (
    SELECT id FROM client
    UNION
    SELECT o.id FROM client c JOIN oms_basket o ON o.client_hash = c.client_hash AND o.state = 'OPEN' AND o.client_hash <> ''
     WHERE c.client_hash <> ''
    UNION
    SELECT o.id FROM client c JOIN oms_basket o ON o.customer_id = c.customer_id AND o.state = 'OPEN'
), items AS MATERIALIZED (
    SELECT i.id, i.variant_id, i.location_id, p.is_warehouse, b.pick_sequence, i.on_hand - i.reserved AS free,
           COALESCE(g.quantity, 0) AS expired
      FROM warehouse_stockitem i
      JOIN pooled p ON p.id = i.location_id
      JOIN warehouse_bin b ON b.id = i.bin_id
      LEFT JOIN given_back g ON g.stock_item_id = i.id
     WHERE i.is_sellable AND i.variant_id = ANY(ARRAY(SELECT variant_id FROM parts))
       AND (i.on_hand > 0)
       AND (%(places)s::bigint[] IS NULL OR i.location_id = ANY(%(places)s::bigint[]))
)
SELECT (SELECT COALESCE(json_agg(json_build_array(sold_id, variant_id, per_unit) ORDER BY sold_id, variant_id), '[]')
          FROM parts WHERE NOT is_digital),
       (SELECT COALESCE(json_agg(json_build_array(id, variant_id, location_id, is_warehouse, pick_sequence, free, expired) ORDER BY id), '[]')
          FROM items),
       (SELECT COALESCE(json_agg(json_build_array(s.variant_id, s.location_id, s.quantity)), '[]')
          FROM (SELECT t.variant_id, t.location_id, {safety_of("t")} AS quantity
                  FROM (SELECT DISTINCT variant_id, location_id FROM items) t) s
         WHERE s.quantity > 0),
       (SELECT COALESCE(json_agg(json_build_array(id, basket_line_id, variant_id, quantity, is_live) ORDER BY id), '[]') FROM mine),
       (SELECT COALESCE(json_agg(json_build_array(u.variant_id, u.quantity)), '[]')
          FROM (SELECT r.variant_id, sum(r.quantity) AS quantity
                  FROM baskets b
                  JOIN oms_basketline l ON l.basket_id = b.id AND l.id <> ALL(%(lines)s::bigint[])
                  JOIN warehouse_reservation r ON r.basket_line_id = l.id AND r.state = 'HELD' AND r.expires_at > %(now)s::timestamptz
                 WHERE r.variant_id = ANY(ARRAY(SELECT variant_id FROM parts))
                 GROUP BY r.variant_id) u),
       (SELECT c.hold_units_max FROM storefront_channel c WHERE c.id = %(channel)s::bigint)
""",  # noqa: S608
    {
        "variants": "bigint[]",
        "channel": "bigint",
        "now": "timestamptz",
        "basket": "bigint",
        "order": "bigint",
        "lines": "bigint[]",
        "places": "bigint[]",
    },
    ("json", "json", "json", "json", "json", "smallint"),
)


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """What a basket line holds already. Not live: its time is over, so it has to be claimed anew."""

    id: int
    basket_line_id: int
    variant_id: int
    quantity: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class Supply:
    """All that choosing lots needs to know, at one instant."""

    parts: dict[int, tuple[tuple[int, int], ...]]
    lots: list[Lot]
    safety: dict[tuple[int, int], int]
    held: list[HeldClaim]
    # What the same client holds in other lines, and how much of one variant it may hold.
    held_elsewhere: dict[int, int]
    hold_units_max: int | None


def read_supply(
    *,
    variant_ids: Iterable[int],
    channel_id: int | None,
    now: datetime,
    basket_line_ids: Iterable[int] = (),
    location_ids: Iterable[int] | None = None,
) -> Supply:
    """Lots of these variants (kits: of their components) in the channel's pools, and what these basket lines hold."""
    ((parts, lots, safety, held, elsewhere, maximum),) = _READ.rows(
        {
            "variants": sorted(set(variant_ids)),
            "channel": channel_id,
            "now": now,
            "basket": None,
            "order": None,
            "lines": list(basket_line_ids),
            "places": None if location_ids is None else sorted(set(location_ids)),
        }
    )
    by_sold: dict[int, tuple[tuple[int, int], ...]] = {}
    for sold_id, variant_id, per_unit in parts:
        by_sold[sold_id] = (*by_sold.get(sold_id, ()), (variant_id, per_unit))
    return Supply(
        parts=by_sold,
        lots=[Lot(*row) for row in lots],
        safety={(variant_id, location_id): units for variant_id, location_id, units in safety},
        held=[HeldClaim(*row) for row in held],
        held_elsewhere=dict(elsewhere),
        hold_units_max=maximum,
    )
