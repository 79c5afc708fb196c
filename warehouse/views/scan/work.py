"""What waits at a place, task by task."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from oms.states import DeliveryKind, OrderStatus
from retail.kernel.clock import business_date
from retail.kernel.models import Location, User
from warehouse.models import PurchaseOrder, Reservation, Shipment, StockItem, Transfer
from warehouse.states import (
    CLAIMING,
    UNDER_WAY,
    BinKind,
    PurchaseOrderStatus,
    ReservationState,
    ShipmentStatus,
    TransferStatus,
)

UNPICKED = (ReservationState.HELD, ReservationState.ALLOCATED)
WORKABLE = (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT)
BOXES = "ABCDE"


def shipments_here(place: Location) -> QuerySet[Any]:
    """Shipments that have not left, with units left to pick, units picked, and who picks; the earliest promise first."""
    live = Q(claims__is_put_back=False)
    return (
        Shipment.objects.filter(location=place, status=ShipmentStatus.READY, order__status__in=WORKABLE)
        .annotate(
            left=Coalesce(Sum("claims__quantity", filter=live & Q(claims__state__in=UNPICKED)), 0),
            picked=Coalesce(
                Sum("claims__quantity", filter=live & Q(claims__state=ReservationState.PICKED)), 0
            ),
            picker_id=Max("claims__picker_id", filter=live & Q(claims__state__in=UNPICKED)),
        )
        .select_related("order", "service__carrier")
        .order_by(F("order__promised_at").asc(nulls_last=True), F("planned_on").asc(nulls_last=True), "pk")
    )


def for_now(waiting: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    """Shipments that may leave today."""
    return waiting.exclude(_is_later(now))


def for_later(waiting: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    """Shipments whose buyers chose a day that has not come yet, the next day first."""
    return waiting.filter(_is_later(now)).order_by("planned_on", "pk")


def _is_later(now: datetime) -> Q:
    return Q(order__wanted_on__isnull=False, planned_on__gt=business_date(now))


def to_pick(place: Location) -> QuerySet[Any]:
    return shipments_here(place).filter(is_packed=False, left__gt=0)


def to_pack(place: Location) -> QuerySet[Any]:
    """What is picked whole; an order of which a part is still coming from another place waits for it."""
    coming = Reservation.objects.filter(
        order_line__order=OuterRef("order"), shipment__isnull=True, state__in=CLAIMING, is_put_back=False
    )
    whole = ~Q(order__delivery_method=DeliveryKind.SHIP_TO_STORE) | ~Exists(coming)
    return shipments_here(place).filter(whole, is_packed=False, left=0, picked__gt=0)


def to_dispatch(place: Location) -> QuerySet[Any]:
    return shipments_here(place).filter(is_packed=True).exclude(method=DeliveryKind.STORE_PICKUP)


def to_hand_over(place: Location) -> QuerySet[Any]:
    return shipments_here(place).filter(is_packed=True, method=DeliveryKind.STORE_PICKUP)


def to_put_back(place: Location) -> QuerySet[Reservation]:
    return (
        Reservation.objects.filter(location=place, is_put_back=True, state=ReservationState.PICKED)
        .select_related("variant__product", "picked_from", "order_line__order")
        .order_by("picked_from__pick_sequence", "pk")
    )


def to_put_away(place: Location) -> QuerySet[StockItem]:
    """Units in receiving bins that nobody has claimed."""
    return (
        StockItem.objects.filter(
            location=place, bin__kind=BinKind.RECEIVING, bin__is_default=True, on_hand__gt=F("reserved")
        )
        .select_related("variant__product", "bin")
        .order_by("variant__product__title")
    )


def to_receive(place: Location) -> QuerySet[Any]:
    return (
        PurchaseOrder.objects.filter(
            location=place, status__in=[PurchaseOrderStatus.OPEN, PurchaseOrderStatus.PARTLY_RECEIVED]
        )
        .select_related("supplier")
        .annotate(
            units=Coalesce(Sum("lines__quantity"), 0),
            received=Coalesce(Sum("lines__quantity_received"), 0),
        )
        .order_by(F("expected_on").asc(nulls_last=True), "pk")
    )


def transfers_to_receive(place: Location) -> QuerySet[Any]:
    return (
        Transfer.objects.filter(target=place, status__in=UNDER_WAY)
        .select_related("source")
        .annotate(
            units=Coalesce(Sum("lines__quantity_shipped"), 0),
            received=Coalesce(Sum(F("lines__quantity_good") + F("lines__quantity_damaged")), 0),
        )
        .order_by(F("expected_on").asc(nulls_last=True), "pk")
    )


def to_send(place: Location) -> QuerySet[Any]:
    """Transfers whose units are claimed here; those of orders that may leave now, first what is promised first."""
    waiting = Q(lines__claims__state=ReservationState.ALLOCATED)
    return (
        Transfer.objects.filter(source=place, status=TransferStatus.REQUESTED)
        .filter(Q(order__isnull=True) | Q(order__status__in=WORKABLE))
        .select_related("target")
        .annotate(units=Coalesce(Sum("lines__claims__quantity", filter=waiting), 0))
        .filter(units__gt=0)
        .order_by(F("order__promised_at").asc(nulls_last=True), "pk")
    )


# The picker's wave


@dataclass(frozen=True)
class PickTask:
    """One claim: so many units of one title from one bin into the box of one shipment."""

    claim_id: int
    shipment_id: int
    shipment: str
    order: str
    variant_id: int
    sku: str
    barcode: str
    title: str
    bin: str
    left: int
    box: str

    @property
    def tone(self) -> str:
        return f"box-{self.box.lower()}" if self.box in BOXES else ""


def wave_of(place: Location, picker: User) -> list[int]:
    """Shipments here that the picker has begun and nobody has packed."""
    return list(
        Shipment.objects.filter(
            location=place,
            status=ShipmentStatus.READY,
            is_packed=False,
            order__status__in=WORKABLE,
            claims__picker=picker,
            claims__state__in=[*UNPICKED, ReservationState.PICKED],
            claims__is_put_back=False,
        )
        .distinct()
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def pick_tasks(place: Location, picker: User, boxes: dict[int, str]) -> list[PickTask]:
    """What the picker has still to fetch, in the order of the walk through the bins."""
    rows = (
        Reservation.objects.filter(
            location=place,
            picker=picker,
            state__in=UNPICKED,
            shipment__status=ShipmentStatus.READY,
            shipment__is_packed=False,
            shipment__location=place,
            shipment__order__status__in=WORKABLE,
        )
        .order_by(
            "stock_item__bin__pick_sequence", "stock_item__bin__code", "variant_id", "shipment_id", "pk"
        )
        .values_list(
            "pk",
            "shipment_id",
            "shipment__number",
            "shipment__order__number",
            "variant_id",
            "variant__sku",
            "variant__barcode",
            "variant__product__title",
            "stock_item__bin__code",
            "quantity",
        )
    )
    return [PickTask(*row, box=boxes.get(row[1], "")) for row in rows]


def counts(place: Location, picker: User, now: datetime) -> dict[str, int]:
    """How much of each task waits today, for the first page."""
    return {
        "receive": to_receive(place).count() + transfers_to_receive(place).count(),
        "send": to_send(place).count(),
        "put_away": to_put_away(place).count(),
        "pick": for_now(to_pick(place), now).count(),
        "mine": len(wave_of(place, picker)),
        "put_back": to_put_back(place).count(),
        "pack": for_now(to_pack(place), now).count(),
        "dispatch": for_now(to_dispatch(place), now).count(),
        "handover": to_hand_over(place).count(),
    }
