"""Products as cards in a list: title, people, price and whether it can be had, all of them in one statement."""

# ruff: noqa: S608 - the fragments are this package's own and what a later room registered
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection

from retail.kernel.prepared import Prepared
from storefront.selectors.availability import availability_condition, available_sql, coming_day
from storefront.selectors.pictures import FIRST_PICTURE, Picture, picture_of

CARDS_KEPT = 8192


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
    picture: Picture | None
    # With none to be had now: the first day on which units come that can be ordered ahead.
    coming_on: date | None

    def __hash__(self) -> int:
        return hash((self.variant_id, self.price))


class _Statement(NamedTuple):
    build: Callable[[], str]
    parameters: Mapping[str, str]
    returns: Sequence[str]
    kind: Callable[..., Prepared]

    def made(self, name: str) -> Prepared:
        return self.kind(name, self.build(), self.parameters, self.returns)


_statements: dict[str, _Statement] = {}
_kept: dict[tuple[str, str | None], Prepared] = {}


def define(
    name: str,
    build: Callable[[], str],
    parameters: Mapping[str, str],
    returns: Sequence[str],
    *,
    kind: Callable[..., Prepared] = Prepared,
) -> None:
    """A statement with cards in it: its text depends on what is registered as available."""
    _statements[name] = _Statement(build, parameters, returns, kind)


def keep_statements() -> None:
    """Called once at start-up, when it is known what is available: from then on the server keeps the plans."""
    for name, each in _statements.items():
        _kept[name, available_sql()] = each.made(name)


def ask(name: str, values: Mapping[str, Any]) -> list[Any]:
    kept = _kept.get((name, available_sql())) or _statements[name].made(name)
    return kept.rows(values)


def cards_sql(wanted: str, *, as_array: bool = False, first: str = "") -> str:
    """The cards of the products in `wanted`, a source of that name with id and place; parameters `list` and `now`.

    A card is a text for `card_of_text`; `first` are columns of `wanted` that come before it. As arrays: the texts and the variants.
    """
    card = (
        "json_build_array(p.id, v.id, v.sku, v.barcode, p.slug, p.title, p.subtitle, p.brand, p.kind, "
        "ARRAY(SELECT k.name FROM storefront_contribution c JOIN storefront_contributor k ON k.id = c.contributor_id "
        "WHERE c.product_id = p.id AND c.role = 'AUTHOR' ORDER BY c.position), "
        "p.rating::text, p.rating_count, p.released_on, v.format_name, v.tax_class, v.amount::text, v.others > 0, "
        + f"a.is_available, {FIRST_PICTURE}, CASE WHEN NOT a.is_available THEN {coming_day('v.id')} END)::text"
    )
    if as_array:
        selected, order = f"array_agg({card} ORDER BY wanted.place), array_agg(v.id)", ""
    else:
        selected, order = first + card, "ORDER BY wanted.place"
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
                ORDER BY o.amount IS NULL, each.is_digital, o.amount, each.position, each.id LIMIT 1) v
          CROSS JOIN LATERAL (SELECT {availability_condition("v.id")} AS is_available OFFSET 0) a
         {order}"""


define(
    "catalog_cards",
    lambda: cards_sql("unnest(%(ids)s::bigint[]) WITH ORDINALITY wanted(id, place)", as_array=True),
    {"ids": "bigint[]", "list": "bigint", "now": "timestamptz"},
    ("text[]", "bigint[]"),
)


def cards(product_ids: Sequence[int], price_list_id: int, now: datetime) -> tuple[Card, ...]:
    """Cards of these products in this order, in one statement."""
    if not product_ids:
        return ()
    ((texts, _),) = ask("catalog_cards", {"ids": list(product_ids), "list": price_list_id, "now": now})
    return cards_of_texts(texts)


def cards_of(wanted: str, values: Mapping[str, Any]) -> tuple[Card, ...]:
    """Cards of what a later room chooses: `wanted` is its source (see `cards_sql`), `values` also have list and now."""
    with connection.cursor() as cursor:
        cursor.execute(cards_sql(wanted), values)
        return cards_of_texts([text for (text,) in cursor.fetchall()])


def cards_of_texts(texts: Sequence[str] | None) -> tuple[Card, ...]:
    return tuple(map(card_of_text, texts or ()))


@lru_cache(maxsize=CARDS_KEPT)
def card_of_text(text: str) -> Card:
    """What stands in the text and nothing else, so it is read once: another price or the last unit sold is another text."""
    values = json.loads(text)
    values[9] = tuple(values[9])
    for place, read in ((10, Decimal), (12, date.fromisoformat), (15, Decimal), (19, date.fromisoformat)):
        values[place] = None if values[place] is None else read(values[place])
    values[18] = picture_of(values[18])
    return Card(*values)
