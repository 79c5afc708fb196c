"""The basket: held stock with its time, every problem with a way out, each change in its place."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from oms.models import BasketLine, Order
from oms.pricing import PricedLine
from oms.rules import RateRow
from oms.states import DeliveryKind
from oms.workflows import basket_sharing, baskets
from oms.workflows.tenders import tenders_of
from retail.front.formats import money_text
from retail.front.toasts import toast, toast_with
from retail.kernel import clock
from retail.kernel.errors import Refusal
from retail.kernel.money import ZERO, allocate, tax_in_gross
from storefront import selectors as catalog
from storefront.views import aside, frame, offers, product, shelves, shopper, tenders, ways
from warehouse import operations as stock
from warehouse import selectors as warehouse

INSTEAD = 6


@dataclass(frozen=True, slots=True)
class Remedy:
    """A way out of a problem: one button that posts one thing."""

    words: str
    url: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem of one line in words."""

    code: str
    title: str
    words: str
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line as the page shows it."""

    line: BasketLine
    key: str
    url: str
    authors: str
    priced: PricedLine | None
    troubles: tuple[Trouble, ...]
    # Ordered ahead: the day on which its units are to reach us.
    awaited_on: date | None = None

    @property
    def total(self) -> Decimal | None:
        return self.priced.total if self.priced else None


@dataclass(frozen=True, slots=True)
class Sums:
    """What the side column adds up."""

    goods_list: Decimal
    saved: Decimal
    delivery: Decimal | None
    total: Decimal
    tax: Decimal
    currency: str
    free_from: Decimal | None
    to_free: Decimal | None


@require_GET
@never_cache
def basket(request: HttpRequest) -> HttpResponse:
    return show(request)


@require_POST
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Put units in and hold them. A refusal comes back in its place, with how many can be had."""
    sku = shopper.plain(request.POST.get("sku", ""), 40)
    now = clock.now()
    try:
        quantity = whole(request.POST.get("quantity", "1"))
        is_preorder = request.POST.get("preorder") == "1"
        line = shopper.put_in(request, sku=sku, quantity=quantity, now=now, is_preorder=is_preorder)
    except Refusal as refusal:
        return _refused_add(request, sku, refusal)
    if request.headers.get("HX-Request"):
        request.shop_basket_count = frame.count_units(line.basket.token)  # type: ignore[attr-defined]
        held = warehouse.hold_expiry(basket_id=line.basket_id)
        response = render(request, "shop/parts/added.html", {"line": line, "held_until": held})
    else:
        toast(request, _("In the basket: %(title)s") % {"title": line.variant.product.title})
        response = redirect("shop:basket")
    shopper.remember_basket(response, line.basket.token)
    return response


@require_POST
@never_cache
def put_back(request: HttpRequest, sku: str, quantity: int) -> HttpResponse:
    """Undo of a removal."""
    try:
        is_preorder = request.GET.get("preorder") == "1"
        line = shopper.put_in(request, sku=sku, quantity=quantity, now=clock.now(), is_preorder=is_preorder)
    except Refusal as refusal:
        return show(request, notice=words_of(refusal), status=refusal.status)
    response = _shown_again(request)
    shopper.remember_basket(response, line.basket.token)
    return response


@require_POST
@never_cache
def change(request: HttpRequest, line: uuid.UUID) -> HttpResponse:
    """One more, one fewer, another number, or away with it."""
    token = shopper.basket_token(request)
    wanted = request.POST.get("step", "")
    try:
        quantity = whole(request.POST.get("quantity", "")) if wanted != "remove" else 0
        if wanted in ("-1", "1"):
            quantity += int(wanted)
        if quantity == 0:
            return _removed(request, token, line)
        baskets.change_line(token=token, line_id=line, quantity=quantity, now=clock.now())
    except Refusal as refusal:
        return _refused(request, refusal, str(line))
    return _shown_again(request)


@require_POST
@never_cache
def accept_prices(request: HttpRequest) -> HttpResponse:
    return _do(request, lambda token: baskets.accept_prices(token=token, now=clock.now()))


@require_POST
@never_cache
def hold_again(request: HttpRequest) -> HttpResponse:
    return _do(request, lambda token: baskets.extend_holds(token=token, now=clock.now()))


