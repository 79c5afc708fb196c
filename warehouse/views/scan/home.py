"""The tasks of a place, and the field that takes any scan to its task."""

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from retail.kernel.access import RECEIVE_RETURNS, may
from retail.kernel.models import Location
from storefront import selectors as catalog
from warehouse.models import Bin, Parcel, PurchaseOrder, Reservation, Shipment, StockItem, Transfer
from warehouse.states import UNDER_WAY, BinKind, ReservationState, ShipmentStatus
from warehouse.views.scan import returning, work
from warehouse.views.scan.place import places_of, scan_page, staff
from warehouse.views.scan.results import show, wrong

# Task, its page, its sign.
TASKS = (
    ("pick", "scan:pick", "list"),
    ("pack", "scan:pack", "box"),
    ("dispatch", "scan:dispatch", "truck"),
    ("handover", "scan:handover", "bag"),
    ("send", "scan:send", "store"),
    ("put_back", "scan:put_back", "back"),
    ("receive", "scan:receive", "inbox"),
    ("put_away", "scan:put_away", "down"),
)


@require_GET
@scan_page
def home(request: HttpRequest, place: Location) -> HttpResponse:
    """What waits here. `code` is a scan of anything: a parcel, a shipment, an order, a purchase order, a shelf, a book."""
    code = request.GET.get("code", "").strip()[:60]
    if code and (url := page_of(place, code)):
        return redirect(url)
    waiting = work.counts(place, staff(request), timezone.now())
    titles = {
        "pick": _("Pick"),
        "pack": _("Pack"),
        "dispatch": _("Dispatch"),
        "handover": _("Hand over"),
        "send": _("Send to a store"),
        "put_back": _("Put back"),
        "receive": _("Receive goods"),
        "put_away": _("Put away"),
    }
    context = {
        "place": place,
        "may_move": places_of(staff(request)).count() > 1,
        "tasks": [(titles[name], reverse(url), icon, waiting[name]) for name, url, icon in TASKS],
        "mine": waiting["mine"],
        "may_take_back": may(request.user, RECEIVE_RETURNS),
    }
    if code:
        context["result"] = wrong(_("Unknown"), _("%(code)s is nothing of this place.") % {"code": code})
        return render(request, "scan/home.html", context, status=404)
    return show(request, "scan/home.html", context)


def page_of(place: Location, code: str) -> str:
    """The page on which this scan is worked on; empty when nothing here has such a code."""
    parcel = (
        Parcel.objects.filter(shipment__location=place)
        .filter(_is_parcel(code))
        .values_list("shipment__number", flat=True)
        .first()
    )
    if back := returning.waiting(code):
        return reverse("scan:return_one", args=[back.number])
    if number := parcel or _shipment_number(place, code):
        return _page_of_shipment(Shipment.objects.get(number=number))
    if PurchaseOrder.objects.filter(location=place, number__iexact=code).exists():
        return reverse("scan:receive_order", args=[code.upper()])
    if url := _page_of_transfer(place, code):
        return url
    shelf = Bin.objects.filter(location=place, code__iexact=code).exclude(kind=BinKind.PACKING).first()
    if shelf is not None:
        return reverse("scan:count_bin", args=[shelf.code])
    variant = catalog.variant_by_code(code)
    if variant is not None and StockItem.objects.filter(variant=variant, location=place).exists():
        return reverse("scan:item", args=[variant.sku])
    return ""


def _page_of_transfer(place: Location, code: str) -> str:
    """Where it is received, or sent from."""
    if Transfer.objects.filter(target=place, number__iexact=code, status__in=UNDER_WAY).exists():
        return reverse("scan:receive_order", args=[code.upper()])
    if Transfer.objects.filter(source=place, number__iexact=code).exists():
        return reverse("scan:send_one", args=[code.upper()])
    return ""


def _is_parcel(code: str) -> Q:
    return Q(number__iexact=code) | Q(tracking_number__iexact=code) | Q(tracking_barcode__iexact=code)


def _shipment_number(place: Location, code: str) -> str:
    here = Shipment.objects.filter(location=place).exclude(status=ShipmentStatus.CANCELED)
    found = here.filter(number__iexact=code).first()
    found = found or here.filter(order__number__iexact=code).order_by("status", "pk").first()
    return found.number if found else ""


def _page_of_shipment(shipment: Shipment) -> str:
    if shipment.is_packed and shipment.service_id is None:
        return reverse("scan:handover_one", args=[shipment.number])
    if shipment.is_packed:
        return reverse("scan:labels", args=[shipment.number])
    unpicked = Reservation.objects.filter(
        shipment=shipment, state__in=[ReservationState.HELD, ReservationState.ALLOCATED]
    )
    return reverse("scan:pick") if unpicked.exists() else reverse("scan:pack_one", args=[shipment.number])
