"""Sitemaps: an index, one file of what stands still, and files of products by ranges of their numbers.

A range is one statement over the primary key, read in pieces, so a file costs the same in a shop of any size. Each address stands
once per language, with the others named beside it: ten thousand products in three languages are thirty thousand addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_safe

from retail.front.templatetags.front import lang_code
from storefront import selectors as catalog
from storefront.models import Category, Product
from storefront.states import ProductStatus
from storefront.views.machines.heads import absolute

Pictures = tuple[catalog.Picture, ...]
AnyAnswer = TypeVar("AnyAnswer", HttpResponse, StreamingHttpResponse)
PRODUCTS_A_FILE = 10_000
PIECE = 1_000
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
# Pages that a search engine may show; the rest belongs to one person or to one question.
_STILL = ("shop:home", "shop:search", "shop:stores", "shop:help")
_PRIVATE = ("basket", "checkout", "account", "accounts", "order", "ops", "scan", "search/suggestions")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    prefixes = ["", *(f"{code}/" for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE)]
    lines = ["User-agent: *"]
    lines += [f"Disallow: /{prefix}{page}/" for prefix in prefixes for page in _PRIVATE]
    lines += ["Disallow: /admin/", "Disallow: /cms/", "Disallow: /api/", ""]
    lines.append(f"Sitemap: {absolute(reverse('machines:sitemap'))}")
    return _kept(HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8"))


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every file with the newest change in it, in one statement."""
    files: list[tuple[str, datetime | None]] = [(reverse("machines:sitemap_pages"), None)]
    files += [(reverse("machines:sitemap_products", args=[number]), at) for number, at in _ranges()]
    parts = [f"<sitemap><loc>{escape(absolute(url))}</loc>{_changed(at)}</sitemap>" for url, at in files]
    text = f"{_HEAD}<sitemapindex {_SPACES}>{''.join(parts)}</sitemapindex>"
    return _kept(HttpResponse(text, content_type="application/xml"))


@require_safe
def pages(request: HttpRequest) -> StreamingHttpResponse:
    """What stands still, and the tree."""
    paths = Category.objects.filter(products__status=ProductStatus.PUBLISHED).order_by("path")
    places = [("shop:category", path) for path in paths.values_list("path", flat=True).distinct()]
    saved = [("shop:collection", each.slug) for each in catalog.shown_collections()]
    return _file((name, slug, None, ()) for name, slug in [*((name, "") for name in _STILL), *places, *saved])


@require_safe
def products(request: HttpRequest, number: int) -> StreamingHttpResponse:
    if number not in dict(_ranges()):
        raise Http404("no such file")
    return _file(("shop:product", *each) for each in _products(number))


def _ranges() -> list[tuple[int, datetime]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id / %s AS number, max(updated_at) FROM storefront_product WHERE status = 'PUBLISHED' GROUP BY 1 ORDER BY 1",
            [PRODUCTS_A_FILE],
        )
        return [(int(number), at) for number, at in cursor.fetchall()]


def _products(number: int) -> Iterator[tuple[str, datetime, Pictures]]:
    last, end = number * PRODUCTS_A_FILE - 1, (number + 1) * PRODUCTS_A_FILE
    while True:
        rows = list(
            Product.objects.filter(status=ProductStatus.PUBLISHED, pk__gt=last, pk__lt=end)
            .order_by("pk")
            .values_list("pk", "slug", "updated_at")[:PIECE]
        )
        pictures = catalog.pictures_of(pk for pk, _, _ in rows)
        yield from ((slug, at, pictures.get(pk, ())) for pk, slug, at in rows)
        if len(rows) < PIECE:
            return
        last = rows[-1][0]


def _file(entries: Iterable[tuple[str, str, datetime | None, Pictures]]) -> StreamingHttpResponse:
    return _kept(StreamingHttpResponse(_written(entries), content_type="application/xml"))


def _written(entries: Iterable[tuple[str, str, datetime | None, Pictures]]) -> Iterator[str]:
    yield f"{_HEAD}<urlset {_SPACES}>"
    around = {name: _around(name) for name in (*_STILL, "shop:category", "shop:collection", "shop:product")}
    piece: list[str] = []
    for name, slug, at, pictures in entries:
        addresses = [(lang, f"{before}{slug}{after}") for lang, before, after in around[name]]
        piece.append(_entry(addresses, at, pictures))
        if len(piece) >= PIECE:
            yield "".join(piece)
            piece = []
    yield "".join(piece) + "</urlset>"


def _around(name: str) -> list[tuple[str, str, str]]:
    """The address in each language, before and after its slug; slugs need no quoting."""
    found = []
    for code, _ in settings.LANGUAGES:
        with translation.override(code):
            url = reverse(name, args=[] if name in _STILL else ["slot0"])
        before, _, after = absolute(url).partition("slot0")
        found.append((lang_code(code), before, after))
    return found


def _entry(addresses: list[tuple[str, str]], at: datetime | None, pictures: Pictures) -> str:
    others = [*addresses, ("x-default", addresses[0][1])]
    named = "".join(
        f'<xhtml:link rel="alternate" hreflang="{lang}" href={quoteattr(url)}/>' for lang, url in others
    )
    shown = "".join(
        f"<image:image><image:loc>{escape(absolute(each.full))}</image:loc></image:image>"
        for each in pictures
    )
    return "".join(f"<url><loc>{escape(url)}</loc>{_changed(at)}{named}{shown}</url>" for _, url in addresses)


def _changed(at: datetime | None) -> str:
    return f"<lastmod>{at.replace(microsecond=0).isoformat()}</lastmod>" if at else ""


def _kept(answer: AnyAnswer) -> AnyAnswer:
    answer["Cache-Control"] = "public, max-age=3600"
    return answer
