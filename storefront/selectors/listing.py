"""A page of products with its facets: one statement for what is on it and how many there are, one for the cards.

Facets are counted with every chosen filter except their own. They look at the most read products of the branch, so that
their price does not grow with the catalog; where that is not all of them, the facet says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from math import ceil
from typing import Any

from django.db import connection

from storefront.selectors.availability import availability_condition, available_sql
from storefront.selectors.products import Card, cards
from storefront.selectors.search import Matches, match

FACET_PRODUCTS_MAX = 1_000
NARROWED_PRODUCTS_MAX = 2_500
PRICED_PRODUCTS_MAX = 3_000
TOTAL_MAX = 5_000
FACET_VALUES_MAX = 12
PAGE_SIZE_MAX = 96
PRICE_BANDS = (Decimal(500), Decimal(1000), Decimal(1500), Decimal(2500), Decimal(5000))

# What a shopper may sort by, as SQL over the product `p` (and its offer `o`, where prices are needed).
SORTS: Mapping[str, str] = {
    "popular": "p.popularity DESC, p.id",
    "newest": "p.released_on DESC NULLS LAST, p.id",
    "title": "p.sort_title, p.id",
    "rating": "p.rating DESC NULLS LAST, p.rating_count DESC, p.id",
    "price_asc": "o.price NULLS LAST, p.popularity DESC, p.id",
    "price_desc": "o.price DESC NULLS LAST, p.popularity DESC, p.id",
    "relevance": "array_position(%(ids)s::bigint[], p.id)",
}


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
    released_since: date | None = None
    sort: str = ""
    page: int = 1
    page_size: int = 24


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One choice: `value` goes into the address, `label` is data (a name or a code), `count` products would remain."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    name: str
    values: tuple[FacetValue, ...]
    is_capped: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of cards. A capped total means "at least": beyond it nobody pages."""

    query: ListingQuery
    cards: tuple[Card, ...]
    total: int
    is_total_capped: bool
    page: int
    pages: int
    facets: dict[str, Facet]
    suggestion: str = ""


@dataclass(slots=True)
class _Filters:
    """SQL conditions: `always` hold for every count; the named ones are left out when their own facet is counted.

    `products` is what the conditions are about: the table, or what a search has found in it.
    """

    products: str = "storefront_product"
    always: list[str] = field(default_factory=list)
    product: dict[str, str] = field(default_factory=dict)
    offer: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def search(text: str, price_list_id: int, now: datetime, page: int = 1) -> Listing:
    return listing(ListingQuery(text=text, page=page), price_list_id, now)


def listing(query: ListingQuery, price_list_id: int, now: datetime) -> Listing:
    """A page with facets; the number of statements depends on neither the page size nor the catalog."""
    found = match(query.text) if query.text.strip() else None
    query = _settled(query, found)
    filters = _filters(query, found)
    filters.values |= {"list": price_list_id, "now": now}
    ids, total, facets, seen = _page(query, filters)
    is_part = seen == filters.values["seen_max"]
    pages = max(1, ceil(min(total, TOTAL_MAX) / query.page_size))
    if query.page > pages:
        return listing(replace(query, page=pages), price_list_id, now)
    return Listing(
        query=query,
        cards=cards(ids, price_list_id, now),
        total=min(total, TOTAL_MAX),
        is_total_capped=total > TOTAL_MAX
        or (is_part and _needs_offers(query, filters))
        or bool(found and found.is_capped),
        page=query.page,
        pages=pages,
        facets=_facets(facets, query, is_capped=is_part),
        suggestion=found.suggestion if found else "",
    )


def _settled(query: ListingQuery, found: Matches | None) -> ListingQuery:
    fallback = "popular" if found is None else "relevance"
    is_known = query.sort in SORTS and (query.sort != "relevance" or found is not None)
    return replace(
        query,
        sort=query.sort if is_known else fallback,
        page=max(1, query.page),
        page_size=min(max(1, query.page_size), PAGE_SIZE_MAX),
    )


def _filters(query: ListingQuery, found: Matches | None) -> _Filters:
    filters = _Filters(always=["p.status = 'PUBLISHED'"])
    values = filters.values
    values["parent"] = query.category_id
    if query.category_id is not None:
        filters.always.append(
            "EXISTS (SELECT 1 FROM storefront_product_categories m WHERE m.product_id = p.id AND m.category_id = %(parent)s)"
        )
    if found is not None:
        # The few that were found are fetched first; walking the most read ones until they turn up takes far longer.
        filters.products = "(SELECT * FROM storefront_product WHERE id = ANY(%(ids)s) OFFSET 0)"
        values["ids"] = found.ids
    if query.kinds:
        filters.always.append("p.kind = ANY(%(kinds)s)")
        values["kinds"] = list(query.kinds)
    if query.released_since:
        filters.always.append("p.released_on >= %(released_since)s")
        values["released_since"] = query.released_since
    _add_product_filters(filters, query)
    _add_offer_filters(filters, query)
    return filters


