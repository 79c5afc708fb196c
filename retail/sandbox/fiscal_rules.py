"""What the fiscal processor accepts: shapes and lengths, labels by tax group, referent documents, refund limits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

NORMAL, PROFORMA, COPY, TRAINING, ADVANCE = range(5)
SALE, REFUND = range(2)

AUDIT_NEEDED, AUDIT_LOCKED, INVALID_LABELS = "1400", "2210", "2310"
REQUIRED, TOO_LONG, TOO_SHORT, WRONG_LENGTH = "2800", "2801", "2802", "2803"
OUT_OF_RANGE, INVALID_VALUE, INVALID_FORMAT, LIST_SHORT, LIST_LONG = "2804", "2805", "2806", "2807", "2808"

INVOICE_TYPES = {
    "normal": NORMAL,
    "proforma": PROFORMA,
    "copy": COPY,
    "training": TRAINING,
    "advance": ADVANCE,
}
TRANSACTION_TYPES = {"sale": SALE, "refund": REFUND}
PAYMENT_TYPES = {
    name: number
    for number, name in enumerate(
        ("other", "cash", "card", "check", "wiretransfer", "voucher", "mobilemoney")
    )
}
EXTENSIONS = {
    (NORMAL, SALE): "ПП",
    (NORMAL, REFUND): "ПР",
    (PROFORMA, SALE): "РП",
    (PROFORMA, REFUND): "РР",
    (COPY, SALE): "КП",
    (COPY, REFUND): "КР",
    (TRAINING, SALE): "ОП",
    (TRAINING, REFUND): "ОР",
    (ADVANCE, SALE): "АП",
    (ADVANCE, REFUND): "АР",
}
# Labels are compared by code point: Ђ U+0402, Е U+0415, Г U+0413, А U+0410.
DEFAULT_GROUPS: list[dict[str, Any]] = [
    {
        "validFrom": "2022-05-01T00:00:00+02:00",
        "groupId": 8,
        "taxCategories": [
            {
                "name": "О-ПДВ",
                "categoryType": 0,
                "orderId": 1,
                "taxRates": [{"rate": Decimal(20), "label": "\u0402"}],
            },
            {
                "name": "П-ПДВ",
                "categoryType": 0,
                "orderId": 2,
                "taxRates": [{"rate": Decimal(10), "label": "\u0415"}],
            },
            {
                "name": "0-ПДВ",
                "categoryType": 0,
                "orderId": 3,
                "taxRates": [{"rate": Decimal(0), "label": "\u0413"}],
            },
            {
                "name": "Није у ПДВ",
                "categoryType": 0,
                "orderId": 4,
                "taxRates": [{"rate": Decimal(0), "label": "\u0410"}],
            },
        ],
    }
]
ITEMS_MAX = 500
AMOUNT_MAX = Decimal("99999999999999.99")
_FIELDS = {
    "dateAndTimeOfIssue", "cashier", "buyerId", "buyerCostCenterId", "invoiceType", "transactionType", "payment",
    "invoiceNumber", "referentDocumentNumber", "referentDocumentDT", "items", "options",
}  # fmt: skip
_ITEM_FIELDS = {"gtin", "name", "quantity", "unitPrice", "totalAmount", "labels"}
_LENGTHS = {
    "cashier": 50,
    "buyerId": 20,
    "buyerCostCenterId": 50,
    "invoiceNumber": 60,
    "referentDocumentNumber": 50,
}
_PAIR = re.compile(r"[0-9]{2}:.+")
_NUMBER = re.compile(r"[0-9A-Z]{8}-[0-9A-Z]{8}-[0-9]+")
# Receipts from before the reform are referred to by this made-up number.
_BEFORE_REFORM = "XXXXXXXX-XXXXXXXX-121"

Errors = list[tuple[str, str]]


class NoTaxGroup(LookupError):
    """No tax group is valid at that time."""


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    labels: tuple[str, ...]


@dataclass(slots=True)
class Request:
    """A request body as read; with `errors` nothing else in it counts."""

    invoice_type: int = NORMAL
    transaction_type: int = SALE
    cashier: str = ""
    buyer_id: str = ""
    system_number: str = ""
    referent_number: str = ""
    payments: list[tuple[int, Decimal]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    errors: Errors = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return sum((item.total for item in self.items), Decimal(0))

    def omits(self, name: str) -> bool:
        return str(self.options.get(name, "0")) == "1"


@dataclass(frozen=True, slots=True)
class Referent:
    """The document that a request refers to."""

    number: str
    invoice_type: int
    transaction_type: int
    signed_at: datetime
    by_label: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Group:
    valid_from: datetime
    group_id: int
    rates: dict[str, tuple[Decimal, str]]  # label: (rate, category)
    source: dict[str, Any]


def parse(body: dict[str, Any]) -> Request:
    """Reads a body and collects every fault of shape that it has."""
    request = Request()
    errors = request.errors
    errors += [(name, INVALID_VALUE) for name in sorted(set(body) - _FIELDS)]
    for name, length in _LENGTHS.items():
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            errors.append((name, INVALID_FORMAT))
        elif value and len(value) > length:
            errors.append((name, TOO_LONG))
    request.invoice_type = _choice(body, "invoiceType", INVOICE_TYPES, errors)
    request.transaction_type = _choice(body, "transactionType", TRANSACTION_TYPES, errors)
    if errors:
        return request
    request.cashier = body.get("cashier") or ""
    request.buyer_id = body.get("buyerId") or ""
    request.system_number = body.get("invoiceNumber") or ""
    request.referent_number = body.get("referentDocumentNumber") or ""
    options = body.get("options")
    request.options = options if isinstance(options, dict) else {}
    _check_texts(request, body, errors)
    for index, entry in enumerate(_list(body, "items", ITEMS_MAX, errors)):
        item = _item(entry, f"items[{index}]", errors)
        if item:
            request.items.append(item)
    for index, entry in enumerate(_list(body, "payment", 20, errors)):
        payment = _payment(entry, f"payment[{index}]", errors)
        if payment:
            request.payments.append(payment)
    if not errors and sum(amount for _, amount in request.payments) < request.total:
        errors.append(("payment", OUT_OF_RANGE))
    return request


def check_referent(request: Request, referent: Referent | None) -> Errors:
    """Which documents must, may and may not refer to which."""
    kind, is_refund = request.invoice_type, request.transaction_type == REFUND
    if not request.referent_number:
        return [("referentDocumentNumber", REQUIRED)] if kind == COPY or is_refund else []
    if request.referent_number == _BEFORE_REFORM and is_refund:
        return []
    if referent is None:
        return [("referentDocumentNumber", INVALID_VALUE)]
    pair = (referent.invoice_type, referent.transaction_type)
    if kind == COPY:
        fits = referent.transaction_type == request.transaction_type and referent.invoice_type != COPY
    elif is_refund:
        fits = pair == (kind, SALE)
    elif kind == NORMAL:
        fits = pair in {(ADVANCE, REFUND), (PROFORMA, SALE)}
    else:
        fits = pair in {(ADVANCE, SALE), (PROFORMA, SALE)}
    return [] if fits else [("referentDocumentNumber", INVALID_VALUE)]


def check_refundable(request: Request, by_label: dict[str, Decimal], left: dict[str, Decimal]) -> Errors:
    """Refunds of a document never exceed it, in no label."""
    if (
        request.transaction_type != REFUND
        or request.invoice_type == COPY
        or request.referent_number == _BEFORE_REFORM
    ):
        return []
    is_above = any(amount > left.get(label, Decimal(0)) for label, amount in by_label.items())
    return [("totalAmount", OUT_OF_RANGE)] if is_above else []


def sums_by_label(items: Iterable[Item]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for item in items:
        for label in item.labels:
            sums[label] = sums.get(label, Decimal(0)) + item.total
    return sums


def add(sums: dict[str, Decimal], more: dict[str, Decimal], sign: int) -> None:
    for label, amount in more.items():
        sums[label] = sums.get(label, Decimal(0)) + sign * amount


def tax_items(by_label: dict[str, Decimal], group: Group) -> list[dict[str, Any]]:
    """Tax out of the gross sum of each label: four decimals, half up."""
    found = []
    for label in sorted(by_label, key=list(group.rates).index):
        rate, category = group.rates[label]
        amount = (by_label[label] * rate / (100 + rate)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        found.append(
            {"categoryType": 0, "categoryName": category, "label": label, "rate": rate, "amount": amount}
        )
    return found


def read_groups(data: Any) -> list[Group]:
    """Groups from the JSON of the status call. Raises KeyError, TypeError, ValueError or ArithmeticError."""
    return [
        Group(
            valid_from=datetime.fromisoformat(entry["validFrom"]),
            group_id=int(entry["groupId"]),
            rates={
                rate["label"]: (Decimal(rate["rate"]), category["name"])
                for category in entry["taxCategories"]
                for rate in category["taxRates"]
            },
            source=entry,
        )
        for entry in data
    ]


def group_at(groups: list[Group], at: datetime) -> Group:
    valid = [group for group in groups if group.valid_from <= at]
    if not valid:
        raise NoTaxGroup(at.isoformat())
    return max(valid, key=lambda group: (group.valid_from, group.group_id))


def _check_texts(request: Request, body: dict[str, Any], errors: Errors) -> None:
    for name in ("buyerId", "buyerCostCenterId"):
        if body.get(name) and not _PAIR.fullmatch(body[name]):
            errors.append((name, INVALID_FORMAT))
    if (
        request.transaction_type == REFUND
        and request.invoice_type in {NORMAL, ADVANCE}
        and not request.buyer_id
    ):
        errors.append(("buyerId", REQUIRED))
    if request.referent_number and not _NUMBER.fullmatch(request.referent_number):
        errors.append(("referentDocumentNumber", INVALID_FORMAT))
    for name in ("dateAndTimeOfIssue", "referentDocumentDT"):
        if body.get(name) is not None:
            try:
                datetime.fromisoformat(body[name])
            except (TypeError, ValueError):
                errors.append((name, INVALID_FORMAT))


def _choice(body: dict[str, Any], name: str, known: dict[str, int], errors: Errors, path: str = "") -> int:
    """An enumeration given as its number or its name."""
    value = body.get(name)
    if value is None:
        errors.append((path + name, REQUIRED))
    elif isinstance(value, int) and not isinstance(value, bool) and value in known.values():
        return value
    elif isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    else:
        errors.append((path + name, INVALID_VALUE))
    return 0


def _list(body: dict[str, Any], name: str, length_max: int, errors: Errors) -> list[Any]:
    value = body.get(name)
    if value is None:
        errors.append((name, REQUIRED))
    elif not isinstance(value, list):
        errors.append((name, INVALID_FORMAT))
    elif not value:
        errors.append((name, LIST_SHORT))
    elif len(value) > length_max:
        errors.append((name, LIST_LONG))
    else:
        return value
    return []


def _item(entry: Any, path: str, errors: Errors) -> Item | None:
    if not isinstance(entry, dict):
        errors.append((path, INVALID_FORMAT))
        return None
    before = len(errors)
    errors += [(f"{path}.{name}", INVALID_VALUE) for name in sorted(set(entry) - _ITEM_FIELDS)]
    name = entry.get("name")
    if not isinstance(name, str):
        errors.append((f"{path}.name", REQUIRED if name is None else INVALID_FORMAT))
    elif not name:
        errors.append((f"{path}.name", TOO_SHORT))
    elif len(name) > 2048:
        errors.append((f"{path}.name", TOO_LONG))
    gtin = entry.get("gtin")
    if gtin is not None and not (isinstance(gtin, str) and gtin.isascii() and gtin.isdigit()):
        errors.append((f"{path}.gtin", INVALID_FORMAT))
    elif gtin is not None and not 8 <= len(gtin) <= 14:
        errors.append((f"{path}.gtin", WRONG_LENGTH))
    quantity = _amount(entry, "quantity", path, errors, is_zero_allowed=False, places=3)
    price = _amount(entry, "unitPrice", path, errors)
    total = _amount(entry, "totalAmount", path, errors)
    labels = entry.get("labels")
    if not isinstance(labels, list):
        errors.append((f"{path}.labels", REQUIRED if labels is None else INVALID_FORMAT))
    elif not labels:
        errors.append((f"{path}.labels", LIST_SHORT))
    elif not all(isinstance(label, str) and label for label in labels):
        errors.append((f"{path}.labels", INVALID_LABELS))
    if len(errors) > before:
        return None
    if (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP) != total:
        errors.append((f"{path}.totalAmount", INVALID_VALUE))
        return None
    return Item(name=str(name), quantity=quantity, unit_price=price, total=total, labels=tuple(labels or ()))


def _payment(entry: Any, path: str, errors: Errors) -> tuple[int, Decimal] | None:
    if not isinstance(entry, dict):
        errors.append((path, INVALID_FORMAT))
        return None
    before = len(errors)
    errors += [(f"{path}.{name}", INVALID_VALUE) for name in sorted(set(entry) - {"amount", "paymentType"})]
    kind = _choice(entry, "paymentType", PAYMENT_TYPES, errors, f"{path}.")
    amount = _amount(entry, "amount", path, errors)
    return (kind, amount) if len(errors) == before else None


def _amount(
    entry: dict[str, Any],
    name: str,
    path: str,
    errors: Errors,
    *,
    is_zero_allowed: bool = True,
    places: int = 2,
) -> Decimal:
    value = entry.get(name)
    where = f"{path}.{name}"
    if value is None:
        errors.append((where, REQUIRED))
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        errors.append((where, INVALID_FORMAT))
        return Decimal(0)
    number = Decimal(value)
    if number < 0 or number > AMOUNT_MAX or (number == 0 and not is_zero_allowed):
        errors.append((where, OUT_OF_RANGE))
    elif number != number.quantize(Decimal(1).scaleb(-places)):
        errors.append((where, INVALID_FORMAT))
    return number
