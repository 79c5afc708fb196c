"""Files that were paid leave at once: the card is charged for them, then sale, tax, paper and leave to download are one transaction.

Nothing lies on a shelf, so nothing is cost. Why: docs/decisions/0015-electronic-editions.md.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import rules, selectors
from finance.operations import post_entry
from finance.operations.payments import plan_of
from finance.operations.revenue import with_discounts
from finance.rules import Sold
from finance.workflows.dispatch import compose_sale, paid_with, write_invoice, write_receipts
from finance.workflows.due import PAID, charge_card, deliver_due, in_hand
from finance.workflows.sef_registration import check_before_issue
from oms import operations as orders
from oms.models import Order, OrderLine
from oms.states import LineKind
from retail.kernel.clock import business_date

SALE = "digital_sale"


def deliver_digital(*, order_id: int, now: datetime) -> str:
    """Take the money for the files of an order and give leave to download them; "" when nothing is to be done, else DELIVERED or why not yet.

    Outside any transaction: a bank card is charged now. It may run any number of times.
    """
    order = Order.objects.get(pk=order_id)
    if not _lines(order):
        return ""
    check_before_issue(order=order, now=now)
    reason = charge_card(order_id=order_id, charge=_charge, cause_key=f"digital:{order_id}", now=now)
    return reason or _deliver(order_id, now)


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


@transaction.atomic
def _deliver(order_id: int, now: datetime) -> str:
    order = orders.lock_order(order_id=order_id)
    lines = _lines(order)
    if not lines:
        return ""
    if plan_of(order).is_prepaid and in_hand(order) < _charge(order):
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