def _add_product_filters(filters: _Filters, query: ListingQuery) -> None:
    conditions = {
        "author": (
            "EXISTS (SELECT 1 FROM storefront_contribution c JOIN storefront_contributor k ON k.id = c.contributor_id "
            "WHERE c.product_id = p.id AND k.slug = ANY(%(author)s))",
            list(query.authors),
        ),
        "brand": ("p.brand = ANY(%(brand)s)", list(query.brands)),
        "language": ("p.language = ANY(%(language)s)", list(query.languages)),
        "rating": ("p.rating >= %(rating)s", query.rating_from),
    }
    for name, (condition, value) in conditions.items():
        filters.values[name] = value
        if value:
            filters.product[name] = condition


def _add_offer_filters(filters: _Filters, query: ListingQuery) -> None:
    values = filters.values
    values["format"] = list(query.formats)
    if query.formats:
        filters.offer["format"] = "o.formats && %(format)s::varchar[]"
    bounds = [("price_from", ">=", query.price_from), ("price_to", "<=", query.price_to)]
    price = [f"o.price {sign} %({name})s" for name, sign, value in bounds if value is not None]
    values |= {name: value for name, _, value in bounds}
    if price:
        filters.offer["price"] = " AND ".join(price)
    if query.is_available and available_sql():
        filters.offer["available"] = "o.is_available"


def _needs_offers(query: ListingQuery, filters: _Filters) -> bool:
    """Whether prices, formats or stock decide which products are on the page."""
    return bool(filters.offer) or query.sort.startswith("price")


def _seen_max(filters: _Filters, *, needs_offers: bool) -> int:
    """How many of the most read products are looked at: all that anybody pages through where prices decide the page."""
    if needs_offers:
        return PRICED_PRODUCTS_MAX
    return NARROWED_PRODUCTS_MAX if filters.product else FACET_PRODUCTS_MAX


def _page(query: ListingQuery, filters: _Filters) -> tuple[list[int], int, list[tuple[Any, ...]], int]:
    needs_offers = _needs_offers(query, filters)
    filters.values |= {
        "limit": query.page_size,
        "offset": (query.page - 1) * query.page_size,
        "seen_max": _seen_max(filters, needs_offers=needs_offers),
        "total_max": TOTAL_MAX + 1,
        "values_max": FACET_VALUES_MAX,
        "bands": list(PRICE_BANDS),
    }
    sql = _SQL.format(
        products=filters.products,
        always=" AND ".join(filters.always),
        nearly=_nearly(filters.product),
        product_marks=_marks(filters.product),
        offer_marks=_marks(filters.offer),
        available=_available(),
        page=_from_offers(query, filters) if needs_offers else _from_products(query, filters),
        total=_TOTAL_OF_OFFERS.format(all=_all_marks(filters))
        if needs_offers
        else _total_of_products(filters),
        facets=" UNION ALL ".join(_facet_selects(filters)),
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, filters.values)
        ids, total, facets, seen = cursor.fetchone()
    # Django's cursor hands JSON over as text.
    return ids or [], total, json.loads(facets or "[]"), seen


# `near` holds the most read products that fail at most one chosen filter, `offers` adds what their variants cost and
# whether they can be had. "ok_x" marks say whether the chosen filter x holds.
_SQL = """
WITH near AS MATERIALIZED (
    SELECT p.id, p.brand, p.language, p.rating, p.popularity {product_marks}
      FROM {products} p WHERE {always} {nearly}
     ORDER BY p.popularity DESC, p.id LIMIT %(seen_max)s
), priced AS (
    SELECT n.id, min(r.amount) price, array_agg(DISTINCT v.format_name) FILTER (WHERE v.format_name <> '') formats, {available} is_available
      FROM near n JOIN storefront_variant v ON v.product_id = n.id AND v.is_sellable
      LEFT JOIN storefront_price r ON r.variant_id = v.id AND r.price_list_id = %(list)s AND r.minimum_quantity = 1
           AND r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)
     GROUP BY n.id
), offers AS MATERIALIZED (
    SELECT n.*, o.price, o.formats, o.is_available {offer_marks} FROM near n LEFT JOIN priced o USING (id)
)
SELECT ARRAY({page}), ({total}), (SELECT jsonb_agg(jsonb_build_array(name, value, label, count)) FROM ({facets}) each), (SELECT count(*) FROM near)
"""
_AUTHORS = """
    (SELECT 'author' AS name, k.slug AS value, k.name AS label, top.count FROM (
        SELECT c.contributor_id, count(*) AS count, c.contributor_id IN (SELECT id FROM storefront_contributor WHERE slug = ANY(%(author)s::text[])) chosen
          FROM offers o CROSS JOIN LATERAL (SELECT contributor_id FROM storefront_contribution WHERE product_id = o.id OFFSET 0) c
         WHERE true {all} GROUP BY 1 ORDER BY chosen DESC, 2 DESC, 1 LIMIT %(values_max)s) top
      JOIN storefront_contributor k ON k.id = top.contributor_id ORDER BY top.chosen DESC, top.count DESC, k.slug)
"""
_TOTAL_OF_OFFERS = "SELECT count(*) FROM offers o WHERE true {all}"


