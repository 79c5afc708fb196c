"""Gift cards for tests: bought by transfer, issued, sent, and their codes as the letters say them."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from django.core import mail

from crm import operations as crm
from crm.models import GiftCard
from crm.workflows import gift_cards as letters
from finance import workflows as money
from finance.models import Payment
from finance.workflows import gift_cards
from oms.models import Order
from oms.workflows.gift_card_orders import CardsWanted, order_gift_cards
from retail.kernel.clock import business_date
from tests.flows.chain import NOW, Chain

ACCOUNT = "265-1660310005042-68"


def order_cards(chain: Chain, *amounts: str, now: datetime = NOW, **changes: object) -> Order:
    """An order of cards that waits for its transfer."""
    usual: dict[str, object] = {
        "cards": [
            crm.NewCard(
                amount=Decimal(amount),
                recipient_email="mila@example.com",
                send_on=business_date(now),
                recipient_name="Mila",
                sender_name="Ana",
                message="Srećan rođendan!",
            )
            for amount in amounts
        ],
        "email": "ana@example.com",
        "name": "Ana Anić",
        "payment_method": "BANK_TRANSFER",
    }
    return order_gift_cards(wanted=CardsWanted(**{**usual, **changes}), by=None, now=now).order  # type: ignore[arg-type]


def pay(order: Order, *, now: datetime = NOW) -> Order:
    """The bank's statement brings the money."""
    payment = Payment.objects.filter(order=order, method="BANK_TRANSFER").latest("attempt")
    text = "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
    text += f"{order.number},{business_date(now)},{payment.amount},RSD,{payment.reference},Ana,160-12-40,\n"
    report = money.import_bank_statement(account=ACCOUNT, text=text, by=None, now=now)
    assert report.matched == 1
    order.refresh_from_db()
    return order


def make_card(chain: Chain, amount: str, *, now: datetime = NOW) -> tuple[GiftCard, str]:
    """A card that is paid and sent, with its code."""
    order = pay(order_cards(chain, amount, now=now), now=now)
    assert gift_cards.deliver_cards(order_id=order.pk, now=now) == "ISSUED"
    return send(GiftCard.objects.get(order_number=order.number), now=now)


def send(card: GiftCard, *, now: datetime = NOW) -> tuple[GiftCard, str]:
    assert letters.send_card(card_id=card.pk, now=now)
    card.refresh_from_db()
    found = re.search(r"(?:[A-Z0-9]{4}-){3}[A-Z0-9]{4}", str(mail.outbox[-1].body))
    assert found is not None
    return card, found[0]
