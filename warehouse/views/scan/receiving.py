"""At the door: units of a purchase order or transfer are counted as they are, over, short and damaged; then written once."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from retail.kernel.models import Location
from storefront import selectors as catalog
from storefront.models import Variant
from warehouse.models import PurchaseOrder, Transfer
from warehouse.operations import InvalidQuantity, ReceivedLine
from warehouse.operations.transfer_arrivals import ArrivedUnits
from warehouse.states import UNDER_WAY, PurchaseOrderStatus
from warehouse.views.scan import drafts, work
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once, repeat, show, wrong
from warehouse.workflows import receive_goods, receive_transfer

GOODS, BROKEN = "good", "damaged"


@dataclass(frozen=True)
class Expected:
    variant: Variant
    units: int

    @property
    def variant_id(self) -> int:
        return self.variant.pk


@dataclass(frozen=True)
class Delivery:
    """What is at the door, whoever sent it: a supplier, or another place of ours."""

    number: str
    sender: str
    is_open: bool
    order: PurchaseOrder | None = None
    transfer: Transfer | None = None


@dataclass(frozen=True)
class Waiting:
    number: str
    sender: str
    expected_on: date | None
    received: int
    units: int


@require_http_methods(["GET", "POST"])
@scan_page
def receive_list(request: HttpRequest, place: Location) -> HttpResponse:
    """What is on its way to this place."""
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:24]
        found = (
            PurchaseOrder.objects.filter(location=place, number__iexact=code).first()
            or Transfer.objects.filter(target=place, number__iexact=code).first()
        )
        if found is not None:
            return leave(request, None, reverse("scan:receive_order", args=[found.number]))
        result = wrong(_("Unknown purchase order"), _("%(code)s is not expected here.") % {"code": code})
    return show(
        request,
        "scan/receive_list.html",
        {"place": place, "waiting": _waiting(place)},
        result,
    )


@require_http_methods(["GET", "POST"])
@scan_page
def receive_order(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """Scan unit after unit; the counts are kept on this handheld until the delivery is finished."""
    delivery = _delivery(place, number)
    lines = _lines(delivery)
    if not delivery.is_open:
        return leave(
            request,
            repeat(_("%(number)s is received already.") % {"number": number}),
            reverse("scan:receive"),
        )
    draft = drafts.open_draft(request, f"receive:{number}")
    mode = BROKEN if (request.POST.get("mode") or request.GET.get("mode")) == BROKEN else GOODS
    result, last = None, None
    if request.method == "POST":
        result, last = _counted(request, lines, draft, mode)
    context = {
        "place": place,
        "delivery": delivery,
        "mode": mode,
        "last": _row(last, draft) if last else None,
        "rows": [_row(line, draft) for line in lines],
        "units": sum(sum(pair) for pair in draft.counts.values()),
    }
    return show(request, "scan/receive.html", context, result)


def _waiting(place: Location) -> list[Waiting]:
    orders = [
        Waiting(one.number, one.supplier.name, one.expected_on, one.received, one.units)
        for one in work.to_receive(place)[:50]
    ]
    transfers = [
        Waiting(one.number, one.source.name, one.expected_on, one.received, one.units)
        for one in work.transfers_to_receive(place)[:50]
    ]
    return sorted(
        [*orders, *transfers], key=lambda one: (one.expected_on is None, one.expected_on or date.max)
    )


def _delivery(place: Location, number: str) -> Delivery:
    order = PurchaseOrder.objects.select_related("supplier").filter(location=place, number=number).first()
    if order is not None:
        is_open = order.status in (PurchaseOrderStatus.OPEN, PurchaseOrderStatus.PARTLY_RECEIVED)
        return Delivery(order.number, order.supplier.name, is_open, order=order)
    transfer = Transfer.objects.select_related("source").filter(target=place, number=number).first()
    if transfer is None:
        raise Http404
    return Delivery(transfer.number, transfer.source.name, transfer.status in UNDER_WAY, transfer=transfer)


def _lines(delivery: Delivery) -> list[Expected]:
    by_title = ("variant__product__title", "pk")
    if delivery.order is not None:
        return [
            Expected(line.variant, max(line.quantity - line.quantity_received, 0))
            for line in delivery.order.lines.select_related("variant__product").order_by(*by_title)
        ]
    assert delivery.transfer is not None
    return [
        Expected(line.variant, line.under_way)
        for line in delivery.transfer.lines.select_related("variant__product").order_by(*by_title)
        if line.quantity_shipped
    ]


def _row(line: Expected, draft: drafts.Draft) -> dict[str, Any]:
    arrived, broken = draft.of(line.variant_id)
    expected = line.units
    return {
        "variant": line.variant,
        "expected": expected,
        "good": arrived,
        "damaged": broken,
        "difference": arrived + broken - expected,
    }


def _counted(
    request: HttpRequest,
    lines: list[Expected],
    draft: drafts.Draft,
    mode: str,
) -> tuple[Result, Expected | None]:
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
    delivery = _delivery(place, number)
    lines = _lines(delivery)
    draft = drafts.open_draft(request, f"receive:{number}")
    result = None
    if request.method == "POST":
        result = once(request, lambda: _receive(request, delivery, lines))
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
        "delivery": delivery,
        "rows": [_row(line, draft) for line in lines],
        "delivery_note": request.POST.get("delivery_note", ""),
    }
    return show(request, "scan/receive_finish.html", context, result)


def _receive(request: HttpRequest, delivery: Delivery, lines: list[Expected]) -> Result:
    counted = []
    for line in lines:
        typed = [
            drafts.units(request.POST.get(f"{kind}_{line.variant_id}", "0"), least=0)
            for kind in (GOODS, BROKEN)
        ]
        if None in typed:
            raise InvalidQuantity("Counted units are whole numbers from 0.")
        counted.append((line.variant_id, typed[0] or 0, typed[1] or 0))
    number = _write(request, delivery, counted)
    units = sum(good_ones + damaged_ones for _, good_ones, damaged_ones in counted)
    text = ngettext("%(n)s unit received, %(number)s.", "%(n)s units received, %(number)s.", units)
    return good(_("Received"), text % {"n": units, "number": number})


def _write(request: HttpRequest, delivery: Delivery, counted: list[tuple[int, int, int]]) -> str:
    is_complete, now = "is_complete" in request.POST, timezone.now()
    if delivery.order is not None:
        receipt = receive_goods(
            purchase_order_id=delivery.order.pk,
            lines=[ReceivedLine(*one) for one in counted],
            delivery_note=request.POST.get("delivery_note", ""),
            is_complete=is_complete,
            by=staff(request),
            now=now,
        )
        return receipt.number
    assert delivery.transfer is not None
    done = receive_transfer(
        transfer_id=delivery.transfer.pk,
        lines=[ArrivedUnits(*one) for one in counted],
        is_complete=is_complete,
        by=staff(request),
        now=now,
    )
    return done.number
