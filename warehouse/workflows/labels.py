"""Labels: a carrier takes a parcel on its books when it is packed, so that its label can be stuck on before it leaves.

Never called inside a transaction. See docs/decisions/0006-labels-at-packing.md for why at packing, and what happens while the carrier
is down.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from finance import selectors as finance
from finance.rules import Sold
from oms.carriers import client as carriers
from oms.states import PaymentMethod
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from retail.kernel.outside import ProviderError, ProviderRefused
from warehouse import selectors as warehouse
from warehouse.models import Parcel, Shipment
from warehouse.operations.refusals import NotPacked, UnknownShipment
from warehouse.operations.tracking import forget_announcement, record_announcement
from warehouse.states import ShipmentStatus
from warehouse.workflows.dispatching import dispatch_shipment

logger = logging.getLogger("onerow.parcels")
NOTHING = Decimal("0.00")
T = TypeVar("T")


class CarrierUnavailable(Refusal):
    """The carrier does not answer: the goods wait, and the same call may be made again."""

    code = "CARRIER_UNAVAILABLE"
    status = 503


class CarrierRefused(Refusal):
    """The carrier does not take the parcel as it is; a person must look at it."""

    code = "CARRIER_REFUSED"


class CashNotFinal(Refusal):
    """Another parcel of the same order leaves first: only then is it known what this one collects."""

    code = "CASH_NOT_FINAL"


class LabelChanged(Refusal):
    """The parcel was announced again, so the label on it is void."""

    code = "LABEL_CHANGED"


def make_labels(*, shipment_id: int, now: datetime) -> list[Parcel]:
    """Announce every parcel of a packed shipment. Doing it twice makes nothing twice; a pickup needs none.

    Refuses NotPacked, CashNotFinal, CarrierUnavailable, CarrierRefused.
    """
    shipment = _shipment(shipment_id)
    if shipment.service is None or shipment.status != ShipmentStatus.READY:
        return []
    if not shipment.is_packed:
        raise NotPacked(f"{shipment.number} is not packed yet.", number=shipment.number)
    cash = _cash_of(shipment)
    parcels = list(shipment.parcels.order_by("pk"))
    for place, parcel in enumerate(parcels):
        # The courier collects everything with the first parcel.
        collects = cash if place == 0 else NOTHING
        if parcel.announced_at is None or parcel.cod_amount != collects:
            parcels[place] = _announce(shipment, parcel, collects, now)
    return parcels


def send_off(*, shipment_id: int, by: User | None, now: datetime) -> Shipment:
    """Hand a packed shipment with valid labels to its carrier: what both steps refuse, and LabelChanged."""
    printed = dict(
        Parcel.objects.filter(shipment_id=shipment_id, announced_at__isnull=False).values_list("pk", "number")
    )
    for parcel in make_labels(shipment_id=shipment_id, now=now):
        if printed.get(parcel.pk, parcel.number) != parcel.number:
            raise LabelChanged(
                "What the courier collects has changed. Print the new label.", parcel=parcel.number
            )
    return dispatch_shipment(shipment_id=shipment_id, by=by, now=now)


def make_waiting_labels(*, now: datetime, limit: int = 100) -> int:
    """Ask again for packed shipments whose label could not be made; how many have one now."""
    done = 0
    for shipment_id in without_label().order_by("packed_at").values_list("pk", flat=True)[:limit]:
        try:
            done += bool(make_labels(shipment_id=shipment_id, now=now))
        except CarrierUnavailable:
            return done
        except Refusal as refusal:
            logger.warning("no label for shipment %s: %s", shipment_id, refusal.code)
    return done


def without_label() -> QuerySet[Shipment]:
    """Packed for a courier, but not on its books."""
    return Shipment.objects.filter(
        status=ShipmentStatus.READY,
        is_packed=True,
        service__isnull=False,
        parcels__announced_at__isnull=True,
    ).distinct()


def _shipment(shipment_id: int) -> Shipment:
    rows = Shipment.objects.select_related("order", "location__entity", "service__carrier")
    found = rows.filter(pk=shipment_id).first()
    if found is None:
        raise UnknownShipment("There is no such shipment.")
    return found


def _cash_of(shipment: Shipment) -> Decimal:
    if shipment.order.payment_method != PaymentMethod.CASH_ON_DELIVERY:
        return NOTHING
    others = Parcel.objects.filter(
        shipment__order=shipment.order,
        shipment__status=ShipmentStatus.READY,
        announced_at__isnull=False,
    ).exclude(shipment=shipment)
    if others.exists():
        raise CashNotFinal(
            f"Another parcel of {shipment.order.number} leaves first; then this label can be made.",
            number=shipment.number,
        )
    sold = warehouse.shipment_contents(shipment_id=shipment.pk).sold
    return finance.collectable(
        order_id=shipment.order_id,
        sold=[Sold(line_id, units) for line_id, units in sorted(sold.items()) if units],
    )


def _announce(shipment: Shipment, parcel: Parcel, cash: Decimal, now: datetime) -> Parcel:
    if parcel.announced_at is not None:
        parcel = _call_off(parcel)
    try:
        told = _ask_for(shipment, parcel, cash)
    except CarrierRefused as refusal:
        if refusal.details["reason"] != "REFERENCE_EXISTS":
            raise
        # Announced before with another sum, and the answer was lost.
        parcel = _call_off(parcel)
        told = _ask_for(shipment, parcel, cash)
    return record_announcement(
        parcel_id=parcel.pk,
        reference=told.reference,
        tracking_number=told.tracking_number,
        barcode=told.barcode,
        status=told.status,
        cash=cash,
        now=now,
    )


def _call_off(parcel: Parcel) -> Parcel:
    _asked(lambda: carriers.from_settings().cancel(reference=parcel.number))
    return forget_announcement(parcel_id=parcel.pk, reference=parcel.number)


def _ask_for(shipment: Shipment, parcel: Parcel, cash: Decimal) -> carriers.CarrierParcel:
    return _asked(lambda: carriers.from_settings().announce(parcel=request_of(shipment, parcel, cash)))


def request_of(shipment: Shipment, parcel: Parcel, cash: Decimal) -> carriers.ParcelRequest:
    """The announcement; an address that a place leaves out is its company's."""
    order, place = shipment.order, shipment.location
    assert shipment.service is not None, "a pickup has no carrier"
    carrier = shipment.service.carrier.code
    return carriers.ParcelRequest(
        reference=parcel.number,
        carrier=carrier,
        service=shipment.service.code,
        weight_grams=parcel.weight_grams,
        sender=carriers.Party(
            name=place.entity.name,
            street=place.street or place.entity.street,
            city=place.city,
            postal_code=place.postal_code or place.entity.postal_code,
            country=place.country,
            phone=place.phone or "-",
        ),
        recipient=carriers.Party(
            name=order.company_name or order.name,
            street=order.street,
            city=order.city,
            postal_code=order.postal_code,
            country=order.country,
            phone=order.phone or "-",
            email=order.email,
        ),
        notify_url=f"{settings.BASE_URL}/api/v1/carriers/{carrier}/events",
        cash_on_delivery=cash or None,
        currency=order.currency,
    )


def _asked(call: Callable[[], T]) -> T:
    """Announcing and calling off are safe to repeat, so an unknown outcome is only a reason to try again."""
    try:
        return call()
    except ProviderRefused as error:
        raise CarrierRefused("The carrier does not take this parcel.", reason=error.code) from error
    except (ProviderError, ImproperlyConfigured) as error:
        raise CarrierUnavailable("The carrier does not answer. The goods wait; try again.") from error
