"""The shop as an installed app: its manifest, the page that is shown without a connection, and the worker that shows it.

The worker keeps that one page and its styles, nothing else: a page with a price or a stock always comes from the shop.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from retail.front.templatetags.front import lang_code
from storefront.views import shopper
from storefront.views.machines.heads import retailer

INK, PAPER = "#2a0f26", "#ffffff"
ICONS = ("192", "512")


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    icons = [
        {
            "src": staticfiles_storage.url(f"front/mark-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
        }
        for size in ICONS
    ]
    answer = JsonResponse(
        {
            "name": retailer(),
            "short_name": retailer(),
            "description": _(
                "See the day it reaches you and the store that has it before you buy: courier, pickup in a store, returns."
            ),
            "lang": lang_code(shopper.language()),
            "id": "/",
            "start_url": reverse("shop:home"),
            "scope": "/",
            "display": "minimal-ui",
            "background_color": PAPER,
            "theme_color": INK,
            "icons": icons,
        },
        json_dumps_params={"ensure_ascii": False},
        content_type="application/manifest+json",
    )
    answer["Cache-Control"] = "public, max-age=3600"
    return answer


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What is shown without a connection; nothing of a person, a price or a stock stands on it."""
    return render(request, "shop/offline.html")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker at the root, where it may stand before every page."""
    found = (
        finders.find("front/worker.js") if settings.IS_LOCAL else staticfiles_storage.path("front/worker.js")
    )
    assert isinstance(found, str), "the file is part of the front"
    with open(found, encoding="utf-8") as file:  # noqa: PTH123 - a storage answers with a text path
        answer = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer
