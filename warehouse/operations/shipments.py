"""Shipments: made from a ratified plan, packed, on their way, there or back. The goods part; money is the workflows'."""

import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Sum

from oms import operations as orders
from oms.events import OrderReadyForPickup
from oms.models import CarrierService, Order
from oms.states import DeliveryKind, FulfillmentStatus, OrderStatus
from retail.kernel.models import Location, User
from retail.kernel.outbox import announce, announce_all
from retail.kernel.states import check_move
from warehouse import events
from warehouse.models import Parcel, Reservation, Shipment
from warehouse.operations.claim_rows import UNPICKED, save_claims
from warehouse.operations.refusals import (
    InvalidParcel,
    NotPacked,
    NotPicked,
    OrderNotReady,
    RestIsComing,
    UnknownShipment,
)
from warehouse.operations.stock import Delta, shift_stock
from warehouse.selectors.network import ship_day
from warehouse.states import CLAIMING, SHIPMENT_MOVES, ReservationState, ShipmentStatus

PARCEL_GRAMS_MAX = 200_000
HANDOVER_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ParcelSpec:
    weight_grams: int


def create_shipments(
    *, order_id: int, plan: Sequence[dict[str, Any]], by: User | None, now: datetime
) -> list[int]:
    """One shipment per location and service of the plan's steps, with the claims that lie there. They were re-pointed before.

    Claims that a ready shipment to the same end holds already stay in it; shipments that lost all their claims are canceled.
    """
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        services = dict(
            CarrierService.objects.filter(code__in=[step["service"] for step in plan]).values_list(
                "code", "pk"
            )
        )
        wanted: dict[tuple[int, int | None], set[int]] = defaultdict(set)
        days: dict[tuple[int, int | None], date] = {}
        for step in plan:
            service_id = services[step["service"]] if step["service"] else None
            wanted[step["location_id"], service_id].add(step["order_line"])
            if step.get("ship_on"):
                days[step["location_id"], service_id] = date.fromisoformat(step["ship_on"])
        open_ones = {
            (one.location_id, one.service_id): one
            for one in _lock_shipments(order_id)
            if one.status == ShipmentStatus.READY and not one.is_packed
        }
        made = _make(order, [key for key in wanted if key not in open_ones], days, now)
        shipments = open_ones | {(one.location_id, one.service_id): one for one in made}
        claims = _unpicked_claims(order_id)
        for (location_id, service_id), lines in wanted.items():
            shipment = shipments[location_id, service_id]
            for claim in claims:
                if claim.location_id == location_id and claim.order_line_id in lines:
                    claim.shipment_id = shipment.pk
        save_claims(claims)
        cancel_empty_shipments(order_id=order_id)
        return [shipments[key].pk for key in wanted]


def _make(
    order: Order,
    keys: Sequence[tuple[int, int | None]],
    days: Mapping[tuple[int, int | None], date],
    now: datetime,
) -> list[Shipment]:
    codes = dict(Location.objects.filter(pk__in=[key[0] for key in keys]).values_list("pk", "code"))
    first = Shipment.objects.filter(order=order).count() + 1
    made = Shipment.objects.bulk_create(
        Shipment(
            number=f"{order.number.replace('ORD', 'SHP')}-{first + place}",
            order=order,
            location_id=location_id,
            # What was sent to a store is handed over like what stood there.
            method=DeliveryKind.STORE_PICKUP if order.is_collected else order.delivery_method,
            service_id=service_id,
            planned_on=days.get((location_id, service_id)) or ship_day(code=codes[location_id], now=now),
            created_at=now,
        )
        for place, (location_id, service_id) in enumerate(keys)
    )
    announce_all(
        [
            (
                events.ShipmentCreated(one.pk, one.number, order.pk, codes[one.location_id]),
                ("order", order.number),
            )
            for one in made
        ]
    )
    return made


def cancel_shipments(*, order_id: int, now: datetime) -> int:
    """The order is canceled: shipments that have not left and hold nothing any more are canceled with it."""
    return cancel_empty_shipments(order_id=order_id)


