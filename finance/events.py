"""What happened to money and papers; ids and text only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaymentAuthorized:
    payment: str
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    payment: str
    order_id: int
    number: str
    code: str


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    payment: str
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class PaymentVoided:
    payment: str
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class RefundRequested:
    refund: str
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class RefundDone:
    refund: str
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class InvoiceIssued:
    invoice_id: int
    invoice_number: str
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class FiscalReceiptSigned:
    receipt_id: int
    order_id: int
    number: str
