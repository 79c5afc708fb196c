"""At the door: units of a purchase order are counted as they are, over, short and damaged; then written once."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from retail.kernel.models import Location
from storefront import selectors as catalog
from warehouse.models import PurchaseOrder, PurchaseOrderLine
from warehouse.operations import InvalidQuantity, ReceivedLine
from warehouse.states import PurchaseOrderStatus
from warehouse.views.scan import drafts, work
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once, repeat, show, wrong
from warehouse.workflows import receive_goods

GOODS, BROKEN = "good", "damaged"


@require_http_methods(["GET", "POST"])
@scan_page
def receive_list(request: HttpRequest, place: Location) -> HttpResponse:
    """Purchase orders that are on their way to this place."""
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:24]
        found = PurchaseOrder.objects.filter(location=place, number__iexact=code).first()
        if found is not None:
            return leave(request, None, reverse("scan:receive_order", args=[found.number]))
        result = wrong(_("Unknown purchase order"), _("%(code)s is not expected here.") % {"code": code})
    return show(
        request,
        "scan/receive_list.html",
        {"place": place, "waiting": list(work.to_receive(place)[:50])},
        result,
    )


@require_http_methods(["GET", "POST"])
@scan_page
def receive_order(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """Scan unit after unit; the counts are kept on this handheld until the delivery is finished."""
    order = _order(place, number)
    lines = _lines(order)
    if order.status not in (PurchaseOrderStatus.OPEN, PurchaseOrderStatus.PARTLY_RECEIVED):
        return leave(
            request,
            repeat(_("%(number)s is received already.") % {"number": number}),
            reverse("scan:receive"),
        )
    draft = drafts.open_draft(request, f"receive:{number}")
    mode = BROKEN if (request.POST.get("mode") or request.GET.get("mode")) == BROKEN else GOODS
    result, last = None, None
    if request.method == "POST":
        result, last = _counted(request, order, lines, draft, mode)
    context = {
        "place": place,
        "order": order,
        "mode": mode,
        "last": _row(last, draft) if last else None,
        "rows": [_row(line, draft) for line in lines],
        "units": sum(sum(pair) for pair in draft.counts.values()),
    }
    return show(request, "scan/receive.html", context, result)


def _order(place: Location, number: str) -> PurchaseOrder:
    found = PurchaseOrder.objects.select_related("supplier").filter(location=place, number=number).first()
    if found is None:
        raise Http404
    return found


def _lines(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    return list(order.lines.select_related("variant__product").order_by("variant__product__title", "pk"))


def _row(line: PurchaseOrderLine, draft: drafts.Draft) -> dict[str, Any]:
    arrived, broken = draft.of(line.variant_id)
    expected = max(line.quantity - line.quantity_received, 0)
    return {
        "line": line,
        "variant": line.variant,
        "expected": expected,
        "good": arrived,
        "damaged": broken,
        "difference": arrived + broken - expected,
    }


def _counted(
    request: HttpRequest,
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    draft: drafts.Draft,
    mode: str,
) -> tuple[Result, PurchaseOrderLine | None]:
    code = request.POST.get("code", "").strip()[:60]
    variant = catalog.variant_by_code(code)
    line = next((one for one in lines if variant is not None and one.variant_id == variant.pk), None)
    if line is None:
        what = variant.product.title if variant is not None else code
        return wrong(
            _("Not on this order"), _("%(sku)s was not ordered. Put it aside.") % {"sku": what}
        ), None
    quantity = drafts.units(request.POST.get("quantity", "1"))
    if quantity is None:
        return wrong(_("Wrong quantity"), _("Check the number and scan again.")), line
    if not draft.count(
        line.variant_id, quantity, is_damaged=mode == BROKEN, scan_id=request.POST.get("scan_id", "")
    ):
        return repeat(), line
    drafts.keep(request, draft)
    row = _row(line, draft)
    title = _("%(n)s of %(all)s") % {"n": row["good"] + row["damaged"], "all": row["expected"]}
    if mode == BROKEN:
        return good(_("Damaged, %(count)s") % {"count": title}, line.variant.product.title), line
    if row["difference"] > 0:
        text = _("%(title)s: %(over)s more than ordered.") % {
            "title": line.variant.product.title,
            "over": row["difference"],
        }
        return good(_("Over, %(count)s") % {"count": title}, text), line
    return good(_("Good, %(count)s") % {"count": title}, line.variant.product.title), line


@require_http_methods(["GET", "POST"])
@scan_page
def receive_finish(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """The count beside the order: check the differences, correct a number, write the receipt."""
    order = _order(place, number)
    lines = _lines(order)
    draft = drafts.open_draft(request, f"receive:{number}")
    result = None
    if request.method == "POST":
        result = once(request, lambda: _receive(request, order, lines))
        if result.kind != "wrong":
            drafts.forget(request, draft)
            return leave(request, result, reverse("scan:receive"))
        for line in lines:
            draft.counts[str(line.variant_id)] = [
                drafts.units(request.POST.get(f"{kind}_{line.variant_id}", "0"), least=0) or 0
                for kind in (GOODS, BROKEN)
            ]
    context = {
        "place": place,
        "order": order,
        "rows": [_row(line, draft) for line in lines],
        "delivery_note": request.POST.get("delivery_note", ""),
    }
    return show(request, "scan/receive_finish.html", context, result)


def _receive(request: HttpRequest, order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> Result:
    counted = []
    for line in lines:
        typed = [
            drafts.units(request.POST.get(f"{kind}_{line.variant_id}", "0"), least=0)
            for kind in (GOODS, BROKEN)
        ]
        if None in typed:
            raise InvalidQuantity("Counted units are whole numbers from 0.")
        counted.append(ReceivedLine(line.variant_id, typed[0] or 0, typed[1] or 0))
    receipt = receive_goods(
        purchase_order_id=order.pk,
        lines=counted,
        delivery_note=request.POST.get("delivery_note", ""),
        is_complete="is_complete" in request.POST,
        by=staff(request),
        now=timezone.now(),
    )
    units = sum(line.quantity_good + line.quantity_damaged for line in counted)
    text = ngettext("%(n)s unit received, %(number)s.", "%(n)s units received, %(number)s.", units)
    return good(_("Received"), text % {"n": units, "number": receipt.number})
