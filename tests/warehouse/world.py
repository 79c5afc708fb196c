"""A small chain to act in: two warehouses, three stores, and rows in the shortest legal way.

Stock is laid down with imported moves, so that `on_hand = sum of moves` holds from the first unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from finance.models import StockValue
from oms.models import Basket, BasketLine, Order, OrderLine
from retail.kernel.models import LegalEntity, Location, User
from storefront.models import Category, Channel, KitComponent, PriceList, Product, Variant
from warehouse.models import Bin, Reservation, StockItem, StockMove

NOW = datetime(2026, 12, 2, 9, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=20)
UNIT_COST = Decimal("400.00")
_serial = count(1)


@dataclass
class World:
    entity: LegalEntity
    channel: Channel
    bojan: User
    locations: dict[str, Location] = field(default_factory=dict)
    bins: dict[tuple[str, str], Bin] = field(default_factory=dict)

    # -- Rows --------------------------------------------------------------------------------------------------

    def variant(self, sku: str = "", *, weight_grams: int = 300, category: Category | None = None) -> Variant:
        number = next(_serial)
        product = Product.objects.create(
            slug=f"title-{number}", title=f"Title {number}", status="PUBLISHED", main_category=category
        )
        return Variant.objects.create(
            product=product,
            sku=sku or f"SKU-{number:05d}",
            barcode=f"{9780000000000 + number}",
            weight_grams=weight_grams,
        )

    def kit(self, *parts: tuple[Variant, int]) -> Variant:
        kit = self.variant()
        kit.is_kit = True
        kit.save()
        for component, quantity in parts:
            KitComponent.objects.create(kit=kit, component=component, quantity=quantity)
        return kit

    def stock(self, variant: Variant, place: str, units: int, *, bin_code: str = "A-01") -> StockItem:
        """Lay units into a bin."""
        bin_ = self.bin(place, bin_code)
        item, _ = StockItem.objects.get_or_create(
            variant=variant, bin=bin_, defaults={"location": bin_.location, "is_sellable": True}
        )
        item.refresh_from_db()
        item.on_hand += units
        item.save(update_fields=["on_hand"])
        if units:
            StockMove.objects.create(
                variant=variant,
                to_bin=bin_,
                quantity=units,
                entity=self.entity,
                reason="OPENING",
                document_kind="opening",
                document_key="opening",
                is_imported=True,
                created_at=NOW,
            )
            worth, _ = StockValue.objects.get_or_create(entity=self.entity, variant=variant)
            worth.quantity += units
            worth.value += UNIT_COST * units
            worth.save(update_fields=["quantity", "value"])
        return item

    def bin(self, place: str, code: str, kind: str = "STORAGE", *, pick_sequence: int = 0) -> Bin:
        if (place, code) not in self.bins:
            self.bins[place, code] = Bin.objects.create(
                location=self.locations[place], code=code, kind=kind, pick_sequence=pick_sequence
            )
        return self.bins[place, code]

    def basket(self, *, client_hash: str = "", channel: Channel | None = None) -> Basket:
        return Basket.objects.create(
            channel=channel or self.channel, client_hash=client_hash, created_at=NOW, touched_at=NOW
        )

    def line(self, basket: Basket, variant: Variant, quantity: int = 1) -> BasketLine:
        return BasketLine.objects.create(
            basket=basket, variant=variant, quantity=quantity, price_seen=Decimal("990.00")
        )

    def order(
        self,
        *wanted: tuple[Variant, int],
        method: str = "HOME_DELIVERY",
        payment: str = "CASH_ON_DELIVERY",
        status: str = "PLACED",
        pickup: str = "",
        promised_at: datetime | None = None,
    ) -> Order:
        number = next(_serial)
        total = Decimal("990.00") * sum(quantity for _, quantity in wanted)
        order = Order.objects.create(
            number=f"ORD-2026-{number:06d}",
            channel=self.channel,
            entity=self.entity,
            status=status,
            delivery_method=method,
            pickup_location=self.locations[pickup] if pickup else None,
            payment_method=payment,
            goods_total=total,
            total=total,
            due_total=total,
            name="Ana Anić",
            email="ana@example.com",
            phone="+381601234567",
            street="Glavna 1",
            city="Novi Sad",
            postal_code="21000",
            placed_at=NOW,
            promised_at=promised_at,
        )
        for position, (variant, quantity) in enumerate(wanted, start=1):
            OrderLine.objects.create(
                order=order,
                position=position,
                variant=variant,
                sku=variant.sku,
                title=variant.product.title,
                quantity=quantity,
                unit_price=Decimal("990.00"),
                total=Decimal("990.00") * quantity,
                tax_class="BOOKS",
                tax_rate=Decimal("10.00"),
                weight_grams=variant.weight_grams,
                ordered_at=NOW,
            )
        return order


def build() -> World:
    number = next(_serial)
    entity = LegalEntity.objects.create(
        code=f"chain-{number}",
        name="Knjižara d.o.o.",
        pib="100000024",
        registration_number="17000001",
        street="Glavna 1",
        city="Beograd",
        postal_code="11000",
        bank_account="265000000000000063",
    )
    prices = PriceList.objects.create(code=f"web-{number}", name="Web")
    channel = Channel.objects.create(code=f"web-{number}", name="Web", entity=entity, price_list=prices)
    bojan = User.objects.create_user(f"bojan-{number}@example.com", name="Bojan")
    world = World(entity, channel, bojan)
    for code, kind in (
        ("WH-1", "WAREHOUSE"),
        ("WH-2", "WAREHOUSE"),
        ("S-001", "STORE"),
        ("S-002", "STORE"),
        ("S-003", "STORE"),
    ):
        world.locations[code] = Location.objects.create(
            code=code,
            name=code,
            kind=kind,
            entity=entity,
            city="Beograd",
            postal_code="11000",
            work_days=[0, 1, 2, 3, 4],
            hours={str(day): ["09:00", "21:00"] for day in range(6)} if kind == "STORE" else {},
            has_pickup=kind == "STORE",
        )
        for bin_code, bin_kind in (
            ("A-01", "STORAGE"),
            ("RECEIVING", "RECEIVING"),
            ("PACKING", "PACKING"),
            ("DAMAGED", "DAMAGED"),
            ("QUARANTINE", "QUARANTINE"),
        ):
            world.bins[code, bin_code] = Bin.objects.create(
                location=world.locations[code], code=bin_code, kind=bin_kind, is_default=True
            )
    return world


def levels(*items: StockItem) -> list[tuple[int, int]]:
    """(on hand, reserved) as they are in the database now."""
    rows = StockItem.objects.in_bulk([item.pk for item in items])
    return [(rows[item.pk].on_hand, rows[item.pk].reserved) for item in items]


def live_claims() -> list[tuple[str, str, int, str]]:
    """(SKU, location, quantity, state) of all claims that still count."""
    return sorted(
        Reservation.objects.exclude(state__in=["RELEASED", "DISPATCHED"]).values_list(
            "variant__sku", "location__code", "quantity", "state"
        )
    )
