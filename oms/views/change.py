"""Changing an order in the back office: what is wanted, what it would do, and the same applied."""

from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from oms.models import Order
from oms.states import DeliveryKind, LineKind
from oms.views.order import order_of
from oms.workflows.change_lines import units_left
from oms.workflows.changes import ADDRESS, Changes, Outcome, apply_changes, preview_changes
from oms.workflows.checkout import Company
from retail.front import refusals
from retail.front.parts import DiffRow
from retail.front.toasts import toast
from retail.kernel.access import EDIT_ORDERS, staff_page
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from storefront import selectors as catalog

CONTACT = ("name", "phone", "email", "note")
NEW_LINES = 3
LABELS = {
    "name": gettext_lazy("Name"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "note": gettext_lazy("Customer's note"),
    "street": gettext_lazy("Street and number"),
    "city": gettext_lazy("City"),
    "postal_code": gettext_lazy("Postcode"),
    "company_name": gettext_lazy("Company"),
    "company_pib": gettext_lazy("PIB"),
    "company_registration_number": gettext_lazy("Registration number"),
}


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_ORDERS)
def change_order(request: HttpRequest, number: str) -> HttpResponse:
    """The form; posted, the same page with everything that would happen; posted with `apply`, it happens."""
    order = order_of(request, number)
    context = _form(request, order)
    if request.method == "GET":
        return render(request, "ops/order_change.html", context)
    try:
        changes, now = _changes(request, order), timezone.now()
        if "apply" in request.POST:
            assert isinstance(request.user, User), "the page is for staff"
            done = apply_changes(
                order_id=order.pk,
                changes=changes,
                version=_version(request),
                expected_total=_total(request),
                by=request.user,
                now=now,
            )
            told = _("The order is changed.")
            toast(request, f"{told} {done.redirect_url}" if done.redirect_url else told)
            return redirect("ops:order", number=order.number)
        outcome = preview_changes(order_id=order.pk, changes=changes, now=now)
    except Refusal as refusal:
        context["refusal"] = refusals.say(refusal)
        return render(request, "ops/order_change.html", context, status=422)
    context |= {"outcome": outcome, "diff": _diff(outcome), "version": outcome.version}
    context["total_plain"] = str(outcome.total)
    return render(request, "ops/order_change.html", context)


def _form(request: HttpRequest, order: Order) -> dict[str, Any]:
    """What was typed, else what the order says."""
    typed = request.POST
    lines: dict[str, dict[str, Any]] = {}
    for line in order.lines.filter(kind=LineKind.GOODS).order_by("position"):
        row = lines.setdefault(line.sku, {"sku": line.sku, "title": line.title, "left": 0})
        row["left"] += units_left(line)
    for sku, row in lines.items():
        row["wanted"] = typed.get(f"qty_{sku}", row["left"])
    names = CONTACT if order.delivery_method != DeliveryKind.HOME_DELIVERY else (*CONTACT, *ADDRESS)
    companies = ("company_name", "company_pib", "company_registration_number")
    return {
        "order": order,
        "texts": [(name, LABELS[name], typed.get(name, getattr(order, name))) for name in names],
        "company": [(name, LABELS[name], typed.get(name, getattr(order, name))) for name in companies],
        "lines": list(lines.values()),
        "new": [
            (place, typed.get(f"sku_{place}", ""), typed.get(f"units_{place}", ""))
            for place in range(NEW_LINES)
        ],
        "crumbs": [
            (_("Orders"), reverse("ops:orders")),
            (order.number, reverse("ops:order", args=[order.number])),
            (_("Change"), ""),
        ],
    }


def _changes(request: HttpRequest, order: Order) -> Changes:
    """Only what differs from the order, so that the preview shows nothing else."""
    typed = request.POST
    known = {one.name for one in fields(Changes)}
    values: dict[str, Any] = {
        name: typed[name]
        for name in (*CONTACT, *ADDRESS)
        if name in typed and name in known and typed[name].strip() != getattr(order, name)
    }
    pib = typed.get("company_pib", "").strip()
    firm = Company(
        typed.get("company_name", "").strip(), pib, typed.get("company_registration_number", "").strip()
    )
    if pib and (firm.name, firm.pib, firm.registration_number) != (
        order.company_name,
        order.company_pib,
        order.company_registration_number,
    ):
        values["company"] = firm
    wanted: dict[str, int] = {}
    for row in _form(request, order)["lines"]:
        units = _units(str(row["wanted"]))
        if units != row["left"]:
            wanted[row["sku"]] = units
    for place in range(NEW_LINES):
        code = typed.get(f"sku_{place}", "").strip()[:60]
        if code:
            variant = catalog.variant_by_code(code)
            wanted[variant.sku if variant is not None else code] = _units(typed.get(f"units_{place}", ""))
    return Changes(**values, lines=list(wanted.items()))


def _units(typed: str) -> int:
    text = typed.strip()
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise InvalidInput(_("Units are whole numbers from 0."))
    return int(text)


def _version(request: HttpRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _total(request: HttpRequest) -> Decimal | None:
    try:
        return Decimal(request.POST.get("total", ""))
    except InvalidOperation:
        return None


def _diff(outcome: Outcome) -> list[DiffRow]:
    rows = [DiffRow(LABELS[one.field], one.before, one.after) for one in outcome.fields]
    rows += [DiffRow(line.title, str(line.before), str(line.after)) for line in outcome.lines]
    before, after = (
        str(promise.get("ready_at") or promise.get("date") or "–")
        for promise in (outcome.promise_before, outcome.promise)
    )
    if before != after:
        rows.append(DiffRow(_("Promise"), before, after))
    return rows
