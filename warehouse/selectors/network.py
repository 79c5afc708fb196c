"""The part of a promise that changes rarely: places, carriers, lanes, holidays. Kept in the process while its version stands."""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time
from threading import Lock

from django.db import connection, transaction

from oms import promise as engine
from oms.models import CarrierService, DeliveryMethod, DeliveryPostcode, DeliverySlot, Lane, ParcelLocker
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.models import Holiday, Location, LocationClosure, LocationKind

# One list for each postcode that somebody asked about.
DISTANCES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A location as an option shows it."""

    code: str
    name: str
    street: str
    city: str
    postal_code: str
    phone: str
    latitude: float | None
    longitude: float | None
    hours: dict[str, list[str]]
    location_id: int


@dataclass(frozen=True, slots=True)
class Method:
    code: str
    name: str
    name_en: str
    is_orderable: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """Hours of a service on some weekdays."""

    pk: int
    service: str
    weekdays: frozenset[int]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Locker:
    """A parcel locker: where it stands, the zone whose lanes reach it, the service that fills it and how much that carries."""

    place: Place
    zone: str
    service: str
    weight_grams_max: int


@dataclass(frozen=True)
class PromiseNetwork:
    """The engine's network and the names that people read."""

    version: uuid.UUID
    network: engine.Network
    places: dict[str, Place]
    ids: dict[str, int]
    carriers: dict[str, tuple[str, str]]
    methods: tuple[Method, ...]
    slots: tuple[Slot, ...] = ()
    lockers: tuple[Locker, ...] = ()
    _distances: dict[tuple[float | None, float | None], tuple[tuple[float, str], ...]] = field(
        default_factory=dict
    )
    _lockers: dict[tuple[float, float], list[Locker]] = field(default_factory=dict)

    def lockers_near(self, latitude: float | None, longitude: float | None, count: int) -> list[Locker]:
        """The nearest ones; none when nobody knows where from."""
        if latitude is None or longitude is None:
            return []
        here = (latitude, longitude)
        found = self._lockers.get(here)
        if found is None:
            found = sorted(self.lockers, key=lambda each: (_far(each.place, here), each.place.code))
            if len(self._lockers) >= DISTANCES_KEPT:
                self._lockers.clear()
            self._lockers[here] = found
        return found[:count]

    def by_distance(self, latitude: float | None, longitude: float | None) -> tuple[tuple[float, str], ...]:
        """The places for pickup with their kilometers from there, nearest first; infinitely far where nobody knows how far."""
        found = self._distances.get((latitude, longitude))
        if found is None:
            here = None if latitude is None or longitude is None else (latitude, longitude)
            found = tuple(
                sorted((_far(self.places[code], here), code) for code in self.network.pickup_points)
            )
            if len(self._distances) >= DISTANCES_KEPT:
                self._distances.clear()
            self._distances[latitude, longitude] = found
        return found


_kept: PromiseNetwork | None = None
_building = Lock()


def promise_network(version: uuid.UUID | None = None) -> PromiseNetwork:
    """The network of this version; without one, of the version that stands now."""
    global _kept
    found = _kept
    if found is not None and found.version == (version or network_version()):
        return found
    with _building:
        found = _kept
        if found is None or found.version != (version or network_version()):
            found = _kept = _build()
    return found


def network_version() -> uuid.UUID:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM warehouse_network")
        version: uuid.UUID = cursor.fetchone()[0]
    return version


def ship_day(*, code: str, now: datetime) -> date:
    """The first day on which the location still ships, today only before its cut-off; today for a place unknown to promises."""
    network = promise_network().network
    local = network.local(now)
    calendar = network.calendar(local.date())
    days = calendar.ships.get(code, 0)
    if code in network.locations and local.time() >= network.locations[code].cutoff:
        days &= ~1
    first = (days & -days).bit_length() - 1
    return calendar.day(first) if first >= 0 else local.date()


