"""Files that were paid leave at once: the card is charged for them, then sale, tax, paper and leave to download are one transaction.

Nothing lies on a shelf, so nothing is cost. Why: docs/decisions/0015-electronic-editions.md.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import rules, selectors
from finance.chart import ADVANCES
from finance.models import Capture, Payment
from finance.operations import post_entry
from finance.operations.payments import plan_of
from finance.operations.revenue import with_discounts
from finance.rules import Sold
from finance.selectors.ledger import order_balances
from finance.states import OperationState, PaymentState
from finance.workflows.card_calls import execute_capture
from finance.workflows.dispatch import compose_sale, paid_with, write_invoice, write_receipts
from finance.workflows.due import PAID, deliver_due
from finance.workflows.sef_registration import check_before_issue
from oms import operations as orders
from oms.models import Order, OrderLine
from oms.states import LineKind, PaymentMethod
from retail.kernel.clock import business_date
from retail.kernel.money import ZERO

SALE = "digital_sale"


def deliver_digital(*, order_id: int, now: datetime) -> str:
    """Take the money for the files of an order and give leave to download them; "" when nothing is to be done, else DELIVERED or why not yet.

    Outside any transaction: a bank card is charged now. It may run any number of times.
    """
    order = Order.objects.get(pk=order_id)
    if not _lines(order):
        return ""
    check_before_issue(order=order, now=now)
    capture = _wanted_capture(order_id, now)
    if capture is not None:
        outcome = execute_capture(capture_id=capture.pk, now=now)
        if outcome != OperationState.DONE:
            if outcome == OperationState.REFUSED:
                _tell_refused(order_id, capture, now)
            return outcome
    return _deliver(order_id, now)


def deliver_due_files(*, now: datetime) -> int:
    return deliver_due(
        LineKind.DIGITAL, lambda order_id: deliver_digital(order_id=order_id, now=now) == "DELIVERED"
    )


def _lines(order: Order) -> list[OrderLine]:
    """Files that were ordered and are still to leave."""
    if order.status not in PAID:
        return []
    return list(
        order.lines.filter(kind=LineKind.DIGITAL, quantity_dispatched=0, quantity_canceled=0).order_by(
            "position"
        )
    )


def _charge(order: Order) -> Decimal:
    sold = [Sold(line.pk, 1) for line in _lines(order)]
    return rules.total_of(rules.sale_parts(selectors.lines_of_order(order=order), sold, has_fees=False))


def _in_hand(order: Order) -> Decimal:
    return max(-order_balances(order_number=order.number).get(ADVANCES, ZERO), ZERO)


@transaction.atomic
def _wanted_capture(order_id: int, now: datetime) -> Capture | None:
    """What a bank card still has to give for the files, stored before the provider is called."""
    order = orders.lock_order(order_id=order_id)
    if order.status not in PAID or order.payment_method != PaymentMethod.CARD:
        return None
    missing = _charge(order) - _in_hand(order)
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
def _tell_refused(order_id: int, capture: Capture, now: datetime) -> None:
    capture.refresh_from_db(fields=["failure"])
    orders.lock_order(order_id=order_id)
    orders.open_exception(
        kind="AUTHORIZATION_EXPIRED",
        order_id=order_id,
        cause_key=f"digital:{order_id}",
        detail={"code": capture.failure},
        now=now,
    )


@transaction.atomic
def _deliver(order_id: int, now: datetime) -> str:
    order = orders.lock_order(order_id=order_id)
    lines = _lines(order)
    if not lines:
        return ""
    if plan_of(order).is_prepaid and _in_hand(order) < _charge(order):
        return "WAITING"
    sales = selectors.sales_of_order(order=order)
    key = f"{order.number}-D{lines[0].position}"
    sale = compose_sale(
        order=order,
        sales=sales,
        sold=[Sold(line.pk, 1) for line in lines],
        shipment=None,
        key=key,
        cashier=order.channel.code,
    )
    entry = post_entry(
        entity_id=order.entity_id,
        date=business_date(now),
        document_kind=SALE,
        document_key=key,
        memo=f"Elektronsko izdanje {order.number}",
        order_number=order.number,
        lines=[*paid_with(sale), *with_discounts(sale.revenue.lines, sale.taken_off)],
    )
    write_receipts(sale, entry, now)
    orders.deliver_files(order=order, lines=lines, now=now)
    orders.resolve_cause(
        kind="AUTHORIZATION_EXPIRED",
        cause_key=f"digital:{order_id}",
        resolution="Captured and delivered.",
        now=now,
    )
    # Last: the counter of its series stays locked until the commit.
    write_invoice(sale, entry, now)
    return "DELIVERED"
