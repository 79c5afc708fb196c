"""Which discount of a group each line takes: the choice that leaves the shopper the lowest sum.

A line takes at most one discount of a group. Discounts that work line by line compete on each line. One that works
over several lines claims its lines or leaves them. Claims that share no line do not touch each other, so each
bundle of claims that do is settled by itself: every combination is tried (`CHOICES_MAX` of them freely, the rest
one at a time) and the cheapest one is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from oms.pricing.question import Discount
from oms.pricing.reductions import (
    Ground,
    Shortfall,
    block_reduction,
    line_reduction,
    shortfall,
)

CHOICES_MAX = 6
# Per place the discount that a line takes, and how much that takes off.
Taken = dict[int, tuple[Discount, int]]


@dataclass(slots=True)
class Candidate:
    """A discount with the places of the lines in its scope."""

    discount: Discount
    places: list[int]


@dataclass(slots=True)
class Resolution:
    """What each line takes, and the discounts that lack something."""

    taken: Taken = field(default_factory=dict)
    short: dict[str, Shortfall] = field(default_factory=dict)


def resolve(candidates: Sequence[Candidate], ground: Ground) -> Resolution:
    """The best resolution of one group; candidates come in their order of priority."""
    short: dict[str, Shortfall] = {}
    by_line, over_lines = [], []
    for candidate in candidates:
        discount = candidate.discount
        lack = shortfall(discount, ground, candidate.places) if discount.has_minimum else None
        if lack is not None:
            short[discount.code] = lack
        elif discount.is_line_by_line:
            by_line.append(candidate)
        else:
            over_lines.append(candidate)
    taken = _best_by_line(by_line, ground)
    for bundle in _bundles(over_lines):
        _settle(bundle, taken, ground)
    return Resolution(taken, short)


def _best_by_line(candidates: Sequence[Candidate], ground: Ground) -> Taken:
    best: Taken = {}
    for candidate in candidates:
        discount = candidate.discount
        for place in candidate.places:
            off = line_reduction(discount, ground, place)
            if off > 0 and (place not in best or off > best[place][1]):
                best[place] = (discount, off)
    return best


def _bundles(claimants: Sequence[Candidate]) -> list[list[Candidate]]:
    """Claims that meet on a line, directly or through others, together; each bundle in the order given."""
    places = [place for claimant in claimants for place in claimant.places]
    if len(set(places)) == len(places):
        return [[claimant] for claimant in claimants]
    bundle_of: dict[int, list[Candidate]] = {}
    order = {id(claimant): place for place, claimant in enumerate(claimants)}
    for claimant in claimants:
        met = {id(found): found for place in claimant.places if (found := bundle_of.get(place)) is not None}
        bundle = sorted(
            [claimant, *(each for found in met.values() for each in found)], key=lambda each: order[id(each)]
        )
        for each in bundle:
            bundle_of.update(dict.fromkeys(each.places, bundle))
    return list({id(bundle): bundle for bundle in bundle_of.values()}.values())


def _settle(bundle: Sequence[Candidate], taken: Taken, ground: Ground) -> None:
    """The best choice of these claims, beside what their lines would take without them."""
    if all(each.places == bundle[0].places for each in bundle):
        _settle_on_one_ground(bundle, taken, ground)
        return
    places = {place for claimant in bundle for place in claimant.places}
    without = {place: taken[place] for place in places if place in taken}
    best, most = without, sum([off for _, off in without.values()])
    for claimants in _choices(bundle):
        tried = _claimed(claimants, without, ground)
        off = sum([off for _, off in tried.values()])
        if off > most:
            best, most = tried, off
    if best is not without:
        for place in without:
            del taken[place]
        taken.update(best)


def _settle_on_one_ground(bundle: Sequence[Candidate], taken: Taken, ground: Ground) -> None:
    """Whoever claims leaves nothing to the others, so there is nothing to combine."""
    places = bundle[0].places
    most = sum([taken[place][1] for place in places if place in taken])
    for claimant in bundle:
        offs = block_reduction(claimant.discount, ground, places)
        if sum(offs) > most:
            most = sum(offs)
            for place, off in zip(places, offs, strict=True):
                taken.pop(place, None)
                if off:
                    taken[place] = (claimant.discount, off)


def _choices(bundle: Sequence[Candidate]) -> Iterator[Sequence[Candidate]]:
    free, rest = bundle[:CHOICES_MAX], bundle[CHOICES_MAX:]
    for size in range(1, len(free) + 1):
        yield from combinations(free, size)
    for claimant in rest:
        yield [claimant]


def _claimed(claimants: Sequence[Candidate], without: Taken, ground: Ground) -> Taken:
    """What lines take when these claim theirs, the first ones first."""
    taken: Taken = {}
    claimed: set[int] = set()
    for claimant in claimants:
        discount = claimant.discount
        places = [place for place in claimant.places if place not in claimed]
        if not places or (claimed and shortfall(discount, ground, places) is not None):
            continue
        claimed.update(places)
        for place, off in zip(places, block_reduction(discount, ground, places), strict=True):
            if off:
                taken[place] = (discount, off)
    for place, found in without.items():
        if place not in claimed:
            taken[place] = found
    return taken
