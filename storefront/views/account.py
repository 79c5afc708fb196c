"""The account: orders of the login's own customer, never those of a typed address."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from oms.models import Order
from storefront.views import shopper

ORDERS_A_PAGE = 10


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    # A company's order stands on the company's account; whoever ordered it follows it here.
    mine = Q(placed_by=user) | Q(customer=customer) if customer else Q(placed_by=user)
    page = Paginator(Order.objects.filter(mine).order_by("-placed_at", "-pk"), ORDERS_A_PAGE).get_page(
        request.GET.get("page")
    )
    is_verified = (
        EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists()
        if user
        else False
    )
    context = {
        "page": page,
        "customer": customer,
        "person": user,
        "is_verified": is_verified,
        "crumbs": [(_("Home"), reverse("shop:home")), (_("My account"), "")],
    }
    return render(request, "shop/account.html", context)
