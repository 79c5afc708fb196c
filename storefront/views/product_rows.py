"""Everything that a product page shows of live rows, in one statement: the catalog, what lowers prices, and the promise of the chosen edition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from oms import unit_prices
from oms.known_offers import KNOWN, known_offers
from oms.offers import Offers
from retail.kernel.prepared import Steps, with_variables
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.selectors import page as pages
from warehouse.selectors import promise_rows

NAME = "shop_product"
_PAGE = len(pages.RETURNS)
_OFFERS = 3


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """`past` are earlier prices of the page's goods. `live` is None when there is no such edition."""

    page: catalog.ProductPage
    offers: Offers
    goods: unit_prices.GoodsFacts
    past: Sequence[Sequence[Any]] | None
    live: promise_rows.Live | None


def _out(first: int, count: int) -> str:
    return ", ".join(f"out_{place}" for place in range(first, first + count))


def _text() -> str:
    goods, chosen = f"out_{pages.GOODS}", f"out_{pages.CHOSEN}"
    past = catalog.past_prices("NULL::timestamptz")
    return f"""
    {pages.text()}
    IF out_{pages.HAS_OFFERS} OR %(customer)s::bigint IS NOT NULL THEN
        SELECT o.* INTO {_out(_PAGE + 1, _OFFERS)} FROM ({with_variables(unit_prices.OFFERS_OF_GOODS, {"variants": goods})}) o;
    END IF;
    IF out_{_PAGE + _OFFERS} IS NULL THEN
        out_{_PAGE + _OFFERS} := ({with_variables(past, {"variants": goods})});
    END IF;
    IF {chosen} IS NOT NULL THEN
        SELECT w.* INTO {_out(_PAGE + _OFFERS + 1, len(promise_rows.LIVE.returns))}
          FROM ({with_variables(promise_rows.LIVE.sql, {"variants": f"ARRAY[{chosen}]", "order": "NULL"})}) w;
    END IF;
    RETURN NEXT;"""  # noqa: S608 - texts of our own


catalog.define(
    NAME,
    _text,
    {
        **pages.PARAMETERS,
        "channel": "bigint",
        "basket": "bigint",
        "customer": "bigint",
        **KNOWN,
        "postal_code": "text",
    },
    (*pages.RETURNS, *["json"] * _OFFERS, *promise_rows.LIVE.returns),
    kind=partial(Steps, variables=pages.VARIABLES),
)


def read(
    *,
    slug: str,
    sku: str,
    channel: Channel,
    now: datetime,
    postal_code: str,
    basket_id: int | None,
    customer_id: int | None,
) -> ShownProduct | None:
    """The published product as it stands at this moment; discounts are asked while there are any for guests, or for who has logged in."""
    asked = pages.values(
        slug, channel.price_list_id, now, sku, channel.entity.country, pages.RELATED, channel.code
    )
    known = known_offers(now)
    own = {
        "channel": channel.pk,
        "basket": basket_id,
        "customer": customer_id,
        **known.values,
        "postal_code": promise_rows.bare(postal_code),
    }
    rows = catalog.ask(NAME, {**asked, **own})
    if not rows:
        return None
    row = rows[0]
    page = pages.page_of_row(row[:_PAGE])
    live, goods, past = row[_PAGE : _PAGE + _OFFERS]
    offers, facts = unit_prices.offers_of_row(
        known, live, goods, channel=channel, now=now, customer_id=customer_id
    )
    stock = promise_rows.live_of(row[_PAGE + _OFFERS :]) if page.chosen is not None else None
    return ShownProduct(page, offers, facts, past, stock)
