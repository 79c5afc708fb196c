"""Letters follow what happened: each event is told once, in the language of the order. A worker sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.urls import reverse
from django.utils import translation

from crm import operations as crm
from crm.letters import (
    ExchangeFacts,
    FileFacts,
    Letter,
    Line,
    OrderFacts,
    ParcelFacts,
    ReturnFacts,
    TransferFacts,
    write,
)
from crm.letters import orders as words
from crm.models import GiftCard
from finance import selectors as finance
from finance.models import Payment, Refund
from finance.states import OperationState
from oms import operations as orders
from oms.models import DownloadGrant, Exchange, Order, OrderLine, Return
from oms.rules import ORDER_CHANGED, part_of
from oms.states import SOLD_KINDS, DeliveryKind, LineKind, OrderStatus, PaymentMethod
from oms.workflows import alerts, exchange_money
from retail.front.formats import local
from retail.kernel import clock
from retail.kernel.identifiers import format_account, parse_account
from retail.kernel.models import OutboxEvent
from retail.kernel.outbox import subscribe
from warehouse import selectors as warehouse
from warehouse.models import Parcel, Shipment
from warehouse.states import ShipmentStatus

type_of_words = Callable[[OrderFacts], Letter]


@subscribe("crm.message_queued")
def ring_the_sender(event: OutboxEvent) -> None:
    """Sent after this commit; should the ring be lost, the sweep finds the row."""
    from crm.tasks import send_message

    message_id = event.payload["message_id"]
    transaction.on_commit(lambda: send_message.delay(message_id), robust=True)


@subscribe("crm.alert_asked")
def ask_to_confirm(event: OutboxEvent) -> None:
    alerts.ask_to_confirm(alert_id=event.payload["alert_id"], now=clock.now())


# ------------------------------------------------------------------ the order
@subscribe("oms.order_placed")
def tell_order_placed(event: OutboxEvent) -> None:
    """Cash on delivery is agreed at once; a transfer is told how to pay; a card's letter comes with its authorization."""
    order = _order(event)
    if order.payment_method == PaymentMethod.BANK_TRANSFER and order.status == OrderStatus.PENDING_PAYMENT:
        _tell_transfer(order, event)
    elif event.payload["status"] == OrderStatus.PLACED:
        _send(event, order, "order_placed", words.placed)


@subscribe("oms.order_confirmed")
def tell_order_confirmed(event: OutboxEvent) -> None:
    """The money is there, or the promise to pay."""
    order = _order(event)
    if order.payment_method == PaymentMethod.BANK_TRANSFER:
        _send(event, order, "payment_received", words.paid)
    else:
        _send(event, order, "order_placed", words.placed)


@subscribe("oms.order_canceled")
def tell_order_canceled(event: OutboxEvent) -> None:
    _send(event, _order(event), "order_canceled", lambda facts: words.canceled(facts, is_whole=True))


@subscribe("oms.order_lines_canceled")
def tell_lines_canceled(event: OutboxEvent) -> None:
    """Units that went with a change of the order are told by the letter about the change."""
    if event.payload["reason"] == ORDER_CHANGED:
        return
    _send(
        event,
        _order(event),
        "order_lines_canceled",
        lambda facts: words.canceled(facts, is_whole=False),
        part=str(event.pk),
    )


@subscribe("oms.order_changed")
def tell_order_changed(event: OutboxEvent) -> None:
    """What the order is now and what is still to be paid; a note alone is nobody's news."""
    order = _order(event)
    what = frozenset(event.payload["what"].split(", ")) - {"note"}
    if not what or order.status == OrderStatus.CANCELED:
        return
    missing = Decimal("0.00")
    if order.payment_method != PaymentMethod.CASH_ON_DELIVERY:
        missing = order.due_total - finance.standing_of_orders(order_ids=[order.pk])[order.pk].held
    left = tuple(
        _line(line, line.quantity - line.quantity_canceled)
        for line in _goods(order)
        if line.quantity > line.quantity_canceled
    )
    _send(
        event,
        order,
        "order_changed",
        lambda facts: words.changed(facts, what=what, left=left, missing=missing),
        part=str(event.pk),
    )


