"""Money on gift cards: what an order is paid with by card, and what comes back to it.

A card is money that was paid before (4305). Paying with it makes an advance of the order of it (430), as money of any other way does:
revenue and tax come when the goods leave. Every change of a card and its journal entry are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from crm import operations as crm
from finance import selectors
from finance.chart import GIFT_CARDS
from finance.models import Capture, Payment, Refund
from finance.operations.incomes import Income, announce_captured, book_incomes
from finance.operations.ledger import Posting, credit, debit
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.clock import business_date
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.rows import insert

# Of an order that is being written: nothing was booked or papered for it.
_FRESH = selectors.Standing(ZERO, is_booked=False, has_papers=False)


@dataclass(frozen=True, slots=True)
class Spend:
    """What one card pays of an order."""

    card_id: int
    card: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A payment by card with the money that came with it."""

    card: str
    payment: Payment
    capture: Capture


def card_payments(*, order: Order, spends: Sequence[Spend], now: datetime) -> list[CardPayment]:
    """The first payments of a new order, not written yet; what is left is paid by a later one, and goes back first."""
    made = []
    for attempt, spend in enumerate(spends, start=1):
        payment = Payment(
            order=order,
            method=PaymentMethod.GIFT_CARD,
            gift_card_id=spend.card_id,
            attempt=attempt,
            currency=order.currency,
            amount=spend.amount,
            created_at=now,
        )
        made.append(
            CardPayment(spend.card, payment, Capture(payment=payment, amount=spend.amount, created_at=now))
        )
    return made


def take_from_cards(*, order_number: str, paid: Sequence[CardPayment], now: datetime) -> None:
    """The amounts leave the cards. After coupons and budgets, before any claim. Refuses GiftCardGone."""
    crm.spend_cards(
        spends=[
            crm.CardChange(
                one.payment.gift_card_id or 0, one.capture.amount, ("capture", one.capture.public_id)
            )
            for one in paid
        ],
        order_number=order_number,
        now=now,
    )


def book_card_payments(*, order: Order, paid: Sequence[CardPayment], by: User | None, now: datetime) -> None:
    """Their payments, captures and entries; the order, written a moment ago, counts them already."""
    insert([one.payment for one in paid if one.payment.pk is None])
    for one in paid:
        one.capture.payment = one.payment
    day = business_date(now)
    book_incomes(
        [Income(order, one.capture, [_less(one.card, one.capture.amount)], day, _FRESH) for one in paid],
        by=by,
        now=now,
    )
    for one in paid:
        announce_captured(order, one.capture)


def put_back(*, order: Order, refund: Refund, now: datetime) -> None:
    """The card has its money again; the entry of the refund follows in the same transaction."""
    crm.put_back(
        change=crm.CardChange(refund.payment.gift_card_id or 0, refund.amount, ("refund", refund.public_id)),
        order_number=order.number,
        now=now,
    )


def more(card: str, amount: Decimal) -> Posting:
    """More is owed to the holder of this card."""
    return credit(GIFT_CARDS, amount, source_kind="gift_card", source_key=card)


def _less(card: str, amount: Decimal) -> Posting:
    return debit(GIFT_CARDS, amount, source_kind="gift_card", source_key=card)
