"""The price of a line before discounts: the lowest of its price list entries that are valid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from oms.pricing.answer import Outcome, Step
from oms.pricing.question import PriceEntry, PricingLine
from retail.kernel.errors import Refusal

PRICE = "PRICE"


class Unpriced(Refusal):
    """Lines without any valid price: they cannot be sold and nothing is guessed. `keys` and `skus` name them."""

    code = "UNPRICED"


def choose_entries(lines: Sequence[PricingLine], at: datetime) -> list[PriceEntry]:
    """The entry of every line.

    Of valid entries the lowest amount wins, then the higher list priority, then the list code. Quantity breaks count
    all lines of the same SKU together, so that a line divided between locations keeps its price.
    """
    quantities = _quantities(lines)
    chosen: list[PriceEntry] = []
    unpriced = []
    for line in lines:
        entry = _best(line, quantities[line.sku], at)
        if entry is None:
            unpriced.append(line)
        else:
            chosen.append(entry)
    if unpriced:
        skus = [line.sku for line in unpriced]
        raise Unpriced(
            f"no valid price for {', '.join(skus)}", keys=[line.key for line in unpriced], skus=skus
        )
    return chosen


def entry_steps(lines: Sequence[PricingLine], chosen: Sequence[PriceEntry], at: datetime) -> Iterator[Step]:
    """One step for each entry that was tried."""
    quantities = _quantities(lines)
    for line, entry in zip(lines, chosen, strict=True):
        yield from _steps(line, entry, quantities[line.sku], at)


def _quantities(lines: Sequence[PricingLine]) -> dict[str, int]:
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.sku] = quantities.get(line.sku, 0) + line.quantity
    return quantities


def _best(line: PricingLine, quantity: int, at: datetime) -> PriceEntry | None:
    valid = [entry for entry in line.entries if _refusal(entry, quantity, at) is None]
    return min(valid, key=_rank) if len(valid) > 1 else next(iter(valid), None)


def _rank(entry: PriceEntry) -> tuple[object, ...]:
    return entry.amount, -entry.priority, entry.list_code, entry.minimum_quantity


def _refusal(entry: PriceEntry, quantity: int, at: datetime) -> Outcome | None:
    if entry.valid_from is not None and at < entry.valid_from:
        return Outcome.NOT_YET
    if entry.valid_to is not None and at >= entry.valid_to:
        return Outcome.ENDED
    return Outcome.BELOW_MINIMUM_QUANTITY if quantity < entry.minimum_quantity else None


def _steps(line: PricingLine, chosen: PriceEntry, quantity: int, at: datetime) -> list[Step]:
    steps = []
    for entry in sorted(line.entries, key=_rank):
        outcome = _refusal(entry, quantity, at)
        if outcome is None:
            outcome = Outcome.APPLIED if entry is chosen else Outcome.DEARER
        amount = entry.amount * line.quantity
        details = {"unit_price": f"{entry.amount:.2f}", "quantity": str(line.quantity)}
        if outcome == Outcome.BELOW_MINIMUM_QUANTITY:
            details["minimum"] = str(entry.minimum_quantity)
            details["missing"] = str(entry.minimum_quantity - quantity)
        steps.append(
            Step(line.key, entry.list_code, entry.list_name, PRICE, outcome, amount, amount, details),
        )
    return steps
