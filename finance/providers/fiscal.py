"""The fiscal processor (V-PFR protocol): signs a receipt, once. A receipt signed twice is a second sale for the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from retail.kernel.outside import Breaker, ProviderError, ProviderTimeout, Service, shared_breaker

SERVICE = "fiscal processor"
REQUEST_ID_LENGTH_MAX = 32
# Label of sellers outside the VAT system. Like Г it stands for 0 %, so the rate alone cannot tell the two apart.
NOT_IN_VAT_SYSTEM = "\u0410"


class InvoiceType(IntEnum):
    NORMAL = 0
    PROFORMA = 1
    COPY = 2
    TRAINING = 3
    ADVANCE = 4


class TransactionType(IntEnum):
    SALE = 0
    REFUND = 1


class PaymentType(IntEnum):
    OTHER = 0
    CASH = 1
    CARD = 2
    CHECK = 3
    WIRE_TRANSFER = 4
    VOUCHER = 5
    MOBILE_MONEY = 6


class UnknownTaxRate(LookupError):
    """The processor has no valid label for this rate at this moment; nothing may be signed with a guess."""


@dataclass(frozen=True, slots=True)
class FiscalItem:
    """One line: gross prices, positive in refunds too. `quantity` has at most three decimals."""

    name: str
    quantity: Decimal
    unit_price: Decimal
    total_amount: Decimal
    labels: tuple[str, ...]
    gtin: str = ""

    def payload(self) -> dict[str, Any]:
        line: dict[str, Any] = {
            "name": self.name,
            "quantity": _number(self.quantity),
            "unitPrice": _number(self.unit_price),
            "totalAmount": _number(self.total_amount),
            "labels": list(self.labels),
        }
        return {"gtin": self.gtin, **line} if self.gtin else line


@dataclass(frozen=True, slots=True)
class FiscalPayment:
    payment_type: PaymentType
    amount: Decimal

    def payload(self) -> dict[str, Any]:
        return {"amount": _number(self.amount), "paymentType": int(self.payment_type)}


@dataclass(frozen=True, slots=True)
class FiscalInvoice:
    """What is to be signed. `system_number` is the number of our software as approved ("ЕСИР број"), not a receipt's."""

    invoice_type: InvoiceType
    transaction_type: TransactionType
    system_number: str
    cashier: str
    payments: Sequence[FiscalPayment]
    items: Sequence[FiscalItem]
    buyer_id: str = ""
    buyer_cost_center_id: str = ""
    referent_document_number: str = ""
    referent_document_at: datetime | None = None
    paid_at: datetime | None = None
    options: dict[str, str] = field(
        default_factory=lambda: {"omitQRCodeGen": "1", "omitTextualRepresentation": "0"}
    )

    def payload(self) -> dict[str, Any]:
        """The request body. Store it before sending: a repeat must send the same."""
        return {
            "dateAndTimeOfIssue": self.paid_at.isoformat() if self.paid_at else None,
            "cashier": self.cashier,
            "buyerId": self.buyer_id or None,
            "buyerCostCenterId": self.buyer_cost_center_id or None,
            "invoiceType": int(self.invoice_type),
            "transactionType": int(self.transaction_type),
            "payment": [payment.payload() for payment in self.payments],
            "invoiceNumber": self.system_number,
            "referentDocumentNumber": self.referent_document_number or None,
            "referentDocumentDT": self.referent_document_at.isoformat()
            if self.referent_document_at
            else None,
            "items": [item.payload() for item in self.items],
            "options": dict(self.options),
        }


@dataclass(frozen=True, slots=True)
class TaxItem:
    label: str
    category_name: str
    rate: Decimal
    amount: Decimal  # four decimals, half up


@dataclass(frozen=True, slots=True)
class FiscalResult:
    """A signed receipt, as the processor returned it."""

    invoice_number: str  # JID-JID-counter
    invoice_counter: str  # 12/34ПП
    signed_at: datetime
    requested_by: str
    signed_by: str
    total_counter: int
    transaction_type_counter: int
    total_amount: Decimal
    tax_items: tuple[TaxItem, ...]
    verification_url: str
    verification_qr_code: str  # base64 image, empty when omitted
    journal: str
    signature: str
    encrypted_internal_data: str
    tax_group_revision: int
    tin: str
    business_name: str
    location_name: str


