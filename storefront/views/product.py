"""The product page: what it is, what it costs and why, when and where it can be had."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from oms import selectors as oms
from oms import unit_prices
from oms.models import Basket
from oms.pricing import PricedLine, Step
from oms.pricing import in_words as step_in_words
from oms.volume_prices import volume_prices
from oms.workflows import baskets
from retail.front import quick
from retail.front.formats import money_text, short_day_text
from retail.kernel import clock
from retail.kernel.records import record
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.states import ContributorRole
from storefront.views import areas, bundles, listing, product_rows, shelves, shopper, ways
from storefront.views import offers as offer_words
from storefront.views.machines import heads, pictures
from warehouse import selectors as warehouse
from warehouse.selectors.promise_rows import Live

REDUCED_DAYS = 60
STORES_NEARBY = 4
QUANTITY_MAX_SHOWN = 10


@record
class Reason:
    """One rule of the price, in words; `amount` is what it did."""

    is_applied: bool
    words: str


@record
class Offer:
    """A variant as it is sold here: its price after all rules, and why."""

    sku: str
    format_name: str
    price: Decimal | None
    list_price: Decimal | None
    lowest: Decimal | None
    percent_off: int
    is_chosen: bool
    url: str
    barcode: str
    is_digital: bool = False
    reasons: tuple[Reason, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ahead:
    """What can be ordered ahead: units of the next delivery, its day, and the day at the buyer's door."""

    units: int
    day: str
    when: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An add that was refused: what it said, and how many can be had."""

    words: str
    available: int = 0


@quick.for_strangers
@require_safe
def product(request: HttpRequest, slug: str, sku: str = "") -> HttpResponse:
    try:
        return show(request, slug, sku)
    except Http404:
        present = catalog.present_slug(slug)
        if present is None:
            raise
        args = [present, sku] if sku else [present]
        target = reverse("shop:variant" if sku else "shop:product", args=args)
        asked = request.META.get("QUERY_STRING", "")
        return HttpResponsePermanentRedirect(f"{target}?{asked}" if asked else target)


def show(
    request: HttpRequest, slug: str, sku: str = "", *, refused: Refused | None = None, status: int = 200
) -> HttpResponse:
    now = clock.now()
    basket = shopper.open_basket(request)
    code = _postcode(request, basket)
    channel, shown = _read(request, slug, sku, code, basket, now)
    page, chosen = shown.page, shown.page.chosen
    if chosen is None:
        raise Http404("no such edition")
    reading = shelves.Reading(today=clock.business_date(now), currency=channel.currency)
    reading.lowered = _lowered(channel, shown, now)
    quotes = _quotes(channel, shown, now)
    offers = _offers(channel, shown, chosen, quotes, now)
    offer = next(one for one in offers if one.is_chosen)
    promise = promise_of(channel, chosen.variant.pk, basket, offer.price, code, now, known=shown.live)
    authors = [c for c in page.contributors if c.role == ContributorRole.AUTHOR]
    crumbs = _crumbs(page)
    customer = shopper.customer_of(request) if chosen.variant.is_kit else None
    context = {
        "volumes": volume_prices(quotes[offer.sku]) if offer.sku in quotes else (),
        "bundle": bundles.bundle_of(
            chosen.variant,
            channel=channel,
            price=offer.price,
            now=now,
            customer_id=customer.pk if customer else None,
        ),
        "page": page,
        "language": shopper.language(),
        "product": page.product,
        "variant": chosen.variant,
        "offers": offers,
        "offer": offer,
        "authors": authors,
        "others": [
            (ContributorRole(c.role).label, c) for c in page.contributors if c.role != ContributorRole.AUTHOR
        ],
        "crumbs": crumbs,
        "canonical": quick.here("shop:product", page.product.slug),
        "head": _head(page, offers, authors, crumbs, promise, channel, now),
        "facts": _facts(page, chosen),
        "email": user.email if (user := shopper.user_of(request)) else "",
        "currency": channel.currency,
        "hold_minutes": channel.hold_minutes if channel.is_held_in_basket else 0,
        "related": [reading.book(card) for card in page.related],
        "is_together": page.is_together,
        "is_digital": chosen.variant.is_digital,
        "is_file": chosen.variant.is_digital,
        "quantities": range(1, max(1, min(_most(promise), QUANTITY_MAX_SHOWN)) + 1),
        "refused": render_to_string(
            "shop/parts/refused.html", {"refused": refused, "variant": chosen.variant}, request
        )
        if refused
        else "",
        **promise,
        "ways": [*promise["ways"], *_as_file(offers, chosen)],
    }
    return quick.page(request, "shop/product.html", context, status=status)


def _most(promise: dict[str, Any]) -> int:
    """Units that can be chosen: from the shelves, or of the delivery that can be ordered of."""
    ahead: Ahead | None = promise["ahead"]
    return ahead.units if ahead else int(promise["units"])


@require_POST
def postcode(request: HttpRequest) -> HttpResponse:
    """Remember where to; the basket promises for there too."""
    code = shopper.clean_postcode(request.POST.get("postal_code", ""))
    slug, sku = (shopper.plain(request.POST.get(name, ""), 200) for name in ("slug", "sku"))
    if code and (token := shopper.basket_token(request)):
        with suppress(baskets.BasketNotFound):  # ordered meanwhile; the cookie alone is enough
            baskets.set_postal_code(token=token, postal_code=code, now=clock.now())
    if request.headers.get("HX-Request") and slug:
        request.COOKIES[shopper.POSTCODE_COOKIE] = code or shopper.chosen_postcode(request)
        response = _promise_part(request, slug, sku)
    else:
        response = HttpResponseRedirect(_back(request))
    if code:
        shopper.remember_postcode(response, code)
    return response


def _promise_part(request: HttpRequest, slug: str, sku: str) -> HttpResponse:
    now, basket = clock.now(), shopper.open_basket(request)
    code = _postcode(request, basket)
    channel, shown = _read(request, slug, sku, code, basket, now)
    chosen = shown.page.chosen
    if chosen is None:
        raise Http404("no such edition")
    promise = promise_of(channel, chosen.variant.pk, basket, chosen.amount, code, now, known=shown.live)
    context = {
        "product": shown.page.product,
        "variant": chosen.variant,
        "is_file": chosen.variant.is_digital,
        **promise,
    }
    return HttpResponse(quick.part(request, "shop/parts/promise.html", context))


def _postcode(request: HttpRequest, basket: Basket | None) -> str:
    return ways.postcode_for(shopper.chosen_postcode(request), basket.postal_code if basket else "")


def _read(
    request: HttpRequest, slug: str, sku: str, postal_code: str, basket: Basket | None, now: datetime
) -> tuple[Channel, product_rows.ShownProduct]:
    """The channel is asked with the product; when its rows have changed it is read again, and the page with it."""
    customer = shopper.customer_of(request)

    def read_in(channel: Channel) -> product_rows.ShownProduct:
        shown = product_rows.read(
            slug=slug,
            sku=sku,
            channel=channel,
            now=now,
            postal_code=postal_code,
            basket_id=basket.pk if basket else None,
            customer_id=customer.pk if customer else None,
        )
        if shown is None or not shown.page.variants:
            raise Http404("no such product")
        return shown

    version, channel = shopper.kept_channel()
    shown = read_in(channel)
    if shown.page.channel_version != version:
        channel = shopper.channel()
        shown = read_in(channel)
    return channel, shown


def _back(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_ours else reverse("shop:home")


def promise_of(
    channel: Channel,
    variant_id: int,
    basket: Basket | None,
    price: Decimal | None,
    code: str,
    now: datetime,
    *,
    known: Live | None,
) -> dict[str, Any]:
    """The promise block and the stores nearby, from the same live rows."""
    found = warehouse.available_ways(
        variant_id=variant_id,
        channel_id=channel.pk,
        now=now,
        postal_code=code or None,
        basket_id=basket.pk if basket else None,
        goods_total=price,
        currency=channel.currency,
        pickups_max=STORES_NEARBY,
        known=known,
    )
    rows = ways.in_words(found.options, now) if price is not None else []
    return {
        "ways": rows,
        "is_orderable": any(row.is_orderable for row in rows),
        "ahead": _ahead(found) if price is not None else None,
        "postal_code": code,
        "units": sum(found.units.values()),
        "shelves": (nearby := _shelves(found, now)),
        "area": _area(nearby, found.here),
    }


def _ahead(found: warehouse.Availability) -> Ahead | None:
    """With nothing here: the delivery that can be ordered of, and when it would be at the door."""
    if found.coming is None or any(option.is_orderable for option in found.options):
        return None
    day = next((option.date for option in found.options if option.supply_on and option.date), None)
    if day is None:
        return None
    language = shopper.language()
    return Ahead(
        found.coming.units,
        short_day_text(found.coming.day, language),
        short_day_text(day, language),
    )


def _area(nearby: list[ways.Shelf], here: tuple[float | None, float | None]) -> str:
    shown = areas.area([(one.latitude, one.longitude) for one in nearby], here)
    empty = frozenset(number for number, one in enumerate(nearby, start=1) if not one.units)
    return areas.svg(shown, empty=empty) if shown else ""


def _shelves(found: warehouse.Availability, now: datetime) -> list[ways.Shelf]:
    """Pickup options come sorted by nearness; the units are those of the shelf at this moment."""
    shelves = [
        ways.Shelf(
            code=option.location.code,
            name=option.location.name,
            units=found.units.get(option.location.code, 0),
            distance_km=option.distance_km,
            hours=ways.hours_words(option.location.hours, now),
            latitude=option.location.latitude,
            longitude=option.location.longitude,
        )
        for option in found.options
        if option.location is not None and option.method == "STORE_PICKUP"
    ]
    return shelves[:STORES_NEARBY]


def _lowered(
    channel: Channel, shown: product_rows.ShownProduct, now: datetime
) -> dict[int, unit_prices.UnitPrice]:
    """What discounts make of the prices of the cards beside it."""
    listed = {
        card.variant_id: (card.sku, card.price) for card in shown.page.related if card.price is not None
    }
    lowered = unit_prices.lowered(shown.offers, shown.goods, channel=channel, listed=listed, now=now)
    return unit_prices.with_lowest(lowered, shown.past)


def _quotes(channel: Channel, shown: product_rows.ShownProduct, now: datetime) -> dict[str, oms.Quote]:
    """One unit of each variant by itself, by the one engine, for this shopper."""
    page = shown.page
    candidates = {each.variant.pk: each.candidates for each in page.variants}
    known = oms.Tariff(candidates, page.taxes, rates=(), goods=shown.goods)
    return {
        each.variant.sku: oms.quote(
            channel=channel,
            wanted=[oms.Wanted(each.variant.sku, each.variant, 1)],
            now=now,
            known=known,
            offers=shown.offers,
        )
        for each in page.variants
        if each.amount is not None
    }


def _offers(
    channel: Channel,
    shown: product_rows.ShownProduct,
    chosen: catalog.VariantOffer,
    quotes: dict[str, oms.Quote],
    now: datetime,
) -> list[Offer]:
    """Each variant as it is sold here."""
    page = shown.page
    lowest = _lowest_before(shown, quotes, now)
    is_only = len(page.variants) == 1
    offers = []
    for each in page.variants:
        quote = quotes.get(each.variant.sku)
        line = quote.priced.line(each.variant.sku) if quote else None
        is_chosen = each is chosen
        steps = quote.priced.steps_of(line.key) if quote and line and is_chosen else ()
        offers.append(
            Offer(
                sku=each.variant.sku,
                format_name=each.variant.format_name,
                price=line.total if line else None,
                list_price=line.list_total if line and line.discount_total else None,
                lowest=_shown_lowest(line, lowest.get(each.variant.pk)),
                percent_off=_percent_off(line),
                is_chosen=is_chosen,
                url=quick.here("shop:product", page.product.slug)
                if is_only
                else reverse("shop:variant", args=[page.product.slug, each.variant.sku]),
                barcode=each.variant.barcode,
                is_digital=each.variant.is_digital,
                reasons=_reasons(steps, channel.currency),
                hints=offer_words.hints_of(quote.priced, quote.offers) if quote and is_chosen else (),
            )
        )
    return offers


def _as_file(offers: list[Offer], chosen: catalog.VariantOffer) -> list[ways.Way]:
    """Beside the ways of goods: the same title at once, as a file."""
    file = next((one for one in offers if one.is_digital and one.price is not None), None)
    if file is None or chosen.variant.is_digital:
        return []
    return [ways.at_once(file.format_name, file.price)]


def _lowest_before(
    shown: product_rows.ShownProduct, quotes: dict[str, oms.Quote], now: datetime
) -> dict[int, Decimal]:
    """The lowest price before a reduction began: of a discount, or of a price list entry young enough to be one."""
    began: dict[int, datetime] = {}
    for each in shown.page.variants:
        quote = quotes.get(each.variant.sku)
        line = quote.priced.line(each.variant.sku) if quote else None
        starts = [
            candidate.valid_from
            for candidate in each.candidates
            if candidate.minimum_quantity == 1 and candidate.valid_from > now - timedelta(days=REDUCED_DAYS)
        ]
        if quote and line and line.discounts:
            starts.append(unit_prices.began_at(quote.offers, line))
        if starts:
            began[each.variant.pk] = max(starts)
    return catalog.lowest_of(shown.past, began)


def _shown_lowest(line: PricedLine | None, before: Decimal | None) -> Decimal | None:
    """Only when the price is reduced: the law asks for it then, and at other times it would only be noise."""
    if line is None:
        return None
    if line.discount_total:
        return min(before, line.unit_price) if before is not None else line.unit_price
    return before if before is not None and before > line.total else None


def _percent_off(line: PricedLine | None) -> int:
    if line is None or not line.discount_total or not line.list_total:
        return 0
    return int((line.discount_total * 100 / line.list_total).quantize(Decimal(1)))


def _reasons(steps: tuple[Step, ...], currency: str) -> tuple[Reason, ...]:
    language = shopper.language()

    def write(amount: Decimal) -> str:
        return money_text(amount, language, currency)

    return tuple(
        Reason(
            step.outcome == "APPLIED",
            step_in_words(step, language=language, currency=currency, money=write),
        )
        for step in steps
        if step.outcome != "FACT_MISSING"
    )


def _crumbs(page: catalog.ProductPage) -> list[tuple[str, str]]:
    language = shopper.language()
    crumbs = [(_("Home"), quick.here("shop:home"))]
    crumbs += [(node.title(language), quick.here("shop:category", node.path)) for node in page.crumbs]
    return [*crumbs, (page.product.title, "")]


def _head(
    page: catalog.ProductPage,
    offers: list[Offer],
    authors: list[catalog.Credit],
    crumbs: list[tuple[str, str]],
    promise: dict[str, Any],
    channel: Channel,
    now: datetime,
) -> str:
    """For search engines and shared links: what the page itself says, in their words."""
    product, path = page.product, quick.here("shop:product", page.product.slug)
    can_be_had = heads.availability(
        is_orderable=promise["is_orderable"],
        is_ahead=promise["ahead"] is not None,
        units=promise["units"],
        released_on=product.released_on,
        today=clock.business_date(now),
    )
    sold = [
        heads.Sold(
            each.variant,
            offer.url,
            offer.price,
            channel.currency,
            can_be_had if offer.is_chosen else None,
        )
        for each, offer in zip(page.variants, offers, strict=True)
    ]
    chosen = next(each for each, offer in zip(sold, offers, strict=True) if offer.is_chosen)
    names = [each.name for each in authors]
    words = pictures.Words(chosen.variant.sku, product.title, names[0] if names else product.brand)
    drawn = pictures.picture_url(words, "card")
    shown = heads.Shown(
        path=path,
        title=", ".join([product.title, *names[:1]]),
        description=product.description or product.subtitle,
        kind="book" if product.kind == "BOOK" else "product",
        image=drawn,
        pictures=tuple((heads.absolute(each.full), each.width, each.height) for each in page.pictures),
    )
    images = [url for url, _width, _height in shown.pictures] or [drawn]
    data = heads.product_data(product, authors=names, sold=sold, chosen=chosen, images=images, path=path)
    return heads.head(shown, data, heads.crumbs_data(crumbs, path))


def _facts(page: catalog.ProductPage, chosen: catalog.VariantOffer) -> list[tuple[str, str]]:
    """What the catalog knows of it, each only when it is known."""
    product, variant = page.product, chosen.variant
    attributes = product.attributes
    size = " × ".join(str(n) for n in (variant.width_mm, variant.height_mm, variant.length_mm) if n)
    facts = [
        ("ISBN" if variant.barcode.startswith(("978", "979")) else _("Barcode"), variant.barcode),
        (_("Pages"), str(attributes.get("pages") or "")),
        (_("Pieces"), str(attributes.get("pieces") or "")),
        (_("Language"), listing.language_name(product.language) if product.language else ""),
        (_("Publisher or brand"), product.brand),
        (_("Size"), f"{size} mm" if size else ""),
        (_("Weight"), f"{variant.weight_grams} g" if variant.weight_grams else ""),
        (_("Edition"), str(product.released_on.year) if product.released_on else ""),
        ("SKU", variant.sku if variant.sku != variant.barcode else ""),
    ]
    return [(title, value) for title, value in facts if value]
