"""Checkout on one page: who, how it comes, how it is paid. Nothing typed is lost, and one basket makes one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm import operations as crm
from crm import selectors as crm_reads
from crm.models import Customer
from oms import selectors as oms
from oms.models import Basket, Order
from oms.pricing import Priced
from oms.states import DeliveryKind, OrderStatus, PaymentMethod
from oms.workflows import baskets, placing
from oms.workflows.checkout import (
    BasketOrdered,
    EmptyBasket,
    InvalidContact,
    MethodNotAvailable,
    PriceChanged,
)
from oms.workflows.order_supply import can_be_paid_with
from oms.workflows.placing_digital import ConsentMissing, PaidBeforeSent
from oms.workflows.points import NotForCompanies
from oms.workflows.tenders import Tender, TenderChanged, split, tenders_of
from retail.front import quick
from retail.kernel import clock
from retail.kernel.errors import Refusal
from retail.kernel.money import ZERO
from storefront.forms import CheckoutForm, day_is_gone
from storefront.models import Channel
from storefront.views import basket as basket_page
from storefront.views import offers, shopper, tenders, ways
from warehouse import operations as stock
from warehouse import selectors as warehouse

CALLER = "shop"
PAYMENT_ICONS = {
    PaymentMethod.CARD: "card",
    PaymentMethod.BANK_TRANSFER: "qr",
    PaymentMethod.CASH_ON_DELIVERY: "cash",
}


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One way that can be chosen, with its fee and the whole with it, or one that says why not."""

    way: ways.Way
    fee: Decimal
    total: Decimal
    # What gift cards leave of it.
    rest: Decimal
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PaymentRow:
    method: str
    icon: str
    title: str
    why: str
    is_chosen: bool


@dataclass
class Desk:
    """Everything the page shows, read once."""

    channel: Channel
    basket: Basket
    view: baskets.BasketView
    options: list[warehouse.Option]
    postal_code: str
    now: datetime
    held: list[Tender] = field(default_factory=list)
    _priced: dict[str, Priced] = field(default_factory=dict)

    @property
    def has_files(self) -> bool:
        return any(line.variant.is_digital for line in self.view.lines)

    @property
    def is_files_only(self) -> bool:
        return all(line.variant.is_digital for line in self.view.lines)

    @cached_property
    def methods(self) -> set[str]:
        return {
            option.method
            for option in self.options
            if option.is_orderable
            and (option.method in self.view.quote.fees or option.method == DeliveryKind.DIGITAL)
        }

    @cached_property
    def stores(self) -> list[tuple[str, str]]:
        """(code, words) of the stores that have all of it, nearest first."""
        return self._stores_of(DeliveryKind.STORE_PICKUP)

    @cached_property
    def ship_stores(self) -> list[tuple[str, str]]:
        """Of those to which the rest is sent."""
        return self._stores_of(DeliveryKind.SHIP_TO_STORE)

    def _stores_of(self, method: str) -> list[tuple[str, str]]:
        found = [
            (option.location, option)
            for option in self.options
            if option.method == method and option.is_orderable and option.location
        ]
        # Most stores say the same hour.
        when = {(option.date, option.ready_at, option.reason): option for _, option in found}
        words = {moment: ways.when_words(option, self.now) for moment, option in when.items()}
        return [
            (
                place.code,
                f"{ways.in_script(place.name)}: {words[option.date, option.ready_at, option.reason]}",
            )
            for place, option in found
        ]

    @cached_property
    def lockers(self) -> list[tuple[str, str]]:
        """(code, words) of the parcel lockers that it fits into, nearest first."""
        return [
            (
                option.place,
                f"{ways.in_script(option.location.name)}, {ways.in_script(option.location.street)}: "
                f"{ways.when_words(option, self.now)}",
            )
            for option in self.options
            if option.method == DeliveryKind.PARCEL_LOCKER and option.is_orderable and option.location
        ]

    @cached_property
    def arrives_on(self) -> date | None:
        """Of goods that are under way to us: the day at the door, which a card must live to see."""
        days = [option.date for option in self.options if option.is_orderable and option.supply_on]
        return max((day for day in days if day), default=None)

    def can_be_paid_with(self, method: str) -> bool:
        return can_be_paid_with(method, arrives_on=self.arrives_on, today=clock.business_date(self.now))

    def priced_with(self, method: str) -> Priced:
        """What the engine asks with this way: exactly what the order will be written with."""
        if method not in self._priced:
            self._priced[method] = self.view.quote.priced_with(method)
        return self._priced[method]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def checkout(request: HttpRequest) -> HttpResponse:
    if request.method == "POST" and "again" not in request.POST:
        return _order(request)
    desk = _desk(request)
    if desk is None:
        return redirect("shop:basket")
    # Without script a button shows the dates for another postcode: the page again, with what was typed, and nothing ordered.
    return _page(request, desk, _form(request, desk, typed=request.POST.dict()))


