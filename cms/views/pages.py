"""A page for a shopper: its blocks over the rows of this instant, in the shop's frame, in the language and script of the address."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from wagtail import hooks
from wagtail.models import Page

from cms.models import ArticlePage, CampaignPage, HomePage, ShopPage, StorePage
from cms.views import viewer
from cms.views.parts import Tongue, parts_of
from cms.views.viewer import Viewer
from crm.models import Campaign
from crm.states import CampaignState
from retail.kernel import clock
from retail.kernel.access import VIEW_CAMPAIGNS, may
from storefront.views import shopper

NOT_YET, OVER = "NOT_YET", "OVER"


_FIND = """
    SELECT p.id, l.language_code FROM wagtailcore_page p JOIN wagtailcore_locale l ON l.id = p.locale_id
      JOIN wagtailcore_page home ON home.depth = 2 AND p.url_path = home.url_path || %s
     WHERE p.live AND p.depth > 2 AND home.translation_key IN (
           SELECT r.translation_key FROM wagtailcore_site s JOIN wagtailcore_page r ON r.id = s.root_page_id WHERE s.is_default_site)"""


def serve(request: HttpRequest, path: str) -> HttpResponse:
    """The live page at this address in the language asked for; where it has none, the one in the first language.

    One statement finds it: Wagtail's own way takes one for each step of the path, and knows of no second language.
    """
    page = _found(path)
    for check in hooks.get_hooks("before_serve_page"):
        if isinstance(answer := check(page, request, (), {}), HttpResponse):
            return answer
    return page.serve(request)


def _found(path: str) -> ShopPage:
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [path])
        by_language = {code: pk for pk, code in cursor.fetchall()}
    pk = next((by_language[code] for code in _codes() if code in by_language), None)
    page = Page.objects.filter(pk=pk).select_related("content_type").first() if pk else None
    model = page.specific_class if page else None
    if model is None or not issubclass(model, ShopPage):
        raise Http404("no page here")
    beside = ["locale", *(["campaign"] if issubclass(model, CampaignPage) else [])]
    found: ShopPage = model.objects.select_related(*beside).get(pk=pk)
    return found


def _codes() -> list[str]:
    """Whose page is served: the language's own first. Cyrillic is the Latin page in its other script."""
    return list(dict.fromkeys(("en" if shopper.language() == "en" else "sr-latn", "sr-latn")))


def home(request: HttpRequest) -> HttpResponse | None:
    """The home page that an editor has published, when there is one."""
    codes = _codes()
    live = {
        page.locale.language_code: page
        for page in HomePage.objects.live().filter(locale__language_code__in=codes).select_related("locale")
    }
    page = next((live[code] for code in codes if code in live), None)
    return page.serve(request) if page else None


def draw(page: ShopPage, request: HttpRequest, mode: str | None) -> HttpResponse:
    """`mode` is a preview's, "sr-cyrl:member": nothing of a preview is written or kept."""
    if mode is not None:
        from cms.views.previews import played

        return preview(page, request, *played(page, request, mode))
    if isinstance(page, CampaignPage) and (closed := why_closed(page.campaign, clock.now())):
        return _closed(page, request, closed)
    answer = drawn(page, viewer.of(request))
    patch_vary_headers(answer, ["Cookie"])
    return answer


def preview(page: ShopPage, request: HttpRequest, language: str, seen_by: Viewer) -> HttpResponse:
    with translation.override(language):
        request.LANGUAGE_CODE = language
        answer = drawn(page, seen_by)
    add_never_cache_headers(answer)
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def drawn(page: ShopPage, seen_by: Viewer, *, status: int = 200) -> HttpResponse:
    tongue = Tongue(shopper.language(), page.locale.language_code)
    parts = parts_of(page, seen_by, tongue)
    return render(
        seen_by.request,
        "cms/page.html",
        {
            "page": page,
            "tongue": tongue,
            "title": tongue.say(page.title),
            "description": tongue.say(page.search_description),
            "intro": tongue.say(page.intro) if isinstance(page, ArticlePage) else "",
            "store": page.store if isinstance(page, StorePage) else None,
            "parts": parts,
            "has_hero": bool(parts) and parts[0].kind == "hero",
            "campaign": page.campaign if isinstance(page, CampaignPage) else None,
            "viewer": seen_by,
            "form": seen_by.refused,
        },
        status=status,
    )


def why_closed(campaign: Campaign, now: datetime) -> str:
    """A page is open exactly while its discounts are: nothing has to run for it."""
    if campaign.state == CampaignState.ENDED or (campaign.ends_at and campaign.ends_at <= now):
        return OVER
    if campaign.state != CampaignState.RATIFIED or campaign.starts_at is None or campaign.starts_at > now:
        return NOT_YET
    return ""


def _closed(page: CampaignPage, request: HttpRequest, why: str) -> HttpResponse:
    user = shopper.user_of(request)
    if user is None or not may(user, VIEW_CAMPAIGNS):
        raise Http404("the campaign of this page is not on")
    answer = render(
        request,
        "cms/closed.html",
        {"page": page, "campaign": page.campaign, "is_over": why == OVER},
        status=404,
    )
    add_never_cache_headers(answer)
    return answer
