"""A draft as somebody would see it: in a segment or not, on a date, in each script, on a phone. Nothing is written or kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import is_naive, make_aware
from django.views.decorators.http import require_safe

from cms.forms import PreviewForm
from cms.models import CampaignPage, ShopPage
from cms.views import pages
from cms.views.viewer import Viewer
from cms.workflows import campaigns as workflows
from cms.workflows import drafts
from crm.models import Campaign
from retail.kernel import clock
from retail.kernel.access import VIEW_CAMPAIGNS, staff_page
from storefront.views import shopper

MEMBER, OTHER, COUPON = "member", "other", "coupon"


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def preview(request: HttpRequest, public_id: str) -> HttpResponse:
    """The controls, and the page itself in a frame as wide as a phone or a desk."""
    campaign, page = _page(request, public_id)
    form = PreviewForm(request.GET or None, initial={"at": _opening(campaign)})
    width = form.cleaned_data["width"] if form.is_bound and form.is_valid() else ""
    return render(
        request,
        "cms/campaigns/preview.html",
        {
            "campaign": campaign,
            "page": page,
            "pages": workflows.pages_of(campaign),
            "form": form,
            "media": form.media,
            "query": request.GET.urlencode(),
            "width": width or "1280",
        },
    )


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def frame(request: HttpRequest, public_id: str) -> HttpResponse:
    campaign, page = _page(request, public_id)
    form = PreviewForm(request.GET)
    data = form.cleaned_data if form.is_valid() else {}
    at = data.get("at") or _opening(campaign)
    who, language = data.get("who") or MEMBER, data.get("language") or page.locale.language_code
    draft = page.get_latest_revision_as_object()
    return pages.preview(draft, request, language, viewer_of(campaign, request, who, at))


def played(page: ShopPage, request: HttpRequest, mode: str) -> tuple[str, Viewer]:
    """A mode of Wagtail's own preview panel: "sr-cyrl:member"."""
    language, _colon, who = mode.partition(":")
    language = language or page.locale.language_code
    if isinstance(page, CampaignPage):
        campaign = Campaign.objects.select_related("segment").get(pk=page.campaign_id)
        return language, viewer_of(campaign, request, who or MEMBER, _opening(campaign))
    return language, Viewer(request, shopper.channel(), clock.now(), is_preview=True)


def viewer_of(campaign: Campaign, request: HttpRequest, who: str, at: datetime) -> Viewer:
    """The played person with what the draft would offer them, beside everything else that is on at that moment."""
    at = make_aware(at) if is_naive(at) else at
    channel = shopper.channel()
    is_member = who in (MEMBER, COUPON)
    segments = drafts.segments_of(campaign) if is_member else frozenset()
    offers = drafts.offers(
        campaign=campaign, channel=channel, now=at, is_member=is_member, has_coupon=who == COUPON
    )
    return Viewer(request, channel, at, offers=offers, played=segments, is_preview=True)


def _opening(campaign: Campaign) -> datetime:
    """The first moment at which it would be on; now, when that is past."""
    now = clock.now()
    return max(now, campaign.starts_at) if campaign.starts_at else now


def _page(request: HttpRequest, public_id: str) -> tuple[Campaign, CampaignPage]:
    campaign: Any = Campaign.objects.select_related("segment").filter(public_id=public_id).first()
    found = workflows.pages_of(campaign) if campaign else []
    asked = request.GET.get("page", "")
    page = next((each for each in found if str(each.pk) == asked), found[0] if found else None)
    if campaign is None or page is None:
        raise Http404("nothing to preview")
    return campaign, page
