"""Gift cards from the money that buys them to the day they end: issued when paid, returned unused, over when their time is.

What is on all cards of a company is its account 4305. Nothing of it is revenue and nothing is taxed before goods leave for it, so the
receipt of its sale is one for an advance without tax. Why: docs/decisions/0013-gift-cards.md.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from crm import operations as crm
from crm import points as calendar
from crm.models import GiftCard
from crm.states import GiftCardReason
from finance import rules
from finance.chart import ADVANCES, OTHER_INCOME
from finance.models import JournalEntry, Refund
from finance.operations.gift_cards import more
from finance.operations.ledger import credit, debit, post_entry
from finance.operations.papers import advance_items, queue_fiscal_receipt, rate_rows
from finance.operations.refunds import request_refund
from finance.rules import RateAmounts
from finance.states import FiscalKind, FiscalTransaction
from finance.workflows.due import PAID, charge_card, deliver_due, in_hand
from oms import operations as orders
from oms.models import Order
from oms.states import LineKind
from retail.kernel.clock import business_date
from retail.kernel.models import User
from retail.kernel.money import ZERO

# What is on a card can be spent for so long; the letter and the balance page say the day.
GOOD_FOR_MONTHS = 24
ISSUE, EXPIRY, RETURN = "gift_cards", "gift_card_expiry", "gift_card_return"


# Issued when paid


def deliver_cards(*, order_id: int, now: datetime) -> str:
    """Take the money of an order of gift cards and put it on them; "" when nothing is to be done, else ISSUED or why not yet.

    Outside any transaction: a bank card is captured now, as it is for goods that leave. It may run any number of times.
    """
    reason = charge_card(order_id=order_id, charge=_to_issue, cause_key=f"gift_cards:{order_id}", now=now)
    return reason or _issue(order_id, now)


def deliver_due_cards(*, now: datetime, batch: int = 100) -> int:
    return deliver_due(
        LineKind.GIFT_CARD,
        lambda order_id: deliver_cards(order_id=order_id, now=now) == "ISSUED",
        batch=batch,
    )


@transaction.atomic
def close_case(*, order_id: int, resolution: str, now: datetime) -> None:
    """The card could not be charged for them: that is over when they are paid otherwise, or when nobody wants them any more."""
    orders.resolve_cause(
        kind="AUTHORIZATION_EXPIRED",
        cause_key=f"gift_cards:{order_id}",
        resolution=resolution,
        now=now,
    )


def _to_issue(order: Order) -> Decimal:
    lines = order.lines.filter(kind=LineKind.GIFT_CARD, quantity_dispatched=0, quantity_canceled=0)
    return sum((line.total for line in lines), ZERO)


@transaction.atomic
def _issue(order_id: int, now: datetime) -> str:
    order = orders.lock_order(order_id=order_id)
    lines = list(order.lines.filter(kind=LineKind.GIFT_CARD, quantity_dispatched=0, quantity_canceled=0))
    if order.status not in PAID or not lines:
        return ""
    total = sum((line.total for line in lines), ZERO)
    if in_hand(order) < total:
        return "WAITING"
    cards = list(
        GiftCard.objects.select_for_update(of=("self",)).filter(order_number=order.number).order_by("pk")
    )
    source = (ISSUE, order.number)
    expires_on = calendar.add_months(business_date(now), GOOD_FOR_MONTHS)
    crm.issue_cards(cards=cards, source=source, expires_on=expires_on, now=now)
    entry = post_entry(
        entity_id=order.entity_id,
        date=business_date(now),
        document_kind=source[0],
        document_key=source[1],
        memo=f"Poklon kartice {order.number}",
        order_number=order.number,
        lines=[debit(ADVANCES, total), *(more(card.public_id, card.amount) for card in cards)],
    )
    _write_receipt(order, total, entry, now)
    orders.record_digital_delivery(order=order, line_ids=[line.pk for line in lines], now=now)
    close_case(order_id=order.pk, resolution="Paid and issued.", now=now)
    return "ISSUED"


def _write_receipt(order: Order, total: Decimal, entry: JournalEntry, now: datetime) -> None:
    """Money before goods of which nobody knows the rate yet: an advance without tax."""
    rates = [RateAmounts(ZERO, total, ZERO)]
    queue_fiscal_receipt(
        order=order,
        kind=FiscalKind.ADVANCE,
        transaction_kind=FiscalTransaction.SALE,
        cause_key=f"gift_cards:{order.number}",
        items=advance_items(rates),
        tax_by_rate=rate_rows(rates),
        payment_method=rules.FISCAL_PAYMENTS[order.payment_method],
        entry=entry,
        now=now,
        cashier=order.channel.code,
        paid_at=now,
    )


# Returned unused


def return_card(
    *, public_id: str, reason: str, by: User | None, now: datetime, bank_account: str = ""
) -> list[Refund]:
    """A card of which nothing was spent goes back: its money to where it came from, the card is empty.

    Refuses UnknownGiftCard, GiftCardNotPaid, GiftCardUsed, AccountMissing.
    """
    found = GiftCard.objects.filter(public_id=public_id).first()
    if found is None:
        raise crm.UnknownGiftCard("There is no such gift card.")
    with transaction.atomic():
        order = orders.lock_order_by_number(number=found.order_number)
        [card] = crm.lock_cards(card_ids=[found.pk])
        entries = list(card.entries.all())
        if not entries:
            raise crm.GiftCardNotPaid("Nothing was paid for this card yet.")
        if card.balance != card.amount:
            raise crm.GiftCardUsed("Something of this card was spent already.")
        crm.take_all(
            card=card,
            reason=GiftCardReason.REFUNDED,
            source=(RETURN, card.public_id),
            order_number=order.number,
            now=now,
        )
        post_entry(
            entity_id=card.entity_id,
            date=business_date(now),
            document_kind=RETURN,
            document_key=card.public_id,
            memo=f"Povrat poklon kartice {order.number}",
            order_number=order.number,
            by=by,
            lines=[more(card.public_id, -card.amount), credit(ADVANCES, card.amount)],
        )
        line = (
            order.lines.filter(kind=LineKind.GIFT_CARD, total=card.amount, quantity_returned=0)
            .order_by("position")
            .first()
        )
        assert line is not None, "each card has its line"
        orders.record_return(order_id=order.pk, lines=[(line.pk, 1)], amount=card.amount, now=now)
        return request_refund(
            order_id=order.pk,
            amount=card.amount,
            reason=reason.strip() or "-",
            by=by,
            now=now,
            bank_account=bank_account,
        )


# Over


def expire_cards(*, now: datetime, limit: int = 500) -> int:
    """What is on cards past their last day is the shop's; each card in a short transaction of its own."""
    today, ended = business_date(now), 0
    past = GiftCard.objects.filter(expires_on__lt=today, balance__gt=0).order_by("expires_on", "pk")
    for card_id in past.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            [card] = crm.lock_cards(card_ids=[card_id])
            if card.balance <= 0:
                continue
            value, key = card.balance, f"{card.public_id}:{card.entries.count()}"
            crm.take_all(
                card=card, reason=GiftCardReason.EXPIRED, source=(EXPIRY, key), order_number="", now=now
            )
            post_entry(
                entity_id=card.entity_id,
                date=today,
                document_kind=EXPIRY,
                document_key=key,
                memo="Istekla poklon kartica",
                lines=[more(card.public_id, -value), credit(OTHER_INCOME, value)],
            )
            ended += 1
    return ended
