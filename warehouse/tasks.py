"""Celery doors of the warehouse."""

from celery import shared_task
from django.utils import timezone

from warehouse import operations, workflows
from warehouse.workflows import labels


@shared_task
def release_expired_holds() -> int:
    """Of shelves and of what is under way."""
    now = timezone.now()
    return operations.release_expired_holds(now=now) + operations.release_expired_supply(now=now)


@shared_task
def release_no_shows() -> int:
    return workflows.release_no_shows(now=timezone.now())


@shared_task
def make_labels() -> int:
    return labels.make_waiting_labels(now=timezone.now())


@shared_task
def announce_parcels() -> int:
    return workflows.announce_parcels(now=timezone.now())


@shared_task
def refresh_parcels() -> int:
    return workflows.refresh_parcels(now=timezone.now())
