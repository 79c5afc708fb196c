"""The IPS QR code of the National Bank of Serbia: a payment slip that a banking app reads from paper or screen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from retail.kernel.errors import InvalidInput
from retail.kernel.identifiers import parse_account

NAME_LENGTH_MAX = 70
PURPOSE_LENGTH_MAX = 35
REFERENCE_LENGTH_MAX = 25
AMOUNT_MAX = Decimal("999999999999.99")
GOODS_FOR_PERSONS = "221"  # payment code: goods and services, final consumption
GOODS_FOR_COMPANIES = "220"  # goods and services, intermediate consumption


class InvalidIpsPayment(InvalidInput):
    """A field that the scheme does not take: the slip would be refused by every bank app."""

    code = "INVALID_IPS_PAYMENT"


@dataclass(frozen=True, slots=True)
class IpsPayment:
    """What the payer's bank is told. `reference` includes its control number when the model is 97."""

    account: str
    recipient: str
    amount: Decimal
    purpose: str
    recipient_address: str = ""
    payer: str = ""
    payment_code: str = GOODS_FOR_PERSONS
    model: str = "97"
    reference: str = ""


def ips_payload(payment: IpsPayment) -> str:
    """The text inside the QR code, each field checked against the scheme."""
    account = parse_account(payment.account)
    _require(account is not None, "the account is not valid")
    _require(Decimal(0) < payment.amount <= AMOUNT_MAX, "the amount is out of range")
    _require(payment.amount == round(payment.amount, 2), "the amount has more than two places")
    _require(re.fullmatch(r"[129][0-9]{2}", payment.payment_code) is not None, "the payment code is unknown")
    fields = [
        ("K", "PR"),
        ("V", "01"),
        ("C", "1"),
        ("R", str(account)),
        ("N", _recipient(payment)),
        ("I", f"RSD{payment.amount:.2f}".replace(".", ",")),
        ("P", _text(payment.payer, NAME_LENGTH_MAX, "payer")),
        ("SF", payment.payment_code),
        ("S", _text(payment.purpose, PURPOSE_LENGTH_MAX, "purpose")),
        ("RO", _reference(payment)),
    ]
    return "|".join(f"{tag}:{value}" for tag, value in fields if value)


def _recipient(payment: IpsPayment) -> str:
    """Name and address on lines of their own; the name alone when both are too long."""
    name = _text(payment.recipient, NAME_LENGTH_MAX, "recipient")
    _require(bool(name), "the recipient is missing")
    both = "\r\n".join(part for part in (name, _clean(payment.recipient_address)) if part)
    return both if len(both) <= NAME_LENGTH_MAX else name


def _reference(payment: IpsPayment) -> str:
    """Two digits of the model and the reference without separators; nothing when there is no reference."""
    signs = re.sub(r"[\s\-]", "", payment.reference.upper())
    if not signs:
        return ""
    _require(re.fullmatch(r"[0-9]{2}", payment.model) is not None, "the model has two digits")
    _require(re.fullmatch(r"[0-9A-Z]+", signs) is not None, "a reference holds letters, digits and dashes")
    text = payment.model + signs
    _require(len(text) <= REFERENCE_LENGTH_MAX, "the reference is too long")
    return text


def _text(text: str, length_max: int, name: str) -> str:
    cleaned = _clean(text)
    _require(len(cleaned) <= length_max, f"the {name} is longer than {length_max} characters")
    return cleaned


def _clean(text: str) -> str:
    """On one line and without the bar, which separates the fields."""
    return " ".join(text.replace("|", " ").split())


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise InvalidIpsPayment(complaint)
