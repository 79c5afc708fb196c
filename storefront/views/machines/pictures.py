"""Drawn covers as PNG: what apps show beside a shared link, and what product feeds ask for. They take no SVG."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import typst
from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from retail.front.cover_art import cover_svg, printable, shortened
from storefront.models import Contribution, Variant
from storefront.states import ContributorRole, ProductStatus
from storefront.views.machines.heads import absolute

TEMPLATES = Path(__file__).parent / "templates"
KEPT_SECONDS = 24 * 3600
YEAR = 365 * 24 * 3600
# Changes when the drawing itself does, so that no reader keeps the old one.
DRAWING = "1"
FORMS = ("card", "cover")


@dataclass(frozen=True, slots=True)
class Words:
    """What is written on the picture."""

    sku: str
    title: str
    author: str

    def version(self, form: str) -> str:
        """The content's hash: the name under which the picture is kept, here and outside."""
        content = "\n".join((DRAWING, form, self.sku, self.title, self.author))
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def picture_url(words: Words, form: str) -> str:
    """One address in every language: the words on a cover are the book's own."""
    before, after = _around(form)
    return f"{absolute(before)}{quote(words.sku)}{after}?v={words.version(form)}"


@lru_cache(maxsize=8)
def _around(form: str) -> tuple[str, str]:
    before, _, after = reverse("machines:picture", args=[form, "slot0"]).partition("slot0")
    return before, after


@require_safe
def picture(request: HttpRequest, form: str, sku: str) -> HttpResponse:
    words = _words_of(sku)
    if words is None or form not in FORMS:
        raise Http404("no such picture")
    version = words.version(form)
    answer = HttpResponse(_kept(words, form, version), content_type="image/png")
    is_exact = request.GET.get("v") == version
    answer["Cache-Control"] = f"public, max-age={YEAR}, immutable" if is_exact else "public, max-age=3600"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _words_of(sku: str) -> Words | None:
    published = Variant.objects.filter(product__status=ProductStatus.PUBLISHED).select_related("product")
    variant = published.filter(sku=sku).first()
    if variant is None:
        return None
    author = (
        Contribution.objects.filter(product_id=variant.product_id, role=ContributorRole.AUTHOR)
        .order_by("position")
        .values_list("contributor__name", flat=True)
        .first()
    )
    return Words(variant.sku, variant.product.title, author or variant.product.brand)


def _kept(words: Words, form: str, version: str) -> bytes:
    key = f"shop:picture:{version}"
    known: bytes | None = cache.get(key)
    if known is None:
        known = draw(words, form)
        cache.set(key, known, KEPT_SECONDS)
    return known


def draw(words: Words, form: str) -> bytes:
    """The PNG; the same words give the same bytes on every machine, since only the typesetter's own fonts are used."""
    said = {
        "cover": cover_svg(words.sku, words.title, words.author),
        "title": shortened(printable(words.title), 110),
        "author": shortened(printable(words.author), 60),
        "shop": str(getattr(settings, "RETAILER_NAME", "Prelist")).lower(),
    }
    made = typst.compile(
        TEMPLATES / f"{form}.typ",
        root=TEMPLATES,
        format="png",
        ppi=72.0,
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(said, ensure_ascii=False)},
    )
    assert isinstance(made, bytes), "one page"
    return made
