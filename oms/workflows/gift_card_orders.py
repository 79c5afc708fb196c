"""Ordering gift cards: an order of its own, with a line for each card and nothing to pack. The cards are worth nothing until it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.utils import translation

from crm import operations as crm
from finance import operations as finance
from finance import workflows as money
from oms import events
from oms.models import Order, OrderLine
from oms.states import DeliveryKind, FulfillmentStatus, LineKind, OrderStatus, PaymentMethod
from oms.workflows.baskets import UnknownChannel
from oms.workflows.checkout import InvalidContact
from oms.workflows.payment_deadlines import payment_deadline
from oms.workflows.placing import Placed
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput
from retail.kernel.identifiers import parse_email, parse_phone
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from storefront import selectors as catalog

AMOUNT_MIN, AMOUNT_MAX = Decimal(500), Decimal(50_000)
CARDS_MAX = 20
SEND_DAYS_MAX = 365
# Paid before anything is sent, so not in cash at a door; and money that is on a card stays there.
METHODS = (PaymentMethod.CARD, PaymentMethod.BANK_TRANSFER)


class InvalidGiftCard(InvalidInput):
    """An amount, a recipient or a day that no card can have; `fields` names them."""

    code = "INVALID_GIFT_CARD"


@dataclass(frozen=True, slots=True)
class CardsWanted:
    """What the buyer says."""

    cards: Sequence[crm.NewCard]
    email: str
    name: str
    payment_method: str
    phone: str = ""
    channel_code: str = "web-rs"
    language: str = "sr-latn"
    customer_id: int | None = None
    idempotency_caller: str = ""
    idempotency_key: str = ""


def order_gift_cards(*, wanted: CardsWanted, by: User | None, now: datetime) -> Placed:
    """Write the order once; the same key gives the same order again. The bank's page is opened outside the transaction.

    Refuses InvalidGiftCard, InvalidContact, UnknownChannel.
    """
    contact = _contact(wanted)
    cards = [_checked(card, now) for card in wanted.cards]
    if not 1 <= len(cards) <= CARDS_MAX:
        raise InvalidGiftCard("An order is for 1 to 20 cards.", fields=["cards"])
    try:
        placed = _write(wanted, contact, cards, by, now)
    except IntegrityError as error:
        if "order_once_per_key" not in str(error):
            raise
        placed = _placed_before(wanted)
    if placed.payment.method != PaymentMethod.CARD:
        return placed
    try:
        payment = money.open_card_session(payment_id=placed.payment.pk, language=wanted.language, now=now)
    except money.CardUnavailable:
        return placed  # the order stands; its page offers another try
    return Placed(placed.order, payment, payment.redirect_url or None, placed.lines)


def _contact(wanted: CardsWanted) -> tuple[str, str]:
    email, phone = parse_email(wanted.email), parse_phone(wanted.phone) if wanted.phone.strip() else ""
    wrong = {
        "email": not email,
        "phone": phone is None,
        "name": not wanted.name.strip(),
        "payment": wanted.payment_method not in METHODS,
    }
    if any(wrong.values()):
        raise InvalidContact(
            "Some fields are missing or not right.", fields=sorted(k for k, bad in wrong.items() if bad)
        )
    return email or "", phone or ""


def _checked(card: crm.NewCard, now: datetime) -> crm.NewCard:
    email, today = parse_email(card.recipient_email), business_date(now)
    wrong = {
        "amount": not (AMOUNT_MIN <= card.amount <= AMOUNT_MAX) or card.amount % 1 != 0,
        "recipient_email": not email,
        "send_on": not today <= card.send_on <= today + timedelta(days=SEND_DAYS_MAX),
    }
    if any(wrong.values()):
        raise InvalidGiftCard(
            f"A card has a whole amount from {AMOUNT_MIN} to {AMOUNT_MAX}, an address and a day within a year.",
            fields=sorted(name for name, bad in wrong.items() if bad),
        )
    return crm.NewCard(
        amount=card.amount.quantize(Decimal("0.01")),
        recipient_email=email or "",
        send_on=card.send_on,
        recipient_name=card.recipient_name,
        sender_name=card.sender_name,
        message=card.message,
    )


@transaction.atomic
def _write(
    wanted: CardsWanted,
    contact: tuple[str, str],
    cards: Sequence[crm.NewCard],
    by: User | None,
    now: datetime,
) -> Placed:
    channel = catalog.channel_by_code(wanted.channel_code)
    if channel is None:
        raise UnknownChannel("There is no such channel.", channel=wanted.channel_code[:40])
    email, phone = contact
    customer_id = (
        wanted.customer_id
        or crm.find_or_create_person(
            name=wanted.name.strip()[:200], email=email, phone=phone, language=wanted.language, now=now
        ).pk
    )
    total = sum((card.amount for card in cards), ZERO)
    order = Order.objects.create(
        number=_next_number(now),
        channel=channel,
        entity_id=channel.entity_id,
        customer_id=customer_id,
        placed_by=by,
        status=OrderStatus.PENDING_PAYMENT,
        fulfillment_status=FulfillmentStatus.UNROUTED,
        currency=channel.currency,
        language=wanted.language,
        email=email,
        phone=phone,
        name=wanted.name.strip()[:200],
        delivery_method=DeliveryKind.DIGITAL,
        payment_method=wanted.payment_method,
        goods_total=total,
        total=total,
        due_total=total,
        payment_deadline=payment_deadline(wanted.payment_method, now),
        placed_at=now,
        idempotency_caller=wanted.idempotency_caller,
        idempotency_key=wanted.idempotency_key,
    )
    lines = _lines(order, cards, now)
    crm.make_cards(
        cards=cards,
        entity_id=order.entity_id,
        currency=order.currency,
        order_number=order.number,
        customer_id=customer_id,
        language=wanted.language,
        now=now,
    )
    payment = finance.create_payment(order_id=order.pk, method=wanted.payment_method, now=now)
    announce(
        events.OrderPlaced(order_id=order.pk, number=order.number, status=order.status),
        subject=("order", order.number),
    )
    return Placed(order, payment, None, lines)


def _lines(order: Order, cards: Sequence[crm.NewCard], now: datetime) -> list[OrderLine]:
    with translation.override(order.language):
        title = str(LineKind.GIFT_CARD.label)
    return OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            customer_id=order.customer_id,
            position=position,
            kind=LineKind.GIFT_CARD,
            title=title,
            quantity=1,
            unit_price=card.amount,
            total=card.amount,
            # Taxed when it is used.
            tax_rate=ZERO,
            ordered_at=now,
        )
        for position, card in enumerate(cards, start=1)
    )


def _next_number(now: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT lpad(nextval('oms_order_number')::text, 6, '0')")
        return f"ORD-{business_date(now).year}-{cursor.fetchone()[0]}"


def _placed_before(wanted: CardsWanted) -> Placed:
    order = Order.objects.get(
        idempotency_caller=wanted.idempotency_caller, idempotency_key=wanted.idempotency_key
    )
    payment = finance.newest_payment(order_id=order.pk)
    return Placed(order, payment, payment.redirect_url or None, list(order.lines.all()))
