"""One row of a file becomes one catalog line, or a list of what is wrong with it. No rows, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from retail.imports.copying import copy_row
from retail.imports.rows import RowError
from retail.kernel.fold import sort_key
from retail.kernel.identifiers import parse_barcode, parse_isbn
from retail.kernel.money import rounded
from storefront.imports.mapping import Column, Mapping
from storefront.imports.trees import Tree
from storefront.rules import (
    Size,
    book_size,
    box_size,
    search_texts,
    shop_price,
    slug_of_words,
    sort_name,
    words_of,
)
from storefront.states import ProductKind

LENGTH_MAX = {
    "reference": 100,
    "sku": 40,
    "title": 400,
    "subtitle": 400,
    "description": 20_000,
    "language": 10,
    "brand": 160,
    "format": 60,
    "categories": 400,
    "authors": 2_000,
}
WHOLE_MAX = 2_000_000_000
PRICE_MAX = Decimal("99999999.99")
PEOPLE_MAX = 40
_KINDS = frozenset(ProductKind.values)
_SKU = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]*")
_WHOLE = re.compile(r"(\d{1,12})(?:\.0+)?")
TAX_CLASSES = ("BOOKS", "STANDARD", "EXEMPT")
SIZES = ("weight_grams", "length_mm", "width_mm", "height_mm")


class Person(NamedTuple):
    slug: str
    name: str
    sort_name: str
    words: str


class CatalogLine(NamedTuple):
    """One title as it enters the database; the order is that of the temporary table."""

    line: int
    reference: str
    sku: str
    barcode: str
    kind: str
    title: str
    subtitle: str
    description: str
    language: str
    brand: str
    attributes: str
    released_on: date | None
    rating: Decimal | None
    rating_count: int
    tax_class: str
    format_name: str
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    is_estimated_size: bool
    base_slug: str
    sort_title: str
    search_text: str
    search_vector: str
    price: Decimal | None
    is_sample_price: bool


class Cleaned(NamedTuple):
    """A line with its people and the branches it hangs in; `leaf` is the one that its crumbs show. The rows are what COPY takes."""

    line: CatalogLine
    people: tuple[Person, ...]
    places: tuple[str, ...]
    leaf: str
    row: str
    credit_rows: str
    place_rows: str


class _Wrong(Exception):
    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason


class _Field:
    """One column of the file, with what it is read by."""

    __slots__ = (
        "empty",
        "heading",
        "index",
        "is_required",
        "length_max",
        "name",
        "prefix",
        "reader",
        "separator",
    )

    def __init__(self, name: str, index: int, column: Column) -> None:
        self.name, self.index, self.heading = name, index, column.column
        self.empty, self.prefix, self.separator = frozenset(column.empty), column.prefix, column.separator
        self.length_max = LENGTH_MAX.get(name, 400)
        self.is_required = name in ("reference", "sku", "title")
        self.reader = _READERS[column.kind]

    def read(self, text: str) -> Any:
        if not text:
            if self.is_required:
                raise _Wrong("REQUIRED", "must not be empty")
            return None
        if len(text) > self.length_max:
            raise _Wrong("TOO_LONG", f"longer than {self.length_max} characters")
        value = self.reader(text)
        if self.separator:
            parts = [part.strip() for part in str(value).split(self.separator) if part.strip()]
            return parts[:PEOPLE_MAX]
        if self.name == "sku":
            value = f"{self.prefix}{value}".strip()
            if not _SKU.fullmatch(value) or len(value) > self.length_max:
                raise _Wrong("INVALID_SKU", "letters, digits and . _ / - only, 40 at most")
        elif self.name == "rating" and not 0 <= value <= 5:
            raise _Wrong("OUT_OF_RANGE", "a rating lies between 0 and 5")
        return value


class Cleaner:
    """Bound to one header; `clean` is called for each row."""

    def __init__(self, mapping: Mapping, tree: Tree, header: list[str]) -> None:
        place = {name: index for index, name in enumerate(header)}
        self.mapping = mapping
        self.tree = tree
        self.fields = [
            _Field(name, place[column.column], column)
            for name, column in mapping.columns.items()
            if column.column in place
        ]
        self.attributes = [
            (name, place[column]) for name, column in mapping.attributes.items() if column in place
        ]
        self.prices = [(price, place[price.column]) for price in mapping.prices if price.column in place]
        self._people: dict[str, Person] = {}

    @property
    def present(self) -> set[str]:
        """The fields that this file fills; what it does not fill is never overwritten."""
        return {field.name for field in self.fields}

    def clean(self, line: int, cells: list[str]) -> Cleaned | list[RowError]:
        found: dict[str, Any] = {}
        errors: list[RowError] = []
        for field in self.fields:
            text = cells[field.index].strip()
            if text in field.empty:
                text = ""
            try:
                found[field.name] = field.read(text)
            except _Wrong as wrong:
                errors.append(RowError(line, field.heading, text, wrong.code, wrong.reason))
        price, is_sample, wrong_price = self._price(line, cells)
        errors += wrong_price
        if errors:
            return errors
        attributes = {
            name: _plain(cells[index].strip()) for name, index in self.attributes if cells[index].strip()
        }
        return self._line(line, found, attributes, price, is_sample)

    def _price(self, line: int, cells: list[str]) -> tuple[Decimal | None, bool, list[RowError]]:
        for price, index in self.prices:
            text = cells[index].strip()
            if not text or text == "NA":
                continue
            try:
                amount = _decimal(text)
                if not 0 <= amount <= PRICE_MAX:
                    raise _Wrong("OUT_OF_RANGE", "a price lies between 0 and 99,999,999.99")
                if price.factor == 1 and rounded(amount) != amount:
                    raise _Wrong("INVALID_PRICE", "a price has two decimal places")
            except _Wrong as wrong:
                return None, False, [RowError(line, price.column, text, wrong.code, wrong.reason)]
            return shop_price(amount, factor=price.factor, ending=price.ending), price.is_sample, []
        return None, False, []

    def _line(
        self,
        line: int,
        found: dict[str, Any],
        attributes: dict[str, Any],
        price: Decimal | None,
        is_sample: bool,
    ) -> Cleaned:
        headings = _as_list(found.get("categories")) or (
            [""] if "categories" in found and self.tree.default else []
        )
        places = tuple(dict.fromkeys(path for heading in headings for path in self.tree.paths(heading)))
        people = tuple(
            {person.slug: person for person in map(self._person, _as_list(found.get("authors")))}.values()
        )
        kind = found.get("kind") or self.mapping.kind
        brand = found.get("brand") or self.mapping.brand
        size, is_estimated = _size(kind, found)
        if found.get("pages"):
            attributes["pages"] = found["pages"]
        if headings and headings != [""]:
            attributes["subjects"] = headings
        texts = search_texts(
            title=found["title"],
            people=[person.name for person in people],
            subtitle=found.get("subtitle") or "",
            brand=brand,
            codes=[found["sku"], found.get("barcode") or ""],
            subjects=headings,
            description=found.get("description") or "",
        )
        taken = CatalogLine(
            line=line,
            reference=f"{self.mapping.reference_prefix}{found['reference']}",
            sku=found["sku"],
            barcode=found.get("barcode") or "",
            kind=kind,
            title=found["title"],
            subtitle=found.get("subtitle") or "",
            description=found.get("description") or "",
            language=found.get("language") or self.mapping.language,
            brand=brand,
            attributes=json.dumps(attributes, ensure_ascii=False, sort_keys=True),
            released_on=found.get("released_on"),
            rating=found.get("rating"),
            rating_count=found.get("rating_count") or 0,
            tax_class=found.get("tax_class") or self.mapping.tax_class,
            format_name=found.get("format") or "",
            weight_grams=size.weight_grams,
            length_mm=size.length_mm,
            width_mm=size.width_mm,
            height_mm=size.height_mm,
            is_estimated_size=is_estimated,
            base_slug=slug_of_words(texts.title, people[0].words if people else ""),
            sort_title=sort_key(found["title"])[:400],
            search_text=texts.text,
            search_vector=texts.vector,
            price=price,
            is_sample_price=is_sample,
        )
        leaf = (self.tree.paths(headings[0]) or ("",))[-1] if headings else ""
        return Cleaned(
            taken,
            people,
            places,
            leaf,
            row=copy_row((*taken, leaf)),
            credit_rows="".join(
                copy_row((line, position, *person[:3])) for position, person in enumerate(people)
            ),
            place_rows="".join(copy_row((line, path)) for path in places),
        )

    def _person(self, name: str) -> Person:
        """Authors repeat from title to title; their keys are worked out once."""
        if (known := self._people.get(name)) is None:
            words = words_of(name)
            slug = words.replace(" ", "-")[:160] or "-"
            known = self._people[name] = Person(slug, name[:200], sort_name(name), words_of(name[:200]))
        return known


def _size(kind: str, found: dict[str, Any]) -> tuple[Size, bool]:
    """Measured where the file says so; estimated from pages or pieces else."""
    measured = [found.get(name) for name in SIZES]
    if all(measured):
        return Size(*map(int, filter(None, measured))), False
    if kind == ProductKind.BOOK or found.get("pages"):
        estimate = book_size(found.get("pages"))
    else:
        estimate = box_size(found.get("pieces"))
    values = [
        given or guess
        for given, guess in zip(
            measured,
            (estimate.weight_grams, estimate.length_mm, estimate.width_mm, estimate.height_mm),
            strict=True,
        )
    ]
    return Size(*values), True


def _as_list(value: Any) -> list[str]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _plain(text: str) -> str | int:
    """An attribute as a number where it is one: data sets write 7.0 for seven."""
    match = _WHOLE.fullmatch(text)
    return int(match[1]) if match else text[:200]


def _text(text: str) -> str:
    return text


@lru_cache(maxsize=16)
def _isbn(text: str) -> str:
    """Often two columns read the same code of one row."""
    if (code := parse_isbn(text)) is None:
        raise _Wrong("INVALID_ISBN", "not an ISBN, or its check digit does not fit")
    return code


@lru_cache(maxsize=16)
def _barcode(text: str) -> str:
    if (code := parse_barcode(text)) is None:
        raise _Wrong("INVALID_BARCODE", "not an EAN, UPC or GTIN, or its check digit does not fit")
    return code


def _whole(text: str) -> int:
    match = _WHOLE.fullmatch(text)
    if match is None:
        if text in ("NA", "NaN", "nan"):
            return 0
        raise _Wrong("NOT_A_WHOLE_NUMBER", "a whole number that is not negative")
    if (value := int(match[1])) > WHOLE_MAX:
        raise _Wrong("OUT_OF_RANGE", f"at most {WHOLE_MAX:,}")
    return value


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", ".")) if text.count(",") + text.count(".") <= 1 else Decimal(text)
    except InvalidOperation:
        raise _Wrong("NOT_A_NUMBER", "a number such as 1299.00") from None
    if not value.is_finite():
        raise _Wrong("NOT_A_NUMBER", "a number such as 1299.00")
    return value


def _year(text: str) -> date:
    year = _whole(text)
    if not 1 <= year <= 9999:
        raise _Wrong("OUT_OF_RANGE", "a year such as 1982")
    return date(year, 1, 1)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Wrong("NOT_A_DATE", "a date such as 2026-11-24") from None


def _kind(text: str) -> str:
    if text.upper() not in _KINDS:
        raise _Wrong("UNKNOWN_KIND", f"one of {', '.join(ProductKind.values)}")
    return text.upper()


def _tax_class(text: str) -> str:
    if text.upper() not in TAX_CLASSES:
        raise _Wrong("UNKNOWN_TAX_CLASS", f"one of {', '.join(TAX_CLASSES)}")
    return text.upper()


_READERS: dict[str, Callable[[str], Any]] = {
    "text": _text,
    "isbn": _isbn,
    "barcode": _barcode,
    "whole": _whole,
    "decimal": _decimal,
    "year": _year,
    "date": _date,
    "kind": _kind,
    "tax_class": _tax_class,
}
