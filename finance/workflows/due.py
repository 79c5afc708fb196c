"""Orders whose lines of a kind are paid and not delivered yet: what cards and files wait for that no event has told of."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db.models import F

from oms.models import Order
from oms.states import LineKind, OrderStatus

logger = logging.getLogger("onerow.finance")

PAID = (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT)


def deliver_due(kind: LineKind, deliver: Callable[[int], bool], *, batch: int = 100) -> int:
    """How many were delivered, in batches until none is left; one that fails does not hold up the others."""
    waiting = (
        Order.objects.filter(
            status__in=PAID, lines__kind=kind, lines__quantity_dispatched=0, is_imported=False
        )
        .filter(lines__quantity__gt=F("lines__quantity_canceled"))
        .distinct()
        .order_by("pk")
    )
    done, last = 0, 0
    while found := list(waiting.filter(pk__gt=last).values_list("pk", flat=True)[:batch]):
        for order_id in found:
            try:
                done += deliver(order_id)
            except Exception:
                logger.exception("%s of order %s could not be delivered", kind, order_id)
        last = found[-1]
    return done
