"""Papers at SEF: the queue by state, one document with its history and what SEF said, and the acts that a person has."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import selectors
from finance.forms import EInvoiceFilters, ReplaceForm
from finance.models import EInvoice, Invoice
from finance.operations import einvoices
from finance.states import EInvoiceState
from finance.views import listing, words
from retail.front.keyset import newest_first
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, staff_page
from retail.kernel.errors import Refusal

# What needs a person comes first, then what moves by itself, then what is done.
TABS = (
    EInvoiceState.REFUSED,
    EInvoiceState.REJECTED,
    EInvoiceState.MISTAKE,
    EInvoiceState.QUEUED,
    EInvoiceState.BLOCKED_BY_ADVANCE,
    EInvoiceState.BLOCKED_BY_SOURCE,
    EInvoiceState.SENDING,
    EInvoiceState.SENT,
    EInvoiceState.APPROVED,
    EInvoiceState.CANCELED,
    EInvoiceState.STORNO,
)


@require_GET
@staff_page(VIEW_FINANCE)
def einvoice_list(request: HttpRequest) -> HttpResponse:
    filters = EInvoiceFilters(request)
    state = request.GET.get("state", "")
    state = state if state in EInvoiceState.values else ""
    found, following = newest_first(
        listing.einvoices(filters, state), by="created_at", cursor=request.GET.get("after", "")
    )
    counts = listing.counts_by(request, EInvoice.objects.all(), "state", "invoice__entity")
    return render(
        request,
        "finance/einvoices.html",
        {
            "filters": filters,
            "state": state,
            "tabs": [
                ("", _("All"), sum(counts.values())),
                *((one.value, one.label, counts[one.value]) for one in TABS if counts.get(one.value)),
            ],
            "rows": [(one, words.einvoice_error(one.error_code)) for one in found],
            "next": following,
            "now": timezone.now(),
        },
    )


def _einvoice(request: HttpRequest, pk: int) -> EInvoice:
    rows = EInvoice.objects.select_related("invoice__order", "invoice__entity", "invoice__replaces")
    return listing.one(request, rows, "invoice__entity", pk=pk)


@require_GET
@staff_page(VIEW_FINANCE)
def einvoice_page(request: HttpRequest, pk: int) -> HttpResponse:
    einvoice = _einvoice(request, pk)
    return _answer(request, einvoice, ReplaceForm(initial=_buyer(einvoice.invoice)))


def _buyer(invoice: Invoice) -> dict[str, str]:
    return {name: getattr(invoice, name) for name in einvoices.CORRECTIONS}


def _answer(request: HttpRequest, einvoice: EInvoice, form: ReplaceForm, status: int = 200) -> HttpResponse:
    edits, state = may(request.user, EDIT_FINANCE), EInvoiceState(einvoice.state)
    successor = Invoice.objects.filter(replaces_id=einvoice.invoice_id).first()
    is_out = state in einvoices.GONE and successor is not None
    return render(
        request,
        "finance/einvoice.html",
        {
            "einvoice": einvoice,
            "invoice": einvoice.invoice,
            "error": words.einvoice_error(einvoice.error_code),
            "is_bad": state in (EInvoiceState.REFUSED, EInvoiceState.REJECTED, EInvoiceState.MISTAKE),
            "events": [
                (event, words.einvoice_event(event.kind), words.einvoice_error(event.code))
                for event in einvoice.events.select_related("by").order_by("-pk")
            ],
            "sources": [
                (one, EInvoice.objects.filter(invoice=one).first())
                for one in selectors.sources_of(einvoice.invoice)
            ],
            "successor": successor,
            "can_retry": edits and not einvoice.withdrawal and state not in einvoices.GONE,
            "can_replace": edits and not einvoice.withdrawal and not is_out and state in einvoices.WAYS_OUT,
            "form": form,
            "crumbs": [(_("e-Invoices"), reverse("finance:einvoices")), (einvoice.invoice.number, "")],
        },
        status=status,
    )


@require_GET
@staff_page(VIEW_FINANCE)
def einvoice_xml(request: HttpRequest, pk: int) -> HttpResponse:
    """What was sent, to the byte; before that, what would be sent."""
    einvoice = _einvoice(request, pk)
    number = einvoice.invoice.number
    made = einvoice.document.encode() or selectors.invoice_ubl(number=number)
    answer = HttpResponse(made, content_type="application/xml")
    answer["Content-Disposition"] = f'attachment; filename="{number}.xml"'
    return answer


@require_POST
@staff_page(EDIT_FINANCE)
def retry_einvoice(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        einvoices.retry_einvoice(
            einvoice_id=_einvoice(request, pk).pk, by=listing.person(request), now=timezone.now()
        )
        toast(request, _("It is being sent or asked about."))
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return redirect("finance:einvoice", pk)


@require_POST
@staff_page(EDIT_FINANCE)
def replace_einvoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Out of the way at SEF, and when wanted the same paper under a new number."""
    einvoice = _einvoice(request, pk)
    form = ReplaceForm(request.POST)
    if not form.is_valid():
        return _answer(request, einvoice, form, status=422)
    data = form.cleaned_data
    try:
        einvoices.request_withdrawal(
            einvoice_id=einvoice.pk,
            reason=data["reason"],
            by=listing.person(request),
            now=timezone.now(),
            is_to_be_replaced=data["is_to_be_replaced"],
            corrections={name: data[name] for name in einvoices.CORRECTIONS},
        )
    except Refusal as refusal:
        form.add_error(None, words.refusal(refusal))
        return _answer(request, einvoice, form, status=422)
    toast(request, _("SEF is told, and the new paper follows."))
    return redirect("finance:einvoice", pk)
