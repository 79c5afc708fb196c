"""The replay of a draft, a step of orders for each answer: the page goes on by itself, with or without script, and keeps nothing."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from cms.workflows import replay
from crm.models import Campaign
from retail.kernel import clock
from retail.kernel.access import VIEW_CAMPAIGNS, staff_page

SALT = "cms.replay"
DAYS_MAX = 366


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def replay_campaign(request: HttpRequest, public_id: str) -> HttpResponse:
    campaign = Campaign.objects.select_related("segment", "budget").filter(public_id=public_id).first()
    if campaign is None:
        raise Http404("no such campaign")
    typed = request.GET.get("days", "")
    days = min(max(int(typed), 1), DAYS_MAX) if typed.isascii() and typed.isdigit() else replay.DAYS
    found = replay.start(campaign=campaign, days=days, now=clock.now(), tally=_so_far(request, campaign))
    tally = found.tally
    return render(
        request,
        "cms/campaigns/replay.html",
        {
            "campaign": campaign,
            "budget": getattr(campaign, "budget", None),
            "days": days,
            "tally": tally,
            "total": found.total,
            "today": found.today,
            "revenue_change": tally.revenue_after - tally.revenue_before,
            "margin_change": tally.margin_after - tally.margin_before,
            "next": "" if found.is_done else _next(campaign, days, tally),
        },
    )


def _so_far(request: HttpRequest, campaign: Campaign) -> replay.Tally:
    """What earlier steps found travels in the address, signed; for another draft it counts nothing."""
    try:
        data = signing.loads(request.GET.get("so_far", ""), salt=SALT, max_age=3600)
    except signing.BadSignature:
        return replay.Tally()
    return replay.Tally.from_text(data["tally"]) if data["of"] == _version(campaign) else replay.Tally()


def _next(campaign: Campaign, days: int, tally: replay.Tally) -> str:
    so_far = signing.dumps({"of": _version(campaign), "tally": tally.as_text()}, salt=SALT, compress=True)
    return f"{reverse('cms:replay_campaign', args=[campaign.public_id])}?{urlencode({'days': days, 'so_far': so_far})}"


def _version(campaign: Campaign) -> str:
    return f"{campaign.pk}:{campaign.version}"
