"""The first page, and the page that explains delivery, payment and returns."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cms.views import pages as cms
from oms import selectors as oms
from oms.rules import RateRow
from oms.workflows.payment_deadlines import TRANSFER_WORKING_DAYS
from oms.workflows.returns import RETURN_DAYS
from retail.kernel import clock
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.views import shelves, shopper
from storefront.views.machines import heads

SHELF = 6
NEW_SHELF = 12


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What an editor has published; else what came last and what is read most, straight from the catalog's own rows."""
    if written := cms.home(request):
        return written
    channel, now = shopper.channel(), clock.now()
    newest = catalog.listing(
        catalog.ListingQuery(sort="newest", page_size=NEW_SHELF), channel.price_list_id, now
    )
    popular = catalog.listing(
        catalog.ListingQuery(sort="popular", page_size=NEW_SHELF), channel.price_list_id, now
    )
    reading = shelves.reading(request, channel, (*newest.cards, *popular.cards), now)
    return render(
        request,
        "shop/home.html",
        {
            "newest": [reading.book(card) for card in newest.cards[:SHELF]],
            "popular": [reading.book(card) for card in popular.cards[:SHELF]],
            "hero": popular.cards[SHELF : SHELF + 5] or popular.cards[:5],
            "collections": [
                (each.title(shopper.language()), reverse("shop:collection", args=[each.slug]))
                for each in catalog.shown_collections()
            ],
            "departments": shelves.departments_of(popular),
            "total": popular.total,
            "hold_minutes": channel.hold_minutes,
            "return_days": RETURN_DAYS,
            "head": heads.head(
                heads.Shown(
                    path=reverse("shop:home"),
                    title=f"{heads.retailer()}, {_('books when and where you want them')}",
                    description=_(
                        "See the day it reaches you and the store that has it before you buy: courier, pickup in a store, returns."
                    ),
                ),
                heads.shop_data(),
            ),
        },
    )


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    channel, now = shopper.channel(), clock.now()
    return render(
        request,
        "shop/help.html",
        {
            "crumbs": [(_("Home"), reverse("shop:home")), (_("Help"), "")],
            "rates": _rates(channel, now),
            "currency": channel.currency,
            "hold_minutes": channel.hold_minutes,
            "hold_minutes_max": channel.hold_minutes_max,
            "return_days": RETURN_DAYS,
            "transfer_days": TRANSFER_WORKING_DAYS,
            "entity": channel.entity,
        },
    )


def _rates(channel: Channel, now: datetime) -> list[RateRow]:
    rates = oms.delivery_rates(channel_id=channel.pk, now=now)
    return sorted(rates, key=lambda each: (each.method, each.weight_grams_max or 10**9))
