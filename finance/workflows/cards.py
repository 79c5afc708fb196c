"""Cards: every call outside stands between two transactions, and every answer or message is applied the same way.

`apply_card_state` takes what the provider knew at some moment. Amounts only grow and operations are a set, so the same
messages in any order, doubled, late or replayed, end in the same state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction

from finance import events, selectors
from finance.chart import CARD_RECEIVABLE
from finance.models import Capture, Payment, PaymentEvent, Refund
from finance.operations import bell
from finance.operations.incomes import take_money
from finance.operations.ledger import debit
from finance.operations.payments import (
    CARD_SERVICE,
    PaymentNotFound,
    create_payment,
    held_for,
    request_void,
    summarize,
)
from finance.operations.refunds import finish_refund, release_excess
from finance.providers import card
from finance.providers.card import CardOperation, CardPayment
from finance.states import OperationState, PaymentState
from oms import operations as orders
from oms.models import Order
from oms.states import CHOSEN_METHODS, OrderStatus, PaymentMethod
from retail.kernel import failpoints
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from retail.kernel.outside import ProviderError, ProviderRefused

FAILED = {"DECLINED": PaymentState.FAILED, "FAILED_3DS": PaymentState.FAILED, "CANCELED": PaymentState.FAILED}


class OrderNotPending(Refusal):
    """Only an order that waits for money takes another payment."""

    code = "ORDER_NOT_PENDING"


class UnknownMethod(InvalidInput):
    code = "UNKNOWN_PAYMENT_METHOD"


class CardUnavailable(Refusal):
    """The provider cannot be reached or does not take this payment; another try or another method may help."""

    code = "CARD_UNAVAILABLE"
    status = 503


# The shopper pays


def open_card_session(*, payment_id: int, now: datetime, language: str = "", return_url: str = "") -> Payment:
    """Open the provider's page for a payment, at `redirect_url`. Outside any transaction; the same payment gets the same page.

    Refuses CardUnavailable; the order then still waits, and the call may be repeated.
    """
    payment = Payment.objects.select_related("order").get(pk=payment_id)
    if payment.redirect_url or payment.state != PaymentState.PENDING:
        return payment
    order = payment.order
    try:
        session = card.from_settings().create_session(
            key=f"session-{payment.public_id}",
            reference=payment.public_id,
            amount=payment.amount,
            currency=payment.currency,
            return_url=return_url or f"{settings.BASE_URL}/order/{order.token}/",
            notify_url=f"{settings.BASE_URL}/api/v1/payments/{CARD_SERVICE}/events",
            language="en" if (language or order.language) == "en" else "sr",
            description=order.number,
        )
    except ProviderRefused as refusal:
        _mark_unstarted(payment, refusal.code, PaymentState.FAILED)
        raise CardUnavailable("Card payment cannot be started.", reason=refusal.code) from refusal
    except ProviderError as error:
        _mark_unstarted(payment, error.code, PaymentState.PENDING)
        raise CardUnavailable("Card payment cannot be started now. Try again.", reason=error.code) from error
    failpoints.hit("card.session_made")
    with transaction.atomic():
        orders.lock_order(order_id=order.pk)
        payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
        payment.provider_ref, payment.redirect_url = session.provider_id, session.redirect_url
        payment.failure = ""
        payment.save(update_fields=["provider_ref", "redirect_url", "failure", "updated_at"])
    return payment


def start_payment(
    *,
    order_id: int,
    method: str,
    by: User | None,
    now: datetime,
    language: str = "",
    return_url: str = "",
) -> Payment:
    """A new attempt, or another method, while the order waits for money.

    Refuses OrderNotPending, UnknownMethod, NothingToPay, CardUnavailable.
    """
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        if order.status != OrderStatus.PENDING_PAYMENT:
            raise OrderNotPending("This order does not wait for a payment.", status=order.status)
        awaited = selectors.awaited_exchange(order_id=order.pk)
        if method != order.payment_method or method not in CHOSEN_METHODS:
            _change_method(order, method, now, is_kept_for_goods=awaited > 0)
        payment = create_payment(order_id=order.pk, method=method, now=now)
        if payment.method == PaymentMethod.CASH_ON_DELIVERY and not awaited:
            _secured(order.pk, now)
    if payment.method == PaymentMethod.CARD:
        payment = open_card_session(payment_id=payment.pk, now=now, language=language, return_url=return_url)
    return payment


def _change_method(order: Order, method: str, now: datetime, *, is_kept_for_goods: bool) -> None:
    """An order that waits for goods of an exchange keeps their deadline, however the rest is paid."""
    from oms.workflows.payment_deadlines import payment_deadline

    at_the_door = method == PaymentMethod.CASH_ON_DELIVERY and orders.is_paid_before(order)
    if method not in CHOSEN_METHODS or at_the_door:
        raise UnknownMethod("There is no such payment method.", method=str(method)[:20])
    deadline = order.payment_deadline if is_kept_for_goods else payment_deadline(method, now)
    orders.change_payment_method(order=order, method=PaymentMethod(method), deadline=deadline)


@transaction.atomic
def _mark_unstarted(payment: Payment, code: str, state: PaymentState) -> None:
    order = orders.lock_order(order_id=payment.order_id)
    Payment.objects.filter(pk=payment.pk, state=PaymentState.PENDING).update(failure=code[:120], state=state)
    if state == PaymentState.FAILED:
        _tell_failed(order, payment, code)


def _tell_failed(order: Order, payment: Payment, code: str) -> None:
    announce(
        events.PaymentFailed(
            payment=payment.public_id, order_id=order.pk, number=order.number, code=code[:120]
        ),
        subject=("order", order.number),
    )


# The provider tells


def receive_card_event(*, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> PaymentEvent:
    """The door for messages: prove it, store it once, process it after the commit. Refuses InvalidSignature, InvalidInput."""
    event = card.verify_event(
        headers=headers, raw_body=raw_body, secrets=settings.CARD_PROVIDER_SECRETS, now=now
    )
    data = json.loads(raw_body)
    with transaction.atomic():
        payment = Payment.objects.filter(provider=CARD_SERVICE, public_id=event.payment.reference).first()
        PaymentEvent.objects.bulk_create(
            [
                PaymentEvent(
                    provider=CARD_SERVICE,
                    event_id=event.event_id[:120],
                    kind=event.kind[:40],
                    payment=payment,
                    payload={"created_at": data["created_at"], "payment": data["data"]["payment"]},
                    received_at=now,
                )
            ],
            ignore_conflicts=True,
        )
        bell.work_waits(bell.EVENTS)
    return PaymentEvent.objects.get(provider=CARD_SERVICE, event_id=event.event_id[:120])


@transaction.atomic
def process_payment_event(*, event_id: int, now: datetime) -> str:
    """Act on one stored message, once; the outcome in a word. Ten at a time wait for each other and nine find it done."""
    event = PaymentEvent.objects.select_related("payment").get(pk=event_id)
    if event.payment is None:
        return _keep_unknown(event, now)
    order, payment = lock_for_payment(event.payment)
    event = lock_event(event_id)
    if event.processed_at is not None:
        return event.outcome
    seen = card.read_payment(event.payload["payment"])
    event.outcome = apply_card_state(order=order, payment=payment, seen=seen, now=now)
    event.processed_at = now
    event.save(update_fields=["outcome", "processed_at"])
    return event.outcome


def lock_for_payment(payment: Payment) -> tuple[Order, Payment]:
    """The guard of everything that happens to a payment: its order's row, then its own."""
    order = orders.lock_order(order_id=payment.order_id)
    return order, Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)


