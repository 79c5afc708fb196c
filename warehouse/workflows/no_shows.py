"""Pickups that nobody comes for: after some days the order is canceled, and the units wait to be put back."""

from datetime import datetime, timedelta

from oms.states import DeliveryKind
from oms.workflows import cancellation
from retail.kernel.errors import Refusal
from warehouse.models import Shipment
from warehouse.states import ShipmentStatus

PICKUP_DAYS = 7


def release_no_shows(*, now: datetime, days: int = PICKUP_DAYS, limit: int = 200) -> int:
    """Cancel pickups that have been ready for too long; each in its own transaction. Returns how many."""
    waiting = (
        Shipment.objects.filter(
            method=DeliveryKind.STORE_PICKUP,
            status=ShipmentStatus.READY,
            is_packed=True,
            packed_at__lte=now - timedelta(days=days),
        )
        .order_by("packed_at", "pk")
        .values_list("order_id", flat=True)
    )
    done = 0
    for order_id in list(dict.fromkeys(waiting))[:limit]:
        try:
            cancellation.cancel_order(
                order_id=order_id, reason=f"not picked up in {days} days", by=None, now=now
            )
            done += 1
        except Refusal:
            continue  # handed over, or canceled, a moment ago
    return done
