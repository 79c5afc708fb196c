"""Celery doors of the letters: one by its number, and the sweep over what waits; and what is forgotten in time."""

from celery import shared_task
from django.utils import timezone

from crm import operations as crm
from crm.workflows import gift_cards
from retail.kernel import clock


@shared_task
def send_message(message_id: int) -> str:
    return crm.send_message(message_id=message_id, now=timezone.now())


@shared_task
def send_messages() -> int:
    return crm.send_queued_messages(now=timezone.now())


@shared_task
def forget_old_views() -> int:
    return crm.forget_old_views(today=clock.business_date(timezone.now()))


@shared_task
def send_gift_cards() -> int:
    return gift_cards.send_due_cards(now=timezone.now())


@shared_task
def fold_offer_marks() -> int:
    return crm.fold_offer_marks()
