"""How goods travel: zones of postcodes, carriers with their tariffs and lanes, and what the shopper pays.

Leads follow distance: the real days of a lane are the carrier's business, these are plausible ones (see the formulas).
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path

from oms.models import (
    Carrier,
    CarrierService,
    CarrierTariff,
    DeliveryMethod,
    DeliveryPostcode,
    DeliveryRate,
    DeliverySlot,
    DeliveryZone,
    Lane,
    ParcelLocker,
    RoutingRule,
)
from oms.states import DeliveryKind
from retail.kernel.models import Location, LocationKind
from retail.sample.carriers import EVERY_WORKDAY, SERVICES, Service
from retail.sample.company import Company
from retail.sample.places import STORES, Postcode, shipped_postcodes

FEE, FREE_FROM = Decimal("290.00"), Decimal("4000.00")
FEES = {DeliveryKind.HOME_DELIVERY: FEE, DeliveryKind.PARCEL_LOCKER: Decimal("220.00")}
# A town of this size has couriers of its own who deliver on the same day.
TOWN = 60_000
# The hours in which the next-day services come when they are asked to.
LOCKERS_OF = "d-express-sutra"
HOURS = ((time(9), time(13)), (time(13), time(17)), (time(17), time(20)))
VILLAGE = 5_000
EARTH_DIAMETER_KM = 12_742

METHODS = (
    (DeliveryKind.HOME_DELIVERY, "Dostava na adresu", "Home delivery", True),
    (DeliveryKind.STORE_PICKUP, "Preuzimanje u knjižari", "Store pickup", True),
    (DeliveryKind.SHIP_TO_STORE, "Slanje u knjižaru", "Ship to store", True),
    (DeliveryKind.PARCEL_LOCKER, "Paketomat", "Parcel locker", True),
    (DeliveryKind.DIGITAL, "Digitalno", "Digital", False),
)


def exists() -> bool:
    return DeliveryMethod.objects.exists()


def make(company: Company, postcodes: list[Postcode], now: datetime) -> None:
    zones = _zones(postcodes)
    rows = {code: DeliveryZone(code=code, name=_zone_name(code, places)) for code, places in zones.items()}
    DeliveryZone.objects.bulk_create(rows.values())
    DeliveryPostcode.objects.bulk_create(
        DeliveryPostcode(
            postal_code=each.postal_code,
            place=each.place,
            zone=rows[code],
            latitude=each.latitude,
            longitude=each.longitude,
            population=each.population,
        )
        for code, places in zones.items()
        for each in places
    )
    services = _services()
    Lane.objects.bulk_create(_lanes(company, zones, rows, services))
    ParcelLocker.objects.bulk_create(_lockers(services[LOCKERS_OF], {one.postal_code for one in postcodes}))
    _methods(company, now)
    # No limit: every plan waits for a person until the chain decides what may ratify itself.
    RoutingRule.objects.create(name="Svaki put odobrava čovek")


def read_postcodes(folder: Path | None) -> list[Postcode]:
    """All Serbian postcodes when the data set is there, the shipped ones else."""
    path = folder / "geo" / "rs_postcodes.csv" if folder else None
    if path is None or not path.is_file():
        return shipped_postcodes()
    with path.open(encoding="utf-8", newline="") as file:
        found = {
            row["postcode"]: Postcode(
                row["postcode"],
                "Beograd" if "Beograd" in row["post_office"] else row["place"] or row["post_office"],
                float(row["lat"]),
                float(row["lon"]),
                int(float(row["place_population"] or 0)),
            )
            for row in csv.DictReader(file)
        }
    for each in shipped_postcodes():
        found.setdefault(each.postal_code, each)
    return [found[code] for code in sorted(found)]


def _zones(postcodes: list[Postcode]) -> dict[str, list[Postcode]]:
    """Towns with same-day couriers are zones of their own; the rest goes by the first two digits, villages apart."""
    towns = {place.city for place in STORES if place.population > TOWN}
    zones: dict[str, list[Postcode]] = defaultdict(list)
    for each in postcodes:
        if each.place in towns:
            code = f"T-{each.postal_code[:2]}-{each.place[:12].replace(' ', '-')}"
        else:
            code = f"{'R' if each.population < VILLAGE else 'G'}-{each.postal_code[:2]}"
        zones[code].append(each)
    return dict(sorted(zones.items()))


def _zone_name(code: str, places: list[Postcode]) -> str:
    if code.startswith("T"):
        return places[0].place
    return f"{'Sela' if code.startswith('R') else 'Mesta'} {code[-2:]}xxx"


def _services() -> dict[str, CarrierService]:
    carriers = {
        service.carrier: Carrier(code=service.carrier, name=service.carrier_name, phone=service.phone)
        for service in reversed(SERVICES)
    }
    Carrier.objects.bulk_create(carriers.values())
    rows = {
        service.code: CarrierService(
            carrier=carriers[service.carrier],
            code=service.code,
            name=service.name,
            position=position,
            collect_days=EVERY_WORKDAY if service.kind != "sameday" else service.deliver_days,
            deliver_days=service.deliver_days,
            weight_grams_max=service.bands[-1][0],
            cod_percent=service.cod_percent,
            cod_minimum=service.cod_minimum,
        )
        for position, service in enumerate(SERVICES)
    }
    CarrierService.objects.bulk_create(rows.values())
    CarrierTariff.objects.bulk_create(
        CarrierTariff(
            service=rows[service.code], weight_grams_to=grams, price_net=price, source=service.source
        )
        for service in SERVICES
        for grams, price in service.net_prices()
    )
    DeliverySlot.objects.bulk_create(
        DeliverySlot(service=rows[service.code], weekdays=service.deliver_days, begins=begins, ends=ends)
        for service in SERVICES
        if service.kind == "next"
        for begins, ends in HOURS
    )
    return rows


def _lockers(service: CarrierService, known: set[str]) -> Iterable[ParcelLocker]:
    """One for every store's neighborhood: where people shop, a carrier has put a locker."""
    for number, place in enumerate(STORES, start=1):
        if place.postal_code in known:
            yield ParcelLocker(
                service=service,
                code=f"PK-{number:03d}",
                name=f"Paketomat {place.city} {number}",
                street=place.street,
                city=place.city,
                postal_code=place.postal_code,
                latitude=place.latitude,
                longitude=place.longitude,
            )


