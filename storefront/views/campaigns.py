"""A page of a campaign was opened: the page's own script tells, so machines that only read are not counted."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from crm import operations as crm
from retail.kernel import clock
from storefront.views import shopper

# Those that run scripts and say who they are.
_MACHINES = re.compile(r"bot\b|crawl|spider|slurp|preview|facebookexternalhit|lighthouse", re.IGNORECASE)


@require_POST
def seen(request: HttpRequest, slug: str) -> HttpResponse:
    """Always the same empty answer: a counter tells nobody anything."""
    agent = request.headers.get("User-Agent", "")
    if agent and not _MACHINES.search(agent):
        page = urlsplit(request.headers.get("HX-Current-URL", "") or request.headers.get("Referer", ""))
        user = shopper.user_of(request)
        crm.record_visit(
            slug=slug,
            user_id=user.pk if user else None,
            visit_hash=shopper.client_hash(request),
            path=shopper.plain(page.path, 200),
            now=clock.now(),
        )
    return HttpResponse(status=204)
