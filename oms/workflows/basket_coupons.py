"""Codes that shoppers type into a basket. Who guesses learns nothing: a code that nobody made, one that has ended and one that
belongs to somebody else get the same answer, and after a number of attempts none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db import connection, transaction

from crm import selectors as crm
from crm.operations import normal_code
from oms.models import Basket, BasketCoupon
from oms.pricing import Outcome, Priced, Step
from oms.workflows.baskets import BasketNotFound, BasketView, claim_basket, touch_basket
from retail.kernel.errors import NotFound, Refusal
from retail.kernel.rows import insert

WINDOW_SECONDS = 600
ATTEMPTS_PER_BASKET = 15
ATTEMPTS_PER_CLIENT = 40
COUPONS_MAX = 5


class UnknownCoupon(NotFound):
    """No such code, or it has ended, is used up, or is somebody else's: the answer is the same."""

    code = "UNKNOWN_COUPON"


class TooManyAttempts(Refusal):
    """Wait before the next code."""

    code = "TOO_MANY_ATTEMPTS"
    status = 429


class TooManyCoupons(Refusal):
    code = "TOO_MANY_COUPONS"


# Usable by this account, and its discount is live in this channel now.
_FIND = f"""
    SELECT y.id FROM ({crm.TYPED_COUPONS} WHERE k.code = %(code)s) y JOIN ({crm.LIVE_DISCOUNTS}) l ON l.id = y.discount_id
     WHERE y.is_usable"""  # noqa: S608 - texts of our own


def apply_coupon(
    *, token: str, code: str, now: datetime, client_hash: str = "", customer_id: int | None = None
) -> Basket:
    """Put a code into the basket; whether it lowers anything is decided with every price. The same code again changes nothing.

    Refuses UnknownCoupon, TooManyAttempts, TooManyCoupons, BasketNotFound.
    """
    count_code(token, client_hash)
    wanted = normal_code(code)
    with transaction.atomic():
        basket = claim_basket(token)
        coupon_id = _find(wanted, basket, basket.customer_id or customer_id, now) if wanted else None
        if coupon_id is None:
            raise UnknownCoupon("This code does not hold.")
        held = set(BasketCoupon.objects.filter(basket=basket).values_list("coupon_id", flat=True))
        if coupon_id in held:
            return basket
        if len(held) >= COUPONS_MAX:
            raise TooManyCoupons("There are enough codes in this basket.", maximum=COUPONS_MAX)
        insert([BasketCoupon(basket=basket, coupon_id=coupon_id, created_at=now)])
        touch_basket(basket, now)
    return basket


def remove_coupon(*, token: str, code: str, now: datetime) -> Basket:
    """Take a code out of the basket; one that is not in it is not missed."""
    with transaction.atomic():
        basket = claim_basket(token)
        BasketCoupon.objects.filter(basket=basket, coupon__code=normal_code(code)).delete()
        touch_basket(basket, now)
    return basket


@dataclass(frozen=True, slots=True)
class CouponView:
    """A code in the basket: what it took off, else the step that says why nothing."""

    code: str
    is_usable: bool
    steps: tuple[Step, ...]

    @property
    def is_applied(self) -> bool:
        return any(step.outcome == Outcome.APPLIED for step in self.steps)


def coupons_of(view: BasketView, priced: Priced | None = None) -> list[CouponView]:
    """The codes in the order they were typed; `priced` when the page shows the basket with another way of delivery."""
    tried = (priced or view.priced).steps
    offers = view.quote.offers
    codes = {rule.row.id: rule.row.code for rule in offers.rules}
    return [
        CouponView(
            coupon.code,
            coupon.is_usable and coupon.discount_id in codes,
            tuple(step for step in tried if step.rule == codes.get(coupon.discount_id)),
        )
        for coupon in offers.coupons
    ]


def _find(code: str, basket: Basket, customer_id: int | None, now: datetime) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            _FIND, {"code": code, "customer": customer_id, "channel": basket.channel_id, "now": now}
        )
        found = cursor.fetchone()
    return found[0] if found else None


def count_code(token: str, client_hash: str) -> None:
    """Counted before anything is looked up. When the server that counts is down, codes are taken."""
    if not token:
        raise BasketNotFound("There is no such basket, or it was ordered already.")
    _count_all([(f"coupon:basket:{token}", ATTEMPTS_PER_BASKET)])
    count_guess(client_hash)


def count_guess(client_hash: str) -> None:
    """A code that is typed elsewhere than in a basket counts with the client's others."""
    if client_hash:
        _count_all([(f"coupon:client:{client_hash}", ATTEMPTS_PER_CLIENT)])


def _count_all(limits: Sequence[tuple[str, int]]) -> None:
    for key, limit in limits:
        if count_attempt(key) > limit:
            raise TooManyAttempts("Too many codes in a short time. Try again in ten minutes.")


def count_attempt(key: str) -> int:
    """How many within the window, this one too."""
    counter = getattr(cache, "count", None)
    if counter is not None:
        return int(counter(key, WINDOW_SECONDS))
    cache.add(key, 0, WINDOW_SECONDS)
    return int(cache.incr(key))