@require_POST
@never_cache
def preview(request: HttpRequest) -> HttpResponse:
    """Dates and total for what is chosen so far; nothing is written."""
    return preview_of(request)


def shown_again(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """The page as things are now, with nothing ordered."""
    desk = _desk(request)
    return _page(request, desk, _form(request, desk), status=status) if desk else redirect("shop:basket")


def preview_of(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    desk = _desk(request, shopper.clean_postcode(request.POST.get("postal_code", "")))
    if desk is None:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("shop:basket")})
    form = _form(request, desk, request.POST)
    context = _context(request, desk, form)
    typed = shopper.clean_postcode(request.POST.get("postal_code", ""))
    if typed and not request.POST.get("city", "").strip() and (place := ways.place_of(typed)):
        form.data = {**request.POST.dict(), "city": ways.in_script(place)}
        context["new_city"] = True
    return HttpResponse(quick.part(request, "shop/parts/checkout_preview.html", context), status=status)


# ------------------------------------------------------------------ placing
def _order(request: HttpRequest) -> HttpResponse:
    """Place it with what was typed. Placing itself looks at prices, dates and stock, so the page reads them only to show a refusal."""
    token = shopper.basket_token(request)
    if request.POST.get("key", "") != shopper.checkout_key(token) and (placed := _placed_already(request)):
        return _after(placed)
    form = CheckoutForm(request.POST, methods=None, stores=[])
    if token and form.is_valid():
        try:
            return _place(request, token, form)
        except Refusal as refusal:
            return _refused(request, refusal)
    return _refused(request)


def _place(request: HttpRequest, token: str, form: CheckoutForm) -> HttpResponse:
    data, now = form.cleaned_data, clock.now()
    checkout = form.checkout(
        basket_token=token,
        language=shopper.language(),
        customer_id=_customer_id(request, now),
        idempotency_caller=CALLER,
        idempotency_key=shopper.checkout_key(token),
    )
    placed = placing.place_order(checkout=checkout, by=shopper.user_of(request), now=now)
    response = HttpResponseRedirect(placed.redirect_url) if placed.redirect_url else _after(placed.order)
    shopper.forget_basket(response)
    if data["postal_code"]:
        shopper.remember_postcode(response, data["postal_code"])
    return response


def _placed_already(request: HttpRequest) -> Order | None:
    """The order that this very page made before: double click, back button, a second tab. The key is a secret of its basket."""
    key = shopper.plain(request.POST.get("key", ""), 80)
    if len(key) != 40:
        return None
    order = Order.objects.filter(idempotency_caller=CALLER, idempotency_key=key).first()
    return order if order and constant_time_compare(order.idempotency_key, key) else None


def _after(order: Order) -> HttpResponseRedirect:
    """Where the shopper goes now: to pay, or to the thanks."""
    waits = order.status == OrderStatus.PENDING_PAYMENT
    if waits and order.payment_method == PaymentMethod.CARD:
        name = "shop:pay"
    elif waits and order.payment_method == PaymentMethod.BANK_TRANSFER:
        name = "shop:transfer"
    else:
        name = "shop:thanks"
    return HttpResponseRedirect(reverse(name, args=[order.token]))


def _customer_id(request: HttpRequest, now: datetime) -> int | None:
    user = shopper.user_of(request)
    if user is None:
        return None
    return crm.open_account(user=user, name=user.get_full_name(), language=shopper.language(), now=now).pk


