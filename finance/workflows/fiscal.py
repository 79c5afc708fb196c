"""The worker of fiscal receipts: claim one, ask the processor outside any transaction, keep what it signed.

A receipt signed twice is a second sale for the state: the request is stored before it is first sent, and any repeat
asks for the signed result first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from finance import events, rules
from finance.models import FiscalReceipt
from finance.operations.papers import queue_fiscal_receipt
from finance.providers import fiscal
from finance.providers.fiscal import (
    FiscalInvoice,
    FiscalItem,
    FiscalPayment,
    FiscalProcessor,
    FiscalResult,
    FiscalStatus,
    InvoiceType,
    PaymentType,
    TransactionType,
    UnknownTaxRate,
)
from finance.rules import BUYER_ID_PLACE
from finance.states import FiscalKind, FiscalState, FiscalTransaction
from oms import operations as orders
from oms.models import Order
from retail.kernel import crypto, failpoints
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.outbox import announce
from retail.kernel.outside import ProviderError, ProviderRefused

LEASE = timedelta(minutes=2)
WAIT_SECONDS_MAX = 600
# A receipt that is still unsigned after so many tries is shown to a person.
PATIENCE_ATTEMPTS = 5
SOFTWARE_NUMBER = "Onerow/1.0"

_KINDS = {
    FiscalKind.NORMAL: InvoiceType.NORMAL,
    FiscalKind.ADVANCE: InvoiceType.ADVANCE,
    FiscalKind.COPY: InvoiceType.COPY,
}
_TRANSACTIONS = {
    FiscalTransaction.SALE: TransactionType.SALE,
    FiscalTransaction.REFUND: TransactionType.REFUND,
}


def sign_receipts(*, now: datetime, limit: int = 50) -> int:
    """Have waiting receipts signed, those first that others refer to; how many were. Several workers may run at once."""
    signed = 0
    status: FiscalStatus | None = None
    processor = fiscal.from_settings()
    for _ in range(limit):
        receipt = _claim(now)
        if receipt is None:
            break
        was_sent = receipt.payload is not None
        try:
            if receipt.payload is None:
                status = status or processor.status()
                _keep_payload(receipt, _payload(receipt, status, now))
            signed += _sign(processor, receipt, was_sent, now)
        except UnknownTaxRate:
            _fail(receipt, ["UNKNOWN_TAX_RATE"], now)
        except ProviderRefused as refusal:
            if _is_about_content(refusal):
                _fail(receipt, list(refusal.codes), now)
            else:
                _postpone(receipt, refusal.code, now)
        except ProviderError as error:
            _postpone(receipt, error.code, now)
    return signed


def _sign(processor: FiscalProcessor, receipt: FiscalReceipt, was_sent: bool, now: datetime) -> int:
    assert receipt.payload is not None, "the payload stands before the first call"
    buyer_id = receipt.buyer_id or crypto.decrypt(receipt.buyer_id_encrypted)
    result = processor.sign(
        request_id=receipt.request_id,
        payload={**receipt.payload, "buyerId": buyer_id or None},
        was_sent=was_sent,
    )
    failpoints.hit("receipt.signed")
    return _keep(receipt.pk, result, now)


@transaction.atomic
def _claim(now: datetime) -> FiscalReceipt | None:
    """The oldest receipt whose turn it is, under a lease: a crash in between leaves it for the next worker."""
    receipt = (
        FiscalReceipt.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("referent__referent", "entity")
        .filter(
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            Q(referent__isnull=True) | Q(referent__state=FiscalState.SIGNED),
            state=FiscalState.PENDING,
        )
        .order_by("pk")
        .first()
    )
    if receipt is None:
        return None
    receipt.attempts += 1
    receipt.next_attempt_at = now + LEASE
    receipt.save(update_fields=["attempts", "next_attempt_at"])
    return receipt


def _payload(receipt: FiscalReceipt, status: FiscalStatus, now: datetime) -> dict[str, Any]:
    """The request without the buyer id, which is kept encrypted. A refund is taxed as its sale was."""
    at = _taxed_at(receipt, now)
    in_vat = receipt.entity.is_vat_registered

    def label(rate: str) -> str:
        return status.label(rate=Decimal(rate), at=at, is_in_vat_system=in_vat)

    referent = receipt.referent
    return FiscalInvoice(
        invoice_type=_KINDS[FiscalKind(receipt.kind)],
        transaction_type=_TRANSACTIONS[FiscalTransaction(receipt.transaction)],
        system_number=receipt.entity.fiscal_software_number or SOFTWARE_NUMBER,
        cashier=receipt.cashier,
        payments=[
            FiscalPayment(PaymentType[payment["method"]], Decimal(payment["amount"]))
            for payment in receipt.payments
        ],
        items=[
            FiscalItem(
                name=item["name"][:2048],
                quantity=Decimal(item["quantity"]),
                unit_price=Decimal(item["unit_price"]),
                total_amount=Decimal(item["total"]),
                labels=(label(item["tax_rate"]),),
                gtin=item["gtin"],
            )
            for item in receipt.items
        ],
        referent_document_number=referent.number if referent else "",
        referent_document_at=referent.signed_at if referent else None,
        paid_at=receipt.paid_at.astimezone(BUSINESS_ZONE) if receipt.paid_at else None,
    ).payload()


def _taxed_at(receipt: FiscalReceipt, now: datetime) -> datetime:
    source = receipt
    while source.transaction == FiscalTransaction.REFUND and source.referent is not None:
        source = source.referent
    return source.signed_at or now


@transaction.atomic
def _keep_payload(receipt: FiscalReceipt, payload: dict[str, Any]) -> None:
    receipt.payload = payload
    receipt.save(update_fields=["payload"])


@transaction.atomic
def _keep(receipt_id: int, result: FiscalResult, now: datetime) -> int:
    order_id = FiscalReceipt.objects.values_list("order_id", flat=True).get(pk=receipt_id)
    order = orders.lock_order(order_id=order_id)
    receipt = FiscalReceipt.objects.select_for_update(of=("self",)).get(pk=receipt_id)
    if receipt.state == FiscalState.SIGNED:
        return 0
    receipt.state, receipt.number, receipt.counter = (
        FiscalState.SIGNED,
        result.invoice_number[:60],
        result.invoice_counter[:40],
    )
    receipt.signed_at, receipt.verification_url = result.signed_at, result.verification_url
    receipt.journal_text, receipt.error_codes = _without_buyer(receipt, result.journal), []
    receipt.next_attempt_at = None
    receipt.save()
    orders.resolve_cause(
        kind="PAPER_FAILED", cause_key=f"receipt:{receipt.pk}", resolution="Signed.", now=now
    )
    announce(
        events.FiscalReceiptSigned(receipt_id=receipt.pk, order_id=order.pk, number=order.number),
        subject=("order", order.number),
    )
    _queue_copy(order, receipt, now)
    return 1


def _without_buyer(receipt: FiscalReceipt, journal: str) -> str:
    """The processor prints the buyer's document number; here its place is kept, and the number stays encrypted and erasable."""
    number = crypto.decrypt(receipt.buyer_id_encrypted)
    return journal.replace(number, BUYER_ID_PLACE) if number else journal


