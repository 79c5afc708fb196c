"""What an electronic invoice says, as plain data; amounts are those of the paper, net lines those of `finance.tax.ubl_view`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from finance.tax import UblSubtotal, UblView


class DocumentType(StrEnum):
    """UNTDID 1001 codes, as SEF takes them."""

    INVOICE = "380"
    CREDIT_NOTE = "381"
    ADVANCE = "386"


class PeriodCode(StrEnum):
    """When the VAT falls due (BT-8). NONE stands on credit notes, where sources dispute it."""

    ISSUE = "3"
    DELIVERY = "35"
    PAYMENT = "432"
    NONE = "0"


class ExtensionPrefix(StrEnum):
    """The namespace of the elements inside the Serbian extension; public sources dispute it."""

    XSD = "http://www.w3.org/2001/XMLSchema"
    SBT = "http://mfin.gov.rs/srbdt/srbdtext"


@dataclass(frozen=True, slots=True)
class UblParty:
    """A company. `jbkjs` only for budget users, `account` only for the seller."""

    name: str
    pib: str
    registration_number: str
    street: str
    city: str
    postal_code: str
    country: str = "RS"
    email: str = ""
    jbkjs: str = ""


@dataclass(frozen=True, slots=True)
class LineText:
    """The words of a line; its amounts stand in the view under the same place."""

    name: str
    sku: str = ""
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """An earlier document that this one refers to, by the number under which SEF knows it."""

    number: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class ClosedAdvance:
    """What a closing invoice takes of one advance invoice, per VAT rate; `base` plus `tax` is the money."""

    source: SourceDocument
    subtotals: tuple[UblSubtotal, ...]

    @property
    def tax(self) -> Decimal:
        return sum((one.tax for one in self.subtotals), Decimal("0.00"))


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class UblDocument:
    """One document for SEF. `supplied_on` is the day of supply, of reduction (381), or of payment (386)."""

    kind: DocumentType
    number: str
    issued_on: date
    supplied_on: date
    due_on: date
    currency: str
    seller: UblParty
    buyer: UblParty
    seller_account: str
    payment_reference: str
    order_number: str
    texts: tuple[LineText, ...]
    view: UblView
    note: str = ""
    sources: tuple[SourceDocument, ...] = ()
    advances: tuple[ClosedAdvance, ...] = ()
    period_code: PeriodCode = PeriodCode.DELIVERY
    extension: ExtensionPrefix = ExtensionPrefix.XSD
    attachment: Attachment | None = None
