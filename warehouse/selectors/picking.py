"""What is to be done in a place, and what a scan means."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Min, Q, Sum

from oms.states import OrderStatus
from storefront import selectors as catalog
from storefront.models import Variant
from warehouse.models import Bin, Reservation, Shipment, StockItem
from warehouse.states import BinKind, ReservationState, ShipmentStatus

WORKABLE = (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT)


@dataclass(frozen=True, slots=True)
class PickTask:
    """One stop of the picker: so many units of a variant in one bin, for one shipment."""

    claim_id: int
    shipment_id: int
    shipment_number: str
    order_number: str
    method: str
    planned_on: date | None
    bin: str
    zone: str
    pick_sequence: int
    variant_id: int
    sku: str
    barcode: str
    title: str
    quantity: int
    on_hand: int


@dataclass(frozen=True, slots=True)
class ShipmentTask:
    """A shipment on its way through the place, with its units by state."""

    shipment_id: int
    number: str
    order_number: str
    customer: str
    method: str
    service: str | None
    planned_on: date | None
    is_packed: bool
    packed_at: datetime | None
    to_pick: int
    picked: int
    packed: int
    lines: int


@dataclass(frozen=True, slots=True)
class PutBackTask:
    claim_id: int
    order_number: str
    variant_id: int
    sku: str
    barcode: str
    title: str
    quantity: int
    bin: str
    picked_from: str | None


@dataclass(frozen=True, slots=True)
class PutAwayTask:
    """Received units that wait for a shelf; `home` is the storage bin that holds the variant already."""

    stock_item_id: int
    variant_id: int
    sku: str
    barcode: str
    title: str
    quantity: int
    bin: str
    home: str | None


def pick_queue(*, location_id: int, shipment_id: int | None = None, limit: int = 500) -> list[PickTask]:
    """Open picks of the place, or of one shipment, in the order of the walk."""
    claims = Reservation.objects.filter(
        location_id=location_id,
        state=ReservationState.ALLOCATED,
        shipment__status=ShipmentStatus.READY,
        order_line__order__status__in=WORKABLE,
    )
    if shipment_id is not None:
        claims = claims.filter(shipment_id=shipment_id)
    rows = claims.order_by(
        "stock_item__bin__pick_sequence", "stock_item__bin__code", "variant__sku", "id"
    ).values_list(
        "id",
        "shipment_id",
        "shipment__number",
        "order_line__order__number",
        "shipment__method",
        "shipment__planned_on",
        "stock_item__bin__code",
        "stock_item__bin__zone",
        "stock_item__bin__pick_sequence",
        "variant_id",
        "variant__sku",
        "variant__barcode",
        "variant__product__title",
        "quantity",
        "stock_item__on_hand",
    )
    return [PickTask(*row) for row in rows[:limit]]


def shipment_queue(*, location_id: int, limit: int = 200) -> list[ShipmentTask]:
    """Shipments that are still here, the earliest plan first."""
    state = "claims__state"
    units = {
        "to_pick": Q(**{state: ReservationState.ALLOCATED}),
        "picked": Q(**{state: ReservationState.PICKED}),
        "packed": Q(**{state: ReservationState.PACKED}),
    }
    rows = (
        Shipment.objects.filter(
            location_id=location_id, status=ShipmentStatus.READY, order__status__in=WORKABLE
        )
        .annotate(
            **{name: Sum("claims__quantity", filter=which, default=0) for name, which in units.items()},
            lines=Count("claims__order_line", distinct=True),
        )
        .order_by("planned_on", "id")
        .values_list(
            "id",
            "number",
            "order__number",
            "order__name",
            "method",
            "service__code",
            "planned_on",
            "is_packed",
            "packed_at",
            "to_pick",
            "picked",
            "packed",
            "lines",
        )
    )
    return [ShipmentTask(*row) for row in rows[:limit]]


def put_back_queue(*, location_id: int) -> list[PutBackTask]:
    rows = Reservation.objects.filter(
        location_id=location_id, is_put_back=True, state=ReservationState.PICKED
    ).order_by("picked_from__pick_sequence", "id")
    return [
        PutBackTask(*row)
        for row in rows.values_list(
            "id",
            "order_line__order__number",
            "variant_id",
            "variant__sku",
            "variant__barcode",
            "variant__product__title",
            "quantity",
            "stock_item__bin__code",
            "picked_from__code",
        )
    ]


def put_away_queue(*, location_id: int) -> list[PutAwayTask]:
    """What lies in receiving, with the shelf where more of it stands."""
    waiting = list(
        StockItem.objects.filter(location_id=location_id, bin__kind=BinKind.RECEIVING, on_hand__gt=0)
        .order_by("variant__sku")
        .values_list(
            "id",
            "variant_id",
            "variant__sku",
            "variant__barcode",
            "variant__product__title",
            "on_hand",
            "bin__code",
        )
    )
    homes = dict(
        StockItem.objects.filter(
            location_id=location_id, bin__kind=BinKind.STORAGE, variant_id__in=[row[1] for row in waiting]
        )
        .values("variant_id")
        .annotate(home=Min("bin__code"))
        .values_list("variant_id", "home")
    )
    return [PutAwayTask(*row, homes.get(row[1])) for row in waiting]


def scanned_variant(code: str) -> Variant | None:
    """A SKU or barcode as any scanner or hand gives it."""
    return catalog.variant_by_code(code)


def scanned_bin(*, location_id: int, code: str) -> Bin | None:
    return Bin.objects.filter(location_id=location_id, code__iexact=code.strip()).first()


def scanned_shipment(*, code: str, location_ids: Iterable[int] | None = None) -> Shipment | None:
    """A shipment by its number or by the number or tracking code of one of its parcels."""
    wanted = code.strip()
    rows = Shipment.objects.filter(
        Q(number__iexact=wanted)
        | Q(parcels__number__iexact=wanted)
        | Q(parcels__tracking_number=wanted)
        | Q(parcels__tracking_barcode=wanted)
    )
    if location_ids is not None:
        rows = rows.filter(location_id__in=list(location_ids))
    return rows.distinct().first() if wanted else None
