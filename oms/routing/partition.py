"""The cheapest way to divide lines into parcels, each from a location of its own.

Subset recursion: the best cover of a set is its best single parcel, or the best parcel that holds its lowest
line plus the best cover of the rest. The recursion does not see that two parcels of one cover stand in the
same location, which the cost of a parcel forbids (the lines of an order from one location are one parcel). So
its value is a lower bound, and a best cover without a repeated location is the optimum. Where a location does
repeat, it is taken out of the recursion and added as a layer that may be used once, until nothing repeats:
exact, and rarely more than one round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .amounts import IMPOSSIBLE, Ints
from .subsets import draws, rows, splits


class Part(NamedTuple):
    """A parcel of a cover: its lines as a subset, the row of its place, whether it was taken because it is late."""

    subset: int
    place: int
    is_late: bool


class Cover(NamedTuple):
    cost: int
    subset: int
    parts: list[Part]


class _Layer(NamedTuple):
    """Best covers after one more place, that may be used once."""

    place: int
    plain: Ints
    late: Ints | None


def best_cover(
    cost: Ints, *, late: Ints | None = None, choose: Callable[[Ints], int] | None = None
) -> Cover | None:
    """The cheapest cover of the subset that `choose` picks from the cost of all covers (default: of
    everything).

    cost[p, s]: a parcel with the lines of subset s from place p. With `late` (the same for late parcels only)
    the cover has at least one late parcel. None when there is no such cover.
    """
    places, subsets = cost.shape
    everything = subsets - 1
    once: list[int] = []
    while places > len(once):
        search = _Search(cost, late, once)
        values = search.values
        subset = everything if choose is None else choose(values)
        if values[subset] >= IMPOSSIBLE:
            return None
        parts = search.trace(subset)
        used = [each.place for each in parts]
        repeated = {each for each in used if used.count(each) > 1}
        if not repeated:
            return Cover(int(values[subset]), subset, parts)
        once = sorted({*once, *repeated})
    return _once_each(cost, late, choose, once)


def _once_each(
    cost: Ints, late: Ints | None, choose: Callable[[Ints], int] | None, once: list[int]
) -> Cover | None:
    search = _Search(cost, late, once)
    subset = cost.shape[1] - 1 if choose is None else choose(search.values)
    if search.values[subset] >= IMPOSSIBLE:
        return None
    return Cover(int(search.values[subset]), subset, search.trace(subset))


class _Search:
    """Values of the best covers of all subsets when the places `once` are used once at most."""

    def __init__(self, cost: Ints, late: Ints | None, once: list[int]) -> None:
        self.cost, self.late = cost, late
        self.count = cost.shape[1].bit_length() - 1
        self.often = np.setdiff1d(np.arange(cost.shape[0]), once) if once else np.arange(cost.shape[0])
        self.one = self._least(cost)
        self.plain = self._recursion()
        self.one_late = None if late is None else self._least(late)
        self.with_late = None if self.one_late is None else self._late_recursion(self.one_late)
        self.layers: list[_Layer] = []
        for place in once:
            self._add(place)

    @property
    def values(self) -> Ints:
        plain, late = self._top(len(self.layers))
        return plain if late is None else late

    def trace(self, subset: int) -> list[Part]:
        """The parcels of the best cover of a subset, by lowest line."""
        parts: list[Part] = []
        wants_late = self.late is not None
        for depth in range(len(self.layers), 0, -1):
            part, is_late = self._used_once(depth, subset, wants_late)
            if part:
                parts.append(Part(part, self.layers[depth - 1].place, is_late))
                subset ^= part
                wants_late = wants_late and not is_late
        while subset:
            part, is_late = self._first_part(subset, wants_late)
            table = self.late if is_late and self.late is not None else self.cost
            place = int(self.often[int(table[self.often, part].argmin())])
            parts.append(Part(part, place, is_late))
            subset ^= part
            wants_late = wants_late and not is_late
        return sorted(parts, key=lambda each: each.subset & -each.subset)

    def _least(self, table: Ints) -> Ints:
        if len(self.often) == 0:
            return np.full(table.shape[1], IMPOSSIBLE, np.int64)
        if len(self.often) == table.shape[0]:
            return np.asarray(table.min(axis=0))
        return np.asarray(table[self.often].min(axis=0))

    def _recursion(self) -> Ints:
        best = self.one.copy()
        best[0] = 0
        for subsets, parts, rests in splits(self.count):
            best[subsets] = np.minimum(best[subsets], (self.one[parts] + best[rests]).min(axis=1))
        return best

    def _late_recursion(self, one_late: Ints) -> Ints:
        best = one_late.copy()
        best[0] = IMPOSSIBLE
        for subsets, parts, rests in splits(self.count):
            divided = np.minimum(one_late[parts] + self.plain[rests], self.one[parts] + best[rests])
            best[subsets] = np.minimum(best[subsets], divided.min(axis=1))
        return best

    def _add(self, place: int) -> None:
        plain, late = self._top(len(self.layers))
        here = self.cost[place]
        here_late = None if self.late is None else self.late[place]
        new_plain = plain.copy()
        new_late = None if late is None else late.copy()
        for subsets, parts, rests in draws(self.count):
            used = (here[parts] + plain[rests]).min(axis=1)
            new_plain[subsets] = np.minimum(plain[subsets], used)
            if late is not None and new_late is not None and here_late is not None:
                used = np.minimum(here[parts] + late[rests], here_late[parts] + plain[rests]).min(axis=1)
                new_late[subsets] = np.minimum(late[subsets], used)
        self.layers.append(_Layer(place, new_plain, new_late))

    def _top(self, depth: int) -> tuple[Ints, Ints | None]:
        if depth == 0:
            return self.plain, self.with_late
        layer = self.layers[depth - 1]
        return layer.plain, layer.late

    def _used_once(self, depth: int, subset: int, wants_late: bool) -> tuple[int, bool]:
        """The part that the place of a layer takes out of a subset (0: none), and whether as the late one."""
        below, below_late = self._top(depth - 1)
        plain, late = self._top(depth)
        if subset == 0:
            return 0, False
        division = draws(self.count)[subset.bit_count() - 1]
        row = rows(self.count)[subset]
        parts, rests = division.parts[row], division.rests[row]
        here = self.cost[self.layers[depth - 1].place]
        if not wants_late or late is None or below_late is None or self.late is None:
            if plain[subset] == below[subset]:
                return 0, False
            return int(parts[int((here[parts] + below[rests]).argmin())]), False
        if late[subset] == below_late[subset]:
            return 0, False
        here_late = self.late[self.layers[depth - 1].place]
        return _either(late[subset], parts, here_late[parts] + below[rests], here[parts] + below_late[rests])

    def _first_part(self, subset: int, wants_late: bool) -> tuple[int, bool]:
        """The parcel with the lowest line of a subset in its best cover, and whether as the late one."""
        size = subset.bit_count()
        late, one_late = self.with_late, self.one_late
        if wants_late and late is not None and one_late is not None:
            if late[subset] == one_late[subset]:
                return subset, True
            parts, rests = self._division(subset, size)
            by_late, by_rest = one_late[parts] + self.plain[rests], self.one[parts] + late[rests]
            return _either(late[subset], parts, by_late, by_rest)
        if self.plain[subset] == self.one[subset]:
            return subset, False
        parts, rests = self._division(subset, size)
        return int(parts[int((self.one[parts] + self.plain[rests]).argmin())]), False

    def _division(self, subset: int, size: int) -> tuple[Ints, Ints]:
        division = splits(self.count)[size - 2]
        row = rows(self.count)[subset]
        return division.parts[row], division.rests[row]


def _either(value: int, parts: Ints, as_late: Ints, as_plain: Ints) -> tuple[int, bool]:
    """The first part that reaches the value, preferably as the late parcel."""
    best = int(as_late.argmin())
    if as_late[best] == value:
        return int(parts[best]), True
    return int(parts[int(as_plain.argmin())]), False
