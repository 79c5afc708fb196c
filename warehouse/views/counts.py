"""Stock counts of the back office: what differs, what it is worth, and who lets it be written."""

from django.contrib import messages
from django.db.models import Count, F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import selectors as finance
from retail.front.toasts import toast
from retail.kernel.access import ADJUST_STOCK, VIEW_STOCK, may, sees_location, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from warehouse.models import StockCount
from warehouse.states import CountStatus
from warehouse.views.words import say
from warehouse.workflows import approve_count, cancel_count, write_count

SHOWN = 200


@require_GET
@staff_page(VIEW_STOCK)
def count_list(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User), "the page is for staff"
    status = request.GET.get("status", "")
    rows = StockCount.objects.select_related("bin", "location", "by").annotate(
        titles=Count("lines", filter=Q(lines__counted__isnull=False)),
        differing=Count(
            "lines", filter=Q(lines__counted__isnull=False) & ~Q(lines__counted=F("lines__expected"))
        ),
    )
    bound = list(request.user.locations.values_list("pk", flat=True))
    if bound and not request.user.is_superuser:
        rows = rows.filter(location_id__in=bound)
    if status in CountStatus.values:
        rows = rows.filter(status=status)
    context = {
        "rows": rows.order_by("-started_at", "-pk")[:SHOWN],
        "status": status,
        "statuses": CountStatus.choices,
    }
    return render(request, "ops/counts.html", context)


def _count(request: HttpRequest, number: str) -> StockCount:
    found = (
        StockCount.objects.select_related("bin", "location", "by", "approved_by")
        .filter(number=number)
        .first()
    )
    if found is None or not sees_location(request.user, found.location_id):
        raise Http404
    return found


@require_GET
@staff_page(VIEW_STOCK)
def count_page(request: HttpRequest, number: str) -> HttpResponse:
    count = _count(request, number)
    lines = list(count.lines.select_related("variant__product").order_by("variant__product__title", "pk"))
    costs = finance.estimated_costs(
        entity_id=count.location.entity_id, variant_ids=[line.variant_id for line in lines]
    )
    edits = may(request.user, ADJUST_STOCK)
    context = {
        "count": count,
        "lines": sorted(
            [(line, line.difference * costs[line.variant_id]) for line in lines],
            key=lambda pair: pair[0].difference == 0,
        ),
        "can": {
            "approve": edits and count.status == CountStatus.WAITING and count.by != request.user,
            "write": edits and count.status == CountStatus.APPROVED,
            "cancel": edits and count.status not in (CountStatus.POSTED, CountStatus.CANCELED),
        },
        "crumbs": [(_("Stock counts"), reverse("ops:counts")), (count.number, "")],
    }
    return render(request, "ops/count.html", context)


@require_POST
@staff_page(ADJUST_STOCK)
def act(request: HttpRequest, number: str, act: str) -> HttpResponse:
    """Approve, take up again or drop a count."""
    assert isinstance(request.user, User), "the page is for staff"
    count, now = _count(request, number), timezone.now()
    try:
        if act == "approve":
            approve_count(count_id=count.pk, by=request.user, now=now)
        elif act == "write":
            write_count(count_id=count.pk, by=request.user, now=now)
        elif act == "cancel":
            cancel_count(count_id=count.pk, by=request.user, now=now)
        else:
            raise Http404
    except Refusal as refusal:
        messages.error(request, "{}. {}".format(*say(refusal)))
    else:
        done = _("%(number)s is canceled.") if act == "cancel" else _("%(number)s is written.")
        toast(request, done % {"number": count.number})
    return redirect("ops:count", number=count.number)
