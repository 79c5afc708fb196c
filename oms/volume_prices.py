"""What one unit costs when more are bought: price list entries by quantity and discounts by steps, by the one engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from oms.offers import price_within_budgets
from oms.pricing import PriceEntry, Unpriced
from oms.selectors import Quote
from retail.kernel.money import rounded

STEPS_MAX = 5
QUANTITY_MAX = 999


@dataclass(frozen=True, slots=True)
class VolumePrice:
    """From so many pieces on each costs `unit`: what the whole then costs, divided. `percent_off` of the price of one."""

    quantity: int
    unit: Decimal
    percent_off: int


def volume_prices(quote: Quote) -> tuple[VolumePrice, ...]:
    """For the quote of one unit of one variant: the quantities from which it is cheaper, each with its price. No statement."""
    (line,) = quote.asked.lines
    one = lowest = quote.priced.line(line.key).total
    if not one:
        return ()
    found = []
    for quantity in sorted(set(_steps(quote, line.entries))):
        asked = replace(quote.asked, lines=(replace(line, quantity=quantity),), delivery=None)
        try:
            priced = price_within_budgets(asked, quote.offers).line(line.key)
        except Unpriced:  # an entry that has ended; the price of one stands
            continue
        unit = rounded(priced.total / quantity)
        if unit < lowest:
            lowest = unit
            found.append(VolumePrice(quantity, unit, int(((one - unit) * 100 / one).quantize(Decimal(1)))))
    return tuple(found[:STEPS_MAX])


def _steps(quote: Quote, entries: tuple[PriceEntry, ...]) -> Iterator[int]:
    for entry in entries:
        if 1 < entry.minimum_quantity <= QUANTITY_MAX:
            yield entry.minimum_quantity
    for discount in quote.offers.discounts:
        for least in (discount.minimum_quantity, *(tier.minimum_quantity for tier in discount.tiers)):
            if 1 < least <= QUANTITY_MAX:
                yield least
