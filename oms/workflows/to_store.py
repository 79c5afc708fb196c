"""Goods for a store: what the plan of a shopper's order asks of the places that send them there."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from oms import promise
from oms import routing as engine
from oms.models import Order
from oms.workflows.routing_input import Journey, Question
from oms.workflows.routing_shelves import Unit
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.models import Location, LocationKind


def journey(*, order: Order, store: Location, missing: Sequence[Unit]) -> Journey:
    """To the store's own address, from places of the same company; nobody collects money there."""
    sources = Location.objects.filter(
        entity_id=store.entity_id, is_active=True, kind__in=[LocationKind.STORE, LocationKind.WAREHOUSE]
    ).exclude(pk=store.pk)
    units: dict[int, int] = {}
    for unit in missing:
        units[unit.line.pk] = units.get(unit.line.pk, 0) + unit.quantity
    return Journey(
        postal_code=store.postal_code,
        arrives_by=_arrives_by(order, store),
        is_cash_collected=False,
        units=units,
        sources=frozenset(sources.values_list("pk", flat=True)),
        lead_days_min=promise.STORE_LEAD_DAYS_MIN,
    )


def _arrives_by(order: Order, store: Location) -> date | None:
    """The last day on which goods may come: brought by noon, and received before the promised hour."""
    if order.promised_at is None:
        return order.promised_on
    at = order.promised_at.astimezone(BUSINESS_ZONE)
    brought = datetime.combine(at.date(), promise.NOON, BUSINESS_ZONE)
    is_enough = at - brought >= timedelta(minutes=store.receive_minutes)
    return at.date() if is_enough else at.date() - timedelta(days=1)


def tell_arrivals(
    *,
    steps: Sequence[dict[str, Any]],
    question: Question,
    plan: engine.Plan,
    store: Location,
    is_first: bool,
) -> None:
    """Each step of a transfer says where it goes and when it is there; the store's own units are a parcel before the others."""
    for step, i, v in zip(steps, plan.location, plan.service, strict=True):
        if step["location"] is None:
            continue
        step["to"] = [store.code]
        step["arrives_on"] = question.arrivals[(int(i), int(v))].isoformat()
        step["parcel"] += 0 if is_first else 1
