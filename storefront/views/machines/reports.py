"""The product feeds in the back office: where each is read, and what it leaves out, row by row."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.access import EDIT_CAMPAIGNS, VIEW_CAMPAIGNS, may, staff_page
from storefront import operations
from storefront.models import Channel, FeedRejection
from storefront.states import Feed, FeedReason
from storefront.views import shopper
from storefront.views.machines import feeds

PAGE = 50


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def feed_report(request: HttpRequest) -> HttpResponse:
    channel, kind = _chosen(request.GET)
    reason = request.GET.get("reason", "")
    rows = FeedRejection.objects.filter(channel=channel, feed=kind)
    counts = dict(rows.values_list("reason").annotate(n=Count("pk")))
    if reason in FeedReason.values:
        rows = rows.filter(reason=reason)
    page = Paginator(rows.select_related("variant__product").order_by("pk"), PAGE).get_page(
        request.GET.get("page")
    )
    return render(
        request,
        "shop/ops/feeds.html",
        {
            "channel": channel,
            "channels": Channel.objects.filter(is_active=True).order_by("name"),
            "kind": kind,
            "kinds": Feed.choices,
            "addresses": _addresses(channel, kind),
            "reasons": [(code, words, counts.get(code, 0)) for code, words in FeedReason.choices],
            "reason": reason,
            "total": sum(counts.values()),
            "page": page,
            "may_check": may(request.user, EDIT_CAMPAIGNS),
            "now": clock.now(),
        },
    )


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def check_now(request: HttpRequest) -> HttpResponse:
    channel, kind = _chosen(request.POST)
    left_out = operations.check_feed(channel=channel, feed=kind, now=clock.now())
    toast(
        request,
        ngettext("%(n)s variant is left out.", "%(n)s variants are left out.", left_out) % {"n": left_out},
    )
    return redirect(f"{reverse('ops:feeds')}?channel={channel.code}&feed={kind}")


def _chosen(given: Any) -> tuple[Channel, str]:
    """The channel and feed that the address names; the shop's own and the first when it names none that we have."""
    found = Channel.objects.filter(code=given.get("channel", "")[:20], is_active=True).first()
    kind = given.get("feed", "")
    return found or shopper.channel(), kind if kind in Feed.values else Feed.GOOGLE.value


def _addresses(channel: Channel, kind: str) -> list[tuple[str, str]]:
    file = next(name for name, feed in feeds.FILES.items() if feed == kind)
    return [(str(name), feeds.address(channel.code, code, file)) for code, name in settings.LANGUAGES]
