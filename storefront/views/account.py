"""The account: orders of the login's own customer, never those of a typed address."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.models import LoyaltyAccount
from crm.views import facts
from crm.views.privacy import as_file
from crm.workflows import privacy
from oms.models import Order
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.errors import Refusal
from storefront.views import shopper

ORDERS_A_PAGE = 10


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    # A company's order stands on the company's account; whoever ordered it follows it here.
    mine = Q(placed_by=user) | Q(customer=customer) if customer else Q(placed_by=user)
    page = Paginator(
        Order.objects.filter(mine).select_related("channel").order_by("-placed_at", "-pk"), ORDERS_A_PAGE
    ).get_page(request.GET.get("page"))
    is_verified = (
        EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists()
        if user
        else False
    )
    membership = LoyaltyAccount.objects.select_related("tier").filter(customer=customer).first()
    context = {
        "membership": membership,
        "standing": facts.standing_of(membership, timezone.now()),
        "page": page,
        "gift_cards": facts.gift_cards_of(customer) if customer else [],
        "customer": customer,
        "person": user,
        "is_verified": is_verified,
        "crumbs": [(_("Home"), reverse("shop:home")), (_("My account"), "")],
    }
    return render(request, "shop/account.html", context)


@require_POST
@login_required
def own_data(request: HttpRequest) -> HttpResponse:
    """Everything that the shop keeps about whoever asks, as one file."""
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    if user is None or customer is None:
        return redirect("shop:account")
    found = privacy.hand_over(customer_id=customer.pk, by=user, now=timezone.now())
    return as_file(found, customer.public_id, is_table=False)


@require_POST
@login_required
def erase_me(request: HttpRequest) -> HttpResponse:
    """The account is closed and the person forgotten, when the e-mail address was typed."""
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    if user is None or customer is None:
        return redirect("shop:account")
    if request.POST.get("email", "").strip().casefold() != user.email.casefold():
        messages.error(request, _("Type your e-mail address as it stands."))
        return redirect("shop:account")
    try:
        privacy.erase_person(customer_id=customer.pk, by=user, now=timezone.now())
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("shop:account")
    logout(request)
    toast(request, _("Your account is closed and your data are erased."))
    return redirect("shop:home")