def withdraw_shipments(*, order_id: int) -> int:
    """The plan of an order that nobody has picked from falls: its claims stay where they are, without a shipment."""
    claims = _unpicked_claims(order_id)
    for claim in claims:
        claim.shipment_id = claim.picker_id = None
    save_claims(claims)
    return cancel_empty_shipments(order_id=order_id)


def cancel_empty_shipments(*, order_id: int) -> int:
    empty = [one for one in _lock_shipments(order_id, is_empty=True) if one.status == ShipmentStatus.READY]
    for one in empty:
        one.status = ShipmentStatus.CANCELED
    if empty:
        Shipment.objects.bulk_update(empty, ["status"])
        number = Order.objects.values_list("number", flat=True).get(pk=order_id)
        announce_all(
            [(events.ShipmentCanceled(one.pk, one.number, order_id), ("order", number)) for one in empty]
        )
    return len(empty)


def _lock_shipments(order_id: int, *, is_empty: bool = False) -> list[Shipment]:
    rows = Shipment.objects.filter(order_id=order_id)
    if is_empty:
        rows = rows.filter(~Exists(Reservation.objects.filter(shipment=OuterRef("pk"), state__in=CLAIMING)))
    return list(rows.select_for_update(of=("self",)).order_by("id"))


def _unpicked_claims(order_id: int) -> list[Reservation]:
    return list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(order_line__order_id=order_id, state__in=UNPICKED)
        .order_by("id")
    )


# Steps of one shipment


def lock_shipment(*, shipment_id: int) -> tuple[Order, Shipment]:
    """Its order, then itself: the first locks of every verb about a shipment. Refuses UnknownShipment."""
    order_id = Shipment.objects.filter(pk=shipment_id).values_list("order_id", flat=True).first()
    if order_id is None:
        raise UnknownShipment("There is no such shipment.")
    order = orders.lock_order(order_id=order_id)
    return order, Shipment.objects.select_for_update(of=("self",)).get(pk=shipment_id)


def check_workable(order: Order, shipment: Shipment) -> None:
    """Goods are touched only while the order is to be fulfilled and the shipment is here."""
    if order.status not in (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT):
        raise OrderNotReady(
            f"{order.number}: {order.get_status_display()}.", number=order.number, status=order.status
        )
    if shipment.status != ShipmentStatus.READY:
        check_move(SHIPMENT_MOVES, shipment.status, ShipmentStatus.READY, what=shipment.number)


def shipment_rows(shipment_id: int) -> list[Reservation]:
    """The claims of a shipment that still count, locked by id."""
    return list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(shipment_id=shipment_id, state__in=CLAIMING)
        .order_by("id")
    )


@transaction.atomic
def pack(*, shipment_id: int, parcels: Sequence[ParcelSpec], by: User | None, now: datetime) -> Shipment:
    """Everything picked goes into parcels. A pickup is now ready: its code is made, and the shopper is told."""
    order, shipment = lock_shipment(shipment_id=shipment_id)
    check_workable(order, shipment)
    if shipment.is_packed:
        raise NotPicked(f"{shipment.number} is packed already.", number=shipment.number)
    claims = shipment_rows(shipment_id)
    left = sum(claim.quantity for claim in claims if claim.state in UNPICKED)
    if left or not claims:
        raise NotPicked(f"{shipment.number}: {left} units are not picked yet.", left=left)
    if order.is_sent_to_store and (coming := _units_elsewhere(order)):
        raise RestIsComing(f"{order.number}: {coming} units are still to come.", left=coming)
    _check_parcels(shipment, parcels)
    rows = Parcel.objects.bulk_create(
        Parcel(shipment=shipment, number=f"{shipment.number}-P{place}", weight_grams=spec.weight_grams)
        for place, spec in enumerate(parcels, start=1)
    )
    for claim in claims:
        claim.state = ReservationState.PACKED
        claim.parcel_id = rows[0].pk if len(rows) == 1 else None
    save_claims(claims)
    shipment.is_packed, shipment.packed_at = True, now
    if shipment.method == DeliveryKind.STORE_PICKUP:
        shipment.handover_code = "".join(secrets.choice("0123456789") for _ in range(HANDOVER_DIGITS))
    shipment.save(update_fields=["is_packed", "packed_at", "handover_code"])
    _tell_packed(order, shipment, len(rows))
    return shipment


