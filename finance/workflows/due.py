"""What gift cards and files have in common: a bank card is charged for them at once, and a sweep delivers what no event has told of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F

from finance.chart import ADVANCES
from finance.models import Capture, Payment
from finance.selectors.ledger import order_balances
from finance.states import OperationState, PaymentState
from finance.workflows.card_calls import execute_capture
from oms import operations as orders
from oms.models import Order
from oms.states import LineKind, OrderStatus, PaymentMethod
from retail.kernel.money import ZERO

logger = logging.getLogger("onerow.finance")

PAID = (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT)


def charge_card(*, order_id: int, charge: Callable[[Order], Decimal], cause_key: str, now: datetime) -> str:
    """A bank card gives what is missing of `charge` of its order; "" when nothing is left for it to give, else why it did not.

    Outside any transaction. What the bank refuses is a person's case, under `cause_key`.
    """
    capture = _wanted_capture(order_id, charge, now)
    if capture is None:
        return ""
    outcome = execute_capture(capture_id=capture.pk, now=now)
    if outcome == OperationState.DONE:
        return ""
    if outcome == OperationState.REFUSED:
        _tell_refused(order_id, capture, cause_key, now)
    return outcome


@transaction.atomic
def _wanted_capture(order_id: int, charge: Callable[[Order], Decimal], now: datetime) -> Capture | None:
    """Stored before the provider is called."""
    order = orders.lock_order(order_id=order_id)
    if order.status not in PAID or order.payment_method != PaymentMethod.CARD:
        return None
    missing = charge(order) - in_hand(order)
    if missing <= 0:
        return None
    waiting = Capture.objects.filter(
        payment__order=order, state=OperationState.PENDING, shipment__isnull=True
    ).first()
    if waiting is not None:
        return waiting
    card = Payment.objects.filter(
        order=order, method=PaymentMethod.CARD, state=PaymentState.AUTHORIZED, void_requested_at__isnull=True
    ).first()
    if card is None or card.authorized - card.captured - card.voided < missing:
        return None
    return Capture.objects.create(payment=card, amount=missing, created_at=now)


@transaction.atomic
def _tell_refused(order_id: int, capture: Capture, cause_key: str, now: datetime) -> None:
    capture.refresh_from_db(fields=["failure"])
    orders.lock_order(order_id=order_id)
    orders.open_exception(
        kind="AUTHORIZATION_EXPIRED",
        order_id=order_id,
        cause_key=cause_key,
        detail={"code": capture.failure},
        now=now,
    )


def in_hand(order: Order) -> Decimal:
    """Money of an order that nothing was delivered for yet."""
    return max(-order_balances(order_number=order.number).get(ADVANCES, ZERO), ZERO)


def deliver_due(kind: LineKind, deliver: Callable[[int], bool], *, batch: int = 100) -> int:
    """How many were delivered, in batches until none is left; one that fails does not hold up the others."""
    waiting = (
        Order.objects.filter(
            status__in=PAID, lines__kind=kind, lines__quantity_dispatched=0, is_imported=False
        )
        .filter(lines__quantity__gt=F("lines__quantity_canceled"))
        .distinct()
        .order_by("pk")
    )
    done, last = 0, 0
    while found := list(waiting.filter(pk__gt=last).values_list("pk", flat=True)[:batch]):
        for order_id in found:
            try:
                done += deliver(order_id)
            except Exception:
                logger.exception("%s of order %s could not be delivered", kind, order_id)
        last = found[-1]
    return done
