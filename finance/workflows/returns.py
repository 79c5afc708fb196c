"""What happens to money and papers when goods come back, or never arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import rules, selectors
from finance.chart import COST_OF_GOODS, COURIER_RECEIVABLE, CUSTOMERS, WRITE_OFFS
from finance.models import FiscalReceipt, Invoice, JournalEntry
from finance.operations import cost_of_units_out, post_entry, return_value
from finance.operations.incomes import buyer_of
from finance.operations.ledger import Posting, credit, debit
from finance.operations.papers import (
    issue_invoice,
    own_pib,
    queue_fiscal_receipt,
)
from finance.operations.payments import plan_of
from finance.operations.revenue import Revenue, cost_lines, revenue_of, with_discounts
from finance.rules import Goods, Part, Sale, Sold
from finance.selectors.sales import amounts_by_line
from finance.states import FiscalKind, FiscalTransaction, InvoiceKind
from finance.workflows.dispatch import AlreadyPosted, ShipmentNotFound
from oms import operations as orders
from oms.models import Order, Return
from retail.kernel.clock import business_date
from retail.kernel.errors import NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from warehouse.models import Shipment, StockMove
from warehouse.states import MoveReason

DIGITAL_RETURN = "digital_return"


class NothingSold(Refusal):
    """The shipment has no paper, or all of it was taken back already."""

    code = "NOTHING_SOLD"


@dataclass(frozen=True, slots=True)
class PostedReturn:
    """The entry for the stock moves, the amount of each; and by order line the units taken back and what is no longer owed, gross."""

    entry_id: int
    values: list[Decimal]
    amounts: dict[int, Decimal]
    units: dict[int, int]

    @property
    def total(self) -> Decimal:
        return sum(self.amounts.values(), ZERO)


@dataclass(frozen=True, slots=True)
class _Undoing:
    """A document that takes sales back: where it comes from, and whose buyer id the receipt carries."""

    order: Order
    key: str
    kind: str
    shipment: Shipment | None = None
    parent_return: Return | None = None
    buyer_id: str = ""
    buyer_id_encrypted: str = ""
    # What of the money pays for other goods instead of going back.
    exchanged: Decimal = ZERO


@transaction.atomic
def post_return(
    *,
    return_id: int,
    goods: Sequence[Goods],
    sold: Sequence[Sold],
    by: User | None,
    now: datetime,
    exchanged: Decimal = ZERO,
) -> PostedReturn:
    """Goods came back from the buyer: cost, revenue and tax are undone, the buyer is owed the money, a paper says so.

    Of the money `exchanged` pays for other goods. A person's fiscal refund waits for a buyer id when none was given. Refuses AlreadyPosted, BeyondSold, BeyondIssue.
    """
    given = Return.objects.filter(pk=return_id).first()
    if given is None:
        raise NotFound("There is no such return.")
    order = orders.lock_order(order_id=given.order_id)
    if selectors.entries(document_kind="return", document_key=given.number).exists():
        raise AlreadyPosted(f"{given.number} was posted already.")
    sales = selectors.sales_of_order(order=order)
    undone = rules.returned_parts(sales, sold)
    document = _Undoing(
        order,
        given.number,
        "return",
        parent_return=given,
        buyer_id=buyer_of(order),
        buyer_id_encrypted="" if order.company_pib else given.buyer_id_encrypted,
        exchanged=exchanged,
    )
    return _undo(document, sales, undone, goods, by, now)


@transaction.atomic
def post_undelivered(
    *, shipment_id: int, goods: Sequence[Goods], by: User | None, now: datetime
) -> PostedReturn:
    """A parcel came back refused or undeliverable: all that its paper still says is undone, under the seller's own PIB.

    Refuses NothingSold, BeyondIssue.
    """
    shipment, order, sale, sales = _sale_of(shipment_id)
    document = _Undoing(
        order, shipment.number, "undelivered", shipment=shipment, buyer_id=own_pib(order.entity)
    )
    return _undo(document, sales, [(sale, rules.rest_of(sale))], goods, by, now)


@transaction.atomic
def post_lost(*, shipment_id: int, by: User | None, now: datetime) -> PostedReturn:
    """The carrier lost a parcel: the sale is undone, and what it cost is a loss instead of cost of goods sold."""
    shipment, order, sale, sales = _sale_of(shipment_id)
    parts = rules.rest_of(sale)
    cost = sum(cost_of_units_out(goods=units_still_out(shipment_id=shipment_id)), ZERO)
    loss = [
        debit(WRITE_OFFS, cost, source_kind="shipment", source_key=shipment.number),
        credit(COST_OF_GOODS, cost, source_kind="shipment", source_key=shipment.number),
    ]
    document = _Undoing(order, shipment.number, "lost", shipment=shipment, buyer_id=own_pib(order.entity))
    return _undo(document, sales, [(sale, parts)], [], by, now, extra=loss)


@transaction.atomic
def post_digital_return(
    *, order_id: int, line_id: int, key: str, by: User | None, now: datetime
) -> PostedReturn:
    """A file that nobody fetched is taken back: its sale is undone, under the seller's own PIB as no person stands there.

    Refuses BeyondSold, BeyondIssue.
    """
    order = orders.lock_order(order_id=order_id)
    sales = selectors.sales_of_order(order=order)
    undone = rules.returned_parts(sales, [Sold(line_id, 1)])
    document = _Undoing(order, key, DIGITAL_RETURN, buyer_id=buyer_of(order) or own_pib(order.entity))
    return _undo(document, sales, undone, [], by, now)


def _sale_of(shipment_id: int) -> tuple[Shipment, Order, Sale, list[Sale]]:
    """The shipment's own sale, and all of its order."""
    shipment = Shipment.objects.filter(pk=shipment_id).first()
    if shipment is None:
        raise ShipmentNotFound("There is no such shipment.")
    order = orders.lock_order(order_id=shipment.order_id)
    sales = selectors.sales_of_order(order=order)
    own = [one for one in sales if one.shipment_id == shipment.pk]
    if not own or not rules.rest_of(own[0]):
        raise NothingSold(f"Nothing of {shipment.number} is left to be taken back.")
    return shipment, order, own[0], sales


