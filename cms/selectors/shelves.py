"""The goods of all shelves of a page in one statement: published, sellable, with a price, in stock at this instant."""

# ruff: noqa: S608 - the fragments are our own; every value is a parameter
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from cms.blocks import BESTSELLERS, BY_CATEGORY, BY_HAND, NEWEST, OF_DISCOUNT
from storefront.selectors.availability import availability_condition
from storefront.selectors.cards import Card, card_of_text, cards_sql


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one block asks for. `key` is the block's own; `anchor` is the category, the discount or nothing."""

    key: str
    rule: str
    count: int
    anchor: int | None = None
    products: tuple[int, ...] = ()


_ORDERS = {NEWEST: "p.released_on DESC NULLS LAST, p.id"}
_USUAL = "p.popularity DESC, p.id"
_BRANCH = """EXISTS (SELECT 1 FROM storefront_category top JOIN storefront_category c ON c.path = top.path OR c.path LIKE top.path || '/%%'
    JOIN storefront_product_categories pc ON pc.category_id = c.id WHERE top.id = {anchor} AND pc.product_id = p.id)"""
_TARGET = """EXISTS (SELECT 1 FROM crm_discounttarget t WHERE t.discount_id = {anchor} AND t.is_excluded = {excluded}
    AND (t.product_id = p.id
         OR EXISTS (SELECT 1 FROM storefront_variant tv WHERE tv.id = t.variant_id AND tv.product_id = p.id)
         OR """
_TARGET += _BRANCH.replace("{anchor}", "t.category_id") + "))"
_OF_DISCOUNT = (
    f"({_TARGET.replace('{excluded}', 'false')} "
    "OR NOT EXISTS (SELECT 1 FROM crm_discounttarget t WHERE t.discount_id = {anchor} AND NOT t.is_excluded)) "
    f"AND NOT {_TARGET.replace('{excluded}', 'true')}"
)


def of_discount(anchor: str) -> str:
    """An SQL condition: the product `p` is among the goods of the discount; `anchor` is a key or a column."""
    return _OF_DISCOUNT.replace("{anchor}", anchor)


def goods(shelves: Sequence[Shelf], price_list_id: int, now: datetime) -> dict[str, tuple[Card, ...]]:
    """Cards by the key of their shelf, in the shelf's order; a shelf with nothing to sell is empty."""
    if not shelves:
        return {}
    values: dict[str, Any] = {"list": price_list_id, "now": now}
    parts = [_part(place, shelf, values) for place, shelf in enumerate(shelves)]
    source = f"WITH wanted(shelf, id, place) AS ({' UNION ALL '.join(parts)}) "
    with connection.cursor() as cursor:
        cursor.execute(source + cards_sql("wanted", first="wanted.shelf, "), values)
        rows = cursor.fetchall()
    found: dict[str, list[Card]] = {shelf.key: [] for shelf in shelves}
    for number, text in rows:
        card, shelf = card_of_text(text), shelves[number]
        # What is shown is the card's own edition: when another one is in stock, this card would still disappoint.
        if card.is_available and card.price is not None and len(found[shelf.key]) < shelf.count:
            found[shelf.key].append(card)
    return {key: tuple(cards) for key, cards in found.items()}


def _part(place: int, shelf: Shelf, values: dict[str, Any]) -> str:
    if shelf.rule == BY_HAND:
        values[f"ids{place}"] = list(shelf.products)
        return (
            f"SELECT {place} shelf, p.id, w.place + {place * 1000} place FROM unnest(%(ids{place})s::bigint[]) WITH ORDINALITY w(id, place) "
            f"JOIN storefront_product p ON p.id = w.id WHERE {_sellable()}"
        )
    values[f"count{place}"] = shelf.count
    condition = "true"
    if shelf.rule in (BY_CATEGORY, OF_DISCOUNT):
        values[f"anchor{place}"] = shelf.anchor
        text = _BRANCH if shelf.rule == BY_CATEGORY else _OF_DISCOUNT
        condition = text.replace("{anchor}", f"%(anchor{place})s::bigint")
    elif shelf.rule == NEWEST:
        condition = "p.released_on <= %(now)s::date"
    else:
        assert shelf.rule == BESTSELLERS, f"no shelf is filled by {shelf.rule}"
    order = _ORDERS.get(shelf.rule, _USUAL)
    return (
        f"SELECT {place} shelf, x.id, x.place + {place * 1000} FROM (SELECT p.id, row_number() OVER (ORDER BY {order}) place "
        f"FROM storefront_product p WHERE {condition} AND {_sellable()} ORDER BY {order} LIMIT %(count{place})s) x"
    )


def _sellable() -> str:
    return (
        "p.status = 'PUBLISHED' AND EXISTS (SELECT 1 FROM storefront_variant v WHERE v.product_id = p.id AND v.is_sellable "
        f"AND {availability_condition('v.id')} "
        "AND EXISTS (SELECT 1 FROM storefront_price r WHERE r.variant_id = v.id AND r.price_list_id = %(list)s AND r.minimum_quantity = 1 "
        "AND r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)))"
    )
