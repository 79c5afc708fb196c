"""Product feeds, streamed: Google Merchant as XML, Meta as CSV; per channel and language, whole or what changed since a moment.

Each price is the one engine's for one unit and everybody, availability is that of this moment. The address carries a secret that the back
office shows: a whole feed is work, so only its reader may ask for it. What a feed leaves out stands in the back office with its reason.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponseBadRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.views.decorators.http import require_safe

from crm.models import Discount
from oms import selectors as oms
from retail.front.cover_art import printable
from retail.kernel import clock
from storefront import selectors as catalog
from storefront.models import Category, Channel
from storefront.rules import feed_reason
from storefront.selectors.feeds import FeedRow, changed_since, feed_pieces
from storefront.states import Feed
from storefront.views.machines.heads import absolute, retailer
from storefront.views.machines.pictures import Words, picture_url
from warehouse import selectors as warehouse
from warehouse.models import Reservation, StockMove

TITLE_MAX, DESCRIPTION_MAX = 150, 5000
# Further pictures that a reader of a feed takes of one product.
MORE_PICTURES_MAX = 10
FILES = {"google.xml": Feed.GOOGLE, "meta.csv": Feed.META}
COLUMNS = (
    *("id", "item_group_id", "title", "description", "availability", "condition", "price", "sale_price"),
    *("link", "image_link", "additional_image_link", "brand", "gtin", "product_type", "shipping_weight"),
)
Entry = dict[str, str]


@dataclass(frozen=True, slots=True)
class Places:
    """The tree in words, and where a product's page stands, in the language of the feed."""

    titles: dict[str, str]
    before: str
    after: str

    def words(self, path: str) -> str:
        steps = path.split("/")
        return " > ".join(self.titles.get("/".join(steps[: n + 1]), "") for n in range(len(steps)))

    def page(self, slug: str) -> str:
        return f"{self.before}{slug}{self.after}"


def secret(channel: str, language: str, file: str) -> str:
    return salted_hmac("shop.feed", f"{channel}/{language}/{file}", algorithm="sha256").hexdigest()[:24]


def address(channel: str, language: str, file: str) -> str:
    """Where this feed is read, with its secret."""
    path = reverse("machines:feed", args=[channel, language, file])
    return f"{absolute(path)}?key={secret(channel, language, file)}"


@require_safe
def feed(request: HttpRequest, channel: str, language: str, file: str) -> HttpResponseBase:
    found = catalog.channel_by_code(channel)
    is_theirs = constant_time_compare(request.GET.get("key", ""), secret(channel, language, file))
    if not is_theirs or found is None or language not in dict(settings.LANGUAGES):
        raise Http404("no such feed")
    now, asked = clock.now(), request.GET.get("updated_after", "")
    since = _moment(asked)
    if asked and since is None:
        return HttpResponseBadRequest(
            "updated_after is a moment with its zone, such as 2026-11-22T08:00:00Z\n",
            content_type="text/plain",
        )
    kind = FILES[file]
    entries = _entries(kind, found, language, now, since)
    written, content_type = WRITERS[kind]
    answer = StreamingHttpResponse(written(entries, language), content_type=content_type)
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return found if found is not None and is_aware(found) else None


# ------------------------------------------------------------------ what is in it
def _entries(
    kind: Feed, channel: Channel, language: str, now: datetime, since: datetime | None
) -> Iterator[list[Entry]]:
    """Entries in pieces, so that no feed is ever whole in memory."""
    places = _places(language)
    for rows in feed_pieces(channel, now, changed=_changed(channel, since, now)):
        taken = [row for row in rows if not feed_reason(kind, row.facts)]
        prices = _prices(channel, taken, now)
        units = warehouse.availability(
            variant_ids=[row.variant.pk for row in taken], channel_id=channel.pk, now=now
        )
        coming = warehouse.coming_days(variant_ids=[row.variant.pk for row in taken], now=now)
        yield [
            _entry(row, places, channel.currency, prices[pk], units.get(pk, 0), coming.get(pk))
            for row in taken
            if (pk := row.variant.pk) in prices
        ]


def _changed(channel: Channel, since: datetime | None, now: datetime) -> Q | None:
    """What may look different since then; a discount that began, ended or was changed may touch everything."""
    if since is None:
        return None
    turned = Q(valid_from__gt=since, valid_from__lte=now) | Q(valid_to__gt=since, valid_to__lte=now)
    if Discount.objects.filter(turned | Q(updated_at__gt=since)).exists():
        return None
    moved = StockMove.objects.filter(variant=OuterRef("pk"), created_at__gt=since)
    claimed = Reservation.objects.filter(variant=OuterRef("pk")).filter(
        Q(created_at__gt=since) | Q(expires_at__gt=since)
    )
    return changed_since(since, now, channel.price_list_id) | Exists(moved) | Exists(claimed)


