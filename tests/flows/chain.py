"""A small chain for whole stories: a warehouse, a store with pickup, lanes to Novi Sad and Beograd, prices, taxes, stock in the books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

from finance import operations as finance
from oms.models import (
    Basket,
    Carrier,
    CarrierService,
    CarrierTariff,
    DeliveryMethod,
    DeliveryPostcode,
    DeliveryRate,
    DeliveryZone,
    Lane,
    Order,
)
from oms.workflows import baskets, placing
from oms.workflows.checkout import Checkout
from retail.kernel.models import LegalEntity, Location, User
from storefront.models import Channel, Price, PriceList, Product, TaxRate, Variant
from warehouse.models import Bin, StockItem, StockMove

# A Wednesday, 10:00 in Beograd.
NOW = datetime(2026, 12, 2, 9, 0, tzinfo=UTC)
WEEK = [0, 1, 2, 3, 4, 5]
HOURS = {str(day): ["09:00", "21:00"] for day in range(6)}
_serial = count(1)


@dataclass
class Chain:
    entity: LegalEntity
    channel: Channel
    warehouse: Location
    store: Location
    dragan: User
    bojan: User
    services: list[CarrierService] = field(default_factory=list)

    def variant(
        self,
        *,
        price: str = "1000.00",
        stock: int = 10,
        store_stock: int = 0,
        tax: str = "BOOKS",
        grams: int = 400,
    ) -> Variant:
        """A published title with a price, and units that the books know."""
        n = next(_serial)
        product = Product.objects.create(
            slug=f"naslov-{n}",
            title=f"Naslov {n}",
            status="PUBLISHED",
            published_at=NOW,
            sort_title=f"naslov {n}",
        )
        variant = Variant.objects.create(
            product=product,
            sku=f"9788600{n:06d}",
            barcode=f"9788600{n:06d}",
            tax_class=tax,
            weight_grams=grams,
        )
        Price.objects.create(
            variant=variant,
            price_list=self.channel.price_list,
            amount=Decimal(price),
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for place, units in ((self.warehouse, stock), (self.store, store_stock)):
            if units:
                self.lay(variant, place, units)
        return variant

    def lay(self, variant: Variant, place: Location, units: int, *, cost: str = "400.00") -> StockItem:
        bin_ = Bin.objects.get(location=place, kind="STORAGE", is_default=True)
        posted = finance.post_opening_stock(
            entity_id=self.entity.pk,
            document_key=f"{variant.sku}-{place.code}-{next(_serial)}",
            items=[(variant.pk, units, Decimal(cost) * units)],
            by=None,
            now=NOW,
        )
        item, _ = StockItem.objects.get_or_create(
            variant=variant, bin=bin_, defaults={"location": place, "is_sellable": True}
        )
        StockItem.objects.filter(pk=item.pk).update(on_hand=item.on_hand + units)
        StockMove.objects.create(
            variant=variant,
            to_bin=bin_,
            quantity=units,
            entity=self.entity,
            reason="OPENING",
            value=posted.values[0],
            document_kind="opening",
            document_key=variant.sku,
            entry_id=posted.entry_id,
        )
        item.refresh_from_db()
        return item

    def basket(self, *wanted: tuple[Variant, int], now: datetime = NOW) -> Basket:
        basket = baskets.create_basket(channel_code=self.channel.code, now=now, postal_code="21000")
        for variant, quantity in wanted:
            baskets.add_line(token=basket.token, sku=variant.sku, quantity=quantity, now=now)
        return basket

    def checkout(self, basket: Basket, **changes: Any) -> Checkout:
        usual: dict[str, Any] = {
            "basket_token": basket.token,
            "email": "ana@example.com",
            "name": "Ana Anić",
            "phone": "+381601112223",
            "delivery_method": "HOME_DELIVERY",
            "payment_method": "CASH_ON_DELIVERY",
            "street": "Dunavska 1",
            "city": "Novi Sad",
            "postal_code": "21000",
            "idempotency_caller": "test",
            "idempotency_key": f"key-{next(_serial)}",
        }
        return Checkout(**{**usual, **changes})

    def place(self, *wanted: tuple[Variant, int], now: datetime = NOW, **changes: Any) -> Order:
        basket = self.basket(*wanted, now=now)
        return placing.place_order(checkout=self.checkout(basket, **changes), by=None, now=now).order


def make_chain() -> Chain:
    """Prelist in small. Everything is what load_sample makes, only less of it."""
    entity = LegalEntity.objects.create(
        code="prelist",
        name="Prelist d.o.o.",
        pib="111911206",
        registration_number="21581399",
        street="Terazije 1",
        city="Beograd",
        postal_code="11000",
        bank_account="265-1660310005042-68",
        fiscal_software_number="999/1.0",
    )
    prices = PriceList.objects.create(code="web", name="Veb Srbija")
    channel = Channel.objects.create(code="web-rs", name="Veb", entity=entity, price_list=prices)
    for tax_class, rate in (("BOOKS", "10.00"), ("STANDARD", "20.00"), ("EBOOKS", "20.00")):
        TaxRate.objects.create(tax_class=tax_class, rate=Decimal(rate), valid_from=date(2020, 1, 1))
    shared: dict[str, Any] = {
        "entity": entity,
        "work_days": WEEK,
        "hours": HOURS,
        "cutoff_time": time(15, 0),
        "capacity_units_per_day": 10_000,
        "capacity_lines_soft": 5_000,
    }
    warehouse = Location.objects.create(
        code="WH-1",
        name="Magacin",
        kind="WAREHOUSE",
        city="Beograd",
        pick_cost_parcel=40,
        pick_cost_line=15,
        tariff_factor=Decimal("0.85"),
        **shared,
    )
    store = Location.objects.create(
        code="S-001",
        name="Novi Sad, Dunavska",
        kind="STORE",
        city="Novi Sad",
        has_pickup=True,
        pick_cost_parcel=90,
        pick_cost_line=45,
        **shared,
    )
    for place in (warehouse, store):
        kinds = (
            ("A-01", "STORAGE"),
            ("R-01", "RECEIVING"),
            ("P-01", "PACKING"),
            ("D-01", "DAMAGED"),
            ("Q-01", "QUARANTINE"),
        )
        for sequence, (code, kind) in enumerate(kinds):
            Bin.objects.create(location=place, code=code, kind=kind, pick_sequence=sequence, is_default=True)
    services = _carriers(warehouse, store)
    for position, (code, name, is_orderable) in enumerate(
        (
            ("HOME_DELIVERY", "Kurir", True),
            ("STORE_PICKUP", "Preuzimanje", True),
            ("PARCEL_LOCKER", "Paketomat", False),
        )
    ):
        method = DeliveryMethod.objects.create(
            code=code, name=name, is_orderable=is_orderable, position=position
        )
        amount = Decimal("290.00") if code == "HOME_DELIVERY" else Decimal("0.00")
        DeliveryRate.objects.create(
            method=method,
            channel=channel,
            amount=amount,
            free_from=Decimal("4000.00"),
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        )
    dragan, bojan = (
        User.objects.create_user(f"{name}@prelist.example", name=name.title(), is_staff=True)
        for name in ("dragan", "bojan")
    )
    return Chain(entity, channel, warehouse, store, dragan, bojan, services)


def _carriers(warehouse: Location, store: Location) -> list[CarrierService]:
    services = []
    for position, (code, price) in enumerate((("post-express", "290.00"), ("d-express", "260.00"))):
        carrier = Carrier.objects.create(code=code, name=code.title())
        service = CarrierService.objects.create(
            carrier=carrier,
            code=f"{code}-next-day",
            name="sutra",
            position=position,
            collect_days=[0, 1, 2, 3, 4],
            deliver_days=WEEK,
            cod_minimum=Decimal("30.00"),
        )
        for grams, factor in ((2_000, 1), (20_000, 2)):
            CarrierTariff.objects.create(
                service=service, weight_grams_to=grams, price_net=Decimal(price) * factor
            )
        services.append(service)
    for code, place in (("21000", "Novi Sad"), ("11000", "Beograd")):
        zone = DeliveryZone.objects.create(code=code[:2], name=place)
        DeliveryPostcode.objects.create(postal_code=code, place=place, zone=zone, population=100_000)
        for location in (warehouse, store):
            for service in services:
                Lane.objects.create(location=location, zone=zone, service=service, lead_days=1)
    return services
