"""A list with nothing on it says what would have something: single words, the same without filters, the departments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.http import HttpRequest

from retail.front import quick
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.views import frame, shelves, shopper

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Instead:
    """`words` find something by themselves; `unfiltered` is how many there are without the filters (0: no filter is in the way)."""

    words: tuple[tuple[str, int], ...]
    unfiltered: int
    is_more: bool
    books: tuple[shelves.Book, ...]
    aisles: tuple[tuple[str, str], ...]


def instead(
    request: HttpRequest,
    channel: Channel,
    query: catalog.ListingQuery,
    now: datetime,
    picked: Sequence[object],
) -> Instead:
    """The shelf shown is that of the same words and branch without filters; where that is empty too, what others read."""
    bare = catalog.ListingQuery(
        category_id=query.category_id, text=query.text, page_size=SHOWN, released_since=query.released_since
    )
    is_filtered = bool(picked) or replace(query, sort="", page=1, page_size=SHOWN) != bare
    found = catalog.listing(bare, channel.price_list_id, now) if is_filtered else None
    words: tuple[tuple[str, int], ...] = ()
    if found is None or not found.cards:
        words = tuple(catalog.words_alone(query.text))
        text = words[0][0] if words else ""
        shelf = catalog.listing(catalog.ListingQuery(text=text, page_size=SHOWN), channel.price_list_id, now)
    else:
        shelf = found
    reading = shelves.reading(request, channel, shelf.cards, now)
    return Instead(
        words=words,
        unfiltered=found.total if found else 0,
        is_more=found.is_total_capped if found else False,
        books=tuple(reading.book(card) for card in shelf.cards),
        aisles=tuple(
            (node.title(shopper.language()), quick.here("shop:category", node.path))
            for node in frame.departments()
        ),
    )
