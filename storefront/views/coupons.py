"""Discount codes and gift cards: one field takes both, in the basket and at checkout, with the reason in words where the code was typed."""

from __future__ import annotations

import re
from collections.abc import Callable

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
    client = shopper.client_hash(request)
    if looks_like_a_card(typed):
        return _changed(
            request,
            lambda token: tenders.apply_gift_card(
                token=token, code=typed, now=clock.now(), client_hash=client
            ),
            shop_coupon_refused=lambda refusal: (typed, gift_cards.code_words(refusal)),
        )
    customer = shopper.customer_of(request)
    return _changed(
        request,
        lambda token: basket_coupons.apply_coupon(
            token=token,
            code=typed,
            now=clock.now(),
            client_hash=client,
            customer_id=customer.pk if customer else None,
        ),
        shop_coupon_refused=lambda refusal: (typed, offers.refusal_words(refusal)),
    )


@require_POST
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    typed = shopper.plain(request.POST.get("code", ""), 60)
    return _changed(
        request, lambda token: basket_coupons.remove_coupon(token=token, code=typed, now=clock.now())
    )


@require_POST
@never_cache
def remove_card(request: HttpRequest) -> HttpResponse:
    card = shopper.plain(request.POST.get("card", ""), 32)
    request.shop_tenders_changed = True  # type: ignore[attr-defined]
    return _changed(
        request, lambda token: tenders.remove_gift_card(token=token, public_id=card, now=clock.now())
    )


@require_POST
@never_cache
def use_points(request: HttpRequest) -> HttpResponse:
    """So many points as are typed, or none."""
    # As the page writes it, in both languages.
    text = re.sub(r"[.,\s]", "", shopper.plain(request.POST.get("points", ""), 10))
    customer = shopper.customer_of(request)

    def want(token: str) -> object:
        if customer is None:
            raise NoMember("Only a member can pay with points.")
        points = int(text) if text.isascii() and text.isdigit() else -1
        done = tenders.want_points(token=token, points=points, customer_id=customer.pk, now=clock.now())
        request.shop_tenders_changed = True  # type: ignore[attr-defined]
        return done

    return _changed(request, want, shop_points_refused=refusals.say)


def _changed(
    request: HttpRequest, change: Callable[[str], object], **say: Callable[[Refusal], object]
) -> HttpResponse:
    """The basket or the checkout with it; what is refused is said by the words of `say`, kept for the page under its name."""
    try:
        change(shopper.basket_token(request))
    except baskets.BasketNotFound:
        return _again(request)
    except Refusal as refusal:
        if not say:
            raise
        for name, words in say.items():
            setattr(request, name, words(refusal))
        # The page is swapped for a form that was not right, whatever the reason; the words say which.
        return _shown(request, 422)
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
