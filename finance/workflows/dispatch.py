"""What happens to money and papers when goods leave: captured before, posted with them.

See docs/decisions/0004-capture-before-dispatch.md for why the card is captured before the goods leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import rules, selectors
from finance.chart import ADVANCES, CASH, COURIER_RECEIVABLE, EXCHANGES, GIFT_CARDS
from finance.models import Capture, FiscalReceipt, JournalEntry, Payment
from finance.operations import Posted, issue_value, payment_for, post_entry
from finance.operations.incomes import buyer_of, settle_capture
from finance.operations.ledger import Posting, debit
from finance.operations.papers import (
    advance_items,
    issue_invoice,
    own_pib,
    queue_fiscal_receipt,
    rate_rows,
)
from finance.operations.payments import plan_of
from finance.operations.revenue import (
    Revenue,
    advance_tax_lines,
    cost_lines,
    revenue_of,
    with_discounts,
)
from finance.rules import Goods, PaperPlan, Part, RateAmounts, Sale, Sold, TakenOff
from finance.states import (
    FiscalKind,
    FiscalTransaction,
    InvoiceKind,
    OperationState,
    PaymentState,
)
from finance.workflows.card_calls import execute_capture
from finance.workflows.sef_registration import check_before_issue
from oms import operations as orders
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.clock import business_date
from retail.kernel.errors import NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from warehouse.models import Shipment


class CaptureRefused(Refusal):
    """The card cannot be charged for these goods (most often the authorization has expired): the parcel stays."""

    code = "AUTHORIZATION_EXPIRED"


class CaptureUnknown(Refusal):
    """Whether the card was charged is not known yet: the parcel waits, and the same dispatch may be tried again."""

    code = "CAPTURE_UNKNOWN"
    status = 503


class PaymentMissing(Refusal):
    """Goods that are to be paid before they leave are not paid."""

    code = "PAYMENT_MISSING"


class AlreadyPosted(Refusal):
    code = "ALREADY_POSTED"


class ForeignStock(Refusal):
    """The goods belong to another company of the group than the one that sells them."""

    code = "FOREIGN_STOCK"


class ShipmentNotFound(NotFound):
    code = "UNKNOWN_SHIPMENT"


# A parcel is paid with one card, or with as many as its order was raised; an order that changes meanwhile is looked at again.
CAPTURES_MAX = 10


def prepare_dispatch(*, shipment_id: int, sold: Sequence[Sold], by: User | None, now: datetime) -> None:
    """Take the money for a shipment before it leaves. Call it outside any transaction; doing it twice takes nothing twice.

    Refuses CaptureRefused (and opens the exception that holds the parcel), CaptureUnknown.
    """
    shipment = _shipment(shipment_id)
    check_before_issue(order=shipment.order, now=now)
    for _ in range(CAPTURES_MAX):
        capture = _wanted_capture(shipment, sold, now)
        if capture is None:
            return
        if capture.state == OperationState.REFUSED:
            _refuse(shipment, capture.failure, now)
        outcome = execute_capture(capture_id=capture.pk, now=now, by=by)
        if outcome == OperationState.REFUSED:
            capture.refresh_from_db(fields=["failure"])
            _refuse(shipment, capture.failure, now)
        if outcome == OperationState.PENDING:
            raise CaptureUnknown("The card provider has not answered yet. Try again in a minute.")
    raise CaptureUnknown("The order changes while its card is being charged. Try again.")


@transaction.atomic
def _wanted_capture(shipment: Shipment, sold: Sequence[Sold], now: datetime) -> Capture | None:
    """The capture that this shipment still needs, stored before the provider is called; an unsaved refusal when no card can give it."""
    order = orders.lock_order(order_id=shipment.order_id)
    if order.payment_method != PaymentMethod.CARD:
        return None
    needed = selectors.shipment_needs(order=order, shipment_id=shipment.pk, sold=sold)
    if needed <= 0:
        return None
    own = Capture.objects.filter(payment__order=order, shipment=shipment).exclude(
        state=OperationState.REFUSED
    )
    waiting = own.filter(state=OperationState.PENDING).first()
    if waiting is not None:
        return waiting
    cards = Payment.objects.filter(
        order=order, method=PaymentMethod.CARD, state=PaymentState.AUTHORIZED, void_requested_at__isnull=True
    ).order_by("attempt")
    free = {card.pk: card.authorized - card.captured - card.voided for card in cards}
    # One card that covers it; else, when units were added and paid apart, the cards one after the other.
    chosen = next((card for card in cards if free[card.pk] >= needed), None)
    if chosen is None and sum(free.values()) >= needed:
        chosen = next(card for card in cards if free[card.pk] > 0)
    if chosen is not None:
        # A second capture for the same parcel by the same card (units were added) stands by itself.
        is_again = own.filter(payment=chosen).exists()
        return Capture.objects.create(
            payment=chosen,
            amount=min(needed, free[chosen.pk]),
            shipment=None if is_again else shipment,
            created_at=now,
        )
    return Capture(amount=needed, state=OperationState.REFUSED, failure="NOTHING_AUTHORIZED")


@transaction.atomic
def _hold_parcel(shipment: Shipment, failure: str, now: datetime) -> None:
    orders.lock_order(order_id=shipment.order_id)
    orders.open_exception(
        kind="AUTHORIZATION_EXPIRED",
        order_id=shipment.order_id,
        cause_key=shipment.number,
        detail={"shipment": shipment.number, "code": failure},
        now=now,
    )


def _refuse(shipment: Shipment, failure: str, now: datetime) -> None:
    _hold_parcel(shipment, failure, now)
    raise CaptureRefused(
        "The card cannot be charged, so the parcel stays here.", shipment=shipment.number, reason=failure
    )


@dataclass(frozen=True, slots=True)
class ComposedSale:
    """What the paper of one shipment, or of files, comes to, before anything is written."""

    order: Order
    # Files have none.
    shipment: Shipment | None
    # Names the sale among those of the order: the shipment's number.
    key: str
    cashier: str
    plan: PaperPlan
    parts: list[Part]
    charge: Decimal
    from_advance: Decimal
    closing: list[RateAmounts]
    revenue: Revenue
    taken_off: list[TakenOff]
    # What of the charge was paid by gift card, and by the goods of an exchange.
    vouchers: Decimal
    exchanged: Decimal


@transaction.atomic
def post_dispatch(
    *,
    shipment_id: int,
    goods: Sequence[Goods],
    sold: Sequence[Sold],
    by: User | None,
    now: datetime,
) -> Posted:
    """Goods leave: cost, revenue, tax, what they are paid with, and the paper. Inside the dispatch transaction.

    Refuses AlreadyPosted, PaymentMissing (prepare_dispatch comes first), ForeignStock, StockValueShort, BeyondSold.
    """
    shipment = _shipment(shipment_id)
    order = orders.lock_order(order_id=shipment.order_id)
    sale = _of_shipment(order, shipment, sold)
    values = issue_value(entity_id=order.entity_id, items=[(one.variant_id, one.quantity) for one in goods])
    entry = post_entry(
        entity_id=order.entity_id,
        date=business_date(now),
        document_kind="dispatch",
        document_key=shipment.number,
        memo=f"Otprema {shipment.number}, {order.number}",
        order_number=order.number,
        by=by,
        lines=[
            *paid_with(sale),
            *with_discounts(sale.revenue.lines, sale.taken_off),
            *cost_lines(goods, values, is_return=False),
        ],
    )
    write_receipts(sale, entry, now)
    if _receivable(sale) == CASH and sale.charge > sale.from_advance:
        _take_cash(sale, entry, now)
    write_invoice(sale, entry, now)
    orders.resolve_cause(
        kind="AUTHORIZATION_EXPIRED", cause_key=shipment.number, resolution="Captured and sent.", now=now
    )
    return Posted(entry.pk, values)


def _of_shipment(order: Order, shipment: Shipment, sold: Sequence[Sold]) -> ComposedSale:
    if shipment.location.entity_id != order.entity_id:
        raise ForeignStock("These goods belong to another company of the group.")
    sales = selectors.sales_of_order(order=order)
    if any(one.shipment_id == shipment.pk for one in sales):
        raise AlreadyPosted(f"{shipment.number} was posted already.")
    return compose_sale(
        order=order,
        sales=sales,
        sold=sold,
        shipment=shipment,
        key=shipment.number,
        cashier=shipment.location.code,
    )


def compose_sale(
    *,
    order: Order,
    sales: Sequence[Sale],
    sold: Sequence[Sold],
    shipment: Shipment | None,
    key: str,
    cashier: str,
) -> ComposedSale:
    """The order row is locked by the caller. Refuses PaymentMissing, BeyondSold."""
    plan = plan_of(order)
    lines = selectors.lines_of_order(order=order, sales=sales)
    parts = rules.sale_parts(lines, sold, has_fees=shipment is not None)
    charge = rules.total_of(parts)
    balances = selectors.order_balances(order_number=order.number)
    held = max(-balances.get(ADVANCES, ZERO), ZERO)
    from_advance = min(held, charge)
    if plan.is_prepaid and from_advance < charge:
        raise PaymentMissing(
            f"{charge - from_advance} of these goods is not paid.", missing=str(charge - from_advance)
        )
    advance = selectors.advance_of_order(order=order)
    closing = _closing(advance, parts, from_advance) if advance.gross_left > 0 else []
    revenue = revenue_of(parts, plan=plan, is_refund=False)
    units = rules.units_out(sales)
    for line_id, quantity in {part.line_id: part.quantity for part in parts}.items():
        units[line_id] = units.get(line_id, 0) + quantity
    taken_off = rules.taken_off(lines, units, is_sold=True)
    spent = balances.get(GIFT_CARDS, ZERO) - sum((one.vouchers - one.vouchers_undone for one in sales), ZERO)
    vouchers = min(max(spent, ZERO), from_advance)
    swapped = balances.get(EXCHANGES, ZERO) - sum((s.exchanged - s.exchanged_undone for s in sales), ZERO)
    exchanged = min(max(swapped, ZERO), from_advance - vouchers)
    return ComposedSale(
        order,
        shipment,
        key,
        cashier,
        plan,
        parts,
        charge,
        from_advance,
        closing,
        revenue,
        taken_off,
        vouchers,
        exchanged,
    )


def _closing(
    advance: selectors.OpenAdvance, parts: Sequence[Part], from_advance: Decimal
) -> list[RateAmounts]:
    by_rate: dict[Decimal, Decimal] = {}
    for part in parts:
        by_rate[part.rate] = by_rate.get(part.rate, ZERO) + part.gross
    return rules.closing_of(
        received=advance.received, closed=advance.closed, gross_by_rate=by_rate, amount=from_advance
    )


def _receivable(sale: ComposedSale) -> str:
    """Cash on delivery without a carrier is cash over the counter."""
    if sale.plan.receivable == COURIER_RECEIVABLE and (
        sale.shipment is None or sale.shipment.service_id is None
    ):
        return CASH
    return sale.plan.receivable


def paid_with(sale: ComposedSale) -> list[Posting]:
    return [
        debit(ADVANCES, sale.from_advance),
        debit(
            _receivable(sale),
            sale.charge - sale.from_advance,
            source_kind="shipment",
            source_key=sale.key,
        ),
        *advance_tax_lines(sale.closing, is_closing=True),
    ]


def write_receipts(sale: ComposedSale, entry: JournalEntry, now: datetime) -> None:
    """An advance that these goods close is refunded first; the sale refers to that refund."""
    if not sale.plan.is_fiscal:
        return
    order, number = sale.order, sale.key
    referent: FiscalReceipt | None = None
    cashier = sale.cashier
    if sale.closing:
        advance = selectors.advance_of_order(order=order)
        referent = queue_fiscal_receipt(
            order=order,
            kind=FiscalKind.ADVANCE,
            transaction_kind=FiscalTransaction.REFUND,
            cause_key=f"advance_closing:{number}",
            items=advance_items(sale.closing),
            tax_by_rate=rate_rows(sale.closing),
            payment_method=advance.paid_by,
            entry=entry,
            now=now,
            cashier=cashier,
            referent=advance.last_receipt,
            shipment=sale.shipment,
            buyer_id=own_pib(order.entity),
        )
    queue_fiscal_receipt(
        order=order,
        kind=FiscalKind.NORMAL,
        transaction_kind=FiscalTransaction.SALE,
        cause_key=f"sale:{number}",
        items=rules.receipt_items(sale.parts),
        tax_by_rate=rules.by_rate(sale.parts),
        payment_method=sale.plan.fiscal_payment,
        entry=entry,
        now=now,
        cashier=cashier,
        referent=referent,
        shipment=sale.shipment,
        buyer_id=buyer_of(order),
        vouchers=sale.vouchers,
        exchanged=sale.exchanged,
    )


def write_invoice(sale: ComposedSale, entry: JournalEntry, now: datetime) -> None:
    if not sale.plan.has_invoice:
        return
    issue_invoice(
        order=sale.order,
        kind=InvoiceKind.INVOICE,
        parts=sale.parts,
        net=sale.revenue.net,
        rounding=sale.revenue.rounding,
        entry=entry,
        now=now,
        supplied_on=business_date(now),
        shipment=sale.shipment,
        prepaid=sale.closing if not sale.plan.is_fiscal else (),
    )


def _take_cash(sale: ComposedSale, entry: JournalEntry, now: datetime) -> None:
    """Handed over for cash: the money is in the till with this entry."""
    capture = Capture.objects.create(
        payment=payment_for(order=sale.order, method=PaymentMethod.CASH_ON_DELIVERY, now=now),
        amount=sale.charge - sale.from_advance,
        shipment=sale.shipment,
        created_at=now,
    )
    settle_capture(order=sale.order, capture=capture, entry=entry, now=now)


def _shipment(shipment_id: int) -> Shipment:
    shipment = Shipment.objects.select_related("location", "order").filter(pk=shipment_id).first()
    if shipment is None:
        raise ShipmentNotFound("There is no such shipment.")
    return shipment