@dataclass(frozen=True, slots=True)
class TaxLabel:
    label: str
    rate: Decimal
    category_name: str


@dataclass(frozen=True, slots=True)
class TaxGroup:
    valid_from: datetime
    group_id: int
    labels: tuple[TaxLabel, ...]


@dataclass(frozen=True, slots=True)
class FiscalStatus:
    """The processor's clock and its tax groups, past and announced."""

    processor_time: datetime
    groups: tuple[TaxGroup, ...]

    def label(self, *, rate: Decimal, at: datetime, is_in_vat_system: bool = True) -> str:
        """The label, to the code point, that this processor uses for `rate` at `at`; `UnknownTaxRate` when it has none."""
        valid = [group for group in self.groups if group.valid_from <= at]
        if not valid:
            raise UnknownTaxRate(f"no tax group is valid at {at.isoformat()}")
        newest = max(valid, key=lambda group: (group.valid_from, group.group_id))
        fitting = [
            one.label
            for one in newest.labels
            if one.rate == rate and (one.label == NOT_IN_VAT_SYSTEM) is not is_in_vat_system
        ]
        if len(fitting) != 1:
            raise UnknownTaxRate(f"{len(fitting)} labels stand for {rate} % in tax group {newest.group_id}")
        return fitting[0]


class FiscalProcessor:
    """Calls of the fiscal processor with one legal entity's code (PAC) and certificate."""

    def __init__(
        self,
        *,
        base_url: str,
        pac: str,
        certificate: str,
        timeout_seconds: float = 15.0,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._service = Service(
            name=SERVICE,
            base_url=base_url,
            headers={"PAC": pac, "X-Client-Certificate": certificate, "Accept-Language": "sr-Cyrl-RS"},
            timeout_seconds=timeout_seconds,
            breaker=breaker,
            transport=transport,
        )

    def close(self) -> None:
        self._service.close()

    def sign(self, *, request_id: str, payload: dict[str, Any], was_sent: bool) -> FiscalResult:
        """The signed receipt for `payload`, signed exactly once under `request_id`.

        The processor signs whatever it gets, also twice. So say truly whether it may have been sent before
        (`was_sent`: an attempt is on record): then it is looked up first. A lost answer is looked up at once; when
        that brings nothing either, ProviderTimeout leaves the decision to a later call with `was_sent=True`.
        """
        assert 0 < len(request_id) <= REQUEST_ID_LENGTH_MAX, "a request id has 1 to 32 characters"
        if was_sent:
            signed = self.fetch(request_id=request_id)
            if signed:
                return signed
        try:
            answer = self._service.call(
                "sign", "POST", "api/v3/invoices", payload=payload, headers={"RequestId": request_id}
            )
            return self._result("sign", answer.data)
        except ProviderTimeout as lost:
            signed = self._find_after_loss(request_id)
            if signed:
                return signed
            raise lost

    def fetch(self, *, request_id: str) -> FiscalResult | None:
        """The receipt signed under `request_id`, or None when the processor says that there is none."""
        answer = self._service.call(
            "fetch", "GET", f"api/v3/invoices/{quote(request_id, safe='')}", is_absence_told=True
        )
        return None if answer.status == 404 else self._result("fetch", answer.data)

    def status(self) -> FiscalStatus:
        """Clock and tax groups. Read it at least daily: rates change at midnight of an announced day."""
        answer = self._service.call("status", "GET", "api/v3/status")
        try:
            groups = {int(group["groupId"]): _group(group) for group in answer.data["allTaxRates"]}
            current = _group(answer.data["currentTaxRates"])
            groups.setdefault(current.group_id, current)
            return FiscalStatus(
                processor_time=_time(answer.data["sdcDateTime"]),
                groups=tuple(sorted(groups.values(), key=lambda group: (group.valid_from, group.group_id))),
            )
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise self._service.unreadable("status") from error

    def is_alive(self) -> bool:
        """Whether the processor answers its attention call with a clear yes."""
        answer = self._service.call("attention", "GET", "api/v3/attention", is_absence_told=True)
        return answer.status == 200

    def _find_after_loss(self, request_id: str) -> FiscalResult | None:
        try:
            return self.fetch(request_id=request_id)
        except ProviderError:
            # The first loss is what the caller must hear of; that the look-up failed too adds nothing.
            return None

    def _result(self, operation: str, data: Any) -> FiscalResult:
        try:
            return read_result(data)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise self._service.unreadable(operation) from error


def read_result(data: Any) -> FiscalResult:
    """A signed receipt from the processor's JSON. Raises KeyError, TypeError, ValueError or InvalidOperation else."""
    if not data["invoiceNumber"] or not data["signature"]:
        raise ValueError("an answer without number or signature is not a receipt")
    return FiscalResult(
        invoice_number=str(data["invoiceNumber"]),
        invoice_counter=str(data["invoiceCounter"]),
        signed_at=_time(data["sdcDateTime"]),
        requested_by=str(data["requestedBy"]),
        signed_by=str(data["signedBy"]),
        total_counter=int(data["totalCounter"]),
        transaction_type_counter=int(data["transactionTypeCounter"]),
        total_amount=_decimal(data["totalAmount"]),
        tax_items=tuple(
            TaxItem(
                label=str(one["label"]),
                category_name=str(one["categoryName"]),
                rate=_decimal(one["rate"]),
                amount=_decimal(one["amount"]),
            )
            for one in data["taxItems"]
        ),
        verification_url=str(data["verificationUrl"]),
        verification_qr_code=str(data["verificationQRCode"] or ""),
        journal=str(data["journal"] or ""),
        signature=str(data["signature"]),
        encrypted_internal_data=str(data["encryptedInternalData"] or ""),
        tax_group_revision=int(data["taxGroupRevision"]),
        tin=str(data["tin"]),
        business_name=str(data["businessName"]),
        location_name=str(data["locationName"]),
    )


def from_settings() -> FiscalProcessor:
    """The processor that the settings name, with the one identity that they hold."""
    if not settings.FISCAL_URL:
        raise ImproperlyConfigured("FISCAL_URL must be set before receipts can be signed.")
    return for_identity(pac=settings.FISCAL_PAC, certificate=settings.FISCAL_CERT_HEADER)


def for_identity(*, pac: str, certificate: str) -> FiscalProcessor:
    """The processor of the settings with the code and certificate of one legal entity's business premises."""
    return _client(settings.FISCAL_URL, pac, certificate, settings.FISCAL_TIMEOUT_SECONDS)


@cache
def _client(base_url: str, pac: str, certificate: str, timeout_seconds: float) -> FiscalProcessor:
    return FiscalProcessor(
        base_url=base_url,
        pac=pac,
        certificate=certificate,
        timeout_seconds=timeout_seconds,
        breaker=shared_breaker(base_url),
    )


def _group(data: Any) -> TaxGroup:
    return TaxGroup(
        valid_from=_time(data["validFrom"]),
        group_id=int(data["groupId"]),
        labels=tuple(
            TaxLabel(
                label=str(rate["label"]), rate=_decimal(rate["rate"]), category_name=str(category["name"])
            )
            for category in data["taxCategories"]
            for rate in category["taxRates"]
        ),
    )


def _time(text: Any) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("a time without its zone")
    return value


def _decimal(number: Any) -> Decimal:
    if isinstance(number, bool) or not isinstance(number, int | Decimal):
        raise TypeError("not a number")
    return Decimal(number)


def _number(value: Decimal) -> int | float:
    """JSON knows only binary numbers on the way out; what would not survive the trip is our mistake."""
    number = float(value)
    assert Decimal(repr(number)) == value, f"{value} has too many digits for JSON"
    return int(value) if value == value.to_integral_value() else number
