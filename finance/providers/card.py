"""The card provider: the shopper pays on its own page, so a card number never comes near us."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from retail.kernel import signatures
from retail.kernel.errors import InvalidInput
from retail.kernel.outside import Breaker, Service, shared_breaker

SERVICE = "card provider"


@dataclass(frozen=True, slots=True)
class CardSession:
    """A payment that waits for the shopper at `redirect_url`."""

    provider_id: str
    reference: str
    redirect_url: str
    status: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CardOperation:
    """One capture, void or refund that the provider carried out; `key` is the idempotency key that we sent."""

    operation_id: str
    kind: str  # CAPTURE, VOID, REFUND
    key: str
    amount: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CardPayment:
    """What the provider knows of one payment now.

    `status`: CREATED, AUTHORIZED, PARTLY_CAPTURED, CAPTURED, VOIDED, DECLINED, FAILED_3DS, CANCELED, EXPIRED.
    Amounts are totals in `currency`; what can still be captured is `capturable`.
    """

    provider_id: str
    reference: str
    status: str
    currency: str
    amount: Decimal
    authorized: Decimal
    captured: Decimal
    refunded: Decimal
    voided: Decimal
    authorization_expires_at: datetime | None
    card_label: str
    operations: tuple[CardOperation, ...]

    @property
    def capturable(self) -> Decimal:
        return self.authorized - self.captured - self.voided

    def operation(self, *, key: str) -> CardOperation | None:
        """The operation that was sent with this key, if it was carried out."""
        return next((operation for operation in self.operations if operation.key == key), None)


@dataclass(frozen=True, slots=True)
class CardEvent:
    """A genuine message. It may come twice, late or out of order: `payment` is the state when it was written."""

    event_id: str
    kind: str  # payment.authorized, payment.captured, …
    created_at: datetime
    payment: CardPayment


class CardProvider:
    """Calls of the card provider. Every call that moves money takes an idempotency key and may be repeated with it."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout_seconds: float = 8.0,
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

    def create_session(
        self,
        *,
        key: str,
        reference: str,
        amount: Decimal,
        currency: str,
        return_url: str,
        notify_url: str,
        language: str = "sr",
        description: str = "",
    ) -> CardSession:
        """Opens a payment of `amount` under our reference; the same key and values give the same session again."""
        answer = self._service.call(
            "create_session",
            "POST",
            "v1/payments",
            payload={
                "reference": reference,
                "amount": _money(amount, currency),
                "return_url": return_url,
                "notify_url": notify_url,
                "language": language,
                "description": description,
            },
            headers={"Idempotency-Key": key},
        )
        try:
            return CardSession(
                provider_id=str(answer.data["id"]),
                reference=str(answer.data["reference"]),
                redirect_url=str(answer.data["redirect_url"]),
                status=str(answer.data["status"]),
                expires_at=datetime.fromisoformat(answer.data["expires_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._service.unreadable("create_session") from error

    def fetch(self, *, reference: str) -> CardPayment | None:
        """The payment under our reference, or None when the provider has none: the look-up after a lost answer."""
        answer = self._service.call(
            "fetch", "GET", f"v1/payments/{quote(reference, safe='')}", is_absence_told=True
        )
        return None if answer.status == 404 else self._payment("fetch", answer.data)

    def capture(self, *, reference: str, key: str, amount: Decimal, currency: str) -> CardPayment:
        """Takes `amount` of what is authorized; several captures may follow each other."""
        return self._operate("capture", reference, key, {"amount": _money(amount, currency)})

    def void(self, *, reference: str, key: str) -> CardPayment:
        """Gives back to the shopper's limit whatever is authorized and not captured."""
        return self._operate("void", reference, key, {})

    def refund(self, *, reference: str, key: str, amount: Decimal, currency: str) -> CardPayment:
        """Returns `amount` of what was captured; several refunds may follow each other."""
        return self._operate("refund", reference, key, {"amount": _money(amount, currency)})

    def _operate(self, operation: str, reference: str, key: str, payload: dict[str, Any]) -> CardPayment:
        answer = self._service.call(
            operation,
            "POST",
            f"v1/payments/{quote(reference, safe='')}/{operation}",
            payload=payload,
            headers={"Idempotency-Key": key},
        )
        return self._payment(operation, answer.data)

    def _payment(self, operation: str, data: Any) -> CardPayment:
        try:
            return read_payment(data)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise self._service.unreadable(operation) from error


def verify_event(
    *, headers: Mapping[str, str], raw_body: bytes, secrets: Sequence[str], now: datetime
) -> CardEvent:
    """The message, once its signature and time are proved; else `InvalidSignature`, or `InvalidInput` for a strange body.

    Its amounts and currency are the provider's word, not ours: compare them with the payment before booking.
    """
    message_id = signatures.verify(headers=headers, body=raw_body, secrets=secrets, now=now)
    try:
        data = json.loads(raw_body, parse_float=Decimal)
        return CardEvent(
            event_id=message_id,
            kind=str(data["type"]),
            created_at=datetime.fromisoformat(data["created_at"]),
            payment=read_payment(data["data"]["payment"]),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise InvalidInput("The message is signed, but it is not a payment message.") from error


def read_payment(data: Any) -> CardPayment:
    """A payment from the provider's JSON. Raises KeyError, TypeError, ValueError or InvalidOperation when it is none."""
    currency = str(data["amount"]["currency"])

    def amount(name: str) -> Decimal:
        if data[name]["currency"] != currency:
            raise ValueError(f"{name} is in another currency")
        return _decimal(data[name]["amount"])

    expiry = data["authorization_expires_at"]
    return CardPayment(
        provider_id=str(data["id"]),
        reference=str(data["reference"]),
        status=str(data["status"]),
        currency=currency,
        amount=amount("amount"),
        authorized=amount("authorized"),
        captured=amount("captured"),
        refunded=amount("refunded"),
        voided=amount("voided"),
        authorization_expires_at=datetime.fromisoformat(expiry) if expiry else None,
        card_label=str(data["card_label"]),
        operations=tuple(
            CardOperation(
                operation_id=str(one["id"]),
                kind=str(one["kind"]),
                key=str(one["key"]),
                amount=_decimal(one["amount"]["amount"]),
                created_at=datetime.fromisoformat(one["created_at"]),
            )
            for one in data["operations"]
        ),
    )


def from_settings() -> CardProvider:
    """The provider that the settings name; one client in a process, since making one is dear."""
    if not settings.CARD_PROVIDER_URL:
        raise ImproperlyConfigured("CARD_PROVIDER_URL must be set before cards can be taken.")
    return _client(
        settings.CARD_PROVIDER_URL, settings.CARD_PROVIDER_KEY, settings.CARD_PROVIDER_TIMEOUT_SECONDS
    )


@cache
def _client(base_url: str, api_key: str, timeout_seconds: float) -> CardProvider:
    return CardProvider(
        base_url=base_url, api_key=api_key, timeout_seconds=timeout_seconds, breaker=shared_breaker(base_url)
    )


def _money(amount: Decimal, currency: str) -> dict[str, str]:
    assert amount > 0, "nothing to pay is never sent to the provider"
    return {"amount": f"{amount:.2f}", "currency": currency}


def _decimal(text: Any) -> Decimal:
    if not isinstance(text, str):
        raise TypeError("an amount is a text")
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError("an amount is a finite number")
    return value
