"""Blocks as what a template shows: first everything that the rows must say is asked for all blocks together, then each is filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Model, Q
from django.utils.safestring import SafeString, mark_safe
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Page
from wagtail.rich_text import expand_db_html

from cms import selectors as cms
from cms.blocks import BY_CATEGORY, BY_HAND, OF_DISCOUNT
from cms.models import CampaignPage, ListingPage, ShopPage
from cms.views.answer_forms import SENT, AnswerForm
from cms.views.viewer import Viewer
from crm.models import Campaign
from crm.states import CampaignState
from oms import recommendations
from retail.front import quick
from retail.front.formats import as_day, clock_text, date_text
from retail.kernel.script import to_cyrillic
from storefront.models import Category, Channel
from storefront.views import shelves

LISTING_SIZE, COVERS = 24, 3
BRANCH = "listing"


@dataclass(frozen=True, slots=True)
class Tongue:
    """The language asked for and the one the page is written in: Serbian turns its script, the rest stays as it is."""

    asked: str
    written: str

    def say(self, text: str | None) -> str:
        return to_cyrillic(text or "") if self.turns else text or ""

    def html(self, text: str | None) -> SafeString:
        """Editor's text after Wagtail's own cleaning; turning leaves tags and entities alone."""
        return mark_safe(self.say(expand_db_html(text or "")))  # noqa: S308

    @property
    def turns(self) -> bool:
        return self.asked == "sr-cyrl" and self.written == "sr-latn"

    @property
    def mark(self) -> str:
        """The lang attribute where the page's language is not that of the frame."""
        if self.asked.startswith("sr") == self.written.startswith("sr"):
            return ""
        return "sr-Latn" if self.written == "sr-latn" else self.written