def _prices(channel: Channel, rows: list[FeedRow], now: datetime) -> dict[int, tuple[Decimal, Decimal]]:
    """(before discounts, to pay) of one unit for everybody: each variant alone, as its page says it."""
    if not rows:
        return {}
    known = oms.tariff(channel=channel, variant_ids=[row.variant.pk for row in rows], now=now)
    goods_only = replace(known, rates=())
    found = {}
    for row in rows:
        wanted = [oms.Wanted(row.variant.sku, row.variant, 1)]
        quote = oms.quote(channel=channel, wanted=wanted, now=now, known=goods_only)
        for line in quote.priced.lines:
            found[row.variant.pk] = (line.list_total, line.total)
    return found


def _entry(
    row: FeedRow,
    places: Places,
    currency: str,
    prices: tuple[Decimal, Decimal],
    units: int,
    coming_on: date | None,
) -> Entry:
    before, price = prices
    variant, product = row.variant, row.variant.product
    author = row.authors[0] if row.authors else product.brand
    page = places.page(product.slug)
    photos = [absolute(each.full) for each in row.pictures]
    words = " · ".join(filter(None, [product.title, product.subtitle, *row.authors, product.brand]))
    return {
        "id": variant.sku,
        "item_group_id": product.slug[:50],
        "title": printable(_title(row))[:TITLE_MAX],
        "description": printable(product.description or words)[:DESCRIPTION_MAX],
        "availability": "in_stock" if units > 0 else "preorder" if coming_on else "out_of_stock",
        "availability_date": f"{coming_on.isoformat()}T00:00Z" if coming_on and not units else "",
        "condition": "new",
        "price": f"{before:.2f} {currency}",
        "sale_price": f"{price:.2f} {currency}" if price < before else "",
        "link": f"{page}{variant.sku}/",
        "image_link": photos[0]
        if photos
        else picture_url(Words(variant.sku, product.title, author), "cover"),
        "additional_image_link": ",".join(photos[1 : 1 + MORE_PICTURES_MAX]),
        "brand": printable(row.facts.maker)[:70],
        "gtin": variant.barcode,
        "product_type": places.words(product.main_category.path) if product.main_category else "",
        "shipping_weight": f"{variant.weight_grams} g" if variant.weight_grams else "",
    }


def _title(row: FeedRow) -> str:
    form = f" ({row.variant.format_name})" if row.variant.format_name else ""
    return f"{row.variant.product.title}{form}"


def _places(language: str) -> Places:
    with translation.override(language):
        before, _, after = absolute(reverse("shop:product", args=["slot0"])).partition("slot0")
    name = "name_en" if language.startswith("en") else "name"
    titles = {
        path: english or own if name == "name_en" else own
        for path, own, english in Category.objects.values_list("path", "name", "name_en")
    }
    return Places(titles, before, after)


# ------------------------------------------------------------------ how it is written
def _google(pieces: Iterator[list[Entry]], language: str) -> Iterator[str]:
    with translation.override(language):
        shop, home = retailer(), absolute(reverse("shop:home"))
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
        f"<title>{escape(shop)}</title><link>{escape(home)}</link><description>{escape(shop)}</description>"
    )
    for entries in pieces:
        yield "".join(map(_item, entries))
    yield "</channel></rss>\n"


def _item(entry: Entry) -> str:
    tags = "".join(
        f"<g:{name}>{escape(value)}</g:{name}>"
        for name, given in entry.items()
        for value in (given.split(",") if name == "additional_image_link" else [given])
        if value
    )
    known = "" if entry["gtin"] else "<g:identifier_exists>no</g:identifier_exists>"
    return f"<item>{tags}{known}</item>\n"


def _meta(pieces: Iterator[list[Entry]], language: str) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for entries in pieces:
        writer.writerows(
            {**entry, "availability": entry["availability"].replace("_", " ")} for entry in entries
        )
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


Writer = Callable[[Iterator[list[Entry]], str], Iterator[str]]
WRITERS: dict[Any, tuple[Writer, str]] = {
    Feed.GOOGLE: (_google, "application/xml; charset=utf-8"),
    Feed.META: (_meta, "text/csv; charset=utf-8"),
}
