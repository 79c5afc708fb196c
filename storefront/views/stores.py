"""Stores: where they are, when they are open, which one is the shopper's own; and postcodes while typing."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from oms import selectors as oms
from retail.kernel import clock
from retail.kernel.fold import fold, sort_key
from retail.kernel.models import Location, LocationKind
from storefront.views import areas, shopper, ways

TYPED_MIN = 2


@dataclass(frozen=True, slots=True)
class Place:
    code: str
    name: str
    address: str
    phone: str
    hours: str
    is_mine: bool
    latitude: float | None
    longitude: float | None


@require_safe
def stores(request: HttpRequest) -> HttpResponse:
    mine = shopper.my_store(request)
    now = clock.now()
    asked = shopper.plain(request.GET.get("place", ""), 60)
    found = [
        Place(
            code=location.code,
            name=location.name,
            address=f"{location.street}, {location.postal_code} {location.city}".strip(", "),
            phone=location.phone,
            hours=ways.hours_words(location.hours, now),
            is_mine=mine is not None and mine.code == location.code,
            latitude=location.latitude,
            longitude=location.longitude,
        )
        for location in _open_stores()
        if fold(asked) in fold(f"{location.city} {location.name} {location.postal_code}")
    ]
    is_cyrillic = shopper.language() == "sr-cyrl"
    found.sort(
        key=lambda place: (not place.is_mine, sort_key(place.name, "cyrillic" if is_cyrillic else "latin"))
    )
    drawn = areas.area([(place.latitude, place.longitude) for place in found], (None, None))
    context = {
        "area": areas.svg(drawn, is_numbered=False) if drawn else "",
        "places": found,
        "asked": asked,
        "count": len(found),
        "crumbs": [(_("Home"), reverse("shop:home")), (_("Stores"), "")],
    }
    return render(request, "shop/stores.html", context)


@require_POST
def choose(request: HttpRequest, code: str) -> HttpResponse:
    location = _open_stores().filter(code=code).first()
    if location is None:
        raise Http404("no such store")
    response = redirect("shop:stores")
    shopper.remember_store(response, shopper.Store(location.code, location.name, location.pk))
    return response


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Postcodes that begin like what is typed, for the list below the field."""
    typed = shopper.plain(request.GET.get("postal_code", ""), 40)
    found = oms.places_of_postcode(typed) if len(typed) >= TYPED_MIN else []
    return render(request, "shop/parts/places.html", {"places": found})


def _open_stores() -> QuerySet[Location]:
    return Location.objects.filter(kind=LocationKind.STORE, is_active=True).order_by("city", "name")
