"""Lists of products: a branch of the tree, or what was searched for; every choice stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from babel.core import Locale, UnknownLocaleError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from retail.front import quick
from retail.front.formats import locale_of, money_text, short_day_text
from retail.kernel import clock
from retail.kernel.identifiers import parse_barcode
from retail.kernel.script import to_cyrillic
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.rules import said_language
from storefront.views import having, nothing, shelves, shopper
from storefront.views.machines import heads

TEXT_MAX = 120
VALUES_MAX = 20
AMOUNT_MAX = Decimal(9999999)


@dataclass(frozen=True, slots=True)
class Choice:
    """One box of a facet: what goes into the address, what people read, how many products would remain."""

    value: str
    words: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A facet in words. `key` is its name in the address."""

    key: str
    title: str
    choices: tuple[Choice, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Picked:
    """A chosen filter with the address that takes it off."""

    words: str
    url: str


class Numbered(Paginator):  # type: ignore[type-arg]
    """Page numbers for what is known to be reachable: counts nothing again."""

    def __init__(self, total: int, page_size: int) -> None:
        super().__init__(range(total), page_size)


@quick.for_strangers
@require_safe
def category(request: HttpRequest, path: str) -> HttpResponse:
    version, channel = shopper.kept_channel()
    branch = catalog.category_by_path(path, channel=channel.code)
    if branch is None:
        raise Http404("no such category")
    if branch.channel_version != version:
        channel = shopper.channel()
    if branch.node.path != path:
        return HttpResponsePermanentRedirect(reverse("shop:category", args=[branch.node.path]))
    language = shopper.language()
    crumbs = [(_("Home"), quick.here("shop:home"))]
    crumbs += [(node.title(language), quick.here("shop:category", node.path)) for node in branch.crumbs]
    query = replace(query_of(request.GET), category_id=branch.node.id)
    return _page(
        request, channel, query, {"title": branch.node.title(language), "crumbs": crumbs, "query": ""}
    )


@require_safe
def collection(request: HttpRequest, slug: str) -> HttpResponse:
    """A saved listing; the visitor may narrow it further, and sort it."""
    channel = shopper.channel()
    saved = catalog.shown_collection(slug)
    if saved is None:
        raise Http404("no such collection")
    asked = QueryDict(saved.filters, mutable=True)
    for name, values in request.GET.lists():
        asked.setlist(name, values)
    query = replace(
        query_of(asked), category_id=saved.category_id, text=shopper.plain(asked.get("words", ""), TEXT_MAX)
    )
    title = saved.title(shopper.language())
    crumbs = [(_("Home"), quick.here("shop:home")), (title, "")]
    return _page(
        request, channel, query, {"title": title, "crumbs": crumbs, "query": "", "lead": saved.description}
    )


@quick.for_strangers
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Words, an author, an ISBN; without words the whole catalog. A typed ISBN opens its book at once."""
    version, channel = shopper.kept_channel()
    text = shopper.plain(request.GET.get("q", ""), TEXT_MAX)
    if target := _direct_hit(text) or _in_a_language(request.GET, text):
        return HttpResponse(status=302, headers={"Location": target})
    query = replace(query_of(request.GET), text=text)
    title = _("Results for “%(text)s”") % {"text": text} if text else _("All titles")
    crumbs = [(_("Home"), quick.here("shop:home")), (_("Search") if text else _("All titles"), "")]
    return _page(request, channel, query, {"title": title, "crumbs": crumbs, "query": text}, version)


def _direct_hit(text: str) -> str:
    """Where a typed ISBN, barcode or SKU leads; words without a digit are not looked up as codes."""
    if not parse_barcode(text) and (" " in text or not any(sign.isdigit() for sign in text)):
        return ""
    variant = catalog.variant_by_code(text)
    if variant is None or not variant.is_sellable or variant.product.status != "PUBLISHED":
        return ""
    return reverse("shop:product", args=[variant.product.slug])


def _in_a_language(given: QueryDict, text: str) -> str:
    """ "dostojevski na srpskom" is a search for the rest with the language chosen: a filter that can be taken off."""
    rest, code = said_language(text)
    if not rest:
        return ""
    asked = given.copy()
    asked["q"] = rest
    asked.setlist("language", [*dict.fromkeys([*given.getlist("language"), code])])
    return f"{reverse('shop:search')}?{asked.urlencode()}"


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """The list below the search field while typing: a page of links without script, options of the field with it."""
    text = shopper.plain(request.GET.get("q", ""), TEXT_MAX)
    found = catalog.suggest(text, now=clock.now(), language=shopper.language()) if len(text) > 1 else ()
    context = {"suggestions": [_suggestion(one) for one in found], "text": text}
    answer = render(request, "shop/parts/suggestions.html", context)
    answer["X-Robots-Tag"] = "noindex"
    return answer


def query_of(given: QueryDict) -> catalog.ListingQuery:
    """What the address asks for; what cannot be understood is left out, so an old link never breaks."""
    price_from, price_to = _band(given)
    return catalog.ListingQuery(
        authors=_values(given, "author"),
        brands=_values(given, "brand"),
        languages=_values(given, "language"),
        formats=_values(given, "format"),
        price_from=price_from,
        price_to=price_to,
        rating_from=Decimal(4) if given.get("rating") == "4" else None,
        is_available="1" in given.getlist("available"),
        is_ahead="ahead" in given.getlist("available"),
        sort=given.get("sort", "")[:20],
        page=_whole(given.get("page", "")),
    )


def _page(
    request: HttpRequest,
    channel: Channel,
    query: catalog.ListingQuery,
    words: dict[str, Any],
    version: str | None = None,
) -> HttpResponse:
    """`version` is that of a channel which the process has kept: when the cards' statement knows another, the channel is read again."""
    now = clock.now()
    wish = having.asked(request, channel, now)
    shelf = shelves.Shelf(request, channel, now)
    found = catalog.listing(replace(query, had=wish.had), channel.price_list_id, now, read_cards=shelf.cards)
    if version is not None and shelf.version != version:
        return _page(request, shopper.channel(), query, words)
    reading = shelf.found
    context = {
        "lead": "",
        **words,
        "listing": found,
        "books": [reading.book(card) for card in found.cards],
        "departments": shelves.departments_of(found),
        "filters": _filters(found),
        "having": wish,
        "picked": [
            *(Picked(words, _without(request.GET, name, "", also)) for words, name, also in wish.picked),
            *_picked(request.GET, found, channel.currency),
        ],
        "sorts": _sorts(found),
        "page": Numbered(found.reach, found.query.page_size).get_page(found.page),
        "path": request.path,
        "price_from": _plain(query.price_from),
        "price_to": _plain(query.price_to),
        "instead": None if found.cards else nothing.instead(request, channel, query, now, wish.picked),
        "canonical": _own_address(request, found),
    }
    is_part = request.headers.get("HX-Target") == "results"
    if not is_part:
        context["head"] = _head(context)
    response = (
        HttpResponse(quick.part(request, "shop/parts/results.html", context))
        if is_part
        else quick.page(request, "shop/listing.html", context)
    )
    response["Vary"] = "HX-Target"
    having.remember(request, response)
    return response


def _own_address(request: HttpRequest, found: catalog.Listing) -> str:
    """Filters and sorts show the same list again: its one address has only the words and the page."""
    kept = {
        "q": found.query.text,
        "page": str(found.page)
        if found.page > 1 and not found.query.had and not _picked(request.GET, found, "")
        else "",
    }
    asked = urlencode({name: value for name, value in kept.items() if value})
    return f"{request.path}?{asked}" if asked else request.path


def _head(context: Mapping[str, Any]) -> str:
    path = context["canonical"]
    shown = heads.Shown(
        path=path,
        title=context["title"],
        description=_("%(title)s: prices, the day of delivery, and the stores that have it.")
        % {"title": context["title"]},
    )
    crumbs = heads.crumbs_data(context["crumbs"], path)
    return heads.head(shown, crumbs, heads.list_data(book.url for book in context["books"]))


# ------------------------------------------------------------------ facets in words
def _filters(found: catalog.Listing) -> list[Filter]:
    titles = {
        "available": _("When and where"),
        "format": _("Format"),
        "author": _("Author"),
        "brand": _("Publisher or brand"),
        "language": _("Language"),
        "rating": _("Readers' rating"),
    }
    filters = []
    for name, title in titles.items():
        facet = found.facets.get(name)
        if facet is None or not facet.values:
            continue
        choices = tuple(Choice(v.value, label_of(name, v.label), v.count, v.is_chosen) for v in facet.values)
        is_open = name in ("available", "format", "author") or any(choice.is_chosen for choice in choices)
        filters.append(Filter(name, title, choices, is_open))
    return filters


def label_of(name: str, label: str) -> str:
    if name == "available":
        return _("Can be ordered ahead") if label == "ahead" else _("Can be had now")
    if name == "rating":
        return _("4 and more")
    if name == "language":
        return language_name(label)
    return to_cyrillic(label) if name == "format" and shopper.language() == "sr-cyrl" else label


def language_name(code: str) -> str:
    """The name of a book's language in the reader's language; the code where nobody knows it."""
    return _language_name(code, shopper.language())


@lru_cache(maxsize=1024)
def _language_name(code: str, language: str) -> str:
    try:
        Locale.parse(code.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return code
    name = locale_of(language).languages.get(code.split("-")[0].split("_")[0])
    return f"{name[:1].upper()}{name[1:]}" if name else code


def _picked(given: QueryDict, found: catalog.Listing, currency: str) -> list[Picked]:
    picked = [
        Picked(label_of(name, value.label), _without(given, name, value.value))
        for name in ("available", "format", "author", "brand", "language", "rating")
        for value in (found.facets[name].values if name in found.facets else ())
        if value.is_chosen
    ]
    low, high = found.query.price_from, found.query.price_to
    if low is not None or high is not None:
        picked.append(
            Picked(_price_words(low, high, currency), _without(given, "price_from", "", "price_to"))
        )
    return picked


def _price_words(low: Decimal | None, high: Decimal | None, currency: str) -> str:
    language = shopper.language()
    amounts = {
        "low": money_text(low, language, "" if high is not None else currency),
        "high": money_text(high, language, currency),
    }
    if low is None:
        return _("up to %(high)s") % amounts
    if high is None:
        return _("from %(low)s") % amounts
    return _("%(low)s to %(high)s") % amounts


def _without(given: QueryDict, name: str, value: str, also: str = "") -> str:
    rest = given.copy()
    kept = [one for one in rest.getlist(name) if one != value] if value else []
    rest.setlist(name, kept)
    for key in (also, "page"):
        rest.pop(key, None)
    return f"?{rest.urlencode()}" if rest.urlencode() else "?"


def _sorts(found: catalog.Listing) -> list[tuple[str, str, bool]]:
    words = {
        "popular": _("Most read"),
        "newest": _("Newest"),
        "price_asc": _("Price, lowest first"),
        "price_desc": _("Price, highest first"),
        "rating": _("Best rated"),
        "title": pgettext("sort", "By title"),
    }
    if found.query.text:
        words = {"relevance": _("Best match"), **words}
    return [(code, text, code == found.query.sort) for code, text in words.items()]


def _suggestion(one: catalog.Suggestion) -> dict[str, str]:
    url = {
        "product": lambda: reverse("shop:product", args=[one.key]),
        "category": lambda: reverse("shop:category", args=[one.key]),
    }.get(one.kind, lambda: f"{reverse('shop:search')}?author={one.key}")()
    icons = {"product": "book", "author": "user", "category": "list"}
    notes = {"author": _("Author"), "category": _("Department")}
    return {
        "title": one.title,
        "url": url,
        "icon": icons[one.kind],
        "note": _noted(one) if one.kind == "product" else notes[one.kind],
    }


def _noted(one: catalog.Suggestion) -> str:
    """The author, and of what cannot be had now but ordered ahead the day on which it comes."""
    if one.coming_on is None:
        return one.note
    day = short_day_text(one.coming_on, shopper.language())
    return " · ".join(filter(None, [one.note, _("Pre-order, arrives %(day)s") % {"day": day}]))


# ------------------------------------------------------------------ what the address says
def _values(given: QueryDict, name: str) -> tuple[str, ...]:
    values = (shopper.plain(value, 200) for value in given.getlist(name))
    return tuple(dict.fromkeys(value for value in values if value))[:VALUES_MAX]


def _whole(text: str) -> int:
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _band(given: QueryDict) -> tuple[Decimal | None, Decimal | None]:
    low, high = _amount(given.get("price_from", "")), _amount(given.get("price_to", ""))
    return (high, low) if low is not None and high is not None and low > high else (low, high)


def _amount(text: str) -> Decimal | None:
    """An amount as people type it: `1.500`, `1 500`, `1500,50`."""
    bare = text.strip().replace("\u00a0", "").replace(" ", "")
    if "," in bare or bare.count(".") > 1 or (bare.count(".") == 1 and len(bare.split(".")[1]) == 3):
        bare = bare.replace(".", "").replace(",", ".")
    try:
        amount = Decimal(bare)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= AMOUNT_MAX else None


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount.normalize():f}"
