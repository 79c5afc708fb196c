"""Orders with more lines than the exact recursion takes: bundle what has the same places, else cover
greedily.

Either way some lines at a time are then taken out and put back where they cost least, as long as that saves.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .amounts import IMPOSSIBLE, Flags, Ints, micro
from .arrays import OPEN, Kind, Plan
from .choose import best_plan
from .order import PICKED_STAYS, Order, service_cost, tabulate
from .plans import Wish, plan_of

EXACT_LINES = 10
EXACT_ITEMS = 10  # lines and whole parcels in one exact step of the search
FREE_LINES = 7
_ROUNDS = 8
_STRICT = 100_000.0  # dinars for a day late or a line left open, when the promise comes first


def bundled(order: Order) -> list[list[int]]:
    """Lines that could come from the same places, together."""
    had = order.line_stock()
    places: dict[bytes, list[int]] = {}
    for line in range(len(order)):
        places.setdefault(had[line].tobytes(), []).append(line)
    return list(places.values())


def good_plan(order: Order) -> Plan:
    """A good plan of a long order; `lower_bound` says how good it can be."""
    if order.weights.keep_promise:
        strict = replace(order.weights, late_day=_STRICT, short=_STRICT, keep_promise=False)
        location = good_plan(replace(order, weights=strict)).location
        plan = plan_of(order, _Reinsertion(replace(order, weights=strict)).wishes(location))
        if plan.kind in (Kind.ONE_PARCEL, Kind.SPLIT):
            return plan
    bundles = bundled(order)
    search = _Reinsertion(order)
    starts = [search.greedy()]
    if len(bundles) <= EXACT_LINES:
        starts.append(best_plan(order, tabulate(order, bundles), bundles).location)
    improved = [search.improve(each) for each in starts]
    best = min(improved, key=search.cost)
    return plan_of(order, search.wishes(best))


def lower_bound(order: Order) -> int:
    """No plan of this order costs less: every line at its cheapest place alone, and one cheapest parcel."""
    short = int(micro(order.weights.short))
    nothing = short * len(order)
    places = np.flatnonzero(order.reachable())
    if not len(places):
        return nothing
    one = np.ones(len(order), np.int64)
    lines = order.scarcity(order.sku, np.minimum(order.qty, one), places)
    lines += micro(order.network.pick_line[places])
    lines[~order.line_stock()[:, places]] = IMPOSSIBLE
    least = np.minimum(short, lines.min(axis=1))
    parcels = [_least_parcel(order, int(place)) for place in places]
    return min(nothing, int(least.sum()) + min(parcels, default=nothing))


def _least_parcel(order: Order, place: int) -> int:
    """The cheapest that any parcel from a place can be, whatever its weight and value."""
    lightest = int(order.grams.min()) + order.weights.packaging_grams
    heaviest = int(order.grams.sum()) + order.weights.packaging_grams
    costs = [IMPOSSIBLE]
    for service, (upper, _) in enumerate(order.network.bands):
        steps = {lightest, *(int(each) for each in upper if lightest <= each <= heaviest), heaviest}
        for grams in steps:
            found = service_cost(order, place, service, grams, 0)
            if found is not None:
                costs.append(int(micro(order.network.pick_parcel[place])) + sum(found))
    return min(costs)


class _Reinsertion:
    """Search over the location of each line. Plans are arrays of locations, OPEN for a line left open."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.had = order.line_stock() & order.reachable()
        self.places = np.flatnonzero(self.had.any(axis=0))
        self.short = int(micro(order.weights.short))
        self.open = np.where(order.fixed == OPEN, self.short, PICKED_STAYS)
        self._known: dict[tuple[tuple[int, ...], int], int] = {}

    def cost(self, location: Ints) -> int:
        """What a plan costs, shadow prices included."""
        used = [int(each) for each in np.unique(location[location != OPEN])]
        parcels = sum(self.parcel(_lines(location, each), each) for each in used)
        split = int(micro(self.order.weights.split)) if used else 0
        return parcels - split + int(self.open[location == OPEN].sum())

    def parcel(self, lines: tuple[int, ...], place: int) -> int:
        """A parcel of these lines from a place, split penalty included, with its best service."""
        if not lines:
            return 0
        known = self._known.get((lines, place))
        if known is None:
            known = self._known[lines, place] = self._parcel(list(lines), place)
        return known

    def greedy(self) -> Ints:
        """Again and again the place that serves what is left at the least cost per line."""
        location = np.full(len(self.order), OPEN, np.int64)
        left = set(range(len(self.order)))
        while left:
            best: tuple[float, int, tuple[int, ...]] | None = None
            for place in self.places.tolist():
                lines = self._coverable(left, place)
                if not lines:
                    continue
                share = self.parcel(lines, place) / len(lines)
                if best is None or share < best[0]:
                    best = (share, place, lines)
            if best is None or best[0] >= self.short:
                break
            location[list(best[2])] = best[1]
            left -= set(best[2])
            self.places = self.places[self.places != best[1]]
        self.places = np.flatnonzero(self.had.any(axis=0))
        return location

    def improve(self, location: Ints) -> Ints:
        """Takes some lines out and puts them back exactly, window after window, as long as something is saved."""
        best, least = location, self.cost(location)
        for turn in range(_ROUNDS):
            before = least
            for window in _windows(best, turn):
                tried = self._put_back(best, window)
                cost = self.cost(tried)
                if cost < least:
                    best, least = tried, cost
            if least == before and turn > 2:
                break
        return best

    def wishes(self, location: Ints) -> list[Wish]:
        used = [int(each) for each in np.unique(location[location != OPEN])]
        return [Wish(_lines(location, each), each) for each in used]

    def _put_back(self, location: Ints, window: list[int]) -> Ints:
        """The plan with these lines at their exact best, each by itself, while other parcels move as a whole.

        What does not fit into the exact recursion stays as it is, and keeps its locations to itself.
        """
        groups = [
            [line for line in _lines(location, place) if line not in window]
            for place in np.unique(location[location != OPEN]).tolist()
        ]
        groups = sorted((each for each in groups if each), key=len)
        moving = groups[: EXACT_ITEMS - len(window)]
        allowed = self.order.allowed.copy()
        for group in groups[EXACT_ITEMS - len(window) :]:
            allowed[location[group[0]]] = False
        lines = sorted({*window, *(line for group in moving for line in group)})
        part = _part_of(self.order, lines, allowed)
        number = {line: index for index, line in enumerate(lines)}
        bundles = [[number[line] for line in bundle] for bundle in [[each] for each in window] + moving]
        tried = location.copy()
        tried[lines] = best_plan(part, tabulate(part, bundles), bundles).location
        return tried

    def _coverable(self, left: set[int], place: int) -> tuple[int, ...]:
        """As many of the lines that are left as this place can ship at once, in their order."""
        lines: list[int] = []
        for line in sorted(left):
            if self.had[line, place] and self.parcel((*lines, line), place) < IMPOSSIBLE:
                lines.append(line)
        return tuple(lines)

    def _parcel(self, lines: list[int], place: int) -> int:
        order = self.order
        here = np.array([place])
        is_picked = order.fixed[lines] != OPEN
        lines_after = int(order.state.load[place]) + len(lines)
        if (lines_after > order.network.hard[place] and not is_picked.all()) or not self.had[
            lines, place
        ].all():
            return IMPOSSIBLE
        sku, inverse = np.unique(order.sku[lines], return_inverse=True)
        units = np.bincount(inverse, weights=order.qty[lines]).astype(np.int64)
        free = np.bincount(inverse, weights=~is_picked) > 0
        lacks = order.state.taken[sku, place] + units > order.state.stock[sku, place]
        if (lacks & free).any():
            return IMPOSSIBLE
        scarcity = order.scarcity(sku, units, here)
        total = int((scarcity + order.priced(sku, units, here, scarcity)).sum())
        if order.is_priced:
            total += int(order.hands(here)[0]) * len(lines)
        total += int(micro(order.network.pick_parcel[place])) + int(micro(order.weights.split))
        total += int(micro(order.network.pick_line[place])) * len(lines)
        total += int(order.overflow(len(lines), here)[0])
        grams = int(order.grams[lines].sum()) + order.weights.packaging_grams
        value = int(order.value[lines].sum())
        services = [
            sum(found)
            for service in range(len(order.network.bands))
            if (found := service_cost(order, place, service, grams, value)) is not None
        ]
        return min(IMPOSSIBLE, total + min(services, default=IMPOSSIBLE))


def _windows(location: Ints, turn: int) -> list[list[int]]:
    """The lines in groups of a few: parcel by parcel at first, then spread over all of them.

    Every other turn takes so few that all the other parcels can move, too.
    """
    parcels = len(np.unique(location[location != OPEN]))
    free = FREE_LINES if turn % 2 == 0 else max(FREE_LINES // 2, min(FREE_LINES, EXACT_ITEMS - parcels))
    by_parcel = np.lexsort((np.arange(len(location)), location))
    count = max(1, -(-len(location) // free))
    if turn < 2:
        return [each.tolist() for each in np.array_split(by_parcel, count)]
    shifted = np.roll(by_parcel, turn)
    return [shifted[begin::count].tolist() for begin in range(count)]


def _part_of(order: Order, lines: list[int], allowed: Flags) -> Order:
    return replace(
        order,
        sku=order.sku[lines],
        qty=order.qty[lines],
        grams=order.grams[lines],
        value=order.value[lines],
        fixed=order.fixed[lines],
        allowed=allowed,
    )


def _lines(location: Ints, place: int) -> tuple[int, ...]:
    return tuple(np.flatnonzero(location == place).tolist())
