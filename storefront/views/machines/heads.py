"""The head of a page for programs: its one address, what a shared link shows, and structured data equal to the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from markupsafe import escape

from retail.front import quick
from retail.front.templatetags.front import lang_code
from retail.kernel.script import to_cyrillic
from storefront.models import Product, Variant
from storefront.states import ProductKind

CONTEXT = "https://schema.org"
DESCRIPTION_MAX = 300
LOCALES = {"sr-latn": "sr_RS@latin", "sr-cyrl": "sr_RS", "en": "en_US"}
# What a closing tag or an old reader could mistake inside a data block.
_SAFE = tuple((sign, f"\\u{ord(sign):04x}") for sign in "<>&\u2028\u2029")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# Words of the formats that we sell → schema.org's BookFormatType; what is not here is left out.
_BOOK_FORMATS = (
    ("tvrd", "Hardcover"),
    ("hard", "Hardcover"),
    ("mek", "Paperback"),
    ("broš", "Paperback"),
    ("paper", "Paperback"),
    ("audio", "AudiobookFormat"),
    ("e-knj", "EBook"),
    ("e-book", "EBook"),
    ("epub", "EBook"),
    ("pdf", "EBook"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is about. `path` is its one address without the host; `image` an absolute address of a PNG, shown when there are no
    `pictures` (address, width, height).
    """

    path: str
    title: str
    description: str = ""
    kind: str = "website"
    image: str = ""
    pictures: tuple[tuple[str, int, int], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sold:
    """An edition as the page sells it. `availability` is None for those whose stock this page did not ask."""

    variant: Variant
    url: str
    price: Decimal | None
    currency: str
    availability: str | None


def absolute(path: str) -> str:
    return path if path.startswith(("http://", "https://")) else f"{settings.BASE_URL}{path}"


def retailer() -> str:
    name = str(getattr(settings, "RETAILER_NAME", "Prelist"))
    return to_cyrillic(name) if translation.get_language() == "sr-cyrl" else name


def head(shown: Shown, *data: Mapping[str, Any]) -> SafeString:
    """The tags for the head of a page, and its structured data."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    properties = [
        ("og:site_name", retailer()),
        ("og:type", shown.kind),
        ("og:title", shown.title),
        ("og:description", " ".join(shown.description.split())[:DESCRIPTION_MAX]),
        ("og:url", absolute(shown.path)),
        ("og:locale", LOCALES.get(language, language).partition("@")[0]),
        *_images(shown),
        *shown.facts,
    ]
    tags = "".join(
        [f'<meta property="{name}" content="{escape(value)}">' for name, value in properties if value]
    )
    card = "summary_large_image" if shown.image and not shown.pictures else "summary"
    return mark_safe(  # noqa: S308 - each value is escaped, `block` escapes its own
        f'<link rel="canonical" href="{escape(absolute(shown.path))}">{tags}'
        f'<meta name="twitter:card" content="{card}">{"".join(map(block, data))}'
    )


def _images(shown: Shown) -> list[tuple[str, str]]:
    found = [(url, "image/jpeg", width, height) for url, width, height in shown.pictures]
    if not found and shown.image:
        found = [(shown.image, "image/png", 1200, 630)]
    return [
        pair
        for url, kind, width, height in found
        for pair in (
            ("og:image", url),
            ("og:image:type", kind),
            ("og:image:width", str(width)),
            ("og:image:height", str(height)),
            ("og:image:alt", shown.title),
        )
    ]


def block(data: Mapping[str, Any]) -> SafeString:
    """A data block of the page: no script, so the content policy has nothing against it."""
    text = _ENCODER.encode({"@context": CONTEXT, **data})
    for sign, escaped in _SAFE:
        if sign in text:
            text = text.replace(sign, escaped)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308


# ------------------------------------------------------------------ what a page is
def shop_data() -> dict[str, Any]:
    home = absolute(reverse("shop:home"))
    search = f"{absolute(reverse('shop:search'))}?q={{words}}"
    return {
        "@graph": [
            {
                "@type": "WebSite",
                "@id": f"{home}#site",
                "url": home,
                "name": retailer(),
                "inLanguage": lang_code(translation.get_language() or settings.LANGUAGE_CODE),
                "publisher": {"@id": f"{home}#shop"},
                "potentialAction": {
                    "@type": "SearchAction",
                    "target": {"@type": "EntryPoint", "urlTemplate": search},
                    "query-input": "required name=words",
                },
            },
            {
                "@type": "OnlineStore",
                "@id": f"{home}#shop",
                "url": home,
                "name": retailer(),
                "logo": absolute(f"{settings.STATIC_URL}front/mark-512.png"),
            },
        ]
    }


def crumbs_data(crumbs: Sequence[tuple[str, str]], path: str) -> dict[str, Any]:
    """The way to the page; the last one is the page itself."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": title, "item": absolute(url or path)}
            for place, (title, url) in enumerate(crumbs, 1)
        ],
    }


