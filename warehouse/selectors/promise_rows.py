"""What is live about goods, as one statement answers it: stock, what is under way, load, rates. Nothing of it is ever kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from oms.rules import RateRow
from retail.kernel.prepared import Prepared
from warehouse.selectors.sql import GIVEN_BACK, LOAD, PARTS, POOLED, SAFETY, safety_of

# A claim on what is under way that is the asker's own.
_OWN = """(s.basket_line_id IN (SELECT m.id FROM oms_basketline m WHERE m.basket_id = %(basket)s::bigint)
                OR s.order_line_id IN (SELECT m.id FROM oms_orderline m WHERE m.order_id = %(order)s::bigint))"""

# What bringing costs; who has read a tariff in the same call has these rows already.
RATES = """(SELECT COALESCE(json_agg(json_build_array(m.code, r.amount::text, r.free_from::text, r.weight_grams_max)), '[]')
          FROM oms_deliveryrate r JOIN oms_deliverymethod m ON m.id = r.method_id
         WHERE r.channel_id = %(channel)s::bigint AND r.valid_from <= %(now)s::timestamptz
           AND (r.valid_to IS NULL OR r.valid_to > %(now)s::timestamptz))"""
LIVE = Prepared(
    "stock_promise",
    f"""
WITH {PARTS}, {POOLED}, {GIVEN_BACK}, {SAFETY},
lots AS MATERIALIZED (
    SELECT i.variant_id, i.location_id, p.code, sum(i.on_hand - i.reserved + COALESCE(g.quantity, 0))::int AS free
      FROM warehouse_stockitem i
      JOIN pooled p ON p.id = i.location_id
      LEFT JOIN given_back g ON g.stock_item_id = i.id
     WHERE i.is_sellable AND i.on_hand > 0 AND i.variant_id = ANY(ARRAY(SELECT variant_id FROM parts))
     GROUP BY i.variant_id, i.location_id, p.code
)
SELECT (SELECT version FROM warehouse_network),
       (SELECT json_build_array(z.code, c.latitude, c.longitude)
          FROM oms_deliverypostcode c JOIN oms_deliveryzone z ON z.id = c.zone_id WHERE c.postal_code = %(postal_code)s),
       (SELECT COALESCE(json_agg(json_build_array(p.sold_id, v.sku, p.variant_id, p.per_unit, s.weight_grams, p.is_digital) ORDER BY p.sold_id, p.variant_id), '[]')
          FROM parts p JOIN storefront_variant v ON v.id = p.variant_id JOIN storefront_variant s ON s.id = p.sold_id),
       (SELECT COALESCE(json_agg(json_build_array(l.variant_id, l.code, l.free, {safety_of("l")})), '[]') FROM lots l),
       (SELECT COALESCE(json_agg(json_build_array(l.variant_id, p.code, l.quantity - l.quantity_received - l.quantity_claimed + COALESCE(c.back, 0),
                                                  COALESCE(l.expected_on, o.expected_on), COALESCE(c.own, 0))
                                 ORDER BY COALESCE(l.expected_on, o.expected_on), l.id), '[]')
          FROM warehouse_purchaseorderline l
          JOIN warehouse_purchaseorder o ON o.id = l.order_id AND o.status IN ('OPEN', 'PARTLY_RECEIVED')
          JOIN pooled p ON p.id = o.location_id
          LEFT JOIN LATERAL (
               SELECT sum(s.quantity) FILTER (WHERE s.expires_at <= %(now)s::timestamptz OR {_OWN})::int AS back,
                      sum(s.quantity) FILTER (WHERE {_OWN})::int AS own
                 FROM warehouse_supplyclaim s
                WHERE s.purchase_order_line_id = l.id AND s.state IN ('HELD', 'ALLOCATED')) c ON l.quantity_claimed > 0
         WHERE l.variant_id = ANY(ARRAY(SELECT variant_id FROM parts)) AND l.quantity_received < l.quantity
           AND COALESCE(l.expected_on, o.expected_on) IS NOT NULL),
       {LOAD},
       {RATES}
