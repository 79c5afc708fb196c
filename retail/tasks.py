"""Celery doors of the roof."""

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from retail.kernel import outbox


@shared_task
def run_outbox() -> int:
    """Runs every handler that is due. The doorbell calls it at once, the scheduler in case a ring was lost."""
    total = 0
    while done := outbox.run_pending(now=timezone.now()):
        total += done
    return total


@shared_task
def clear_sessions() -> None:
    call_command("clearsessions")
