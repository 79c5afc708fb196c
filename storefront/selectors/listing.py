"""A page of products with its facets: one statement for what is on it and how many there are, one for the cards.

A small set is sorted and counted whole. A large one is walked in the order of the sort's own index, as far as the page, so
that a page costs the same in a catalog of any size; every sort and filter sees every product.
"""

# ruff: noqa: S608 - the conditions are this package's own, what people chose is always a parameter
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from math import ceil

from django.db import connection

from storefront.selectors.availability import available_sql, coming_sql
from storefront.selectors.cards import Card, ask, cards, define
from storefront.selectors.facets import (
    COLUMNS,
    Facet,
    Row,
    Summary,
    counting,
    counting_available,
    facet_names,
    facets_of,
    known_summary,
    rows_of,
    summary,
)
from storefront.selectors.filters import COSTING, PRICED, Filters, ListingQuery, filters_of
from storefront.selectors.search import Matches, match

ReadCards = Callable[[Sequence[int]], tuple[Card, ...]]
# So many products are fetched, sorted and counted whole as the page is asked for: more where prices, stock or a choice decide
# what is in the set, because nobody else has asked for the same one in this minute.
FEW = 1_000
FEW_OF_CATALOG = 150
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
    at_most: int


def search(text: str, price_list_id: int, now: datetime, page: int = 1) -> Listing:
    return listing(ListingQuery(text=text, page=page), price_list_id, now)


