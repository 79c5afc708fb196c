"""A basket shared by a short code: a store or the call center opens it and finishes it for the shopper, on the same rows.

Who guesses learns nothing: a code that nobody made, one that has ended and one whose basket became an order get the same answer, and
after a number of attempts none.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from oms.models import Basket, BasketShare, Order
from oms.states import BasketState
from oms.workflows import placing
from oms.workflows.basket_coupons import TooManyAttempts, count_attempt
from oms.workflows.baskets import claim_basket
from oms.workflows.checkout import Checkout
from retail.kernel.errors import NotFound
from retail.kernel.models import User

# Without letters and digits that are mistaken for one another, read aloud or written by hand.
SIGNS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LENGTH = 8
HOLDS_FOR = timedelta(hours=24)
ATTEMPTS = 20
CALLER = "ops"


class UnknownShare(NotFound):
    """No such code, or it has ended, or its basket was ordered: the answer is the same."""

    code = "UNKNOWN_BASKET_CODE"


def share_basket(*, token: str, now: datetime) -> BasketShare:
    """The code of an open basket; asked again while it holds, it is the same and holds longer. Refuses BasketNotFound."""
    with transaction.atomic():
        basket = claim_basket(token)
        share = BasketShare.objects.filter(basket=basket).first()
        if share is not None and share.expires_at > now:
            share.expires_at = now + HOLDS_FOR
            share.save(update_fields=["expires_at"])
            return share
        if share is not None:
            share.delete()
        return BasketShare.objects.create(
            basket=basket, code=_new_code(), expires_at=now + HOLDS_FOR, created_at=now
        )


def stop_sharing(*, token: str) -> None:
    """The code opens nothing any more."""
    with transaction.atomic():
        BasketShare.objects.filter(basket=claim_basket(token)).delete()


def open_shared(*, code: str, by: User, now: datetime) -> BasketShare:
    """For staff: the basket behind a code. Refuses UnknownShare, TooManyAttempts."""
    wanted = normal_code(code)
    known = BasketShare.objects.filter(code=wanted, opened_by=by).exists() if wanted else False
    if not known and count_attempt(f"share:user:{by.pk}") > ATTEMPTS:
        raise TooManyAttempts("Too many codes in a short time. Try again in ten minutes.")
    with transaction.atomic():
        share = (
            BasketShare.objects.select_for_update(of=("self",))
            .select_related(
                "basket__channel__price_list", "basket__channel__entity", "basket__customer__user"
            )
            .filter(code=wanted, basket__state=BasketState.OPEN, expires_at__gt=now)
            .first()
        )
        if share is None:
            raise UnknownShare("No open basket has this code.")
        if share.opened_by_id != by.pk:
            share.opened_by, share.opened_at = by, now
            share.save(update_fields=["opened_by", "opened_at"])
    return share


def finish_shared(*, code: str, checkout: Checkout, by: User, now: datetime) -> placing.Placed:
    """Order it as the shopper would: for the account that the basket belongs to. Refuses as `open_shared` and `place_order`."""
    basket = open_shared(code=code, by=by, now=now).basket
    shopper = basket.customer.user if basket.customer is not None else None
    asked = replace(
        checkout,
        basket_token=basket.token,
        customer_id=basket.customer_id if shopper is not None else None,
        idempotency_caller=CALLER,
        idempotency_key=f"share-{basket.pk}",
    )
    return placing.place_order(checkout=asked, by=shopper, now=now)


def order_of_basket(*, token: str) -> Order | None:
    """What a basket has become, for whoever holds its secret."""
    return Order.objects.filter(basket__token=token).first() if token else None


def share_of(basket: Basket, now: datetime) -> BasketShare | None:
    return BasketShare.objects.filter(basket=basket, expires_at__gt=now).first()


def normal_code(text: str) -> str:
    """As it is kept, whatever case and gaps it was typed with; empty when it cannot be one."""
    bare = "".join(sign for sign in text.upper() if sign.isalnum())
    return bare if len(bare) == LENGTH and set(bare) <= set(SIGNS) else ""


def spoken(code: str) -> str:
    """`K7MP 3XQ9`: read aloud in two halves."""
    return f"{code[: LENGTH // 2]} {code[LENGTH // 2 :]}"


def _new_code() -> str:
    return "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
