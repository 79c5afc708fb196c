"""The arithmetic of points: lots that are used up oldest first. No ORM, no clock, no settings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal

from retail.kernel.money import ZERO, rounded


@dataclass(frozen=True, slots=True)
class Lot:
    """Points that came together: what the books owe for them, whose books, and their last day."""

    points: int
    value: Decimal
    entity_id: int | None
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Slice:
    """Points of one company's lots, and their value."""

    entity_id: int | None
    points: int
    value: Decimal


def points_for(amount: Decimal, rate: Decimal) -> int:
    """Whole points for money; what is left of a point is nothing."""
    return int((amount * rate).to_integral_value(ROUND_DOWN)) if amount > 0 else 0


def slices(lots: Sequence[Lot], start: int, end: int) -> list[Slice]:
    """What lies between the `start`-th and the `end`-th point of the lots in their order, by company.

    The values of neighbouring ranges add up to the value of both, and all ranges to the value of all lots, to the para.
    """
    taken: dict[int | None, tuple[int, Decimal]] = {}
    first = 0
    for lot in lots:
        low, high = max(start, first) - first, min(end, first + lot.points) - first
        first += lot.points
        if low < high:
            points, value = taken.get(lot.entity_id, (0, ZERO))
            taken[lot.entity_id] = (points + high - low, value + _share(lot, high) - _share(lot, low))
    return [Slice(entity_id, points, value) for entity_id, (points, value) in taken.items()]


def _share(lot: Lot, points: int) -> Decimal:
    return rounded(lot.value * points / lot.points)


def expired_points(lots: Sequence[Lot], *, used: int, today: date) -> int:
    """Points past their last day that nobody has used. Those of a lot go with it only when all before it are gone too."""
    passed = 0
    for lot in lots:
        if lot.expires_on is None or lot.expires_on >= today:
            break
        passed += lot.points
    return max(passed - used, 0)


def next_to_expire(lots: Sequence[Lot], *, used: int) -> tuple[int, date] | None:
    """How many points go next, and on which day they are still good."""
    for lot in lots:
        left = lot.points - used
        used = max(used - lot.points, 0)
        if left > 0:
            return (left, lot.expires_on) if lot.expires_on else None
    return None


def burnable(*, balance: int, goods: Decimal, point_value: Decimal, least: int, percent_max: Decimal) -> int:
    """How many points may pay for these goods: 0, or at least `least`."""
    most = int((goods * percent_max / 100 / point_value).to_integral_value(ROUND_DOWN))
    points = min(balance, most)
    return points if points >= max(least, 1) else 0


def kept_share(lines: Iterable[tuple[Decimal, int, int]]) -> Decimal:
    """Of what was ordered, the part that still stands: (total, ordered units, units that stand) of each line."""
    whole = kept = ZERO
    for total, quantity, standing in lines:
        whole += total
        kept += total * standing / quantity
    return kept / whole if whole else Decimal(0)


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last of the month when there is none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
