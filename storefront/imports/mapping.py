"""Which column fills which field: TOML tables, a few shipped by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from retail.imports.mappings import BadMapping, Shelf, UnknownMapping

HERE = Path(__file__).resolve().parent
SHIPPED = HERE / "mappings"
TREES = HERE / "trees"

REQUIRED = ("reference", "sku", "title")
FIELDS = frozenset(
    [
        *REQUIRED,
        *(
            "barcode",
            "kind",
            "subtitle",
            "authors",
            "categories",
            "description",
            "language",
            "brand",
            "format",
        ),
        *("pages", "pieces", "weight_grams", "length_mm", "width_mm", "height_mm", "released_on"),
        *("rating", "rating_count", "tax_class"),
    ]
)
KINDS = frozenset(["text", "isbn", "barcode", "whole", "decimal", "year", "date", "kind", "tax_class"])


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field's text comes from and how it is read."""

    column: str
    kind: str = "text"
    separator: str = ""
    prefix: str = ""
    empty: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PriceColumn:
    column: str
    factor: Decimal = Decimal(1)
    ending: str = ""
    is_sample: bool = False


@dataclass(frozen=True)
class Mapping:
    """How one shape of file becomes catalog rows. `digest` changes with its content."""

    name: str
    about: str
    digest: str
    columns: dict[str, Column]
    kind: str = "OTHER"
    tax_class: str = "STANDARD"
    language: str = ""
    brand: str = ""
    tree: str = ""
    price_list: str = ""
    reference_prefix: str = ""
    encoding: str = "utf-8"
    is_published: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    prices: tuple[PriceColumn, ...] = ()

    @property
    def key(self) -> str:
        """The name under which a run is recorded: a changed mapping is another run."""
        return f"{self.name[:40]}@{self.digest[:12]}"

    def needed_columns(self) -> list[str]:
        return [self.columns[name].column for name in REQUIRED]

    def known_columns(self) -> set[str]:
        return {
            *(column.column for column in self.columns.values()),
            *(price.column for price in self.prices),
            *self.attributes.values(),
        }


def detect_mapping(header: list[str]) -> Mapping:
    """The shipped mapping that knows most columns of this header, if it finds all that it needs."""
    fitting = [mapping for mapping in SHELF.shipped() if set(mapping.needed_columns()) <= set(header)]
    if not fitting:
        raise UnknownMapping(
            f"No mapping fits the columns {', '.join(header[:12])}. Give one with --map.", columns=header
        )
    return max(fitting, key=lambda mapping: len(mapping.known_columns() & set(header)))


def _mapping(table: dict[str, Any], digest: str, stem: str) -> Mapping:
    columns = {name: _column(value) for name, value in table.pop("columns", {}).items()}
    prices = tuple(
        PriceColumn(**{**price, "factor": Decimal(str(price.get("factor", 1)))})
        for price in table.pop("prices", [])
    )
    if unknown := sorted(set(columns) - FIELDS):
        raise BadMapping(f"{stem}: the catalog has no field {', '.join(unknown)}", fields=unknown)
    if missing := [name for name in REQUIRED if name not in columns]:
        raise BadMapping(f"{stem}: no column for {', '.join(missing)}", fields=missing)
    if wrong := sorted({column.kind for column in columns.values()} - KINDS):
        raise BadMapping(f"{stem}: cannot read as {', '.join(wrong)}; known: {', '.join(sorted(KINDS))}")
    return Mapping(**{"name": stem, "about": "", **table}, digest=digest, columns=columns, prices=prices)


def _column(value: Any) -> Column:
    if isinstance(value, str):
        return Column(value)
    return Column(
        column=value["column"],
        kind=value.get("is", "text"),
        separator=value.get("separator", ""),
        prefix=value.get("prefix", ""),
        empty=frozenset(value.get("empty", ())),
    )


SHELF: Shelf[Mapping] = Shelf(SHIPPED, _mapping)
