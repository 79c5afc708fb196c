"""Points of a member as the last thing that lowers a price: off the goods, in proportion to what they cost, to the para."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from oms.pricing.answer import AppliedDiscount, Priced, PricedLine
from oms.pricing.question import LineKind
from retail.kernel.money import ZERO, allocate, tax_in_gross

POINTS_CODE = "points"


@dataclass(frozen=True, slots=True)
class PointsOffer:
    """Points that are to be used, of those that the member has, under the rules of the program."""

    wanted: int
    balance: int
    value: Decimal
    least: int
    percent_max: Decimal
    name: str = ""

    def usable(self, goods: Decimal) -> int:
        """The most that may pay for these goods: 0, or at least `least`."""
        most = int((goods * self.percent_max / 100 / self.value).to_integral_value(ROUND_DOWN))
        points = min(self.balance, most)
        return points if points >= max(self.least, 1) else 0

    def used(self, goods: Decimal) -> int:
        """Of those that are wanted."""
        points = min(self.wanted, self.usable(goods))
        return points if points >= max(self.least, 1) else 0


def lowered(priced: Priced, offer: PointsOffer) -> Priced:
    """The same price with the points taken off; delivery and gifts are not paid with points."""
    off = offer.used(priced.goods_total) * offer.value
    if off <= 0:
        return priced
    goods = [
        line for line in priced.lines if line.kind == LineKind.GOODS and not line.is_gift and line.total > 0
    ]
    shares = iter(allocate(off, [line.total for line in goods]))
    taken = {line.key: next(shares) for line in goods}
    return replace(
        priced, lines=tuple(_lower(line, taken.get(line.key, ZERO), offer.name) for line in priced.lines)
    )


def points_off(priced: Priced) -> Decimal:
    """What points took off already."""
    return sum(
        (each.amount for line in priced.lines for each in line.discounts if each.code == POINTS_CODE), ZERO
    )


def _lower(line: PricedLine, amount: Decimal, name: str) -> PricedLine:
    if not amount:
        return line
    tax = tax_in_gross(line.total, line.tax_rate) - tax_in_gross(line.total - amount, line.tax_rate)
    return replace(
        line,
        discounts=(
            *line.discounts,
            AppliedDiscount(POINTS_CODE, name or POINTS_CODE, "", "POINTS", amount, tax),
        ),
    )
