"""Views of a campaign's pages, told by the browser itself after the page is shown."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from crm.operations import record_visit
from retail.kernel import clock
from retail.kernel.clock import business_date
from storefront.views import shopper


@csrf_exempt  # a beacon carries no token, and nothing but one bounded count comes of it
@require_POST
def visit(request: HttpRequest, slug: str) -> HttpResponse:
    """The visitor is a digest of the day: nobody is followed from one day to the next."""
    now = clock.now()
    seen = f"{shopper.client_hash(request)}|{business_date(now)}|{slug}"
    record_visit(slug=slug, visit_hash=hashlib.sha256(seen.encode()).hexdigest(), path=f"/{slug}/", now=now)
    return HttpResponse(status=204)
