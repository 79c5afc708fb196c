"""Packing: what was picked goes into parcels with their weights; the label comes from the carrier at once, or later."""

from typing import Any

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from finance.papers import render_pdf
from retail.kernel.errors import Refusal
from retail.kernel.models import Location
from warehouse.models import Parcel, Shipment
from warehouse.operations import ParcelSpec, pack
from warehouse.states import ReservationState, ShipmentStatus
from warehouse.views.labels import label_of
from warehouse.views.scan import work
from warehouse.views.scan.home import page_of
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once, refused, show, wrong
from warehouse.workflows.labels import make_labels

BOX_GRAMS = 60
PARCELS_MAX = 10


@require_http_methods(["GET", "POST"])
@scan_page
def pack_list(request: HttpRequest, place: Location) -> HttpResponse:
    """Shipments that are picked whole."""
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:60]
        if url := page_of(place, code):
            return leave(request, None, url)
        result = wrong(_("Unknown"), _("%(code)s is nothing of this place.") % {"code": code})
    now = timezone.now()
    context = {
        "place": place,
        "waiting": list(work.for_now(work.to_pack(place), now)[:50]),
        "later": list(work.for_later(work.to_pack(place), now)[:50]),
        "to_pick": work.for_now(work.to_pick(place), now).count(),
    }
    return show(request, "scan/pack_list.html", context, result)


@require_http_methods(["GET", "POST"])
@scan_page
def pack_one(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    shipment = shipment_here(place, number)
    if shipment.is_packed:
        return leave(request, None, _after(shipment))
    if request.method == "POST" and "more" not in request.POST:
        result = once(request, lambda: _pack(request, shipment))
        if result.kind != "wrong":
            shipment.refresh_from_db()
            return leave(request, _label_result(shipment, result), _after(shipment))
        return show(request, "scan/pack.html", _pack_context(request, place, shipment), result)
    return show(request, "scan/pack.html", _pack_context(request, place, shipment))


def shipment_here(place: Location, number: str) -> Shipment:
    found = (
        Shipment.objects.select_related("order", "service__carrier", "location__entity")
        .filter(location=place, number=number)
        .exclude(status=ShipmentStatus.CANCELED)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _after(shipment: Shipment) -> str:
    """Labels for a courier; a pickup waits on its shelf."""
    return (
        reverse("scan:pack")
        if shipment.service_id is None
        else reverse("scan:labels", args=[shipment.number])
    )


def _pack_context(request: HttpRequest, place: Location, shipment: Shipment) -> dict[str, Any]:
    items = list(
        shipment.claims.filter(is_put_back=False)
        .exclude(state=ReservationState.RELEASED)
        .values("variant__sku", "variant__product__title", "variant__weight_grams", "state")
        .annotate(units=Sum("quantity"))
        .order_by("variant__product__title")
    )
    weight = sum((row["variant__weight_grams"] or 0) * row["units"] for row in items) + BOX_GRAMS
    typed = [value for value in request.POST.getlist("weight") if value.strip()] or [str(weight)]
    if "more" in request.POST:
        typed = [*typed, ""][:PARCELS_MAX]
    return {
        "place": place,
        "shipment": shipment,
        "items": items,
        "left": sum(row["units"] for row in items if row["state"] in work.UNPICKED),
        "weights": typed,
        "may_add": len(typed) < PARCELS_MAX and shipment.service_id is not None,
    }


def _pack(request: HttpRequest, shipment: Shipment) -> Result:
    weights = [value.strip() for value in request.POST.getlist("weight")[:PARCELS_MAX] if value.strip()]
    grams = [int(value) if value.isascii() and value.isdigit() and len(value) < 7 else 0 for value in weights]
    done = pack(
        shipment_id=shipment.pk,
        parcels=[ParcelSpec(weight_grams=each) for each in grams],
        by=staff(request),
        now=timezone.now(),
    )
    if done.service_id is None:
        return good(
            _("Packed"),
            _("Put %(number)s on the pickup shelf. The customer is told.") % {"number": done.number},
        )
    return good(_("Packed"), done.number)


def _label_result(shipment: Shipment, result: Result) -> Result:
    """The label is asked for at once, when the units are packed for good; without it the goods wait."""
    if shipment.service_id is None or result.kind != "good":
        return result
    try:
        make_labels(shipment_id=shipment.pk, now=timezone.now())
    except Refusal as refusal:
        told = refused(refusal)
        return Result("repeat", _("Packed, without a label"), f"{told.title}. {told.text}")
    return good(_("Packed"), _("Print the label and stick it on."))


@require_GET
@scan_page
def labels(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """The parcels of a packed shipment with their labels."""
    shipment = shipment_here(place, number)
    if not shipment.is_packed:
        return leave(request, None, reverse("scan:pack_one", args=[number]))
    parcels = list(shipment.parcels.order_by("pk"))
    context = {
        "place": place,
        "shipment": shipment,
        "parcels": parcels,
        "is_ready": all(parcel.announced_at for parcel in parcels),
        "has_left": shipment.status != ShipmentStatus.READY,
    }
    return show(request, "scan/labels.html", context)


@require_POST
@scan_page
def announce(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """Ask the carrier again."""
    shipment = shipment_here(place, number)
    try:
        make_labels(shipment_id=shipment.pk, now=timezone.now())
        result = good(_("The label is here"), _("Print the label and stick it on."))
    except Refusal as refusal:
        result = refused(refusal)
    return leave(request, result, reverse("scan:labels", args=[number]))


@require_GET
@scan_page
def label_pdf(request: HttpRequest, place: Location, parcel: str) -> HttpResponse:
    """The label as PDF, for the label printer."""
    row = (
        Parcel.objects.select_related(
            "shipment__order", "shipment__location__entity", "shipment__service__carrier"
        )
        .filter(number=parcel, shipment__location=place, announced_at__isnull=False)
        .first()
    )
    if row is None:
        raise Http404
    response = HttpResponse(render_pdf(label_of(row)), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{row.number}.pdf"'
    return response
