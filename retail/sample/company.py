"""The company: one legal entity, its channels, price list and tax rates, sixty stores and two warehouses with their bins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from stdnum.iso7064 import mod_11_10

from retail.kernel.identifiers import account_control
from retail.kernel.models import Holiday, LegalEntity, Location, LocationKind
from retail.sample.chance import generator
from retail.sample.places import STORES, StorePlace
from storefront.models import Channel, PriceList, TaxClass, TaxRate
from warehouse.models import Bin, SafetyStock
from warehouse.states import BinKind

ENTITY = "prelist"
PRICE_LIST = "rs"
WAREHOUSES = ("WH-1", "WH-2")
TRANSIT = "TRANSIT"
SUPPLIERS = (
    ("SUP-1", "Knjižarska distribucija", "Beograd", "11070"),
    ("SUP-2", "Uvoz knjiga", "Novi Sad", "21000"),
    ("SUP-3", "Uvoz igračaka", "Beograd", "11080"),
)
CHANNELS = (
    ("web-rs", "Veb prodavnica"),
    ("pos", "Kasa u knjižari"),
    ("call-center", "Kol centar"),
    ("api", "Partneri (API)"),
)
# Percent by class from this day on; the present rates of Serbia.
TAX_RATES = (
    (TaxClass.BOOKS, "10.00"),
    (TaxClass.STANDARD, "20.00"),
    (TaxClass.EXEMPT, "0.00"),
    (TaxClass.EBOOKS, "20.00"),
)
TAX_SINCE = date(2014, 1, 1)
# Rows have two levels of four by pick order: fast titles lie in the first zones.
WAREHOUSE_ZONES = {"WH-1": "ABCDEF", "WH-2": "ABCD"}
RACKS, LEVELS = 12, 4
STORE_SHELVES = 6
FIXED_BINS = (
    (BinKind.RECEIVING, "PRIJEM", "R"),
    (BinKind.PACKING, "PAKOVANJE", "R"),
    (BinKind.DAMAGED, "OSTECENO", "X"),
    (BinKind.QUARANTINE, "KARANTIN", "X"),
    (BinKind.DISPLAY, "IZLOG", "D"),
)


@dataclass(frozen=True, slots=True)
class Company:
    """What later sections need to know of the company."""

    entity: LegalEntity
    price_list: PriceList
    channels: dict[str, Channel]
    locations: dict[str, Location]


def exists() -> bool:
    return Location.objects.filter(code=WAREHOUSES[0]).exists()


def read() -> Company:
    return Company(
        entity=LegalEntity.objects.get(code=ENTITY),
        price_list=PriceList.objects.get(code=PRICE_LIST),
        channels={channel.code: channel for channel in Channel.objects.all()},
        locations={location.code: location for location in Location.objects.all()},
    )


def pib_of(first_eight: str) -> str:
    """A tax number with a fitting check digit."""
    return first_eight + str(mod_11_10.calc_check_digit(first_eight))


def make(now: datetime) -> None:
    entity = _entity()
    price_list = PriceList.objects.create(code=PRICE_LIST, name="Cenovnik Srbija", currency="RSD")
    for tax_class, rate in TAX_RATES:
        TaxRate.objects.create(tax_class=tax_class, rate=Decimal(rate), valid_from=TAX_SINCE)
    Channel.objects.bulk_create(
        Channel(code=code, name=name, entity=entity, price_list=price_list) for code, name in CHANNELS
    )
    Holiday.objects.bulk_create(Holiday(date=day, name=name) for day, name in _holidays())
    locations = Location.objects.bulk_create([*_warehouses(entity), *_stores(entity), *_others(entity)])
    Bin.objects.bulk_create(each for location in locations for each in _bins(location))
    SafetyStock.objects.create(quantity=1)
    SafetyStock.objects.bulk_create(
        SafetyStock(location=location, quantity=0) for location in locations if location.code in WAREHOUSES
    )


def _entity() -> LegalEntity:
    number = "1100056789"
    return LegalEntity.objects.create(
        code=ENTITY,
        name="Prelist d.o.o.",
        pib=pib_of("10987654"),
        registration_number="20876542",
        street="Terazije 27",
        city="Beograd",
        postal_code="11000",
        bank_account=f"265{number.zfill(13)}{account_control('265', number)}",
        email="racuni@prelist.example",
        fiscal_software_number="1425/1.0",
    )


def _holidays() -> list[tuple[date, str]]:
    """Days on which shops and carriers rest, with the moved ones: a holiday on Sunday frees the next working day."""
    days = [
        *((date(year, 1, 1), "Nova godina") for year in range(2025, 2029)),
        *((date(year, 1, 2), "Nova godina") for year in range(2025, 2029)),
        (date(2028, 1, 3), "Nova godina"),
        *((date(year, 1, 7), "Božić") for year in range(2025, 2029)),
        *((date(year, 2, day), "Dan državnosti") for year in (2025, 2026, 2027) for day in (15, 16)),
        (date(2025, 2, 17), "Dan državnosti"),
        (date(2026, 2, 17), "Dan državnosti"),
        *((date(year, 5, 1), "Praznik rada") for year in (2025, 2026)),
        *((date(year, 5, 2), "Praznik rada") for year in (2025, 2026)),
        (date(2027, 5, 4), "Praznik rada"),
        *((date(year, 11, 11), "Dan primirja") for year in (2025, 2026, 2027)),
    ]
    for friday in (date(2025, 4, 18), date(2026, 4, 10), date(2027, 4, 30)):
        days += [(friday + timedelta(days=offset), "Vaskrs") for offset in range(4)]
    return sorted(days)


def _warehouses(entity: LegalEntity) -> list[Location]:
    hours = {str(day): ["07:00", "21:00"] for day in range(6)}
    places = (
        ("WH-1", "Magacin Beograd", "Batajnički drum 14", "Beograd", "11080", 44.8830, 20.3160, 4000, 1600),
        ("WH-2", "Magacin Niš", "Bulevar 12. februara 89", "Niš", "18000", 43.3370, 21.8640, 2000, 800),
    )
    return [
        Location(
            code=code,
            name=name,
            kind=LocationKind.WAREHOUSE,
            entity=entity,
            street=street,
            city=city,
            postal_code=postal_code,
            latitude=latitude,
            longitude=longitude,
            phone="011 4004000",
            work_days=[0, 1, 2, 3, 4, 5],
            hours=hours,
            cutoff_time=time(17),
            capacity_units_per_day=units,
            capacity_lines_soft=lines,
            pick_cost_parcel=Decimal("40.00"),
            pick_cost_line=Decimal("15.00"),
            tariff_factor=Decimal("0.85"),
        )
        for code, name, street, city, postal_code, latitude, longitude, units, lines in places
    ]


def _stores(entity: LegalEntity) -> list[Location]:
    rng = generator("stores")
    cutoffs = rng.choice([11, 13, 14, 16], len(STORES), p=[0.15, 0.30, 0.35, 0.20])
    sizes = rng.lognormal(0, 0.4, len(STORES))
    return [
        Location(
            code=f"S-{number:03d}",
            name=_store_name(place),
            kind=LocationKind.STORE,
            entity=entity,
            street=place.street,
            city=place.city,
            postal_code=place.postal_code,
            latitude=place.latitude,
            longitude=place.longitude,
            phone=f"011 4004{number:03d}",
            work_days=list(range(7)) if place.population > 150_000 else list(range(6)),
            hours=_hours(place),
            cutoff_time=time(int(cutoff)),
            capacity_units_per_day=max(30, round(90 * size)),
            capacity_lines_soft=max(12, round(40 * size)),
            has_pickup=True,
            pick_cost_parcel=Decimal("90.00"),
            pick_cost_line=Decimal("45.00"),
        )
        for number, (place, cutoff, size) in enumerate(zip(STORES, cutoffs, sizes, strict=True), 1)
    ]


def _store_name(place: StorePlace) -> str:
    return place.name if place.name == place.city else f"{place.city}, {place.name}"


def _hours(place: StorePlace) -> dict[str, list[str]]:
    """Large towns every day until nine, the others until eight and a short Saturday."""
    if place.population > 150_000:
        return {str(day): ["09:00", "21:00"] if day < 6 else ["10:00", "20:00"] for day in range(7)}
    return {str(day): ["09:00", "20:00"] if day < 5 else ["09:00", "15:00"] for day in range(6)}


def _others(entity: LegalEntity) -> list[Location]:
    suppliers = [
        Location(
            code=code,
            name=name,
            kind=LocationKind.SUPPLIER,
            entity=entity,
            city=city,
            postal_code=postal_code,
        )
        for code, name, city, postal_code in SUPPLIERS
    ]
    transit = Location(
        code=TRANSIT, name="Na putu između objekata", kind=LocationKind.TRANSIT, entity=entity, city="Beograd"
    )
    return [*suppliers, transit]


def _bins(location: Location) -> list[Bin]:
    if location.kind == LocationKind.SUPPLIER:
        return []
    if location.kind == LocationKind.TRANSIT:
        return [Bin(location=location, code="PUT", zone="T", kind=BinKind.TRANSIT, is_default=True)]
    shelves = _warehouse_shelves(location) if location.code in WAREHOUSES else _store_shelves(location)
    shelves[0].is_default = True
    fixed = [
        Bin(location=location, code=code, zone=zone, kind=kind, pick_sequence=90_000, is_default=True)
        for kind, code, zone in FIXED_BINS
    ]
    return [*shelves, *fixed]


def _warehouse_shelves(location: Location) -> list[Bin]:
    """The picker walks each zone once, up one side of a rack and down the next."""
    return [
        Bin(
            location=location,
            code=f"{zone}-{rack:02d}-{level:02d}",
            zone=zone,
            pick_sequence=1000 * (number + 1) + 10 * rack + (level if rack % 2 else LEVELS + 1 - level),
        )
        for number, zone in enumerate(WAREHOUSE_ZONES[location.code])
        for rack in range(1, RACKS + 1)
        for level in range(1, LEVELS + 1)
    ]


def _store_shelves(location: Location) -> list[Bin]:
    return [
        Bin(location=location, code=f"P-{shelf:02d}", zone="P", pick_sequence=10 * shelf)
        for shelf in range(1, STORE_SHELVES + 1)
    ]
