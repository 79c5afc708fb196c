"""What the minute's sweep finds when a message, a worker or a broker was lost. Every verb here may run beside itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from finance.chart import ADVANCES
from finance.models import Capture, Payment, PaymentEvent, Refund
from finance.operations.payments import CARD_SERVICE
from finance.selectors.ledger import order_balances
from finance.states import OperationState, PaymentState
from finance.workflows.card_calls import execute_refund, execute_void, look_up_capture
from finance.workflows.cards import process_payment_event, refresh_payment
from finance.workflows.exchanges import bring_refunds_home
from oms import operations as orders
from oms.models import Order, OrderException
from oms.states import ExceptionKind, ExceptionState, OrderStatus, PaymentMethod
from retail.kernel.money import ZERO
from warehouse.states import ShipmentStatus

logger = logging.getLogger("onerow.finance")

# Messages come within seconds; what is older was lost on the way.
MESSAGE_IS_LATE_AFTER = timedelta(minutes=2)
# Pages of the provider live half an hour; an attempt that we gave up on may still be paid within this time.
ATTEMPT_IS_DEAD_AFTER = timedelta(hours=2)
# The courier comes every working day; a parcel that was paid for and is still here after a day is not about to leave.
CAPTURE_IS_STALE_AFTER = timedelta(days=1)
UNFINISHED = (OrderStatus.PLACED, OrderStatus.ON_HOLD, OrderStatus.IN_FULFILLMENT)


def process_events(*, now: datetime, limit: int = 200) -> int:
    waiting = PaymentEvent.objects.filter(processed_at__isnull=True).order_by("pk")
    return _each(
        waiting.values_list("pk", flat=True)[:limit], lambda pk: process_payment_event(event_id=pk, now=now)
    )


def settle_captures(*, now: datetime, limit: int = 100) -> int:
    waiting = Capture.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        state=OperationState.PENDING,
        payment__method=PaymentMethod.CARD,
    ).order_by("pk")
    return _each(
        waiting.values_list("pk", flat=True)[:limit], lambda pk: look_up_capture(capture_id=pk, now=now)
    )


def send_refunds(*, now: datetime, limit: int = 100) -> int:
    """Cards, and what exchanges had paid: transfers are the accountant's list."""
    home = bring_refunds_home(now=now, limit=limit)
    waiting = Refund.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        state=OperationState.PENDING,
        payment__method=PaymentMethod.CARD,
    ).order_by("pk")
    return home + _each(
        waiting.values_list("pk", flat=True)[:limit], lambda pk: execute_refund(refund_id=pk, now=now)
    )


def void_authorizations(*, now: datetime, limit: int = 100) -> int:
    unneeded = Payment.objects.filter(
        Q(void_requested_at__isnull=False)
        | Q(order__status__in=[OrderStatus.CANCELED, OrderStatus.COMPLETED]),
        state=PaymentState.AUTHORIZED,
        method=PaymentMethod.CARD,
    ).order_by("pk")
    return _each(
        unneeded.values_list("pk", flat=True)[:limit], lambda pk: execute_void(payment_id=pk, now=now)
    )


def poll_payments(*, now: datetime, limit: int = 100) -> int:
    """Ask about payments of which nothing was heard, and about authorizations whose end has come."""
    silent = Q(state=PaymentState.PENDING, created_at__lt=now - MESSAGE_IS_LATE_AFTER)
    given_up = Q(
        state__in=[PaymentState.EXPIRED, PaymentState.FAILED],
        authorized=0,
        created_at__gt=now - ATTEMPT_IS_DEAD_AFTER,
        created_at__lt=now - MESSAGE_IS_LATE_AFTER,
    )
    ended = Q(state=PaymentState.AUTHORIZED, authorization_expires_at__lt=now)
    lost = Payment.objects.filter(silent | given_up | ended, provider=CARD_SERVICE).exclude(provider_ref="")
    return _each(
        lost.order_by("pk").values_list("pk", flat=True)[:limit],
        lambda pk: refresh_payment(payment_id=pk, now=now),
    )


def report_unsent_captures(*, now: datetime) -> int:
    """A card is charged when its parcel leaves; money that has lain here for a day without goods is a person's case.

    The case closes by itself when the goods leave or the money goes back.
    """
    waiting = Capture.objects.filter(
        state=OperationState.DONE,
        payment__method=PaymentMethod.CARD,
        payment__order__status__in=UNFINISHED,
        shipment__status__in=[ShipmentStatus.READY, ShipmentStatus.CANCELED],
        done_at__lt=now - CAPTURE_IS_STALE_AFTER,
    )
    numbers = set(waiting.values_list("payment__order__number", flat=True))
    cases = OrderException.objects.filter(
        kind=ExceptionKind.PAYMENT_MISMATCH, state=ExceptionState.OPEN, cause_key__startswith=_UNSENT
    )
    known = {key.removeprefix(_UNSENT) for key in cases.values_list("cause_key", flat=True)}
    found = 0
    for order in Order.objects.filter(number__in=numbers | known).order_by("pk"):
        advance = -order_balances(order_number=order.number).get(ADVANCES, ZERO)
        cause = f"{_UNSENT}{order.number}"
        if advance > 0 and order.number in numbers:
            found += 1
            detail = {"reason": "CAPTURED_NOT_SENT", "amount": str(advance)}
            orders.open_exception(
                kind="PAYMENT_MISMATCH", order_id=order.pk, cause_key=cause, detail=detail, now=now
            )
        elif advance <= 0:
            orders.resolve_cause(
                kind="PAYMENT_MISMATCH", cause_key=cause, resolution="Sent or given back.", now=now
            )
    return found


_UNSENT = "unsent:"


def _each(pks: Iterable[int], act: Callable[[int], object]) -> int:
    """One that fails does not hold up the others; the next sweep takes it again."""
    done = 0
    for pk in list(pks):
        try:
            act(pk)
            done += 1
        except Exception:
            logger.exception("a sweep could not finish row %s", pk)
    return done
