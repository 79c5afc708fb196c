"""Pages and campaigns for tests, made as an editor makes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from django.utils import timezone
from wagtail.models import Locale, Site

from cms.models import ArticlePage, CampaignPage, HomePage
from crm.models import Campaign, Segment

_serial = count(1)
Stream = Sequence[tuple[str, dict[str, Any]]]


def root(language: str = "sr-latn") -> HomePage:
    found: HomePage = Site.objects.get().root_page.specific
    locale = Locale.objects.get(language_code=language)
    return found if found.locale_id == locale.pk else HomePage.objects.get(locale=locale)


def stream(*blocks: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": kind, "value": value, "id": f"00000000-0000-4000-8000-{next(_serial):012d}"}
        for kind, value in blocks
    ]


def article(
    title: str, slug: str, *blocks: tuple[str, dict[str, Any]], language: str = "sr-latn"
) -> ArticlePage:
    page = ArticlePage(title=title, slug=slug, locale=root(language).locale, body=stream(*blocks))
    root(language).add_child(instance=page)
    page.save_revision().publish()
    return page


def running(
    slug: str, *, starts_at: datetime, ends_at: datetime | None, state: str = "RATIFIED", **fields: Any
) -> Campaign:
    return Campaign.objects.create(
        slug=slug,
        name=fields.pop("name", slug.title()),
        state=state,
        starts_at=starts_at,
        ends_at=ends_at,
        ratified_at=timezone.now(),
        **fields,
    )


def landing(campaign: Campaign, title: str, *blocks: tuple[str, dict[str, Any]]) -> CampaignPage:
    page = CampaignPage(title=title, slug=campaign.slug, campaign=campaign, body=stream(*blocks))
    root().add_child(instance=page)
    page.save_revision().publish()
    return page


def segment(slug: str, definition: str) -> Segment:
    return Segment.objects.create(slug=slug, name=slug.title(), definition=definition, state="ACTIVE")
