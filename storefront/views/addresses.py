"""The address book of an account."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm import operations as crm
from crm import selectors as crm_reads
from crm.models import Customer
from retail.front.toasts import toast
from retail.kernel import clock
from storefront.forms import AddressForm
from storefront.views import shopper


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def addresses(request: HttpRequest) -> HttpResponse:
    form = AddressForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        crm.add_address(customer_id=_account(request).pk, **form.cleaned_data)
        toast(request, _("The address is kept."))
        return redirect("shop:addresses")
    customer = shopper.customer_of(request)
    context = {
        "form": form,
        "addresses": crm_reads.addresses_of(customer_id=customer.pk) if customer else [],
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (_("My account"), reverse("shop:account")),
            (_("Addresses"), ""),
        ],
    }
    return render(request, "shop/addresses.html", context, status=422 if form.is_bound else 200)


@require_POST
@never_cache
@login_required
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        crm.remove_address(customer_id=_own(request).pk, address_id=pk)
    except crm.AddressNotFound as refusal:
        raise Http404("no such address") from refusal
    toast(request, _("The address is removed."))
    return redirect("shop:addresses")


@require_POST
@never_cache
@login_required
def make_default(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        crm.make_default_address(customer_id=_own(request).pk, address_id=pk)
    except crm.AddressNotFound as refusal:
        raise Http404("no such address") from refusal
    return redirect("shop:addresses")


def _own(request: HttpRequest) -> Customer:
    customer = shopper.customer_of(request)
    if customer is None:
        raise Http404("no account")
    return customer


def _account(request: HttpRequest) -> Customer:
    user = shopper.user_of(request)
    assert user is not None, "the page asks for a login"
    return crm.open_account(
        user=user, name=user.get_full_name(), language=shopper.language(), now=clock.now()
    )
