"""The chain that trading days are played on: few titles with few units, so that orders meet each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from random import Random
from typing import Any

from django.contrib.auth.models import Group

from crm import operations as crm
from crm.models import Customer, Tier
from crm.operations import loyalty, open_account
from crm.states import CustomerKind
from oms.models import (
    Carrier,
    CarrierService,
    CarrierTariff,
    DeliveryMethod,
    DeliveryPostcode,
    DeliveryRate,
    DeliveryZone,
    Lane,
    RoutingRule,
)
from retail.kernel.models import LegalEntity, Location, User
from retail.sample.epub import make_epub
from storefront.models import Channel, KitComponent, Price, PriceList, Product, TaxRate, Variant
from storefront.operations import keep_file
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Bin, SafetyStock

# A Monday. In the past of any machine that runs this, so that what the database's own clock calls overdue is overdue.
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
WORK_DAYS = [0, 1, 2, 3, 4, 5]
HOURS = {str(day): ["08:00", "21:00"] for day in range(7)}
BINS = (
    ("A-01", "STORAGE", True),
    ("A-02", "STORAGE", False),
    ("PRIJEM", "RECEIVING", True),
    ("PAKOVANJE", "PACKING", True),
    ("OSTECENO", "DAMAGED", True),
    ("KARANTIN", "QUARANTINE", True),
)
# 1,259.00 at 10 % has no net base; 999.99 cannot be divided by three.
PRICES = ("1259.00", "999.99", "1100.00", "649.50", "2499.00", "390.00", "1799.90", "890.00")
PLACES = (
    ("WH-1", "Magacin Beograd", "WAREHOUSE", "Beograd", "11080"),
    ("WH-2", "Magacin Niš", "WAREHOUSE", "Niš", "18000"),
    ("S-001", "Novi Sad", "STORE", "Novi Sad", "21000"),
    ("S-002", "Niš", "STORE", "Niš", "18000"),
    ("S-003", "Beograd", "STORE", "Beograd", "11000"),
)
TOWNS = (("21000", "Novi Sad"), ("11000", "Beograd"), ("18000", "Niš"), ("24000", "Subotica"))
COMPANIES = (("Firma u SEF-u d.o.o.", "100000024", True), ("Firma van SEF-a d.o.o.", "100000016", False))
COMPANY_NUMBER = "20998873"
TITLES = 16
MEMBERS = 8
SUPPLIER_COST = Decimal("0.55")
# (login, role): who drafts a campaign, and who ratifies it.
MARKETING = (("mila", "MERCHANDISER"), ("dragan", "OPS_LEAD"))
TIERS = ((1, "clan", "0", "1.00"), (2, "srebrni", "4000", "1.50"), (3, "zlatni", "12000", "2.00"))
SEGMENTS = (
    ("clanovi", "member"),
    ("kupci", "orders(within: 90 days) >= 1"),
    ("verni", "tier >= 2 or spent(within: 30 days) > 5000"),
    ("novi", "not orders >= 2 and not returned"),
)


@dataclass
class World:
    entity: LegalEntity
    channels: list[Channel]
    places: dict[str, Location]
    supplier: Location
    people: dict[str, User]
    variants: list[Variant] = field(default_factory=list)
    kits: list[Variant] = field(default_factory=list)
    ebooks: list[Variant] = field(default_factory=list)
    costs: dict[int, Decimal] = field(default_factory=dict)
    members: list[Customer] = field(default_factory=list)
    # Returns whose goods their buyers keep after all.
    never_sent: set[str] = field(default_factory=set)

    @property
    def stores(self) -> list[Location]:
        return [place for place in self.places.values() if place.has_pickup]

    @property
    def everything(self) -> list[Variant]:
        return [*self.variants, *self.kits]


def build(rng: Random) -> World:
    entity = LegalEntity.objects.create(
        code="simulacija",
        name="Simulacija d.o.o.",
        pib="111911206",
        registration_number="21581399",
        street="Terazije 1",
        city="Beograd",
        postal_code="11000",
        bank_account="265-1660310005042-68",
        fiscal_software_number="999/1.0",
    )
    prices = PriceList.objects.create(code="rs", name="Cenovnik")
    channels = [
        Channel.objects.create(
            code=code, name=code, entity=entity, price_list=prices, is_held_in_basket=code != "api"
        )
        for code in ("web-rs", "api", "call-center")
    ]
    for tax_class, rate in (("BOOKS", "10.00"), ("STANDARD", "20.00"), ("EBOOKS", "20.00")):
        TaxRate.objects.create(tax_class=tax_class, rate=Decimal(rate), valid_from=date(2020, 1, 1))
    world = World(entity, channels, _places(entity), _supplier(entity), _people())
    _delivery(world)
    _companies()
    world.members += _members(world)
    _segments(world)
    _catalog(world, prices, rng)
    _first_delivery(world, rng)
    RoutingRule.objects.create(name="Male porudžbine", ratify_value_below=Decimal("3000.00"))
    return world


def _places(entity: LegalEntity) -> dict[str, Location]:
    places = {}
    for code, name, kind, city, postal_code in PLACES:
        is_store = kind == "STORE"
        place = Location.objects.create(
            code=code,
            name=name,
            kind=kind,
            entity=entity,
            street="Glavna 1",
            city=city,
            postal_code=postal_code,
            phone="+381114004000",
            work_days=WORK_DAYS,
            hours=HOURS,
            cutoff_time=time(16, 0),
            capacity_units_per_day=10_000,
            capacity_lines_soft=5_000,
            has_pickup=is_store,
            pick_cost_parcel=Decimal(90 if is_store else 40),
            pick_cost_line=Decimal(45 if is_store else 15),
            tariff_factor=Decimal("1.00" if is_store else "0.85"),
        )
        for sequence, (bin_code, bin_kind, is_default) in enumerate(BINS):
            Bin.objects.create(
                location=place, code=bin_code, kind=bin_kind, pick_sequence=sequence, is_default=is_default
            )
        SafetyStock.objects.create(location=place, quantity=1 if is_store else 0)
        places[code] = place
    return places


def _supplier(entity: LegalEntity) -> Location:
    return Location.objects.create(
        code="SUP-1", name="Distribucija", kind="SUPPLIER", entity=entity, city="Beograd"
    )


def _people() -> dict[str, User]:
    people = {
        name: User.objects.create_user(f"{name}@prelist.example", name=name.title(), is_staff=True)
        for name in ("bojan", "ceca", "dragan", "vesna", "mila")
    }
    for name, role in MARKETING:
        people[name].groups.add(Group.objects.get_or_create(name=role)[0])
    return people


def _delivery(world: World) -> None:
    services = []
    for position, (code, price) in enumerate((("post-express", "290.00"), ("d-express", "260.00"))):
        service = CarrierService.objects.create(
            carrier=Carrier.objects.create(code=code, name=code.title()),
            code=f"{code}-sutra",
            name="sutra",
            position=position,
            collect_days=[0, 1, 2, 3, 4],
            deliver_days=WORK_DAYS,
            cod_minimum=Decimal("30.00"),
        )
        for grams, factor in ((2_000, 1), (20_000, 2)):
            CarrierTariff.objects.create(
                service=service, weight_grams_to=grams, price_net=Decimal(price) * factor
            )
        services.append(service)
    for postal_code, name in TOWNS:
        zone = DeliveryZone.objects.create(code=postal_code[:2], name=name)
        DeliveryPostcode.objects.create(postal_code=postal_code, place=name, zone=zone, population=100_000)
        for place in world.places.values():
            for service in services:
                Lane.objects.create(
                    location=place, zone=zone, service=service, lead_days=1 if place.city == name else 2
                )
    methods: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("HOME_DELIVERY", "Kurir", {"amount": Decimal("290.00"), "free_from": Decimal("6000.00")}),
        ("STORE_PICKUP", "Preuzimanje", {"amount": Decimal("0.00")}),
        ("SHIP_TO_STORE", "Slanje u knjižaru", {"amount": Decimal("0.00")}),
    )
    for position, (code, name, rate) in enumerate(methods):
        method = DeliveryMethod.objects.create(code=code, name=name, is_orderable=True, position=position)
        for channel in world.channels:
            DeliveryRate.objects.create(method=method, channel=channel, valid_from=SINCE, **rate)


def _companies() -> None:
    for name, pib, is_registered in COMPANIES:
        Customer.objects.create(
            kind=CustomerKind.COMPANY,
            name=name,
            pib=pib,
            is_sef_registered=is_registered,
            sef_checked_at=START,
        )


def _members(world: World) -> list[Customer]:
    """Shoppers with an account; the others order as guests. All but the last collect points."""
    for rank, code, spend_from, factor in TIERS:
        Tier.objects.create(
            rank=rank, code=code, name=code, spend_from=Decimal(spend_from), earn_factor=Decimal(factor)
        )
    loyalty.save_program(
        currency="RSD",
        spend_per_point=Decimal("100.00"),
        point_value=Decimal("1.00"),
        expiry_months=1,
        window_months=12,
        burn_points_min=10,
        burn_percent_max=Decimal("50.00"),
        by=world.people["mila"],
        now=START,
    )
    found = []
    for number in range(1, MEMBERS + 1):
        login = User.objects.create_user(f"clan{number}@example.com", name=f"Član {number}")
        found.append(open_account(user=login, name=login.name, language="sr-latn", now=START))
    for member in found[:-1]:
        crm.join_program(customer_id=member.pk, now=START)
    return found


def _segments(world: World) -> None:
    for slug, definition in SEGMENTS:
        made = crm.create_segment(
            slug=slug, name=slug, definition=definition, by=world.people["mila"], now=START
        )
        crm.activate_segment(segment_id=made.pk, version=made.version, by=world.people["mila"], now=START)


def _catalog(world: World, prices: PriceList, rng: Random) -> None:
    for number in range(TITLES):
        tax_class = "STANDARD" if number % 4 == 3 else "BOOKS"
        variant = _variant(number, prices, Decimal(PRICES[number % len(PRICES)]), tax_class=tax_class)
        world.costs[variant.pk] = (Decimal(PRICES[number % len(PRICES)]) * SUPPLIER_COST).quantize(
            Decimal("0.0001")
        )
        world.variants.append(variant)
    for number in range(2):
        kit = _variant(900 + number, prices, Decimal("3333.33"), is_kit=True)
        for quantity, component in enumerate(rng.sample(world.variants, 2), start=1):
            KitComponent.objects.create(kit=kit, component=component, quantity=quantity)
        world.kits.append(kit)
    for number in range(2):
        book = _variant(950 + number, prices, Decimal(PRICES[number]), tax_class="EBOOKS")
        keep_file(variant_id=book.pk, content=make_epub(name=book.sku, title=book.sku), by=None, now=START)
        world.ebooks.append(book)


def _variant(
    number: int, prices: PriceList, amount: Decimal, *, tax_class: str = "BOOKS", is_kit: bool = False
) -> Variant:
    product = Product.objects.create(
        slug=f"naslov-{number}",
        title=f"Naslov {number}",
        sort_title=f"naslov {number:03d}",
        status="PUBLISHED",
        published_at=SINCE,
    )
    variant = Variant.objects.create(
        product=product,
        sku=f"97886000{number:05d}",
        barcode="" if is_kit else f"97886000{number:05d}",
        tax_class=tax_class,
        weight_grams=300 + 40 * (number % 10),
        is_kit=is_kit,
    )
    Price.objects.create(variant=variant, price_list=prices, amount=amount, valid_from=SINCE)
    return variant


def _first_delivery(world: World, rng: Random) -> None:
    """What lies on the shelves came from the supplier, through the door, with its entries."""
    for place in world.places.values():
        ordered = [
            stock.OrderedLine(variant.pk, rng.randint(6, 24), world.costs[variant.pk])
            for variant in world.variants
            if place.kind == "WAREHOUSE" or rng.random() < 0.6
        ]
        order = stock.create_purchase_order(
            supplier_id=world.supplier.pk,
            location_id=place.pk,
            lines=ordered,
            by=world.people["bojan"],
            now=START,
        )
        goods.receive_goods(
            purchase_order_id=order.pk,
            lines=[stock.ReceivedLine(line.variant_id, line.quantity) for line in ordered],
            by=world.people["bojan"],
            now=START,
        )
        for line in ordered:
            put_away_all(world, place, line.variant_id, line.quantity, rng, START)


def put_away_all(
    world: World, place: Location, variant_id: int, quantity: int, rng: Random, now: datetime
) -> None:
    """From the receiving bin to one or both shelves."""
    shelves = list(Bin.objects.filter(location=place, kind="STORAGE").order_by("pk"))
    first = quantity if rng.random() < 0.6 else rng.randint(0, quantity)
    for shelf, units in zip(shelves, (first, quantity - first), strict=True):
        if units:
            stock.put_away(
                location_id=place.pk,
                variant_id=variant_id,
                quantity=units,
                to_bin_id=shelf.pk,
                by=world.people["bojan"],
                now=now,
            )