def lock_event(event_id: int) -> PaymentEvent:
    return PaymentEvent.objects.select_for_update(of=("self",)).get(pk=event_id)


def _keep_unknown(event: PaymentEvent, now: datetime) -> str:
    event = lock_event(event.pk)
    if event.processed_at is None:
        event.outcome, event.processed_at = "UNKNOWN_PAYMENT", now
        event.save(update_fields=["outcome", "processed_at"])
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            cause_key=f"event:{event.provider}:{event.event_id}",
            detail={"event": event.event_id, "reason": "UNKNOWN_PAYMENT"},
            now=now,
        )
    return event.outcome


def refresh_payment(*, payment_id: int, now: datetime) -> str:
    """Ask the provider how a payment stands (the shopper came back, a message was lost), and act on it."""
    payment = Payment.objects.filter(pk=payment_id, provider=CARD_SERVICE).first()
    if payment is None:
        raise PaymentNotFound("There is no such card payment.")
    try:
        seen = card.from_settings().fetch(reference=payment.public_id)
    except ProviderError as error:
        return error.code
    return "ABSENT" if seen is None else apply_answer(payment_id=payment.pk, seen=seen, now=now)


@transaction.atomic
def apply_answer(*, payment_id: int, seen: CardPayment, now: datetime, by: User | None = None) -> str:
    """What the provider answered to a call of ours, in a transaction of its own."""
    order, payment = lock_for_payment(Payment.objects.get(pk=payment_id))
    return apply_card_state(order=order, payment=payment, seen=seen, now=now, by=by)


