"""A page of products with its facets: one statement for what is on it and how many there are, one for the cards.

A small set is sorted and counted whole. A large one is walked in the order of the sort's own index, as far as the page, so
that a page costs the same in a catalog of any size; every sort and filter sees every product.
"""

# ruff: noqa: S608 - the conditions are this package's own, what people chose is always a parameter
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from django.db import connection

from storefront.selectors.availability import available_sql
from storefront.selectors.cards import Card, cards
from storefront.selectors.facets import (
    COLUMNS,
    Facet,
    Row,
    counting,
    counting_available,
    facet_names,
    facets_of,
    is_large,
    rows_of,
    summary,
)
from storefront.selectors.filters import COSTING, PRICED, Filters, ListingQuery, filters_of
from storefront.selectors.search import Matches, match

# So many products are fetched, sorted and counted whole as the page is asked for.
FEW = 1_000
NARROW = 8_000
# Nobody turns more pages than this; the page says so and offers filters instead.
REACH_MAX = 10_000
PAGE_SIZE_MAX = 96

# What a shopper may sort by, as SQL over the product `p`; each has an index in this order.
SORTS: Mapping[str, str] = {
    "popular": "p.popularity DESC, p.id",
    "newest": "p.released_on DESC NULLS LAST, p.id",
    "title": "p.sort_title, p.id",
    "rating": "p.rating DESC NULLS LAST, p.rating_count DESC, p.id",
    "price_asc": "o.amount NULLS LAST, o.variant_id, p.id",
    "price_desc": "o.amount DESC NULLS LAST, o.variant_id DESC, p.id",
    "relevance": "o.place NULLS LAST, p.popularity DESC, p.id",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of cards. A capped total means "more than"; `reach` is how many of them can be paged through."""

    query: ListingQuery
    cards: tuple[Card, ...]
    total: int
    is_total_capped: bool
    page: int
    pages: int
    reach: int
    facets: dict[str, Facet]
    suggestion: str = ""


@dataclass(slots=True)
class _Few:
    """What a look at the first products of a set tells. The set itself is named "", those of facets with a choice by the facet.

    `is_narrow`: a price range holds so few entries that sorting them is cheaper than walking until enough of them turn up.
    """

    counts: dict[str, int]
    ids: list[int]
    rows: list[Row]
    is_narrow: bool


def search(text: str, price_list_id: int, now: datetime, page: int = 1) -> Listing:
    return listing(ListingQuery(text=text, page=page), price_list_id, now)


def listing(query: ListingQuery, price_list_id: int, now: datetime) -> Listing:
    """A page with facets; the number of statements depends on neither the page size nor the catalog."""
    found = match(query.text) if query.text.strip() else None
    query = _settled(query, found)
    filters = filters_of(query, found, price_list_id, now)
    few = None if is_large(filters) else _look(query, filters)
    is_few = few is not None and few.counts[""] <= FEW
    ids, ranked = (few.ids, None) if few and is_few else _walk(query, filters, few)
    total, rows = _counted(filters, few)
    reach = min(total, REACH_MAX, *([] if ranked is None else [ranked]))
    pages = max(1, ceil(reach / query.page_size))
    if query.page > pages:
        return listing(replace(query, page=pages), price_list_id, now)
    return Listing(
        query=query,
        cards=cards(ids, price_list_id, now),
        total=total,
        is_total_capped=filters.is_live and not is_few,
        page=query.page,
        pages=pages,
        reach=reach,
        facets=facets_of(rows, _chosen(query)),
        suggestion=found.suggestion if found else "",
    )


def _settled(query: ListingQuery, found: Matches | None) -> ListingQuery:
    fallback = "popular" if found is None else "relevance"
    is_known = query.sort in SORTS and (query.sort != "relevance" or found is not None)
    page_size = min(max(1, query.page_size), PAGE_SIZE_MAX)
    return replace(
        query,
        sort=query.sort if is_known else fallback,
        page=min(max(1, query.page), REACH_MAX // page_size + 1),
        page_size=page_size,
    )


def _look(query: ListingQuery, filters: Filters) -> _Few:
    """One statement for a set of few products: all of them fetched, sorted, counted. Of a larger one it tells only the size."""
    names = ["", *filters.chosen]
    tables = ", ".join(
        f"s_{name} AS MATERIALIZED (SELECT {COLUMNS} {filters.source(but=name)} LIMIT {FEW + 1})"
        for name in names
    )
    parts = [
        _if_few("", f"ARRAY({_page_of_few(query)})"),
        _if_few("", counting_available("s_")) if available_sql() else "NULL",
        f"(SELECT count(*) FROM (SELECT 1 FROM storefront_price r WHERE {PRICED} AND {filters.price} LIMIT {NARROW + 1}) each)"
        if filters.price
        else "NULL",
    ]
    for name in names:
        facets = counting([name] if name else facet_names(filters), f"s_{name}")
        parts += [f"(SELECT count(*) FROM s_{name})", _if_few(name, facets)]
    values = {**filters.values, **_place(query)}
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {tables} SELECT {', '.join(parts)}", values)
        ids, available, entries, *counted = cursor.fetchone()
    return _Few(
        counts=dict(zip(names, counted[::2], strict=True)),
        ids=ids or [],
        rows=[row for text in (available, *counted[1::2]) for row in rows_of(text)],
        is_narrow=entries is not None and entries <= NARROW,
    )


def _if_few(name: str, expression: str) -> str:
    return f"CASE WHEN (SELECT count(*) FROM s_{name}) <= {FEW} THEN {expression} END"


def _place(query: ListingQuery) -> dict[str, int]:
    return {"limit": query.page_size, "offset": (query.page - 1) * query.page_size}


def _counted(filters: Filters, few: _Few | None) -> tuple[int, list[Row]]:
    """The total and all facets: those of few products, and the minute's figures of every set that is larger.

    Where prices or stock decide what is in a large set, its choices stand without figures.
    """
    counts = few.counts if few else {"": FEW + 1}
    total, rows = counts[""], [*few.rows] if few else []
    for name in (name for name, count in counts.items() if count > FEW):
        count, some = summary(filters, but=name)
        rows += [(*row[:3], None) for row in some] if filters.is_live else some
        if not name:
            total = FEW if filters.is_live else count
            rows += [("available", "1", "1", None)] if available_sql() else []
    return total, rows


def _walk(query: ListingQuery, filters: Filters, few: _Few | None) -> tuple[list[int], int | None]:
    """The page of a large set, and how many of the best matches pass: only these are put in order of relevance."""
    page = _page_of_many(query, filters, is_narrow=few is not None and few.is_narrow)
    is_ranked = query.sort == "relevance"
    ranked = f"(SELECT count(*) {filters.source()} AND p.id = ANY(%(ids)s))" if is_ranked else "NULL::bigint"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ARRAY({page}), {ranked}", {**filters.values, **_place(query)})
        ids, count = cursor.fetchone()
    return ids, count


_CHEAPEST = f"""
    LEFT JOIN LATERAL (
         SELECT r.amount, r.variant_id FROM storefront_variant v JOIN storefront_price r ON r.variant_id = v.id
          WHERE v.product_id = p.id AND v.is_sellable AND {PRICED} ORDER BY r.amount, r.variant_id LIMIT 1) o ON true
"""


_PLACE = "LEFT JOIN unnest(%(ids)s::bigint[]) WITH ORDINALITY o(id, place) ON o.id = p.id"


def _page_of_few(query: ListingQuery) -> str:
    order = _CHEAPEST if query.sort.startswith("price") else _PLACE if query.sort == "relevance" else ""
    return f"SELECT p.id FROM s_ p {order} ORDER BY {SORTS[query.sort]} LIMIT %(limit)s OFFSET %(offset)s"


def _page_of_many(query: ListingQuery, filters: Filters, *, is_narrow: bool) -> str:
    if query.sort.startswith("price"):
        return _by_price(filters, is_descending=query.sort == "price_desc")
    if query.sort == "relevance":
        source = f"FROM storefront_product p {_PLACE} WHERE {filters.walked()} AND p.id = ANY(%(ids)s)"
    elif is_narrow:
        source = filters.source()
    else:
        source = f"FROM storefront_product p WHERE {filters.walked()}"
    return f"SELECT p.id {source} ORDER BY {SORTS[query.sort]} LIMIT %(limit)s OFFSET %(offset)s"


def _by_price(filters: Filters, *, is_descending: bool) -> str:
    """The price list walked in order: a product stands where its cheapest variant does, what has no price stands last."""
    way = "DESC" if is_descending else ""
    where = " AND ".join(filter(None, [filters.of_catalog(), filters.price, filters.stock]))
    priced = f"SELECT p.id FROM {COSTING} AND {where} ORDER BY r.amount {way}, r.variant_id {way}, r.id {way}"
    if filters.price:
        return f"{priced} LIMIT %(limit)s OFFSET %(offset)s"
    return f"""
        SELECT id FROM (({priced} LIMIT %(limit)s + %(offset)s) UNION ALL
            (SELECT p.id FROM storefront_product p
              WHERE {where} AND NOT EXISTS (
                    SELECT 1 FROM storefront_variant v JOIN storefront_price r ON r.variant_id = v.id
                     WHERE v.product_id = p.id AND v.is_sellable AND {PRICED})
              ORDER BY p.id LIMIT %(limit)s + %(offset)s)) each LIMIT %(limit)s OFFSET %(offset)s
    """


def _chosen(query: ListingQuery) -> dict[str, set[str]]:
    return {
        "author": set(query.authors),
        "brand": set(query.brands),
        "language": set(query.languages),
        "format": set(query.formats),
        "rating": {"4"} if query.rating_from else set(),
        "available": {"1"} if query.is_available else set(),
    }
