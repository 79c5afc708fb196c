"""The map of an area, drawn from the coordinates of places and stores: nothing is asked of anybody outside.

The ground is one picture of all places that couriers know, cached for ever by its version; stores are drawn over it in the page.
The list beside a map says all that it says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import Count, Max, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from oms.models import DeliveryPostcode
from retail.front import quick

GROUND_SECONDS = 600.0
# Units of the drawing in one degree of longitude.
SCALE = 100
# A map shows at least so many degrees, so that one store is not shown on nothing.
SPAN_MIN = 0.06
MARGIN = 0.14
# Width to height.
SHAPE = 4 / 3
SIZE_SHOWN = (400, 300)
# How far around a place the land is drawn, and its dot, in degrees.
LAND, DOT = 0.2, 0.004

Point = tuple[float, float]
_ground: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float

    @property
    def text(self) -> str:
        return f"{self.x} {self.y} {self.width} {self.height}"


@dataclass(frozen=True, slots=True)
class Area:
    """What a template draws: the part of the ground to show, numbered pins, and where the shopper is."""

    view: Box
    ground: Box
    ground_url: str
    pins: tuple[tuple[int, Point], ...]
    here: Point | None
    unit: float


def area(
    pins: Sequence[tuple[float | None, float | None]], here: tuple[float | None, float | None]
) -> Area | None:
    """A map of these (latitude, longitude); None when nothing of them is known."""
    if not any(lat is not None and lon is not None for lat, lon in pins):
        return None
    version, bounds = _kept_ground()
    return _drawn(tuple(pins), here, version, bounds) if bounds else None


@lru_cache(maxsize=2048)
def _drawn(
    pins: tuple[tuple[float | None, float | None], ...],
    here: tuple[float | None, float | None],
    version: str,
    bounds: tuple[float, float, float, float],
) -> Area:
    points = [(number, point) for number, pin in enumerate(pins, start=1) if (point := _point(*pin))]
    mine = _point(*here)
    view = _view([point for _, point in points] + ([mine] if mine else []))
    return Area(
        view=view,
        ground=_land(bounds),
        ground_url=f"{quick.here('shop:ground')}?v={version}",
        pins=tuple(points),
        here=mine,
        unit=round(view.width / 40, 2),
    )


def svg(shown: Area, *, empty: frozenset[int] = frozenset(), is_numbered: bool = True) -> SafeString:
    """The map as a page carries it; `empty` are the numbers of pins with nothing on the shelf."""
    return _svg(shown, empty, is_numbered, get_language() or "")


@lru_cache(maxsize=2048)
def _svg(shown: Area, empty: frozenset[int], is_numbered: bool, language: str) -> SafeString:
    """In the language of the request, which `language` names."""
    box, unit = shown.ground, shown.unit
    here = (
        format_html('<circle class="area-here" cx="{}" cy="{}" r="{}"/>', *shown.here, unit)
        if shown.here
        else ""
    )
    return format_html(
        '<svg class="area" viewBox="{}" width="{}" height="{}" role="img" aria-label="{}">'
        '<image href="{}" x="{}" y="{}" width="{}" height="{}"/>{}{}</svg>',
        shown.view.text,
        *SIZE_SHOWN,
        _("A drawn map of these stores. The list says all that it shows."),
        shown.ground_url,
        *(box.x, box.y, box.width, box.height),
        here,
        format_html_join("", "{}", ((_pin(pin, unit, empty, is_numbered),) for pin in shown.pins)),
    )


def _pin(pin: tuple[int, Point], unit: float, empty: frozenset[int], is_numbered: bool) -> SafeString:
    number, (x, y) = pin
    kind = "area-pin is-none" if number in empty else "area-pin"
    if not is_numbered:
        return format_html('<circle class="{}" cx="{}" cy="{}" r="{}"/>', kind, x, y, round(unit / 3, 2))
    return format_html(
        '<g class="{}"><circle cx="{}" cy="{}" r="{}"/><text x="{}" y="{}" font-size="{}" text-anchor="middle">{}</text></g>',
        *(kind, x, y, round(unit * 1.5, 2)),
        *(x, round(y + unit * 0.7, 2), round(unit * 2, 2), number),
    )


@require_safe
def ground(request: HttpRequest) -> HttpResponse:
    """The land and its places, as one picture."""
    rows = _places()
    if not rows:
        raise Http404("no places are known")
    bounds = _kept_ground()[1]
    assert bounds is not None, "places have bounds"
    box = _land(bounds)
    response = HttpResponse(_ground_svg(rows, box), content_type="image/svg+xml; charset=utf-8")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _ground_svg(rows: Sequence[tuple[float, float, int]], box: Box) -> str:
    land, towns = set(), []
    for latitude, longitude, people in rows:
        x, y = _project(latitude, longitude)
        land.add((round(x / 4) * 4, round(y / 4) * 4))
        if people >= 1000:
            towns.append((x, y, DOT * SCALE * min(3.0, 1 + math.sqrt(people) / 150)))
    far = round(LAND * SCALE, 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box.text}">'
        f'<g fill="#8b93a1" opacity=".26">{"".join(f"""<circle cx="{x}" cy="{y}" r="{far}"/>""" for x, y in sorted(land))}</g>'
        f'<g fill="#7a8391" opacity=".75">{"".join(f"""<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"/>""" for x, y, r in towns)}</g>'
        "</svg>"
    )


