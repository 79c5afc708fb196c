"""Which blocks of live pages point at nothing that can be sold, and where a product, a segment or a discount is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from wagtail.models import Page, ReferenceIndex

from cms import selectors as cms
from cms.blocks import BY_HAND
from cms.models import ArticlePage, CampaignPage, HomePage, ListingPage, ShopPage, StorePage
from cms.views.parts import Block, blocks_of, recommended, shelves_of
from crm.models import Campaign, Discount, Segment
from crm.states import CampaignState, DiscountState, SegmentState
from retail.kernel import clock
from retail.kernel.access import VIEW_CAMPAIGNS, staff_page
from storefront.models import Category, Channel, Product
from storefront.views import shopper

KINDS: tuple[type[ShopPage], ...] = (HomePage, ArticlePage, StorePage, ListingPage, CampaignPage)
USED: dict[str, type[Model]] = {
    "product": Product,
    "category": Category,
    "segment": Segment,
    "discount": Discount,
    "campaign": Campaign,
}


@dataclass(frozen=True, slots=True)
class Broken:
    page: ShopPage
    block: str
    what: str

    @property
    def url(self) -> str:
        return reverse("wagtailadmin_pages:edit", args=[self.page.pk])


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def broken(request: HttpRequest) -> HttpResponse:
    found = list(broken_references(shopper.channel(), clock.now()))
    return render(request, "cms/references.html", {"found": found})


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def usage(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Every page that points at this row, from Wagtail's own index of references."""
    if kind not in USED:
        raise Http404("nothing of this kind is chosen in pages")
    row = get_object_or_404(USED[kind], pk=pk)
    page_type = ContentType.objects.get_for_model(Page)
    ids = {
        int(pk)
        for pk in ReferenceIndex.get_references_to(row)
        .filter(base_content_type=page_type)
        .values_list("object_id", flat=True)
    }
    pages = Page.objects.filter(pk__in=ids).order_by("title")
    return render(request, "cms/usage.html", {"row": row, "pages": pages})


def broken_references(channel: Channel, now: datetime) -> Iterator[Broken]:
    """All live pages of all kinds; shelves are read as a shopper would see them now."""
    for model in KINDS:
        for page in model.objects.live().order_by("pk"):
            yield from _of_page(page, channel, now)


def _of_page(page: ShopPage, channel: Channel, now: datetime) -> Iterator[Broken]:
    blocks = blocks_of(page)
    shown = {
        **cms.goods(shelves_of(page, blocks), channel.price_list_id, now),
        **recommended(blocks, channel=channel, now=now, customer_id=None),
    }
    for block in blocks:
        for what in _complaints(block, shown, now):
            yield Broken(page, block.kind, what)


def _complaints(block: Block, shown: dict[str, tuple[cms.Card, ...]], now: datetime) -> Iterator[str]:
    asked = block.keys("products") if block.value.get("rule", BY_HAND) == BY_HAND else ()
    cards = shown.get(block.id)
    if asked and (missing := set(asked) - {card.product_id for card in cards or ()}):
        yield _("cannot be sold now: %(titles)s") % {"titles": ", ".join(_titles(missing))}
    elif block.kind in ("products", "recommended") and not cards:
        yield _("nothing on this shelf can be sold now")
    if (key := block.key("segment")) and not Segment.objects.filter(
        pk=key, state=SegmentState.ACTIVE
    ).exists():
        yield _("its segment is not in use, so nobody sees it")
    if key := block.key("discount"):
        discount = Discount.objects.filter(pk=key).first()
        if discount is None or discount.state != DiscountState.ACTIVE:
            yield _("its discount is not active")
    if key := block.key("campaign"):
        campaign = Campaign.objects.filter(pk=key).first()
        if (
            campaign is None
            or campaign.state == CampaignState.ENDED
            or (campaign.ends_at and campaign.ends_at <= now)
        ):
            yield _("its campaign is over")
    if (key := block.key("button", "page")) and not Page.objects.live().filter(pk=key).exists():
        yield _("its button leads to a page that is not live")


def _titles(products: Iterable[int]) -> list[str]:
    known = dict(Product.objects.filter(pk__in=products).values_list("pk", "title"))
    return [known.get(pk, f"#{pk}") for pk in sorted(products)]