def listing(
    query: ListingQuery, price_list_id: int, now: datetime, *, read_cards: ReadCards | None = None
) -> Listing:
    """A page with facets; the number of statements depends on neither the page size nor the catalog.

    `read_cards`: the cards of these products, for who asks more of them in the same statement.
    """
    found = match(query.text) if query.text.strip() else None
    query = _settled(query, found)
    filters = filters_of(query, found, price_list_id, now)
    known = known_summary(filters)
    few = None if known else _look(query, filters)
    is_few = few is not None and few.counts[""] <= few.at_most
    ids, ranked = (few.ids, None) if few and is_few else _walk(query, filters, few, found)
    total, rows = _counted(filters, few, known)
    reach = min(total, REACH_MAX, *([] if ranked is None else [ranked]))
    pages = max(1, ceil(reach / query.page_size))
    if query.page > pages:
        return listing(replace(query, page=pages), price_list_id, now, read_cards=read_cards)
    return Listing(
        query=query,
        cards=read_cards(ids) if read_cards else cards(ids, price_list_id, now),
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
    at_most = FEW if filters.is_live or filters.chosen else FEW_OF_CATALOG
    values = {**filters.values, **_place(query), "at_most": at_most}
    usual = _usual(query, filters)
    if usual:
        ((ids, available, entries, *counted),) = ask(usual, values)
    else:
        with connection.cursor() as cursor:
            cursor.execute(_look_text(query, filters), values)
            ids, available, entries, *counted = cursor.fetchone()
    return _Few(
        counts=dict(zip(["", *filters.chosen], counted[::2], strict=True)),
        ids=ids or [],
        rows=[row for text in (available, *counted[1::2]) for row in rows_of(text)],
        is_narrow=entries is not None and entries <= NARROW,
        at_most=at_most,
    )


def _look_text(query: ListingQuery, filters: Filters) -> str:
    names = ["", *filters.chosen]
    tables = ", ".join(
        f"s_{name} AS MATERIALIZED (SELECT {COLUMNS} {filters.source(but=name)} LIMIT %(at_most)s + 1)"
        for name in names
    )
    parts = [
        _if_few("", f"ARRAY({_page_of_few(query)})"),
        _if_few("", counting_available("s_")) if available_sql() else "NULL::jsonb",
        f"(SELECT count(*) FROM (SELECT 1 FROM storefront_price r WHERE {PRICED} AND {filters.price} LIMIT {NARROW + 1}) each)"
        if filters.price
        else "NULL::bigint",
    ]
    for name in names:
        facets = counting([name] if name else facet_names(filters), f"s_{name}")
        parts += [f"(SELECT count(*) FROM s_{name})", _if_few(name, facets)]
    columns = ", ".join(f"c{place}" for place in range(len(parts)))
    # A statement that begins with WITH would be taken for one that may write.
    return f"SELECT * FROM (WITH {tables} SELECT {', '.join(parts)}) looked({columns})"


def _if_few(name: str, expression: str) -> str:
    return f"CASE WHEN (SELECT count(*) FROM s_{name}) <= %(at_most)s THEN {expression} END"


# What most people ask for, a branch or some words as they are: the server keeps the plan, which costs more than the answer.
_USUAL = {
    "catalog_look_branch": (ListingQuery(category_id=0, sort="popular"), None),
    "catalog_look_words": (ListingQuery(text="?", sort="relevance"), Matches([0])),
}


def _usual(query: ListingQuery, filters: Filters) -> str:
    if filters.is_live or filters.chosen:
        return ""
    asked = (query.sort, filters.catalog)
    return next((name for name, (sort, known, _) in _usual_filters().items() if (sort, known) == asked), "")


@cache
def _usual_filters() -> dict[str, tuple[str, list[str], Filters]]:
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    made = {name: filters_of(query, found, 0, long_ago) for name, (query, found) in _USUAL.items()}
    return {name: (_USUAL[name][0].sort, each.catalog, each) for name, each in made.items()}


def _define_usual() -> None:
    texts = {"author": "text[]", "brand": "text[]", "language": "text[]", "format": "text[]"}
    numbers = {
        "parent": "bigint",
        "limit": "integer",
        "offset": "integer",
        "at_most": "integer",
        "now": "timestamptz",
    }
    for name, (query, found) in _USUAL.items():
        define(
            name,
            partial(lambda name, query: _look_text(query, _usual_filters()[name][2]), name, query),
            {**numbers, **texts, **({"ids": "bigint[]"} if found else {})},
            ("bigint[]", "jsonb", "bigint", "bigint", "jsonb"),
        )


# Conditions of a search without filters: published, and found.
_WORDS_ALONE = filters_of(ListingQuery(text="?"), Matches([0]), 0, datetime(2000, 1, 1, tzinfo=UTC)).catalog


def _place(query: ListingQuery) -> dict[str, int]:
    return {"limit": query.page_size, "offset": (query.page - 1) * query.page_size}


def _counted(filters: Filters, few: _Few | None, known: Summary | None) -> tuple[int, list[Row]]:
    """The total and all facets: those of few products, and the minute's figures of every set that is larger.

    Where prices or stock decide what is in a large set, its choices stand without figures.
    """
    at_most = few.at_most if few else 0
    counts = few.counts if few else {"": 1}
    total, rows = counts[""], [*few.rows] if few else []
    for name in (name for name, count in counts.items() if count > at_most):
        count, some = known or summary(filters, but=name)
        rows += [(*row[:3], None) for row in some] if filters.is_live else some
        if not name:
            total = FEW if filters.is_live else count
            # What can be had is in no figures that are kept: these choices stand, and the list itself answers them.
            live = [] if not available_sql() else ["1", "ahead"] if coming_sql() else ["1"]
            rows = [*(("available", value, value, None) for value in live), *rows]
    return total, rows


def _walk(
    query: ListingQuery, filters: Filters, few: _Few | None, found: Matches | None
) -> tuple[list[int], int | None]:
    """The page of a large set, and how many of the best matches pass: only these are put in order of relevance."""
    is_narrowed = filters.is_live or filters.chosen or len(filters.catalog) > len(_WORDS_ALONE)
    if found and query.sort == "relevance" and not is_narrowed:
        start = (query.page - 1) * query.page_size  # they came in this order
        return found.ids[start : start + query.page_size], len(found.ids)
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
        "available": {
            value for value, is_asked in (("1", query.is_available), ("ahead", query.is_ahead)) if is_asked
        },
    }


_define_usual()
