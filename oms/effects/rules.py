"""How small an effect a campaign of a size can see: pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# Of a two-sided 95 % interval, and of 80 % power.
Z95, Z80 = 1.959964, 0.841621
SIZES = (500, 2_000, 10_000, 50_000, 200_000)
HOLDOUTS = (10, 50)
# Half of a small segment, a tenth of a large one: a small one would learn nothing from its tenth.
SMALL_SEGMENT, SMALL_SHARE, USUAL_SHARE = 2_000, 50, 10


@dataclass(frozen=True, slots=True)
class History:
    """What members of a segment spend in as many days as the campaign lasts: mean, spread over mean (CV), and how well the
    year before tells it (correlation). All of it with the largest hundredth cut to the 99th percentile.
    """

    members: int
    mean: float
    cv: float
    correlation: float


@dataclass(frozen=True, slots=True)
class SmallestEffect:
    """`percent` more (or less) revenue per member is the smallest that is seen four times of five; None: nothing can be seen."""

    members: int
    holdout_percent: int
    percent: float | None


def usual_share(members: int) -> int:
    return SMALL_SHARE if members < SMALL_SEGMENT else USUAL_SHARE


def smallest_effect(history: History, *, members: int, holdout_percent: int) -> SmallestEffect:
    held_out = members * holdout_percent / 100
    treated = members - held_out
    if held_out < 2 or treated < 2 or history.mean <= 0:
        return SmallestEffect(members, holdout_percent, None)
    left = sqrt(max(0.0, 1 - history.correlation**2))
    percent = 100 * (Z95 + Z80) * history.cv * left * sqrt(1 / treated + 1 / held_out)
    return SmallestEffect(members, holdout_percent, percent)


def table(history: History, *, sizes: Sequence[int] = SIZES) -> list[tuple[int, list[SmallestEffect]]]:
    return [
        (
            size,
            [smallest_effect(history, members=size, holdout_percent=share) for share in HOLDOUTS],
        )
        for size in sizes
    ]
