"""The papers of an order as data, and as sheets that can be set in type."""

from __future__ import annotations

from decimal import Decimal

from finance.models import FiscalReceipt, Invoice
from finance.papers import (
    FiscalReceiptPaper,
    Party,
    RateRow,
    Reference,
    ReferenceKind,
    TradeKind,
    TradeLine,
    TradePaper,
    render_pdf,
)
from finance.papers.wording import Wording
from finance.rules import BUYER_ID_PLACE
from finance.selectors.net import net_view
from finance.states import FiscalKind, FiscalState, FiscalTransaction, InvoiceKind
from retail.kernel import crypto
from retail.kernel.clock import business_date
from retail.kernel.errors import NotFound, Refusal
from retail.kernel.models import LegalEntity
from retail.kernel.money import ZERO

_TRADE = {
    InvoiceKind.INVOICE: TradeKind.INVOICE,
    InvoiceKind.CREDIT_NOTE: TradeKind.CREDIT_NOTE,
    InvoiceKind.ADVANCE: TradeKind.ADVANCE_INVOICE,
}


class NotSigned(Refusal):
    """A receipt is a paper only once the processor has signed it."""

    code = "NOT_SIGNED"


class PaperNotFound(NotFound):
    code = "UNKNOWN_PAPER"


def invoice_pdf(*, number: str, language: str = "") -> bytes:
    """An invoice, credit note or advance invoice set in type. Refuses PaperNotFound."""
    invoice = Invoice.objects.select_related("entity", "order", "credits").filter(number=number).first()
    if invoice is None:
        raise PaperNotFound("There is no such invoice.")
    return render_pdf(invoice_paper(invoice, language=language))


def receipt_pdf(*, receipt_id: int, language: str = "") -> bytes:
    """A signed fiscal receipt set in type. Refuses PaperNotFound, NotSigned."""
    receipt = (
        FiscalReceipt.objects.select_related("order", "referent__referent").filter(pk=receipt_id).first()
    )
    if receipt is None:
        raise PaperNotFound("There is no such receipt.")
    paper = receipt_paper(receipt, language=language)
    if paper is None:
        raise NotSigned("The receipt is not signed yet.", state=receipt.state)
    return render_pdf(paper)


def receipt_kind(receipt: FiscalReceipt) -> str:
    """FISCAL_SALE, FISCAL_REFUND, FISCAL_ADVANCE_SALE, FISCAL_ADVANCE_REFUND, FISCAL_COPY_REFUND."""
    kind = "" if receipt.kind == FiscalKind.NORMAL else f"{receipt.kind}_"
    return f"FISCAL_{kind}{receipt.transaction}"


def invoice_paper(invoice: Invoice, *, language: str = "") -> TradePaper:
    """The sheet of an issued invoice, with the net view that its UBL would have. The order's language unless another is asked for."""
    lines = list(invoice.lines.select_related("order_line").order_by("position"))
    view = net_view(invoice, lines)
    return TradePaper(
        kind=_TRADE[InvoiceKind(invoice.kind)],
        number=invoice.number,
        issued_on=invoice.issued_on,
        seller=_seller(invoice.entity),
        buyer=Party(
            name=invoice.buyer_name,
            street=invoice.buyer_street,
            postal_code=invoice.buyer_postal_code,
            city=invoice.buyer_city,
            pib=invoice.buyer_pib,
            registration_number=invoice.buyer_registration_number,
            jbkjs=invoice.buyer_jbkjs,
        ),
        lines=tuple(
            TradeLine(
                name=line.title,
                quantity=line.quantity,
                price=ubl.price,
                net=ubl.net,
                rate=line.tax_rate,
                gross=line.gross,
                discount=ubl.allowance,
                sku=line.order_line.sku if invoice.kind != InvoiceKind.ADVANCE else "",
            )
            for line, ubl in zip(lines, view.lines, strict=True)
        ),
        rates=tuple(RateRow(one.rate, one.taxable, one.tax) for one in view.subtotals),
        payable=view.payable,
        currency=invoice.currency,
        rounding=view.payable_rounding,
        prepaid=view.prepaid,
        supplied_on=invoice.supplied_on,
        due_on=invoice.due_on if invoice.kind == InvoiceKind.INVOICE else None,
        issued_in=invoice.entity.city,
        references=tuple(_references(invoice)),
        language=language or invoice.order.language,
    )


