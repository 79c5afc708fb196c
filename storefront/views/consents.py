"""What the reader of an account lets the shop do, each by its own word, changed at any time."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm import operations as crm
from crm.models import Consent, Customer
from crm.states import ConsentKind
from retail.front.toasts import toast
from retail.kernel import clock
from storefront.views import shopper

WORDING = {
    ConsentKind.NEWSLETTER: gettext_lazy("Write to me by e-mail about new titles and offers."),
    ConsentKind.SMS: gettext_lazy("Send me text messages about offers."),
    ConsentKind.PROFILING: gettext_lazy("Use what I bought and looked at to show me offers that fit me."),
}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def consents(request: HttpRequest) -> HttpResponse:
    customer = shopper.customer_of(request)
    if request.method == "POST":
        _save(request, customer)
        toast(request, _("Your choice is kept."))
        return redirect("shop:consents")
    given = _given(customer)
    context = {
        "rows": [(kind.value, kind.label, WORDING[kind], given.get(kind.value)) for kind in ConsentKind],
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (_("My account"), reverse("shop:account")),
            (_("Consents"), ""),
        ],
    }
    return render(request, "shop/consents.html", context)


def _given(customer: Customer | None) -> dict[str, Consent]:
    """The newest word of each kind."""
    rows = Consent.objects.filter(customer=customer).order_by("given_at", "pk") if customer else ()
    return {row.kind: row for row in rows}


def _save(request: HttpRequest, customer: Customer | None) -> None:
    user = shopper.user_of(request)
    assert user is not None, "only who is signed in"
    now = clock.now()
    account = customer or crm.open_account(
        user=user, name=user.get_full_name(), language=shopper.language(), now=now
    )
    for kind in ConsentKind:
        crm.record_consent(
            customer_id=account.pk,
            kind=kind.value,
            is_given=request.POST.get(kind.value) == "on",
            wording=str(WORDING[kind]),
            by=user,
            now=now,
        )
