"""Papers: invoices and credit notes with their PDF, fiscal receipts with their journal, errors in words, another try."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from finance import operations as finance
from finance import selectors
from finance.forms import BuyerIdForm, InvoiceFilters, ReceiptFilters
from finance.models import FiscalReceipt, Invoice
from finance.operations.papers import BUYER_ID_MISSING
from finance.papers import qr_svg
from finance.states import FiscalState, FiscalTransaction
from finance.views import listing, words
from retail.front.keyset import newest_first
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, staff_page
from retail.kernel.errors import Refusal


def pdf_answer(made: bytes, name: str) -> HttpResponse:
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


@require_GET
@staff_page(VIEW_FINANCE)
def invoice_list(request: HttpRequest) -> HttpResponse:
    filters = InvoiceFilters(request)
    found, following = newest_first(
        listing.invoices(filters), by="issued_on", cursor=request.GET.get("after", "")
    )
    return render(
        request,
        "finance/invoices.html",
        {"filters": filters, "rows": found, "next": following, "now": timezone.now()},
    )


def _invoice(request: HttpRequest, number: str) -> Invoice:
    rows = Invoice.objects.select_related(
        "entity", "order", "shipment", "parent_return", "credits", "entry", "einvoice"
    )
    return listing.one(request, rows, number=number)


@require_GET
@staff_page(VIEW_FINANCE)
def invoice_page(request: HttpRequest, number: str) -> HttpResponse:
    invoice = _invoice(request, number)
    return render(
        request,
        "finance/invoice.html",
        {
            "invoice": invoice,
            "lines": invoice.lines.select_related("order_line").order_by("position"),
            "credit_notes": invoice.credit_notes.order_by("pk"),
            "receipts": FiscalReceipt.objects.filter(entry=invoice.entry).order_by("pk")
            if invoice.entry_id
            else [],
            "crumbs": [(_("Invoices and credit notes"), reverse("finance:invoices")), (invoice.number, "")],
        },
    )


@require_GET
@staff_page(VIEW_FINANCE)
def invoice_pdf(request: HttpRequest, number: str) -> HttpResponse:
    invoice = _invoice(request, number)
    return pdf_answer(_or_404(lambda: selectors.invoice_pdf(number=invoice.number)), number)


def _or_404(make: Callable[[], bytes]) -> bytes:
    try:
        return make()
    except (selectors.PaperNotFound, selectors.NotSigned) as refusal:
        raise Http404 from refusal


# -- Fiscal receipts -------------------------------------------------------------------------------------------

# What waits and what failed is one list: both need a look before the month closes.
OPEN = "OPEN"


@require_GET
@staff_page(VIEW_FINANCE)
def receipt_list(request: HttpRequest) -> HttpResponse:
    filters = ReceiptFilters(request)
    state = request.GET.get("state", "")
    state = state if state in {*FiscalState.values, OPEN} else ""
    rows = listing.receipts(filters, "" if state == OPEN else state)
    if state == OPEN:
        rows = rows.exclude(state=FiscalState.SIGNED)
    found, following = newest_first(rows, by="issued_at", cursor=request.GET.get("after", ""))
    counts = listing.counts_by(request, FiscalReceipt.objects.all(), "state")
    return render(
        request,
        "finance/receipts.html",
        {
            "filters": filters,
            "state": state,
            "tabs": [
                ("", _("All"), sum(counts.values())),
                (FiscalState.PENDING.value, pgettext("fiscal", "Waiting"), counts.get("PENDING", 0)),
                (FiscalState.FAILED.value, _("Refused"), counts.get("FAILED", 0)),
                (FiscalState.SIGNED.value, _("Signed"), counts.get("SIGNED", 0)),
            ],
            "rows": [
                (receipt, kind_words(receipt), words.fiscal_errors(receipt.error_codes)) for receipt in found
            ],
            "next": following,
            "now": timezone.now(),
        },
    )


def kind_words(receipt: FiscalReceipt) -> str:
    return str(words.RECEIPT_KINDS[selectors.receipt_kind(receipt)])


def _receipt(request: HttpRequest, pk: int) -> FiscalReceipt:
    rows = FiscalReceipt.objects.select_related(
        "entity", "order", "shipment", "parent_return", "referent", "entry"
    )
    return listing.one(request, rows, pk=pk)


@require_GET
@staff_page(VIEW_FINANCE)
def receipt_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _receipt_answer(request, _receipt(request, pk), BuyerIdForm())


def _receipt_answer(
    request: HttpRequest, receipt: FiscalReceipt, form: BuyerIdForm, status: int = 200
) -> HttpResponse:
    edits = may(request.user, EDIT_FINANCE)
    needs_buyer = receipt.error_codes == [BUYER_ID_MISSING]
    return render(
        request,
        "finance/receipt.html",
        {
            "receipt": receipt,
            "kind": kind_words(receipt),
            "is_refund": receipt.transaction == FiscalTransaction.REFUND,
            "errors": words.fiscal_errors(receipt.error_codes),
            "followers": receipt.followers.order_by("pk"),
            "qr": qr_svg(receipt.verification_url, error="l") if receipt.verification_url else "",
            "can_retry": edits and receipt.state == FiscalState.FAILED and not needs_buyer,
            "needs_buyer": edits and needs_buyer and receipt.parent_return_id,
            "form": form,
            "crumbs": [
                (_("Fiscal receipts"), reverse("finance:receipts")),
                (receipt.number or receipt.cause_key, ""),
            ],
        },
        status=status,
    )


@require_GET
@staff_page(VIEW_FINANCE)
def receipt_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    receipt = _receipt(request, pk)
    return pdf_answer(_or_404(lambda: selectors.receipt_pdf(receipt_id=receipt.pk)), receipt.number)


@require_POST
@staff_page(EDIT_FINANCE)
def retry_receipt(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        finance.retry_receipt(
            receipt_id=_receipt(request, pk).pk, by=listing.person(request), now=timezone.now()
        )
        toast(request, _("The receipt is sent again."))
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return redirect("finance:receipt", pk)


@require_POST
@staff_page(EDIT_FINANCE)
def give_buyer_id(request: HttpRequest, pk: int) -> HttpResponse:
    """The document that the buyer showed; every receipt of the return that waits for it goes on."""
    receipt = _receipt(request, pk)
    if receipt.parent_return_id is None:
        raise Http404
    form = BuyerIdForm(request.POST)
    if not form.is_valid():
        return _receipt_answer(request, receipt, form, status=422)
    try:
        finance.record_buyer_id(
            return_id=receipt.parent_return_id,
            kind=form.cleaned_data["kind"],
            number=form.cleaned_data["number"],
            by=listing.person(request),
            now=timezone.now(),
        )
    except Refusal as refusal:
        form.add_error("number", words.refusal(refusal))
        return _receipt_answer(request, receipt, form, status=422)
    toast(request, _("The document is kept, the receipt is sent."))
    return redirect("finance:receipt", pk)
