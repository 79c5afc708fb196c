"""Buying a gift card, and what is left on one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm import operations as crm
from crm.models import GiftCard
from finance.workflows.gift_cards import GOOD_FOR_MONTHS
from oms.states import PaymentMethod
from oms.workflows import tenders
from oms.workflows.basket_coupons import TooManyAttempts
from oms.workflows.gift_card_orders import CardsWanted, InvalidGiftCard, order_gift_cards
from retail.kernel import clock
from retail.kernel.clock import business_date
from retail.kernel.errors import Refusal
from storefront.forms import GIFT_AMOUNTS, GiftCardForm
from storefront.views import shopper

CALLER = "shop.gift_card"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def buy(request: HttpRequest) -> HttpResponse:
    """Amount, recipient, day, buyer; what is posted is an order that is paid next."""
    if request.method != "POST":
        return _page(request, GiftCardForm(initial=_initial(request)))
    form = GiftCardForm(request.POST)
    if form.is_valid():
        try:
            return _order(request, form)
        except InvalidGiftCard as refusal:
            for name in refusal.details.get("fields", []):
                form.add_error(
                    name,
                    _("Choose a day within a year from today.")
                    if name == "send_on"
                    else _("Check this field."),
                )
    return _page(request, form, status=422)


def _order(request: HttpRequest, form: GiftCardForm) -> HttpResponse:
    data, now = form.cleaned_data, clock.now()
    customer = shopper.customer_of(request)
    card = crm.NewCard(
        amount=Decimal(data["amount"]),
        recipient_email=data["recipient_email"],
        send_on=data["send_on"] or business_date(now),
        recipient_name=data["recipient_name"],
        sender_name=data["name"],
        message=data["message"],
    )
    placed = order_gift_cards(
        wanted=CardsWanted(
            cards=[card],
            email=data["email"],
            name=data["name"],
            payment_method=data["payment"],
            channel_code=shopper.channel_code(),
            language=shopper.language(),
            customer_id=customer.pk if customer else None,
            idempotency_caller=CALLER,
            idempotency_key=shopper.plain(request.POST.get("key", ""), 40),
        ),
        by=shopper.user_of(request),
        now=now,
    )
    if placed.redirect_url:
        return HttpResponseRedirect(placed.redirect_url)
    name = "shop:transfer" if placed.payment.method == PaymentMethod.BANK_TRANSFER else "shop:pay"
    return redirect(name, token=placed.order.token)


def _initial(request: HttpRequest) -> dict[str, Any]:
    user = shopper.user_of(request)
    return {"amount": "3000", "payment": PaymentMethod.CARD} | (
        {"name": user.name, "email": user.email} if user else {}
    )


def _page(request: HttpRequest, form: GiftCardForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        # One key for one page: a double click makes one order.
        "key": shopper.plain(request.POST.get("key", ""), 40) or get_random_string(40),
        "amounts": GIFT_AMOUNTS,
        "months": GOOD_FOR_MONTHS,
        "crumbs": [(_("Home"), reverse("shop:home")), (_("Gift card"), "")],
    }
    return render(request, "shop/gift_card.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def balance(request: HttpRequest) -> HttpResponse:
    """What is on the card whose code is typed; it is posted, so that no address bar and no log keeps it."""
    card: GiftCard | None = None
    error, status = "", 200
    if request.method == "POST":
        try:
            card = tenders.look_at_card(
                code=shopper.plain(request.POST.get("code", ""), 60), client_hash=shopper.client_hash(request)
            )
        except Refusal as refusal:
            error, status = code_words(refusal), 429 if refusal.status == 429 else 422
    context = {
        "card": card,
        "entries": card.entries.order_by("-pk") if card else (),
        "is_over": card is not None
        and card.expires_on is not None
        and card.expires_on < business_date(clock.now()),
        "error": error,
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (_("Gift card"), reverse("shop:gift_card")),
            (_("What is on it"), ""),
        ],
    }
    return render(request, "shop/gift_card_balance.html", context, status=status)


def code_words(refusal: Refusal) -> str:
    """Why a code of a gift card was not taken; who guesses learns nothing."""
    if isinstance(refusal, TooManyAttempts):
        return _("Too many codes in a short time. Try again in ten minutes.")
    if isinstance(refusal, tenders.TooManyGiftCards):
        return _("There are enough gift cards in this basket.")
    return _("This code does not hold. Check the letters, or ask who gave it to you.")
