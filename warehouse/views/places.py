"""Locations of the back office: when they work, how much they can do in a day, until when they ship, and what lies there."""

from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from retail.kernel.access import VIEW_STOCK, sees_location, staff_page
from retail.kernel.clock import business_date
from retail.kernel.models import Holiday, Location, LocationKind
from warehouse.models import Bin, Reservation, Shipment, StockItem
from warehouse.states import ReservationState, ShipmentStatus

DAYS_SHOWN = 28


@require_GET
@staff_page(VIEW_STOCK)
def location_list(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "")
    rows = Location.objects.filter(kind__in=[LocationKind.WAREHOUSE, LocationKind.STORE])
    if kind in LocationKind.values:
        rows = rows.filter(kind=kind)
    places = [place for place in rows.order_by("-kind", "code") if sees_location(request.user, place.pk)]
    load = units_to_pick([place.pk for place in places])
    context = {
        "rows": [(place, load.get(place.pk, 0), _share(load.get(place.pk, 0), place)) for place in places],
        "kind": kind,
        "kinds": [(one.value, one.label) for one in (LocationKind.WAREHOUSE, LocationKind.STORE)],
        "days": weekdays(),
    }
    return render(request, "ops/locations.html", context)


def units_to_pick(location_ids: list[int]) -> dict[int, int]:
    rows = Reservation.objects.filter(
        location_id__in=location_ids,
        state=ReservationState.ALLOCATED,
        shipment__status=ShipmentStatus.READY,
    )
    return dict(rows.order_by().values_list("location_id").annotate(units=Sum("quantity")))


def _share(units: int, place: Location) -> int:
    """Of a day's capacity, in percent."""
    return round(100 * units / place.capacity_units_per_day) if place.capacity_units_per_day else 0


def weekdays() -> list[str]:
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


@require_GET
@staff_page(VIEW_STOCK)
def location_page(request: HttpRequest, code: str) -> HttpResponse:
    place = Location.objects.select_related("entity").filter(code=code).first()
    if place is None or not sees_location(request.user, place.pk):
        raise Http404
    today = business_date(timezone.now())
    bins = (
        Bin.objects.filter(location=place)
        .annotate(
            units=Coalesce(Sum("items__on_hand"), 0),
            claimed=Coalesce(Sum("items__reserved"), 0),
            titles=Count("items"),
        )
        .order_by("pick_sequence", "code")
    )
    load = units_to_pick([place.pk]).get(place.pk, 0)
    context = {
        "place": place,
        "load": load,
        "share": _share(load, place),
        "bins": bins[:200],
        "units": StockItem.objects.filter(location=place).aggregate(n=Coalesce(Sum("on_hand"), 0))["n"],
        "shipments": Shipment.objects.filter(location=place, status=ShipmentStatus.READY).count(),
        "hours": [
            (name, place.hours.get(str(day)), day in place.work_days) for day, name in enumerate(weekdays())
        ],
        "calendar": calendar_of(place, today),
        "crumbs": [(_("Locations"), "/ops/locations/"), (place.code, "")],
    }
    return render(request, "ops/location.html", context)


def calendar_of(place: Location, today: date) -> list[dict[str, Any]]:
    """The next four weeks: on which days goods leave, and why not on the others."""
    last = today + timedelta(days=DAYS_SHOWN - 1)
    closures = dict(place.closures.filter(date__range=(today, last)).values_list("date", "reason"))
    holidays = dict(
        Holiday.objects.filter(country=place.country, date__range=(today, last)).values_list("date", "name")
    )
    days = []
    for step in range(DAYS_SHOWN):
        day = today + timedelta(days=step)
        why = ""
        if day in closures:
            why = closures[day] or _("closed")
        elif day in holidays and not place.is_open_on_holidays:
            why = holidays[day]
        elif day.weekday() not in place.work_days:
            why = _("no work day")
        days.append({"day": day, "works": not why, "why": why})
    return days