def _marks(conditions: Mapping[str, str]) -> str:
    return "".join(f", COALESCE({condition}, false) ok_{name}" for name, condition in conditions.items())


def _nearly(conditions: Mapping[str, str]) -> str:
    """Rows that fail two filters count in no facet."""
    if len(conditions) < 2:
        return ""
    held = " + ".join(f"COALESCE({condition}, false)::int" for condition in conditions.values())
    return f"AND {held} >= {len(conditions) - 1}"


def _all_marks(filters: _Filters, but: str = "") -> str:
    return "".join(f" AND o.ok_{name}" for name in (*filters.product, *filters.offer) if name != but)


def _available() -> str:
    return f"bool_or({availability_condition('v.id')})" if available_sql() else "NULL::bool"


def _from_products(query: ListingQuery, filters: _Filters) -> str:
    conditions = " AND ".join([*filters.always, *filters.product.values()])
    return (
        f"SELECT p.id FROM {filters.products} p WHERE {conditions} "  # noqa: S608 - our own conditions
        f"ORDER BY {SORTS[query.sort]} LIMIT %(limit)s OFFSET %(offset)s"
    )


def _from_offers(query: ListingQuery, filters: _Filters) -> str:
    return (
        f"SELECT p.id FROM offers o JOIN storefront_product p USING (id) WHERE true {_all_marks(filters)} "  # noqa: S608
        f"ORDER BY {SORTS[query.sort]} LIMIT %(limit)s OFFSET %(offset)s"
    )


def _total_of_products(filters: _Filters) -> str:
    conditions = " AND ".join([*filters.always, *filters.product.values()])
    return f"SELECT count(*) FROM (SELECT 1 FROM {filters.products} p WHERE {conditions} LIMIT %(total_max)s) counted"  # noqa: S608


def _facet_selects(filters: _Filters) -> Iterable[str]:
    """(name, value, label, count) of each facet; what is chosen is always among its values."""

    def select(name: str, value: str, label: str, tables: str, condition: str, first: str = "") -> str:
        return (
            f"(SELECT '{name}' AS name, {value} AS value, {label} AS label, count(*) AS count FROM offers o {tables} "  # noqa: S608
            f"WHERE {condition} {_all_marks(filters, but=name)} GROUP BY 1, 2, 3 ORDER BY {first} 4 DESC, 2 LIMIT %(values_max)s)"
        )

    yield select(
        "category",
        "c.path",
        "c.name || E'\\n' || c.name_en",
        # Asked for each product: from the categories' side the whole catalog would be read.
        "CROSS JOIN LATERAL (SELECT category_id FROM storefront_product_categories WHERE product_id = o.id OFFSET 0) m "
        "JOIN storefront_category c ON c.id = m.category_id",
        "c.parent_id IS NOT DISTINCT FROM %(parent)s::bigint",
    ).replace("LIMIT %(values_max)s", "LIMIT 60")
    yield _AUTHORS.format(all=_all_marks(filters, but="author"))
    for name in ("brand", "language"):
        yield select(
            name, f"o.{name}", f"o.{name}", "", f"o.{name} <> ''", f"o.{name} = ANY(%({name})s::text[]) DESC,"
        )
    yield select(
        "format",
        "f.f",
        "f.f",
        "CROSS JOIN LATERAL unnest(o.formats) f(f)",
        "true",
        "f.f = ANY(%(format)s::text[]) DESC,",
    )
    band = "width_bucket(o.price, %(bands)s::numeric[])::text"
    yield select("price", band, band, "", "o.price IS NOT NULL")
    yield select("rating", "'4'", "'4'", "", "o.rating >= 4")
    if available_sql():
        yield select("available", "'1'", "'1'", "", "o.is_available")


def _facets(rows: list[tuple[Any, ...]], query: ListingQuery, *, is_capped: bool) -> dict[str, Facet]:
    chosen = {
        "author": set(query.authors),
        "brand": set(query.brands),
        "language": set(query.languages),
        "format": set(query.formats),
        "price": {
            f"{query.price_from or 0:g}-{query.price_to:g}"
            if query.price_to
            else f"{query.price_from or 0:g}-"
        },
        "rating": {"4"} if query.rating_from else set(),
        "available": {"1"} if query.is_available else set(),
    }
    facets: dict[str, list[FacetValue]] = {}
    for name, value, label, count in rows:
        shown = _band(int(value)) if name == "price" else value
        text = shown if name == "price" else label
        facets.setdefault(name, []).append(FacetValue(shown, text, count, shown in chosen.get(name, ())))
    if "price" in facets:
        facets["price"].sort(key=lambda each: Decimal(each.value.split("-")[0]))
    return {name: Facet(name, tuple(values), is_capped) for name, values in facets.items()}


def _band(number: int) -> str:
    """`500-1000`, or `5000-` for the last: the lower bound belongs to the band."""
    below = PRICE_BANDS[number - 1] if number else Decimal(0)
    return f"{below:g}-{PRICE_BANDS[number]:g}" if number < len(PRICE_BANDS) else f"{below:g}-"
