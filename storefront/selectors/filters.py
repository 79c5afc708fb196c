"""What a listing is narrowed by, as SQL conditions over the product `p`."""

# ruff: noqa: S608 - the conditions are this package's own, what people chose is always a parameter
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from storefront.selectors.availability import available_product, available_sql, coming_product, coming_sql
from storefront.selectors.search import Matches


@dataclass(frozen=True, slots=True)
class Condition:
    """What a later room asks of a variant `v`, as SQL; the names of its values begin with `had_`."""

    sql: str
    values: Mapping[str, Any]
    # A condition of the product `p` that all of them pass and that the database can start from.
    sieve: str = ""


@dataclass(frozen=True, slots=True)
class ListingQuery:
    """What a listing shows. Everything a person chose; unknown sorts and pages come to the nearest known one."""

    category_id: int | None = None
    text: str = ""
    authors: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    price_from: Decimal | None = None
    price_to: Decimal | None = None
    rating_from: Decimal | None = None
    is_available: bool = False
    # What cannot be had now but ordered ahead; together with the one before: either.
    is_ahead: bool = False
    had: tuple[Condition, ...] = ()
    released_since: date | None = None
    sort: str = ""
    page: int = 1
    page_size: int = 24


@dataclass(slots=True)
class Filters:
    """SQL conditions by kind: `catalog` always hold, `price` and `stock` by what is so now, `chosen` belong to a facet of several values.

    A facet counts without its own choice, so that another value says what it would add.
    """

    catalog: list[str] = field(default_factory=lambda: ["p.status = 'PUBLISHED'"])
    price: str = ""
    stock: str = ""
    chosen: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether prices or stock decide what is in the set."""
        return bool(self.price or self.stock)

    def of_catalog(self, *, but: str = "") -> str:
        """The conditions that neither prices nor stock play a part in."""
        return " AND ".join([*self.catalog, *(each for name, each in self.chosen.items() if name != but)])

    def source(self, *, but: str = "") -> str:
        """FROM and WHERE of the whole set; with a price range the list's own order leads to it."""
        where = " AND ".join(filter(None, [self.of_catalog(but=but), self.price, self.stock]))
        return f"FROM {COSTING} AND {where}" if self.price else f"FROM storefront_product p WHERE {where}"

    def walked(self) -> str:
        """The same as a condition that is asked product by product, for a walk that ends early."""
        cost = f"EXISTS (SELECT 1 FROM {_COST_OF_ONE} {self.price} OFFSET 0)" if self.price else ""
        return " AND ".join(filter(None, [self.of_catalog(), cost, self.stock]))

    def key(self, *, but: str = "") -> str:
        """Names what does not depend on prices, stock, sort or page."""
        values = sorted(
            (name, repr(value))
            for name, value in self.values.items()
            if name not in _VOLATILE and not name.startswith("had_")
        )
        return hashlib.sha256(repr((self.of_catalog(but=but), values)).encode()).hexdigest()


_VOLATILE = ("list", "now", "price_from", "price_to", "ids", "basket")
# An entry `r` of the price list that holds for one unit now.
PRICED = (
    "r.price_list_id = %(list)s AND r.minimum_quantity = 1 AND r.valid_from <= %(now)s "
    "AND (r.valid_to IS NULL OR r.valid_to > %(now)s)"
)
# The products `p` with the one entry `r` that says what they cost: that of the cheapest variant.
COSTING = f"""
    storefront_price r JOIN storefront_variant x ON x.id = r.variant_id AND x.is_sellable JOIN storefront_product p ON p.id = x.product_id
     WHERE {PRICED} AND NOT EXISTS (
           SELECT 1 FROM storefront_variant y JOIN storefront_price q ON q.variant_id = y.id
            WHERE y.product_id = p.id AND y.is_sellable AND {PRICED.replace("r.", "q.")}
              AND (q.amount, q.variant_id, q.id) < (r.amount, r.variant_id, r.id))
"""
# The same asked of one product.
_COST_OF_ONE = f"""(
    SELECT r.amount FROM storefront_variant x JOIN storefront_price r ON r.variant_id = x.id
     WHERE x.product_id = p.id AND x.is_sellable AND {PRICED} ORDER BY r.amount LIMIT 1) r WHERE
"""


def filters_of(query: ListingQuery, found: Matches | None, price_list_id: int, now: datetime) -> Filters:
    filters = Filters(values={"list": price_list_id, "now": now, "parent": query.category_id})
    filters.catalog += _catalog_conditions(query, found, filters.values)
    filters.price = _price_bounds(query, filters.values)
    filters.stock = _stock_condition(query)
    for each in query.had:
        filters.values |= each.values
        filters.stock = " AND ".join(filter(None, [filters.stock, each.sieve, _had(each)]))
    for name, condition, values in _choices(query):
        filters.values[name] = values
        if values:
            filters.chosen[name] = condition
    return filters


def _catalog_conditions(query: ListingQuery, found: Matches | None, values: dict[str, Any]) -> Iterable[str]:
    if query.category_id is not None:
        yield (
            "EXISTS (SELECT 1 FROM storefront_product_categories m WHERE m.product_id = p.id AND m.category_id = %(parent)s)"
        )
    if found is not None:
        values |= {"ids": found.ids, "words": found.words or found.ids}
        yield "p.search_vector @@ to_tsquery('simple', %(words)s)" if found.words else "p.id = ANY(%(ids)s)"
    if query.kinds:
        values["kinds"] = list(query.kinds)
        yield "p.kind = ANY(%(kinds)s)"
    if query.released_since:
        values["released_since"] = query.released_since
        yield "p.released_on >= %(released_since)s"
    if query.rating_from is not None:
        values["rating_from"] = query.rating_from
        yield "p.rating >= %(rating_from)s"


def _price_bounds(query: ListingQuery, values: dict[str, Any]) -> str:
    bounds = [("price_from", ">=", query.price_from), ("price_to", "<=", query.price_to)]
    values |= {name: value for name, _, value in bounds}
    return " AND ".join(f"r.amount {sign} %({name})s" for name, sign, value in bounds if value is not None)


def _stock_condition(query: ListingQuery) -> str:
    either = [
        condition
        for condition, is_asked in (
            (available_product(), query.is_available and available_sql()),
            (f"({coming_product()}) IS NOT NULL", query.is_ahead and coming_sql()),
        )
        if is_asked
    ]
    return f"({' OR '.join(either)})" if either else ""


def _had(condition: Condition) -> str:
    """Whether something of the product `p` that has a price can be had so."""
    return (
        "EXISTS (SELECT 1 FROM storefront_variant v WHERE v.product_id = p.id AND v.is_sellable "
        f"AND EXISTS (SELECT 1 FROM storefront_price r WHERE r.variant_id = v.id AND {PRICED}) AND {condition.sql} OFFSET 0)"
    )


def _choices(query: ListingQuery) -> Iterable[tuple[str, str, list[str]]]:
    yield (
        "author",
        "p.id IN (SELECT c.product_id FROM storefront_contribution c JOIN storefront_contributor k ON k.id = c.contributor_id "
        "WHERE k.slug = ANY(%(author)s))",
        list(query.authors),
    )
    yield "brand", "p.brand = ANY(%(brand)s)", list(query.brands)
    yield "language", "p.language = ANY(%(language)s)", list(query.languages)
    yield (
        "format",
        "EXISTS (SELECT 1 FROM storefront_variant v WHERE v.product_id = p.id AND v.is_sellable AND v.format_name = ANY(%(format)s))",
        list(query.formats),
    )
