"""Reactions of the warehouse to what was announced."""

from django.db import transaction

from retail.kernel.models import OutboxEvent
from retail.kernel.outbox import subscribe
from warehouse import tasks


@subscribe("warehouse.shipment_dispatched")
def announce_when_dispatched(event: OutboxEvent) -> None:
    """The carrier is told by a worker after the commit; a lost ring is made good by the next sweep."""
    transaction.on_commit(tasks.announce_parcels.delay, robust=True)