def _refused(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    """The page again, as things are now, with the refusal in words at the place where it can be cured."""
    if placed := _placed_already(request):
        return _after(placed)
    desk = _desk(request)
    if desk is None:
        return redirect("shop:basket")
    form = _form(request, desk, request.POST)
    if not form.is_valid() or refusal is None:
        return _page(request, desk, form, status=422)
    if isinstance(refusal, InvalidContact):
        for name in refusal.details.get("fields", []):
            form.add_error(name if name in form.fields else None, _what_is_wrong(name))
    elif isinstance(refusal, crm.InvalidPib):
        form.add_error(
            "pib",
            _("Write the nine digits of the PIB, for example 100000024; the last one is a check digit."),
        )
    elif isinstance(refusal, PriceChanged):
        form.add_error(
            None, _("The total has changed since you saw it. Look at the new one and order again.")
        )
    elif isinstance(refusal, TenderChanged):
        form.add_error(
            None, _("A gift card was spent elsewhere meanwhile. Look at what is left to pay and order again.")
        )
    elif isinstance(refusal, ConsentMissing):
        form.add_error(
            "withdrawal_consent", _("Without this word we may not send the electronic edition at once.")
        )
    elif isinstance(refusal, PaidBeforeSent):
        form.add_error(
            "payment", _("An electronic edition is paid before it is sent. Choose another way to pay.")
        )
    elif isinstance(refusal, NotForCompanies):
        form.add_error(
            "is_company", _("Points are yours, not the company's: take them out to buy for a company.")
        )
    elif isinstance(refusal, MethodNotAvailable):
        if refusal.details.get("reason") == "DAY_NOT_POSSIBLE":
            form.add_error("when", day_is_gone())
        elif refusal.details.get("reason") == "CARD_TOO_EARLY":
            form.add_error(
                "payment", _("A card cannot wait so long for a pre-order. Choose another way to pay.")
            )
        else:
            form.add_error("delivery", _("This way cannot be had for your basket now. Choose another one."))
    elif isinstance(refusal, stock.OutOfStock | stock.HoldLost):
        form.add_error(
            None, _("Something in the basket is no longer there in the number you want. Look at the basket.")
        )
    elif isinstance(refusal, BasketOrdered | EmptyBasket | baskets.BasketNotFound):
        return redirect("shop:basket")
    else:
        form.add_error(None, _("That could not be done. Look at the basket and try again."))
    return _page(request, desk, form, status=422, refusal=refusal)


def _what_is_wrong(field: str) -> str:
    if field == "registration_number":
        return _("The company takes electronic invoices: write its registration number, eight digits.")
    return _("Check this field.")


# ------------------------------------------------------------------ the page
def _desk(request: HttpRequest, typed_postcode: str = "") -> Desk | None:
    """None when there is nothing to buy."""
    found = shopper.open_basket(request)
    if found is None:
        return None
    now = clock.now()
    view = baskets.read_basket(basket=found, now=now, orderer_id=found.customer_id)
    request.shop_basket_count = view.units  # type: ignore[attr-defined]
    if not view.lines:
        return None
    posted = shopper.clean_postcode(request.POST.get("postal_code", ""))
    given = (typed_postcode, posted, found.postal_code, shopper.chosen_postcode(request))
    # A postcode that does not exist is an error of its field; it takes no way to be chosen away.
    code = next((each for each in given if each and oms.is_known_postcode(each)), "") or ways.postcode_for()
    options = warehouse.promise_options(
        lines=[(line.variant_id, line.quantity) for line in view.lines],
        channel_id=found.channel_id,
        now=now,
        postal_code=code or None,
        basket_id=found.pk,
        goods_total=view.priced.goods_total,
        currency=found.channel.currency,
        are_days_wanted=True,
    )
    return Desk(found.channel, found, view, options, code, now, tenders_of(basket=found, now=now))


def _form(
    request: HttpRequest, desk: Desk, data: Any = None, *, typed: Mapping[str, Any] | None = None
) -> CheckoutForm:
    initial = {**_initial(request, desk), **(typed or {})}
    days = ways.day_choices(desk.options, desk.now)
    return CheckoutForm(
        data,
        initial=initial,
        methods=desk.methods,
        stores=desk.stores,
        days=days,
        lockers=desk.lockers,
        ship_stores=desk.ship_stores,
    )


def _initial(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    customer = shopper.customer_of(request)
    user = shopper.user_of(request)
    chosen_code = desk.basket.postal_code or shopper.chosen_postcode(request)
    initial: dict[str, Any] = {
        "delivery": _first_method(desk),
        "payment": PaymentMethod.CARD
        if desk.can_be_paid_with(PaymentMethod.CARD)
        else PaymentMethod.BANK_TRANSFER,
        "postal_code": chosen_code,
        "city": ways.place_of(chosen_code),
    }
    if store := shopper.my_store(request):
        initial |= {"pickup_location": store.code, "ship_store": store.code}
    if user is not None:
        initial |= {"name": user.name, "email": user.email}
    if customer is not None:
        initial |= _from_account(customer)
    return initial


def _from_account(customer: Customer) -> dict[str, Any]:
    found = {"name": customer.name, "phone": customer.phone, "email": customer.email}
    address = crm_reads.default_address(customer_id=customer.pk)
    if address is not None:
        found |= {"street": address.street, "postal_code": address.postal_code, "city": address.city}
        found["phone"] = address.phone or customer.phone
    return {name: value for name, value in found.items() if value}


def _first_method(desk: Desk) -> str:
    if DeliveryKind.HOME_DELIVERY in desk.methods:
        return DeliveryKind.HOME_DELIVERY
    return next(iter(sorted(desk.methods)), "")


def _page(
    request: HttpRequest,
    desk: Desk,
    form: CheckoutForm,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
) -> HttpResponse:
    context = _context(request, desk, form, refusal)
    return quick.page(request, "shop/checkout.html", context, status=status, has_aisles=False)


def _context(
    request: HttpRequest, desk: Desk, form: CheckoutForm, refusal: Refusal | None = None
) -> dict[str, Any]:
    chosen = str(form["delivery"].value() or "")
    rows = [
        DeliveryRow(
            way=row,
            fee=desk.priced_with(row.method).delivery_total,
            total=desk.priced_with(row.method).total,
            rest=split(tenders=desk.held, total=desk.priced_with(row.method).total).rest,
            is_chosen=row.method == chosen and row.method in desk.methods,
        )
        for row in ways.in_words(
            desk.options,
            desk.now,
            str(form["pickup_location"].value() or ""),
            str(form["ship_store"].value() or ""),
            str(form["locker"].value() or ""),
        )
    ]
    chosen_method = chosen if chosen in desk.methods else _first_method(desk)
    whole = desk.priced_with(chosen_method)
    problems = basket_page.rows_of(desk.view, desk.channel.price_list_id, desk.now, refusal=refusal)
    return {
        "form": form,
        "rows": problems,
        "delivery_rows": rows,
        "payment_rows": _payment_rows(desk, str(form["payment"].value() or "")),
        "has_files": desk.has_files,
        "is_files_only": desk.is_files_only,
        "is_card_too_early": not desk.can_be_paid_with(PaymentMethod.CARD),
        "waits_together": basket_page.waits_together(desk.view),
        "has_stores": bool(desk.stores),
        "has_ship_stores": bool(desk.ship_stores),
        "has_lockers": bool(desk.lockers),
        "has_days": DeliveryKind.HOME_DELIVERY in desk.methods,
        "postal_code": desk.postal_code,
        "goods_list": sum((line.list_total for line in desk.view.priced.lines), ZERO),
        "saved": desk.view.priced.saved,
        "offers": offers.shown(desk.view, whole),
        **basket_page.coupon_typed(request),
        "fee": whole.delivery_total if chosen_method in desk.methods else None,
        "fee_words": ways.method_words(chosen_method) if chosen_method else "",
        "total": whole.total,
        "tenders": tenders.shown(request, desk.held, whole.total, desk.view, desk.now),
        "currency": desk.channel.currency,
        "held_until": desk.view.held_until,
        "key": shopper.checkout_key(desk.basket.token),
        "has_troubles": any(row.troubles for row in problems),
        "units": desk.view.units,
        "user": shopper.user_of(request),
        "new_city": False,
    }


def _payment_rows(desk: Desk, chosen: str) -> list[PaymentRow]:
    """What is sent as soon as it is paid is not paid at a door; a card does not wait for what comes later."""
    words = {
        PaymentMethod.CARD: (
            _("By card"),
            _("On the bank's page; we never see the card number. Electronic editions are charged at once.")
            if desk.has_files
            else _("On the bank's page; we never see the card number. You are charged when the goods leave."),
        ),
        PaymentMethod.BANK_TRANSFER: (
            _("IPS QR code or payment slip"),
            _(
                "Scan the code in your bank's app, or pay at a counter; we keep everything for three working days"
            ),
        ),
        PaymentMethod.CASH_ON_DELIVERY: (
            _("When you receive it"),
            _("To the courier at the door, or in the store when you pick it up"),
        ),
    }
    return [
        PaymentRow(method, PAYMENT_ICONS[method], title, why, method == chosen)
        for method, (title, why) in words.items()
        if desk.can_be_paid_with(method) and not (desk.has_files and method == PaymentMethod.CASH_ON_DELIVERY)
    ]
