"""What was put aside for later, as pages read it: of who is signed in, else of this browser."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from oms.models import Basket, BasketShare, SavedLine
from oms.workflows import basket_later, basket_sharing
from retail.kernel import clock
from storefront.views import shopper

# Which basket holds what a stranger put aside; without it nobody asks.
COOKIE, SALT = "later", "shop.later"
KEPT = shopper.KEPT * 6


def keeper_of(request: HttpRequest) -> str:
    value = request.get_signed_cookie(COOKIE, default="", salt=SALT, max_age=KEPT)
    return str(value or "")


def remember_keeper(answer: HttpResponseBase, token: str) -> None:
    answer.set_signed_cookie(
        COOKIE,
        token,
        salt=SALT,
        max_age=KEPT,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def put_aside(request: HttpRequest) -> list[SavedLine]:
    """A stranger who put nothing aside costs no question."""
    if shopper.user_of(request) is not None:
        customer = shopper.customer_of(request)
        return basket_later.saved_lines(customer_id=customer.pk) if customer else []
    return basket_later.saved_lines(token=keeper_of(request))


def share_shown(request: HttpRequest, found: Basket | None) -> tuple[BasketShare, str] | None:
    """The code, as it is read aloud, on the page that was asked for it."""
    if found is None or "shared" not in request.GET:
        return None
    share = basket_sharing.share_of(found, clock.now())
    return (share, basket_sharing.spoken(share.code)) if share else None
