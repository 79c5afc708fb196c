"""Prices and tax rates by the clock, always for many variants in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from retail.kernel.clock import business_date
from retail.kernel.prepared import Prepared
from retail.kernel.rows import Question
from storefront.models import Channel

PRIOR_DAYS = 30
_CHANNEL = Question(
    lambda code: Channel.objects.select_related("entity", "price_list").filter(code=code, is_active=True),
    "?code",
)
# Every change of a row gives it a new place or a new writer. Takes the parameter `code`.
CHANNEL_VERSION = """
    SELECT concat_ws(':', c.ctid, c.xmin, e.ctid, e.xmin, l.ctid, l.xmin)
      FROM storefront_channel c JOIN kernel_legalentity e ON e.id = c.entity_id JOIN storefront_pricelist l ON l.id = c.price_list_id
     WHERE c.code = %(code)s AND c.is_active"""
_CHANNEL_VERSION = Prepared("catalog_channel_version", CHANNEL_VERSION, {"code": "text"}, ("text",))
_channels: dict[str, tuple[str, Channel]] = {}
PRICE_CANDIDATES = """
    SELECT DISTINCT ON (p.variant_id, p.minimum_quantity)
           p.id, p.variant_id, l.code, l.name, l.currency, p.amount, p.minimum_quantity, p.valid_from, p.valid_to
      FROM storefront_price p JOIN storefront_pricelist l ON l.id = p.price_list_id
     WHERE p.price_list_id = %(price_list)s AND p.variant_id = ANY(%(variants)s)
       AND p.valid_from <= %(now)s AND (p.valid_to IS NULL OR p.valid_to > %(now)s)
     ORDER BY p.variant_id, p.minimum_quantity, p.amount, p.valid_from DESC, p.id DESC"""
TAX_RATES = """
    SELECT tax_class, rate FROM storefront_taxrate
     WHERE country = %(country)s AND valid_from <= %(day)s AND (valid_to IS NULL OR valid_to >= %(day)s) ORDER BY valid_from"""


@dataclass(frozen=True, slots=True)
class PriceCandidate:
    """A valid entry of a price list: gross amount of one unit from `minimum_quantity` units on."""

    price_id: int
    variant_id: int
    list_code: str
    list_name: str
    currency: str
    amount: Decimal
    minimum_quantity: int
    valid_from: datetime
    valid_to: datetime | None


def price_candidates(
    variant_ids: Iterable[int], price_list_id: int, now: datetime
) -> dict[int, tuple[PriceCandidate, ...]]:
    """Per variant the lowest valid entry of each minimum quantity, ascending. A variant without one has no price."""
    values: dict[str, Any] = {"price_list": price_list_id, "variants": list(variant_ids), "now": now}
    with connection.cursor() as cursor:
        cursor.execute(PRICE_CANDIDATES, values)
        return by_variant(PriceCandidate(*row) for row in cursor.fetchall())


def by_variant(candidates: Iterable[PriceCandidate]) -> dict[int, tuple[PriceCandidate, ...]]:
    found: dict[int, tuple[PriceCandidate, ...]] = {}
    for candidate in candidates:
        found[candidate.variant_id] = (*found.get(candidate.variant_id, ()), candidate)
    return found


def unit_prices(
    variant_ids: Iterable[int], price_list_id: int, now: datetime, quantity: int = 1
) -> dict[int, Decimal]:
    """The unit price that holds for this quantity, before discounts."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT variant_id, min(amount) FROM storefront_price
                WHERE price_list_id = %s AND variant_id = ANY(%s) AND minimum_quantity <= %s
                  AND valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)
                GROUP BY variant_id""",
            [price_list_id, list(variant_ids), quantity, now, now],
        )
        return dict(cursor.fetchall())


def lowest_prices(
    variant_ids: Iterable[int], price_list_id: int, before: datetime, days: int = PRIOR_DAYS
) -> dict[int, Decimal]:
    """The lowest price of one unit in force at any instant of the `days` before `before`.

    `before` is when a reduction began, so that the reduction does not count as its own earlier price.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT variant_id, min(amount) FROM storefront_price
                WHERE price_list_id = %s AND variant_id = ANY(%s) AND minimum_quantity = 1
                  AND valid_from < %s AND (valid_to IS NULL OR valid_to > %s)
                GROUP BY variant_id""",
            [price_list_id, list(variant_ids), before, before - timedelta(days=days)],
        )
        return dict(cursor.fetchall())


def lowest_prices_before(
    began: Mapping[int, datetime], price_list_id: int, days: int = PRIOR_DAYS
) -> dict[int, Decimal]:
    """The same for variants whose reductions began at different moments; one statement."""
    if not began:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.variant_id, min(p.amount) FROM storefront_price p
                 JOIN unnest(%s::bigint[], %s::timestamptz[]) AS w(id, began) ON w.id = p.variant_id
                WHERE p.price_list_id = %s AND p.minimum_quantity = 1
                  AND p.valid_from < w.began AND (p.valid_to IS NULL OR p.valid_to > w.began - make_interval(days => %s))
                GROUP BY p.variant_id""",
            [list(began), list(began.values()), price_list_id, days],
        )
        return dict(cursor.fetchall())


def past_prices(since: str) -> str:
    """SQL: what one unit of the variants cost within the days before `since` and later, as JSON; parameters list, variants, now."""
    return f"""
    SELECT json_agg(json_build_array(p.variant_id, p.amount::text, p.valid_from, p.valid_to)) FROM storefront_price p
     WHERE p.price_list_id = %(list)s AND p.variant_id = ANY(%(variants)s::bigint[]) AND p.minimum_quantity = 1
       AND p.valid_from < %(now)s::timestamptz
       AND (p.valid_to IS NULL OR p.valid_to > LEAST({since}, %(now)s::timestamptz) - make_interval(days => {PRIOR_DAYS}))"""  # noqa: S608


def lowest_of(past: Iterable[Sequence[Any]] | None, began: Mapping[int, datetime]) -> dict[int, Decimal]:
    """`lowest_prices_before` of rows that were read by `past_prices`."""
    found: dict[int, Decimal] = {}
    for variant_id, amount, since, until in past or () if began else ():
        start = began.get(variant_id)
        if start is None or datetime.fromisoformat(since) >= start:
            continue
        if until is None or datetime.fromisoformat(until) > start - timedelta(days=PRIOR_DAYS):
            found[variant_id] = min(found.get(variant_id, Decimal(amount)), Decimal(amount))
    return found


def tax_rates(now: datetime, country: str = "RS") -> dict[str, Decimal]:
    """Percentage by tax class on this day of the business."""
    with connection.cursor() as cursor:
        cursor.execute(TAX_RATES, {"country": country, "day": business_date(now)})
        return dict(cursor.fetchall())


def channel_by_code(code: str) -> Channel | None:
    """An active channel with its entity and price list; kept in the process while none of the three rows has changed."""
    ((version,),) = _CHANNEL_VERSION.rows({"code": code}) or ((None,),)
    known = _channels.get(code)
    if known is None or known[0] != version:
        if version is None:
            return None
        found = _CHANNEL.first(code)
        if found is None:
            return None
        known = _channels[code] = (version, found)
    return known[1]


def kept_channel(code: str) -> tuple[str, Channel] | None:
    """The channel as this process knows it, with the version that another statement compares with CHANNEL_VERSION."""
    if code not in _channels:
        channel_by_code(code)
    return _channels.get(code)
