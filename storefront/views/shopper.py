"""Who is shopping, as the browser's own cookies say: the basket's secret, the postcode, the chosen store.

Signed cookies and no session: a page for a stranger asks the database about goods only, and a wiped cache loses no basket.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language

from crm.models import Customer
from oms import selectors as oms
from oms.models import Basket, BasketLine
from oms.workflows import baskets
from retail.kernel.models import User
from storefront import selectors as catalog
from storefront.models import Channel

BASKET_COOKIE, POSTCODE_COOKIE, STORE_COOKIE = "basket", "postcode", "store"
BASKET_SALT, STORE_SALT = "shop.basket", "shop.store"
KEPT = timedelta(days=30)
_POSTCODE = re.compile(r"[0-9A-Z]{3,10}")


@dataclass(frozen=True, slots=True)
class Store:
    """The shopper's own store, as the cookie keeps it."""

    code: str
    name: str
    location_id: int


def channel() -> Channel:
    """The sales channel of this shop; without it there is nothing to show."""
    found = catalog.channel_by_code(channel_code())
    if found is None:
        raise Http404("the shop's channel is not set up")
    return found


def channel_code() -> str:
    return str(getattr(settings, "SHOP_CHANNEL", "web-rs"))


def kept_channel() -> tuple[str, Channel]:
    """The channel as it was when it was read last, with its version: for a question that says whether that still holds."""
    found = catalog.kept_channel(channel_code())
    if found is None:
        raise Http404("the shop's channel is not set up")
    return found


def language() -> str:
    return get_language() or settings.LANGUAGE_CODE


def plain(text: str, length: int) -> str:
    """What somebody typed into an address: one line, no longer than asked, nothing that the database cannot hold."""
    return " ".join(text.replace("\x00", "").split())[:length]


# ------------------------------------------------------------------ basket
def carry_basket(request: HttpRequest, token: str) -> None:
    """The basket that this very request began: its cookie comes back only with the next one."""
    request.shop_basket_token = token  # type: ignore[attr-defined]


def basket_token(request: HttpRequest) -> str:
    if begun := getattr(request, "shop_basket_token", ""):
        return str(begun)
    value = request.get_signed_cookie(BASKET_COOKIE, default="", salt=BASKET_SALT, max_age=KEPT)
    return str(value or "")


def open_basket(request: HttpRequest) -> Basket | None:
    """The basket of this browser, for the account of who has logged in meanwhile when it has none of its own."""
    token = basket_token(request)
    found = oms.basket_by_token(token) if token else None
    if found is not None and found.customer_id is None and (customer := customer_of(request)) is not None:
        found.customer = customer
    if found is not None and found.points_wanted and not owns(request, found):
        found.points_wanted = 0
    return found


def owns(request: HttpRequest, basket: Basket) -> bool:
    """Whether it is of the account that is logged in: somebody else may sit at this browser by now."""
    customer = customer_of(request)
    return customer is not None and customer.pk == basket.customer_id


def put_in(
    request: HttpRequest, *, sku: str, quantity: int, now: datetime, is_preorder: bool = False
) -> BasketLine:
    """Units for the open basket; when there is none, they make one. Only for what is posted."""
    if token := basket_token(request):
        with suppress(baskets.BasketNotFound):
            return baskets.add_line(token=token, sku=sku, quantity=quantity, now=now, is_preorder=is_preorder)
    customer = customer_of(request)
    return baskets.start_basket(
        channel=channel(),
        sku=sku,
        quantity=quantity,
        now=now,
        language=language(),
        postal_code=chosen_postcode(request),
        client_hash=client_hash(request),
        customer_id=customer.pk if customer else None,
        is_preorder=is_preorder,
    )


def remember_basket(response: HttpResponseBase, token: str) -> None:
    response.set_signed_cookie(
        BASKET_COOKIE,
        token,
        salt=BASKET_SALT,
        max_age=KEPT,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def forget_basket(response: HttpResponseBase) -> None:
    response.delete_cookie(BASKET_COOKIE, samesite="Lax")


def checkout_key(token: str) -> str:
    """One key for one basket, in every tab: a double click, the back button and a second tab give the same order."""
    return salted_hmac("shop.checkout", token, algorithm="sha256").hexdigest()[:40]


def client_hash(request: HttpRequest) -> str:
    """Who holds stock, for the limit per client: the address in a form that cannot be read back."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    address = hops[-trusted] if trusted and len(hops) >= trusted else request.META.get("REMOTE_ADDR", "")
    return hashlib.sha256(f"{settings.SECRET_KEY}|shop.client|{address}".encode()).hexdigest()


# ------------------------------------------------------------------ where
def clean_postcode(text: str) -> str:
    """A postcode without its spaces, or nothing when it cannot be one."""
    bare = re.sub(r"[\s-]", "", text).upper()
    return bare if _POSTCODE.fullmatch(bare) else ""


def chosen_postcode(request: HttpRequest) -> str:
    """What the shopper wrote, on any page; empty when nothing."""
    return clean_postcode(request.COOKIES.get(POSTCODE_COOKIE, ""))


def remember_postcode(response: HttpResponseBase, postal_code: str) -> None:
    _keep(response, POSTCODE_COOKIE, postal_code)


def my_store(request: HttpRequest) -> Store | None:
    value = str(request.get_signed_cookie(STORE_COOKIE, default="", salt=STORE_SALT) or "")
    parts = value.split("|", 2)
    return Store(parts[0], parts[2], int(parts[1])) if len(parts) == 3 else None


def remember_store(response: HttpResponseBase, store: Store) -> None:
    response.set_signed_cookie(
        STORE_COOKIE,
        f"{store.code}|{store.location_id}|{store.name}",
        salt=STORE_SALT,
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _keep(response: HttpResponseBase, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


# ------------------------------------------------------------------ account
def user_of(request: HttpRequest) -> User | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None  # the session of a stranger need not be opened
    user = getattr(request, "user", None)
    return user if isinstance(user, User) and user.is_authenticated else None


def customer_of(request: HttpRequest) -> Customer | None:
    """The account of the login; guests have none here, whatever address they type."""
    user = user_of(request)
    return Customer.objects.filter(user=user).first() if user else None