@subscribe("oms.supply_changed")
def tell_supply_changed(event: OutboxEvent) -> None:
    """What was ordered ahead comes later, or not at all: the buyer may wait or cancel."""
    order = _order(event)
    if order.status != OrderStatus.CANCELED:
        _send(
            event,
            order,
            "supply_changed",
            lambda facts: words.supply_changed(facts, is_known=bool(event.payload["after"])),
            part=str(event.pk),
        )


# ------------------------------------------------------------------ money
@subscribe("finance.payment_failed")
def tell_payment_failed(event: OutboxEvent) -> None:
    """Only while the order still waits: an attempt that another one has replaced is nobody's business."""
    order = _order(event)
    if order.status == OrderStatus.PENDING_PAYMENT:
        _send(event, order, "payment_failed", words.payment_failed, part=event.payload["payment"])


@subscribe("finance.refund_done")
def tell_refunded(event: OutboxEvent) -> None:
    refund = Refund.objects.select_related("payment").filter(public_id=event.payload["refund"]).first()
    # What moves between the two orders of an exchange is nobody's money back.
    is_back = refund is not None and refund.moved_to_id is None
    if refund is not None and is_back and refund.payment.method != PaymentMethod.EXCHANGE:
        amount = refund.amount
        _send(
            event,
            _order(event),
            "refunded",
            lambda facts: words.refunded(facts, amount),
            part=event.payload["refund"],
        )


def _tell_transfer(order: Order, event: OutboxEvent) -> None:
    payment = (
        Payment.objects.filter(order=order, method=PaymentMethod.BANK_TRANSFER).order_by("-attempt").first()
    )
    if payment is None:
        return
    told = finance.transfer_instructions(payment_id=payment.pk)
    digits = parse_account(told.account)

    def make(facts: OrderFacts) -> Letter:
        transfer = TransferFacts(
            recipient=told.recipient,
            account=format_account(digits) if digits else told.account,
            model=told.model,
            reference=told.reference,
            amount=told.amount,
            currency=told.currency,
            purpose=told.purpose,
            url=_address("shop:transfer", order),
        )
        return words.transfer(facts, transfer)

    _send(event, order, "bank_transfer", make, part=str(payment.pk))


@subscribe("oms.order_delivered")
def send_gift_cards(event: OutboxEvent) -> None:
    """Cards that were paid leave at once, or on the day that the giver chose."""
    from crm.tasks import send_gift_cards

    if GiftCard.objects.filter(order_number=event.payload["number"], sent_at__isnull=True).exists():
        transaction.on_commit(send_gift_cards.delay, robust=True)


@subscribe("oms.downloads_ready")
def send_links(event: OutboxEvent) -> None:
    """Paid files, or links that were renewed, in one letter."""
    order, version = _order(event), event.payload["version"]
    grants = DownloadGrant.objects.filter(
        line__order=order, version=version, revoked_at__isnull=True
    ).select_related("line")
    files = [
        FileFacts(
            title=grant.line.title,
            url=f"{settings.BASE_URL}{reverse('shop:download', args=[orders.signed(grant)])}",
            left=grant.downloads_max - grant.downloads,
            until=grant.expires_at,
        )
        for grant in grants.order_by("line__position")
    ]
    if files:
        _send(
            event,
            order,
            "downloads",
            lambda facts: words.downloads(facts, files, is_renewed=version > 1),
            part=str(event.pk),
        )


# ------------------------------------------------------------------ goods
@subscribe("warehouse.shipment_dispatched")
def tell_dispatched(event: OutboxEvent) -> None:
    """A parcel that is handed over in the store has left as well, but its buyer stands there."""
    shipment = _shipment(event)
    if shipment.service_id is None:
        return
    parcel = _parcel(shipment)
    _send(
        event,
        _order(event),
        "dispatched",
        lambda facts: words.dispatched(facts, parcel),
        part=shipment.number,
    )


