"""Discount codes and gift cards: one field takes both, in the basket and at checkout, with the reason in words where the code was typed."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from crm.operations import NoMember, looks_like_a_card
from oms.workflows import basket_coupons, baskets, tenders
from retail.front import refusals
from retail.kernel import clock
from retail.kernel.errors import Refusal
from storefront.views import basket, checkout, gift_cards, offers, shopper


@require_POST
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    typed = shopper.plain(request.POST.get("code", ""), 60)
    if looks_like_a_card(typed):
        return _add_card(request, typed)
    customer = shopper.customer_of(request)
    try:
        basket_coupons.apply_coupon(
            token=shopper.basket_token(request),
            code=typed,
            now=clock.now(),
            client_hash=shopper.client_hash(request),
            customer_id=customer.pk if customer else None,
        )
    except baskets.BasketNotFound:
        return _again(request)
    except Refusal as refusal:
        request.shop_coupon_refused = (typed, offers.refusal_words(refusal))  # type: ignore[attr-defined]
        # The page is swapped for a form that was not right, whatever the reason; the words say which.
        return _shown(request, 422)
    return _again(request)


def _add_card(request: HttpRequest, typed: str) -> HttpResponse:
    try:
        tenders.apply_gift_card(
            token=shopper.basket_token(request),
            code=typed,
            now=clock.now(),
            client_hash=shopper.client_hash(request),
        )
    except baskets.BasketNotFound:
        return _again(request)
    except Refusal as refusal:
        request.shop_coupon_refused = (typed, gift_cards.code_words(refusal))  # type: ignore[attr-defined]
        return _shown(request, 422)
    return _again(request)


@require_POST
@never_cache
def remove_card(request: HttpRequest) -> HttpResponse:
    try:
        tenders.remove_gift_card(
            token=shopper.basket_token(request),
            public_id=shopper.plain(request.POST.get("card", ""), 32),
            now=clock.now(),
        )
    except baskets.BasketNotFound:
        return redirect("shop:basket")
    request.shop_tenders_changed = True  # type: ignore[attr-defined]
    return _again(request)


@require_POST
@never_cache
def use_points(request: HttpRequest) -> HttpResponse:
    """So many points as are typed, or none."""
    customer = shopper.customer_of(request)
    # As the page writes it, in both languages.
    text = re.sub(r"[.,\s]", "", shopper.plain(request.POST.get("points", ""), 10))
    try:
        if customer is None:
            raise NoMember("Only a member can pay with points.")
        tenders.want_points(
            token=shopper.basket_token(request),
            points=int(text) if text.isascii() and text.isdigit() else -1,
            customer_id=customer.pk,
            now=clock.now(),
        )
    except baskets.BasketNotFound:
        return redirect("shop:basket")
    except Refusal as refusal:
        request.shop_points_refused = refusals.say(refusal)  # type: ignore[attr-defined]
        return _shown(request, 422)
    request.shop_tenders_changed = True  # type: ignore[attr-defined]
    return _again(request)


@require_POST
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    try:
        basket_coupons.remove_coupon(
            token=shopper.basket_token(request),
            code=shopper.plain(request.POST.get("code", ""), 60),
            now=clock.now(),
        )
    except baskets.BasketNotFound:
        return redirect("shop:basket")
    return _again(request)


def _is_at_checkout(request: HttpRequest) -> bool:
    return request.POST.get("at") == "checkout"


def _again(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _shown(request, 200)
    return redirect("shop:checkout" if _is_at_checkout(request) else "shop:basket")


def _shown(request: HttpRequest, status: int) -> HttpResponse:
    if not _is_at_checkout(request):
        return basket.show(request, status=status)
    if request.headers.get("HX-Request"):
        return checkout.preview_of(request, status=status)
    return checkout.shown_again(request, status=status)
