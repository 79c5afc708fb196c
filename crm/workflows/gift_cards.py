"""Sending gift cards: the code is made with its letter and lies nowhere else. The mail server is called outside any transaction."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.urls import reverse
from django.utils import translation

from crm import operations as crm
from crm.letters.gift_cards import GiftCardFacts, gift
from crm.letters.paper import Written, write
from crm.models import GiftCard
from retail.kernel.clock import business_date

logger = logging.getLogger("onerow.letters")


def send_card(*, card_id: int, now: datetime) -> bool:
    """Whether its letter left now. A lost answer is repeated after the lease, with another code."""
    taken = crm.take_card_to_send(card_id=card_id, now=now)
    if taken is None:
        return False
    card, code = taken
    written = _written(card, code)
    letter = EmailMultiAlternatives(
        subject=written.subject,
        body=written.text,
        to=[card.recipient_email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    letter.attach_alternative(written.html, "text/html")
    try:
        letter.send()
    except OSError as error:  # smtplib's own errors are OSErrors too
        logger.warning("gift card %s was not sent: %s", card.pk, type(error).__name__)
        return False
    crm.mark_sent(card=card, now=now)
    return True


def send_due_cards(*, now: datetime, limit: int = 200) -> int:
    """Cards that are paid and whose day has come."""
    due = (
        GiftCard.objects.filter(sent_at__isnull=True, send_on__lte=business_date(now), balance__gt=0)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .order_by("send_on", "pk")
    )
    return sum(send_card(card_id=pk, now=now) for pk in due.values_list("pk", flat=True)[:limit])


def _written(card: GiftCard, code: str) -> Written:
    language = card.language or settings.LANGUAGE_CODE
    with translation.override(language):
        facts = GiftCardFacts(
            code=code,
            amount=card.amount,
            currency=card.currency,
            sender=card.sender_name,
            recipient=card.recipient_name,
            message=card.message,
            expires_on=card.expires_on,
            url=f"{settings.BASE_URL}{reverse('shop:gift_card_balance')}",
        )
        return write(gift(facts), language=language)
