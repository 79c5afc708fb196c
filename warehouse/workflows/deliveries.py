"""After dispatch: delivered, refused, undeliverable, lost, back at the sender; each with goods, money and paper."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from crm import operations as crm
from finance import operations as finance
from finance import workflows as money
from finance.rules import Goods
from oms import operations as orders
from oms.models import Order
from retail.kernel.errors import InvalidInput
from retail.kernel.models import Location, User
from retail.kernel.states import check_move
from warehouse.models import Shipment
from warehouse.operations.goods import ReturnedUnits, receive_returned_units
from warehouse.operations.refusals import UnknownReason
from warehouse.operations.shipments import (
    lock_shipment,
    mark_delivered,
    mark_failed,
    mark_returned,
    tell_arrival,
)
from warehouse.states import SHIPMENT_MOVES, ShipmentStatus

FAILURES = ("REFUSED", "UNDELIVERABLE", "LOST")


@transaction.atomic
def deliver(*, shipment_id: int, by: User | None, now: datetime) -> Shipment:
    """The shopper has it."""
    order, shipment = lock_shipment(shipment_id=shipment_id)
    mark_delivered(order=order, shipment=shipment, now=now)
    return shipment


@transaction.atomic
def fail_delivery(*, shipment_id: int, reason: str, by: User | None, now: datetime) -> Shipment:
    """Refused and undeliverable parcels come back; a lost one does not, so its sale is undone at once."""
    if reason not in FAILURES:
        raise UnknownReason("The reason is REFUSED, UNDELIVERABLE or LOST.", reason=reason[:20])
    order, shipment = lock_shipment(shipment_id=shipment_id)
    mark_failed(order=order, shipment=shipment, reason=reason, now=now)
    if reason == ShipmentStatus.LOST:
        posted = money.post_lost(shipment_id=shipment.pk, by=by, now=now)
        _undo_sale(order, posted, f"{shipment.number} was lost", by, now)
    return shipment


@transaction.atomic
def return_to_sender(
    *,
    shipment_id: int,
    location_id: int,
    by: User | None,
    now: datetime,
    damaged: dict[int, int] | None = None,
) -> Shipment:
    """An undelivered parcel is here again: units to the shelf (`damaged` units of a variant apart), sale undone, money back."""
    order, shipment = lock_shipment(shipment_id=shipment_id)
    check_move(SHIPMENT_MOVES, shipment.status, ShipmentStatus.RETURNED, what=shipment.number)
    location = Location.objects.filter(pk=location_id, is_active=True).first()
    if location is None or location.entity_id != order.entity_id:
        raise InvalidInput("There is no such location of this company.")
    if order.has_gift_cards:
        # Those that get their money back below are locked before any shelf.
        crm.lock_cards_of_order(order_number=order.number)
    goods = money.units_still_out(shipment_id=shipment.pk)
    posted = money.post_undelivered(shipment_id=shipment.pk, goods=goods, by=by, now=now)
    receive_returned_units(
        location_id=location.pk,
        units=_sorted_out(goods, posted.values, damaged or {}),
        document_kind="shipment",
        document_key=shipment.number,
        entry_id=posted.entry_id,
        by=by,
        now=now,
    )
    mark_returned(order=order, shipment=shipment, location_code=location.code, now=now)
    _undo_sale(order, posted, f"{shipment.number} came back", by, now)
    return shipment


def _sorted_out(goods: list[Goods], values: list[Decimal], damaged: dict[int, int]) -> list[ReturnedUnits]:
    """Good units to the shelf, damaged ones apart; the value of a line is shared by units, the rest stays with the good ones."""
    left = dict(damaged)
    units: list[ReturnedUnits] = []
    for one, value in zip(goods, values, strict=True):
        broken = min(one.quantity, left.get(one.variant_id, 0))
        left[one.variant_id] = left.get(one.variant_id, 0) - broken
        share = value if broken == one.quantity else (value * broken / one.quantity).quantize(Decimal("0.01"))
        if broken:
            units.append(ReturnedUnits(one.order_line_id, one.variant_id, broken, "DAMAGED", share))
        if broken < one.quantity:
            units.append(
                ReturnedUnits(
                    one.order_line_id, one.variant_id, one.quantity - broken, "RESTOCK", value - share
                )
            )
    if any(count > 0 for count in left.values()):
        raise InvalidInput("More damaged units were named than the parcel held.")
    return units


def _undo_sale(order: Order, posted: money.PostedReturn, reason: str, by: User | None, now: datetime) -> None:
    """The order owes less and what was paid goes back; a delivery fee that was given back counts too."""
    orders.record_return(
        order_id=order.pk,
        lines=sorted((line_id, units) for line_id, units in posted.units.items() if units),
        amount=posted.total,
        now=now,
    )
    finance.release_excess(order_id=order.pk, reason=reason, by=by, now=now)
    tell_arrival(order=order, now=now)
