"""Parcels under way: followed by signed messages, asked about when silent, announced when they left without a label.

Never a lock across a call to the outside.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from oms.carriers import client as carriers
from retail.kernel.outside import ProviderRefused, ProviderTimeout, ProviderUnavailable
from warehouse.models import Parcel
from warehouse.operations.refusals import UnknownShipment
from warehouse.operations.shipments import lock_shipment
from warehouse.operations.tracking import record_announcement
from warehouse.states import ShipmentStatus
from warehouse.workflows.deliveries import deliver, fail_delivery
from warehouse.workflows.labels import request_of

logger = logging.getLogger("onerow.parcels")

# How far a status is; a message that tells of an earlier one comes late and changes nothing.
_RANKS = {
    "ANNOUNCED": 1,
    "PICKED_UP": 2,
    "IN_TRANSIT": 3,
    "OUT_FOR_DELIVERY": 4,
    "REFUSED": 5,
    "UNDELIVERABLE": 5,
    "DELIVERED": 6,
    "LOST": 6,
    "RETURNED": 6,
}
_FAILURES = ("REFUSED", "UNDELIVERABLE", "LOST")
_SILENT_FOR = timedelta(hours=12)


def announce_parcels(*, now: datetime, limit: int = 100, client: carriers.CarrierClient | None = None) -> int:
    """Tell the carrier of dispatched parcels that it does not know yet; the reference makes a repeat harmless."""
    waiting = Parcel.objects.filter(
        announced_at__isnull=True,
        shipment__service__isnull=False,
        shipment__status=ShipmentStatus.DISPATCHED,
    ).order_by("id")
    rows = list(
        waiting.select_related("shipment__order", "shipment__location__entity", "shipment__service__carrier")[
            :limit
        ]
    )
    if not rows:
        return 0
    carrier = client or carriers.from_settings()

    def announce(parcel: Parcel) -> bool:
        told = carrier.announce(parcel=request_of(parcel.shipment, parcel, parcel.cod_amount))
        record_announcement(
            parcel_id=parcel.pk,
            reference=told.reference,
            tracking_number=told.tracking_number,
            barcode=told.barcode,
            status=told.status,
            cash=parcel.cod_amount,
            now=now,
        )
        return True

    return _each(rows, announce)


def receive_carrier_event(*, headers: Mapping[str, str], raw_body: bytes, now: datetime) -> str:
    """The door for tracking messages: prove it, then act on it. Twice, late and out of order are all harmless."""
    message = carriers.verify_event(
        headers=headers, raw_body=raw_body, secrets=settings.CARRIER_SECRETS, now=now
    )
    return follow_parcel(reference=message.parcel.reference, status=message.parcel.status, now=now)


def follow_parcel(*, reference: str, status: str, now: datetime) -> str:
    """One parcel is so far. A shipment is delivered with its last parcel, and failed with its first. Says what was done."""
    found = Parcel.objects.filter(number=reference).values_list("pk", "shipment_id").first()
    if found is None:
        raise UnknownShipment("There is no such parcel.", parcel=reference[:30])
    with transaction.atomic():
        _, shipment = lock_shipment(shipment_id=found[1])
        parcels = list(Parcel.objects.select_for_update().filter(shipment=shipment).order_by("id"))
        parcel = next(one for one in parcels if one.pk == found[0])
        if (
            _RANKS.get(status, 0) <= _RANKS.get(parcel.tracking_status, 0)
            and status != parcel.tracking_status
        ):
            return "LATE"
        parcel.tracking_status = status[:16]
        parcel.save(update_fields=["tracking_status"])
        if status in _FAILURES and shipment.status == ShipmentStatus.DISPATCHED:
            fail_delivery(shipment_id=shipment.pk, reason=status, by=None, now=now)
            return status
        under_way = (ShipmentStatus.DISPATCHED, ShipmentStatus.UNDELIVERED)
        if shipment.status in under_way and all(one.tracking_status == "DELIVERED" for one in parcels):
            deliver(shipment_id=shipment.pk, by=None, now=now)
            return "DELIVERED"
    return "NOTED"


def refresh_parcels(*, now: datetime, limit: int = 100, client: carriers.CarrierClient | None = None) -> int:
    """Ask about parcels that should have arrived by now: a lost message must not leave an order open."""
    silent = Parcel.objects.filter(
        announced_at__lte=now - _SILENT_FOR, shipment__status=ShipmentStatus.DISPATCHED
    ).order_by("announced_at", "pk")
    parcels = list(silent[:limit])
    if not parcels:
        return 0
    carrier = client or carriers.from_settings()

    def ask(parcel: Parcel) -> bool:
        seen = carrier.fetch(reference=parcel.number)
        if seen is None or seen.status == parcel.tracking_status:
            return False
        follow_parcel(reference=parcel.number, status=seen.status, now=now)
        return True

    return _each(parcels, ask)


def _each(parcels: Iterable[Parcel], act: Callable[[Parcel], bool]) -> int:
    """One parcel that fails does not hold up the others; only a carrier that is away ends the round. Counts what changed."""
    done = 0
    for parcel in parcels:
        try:
            done += act(parcel)
        except ProviderUnavailable:
            break  # the next sweep finds the rest
        except (ProviderRefused, ProviderTimeout) as problem:
            logger.warning("parcel %s: %s", parcel.number, problem)
        except Exception:
            logger.exception("a sweep could not finish parcel %s", parcel.number)
    return done
