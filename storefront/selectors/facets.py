"""Facets: how many products each choice would leave.

Few products are counted as the page is asked for. Larger sets are counted whole as well, but only once a minute, and only by
what neither prices nor stock decide: such a figure may be a minute old, and it is never that of a part.
"""

# ruff: noqa: S608 - the conditions are this package's own, what people chose is always a parameter
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection

from storefront.selectors.availability import available_product, coming_product, coming_sql
from storefront.selectors.filters import Filters

VALUES_MAX = 12
BRANCHES_MAX = 60
SUMMARY_SECONDS = 60

COLUMNS = "p.id, p.brand, p.language, p.rating, p.rating_count, p.popularity, p.released_on, p.sort_title"


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One choice: `value` goes into the address, `label` is data (a name or a code), `count` products would remain.

    Without a count the choice is offered unnumbered: prices or stock decide about too many products to count.
    """

    value: str
    label: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    name: str
    values: tuple[FacetValue, ...]


# (name, value, label, count) of the products in {source}.
_CATEGORIES = """
    (SELECT 'category' AS name, c.path AS value, c.name || E'\\n' || c.name_en AS label, top.count FROM (
        SELECT m.category_id, count(*) AS count FROM {source} o JOIN storefront_product_categories m ON m.product_id = o.id
         GROUP BY 1) top
      JOIN storefront_category c ON c.id = top.category_id AND c.parent_id IS NOT DISTINCT FROM %(parent)s::bigint
     ORDER BY top.count DESC, c.path LIMIT {branches})
"""
_AUTHORS = """
    (SELECT 'author', k.slug, k.name, top.count FROM (
        SELECT c.contributor_id, count(*) AS count,
               c.contributor_id IN (SELECT id FROM storefront_contributor WHERE slug = ANY(%(author)s::text[])) chosen
          FROM (SELECT DISTINCT contributor_id, product_id FROM {source} o JOIN storefront_contribution ON product_id = o.id) c
         GROUP BY 1 ORDER BY chosen DESC, 2 DESC, 1 LIMIT {values}) top
      JOIN storefront_contributor k ON k.id = top.contributor_id ORDER BY top.chosen DESC, top.count DESC, k.slug)
"""
_COLUMN = """
    (SELECT '{name}', o.{name}, o.{name}, count(*) FROM {source} o WHERE o.{name} <> ''
      GROUP BY 2 ORDER BY o.{name} = ANY(%({name})s::text[]) DESC, 4 DESC, 2 LIMIT {values})
"""
_FORMATS = """
    (SELECT 'format', v.format_name, v.format_name, count(*)
       FROM (SELECT DISTINCT format_name, product_id FROM {source} o
               JOIN storefront_variant ON product_id = o.id AND is_sellable AND format_name <> '') v
      GROUP BY 2 ORDER BY v.format_name = ANY(%(format)s::text[]) DESC, 4 DESC, 2 LIMIT {values})
"""
_RATING = "(SELECT 'rating', '4', '4', count(*) FROM {source} o WHERE o.rating >= 4 HAVING count(*) > 0)"
_AVAILABLE = (
    "(SELECT 'available', '1', '1', count(*) FROM {source} p WHERE {is_available} HAVING count(*) > 0)"
)

_AHEAD = _AVAILABLE.replace("'1', '1'", "'ahead', 'ahead'")
_FACETS = {
    "category": _CATEGORIES,
    "author": _AUTHORS,
    "brand": _COLUMN.replace("{name}", "brand"),
    "language": _COLUMN.replace("{name}", "language"),
    "format": _FORMATS,
    "rating": _RATING,
}

Row = tuple[str, str, str, int | None]


def counting(names: Iterable[str], source: str) -> str:
    """An SQL expression: the rows of these facets over `source`, as JSON."""
    return _as_rows(
        _FACETS[name].format(source=source, values=VALUES_MAX, branches=BRANCHES_MAX) for name in names
    )


def counting_available(source: str) -> str:
    selects = [_AVAILABLE.format(source=source, is_available=available_product())]
    if coming_sql():
        selects.append(_AHEAD.format(source=source, is_available=f"({coming_product()}) IS NOT NULL"))
    return _as_rows(selects)


def _as_rows(selects: Iterable[str]) -> str:
    return f"(SELECT jsonb_agg(jsonb_build_array(name, value, label, count)) FROM ({' UNION ALL '.join(selects)}) each(name, value, label, count))"


def facet_names(filters: Filters) -> list[str]:
    """What is counted with every filter: the facets in which nothing is chosen."""
    return [name for name in _FACETS if name not in filters.chosen]


Summary = tuple[int, list[Row]]


def known_summary(filters: Filters) -> Summary | None:
    """The figures of the last minute, when prices, stock and own choices play no part in the set and somebody asked for it."""
    if filters.is_live or filters.chosen:
        return None
    known: Summary | None = cache.get(_key(filters, ""))
    return known


def summary(filters: Filters, *, but: str = "") -> Summary:
    """How many products a large set has and its facets, as of the last minute; prices and stock play no part in it."""
    key = _key(filters, but)
    known: Summary | None = cache.get(key)
    if known is None:
        known = _count(filters, but)
        cache.set(key, known, SUMMARY_SECONDS)
    return known


def _key(filters: Filters, but: str) -> str:
    return f"catalog:{filters.key(but=but)}"


def _count(filters: Filters, but: str) -> tuple[int, list[Row]]:
    names = [but] if but else facet_names(filters)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT * FROM (WITH s AS MATERIALIZED (SELECT p.id, p.brand, p.language, p.rating FROM storefront_product p
                        WHERE {filters.of_catalog(but=but)})
                SELECT (SELECT count(*) FROM s), {counting(names, "s")}) counted""",
            filters.values,
        )
        total, rows = cursor.fetchone()
    return total, rows_of(rows)


def rows_of(text: str | None) -> list[Row]:
    """Django's cursor hands JSON over as text."""
    return [tuple(row) for row in json.loads(text)] if text else []


def facets_of(rows: Iterable[Row], chosen: dict[str, set[str]]) -> dict[str, Facet]:
    values: dict[str, list[FacetValue]] = {}
    for name, value, label, count in rows:
        values.setdefault(name, []).append(FacetValue(value, label, count, value in chosen.get(name, ())))
    return {name: Facet(name, tuple(some)) for name, some in values.items()}
