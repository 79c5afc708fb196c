"""Paying an order that waits for money: the bank's page and back, a new attempt, another method, the transfer slip."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from finance import selectors as finance
from finance import workflows as money
from finance.models import Payment
from finance.papers import qr_svg
from finance.states import PaymentState
from oms import operations as orders
from oms import selectors as oms
from oms.models import Order
from oms.states import OrderStatus, PaymentMethod
from retail.front import quick
from retail.kernel import clock
from retail.kernel.errors import Refusal
from retail.kernel.identifiers import format_account, parse_account
from storefront.views import shopper


@dataclass(frozen=True, slots=True)
class Way:
    """A method that may be tried now."""

    method: str
    icon: str
    title: str
    why: str


def order_or_404(token: str) -> Order:
    order = oms.order_by_token(token)
    if order is None:
        raise Http404("no such order")
    return order


def waits_for_money(order: Order) -> bool:
    return order.status == OrderStatus.PENDING_PAYMENT


def last_payment(order: Order) -> Payment | None:
    return finance.payments_of_order(order_id=order.pk).last()


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """How the payment stands, and every way on; what is posted starts a new attempt."""
    order = order_or_404(token)
    if not waits_for_money(order):
        return redirect("shop:order", token=token)
    if request.method == "POST":
        return _start(request, order)
    payment = last_payment(order)
    if payment is not None and payment.method == PaymentMethod.BANK_TRANSFER:
        return redirect("shop:transfer", token=token)
    return _page(request, order, payment)


def _start(request: HttpRequest, order: Order) -> HttpResponse:
    method = shopper.plain(request.POST.get("method", ""), 20)
    try:
        payment = money.start_payment(
            order_id=order.pk,
            method=method,
            by=shopper.user_of(request),
            now=clock.now(),
            language=shopper.language(),
        )
    except money.OrderNotPending:
        return redirect("shop:order", token=order.token)
    except money.CardUnavailable as refusal:
        return _page(request, order, last_payment(order), refusal=refusal)
    except Refusal as refusal:
        return _page(request, order, last_payment(order), refusal=refusal)
    if payment.method == PaymentMethod.CARD:
        return HttpResponseRedirect(payment.redirect_url or reverse("shop:pay", args=[order.token]))
    name = "shop:transfer" if payment.method == PaymentMethod.BANK_TRANSFER else "shop:thanks"
    return redirect(name, token=order.token)


def _page(
    request: HttpRequest, order: Order, payment: Payment | None, refusal: Refusal | None = None
) -> HttpResponse:
    is_open = payment is not None and payment.state == PaymentState.PENDING and bool(payment.redirect_url)
    context = {
        "order": order,
        "payment": payment,
        "is_open": is_open and refusal is None,
        "words": _refusal_words(refusal) if refusal else failure_words(payment),
        "ways": _ways(is_open=is_open, has_door=not orders.is_paid_before(order)),
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (order.number, reverse("shop:order", args=[order.token])),
            (_("Payment"), ""),
        ],
    }
    return render(request, "shop/pay.html", context, status=refusal.status if refusal else 200)


def _refusal_words(refusal: Refusal) -> str:
    if isinstance(refusal, money.CardUnavailable):
        return _(
            "The bank does not answer right now. The order stands; try again in a minute or choose another way."
        )
    return _("This way to pay is not possible for the order. Choose another one.")


def failure_words(payment: Payment | None) -> str:
    """What became of the last attempt by card, without codes; nothing while it is under way."""
    if payment is None or payment.method != PaymentMethod.CARD:
        return ""
    if payment.state not in (PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.PENDING):
        return ""
    if payment.state == PaymentState.PENDING and payment.redirect_url:
        return ""
    return {
        "DECLINED": _("The bank declined the card. Nothing was charged."),
        "FAILED_3DS": _("The check by your bank did not succeed. Nothing was charged."),
        "CANCELED": _("You left the bank's page before paying. Nothing was charged."),
        "EXPIRED": _("The time on the bank's page ran out. Nothing was charged."),
    }.get(
        payment.failure,
        _(
            "The bank does not answer right now. The order stands; try again in a minute or choose another way."
        ),
    )


def _ways(*, is_open: bool, has_door: bool) -> list[Way]:
    card = Way(
        PaymentMethod.CARD,
        "card",
        _("Start again with a card") if is_open else _("Try with a card again"),
        _("The same card or another one, on the bank's page"),
    )
    transfer = Way(
        PaymentMethod.BANK_TRANSFER,
        "qr",
        _("Pay by IPS QR code or payment slip"),
        _("We keep everything for three working days"),
    )
    cash = Way(
        PaymentMethod.CASH_ON_DELIVERY,
        "cash",
        _("Pay when you receive it"),
        _("To the courier at the door, or in the store when you pick it up"),
    )
    return [card, transfer, cash] if has_door else [card, transfer]


@require_safe
@never_cache
def came_back(request: HttpRequest, token: str) -> HttpResponse:
    """The shopper is back from the bank's page.

    The one page that may write when it is only read: it asks the provider how the payment stands and records the answer, which
    the provider's own message would record just the same. What the address says about the outcome is not looked at.
    """
    order = order_or_404(token)
    payment = finance.payments_of_order(order_id=order.pk).filter(method=PaymentMethod.CARD).last()
    if payment is not None and waits_for_money(order):
        with suppress(Refusal):  # then the provider's message, or the sweep, tells it later
            money.refresh_payment(payment_id=payment.pk, now=clock.now())
        order.refresh_from_db()
    with translation.override(_language_of(request, order)):
        name = "shop:pay" if waits_for_money(order) else "shop:thanks"
        return HttpResponseRedirect(reverse(name, args=[token]))


def _language_of(request: HttpRequest, order: Order) -> str:
    """The provider knows one address; the shopper goes on in the language of the order."""
    return order.language or shopper.language()


@require_safe
@never_cache
def transfer(request: HttpRequest, token: str) -> HttpResponse:
    """The slip: account, amount, reference, and the code that a bank's app reads."""
    payment = _transfer_of(token)
    if payment is None:
        return redirect("shop:order", token=token)
    order, told = payment.order, finance.how_to_transfer(payment=payment)
    context = {
        "order": order,
        "told": told,
        "bank_account": _account(told.account),
        "urls": {
            "qr": reverse("shop:transfer_qr", args=[token]),
            "order": reverse("shop:order", args=[token]),
            "pay": reverse("shop:pay", args=[token]),
        },
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (order.number, reverse("shop:order", args=[token])),
            (_("Payment"), ""),
        ],
    }
    return quick.page(request, "shop/transfer.html", context, has_aisles=False)


@require_safe
@never_cache
def transfer_qr(request: HttpRequest, token: str) -> HttpResponse:
    payment = _transfer_of(token)
    if payment is None:
        raise Http404("nothing to pay by transfer")
    told = finance.how_to_transfer(payment=payment)
    return HttpResponse(qr_svg(told.ips), content_type="image/svg+xml; charset=utf-8")


def _transfer_of(token: str) -> Payment | None:
    """The transfer that the order waits for, if it waits for money; an unknown order is not found."""
    payment = finance.transfer_of_order(token=token)
    order = payment.order if payment else order_or_404(token)
    return payment if waits_for_money(order) else None


def _account(text: str) -> str:
    digits = parse_account(text)
    return format_account(digits) if digits else text


def status_context(order: Order) -> dict[str, Any]:
    """What other pages say about the money of an order."""
    payment = last_payment(order)
    return {
        "payment": payment,
        "waits": waits_for_money(order),
        "is_transfer": payment is not None and payment.method == PaymentMethod.BANK_TRANSFER,
        "failure": failure_words(payment),
    }
