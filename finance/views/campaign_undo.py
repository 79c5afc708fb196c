"""Taking a campaign back: the orders it priced, what crediting each would write, and the same done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from crm.models import Campaign
from finance.selectors.campaigns import CURRENCY
from finance.views.listing import person
from oms.models import Order
from oms.workflows import campaign_undo as undo
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.access import EDIT_ORDERS, of_seen_entities, staff_page
from retail.kernel.errors import Refusal

PAGE_SIZE = 50
# Each preview runs the verbs of one order.
PREVIEWS_MAX = 20


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_ORDERS)
def campaign_undo(request: HttpRequest, slug: str) -> HttpResponse:
    """The list; posted, the same with what would be written for the chosen orders; posted with `apply`, they are credited."""
    campaign = get_object_or_404(Campaign, slug=slug)
    rows = of_seen_entities(undo.affected_orders(campaign_id=campaign.pk), request.user)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "campaign": campaign,
        "page": page,
        "currency": CURRENCY,
        "previews_max": PREVIEWS_MAX,
        "crumbs": [
            (_("Campaigns"), reverse("ops:campaigns")),
            (campaign.name, reverse("ops:campaign", args=[campaign.slug])),
            (_("Orders it priced"), ""),
        ],
    }
    if request.method == "GET":
        return render(request, "finance/campaign_undo.html", context)
    chosen = list(rows.filter(number__in=request.POST.getlist("orders")[: undo.AT_ONCE_MAX]))
    context["chosen"] = {order.number for order in chosen}
    now = timezone.now()
    if not chosen:
        context["refusal"] = _("Choose the orders first.")
        return render(request, "finance/campaign_undo.html", context, status=422)
    if "apply" in request.POST:
        return _apply(request, campaign, chosen, context, now)
    context["previews"] = [_preview(request, campaign, order, now) for order in chosen[:PREVIEWS_MAX]]
    return render(request, "finance/campaign_undo.html", context)


def _preview(
    request: HttpRequest, campaign: Campaign, order: Order, now: datetime
) -> tuple[Order, undo.Outcome | None, str]:
    try:
        outcome = undo.preview_credit(order_id=order.pk, campaign_id=campaign.pk, by=person(request), now=now)
    except Refusal as refusal:
        return order, None, str(refusals.say(refusal))
    return order, outcome, ""


def _apply(
    request: HttpRequest, campaign: Campaign, chosen: list[Order], context: dict[str, Any], now: datetime
) -> HttpResponse:
    report = undo.credit_orders(
        campaign_id=campaign.pk, numbers=[order.number for order in chosen], by=person(request), now=now
    )
    if report.refused:
        context["refused"] = [(number, refusals.say(refusal)) for number, refusal in report.refused]
        context["done"] = report.done
        return render(request, "finance/campaign_undo.html", context, status=422)
    n = len(report.done)
    toast(request, ngettext("%(n)s order is credited.", "%(n)s orders are credited.", n) % {"n": n})
    return redirect("ops:campaign_undo", slug=campaign.slug)
