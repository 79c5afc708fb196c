"""Cards on a shelf: what a card says beside its title and price, read for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse

from oms import unit_prices
from oms.known_offers import KNOWN, known_offers
from retail.front import quick
from retail.kernel.clock import business_date
from retail.kernel.prepared import Steps, with_variables
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

    def __hash__(self) -> int:
        return hash((self.card, self.price))


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
    addresses: quick.Addresses = field(default_factory=quick.addresses_here)

    def book(self, card: catalog.Card) -> Book:
        released = card.released_on
        lowered = self.lowered.get(card.variant_id)
        return Book(
            card=card,
            url=self.addresses.of("shop:product", card.slug),
            is_new=released is not None and self.today - timedelta(days=NEW_DAYS) <= released <= self.today,
            is_in_my_store=card.variant_id in self.in_my_store,
            currency=self.currency,
            price=lowered.amount if lowered else card.price,
            list_price=lowered.list_amount if lowered else None,
            lowest=(lowered.lowest or lowered.list_amount) if lowered else None,
        )


_CARDS = "shop_cards"


def _cards_text() -> str:
    wanted = "unnest(%(ids)s::bigint[]) WITH ORDINALITY wanted(id, place)"
    offers = with_variables(unit_prices.OFFERS_OF_GOODS, {"variants": "COALESCE(out_2, '{}')"})
    return f"""
    SELECT c.* INTO out_1, out_2 FROM ({catalog.cards_sql(wanted, as_array=True)}) c;
    SELECT o.* INTO out_3, out_4, out_5 FROM ({offers}) o;
    out_6 := ({catalog.CHANNEL_VERSION});
    RETURN NEXT;"""  # noqa: S608 - texts of our own


catalog.define(
    _CARDS,
    _cards_text,
    {
        "ids": "bigint[]",
        "list": "bigint",
        "now": "timestamptz",
        "code": "text",
        "basket": "bigint",
        "customer": "bigint",
        **KNOWN,
    },
    ("text[]", "bigint[]", "json", "json", "json", "text"),
    kind=Steps,
)


@dataclass(slots=True)
class Shelf:
    """Cards by product with what discounts make of their prices, in one statement; `found` is what was read, `version` the channel's."""

    request: HttpRequest
    channel: Channel
    now: datetime
    found: Reading = field(init=False)
    version: str | None = None

    def __post_init__(self) -> None:
        self.found = Reading(today=business_date(self.now), currency=self.channel.currency)

    def cards(self, product_ids: Sequence[int]) -> tuple[catalog.Card, ...]:
        if not product_ids:
            return ()
        customer = shopper.customer_of(self.request)
        customer_id = customer.pk if customer else None
        known = known_offers(self.now)
        values = {
            "ids": list(product_ids),
            "list": self.channel.price_list_id,
            "now": self.now,
            "code": self.channel.code,
            "basket": None,
            "customer": customer_id,
            **known.values,
        }
        ((texts, _, live, goods, past, self.version),) = catalog.ask(_CARDS, values)
        cards = catalog.cards_of_texts(texts)
        offers, facts = unit_prices.offers_of_row(
            known, live, goods, channel=self.channel, now=self.now, customer_id=customer_id
        )
        lowered = unit_prices.lowered(
            offers, facts, channel=self.channel, listed=_listed(cards), now=self.now
        )
        self.found.lowered = unit_prices.with_lowest(lowered, past)
        _look_in_my_store(self.found, self.request, self.channel, cards, self.now)
        return cards


def reading(request: HttpRequest, channel: Channel, cards: Iterable[catalog.Card], now: datetime) -> Reading:
    """What discounts make of the prices, in one statement, and one more for who has chosen a store.

    Prices of this shopper: an account's are nobody else's, so they are asked with each page.
    """
    cards = list(cards)
    found = Reading(today=business_date(now), currency=channel.currency)
    customer = shopper.customer_of(request)
    if listed := _listed(cards):
        found.lowered = unit_prices.lowered_prices(
            channel=channel, listed=listed, now=now, customer_id=customer.pk if customer else None
        )
    _look_in_my_store(found, request, channel, cards, now)
    return found


def _listed(cards: Iterable[catalog.Card]) -> dict[int, tuple[str, Decimal]]:
    return {card.variant_id: (card.sku, card.price) for card in cards if card.price is not None}


def _look_in_my_store(
    found: Reading, request: HttpRequest, channel: Channel, cards: Iterable[catalog.Card], now: datetime
) -> None:
    store = shopper.my_store(request)
    ids = {card.variant_id for card in cards}
    if store and ids:
        by_place = warehouse.availability_by_location(variant_ids=ids, channel_id=channel.pk, now=now)
        found.in_my_store = {variant for variant, places in by_place.items() if places.get(store.location_id)}


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