@subscribe("warehouse.shipment_ready_for_pickup")
def tell_ready(event: OutboxEvent) -> None:
    shipment = _shipment(event)
    parcel = _parcel(shipment)
    if parcel.code:
        _send(
            event,
            _order(event),
            "ready_for_pickup",
            lambda facts: words.ready(facts, parcel),
            part=shipment.number,
        )


@subscribe("warehouse.shipment_delivered")
def tell_delivered(event: OutboxEvent) -> None:
    shipment = _shipment(event)
    parcel = _parcel(shipment)
    _send(
        event, _order(event), "delivered", lambda facts: words.delivered(facts, parcel), part=shipment.number
    )


# ------------------------------------------------------------------ returns
@subscribe("oms.return_requested")
def tell_return_requested(event: OutboxEvent) -> None:
    """What is exchanged has a letter of its own."""
    if Exchange.objects.filter(returned__number=event.payload["return_number"]).exists():
        return
    _tell_return(event, "return_requested", words.return_asked)


@subscribe("oms.return_received")
def tell_return_received(event: OutboxEvent) -> None:
    _tell_return(event, "return_received", words.return_received)


@subscribe("oms.return_rejected")
def tell_return_rejected(event: OutboxEvent) -> None:
    _tell_return(event, "return_rejected", words.return_rejected)


@subscribe("oms.exchange_agreed")
def tell_exchange_agreed(event: OutboxEvent) -> None:
    _tell_exchange(event, "exchange_agreed", words.exchange_agreed)


@subscribe("oms.exchange_ended")
def tell_exchange_ended(event: OutboxEvent) -> None:
    _tell_exchange(event, "exchange_ended", words.exchange_ended)


def _tell_exchange(
    event: OutboxEvent, kind: str, make: Callable[[OrderFacts, ExchangeFacts], Letter]
) -> None:
    """About the first order, whose page has the label; its lines are the new ones."""
    swap = (
        Exchange.objects.select_related("returned__order", "order")
        .filter(returned__number=event.payload["return_number"])
        .first()
    )
    if swap is None:
        return
    first, new = _order(event), swap.order
    rows = list(swap.returned.lines.select_related("order_line").order_by("pk"))
    facts = ExchangeFacts(
        number=swap.returned.number,
        back=tuple(_line(row.order_line, row.quantity) for row in rows),
        new_number=new.number,
        pay_url=_address("shop:transfer", new),
        deadline=swap.deadline,
        to_pay=new.due_total - (swap.credit if kind == "exchange_agreed" else new.captured_total),
        to_refund=exchange_money.left_over(exchange=swap),
        is_owed=swap.sent_ahead_at is not None and new.status != OrderStatus.CANCELED,
    )
    lines = tuple(_line(line, line.quantity) for line in _goods(new))
    _send(event, first, kind, lambda told: make(replace(told, lines=lines), facts), part=swap.public_id)


def _tell_return(event: OutboxEvent, kind: str, make: Callable[[OrderFacts, ReturnFacts], Letter]) -> None:
    found = Return.objects.filter(number=event.payload["return_number"]).first()
    if found is None:
        return
    rows = found.lines.select_related("order_line").order_by("pk")
    moved = Refund.objects.filter(parent_return=found, moved_to__isnull=False).exclude(
        state=OperationState.REFUSED
    )
    back = ReturnFacts(
        number=found.number,
        lines=tuple(_line(row.order_line, row.quantity_received or row.quantity) for row in rows),
        refund=found.refund_total - (moved.aggregate(sum=Sum("amount"))["sum"] or Decimal("0.00")),
        reason=found.reject_reason,
    )
    _send(event, _order(event), kind, lambda facts: make(facts, back), part=found.number)


