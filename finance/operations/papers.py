"""Papers: fiscal receipts stored before they are signed, invoices with a number of a gapless series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import transaction

from crm import selectors as crm
from finance import events, rules
from finance.models import FiscalReceipt, Invoice, InvoiceLine, JournalEntry
from finance.operations import bell
from finance.operations.einvoices import queue_einvoice
from finance.operations.ledger import take_number
from finance.rules import Part, RateAmounts
from finance.states import FiscalKind, FiscalState, FiscalTransaction, InvoiceKind
from oms import operations as orders
from oms.models import Order, Return
from oms.states import PaperKind
from retail.kernel import crypto
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.models import LegalEntity, User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from retail.kernel.rows import insert
from warehouse.models import Shipment

BUYER_ID_MISSING = "BUYER_ID_MISSING"
# Kinds of documents that a person may show (code list of the tax administration).
BUYER_ID_KINDS = {
    "10": "PIB",
    "11": "JMBG",
    "20": "Lična karta",
    "21": "Izbeglička legitimacija",
    "22": "EBS",
    "23": "Pasoš",
    "30": "Strani pasoš",
    "31": "Diplomatska legitimacija",
    "32": "Lična karta MKD",
    "33": "Lična karta MNE",
    "34": "Lična karta ALB",
    "35": "Lična karta BIH",
    "40": "Strani poreski broj",
}
_PREFIXES = {InvoiceKind.INVOICE: "R", InvoiceKind.CREDIT_NOTE: "KO", InvoiceKind.ADVANCE: "AR"}


class InvalidBuyerId(InvalidInput):
    code = "INVALID_BUYER_ID"


def own_pib(entity: LegalEntity) -> str:
    """What closings and undelivered parcels carry as buyer: the seller itself."""
    return f"10:{entity.pib}"


def queue_fiscal_receipt(*, now: datetime, **content: Any) -> FiscalReceipt:
    """As `new_receipt` says; a worker has it signed."""
    receipt = new_receipt(now=now, **content)
    queue_receipts([receipt], now=now)
    return receipt


def queue_receipts(receipts: Sequence[FiscalReceipt], *, now: datetime) -> None:
    """Content and request id stand before the first call. One statement, unless a buyer's document is missing."""
    insert(receipts)
    for receipt in receipts:
        if receipt.state == FiscalState.FAILED:
            orders.open_exception(
                kind="PAPER_FAILED",
                order_id=receipt.order_id,
                cause_key=f"receipt:{receipt.pk}",
                detail={"receipt": receipt.cause_key, "codes": [BUYER_ID_MISSING]},
                now=now,
            )
    if any(receipt.state == FiscalState.PENDING for receipt in receipts):
        bell.work_waits(bell.RECEIPTS)


def new_receipt(
    *,
    order: Order,
    kind: FiscalKind,
    transaction_kind: FiscalTransaction,
    cause_key: str,
    items: Sequence[Mapping[str, Any]],
    tax_by_rate: Sequence[Mapping[str, str]],
    payment_method: str,
    entry: JournalEntry | None,
    now: datetime,
    cashier: str,
    referent: FiscalReceipt | None = None,
    shipment: Shipment | None = None,
    parent_return: Return | None = None,
    buyer_id: str = "",
    buyer_id_encrypted: str = "",
    paid_at: datetime | None = None,
    vouchers: Decimal = ZERO,
    exchanged: Decimal = ZERO,
) -> FiscalReceipt:
    """A receipt that is not written yet; once per cause. A refund waits for the document of the person who gets the money.

    Of its sum `vouchers` was paid by gift card, `exchanged` by goods of an exchange, the rest by `payment_method`.
    """
    total = sum((Decimal(item["total"]) for item in items), ZERO)
    needs_buyer = transaction_kind == FiscalTransaction.REFUND and kind != FiscalKind.COPY
    is_waiting = needs_buyer and not buyer_id and not buyer_id_encrypted
    return FiscalReceipt(
        entity_id=order.entity_id,
        order=order,
        shipment=shipment,
        parent_return=parent_return,
        kind=kind,
        transaction=transaction_kind,
        cause_key=cause_key,
        request_id=uuid4().hex,
        referent=referent,
        buyer_id=buyer_id,
        buyer_id_encrypted=buyer_id_encrypted,
        currency=order.currency,
        total=total,
        tax_by_rate=list(tax_by_rate),
        items=list(items),
        payments=rules.receipt_payments(
            total=total, vouchers=vouchers, exchanged=exchanged, method=payment_method
        ),
        cashier=cashier[:50],
        paid_at=paid_at,
        entry=entry,
        issued_at=now,
        state=FiscalState.FAILED if is_waiting else FiscalState.PENDING,
        error_codes=[BUYER_ID_MISSING] if is_waiting else [],
    )


def advance_items(rates: Sequence[RateAmounts]) -> list[dict[str, Any]]:
    return [
        {
            "name": rules.advance_name(one.rate),
            "gtin": "",
            "quantity": 1,
            "unit_price": f"{one.gross:.2f}",
            "total": f"{one.gross:.2f}",
            "tax": f"{one.tax:.2f}",
            "tax_rate": f"{one.rate:.2f}",
            "order_line": 0,
            "line_kind": "ADVANCE",
        }
        for one in rates
    ]


def rate_rows(rates: Sequence[RateAmounts]) -> list[dict[str, str]]:
    return [
        {
            "rate": f"{one.rate:.2f}",
            "gross": f"{one.gross:.2f}",
            "net": f"{one.gross - one.tax:.2f}",
            "tax": f"{one.tax:.2f}",
        }
        for one in rates
    ]


