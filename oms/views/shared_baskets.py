"""A shopper's basket, opened by the code that they read out: seen, mended and ordered for them, on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.operations import InvalidPib
from oms.models import Basket, BasketLine, BasketShare
from oms.pricing import PricedLine
from oms.states import DeliveryKind
from oms.workflows import basket_sharing, baskets, tenders
from oms.workflows.basket_sharing import UnknownShare
from oms.workflows.checkout import InvalidContact
from retail.front import refusals
from retail.front.formats import day_text
from retail.front.toasts import toast
from retail.kernel.access import SELL, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from storefront.forms import CheckoutForm, day_is_gone
from storefront.views import ways
from warehouse import selectors as warehouse

TROUBLES = {
    "PRICE_CHANGED": gettext_lazy("The price has changed since the shopper saw it."),
    "HOLD_LOST": gettext_lazy("No longer held."),
    "NOT_FOR_SALE": gettext_lazy("No longer for sale."),
}


PLACE_KINDS = (DeliveryKind.STORE_PICKUP, DeliveryKind.SHIP_TO_STORE, DeliveryKind.PARCEL_LOCKER)


@dataclass(frozen=True, slots=True)
class Row:
    line: BasketLine
    priced: PricedLine | None
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeliveryChoice:
    """A way with its date, its fee, all of it with that fee, as the order will be written, and what gift cards leave of it."""

    method: str
    words: str
    fee: Decimal
    total: Decimal
    rest: Decimal


@dataclass(frozen=True, slots=True)
class Desk:
    share: BasketShare
    view: baskets.BasketView
    deliveries: tuple[DeliveryChoice, ...]
    stores: list[tuple[str, str]]
    ship_stores: list[tuple[str, str]]
    lockers: list[tuple[str, str]]
    days: list[tuple[str, str]]

    @property
    def basket(self) -> Basket:
        return self.share.basket

    @property
    def has_files(self) -> bool:
        return any(line.variant.is_digital for line in self.view.lines)


@require_http_methods(["GET", "POST"])
@staff_page(SELL)
def find_basket(request: HttpRequest) -> HttpResponse:
    """Where the code is typed in."""
    crumbs = [(_("Orders"), reverse("ops:orders")), (_("Shared basket"), "")]
    if request.method == "GET":
        return render(request, "ops/basket_find.html", {"crumbs": crumbs})
    typed = request.POST.get("code", "")[:40]
    try:
        share = basket_sharing.open_shared(code=typed, by=_user(request), now=timezone.now())
    except Refusal as refusal:
        context = {"crumbs": crumbs, "typed": typed, "refusal": refusals.say(refusal)}
        return render(request, "ops/basket_find.html", context, status=refusal.status)
    return redirect("ops:shared_basket", code=share.code)


@require_http_methods(["GET", "POST"])
@staff_page(SELL)
def shared_basket(request: HttpRequest, code: str) -> HttpResponse:
    """What lies in it; posted, it becomes an order of the shopper."""
    now = timezone.now()
    try:
        desk = _desk(code, _user(request), request.POST.get("postal_code", ""), now)
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("ops:find_basket")
    if request.method == "GET":
        return _page(request, desk, _form(desk))
    form = _form(desk, request.POST)
    if "again" in request.POST or not form.is_valid():
        return _page(request, desk, form, status=200 if "again" in request.POST else 422)
    try:
        placed = basket_sharing.finish_shared(
            code=code,
            checkout=form.checkout(basket_token=desk.basket.token, language=desk.basket.language),
            by=_user(request),
            now=now,
        )
    except Refusal as refusal:
        _say(form, refusal)
        return _page(
            request, _desk(code, _user(request), form.cleaned_data["postal_code"], now), form, status=422
        )
    toast(request, _("Order %(number)s is placed for the shopper.") % {"number": placed.order.number})
    return redirect("ops:order", number=placed.order.number)


@require_POST
@staff_page(SELL)
def change_basket(request: HttpRequest, code: str) -> HttpResponse:
    """One thing about what lies in it: how many of a line, another title, held or priced again."""
    now, typed = timezone.now(), request.POST

    def change(token: str) -> object:
        if "line" in typed:
            units = _units(typed.get("quantity", ""))
            if not units:
                baskets.remove_line(token=token, line_id=typed["line"], now=now)
                return None
            return baskets.change_line(token=token, line_id=typed["line"], quantity=units, now=now)
        if "sku" in typed:
            return baskets.add_line(token=token, sku=typed["sku"].strip()[:40], quantity=1, now=now)
        baskets.accept_prices(token=token, now=now)
        return baskets.extend_holds(token=token, now=now)

    return _changed(request, code, change, now)


def _changed(request: HttpRequest, code: str, change: Callable[[str], object], now: datetime) -> HttpResponse:
    try:
        change(basket_sharing.open_shared(code=code, by=_user(request), now=now).basket.token)
    except UnknownShare as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("ops:find_basket")
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
    return redirect("ops:shared_basket", code=code)


def _units(typed: str) -> int:
    text = typed.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise baskets.InvalidQuantity("The quantity is a whole number from 0.", quantity=text[:20])
    return int(text)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


# ------------------------------------------------------------------ what the page shows
def _desk(code: str, by: User, postal_code: str, now: datetime) -> Desk:
    share = basket_sharing.open_shared(code=code, by=by, now=now)
    basket = share.basket
    view = baskets.read_basket(basket=basket, now=now, orderer_id=basket.customer_id)
    where = ways.postcode_for(postal_code.replace(" ", "")[:12], basket.postal_code)
    options = (
        warehouse.promise_options(
            lines=[(line.variant_id, line.quantity) for line in view.lines],
            channel_id=basket.channel_id,
            now=now,
            postal_code=where or None,
            basket_id=basket.pk,
            goods_total=view.priced.goods_total,
            currency=basket.channel.currency,
            are_days_wanted=True,
        )
        if view.lines
        else []
    )
    stores, ship_stores, lockers = (_places(options, kind) for kind in PLACE_KINDS)
    held = tenders.tenders_of(basket=basket, now=now)
    days = ways.day_choices(options, now)
    return Desk(share, view, tuple(_deliveries(view, options, held)), stores, ship_stores, lockers, days)


def _deliveries(
    view: baskets.BasketView, options: list[warehouse.Option], held: list[tenders.Tender]
) -> list[DeliveryChoice]:
    found: list[DeliveryChoice] = []
    for option in options:
        if not option.is_orderable or option.method not in view.quote.fees:
            continue
        if any(each.method == option.method for each in found):
            continue
        priced = view.quote.priced_with(option.method)
        words = f"{DeliveryKind(option.method).label}, {_when(option)}"
        rest = tenders.split(tenders=held, total=priced.total).rest
        found.append(DeliveryChoice(option.method, words, priced.delivery_total, priced.total, rest))
    return found


def _when(option: warehouse.Option) -> str:
    if option.ready_at is not None:
        return f"{timezone.localtime(option.ready_at):%d.%m. %H:%M}"
    return day_text(option.date, get_language() or settings.LANGUAGE_CODE) if option.date else ""


def _places(options: list[warehouse.Option], method: str) -> list[tuple[str, str]]:
    return [
        (option.location.code, f"{option.location.name}: {_when(option)}")
        for option in options
        if option.method == method and option.is_orderable and option.location
    ]


def _form(desk: Desk, data: Any = None) -> CheckoutForm:
    customer = desk.basket.customer
    initial = {
        "delivery": desk.deliveries[0].method if desk.deliveries else "",
        "payment": "CASH_ON_DELIVERY",
        "postal_code": desk.basket.postal_code,
    }
    if customer is not None:
        initial |= {"name": customer.name, "email": customer.email, "phone": customer.phone}
    methods = {each.method for each in desk.deliveries}
    return CheckoutForm(
        data,
        initial=initial,
        methods=methods,
        stores=desk.stores,
        lockers=desk.lockers,
        ship_stores=desk.ship_stores,
        days=desk.days,
    )


def _page(request: HttpRequest, desk: Desk, form: CheckoutForm, *, status: int = 200) -> HttpResponse:
    priced = {line.key: line for line in desk.view.priced.lines}
    rows = [
        Row(
            line,
            priced.get(str(line.public_id)),
            tuple(
                str(TROUBLES.get(each.code, each.code))
                for each in desk.view.problems
                if each.line == str(line.public_id)
            ),
        )
        for line in desk.view.lines
    ]
    context = {
        "desk": desk,
        "rows": rows,
        "form": form,
        "code": basket_sharing.spoken(desk.share.code),
        "currency": desk.view.priced.currency,
        "has_troubles": any(row.troubles for row in rows),
        "crumbs": [
            (_("Orders"), reverse("ops:orders")),
            (_("Shared basket"), reverse("ops:find_basket")),
            (basket_sharing.spoken(desk.share.code), ""),
        ],
    }
    return render(request, "ops/basket_shared.html", context, status=status)


def _say(form: CheckoutForm, refusal: Refusal) -> None:
    if isinstance(refusal, InvalidContact):
        for name in refusal.details.get("fields", []):
            form.add_error(name if name in form.fields else None, _("Check this field."))
    elif isinstance(refusal, InvalidPib):
        form.add_error("pib", refusals.say(refusal))
    elif refusal.details.get("reason") == "DAY_NOT_POSSIBLE":
        form.add_error("when", day_is_gone())
    else:
        form.add_error(None, refusals.say(refusal))
