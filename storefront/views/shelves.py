"""Cards on a shelf: what a card says beside its title and price, read for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse

from oms import unit_prices
from retail.front import quick
from retail.kernel.clock import business_date
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.views import shopper
from warehouse import selectors as warehouse

NEW_DAYS = 90


@dataclass(frozen=True, slots=True)
class Book:
    """A card with what this shopper wants to know: is it new, can it be had, is it in the own store."""

    card: catalog.Card
    url: str
    is_new: bool
    is_in_my_store: bool
    currency: str
    # What one unit costs this shopper by itself; with a discount also what it costs without, and its lowest earlier price.
    price: Decimal | None
    list_price: Decimal | None = None
    lowest: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Department:
    title: str
    url: str
    count: int | None


@dataclass(slots=True)
class Reading:
    """What was asked for all cards of a page together."""

    today: date
    currency: str
    in_my_store: set[int] = field(default_factory=set)
    lowered: dict[int, unit_prices.UnitPrice] = field(default_factory=dict)
    lowest: dict[int, Decimal] = field(default_factory=dict)

    def book(self, card: catalog.Card) -> Book:
        released = card.released_on
        lowered = self.lowered.get(card.variant_id)
        return Book(
            card=card,
            url=quick.here("shop:product", card.slug),
            is_new=released is not None and self.today - timedelta(days=NEW_DAYS) <= released <= self.today,
            is_in_my_store=card.variant_id in self.in_my_store,
            currency=self.currency,
            price=lowered.amount if lowered else card.price,
            list_price=lowered.list_amount if lowered else None,
            lowest=min(self.lowest.get(card.variant_id, lowered.list_amount), lowered.list_amount)
            if lowered
            else None,
        )


def reading(request: HttpRequest, channel: Channel, cards: Iterable[catalog.Card], now: datetime) -> Reading:
    """What discounts make of the prices, in one statement (and one when any does), and one more for who has chosen a store.

    Prices of this shopper: an account's are nobody else's, so they are asked with each page.
    """
    cards = list(cards)
    found = Reading(today=business_date(now), currency=channel.currency)
    customer = shopper.customer_of(request)
    listed = {card.variant_id: (card.sku, card.price) for card in cards if card.price is not None}
    if listed:
        found.lowered = unit_prices.lowered_prices(
            channel=channel, listed=listed, now=now, customer_id=customer.pk if customer else None
        )
        began = {variant: lowered.began_at for variant, lowered in found.lowered.items()}
        found.lowest = catalog.lowest_prices_before(began, channel.price_list_id)
    store = shopper.my_store(request)
    ids = {card.variant_id for card in cards}
    if store and ids:
        by_place = warehouse.availability_by_location(variant_ids=ids, channel_id=channel.pk, now=now)
        found.in_my_store = {variant for variant, places in by_place.items() if places.get(store.location_id)}
    return found


def departments_of(listing: catalog.Listing) -> list[Department]:
    """The branches below, with how many products stand there."""
    facet = listing.facets.get("category")
    if facet is None:
        return []
    return [
        Department(_title(value.label), reverse("shop:category", args=[value.value]), value.count)
        for value in facet.values
    ]


def _title(label: str) -> str:
    """The facet's label is both names, each on its line."""
    name, _, name_en = label.partition("\n")
    return name_en if name_en and shopper.language().startswith("en") else name
