"""The net view of an issued paper: its PDF and its UBL show the same prices, discounts and bases."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from finance.models import Invoice, InvoiceLine
from finance.states import InvoiceKind
from finance.tax import UblSource, UblView, ubl_view
from oms.states import SOLD_KINDS
from retail.kernel.money import ZERO


def net_view(invoice: Invoice, lines: Sequence[InvoiceLine]) -> UblView:
    """`lines` in the order of the paper, with their order lines."""
    prepaid = sum((Decimal(row["gross"]) for row in invoice.prepaid_by_rate), ZERO)
    is_goods = invoice.kind != InvoiceKind.ADVANCE and (
        invoice.credits is None or invoice.credits.kind != InvoiceKind.ADVANCE
    )
    return ubl_view(
        [
            UblSource(
                key=str(line.pk),
                quantity=line.quantity,
                rate=line.tax_rate,
                gross=line.gross,
                tax=line.tax,
                list_gross=_list_gross(line) if is_goods else None,
            )
            for line in lines
        ],
        prepaid=prepaid,
    )


def _list_gross(line: InvoiceLine) -> Decimal | None:
    """What the units cost before discounts; a fee that is split over rates has no list price of its own."""
    if line.order_line.kind not in SOLD_KINDS:
        return None
    return line.order_line.unit_price * line.quantity
