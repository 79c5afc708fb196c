"""Stock: where every unit of a title lies, who has a claim on it, and why it is available or not."""

import re
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from retail.front.parts import Waterfall, WaterfallRow
from retail.front.toasts import toast
from retail.kernel.access import ADJUST_STOCK, VIEW_STOCK, may, sees_location, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.fold import fold
from retail.kernel.models import Location, User
from storefront import selectors as catalog
from storefront.models import Channel, Variant
from warehouse import selectors as warehouse
from warehouse.models import Bin, StockMove
from warehouse.states import BinKind, MoveReason
from warehouse.views.words import say
from warehouse.workflows import adjust_stock
from warehouse.workflows.shelves import ADJUST_REASONS

_DELTA = re.compile(r"[+-]?[0-9]{1,7}")
MOVES_SHOWN = 40
FOUND_SHOWN = 20


@require_GET
@staff_page(VIEW_STOCK)
def stock_page(request: HttpRequest) -> HttpResponse:
    """One title by SKU, barcode or words; of several that fit, the list."""
    code = request.GET.get("sku", "").strip()[:100]
    now = timezone.now()
    variant = catalog.variant_by_code(code) if code else None
    context: dict[str, Any] = {"code": code, "now": now, "variant": variant}
    if variant is None and code:
        found = list(_named(code))
        if len(found) == 1:
            return redirect(f"{reverse('ops:stock')}?sku={found[0].sku}")
        context["found"] = found
    if variant is not None:
        context |= _about(request, variant, now)
    return render(request, "ops/stock.html", context)


def _named(text: str) -> QuerySet[Variant]:
    """Titles in which every word occurs."""
    words = Q()
    for word in text.split()[:5]:
        words &= Q(product__search_text__contains=fold(word)) | Q(product__title__icontains=word)
    rows = Variant.objects.select_related("product").filter(words)
    return rows.order_by("product__title", "sku")[:FOUND_SHOWN]


def _about(request: HttpRequest, variant: Variant, now: datetime) -> dict[str, Any]:
    channels = list(Channel.objects.filter(is_active=True).order_by("id"))
    chosen = next(
        (one for one in channels if one.code == request.GET.get("channel")), channels[0] if channels else None
    )
    told = warehouse.explain_availability(
        variant_id=variant.pk, channel_id=chosen.pk if chosen else None, now=now
    )
    parts = Variant.objects.select_related("product").in_bulk([part for part, _, _ in told.parts])
    return {
        "channels": channels,
        "channel": chosen,
        "told": told,
        "waterfall": waterfall_of(told),
        "rows": [
            {"row": row, "kind": BinKind(row.kind).label}
            for row in warehouse.stock_rows(variant_id=variant.pk)
        ],
        "moves": _moves(variant),
        "parts": [(parts[pk], units, available) for pk, units, available in told.parts],
        "may_adjust": may(request.user, ADJUST_STOCK),
        "places": _places(request) if may(request.user, ADJUST_STOCK) else [],
        "reasons": [MoveReason(reason) for reason in ADJUST_REASONS if reason != MoveReason.OPENING],
    }


def waterfall_of(told: warehouse.Waterfall) -> Waterfall:
    """From what lies on shelves to what may be sold: each step a subtraction that can be looked up below."""
    rows = [WaterfallRow(_("On hand"), told.on_hand, "#bins", _("all bins of all locations"))]
    steps = (
        (_("Not sellable"), -told.unsellable, "#bins", _("receiving, packing, damaged, quarantine")),
        (_("Held for baskets"), -told.held_by_baskets, "#claims", ""),
        (_("Claimed by orders"), -told.held_by_orders, "#claims", ""),
        (
            _("Holds that are over"),
            told.expired,
            "#claims",
            _("nobody renewed them; whoever asks first gets them"),
        ),
        (_("Safety stock"), -told.safety, "#places", ""),
        (_("Outside the channel's pool"), -told.outside_pools, "#places", ""),
    )
    rows += [WaterfallRow(label, value, url, note) for label, value, url, note in steps if value]
    return Waterfall(
        rows=rows,
        total_label=_("Available"),
        total=told.on_hand + sum(value for _, value, _, _ in steps),
        caption=_("Why it is available, or not"),
    )


def _moves(variant: Variant) -> list[StockMove]:
    return list(
        StockMove.objects.filter(variant=variant)
        .select_related("from_bin__location", "to_bin__location", "by")
        .order_by("-created_at", "-pk")[:MOVES_SHOWN]
    )


def _places(request: HttpRequest) -> list[tuple[Location, list[Bin]]]:
    """Bins that may be corrected by hand; units that are being packed are corrected by scanning."""
    bins: dict[int, list[Bin]] = {}
    rows = Bin.objects.exclude(kind__in=[BinKind.PACKING, BinKind.TRANSIT])
    for one in rows.filter(is_default=True).order_by("code"):
        bins.setdefault(one.location_id, []).append(one)
    return [
        (place, bins[place.pk])
        for place in Location.objects.filter(pk__in=bins, is_active=True).order_by("code")
        if sees_location(request.user, place.pk)
    ]


@require_POST
@staff_page(ADJUST_STOCK)
def adjust(request: HttpRequest) -> HttpResponse:
    """Units more or fewer, with a reason and a reference; below the claims only when told to displace them."""
    assert isinstance(request.user, User), "the page is for staff"
    sku = request.POST.get("sku", "")[:40]
    answer = redirect(f"{reverse('ops:stock')}?sku={sku}")
    variant = Variant.objects.filter(sku=sku).first()
    place = Location.objects.filter(code=request.POST.get("location", "")[:20]).first()
    if variant is None or place is None or not sees_location(request.user, place.pk):
        messages.error(request, _("There is no such title or location."))
        return answer
    code = request.POST.get("bin", "").strip()[:30]
    shelf = Bin.objects.filter(location=place, code__iexact=code).first() if code else None
    if code and shelf is None:
        messages.error(request, _("There is no shelf %(bin)s here.") % {"bin": code})
        return answer
    typed = request.POST.get("delta", "").strip().replace("−", "-")
    try:
        adjusted = adjust_stock(
            variant_id=variant.pk,
            location_id=place.pk,
            bin_id=shelf.pk if shelf else None,
            delta=int(typed) if _DELTA.fullmatch(typed) else 0,
            reason=request.POST.get("reason", "")[:20],
            reference=request.POST.get("reference", "").strip()[:64],
            displace="displace" in request.POST,
            by=request.user,
            now=timezone.now(),
        )
    except Refusal as refusal:
        messages.error(request, "{}. {}".format(*say(refusal)))
        return answer
    toast(
        request,
        _("%(location)s %(bin)s: %(units)s on hand.")
        % {"location": adjusted.location, "bin": adjusted.bin, "units": adjusted.on_hand},
    )
    return answer
