"""Atom of new titles, for readers of feeds, in each language."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from retail.front.templatetags.front import lang_code
from retail.kernel import clock
from storefront import selectors as catalog
from storefront.models import Product
from storefront.views import shopper
from storefront.views.machines.heads import absolute, retailer

TITLES = 50


@require_safe
def atom(request: HttpRequest, language: str) -> HttpResponse:
    """The newest titles on sale, in the order of the shop's own list."""
    if language not in dict(settings.LANGUAGES):
        raise Http404("no such language")
    channel, now = shopper.channel(), clock.now()
    found = catalog.listing(catalog.ListingQuery(sort="newest", page_size=TITLES), channel.price_list_id, now)
    rows = Product.objects.in_bulk([card.product_id for card in found.cards])
    with translation.override(language):
        feed = _head(request, language)
        for card in found.cards:
            row = rows[card.product_id]
            url = absolute(reverse("shop:product", args=[card.slug]))
            feed.add_item(
                title=card.title,
                link=url,
                description=row.description or card.subtitle or ", ".join(card.authors) or card.title,
                author_name=", ".join(card.authors) or card.brand or None,
                pubdate=_day(card.released_on) or row.published_at,
                updateddate=row.updated_at,
                unique_id=url,
            )
        answer = HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    answer["Cache-Control"] = "public, max-age=3600"
    return answer


def _head(request: HttpRequest, language: str) -> Atom1Feed:
    return Atom1Feed(
        title=_("New titles at %(shop)s") % {"shop": retailer()},
        link=absolute(f"{reverse('shop:search')}?sort=newest"),
        description=_("What came last"),
        language=lang_code(language),
        feed_url=absolute(request.path),
    )


def _day(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
