"""Verbs about gift cards and what is on them. They run inside the transaction that also posts what the books owe
(`finance.workflows.gift_cards`); none of them posts anything itself.

The row of a card is locked in the order of its key, after coupons and budgets and before claims. What the verbs check the database
checks too: the balance follows the entries by a trigger and is refused below zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import get_random_string, salted_hmac

from crm.events import GiftCardBlocked, GiftCardSent, GiftCardUnblocked
from crm.models import GiftCard, GiftCardEntry
from crm.operations.coupons import ALPHABET, normal_code
from crm.operations.letters import SEND_LEASE
from crm.states import GiftCardReason
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce

# 16 letters of 23: 72 bits, so guessing is hopeless even before it is counted.
CODE_LENGTH = 16


class UnknownGiftCard(NotFound):
    """No such card, or it is blocked, empty or over: the answer is the same."""

    code = "UNKNOWN_GIFT_CARD"


class GiftCardGone(Refusal):
    """What was on the card was spent elsewhere a moment ago."""

    code = "GIFT_CARD_GONE"


class GiftCardUsed(Refusal):
    """Something of the card was spent already, so it cannot be returned."""

    code = "GIFT_CARD_USED"


class GiftCardNotPaid(Refusal):
    """Nothing was paid for the card yet."""

    code = "GIFT_CARD_NOT_PAID"


@dataclass(frozen=True, slots=True)
class NewCard:
    """What the buyer says of a card."""

    amount: Decimal
    recipient_email: str
    send_on: date
    recipient_name: str = ""
    sender_name: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class CardChange:
    """What one document takes from a card, or puts on it."""

    card_id: int
    amount: Decimal
    source: tuple[str, str]


def looks_like_a_card(text: str) -> bool:
    """Whether what was typed has the form of a card's code; coupons are shorter or have other letters."""
    code = normal_code(text)
    return len(code) == CODE_LENGTH and all(sign in ALPHABET for sign in code)


def digest_of(text: str) -> str:
    """What is kept of a code: keyed, so that the table alone says nothing."""
    return salted_hmac("crm.gift_card", normal_code(text), algorithm="sha256").hexdigest()


def shown_code(code: str) -> str:
    """In groups of four, as it is printed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def make_cards(
    *,
    cards: Sequence[NewCard],
    entity_id: int,
    currency: str,
    order_number: str,
    customer_id: int | None,
    language: str,
    now: datetime,
) -> list[GiftCard]:
    """Cards that an order asks for: worth nothing until they are paid."""
    return GiftCard.objects.bulk_create(
        GiftCard(
            entity_id=entity_id,
            currency=currency,
            amount=card.amount,
            order_number=order_number,
            customer_id=customer_id,
            sender_name=card.sender_name.strip()[:120],
            recipient_name=card.recipient_name.strip()[:120],
            recipient_email=card.recipient_email,
            message=card.message.strip()[:500],
            language=language,
            send_on=card.send_on,
            created_at=now,
        )
        for card in cards
    )


def lock_cards(*, card_ids: Sequence[int]) -> list[GiftCard]:
    return list(GiftCard.objects.select_for_update(of=("self",)).filter(pk__in=card_ids).order_by("pk"))


def lock_cards_of_order(*, order_number: str) -> None:
    """The cards that an order was paid with, before anything that comes later in the order of locks; one statement."""
    spent = GiftCardEntry.objects.filter(order_number=order_number).values("card_id")
    list(
        GiftCard.objects.select_for_update(of=("self",)).filter(pk__in=spent).order_by("pk").values_list("pk")
    )


def issue_cards(
    *, cards: Sequence[GiftCard], source: tuple[str, str], expires_on: date | None, now: datetime
) -> list[GiftCardEntry]:
    """They are paid: what was paid is on them from now on. The cards are locked."""
    for card in cards:
        card.expires_on = expires_on
    GiftCard.objects.bulk_update(cards, ["expires_on"])
    changes = [CardChange(card.pk, card.amount, source) for card in cards]
    return _write(changes, GiftCardReason.ISSUED, cards[0].order_number, now)


def spend_cards(*, spends: Sequence[CardChange], order_number: str, now: datetime) -> list[GiftCardEntry]:
    """Take these amounts off the cards, all or nothing. Refuses GiftCardGone when somebody else was faster."""
    wanted = {spend.card_id: spend.amount for spend in spends}
    today = business_date(now)
    for card in lock_cards(card_ids=list(wanted)):
        if not is_usable(card, today) or card.balance < wanted[card.pk]:
            raise GiftCardGone("What was on a gift card of this basket was spent a moment ago.")
    changes = [CardChange(spend.card_id, -spend.amount, spend.source) for spend in spends]
    return _write(changes, GiftCardReason.SPENT, order_number, now)


def put_back(*, change: CardChange, order_number: str, now: datetime) -> GiftCardEntry:
    """Money of an order comes back to the card it came from, also to one that is blocked or over meanwhile: it is the holder's."""
    return _write([change], GiftCardReason.GIVEN_BACK, order_number, now)[0]