# ------------------------------------------------------------------ writing
def _send(event: OutboxEvent, order: Order, kind: str, make: type_of_words, *, part: str = "") -> None:
    """One letter per order, kind and part, whoever asks again."""
    if not order.email or order.is_imported:
        return
    language = order.language or settings.LANGUAGE_CODE
    with translation.override(language):
        letter = make(_facts(order))
        written = write(letter, language=language)
    crm.queue_message(
        kind=kind,
        subject=("order", order.number),
        once_key=f"{kind}:{order.number}:{part}"[:120],
        language=language,
        recipient=order.email,
        subject_line=written.subject,
        text_body=written.text,
        html_body=written.html,
        customer_id=order.customer_id,
        now=clock.now(),
    )


def _order(event: OutboxEvent) -> Order:
    rows = Order.objects.select_related("pickup_location", "channel")
    return rows.get(pk=event.payload["order_id"])


def _shipment(event: OutboxEvent) -> Shipment:
    shipments = Shipment.objects.select_related("service__carrier", "location", "order")
    return shipments.get(pk=event.payload["shipment_id"])


def _facts(order: Order) -> OrderFacts:
    place, goods = order.pickup_location, list(_goods(order))
    return OrderFacts(
        number=order.number,
        url=_address("shop:order", order),
        pay_url=_address("shop:pay", order),
        name=order.name,
        currency=order.currency,
        goods_total=order.goods_total,
        delivery_total=order.delivery_total,
        total=order.total,
        due=order.due_total,
        lines=tuple(_line(line, line.quantity) for line in goods),
        payment_method=order.payment_method,
        promised_on=order.promised_on,
        promised_at=order.promised_at,
        deadline=order.payment_deadline,
        place=place.name if place else "",
        place_address=f"{place.street}, {place.city}" if place else "",
        has_money=order.authorized_total > 0 or order.captured_total > 0,
        is_digital=order.delivery_method == DeliveryKind.DIGITAL,
        exchanged=finance.paid_by_exchange(order_id=order.pk),
        has_gift_cards=any(line.kind == LineKind.GIFT_CARD for line in goods),
    )


def _goods(order: Order) -> Iterable[OrderLine]:
    return order.lines.filter(kind__in=(*SOLD_KINDS, LineKind.GIFT_CARD)).order_by("position")


def _line(line: OrderLine, quantity: int) -> Line:
    return Line(
        line.title,
        quantity,
        part_of(total=line.total, quantity=line.quantity, done=0, part=min(quantity, line.quantity)),
    )


def _parcel(shipment: Shipment) -> ParcelFacts:
    units: dict[int, int] = {}
    for claim in warehouse.shipment_claims(shipment_id=shipment.pk):
        if not claim.is_put_back:
            units[claim.order_line_id] = units.get(claim.order_line_id, 0) + claim.quantity
    lines = [line for line in _goods(shipment.order) if units.get(line.pk)]
    tracking = Parcel.objects.filter(shipment=shipment).exclude(tracking_number="").order_by("pk")
    waiting = Shipment.objects.filter(order=shipment.order, status=ShipmentStatus.READY).exclude(
        pk=shipment.pk
    )
    return ParcelFacts(
        carrier=shipment.service.carrier.name if shipment.service else "",
        tracking=tuple(tracking.values_list("tracking_number", flat=True)),
        lines=tuple(_line(line, min(units[line.pk], line.quantity)) for line in lines),
        is_last=not waiting.exists(),
        code=shipment.handover_code,
        hours=_hours(shipment),
        cash_on_delivery=shipment.cod_amount or Decimal("0.00"),
    )


def _hours(shipment: Shipment) -> str:
    today = shipment.location.hours.get(str(local(clock.now()).weekday()))
    return f"{today[0]}–{today[1]}" if today else ""


def _address(name: str, order: Order) -> str:
    return f"{settings.BASE_URL}{reverse(name, args=[order.token])}"
