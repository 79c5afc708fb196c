"""The order as its buyer sees it: parcels with their steps, what can still be done, money and papers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from finance.models import FiscalReceipt, Invoice
from finance.states import FiscalKind, FiscalState, FiscalTransaction
from oms.models import Order, OrderLine, Return, ReturnLine
from oms.rules import part_of
from oms.states import (
    DeliveryKind,
    FulfillmentStatus,
    LineKind,
    OrderStatus,
    ReturnStatus,
)
from oms.workflows.cancellation import SHOPPER_MAY
from retail.front.formats import clock_text, day_text, local
from storefront.views import shopper, ways
from storefront.views.journeys import Journey, journeys_of
from warehouse import selectors as warehouse
from warehouse.models import Parcel, Shipment
from warehouse.states import ReservationState, ShipmentStatus

DONE, NOW, LATER, STOPPED = "done", "now", "later", "stopped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a parcel: done, now, or to come."""

    state: str
    icon: str
    title: str
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """Units of one line in one parcel."""

    sku: str
    title: str
    quantity: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Box:
    """One shipment as the buyer sees it; `code` is told at the counter of the store."""

    title: str
    items: tuple[Item, ...]
    steps: tuple[Step, ...]
    number: str = ""
    code: str = ""
    store: str = ""
    is_canceled: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    kind: str
    number: str
    title: str
    issued_at: datetime | None


@dataclass(frozen=True, slots=True)
class Returnable:
    """Units of a line that may come back."""

    key: int
    sku: str
    title: str
    left: int
    unit: Decimal


def goods_of(order: Order) -> list[OrderLine]:
    return [line for line in order.lines.select_related("variant__product") if line.kind == LineKind.GOODS]


def gift_cards_of(order: Order) -> list[OrderLine]:
    """An order is of goods or of gift cards."""
    if order.delivery_method != DeliveryKind.DIGITAL:
        return []
    return list(order.lines.filter(kind=LineKind.GIFT_CARD).order_by("position"))


def boxes(order: Order, lines: list[OrderLine]) -> list[Box]:
    """One panel for each shipment, and one for what has no shipment yet."""
    if order.status == OrderStatus.CANCELED:
        return []
    shipments = list(
        Shipment.objects.filter(order=order)
        .exclude(status=ShipmentStatus.CANCELED)
        .select_related("location", "service__carrier")
        .order_by("pk")
    )
    by_shipment: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    picked: set[str] = set()
    for claim in warehouse.order_claims(order_id=order.pk):
        if claim.is_put_back:
            continue
        by_shipment[claim.shipment_number or ""][claim.order_line_id] += claim.quantity
        if claim.state != ReservationState.ALLOCATED:
            picked.add(claim.shipment_number or "")
    tracking, coming = _tracking(shipments), journeys_of(order)
    _gather(order, lines, by_shipment, shipments)
    count = len(shipments) + (1 if _unplanned(lines, by_shipment, shipments) else 0)
    found = [
        Box(
            title=_box_title(order, index, count),
            items=_items(lines, by_shipment.get(shipment.number, {})),
            steps=_steps(order, shipment, shipment.number in picked, tracking.get(shipment.pk, []), coming),
            number=shipment.number,
            code=_code(shipment),
            store=shipment.location.name if shipment.method == DeliveryKind.STORE_PICKUP else "",
        )
        for index, shipment in enumerate(shipments, start=1)
    ]
    rest = _unplanned(lines, by_shipment, shipments)
    if rest:
        found.append(
            Box(_box_title(order, count, count), _items(lines, rest), _steps(order, None, False, [], coming))
        )
    return found


def _gather(
    order: Order,
    lines: list[OrderLine],
    by_shipment: dict[str, dict[int, int]],
    shipments: list[Shipment],
) -> None:
    """What is still coming to the store will be handed over with what is there."""
    here = next((one for one in shipments if one.status == ShipmentStatus.READY), None)
    if order.is_sent_to_store and here is not None:
        for line_id, units in _unplanned(lines, by_shipment, shipments).items():
            by_shipment[here.number][line_id] += units


