"""Decisions about units: which lot serves whom, which claim gives way. No ORM, no clock, no settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Want:
    """Units of something sold for one line. `parts` are (variant, units in one), several for a kit; `location_id` fixes the place."""

    line_id: int
    sold_id: int
    quantity: int
    parts: tuple[tuple[int, int], ...]
    location_id: int | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    """The units of one variant in one sellable bin. `expired` more are held by baskets whose time is over."""

    stock_item_id: int
    variant_id: int
    location_id: int
    is_warehouse: bool
    pick_sequence: int
    free: int
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """So many units of one lot for one line."""

    line_id: int
    sold_id: int
    variant_id: int
    stock_item_id: int
    location_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Short:
    """A line that could not be served whole: `available` more is what it could have had."""

    line_id: int
    sold_id: int
    quantity: int
    available: int


@dataclass(slots=True)
class Choice:
    pieces: list[Piece] = field(default_factory=list)
    short: list[Short] = field(default_factory=list)


def choose_lots(
    *,
    wants: Sequence[Want],
    lots: Iterable[Lot],
    safety: dict[tuple[int, int], int],
    prefer_location_id: int | None = None,
) -> Choice:
    """Lots for all wants together, each unit given once.

    A lot that serves the whole quantity wins: the preferred location, free before expired, warehouses, then the largest. Else
    the quantity is split over the largest. The most constrained wants choose first: a fixed place, then kits.
    """
    shelves = _Shelves(lots, safety)
    choice = Choice()
    for want in sorted(wants, key=lambda each: (each.location_id is None, len(each.parts) == 1)):
        places = _places(shelves, want, prefer_location_id)
        available = sum(units for _, units in places)
        if available < want.quantity:
            choice.short.append(Short(want.line_id, want.sold_id, want.quantity, available))
            continue
        left = want.quantity
        for location_id, units in places:
            if left:
                taken = min(left, units)
                choice.pieces += shelves.take(want, location_id, taken)
                left -= taken
    return choice


def _places(shelves: _Shelves, want: Want, prefer: int | None) -> list[tuple[int, int]]:
    """(location, units it can serve) in the order in which they are used; one place alone when it serves the whole."""
    ids = shelves.locations if want.location_id is None else {want.location_id} & shelves.locations
    served = {place: shelves.can_serve(want, place, with_expired=True) for place in ids}
    whole = [place for place, units in served.items() if units >= want.quantity]
    if whole:

        def best(place: int) -> tuple[bool, bool, bool, int, int]:
            needs_expired = shelves.can_serve(want, place, with_expired=False) < want.quantity
            return (place != prefer, needs_expired, not shelves.is_warehouse[place], -served[place], place)

        return [(found := min(whole, key=best), served[found])]
    by_size = sorted(
        served, key=lambda place: (place != prefer, -served[place], not shelves.is_warehouse[place], place)
    )
    return [(place, served[place]) for place in by_size if served[place]]


class _Shelves:
    """The lots as they empty while wants are served."""

    def __init__(self, lots: Iterable[Lot], safety: dict[tuple[int, int], int]) -> None:
        self.free: dict[int, int] = {}
        self.expired: dict[int, int] = {}
        self.by_place: dict[tuple[int, int], list[Lot]] = defaultdict(list)
        self.is_warehouse: dict[int, bool] = {}
        self.safety = safety
        for lot in lots:
            self.free[lot.stock_item_id], self.expired[lot.stock_item_id] = lot.free, lot.expired
            self.by_place[lot.variant_id, lot.location_id].append(lot)
            self.is_warehouse[lot.location_id] = lot.is_warehouse

    @property
    def locations(self) -> set[int]:
        return set(self.is_warehouse)

    def can_serve(self, want: Want, location_id: int, *, with_expired: bool) -> int:
        return min(
            max(0, self._offered(variant_id, location_id, with_expired)) // per_unit
            for variant_id, per_unit in want.parts
        )

    def take(self, want: Want, location_id: int, units: int) -> list[Piece]:
        pieces = []
        for variant_id, per_unit in want.parts:
            left = units * per_unit
            for lot in self._bins(variant_id, location_id, left):
                taken = min(left, self._left(lot))
                if taken:
                    self._give(lot, taken)
                    pieces.append(
                        Piece(want.line_id, want.sold_id, variant_id, lot.stock_item_id, location_id, taken)
                    )
                    left -= taken
            assert not left, "can_serve counted these units"
        return pieces

    def _bins(self, variant_id: int, location_id: int, units: int) -> list[Lot]:
        """A bin with all the units first, along the picker's way; else the fullest first, so that he stops seldom."""
        bins = self.by_place[variant_id, location_id]

        def order(lot: Lot) -> tuple[bool, int, int, int]:
            is_whole = self.free[lot.stock_item_id] >= units
            return (not is_whole, 0 if is_whole else -self._left(lot), lot.pick_sequence, lot.stock_item_id)

        return sorted(bins, key=order)

    def _offered(self, variant_id: int, location_id: int, with_expired: bool) -> int:
        bins = self.by_place.get((variant_id, location_id), ())
        units = sum(self._left(lot) if with_expired else self.free[lot.stock_item_id] for lot in bins)
        return units - self.safety.get((variant_id, location_id), 0)

    def _left(self, lot: Lot) -> int:
        return self.free[lot.stock_item_id] + self.expired[lot.stock_item_id]

    def _give(self, lot: Lot, units: int) -> None:
        from_free = min(units, self.free[lot.stock_item_id])
        self.free[lot.stock_item_id] -= from_free
        self.expired[lot.stock_item_id] -= units - from_free


def first_units(rows: Sequence[T], units: int, quantity_of: Callable[[T], int]) -> list[tuple[T, int]]:
    """The rows, in order, that make up so many units, each with how many of it."""
    found: list[tuple[T, int]] = []
    for row in rows:
        if units <= 0:
            break
        taken = min(units, quantity_of(row))
        if taken:
            found.append((row, taken))
            units -= taken
    return found


@dataclass(frozen=True, slots=True)
class Spoken:
    """A claim on a purchase order line, of somebody who came earlier than those after it."""

    claim_id: int
    line_id: int
    quantity: int


def share_out(
    claims: Sequence[Spoken], came: dict[int, int], left: dict[int, int]
) -> tuple[list[tuple[Spoken, int]], list[tuple[Spoken, int]]]:
    """Units that came, first come first served; and of the rest what the line will bring no more, the last ones first.

    `came` and `left` (still to come) by purchase order line.
    """
    filled: list[tuple[Spoken, int]] = []
    lost: list[tuple[Spoken, int]] = []
    by_line: dict[int, list[Spoken]] = defaultdict(list)
    for claim in claims:
        by_line[claim.line_id].append(claim)
    for line_id, mine in by_line.items():
        served = first_units(mine, came.get(line_id, 0), lambda claim: claim.quantity)
        taken = {claim.claim_id: units for claim, units in served}
        open_units = {claim.claim_id: claim.quantity - taken.get(claim.claim_id, 0) for claim in mine}
        over = sum(open_units.values()) - left.get(line_id, 0)
        filled += served
        lost += first_units(mine[::-1], over, lambda claim, units=open_units: units[claim.claim_id])  # type: ignore[misc]
    return filled, lost
