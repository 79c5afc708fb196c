"""Delivery promises: for some lines and a destination the earliest date of each method. No rows, no clock.

The rules, in the words of the trade: ATP looks ahead so that an earlier commitment is never broken; a
location ships on the first day that it works, is collected, has room and has the units, today only before its
cut-off; lead times are the carrier's delivery days; work in a store is elapsed time while it is open, counted
in UTC.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from .network import (
    NOON,
    Carrier,
    Location,
    Network,
    Way,
    arrival_on,
    first_day,
    last_day,
    latest_shipping_for,
    nth_day_after,
    nth_day_before,
)
from .offers import Days, Line, Method, Offer, Reason, Source
from .stock import Ledger, Stock


class _Leg(NamedTuple):
    """A way with its days; the order of the fields is the order of preference."""

    arrival: int
    location: str
    carrier: str
    ship: int


class Promise:
    """The promises of one instant over one stock. Make one per request; the `Network` is shared between requests."""

    def __init__(self, network: Network, stock: Stock, *, now: datetime) -> None:
        self.network = network
        self.now = network.local(now)
        self._time = self.now.time()
        self._stock = stock
        self._calendar = network.calendar(self.now.date())
        self._ledger = Ledger(stock, self._calendar, network.locations)
        self._shipping: dict[tuple[str, int], dict[str, int]] = {}

    # ---- the methods ----
    def home(
        self,
        lines: Iterable[Line],
        destination: str,
        *,
        is_deadline_wanted: bool = True,
        carrier: str | None = None,
    ) -> Offer:
        """To the door: the basket is promised for the day on which its last line is there.

        Who orders at this moment does not ask until when the promise would stand; `carrier` must bring all of it alone.
        """
        return self._by_parcel(
            Method.HOME_DELIVERY,
            merged(lines),
            destination,
            grams=0,
            is_deadline_wanted=is_deadline_wanted,
            carrier=carrier,
        )

    def home_days(self, lines: Iterable[Line], destination: str, *, within: int) -> Days:
        """The days on which the whole basket can be brought to the door, so many days ahead at most."""
        ways = self.network.ways(self._calendar, destination, is_locker=False)
        wanted, near = merged(lines), (2 << within) - 1
        of_all, by_carrier = near, {each.carrier: near for each in ways}
        for line in wanted:
            ships, reached = self._ships(line), dict.fromkeys(by_carrier, 0)
            for way in ways:
                reached[way.carrier] |= self._arrivals(way, ships[way.location] & way.collects & near)
            of_all &= functools.reduce(operator.or_, reached.values(), 0)
            by_carrier = {code: days & reached[code] for code, days in by_carrier.items()}
        return Days(
            self._dates(of_all), {code: self._dates(days) for code, days in by_carrier.items() if days}
        )

    def _arrivals(self, way: Way, shipping: int) -> int:
        found = 0
        while shipping:
            ship = shipping & -shipping
            arrival = way.arrival(ship.bit_length() - 1)
            found |= 0 if arrival is None else 1 << arrival
            shipping ^= ship
        return found

    def _dates(self, days: int) -> tuple[date, ...]:
        return tuple(self._calendar.day(index) for index in range(days.bit_length()) if days >> index & 1)

    def locker(self, lines: Iterable[Line], locker: str) -> Offer:
        """To a parcel locker: the whole basket has to be within the carrier's weight limit."""
        wanted = merged(lines)
        grams = sum(each.quantity * each.unit_grams for each in wanted)
        return self._by_parcel(Method.PARCEL_LOCKER, wanted, locker, grams=grams)

    def pickup(self, lines: Iterable[Line], store: str) -> Offer:
        """Express pickup from the store's own stock."""
        wanted = merged(lines)
        place = self._pickup_point(store)
        if place is None:
            return Offer(Method.STORE_PICKUP, store, reason=Reason.NOT_A_PICKUP_POINT)
        since = 0
        for line in wanted:
            ready = self._ledger.first_day(store, line.sku, line.quantity)
            if ready is None:
                return Offer(Method.STORE_PICKUP, store, reason=Reason.OUT_OF_STOCK, reason_sku=line.sku)
            since = max(since, ready)
        units = sum(each.quantity for each in wanted)
        opens = self._calendar.opens[store] >> since << since
        handover = self._work(place, self.now, place.express_minutes, opens & self._room(store, units))
        if handover is None:
            closed = self._work(place, self.now, place.express_minutes, opens) is None
            return Offer(
                Method.STORE_PICKUP, store, reason=Reason.NO_SHIP_DAY if closed else Reason.NO_CAPACITY
            )
        return Offer(
            Method.STORE_PICKUP,
            store,
            day=handover.date(),
            ready_at=handover,
            order_by=self._latest_start(place, handover.date(), place.express_minutes),
            sources=tuple(Source(each.sku, each.quantity, store) for each in wanted),
        )

    def ship_to_store(self, lines: Iterable[Line], store: str) -> Offer:
        """What the store has stays there; the rest travels, is received, and then all of it is ready."""
        wanted = merged(lines)
        place = self._pickup_point(store)
        if place is None:
            return Offer(Method.SHIP_TO_STORE, store, reason=Reason.NOT_A_PICKUP_POINT)
        ways = self._ways(store, grams=0, is_locker=False)
        sources: list[Source] = []
        travelling: list[Line] = []
        there = self.now
        for line in wanted:
            if self._ledger.available(store, line.sku, 0) >= line.quantity:
                sources.append(Source(line.sku, line.quantity, store))
                continue
            leg = self._earliest(line, ways)
            if leg is None:
                return self._refused(Method.SHIP_TO_STORE, store, line, grams=0)
            travelling.append(line)
            sources.append(self._source(line, leg))
            there = max(there, self._instant(leg.arrival, self.network.carriers[leg.carrier]))
        ready_at = self._work(place, there, place.receive_minutes, self._calendar.opens[store])
        if ready_at is None:
            return Offer(Method.SHIP_TO_STORE, store, reason=Reason.NO_SHIP_DAY)
        begin = self._elapsed(ready_at, -place.receive_minutes)
        deadlines = [self._latest_order(line, ways, begin) for line in travelling]
        # Work that could begin at once is ready later with every minute: then the day is what is kept.
        is_kept_by_day = not travelling or begin == self.now
        deadlines.append(
            self._latest_start(place, ready_at.date(), place.receive_minutes) if is_kept_by_day else begin
        )
        return Offer(
            Method.SHIP_TO_STORE,
            store,
            day=ready_at.date(),
            ready_at=ready_at,
            order_by=min(deadlines),
            sources=tuple(sources),
        )

    def can_be_sent(self, lines: Iterable[Line]) -> bool:
        """Whether each line is somewhere within the look-ahead: else no store need be asked."""
        return all(
            any(
                self._ledger.first_day(place, line.sku, line.quantity) is not None
                for place in self._ledger.places(line.sku)
            )
            for line in merged(lines)
        )

    def all(
        self,
        lines: Iterable[Line],
        *,
        destination: str | None = None,
        stores: Iterable[str] = (),
        lockers: Iterable[str] = (),
    ) -> list[Offer]:
        """Every method that was asked for: home, then pickup and ship to store by store, then lockers."""
        wanted = merged(lines)
        offers = [] if destination is None else [self.home(wanted, destination)]
        for store in stores:
            offers += [self.pickup(wanted, store), self.ship_to_store(wanted, store)]
        return offers + [self.locker(wanted, each) for each in lockers]

    def available(self, *, location: str, sku: str, day: date) -> int:
        """ATP: the units that can leave on a day of the look-ahead without breaking a later commitment."""
        index = (day - self._calendar.today).days
        assert 0 <= index <= self._calendar.days, "outside the look-ahead"
        return self._ledger.available(location, sku, index)

    def leaving_by(self, destination: str, by: date, units: int = 1) -> dict[str, date]:
        """By location the last day on which so many units may be free to leave and still be at the door on `by`; where none is, no entry."""
        found: dict[str, int] = {}
        for way in self._ways(destination, grams=0, is_locker=False):
            latest = way.latest_shipping((by - self._calendar.today).days)
            days = self._workdays(way.location) & self._room(way.location, units) & way.collects
            ship = None if latest is None else last_day(days, latest)
            if ship is not None:
                found[way.location] = max(ship, found.get(way.location, 0))
        return {code: self._calendar.day(ship) for code, ship in found.items()}

    def expected_by(self, location: str, leaving: date) -> date | None:
        """The last day on which supply may be expected there to leave on that day, put away in between."""
        end, place = (leaving - self._calendar.today).days, self.network.locations[location]
        days = self._calendar.ships[location]
        if place.putaway_days <= 0:
            latest = last_day(days, end)
        else:
            last = nth_day_before(days, end, place.putaway_days)
            latest = None if last is None or last == 0 else last - 1
        return None if latest is None else self._calendar.day(latest)

    # ---- by parcel ----
    def _by_parcel(
        self,
        method: Method,
        wanted: Sequence[Line],
        place: str,
        *,
        grams: int,
        is_deadline_wanted: bool = True,
        carrier: str | None = None,
    ) -> Offer:
        ways = self._ways(place, grams=grams, is_locker=method is Method.PARCEL_LOCKER)
        if carrier is not None:
            ways = [each for each in ways if each.carrier == carrier]
        legs: list[_Leg] = []
        for line in wanted:
            leg = self._earliest(line, ways)
            if leg is None:
                return self._refused(method, place, line, grams=grams)
            legs.append(leg)
        arrival = max(each.arrival for each in legs)
        end_of_day = datetime.combine(self._calendar.day(arrival), datetime.max.time(), self.network.tz)
        return Offer(
            method,
            place,
            day=self._calendar.day(arrival),
            order_by=min(self._latest_order(each, ways, end_of_day) for each in wanted)
            if is_deadline_wanted
            else None,
            sources=tuple(self._source(line, leg) for line, leg in zip(wanted, legs, strict=True)),
        )

    def _ways(self, destination: str, *, grams: int, is_locker: bool) -> Sequence[Way]:
        ways = self.network.ways(self._calendar, destination, is_locker=is_locker)
        if not is_locker:
            return ways
        full = {
            code: self._calendar.bits(self._stock.full_lockers.get((code, destination), ()))
            for code, each in self.network.carriers.items()
            if each.is_locker and (each.weight_grams_max is None or grams <= each.weight_grams_max)
        }
        return [
            each._replace(takes=each.takes & ~full[each.carrier]) for each in ways if each.carrier in full
        ]

    def _earliest(self, line: Line, ways: Sequence[Way]) -> _Leg | None:
        """The earliest arrival of a line; ties by location, then carrier."""
        best: _Leg | None = None
        ships, soonest = self._ships(line), self._calendar.days
        # A destination has a way for each place and carrier: what is asked of each is kept short.
        for location, carrier, lead_days, collects, runs, takes in ways:
            shipping = ships[location] & collects
            if not shipping:
                continue
            ship = (shipping & -shipping).bit_length() - 1
            if ship + lead_days > soonest:
                continue  # no carrier is faster than its days
            arrival = arrival_on(runs, takes, lead_days, ship)
            if arrival is None or arrival > soonest:
                continue
            leg = _Leg(arrival, location, carrier, ship)
            if best is None or leg < best:
                best, soonest = leg, arrival
        return best

    def _ships(self, line: Line) -> dict[str, int]:
        """By location the days on which it could hand over these units to a carrier that collects."""
        key = (line.sku, line.quantity)
        ships = self._shipping.get(key)
        if ships is None:
            ships = self._shipping[key] = dict.fromkeys(self.network.locations, 0)
            for location in self._ledger.places(line.sku):
                since = self._ledger.first_day(location, line.sku, line.quantity)
                if since is not None and location in ships:
                    days = self._workdays(location) & self._room(location, line.quantity)
                    ships[location] = days >> since << since
        return ships

    def _workdays(self, location: str) -> int:
        """The days on which it still can ship: at the cut-off is too late for today."""
        days = self._calendar.ships[location]
        return days & ~1 if self._time >= self.network.locations[location].cutoff else days

    def _room(self, location: str, units: int) -> int:
        """The days on which the location can take so many units more."""
        capacity = self.network.locations[location].capacity_units
        if units > capacity:
            return 0
        load = self._stock.load.get(location)
        if not load:
            return -1
        return ~self._calendar.bits(day for day, used in load.items() if used + units > capacity)

    def _latest_order(self, line: Line, ways: Iterable[Way], by: datetime) -> datetime:
        """The last cut-off, of any way, after which this line could not be there at `by` any more."""
        ships, locations, carriers = self._ships(line), self.network.locations, self.network.carriers
        day, hour = (by.date() - self._calendar.today).days, by.time()
        best = (-1, NOON)
        # Most ways of a carrier share their days.
        latest_of: dict[tuple[str, int], int | None] = {}
        for location, carrier, lead_days, collects, runs, takes in ways:
            shipping = ships[location] & collects
            if not shipping:
                continue
            kind = (carrier, lead_days)
            if kind not in latest_of:
                due = day if carriers[carrier].day_end <= hour else day - 1
                latest_of[kind] = latest_shipping_for(runs, takes, lead_days, due)
            latest = latest_of[kind]
            ship = None if latest is None or latest < best[0] else last_day(shipping, latest)
            if ship is not None and ship >= best[0]:
                best = max(best, (ship, locations[location].cutoff))
        return datetime.combine(self._calendar.day(best[0]), best[1], self.network.tz)

    def _source(self, line: Line, leg: _Leg) -> Source:
        return Source(
            line.sku,
            line.quantity,
            leg.location,
            leg.carrier,
            self._calendar.day(leg.ship),
            self._calendar.day(leg.arrival),
        )

    def _instant(self, arrival: int, carrier: Carrier) -> datetime:
        return datetime.combine(self._calendar.day(arrival), carrier.day_end, self.network.tz)

    # ---- in a store ----
    def _pickup_point(self, store: str) -> Location | None:
        place = self.network.locations.get(store)
        return place if place is not None and place.is_pickup_point else None

    def _work(self, place: Location, start: datetime, minutes: int, days: int) -> datetime | None:
        """When work begun at `start` or at the next opening is done; it may not run over closing time.

        Opening hours are compared by the wall clock, elapsed time is counted in UTC: on the night of a clock
        change a store that opens at 1:00 and works two hours is done at 4:00.
        """
        today = self._calendar.today
        since = (start.date() - today).days
        days = days >> since << since
        while days:
            index = (days & -days).bit_length() - 1
            day = self._calendar.day(index)
            opens, closes = place.hours[day.weekday()]
            begin = max(datetime.combine(day, opens, self.network.tz), start)
            done = self._elapsed(begin, minutes)
            if done <= datetime.combine(day, closes, self.network.tz):
                return done
            days &= days - 1
        return None

    def _latest_start(self, place: Location, day: date, minutes: int) -> datetime:
        closes = place.hours[day.weekday()][1]
        return self._elapsed(datetime.combine(day, closes, self.network.tz), -minutes)

    def _elapsed(self, start: datetime, minutes: int) -> datetime:
        return (start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(self.network.tz)

    # ---- why not ----
    def _refused(self, method: Method, place: str, line: Line, *, grams: int) -> Offer:
        is_locker = method is Method.PARCEL_LOCKER
        reason = self._why_not(place, line, grams=grams, is_locker=is_locker)
        return Offer(method, place, reason=reason, reason_sku=line.sku)

    def _why_not(self, place: str, line: Line, *, grams: int, is_locker: bool) -> Reason:
        ways = self._ways(place, grams=grams, is_locker=is_locker)
        if not ways:
            lighter = self._ways(place, grams=0, is_locker=is_locker)
            return Reason.TOO_HEAVY if lighter else Reason.NO_LANE
        ready = [
            (way, since)
            for way in ways
            if (since := self._ledger.first_day(way.location, line.sku, line.quantity)) is not None
        ]
        if not ready:
            return Reason.OUT_OF_STOCK
        if not any(self._workdays(way.location) >> since << since & way.collects for way, since in ready):
            return Reason.NO_SHIP_DAY
        ships = [
            (way, ship)
            for way, _ in ready
            if (ship := first_day(self._ships(line)[way.location] & way.collects)) is not None
        ]
        if not ships:
            return Reason.NO_CAPACITY
        if any(nth_day_after(way.runs, ship, way.lead_days) is not None for way, ship in ships):
            return Reason.LOCKER_FULL
        return Reason.BEYOND_HORIZON


def merged(lines: Iterable[Line]) -> list[Line]:
    """Lines with each SKU once: two lines of one SKU want its units together."""
    found: dict[str, Line] = {}
    for line in lines:
        assert line.quantity > 0, "the form already refuses zero"
        earlier = found.get(line.sku)
        found[line.sku] = (
            line
            if earlier is None
            else Line(line.sku, earlier.quantity + line.quantity, max(earlier.unit_grams, line.unit_grams))
        )
    assert found, "there is nothing to promise"
    return list(found.values())
