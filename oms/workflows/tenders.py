"""Other means of payment beside the method that is chosen: gift cards lie in the basket, what they pay is worked out with every price.

They pay in the order in which they were added, each as much as is left; the rest is paid by the chosen method. An order that they
cover is paid at once. Who guesses codes learns nothing: the attempts are counted with those of coupons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from crm import operations as crm
from crm.models import GiftCard, LoyaltyAccount
from finance import operations as finance
from finance.models import Payment
from oms.models import Basket, BasketGiftCard, Order
from oms.rules import payment_status
from oms.states import CHOSEN_METHODS, PaymentMethod
from oms.workflows.basket_coupons import count_code, count_guess
from oms.workflows.baskets import claim_basket, touch_basket
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.rows import insert

CARDS_MAX = 5
POINTS_MAX = 10_000_000


class TooManyGiftCards(Refusal):
    code = "TOO_MANY_GIFT_CARDS"


class TenderChanged(Refusal):
    """What is left to pay is not what the shopper saw: a gift card was spent elsewhere. Show it and ask again."""

    code = "TENDER_CHANGED"


class MethodMissing(InvalidInput):
    """Gift cards, or what is exchanged, do not cover the order: say how the rest is paid."""

    code = "PAYMENT_METHOD_MISSING"


@dataclass(frozen=True, slots=True)
class Tender:
    """A gift card in a basket, and what of it can be spent now."""

    public_id: str
    card_id: int
    card: str
    last_four: str
    balance: Decimal
    is_usable: bool
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What one card of the basket pays of a total; nothing when it is empty, blocked, over, or not needed."""

    tender: Tender
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Split:
    """Who pays what of a total. `method` is the chosen one, or that of gift cards when nothing is left for it."""

    taken: tuple[Taken, ...]
    rest: Decimal
    method: str
    # What goods that are still to come back will pay.
    credit: Decimal = ZERO
    paid: list[finance.CardPayment] = field(default_factory=list)
    awaited: list[Payment] = field(default_factory=list)

    @property
    def covered(self) -> Decimal:
        return sum((one.amount for one in self.taken), ZERO)

    @property
    def spends(self) -> list[finance.Spend]:
        return [
            finance.Spend(one.tender.card_id, one.tender.card, one.amount)
            for one in self.taken
            if one.amount > 0
        ]


def split(*, tenders: Sequence[Tender], total: Decimal, method: str = "", credit: Decimal = ZERO) -> Split:
    credit = min(credit, total)
    rest, taken = total - credit, []
    for tender in tenders:
        amount = min(tender.balance, rest) if tender.is_usable else ZERO
        taken.append(Taken(tender, amount))
        rest -= amount
    is_covered = rest == 0 and total > 0
    if is_covered:
        method = PaymentMethod.EXCHANGE if credit else PaymentMethod.GIFT_CARD
    return Split(tuple(taken), rest, method, credit)


# In the basket


def apply_gift_card(*, token: str, code: str, now: datetime, client_hash: str = "") -> Basket:
    """Put a card into the basket. The same one again changes nothing. Refuses UnknownGiftCard, TooManyAttempts, TooManyGiftCards, BasketNotFound."""
    count_code(token, client_hash)
    with transaction.atomic():
        basket = claim_basket(token)
        card = crm.find_card(code=code, today=business_date(now))
        if (
            card is None
            or card.entity_id != basket.channel.entity_id
            or card.currency != basket.channel.currency
        ):
            raise crm.UnknownGiftCard("This code does not hold.")
        held = set(BasketGiftCard.objects.filter(basket=basket).values_list("card_id", flat=True))
        if card.pk in held:
            return basket
        if len(held) >= CARDS_MAX:
            raise TooManyGiftCards("There are enough gift cards in this basket.", maximum=CARDS_MAX)
        insert([BasketGiftCard(basket=basket, card=card, created_at=now)])
        _mark(basket, has_gift_cards=True)
        touch_basket(basket, now)
    return basket


def remove_gift_card(*, token: str, public_id: str, now: datetime) -> Basket:
    """Take a card out of the basket; one that is not in it is not missed."""
    with transaction.atomic():
        basket = claim_basket(token)
        BasketGiftCard.objects.filter(basket=basket, public_id=public_id).delete()
        _mark(basket, has_gift_cards=BasketGiftCard.objects.filter(basket=basket).exists())
        touch_basket(basket, now)
    return basket


def want_points(*, token: str, points: int, customer_id: int | None, now: datetime) -> Basket:
    """Use so many points for this basket, 0 for none; how many really pay is worked out with every price.

    Refuses NoMember, NotEnoughPoints, BasketNotFound.
    """
    if isinstance(points, bool) or not 0 <= points <= POINTS_MAX:
        raise InvalidInput("The points are a whole number.")
    with transaction.atomic():
        basket = claim_basket(token)
        basket.customer_id = basket.customer_id or customer_id
        if points:
            who = basket.customer_id
            account = LoyaltyAccount.objects.filter(customer_id=who).first() if who is not None else None
            if account is None or customer_id not in (None, who):
                raise crm.NoMember("Only a member can pay with points.")
            if points > account.points:
                raise crm.NotEnoughPoints(
                    f"The member has {account.points} points.", points=account.points, asked=points
                )
        basket.points_wanted = points
        basket.save(update_fields=["points_wanted", "customer"])
        touch_basket(basket, now)
    return basket


