"""The text of a receipt as a fiscal processor prints it: 40 columns, Cyrillic, a heading for each kind."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any

from retail.sandbox import fiscal_rules as rules

WIDTH = 40
FISCAL = "ФИСКАЛНИ РАЧУН"
NOT_FISCAL = "ОВО НИЈЕ ФИСКАЛНИ РАЧУН"
SANDBOX = "ПРОБНО ОКРУЖЕЊЕ (SANDBOX)"
_FISCAL_TYPES = {rules.NORMAL, rules.ADVANCE}
_TYPES = {
    rules.NORMAL: "ПРОМЕТ",
    rules.PROFORMA: "ПРЕДРАЧУН",
    rules.COPY: "КОПИЈА",
    rules.TRAINING: "ОБУКА",
    rules.ADVANCE: "АВАНС",
}
_TRANSACTIONS = {rules.SALE: "ПРОДАЈА", rules.REFUND: "РЕФУНДАЦИЈА"}
_PAYMENTS = (
    "Друго безготовинско плаћање",
    "Готовина",
    "Платна картица",
    "Чек",
    "Пренос на рачун",
    "Ваучер",
    "Инстант плаћање",
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything that is printed."""

    request: rules.Request
    taxpayer: sqlite3.Row
    tax_items: list[dict[str, Any]]
    signed_at: datetime
    number: str
    counter: str


def journal(receipt: Receipt) -> str:
    """The whole text, lines ended with CR LF."""
    request, taxpayer = receipt.request, receipt.taxpayer
    is_fiscal = request.invoice_type in _FISCAL_TYPES
    lines = [f" {FISCAL if is_fiscal else NOT_FISCAL} ".center(WIDTH, "=")]
    for text in (
        SANDBOX,
        taxpayer["tin"],
        taxpayer["business_name"],
        taxpayer["location_name"],
        taxpayer["address"],
        taxpayer["district"],
    ):
        lines += [line.center(WIDTH).rstrip() for line in wrap(text, WIDTH)]
    lines += _pairs(
        ("Касир", request.cashier),
        ("ИД купца", request.buyer_id),
        ("ЕСИР број", request.system_number),
        ("Реф. број", request.referent_number),
    )
    heading = f"{_TYPES[request.invoice_type]} {_TRANSACTIONS[request.transaction_type]}"
    lines += [heading.center(WIDTH, "-"), *_items(request), "-" * WIDTH]
    lines += _sums(request)
    lines += ["=" * WIDTH, *_taxes(receipt.tax_items), "=" * WIDTH]
    lines += _pairs(
        ("ПФР време", receipt.signed_at.strftime("%d.%m.%Y. %H:%M:%S")),
        ("ПФР број рачуна", receipt.number),
        ("Бројач рачуна", receipt.counter),
    )
    if request.invoice_type == rules.COPY and request.transaction_type == rules.REFUND:
        lines += ["", "Потпис купца:", "", "_" * WIDTH]
    end = "КРАЈ ФИСКАЛНОГ РАЧУНА" if is_fiscal else NOT_FISCAL
    lines += ["=" * WIDTH, f" {end} ".center(WIDTH, "=")]
    return "\r\n".join(lines) + "\r\n"


def _items(request: rules.Request) -> list[str]:
    lines = [
        "Артикли",
        "=" * WIDTH,
        "Назив".ljust(10) + "Цена".rjust(8) + "Кол.".rjust(8) + "Укупно".rjust(14),
    ]
    for item in request.items:
        lines += wrap(f"{item.name} ({', '.join(item.labels)})", WIDTH)
        price, total = _money(item.unit_price), _money(_signed(request, item.total))
        lines.append(price.rjust(18) + _quantity(item.quantity).rjust(8) + total.rjust(14))
    return lines


def _sums(request: rules.Request) -> list[str]:
    word = "Укупна рефундација" if request.transaction_type == rules.REFUND else "Укупан износ"
    paid = sum((amount for _, amount in request.payments), Decimal(0))
    lines = _pairs((word, _money(request.total)))
    lines += _pairs(*((_PAYMENTS[kind], _money(amount)) for kind, amount in request.payments))
    return lines + (_pairs(("Повраћај", _money(paid - request.total))) if paid > request.total else [])


def _taxes(tax_items: list[dict[str, Any]]) -> list[str]:
    lines = ["Ознака".ljust(8) + "Име".rjust(12) + "Стопа".rjust(9) + "Порез".rjust(11)]
    for one in tax_items:
        rate = f"{one['rate']:.2f}%".replace(".", ",")
        lines.append(
            one["label"].ljust(8)
            + one["categoryName"].rjust(12)
            + rate.rjust(9)
            + _money(one["amount"]).rjust(11)
        )
    total = sum((one["amount"] for one in tax_items), Decimal(0))
    return [*lines, "-" * WIDTH, *_pairs(("Укупан износ пореза", _money(total)))]


def _pairs(*pairs: tuple[str, str]) -> list[str]:
    lines = []
    for name, value in pairs:
        if value and len(name) + len(value) + 2 <= WIDTH:
            lines.append(f"{name}:" + value.rjust(WIDTH - len(name) - 1))
        elif value:
            lines += [f"{name}:", *(line.rjust(WIDTH) for line in wrap(value, WIDTH))]
    return lines


def _signed(request: rules.Request, amount: Decimal) -> Decimal:
    return -amount if request.transaction_type == rules.REFUND else amount


def _money(amount: Decimal) -> str:
    cents = amount.quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
    return f"{cents:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def _quantity(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}".replace(".", ",")
