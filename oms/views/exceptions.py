"""The one inbox of what went wrong, the first page of the day, and the list of returns."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from audit import selectors as audit
from oms import operations as orders
from oms import search
from oms.models import Order, OrderException, Return
from oms.states import ExceptionKind, ExceptionState, ReturnStatus
from oms.views import words
from oms.workflows import inbox as inbox_cases
from retail.front import refusals
from retail.front.charts import BarChart, Series
from retail.front.toasts import toast
from retail.kernel.access import (
    EDIT_ORDERS,
    VIEW_ORDERS,
    entities_of,
    may,
    of_seen_entities,
    staff_page,
)
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.errors import Refusal
from retail.kernel.models import User

SHOWN = 200


def _open_exceptions(request: HttpRequest) -> QuerySet[OrderException]:
    """What waits in orders of the companies that the person sees; what belongs to no order is everybody's."""
    rows = OrderException.objects.filter(state=ExceptionState.OPEN)
    bound = entities_of(request.user)
    return rows if bound is None else rows.filter(Q(order=None) | Q(order__entity__in=sorted(bound)))


@require_GET
@staff_page(VIEW_ORDERS)
def inbox(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    whose = request.GET.get("whose", "")
    rows = _open_exceptions(request).select_related("order", "claimed_by")
    counts = dict(rows.order_by().values_list("kind").annotate(n=Count("id")))
    if kind in ExceptionKind.values:
        rows = rows.filter(kind=kind)
    if whose == "mine":
        rows = rows.filter(claimed_by_id=request.user.pk)
    if whose == "free":
        rows = rows.filter(claimed_by=None)
    return render(
        request,
        "ops/exceptions.html",
        {
            "rows": [
                (each, words.exception_words(each.detail)) for each in rows.order_by("opened_at")[:SHOWN]
            ],
            "kinds": [(k, k.label, counts.get(k.value, 0)) for k in ExceptionKind if counts.get(k.value)],
            "total": sum(counts.values()),
            "kind": kind,
            "whose": whose,
            "may_edit": may(request.user, EDIT_ORDERS),
        },
    )


@require_POST
@staff_page(EDIT_ORDERS)
def decide(request: HttpRequest, public_id: str) -> HttpResponse:
    assert isinstance(request.user, User), "the page is for staff"
    try:
        with transaction.atomic():
            if request.POST.get("act") == "claim":
                orders.claim_exception(public_id=public_id, by=request.user)
            else:
                inbox_cases.resolve_case(
                    public_id=public_id,
                    resolution=request.POST.get("resolution", ""),
                    by=request.user,
                    now=timezone.now(),
                )
                toast(request, _("Resolved."))
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
    return redirect("ops:exceptions")


@require_GET
@staff_page(VIEW_ORDERS)
def home(request: HttpRequest) -> HttpResponse:
    """What waits, and how the last two weeks went; every number links to its rows."""
    now = timezone.now()
    today = now.astimezone(BUSINESS_ZONE).date()
    days = [today - timedelta(days=n) for n in range(13, -1, -1)]
    start = now - timedelta(days=14)
    seen = of_seen_entities(Order.objects.all(), request.user)
    exceptions = _open_exceptions(request)
    sold: dict[object, Any] = {
        row["placed_at__date"]: row
        for row in seen.filter(placed_at__gte=start)
        .exclude(status="CANCELED")
        .values("placed_at__date")
        .annotate(n=Count("id"), total=Sum("total"))
    }
    counts = search.view_counts(among=seen, now=now)
    chart = BarChart(
        finding=_("Orders of the last 14 days"),
        label_head=_("Day"),
        labels=[f"{day.day}. {day.month}." for day in days],
        bars=Series(_("orders"), [sold.get(day, {}).get("n", 0) for day in days]),
        compare=None,
    )
    return render(
        request,
        "ops/home.html",
        {
            "now": now,
            "counts": counts,
            "chart": chart,
            "today_total": sold.get(today, {}).get("total") or 0,
            "open_exceptions": exceptions.count(),
            "open_proposals": audit.open_proposals().count(),
            "open_returns": of_seen_entities(
                Return.objects.filter(status=ReturnStatus.REQUESTED), request.user, "order__entity"
            ).count(),
            "oldest": exceptions.select_related("order").order_by("opened_at")[:5],
        },
    )


@require_GET
@staff_page(VIEW_ORDERS)
def return_list(request: HttpRequest) -> HttpResponse:
    status = request.GET.get("status", "")
    rows = of_seen_entities(Return.objects.all(), request.user, "order__entity")
    rows = rows.select_related("order", "location").order_by("-requested_at")
    if status in ReturnStatus.values:
        rows = rows.filter(status=status)
    return render(
        request,
        "ops/returns.html",
        {"rows": rows[:SHOWN], "status": status, "statuses": ReturnStatus.choices},
    )