def take_all(
    *, card: GiftCard, reason: GiftCardReason, source: tuple[str, str], order_number: str, now: datetime
) -> GiftCardEntry:
    """Everything that is on the card goes: it is returned, or over. The card is locked."""
    entry = _write([CardChange(card.pk, -card.balance, source)], reason, order_number, now)[0]
    card.balance = Decimal("0.00")
    return entry


def is_usable(card: GiftCard, today: date) -> bool:
    return (
        card.balance > 0 and card.blocked_at is None and (card.expires_on is None or card.expires_on >= today)
    )


def card_by_code(*, code: str) -> GiftCard | None:
    return GiftCard.objects.filter(code_digest=digest_of(code)).first() if looks_like_a_card(code) else None


def find_card(*, code: str, today: date) -> GiftCard | None:
    """The card that this code opens, if something can be paid with it."""
    card = card_by_code(code=code)
    return card if card is not None and is_usable(card, today) else None


@transaction.atomic
def take_card_to_send(*, card_id: int, now: datetime) -> tuple[GiftCard, str] | None:
    """A card whose letter is due, with the code that is made for it; None when it is sent, taken, or not due.

    A letter of which nobody knows whether it left is written again after the lease, with a new code: the older one is worth nothing then.
    """
    card = (
        GiftCard.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk=card_id, sent_at__isnull=True, send_on__lte=business_date(now), entries__isnull=False)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .first()
    )
    if card is None:
        return None
    code = get_random_string(CODE_LENGTH, ALPHABET)
    card.code_digest, card.last_four, card.next_attempt_at = digest_of(code), code[-4:], now + SEND_LEASE
    card.save(update_fields=["code_digest", "last_four", "next_attempt_at"])
    return card, shown_code(code)


@transaction.atomic
def mark_sent(*, card: GiftCard, now: datetime) -> None:
    """The letter with the code of this moment has left."""
    changed = GiftCard.objects.filter(pk=card.pk, code_digest=card.code_digest, sent_at__isnull=True).update(
        sent_at=now, next_attempt_at=None
    )
    if changed:
        announce(GiftCardSent(card=card.public_id, order=card.order_number), subject=_subject(card))


@transaction.atomic
def block_card(*, public_id: str, reason: str, by: User | None, now: datetime) -> GiftCard:
    """Nothing is paid with it until it is unblocked; what is on it stays. The same again changes nothing."""
    if not reason.strip():
        raise InvalidInput("Say why the card is blocked.")
    card = _card(public_id)
    if card.blocked_at is None:
        card.blocked_at, card.block_reason = now, reason.strip()[:200]
        card.save(update_fields=["blocked_at", "block_reason"])
        announce(GiftCardBlocked(card=card.public_id, reason=card.block_reason), subject=_subject(card))
    return card


@transaction.atomic
def unblock_card(*, public_id: str, reason: str, by: User | None) -> GiftCard:
    if not reason.strip():
        raise InvalidInput("Say why the card is unblocked.")
    card = _card(public_id)
    if card.blocked_at is not None:
        card.blocked_at, card.block_reason = None, ""
        card.save(update_fields=["blocked_at", "block_reason"])
        announce(GiftCardUnblocked(card=card.public_id, reason=reason.strip()[:200]), subject=_subject(card))
    return card


@transaction.atomic
def send_again(*, public_id: str, recipient_email: str, by: User | None) -> GiftCard:
    """The letter is lost, or went to a wrong address: a new one leaves with a new code. Refuses GiftCardNotPaid."""
    card = _card(public_id)
    if not GiftCardEntry.objects.filter(card=card).exists():
        raise GiftCardNotPaid("Nothing was paid for this card yet.")
    card.recipient_email, card.sent_at, card.next_attempt_at = recipient_email, None, None
    card.code_digest = card.last_four = ""
    card.save(update_fields=["recipient_email", "sent_at", "next_attempt_at", "code_digest", "last_four"])
    return card


def _card(public_id: str) -> GiftCard:
    card = GiftCard.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if card is None:
        raise UnknownGiftCard("There is no such gift card.")
    return card


def _write(
    changes: Sequence[CardChange], reason: GiftCardReason, order_number: str, now: datetime
) -> list[GiftCardEntry]:
    return GiftCardEntry.objects.bulk_create(
        GiftCardEntry(
            card_id=change.card_id,
            amount=change.amount,
            reason=reason,
            source_kind=change.source[0],
            source_key=change.source[1],
            order_number=order_number,
            created_at=now,
        )
        for change in sorted(changes, key=lambda change: change.card_id)
    )


def _subject(card: GiftCard) -> tuple[str, str]:
    return ("gift_card", card.public_id)
