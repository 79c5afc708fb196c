"""What we ask of the card provider: captures, refunds, voids. The row stands before the call, its key makes the effect single.

A lost answer is looked up by the key before anything is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from finance import events
from finance.models import Capture, Payment, Refund
from finance.providers import card
from finance.providers.card import CardPayment, CardProvider
from finance.states import OperationState, PaymentState
from finance.workflows.cards import apply_answer, lock_for_payment, refresh_payment
from oms import operations as orders
from retail.kernel import failpoints
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.outside import ProviderError, ProviderRefused, ProviderTimeout

LEASE = timedelta(minutes=2)
RETRY_SECONDS_MAX = 900
# A capture that no parcel is waiting for and that the provider does not know was never made.
CAPTURE_IS_DEAD_AFTER = timedelta(minutes=10)

Asked = Capture | Refund


def execute_capture(*, capture_id: int, now: datetime, by: User | None = None) -> str:
    """Have a stored capture carried out, once: DONE, REFUSED, or PENDING while nobody knows."""

    def call(provider: CardProvider, capture: Asked) -> CardPayment:
        return provider.capture(
            reference=capture.payment.public_id,
            key=capture.public_id,
            amount=capture.amount,
            currency=capture.payment.currency,
        )

    return _execute(Capture, capture_id, call, now, by)


def execute_refund(*, refund_id: int, now: datetime) -> str:
    """Have a stored card refund carried out, once: DONE, REFUSED, or PENDING while nobody knows."""

    def call(provider: CardProvider, refund: Asked) -> CardPayment:
        return provider.refund(
            reference=refund.payment.public_id,
            key=refund.public_id,
            amount=refund.amount,
            currency=refund.payment.currency,
        )

    return _execute(Refund, refund_id, call, now, None)


def execute_void(*, payment_id: int, now: datetime) -> str:
    """Give back what is authorized and not needed. The key makes a repeat harmless."""
    payment = Payment.objects.get(pk=payment_id)
    if payment.state != PaymentState.AUTHORIZED:
        return payment.state
    try:
        seen = card.from_settings().void(reference=payment.public_id, key=f"void-{payment.public_id}")
    except ProviderRefused:
        return refresh_payment(payment_id=payment_id, now=now)
    except ProviderError as error:
        return error.code
    if apply_answer(payment_id=payment_id, seen=seen, now=now) != "MISMATCH":
        _announce_void(payment_id)
    return _state(Payment, payment_id)


def look_up_capture(*, capture_id: int, now: datetime) -> str:
    """Settle a capture that was left in doubt, without taking money: no parcel is waiting for it now."""
    capture = Capture.objects.select_related("payment").get(pk=capture_id)
    if capture.state != OperationState.PENDING:
        return capture.state
    try:
        seen = card.from_settings().fetch(reference=capture.payment.public_id)
    except ProviderError as error:
        return error.code
    if seen is not None and seen.operation(key=capture.public_id):
        apply_answer(payment_id=capture.payment_id, seen=seen, now=now)
    elif now - capture.created_at > CAPTURE_IS_DEAD_AFTER:
        _refuse(Capture, capture.pk, "NOT_SENT", now)
    return _state(Capture, capture_id)


def _execute(
    kind: type[Asked],
    pk: int,
    call: Callable[[CardProvider, Asked], CardPayment],
    now: datetime,
    by: User | None,
) -> str:
    row = _begin(kind, pk, now)
    if row is None:
        return _state(kind, pk)
    provider = card.from_settings()
    try:
        seen = _known(provider, row) if row.attempts > 1 else None
        seen = seen or call(provider, row)
    except ProviderRefused as refusal:
        _refuse(kind, pk, refusal.code, now)
        refresh_payment(payment_id=row.payment_id, now=now)
        return _state(kind, pk)
    except ProviderTimeout as lost:
        found = _after_loss(provider, row)
        if found is None:
            return _postpone(kind, row, lost.code, now)
        seen = found
    except ProviderError as error:
        return _postpone(kind, row, error.code, now)
    failpoints.hit("capture.taken")
    apply_answer(payment_id=row.payment_id, seen=seen, now=now, by=by)
    return _state(kind, pk)


def _known(provider: CardProvider, row: Asked) -> CardPayment | None:
    seen = provider.fetch(reference=row.payment.public_id)
    return seen if seen is not None and seen.operation(key=row.public_id) else None


def _after_loss(provider: CardProvider, row: Asked) -> CardPayment | None:
    try:
        return _known(provider, row)
    except ProviderError:
        # The first loss is what is kept; that the look-up failed too adds nothing.
        return None


@transaction.atomic
def _begin(kind: type[Asked], pk: int, now: datetime) -> Asked | None:
    """Count the attempt before the call, under a lease; None when the row was settled meanwhile."""
    rows: Any = kind
    row: Asked = rows.objects.select_for_update(of=("self",)).select_related("payment").get(pk=pk)
    if row.state != OperationState.PENDING:
        return None
    row.attempts += 1
    row.next_attempt_at = now + LEASE
    row.save(update_fields=["attempts", "next_attempt_at"])
    return row


@transaction.atomic
def _postpone(kind: type[Asked], row: Asked, code: str, now: datetime) -> str:
    wait = min(5 * 2**row.attempts, RETRY_SECONDS_MAX)
    rows: Any = kind
    rows.objects.filter(pk=row.pk, state=OperationState.PENDING).update(
        failure=code[:120], next_attempt_at=now + timedelta(seconds=wait)
    )
    return _state(kind, row.pk)


@transaction.atomic
def _refuse(kind: type[Asked], pk: int, code: str, now: datetime) -> None:
    """The provider said no, or never heard of it. A refund that cannot go is a case for a person."""
    rows: Any = kind
    row: Asked = rows.objects.select_related("payment").get(pk=pk)
    order, _ = lock_for_payment(row.payment)
    changed = rows.objects.filter(pk=pk, state=OperationState.PENDING).update(
        state=OperationState.REFUSED, failure=code[:120], done_at=None
    )
    if changed and kind is Refund:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=f"refund:{row.public_id}",
            detail={"refund": row.public_id, "amount": str(row.amount), "reason": code[:120]},
            now=now,
        )


@transaction.atomic
def _announce_void(payment_id: int) -> None:
    payment = Payment.objects.select_related("order").get(pk=payment_id)
    announce(
        events.PaymentVoided(
            payment=payment.public_id, order_id=payment.order_id, number=payment.order.number
        ),
        subject=("order", payment.order.number),
    )


def _state(kind: type[Capture | Refund | Payment], pk: int) -> str:
    rows: Any = kind
    return str(rows.objects.values_list("state", flat=True).get(pk=pk))
