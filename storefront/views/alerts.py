"""Alerts: asked for beside a product, confirmed and ended by links that open a page with one button, since a look changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm import operations as crm
from crm.models import Alert
from crm.states import AlertKind, AlertState
from oms import selectors as oms
from oms.workflows import baskets
from retail.front.refusals import say
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from retail.rest.throttles import count_request
from storefront import selectors as catalog
from storefront.models import Variant
from storefront.views import shopper

REQUESTS_A_MINUTE = 10


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """The proved address of a login counts at once; any other gets a letter that asks."""
    sku = shopper.plain(request.POST.get("sku", ""), 40)
    variant = catalog.sellable_variant(sku) if sku else None
    if variant is None:
        raise Http404("no such variant")
    page = redirect("shop:variant", variant.product.slug, variant.sku)
    if count_request(f"alert:{shopper.client_hash(request)[:24]}") > REQUESTS_A_MINUTE:
        messages.error(request, _("That was many times in a minute. Try again in a minute."))
        return page
    email = shopper.plain(request.POST.get("email", ""), 254)
    try:
        alert = _asked(request, variant, email)
    except Refusal as refusal:
        messages.error(request, say(refusal))
        return page
    if alert.state == AlertState.WAITING:
        toast(request, _("We will write to you."))
    else:
        toast(request, _("We have sent you a letter: confirm in it that the address is yours."))
    return page


def _asked(request: HttpRequest, variant: Variant, email: str) -> Alert:
    channel, now = shopper.channel(), clock.now()
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    is_proved = (
        user is not None
        and user.email.lower() == email.lower()
        and EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists()
    )
    quote = oms.quote(channel=channel, wanted=[oms.Wanted(variant.sku, variant, 1)], now=now)
    return crm.ask_to_be_told(
        kind=request.POST.get("kind", AlertKind.BACK_IN_STOCK)[:20],
        variant_id=variant.pk,
        channel_id=channel.pk,
        email=email,
        language=shopper.language(),
        customer_id=customer.pk if customer and is_proved else None,
        is_proved=is_proved,
        price_seen=quote.priced.lines[0].total if quote.priced.lines else None,
        by=user,
        now=now,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def alert(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the letter that asks; the button says yes."""
    if request.method == "POST":
        _act(lambda: crm.confirm_alert(token=token, now=clock.now()))
        return redirect("shop:alert", token)
    return _page(request, token, "confirm")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def end(request: HttpRequest, token: str) -> HttpResponse:
    """The link in every letter; the button ends it."""
    if request.method == "POST":
        _act(lambda: crm.end_alert(token=token, now=clock.now()))
        return redirect("shop:alert_end", token)
    return _page(request, token, "end")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def take(request: HttpRequest, token: str) -> HttpResponse:
    """The held copy: its basket becomes the shopper's, or the copy goes into the one they have."""
    row = _found(token)
    if request.method != "POST":
        return _page(request, token, "take")
    answer = redirect("shop:basket")
    if not row.basket_token or oms.basket_by_token(row.basket_token) is None:
        messages.error(request, _("The time for it is over, and it went to the next in line."))
        return redirect("shop:variant", row.variant.product.slug, row.variant.sku)
    mine = shopper.open_basket(request)
    if mine is None or mine.token == row.basket_token:
        shopper.remember_basket(answer, row.basket_token)
    else:
        try:
            baskets.take_over(token=mine.token, other=row.basket_token, now=clock.now())
        except Refusal as refusal:
            messages.error(request, say(refusal))
    return answer


def _act(act: Callable[[], Alert]) -> None:
    try:
        act()
    except crm.AlertNotFound as error:
        raise Http404("no such alert") from error


def _found(token: str) -> Alert:
    row = Alert.objects.select_related("variant__product").filter(token=token).first()
    if row is None:
        raise Http404("no such alert")
    return row


def _page(request: HttpRequest, token: str, act: str) -> HttpResponse:
    row = _found(token)
    return render(request, "shop/alert.html", {"alert": row, "act": act, "product": row.variant.product})
