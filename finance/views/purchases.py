"""Suppliers' invoices at SEF: listed, accepted, rejected with a comment."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import workflows as money
from finance.forms import PurchaseDecisionForm, PurchaseFilters
from finance.models import PurchaseInvoice
from finance.views import listing, words
from finance.workflows.purchase_invoices import OPEN
from retail.front.keyset import newest_first
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, staff_page
from retail.kernel.errors import Refusal


@require_GET
@staff_page(VIEW_FINANCE)
def purchase_list(request: HttpRequest) -> HttpResponse:
    filters = PurchaseFilters(request)
    counts = listing.counts_by(request, PurchaseInvoice.objects.all(), "status")
    state = request.GET.get("state", "")
    state = state if state in counts else ""
    found, following = newest_first(
        listing.purchases(filters, state), by="read_at", cursor=request.GET.get("after", "")
    )
    return render(
        request,
        "finance/purchases.html",
        {
            "filters": filters,
            "state": state,
            "tabs": [
                ("", _("All"), sum(counts.values())),
                *((one, words.purchase_status(one), counts[one]) for one in sorted(counts)),
            ],
            "rows": found,
            "next": following,
            "now": timezone.now(),
        },
    )


def _purchase(request: HttpRequest, pk: int) -> PurchaseInvoice:
    return listing.one(request, PurchaseInvoice.objects.select_related("entity", "decided_by"), pk=pk)


@require_GET
@staff_page(VIEW_FINANCE)
def purchase_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _answer(request, _purchase(request, pk), PurchaseDecisionForm())


def _answer(
    request: HttpRequest, purchase: PurchaseInvoice, form: PurchaseDecisionForm, status: int = 200
) -> HttpResponse:
    is_open = purchase.status in OPEN and (not purchase.decision or bool(purchase.failure))
    return render(
        request,
        "finance/purchase.html",
        {
            "purchase": purchase,
            "can_decide": is_open and may(request.user, EDIT_FINANCE),
            "form": form,
            "crumbs": [(_("Suppliers' invoices"), reverse("finance:purchases")), (purchase.number, "")],
        },
        status=status,
    )


@require_POST
@staff_page(EDIT_FINANCE)
def decide_purchase(request: HttpRequest, pk: int) -> HttpResponse:
    purchase = _purchase(request, pk)
    form = PurchaseDecisionForm(request.POST)
    is_accepted = request.POST.get("act") == "accept"
    if form.is_valid():
        try:
            money.decide_purchase(
                purchase_id=purchase.pk,
                is_accepted=is_accepted,
                comment=form.cleaned_data["comment"],
                by=listing.person(request),
                now=timezone.now(),
            )
            toast(request, _("Accepted. SEF is told.") if is_accepted else _("Rejected. SEF is told."))
            return redirect("finance:purchase", pk)
        except Refusal as refusal:
            form.add_error("comment", words.refusal(refusal))
    return _answer(request, purchase, form, status=422)
