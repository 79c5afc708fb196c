"""Goods leave: stock, cost, revenue, paper and order in one transaction; the card is charged before it begins."""

import secrets
from datetime import datetime

from django.db import transaction

from finance import selectors as finance
from finance import workflows as money
from finance.rules import Goods, Sold
from oms import operations as orders
from oms.models import Order
from oms.states import DeliveryKind
from retail.kernel import failpoints
from retail.kernel.clock import business_date
from retail.kernel.errors import IllegalMove
from retail.kernel.models import Location, User
from warehouse import selectors as warehouse
from warehouse.models import Shipment
from warehouse.operations.refusals import NotPacked, NotPicked, TooEarly, UnknownShipment, WrongCode
from warehouse.operations.shipments import (
    check_workable,
    lock_shipment,
    mark_delivered,
    mark_dispatched,
    take_out,
)
from warehouse.operations.stock import Move, record_moves
from warehouse.states import MoveReason


def dispatch_shipment(*, shipment_id: int, by: User | None, now: datetime) -> Shipment:
    """Hand a packed shipment to its carrier. Must not be called inside a transaction: the card provider is asked before."""
    shipment = _packed(shipment_id, now)
    if shipment.method == DeliveryKind.STORE_PICKUP:
        raise IllegalMove(f"{shipment.number} is handed over with its code.", before=shipment.status)
    _charge(shipment, by, now)
    failpoints.hit("dispatch.charged")
    with transaction.atomic():
        _send(shipment_id, by, now)
        failpoints.hit("dispatch.written")
    failpoints.hit("dispatch.committed")
    shipment.refresh_from_db()
    return shipment


def hand_over(*, shipment_id: int, code: str, by: User | None, now: datetime) -> Shipment:
    """Give a packed pickup to whoever knows its code: dispatched and delivered at once. Refuses WrongCode."""
    shipment = _packed(shipment_id, now)
    if shipment.method != DeliveryKind.STORE_PICKUP:
        raise IllegalMove(f"{shipment.number} is not a pickup.", before=shipment.status)
    if not secrets.compare_digest(shipment.handover_code.encode(), code.strip().encode()):
        raise WrongCode("This is not the code of this pickup.")
    _charge(shipment, by, now)
    with transaction.atomic():
        order, sent = _send(shipment_id, by, now)
        mark_delivered(order=order, shipment=sent, now=now)
    shipment.refresh_from_db()
    return shipment


def _packed(shipment_id: int, now: datetime) -> Shipment:
    """What can be refused at once is refused before any card is charged."""
    shipment = Shipment.objects.select_related("order").filter(pk=shipment_id).first()
    if shipment is None:
        raise UnknownShipment("There is no such shipment.")
    check_workable(shipment.order, shipment)
    if not shipment.is_packed:
        raise NotPacked(f"{shipment.number} is not packed yet.", number=shipment.number)
    day = shipment.planned_on
    if shipment.order.wanted_on is not None and day is not None and business_date(now) < day:
        raise TooEarly(
            f"{shipment.number} leaves on {day}: the buyer chose the day.",
            number=shipment.number,
            day=str(day),
        )
    return shipment


def _charge(shipment: Shipment, by: User | None, now: datetime) -> None:
    contents = warehouse.shipment_contents(shipment_id=shipment.pk)
    money.prepare_dispatch(shipment_id=shipment.pk, sold=_sold(contents), by=by, now=now)


def _send(shipment_id: int, by: User | None, now: datetime) -> tuple[Order, Shipment]:
    """Everything that happens at the door; locks order, shipment, claims, stock items, then finance its own."""
    order, shipment = lock_shipment(shipment_id=shipment_id)
    check_workable(order, shipment)
    contents = warehouse.shipment_contents(shipment_id=shipment_id)
    if contents.incomplete:
        raise NotPicked(f"{shipment.number}: a kit is not complete.", number=shipment.number)
    gone = take_out(shipment=shipment)
    sold = _sold(contents)
    cod_amount = finance.collectable(order_id=order.pk, sold=sold)
    posted = money.post_dispatch(
        shipment_id=shipment.pk,
        goods=[Goods(one.order_line_id, one.variant_id, one.quantity) for one in gone],
        sold=sold,
        by=by,
        now=now,
    )
    entity_id = Location.objects.values_list("entity_id", flat=True).get(pk=shipment.location_id)
    record_moves(
        [
            Move(
                one.variant_id,
                one.bin_id,
                None,
                one.quantity,
                entity_id,
                MoveReason.DISPATCH,
                value=value,
                order_line_id=one.order_line_id,
            )
            for one, value in zip(gone, posted.values, strict=True)
        ],
        document_kind="shipment",
        document_key=shipment.number,
        now=now,
        by=by,
        entry_id=posted.entry_id,
    )
    mark_dispatched(order=order, shipment=shipment, cod_amount=cod_amount, now=now)
    order = orders.record_dispatch(order_id=order.pk, lines=[(one[0], one[1]) for one in sold], now=now)
    return order, shipment


def _sold(contents: warehouse.Contents) -> list[Sold]:
    return [Sold(line_id, units) for line_id, units in sorted(contents.sold.items()) if units]