def _undo(
    document: _Undoing,
    sales: Sequence[Sale],
    undone: Sequence[tuple[Sale, list[Part]]],
    goods: Sequence[Goods],
    by: User | None,
    now: datetime,
    extra: Sequence[Posting] = (),
) -> PostedReturn:
    order = document.order
    plan = plan_of(order)
    values = return_value(entity_id=order.entity_id, goods=goods) if goods else []
    revenues = [revenue_of(parts, plan=plan, is_refund=True) for _, parts in undone]
    gross = sum((rules.total_of(parts) for _, parts in undone), ZERO)
    units = rules.units_out(sales)
    for line_id, quantity in _units_by_line(undone).items():
        units[line_id] -= quantity
    taken_off = rules.taken_off(selectors.lines_of_order(order=order, sales=sales), units, is_sold=True)
    entry = post_entry(
        entity_id=order.entity_id,
        date=business_date(now),
        document_kind=document.kind,
        document_key=document.key,
        memo=f"Povrat {document.key}, {order.number}",
        order_number=order.number,
        by=by,
        lines=[
            *with_discounts([line for revenue in revenues for line in revenue.lines], taken_off),
            *_owed_to_buyer(document, gross),
            *cost_lines(goods, values, is_return=True),
            *extra,
        ],
    )
    left = document.exchanged
    for (sale, parts), revenue in zip(undone, revenues, strict=True):
        exchanged = min(left, rules.total_of(parts) - rules.vouchers_back(sale, parts))
        left -= exchanged
        _write_papers(document, sale, parts, revenue, entry, exchanged, now)
    amounts = amounts_by_line(part for _, parts in undone for part in parts)
    return PostedReturn(entry.pk, values, amounts, _units_by_line(undone))


