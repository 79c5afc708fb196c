"""The electronic form of an issued paper, from its frozen rows: the same rows give the same document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from finance import ubl
from finance.models import Invoice, InvoiceLine
from finance.papers import render_pdf
from finance.selectors.documents import PaperNotFound, invoice_paper
from finance.selectors.net import net_view
from finance.states import InvoiceKind
from finance.tax import STANDARD, UblSubtotal
from finance.ubl.advances import Advance, Closing, RateMoney, share_out
from oms.states import PaymentMethod
from retail.kernel.identifiers import parse_registration_number, reference97

_KINDS = {
    InvoiceKind.INVOICE: ubl.DocumentType.INVOICE,
    InvoiceKind.CREDIT_NOTE: ubl.DocumentType.CREDIT_NOTE,
    InvoiceKind.ADVANCE: ubl.DocumentType.ADVANCE,
}
_PERIODS = {
    InvoiceKind.INVOICE: ubl.PeriodCode.DELIVERY,
    InvoiceKind.CREDIT_NOTE: ubl.PeriodCode.NONE,
    InvoiceKind.ADVANCE: ubl.PeriodCode.PAYMENT,
}
_PAID_BY = {
    PaymentMethod.CARD: "Plaćeno platnom karticom.",
    PaymentMethod.CASH_ON_DELIVERY: "Plaća se pri preuzimanju.",
    PaymentMethod.BANK_TRANSFER: "",
    PaymentMethod.GIFT_CARD: "Plaćeno poklon karticom.",
    PaymentMethod.EXCHANGE: "Plaćeno zamenom robe.",
}


def invoice_ubl(*, number: str) -> bytes:
    """The UBL of an invoice, credit note or advance invoice, its PDF inside. Refuses PaperNotFound."""
    return ubl.build(ubl_document(with_parties().filter(number=number).first()))


def with_parties() -> Any:
    return Invoice.objects.select_related("entity", "order__customer", "credits")


def ubl_document(
    invoice: Invoice | None,
    *,
    issued_on: date | None = None,
    credit_note_period: ubl.PeriodCode = ubl.PeriodCode.NONE,
    extension: ubl.ExtensionPrefix = ubl.ExtensionPrefix.XSD,
) -> ubl.UblDocument:
    """What SEF gets of a paper. `issued_on` differs from the paper's own day when SEF takes it on a later one."""
    if invoice is None:
        raise PaperNotFound("There is no such invoice.")
    kind, day = InvoiceKind(invoice.kind), issued_on or invoice.issued_on
    lines = list(invoice.lines.select_related("order_line__variant").order_by("position"))
    pdf = render_pdf(replace(invoice_paper(invoice), issued_on=day))
    return ubl.UblDocument(
        kind=_KINDS[kind],
        number=invoice.number,
        issued_on=day,
        supplied_on=invoice.supplied_on,
        due_on=_due_on(invoice, day),
        currency=invoice.currency,
        seller=_seller(invoice),
        buyer=_buyer(invoice),
        seller_account=invoice.entity.bank_account,
        payment_reference=reference97(invoice.order.number.removeprefix("ORD-")),
        order_number=invoice.order.number,
        texts=tuple(_text(line, kind) for line in lines),
        view=net_view(invoice, lines),
        note=_note(invoice),
        sources=tuple(_sources(invoice)),
        advances=tuple(_advances(invoice)),
        period_code=credit_note_period if kind == InvoiceKind.CREDIT_NOTE else _PERIODS[kind],
        extension=extension,
        attachment=ubl.Attachment(f"{invoice.number}.pdf", pdf),
    )


def live_paper(invoice: Invoice) -> Invoice:
    """The paper that stands for this one today: a refused one is replaced by another with a new number."""
    while (newer := Invoice.objects.filter(replaces=invoice).first()) is not None:
        invoice = newer
    return invoice


def sources_of(invoice: Invoice) -> list[Invoice]:
    """The papers that must be at SEF before this one: what it credits, and the advances that it closes."""
    if invoice.credits is not None and invoice.credits.kind == InvoiceKind.INVOICE:
        return [live_paper(invoice.credits)]
    return [live_paper(advance) for advance, _ in _shares(invoice)]