def _units_elsewhere(order: Order) -> int:
    """Claimed units of the order that are in no shipment: on the shelf of a source, or on their way."""
    rows = Reservation.objects.filter(
        order_line__order=order, state__in=CLAIMING, shipment__isnull=True, is_put_back=False
    )
    return int(rows.aggregate(units=Sum("quantity"))["units"] or 0)


def pickup_shipment(*, order: Order, location_id: int, now: datetime) -> Shipment:
    """The shipment that gathers what is handed over in a store; made when there is none that is open. The order is locked."""
    found = next(
        (
            one
            for one in _lock_shipments(order.pk)
            if one.status == ShipmentStatus.READY
            and not one.is_packed
            and (one.location_id, one.service_id) == (location_id, None)
        ),
        None,
    )
    return found or _make(order, [(location_id, None)], {}, now)[0]


def _check_parcels(shipment: Shipment, parcels: Sequence[ParcelSpec]) -> None:
    heaviest = PARCEL_GRAMS_MAX
    if shipment.service_id is not None:
        heaviest = CarrierService.objects.values_list("weight_grams_max", flat=True).get(
            pk=shipment.service_id
        )
    if not 1 <= len(parcels) <= 50:
        raise InvalidParcel("Name 1 to 50 parcels.")
    for spec in parcels:
        if not 1 <= spec.weight_grams <= heaviest:
            raise InvalidParcel(f"A parcel weighs 1 to {heaviest} g.", weight_grams_max=heaviest)


def _tell_packed(order: Order, shipment: Shipment, parcels: int) -> None:
    subject = ("order", order.number)
    announce(events.ShipmentPacked(shipment.pk, shipment.number, order.pk, parcels), subject=subject)
    if shipment.method == DeliveryKind.STORE_PICKUP:
        code = Location.objects.values_list("code", flat=True).get(pk=shipment.location_id)
        announce(events.ShipmentReadyForPickup(shipment.pk, shipment.number, order.pk, code), subject=subject)
        announce(OrderReadyForPickup(order_id=order.pk, number=order.number, location=code), subject=subject)
        tell_order(order, FulfillmentStatus.READY_FOR_PICKUP)
    elif not _waiting_claims(order.pk):
        tell_order(order, FulfillmentStatus.PACKED)


def _waiting_claims(order_id: int) -> bool:
    """Whether units of the order are still to be picked or packed."""
    return Reservation.objects.filter(
        order_line__order_id=order_id,
        state__in=[*UNPICKED, ReservationState.PICKED],
        is_put_back=False,
    ).exists()


def tell_order(order: Order, status: FulfillmentStatus) -> None:
    """The order's summary follows, unless part of it has left: then that says more."""
    if order.fulfillment_status not in (FulfillmentStatus.PARTLY_DISPATCHED, status):
        orders.set_fulfillment(order_id=order.pk, status=status)


@dataclass(frozen=True, slots=True)
class GoneUnits:
    """Units that leave: from which bin, for which order line."""

    order_line_id: int
    variant_id: int
    bin_id: int
    quantity: int