def _box_title(order: Order, index: int, count: int) -> str:
    if order.is_collected:
        return _("Pickup") if count == 1 else _("Pickup %(n)s of %(all)s") % {"n": index, "all": count}
    return _("Parcel") if count == 1 else _("Parcel %(n)s of %(all)s") % {"n": index, "all": count}


def _unplanned(
    lines: list[OrderLine], by_shipment: dict[str, dict[int, int]], shipments: list[Shipment]
) -> dict[int, int]:
    """Units of each line that stand in no shipment yet."""
    numbers = {shipment.number for shipment in shipments}
    planned: dict[int, int] = defaultdict(int)
    for number, units in by_shipment.items():
        if number in numbers:
            for line_id, quantity in units.items():
                planned[line_id] += quantity
    rest = {line.pk: line.quantity - line.quantity_canceled - planned[line.pk] for line in lines}
    return {line_id: units for line_id, units in rest.items() if units > 0}


def _items(lines: list[OrderLine], units: dict[int, int]) -> tuple[Item, ...]:
    return tuple(
        Item(
            line.sku,
            line.title,
            min(units[line.pk], line.quantity),
            part_of(
                total=line.total, quantity=line.quantity, done=0, part=min(units[line.pk], line.quantity)
            ),
        )
        for line in lines
        if units.get(line.pk)
    )


def _tracking(shipments: list[Shipment]) -> dict[int, list[str]]:
    parcels: QuerySet[Parcel] = Parcel.objects.filter(shipment__in=shipments).exclude(tracking_number="")
    found: dict[int, list[str]] = defaultdict(list)
    for shipment_id, number in parcels.order_by("pk").values_list("shipment_id", "tracking_number"):
        found[shipment_id].append(number)
    return found


def _code(shipment: Shipment) -> str:
    is_ready = (
        shipment.method == DeliveryKind.STORE_PICKUP
        and shipment.is_packed
        and shipment.status == ShipmentStatus.READY
    )
    return shipment.handover_code if is_ready else ""


def _steps(
    order: Order,
    shipment: Shipment | None,
    is_picked: bool,
    tracking: list[str],
    coming: list[Journey],
) -> tuple[Step, ...]:
    """Received, sent to the store, collected, packed, on its way (or ready), there."""
    is_pickup = order.is_collected
    packed_at = shipment.packed_at if shipment else None
    gone_at = shipment.dispatched_at if shipment else None
    there_at = shipment.delivered_at if shipment else None
    if is_pickup and gone_at:
        there_at = there_at or gone_at
    states = _states(
        [True, bool(packed_at), bool(gone_at) or (is_pickup and bool(packed_at)), bool(there_at)]
    )
    is_waiting = order.status == OrderStatus.PENDING_PAYMENT
    first = Step(DONE, "check", _("Order received"), order.placed_at)
    money = [Step(NOW, "clock", _("Waiting for payment"))] if is_waiting else []
    supply = []
    if order.is_awaiting_supply:
        supply = [Step(LATER if is_waiting else NOW, "clock", _("On its way to us"))]
    if is_waiting or supply:
        states = [DONE, LATER, LATER, LATER]
    second = Step(
        states[1],
        "box" if states[1] == DONE else "list",
        _("Packed")
        if states[1] == DONE
        else (_("Being collected") if is_picked else _("Waiting to be collected")),
        packed_at,
    )
    if is_pickup:
        way = () if is_waiting else _on_the_way(coming)
        if any(step.state != DONE for step in way):
            second = replace(second, state=LATER)
        return (first, *money, *way, second, *_pickup_steps(order, shipment, states, there_at))
    third = Step(
        states[2],
        "truck",
        _("With the courier"),
        gone_at,
        _carrier_note(shipment, tracking),
    )
    return (first, *money, *supply, second, third, _last_step(order, shipment, states[3], there_at))


def _on_the_way(coming: list[Journey]) -> tuple[Step, ...]:
    """What is not there yet happens now, one after the other."""
    following = next((each for each in coming if not each.is_there), None)
    return tuple(
        Step(
            DONE if each.is_there else NOW if each is following else LATER,
            "store" if each.is_there else "truck",
            each.title,
            each.at,
            each.note,
        )
        for each in coming
    )