def _jbkjs(order: Order) -> str:
    """The public body's number: as we know it, else as the register does."""
    if order.paper != PaperKind.SEF:
        return ""
    known = order.customer.jbkjs if order.customer else ""
    return known or crm.jbkjs_of(order.company_pib)


def issue_invoice(
    *,
    order: Order,
    kind: InvoiceKind,
    parts: Sequence[Part],
    net: Decimal,
    rounding: Decimal,
    entry: JournalEntry,
    now: datetime,
    supplied_on: date,
    shipment: Shipment | None = None,
    parent_return: Return | None = None,
    credited: Invoice | None = None,
    prepaid: Sequence[RateAmounts] = (),
) -> Invoice:
    """One paper with the next number of its series. Take it last: the counter stays locked until the commit."""
    day = business_date(now)
    sequence = take_number(entity_id=order.entity_id, kind=kind, year=day.year)
    gross = rules.total_of(parts)
    invoice = Invoice.objects.create(
        entity=order.entity,
        kind=kind,
        year=day.year,
        sequence=sequence,
        number=f"{order.entity.code[:12].upper()}-{_PREFIXES[kind]}-{day.year}-{sequence:06d}",
        order=order,
        shipment=shipment,
        parent_return=parent_return,
        credits=credited,
        buyer_name=order.company_name or order.name,
        buyer_pib=order.company_pib,
        buyer_registration_number=order.company_registration_number,
        buyer_street=order.street,
        buyer_city=order.city,
        buyer_postal_code=order.postal_code,
        buyer_jbkjs=_jbkjs(order),
        issued_on=day,
        supplied_on=supplied_on,
        due_on=day,
        currency=order.currency,
        net_total=net,
        tax_total=gross - net - rounding,
        rounding=rounding,
        total=gross,
        tax_by_rate=rules.by_rate(parts),
        prepaid_by_rate=rate_rows(prepaid),
        entry=entry,
        created_at=now,
    )
    InvoiceLine.objects.bulk_create(
        [
            InvoiceLine(
                invoice=invoice,
                order_line_id=part.line_id,
                position=position,
                title=part.title,
                quantity=part.quantity,
                gross=part.gross,
                net=part.net,
                tax=part.tax,
                tax_rate=part.rate,
            )
            for position, part in enumerate(parts, start=1)
        ]
    )
    queue_einvoice(invoice=invoice, now=now)
    announce(
        events.InvoiceIssued(
            invoice_id=invoice.pk, invoice_number=invoice.number, order_id=order.pk, number=order.number
        ),
        subject=("order", order.number),
    )
    return invoice


@transaction.atomic
def record_buyer_id(*, return_id: int, kind: str, number: str, by: User | None, now: datetime) -> None:
    """The document that a person showed for a fiscal refund: kept encrypted with the return. A receipt that waits for it goes on.

    Refuses InvalidBuyerId.
    """
    given = Return.objects.filter(pk=return_id).first()
    if given is None:
        raise NotFound("There is no such return.")
    encrypted = encrypt_buyer_id(kind=kind, number=number)
    orders.lock_order(order_id=given.order_id)
    Return.objects.filter(pk=return_id).update(buyer_id_kind=kind, buyer_id_encrypted=encrypted)
    waiting = FiscalReceipt.objects.select_for_update(of=("self",)).filter(
        parent_return=given, state=FiscalState.FAILED, buyer_id="", buyer_id_encrypted=""
    )
    for receipt in waiting.order_by("pk"):
        receipt.buyer_id_encrypted = encrypted
        receipt.state, receipt.error_codes = FiscalState.PENDING, []
        receipt.next_attempt_at = None
        receipt.save(update_fields=["buyer_id_encrypted", "state", "error_codes", "next_attempt_at"])
        orders.resolve_cause(
            kind="PAPER_FAILED", cause_key=f"receipt:{receipt.pk}", resolution="Buyer id given.", now=now
        )
        bell.work_waits(bell.RECEIPTS)


@transaction.atomic
def retry_receipt(*, receipt_id: int, by: User | None, now: datetime) -> FiscalReceipt:
    """After what the processor refused was put right: the same content and request id once more."""
    receipt = FiscalReceipt.objects.select_for_update(of=("self",)).filter(pk=receipt_id).first()
    if receipt is None:
        raise NotFound("There is no such receipt.")
    if receipt.state != FiscalState.FAILED or receipt.error_codes == [BUYER_ID_MISSING]:
        raise InvalidInput("Only a refused receipt can be sent again.")
    receipt.state, receipt.error_codes, receipt.next_attempt_at = FiscalState.PENDING, [], None
    # What was refused was not signed, so the request may be made anew (labels may have been the fault).
    receipt.payload = None
    receipt.save(update_fields=["state", "error_codes", "next_attempt_at", "payload"])
    bell.work_waits(bell.RECEIPTS)
    return receipt


def encrypt_buyer_id(*, kind: str, number: str) -> str:
    """`kind:number` as the fiscal processor wants it, encrypted. Refuses InvalidBuyerId."""
    text = "".join(number.split())
    if kind not in BUYER_ID_KINDS:
        raise InvalidBuyerId("This kind of document is not on the list.", kind=kind[:4])
    if not text or len(f"{kind}:{text}") > 20 or not all(sign.isalnum() or sign in "-/" for sign in text):
        raise InvalidBuyerId("The document number has 1 to 17 letters and digits.")
    return crypto.encrypt(f"{kind}:{text}")
