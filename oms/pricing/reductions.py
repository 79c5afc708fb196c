"""How much one discount takes off, in whole paras: of one line, or of a block of lines together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from oms.pricing.answer import Outcome
from oms.pricing.question import Discount, DiscountKind, MinimumBasis, WholeTier
from retail.kernel.money import allocate_paras, from_paras, in_paras


@dataclass(slots=True)
class Ground:
    """The lines as discounts see them, by place: quantity, list amount, running amount, and the floor of the whole line."""

    quantities: Sequence[int]
    listed: Sequence[int]
    floors: Sequence[int]
    running: list[int]

    def room(self, place: int) -> int:
        """What discounts may still take."""
        return self.running[place] - self.floors[place]


@dataclass(frozen=True, slots=True)
class Shortfall:
    outcome: Outcome
    minimum: str
    missing: str


def shortfall(discount: Discount, ground: Ground, places: Sequence[int]) -> Shortfall | None:
    """What these lines lack to the minimum of the discount, if anything."""
    if not discount.has_minimum:
        return None
    quantity = sum([ground.quantities[place] for place in places])
    amount = _measured(discount, ground, places)
    lacks = _lacks(quantity, discount.least_quantity, amount, discount.minimum_amount)
    if lacks is None and discount.tiers and not _reached(discount, quantity, amount):
        nearest = min(discount.tiers, key=lambda tier: (tier.minimum_amount, tier.minimum_quantity))
        return _lacks(quantity, nearest.minimum_quantity, amount, nearest.minimum_amount)
    return lacks


def line_reduction(discount: Discount, ground: Ground, place: int) -> int:
    """Percent, fixed price or amount per unit, never below the floor of the line."""
    running = ground.running[place]
    if discount.kind == DiscountKind.PERCENT:
        off = percent_of(running, discount.value_hundredths)
    elif discount.kind == DiscountKind.FIXED_PRICE:
        off = running - discount.value_hundredths * ground.quantities[place]
    else:
        off = discount.value_hundredths * ground.quantities[place]
    return max(0, min(off, running - ground.floors[place]))


def block_reduction(discount: Discount, ground: Ground, places: Sequence[int]) -> list[int]:
    """What a discount over several lines takes off each: its sum is spread in proportion to what each may give.

    A unit that comes back later is then worth its share of the whole offer, whichever unit was called free.
    """
    if discount.kind in (DiscountKind.PERCENT, DiscountKind.FIXED_PRICE) or discount.is_per_unit:
        limits = [line_reduction(discount, ground, place) for place in places]
        off = sum(limits)
    else:
        limits = [ground.room(place) for place in places]
        off = _sum_off(discount, ground, places)
    off = min(off, sum(limits))
    if discount.reduction_paras_max is not None:
        off = min(off, discount.reduction_paras_max)
    return [off] if len(limits) == 1 else allocate_paras(off, limits)


def percent_of(paras: int, hundredths: int) -> int:
    """Half up, like all money; the percent comes in hundredths."""
    return (paras * hundredths * 2 + 10_000) // 20_000


def _sum_off(discount: Discount, ground: Ground, places: Sequence[int]) -> int:
    if discount.kind == DiscountKind.AMOUNT:
        return discount.value_hundredths
    if discount.kind == DiscountKind.TIERED:
        quantity = sum([ground.quantities[place] for place in places])
        reached = _reached(discount, quantity, _measured(discount, ground, places))
        running = sum([ground.running[place] for place in places])
        return max([max(percent_of(running, t.percent_hundredths), t.paras) for t in reached], default=0)
    return percent_of(_cheapest_of_sets(discount, ground, places), discount.value_hundredths)


def _cheapest_of_sets(discount: Discount, ground: Ground, places: Sequence[int]) -> int:
    """The sum of the cheapest units of every full set, when the dearest units make up the first set."""
    take = discount.take
    pay = discount.pay if discount.kind == DiscountKind.N_FOR_M else take - 1
    sets = sum([ground.quantities[place] for place in places]) // take
    if discount.kind == DiscountKind.CHEAPEST_FREE:
        sets = min(sets, 1)
    free, place, freed = 0, 0, 0
    for unit, count in sorted(_units(ground, places), reverse=True):
        place = min(place + count, sets * take)
        freed_by_now = place // take * (take - pay) + max(0, place % take - pay)
        free += unit * (freed_by_now - freed)
        freed = freed_by_now
    return free


def _units(ground: Ground, places: Sequence[int]) -> list[tuple[int, int]]:
    """Unit amounts and how many units have them; the paras that do not divide lie on the first units of a line."""
    units = []
    for place in places:
        quantity = ground.quantities[place]
        unit, dearer = divmod(ground.running[place], quantity)
        units += [(unit + 1, dearer), (unit, quantity - dearer)]
    return units


def _measured(discount: Discount, ground: Ground, places: Sequence[int]) -> int:
    is_before = discount.minimum_basis == MinimumBasis.BEFORE_DISCOUNTS
    amounts = ground.listed if is_before else ground.running
    return sum([amounts[place] for place in places])


def _reached(discount: Discount, quantity: int, amount: int) -> list[WholeTier]:
    return [t for t in discount.whole_tiers if quantity >= t.minimum_quantity and amount >= t.minimum_paras]


def _lacks(quantity: int, least: int, amount: int, minimum: Decimal) -> Shortfall | None:
    if quantity < least:
        return Shortfall(Outcome.BELOW_MINIMUM_QUANTITY, str(least), str(least - quantity))
    if amount < in_paras(minimum):
        return Shortfall(
            Outcome.BELOW_MINIMUM_AMOUNT, f"{minimum:.2f}", f"{minimum - from_paras(amount):.2f}"
        )
    return None
