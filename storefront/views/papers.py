"""Papers of an order as PDF, set in type by finance; only those of this very order."""

from __future__ import annotations

from finance import selectors as finance
from finance.models import FiscalReceipt, Invoice
from finance.states import FiscalState
from oms.models import Order
from storefront.views import shopper


def pdf_of(order: Order, kind: str, number: str) -> bytes | None:
    """None when the order has no such paper."""
    if kind == "receipt":
        receipt = FiscalReceipt.objects.filter(order=order, number=number, state=FiscalState.SIGNED).first()
        return finance.receipt_pdf(receipt_id=receipt.pk, language=shopper.language()) if receipt else None
    if kind == "invoice" and Invoice.objects.filter(order=order, number=number).exists():
        return finance.invoice_pdf(number=number, language=shopper.language())
    return None