def _due_on(invoice: Invoice, day: date) -> date:
    """On an advance the day when the money came (BT-8 is then 432); it is never after the issue."""
    if invoice.kind == InvoiceKind.ADVANCE:
        return min(invoice.supplied_on, day)
    return max(invoice.due_on or day, day)


def _seller(invoice: Invoice) -> ubl.UblParty:
    entity = invoice.entity
    return ubl.UblParty(
        name=entity.name,
        pib=entity.pib,
        registration_number=_registration(entity.registration_number),
        street=entity.street,
        city=entity.city,
        postal_code=entity.postal_code,
        country=entity.country,
        email=entity.email,
    )


def _buyer(invoice: Invoice) -> ubl.UblParty:
    return ubl.UblParty(
        name=invoice.buyer_name,
        pib=invoice.buyer_pib,
        registration_number=_registration(invoice.buyer_registration_number),
        street=invoice.buyer_street,
        city=invoice.buyer_city,
        postal_code=invoice.buyer_postal_code,
        jbkjs=invoice.buyer_jbkjs,
    )


def _registration(number: str) -> str:
    """Old numbers of seven digits get their leading zero."""
    return parse_registration_number(number.zfill(8) if number else "") or number


def _text(line: InvoiceLine, kind: InvoiceKind) -> ubl.LineText:
    if kind == InvoiceKind.ADVANCE or not line.order_line.sku or line.title.startswith("Avans "):
        return ubl.LineText(line.title)
    variant = line.order_line.variant
    return ubl.LineText(line.title, line.order_line.sku, variant.barcode if variant else "")


def _note(invoice: Invoice) -> str:
    paid = (
        _PAID_BY[PaymentMethod(invoice.order.payment_method)] if invoice.kind == InvoiceKind.INVOICE else ""
    )
    return f"Porudžbina {invoice.order.number}. {paid}".strip()


def _sources(invoice: Invoice) -> list[ubl.SourceDocument]:
    if invoice.credits is None:
        return []
    if invoice.credits.kind == InvoiceKind.INVOICE:
        return [_source(live_paper(invoice.credits))]
    return [_source(live_paper(advance)) for advance, _ in _shares(invoice)]


def _advances(invoice: Invoice) -> list[ubl.ClosedAdvance]:
    if not invoice.prepaid_by_rate:
        return []
    return [
        ubl.ClosedAdvance(
            _source(live_paper(advance)),
            tuple(UblSubtotal(STANDARD, one.rate, one.gross - one.tax, one.tax) for one in rates),
        )
        for advance, rates in _shares(invoice)
    ]


def _source(paper: Invoice) -> ubl.SourceDocument:
    return ubl.SourceDocument(paper.number, paper.issued_on)


def _shares(invoice: Invoice) -> list[tuple[Invoice, list[RateMoney]]]:
    """The advances of the order that this paper takes money of, oldest first."""
    original = invoice
    while original.replaces is not None:
        original = original.replaces
    papers = list(
        Invoice.objects.filter(order_id=invoice.order_id, replaces__isnull=True)
        .select_related("credits", "entity")
        .order_by("pk")
    )
    advances = {one.pk: one for one in papers if one.kind == InvoiceKind.ADVANCE}
    closings = [
        Closing(one.pk, _money(rows), is_refund=one.kind == InvoiceKind.CREDIT_NOTE)
        for one in papers
        if (rows := _closing_rows(one))
    ]
    shared = share_out([Advance(one.pk, _money(one.tax_by_rate)) for one in advances.values()], closings)
    return [(advances[key], rates) for key, rates in shared.get(original.pk, [])]


def _closing_rows(paper: Invoice) -> Sequence[dict[str, str]]:
    if paper.kind == InvoiceKind.INVOICE:
        return list(paper.prepaid_by_rate)
    is_refund = (
        paper.kind == InvoiceKind.CREDIT_NOTE
        and paper.credits is not None
        and paper.credits.kind == InvoiceKind.ADVANCE
    )
    return list(paper.tax_by_rate) if is_refund else []


def _money(rows: Sequence[dict[str, str]]) -> tuple[RateMoney, ...]:
    return tuple(RateMoney(Decimal(row["rate"]), Decimal(row["gross"]), Decimal(row["tax"])) for row in rows)
