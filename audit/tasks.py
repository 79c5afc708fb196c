"""Celery doors of the trace."""

from celery import shared_task
from django.utils import timezone

from audit import webhooks

# Calls of one run: slow receivers must not keep a worker from other work.
CALLS_MAX = 20


@shared_task
def tell_webhooks() -> int:
    """Queues what is new and calls for what is due; how many calls were made. The scheduler comes again at once."""
    webhooks.queue_events(now=timezone.now())
    for made in range(CALLS_MAX):
        if webhooks.deliver_next(now=timezone.now()) is None:
            return made
    return CALLS_MAX


@shared_task
def forget_webhook_deliveries() -> int:
    return webhooks.forget_deliveries(now=timezone.now())
