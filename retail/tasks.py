"""Celery doors of the roof."""

from celery import shared_task
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from audit.operations import seal
from retail.kernel import idempotency, outbox

# Set while a ring is on its way; a ring that got lost is forgotten after a second.
BELL, BELL_SECONDS = "bell:outbox", 1


@shared_task
def run_outbox() -> int:
    """Runs every handler that is due. The doorbell calls it at once, the scheduler in case a ring was lost."""
    cache.delete(BELL)
    total = 0
    while done := outbox.run_pending(now=timezone.now()):
        total += done
    return total


@shared_task
def clear_sessions() -> None:
    call_command("clearsessions")


@shared_task
def seal_trace() -> int:
    """Chains the audit entries that no open transaction can still precede."""
    total = 0
    while done := seal(now=timezone.now()):
        total += done
    return total


@shared_task
def forget_old_keys() -> int:
    return idempotency.forget_old_keys(now=timezone.now())
