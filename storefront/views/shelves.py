"""Cards on a shelf: what a card says beside its title and price, read for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.http import HttpRequest
from django.urls import reverse

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

    def book(self, card: catalog.Card) -> Book:
        released = card.released_on
        return Book(
            card=card,
            url=quick.here("shop:product", card.slug),
            is_new=released is not None and self.today - timedelta(days=NEW_DAYS) <= released <= self.today,
            is_in_my_store=card.variant_id in self.in_my_store,
            currency=self.currency,
        )


def reading(request: HttpRequest, channel: Channel, cards: Iterable[catalog.Card], now: datetime) -> Reading:
    """One statement, and only for who has chosen a store."""
    found = Reading(today=business_date(now), currency=channel.currency)
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
