"""Arithmetic and decisions about orders: no ORM, no clock, no settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from oms.states import FulfillmentStatus, PaymentStatus
from retail.kernel.money import rounded

ZERO = Decimal("0.00")
# Why units were canceled, when they went with a change of the order.
ORDER_CHANGED = "the order was changed"


def part_of(*, total: Decimal, quantity: int, done: int, part: int) -> Decimal:
    """The share of a line's total that the next `part` units take after `done` of `quantity`.

    Cumulative rounding: whatever the sequence of parts, they add up to the total to the para.
    """
    assert done >= 0 and part >= 0 and done + part <= quantity
    return rounded(total * (done + part) / quantity) - rounded(total * done / quantity)


def payment_status(
    *, total: Decimal, due: Decimal, authorized: Decimal, captured: Decimal, refunded: Decimal
) -> PaymentStatus:
    """The summary of an order's money. Money that came in is never denied: more than the total is OVERPAID."""
    net = captured - refunded
    if net > total:
        return PaymentStatus.OVERPAID
    if refunded > 0:
        return PaymentStatus.REFUNDED if net == 0 else PaymentStatus.PARTLY_REFUNDED
    if captured > 0:
        return PaymentStatus.PAID if net >= due else PaymentStatus.PARTLY_PAID
    if authorized > 0 and authorized >= due:
        return PaymentStatus.AUTHORIZED
    return PaymentStatus.NONE


def dispatch_status(*, ordered: int, dispatched: int, current: FulfillmentStatus) -> FulfillmentStatus:
    """`ordered` is what is still wanted: quantity less canceled, summed over goods lines."""
    if dispatched == 0:
        return current
    return FulfillmentStatus.DISPATCHED if dispatched >= ordered else FulfillmentStatus.PARTLY_DISPATCHED


def is_done(*, fulfillment: FulfillmentStatus, payment: PaymentStatus, due: Decimal, kept: Decimal) -> bool:
    """Whether neither goods nor money are awaited. `kept` is what came in less what went back."""
    if fulfillment == FulfillmentStatus.RETURNED:
        return kept == due or (payment in _WENT_BACK and kept < due)
    return fulfillment == FulfillmentStatus.DELIVERED and payment in (PaymentStatus.PAID, *_WENT_BACK)


_WENT_BACK = (PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class RateRow:
    """One entry of what shoppers pay for delivery (gross)."""

    method: str
    amount: Decimal
    free_from: Decimal | None
    weight_grams_max: int | None


def delivery_fee(
    *, rates: Sequence[RateRow], method: str, goods_total: Decimal, weight_grams: int
) -> Decimal | None:
    """The lowest fee of the entries that take this weight; None when none does."""
    fees = [
        ZERO if rate.free_from is not None and goods_total >= rate.free_from else rate.amount
        for rate in rates
        if rate.method == method and (rate.weight_grams_max is None or weight_grams <= rate.weight_grams_max)
    ]
    return min(fees, default=None)
