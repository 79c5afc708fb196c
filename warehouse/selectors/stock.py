"""What can be had, and where: always live, always by the same SQL as the claims."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retail.kernel.prepared import Prepared
from warehouse.models import StockItem
from warehouse.selectors.sql import SERVED

# A file never runs out, and is bought one at a time.
DIGITAL_UNITS = 1
_ASKED = {
    "variants": "bigint[]",
    "channel": "bigint",
    "now": "timestamptz",
    "basket": "bigint",
    "order": "bigint",
}
_AVAILABLE = Prepared(
    "stock_available",
    f"""WITH {SERVED} SELECT sold_id, sum(quantity)::int FROM served GROUP BY sold_id
        UNION ALL SELECT sold_id, {DIGITAL_UNITS} FROM parts WHERE is_digital""",  # noqa: S608
    _ASKED,
    ("bigint", "integer"),
)
_BY_LOCATION = Prepared(
    "stock_by_location",
    f"WITH {SERVED} SELECT sold_id, location_id, quantity FROM served ORDER BY sold_id, location_id",  # noqa: S608
    _ASKED,
    ("bigint", "bigint", "integer"),
)

# Variants with a unit that nobody has claimed, for the shop's "available" filter: a first sieve over the whole catalog. Safety
# stock and pools are judged where a quantity is asked for.
IN_STOCK = """SELECT i.variant_id FROM warehouse_stockitem i WHERE i.is_sellable AND i.on_hand > i.reserved
    UNION ALL SELECT e.id FROM storefront_variant e WHERE e.is_digital"""


@dataclass(frozen=True, slots=True)
class StockRow:
    """The units of one variant in one bin."""

    stock_item_id: int
    sku: str
    title: str
    location: str
    bin: str
    kind: str
    on_hand: int
    reserved: int
    is_sellable: bool

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved if self.is_sellable else 0


def availability(
    *,
    variant_ids: Iterable[int],
    channel_id: int | None,
    now: datetime,
    basket_id: int | None = None,
    order_id: int | None = None,
) -> dict[int, int]:
    """Units that can be had of each variant: free in the channel's pools, less safety stock. Kits by what one place can complete."""
    ids = sorted(set(variant_ids))
    rows = _ask(_AVAILABLE, ids, channel_id, now, basket_id, order_id)
    return {**dict.fromkeys(ids, 0), **dict(rows)}


def availability_by_location(
    *,
    variant_ids: Iterable[int],
    channel_id: int | None,
    now: datetime,
    basket_id: int | None = None,
    order_id: int | None = None,
) -> dict[int, dict[int, int]]:
    """The same per location; the basket's or order's own claims count as free. Places without units are left out."""
    ids = sorted(set(variant_ids))
    found: dict[int, dict[int, int]] = {variant_id: {} for variant_id in ids}
    for variant_id, location_id, quantity in _ask(_BY_LOCATION, ids, channel_id, now, basket_id, order_id):
        found[variant_id][location_id] = quantity
    return found


def _ask(
    question: Prepared,
    ids: list[int],
    channel_id: int | None,
    now: datetime,
    basket_id: int | None,
    order_id: int | None,
) -> list[Any]:
    return question.rows(
        {"variants": ids, "channel": channel_id, "now": now, "basket": basket_id, "order": order_id}
    )


# The same rows for one SKU everywhere, as the text of a JSON list; where it goes on behind the limit, the last one's id as well.
STOCK_OF_SKU = """
    SELECT string_agg(format('{"sku":%%s,"location":%%s,"bin":%%s,"kind":"%%s","on_hand":%%s,"reserved":%%s,"available":%%s}',
                             to_json(r.sku), to_json(r.place), to_json(r.bin), r.kind, r.on_hand, r.reserved, r.available), ','),
           CASE WHEN count(*) = %(limit)s AND EXISTS (
               SELECT FROM warehouse_stockitem i WHERE i.variant_id = max(r.variant_id) AND i.on_hand > 0 AND i.id > max(r.id)) THEN max(r.id) END
      FROM (SELECT i.id, i.variant_id, v.sku, l.code AS place, b.code AS bin, b.kind, i.on_hand, i.reserved,
                   CASE WHEN i.is_sellable THEN i.on_hand - i.reserved ELSE 0 END AS available
              FROM storefront_variant v JOIN warehouse_stockitem i ON i.variant_id = v.id
              JOIN kernel_location l ON l.id = i.location_id JOIN warehouse_bin b ON b.id = i.bin_id
             WHERE v.sku = %(sku)s AND i.on_hand > 0 ORDER BY i.id LIMIT %(limit)s) r"""


def stock_rows(
    *,
    sku: str | None = None,
    variant_id: int | None = None,
    location_id: int | None = None,
    after_id: int = 0,
    limit: int = 1000,
) -> list[StockRow]:
    """Bin by bin, by stock item id (the cursor of the list); empty bins that nothing is claimed in are left out."""
    rows = StockItem.objects.filter(pk__gt=after_id, on_hand__gt=0)
    if sku is not None:
        rows = rows.filter(variant__sku=sku)
    if variant_id is not None:
        rows = rows.filter(variant_id=variant_id)
    if location_id is not None:
        rows = rows.filter(location_id=location_id)
    return [
        StockRow(*row)
        for row in rows.order_by("pk").values_list(
            "pk",
            "variant__sku",
            "variant__product__title",
            "location__code",
            "bin__code",
            "bin__kind",
            "on_hand",
            "reserved",
            "is_sellable",
        )[:limit]
    ]
