"""How much one discount takes off, in whole paras: of one line, or of a block of lines together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from oms.pricing.answer import Outcome
from oms.pricing.question import Discount, DiscountKind, MinimumBasis, Tier
from retail.kernel.money import allocate_paras, from_paras, in_paras


@dataclass(frozen=True, slots=True)
class Amounts:
    """A line as a discount sees it: quantity, list amount, running amount, and the floor of the whole line."""

    quantity: int
    listed: int
    running: int
    floor: int

    @property
    def room(self) -> int:
        """What discounts may still take."""
        return self.running - self.floor


@dataclass(frozen=True, slots=True)
class Shortfall:
    outcome: Outcome
    minimum: str
    missing: str


def shortfall(discount: Discount, block: Sequence[Amounts]) -> Shortfall | None:
    """What a block lacks to the minimum of the discount, if anything."""
    quantity = sum(line.quantity for line in block)
    amount = from_paras(_measured(discount, block))
    least = discount.minimum_quantity
    if discount.kind in (DiscountKind.N_FOR_M, DiscountKind.CHEAPEST_FREE):
        least = max(least, discount.take)
    lacks = _lacks(quantity, least, amount, discount.minimum_amount)
    if lacks is None and discount.tiers and not _reached(discount, quantity, amount):
        nearest = min(discount.tiers, key=lambda tier: (tier.minimum_amount, tier.minimum_quantity))
        return _lacks(quantity, nearest.minimum_quantity, amount, nearest.minimum_amount)
    return lacks


def line_reduction(discount: Discount, line: Amounts) -> int:
    """Percent, fixed price or amount per unit, never below the floor of the line."""
    if discount.kind == DiscountKind.PERCENT:
        off = percent_of(line.running, discount.value)
    elif discount.kind == DiscountKind.FIXED_PRICE:
        off = line.running - in_paras(discount.value) * line.quantity
    else:
        off = in_paras(discount.value) * line.quantity
    return max(0, min(off, line.room))


def block_reduction(discount: Discount, block: Sequence[Amounts]) -> list[int]:
    """What a discount over several lines takes off each: its sum is spread in proportion to what each may give.

    A unit that comes back later is then worth its share of the whole offer, whichever unit was called free.
    """
    if discount.kind in (DiscountKind.PERCENT, DiscountKind.FIXED_PRICE) or discount.is_per_unit:
        limits = [line_reduction(discount, line) for line in block]
        off = sum(limits)
    else:
        limits = [line.room for line in block]
        off = _sum_off(discount, block)
    off = min(off, sum(limits))
    if discount.reduction_max is not None:
        off = min(off, in_paras(discount.reduction_max))
    return allocate_paras(off, limits)


def percent_of(paras: int, percent: Decimal) -> int:
    """Half up, like all money."""
    return (paras * int(percent * 100) * 2 + 10_000) // 20_000


def _sum_off(discount: Discount, block: Sequence[Amounts]) -> int:
    if discount.kind == DiscountKind.AMOUNT:
        return in_paras(discount.value)
    if discount.kind == DiscountKind.TIERED:
        quantity = sum(line.quantity for line in block)
        reached = _reached(discount, quantity, from_paras(_measured(discount, block)))
        running = sum(line.running for line in block)
        return max((max(percent_of(running, t.percent), in_paras(t.amount)) for t in reached), default=0)
    return percent_of(_cheapest_of_sets(discount, block), discount.value)


def _cheapest_of_sets(discount: Discount, block: Sequence[Amounts]) -> int:
    """The sum of the cheapest units of every full set, when the dearest units make up the first set."""
    take = discount.take
    pay = discount.pay if discount.kind == DiscountKind.N_FOR_M else take - 1
    sets = sum(line.quantity for line in block) // take
    if discount.kind == DiscountKind.CHEAPEST_FREE:
        sets = min(sets, 1)
    covered = sets * take

    def free_before(place: int) -> int:
        place = min(place, covered)
        return place // take * (take - pay) + max(0, place % take - pay)

    free, place = 0, 0
    for unit, count in sorted(_units(block), reverse=True):
        free += unit * (free_before(place + count) - free_before(place))
        place += count
    return free


def _units(block: Sequence[Amounts]) -> list[tuple[int, int]]:
    """Unit amounts and how many units have them; the paras that do not divide lie on the first units of a line."""
    units = []
    for line in block:
        unit, dearer = divmod(line.running, line.quantity)
        units += [(unit + 1, dearer), (unit, line.quantity - dearer)]
    return units


def _measured(discount: Discount, block: Sequence[Amounts]) -> int:
    if discount.minimum_basis == MinimumBasis.BEFORE_DISCOUNTS:
        return sum(line.listed for line in block)
    return sum(line.running for line in block)


def _reached(discount: Discount, quantity: int, amount: Decimal) -> list[Tier]:
    return [t for t in discount.tiers if quantity >= t.minimum_quantity and amount >= t.minimum_amount]


def _lacks(quantity: int, least: int, amount: Decimal, minimum: Decimal) -> Shortfall | None:
    if quantity < least:
        return Shortfall(Outcome.BELOW_MINIMUM_QUANTITY, str(least), str(least - quantity))
    if amount < minimum:
        return Shortfall(Outcome.BELOW_MINIMUM_AMOUNT, f"{minimum:.2f}", f"{minimum - amount:.2f}")
    return None
