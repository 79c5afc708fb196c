"""Goods that come in and goods that are moved: purchase orders, receipts, returned units, put-away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from retail.kernel.clock import business_date
from retail.kernel.errors import IllegalMove
from retail.kernel.models import Location, User
from retail.kernel.money import rounded
from retail.kernel.outbox import announce
from warehouse import events
from warehouse.models import Bin, PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptLine, StockItem
from warehouse.operations.bins import bin_of, preorder_bin
from warehouse.operations.holds import skus_of
from warehouse.operations.numbers import next_number
from warehouse.operations.refusals import (
    InvalidQuantity,
    NotEnoughUnits,
    NotOnPurchaseOrder,
    UnknownBin,
    UnknownPurchaseOrder,
)
from warehouse.operations.stock import Delta, Move, ensure_items, record_moves, shift_stock
from warehouse.operations.supply_filling import Shared, Waiting, reserve_filled, settle_claims, share
from warehouse.states import BinKind, MoveReason, PurchaseOrderStatus

OPEN_ORDERS = (PurchaseOrderStatus.OPEN, PurchaseOrderStatus.PARTLY_RECEIVED)


@dataclass(frozen=True, slots=True)
class OrderedLine:
    variant_id: int
    quantity: int
    unit_cost: Decimal
    expected_on: date | None = None


@transaction.atomic
def create_purchase_order(
    *,
    supplier_id: int,
    location_id: int,
    lines: Sequence[OrderedLine],
    by: User | None,
    now: datetime,
    expected_on: date | None = None,
    number: str = "",
) -> PurchaseOrder:
    """Ask a supplier for goods; what is under way is promised to shoppers by its date."""
    if not lines or any(line.quantity < 1 or line.unit_cost < 0 for line in lines):
        raise InvalidQuantity("A purchase order names units from 1 and costs from 0.")
    location = Location.objects.get(pk=location_id)
    order = PurchaseOrder.objects.create(
        number=number or next_number(PurchaseOrder.objects.all(), f"PO-{business_date(now).year}-"),
        supplier_id=supplier_id,
        location=location,
        entity_id=location.entity_id,
        ordered_at=now,
        expected_on=expected_on,
    )
    PurchaseOrderLine.objects.bulk_create(
        PurchaseOrderLine(
            order=order,
            variant_id=line.variant_id,
            quantity=line.quantity,
            unit_cost=line.unit_cost,
            expected_on=line.expected_on,
        )
        for line in lines
    )
    announce(
        events.PurchaseOrderCreated(order.pk, order.number, location.code),
        subject=("purchase_order", order.number),
    )
    return order


# At the door


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """What was counted at the door, in good condition and damaged."""

    variant_id: int
    quantity_good: int
    quantity_damaged: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A receipt written, before its value is posted: items are (variant, units, value) aligned with `moves`."""

    receipt: Receipt
    entity_id: int
    items: list[tuple[int, int, Decimal]]
    moves: list[Move]
    # Who waited for these units, and who waited in vain.
    shared: Shared


def take_in(
    *,
    purchase_order_id: int,
    lines: Sequence[ReceivedLine],
    delivery_note: str,
    is_complete: bool,
    waiting: Waiting,
    by: User | None,
    now: datetime,
) -> Arrival:
    """Counted units lie in the receiving bin, damaged ones in the damaged bin. More or fewer than ordered is written as it is.

    Units that somebody waits for lie on the shelf of pre-orders, claimed, from the moment they are counted.
    """
    order = PurchaseOrder.objects.select_for_update(of=("self",)).filter(pk=purchase_order_id).first()
    if order is None:
        raise UnknownPurchaseOrder("There is no such purchase order.")
    if order.status not in OPEN_ORDERS:
        raise IllegalMove(f"{order.number}: {order.get_status_display()}.", before=order.status)
    ordered = {line.variant_id: line for line in PurchaseOrderLine.objects.filter(order=order)}
    _check_received(lines, ordered)
    receipt = Receipt.objects.create(
        number=f"{order.number}-R{order.receipts.count() + 1}",
        order=order,
        location_id=order.location_id,
        delivery_note=delivery_note.strip()[:60],
        by=by,
        created_at=now,
    )
    counted = [line for line in lines if line.quantity_good or line.quantity_damaged]
    shared = _shared(counted, ordered, waiting, is_complete=is_complete, now=now)
    items, moves = _lay_down(order, counted, ordered, shared, waiting, now)
    ReceiptLine.objects.bulk_create(
        ReceiptLine(
            receipt=receipt,
            order_line=ordered[line.variant_id],
            quantity_good=line.quantity_good,
            quantity_damaged=line.quantity_damaged,
            value=sum(
                (value for variant_id, _, value in items if variant_id == line.variant_id), Decimal("0.00")
            ),
        )
        for line in counted
    )
    for line in counted:
        ordered[line.variant_id].quantity_received += line.quantity_good + line.quantity_damaged
    by_line = {line.pk: line for line in ordered.values()}
    for claim, units in [*shared.filled, *shared.lost]:
        by_line[claim.purchase_order_line_id].quantity_claimed -= units
    PurchaseOrderLine.objects.bulk_update(ordered.values(), ["quantity_received", "quantity_claimed"])
    is_all = all(line.quantity_received >= line.quantity for line in ordered.values())
    order.status = (
        PurchaseOrderStatus.RECEIVED if is_all or is_complete else PurchaseOrderStatus.PARTLY_RECEIVED
    )
    order.save(update_fields=["status"])
    return Arrival(receipt, order.entity_id, items, moves, shared)