def _mark(basket: Basket, *, has_gift_cards: bool) -> None:
    if basket.has_gift_cards != has_gift_cards:
        basket.has_gift_cards = has_gift_cards
        basket.save(update_fields=["has_gift_cards"])


def tenders_of(*, basket: Basket, now: datetime) -> list[Tender]:
    """The cards of the basket; asks only when there are some."""
    if not basket.has_gift_cards:
        return []
    today = business_date(now)
    rows = BasketGiftCard.objects.filter(basket=basket).select_related("card").order_by("pk")
    return [
        Tender(
            row.public_id,
            row.card_id,
            row.card.public_id,
            row.card.last_four,
            row.card.balance,
            crm.is_usable(row.card, today),
            row.card.expires_on,
        )
        for row in rows
    ]


# The same inside the statement that reads a basket for placing: of `v_basket`, on the day `%(day)s`.
TENDERS = """SELECT json_agg(json_build_array(t.public_id, c.id, c.public_id, c.last_four, c.balance::text,
    c.balance > 0 AND c.blocked_at IS NULL AND (c.expires_on IS NULL OR c.expires_on >= %(day)s)) ORDER BY t.id)
  FROM oms_basketgiftcard t JOIN crm_giftcard c ON c.id = t.card_id WHERE t.basket_id = v_basket.id"""


def tenders_from(rows: Sequence[Sequence[Any]] | None) -> list[Tender]:
    """The answer of TENDERS."""
    return [
        Tender(public_id, card_id, card, last_four, Decimal(balance), is_usable)
        for public_id, card_id, card, last_four, balance, is_usable in rows or ()
    ]


# At placing


def check(*, made: Split, expected_rest: Decimal | None) -> None:
    """Refuses TenderChanged, MethodMissing."""
    if expected_rest is not None and made.rest != expected_rest:
        raise TenderChanged("What is left to pay has changed since you saw it.", rest=str(made.rest))
    if made.rest > 0 and made.method not in CHOSEN_METHODS:
        raise MethodMissing("Something of the order is left to pay: say how.", rest=str(made.rest))


def prepare(*, made: Split, order: Order, payment_id: int, now: datetime) -> Payment:
    """The payments of a new order, not written yet: the cards', and the one of the rest, or the last card's when nothing is left.

    The order counts what the cards pay; it is written afterwards.
    """
    made.paid.extend(finance.card_payments(order=order, spends=made.spends, now=now))
    order.captured_total, order.has_gift_cards = made.covered, bool(made.paid)
    order.payment_status = payment_status(
        total=order.total,
        due=order.due_total,
        authorized=order.authorized_total,
        captured=order.captured_total,
        refunded=order.refunded_total,
    )
    attempt = len(made.paid) + 1
    if made.credit:
        awaited = finance.exchange_payment(order=order, amount=made.credit, attempt=attempt, now=now)
        if made.rest == 0:
            awaited.pk = payment_id
            return awaited
        made.awaited.append(awaited)
        attempt += 1
    if made.rest == 0 and made.paid:
        payment = made.paid[-1].payment
        payment.pk = payment_id
        return payment
    return finance.first_payment(
        payment_id=payment_id,
        order=order,
        method=made.method,
        now=now,
        amount=made.rest,
        attempt=attempt,
    )


def spend(*, made: Split, order: Order, now: datetime) -> None:
    """The money leaves the cards: after coupons and budgets, before any claim. Refuses TenderChanged when somebody was faster."""
    if not made.paid:
        return
    try:
        finance.take_from_cards(order_number=order.number, paid=made.paid, now=now)
    except crm.GiftCardGone as gone:
        raise TenderChanged("What is left to pay has changed since you saw it.", rest="") from gone


def book(*, made: Split, order: Order, by: User | None, now: datetime) -> None:
    """Payments, captures and entries of what the cards paid, and the payment that waits for goods; the order is written."""
    insert(made.awaited)
    if made.paid:
        finance.book_card_payments(order=order, paid=made.paid, by=by, now=now)


def look_at_card(*, code: str, client_hash: str) -> GiftCard:
    """The card of whoever has its code, also when it is empty, blocked or over. Refuses UnknownGiftCard, TooManyAttempts."""
    count_guess(client_hash)
    card = crm.card_by_code(code=code)
    if card is None:
        raise crm.UnknownGiftCard("This code does not hold.")
    return card


def cards_of_order(*, order_id: int) -> list[tuple[Payment, GiftCard]]:
    """What gift cards paid of an order, for pages."""
    rows = (
        Payment.objects.filter(order_id=order_id, method=PaymentMethod.GIFT_CARD)
        .select_related("gift_card")
        .order_by("attempt")
    )
    return [(row, row.gift_card) for row in rows if row.gift_card is not None]