""",  # noqa: S608
    {
        "variants": "bigint[]",
        "channel": "bigint",
        "now": "timestamptz",
        "postal_code": "text",
        "basket": "bigint",
        "order": "bigint",
    },
    ("uuid", "json", "json", "json", "json", "json", "json"),
)


@dataclass(frozen=True, slots=True)
class Coming:
    """A delivery under way: the day on which it is to reach us, and its units that nobody has spoken for."""

    day: date
    units: int
    location: str


@dataclass(frozen=True, slots=True)
class Live:
    version: uuid.UUID
    zone: str | None
    latitude: float | None
    longitude: float | None
    # sold variant → its parts: (sku, variant, units in one)
    parts: dict[int, list[tuple[str, int, int]]]
    weights: dict[int, int]
    lots: list[tuple[int, str, int, int]]
    # variant, place, units that nobody else has spoken for, day, and of these the asker's own
    supply: list[tuple[int, str, int, str, int]]
    load: list[tuple[str, str | None, int]]
    rates: tuple[RateRow, ...]
    # What of it is a file: no place serves it, nobody brings it.
    digital: frozenset[int] = frozenset()

    def offered(self) -> dict[int, dict[str, int]]:
        """Part by part what each place may offer, safety stock left out."""
        found: dict[int, dict[str, int]] = {}
        for variant_id, code, free, safety in self.lots:
            found.setdefault(variant_id, {})[code] = max(0, free - safety)
        return found

    def coming(self, sold_id: int, units: int, today: date) -> Coming | None:
        """The first delivery that brings so many of what is sold; a day that has passed promises nothing, and no kit is ordered ahead."""
        if [part for _, part, _ in self.parts.get(sold_id, ())] != [sold_id]:
            return None
        for variant_id, code, free, day, _ in self.supply:
            if variant_id == sold_id and free >= units and date.fromisoformat(day) > today:
                return Coming(date.fromisoformat(day), free, code)
        return None

    def served(self, sold_id: int) -> dict[str, int]:
        """How many of what is sold each place can serve; of a kit as many as its scarcest part allows."""
        parts, offered = self.parts.get(sold_id, ()), self.offered()
        places = set.intersection(*(set(offered.get(part, ())) for _, part, _ in parts)) if parts else set()
        found = {code: min(offered[part][code] // per_unit for _, part, per_unit in parts) for code in places}
        return {code: units for code, units in found.items() if units > 0}


def read_live(
    lines: Sequence[tuple[int, int]],
    channel_id: int,
    now: datetime,
    postal_code: str | None,
    basket_id: int | None,
    order_id: int | None,
) -> Live:
    (row,) = LIVE.rows(
        {
            "variants": sorted({variant_id for variant_id, _ in lines}),
            "channel": channel_id,
            "now": now,
            "postal_code": bare(postal_code),
            "basket": basket_id,
            "order": order_id,
        }
    )
    return live_of(row)


def bare(postal_code: str | None) -> str:
    """A postcode as the rows have it."""
    return (postal_code or "").strip().replace(" ", "")


def live_of(row: Sequence[Any]) -> Live:
    """The answer of LIVE."""
    version, place, parts, lots, supply, load, rates = row
    by_sold: dict[int, list[tuple[str, int, int]]] = {}
    digital = frozenset(row[0] for row in parts if row[5])
    for sold_id, sku, variant_id, per_unit, _, is_digital in parts:
        if not is_digital:
            by_sold.setdefault(sold_id, []).append((sku, variant_id, per_unit))
    zone, latitude, longitude = place or (None, None, None)
    return Live(
        version=version,
        zone=zone,
        latitude=latitude,
        longitude=longitude,
        parts=by_sold,
        weights={row[0]: row[4] for row in parts},
        lots=lots,
        supply=supply,
        load=load,
        rates=tuple(
            RateRow(method, Decimal(amount), None if free_from is None else Decimal(free_from), grams)
            for method, amount, free_from, grams in rates
        ),
        digital=digital,
    )


def load_by_day(rows: Iterable[tuple[str, str | None, int]], today: date) -> dict[str, dict[date, int]]:
    """By place and day the units of the answer of LOAD; what is late or has no day is for today."""
    load: dict[str, dict[date, int]] = {}
    for code, day, units in rows:
        on = max(today, date.fromisoformat(day)) if day else today
        by_day = load.setdefault(code, {})
        by_day[on] = by_day.get(on, 0) + units
    return load


def own_units(supply: Iterable[tuple[int, str, int, str, int]]) -> dict[int, int]:
    """By variant, what the asker has claimed of what is under way."""
    found: dict[int, int] = {}
    for variant_id, _, _, _, own in supply:
        if own:
            found[variant_id] = found.get(variant_id, 0) + own
    return found