def apply_card_state(
    *, order: Order, payment: Payment, seen: CardPayment, now: datetime, by: User | None = None
) -> str:
    """Bring a payment up to what the provider knew. The order row is locked by the caller."""
    if not _fits(payment, seen):
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=payment.public_id,
            detail={
                "payment": payment.public_id,
                "expected": f"{payment.amount} {payment.currency}",
                "told": f"{seen.amount} {seen.currency}",
                "authorized": str(seen.authorized),
            },
            now=now,
        )
        return "MISMATCH"
    state_before, captured_before = payment.state, payment.captured
    live_before = payment.authorized - payment.voided
    _take_authorization(order, payment, seen)
    for operation in sorted(seen.operations, key=lambda one: one.kind != "CAPTURE"):
        if operation.kind == "CAPTURE":
            _settle_capture(order, payment, operation, now, by)
        elif operation.kind == "REFUND":
            _settle_refund(order, payment, operation, now, by)
    summarize(payment)
    change = payment.authorized - payment.voided - live_before
    if change:
        orders.record_authorization(order_id=order.pk, amount=change, now=now)
    if change > 0:
        announce(
            events.PaymentAuthorized(payment=payment.public_id, order_id=order.pk, number=order.number),
            subject=("order", order.number),
        )
    orders.resolve_cause(
        kind="PAYMENT_MISMATCH", cause_key=payment.public_id, resolution="The provider agrees.", now=now
    )
    if change > 0 or payment.captured > captured_before:
        order_follows(order_id=order.pk, now=now)
    if not _void_if_superfluous(order, payment, now):
        _charge_what_pays(order, payment)
    return (
        "DONE"
        if (payment.state, payment.captured, change) != (state_before, captured_before, ZERO)
        else "NOTHING_NEW"
    )


def order_follows(*, order_id: int, now: datetime) -> None:
    """After money came: enough of it confirms a waiting order; what an order cannot use any more goes back."""
    order = Order.objects.get(pk=order_id)
    if (
        order.status == OrderStatus.PENDING_PAYMENT and held_for(order=order) >= order.due_total
    ) or order.status == OrderStatus.CANCELED:
        _secured(order_id, now)


def _secured(order_id: int, now: datetime) -> None:
    from oms.workflows.payments import payment_secured

    if payment_secured(order_id=order_id, now=now) == OrderStatus.CANCELED:
        release_excess(order_id=order_id, reason="The order is canceled.", by=None, now=now)


