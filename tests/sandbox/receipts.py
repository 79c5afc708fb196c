"""Fiscal receipts to sign in tests: a book, a toy, advances, and how a refusal is proved to have signed nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from finance.providers.fiscal import (
    FiscalInvoice,
    FiscalItem,
    FiscalPayment,
    FiscalResult,
    InvoiceType,
    PaymentType,
    TransactionType,
)
from retail.kernel.outside import ProviderRefused
from retail.sandbox.fiscal import jid_of
from tests.sandbox.stand import Stand

D = Decimal
GENERAL, REDUCED, EXEMPT, OUTSIDE = "\u0402", "\u0415", "\u0413", "\u0410"
JID = jid_of("certificate of the first shop")
SALE, REFUND = TransactionType.SALE, TransactionType.REFUND
BOOK = FiscalItem("Knjiga Primer /kom", D(2), D("550.00"), D("1100.00"), (REDUCED,), "9788600000009")
TOY = FiscalItem("Slušalice Primer X /kom", D(1), D("3599.88"), D("3599.88"), (GENERAL,), "8600000000011")


def receipt(
    *items: FiscalItem,
    kind: InvoiceType = InvoiceType.NORMAL,
    transaction: TransactionType = SALE,
    referent: str = "",
    buyer_id: str = "",
    paid: str = "",
) -> dict[str, Any]:
    goods = items or (TOY, BOOK)
    total = D(paid) if paid else sum((item.total_amount for item in goods), D(0))
    return FiscalInvoice(
        invoice_type=kind,
        transaction_type=transaction,
        system_number="999/1.0",
        cashier="Web",
        payments=[FiscalPayment(PaymentType.CARD, total)],
        items=goods,
        referent_document_number=referent,
        buyer_id=buyer_id,
    ).payload()


def sign(outside: Stand, payload: dict[str, Any] | None = None, request_id: str = "") -> FiscalResult:
    return outside.fiscal().sign(
        request_id=request_id or uuid4().hex, payload=payload or receipt(), was_sent=False
    )


def refused_codes(outside: Stand, payload: dict[str, Any], request_id: str = "refused") -> tuple[str, ...]:
    """The codes of a refusal, and proof that nothing was signed or counted."""
    with pytest.raises(ProviderRefused) as refused:
        sign(outside, payload, request_id)
    assert refused.value.status == 400
    assert outside.fiscal().fetch(request_id=request_id) is None
    return refused.value.codes


def advance(amount: str, label: str = REDUCED) -> FiscalItem:
    return FiscalItem(f"11: Avans ({label})", D(1), D(amount), D(amount), (label,))