def _do(request: HttpRequest, verb: Callable[[str], object]) -> HttpResponse:
    try:
        verb(shopper.basket_token(request))
    except Refusal as refusal:
        return _refused(request, refusal, "")
    return _shown_again(request)


def _removed(request: HttpRequest, token: str, line: uuid.UUID) -> HttpResponse:
    gone = (
        BasketLine.objects.select_related("variant__product")
        .filter(public_id=line, basket__token=token)
        .first()
    )
    baskets.remove_line(token=token, line_id=line, now=clock.now())
    if gone is None:
        return _shown_again(request)
    words = _("Removed: %(title)s") % {"title": gone.variant.product.title}
    undo = reverse("shop:put_back", args=[gone.variant.sku, gone.quantity])
    undo += "?preorder=1" if gone.is_preorder else ""
    if request.headers.get("HX-Request"):
        return toast_with(_shown_again(request), words, undo_url=undo)
    toast(request, words, undo_url=undo)
    return _shown_again(request)


def _shown_again(request: HttpRequest) -> HttpResponse:
    return show(request) if request.headers.get("HX-Request") else redirect("shop:basket")


def _refused(request: HttpRequest, refusal: Refusal, key: str) -> HttpResponse:
    if isinstance(refusal, baskets.BasketNotFound):
        response = show(request, notice=_("This basket has become an order, or it is gone."), status=404)
        shopper.forget_basket(response)
        return response
    return show(request, refusal=refusal, refused_key=key, status=refusal.status)


def _refused_add(request: HttpRequest, sku: str, refusal: Refusal) -> HttpResponse:
    variant = catalog.sellable_variant(sku)
    if variant is None:
        raise Http404("nothing is sold under this SKU")
    refused = product.Refused(words_of(refusal), _can_be_had(refusal))
    if request.headers.get("HX-Request"):
        context = {"refused": refused, "variant": variant}
        return render(request, "shop/parts/refused.html", context, status=refusal.status)
    return product.show(request, variant.product.slug, sku, refused=refused, status=refusal.status)


def whole(text: str) -> int:
    """A whole number as typed; anything else is refused by the verb's own name."""
    bare = text.strip()
    if not (bare.isascii() and bare.isdigit() and len(bare) <= 6):
        raise baskets.InvalidQuantity(
            f"The quantity is a whole number from 1 to {baskets.QUANTITY_MAX}.", quantity=bare[:20]
        )
    return int(bare)


def words_of(refusal: Refusal) -> str:
    """A refusal as the shopper reads it."""
    if isinstance(refusal, stock.OutOfStock):
        available = _can_be_had(refusal)
        if not available:
            return _("There are no more of it right now.")
        return ngettext("Only %(n)s can be had right now.", "Only %(n)s can be had right now.", available) % {
            "n": available
        }
    if isinstance(refusal, stock.HoldLimit):
        maximum = int(refusal.details.get("maximum", 0))
        return ngettext(
            "We keep at most %(n)s copy of one title for one shopper.",
            "We keep at most %(n)s copies of one title for one shopper.",
            maximum,
        ) % {"n": maximum}
    if isinstance(refusal, baskets.InvalidQuantity):
        return _("Write a whole number from 1 to %(max)s.") % {"max": baskets.QUANTITY_MAX}
    if isinstance(refusal, baskets.NotForSale):
        return _("It has no price at the moment, so it cannot be bought.")
    return _("That could not be done. Look at the basket and try again.")


def _can_be_had(refusal: Refusal) -> int:
    return int(refusal.details.get("available", 0) or 0)


