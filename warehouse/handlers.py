"""Reactions of the warehouse to what was announced."""

from django.db import transaction

from retail.kernel.models import OutboxEvent
from retail.kernel.outbox import subscribe
from warehouse import tasks


@subscribe("warehouse.shipment_dispatched")
def announce_when_dispatched(event: OutboxEvent) -> None:
    """The carrier is told by a worker after the commit; a lost ring is made good by the next sweep."""
    transaction.on_commit(tasks.announce_parcels.delay, robust=True)


@subscribe("warehouse.shipment_packed")
@subscribe("warehouse.shipment_dispatched")
def make_labels_when_packed(event: OutboxEvent) -> None:
    """The carrier takes packed parcels on its books; with one cash parcel gone, the next of its order knows its sum."""
    transaction.on_commit(tasks.make_labels.delay, robust=True)