def _places() -> list[tuple[Any, Any, int]]:
    rows = DeliveryPostcode.objects.filter(latitude__isnull=False, longitude__isnull=False)
    found = (
        rows.values("latitude", "longitude")
        .annotate(people=Max("population"))
        .order_by("latitude", "longitude")
    )
    return [(row["latitude"], row["longitude"], row["people"]) for row in found]


def _kept_ground() -> tuple[str, tuple[float, float, float, float] | None]:
    """Where the land lies, read every ten minutes: no town moves meanwhile."""
    if not _ground or time.monotonic() - _ground["at"] > GROUND_SECONDS:
        found = DeliveryPostcode.objects.filter(latitude__isnull=False, longitude__isnull=False).aggregate(
            south=Min("latitude"),
            north=Max("latitude"),
            west=Min("longitude"),
            east=Max("longitude"),
            n=Count("pk"),
        )
        bounds = (found["south"], found["north"], found["west"], found["east"]) if found["n"] else None
        _ground.update(bounds=bounds, version=f"2-{found['n']}-{abs(hash(bounds)):x}", at=time.monotonic())
    return _ground["version"], _ground["bounds"]


def forget_ground() -> None:
    _ground.clear()


# ------------------------------------------------------------------ the projection
def _project(latitude: float, longitude: float) -> Point:
    """Mercator: shapes stay true wherever the chain lies."""
    north = math.degrees(math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2)))
    return round(longitude * SCALE, 2), round(-north * SCALE, 2)


def _point(latitude: float | None, longitude: float | None) -> Point | None:
    return None if latitude is None or longitude is None else _project(latitude, longitude)


def _land(bounds: tuple[float, float, float, float]) -> Box:
    south, north, west, east = bounds
    (left, bottom), (right, top) = _project(south, west), _project(north, east)
    far = LAND * SCALE * 1.2
    return Box(
        round(left - far, 2),
        round(top - far, 2),
        round(right - left + 2 * far, 2),
        round(bottom - top + 2 * far, 2),
    )


def _view(points: Sequence[Point]) -> Box:
    """All points with some room around them, in the shape of the picture."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    width = max(max(xs) - min(xs), SPAN_MIN * SCALE) * (1 + 2 * MARGIN)
    height = max(max(ys) - min(ys), SPAN_MIN * SCALE / SHAPE) * (1 + 2 * MARGIN)
    width, height = max(width, height * SHAPE), max(height, width / SHAPE)
    x, y = (max(xs) + min(xs) - width) / 2, (max(ys) + min(ys) - height) / 2
    return Box(round(x, 2), round(y, 2), round(width, 2), round(height, 2))