@dataclass(frozen=True, slots=True)
class Part:
    kind: str
    values: dict[str, Any]

    @property
    def template(self) -> str:
        return f"cms/blocks/{self.kind}.html"


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it is stored: rows are keys, so reading it asks the database nothing."""

    id: str
    kind: str
    value: Mapping[str, Any]

    def key(self, *path: str) -> int | None:
        found: Any = self.value
        for name in path:
            found = (found or {}).get(name)
        return int(found) if found else None

    def is_form(self, key: str) -> bool:
        return self.kind == "form" and self.id == key

    def keys(self, name: str) -> tuple[int, ...]:
        items = self.value.get(name) or []
        values = (each["value"] if isinstance(each, dict) else each for each in items)
        return tuple(int(each) for each in values if each)


def blocks_of(page: ShopPage) -> list[Block]:
    raw = page.body.raw_data
    stored = (raw[place] for place in range(len(raw)))
    return [
        Block(str(each.get("id") or place), each["type"], each["value"])
        for place, each in enumerate(stored)
        if each["type"] in _FILLED
    ]


def shown_blocks(page: ShopPage, seen_by: Viewer) -> list[Block]:
    """Those that are for everybody, and for the segments that the viewer is in."""
    blocks = blocks_of(page)
    held = seen_by.segments({key for block in blocks if (key := block.key("segment"))})
    return [block for block in blocks if not (key := block.key("segment")) or key in held]


def parts_of(page: ShopPage, seen_by: Viewer, tongue: Tongue) -> list[Part]:
    blocks = shown_blocks(page, seen_by)
    cards = cards_of(page, blocks, seen_by)
    every = [card for found in cards.values() for card in found]
    reading = shelves.reading(seen_by.request, seen_by.channel, every, seen_by.now)
    books = {key: [reading.book(card) for card in found] for key, found in cards.items()}
    if seen_by.offers is not None:
        books = _as_played(books, every, seen_by)
    filling = Filling(page, seen_by, tongue, books, Rows.of(blocks))
    parts = [part for block in blocks if (part := _FILLED[block.kind](filling, block))]
    if isinstance(page, ListingPage):
        parts.append(Part("listing", {"books": books[BRANCH], "category": page.category}))
    first = next((part for part in parts if part.kind == "products"), None)
    if first:
        first.values["is_first"] = True
    return parts


def _as_played(
    books: dict[str, list[shelves.Book]], cards: Iterable[cms.Card], seen_by: Viewer
) -> dict[str, list[shelves.Book]]:
    """In a preview the prices are those of the played person, not of whoever looks."""
    assert seen_by.offers is not None, "only a preview plays somebody"
    lower = cms.reductions(cards, channel=seen_by.channel, now=seen_by.now, offers=seen_by.offers)

    def played(book: shelves.Book) -> shelves.Book:
        found = lower.get(book.card.variant_id)
        if found is None:
            return replace(book, price=book.card.price, list_price=None, lowest=None)
        return replace(book, price=found.price, list_price=book.card.price, lowest=found.lowest)

    return {key: [played(book) for book in each] for key, each in books.items()}


def cards_of(page: ShopPage, blocks: Sequence[Block], seen_by: Viewer) -> dict[str, tuple[cms.Card, ...]]:
    """What every shelf holds: one statement for all shelves with a rule, one for all that know the shopper."""
    return {
        **cms.goods(shelves_of(page, blocks), seen_by.channel.price_list_id, seen_by.now),
        **recommended(blocks, channel=seen_by.channel, now=seen_by.now, customer_id=seen_by.customer_id),
    }


def recommended(
    blocks: Iterable[Block], *, channel: Channel, now: datetime, customer_id: int | None
) -> dict[str, tuple[cms.Card, ...]]:
    """What this shopper buys again, then what goes with it, then bestsellers; a second shelf goes on where the first ended."""
    wanted = [(block.id, int(block.value["count"])) for block in blocks if block.kind == "recommended"]
    if not wanted:
        return {}
    limit = min(sum(count for _, count in wanted), recommendations.LIMIT_MAX)
    cards = recommendations.for_customer(customer_id=customer_id, channel=channel, now=now, limit=limit)
    # What is shown is the card's own edition: when another one is in stock, this card would still disappoint.
    rest = [card for card in cards if card.is_available and card.price is not None]
    found = {}
    for key, count in wanted:
        found[key], rest = tuple(rest[:count]), rest[count:]
    return found


def shelves_of(page: ShopPage, blocks: Iterable[Block]) -> list[cms.Shelf]:
    found = [shelf for block in blocks if (shelf := _shelf(block))]
    if isinstance(page, ListingPage):
        found.append(cms.Shelf(BRANCH, BY_CATEGORY, LISTING_SIZE, page.category_id))
    return found


def _shelf(block: Block) -> cms.Shelf | None:
    if block.kind == "hero" and (covers := block.keys("products")):
        return cms.Shelf(block.id, BY_HAND, COVERS, None, covers)
    if block.kind != "products":
        return None
    rule = block.value["rule"]
    anchor = {BY_CATEGORY: "category", OF_DISCOUNT: "discount"}.get(rule)
    key = block.key(anchor) if anchor else None
    if anchor and key is None:
        return None  # what it named is gone; the report of broken references tells the editors
    products = block.keys("products") if rule == BY_HAND else ()
    return cms.Shelf(block.id, rule, int(block.value["count"]), key, products)


@dataclass(frozen=True, slots=True)
class Rows:
    """What the blocks point at, one statement for each kind that occurs."""

    categories: Mapping[int, Category]
    campaigns: Mapping[int, Campaign]
    pages: Mapping[int, Page]
    images: Mapping[int, Any]
    files: Mapping[int, Any]

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> Rows:
        every = list(blocks)

        def found(model: type[Model], *paths: tuple[str, ...]) -> Mapping[int, Any]:
            keys = {key for block in every for path in paths if (key := block.key(*path))}
            return model._default_manager.in_bulk(keys) if keys else {}

        return cls(
            categories=found(Category, ("category",), ("button", "category")),
            campaigns=found(Campaign, ("campaign",)),
            pages=found(Page, ("button", "page")),
            images=found(get_image_model(), ("image",)),
            files=found(get_document_model(), ("file",), ("subtitles",)),
        )


def here(url_path: str) -> str:
    """A page's address in the language of this request: the tree's first slug is the root of the site."""
    return quick.here("shop:home") + "".join(f"{slug}/" for slug in url_path.strip("/").split("/")[1:])


@dataclass(frozen=True, slots=True)
class Filling:
    page: ShopPage
    viewer: Viewer
    tongue: Tongue
    books: dict[str, list[shelves.Book]]
    rows: Rows

    def heading(self, block: Block) -> dict[str, Any]:
        return {"heading": self.tongue.say(block.value["heading"]), "id": block.id}

    def here(self, url_path: str) -> str:
        return here(url_path)


# ------------------------------------------------------------------ each kind of block
def _hero(filling: Filling, block: Block) -> Part:
    say, value = filling.tongue.say, block.value
    button = value.get("button") or {}
    page = filling.rows.pages.get(block.key("button", "page") or 0)
    category = filling.rows.categories.get(block.key("button", "category") or 0)
    url = "#first-books"
    if page:
        url = filling.here(page.url_path)
    elif category:
        url = quick.here("shop:category", category.path)
    return Part(
        "hero",
        {
            **filling.heading(block),
            "above": say(value.get("above")),
            "text": filling.tongue.html(value.get("text")),
            "button": say(button.get("text")),
            "url": url,
            "image": filling.rows.images.get(block.key("image") or 0),
            "alt": say(value.get("alt")),
            "books": filling.books.get(block.id, []),
        },
    )


def _products(filling: Filling, block: Block) -> Part | None:
    """Without anything to sell there is no shelf: the report of broken references names it."""
    books = filling.books.get(block.id)
    if not books:
        return None
    category = filling.rows.categories.get(block.key("category") or 0)
    is_branch = category is not None and block.value.get("rule") == BY_CATEGORY
    more = quick.here("shop:category", category.path) if category and is_branch else ""
    return Part("products", {**filling.heading(block), "books": books, "more": more, "is_first": False})


def _countdown(filling: Filling, block: Block) -> Part | None:
    own = filling.page.campaign if isinstance(filling.page, CampaignPage) else None
    campaign = filling.rows.campaigns.get(block.key("campaign") or 0) or own
    if campaign is None or campaign.ends_at is None or campaign.ends_at <= filling.viewer.now:
        return None
    return Part(
        "countdown",
        {
            **filling.heading(block),
            "days": (as_day(campaign.ends_at) - as_day(filling.viewer.now)).days,
            "ends_at": campaign.ends_at,
            "until": f"{date_text(campaign.ends_at, filling.tongue.asked)} {clock_text(campaign.ends_at)}",
        },
    )


def _text(filling: Filling, block: Block) -> Part:
    return Part("text", {"text": filling.tongue.html(block.value["text"])})


def _image(filling: Filling, block: Block) -> Part | None:
    image = filling.rows.images.get(block.key("image") or 0)
    say = filling.tongue.say
    words = {"alt": say(block.value.get("alt")), "caption": say(block.value.get("caption"))}
    return Part("image", {"image": image, **words}) if image else None


def _video(filling: Filling, block: Block) -> Part | None:
    file = filling.rows.files.get(block.key("file") or 0)
    subtitles = filling.rows.files.get(block.key("subtitles") or 0)
    return Part("video", {**filling.heading(block), "file": file, "subtitles": subtitles}) if file else None


def _stores(filling: Filling, block: Block) -> Part:
    return Part("stores", filling.heading(block))


def _campaigns(filling: Filling, block: Block) -> Part | None:
    """Open pages of running campaigns, by the same clock as the pages themselves."""
    now = filling.viewer.now
    running = CampaignPage.objects.live().filter(
        Q(campaign__ends_at__isnull=True) | Q(campaign__ends_at__gt=now),
        campaign__state=CampaignState.RATIFIED,
        campaign__starts_at__lte=now,
        locale_id=filling.page.locale_id,
    )
    links = [
        (filling.tongue.say(page.title), filling.here(page.url_path))
        for page in running.order_by("campaign__ends_at", "pk")
    ]
    return Part("campaigns", {**filling.heading(block), "links": links}) if links else None


def _form(filling: Filling, block: Block) -> Part:
    """The form, or the words of thanks for whoever has just sent it."""
    say, seen_by = filling.tongue.say, filling.viewer
    is_sent = seen_by.request.GET.get(SENT) == block.id
    form = seen_by.refused if seen_by.refused and seen_by.refused.block_id == block.id else None
    return Part(
        "form",
        {
            **filling.heading(block),
            "text": filling.tongue.html(block.value.get("text")),
            "thanks": say(block.value["thanks"]) if is_sent else "",
            "form": form or AnswerForm.fresh(block.id, block.value["fields"], say, seen_by.request),
            "button": say(block.value["submit"]),
            "page_id": filling.page.pk,
            "is_preview": seen_by.is_preview,
        },
    )


_FILLED: dict[str, Callable[[Filling, Block], Part | None]] = {
    "hero": _hero,
    "products": _products,
    "recommended": _products,
    "countdown": _countdown,
    "text": _text,
    "image": _image,
    "video": _video,
    "stores": _stores,
    "campaigns": _campaigns,
    "form": _form,
}
