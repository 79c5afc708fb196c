"""What each paper says, as plain data. Amounts are of the paper's currency; names and titles are printed literally."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from finance.papers.ips import IpsPayment


class TradeKind(StrEnum):
    INVOICE = "INVOICE"
    ADVANCE_INVOICE = "ADVANCE_INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"
    PROFORMA = "PROFORMA"


class ReferenceKind(StrEnum):
    ORDER = "order"
    INVOICE = "by_invoice"
    ADVANCE = "by_advance"
    FISCAL_RECEIPT = "fiscal_receipt"


@dataclass(frozen=True, slots=True)
class Party:
    """A person or company with its address, as printed."""

    name: str
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""
    pib: str = ""
    registration_number: str = ""
    jbkjs: str = ""
    account: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Another document that this one names."""

    kind: ReferenceKind
    number: str
    issued_on: date | None = None


@dataclass(frozen=True, slots=True)
class TradeLine:
    """One line as the UBL view has it: `net` is round(quantity × price) - discount, `gross` what is charged.

    Without a unit it counts pieces.
    """

    name: str
    quantity: int
    price: Decimal
    net: Decimal
    rate: Decimal
    gross: Decimal
    discount: Decimal = Decimal("0.00")
    sku: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class RateRow:
    """Base and tax of one VAT rate."""

    rate: Decimal
    base: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class TradePaper:
    """An invoice, advance invoice, credit note or proforma. With `payment` it carries a slip with the IPS QR."""

    kind: TradeKind
    number: str
    issued_on: date
    seller: Party
    buyer: Party
    lines: tuple[TradeLine, ...]
    rates: tuple[RateRow, ...]
    payable: Decimal
    currency: str = "RSD"
    rounding: Decimal = Decimal("0.00")
    prepaid: Decimal = Decimal("0.00")
    supplied_on: date | None = None
    due_on: date | None = None
    issued_in: str = ""
    references: tuple[Reference, ...] = ()
    payment: IpsPayment | None = None
    notes: tuple[str, ...] = ()
    language: str = "sr-latn"


@dataclass(frozen=True, slots=True)
class FiscalReceiptPaper:
    """The journal exactly as the fiscal processor returned it, its verification QR, and the seller's own lines."""

    number: str
    journal: str
    verification_url: str
    issued_on: date
    after: tuple[str, ...] = ()
    needs_signature: bool = False
    language: str = "sr-cyrl"


@dataclass(frozen=True, slots=True)
class ShippingLabel:
    """One parcel. `cash_on_delivery` is what the courier collects with this parcel."""

    parcel_number: str
    carrier: str
    sender: Party
    recipient: Party
    made_on: date
    service: str = ""
    order_number: str = ""
    parcel_index: int = 1
    parcel_count: int = 1
    weight_grams: int | None = None
    cash_on_delivery: Decimal | None = None
    currency: str = "RSD"
    note: str = ""
    language: str = "sr-latn"


@dataclass(frozen=True, slots=True)
class PackingLine:
    name: str
    sku: str
    quantity: int
    barcode: str = ""


@dataclass(frozen=True, slots=True)
class PackingSlip:
    """What lies in the box, without prices."""

    number: str
    order_number: str
    packed_on: date
    sender: Party
    recipient: Party
    lines: tuple[PackingLine, ...]
    delivery: str = ""
    parcel_index: int = 1
    parcel_count: int = 1
    notes: tuple[str, ...] = ()
    language: str = "sr-latn"


@dataclass(frozen=True, slots=True)
class ReturnSlip:
    """What a buyer sticks on a parcel that goes back, or shows in a store: its code is the number of the return."""

    number: str
    order_number: str
    made_on: date
    sender: Party
    recipient: Party
    lines: tuple[PackingLine, ...]
    language: str = "sr-latn"


@dataclass(frozen=True, slots=True)
class PickLine:
    bin: str
    name: str
    sku: str
    quantity: int
    barcode: str = ""
    order_number: str = ""
    tote: str = ""


@dataclass(frozen=True, slots=True)
class PickList:
    """Bins in the order of the walk; the caller sorts by pick sequence."""

    number: str
    location: str
    made_at: datetime
    lines: tuple[PickLine, ...]
    picker: str = ""
    language: str = "sr-latn"


Paper = TradePaper | FiscalReceiptPaper | ShippingLabel | PackingSlip | ReturnSlip | PickList