def _build() -> PromiseNetwork:
    """One transaction that sees one instant: the version read first is never newer than the rows."""
    with transaction.atomic():
        version = network_version()
        locations = list(
            Location.objects.filter(
                is_active=True, kind__in=[LocationKind.STORE, LocationKind.WAREHOUSE]
            ).order_by("code")
        )
        codes = {place.pk: place.code for place in locations}
        services = list(CarrierService.objects.filter(is_active=True).select_related("carrier"))
        lanes = _lanes(codes, {service.pk: service.code for service in services})
        lanes |= _lanes_to_stores(locations, lanes)
        closed: dict[int, list[date]] = defaultdict(list)
        for location_id, day in LocationClosure.objects.values_list("location_id", "date"):
            closed[location_id].append(day)
        carriers = _carriers_by_location(lanes)
        network = engine.Network(
            locations=[_location(place, carriers[place.code], closed[place.pk]) for place in locations],
            carriers=[
                engine.Carrier(
                    code=service.code,
                    collect_weekdays=frozenset(service.collect_days),
                    deliver_weekdays=frozenset(service.deliver_days),
                    weight_grams_max=service.weight_grams_max,
                )
                for service in services
            ],
            lanes=lanes,
            holidays=Holiday.objects.values_list("date", flat=True),
            tz=str(BUSINESS_ZONE),
        )
        methods = tuple(
            Method(*row)
            for row in DeliveryMethod.objects.order_by("position", "code").values_list(
                "code", "name", "name_en", "is_orderable"
            )
        )
        slots = tuple(
            Slot(each.pk, each.service.code, frozenset(each.weekdays), each.begins, each.ends)
            for each in DeliverySlot.objects.filter(is_active=True, service__is_active=True)
            .select_related("service")
            .order_by("begins", "ends", "service__position")
        )
        lockers = _lockers()
    return PromiseNetwork(
        version=version,
        network=network,
        places={place.code: _place(place) for place in locations},
        ids={place.code: place.pk for place in locations},
        carriers={service.code: (service.carrier.code, service.carrier.name) for service in services},
        methods=methods,
        slots=slots,
        lockers=lockers,
    )


def _lockers() -> tuple[Locker, ...]:
    rows = list(
        ParcelLocker.objects.filter(is_active=True, service__is_active=True).select_related("service")
    )
    zones = dict(
        DeliveryPostcode.objects.filter(postal_code__in={row.postal_code for row in rows}).values_list(
            "postal_code", "zone__code"
        )
    )
    return tuple(
        Locker(
            Place(
                row.code,
                row.name,
                row.street,
                row.city,
                row.postal_code,
                "",
                row.latitude,
                row.longitude,
                {},
                row.pk,
            ),
            zones[row.postal_code],
            row.service.code,
            row.service.weight_grams_max,
        )
        for row in rows
        if row.postal_code in zones
    )


def _lanes(codes: dict[int, str], services: dict[int, str]) -> dict[str, list[engine.Lane]]:
    """By zone: all postcodes of a zone share them."""
    found: dict[str, list[engine.Lane]] = defaultdict(list)
    rows = Lane.objects.values_list("zone__code", "location_id", "service_id", "lead_days")
    for zone, location_id, service_id, lead_days in rows:
        if location_id in codes and service_id in services:
            found[zone].append(engine.Lane(codes[location_id], services[service_id], lead_days))
    return dict(found)


def _lanes_to_stores(
    places: list[Location], by_zone: dict[str, list[engine.Lane]]
) -> dict[str, list[engine.Lane]]:
    """By store: what other places of its company send there goes the way of parcels to its postcode."""
    stores = [place for place in places if place.has_pickup and place.postal_code]
    zones = dict(
        DeliveryPostcode.objects.filter(postal_code__in={store.postal_code for store in stores}).values_list(
            "postal_code", "zone__code"
        )
    )
    entities = {place.code: place.entity_id for place in places}
    return {
        store.code: [
            lane
            for lane in by_zone.get(zones.get(store.postal_code, ""), ())
            if lane.location != store.code
            and lane.lead_days >= engine.STORE_LEAD_DAYS_MIN
            and entities[lane.location] == store.entity_id
        ]
        for store in stores
    }


def _carriers_by_location(lanes: dict[str, list[engine.Lane]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for each in lanes.values():
        for lane in each:
            found[lane.location].add(lane.carrier)
    return found


def _location(place: Location, carriers: set[str], closed: list[date]) -> engine.Location:
    return engine.Location(
        code=place.code,
        ship_weekdays=frozenset(place.work_days),
        cutoff=_time(place.cutoff_time),
        capacity_units=place.capacity_units_per_day,
        carriers=frozenset(carriers),
        hours={int(day): (_time(opens), _time(closes)) for day, (opens, closes) in place.hours.items()},
        closed=frozenset(closed),
        putaway_days=place.putaway_days,
        express_minutes=place.express_minutes,
        receive_minutes=place.receive_minutes,
        is_pickup_point=place.has_pickup,
        works_on_holidays=place.is_open_on_holidays,
    )


def _time(value: time | str) -> time:
    return value if isinstance(value, time) else time.fromisoformat(value)


def _place(place: Location) -> Place:
    return Place(
        place.code,
        place.name,
        place.street,
        place.city,
        place.postal_code,
        place.phone,
        place.latitude,
        place.longitude,
        place.hours,
        place.pk,
    )


def _far(place: Place, here: tuple[float, float] | None) -> float:
    if here is None or place.latitude is None or place.longitude is None:
        return math.inf
    return round(_kilometers(here, (place.latitude, place.longitude)), 1)


def _kilometers(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Along the great circle."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(math.radians, point)) for point in (here, there))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))