def _shared(
    counted: Sequence[ReceivedLine],
    ordered: dict[int, PurchaseOrderLine],
    waiting: Waiting,
    *,
    is_complete: bool,
    now: datetime,
) -> Shared:
    """Who gets what of the good units; nothing more is to come of a line that is full or of an order that is closed."""
    came = {ordered[line.variant_id].pk: line for line in counted}
    left = {}
    for line in ordered.values():
        now_in = came.get(line.pk)
        units = now_in.quantity_good + now_in.quantity_damaged if now_in else 0
        left[line.pk] = 0 if is_complete else max(0, line.quantity - line.quantity_received - units)
    return share(
        waiting=waiting,
        lines=list(ordered.values()),
        came={pk: line.quantity_good for pk, line in came.items()},
        left=left,
        now=now,
    )


def _check_received(lines: Sequence[ReceivedLine], ordered: dict[int, PurchaseOrderLine]) -> None:
    if any(line.quantity_good < 0 or line.quantity_damaged < 0 for line in lines):
        raise InvalidQuantity("Counted units are whole numbers from 0.")
    if not any(line.quantity_good + line.quantity_damaged for line in lines):
        raise InvalidQuantity("Count at least one unit.")
    if len({line.variant_id for line in lines}) != len(lines):
        raise InvalidQuantity("Count each title once.")
    strange = [line.variant_id for line in lines if line.variant_id not in ordered]
    if strange:
        sku = skus_of(strange).get(strange[0], "")
        raise NotOnPurchaseOrder(f"{sku} is not on this purchase order.", sku=sku)


def _lay_down(
    order: PurchaseOrder,
    lines: Sequence[ReceivedLine],
    ordered: dict[int, PurchaseOrderLine],
    shared: Shared,
    waiting: Waiting,
    now: datetime,
) -> tuple[list[tuple[int, int, Decimal]], list[Move]]:
    spoken = shared.units_by_variant()
    aside = preorder_bin(location_id=order.location_id).pk if spoken else 0
    good = bin_of(location_id=order.location_id, kind=BinKind.RECEIVING)
    damaged = bin_of(location_id=order.location_id, kind=BinKind.DAMAGED)
    placed: list[tuple[int, int, int]] = []
    for line in lines:
        placed.append((line.variant_id, good.pk, line.quantity_good - spoken[line.variant_id]))
        placed.append((line.variant_id, aside, spoken[line.variant_id]))
        placed.append((line.variant_id, damaged.pk, line.quantity_damaged))
    placed = [row for row in placed if row[2]]
    stock = ensure_items((variant_id, bin_id) for variant_id, bin_id, _ in placed)
    shift_stock(
        Delta(stock[variant_id, bin_id], on_hand=units, reserved=units if bin_id == aside else 0)
        for variant_id, bin_id, units in placed
    )
    if shared.filled or shared.lost:
        held = StockItem.objects.in_bulk([stock[variant_id, aside] for variant_id in spoken])
        reserve_filled(
            shared=shared,
            stock={item.variant_id: item for item in held.values()},
            waiting=waiting,
            now=now,
        )
        settle_claims(shared=shared)
    items = [
        (variant_id, units, rounded(ordered[variant_id].unit_cost * units)) for variant_id, _, units in placed
    ]
    moves = [
        Move(variant_id, None, bin_id, units, order.entity_id, MoveReason.RECEIPT)
        for variant_id, bin_id, units in placed
    ]
    return items, moves