def _fits(payment: Payment, seen: CardPayment) -> bool:
    return (
        seen.currency == payment.currency
        and seen.amount == payment.amount
        and seen.authorized in (ZERO, payment.amount)
        and seen.captured + seen.voided <= seen.authorized
        and seen.refunded <= seen.captured
    )


def _take_authorization(order: Order, payment: Payment, seen: CardPayment) -> None:
    payment.authorized = max(payment.authorized, seen.authorized)
    payment.voided = max(payment.voided, seen.voided)
    payment.authorization_expires_at = seen.authorization_expires_at or payment.authorization_expires_at
    payment.card_label = seen.card_label[:40] or payment.card_label
    payment.provider_ref = payment.provider_ref or seen.provider_id[:80]
    if payment.authorized:
        payment.failure = ""
        if seen.status == "EXPIRED":
            payment.state = PaymentState.EXPIRED
    elif payment.state in (PaymentState.PENDING, PaymentState.EXPIRED) and seen.status in FAILED:
        is_news = payment.state == PaymentState.PENDING
        payment.state, payment.failure = FAILED[seen.status], seen.status
        if is_news:
            _tell_failed(order, payment, seen.status)
    elif payment.state == PaymentState.PENDING and seen.status == "EXPIRED":
        payment.state, payment.failure = PaymentState.EXPIRED, "EXPIRED"
        _tell_failed(order, payment, "EXPIRED")
    payment.save()


def _settle_capture(
    order: Order, payment: Payment, operation: CardOperation, now: datetime, by: User | None
) -> None:
    """Ours by its key, or one that somebody made at the provider: either way the money came."""
    known = payment.captures.filter(public_id=operation.key).first()
    known = known or payment.captures.filter(provider_ref=operation.operation_id).first()
    if known is not None and known.state == OperationState.DONE:
        return
    capture = known or Capture(payment=payment, created_at=now)
    if capture.state == OperationState.REFUSED:
        capture.shipment = None  # the parcel may have another capture by now
    capture.amount, capture.provider_ref = operation.amount, operation.operation_id[:80]
    capture.payment = payment
    capture.save()
    take_money(
        order=order,
        capture=capture,
        debits=[debit(CARD_RECEIVABLE, operation.amount)],
        day=business_date(now),
        by=by,
        now=now,
    )


def _settle_refund(
    order: Order, payment: Payment, operation: CardOperation, now: datetime, by: User | None
) -> None:
    known = payment.refunds.filter(public_id=operation.key).first()
    known = known or payment.refunds.filter(provider_ref=operation.operation_id).first()
    if known is not None and known.state == OperationState.DONE:
        return
    refund = known or Refund(payment=payment, reason="Made at the provider", created_at=now)
    refund.amount, refund.payment = operation.amount, payment
    refund.save()
    order.refresh_from_db(fields=["captured_total", "refunded_total"])
    finish_refund(order=order, refund=refund, provider_ref=operation.operation_id[:80], by=by, now=now)


def _charge_what_pays(order: Order, payment: Payment) -> None:
    """A card that its buyer had given up, and that paid before the transfer came, is the one that is charged for the goods."""
    waits_for_transfer = order.payment_method == PaymentMethod.BANK_TRANSFER
    is_live = payment.state == PaymentState.AUTHORIZED and payment.void_requested_at is None
    if (
        waits_for_transfer
        and is_live
        and order.status not in (OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELED)
    ):
        orders.follow_payment(order=order, method=PaymentMethod.CARD)


def _void_if_superfluous(order: Order, payment: Payment, now: datetime) -> bool:
    """Another payment secured the order already: this one's authorization goes back. Whether it does now."""
    order.refresh_from_db()
    live = payment.authorized - payment.captured - payment.voided
    if (
        payment.state != PaymentState.AUTHORIZED
        or payment.void_requested_at
        or order.status == OrderStatus.CANCELED
    ):
        return False
    is_superfluous = payment.captured == 0 and held_for(order=order) - live >= order.due_total
    if is_superfluous:
        request_void(payment_id=payment.pk, now=now)
    return is_superfluous