def _pickup_steps(
    order: Order, shipment: Shipment | None, states: list[str], there_at: datetime | None
) -> tuple[Step, Step]:
    place = ways.in_script(order.pickup_location.name) if order.pickup_location else ""
    ready_at = shipment.packed_at if shipment else None
    ready = Step(
        NOW if ready_at and not there_at else states[2],
        "bag",
        _("Ready in the store"),
        ready_at,
        place if ready_at else f"{place}, {promised_words(order)}",
    )
    return ready, Step(states[3], "ok", _("Picked up"), there_at)


def _last_step(order: Order, shipment: Shipment | None, state: str, there_at: datetime | None) -> Step:
    status = shipment.status if shipment else ""
    there = (
        _("In the parcel locker")
        if order.delivery_method == DeliveryKind.PARCEL_LOCKER
        else _("At your address")
    )
    if status == ShipmentStatus.UNDELIVERED:
        return Step(
            STOPPED,
            "alert",
            _("The courier could not deliver it"),
            None,
            _("It is coming back to us; we will write to you."),
        )
    if status == ShipmentStatus.RETURNED:
        return Step(STOPPED, "return", _("Came back to us"), None, _("The money goes back the way it came."))
    if status == ShipmentStatus.LOST:
        return Step(
            STOPPED, "alert", _("Lost by the courier"), None, _("The money goes back the way it came.")
        )
    if there_at:
        return Step(DONE, "home", there, there_at)
    return Step(state, "home", there, None, promised_words(order))


def _states(done: list[bool]) -> list[str]:
    """Everything before the last done step is done; the next one is now."""
    last = max(index for index, each in enumerate(done) if each)
    return [DONE if index <= last else NOW if index == last + 1 else LATER for index in range(len(done))]


def _carrier_note(shipment: Shipment | None, tracking: list[str]) -> str:
    if shipment is None or shipment.service is None or not shipment.dispatched_at:
        return ""
    carrier = shipment.service.carrier.name
    if not tracking:
        return carrier
    return _("%(carrier)s, number %(number)s") % {"carrier": carrier, "number": ", ".join(tracking)}


# ------------------------------------------------------------------ in words
def promised_words(order: Order) -> str:
    """`utorak, 24. novembar`, for pickup with the hour."""
    language = order_language()
    if order.promised_at:
        return _("%(day)s by %(time)s") % {
            "day": _lower(day_text(order.promised_at, language)),
            "time": clock_text(order.promised_at),
        }
    words = _lower(day_text(order.promised_on, language)) if order.promised_on else ""
    hours = order.promise.get("slot") if order.wanted_slot_id else None
    return f"{words}, {hours[0]}–{hours[1]}" if hours else words


def promise_words(promise: dict[str, Any]) -> str:
    """The same of a promise that is only shown."""
    ready, day = promise.get("ready_at"), promise.get("date")
    if ready:
        moment = datetime.fromisoformat(ready)
        return _("%(day)s by %(time)s") % {
            "day": _lower(day_text(moment, order_language())),
            "time": clock_text(moment),
        }
    return _lower(day_text(date.fromisoformat(day), order_language())) if day else ""


def order_language() -> str:
    return shopper.language()


def _lower(text: str) -> str:
    """Inside a sentence Serbian days are written small, English ones are not."""
    return text if order_language().startswith("en") else f"{text[:1].lower()}{text[1:]}"


