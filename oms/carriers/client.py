"""The carrier's API: announce a parcel, call it off, follow it. Announcing is idempotent by our parcel reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from retail.kernel import signatures
from retail.kernel.errors import InvalidInput
from retail.kernel.outside import Breaker, Service, shared_breaker

SERVICE = "carrier"


@dataclass(frozen=True, slots=True)
class Party:
    """Sender or recipient of a parcel."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str
    phone: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class ParcelRequest:
    """A parcel to be announced. `cash_on_delivery` is what the courier collects at the door, None for nothing."""

    reference: str
    carrier: str
    service: str
    weight_grams: int
    sender: Party
    recipient: Party
    notify_url: str
    cash_on_delivery: Decimal | None = None
    currency: str = "RSD"


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One step on the way.

    `status`: ANNOUNCED, CANCELED, PICKED_UP, IN_TRANSIT, OUT_FOR_DELIVERY, DELIVERED, REFUSED, UNDELIVERABLE, LOST, RETURNED.
    """

    status: str
    happened_at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class CarrierParcel:
    """An announced parcel; `barcode` is what the label must show."""

    reference: str
    carrier: str
    tracking_number: str
    barcode: str
    status: str
    cash_on_delivery: Decimal | None
    currency: str
    events: tuple[TrackingEvent, ...]


@dataclass(frozen=True, slots=True)
class CarrierMessage:
    """A genuine tracking message. It may come twice, late or out of order: `parcel` is the state when it was written."""

    event_id: str
    kind: str  # parcel.delivered, parcel.refused, …
    created_at: datetime
    parcel: CarrierParcel


class CarrierClient:
    """Calls of the carrier's API."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout_seconds: float = 10.0,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._service = Service(
            name=SERVICE,
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout_seconds=timeout_seconds,
            breaker=breaker,
            transport=transport,
        )

    def close(self) -> None:
        self._service.close()

    def announce(self, *, parcel: ParcelRequest) -> CarrierParcel:
        """Makes the label's tracking number and barcode; the same reference and values give the same parcel again."""
        cash = parcel.cash_on_delivery
        answer = self._service.call(
            "announce",
            "POST",
            "v1/parcels",
            payload={
                "reference": parcel.reference,
                "carrier": parcel.carrier,
                "service": parcel.service,
                "weight_grams": parcel.weight_grams,
                "sender": asdict(parcel.sender),
                "recipient": asdict(parcel.recipient),
                "cash_on_delivery": None
                if cash is None
                else {"amount": f"{cash:.2f}", "currency": parcel.currency},
                "notify_url": parcel.notify_url,
            },
        )
        return self._parcel("announce", answer.data)

    def fetch(self, *, reference: str) -> CarrierParcel | None:
        """The parcel under our reference with its events, or None when the carrier has none."""
        answer = self._service.call(
            "fetch", "GET", f"v1/parcels/{quote(reference, safe='')}", is_absence_told=True
        )
        return None if answer.status == 404 else self._parcel("fetch", answer.data)

    def cancel(self, *, reference: str) -> CarrierParcel:
        """Calls off a parcel that the courier has not picked up yet; calling off twice is the same as once."""
        answer = self._service.call(
            "cancel", "POST", f"v1/parcels/{quote(reference, safe='')}/cancel", payload={}
        )
        return self._parcel("cancel", answer.data)

    def _parcel(self, operation: str, data: Any) -> CarrierParcel:
        try:
            return read_parcel(data)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise self._service.unreadable(operation) from error


def verify_event(
    *, headers: Mapping[str, str], raw_body: bytes, secrets: Sequence[str], now: datetime
) -> CarrierMessage:
    """The message, once its signature and time are proved; else `InvalidSignature`, or `InvalidInput` for a strange body."""
    message_id = signatures.verify(headers=headers, body=raw_body, secrets=secrets, now=now)
    try:
        data = json.loads(raw_body, parse_float=Decimal)
        return CarrierMessage(
            event_id=message_id,
            kind=str(data["type"]),
            created_at=datetime.fromisoformat(data["created_at"]),
            parcel=read_parcel(data["data"]["parcel"]),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise InvalidInput("The message is signed, but it is not a tracking message.") from error


def read_parcel(data: Any) -> CarrierParcel:
    """A parcel from the carrier's JSON. Raises KeyError, TypeError, ValueError or ArithmeticError when it is none."""
    cash = data["cash_on_delivery"]
    return CarrierParcel(
        reference=str(data["reference"]),
        carrier=str(data["carrier"]),
        tracking_number=str(data["tracking_number"]),
        barcode=str(data["barcode"]),
        status=str(data["status"]),
        cash_on_delivery=Decimal(cash["amount"]) if cash else None,
        currency=str(cash["currency"]) if cash else "",
        events=tuple(
            TrackingEvent(
                status=str(one["status"]),
                happened_at=datetime.fromisoformat(one["happened_at"]),
                place=str(one["place"]),
            )
            for one in data["events"]
        ),
    )


def from_settings() -> CarrierClient:
    """The carrier that the settings name; one client in a process, since making one is dear."""
    if not settings.CARRIER_URL:
        raise ImproperlyConfigured("CARRIER_URL must be set before parcels can be announced.")
    return _client(settings.CARRIER_URL, settings.CARRIER_KEY, settings.CARRIER_TIMEOUT_SECONDS)


@cache
def _client(base_url: str, api_key: str, timeout_seconds: float) -> CarrierClient:
    return CarrierClient(
        base_url=base_url, api_key=api_key, timeout_seconds=timeout_seconds, breaker=shared_breaker(base_url)
    )
