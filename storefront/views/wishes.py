"""Wishes: on the account of who is signed in; in a signed cookie of who is not, until they are."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm import operations as crm
from crm.models import Wish
from retail.front.toasts import toast
from retail.kernel import clock
from storefront import selectors as catalog
from storefront.models import Variant
from storefront.views import shelves, shopper

COOKIE, SALT = "wishes", "shop.wishes"
GUEST_MAX = 60


@require_safe
@never_cache
def wishes(request: HttpRequest) -> HttpResponse:
    channel, now = shopper.channel(), clock.now()
    variants = _variants(request)
    cards = catalog.cards(
        list(dict.fromkeys(each.product_id for each in variants)), channel.price_list_id, now
    )
    reading = shelves.reading(request, channel, cards, now)
    by_product = {each.product_id: each for each in variants}
    answer = render(
        request,
        "shop/wishes.html",
        {
            "rows": [(reading.book(card), by_product[card.product_id]) for card in cards],
            "is_guest": shopper.user_of(request) is None,
            "crumbs": [(_("Home"), reverse("shop:home")), (_("Wish list"), "")],
        },
    )
    if shopper.user_of(request) is not None and COOKIE in request.COOKIES:
        answer.delete_cookie(COOKIE, samesite="Lax")  # joined at sign-in
    return answer


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Put one on the list, or take it off; asking twice changes nothing."""
    sku = shopper.plain(request.POST.get("sku", ""), 40)
    variant = catalog.variant_by_code(sku) if sku else None
    if variant is None:
        return redirect("shop:wishes")
    is_off = request.POST.get("act") == "remove"
    answer = redirect("shop:wishes")
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    if user is not None:
        customer = customer or crm.open_account(user=user, name=user.name or user.email, now=clock.now())
        if is_off:
            crm.remove_wish(customer_id=customer.pk, variant_id=variant.pk, by=user)
        else:
            crm.add_wishes(customer_id=customer.pk, variant_ids=[variant.pk], by=user, now=clock.now())
    else:
        rest = [one for one in guest_skus(request) if one != variant.sku]
        _remember(answer, rest if is_off else [variant.sku, *rest][:GUEST_MAX])
    toast(request, _("Taken off the wish list.") if is_off else _("It is on your wish list."))
    return answer


def guest_skus(request: HttpRequest) -> list[str]:
    value = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=shopper.KEPT * 6)
    return [sku for sku in str(value or "").split("|") if sku][:GUEST_MAX]


def _remember(answer: HttpResponse, skus: list[str]) -> None:
    answer.set_signed_cookie(
        COOKIE,
        "|".join(skus),
        salt=SALT,
        max_age=shopper.KEPT * 6,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _variants(request: HttpRequest) -> list[Variant]:
    """What is on the list, the newest first; archived products are gone from it."""
    on_sale = Variant.objects.filter(is_sellable=True, product__status="PUBLISHED").select_related("product")
    if shopper.user_of(request) is not None:
        customer = shopper.customer_of(request)
        if customer is None:
            return []
        ids = list(
            Wish.objects.filter(customer=customer)
            .order_by("-added_at", "-pk")
            .values_list("variant_id", flat=True)
        )
        found = on_sale.in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]
    skus = guest_skus(request)
    by_sku = {each.sku: each for each in on_sale.filter(sku__in=skus)}
    return [by_sku[sku] for sku in skus if sku in by_sku]
