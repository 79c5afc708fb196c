"""What letters are told; rooms above fill it from their rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    quantity: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order: `url` is its page, `pay_url` the page where it is paid. `place` is the pickup store."""

    number: str
    url: str
    pay_url: str
    name: str
    currency: str
    goods_total: Decimal
    delivery_total: Decimal
    total: Decimal
    due: Decimal
    lines: tuple[Line, ...]
    payment_method: str
    promised_on: date | None = None
    promised_at: datetime | None = None
    deadline: datetime | None = None
    place: str = ""
    place_address: str = ""
    refund: Decimal = Decimal("0.00")
    has_money: bool = False
    # Goods that came back paid so much of it.
    exchanged: Decimal = Decimal("0.00")
    # Gift cards and files leave by letters of their own, and nothing is brought.
    is_digital: bool = False
    has_gift_cards: bool = False

    @property
    def is_pickup(self) -> bool:
        return bool(self.place)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A paid file with the link that opens its page, how often and until when."""

    title: str
    url: str
    left: int
    until: datetime


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """What the buyer's bank must be told."""

    recipient: str
    account: str
    model: str
    reference: str
    amount: Decimal
    currency: str
    purpose: str
    url: str


@dataclass(frozen=True, slots=True)
class ParcelFacts:
    """A shipment that left, or waits in the store under `code`."""

    carrier: str
    tracking: tuple[str, ...]
    lines: tuple[Line, ...]
    is_last: bool
    code: str = ""
    hours: str = ""
    cash_on_delivery: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """What comes back on `number`, what goes out for it, and until when the first must be here; `to_pay` is open beside it."""

    number: str
    back: tuple[Line, ...]
    new_number: str
    pay_url: str
    deadline: datetime
    to_pay: Decimal
    to_refund: Decimal
    # Sent before anything came back: it is owed for.
    is_owed: bool = False


@dataclass(frozen=True, slots=True)
class ReturnFacts:
    number: str
    lines: tuple[Line, ...]
    refund: Decimal
    reason: str = ""
