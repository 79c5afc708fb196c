"""Each way to get the goods: one question to the engine, and its answer with place, date and price, or why not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from oms import promise as engine
from oms.rules import RateRow
from warehouse.selectors.delivery_days import DAYS_AHEAD, DayChoice, WantedDay, choices_of, chosen
from warehouse.selectors.network import Locker, Method, Place, PromiseNetwork, Slot
from warehouse.selectors.promise_rows import Live, load_by_day, own_units

UNKNOWN_POSTCODE = "UNKNOWN_POSTCODE"
NOT_OFFERED = "NOT_OFFERED"
TOO_HEAVY = "TOO_HEAVY"
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


class Asked:
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
        if named is None and not self.promise.can_be_sent(self.engine_lines):
            return found
        for distance, code in self.kept.by_distance(self.live.latitude, self.live.longitude):
            if named is not None and self.kept.ids[code] not in named:
                continue
            if named is None and len(found) == at_most:
                break
            if named is None and self._has_all(code):
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


def _by_nearness(option: Option) -> tuple[bool, float, float, str]:
    """What can be had first, then the nearest, then the soonest."""
    ready = option.ready_at.timestamp() if option.ready_at else math.inf
    return (
        option.reason is not None,
        option.distance_km if option.distance_km is not None else math.inf,
        ready,
        option.place,
    )