def _lanes(
    company: Company,
    zones: dict[str, list[Postcode]],
    rows: dict[str, DeliveryZone],
    services: dict[str, CarrierService],
) -> Iterable[Lane]:
    population = {place.city: place.population for place in STORES}
    for code, places in zones.items():
        latitude, longitude = _middle(places)
        is_rural = code.startswith("R")
        for location in company.locations.values():
            if location.kind not in (LocationKind.STORE, LocationKind.WAREHOUSE):
                continue
            distance = _km(latitude, longitude, location.latitude or 0, location.longitude or 0)
            is_same_place = code.startswith("T") and places[0].place == location.city
            for service in SERVICES:
                if not _is_offered(service, location, population[location.city]):
                    continue
                lead = _lead(service, distance, is_rural=is_rural, is_same_place=is_same_place)
                if lead is not None:
                    yield Lane(
                        zone=rows[code], location=location, service=services[service.code], lead_days=lead
                    )


def _is_offered(service: Service, location: Location, population: int) -> bool:
    """Carriers collect where there is enough to collect."""
    if location.kind == LocationKind.WAREHOUSE and service.kind != "sameday":
        return True
    enough = {"d-express-sutra": 40_000, "city-express": 150_000, "post-express-danas": TOWN}
    if service.code == "rush-danas":
        return location.city == "Beograd"
    return population > enough.get(service.code, 0)


def _lead(service: Service, distance_km: float, *, is_rural: bool, is_same_place: bool) -> int | None:
    """Delivery days after the hand-over; None where the service does not go."""
    if service.kind == "sameday":
        return 0 if is_same_place else None
    if service.kind == "ground":
        return 1 + (distance_km > 120) + is_rural
    if service.code == "d-express-sutra":
        return 1 + (distance_km > 250)
    return 1 + (is_rural and distance_km > 60)


def _methods(company: Company, now: datetime) -> None:
    rows = [
        DeliveryMethod(code=code, name=name, name_en=name_en, is_orderable=is_orderable, position=position)
        for position, (code, name, name_en, is_orderable) in enumerate(METHODS)
    ]
    DeliveryMethod.objects.bulk_create(rows)
    DeliveryRate.objects.bulk_create(
        DeliveryRate(
            method=method,
            channel=channel,
            amount=FEES.get(DeliveryKind(method.code), Decimal(0)),
            free_from=FREE_FROM if DeliveryKind(method.code) in FEES else None,
            valid_from=now,
        )
        for method in rows
        for channel in company.channels.values()
        if method.is_orderable
    )


def _middle(places: list[Postcode]) -> tuple[float, float]:
    """The middle of the people; a village whose size is not known counts as five hundred."""
    weights = [each.population or 500 for each in places]
    total = sum(weights)
    return (
        sum(each.latitude * weight for each, weight in zip(places, weights, strict=True)) / total,
        sum(each.longitude * weight for each, weight in zip(places, weights, strict=True)) / total,
    )


def _km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great circle."""
    a, b, c, d = map(math.radians, (latitude, longitude, other_latitude, other_longitude))
    half = math.sin((a - c) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((b - d) / 2) ** 2
    return EARTH_DIAMETER_KM * math.asin(math.sqrt(half))
