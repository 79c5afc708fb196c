"""Out of the house: parcels to their courier, pickups to whoever knows the code."""

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from finance import selectors as finance
from finance.rules import Sold
from retail.kernel.models import Location
from warehouse import selectors as warehouse
from warehouse.models import Parcel, Shipment
from warehouse.states import ReservationState, ShipmentStatus
from warehouse.views.scan import work
from warehouse.views.scan.packing import shipment_here
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once_outside, repeat, show, wrong
from warehouse.workflows import hand_over
from warehouse.workflows.labels import send_off

_LOADED = "scan.loaded"


@require_http_methods(["GET", "POST"])
@scan_page
def dispatch_page(request: HttpRequest, place: Location) -> HttpResponse:
    """Scan each label as the courier takes the parcel; with its last parcel the shipment is dispatched."""
    result = _label_scanned(request, place) if request.method == "POST" else None
    loaded, now = set(request.session.get(_LOADED, [])), timezone.now()
    packed = work.to_dispatch(place).prefetch_related("parcels")
    waiting, later = (
        [
            (shipment, [(parcel, parcel.pk in loaded) for parcel in shipment.parcels.all()])
            for shipment in shipments[:100]
        ]
        for shipments in (work.for_now(packed, now), work.for_later(packed, now))
    )
    context = {"place": place, "waiting": waiting, "later": later}
    return show(request, "scan/dispatch.html", context, result)


def _label_scanned(request: HttpRequest, place: Location) -> Result:
    code = request.POST.get("code", "").strip()[:60]
    is_code = Q(tracking_number__iexact=code) | Q(tracking_barcode__iexact=code) | Q(number__iexact=code)
    parcel = (
        Parcel.objects.select_related("shipment__order")
        .filter(is_code, shipment__location=place)
        .order_by("-pk")
        .first()
    )
    if parcel is None or not code:
        return wrong(_("Unknown label"), _("%(code)s is no parcel of this place.") % {"code": code})
    shipment = parcel.shipment
    if shipment.status != ShipmentStatus.READY:
        return repeat(_("%(number)s has left already.") % {"number": shipment.number})
    loaded = [pk for pk in request.session.get(_LOADED, []) if pk != parcel.pk]
    was_loaded = len(loaded) < len(request.session.get(_LOADED, []))
    loaded.append(parcel.pk)
    request.session[_LOADED] = loaded[-200:]
    missing = shipment.parcels.exclude(pk__in=loaded).count()
    if missing:
        told = {"number": shipment.number, "missing": missing}
        if was_loaded:
            return repeat(_("%(number)s still waits for %(missing)s more.") % told)
        return good(_("One of several"), _("%(number)s still waits for %(missing)s more.") % told)
    return once_outside(request, lambda: _send(request, shipment))


def _send(request: HttpRequest, shipment: Shipment) -> Result:
    send_off(shipment_id=shipment.pk, by=staff(request), now=timezone.now())
    gone = set(shipment.parcels.values_list("pk", flat=True))
    request.session[_LOADED] = [pk for pk in request.session.get(_LOADED, []) if pk not in gone]
    return good(_("Dispatched"), f"{shipment.number}, {shipment.order.city}")


# Pickup


@require_http_methods(["GET", "POST"])
@scan_page
def handover_list(request: HttpRequest, place: Location) -> HttpResponse:
    """Pickups that wait for their people: found by order number, name or phone."""
    waiting = work.to_hand_over(place)
    result = None
    code = (request.POST.get("code") or request.GET.get("q") or "").strip()[:60]
    if code:
        wanted = Q(number__iexact=code) | Q(order__number__iexact=code)
        exact = list(waiting.filter(wanted)[:2])
        named = list(waiting.filter(Q(order__name__icontains=code) | Q(order__phone__endswith=code[-7:]))[:2])
        found = exact or named
        if len(found) == 1:
            return leave(request, None, reverse("scan:handover_one", args=[found[0].number]))
        if request.method == "POST":
            result = (
                repeat(_("Several pickups have this name. Choose one below."))
                if found
                else wrong(_("No such pickup"), _("%(code)s does not wait here.") % {"code": code})
            )
    context = {"place": place, "waiting": list(waiting[:50])}
    return show(request, "scan/handover_list.html", context, result)


@require_http_methods(["GET", "POST"])
@scan_page
def handover_one(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """The goods against the customer's code, and what is to be paid at the counter."""
    shipment = shipment_here(place, number)
    result = None
    if request.method == "POST":
        if shipment.status != ShipmentStatus.READY:
            return leave(request, repeat(_("It was handed over already.")), reverse("scan:handover"))
        result = once_outside(request, lambda: _hand_over(request, shipment))
        if result.kind != "wrong":
            return leave(request, result, reverse("scan:handover"))
    sold = warehouse.shipment_contents(shipment_id=shipment.pk).sold
    context = {
        "place": place,
        "shipment": shipment,
        "items": shipment.claims.filter(is_put_back=False)
        .exclude(state=ReservationState.RELEASED)
        .select_related("variant__product"),
        "to_collect": finance.collectable(
            order_id=shipment.order_id, sold=[Sold(pk, units) for pk, units in sorted(sold.items()) if units]
        )
        if shipment.status == ShipmentStatus.READY
        else 0,
    }
    return show(request, "scan/handover.html", context, result)


def _hand_over(request: HttpRequest, shipment: Shipment) -> Result:
    hand_over(
        shipment_id=shipment.pk,
        code=request.POST.get("code", "")[:20],
        by=staff(request),
        now=timezone.now(),
    )
    return good(_("Handed over"), f"{shipment.order.number}, {shipment.order.name}")
