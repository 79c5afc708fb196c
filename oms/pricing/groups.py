"""Which discount of a group each line takes: the choice that leaves the shopper the lowest sum.

A line takes at most one discount of a group. Discounts that work line by line compete on each line. One that works
over several lines claims its lines or leaves them; where such claims meet other discounts, every combination is
tried (`CHOICES_MAX` of them freely, the rest one at a time) and the cheapest one is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from oms.pricing.question import Discount
from oms.pricing.reductions import (
    Amounts,
    Shortfall,
    block_reduction,
    line_reduction,
    shortfall,
)

CHOICES_MAX = 6


@dataclass(slots=True)
class Candidate:
    """A discount of the group with the places of the lines in its scope."""

    discount: Discount
    places: list[int]


@dataclass(slots=True)
class Resolution:
    """Per place the discount that it takes and how much; and the discounts that lack something."""

    taken: dict[int, tuple[Discount, int]] = field(default_factory=dict)
    short: dict[str, Shortfall] = field(default_factory=dict)

    @property
    def reduction(self) -> int:
        return sum(off for _, off in self.taken.values())


def resolve(candidates: Sequence[Candidate], lines: Sequence[Amounts]) -> Resolution:
    """The best resolution of one group; candidates come in their order of priority."""
    short: dict[str, Shortfall] = {}
    able = []
    for candidate in candidates:
        lack = shortfall(candidate.discount, [lines[place] for place in candidate.places])
        if lack is None:
            able.append(candidate)
        else:
            short[candidate.discount.code] = lack
    single = _best_by_line([c for c in able if c.discount.is_line_by_line], lines)
    best: Resolution | None = None
    for claimants in _choices(able):
        tried = _claim(claimants, single, lines)
        if best is None or tried.reduction > best.reduction:
            best = tried
    assert best is not None, "the empty choice is always tried"
    best.short = short
    return best


def _best_by_line(
    candidates: Sequence[Candidate], lines: Sequence[Amounts]
) -> dict[int, tuple[Discount, int]]:
    best: dict[int, tuple[Discount, int]] = {}
    for candidate in candidates:
        for place in candidate.places:
            off = line_reduction(candidate.discount, lines[place])
            if off > 0 and (place not in best or off > best[place][1]):
                best[place] = (candidate.discount, off)
    return best


def _choices(able: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Sets of claiming discounts to try; those that meet no other discount are in each of them."""
    over_lines = [c for c in able if not c.discount.is_line_by_line]
    contested = [c for c in over_lines if _meets_another(c, able)]
    settled = [c for c in over_lines if c not in contested]
    free, rest = contested[:CHOICES_MAX], contested[CHOICES_MAX:]
    for size in range(len(free) + 1):
        for chosen in combinations(free, size):
            yield settled + list(chosen)
    for candidate in rest:
        yield [*settled, candidate]


def _meets_another(candidate: Candidate, able: Sequence[Candidate]) -> bool:
    own = set(candidate.places)
    return any(not own.isdisjoint(other.places) for other in able if other is not candidate)


def _claim(
    claimants: Sequence[Candidate],
    single: dict[int, tuple[Discount, int]],
    lines: Sequence[Amounts],
) -> Resolution:
    resolution = Resolution()
    claimed: set[int] = set()
    for candidate in claimants:
        places = [place for place in candidate.places if place not in claimed]
        block = [lines[place] for place in places]
        if not block or shortfall(candidate.discount, block) is not None:
            continue
        claimed.update(places)
        for place, off in zip(places, block_reduction(candidate.discount, block), strict=True):
            if off:
                resolution.taken[place] = (candidate.discount, off)
    for place, found in single.items():
        if place not in claimed:
            resolution.taken[place] = found
    return resolution
