"""Products as cards in a list: title, people, price and whether it can be had, all of them in one statement."""

# ruff: noqa: S608 - the fragments are this package's own and what a later room registered
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from retail.kernel.prepared import Prepared
from storefront.selectors.availability import availability_condition, available_sql


@dataclass(frozen=True, slots=True)
class Card:
    """A product in a list. The variant is its cheapest sellable one; `price` is None when nothing of it has a price.

    `is_available` is None while nobody has registered what is available.
    """

    product_id: int
    variant_id: int
    sku: str
    barcode: str
    slug: str
    title: str
    subtitle: str
    brand: str
    kind: str
    authors: tuple[str, ...]
    rating: Decimal | None
    rating_count: int
    released_on: date | None
    format_name: str
    tax_class: str
    price: Decimal | None
    price_is_from: bool
    is_available: bool | None


class _Statement(NamedTuple):
    build: Callable[[], str]
    parameters: Mapping[str, str]
    returns: Sequence[str]


_statements: dict[str, _Statement] = {}
_kept: dict[tuple[str, str | None], Prepared] = {}


def define(
    name: str, build: Callable[[], str], parameters: Mapping[str, str], returns: Sequence[str]
) -> None:
    """A statement with cards in it: its text depends on what is registered as available."""
    _statements[name] = _Statement(build, parameters, returns)


def keep_statements() -> None:
    """Called once at start-up, when it is known what is available: from then on the server keeps the plans."""
    for name, each in _statements.items():
        _kept[name, available_sql()] = Prepared(name, each.build(), each.parameters, each.returns)


def ask(name: str, values: Mapping[str, Any]) -> list[Any]:
    kept = _kept.get((name, available_sql()))
    if kept is not None:
        return kept.rows(values)
    with connection.cursor() as cursor:
        cursor.execute(_statements[name].build(), values)
        return list(cursor.fetchall())


def cards_sql(wanted: str, *, as_json: bool = False, first: str = "") -> str:
    """The cards of the products in `wanted`, a source of that name with id and place; parameters `list` and `now`.

    `first` are columns of `wanted` that come before those of the card.
    """
    columns = first + (
        "p.id, v.id, v.sku, v.barcode, p.slug, p.title, p.subtitle, p.brand, p.kind, "
        "ARRAY(SELECT k.name::text FROM storefront_contribution c JOIN storefront_contributor k ON k.id = c.contributor_id "
        "WHERE c.product_id = p.id AND c.role = 'AUTHOR' ORDER BY c.position), "
        "p.rating, p.rating_count, p.released_on, v.format_name, v.tax_class, v.amount, v.others > 0, "
        + availability_condition("v.id")
    )
    if as_json:
        columns = columns.replace("p.rating,", "p.rating::text,").replace("v.amount,", "v.amount::text,")
        selected, order = f"json_agg(json_build_array({columns}) ORDER BY wanted.place)", ""
    else:
        selected, order = columns, "ORDER BY wanted.place"
    return f"""
        SELECT {selected}
          FROM {wanted}
          JOIN storefront_product p ON p.id = wanted.id
          CROSS JOIN LATERAL (
               SELECT each.*, o.amount, count(*) FILTER (WHERE o.amount IS NOT NULL) OVER () - 1 others
                 FROM storefront_variant each
                 LEFT JOIN LATERAL (
                      SELECT min(amount) amount FROM storefront_price
                       WHERE variant_id = each.id AND price_list_id = %(list)s AND minimum_quantity = 1
                         AND valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)) o ON true
                WHERE each.product_id = p.id AND each.is_sellable
                ORDER BY o.amount NULLS LAST, each.position, each.id LIMIT 1) v
         {order}"""


define(
    "catalog_cards",
    lambda: cards_sql("unnest(%(ids)s::bigint[]) WITH ORDINALITY wanted(id, place)"),
    {"ids": "bigint[]", "list": "bigint", "now": "timestamptz"},
    (
        *("bigint", "bigint", "varchar", "varchar", "varchar", "varchar", "varchar", "varchar", "varchar"),
        *("text[]", "numeric", "integer", "date", "varchar", "varchar", "numeric", "boolean", "boolean"),
    ),
)


def cards(product_ids: Sequence[int], price_list_id: int, now: datetime) -> tuple[Card, ...]:
    """Cards of these products in this order, in one statement."""
    if not product_ids:
        return ()
    rows = ask("catalog_cards", {"ids": list(product_ids), "list": price_list_id, "now": now})
    return tuple(map(card_of_row, rows))


def cards_of(wanted: str, values: Mapping[str, Any]) -> tuple[Card, ...]:
    """Cards of what a later room chooses: `wanted` is its source (see `cards_sql`), `values` also have list and now."""
    with connection.cursor() as cursor:
        cursor.execute(cards_sql(wanted), values)
        return tuple(map(card_of_row, cursor.fetchall()))


def card_of_row(row: Sequence[Any]) -> Card:
    return Card(*[*row[:9], tuple(row[9]), *row[10:]])


def cards_of_json(rows: Sequence[Sequence[Any]] | None) -> tuple[Card, ...]:
    """Cards that came as JSON, where numbers with decimals and dates are texts."""
    return tuple(_card_of_json(row) for row in rows or ())


def _card_of_json(row: Sequence[Any]) -> Card:
    values = list(row)
    values[9] = tuple(values[9])
    for place, read in ((10, Decimal), (12, date.fromisoformat), (15, Decimal)):
        values[place] = None if values[place] is None else read(values[place])
    return Card(*values)
