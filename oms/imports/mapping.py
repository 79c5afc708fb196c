"""Which column fills which field of a past order, and what the file leaves unsaid."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oms.states import DeliveryKind, LineKind, PaymentMethod
from retail.imports.mappings import BadMapping, Shelf, UnknownMapping

SHIPPED = Path(__file__).resolve().parent / "mappings"
REQUIRED = ("order", "sku", "quantity", "unit_price", "ordered_at")
FIELDS = frozenset([*REQUIRED, "title", "customer", "country"])
PREFIX_LENGTH_MAX = 40
CODES = {"delivery_method": DeliveryKind, "payment_method": PaymentMethod}


@dataclass(frozen=True)
class Mapping:
    """How one shape of file becomes past orders. `digest` changes with its content."""

    name: str
    about: str
    digest: str
    columns: dict[str, str]
    # Orders are known by prefix and number: the same file under another prefix is another history.
    reference_prefix: str
    number_prefix: str = ""
    # Numbers that begin like this are credits: their negative lines look for the sale that they take back.
    credit_prefix: str = ""
    channel: str = ""
    currency: str = ""
    zone: str = "Europe/Belgrade"
    country: str = "RS"
    customer_name: str = "Customer"
    tax_class: str = ""
    tax_rate: Decimal = Decimal(0)
    delivery_method: str = "HOME_DELIVERY"
    payment_method: str = "BANK_TRANSFER"
    encoding: str = "utf-8"
    # Texts that stand for nothing.
    empty: frozenset[str] = frozenset()
    countries: dict[str, str] = field(default_factory=dict)
    # Pseudo-SKUs: a pattern of the folded code → what such a line is.
    kinds: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name under which a run is recorded: a changed mapping is another run."""
        return f"{self.name[:40]}@{self.digest[:12]}"

    def needed_columns(self) -> list[str]:
        return [self.columns[name] for name in REQUIRED]

    def kind_of(self, sku: str) -> str:
        """Goods, unless a pattern says otherwise; the first pattern that fits decides."""
        return next(
            (kind for pattern, kind in self.kinds.items() if fnmatchcase(sku, pattern)), LineKind.GOODS
        )


def detect_mapping(header: list[str]) -> Mapping:
    """The shipped mapping that finds all its columns in this header; of several the one that uses most."""
    fitting = [mapping for mapping in SHELF.shipped() if set(mapping.needed_columns()) <= set(header)]
    if not fitting:
        raise UnknownMapping(
            f"No mapping fits the columns {', '.join(header[:12])}. Give one with --map.", columns=header
        )
    return max(fitting, key=lambda mapping: len(set(mapping.columns.values()) & set(header)))


def _mapping(table: dict[str, Any], digest: str, stem: str) -> Mapping:
    columns = {name: str(column) for name, column in table.pop("columns", {}).items()}
    if unknown := sorted(set(columns) - FIELDS):
        raise BadMapping(f"{stem}: an order line has no field {', '.join(unknown)}", fields=unknown)
    if missing := [name for name in REQUIRED if name not in columns]:
        raise BadMapping(f"{stem}: no column for {', '.join(missing)}", fields=missing)
    kinds = {pattern.upper(): kind for pattern, kind in table.pop("kinds", {}).items()}
    if wrong := sorted(set(kinds.values()) - set(LineKind.values)):
        raise BadMapping(f"{stem}: there is no kind of line {', '.join(wrong)}")
    mapping = Mapping(
        **{
            "name": stem,
            "about": "",
            **table,
            "tax_rate": Decimal(str(table.get("tax_rate", 0))),
            "empty": frozenset(table.get("empty", ())),
        },
        digest=digest,
        columns=columns,
        kinds=kinds,
    )
    _check(mapping, stem)
    return mapping


def _check(mapping: Mapping, stem: str) -> None:
    if not 0 < len(mapping.reference_prefix) <= PREFIX_LENGTH_MAX:
        raise BadMapping(f"{stem}: reference_prefix must have 1 to {PREFIX_LENGTH_MAX} characters")
    for name, choices in CODES.items():
        if getattr(mapping, name) not in choices.values:
            raise BadMapping(f"{stem}: {name} is one of {', '.join(choices.values)}")
    try:
        ZoneInfo(mapping.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadMapping(f"{stem}: there is no time zone {mapping.zone}") from None


SHELF: Shelf[Mapping] = Shelf(SHIPPED, _mapping)
