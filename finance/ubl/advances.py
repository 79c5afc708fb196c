"""Which advance invoice a closing takes its money from. Papers store only sums per rate, so their order decides: the same rows give the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from finance import tax
from finance.tax import LineAmounts
from retail.kernel.money import ZERO


class RateMoney(NamedTuple):
    rate: Decimal
    gross: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Advance:
    """An advance invoice, as received."""

    key: int
    rates: tuple[RateMoney, ...]


@dataclass(frozen=True, slots=True)
class Closing:
    """A paper that takes money of advances. A refund takes the newest advance first, goods the oldest."""

    key: int
    rates: tuple[RateMoney, ...]
    is_refund: bool = False


def share_out(
    advances: Sequence[Advance], closings: Sequence[Closing]
) -> dict[int, list[tuple[int, list[RateMoney]]]]:
    """For each closing in the order of their issue: the advances that it takes from, and how much per rate.

    The last taker of an advance takes the rest of its tax; what a closing took of several adds up to its own sums.
    """
    left = {
        (advance.key, one.rate): LineAmounts(0, one.gross, one.tax)
        for advance in advances
        for one in advance.rates
    }
    shared: dict[int, list[tuple[int, list[RateMoney]]]] = {}
    for closing in closings:
        order = list(reversed(advances)) if closing.is_refund else list(advances)
        taken: dict[int, list[RateMoney]] = {}
        for one in closing.rates:
            _take(one, order, left, taken)
        shared[closing.key] = [
            (advance.key, taken[advance.key]) for advance in advances if advance.key in taken
        ]
    return shared


def _take(
    wanted: RateMoney,
    order: Sequence[Advance],
    left: dict[tuple[int, Decimal], LineAmounts],
    taken: dict[int, list[RateMoney]],
) -> None:
    gross, vat = wanted.gross, wanted.tax
    holders = [one.key for one in order if left.get((one.key, wanted.rate), tax.NOTHING).gross > 0]
    for place, key in enumerate(holders):
        if gross <= 0:
            return
        here = left[key, wanted.rate]
        part = min(here.gross, gross)
        is_last = part == gross or place == len(holders) - 1
        # The closing's own tax is frozen: whoever is taken from last carries the rest of it.
        share = vat if is_last else tax.take_amount(line=here, gross=part).tax
        left[key, wanted.rate] = LineAmounts(0, here.gross - part, max(here.tax - share, ZERO))
        taken.setdefault(key, []).append(RateMoney(wanted.rate, part, share))
        gross, vat = gross - part, vat - share
