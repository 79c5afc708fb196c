"""Celery doors of the shop."""

from celery import shared_task
from django.utils import timezone

from retail.kernel import clock
from storefront import operations
from storefront.models import Channel
from storefront.states import Feed


@shared_task
def check_feeds() -> int:
    """What each feed of each channel leaves out."""
    now = timezone.now()
    return sum(
        operations.check_feed(channel=channel, feed=feed, now=now)
        for channel in Channel.objects.filter(is_active=True)
        for feed in Feed.values
    )


@shared_task
def forget_visits() -> int:
    return operations.forget_visits(today=clock.business_date(clock.now()))
