"""Payments of an order: attempts, money that came in. Money that really came is never refused.

The order row is locked first, then the payment's rows. The sums of a payment are counted from its captures and refunds,
never added up blindly.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from finance import rules, selectors
from finance.models import Payment
from finance.operations import bell
from finance.rules import PaperPlan
from finance.states import (
    OperationState,
    PaymentState,
)
from oms import operations as orders
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.identifiers import reference97
from retail.kernel.money import ZERO

CARD_SERVICE = "card"
STANDARD_RATE = Decimal(20)


class NothingToPay(InvalidInput):
    code = "NOTHING_TO_PAY"


class PaymentNotFound(NotFound):
    code = "UNKNOWN_PAYMENT"


def plan_of(order: Order) -> PaperPlan:
    return rules.PAPERS[order.paper, order.payment_method]


def first_payment(
    *,
    payment_id: int,
    order: Order,
    method: str,
    now: datetime,
    amount: Decimal | None = None,
    attempt: int = 1,
) -> Payment:
    """The payment of a new order, of `amount` when gift cards pay the rest; the caller writes both. Refuses NothingToPay."""
    amount = order.total if amount is None else amount
    if amount <= 0:
        raise NothingToPay("Nothing of this order is left to pay.")
    payment = _attempt(order, method, attempt, amount, now)
    payment.pk = payment_id
    return payment


@transaction.atomic
def create_payment(*, order_id: int, method: str, now: datetime, amount: Decimal | None = None) -> Payment:
    """One more attempt to pay. Older ones that still wait are given up; should one of them bring money after all, it is kept.

    `amount` is by default what is owed less what is held. Refuses NothingToPay.
    """
    order = orders.lock_order(order_id=order_id)
    if amount is None:
        held = order.captured_total - order.refunded_total
        amount = order.due_total - held - selectors.live_authorization(order_id=order.pk)
        amount -= selectors.awaited_exchange(order_id=order.pk)
    if amount <= 0:
        raise NothingToPay("Nothing of this order is left to pay.")
    earlier = list(Payment.objects.filter(order=order))
    for payment in earlier:
        is_given_up = payment.state == PaymentState.PENDING and payment.method != PaymentMethod.EXCHANGE
        if is_given_up and not payment.captured:
            payment.state, payment.failure = PaymentState.EXPIRED, "SUPERSEDED"
            payment.save(update_fields=["state", "failure", "updated_at"])
    number = max((payment.attempt for payment in earlier), default=0) + 1
    payment = _attempt(order, method, number, amount, now)
    payment.save(force_insert=True)
    return payment


def _attempt(order: Order, method: str, number: int, amount: Decimal, now: datetime) -> Payment:
    return Payment(
        order=order,
        method=method,
        provider=CARD_SERVICE if method == PaymentMethod.CARD else "",
        attempt=number,
        currency=order.currency,
        amount=amount,
        reference=reference_of(order.number) if method == PaymentMethod.BANK_TRANSFER else "",
        created_at=now,
    )


def reference_of(order_number: str) -> str:
    """What the payer quotes (model 97): control number, then the digits of the order number."""
    return reference97(order_number.removeprefix("ORD-"))


def payment_for(*, order: Order, method: str, now: datetime) -> Payment:
    """The newest payment of the order by this method; made when the money came by a way that nobody had announced."""
    found = Payment.objects.filter(order=order, method=method).order_by("-attempt").first()
    return found or create_payment(
        order_id=order.pk, method=method, now=now, amount=max(order.total, Decimal("0.01"))
    )


def summarize(payment: Payment) -> None:
    """Sums and state of a payment as its captures, refunds, authorization and voids have them."""
    captured = payment.captures.filter(state=OperationState.DONE).aggregate(total=Sum("amount"))["total"]
    refunded = payment.refunds.filter(state=OperationState.DONE).aggregate(total=Sum("amount"))["total"]
    payment.captured, payment.refunded = captured or ZERO, refunded or ZERO
    if payment.method == PaymentMethod.CARD:
        # The provider is the truth: what it captured was authorized, whatever message is still on its way.
        payment.authorized = max(payment.authorized, payment.captured + payment.voided)
        payment.state = _card_state(payment)
    elif payment.captured >= payment.amount:
        payment.state = PaymentState.CAPTURED
    payment.save()


def _card_state(payment: Payment) -> str:
    if payment.authorized == 0:
        return payment.state
    if payment.captured + payment.voided < payment.authorized:
        return PaymentState.AUTHORIZED
    if payment.captured:
        return PaymentState.CAPTURED
    return PaymentState.EXPIRED if payment.state == PaymentState.EXPIRED else PaymentState.VOIDED


@transaction.atomic
def request_void(*, payment_id: int, now: datetime) -> None:
    """What is authorized is not needed: a worker gives it back."""
    changed = Payment.objects.filter(
        pk=payment_id, state=PaymentState.AUTHORIZED, void_requested_at__isnull=True
    ).update(void_requested_at=now)
    if changed:
        bell.work_waits(bell.VOIDS)


def held_for(*, order: Order) -> Decimal:
    """Money in hand or authorized, less what goes back."""
    return selectors.standing_of_orders(order_ids=[order.pk])[order.pk].held


def newest_payment(*, order_id: int) -> Payment:
    return Payment.objects.filter(order_id=order_id).order_by("-attempt")[0]