def tell_received(*, arrival: Arrival) -> None:
    receipt = arrival.receipt
    lines = list(receipt.lines.all())
    announce(
        events.GoodsReceived(
            receipt.pk,
            receipt.number,
            receipt.order.number,
            receipt.location.code,
            sum(line.quantity_good for line in lines),
            sum(line.quantity_damaged for line in lines),
        ),
        subject=("purchase_order", receipt.order.number),
    )


# Back from shoppers


@dataclass(frozen=True, slots=True)
class ReturnedUnits:
    """Units that come back at the value of their own issue. `disposition`: RESTOCK, DAMAGED or QUARANTINE."""

    order_line_id: int
    variant_id: int
    quantity: int
    disposition: str
    value: Decimal


_DISPOSITIONS = {
    "RESTOCK": BinKind.STORAGE,
    "DAMAGED": BinKind.DAMAGED,
    "QUARANTINE": BinKind.QUARANTINE,
}


def receive_returned_units(
    *,
    location_id: int,
    units: Sequence[ReturnedUnits],
    document_kind: str,
    document_key: str,
    entry_id: int,
    by: User | None,
    now: datetime,
) -> None:
    """Returned units go to the shelf, or to the damaged or quarantine bin. Inside the caller's transaction, after its posting."""
    location = Location.objects.get(pk=location_id)
    bins = {
        disposition: bin_of(location_id=location_id, kind=_DISPOSITIONS[disposition]).pk
        for disposition in {one.disposition for one in units}
    }
    stock = ensure_items((one.variant_id, bins[one.disposition]) for one in units)
    shift_stock(Delta(stock[one.variant_id, bins[one.disposition]], on_hand=one.quantity) for one in units)
    record_moves(
        [
            Move(
                one.variant_id,
                None,
                bins[one.disposition],
                one.quantity,
                location.entity_id,
                MoveReason.RETURN,
                value=one.value,
                order_line_id=one.order_line_id,
            )
            for one in units
        ],
        document_kind=document_kind,
        document_key=document_key,
        now=now,
        by=by,
        entry_id=entry_id,
    )


# Inside


@transaction.atomic
def move_units(
    *,
    variant_id: int,
    from_bin_id: int,
    to_bin_id: int,
    quantity: int,
    by: User | None,
    now: datetime,
    reason: str = MoveReason.PUT_AWAY,
    document_kind: str = "location",
    document_key: str = "",
) -> None:
    """Unclaimed units from one bin to another of the same location."""
    if quantity < 1:
        raise InvalidQuantity("The quantity is a whole number from 1.", quantity=quantity)
    bins = Bin.objects.select_related("location").in_bulk([from_bin_id, to_bin_id])
    source, target = bins.get(from_bin_id), bins.get(to_bin_id)
    if source is None or target is None or source.location_id != target.location_id or source == target:
        raise UnknownBin("Units move between two bins of one location.")
    stock = ensure_items([(variant_id, from_bin_id), (variant_id, to_bin_id)])
    refused = shift_stock(
        [
            Delta(stock[variant_id, from_bin_id], on_hand=-quantity),
            Delta(stock[variant_id, to_bin_id], on_hand=quantity),
        ]
    )
    sku = skus_of([variant_id])[variant_id]
    if refused:
        raise NotEnoughUnits(
            f"{source.code} does not hold {quantity} free units of {sku}.", sku=sku, bin=source.code
        )
    record_moves(
        [Move(variant_id, from_bin_id, to_bin_id, quantity, source.location.entity_id, reason)],
        document_kind=document_kind,
        document_key=document_key or source.location.code,
        now=now,
        by=by,
    )
    announce(
        events.UnitsMoved(sku, source.location.code, source.code, target.code, quantity),
        subject=("stock", sku),
    )


def put_away(
    *, location_id: int, variant_id: int, quantity: int, to_bin_id: int, by: User | None, now: datetime
) -> None:
    """From the receiving bin to a shelf: from now on the units are offered."""
    source = bin_of(location_id=location_id, kind=BinKind.RECEIVING)
    move_units(
        variant_id=variant_id, from_bin_id=source.pk, to_bin_id=to_bin_id, quantity=quantity, by=by, now=now
    )
