"""Questions to the neighbour table and to a customer's own orders; each is one statement and answers cards, best first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from oms.recommendations import statements
from storefront import selectors as catalog
from storefront.models import Channel

LIMIT_MAX = 50


def related_to(
    *, variant_ids: Iterable[int], channel: Channel, now: datetime, limit: int = 6
) -> tuple[catalog.Card, ...]:
    """What is bought together with these (a page's one, or a basket's all), then the bestsellers of their branches."""
    variants = sorted(set(variant_ids))
    wanted = statements.related(catalog.availability_condition("v.id"))
    return _cards(wanted, channel, now, limit, variants=variants)


def for_customer(
    *,
    customer_id: int | None,
    channel: Channel,
    now: datetime,
    limit: int = 6,
    is_new_only: bool = False,
    without: Iterable[int] = (),
) -> tuple[catalog.Card, ...]:
    """What this customer buys again and again, then what goes with it, then bestsellers; a stranger (None) gets the last alone.

    `is_new_only` leaves out what they have already; `without` are products that stand elsewhere on the page.
    """
    wanted = statements.for_customer(catalog.availability_condition("v.id"))
    return _cards(
        wanted,
        channel,
        now,
        limit,
        customer=customer_id,
        is_new_only=is_new_only,
        without=sorted(set(without)),
    )


def _cards(
    wanted: str, channel: Channel, now: datetime, limit: int, **values: Any
) -> tuple[catalog.Card, ...]:
    assert 0 < limit <= LIMIT_MAX, "a shelf has an end"
    return catalog.cards_of(wanted, {"list": channel.price_list_id, "now": now, "limit": limit, **values})
