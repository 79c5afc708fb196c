"""Questions to the papers: what was sold and taken back, which advances are open."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finance import rules, tax
from finance.models import FiscalReceipt, Invoice, InvoiceLine
from finance.rules import Line, LineDiscount, Part, RateAmounts, Sale, Sold
from finance.states import FiscalKind, FiscalTransaction, InvoiceKind
from finance.tax import LineAmounts
from oms.models import Order
from retail.kernel.money import ZERO
from retail.kernel.prepared import Prepared


@dataclass(frozen=True, slots=True)
class OpenAdvance:
    """Advances that were papered, per VAT rate, and what later papers closed of them."""

    received: tuple[RateAmounts, ...]
    closed: tuple[RateAmounts, ...]
    last_receipt: FiscalReceipt | None
    last_invoice: Invoice | None

    @property
    def paid_by(self) -> str:
        """The payment type of the last advance, which its closing passes through."""
        return str(self.last_receipt.payments[0]["method"]) if self.last_receipt else "WIRE_TRANSFER"

    @property
    def gross_left(self) -> Decimal:
        return sum((one.gross for one in self.received), ZERO) - sum((one.gross for one in self.closed), ZERO)


def sales_of_order(*, order: Order) -> list[Sale]:
    """The papers that sold the order's goods, oldest first, each with what was taken back of it."""
    if rules.PAPERS[order.paper, order.payment_method].is_fiscal:
        return _sales_by_receipt(order)
    return _sales_by_invoice(order)


_LINES = Prepared(
    "finance_order_lines",
    """
SELECT l.order_id, l.id, l.kind, l.title, COALESCE(v.barcode, ''), l.quantity, l.total, l.tax_rate, l.quantity_canceled,
       (SELECT json_agg(json_build_array(d.id, (d.amount - d.tax_share)::text, (
                   SELECT COALESCE(sum(j.debit - j.credit), 0)::text FROM finance_journalline j
                    WHERE j.order_line_id = l.id AND j.source_kind = 'line_discount' AND j.source_key = d.id::text)) ORDER BY d.id)
          FROM oms_linediscount d WHERE d.line_id = l.id)
  FROM oms_orderline l LEFT JOIN storefront_variant v ON v.id = l.variant_id
 WHERE l.order_id = ANY(%(orders)s::bigint[]) ORDER BY l.order_id, l.position
""",
    {"orders": "bigint[]"},
    ("bigint", "bigint", *["character varying"] * 3, "integer", "numeric", "numeric", "integer", "json"),
)


def lines_of_order(*, order: Order, sales: Sequence[Sale] | None = None) -> list[Line]:
    """The order's lines with the units that papers have sold already."""
    sales = sales_of_order(order=order) if sales is None else sales
    return lines_of_orders(sales={order.pk: sales})[order.pk]


def lines_of_orders(*, sales: Mapping[int, Sequence[Sale]]) -> dict[int, list[Line]]:
    """The lines of several orders in one statement; `sales` are the papers of each, by its id."""
    sold: dict[int, int] = {}
    gross: dict[int, Decimal] = {}
    for sale in itertools.chain.from_iterable(sales.values()):
        for line_id, quantity in {part.line_id: part.quantity for part in sale.parts}.items():
            sold[line_id] = sold.get(line_id, 0) + quantity
        for part in sale.parts:
            gross[part.line_id] = gross.get(part.line_id, ZERO) + part.gross
    found: dict[int, list[Line]] = {order_id: [] for order_id in sales}
    for order_id, pk, kind, title, gtin, quantity, total, rate, canceled, discounts in _LINES.rows(
        {"orders": list(sales)}
    ):
        line = Line(
            id=pk,
            kind=kind,
            title=title,
            gtin=gtin,
            quantity=quantity,
            total=total,
            rate=rate,
            sold=sold.get(pk, 0),
            sold_gross=gross.get(pk, ZERO),
            canceled=canceled,
            discounts=tuple(
                LineDiscount(key, Decimal(net), Decimal(posted)) for key, net, posted in discounts or ()
            ),
        )
        found[order_id].append(line)
    return found


