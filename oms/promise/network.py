"""Places, carriers and lanes with their calendars: what changes rarely, shared by many requests.

A `Calendar` holds each place's and each carrier's days of the look-ahead as bits of one integer (bit 0 is
today), so that "the first day on which it is worked, collected and has room" is two machine operations
instead of a walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

HORIZON_DAYS = 60
NOON = time(12)
# What is brought on the day on which it was collected comes in the evening: to a store goods travel overnight.
STORE_LEAD_DAYS_MIN = 1
_CALENDARS_KEPT = 4  # one per local day; requests around midnight see two
_DESTINATIONS_KEPT = 256  # a few hundred lanes each


@dataclass(frozen=True, slots=True)
class Location:
    """A place that ships or hands over. Weekdays count from Monday = 0; times are local."""

    code: str
    ship_weekdays: frozenset[int]
    cutoff: time
    capacity_units: int
    carriers: frozenset[str] = frozenset()
    hours: Mapping[int, tuple[time, time]] = field(default_factory=dict)
    closed: frozenset[date] = frozenset()
    putaway_days: int = 1
    express_minutes: int = 120
    receive_minutes: int = 60
    is_pickup_point: bool = False
    works_on_holidays: bool = False


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier's service: collects and delivers on its weekdays, never on public holidays."""

    code: str
    collect_weekdays: frozenset[int]
    deliver_weekdays: frozenset[int]
    is_locker: bool = False
    weight_grams_max: int | None = None
    day_end: time = NOON  # what it brings to a store is there by then


@dataclass(frozen=True, slots=True)
class Lane:
    """A way from a location to one destination: lead time in the carrier's delivery days."""

    location: str
    carrier: str
    lead_days: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of one look-ahead as bit sets; bit n is n days after `today`."""

    today: date
    days: int
    ships: Mapping[str, int]  # by location: picks and ships
    opens: Mapping[str, int]  # by location: has opening hours
    collects: Mapping[str, int]  # by carrier
    delivers: Mapping[str, int]  # by carrier

    def bits(self, dates: Iterable[date]) -> int:
        """The dates that lie within the look-ahead, as bits."""
        mask = 0
        for each in dates:
            index = (each - self.today).days
            if 0 <= index <= self.days:
                mask |= 1 << index
        return mask

    def day(self, index: int) -> date:
        return self.today + timedelta(days=index)


class Way(NamedTuple):
    """A lane with its carrier's days as bits: when it collects, runs, and when the destination takes parcels."""

    location: str
    carrier: str
    lead_days: int
    collects: int
    runs: int
    takes: int

    def arrival(self, ship: int) -> int | None:
        """The day on which a parcel that leaves on `ship` is taken in."""
        return arrival_on(self.runs, self.takes, self.lead_days, ship)

    def latest_shipping(self, by: int) -> int | None:
        """The last day on which a parcel may leave to be there by day `by`."""
        return latest_shipping_for(self.runs, self.takes, self.lead_days, by)


