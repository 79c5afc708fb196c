"""Exchanging in the back office: what comes back, what goes out for it, what it does, and the same agreed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from oms.models import Order
from oms.states import CHOSEN_METHODS, LineKind
from oms.views.order import order_of
from oms.workflows import exchanges
from oms.workflows.returns import Asked
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.access import EDIT_ORDERS, staff_page
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from storefront import selectors as catalog

TYPED = ("code", "units", "method", "buyer_id_kind", "buyer_id", "bank_account")


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_ORDERS)
def exchange(request: HttpRequest, number: str) -> HttpResponse:
    """The form; posted, the same page with everything that would happen; posted with `apply`, it is agreed."""
    order = order_of(request, number)
    context = _form(request, order)
    if request.method == "GET":
        return render(request, "ops/order_exchange.html", context)
    now = timezone.now()
    try:
        wanted = _wanted(request, order)
        if "apply" in request.POST:
            assert isinstance(request.user, User), "the page is for staff"
            done = exchanges.exchange(
                order_id=order.pk,
                wanted=wanted,
                by=request.user,
                now=now,
                expected_pay=_sum(request.POST.get("to_pay", "")),
                expected_refund=_sum(request.POST.get("to_refund", "")),
            )
            told = _("Exchange agreed: %(back)s comes back, %(new)s goes out for it.") % {
                "back": done.returned.number,
                "new": done.order.number,
            }
            toast(request, f"{told} {done.redirect_url}" if done.redirect_url else told)
            return redirect("ops:order", number=done.order.number)
        context["outcome"] = exchanges.preview_exchange(order_id=order.pk, wanted=wanted, now=now)
    except Refusal as refusal:
        context["refusal"] = refusals.say(refusal)
        return render(request, "ops/order_exchange.html", context, status=422)
    return render(request, "ops/order_exchange.html", context)


def _form(request: HttpRequest, order: Order) -> dict[str, Any]:
    """What was typed; else nothing is chosen."""
    typed = request.POST
    left: dict[str, int] = {}
    titles: dict[str, str] = {}
    for line in order.lines.filter(kind=LineKind.GOODS).order_by("position"):
        left[line.sku] = left.get(line.sku, 0) + line.quantity_dispatched - line.quantity_returned
        titles[line.sku] = line.title
    return {
        "order": order,
        "lines": [
            (sku, titles[sku], units, typed.get(f"qty_{sku}", "0"))
            for sku, units in left.items()
            if units > 0
        ],
        "methods": [(method.value, method.label) for method in CHOSEN_METHODS],
        "typed": {name: typed.get(name, "") for name in TYPED},
        "crumbs": [
            (_("Orders"), reverse("ops:orders")),
            (order.number, reverse("ops:order", args=[order.number])),
            (_("Exchange"), ""),
        ],
    }


def _wanted(request: HttpRequest, order: Order) -> exchanges.Wanted:
    """As many go out as come back, unless another number is typed."""
    typed = request.POST
    back = [
        Asked(sku, units, "OTHER")
        for sku, _title, _left, text in _form(request, order)["lines"]
        if (units := _units(text))
    ]
    code = typed.get("code", "").strip()[:60]
    variant = catalog.variant_by_code(code)
    wanted = _units(typed.get("units", "")) or sum(asked.quantity for asked in back)
    return exchanges.Wanted(
        back=back,
        instead=[(variant.sku if variant else code, wanted)] if code and back else [],
        payment_method=typed.get("method", "")[:20],
        buyer_id_kind=typed.get("buyer_id_kind", "")[:2],
        buyer_id=typed.get("buyer_id", "")[:20],
        bank_account=typed.get("bank_account", "")[:34],
    )


def _units(typed: str) -> int:
    text = typed.strip() or "0"
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        raise InvalidInput(_("Units are whole numbers from 0."))
    return int(text)


def _sum(typed: str) -> Decimal:
    """What was shown; what was not shown fits nothing."""
    try:
        seen = Decimal(typed)
    except InvalidOperation:
        return Decimal(-1)
    return seen if seen.is_finite() else Decimal(-1)
