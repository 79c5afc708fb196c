"""Purchase orders of the back office: what is on its way, who waits for it, and what really came."""

from datetime import date

from django.contrib import messages
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.access import ADJUST_STOCK, VIEW_STOCK, may, sees_location, staff_page
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from warehouse.models import PurchaseOrder, SupplyClaim
from warehouse.states import CLAIMING_SUPPLY, PurchaseOrderStatus
from warehouse.views.words import say
from warehouse.workflows import cancel_purchase_order, move_purchase_order

SHOWN = 200
OPEN = (PurchaseOrderStatus.OPEN, PurchaseOrderStatus.PARTLY_RECEIVED)


@require_GET
@staff_page(VIEW_STOCK)
def purchase_orders(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User), "the page is for staff"
    status, text = request.GET.get("status", ""), request.GET.get("q", "").strip()[:60]
    rows = PurchaseOrder.objects.select_related("supplier", "location").annotate(
        units=Coalesce(Sum("lines__quantity"), 0),
        received=Coalesce(Sum("lines__quantity_received"), 0),
        worth=Sum(F("lines__quantity") * F("lines__unit_cost")),
    )
    bound = list(request.user.locations.values_list("pk", flat=True))
    if bound and not request.user.is_superuser:
        rows = rows.filter(location_id__in=bound)
    if status == "open":
        rows = rows.filter(status__in=OPEN)
    elif status in PurchaseOrderStatus.values:
        rows = rows.filter(status=status)
    if text:
        rows = rows.filter(
            Q(number__icontains=text) | Q(supplier__name__icontains=text) | Q(location__code__iexact=text)
        )
    context = {
        "rows": rows.order_by("-ordered_at", "-pk")[:SHOWN],
        "status": status,
        "statuses": PurchaseOrderStatus.choices,
        "text": text,
        "today": clock.business_date(clock.now()),
        "open": OPEN,
    }
    return render(request, "ops/purchase_orders.html", context)


@require_GET
@staff_page(VIEW_STOCK)
def purchase_order(request: HttpRequest, number: str) -> HttpResponse:
    order = (
        PurchaseOrder.objects.select_related("supplier", "location", "entity").filter(number=number).first()
    )
    if order is None or not sees_location(request.user, order.location_id):
        raise Http404
    lines = [
        (line, line.quantity_received - line.quantity, line.quantity * line.unit_cost)
        for line in order.lines.select_related("variant__product").order_by("variant__product__title", "pk")
    ]
    context = {
        "order": order,
        "lines": lines,
        "worth": sum((worth for _, _, worth in lines), start=0),
        "receipts": order.receipts.select_related("by")
        .prefetch_related("lines__order_line__variant__product")
        .order_by("pk"),
        "is_open": order.status in OPEN,
        "waiting": _waiting(order),
        "has_claims": any(line.quantity_claimed for line, _, _ in lines),
        "may_change": order.status in OPEN and may(request.user, ADJUST_STOCK),
        "crumbs": [(_("Purchase orders"), "/ops/purchase-orders/"), (order.number, "")],
    }
    return render(request, "ops/purchase_order.html", context)


def _waiting(order: PurchaseOrder) -> QuerySet[SupplyClaim]:
    """Orders that wait for it, in the order in which they will be served."""
    return (
        SupplyClaim.objects.filter(
            purchase_order_line__order=order, order_line__isnull=False, state__in=CLAIMING_SUPPLY
        )
        .select_related("purchase_order_line__variant__product", "order_line__order")
        .order_by("order_line__order__placed_at", "pk")[:SHOWN]
    )


@require_POST
@staff_page(ADJUST_STOCK)
def change_purchase_order(request: HttpRequest, number: str) -> HttpResponse:
    """Another date, or nothing more to come: every order that waits for it is told."""
    assert isinstance(request.user, User), "the page is for staff"
    order = PurchaseOrder.objects.filter(number=number).first()
    if order is None or not sees_location(request.user, order.location_id):
        raise Http404
    now = clock.now()
    try:
        if "cancel" in request.POST:
            cancel_purchase_order(number=number, by=request.user, now=now)
            toast(request, _("Nothing more is to come of %(number)s.") % {"number": number})
        else:
            day = _day(request.POST.get("expected_on", ""))
            move_purchase_order(number=number, expected_on=day, by=request.user, now=now)
            toast(request, _("The date of %(number)s is changed.") % {"number": number})
    except Refusal as refusal:
        messages.error(request, "{}. {}".format(*say(refusal)))
    return redirect("ops:purchase_order", number=number)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("Write a date.", fields=["expected_on"]) from None
