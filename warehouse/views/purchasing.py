"""Purchase orders of the back office: what is on its way, and what really came."""

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from retail.kernel.access import VIEW_STOCK, sees_location, staff_page
from retail.kernel.clock import business_date
from retail.kernel.models import User
from warehouse.models import PurchaseOrder
from warehouse.states import PurchaseOrderStatus

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
        "today": business_date(timezone.now()),
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
        "crumbs": [(_("Purchase orders"), "/ops/purchase-orders/"), (order.number, "")],
    }
    return render(request, "ops/purchase_order.html", context)