def list_data(urls: Iterable[str]) -> dict[str, Any]:
    return {
        "@type": "ItemList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "url": absolute(url)}
            for place, url in enumerate(urls, 1)
        ],
    }


def product_data(
    product: Product,
    *,
    authors: Sequence[str],
    sold: Sequence[Sold],
    chosen: Sold,
    images: Sequence[str],
    path: str,
) -> dict[str, Any]:
    """The product as the page shows it: the same prices, and availability of the edition whose stock was asked."""
    is_book = product.kind == ProductKind.BOOK
    variant = chosen.variant
    data: dict[str, Any] = {
        "@type": ["Product", "Book"] if is_book else "Product",
        "@id": f"{absolute(path)}#product",
        "url": absolute(path),
        "name": product.title,
        "alternateName": product.subtitle,
        "description": product.description,
        "image": list(images),
        "sku": variant.sku,
        "brand": {"@type": "Brand", "name": product.brand} if product.brand else None,
        "weight": _weight(variant),
        "offers": [_offer(each) for each in sold if each.price is not None],
    }
    if len(variant.barcode) in (8, 13, 14):
        data[f"gtin{len(variant.barcode)}"] = variant.barcode
    if is_book:
        data |= _book(product, variant, authors)
    if product.rating is not None and product.rating_count:
        data["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": f"{product.rating:.1f}",
            "ratingCount": product.rating_count,
            "bestRating": "5",
            "worstRating": "1",
        }
    return {name: value for name, value in data.items() if value not in ("", None, [])}


def _book(product: Product, variant: Variant, authors: Sequence[str]) -> dict[str, Any]:
    pages = product.attributes.get("pages")
    return {
        "author": [{"@type": "Person", "name": name} for name in authors],
        "isbn": variant.barcode if variant.barcode.startswith(("978", "979")) else "",
        "bookFormat": f"{CONTEXT}/EBook" if variant.is_digital else book_format(variant.format_name),
        "inLanguage": product.language,
        "numberOfPages": pages if isinstance(pages, int) else None,
        "publisher": {"@type": "Organization", "name": product.brand} if product.brand else None,
        "datePublished": _day(product.released_on),
    }


def book_format(name: str) -> str:
    lowered = name.lower()
    found = next((kind for start, kind in _BOOK_FORMATS if lowered.startswith(start)), "")
    return f"{CONTEXT}/{found}" if found else ""


def _offer(sold: Sold) -> dict[str, Any]:
    offer = {
        "@type": "Offer",
        "url": absolute(sold.url),
        "sku": sold.variant.sku,
        "price": f"{sold.price:.2f}",
        "priceCurrency": sold.currency,
        "itemCondition": f"{CONTEXT}/NewCondition",
        "seller": {"@id": f"{absolute(quick.here('shop:home'))}#shop"},
    }
    return offer | ({"availability": f"{CONTEXT}/{sold.availability}"} if sold.availability else {})


def _weight(variant: Variant) -> dict[str, Any] | None:
    if not variant.weight_grams:
        return None
    return {"@type": "QuantitativeValue", "value": variant.weight_grams, "unitCode": "GRM"}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def availability(
    *, is_orderable: bool, is_ahead: bool = False, units: int, released_on: date | None, today: date
) -> str:
    """In schema.org's words: on the shelf, promised from dated supply, or not to be had."""
    if is_ahead:
        return "PreOrder"
    if not is_orderable:
        return "OutOfStock"
    if units > 0:
        return "InStock"
    return "PreOrder" if released_on is not None and released_on > today else "BackOrder"
