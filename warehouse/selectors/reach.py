"""What can be had by a day at a door, or handed over next in a store: one question for a whole listing.

The engine says from which places one unit is there in time, the listing's own statements then ask which products stand in them.
Both read live rows; nothing is kept. A product is never shown that its own page does not promise. The reverse is possible for kits
only: one whose parts come together from several places, or take more room of a day than a single unit does, is left out.
"""

# ruff: noqa: S608 - the pieces are this package's own, what people chose is always a parameter
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from oms import promise as engine
from oms.states import DeliveryKind
from storefront import selectors as catalog
from warehouse.selectors.network import Place, PromiseNetwork, promise_network
from warehouse.selectors.promise_rows import load_by_day
from warehouse.selectors.promise_ways import UNKNOWN_POSTCODE
from warehouse.selectors.sql import LOAD, POOLED, SAFETY, given_back_of, safety_of

_UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Reach:
    """The answer: conditions for a listing, and what the filters mean at this moment.

    `reason` says why nothing can be had; `ready_at` when the store hands over what is asked for now.
    """

    had: tuple[catalog.Condition, ...]
    reason: str = ""
    store: Place | None = None
    ready_at: datetime | None = None


_ASKED = f"""
WITH {POOLED}
SELECT (SELECT version FROM warehouse_network),
       (SELECT z.code FROM oms_deliverypostcode c JOIN oms_deliveryzone z ON z.id = c.zone_id WHERE c.postal_code = %(postal_code)s),
       (SELECT COALESCE(json_agg(p.code), '[]') FROM pooled p),
       {LOAD},
       (SELECT COALESCE(json_agg(json_build_array(m.code, r.weight_grams_max)), '[]')
          FROM oms_deliveryrate r JOIN oms_deliverymethod m ON m.id = r.method_id
         WHERE r.channel_id = %(channel)s::bigint AND r.valid_from <= %(now)s::timestamptz
           AND (r.valid_to IS NULL OR r.valid_to > %(now)s::timestamptz)),
       (SELECT json_build_array(max(largest), max(units))
          FROM (SELECT max(quantity) largest, sum(quantity) units FROM storefront_kitcomponent GROUP BY kit_id) k),
       (SELECT b.id FROM oms_basket b WHERE b.token = %(token)s AND b.state = 'OPEN')
"""


