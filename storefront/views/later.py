"""Put aside for later, and a basket shared by a short code: what stands below the basket's lines."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from crm import operations as crm
from crm.models import Customer
from oms.workflows import basket_later, basket_sharing, baskets
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from storefront.views import aside, shopper
from storefront.views import basket as basket_page


@require_POST
@never_cache
def save(request: HttpRequest, line: uuid.UUID) -> HttpResponse:
    """Out of the basket, kept for another day."""
    token = shopper.basket_token(request)
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    if user is not None and customer is None and token:
        customer = crm.open_account(user=user, name=user.name or user.email, now=clock.now())
    answer = _done(
        request,
        lambda: basket_later.save_for_later(
            token=token,
            line_id=line,
            now=clock.now(),
            customer_id=customer.pk if customer else None,
            keeper=aside.keeper_of(request),
        ),
        _("Put aside for later."),
    )
    if customer is None and answer.status_code < 400:
        aside.remember_keeper(answer, token)
    return answer


@require_POST
@never_cache
def take(request: HttpRequest, saved: int) -> HttpResponse:
    """Into the basket again; without one, a new one is begun."""
    customer = shopper.customer_of(request)
    token = shopper.basket_token(request) if shopper.open_basket(request) is not None else ""

    def basket() -> str:
        nonlocal token
        token = token or _begun(request, customer)
        return token

    answer = _done(
        request,
        lambda: basket_later.take_back(
            saved_id=saved,
            basket=basket,
            now=clock.now(),
            keeper=aside.keeper_of(request),
            customer_id=customer.pk if customer else None,
        ),
        _("Back in the basket."),
    )
    if token and answer.status_code < 400:
        shopper.remember_basket(answer, token)
    return answer


def _begun(request: HttpRequest, customer: Customer | None) -> str:
    return baskets.create_basket(
        channel_code=shopper.channel_code(),
        now=clock.now(),
        language=shopper.language(),
        postal_code=shopper.chosen_postcode(request),
        client_hash=shopper.client_hash(request),
        customer_id=customer.pk if customer else None,
    ).token


@require_POST
@never_cache
def forget(request: HttpRequest, saved: int) -> HttpResponse:
    customer = shopper.customer_of(request)
    return _done(
        request,
        lambda: basket_later.forget_saved(
            saved_id=saved, keeper=aside.keeper_of(request), customer_id=customer.pk if customer else None
        ),
        _("Removed from what was put aside."),
    )


@require_POST
@never_cache
def share(request: HttpRequest) -> HttpResponse:
    """A code to be read to somebody of the shop."""
    token = shopper.basket_token(request)
    answer = _done(request, lambda: basket_sharing.share_basket(token=token, now=clock.now()), "")
    return redirect(f"{reverse('shop:basket')}?shared=1#share") if answer.status_code < 400 else answer


@require_POST
@never_cache
def stop_sharing(request: HttpRequest) -> HttpResponse:
    token = shopper.basket_token(request)
    return _done(
        request, lambda: basket_sharing.stop_sharing(token=token), _("The code opens nothing any more.")
    )


def _done(request: HttpRequest, verb: Callable[[], object], words: str) -> HttpResponse:
    try:
        verb()
    except Refusal as refusal:
        return basket_page.show(request, notice=_refusal_words(refusal), status=refusal.status)
    if words:
        toast(request, words)
    return redirect("shop:basket")


def _refusal_words(refusal: Refusal) -> str:
    if isinstance(refusal, basket_later.TooManySaved):
        return _("There are enough titles put aside. Take some of them off first.")
    if isinstance(refusal, basket_later.SavedLineNotFound | baskets.BasketLineNotFound):
        return _("It is no longer there.")
    if isinstance(refusal, baskets.BasketNotFound):
        return _("This basket has become an order, or it is gone.")
    if isinstance(refusal, baskets.UnknownSku):
        return _("It is no longer for sale.")
    return basket_page.words_of(refusal)