def take_out(*, shipment: Shipment) -> list[GoneUnits]:
    """The packed units leave the house: on hand and reserved fall in one update. The caller locked order and shipment."""
    if not shipment.is_packed:
        raise NotPacked(f"{shipment.number} is not packed yet.", number=shipment.number)
    claims = shipment_rows(shipment.pk)
    if not claims or any(claim.state != ReservationState.PACKED for claim in claims):
        raise NotPacked(f"{shipment.number} is not packed whole.", number=shipment.number)
    units: Counter[tuple[int, int, int]] = Counter()
    bins = dict(
        Reservation.objects.filter(pk__in=[claim.pk for claim in claims]).values_list(
            "pk", "stock_item__bin_id"
        )
    )
    for claim in claims:
        assert claim.order_line_id is not None
        units[claim.order_line_id, claim.variant_id, bins[claim.pk]] += claim.quantity
    refused = shift_stock(
        Delta(claim.stock_item_id, on_hand=-claim.quantity, reserved=-claim.quantity) for claim in claims
    )
    assert not refused, "packed units lie in the packing bin"
    for claim in claims:
        claim.state = ReservationState.DISPATCHED
    save_claims(claims)
    return [GoneUnits(*key, quantity) for key, quantity in sorted(units.items())]


def mark_dispatched(*, order: Order, shipment: Shipment, cod_amount: Decimal, now: datetime) -> None:
    """On its way. The courier collects at the first parcel."""
    _move(shipment, ShipmentStatus.DISPATCHED)
    shipment.dispatched_at, shipment.cod_amount = now, cod_amount
    shipment.save(update_fields=["status", "dispatched_at", "cod_amount"])
    first = Parcel.objects.filter(shipment=shipment).order_by("id").first()
    if first is not None and cod_amount:
        first.cod_amount = cod_amount
        first.save(update_fields=["cod_amount"])
    announce(
        events.ShipmentDispatched(shipment.pk, shipment.number, order.pk), subject=("order", order.number)
    )


def mark_delivered(*, order: Order, shipment: Shipment, now: datetime) -> None:
    """With the shopper; the order is delivered when nothing of it is under way or to be sent."""
    _move(shipment, ShipmentStatus.DELIVERED)
    shipment.delivered_at, shipment.failure = now, ""
    shipment.save(update_fields=["status", "delivered_at", "failure"])
    announce(
        events.ShipmentDelivered(shipment.pk, shipment.number, order.pk), subject=("order", order.number)
    )
    tell_arrival(order=order, now=now)


def tell_arrival(*, order: Order, now: datetime) -> None:
    """The order is told when, after something left and arrived, came back or was lost, nothing of it is under way or to be sent."""
    under_way = Shipment.objects.filter(
        order=order, status__in=[ShipmentStatus.READY, ShipmentStatus.DISPATCHED, ShipmentStatus.UNDELIVERED]
    ).exists()
    wanted, dispatched = orders.goods_counts(order)
    if dispatched and not under_way and dispatched >= wanted:
        orders.record_arrival(order_id=order.pk, now=now)


def mark_failed(*, order: Order, shipment: Shipment, reason: str, now: datetime) -> None:
    """Refused or undeliverable (it comes back), or lost (it does not). A person looks at it either way."""
    lost = reason == ShipmentStatus.LOST
    _move(shipment, ShipmentStatus.LOST if lost else ShipmentStatus.UNDELIVERED)
    shipment.failure = reason
    shipment.save(update_fields=["status", "failure"])
    orders.open_exception(
        kind="DELIVERY_FAILED",
        order_id=order.pk,
        cause_key=shipment.number,
        detail={"shipment": shipment.number, "reason": reason},
        now=now,
    )
    announce(
        events.DeliveryFailed(shipment.pk, shipment.number, order.pk, reason),
        subject=("order", order.number),
    )


def mark_returned(*, order: Order, shipment: Shipment, location_code: str, now: datetime) -> None:
    _move(shipment, ShipmentStatus.RETURNED)
    shipment.save(update_fields=["status"])
    orders.resolve_cause(
        kind="DELIVERY_FAILED",
        cause_key=shipment.number,
        resolution="returned to sender",
        now=now,
    )
    announce(
        events.ShipmentReturned(shipment.pk, shipment.number, order.pk, location_code),
        subject=("order", order.number),
    )


def _move(shipment: Shipment, status: ShipmentStatus) -> None:
    check_move(SHIPMENT_MOVES, shipment.status, status, what=shipment.number)
    shipment.status = status