def reach(
    *,
    channel_id: int,
    now: datetime,
    postal_code: str = "",
    by: date | None = None,
    store: str = "",
    basket_token: str = "",
) -> Reach:
    """One unit at the door of a postcode on a day or before, in a store at its next handover, or both. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ASKED,
            {"channel": channel_id, "now": now, "postal_code": postal_code, "token": basket_token},
        )
        version, zone, pooled, load, rates, kits, basket = cursor.fetchone()
    asked = _Asked(
        kept=promise_network(version),
        pooled=frozenset(pooled),
        load=load,
        grams=_limits(rates),
        kit_units=tuple(units or 0 for units in kits),
        now=now,
    )
    shared = {"basket": basket, "now": now}
    conditions: list[catalog.Condition] = []
    found = Reach(())
    if by is not None:
        conditions.append(asked.at_the_door(zone, by, shared))
        if zone is None:
            found = Reach((), reason=UNKNOWN_POSTCODE)
    if store and store in asked.kept.network.pickup_points:
        condition, offer = asked.in_store(store, shared)
        conditions.append(condition)
        found = Reach(
            (),
            reason=found.reason or (offer.reason.value if offer.reason else ""),
            store=asked.kept.places[store],
            ready_at=offer.ready_at,
        )
    return Reach(tuple(conditions), found.reason, found.store, found.ready_at)


def _limits(rates: Sequence[Sequence[Any]]) -> dict[str, int | None]:
    """By method the heaviest unit that has a price; None when there is no limit."""
    limits: dict[str, int | None] = {}
    for method, grams in rates:
        known = limits.get(method, 0)
        limits[method] = None if grams is None or known is None else max(known, grams)
    return limits


@dataclass(frozen=True, slots=True)
class _Asked:
    kept: PromiseNetwork
    pooled: frozenset[str]
    load: Sequence[tuple[str, str | None, int]]
    grams: Mapping[str, int | None]
    # The most of one part that a kit takes, and the most units in all.
    kit_units: tuple[int, ...]
    now: datetime

    def at_the_door(self, zone: str | None, by: date, shared: Mapping[str, Any]) -> catalog.Condition:
        if zone is None or not self._is_sold(DeliveryKind.HOME_DELIVERY):
            return catalog.Condition("false", {})
        promise = self._promise({})
        leaving = {code: day for code, day in promise.leaving_by(zone, by).items() if code in self.pooled}
        for_kits = promise.leaving_by(zone, by, units=max(1, self.kit_units[0]))
        today = self.kept.network.local(self.now).date()
        expected = {code: promise.expected_by(code, day) for code, day in leaving.items()}
        supplied = [(self.kept.ids[code], day) for code, day in expected.items() if day and day >= today]
        return catalog.Condition(
            _of_variant("had_door", is_supplied=True),
            {
                "had_door_places": [self.kept.ids[code] for code in leaving],
                "had_door_kits": [self.kept.ids[code] for code in leaving if code in for_kits],
                "had_door_pool": [self.kept.ids[code] for code in self.pooled],
                "had_door_supplied": [place for place, _ in supplied],
                "had_door_expected": [day for _, day in supplied],
                "had_door_grams": self.grams[DeliveryKind.HOME_DELIVERY],
                **shared,
            },
        )

    def in_store(self, store: str, shared: Mapping[str, Any]) -> tuple[catalog.Condition, engine.Offer]:
        offer = self._handover(store, 1)
        whole_kits = self._handover(store, max(1, self.kit_units[1]))
        if store not in self.pooled or not offer.is_available or not self._is_sold(DeliveryKind.STORE_PICKUP):
            return catalog.Condition("false", {}), offer
        places = [self.kept.ids[store]]
        condition = catalog.Condition(
            _of_variant("had_store"),
            {
                "had_store_places": places,
                "had_store_kits": places if whole_kits.day == offer.day else [],
                "had_store_grams": self.grams[DeliveryKind.STORE_PICKUP],
                **shared,
            },
            sieve=_STANDS_THERE,
        )
        return condition, offer

    def _handover(self, store: str, units: int) -> engine.Offer:
        promise = self._promise({(store, _UNIT): engine.Level(units)})
        return promise.pickup([engine.Line(_UNIT, units)], store)

    def _promise(self, levels: Mapping[tuple[str, str], engine.Level]) -> engine.Promise:
        load = load_by_day(self.load, self.kept.network.local(self.now).date())
        return engine.Promise(self.kept.network, engine.Stock(levels=levels, load=load), now=self.now)

    def _is_sold(self, method: str) -> bool:
        return method in self.grams and any(
            each.code == method and each.is_orderable for each in self.kept.methods
        )


def _of_variant(name: str, *, is_supplied: bool = False) -> str:
    """The condition over the variant `v`; `name` begins the names of its values."""

    def one(variant: str) -> str:
        here = _stands(variant, "1", f"{name}_places")
        pool = _stands(variant, "1", f"{name}_pool")
        return f"({here} OR ({pool} AND {_supplied(variant)}))" if is_supplied else here

    part = _stands("k.component_id", "k.quantity", f"{name}_kits")
    if is_supplied:
        part = f"CASE WHEN k.quantity = 1 THEN {one('k.component_id')} ELSE {part} END"
    return f"""(%({name}_grams)s::int IS NULL OR v.weight_grams <= %({name}_grams)s::int) AND CASE
        WHEN v.is_kit AND EXISTS (SELECT 1 FROM storefront_kitcomponent k WHERE k.kit_id = v.id)
        THEN NOT EXISTS (SELECT 1 FROM storefront_kitcomponent k WHERE k.kit_id = v.id AND NOT {part}) ELSE {one("v.id")} END"""


def _stands(variant: str, units: str, places: str) -> str:
    """Whether one of the places may offer so many units of the variant now."""
    return f"""EXISTS (
        WITH {SAFETY}
        SELECT 1 FROM warehouse_stockitem i
         WHERE i.variant_id = {variant} AND i.location_id = ANY(%({places})s::bigint[]) AND i.is_sellable AND i.on_hand > 0
         GROUP BY i.variant_id, i.location_id
        HAVING sum(i.on_hand - i.reserved + {given_back_of("i")}) - {safety_of("i")} >= {units})"""


def _supplied(variant: str) -> str:
    """Whether units are expected early enough where they could leave in time."""
    return f"""EXISTS (
        SELECT 1 FROM warehouse_purchaseorderline l
          JOIN warehouse_purchaseorder o ON o.id = l.order_id AND o.status IN ('OPEN', 'PARTLY_RECEIVED')
          JOIN unnest(%(had_door_supplied)s::bigint[], %(had_door_expected)s::date[]) e(location_id, expected_on)
            ON e.location_id = o.location_id
         WHERE l.variant_id = {variant} AND l.quantity_received < l.quantity
           AND COALESCE(l.expected_on, o.expected_on) <= e.expected_on)"""


# A small store has a small part of a large catalog: what stands there leads to the products. Kits have no shelf of their own.
_STANDS_THERE = """p.id IN (
        SELECT v.product_id FROM warehouse_bin b JOIN warehouse_stockitem i ON i.bin_id = b.id AND i.on_hand > 0
          JOIN storefront_variant v ON v.id = i.variant_id WHERE b.location_id = ANY(%(had_store_places)s::bigint[])
        UNION ALL SELECT v.product_id FROM storefront_variant v WHERE v.is_kit)"""