def _queue_copy(order: Order, receipt: FiscalReceipt, now: datetime) -> None:
    """A refund to a buyer is followed at once by its copy, which the buyer signs."""
    is_refund = (receipt.kind, receipt.transaction) == (FiscalKind.NORMAL, FiscalTransaction.REFUND)
    if not is_refund or receipt.parent_return_id is None:
        return
    queue_fiscal_receipt(
        order=order,
        kind=FiscalKind.COPY,
        transaction_kind=FiscalTransaction.REFUND,
        cause_key=f"copy:{receipt.cause_key}"[:80],
        items=receipt.items,
        tax_by_rate=receipt.tax_by_rate,
        payment_method=receipt.payments[-1]["method"],
        vouchers=rules.vouchers_of(receipt.payments),
        exchanged=rules.exchanged_of(receipt.payments),
        entry=None,
        now=now,
        cashier=receipt.cashier,
        referent=receipt,
        parent_return=receipt.parent_return,
        buyer_id=receipt.buyer_id,
        buyer_id_encrypted=receipt.buyer_id_encrypted,
    )


def _is_about_content(refusal: ProviderRefused) -> bool:
    """2310 and 28xx speak of the receipt; a locked device or an expired certificate says nothing about it."""
    return refusal.status not in (401, 403) and any(
        code == "2310" or code.startswith("28") for code in refusal.codes
    )


@transaction.atomic
def _fail(receipt: FiscalReceipt, codes: list[str], now: datetime) -> None:
    order = orders.lock_order(order_id=receipt.order_id)
    changed = FiscalReceipt.objects.filter(pk=receipt.pk, state=FiscalState.PENDING).update(
        state=FiscalState.FAILED, error_codes=codes, next_attempt_at=None
    )
    if changed:
        _tell(order, receipt, codes, now)


@transaction.atomic
def _postpone(receipt: FiscalReceipt, code: str, now: datetime) -> None:
    order = orders.lock_order(order_id=receipt.order_id)
    wait = min(5 * 2 ** min(receipt.attempts, 10), WAIT_SECONDS_MAX)
    FiscalReceipt.objects.filter(pk=receipt.pk, state=FiscalState.PENDING).update(
        next_attempt_at=now + timedelta(seconds=wait), error_codes=[code]
    )
    if receipt.attempts >= PATIENCE_ATTEMPTS:
        _tell(order, receipt, [code], now)


def _tell(order: Order, receipt: FiscalReceipt, codes: list[str], now: datetime) -> None:
    orders.open_exception(
        kind="PAPER_FAILED",
        order_id=order.pk,
        cause_key=f"receipt:{receipt.pk}",
        detail={"receipt": receipt.cause_key, "codes": codes},
        now=now,
    )
