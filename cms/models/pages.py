"""The kinds of pages. A campaign's page is open while its campaign is: read by the clock at request time, no job flips it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel
from wagtail.fields import StreamField
from wagtail.models import Page
from wagtail.models.pages import PagePermissionTester

from cms.blocks import BodyBlock
from cms.choosers import campaigns, categories, stores
from crm.models import Campaign
from retail.kernel.models import Location, User
from storefront.models import Category

Draw = Callable[["ShopPage", HttpRequest, str | None], HttpResponse]
_drawn_by: list[Draw] = []


def draw_with(draw: Draw) -> None:
    """The views of this room stand above its rows, so they say at start-up who draws a page: (page, request, preview mode)."""
    _drawn_by[:] = [draw]


class ShopPage(Page):
    """What all kinds share: a body of blocks, drawn in the shop's own frame."""

    body = StreamField(BodyBlock(), blank=True)
    content_panels = [*Page.content_panels, FieldPanel("body")]

    class Meta:
        abstract = True

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _drawn_by[0](self, request, None)

    def serve_preview(self, request: HttpRequest, mode_name: str) -> HttpResponse:
        return _drawn_by[0](self, request, mode_name)

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        return [
            ("sr-latn", _("Latin")),
            ("sr-cyrl", _("Cyrillic")),
            ("en", _("English")),
        ]


class HomePage(ShopPage):
    """The first page of the shop while it is live; until then the shop draws its own."""

    parent_page_types = ["wagtailcore.Page"]

    class Meta:
        verbose_name = _("home page")


class ArticlePage(ShopPage):
    intro = models.TextField(_("introduction"), blank=True, max_length=600)
    content_panels = [*Page.content_panels, FieldPanel("intro"), FieldPanel("body")]

    class Meta:
        verbose_name = _("article")


class StorePage(ShopPage):
    store = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", verbose_name=_("store"))
    content_panels = [
        *Page.content_panels,
        FieldPanel("store", widget=stores.widget_class),
        FieldPanel("body"),
    ]

    class Meta:
        verbose_name = _("page of a store")


class ListingPage(ShopPage):
    """A category with words around it: the first goods of the branch, and the way to all of them."""

    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="+", verbose_name=_("category")
    )
    content_panels = [
        *Page.content_panels,
        FieldPanel("category", widget=categories.widget_class),
        FieldPanel("body"),
    ]

    class Meta:
        verbose_name = _("listing with editorial slots")


class CampaignPage(ShopPage):
    """A landing page. It is published by ratifying its campaign and by nothing else."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="+", verbose_name=_("campaign")
    )
    content_panels = [
        *Page.content_panels,
        FieldPanel("campaign", widget=campaigns.widget_class),
        FieldPanel("body"),
    ]

    class Meta:
        verbose_name = _("landing page of a campaign")

    @property
    def preview_modes(self) -> list[tuple[str, Any]]:
        """As a member and as somebody else, in each language and script."""
        tongues = super().preview_modes
        return [
            *((f"{code}:member", _("%(language)s, member") % {"language": name}) for code, name in tongues),
            *(
                (f"{code}:other", _("%(language)s, not a member") % {"language": name})
                for code, name in tongues
            ),
        ]

    def permissions_for_user(self, user: User) -> PagePermissionTester:
        return CampaignPagePermissions(user, self)


class CampaignPagePermissions(PagePermissionTester):
    """Nobody publishes or takes down a campaign's page by hand, a superuser neither: the second person would be passed by."""

    def can_publish(self) -> bool:
        return False

    def can_unpublish(self) -> bool:
        return False

    def can_submit_for_moderation(self) -> bool:
        return False
