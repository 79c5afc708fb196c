"""Asking for a return: what, how many, why, and the document that the refund receipt must name."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from finance import selectors as finance
from oms.models import Order
from oms.states import PaperKind
from oms.workflows import returns
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from storefront.forms import ReturnForm
from storefront.views import payment, shopper, tracking


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def start(request: HttpRequest, token: str) -> HttpResponse:
    order = payment.order_or_404(token)
    lines = tracking.returnable(order, tracking.goods_of(order))
    if not lines:
        return redirect("shop:order", token=token)
    needs_buyer_id = order.paper != PaperKind.SEF and not order.company_pib
    form = ReturnForm(
        request.POST if request.method == "POST" else None,
        lines=lines,
        needs_buyer_id=needs_buyer_id,
        needs_account=finance.needs_account(order_id=order.pk),
    )
    if request.method != "POST":
        return _page(request, order, form)
    if not form.is_valid():
        return _page(request, order, form, status=422)
    try:
        made = returns.request_return(
            order_id=order.pk,
            lines=[returns.Asked(sku, units, form.cleaned_data["reason"]) for sku, units in form.chosen()],
            by=shopper.user_of(request),
            now=clock.now(),
            buyer_id_kind=form.cleaned_data.get("buyer_id_kind", ""),
            buyer_id=form.cleaned_data.get("buyer_id", ""),
            bank_account=form.cleaned_data.get("bank_account", ""),
            is_shopper=True,
        )
    except Refusal as refusal:
        form.add_error(None, _words(refusal))
        return _page(request, order, form, status=422)
    toast(request, _("Return %(number)s is announced.") % {"number": made.number})
    return redirect(reverse("shop:order", args=[token]) + "#returns")


def _page(request: HttpRequest, order: Order, form: ReturnForm, status: int = 200) -> HttpResponse:
    context = {
        "order": order,
        "form": form,
        "rows": [(line, form[f"q-{line.key}"]) for line in form.lines],
        "return_days": returns.RETURN_DAYS,
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (order.number, reverse("shop:order", args=[order.token])),
            (_("Return"), ""),
        ],
    }
    return render(request, "shop/return.html", context, status=status)


def _words(refusal: Refusal) -> str:
    if isinstance(refusal, returns.ReturnPeriodOver):
        return _("A return is possible for %(days)s days after delivery, and they are over.") % {
            "days": returns.RETURN_DAYS
        }
    if isinstance(refusal, returns.NothingToReturn):
        return _("Fewer can come back than you wrote. Look at the numbers.")
    return _("That could not be done. Check the fields and try again.")
