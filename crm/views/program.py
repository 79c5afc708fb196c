"""The numbers of the loyalty program and its tiers, for people to change; what was earned keeps its terms."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from crm.models import LoyaltyProgram, Tier
from crm.operations import loyalty as crm
from crm.views.acts import user_of
from finance.workflows import loyalty as books
from retail.front import refusals
from retail.front.formats import read_amount
from retail.front.toasts import toast
from retail.kernel.access import EDIT_CAMPAIGNS, staff_page
from retail.kernel.errors import Refusal

FIELDS = {
    "spend_per_point": gettext_lazy("Money for one point"),
    "point_value": gettext_lazy("Value of a point"),
    "burn_points_min": gettext_lazy("Points to pay with, at least"),
    "burn_percent_max": gettext_lazy("Share of the goods that points may pay, %"),
    "expiry_months": gettext_lazy("Points are good for, months"),
    "window_months": gettext_lazy("Spending counts for a tier, months"),
}
CURRENCY = "RSD"


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_CAMPAIGNS)
def program_page(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        try:
            with transaction.atomic():
                _save(request)
            toast(request, _("The new numbers hold from now on."))
        except Refusal as refusal:
            messages.error(request, refusals.say(refusal))
        return redirect("ops:loyalty_program")
    rows = list(LoyaltyProgram.objects.select_related("created_by")[:20])
    current = next((row for row in rows if row.valid_to is None), LoyaltyProgram())
    return render(
        request,
        "crm/program.html",
        {
            "fields": [(name, label, getattr(current, name)) for name, label in FIELDS.items()],
            "tiers": Tier.objects.order_by("rank"),
            "rows": rows,
            "crumbs": [(_("Customers"), reverse("ops:customers")), (_("Loyalty program"), "")],
        },
    )


def _save(request: HttpRequest) -> None:
    given = {name: _number(request, name) for name in FIELDS}
    now = timezone.now()
    crm.save_program(
        currency=CURRENCY,
        spend_per_point=given["spend_per_point"],
        point_value=given["point_value"],
        burn_percent_max=given["burn_percent_max"],
        burn_points_min=int(given["burn_points_min"]),
        expiry_months=int(given["expiry_months"]),
        window_months=int(given["window_months"]),
        by=user_of(request),
        now=now,
    )
    for tier in Tier.objects.all():
        crm.save_tier(
            tier_id=tier.pk,
            spend_from=_number(request, f"spend_from_{tier.pk}"),
            earn_factor=_number(request, f"earn_factor_{tier.pk}"),
        )
    books.retier(now=now)


def _number(request: HttpRequest, name: str) -> Decimal:
    value = read_amount(request.POST.get(name, ""))
    if value is None or not 0 <= value < 10_000_000:
        raise crm.BadProgram("Each of these is a number.", field=name)
    return value
