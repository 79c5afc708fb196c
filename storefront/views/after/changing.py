"""Another address or person, and the company that the papers name: shown with everything it does, then applied."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm.operations import InvalidPib
from oms.models import Order
from oms.states import DeliveryKind, FulfillmentStatus, OrderStatus, PaperKind
from oms.workflows import changes
from oms.workflows.checkout import Company, InvalidContact, MethodNotAvailable, PriceChanged
from retail.front.formats import day_text
from retail.front.parts import DiffRow
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from storefront.views import payment, shopper, tracking, ways
from storefront.views.after.forms import TO_AN_ADDRESS, ChangeForm, CompanyForm
from warehouse import selectors as warehouse

LABELS = {
    "name": gettext_lazy("Name and surname"),
    "phone": gettext_lazy("Phone"),
    "street": gettext_lazy("Street and number"),
    "postal_code": gettext_lazy("Postcode"),
    "city": gettext_lazy("Place"),
    "note": gettext_lazy("Note for the courier"),
}
OPEN = (OrderStatus.PENDING_PAYMENT, OrderStatus.PLACED, OrderStatus.ON_HOLD)
NOT_PICKED = (FulfillmentStatus.UNROUTED, FulfillmentStatus.ROUTED)


def may_change(order: Order) -> bool:
    is_brought = order.delivery_method != DeliveryKind.DIGITAL
    return is_brought and order.status in OPEN and order.fulfillment_status in NOT_PICKED


def may_name_company(order: Order) -> bool:
    """Until the first paper: afterwards the law has no way back but a return."""
    is_open = (
        order.status in (*OPEN, OrderStatus.IN_FULFILLMENT) and order.delivery_method != DeliveryKind.DIGITAL
    )
    return is_open and not order.company_pib and not tracking.has_papers(order)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def change(request: HttpRequest, token: str) -> HttpResponse:
    """The form; posted, what it would do; posted with `apply`, it is done as it was shown."""
    order = payment.order_or_404(token)
    if request.method != "POST":
        if not may_change(order):
            return redirect("shop:order", token=token)
        return _page(request, order, _form(order))
    form = _form(order, request.POST)
    if not form.is_valid():
        return _page(request, order, form, status=422)
    wanted, now = changes.Changes(**form.differing()), clock.now()
    try:
        if "apply" in request.POST and _seen(form) == request.POST.get("seen", ""):
            changes.apply_changes(
                order_id=order.pk,
                changes=wanted,
                version=_version(request),
                expected_total=_total(request),
                expected_on=_promised(request),
                by=shopper.user_of(request),
                now=now,
            )
            toast(request, _("Order %(number)s is changed.") % {"number": order.number})
            return redirect("shop:order", token=token)
        outcome = changes.preview_changes(order_id=order.pk, changes=wanted, now=now)
    except changes.NothingToChange:
        return redirect("shop:order", token=token)
    except Refusal as refusal:
        order.refresh_from_db()
        _say(form, refusal, is_late=not may_change(order))
        return _page(request, order, form, status=422)
    return _page(request, order, form, outcome=outcome)


def _form(order: Order, data: Any = None) -> ChangeForm:
    """With the days on which a courier can bring it to the address that it has now."""
    if order.delivery_method not in TO_AN_ADDRESS or not may_change(order):
        return ChangeForm(data, order=order)
    now = clock.now()
    options = warehouse.promise_options(
        lines=changes.wanted_units(order),
        channel_id=order.channel_id,
        now=now,
        postal_code=order.postal_code,
        order_id=order.pk,
        goods_total=order.goods_total,
        method_code=order.delivery_method,
        are_days_wanted=True,
    )
    offered = ways.day_choices(options, now)
    kept = _("Leave it on %(day)s") % {"day": tracking.promised_words(order)}
    days = [("", kept), *((value or changes.SOONEST.value, words) for value, words in offered)]
    return ChangeForm(data, order=order, days=days)


def _page(
    request: HttpRequest,
    order: Order,
    form: ChangeForm,
    *,
    outcome: changes.Outcome | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "order": order,
        "form": form,
        "outcome": outcome,
        "diff": _diff(outcome, order) if outcome else [],
        "total_plain": str(outcome.total) if outcome else "",
        "promised_plain": outcome.promise.get("date") or "" if outcome else "",
        "seen": _seen(form) if outcome else "",
        "crumbs": crumbs(order, _("Change the order")),
    }
    return render(request, "shop/order_change.html", context, status=status)


def crumbs(order: Order, here: str) -> list[tuple[str, str]]:
    return [
        (_("Home"), reverse("shop:home")),
        (order.number, reverse("shop:order", args=[order.token])),
        (here, ""),
    ]


def _diff(outcome: changes.Outcome, order: Order) -> list[DiffRow]:
    rows = [
        DiffRow(LABELS[one.field], one.before or None, one.after or None)
        for one in outcome.fields
        if one.field in LABELS
    ]
    before, after = (_day(promise) for promise in (outcome.promise_before, outcome.promise))
    if before != after:
        rows.append(DiffRow(_("Arrives"), before, after))
    return rows


def _day(promise: dict[str, Any]) -> str | None:
    if not promise.get("date"):
        return None
    hours = promise.get("slot")
    words = day_text(date.fromisoformat(promise["date"]), shopper.language())
    return f"{words}, {hours[0]}–{hours[1]}" if hours else words


def _say(form: ChangeForm, refusal: Refusal, *, is_late: bool) -> None:
    """Beside the field that cures it, else on top."""
    if is_late:
        form.add_error(None, _("It is being collected already, so it can no longer be changed."))
    elif isinstance(refusal, MethodNotAvailable):
        field = "postal_code" if "postal_code" in form.fields else None
        form.add_error(field, _("It cannot be sent there from what we have now. The order stays as it was."))
    elif isinstance(refusal, changes.StaleOrder | changes.PromiseChanged | PriceChanged):
        form.add_error(
            None, _("The order has changed since you looked. Look at what it would do and apply it again.")
        )
    elif isinstance(refusal, InvalidContact):
        for name in refusal.details.get("fields", []):
            form.add_error(name if name in form.fields else None, _("Check this field."))
    else:
        form.add_error(None, _("That could not be done. Check the fields and try again."))


def _version(request: HttpRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _seen(form: ChangeForm) -> str:
    """What the preview was of: fields that were typed over since are shown again before anything is done."""
    return hashlib.sha256(repr(sorted(form.differing().items())).encode()).hexdigest()


def _promised(request: HttpRequest) -> date | None:
    try:
        return date.fromisoformat(request.POST.get("promised", ""))
    except ValueError:
        return None


def _total(request: HttpRequest) -> Decimal:
    try:
        seen = Decimal(request.POST.get("total", ""))
    except InvalidOperation:
        return Decimal(-1)
    return seen if seen.is_finite() else Decimal(-1)


# ------------------------------------------------------------------ the company
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def company(request: HttpRequest, token: str) -> HttpResponse:
    """Make the papers out to a company, as long as there are none."""
    order = payment.order_or_404(token)
    if request.method != "POST" and not may_name_company(order):
        return _company_page(request, order, None)
    form = CompanyForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _company_page(request, order, form, status=200 if request.method != "POST" else 422)
    data = form.cleaned_data
    named = Company(data["company_name"], data["pib"], data["registration_number"])
    try:
        done = changes.apply_changes(
            order_id=order.pk,
            changes=changes.Changes(company=named),
            version=order.version,
            by=shopper.user_of(request),
            now=clock.now(),
        )
    except changes.NothingToChange:
        return redirect("shop:order", token=token)
    except (changes.PapersIssued, changes.TooLateToChange) as refusal:
        return _company_page(request, order, None, status=refusal.status)
    except Refusal as refusal:
        _say_company(form, refusal)
        return _company_page(request, order, form, status=422)
    toast(request, _paper_words(done.order))
    return redirect("shop:order", token=token)


def _company_page(
    request: HttpRequest, order: Order, form: CompanyForm | None, *, status: int = 200
) -> HttpResponse:
    """Without a form it says why it is too late, and what can be done instead."""
    context = {
        "order": order,
        "form": form,
        "is_named": bool(order.company_pib),
        "crumbs": crumbs(order, _("Invoice to a company")),
    }
    return render(request, "shop/order_company.html", context, status=status)


def _say_company(form: CompanyForm, refusal: Refusal) -> None:
    if isinstance(refusal, InvalidPib):
        form.add_error(
            "pib",
            _("Write the nine digits of the PIB, for example 100000024; the last one is a check digit."),
        )
    elif isinstance(refusal, InvalidContact):
        form.add_error(
            "registration_number",
            _("The company takes electronic invoices: write its registration number, eight digits."),
        )
    elif isinstance(refusal, changes.StaleOrder):
        form.add_error(None, _("The order has changed meanwhile. Send it again."))
    else:
        form.add_error(None, _("That could not be done. Check the fields and try again."))


def _paper_words(order: Order) -> str:
    if order.paper == PaperKind.SEF:
        return _("The invoice will go to %(company)s electronically, through SEF, when the goods leave.") % {
            "company": order.company_name
        }
    return _("With the goods comes a fiscal receipt with the PIB of %(company)s, and an invoice.") % {
        "company": order.company_name
    }
