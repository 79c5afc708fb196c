"""An order by its secret address: thanks, where it is, canceling, papers."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from oms.models import Order
from oms.states import OrderStatus
from oms.workflows import cancellation, exchanges
from oms.workflows.returns import RETURN_DAYS
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from storefront.views import downloads, papers, payment, shopper, tracking
from storefront.views.after import changing


@require_safe
@never_cache
def order(request: HttpRequest, token: str) -> HttpResponse:
    """Where it is. The provider sends the shopper here too, with its reference: then the payment is looked at first."""
    if "reference" in request.GET:
        return payment.came_back(request, token)
    return show(request, payment.order_or_404(token))


def show(request: HttpRequest, found: Order, *, notice: str = "", status: int = 200) -> HttpResponse:
    now = clock.now()
    lines = tracking.goods_of(found)
    boxes = tracking.boxes(found, lines)
    swap = exchanges.standing_of(order=found)
    cards = tracking.gift_cards_of(found)
    context = {
        "order": found,
        "boxes": boxes,
        "lines": lines,
        "cards": cards,
        "has_cards_to_come": any(not card.quantity_returned for card in cards),
        "files": downloads.files_of(found, now),
        "headline": tracking.headline(found, boxes, now, waits_for_goods=swap.is_waiting),
        "swap": swap,
        "may_cancel": tracking.may_cancel(found),
        "may_change": changing.may_change(found),
        "may_name_company": changing.may_name_company(found),
        "returnable": tracking.returnable(found, lines),
        "returns": tracking.returns_of(found),
        "papers": tracking.papers(found),
        "promise_changes": found.promise_changes.order_by("-pk")[:3],
        "notice": notice,
        "awaited_on": tracking.awaited_on(found, now),
        "crumbs": [(_("Home"), reverse("shop:home")), (found.number, "")],
        **payment.status_context(found),
    }
    return render(request, "shop/order.html", context, status=status)


@require_safe
@never_cache
def thanks(request: HttpRequest, token: str) -> HttpResponse:
    """The order is in: its number, when it comes, what follows."""
    found = payment.order_or_404(token)
    if payment.waits_for_money(found):
        return redirect("shop:pay", token=token)
    context = {
        "order": found,
        "lines": tracking.goods_of(found),
        "cards": tracking.gift_cards_of(found),
        "files": downloads.files_of(found, clock.now()),
        "promised": tracking.promised_words(found),
        "awaited_on": tracking.awaited_on(found, clock.now()),
        "may_register": shopper.user_of(request) is None,
        "return_days": RETURN_DAYS,
        "crumbs": [(_("Home"), reverse("shop:home")), (found.number, "")],
    }
    return render(request, "shop/thanks.html", context)


@require_POST
@never_cache
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """While nothing is picked. Later the answer names the way on."""
    found = payment.order_or_404(token)
    if found.status == OrderStatus.CANCELED:
        return redirect("shop:order", token=token)
    try:
        cancellation.cancel_order(
            order_id=found.pk,
            reason="canceled by the shopper",
            by=shopper.user_of(request),
            now=clock.now(),
            is_shopper=True,
        )
    except Refusal as refusal:
        found.refresh_from_db()
        return show(request, found, notice=_refusal_words(refusal), status=refusal.status)
    toast(request, _("Order %(number)s is canceled.") % {"number": found.number})
    return redirect("shop:order", token=token)


@require_POST
@never_cache
def again(request: HttpRequest, token: str) -> HttpResponse:
    """The same titles into the basket, as many of them as can be had now, at today's prices."""
    found = payment.order_or_404(token)
    answer, missing, now = redirect("shop:basket"), [], clock.now()
    for line in tracking.goods_of(found):
        try:
            put = shopper.put_in(request, sku=line.sku, quantity=line.quantity, now=now)
        except Refusal:
            missing.append(line.title)
            continue
        shopper.remember_basket(answer, put.basket.token)
        shopper.carry_basket(request, put.basket.token)
    if missing:
        messages.warning(
            request, _("Not all of it can be had now: %(titles)s.") % {"titles": ", ".join(missing)}
        )
    return answer


def _refusal_words(refusal: Refusal) -> str:
    if isinstance(refusal, cancellation.TooLate):
        return _(
            "It is being collected already, so it cannot be canceled here. You can return it when it comes."
        )
    return _("This order is finished, so there is nothing to cancel.")


@require_safe
@never_cache
def paper(request: HttpRequest, token: str, kind: str, number: str) -> HttpResponse:
    """A receipt or an invoice of this order as PDF."""
    found = payment.order_or_404(token)
    content = papers.pdf_of(found, kind, number)
    if content is None:
        raise Http404("no such paper")
    name = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in number)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}.pdf"'},
    )