class Network:
    """Everything of a promise that is not stock. Build it when a place, carrier, lane or holiday changes.

    `lanes` maps a destination (postcode, locker or store code) to the lanes that reach it; any Mapping will
    do, also one that works the lanes out when asked.
    """

    def __init__(
        self,
        *,
        locations: Iterable[Location],
        carriers: Iterable[Carrier],
        lanes: Mapping[str, Sequence[Lane]],
        holidays: Iterable[date],
        tz: str,
        horizon_days: int = HORIZON_DAYS,
    ) -> None:
        self.locations: Mapping[str, Location] = {each.code: each for each in locations}
        self.carriers: Mapping[str, Carrier] = {each.code: each for each in carriers}
        self.lanes = lanes
        self.holidays = frozenset(holidays)
        self.tz = ZoneInfo(tz)
        self.horizon_days = horizon_days
        self._calendars: dict[date, Calendar] = {}
        self._ways: dict[tuple[date, str, bool], tuple[Way, ...]] = {}

    @cached_property
    def pickup_points(self) -> tuple[str, ...]:
        return tuple(code for code, each in self.locations.items() if each.is_pickup_point)

    def local(self, now: datetime) -> datetime:
        assert now.tzinfo is not None, "instants carry a zone"
        return now.astimezone(self.tz)

    def calendar(self, today: date) -> Calendar:
        """The look-ahead from `today`, worked out once a day."""
        found = self._calendars.get(today)
        if found is None:
            found = self._work_out(today)
            for stale in list(self._calendars)[: 1 - _CALENDARS_KEPT]:
                self._calendars.pop(stale, None)
            self._calendars[today] = found
        return found

    def ways(self, calendar: Calendar, destination: str, *, is_locker: bool) -> tuple[Way, ...]:
        """The lanes to a destination that the locations' carriers really serve, with their days."""
        key = (calendar.today, destination, is_locker)
        found = self._ways.get(key)
        if found is None:
            found = tuple(
                Way(
                    lane.location,
                    lane.carrier,
                    lane.lead_days,
                    calendar.collects[lane.carrier],
                    calendar.delivers[lane.carrier],
                    calendar.delivers[lane.carrier],
                )
                for lane in self.lanes.get(destination, ())
                if self.carriers[lane.carrier].is_locker is is_locker
                and lane.carrier in self.locations[lane.location].carriers
            )
            for stale in list(self._ways)[: 1 - _DESTINATIONS_KEPT]:
                self._ways.pop(stale, None)
            self._ways[key] = found
        return found

    def _work_out(self, today: date) -> Calendar:
        days = self.horizon_days
        everyday = (1 << (days + 1)) - 1
        by_weekday = [0] * 7
        for index in range(days + 1):
            by_weekday[(today.weekday() + index) % 7] |= 1 << index
        blank = Calendar(today, days, {}, {}, {}, {})
        workdays = everyday & ~blank.bits(self.holidays)

        def on(weekdays: Iterable[int]) -> int:
            return sum(by_weekday[each] for each in set(weekdays))

        rest = {
            code: (everyday if place.works_on_holidays else workdays) & ~blank.bits(place.closed)
            for code, place in self.locations.items()
        }
        return Calendar(
            today=today,
            days=days,
            ships={code: on(place.ship_weekdays) & rest[code] for code, place in self.locations.items()},
            opens={code: on(place.hours) & rest[code] for code, place in self.locations.items()},
            collects={code: on(each.collect_weekdays) & workdays for code, each in self.carriers.items()},
            delivers={code: on(each.deliver_weekdays) & workdays for code, each in self.carriers.items()},
        )


def first_day(mask: int, start: int = 0) -> int | None:
    """Index of the first set day from `start` on."""
    mask = mask >> start << start
    return (mask & -mask).bit_length() - 1 if mask else None


def last_day(mask: int, end: int) -> int | None:
    """Index of the last set day up to and including `end`."""
    mask &= (2 << end) - 1 if end >= 0 else 0
    return mask.bit_length() - 1 if mask else None


def nth_day_after(mask: int, start: int, count: int) -> int | None:
    """The count-th set day after `start`; for count 0 `start` itself or the next set day."""
    if count <= 0:
        return first_day(mask, start)
    mask = mask >> (start + 1) << (start + 1)
    for _ in range(count - 1):
        mask &= mask - 1
    return (mask & -mask).bit_length() - 1 if mask else None


def nth_day_before(mask: int, end: int, count: int) -> int | None:
    """The count-th last set day up to `end`; what `nth_day_after` must reach at the latest."""
    found = last_day(mask, end)
    for _ in range(count - 1):
        if found is None:
            return None
        found = last_day(mask, found - 1)
    return found


# Most ways share their days: a hundred of them ask the same few questions.
@lru_cache(maxsize=4096)
def arrival_on(runs: int, takes: int, lead_days: int, ship: int) -> int | None:
    there = nth_day_after(runs, ship, lead_days)
    return there if there is None or takes == runs else first_day(takes, there)


@lru_cache(maxsize=4096)
def latest_shipping_for(runs: int, takes: int, lead_days: int, by: int) -> int | None:
    taken = last_day(takes, by)
    if taken is None:
        return None
    if lead_days <= 0:
        return last_day(runs, taken)
    last_leg = nth_day_before(runs, taken, lead_days)
    return None if last_leg is None else last_leg - 1