def advance_of_order(*, order: Order) -> OpenAdvance:
    receipts = list(FiscalReceipt.objects.filter(order=order, kind=FiscalKind.ADVANCE).order_by("pk"))
    invoices = list(
        Invoice.objects.filter(order=order, replaces__isnull=True).select_related("credits").order_by("pk")
    )
    received: list[list[dict[str, str]]] = []
    closed: list[list[dict[str, str]]] = []
    for receipt in receipts:
        (received if receipt.transaction == FiscalTransaction.SALE else closed).append(receipt.tax_by_rate)
    for invoice in invoices:
        if invoice.kind == InvoiceKind.ADVANCE:
            received.append(invoice.tax_by_rate)
        elif invoice.kind == InvoiceKind.CREDIT_NOTE and invoice.credits is not None:
            if invoice.credits.kind == InvoiceKind.ADVANCE:
                closed.append(invoice.tax_by_rate)
        elif invoice.prepaid_by_rate:
            closed.append(invoice.prepaid_by_rate)
    sold = [one for one in receipts if one.transaction == FiscalTransaction.SALE]
    advances = [one for one in invoices if one.kind == InvoiceKind.ADVANCE]
    return OpenAdvance(
        _summed(received),
        _summed(closed),
        sold[-1] if sold else None,
        advances[-1] if advances else None,
    )


def preview_return(*, order_id: int, sold: Sequence[Sold]) -> dict[int, Decimal]:
    """What would be given back for these units, by order line. Refuses BeyondSold."""
    order = Order.objects.get(pk=order_id)
    return amounts_by_line(
        part for _, parts in rules.returned_parts(sales_of_order(order=order), sold) for part in parts
    )


def amounts_by_line(parts: Any) -> dict[int, Decimal]:
    amounts: dict[int, Decimal] = {}
    for part in parts:
        amounts[part.line_id] = amounts.get(part.line_id, ZERO) + part.gross
    return amounts


def _sales_by_receipt(order: Order) -> list[Sale]:
    receipts = list(FiscalReceipt.objects.filter(order=order, kind=FiscalKind.NORMAL).order_by("pk"))
    undone: dict[int, list[Part]] = {}
    vouchers: dict[int, Decimal] = {}
    exchanged: dict[int, Decimal] = {}
    for receipt in receipts:
        if receipt.transaction == FiscalTransaction.REFUND and receipt.referent_id:
            undone.setdefault(receipt.referent_id, []).extend(rules.parts_of_items(receipt.items))
            before = vouchers.get(receipt.referent_id, ZERO)
            vouchers[receipt.referent_id] = before + rules.vouchers_of(receipt.payments)
            before = exchanged.get(receipt.referent_id, ZERO)
            exchanged[receipt.referent_id] = before + rules.exchanged_of(receipt.payments)
    return [
        Sale(
            receipt.pk,
            receipt.shipment_id,
            tuple(rules.parts_of_items(receipt.items)),
            _taken(undone.get(receipt.pk, [])),
            rules.vouchers_of(receipt.payments),
            vouchers.get(receipt.pk, ZERO),
            rules.exchanged_of(receipt.payments),
            exchanged.get(receipt.pk, ZERO),
        )
        for receipt in receipts
        if receipt.transaction == FiscalTransaction.SALE
    ]


def _sales_by_invoice(order: Order) -> list[Sale]:
    invoices = list(
        Invoice.objects.filter(
            order=order, kind__in=[InvoiceKind.INVOICE, InvoiceKind.CREDIT_NOTE], replaces__isnull=True
        )
        .prefetch_related("lines__order_line__variant")
        .order_by("pk")
    )
    undone: dict[int, list[Part]] = {}
    for invoice in invoices:
        if invoice.kind == InvoiceKind.CREDIT_NOTE and invoice.credits_id:
            undone.setdefault(invoice.credits_id, []).extend(map(_part_of_line, invoice.lines.all()))
    return [
        Sale(
            invoice.pk,
            invoice.shipment_id,
            tuple(map(_part_of_line, invoice.lines.all())),
            _taken(undone.get(invoice.pk, [])),
        )
        for invoice in invoices
        if invoice.kind == InvoiceKind.INVOICE
    ]


def _part_of_line(line: InvoiceLine) -> Part:
    variant = line.order_line.variant
    return Part(
        line.order_line_id,
        line.order_line.kind,
        line.title,
        variant.barcode if variant else "",
        line.quantity,
        line.gross,
        line.tax,
        line.tax_rate,
    )


def _taken(parts: Sequence[Part]) -> dict[tuple[int, Decimal], LineAmounts]:
    taken: dict[tuple[int, Decimal], LineAmounts] = {}
    for part in parts:
        key = (part.line_id, part.rate)
        taken[key] = taken.get(key, tax.NOTHING) + LineAmounts(part.quantity, part.gross, part.tax)
    return taken


def _summed(papers: Sequence[Sequence[dict[str, str]]]) -> tuple[RateAmounts, ...]:
    sums: dict[Decimal, tuple[Decimal, Decimal]] = {}
    for paper in papers:
        for row in paper:
            rate = Decimal(row["rate"])
            gross, vat = sums.get(rate, (ZERO, ZERO))
            sums[rate] = (gross + Decimal(row["gross"]), vat + Decimal(row["tax"]))
    return tuple(RateAmounts(rate, *sums[rate]) for rate in sorted(sums, reverse=True))