# ------------------------------------------------------------------ the page
def show(
    request: HttpRequest,
    *,
    refusal: Refusal | None = None,
    refused_key: str = "",
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    context = context_of(request, refusal=refusal, refused_key=refused_key)
    context["notice"] = notice
    request.shop_basket_count = context["units"]  # type: ignore[attr-defined]
    is_part = bool(request.headers.get("HX-Request")) and not request.headers.get("HX-Boosted")
    template = "shop/basket.html#basket" if is_part else "shop/basket.html"
    return render(request, template, {**context, "is_part": is_part}, status=status)


def context_of(
    request: HttpRequest, *, refusal: Refusal | None = None, refused_key: str = ""
) -> dict[str, Any]:
    channel, now = shopper.channel(), clock.now()
    crumbs = [(_("Home"), reverse("shop:home")), (_("Basket"), "")]
    found = shopper.open_basket(request)
    view = (
        baskets.read_basket(
            basket=found,
            now=now,
            delivery_method=DeliveryKind.HOME_DELIVERY,
            orderer_id=found.customer_id,
        )
        if found
        else None
    )
    if found is None or view is None or not view.lines:
        popular = catalog.listing(catalog.ListingQuery(page_size=INSTEAD), channel.price_list_id, now)
        reading = shelves.reading(request, channel, popular.cards, now)
        books = [reading.book(card) for card in popular.cards]
        return {
            "crumbs": crumbs,
            "rows": [],
            "units": 0,
            "popular": books,
            "aside": aside.put_aside(request),
            "became": _became(request) if found is None else None,
        }
    code = ways.postcode_for(found.postal_code, shopper.chosen_postcode(request))
    options = warehouse.promise_options(
        lines=[(line.variant_id, line.quantity) for line in view.lines],
        channel_id=channel.pk,
        now=now,
        postal_code=code or None,
        basket_id=found.pk,
        goods_total=view.priced.goods_total,
        currency=channel.currency,
    )
    problems = rows_of(view, channel.price_list_id, now, refusal=refusal, refused_key=refused_key)
    return {
        "crumbs": crumbs,
        "rows": problems,
        "units": view.units,
        "sums": sums_of(view, view.quote.rates),
        "offers": offers.shown(view, view.priced),
        "tenders": tenders.shown(request, tenders_of(basket=found, now=now), view.priced.total, view, now),
        **coupon_typed(request),
        "ways": ways.in_words(options, now),
        "is_files_only": all(line.variant.is_digital for line in view.lines),
        "postal_code": code,
        "held_until": view.held_until,
        "hold_minutes": channel.hold_minutes,
        "waits_together": waits_together(view),
        "can_check_out": not any(row.troubles for row in problems),
        "refused_words": words_of(refusal) if refusal and not refused_key else "",
        "currency": channel.currency,
        "aside": aside.put_aside(request),
        "shared": aside.share_shown(request, found),
    }


def waits_together(view: baskets.BasketView) -> bool:
    """Some of it is under way to us and some is here: all of it is sent when the last has come."""
    return 0 < sum(line.is_preorder for line in view.lines) < len(view.lines)


def _became(request: HttpRequest) -> Order | None:
    """Somebody of the shop finished it, or another tab did."""
    return basket_sharing.order_of_basket(token=shopper.basket_token(request))


def coupon_typed(request: HttpRequest) -> dict[str, str]:
    """The code that was refused just now, and why."""
    typed, words = getattr(request, "shop_coupon_refused", ("", ""))
    return {
        "coupon_typed": typed,
        "coupon_error": words,
        "points_error": getattr(request, "shop_points_refused", ""),
    }


def rows_of(
    view: baskets.BasketView,
    price_list_id: int,
    now: datetime,
    *,
    refusal: Refusal | None = None,
    refused_key: str = "",
) -> list[Row]:
    cards = {
        card.product_id: card
        for card in catalog.cards([line.variant.product_id for line in view.lines], price_list_id, now)
    }
    priced = {line.key: line for line in view.priced.lines}
    short = _short_lines(refusal)
    rows = []
    for line in view.lines:
        key = str(line.public_id)
        card = cards.get(line.variant.product_id)
        troubles = [
            _trouble(problem, line, view.priced.currency) for problem in view.problems if problem.line == key
        ]
        if refusal is not None and (key == refused_key or line.variant.sku in short):
            troubles = [t for t in troubles if t.code != "HOLD_LOST"]
            troubles.insert(0, _refused_trouble(refusal, line, short.get(line.variant.sku)))
        rows.append(
            Row(
                line=line,
                key=key,
                url=reverse("shop:variant", args=[line.variant.product.slug, line.variant.sku]),
                authors=", ".join(card.authors) if card else "",
                priced=priced.get(key),
                troubles=tuple(troubles),
                awaited_on=view.awaited[line.pk].day if line.pk in view.awaited else None,
            )
        )
    return rows


def _short_lines(refusal: Refusal | None) -> dict[str, int]:
    """SKU → how many can be had, from a refusal about the whole basket."""
    if refusal is None:
        return {}
    lines = refusal.details.get("lines") or []
    found = {str(line["sku"]): int(line.get("available", 0)) for line in lines if isinstance(line, dict)}
    if sku := refusal.details.get("sku"):
        found.setdefault(str(sku), int(refusal.details.get("available", 0) or 0))
    return found


def _refused_trouble(refusal: Refusal, line: BasketLine, available: int | None) -> Trouble:
    key = str(line.public_id)
    change_url, most = reverse("shop:basket_line", args=[key]), available or 0
    remedies = [Remedy(_("Remove"), change_url, {"step": "remove"})]
    if isinstance(refusal, stock.OutOfStock) and 0 < most != line.quantity:
        words = ngettext("Take %(n)s", "Take %(n)s", most) % {"n": most}
        remedies.insert(0, Remedy(words, change_url, {"quantity": str(most)}))
    title = _("It could not be changed") if not isinstance(refusal, stock.OutOfStock) else _("Not that many")
    return Trouble(refusal.code, title, words_of(refusal), tuple(remedies))


def _trouble(problem: baskets.Problem, line: BasketLine, currency: str) -> Trouble:
    remove = Remedy(_("Remove"), reverse("shop:basket_line", args=[problem.line]), {"step": "remove"})
    if problem.code == "PRICE_CHANGED":
        language = shopper.language()
        before = Decimal(problem.details["before"])
        after = Decimal(problem.details["after"])
        words = _("It was %(before)s when you put it in, now it is %(after)s.") % {
            "before": money_text(before, language, currency),
            "after": money_text(after, language, currency),
        }
        title = _("The price went up.") if after > before else _("The price went down.")
        accept = Remedy(_("Accept the new price"), reverse("shop:accept_prices"))
        return Trouble(problem.code, title, words, (accept, remove))
    if problem.code == "HOLD_LOST":
        return Trouble(
            problem.code,
            _("No longer kept for you."),
            _("The time ran out. While there is stock, we can keep it for you again."),
            (Remedy(_("Keep it again"), reverse("shop:hold_again")), remove),
        )
    return Trouble(
        problem.code,
        _("No longer for sale."),
        _("It has no price at the moment, so it cannot be bought."),
        (remove,),
    )


def sums_of(view: baskets.BasketView, rates: Sequence[RateRow]) -> Sums:
    priced = view.priced
    goods = [line for line in priced.lines if line.kind != "DELIVERY"]
    has_delivery = any(line.kind == "DELIVERY" for line in priced.lines)
    limits = [
        rate.free_from
        for rate in rates
        if rate.method == DeliveryKind.HOME_DELIVERY and rate.free_from is not None
    ]
    free_from = min(limits, default=None)
    is_short = free_from is not None and has_delivery and priced.delivery_total > 0
    return Sums(
        goods_list=sum((line.list_total for line in goods), ZERO),
        saved=priced.saved,
        delivery=priced.delivery_total if has_delivery else None,
        total=priced.total,
        tax=tax_of(view),
        currency=priced.currency,
        free_from=free_from if is_short else None,
        to_free=free_from - priced.goods_total if is_short and free_from is not None else None,
    )


def tax_of(view: baskets.BasketView) -> Decimal:
    """The VAT inside the total, once per rate; the delivery fee takes the rates of the goods, as on the papers."""
    gross: dict[Decimal, Decimal] = {}
    for line in view.priced.lines:
        if line.kind != "DELIVERY":
            gross[line.tax_rate] = gross.get(line.tax_rate, ZERO) + line.total
    rates = sorted(gross)
    shares = allocate(view.priced.delivery_total, [gross[rate] for rate in rates]) if rates else []
    return sum(
        (tax_in_gross(gross[rate] + share, rate) for rate, share in zip(rates, shares, strict=True)), ZERO
    )