def _units_by_line(undone: Sequence[tuple[Sale, list[Part]]]) -> dict[int, int]:
    """A line that stands on a paper once for each rate has the same units on each."""
    units: dict[int, int] = {}
    for _, parts in undone:
        of_paper = {part.line_id: part.quantity for part in parts}
        for line_id, quantity in of_paper.items():
            units[line_id] = units.get(line_id, 0) + quantity
    return units


def _owed_to_buyer(document: _Undoing, gross: Decimal) -> list[Posting]:
    """A parcel that came back unpaid is no longer the courier's debt; all else is owed to the buyer."""
    open_at_courier = ZERO
    if document.shipment is not None:
        balances = selectors.order_balances(order_number=document.order.number)
        open_at_courier = min(gross, max(balances.get(COURIER_RECEIVABLE, ZERO), ZERO))
    return [
        credit(COURIER_RECEIVABLE, open_at_courier, source_kind="shipment", source_key=document.key),
        credit(CUSTOMERS, gross - open_at_courier),
    ]


def _write_papers(
    document: _Undoing,
    sale: Sale,
    parts: list[Part],
    revenue: Revenue,
    entry: JournalEntry,
    exchanged: Decimal,
    now: datetime,
) -> None:
    order = document.order
    plan = plan_of(order)
    if plan.is_fiscal:
        sold_by = FiscalReceipt.objects.get(pk=sale.key)
        queue_fiscal_receipt(
            order=order,
            kind=FiscalKind.NORMAL,
            transaction_kind=FiscalTransaction.REFUND,
            cause_key=f"{document.kind}:{document.key}:{sale.key}",
            items=rules.receipt_items(parts),
            tax_by_rate=rules.by_rate(parts),
            payment_method=plan.fiscal_payment,
            entry=entry,
            now=now,
            cashier=sold_by.cashier,
            referent=sold_by,
            shipment=document.shipment,
            parent_return=document.parent_return,
            buyer_id=document.buyer_id,
            buyer_id_encrypted=document.buyer_id_encrypted,
            vouchers=rules.vouchers_back(sale, parts),
            exchanged=max(exchanged, rules.exchanged_back(sale, parts)),
        )
    if plan.has_invoice:
        issue_invoice(
            order=order,
            kind=InvoiceKind.CREDIT_NOTE,
            parts=parts,
            net=revenue.net,
            rounding=revenue.rounding,
            entry=entry,
            now=now,
            supplied_on=business_date(now),
            shipment=document.shipment,
            parent_return=document.parent_return,
            credited=_invoice_of(order, sale),
        )


def _invoice_of(order: Order, sale: Sale) -> Invoice | None:
    """The invoice of the shipment that the sale's paper is about; that of files has none and stands with their lines."""
    invoices = Invoice.objects.filter(order=order, kind=InvoiceKind.INVOICE, replaces__isnull=True)
    if sale.shipment_id:
        return invoices.filter(shipment_id=sale.shipment_id).first()
    lines = {part.line_id for part in sale.parts}
    return invoices.filter(shipment__isnull=True, lines__order_line_id__in=lines).first()


def units_still_out(*, shipment_id: int) -> list[Goods]:
    """What the parcel held and nobody brought back: of a line that came back in part, its share of every component.

    Refuses NothingSold.
    """
    shipment, _, sale, _ = _sale_of(shipment_id)
    rest = rules.rest_of(sale)
    sold = {part.line_id: part.quantity for part in sale.parts}
    left = {part.line_id: part.quantity for part in rest}
    sent: dict[tuple[int, int], int] = {}
    for move in StockMove.objects.filter(document_key=shipment.number, reason=MoveReason.DISPATCH):
        if move.order_line_id in left:
            key = (move.order_line_id, move.variant_id)
            sent[key] = sent.get(key, 0) + move.quantity
    return [
        Goods(line_id, variant_id, units * left[line_id] // sold[line_id])
        for (line_id, variant_id), units in sorted(sent.items())
    ]
