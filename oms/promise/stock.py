"""What is live in a promise, read anew for each request: stock, dated supply and demand, used capacity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from retail.kernel.records import record

from .network import Calendar, Location, nth_day_after


@record
class Level:
    """Units of one SKU in one location. `safety` is what is never offered."""

    on_hand: int
    reserved: int = 0
    safety: int = 0


@record
class Dated:
    """Units that come (supply) or are promised (demand) on a day. What is late counts from today."""

    location: str
    sku: str
    quantity: int
    day: date


@dataclass(frozen=True)
class Stock:
    """The live rows of one request, keyed by (location, SKU).

    `load` is the units already to be shipped or handed over, by location and day; `full_lockers` the days on
    which a locker carrier has no room: {(carrier, locker): days}.
    """

    levels: Mapping[tuple[str, str], Level] = field(default_factory=dict)
    supply: Iterable[Dated] = ()
    demand: Iterable[Dated] = ()
    load: Mapping[str, Mapping[date, int]] = field(default_factory=dict)
    full_lockers: Mapping[tuple[str, str], Iterable[date]] = field(default_factory=dict)


class Ledger:
    """Projected balances of one request: how many units can leave on a day without breaking a later commitment."""

    def __init__(self, stock: Stock, calendar: Calendar, locations: Mapping[str, Location]) -> None:
        self._levels = stock.levels
        self._moves: dict[tuple[str, str], dict[int, int]] = {}
        for each in stock.supply:
            usable = self._usable(each, calendar, locations)
            if usable is not None:
                self._move(each, usable, each.quantity)
        for each in stock.demand:
            self._move(each, max(0, (each.day - calendar.today).days), -each.quantity)
        self._days = calendar.days
        self._places: dict[str, list[str]] = {}
        for location, sku in {**self._levels, **self._moves}:
            self._places.setdefault(sku, []).append(location)

    def places(self, sku: str) -> Sequence[str]:
        """Where it is, or comes, or is promised from: most places never had it."""
        return self._places.get(sku, ())

    def steps(self, location: str, sku: str) -> list[tuple[int, int]]:
        """ATP as a staircase: (from this day on, units), days ascending and starting with today.

        ATP never falls with the day, because it is the lowest balance from that day on.
        """
        level = self._levels.get((location, sku))
        balance = level.on_hand - level.reserved - level.safety if level else 0
        moves = self._moves.get((location, sku))
        if not moves:
            return [(0, max(0, balance))]
        balances = []
        for day in sorted({0, *moves}):
            balance += moves.get(day, 0)
            balances.append((day, balance))
        lowest = balance
        found: list[tuple[int, int]] = []
        for day, balance in reversed(balances):
            lowest = min(lowest, balance)
            found.append((day, max(0, lowest)))
        return found[::-1]

    def available(self, location: str, sku: str, day: int) -> int:
        """ATP on a day of the look-ahead."""
        return [units for since, units in self.steps(location, sku) if since <= day][-1]

    def first_day(self, location: str, sku: str, quantity: int) -> int | None:
        """The first day on which so many units can leave."""
        if (location, sku) not in self._moves:
            level = self._levels.get((location, sku))
            has_it = level is not None and level.on_hand - level.reserved - level.safety >= quantity
            return 0 if has_it else None
        for day, units in self.steps(location, sku):
            if units >= quantity:
                return day if day <= self._days else None
        return None

    @staticmethod
    def _usable(supply: Dated, calendar: Calendar, locations: Mapping[str, Location]) -> int | None:
        arrives = max(0, (supply.day - calendar.today).days)
        if arrives > calendar.days or supply.location not in locations:
            return None
        return nth_day_after(
            calendar.ships[supply.location], arrives, locations[supply.location].putaway_days
        )

    def _move(self, each: Dated, day: int, quantity: int) -> None:
        moves = self._moves.setdefault((each.location, each.sku), {})
        moves[day] = moves.get(day, 0) + quantity