def receipt_paper(receipt: FiscalReceipt, *, language: str = "") -> FiscalReceiptPaper | None:
    """The sheet of a signed receipt; None while it is not signed. What a buyer must sign says so."""
    if receipt.state != FiscalState.SIGNED or receipt.signed_at is None:
        return None
    return FiscalReceiptPaper(
        number=receipt.number,
        journal=journal_of(receipt),
        verification_url=receipt.verification_url,
        issued_on=business_date(receipt.signed_at),
        after=_own_lines(receipt, Wording(language or receipt.order.language)),
        needs_signature=receipt.kind == FiscalKind.COPY and receipt.transaction == FiscalTransaction.REFUND,
        language=language or receipt.order.language,
    )


def journal_of(receipt: FiscalReceipt) -> str:
    """The journal as it was signed; when the buyer's document number was erased, its place is filled with dots."""
    number = crypto.decrypt(receipt.buyer_id_encrypted)
    return receipt.journal_text.replace(BUYER_ID_PLACE, number or "\u2022" * 9)


def _own_lines(receipt: FiscalReceipt, words: Wording) -> tuple[str, ...]:
    """Below the end of a sale that closes an advance stand the last advance receipt and what it left to pay."""
    closing = receipt.referent
    if receipt.kind != FiscalKind.NORMAL or closing is None or closing.kind != FiscalKind.ADVANCE:
        return ()
    advance = closing.referent
    vat = sum((Decimal(row["tax"]) for row in closing.tax_by_rate), ZERO)
    lines = [
        f"Plaćeno avansom: {words.decimal(closing.total)}",
        f"PDV na avans: {words.decimal(vat)}",
        f"Preostalo za plaćanje: {words.decimal(receipt.total - closing.total)}",
    ]
    if advance is not None and advance.signed_at is not None:
        day = words.day(business_date(advance.signed_at))
        lines.insert(0, f"Poslednji avansni račun: {advance.number}, {day}")
    return tuple(lines)


def _seller(entity: LegalEntity) -> Party:
    return Party(
        name=entity.name,
        street=entity.street,
        postal_code=entity.postal_code,
        city=entity.city,
        pib=entity.pib,
        registration_number=entity.registration_number,
        account=entity.bank_account,
        email=entity.email,
    )


def _references(invoice: Invoice) -> list[Reference]:
    """The order, the invoice that is credited, and the fiscal receipt that was made for the same goods."""
    found = [Reference(ReferenceKind.ORDER, invoice.order.number, business_date(invoice.order.placed_at))]
    if invoice.credits is not None:
        kind = ReferenceKind.ADVANCE if invoice.credits.kind == InvoiceKind.ADVANCE else ReferenceKind.INVOICE
        found.append(Reference(kind, invoice.credits.number, invoice.credits.issued_on))
    if invoice.prepaid_by_rate:
        advances = Invoice.objects.filter(order=invoice.order, kind=InvoiceKind.ADVANCE).order_by("pk")
        found += [Reference(ReferenceKind.ADVANCE, one.number, one.issued_on) for one in advances]
    same_goods = (
        FiscalReceipt.objects.filter(entry=invoice.entry, kind=FiscalKind.NORMAL, state=FiscalState.SIGNED)
        if invoice.entry_id
        else FiscalReceipt.objects.none()
    )
    found += [
        Reference(
            ReferenceKind.FISCAL_RECEIPT,
            receipt.number,
            business_date(receipt.signed_at) if receipt.signed_at else None,
        )
        for receipt in same_goods.order_by("pk")
    ]
    return found
