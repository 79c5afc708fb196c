"""One row of a file becomes one line of a past order, or a list of what is wrong with it. No rows, no clock."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from oms.imports.mapping import Mapping
from oms.states import LineKind
from retail.imports.reading import Record
from retail.imports.rows import RowError
from retail.kernel.money import rounded

NUMBER_LENGTH_MAX = 18  # with a dash and a position it is still the number of a return
SKU_LENGTH_MAX, TITLE_LENGTH_MAX, CUSTOMER_LENGTH_MAX = 40, 400, 60
QUANTITY_MAX = 10_000_000
PRICE_MAX = Decimal(10) ** 9
POSITION_MAX = 32_767
_WHOLE = re.compile(r"[+-]?\d{1,9}")


class PastLine(NamedTuple):
    """One line as the file has it, in our words. `exact` is quantity × price before rounding, `total` after."""

    line: int
    reference: str
    number: str
    position: int
    kind: str
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    total: Decimal
    exact: Decimal
    ordered_at: datetime
    customer: str
    country: str
    is_credit: bool


class _Wrong(Exception):
    def __init__(self, field: str, code: str, reason: str) -> None:
        self.field, self.code, self.reason = field, code, reason


class Cleaner:
    """Bound to one header; `clean` is called for each row, in the order of the file."""

    def __init__(self, mapping: Mapping, header: list[str]) -> None:
        self.mapping = mapping
        self.place = {
            name: header.index(column) for name, column in mapping.columns.items() if column in header
        }
        self.zone = ZoneInfo(mapping.zone)
        self._lines_of: Counter[str] = Counter()
        self._kind_of = lru_cache(maxsize=None)(mapping.kind_of)
        self._moment_of = lru_cache(maxsize=4096)(self._read_moment)

    def clean(self, record: Record) -> PastLine | list[RowError]:
        """A row that is not taken keeps its position, so that the others keep theirs when it is put right."""
        cells = record.cells
        number = f"{self.mapping.number_prefix}{cells[self.place['order']].strip()}"
        self._lines_of[number] += 1
        try:
            return self._line(record, number, self._lines_of[number])
        except _Wrong as wrong:
            text = cells[self.place[wrong.field]]
            return [RowError(record.line, self.mapping.columns[wrong.field], text, wrong.code, wrong.reason)]

    def _line(self, record: Record, number: str, position: int) -> PastLine:
        mapping = self.mapping
        own_number = self._text(record, "order", NUMBER_LENGTH_MAX - len(mapping.number_prefix))
        if position > POSITION_MAX:
            raise _Wrong("order", "TOO_MANY_LINES", f"an order has at most {POSITION_MAX:,} lines")
        sku = self._text(record, "sku", SKU_LENGTH_MAX).upper()
        quantity, price = self._quantity(record), self._price(record)
        exact = quantity * price
        if abs(exact) >= PRICE_MAX * 10:
            raise _Wrong("unit_price", "OUT_OF_RANGE", "the line is worth more than can be stored")
        title = self._optional(record, "title")[:TITLE_LENGTH_MAX]
        customer = self._optional(record, "customer")
        if len(customer) > CUSTOMER_LENGTH_MAX:
            raise _Wrong("customer", "TOO_LONG", f"longer than {CUSTOMER_LENGTH_MAX} characters")
        return PastLine(
            line=record.line,
            reference=f"{mapping.reference_prefix}{own_number}",
            number=number,
            position=position,
            kind=self._kind_of(sku),
            sku=sku,
            title=title or sku,
            quantity=quantity,
            unit_price=rounded(price),
            total=rounded(exact),
            exact=exact,
            ordered_at=self._moment_of(record.cells[self.place["ordered_at"]].strip()),
            customer=customer,
            country=self._country(record),
            is_credit=bool(mapping.credit_prefix)
            and quantity < 0
            and own_number.startswith(mapping.credit_prefix),
        )

    def _optional(self, record: Record, name: str) -> str:
        if (place := self.place.get(name)) is None:
            return ""
        text = record.cells[place].strip()
        return "" if text in self.mapping.empty else text

    def _text(self, record: Record, name: str, length_max: int) -> str:
        text = record.cells[self.place[name]].strip()
        if not text:
            raise _Wrong(name, "REQUIRED", "must not be empty")
        if len(text) > length_max:
            raise _Wrong(name, "TOO_LONG", f"longer than {length_max} characters")
        return text

    def _quantity(self, record: Record) -> int:
        text = record.cells[self.place["quantity"]].strip()
        if not _WHOLE.fullmatch(text) or abs(int(text)) > QUANTITY_MAX:
            raise _Wrong("quantity", "NOT_A_QUANTITY", f"a whole number up to {QUANTITY_MAX:,}, either sign")
        if not (quantity := int(text)):
            raise _Wrong("quantity", "ZERO_QUANTITY", "a line of nothing")
        return quantity

    def _price(self, record: Record) -> Decimal:
        text = record.cells[self.place["unit_price"]].strip()
        try:
            price = Decimal(text)
        except InvalidOperation:
            raise _Wrong("unit_price", "NOT_A_NUMBER", "a number such as 1299.00") from None
        if not price.is_finite():
            raise _Wrong("unit_price", "NOT_A_NUMBER", "a number such as 1299.00")
        if abs(price) >= PRICE_MAX or int(price.as_tuple().exponent) < -6:
            raise _Wrong("unit_price", "OUT_OF_RANGE", "below a billion, with at most six decimal places")
        return price

    def _read_moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _Wrong("ordered_at", "NOT_A_MOMENT", "a moment such as 2011-12-09T12:50:00") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def _country(self, record: Record) -> str:
        text = self._optional(record, "country")
        if not text:
            return self.mapping.country
        if code := self.mapping.countries.get(text):
            return code
        if len(text) == 2 and text.isascii() and text.isalpha():
            return text.upper()
        raise _Wrong("country", "UNKNOWN_COUNTRY", "a code of two letters, or a name that the mapping knows")


def title_of(line: PastLine) -> str:
    """What an unknown article is called: the words of its first sale; stock corrections say `damaged` there."""
    return line.title if line.kind == LineKind.GOODS and line.quantity > 0 else line.sku
