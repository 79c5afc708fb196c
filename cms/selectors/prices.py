"""What a card would cost whom a preview plays: each title alone in a basket, by the one engine, all of them over one statement."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms import selectors as oms
from oms.offers import Offers
from storefront import selectors as catalog
from storefront.models import Channel, Product, Variant
from storefront.selectors import Card


@dataclass(frozen=True, slots=True)
class Reduced:
    """`lowest` is what the law asks for beside every reduction: the lowest price of the 30 days before."""

    price: Decimal
    lowest: Decimal | None


def reductions(
    cards: Iterable[Card], *, channel: Channel, now: datetime, offers: Offers
) -> dict[int, Reduced]:
    """By variant, only those that these offers make cheaper than the price list."""
    by_variant = {card.variant_id: card for card in cards}
    if not by_variant or not offers.rules:
        return {}
    known = oms.tariff(channel=channel, variant_ids=list(by_variant), now=now, is_scoped=True)
    lower = {}
    for card in by_variant.values():
        wanted = [oms.Wanted(str(card.variant_id), _variant(card), 1)]
        lines = oms.quote(channel=channel, wanted=wanted, now=now, known=known, offers=offers).priced.lines
        line = next((line for line in lines if line.key == str(card.variant_id)), None)
        if line is not None and line.total < line.list_total:
            lower[card.variant_id] = line.total
    lowest = catalog.lowest_prices(lower, channel.price_list_id, now) if lower else {}
    return {variant: Reduced(price, lowest.get(variant)) for variant, price in lower.items()}


def _variant(card: Card) -> Variant:
    """The engine's view of an article; everything it needs is on the card."""
    return Variant(
        pk=card.variant_id,
        sku=card.sku,
        tax_class=card.tax_class,
        product=Product(pk=card.product_id, title=card.title),
    )
