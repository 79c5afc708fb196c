"""Rows to act on, made in the shortest legal way; whoever needs more passes it. Goods have a value in the books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from crm.models import Customer
from finance import operations as finance
from finance.rules import Goods, Sold
from oms.models import Carrier, CarrierService, Order, OrderLine, Return, ReturnLine
from oms.states import DeliveryKind, LineKind, OrderStatus, PaperKind, PaymentMethod
from retail.kernel.models import LegalEntity, Location, User
from storefront.models import Channel, Price, PriceList, Product, TaxRate, Variant
from warehouse.models import Bin, Parcel, Shipment, StockItem, StockMove

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = NOW.date()
_serial = count(1)
RATES = {"BOOKS": Decimal("10.00"), "STANDARD": Decimal("20.00"), "EXEMPT": Decimal("0.00")}


def money(text: str | int) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


def make_user(name: str = "Ceca") -> User:
    return User.objects.create_user(f"{name.lower()}-{next(_serial)}@example.com", name=name)


def make_entity(**values: Any) -> LegalEntity:
    number = next(_serial)
    defaults = {
        "code": f"knjiga-{number}",
        "name": "Knjižara Proba d.o.o.",
        "pib": "111911206",
        "registration_number": "21581399",
        "street": "Knez Mihailova 1",
        "city": "Beograd",
        "postal_code": "11000",
        "bank_account": "265-1660310005042-68",
    }
    return LegalEntity.objects.create(**{**defaults, **values})


def make_location(entity: LegalEntity, *, code: str = "", kind: str = "WAREHOUSE", **values: Any) -> Location:
    location = Location.objects.create(
        code=code or f"L-{next(_serial)}", name="Magacin", kind=kind, entity=entity, city="Beograd", **values
    )
    Bin.objects.create(location=location, code="A-01", kind="STORAGE", is_default=True)
    return location


def make_channel(entity: LegalEntity, *, code: str = "") -> Channel:
    number = next(_serial)
    prices = PriceList.objects.create(code=f"list-{number}", name="Web")
    return Channel.objects.create(code=code or f"web-{number}", name="Web", entity=entity, price_list=prices)


def make_variant(
    *, tax_class: str = "BOOKS", price: str = "1000.00", channel: Channel | None = None
) -> Variant:
    number = next(_serial)
    TaxRate.objects.get_or_create(
        tax_class=tax_class, country="RS", valid_from="2020-01-01", defaults={"rate": RATES[tax_class]}
    )
    product = Product.objects.create(slug=f"knjiga-{number}", title=f"Knjiga {number}", status="PUBLISHED")
    variant = Variant.objects.create(
        product=product,
        sku=f"SKU-{number:05d}",
        barcode=f"{9780000000000 + number}",
        tax_class=tax_class,
        weight_grams=300,
    )
    if channel is not None:
        Price.objects.create(
            variant=variant,
            price_list=channel.price_list,
            amount=money(price),
            valid_from=NOW - timedelta(days=60),
        )
    return variant


def make_customer(**values: Any) -> Customer:
    defaults = {"name": "Ana Anić", "email": "ana@example.com", "phone": "+381601234567"}
    return Customer.objects.create(**{**defaults, **values})


def stock_up(location: Location, variant: Variant, units: int, *, cost: str = "600.00") -> StockItem:
    """Units on the shelf with their value in the books: on hand, move, stock value and ledger agree."""
    posted = finance.post_opening_stock(
        entity_id=location.entity_id,
        document_key=f"opening-{next(_serial)}",
        items=[(variant.pk, units, money(cost) * units)],
        by=None,
        now=NOW,
    )
    shelf = Bin.objects.get(location=location, kind="STORAGE", is_default=True)
    item, _ = StockItem.objects.get_or_create(
        variant=variant, bin=shelf, defaults={"location": location, "is_sellable": True}
    )
    item.on_hand += units
    item.save(update_fields=["on_hand"])
    StockMove.objects.create(
        variant=variant,
        to_bin=shelf,
        quantity=units,
        entity_id=location.entity_id,
        value=posted.values[0],
        reason="OPENING",
        document_kind="opening",
        document_key="opening",
        entry_id=posted.entry_id,
        created_at=NOW,
    )
    return item


@dataclass(frozen=True)
class Sells:
    """One line of an order: units, the gross of all of them, and the VAT class."""

    quantity: int
    total: str
    tax_class: str = "BOOKS"


def make_order(
    channel: Channel,
    *lines: Sells | tuple[Variant, int, str],
    delivery: str = "0.00",
    method: str = PaymentMethod.CARD,
    paper: str = PaperKind.FISCAL,
    status: str = OrderStatus.PENDING_PAYMENT,
    delivery_method: str = DeliveryKind.HOME_DELIVERY,
    **values: Any,
) -> Order:
    """An order with goods lines (new variants for `Sells`) and a delivery line when it costs something."""
    number = next(_serial)
    rows: list[tuple[Variant, int, Decimal]] = []
    for line in lines:
        if isinstance(line, Sells):
            rows.append((make_variant(tax_class=line.tax_class), line.quantity, money(line.total)))
        else:
            rows.append((line[0], line[1], money(line[2])))
    goods, fee = sum((total for _, _, total in rows), Decimal("0.00")), money(delivery)
    is_company = paper != PaperKind.FISCAL
    defaults = {
        "number": f"ORD-2026-{number:06d}",
        "entity": channel.entity,
        "name": "Ana Anić",
        "email": "ana@example.com",
        "phone": "+381601234567",
        "street": "Glavna 1",
        "city": "Novi Sad",
        "postal_code": "21000",
        "company_name": "Firma d.o.o." if is_company else "",
        "company_pib": "100000024" if is_company else "",
        "placed_at": NOW,
    }
    order = Order.objects.create(
        channel=channel,
        status=status,
        payment_method=method,
        paper=paper,
        delivery_method=delivery_method,
        goods_total=goods,
        delivery_total=fee,
        total=goods + fee,
        due_total=goods + fee,
        **{**defaults, **values},
    )
    for position, (variant, quantity, total) in enumerate(rows, start=1):
        OrderLine.objects.create(
            order=order,
            position=position,
            variant=variant,
            sku=variant.sku,
            title=variant.product.title,
            quantity=quantity,
            unit_price=(total / quantity).quantize(Decimal("0.01")),
            total=total,
            tax_class=variant.tax_class,
            tax_rate=RATES[variant.tax_class],
            ordered_at=NOW,
        )
    if fee:
        OrderLine.objects.create(
            order=order,
            position=len(rows) + 1,
            kind=LineKind.DELIVERY,
            title="Dostava",
            quantity=1,
            unit_price=fee,
            total=fee,
            tax_rate=max(RATES[variant.tax_class] for variant, _, _ in rows),
            ordered_at=NOW,
        )
    return order


def goods_lines(order: Order) -> list[OrderLine]:
    return list(order.lines.filter(kind=LineKind.GOODS).order_by("position"))


def make_shipment(order: Order, location: Location, *, tracking: str = "", cod: str = "0.00") -> Shipment:
    """A packed parcel; without tracking it is handed over at the counter."""
    number = next(_serial)
    service = None
    if tracking:
        carrier, _ = Carrier.objects.get_or_create(code="kurir", defaults={"name": "Kurir"})
        service, _ = CarrierService.objects.get_or_create(
            carrier=carrier, code="kurir-danas", defaults={"name": "Danas", "position": 1}
        )
    shipment = Shipment.objects.create(
        number=f"SH-{number:06d}",
        order=order,
        location=location,
        method=order.delivery_method,
        service=service,
        cod_amount=money(cod),
        is_packed=True,
    )
    if tracking:
        Parcel.objects.create(
            shipment=shipment,
            number=f"PA-{number:06d}",
            weight_grams=640,
            cod_amount=money(cod),
            tracking_number=tracking,
        )
    return shipment


def goods_of(wanted: list[tuple[OrderLine, int]]) -> tuple[list[Goods], list[Sold]]:
    goods = [Goods(line.pk, line.variant_id or 0, units) for line, units in wanted]
    return goods, [Sold(line.pk, units) for line, units in wanted]


def make_return(order: Order, wanted: list[tuple[OrderLine, int]], *, buyer_id: str = "123456789") -> Return:
    number = next(_serial)
    made = Return.objects.create(number=f"RET-2026-{number:06d}", order=order)
    for line, units in wanted:
        ReturnLine.objects.create(parent=made, order_line=line, quantity=units, reason="DAMAGED")
    if buyer_id:
        finance.record_buyer_id(return_id=made.pk, kind="20", number=buyer_id, by=None, now=NOW)
        made.refresh_from_db()
    return made