def headline(order: Order, found: list[Box], now: datetime, *, waits_for_goods: bool = False) -> str:
    """The first line of the page: what happens next, in words."""
    if order.status == OrderStatus.CANCELED:
        return _("This order is canceled")
    if waits_for_goods and order.status == OrderStatus.PENDING_PAYMENT:
        return _("We are waiting for what you send back")
    if order.status == OrderStatus.PENDING_PAYMENT:
        return _("We are waiting for your payment")
    if order.status == OrderStatus.ON_HOLD:
        return _("We are checking your order")
    fulfillment = order.fulfillment_status
    if fulfillment == FulfillmentStatus.READY_FOR_PICKUP:
        return _("Your order is waiting for you in the store")
    if order.status == OrderStatus.COMPLETED or fulfillment == FulfillmentStatus.DELIVERED:
        return _("It is with you") if fulfillment != FulfillmentStatus.RETURNED else _("It came back to us")
    if order.delivery_method == DeliveryKind.DIGITAL:
        return _("It comes to you in a moment")
    if not order.promised_on:
        if fulfillment == FulfillmentStatus.UNROUTED:
            return _("We are looking for a new date")
        return _("Your order is on its way")
    when = promised_words(order)
    if order.promised_on < local(now).date():
        return _("Your order is late; we are looking into it")
    if order.is_collected:
        return _("Ready for pickup %(when)s") % {"when": when}
    if len(found) > 1:
        return ngettext(
            "Arrives in %(n)s parcel, %(when)s", "Arrives in %(n)s parcels, %(when)s", len(found)
        ) % {"n": len(found), "when": when}
    return _("Arrives %(when)s") % {"when": when}


def awaited_on(order: Order, now: datetime) -> date | None:
    """The day on which the last of what the order waits for is to reach us."""
    if not order.is_awaiting_supply:
        return None
    days = [each.day for each in warehouse.awaited_by_order(order_id=order.pk, now=now).values()]
    return max((day for day in days if day), default=None)


# ------------------------------------------------------------------ what can be done
def may_cancel(order: Order) -> bool:
    is_open = order.status in (
        OrderStatus.PENDING_PAYMENT,
        OrderStatus.PLACED,
        OrderStatus.ON_HOLD,
        OrderStatus.IN_FULFILLMENT,
    )
    return is_open and order.fulfillment_status in SHOPPER_MAY


def returnable(order: Order, lines: list[OrderLine]) -> list[Returnable]:
    """Dispatched units that are not back and on no open return; of an order of a former system nothing comes back to us."""
    if order.is_imported:
        return []
    waiting = dict(
        ReturnLine.objects.filter(parent__order=order, parent__status=ReturnStatus.REQUESTED)
        .values_list("order_line_id")
        .annotate(units=Sum("quantity"))
    )
    found = []
    for line in lines:
        left = line.quantity_dispatched - line.quantity_returned - waiting.get(line.pk, 0)
        if left > 0:
            unit = part_of(total=line.total, quantity=line.quantity, done=0, part=1)
            found.append(Returnable(line.pk, line.sku, line.title, left, unit))
    return found


def returns_of(order: Order) -> list[Return]:
    return list(order.returns.prefetch_related("lines__order_line").order_by("pk"))


def _receipt_title(receipt: FiscalReceipt) -> str:
    is_refund = receipt.transaction == FiscalTransaction.REFUND
    titles = {
        (FiscalKind.NORMAL, False): _("Fiscal receipt"),
        (FiscalKind.NORMAL, True): _("Refund receipt"),
        (FiscalKind.ADVANCE, False): _("Advance receipt"),
        (FiscalKind.ADVANCE, True): _("Advance refund receipt"),
        (FiscalKind.COPY, False): _("Copy of the receipt"),
        (FiscalKind.COPY, True): _("Copy of the refund receipt"),
    }
    return titles[FiscalKind(receipt.kind), is_refund]


def has_papers(order: Order) -> bool:
    """Whether a receipt or an invoice names its buyer already; also one that waits for its signature."""
    return FiscalReceipt.objects.filter(order=order).exists() or Invoice.objects.filter(order=order).exists()


def papers(order: Order) -> list[Paper]:
    """Receipts and invoices that the buyer may keep."""
    receipts = FiscalReceipt.objects.filter(order=order, state=FiscalState.SIGNED).order_by("signed_at", "pk")
    found = [
        Paper(
            "receipt",
            receipt.number,
            _receipt_title(receipt),
            receipt.signed_at,
        )
        for receipt in receipts
    ]
    invoices = Invoice.objects.filter(order=order).order_by("pk")
    titles = {"INVOICE": _("Invoice"), "CREDIT_NOTE": _("Credit note"), "ADVANCE": _("Advance invoice")}
    return found + [
        Paper("invoice", invoice.number, titles.get(invoice.kind, invoice.kind), invoice.created_at)
        for invoice in invoices
    ]
