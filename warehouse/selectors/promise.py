"""When and where it can be had: every delivery method with date and price, from live stock, or why not.

One statement: the stock with everything live about it, and the delivery rates. Nothing live is ever kept.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from oms import promise as engine
from oms.rules import RateRow, delivery_fee
from oms.states import DeliveryKind
from retail.kernel.clock import business_date
from retail.kernel.prepared import Prepared
from warehouse.selectors.delivery_days import DAYS_AHEAD, DayChoice, WantedDay, choices_of, chosen
from warehouse.selectors.network import Locker, Method, Place, PromiseNetwork, Slot, promise_network
from warehouse.selectors.sql import GIVEN_BACK, LOAD, PARTS, POOLED, SAFETY, safety_of
from warehouse.selectors.stock import DIGITAL_UNITS

UNKNOWN_POSTCODE = "UNKNOWN_POSTCODE"
NOT_OFFERED = "NOT_OFFERED"
TOO_HEAVY = "TOO_HEAVY"
# Of the parcel lockers, the nearest.
LOCKERS_SHOWN = 8
# Of the stores that goods can be sent to, the nearest; all of them only where one is chosen.
SENT_TO_SHOWN = 8
# What supply brings can be promised, but only units that are here can be held.
NOT_HERE_YET = "NOT_HERE_YET"


@dataclass(frozen=True, slots=True)
class Option:
    """One way to get the goods. `reason` says why it cannot be had; `is_orderable` is false too for what comes only later.

    `place` is the postcode or the store's code. `order_by`: an order before this instant still gets this date.
    """

    method: str
    is_orderable: bool
    place: str = ""
    location: Place | None = None
    distance_km: float | None = None
    # The day on which the goods that it waits for are to reach us. Without a claim on them it cannot be ordered, only ordered ahead.
    supply_on: date | None = None
    date: date | None = None
    ready_at: datetime | None = None
    order_by: datetime | None = None
    price: Decimal | None = None
    currency: str = "RSD"
    carrier_code: str = ""
    carrier_name: str = ""
    service_code: str = ""
    locations: tuple[str, ...] = ()
    # The names of these places: goods that come from several come in several parcels.
    location_names: tuple[str, ...] = ()
    reason: str | None = None
    reason_sku: str | None = None
    # The days that may be chosen in place of the earliest, when somebody asked for them.
    days: tuple[DayChoice, ...] = ()
    slot: Slot | None = None


# A claim on what is under way that is the asker's own.
_OWN = """(s.basket_line_id IN (SELECT m.id FROM oms_basketline m WHERE m.basket_id = %(basket)s::bigint)
                OR s.order_line_id IN (SELECT m.id FROM oms_orderline m WHERE m.order_id = %(order)s::bigint))"""

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
       (SELECT COALESCE(json_agg(json_build_array(m.code, r.amount::text, r.free_from::text, r.weight_grams_max)), '[]')
          FROM oms_deliveryrate r JOIN oms_deliverymethod m ON m.id = r.method_id
         WHERE r.channel_id = %(channel)s::bigint AND r.valid_from <= %(now)s::timestamptz
           AND (r.valid_to IS NULL OR r.valid_to > %(now)s::timestamptz))
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


@dataclass(frozen=True, slots=True)
class Availability:
    """One variant: the ways to get it, and the units that each place can serve, by its code. From the same rows.

    `here` is where the postcode lies: latitude and longitude.
    """

    options: list[Option]
    units: dict[str, int]
    here: tuple[float | None, float | None]
    # With nothing here: what can be ordered ahead.
    coming: Coming | None = None


def promise_options(
    *,
    lines: Sequence[tuple[int, int]],
    channel_id: int,
    now: datetime,
    postal_code: str | None = None,
    pickup_location_ids: Iterable[int] | None = None,
    basket_id: int | None = None,
    order_id: int | None = None,
    goods_total: Decimal | None = None,
    currency: str = "RSD",
    method_code: str = "",
    known: Live | None = None,
    are_days_wanted: bool = False,
    wanted: WantedDay | None = None,
    locker_code: str = "",
) -> list[Option]:
    """Options for (variant, quantity) together: home delivery, then pickup by nearness, then what is not offered yet.

    Without `pickup_location_ids` every store that has all of it is an option; named stores are answered even when they have not.
    `are_days_wanted` says the days of delivery that may be chosen; `wanted` promises home delivery for such a day, or says that it cannot be.
    Of parcel lockers the nearest are answered, or the one that `locker_code` names.
    `method_code` asks for that method alone; `known` is what was read to order it now: then nobody asks until when it could be.
    """
    live = known or _read(lines, channel_id, now, postal_code, basket_id, order_id)
    return _options(
        lines,
        live,
        now,
        postal_code,
        pickup_location_ids,
        goods_total,
        currency,
        method_code=method_code,
        is_deadline_wanted=known is None,
        are_days_wanted=are_days_wanted,
        wanted=wanted,
        locker_code=locker_code,
    )


def available_ways(
    *,
    variant_id: int,
    quantity: int = 1,
    channel_id: int,
    now: datetime,
    postal_code: str | None = None,
    basket_id: int | None = None,
    goods_total: Decimal | None = None,
    currency: str = "RSD",
    pickups_max: int | None = None,
    known: Live | None = None,
) -> Availability:
    """The same for one variant, with the units of each place; of the pickups that can be had only the nearest when `pickups_max` says so."""
    lines = [(variant_id, quantity)]
    live = known or _read(lines, channel_id, now, postal_code, basket_id, None)
    options = _options(lines, live, now, postal_code, None, goods_total, currency, pickups_max=pickups_max)
    units = {"": DIGITAL_UNITS} if variant_id in live.digital else live.served(variant_id)
    coming = None
    if not any(live.offered().get(variant_id, {}).values()):
        today = promise_network(live.version).network.local(now).date()
        coming = live.coming(variant_id, quantity, today)
    return Availability(options, units, (live.latitude, live.longitude), coming)


def _options(
    lines: Sequence[tuple[int, int]],
    live: Live,
    now: datetime,
    postal_code: str | None,
    pickup_location_ids: Iterable[int] | None,
    goods_total: Decimal | None,
    currency: str,
    *,
    method_code: str = "",
    pickups_max: int | None = None,
    is_deadline_wanted: bool = True,
    are_days_wanted: bool = False,
    wanted: WantedDay | None = None,
    locker_code: str = "",
) -> list[Option]:
    kept, rates = promise_network(live.version), live.rates
    if live.digital:
        goods = [line for line in lines if line[0] not in live.digital]
        if lines and not goods:
            return [_at_once(now, currency)]
        lines = goods  # the files ride along
    asked = _Asked(lines, live, kept, now, is_deadline_wanted=is_deadline_wanted)
    if not asked.is_known:
        reason = engine.Reason.OUT_OF_STOCK.value
        return [Option(method.code, False, currency=currency, reason=reason) for method in kept.methods]
    weight = sum(live.weights.get(variant_id, 0) * quantity for variant_id, quantity in lines)
    options: list[Option] = []
    for method in kept.methods:
        if method_code and method.code != method_code:
            continue
        price = delivery_fee(
            rates=rates, method=method.code, goods_total=goods_total or Decimal(0), weight_grams=weight
        )
        if method.code == DeliveryKind.HOME_DELIVERY and postal_code:
            home = asked.home(method, postal_code, price, rates, currency)
            if (are_days_wanted or wanted is not None) and home.is_orderable:
                home = asked.on_a_day(home, wanted)
            options.append(home)
        elif method.code == DeliveryKind.STORE_PICKUP:
            options += asked.pickups(method, pickup_location_ids, price, currency, pickups_max)
        elif method.code == DeliveryKind.SHIP_TO_STORE and method.is_orderable:
            # A page about one title needs to know only the nearest; where something is chosen, any may be.
            at_most = 1 if pickups_max is not None else None if are_days_wanted else SENT_TO_SHOWN
            options += asked.sent_to_stores(method, pickup_location_ids, price, currency, at_most)
        elif method.code == DeliveryKind.PARCEL_LOCKER and method.is_orderable:
            # A page about one title needs to know only that there is one nearby.
            at_most = LOCKERS_SHOWN if pickups_max is None else 1
            options += asked.lockers(method, locker_code, price, currency, weight, at_most)
        elif not method.is_orderable and method.code != DeliveryKind.DIGITAL:
            options.append(Option(method.code, is_orderable=False, currency=currency, reason=NOT_OFFERED))
    return options


def _at_once(now: datetime, currency: str) -> Option:
    """Only files: nothing has to be brought, they are there with the money."""
    return Option(
        DeliveryKind.DIGITAL,
        is_orderable=True,
        date=business_date(now),
        ready_at=now,
        price=Decimal(0),
        currency=currency,
    )


def _read(
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


class _Asked:
    """One question to the engine: the wanted units as its lines, the live rows as its stock."""

    def __init__(
        self,
        lines: Sequence[tuple[int, int]],
        live: Live,
        kept: PromiseNetwork,
        now: datetime,
        *,
        is_deadline_wanted: bool,
    ) -> None:
        self.live, self.kept, self.is_deadline_wanted = live, kept, is_deadline_wanted
        wanted: dict[int, int] = {}
        self.skus: dict[int, str] = {}
        for sold_id, quantity in lines:
            for sku, variant_id, per_unit in live.parts.get(sold_id, ()):
                wanted[variant_id] = wanted.get(variant_id, 0) + quantity * per_unit
                self.skus[variant_id] = sku
        self.is_known = all(sold_id in live.parts for sold_id, _ in lines) and bool(lines)
        offered = live.offered()
        self.offered: dict[int, dict[str, int]] = {part: offered.get(part, {}) for part in wanted}
        self.wanted, today = wanted, kept.network.local(now).date()
        self.supply, self.supply_on = self._awaited(today)
        own = dict.fromkeys(wanted, 0) | own_units(live.supply)
        self.is_here = all(
            sum(self.offered[variant_id].values()) + own[variant_id] >= units
            for variant_id, units in wanted.items()
        )
        self.engine_lines, levels, supply = self._divided()
        stock = engine.Stock(levels=levels, supply=supply, load=load_by_day(live.load, today))
        self.promise = engine.Promise(kept.network, stock, now=now)

    def _awaited(self, today: date) -> tuple[list[tuple[int, str, int, str]], date | None]:
        """The supply that counts, and the day on which what is waited for is here.

        What the asker has claimed of deliveries is what is promised, whatever else lies or comes; without a claim and with nothing here,
        the one delivery that would be claimed.
        """
        own = own_units(self.live.supply)
        found: list[tuple[int, str, int, str]] = []
        days: list[date] = []
        for variant_id, units in self.wanted.items():
            rows = [row for row in self.live.supply if row[0] == variant_id]
            coming = None
            if own.get(variant_id):
                rows = [(part, code, mine, day, mine) for part, code, _, day, mine in rows if mine]
                days += [date.fromisoformat(row[3]) for row in rows]
                if own[variant_id] >= units:
                    self.offered[variant_id] = {}
            elif not any(self.offered[variant_id].values()):
                coming = self.live.coming(variant_id, units, today)
            if coming is not None:
                rows = [(variant_id, coming.location, units, coming.day.isoformat(), 0)]
                days.append(coming.day)
            found += [(part, code, free, day) for part, code, free, day, _ in rows if free > 0]
        return found, max(days, default=None)

    def home(
        self, method: Method, postal_code: str, price: Decimal | None, rates: Sequence[RateRow], currency: str
    ) -> Option:
        if self.live.zone is None:
            return Option(method.code, False, place=postal_code, currency=currency, reason=UNKNOWN_POSTCODE)
        if price is None and any(rate.method == method.code for rate in rates):
            return Option(method.code, False, place=postal_code, currency=currency, reason=TOO_HEAVY)
        offer = self.promise.home(
            self.engine_lines, self.live.zone, is_deadline_wanted=self.is_deadline_wanted
        )
        if not offer.is_available:
            return self._refused(method, offer, postal_code, currency)
        last = max(offer.sources, key=lambda source: (source.arrives_on or date.min, source.location))
        carrier_code, carrier_name = self.kept.carriers[last.carrier or ""]
        return Option(
            method.code,
            method.is_orderable and self.is_here and price is not None,
            place=postal_code,
            date=offer.day,
            order_by=offer.order_by,
            price=price,
            currency=currency,
            carrier_code=carrier_code,
            carrier_name=carrier_name,
            service_code=last.carrier or "",
            locations=offer.locations,
            location_names=tuple(self.kept.places[code].name for code in offer.locations),
            supply_on=self.supply_on,
        )

    def on_a_day(self, home: Option, wanted: WantedDay | None) -> Option:
        """The same with the days that may be chosen, on the chosen one."""
        assert self.live.zone is not None, "home delivery that can be ordered knows its zone"
        days = self.promise.home_days(self.engine_lines, self.live.zone, within=DAYS_AHEAD)
        home = replace(home, days=choices_of(days, self.kept.slots))
        if wanted is None:
            return home
        found = chosen(home.days, wanted)
        if found is None:
            return replace(home, is_orderable=False, reason=engine.Reason.DAY_NOT_POSSIBLE.value)
        home = replace(home, date=found.day, slot=found.slot)
        if found.slot is None:
            return home
        carrier_code, carrier_name = self.kept.carriers[found.slot.service]
        return replace(
            home, service_code=found.slot.service, carrier_code=carrier_code, carrier_name=carrier_name
        )

    def lockers(
        self,
        method: Method,
        code: str,
        price: Decimal | None,
        currency: str,
        weight: int,
        at_most: int,
    ) -> list[Option]:
        """Lockers of one zone and service are reached on the same day."""
        near = (
            [each for each in self.kept.lockers if each.place.code == code]
            if code
            else self.kept.lockers_near(self.live.latitude, self.live.longitude, at_most)
        )
        offers: dict[tuple[str, str], engine.Offer] = {}
        found: list[Option] = []
        for each in near:
            if weight > each.weight_grams_max or price is None:
                found.append(
                    Option(
                        method.code, False, each.place.code, each.place, currency=currency, reason=TOO_HEAVY
                    )
                )
                continue
            key = (each.zone, each.service)
            if key not in offers:
                offers[key] = self.promise.home(
                    self.engine_lines,
                    each.zone,
                    is_deadline_wanted=self.is_deadline_wanted,
                    carrier=each.service,
                )
            found.append(self._locker(method, each, offers[key], price, currency))
        return found or [Option(method.code, False, currency=currency, reason=engine.Reason.NO_LANE.value)]

    def _locker(
        self, method: Method, locker: Locker, offer: engine.Offer, price: Decimal, currency: str
    ) -> Option:
        if not offer.is_available:
            return self._refused(method, offer, locker.place.code, currency, locker.place)
        carrier_code, carrier_name = self.kept.carriers[locker.service]
        return Option(
            method.code,
            self.is_here,
            place=locker.place.code,
            location=locker.place,
            date=offer.day,
            order_by=offer.order_by,
            price=price,
            currency=currency,
            carrier_code=carrier_code,
            carrier_name=carrier_name,
            service_code=locker.service,
            locations=offer.locations,
            location_names=tuple(self.kept.places[code].name for code in offer.locations),
            supply_on=self.supply_on,
        )

    def pickups(
        self,
        method: Method,
        location_ids: Iterable[int] | None,
        price: Decimal | None,
        currency: str,
        at_most: int | None = None,
    ) -> list[Option]:
        named = None if location_ids is None else set(location_ids)
        found: list[Option] = []
        places = self.kept.by_distance(self.live.latitude, self.live.longitude)
        enough: float | None = None
        for distance, code in places:
            if named is not None and self.kept.ids[code] not in named:
                continue
            if enough is not None and distance > enough:
                break  # what follows is further than all that is shown
            has_all = self._has_all(code)
            if has_all or named is not None:
                found.append(self._pickup(method, code, distance, has_all, price, currency))
                if at_most is not None and sum(each.reason is None for each in found) >= at_most:
                    enough = distance
        if not found:
            return [Option(method.code, False, currency=currency, reason=engine.Reason.OUT_OF_STOCK.value)]
        return sorted(found, key=_by_nearness)

    def _pickup(
        self,
        method: Method,
        code: str,
        distance: float,
        has_all: bool,
        price: Decimal | None,
        currency: str,
    ) -> Option:
        place = self.kept.places[code]
        offer = self.promise.pickup(self._whole, code)
        if not offer.is_available:
            return self._refused(method, offer, code, currency, place, distance)
        return Option(
            method.code,
            method.is_orderable and has_all and price is not None,
            place=code,
            location=place,
            distance_km=None if distance == math.inf else distance,
            date=offer.day,
            ready_at=offer.ready_at,
            order_by=offer.order_by,
            price=price,
            currency=currency,
            locations=offer.locations,
        )

    def sent_to_stores(
        self,
        method: Method,
        location_ids: Iterable[int] | None,
        price: Decimal | None,
        currency: str,
        at_most: int | None,
    ) -> list[Option]:
        """Stores that have not all of it, to which the rest is sent; the nearest, or those that were named.

        What is still under way to us is brought to the door only.
        """
        if self.supply_on is not None:
            return []
        named = None if location_ids is None else set(location_ids)
        found: list[Option] = []
        for distance, code in self.kept.by_distance(self.live.latitude, self.live.longitude):
            if named is not None and self.kept.ids[code] not in named:
                continue
            if named is None and (len(found) == at_most or self._has_all(code)):
                continue
            offer = self.promise.ship_to_store(self.engine_lines, code)
            if offer.is_available:
                found.append(self._sent(method, offer, distance, price, currency))
            elif named is not None:
                place = self.kept.places[code]
                found.append(self._refused(method, offer, code, currency, place, distance))
        return found

    def _sent(
        self, method: Method, offer: engine.Offer, distance: float, price: Decimal | None, currency: str
    ) -> Option:
        return Option(
            method.code,
            method.is_orderable and self.is_here and price is not None,
            place=offer.place,
            location=self.kept.places[offer.place],
            distance_km=None if distance == math.inf else distance,
            date=offer.day,
            ready_at=offer.ready_at,
            order_by=offer.order_by,
            price=price,
            currency=currency,
            locations=offer.locations,
        )

    def _has_all(self, code: str) -> bool:
        return all(
            self.offered[variant_id].get(code, 0) >= units for variant_id, units in self.wanted.items()
        )

    def _refused(
        self,
        method: Method,
        offer: engine.Offer,
        place: str,
        currency: str,
        location: Place | None = None,
        distance: float = math.inf,
    ) -> Option:
        return Option(
            method.code,
            False,
            place=place,
            location=location,
            distance_km=None if distance == math.inf else distance,
            currency=currency,
            reason=offer.reason.value if offer.reason else NOT_HERE_YET,
            reason_sku=(offer.reason_sku or "").split("\0")[0] or None,
        )

    @cached_property
    def _whole(self) -> list[engine.Line]:
        return [engine.Line(self.skus[variant_id], units) for variant_id, units in self.wanted.items()]

    def _divided(
        self,
    ) -> tuple[list[engine.Line], dict[tuple[str, str], engine.Level], list[engine.Dated]]:
        """The engine's lines and stock. Units that no single place can serve are divided over the largest lots beforehand."""
        lines: list[engine.Line] = []
        levels: dict[tuple[str, str], engine.Level] = {}
        for variant_id, units in self.wanted.items():
            sku, places = self.skus[variant_id], self.offered[variant_id]
            for code, free in places.items():
                levels[code, sku] = engine.Level(free)
            if max(places.values(), default=0) >= units or sum(places.values()) < units:
                lines.append(engine.Line(sku, units))
                continue
            left = units
            for code, free in sorted(places.items(), key=lambda place: (-place[1], place[0])):
                taken = min(left, free)
                if taken:
                    part = f"{sku}\0{code}"
                    levels[code, part] = engine.Level(taken)
                    lines.append(engine.Line(part, taken))
                    left -= taken
        supply = [
            engine.Dated(code, self.skus[variant_id], units, date.fromisoformat(day))
            for variant_id, code, units, day in self.supply
        ]
        return lines, levels, supply


def own_units(supply: Iterable[tuple[int, str, int, str, int]]) -> dict[int, int]:
    """By variant, what the asker has claimed of what is under way."""
    found: dict[int, int] = {}
    for variant_id, _, _, _, own in supply:
        if own:
            found[variant_id] = found.get(variant_id, 0) + own
    return found


def _by_nearness(option: Option) -> tuple[bool, float, float, str]:
    """What can be had first, then the nearest, then the soonest."""
    ready = option.ready_at.timestamp() if option.ready_at else math.inf
    return (
        option.reason is not None,
        option.distance_km if option.distance_km is not None else math.inf,
        ready,
        option.place,
    )
