"""Transfers of the back office: what is asked for, what is on its way, and what really came."""

from typing import Any

from django.contrib import messages
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from retail.front.toasts import toast
from retail.kernel.access import ADJUST_STOCK, VIEW_ORDERS, VIEW_STOCK, may, sees_location, staff_page
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import Location, LocationKind, User
from storefront import selectors as catalog
from warehouse.models import StockMove, Transfer
from warehouse.operations import InvalidQuantity
from warehouse.operations.transfer_arrivals import ArrivedUnits
from warehouse.operations.transfers import (
    WantedUnits,
    cancel_transfer,
    request_transfer,
    ship_transfer,
)
from warehouse.states import CLAIMING, UNDER_WAY, TransferStatus
from warehouse.views.scan.drafts import units as typed_units
from warehouse.views.words import say
from warehouse.workflows import receive_transfer

SHOWN = 200
NEW_LINES = 8


@require_GET
@staff_page(VIEW_STOCK)
def transfer_list(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User), "the page is for staff"
    status, text = request.GET.get("status", ""), request.GET.get("q", "").strip()[:60]
    rows = Transfer.objects.select_related("source", "target").annotate(
        units=Coalesce(Sum("lines__quantity"), 0),
        shipped=Coalesce(Sum("lines__quantity_shipped"), 0),
        arrived=Coalesce(Sum(F("lines__quantity_good") + F("lines__quantity_damaged")), 0),
    )
    bound = list(request.user.locations.values_list("pk", flat=True))
    if bound and not request.user.is_superuser:
        rows = rows.filter(Q(source_id__in=bound) | Q(target_id__in=bound))
    if status == "under_way":
        rows = rows.filter(status__in=UNDER_WAY)
    elif status in TransferStatus.values:
        rows = rows.filter(status=status)
    if text:
        rows = rows.filter(
            Q(number__icontains=text) | Q(source__code__iexact=text) | Q(target__code__iexact=text)
        )
    context = {
        "rows": rows.order_by("-created_at", "-pk")[:SHOWN],
        "status": status,
        "statuses": TransferStatus.choices,
        "text": text,
        "today": business_date(timezone.now()),
        "open": (TransferStatus.REQUESTED, *UNDER_WAY),
        "may_ask": may(request.user, ADJUST_STOCK),
    }
    return render(request, "ops/transfers.html", context)


def _transfer(request: HttpRequest, number: str) -> Transfer:
    found = (
        Transfer.objects.select_related("source", "target", "entity", "by", "order")
        .filter(number=number)
        .first()
    )
    if found is None or not (
        sees_location(request.user, found.source_id) or sees_location(request.user, found.target_id)
    ):
        raise Http404
    return found


@require_GET
@staff_page(VIEW_STOCK)
def transfer_page(request: HttpRequest, number: str) -> HttpResponse:
    transfer = _transfer(request, number)
    edits = may(request.user, ADJUST_STOCK)
    context = {
        "transfer": transfer,
        "lines": lines_of(transfer),
        "moves": StockMove.objects.filter(document_kind="transfer", document_key=transfer.number)
        .select_related("variant__product", "from_bin__location", "to_bin__location", "by")
        .order_by("pk"),
        "can": {
            "ship": edits and transfer.status == TransferStatus.REQUESTED,
            "receive": edits and transfer.status in UNDER_WAY,
            "see_order": may(request.user, VIEW_ORDERS),
        },
        "crumbs": [(_("Transfers"), reverse("ops:transfers")), (transfer.number, "")],
    }
    return render(request, "ops/transfer.html", context)


def lines_of(transfer: Transfer) -> list[Any]:
    """Its lines with what is still claimed for them."""
    live = Sum("claims__quantity", filter=Q(claims__state__in=CLAIMING))
    return list(
        transfer.lines.select_related("variant__product")
        .annotate(claimed=Coalesce(live, 0))
        .order_by("variant__product__title", "pk")
    )


@require_http_methods(["GET", "POST"])
@staff_page(ADJUST_STOCK)
def new_transfer(request: HttpRequest) -> HttpResponse:
    """Two places and some titles by SKU or barcode; refused, the page keeps what was typed."""
    assert isinstance(request.user, User), "the page is for staff"
    rows = [
        (request.POST.get(f"sku_{place}", "").strip()[:60], request.POST.get(f"units_{place}", "").strip())
        for place in range(NEW_LINES)
    ]
    context: dict[str, Any] = {
        "places": list(
            Location.objects.filter(
                is_active=True, kind__in=[LocationKind.STORE, LocationKind.WAREHOUSE]
            ).order_by("-kind", "code")
        ),
        "rows": list(enumerate(rows)),
        "typed": request.POST,
        "crumbs": [(_("Transfers"), reverse("ops:transfers")), (_("New transfer"), "")],
    }
    if request.method == "POST":
        try:
            made = _ask(request, rows)
        except Refusal as refusal:
            context["refusal"] = "{}. {}".format(*say(refusal))
            return render(request, "ops/transfer_new.html", context, status=422)
        toast(request, _("%(number)s is asked for.") % {"number": made.number})
        return redirect("ops:transfer", number=made.number)
    return render(request, "ops/transfer_new.html", context)


def _ask(request: HttpRequest, rows: list[tuple[str, str]]) -> Transfer:
    assert isinstance(request.user, User), "the page is for staff"
    places = {place.code: place for place in Location.objects.filter(is_active=True)}
    source = places.get(request.POST.get("source", ""))
    target = places.get(request.POST.get("target", ""))
    if source is None or target is None or not sees_location(request.user, source.pk):
        raise InvalidInput(_("There is no such title or location."))
    lines = []
    for code, typed in rows:
        if not code:
            continue
        variant, quantity = catalog.variant_by_code(code), typed_units(typed)
        if variant is None:
            raise InvalidInput(_("%(code)s is not in the catalog. Put it aside.") % {"code": code})
        if quantity is None:
            raise InvalidQuantity("The quantity is a whole number from 1.")
        lines.append(WantedUnits(variant.pk, quantity))
    return request_transfer(
        source_id=source.pk,
        target_id=target.pk,
        lines=lines,
        note=request.POST.get("note", ""),
        by=request.user,
        now=timezone.now(),
    )


@require_POST
@staff_page(ADJUST_STOCK)
def act(request: HttpRequest, number: str, act: str) -> HttpResponse:
    """Send, receive or cancel; a refusal is shown where it was asked."""
    transfer = _transfer(request, number)
    acts = {"ship": _ship, "receive": _receive, "cancel": _cancel}
    if act not in acts:
        raise Http404
    try:
        toast(request, acts[act](request, transfer))
    except Refusal as refusal:
        messages.error(request, "{}. {}".format(*say(refusal)))
    return redirect("ops:transfer", number=transfer.number)


def _units(request: HttpRequest, name: str) -> int:
    typed = typed_units(request.POST.get(name, "0"), least=0)
    if typed is None:
        raise InvalidQuantity("Units are whole numbers from 0.")
    return typed


def _ship(request: HttpRequest, transfer: Transfer) -> str:
    assert isinstance(request.user, User), "the page is for staff"
    lines = [
        WantedUnits(line.variant_id, _units(request, f"units_{line.pk}")) for line in transfer.lines.all()
    ]
    ship_transfer(transfer_id=transfer.pk, lines=lines, by=request.user, now=timezone.now())
    return _("%(number)s is on its way.") % {"number": transfer.number}


def _receive(request: HttpRequest, transfer: Transfer) -> str:
    assert isinstance(request.user, User), "the page is for staff"
    lines = [
        ArrivedUnits(
            line.variant_id, _units(request, f"good_{line.pk}"), _units(request, f"damaged_{line.pk}")
        )
        for line in transfer.lines.all()
    ]
    receive_transfer(
        transfer_id=transfer.pk,
        lines=lines,
        is_complete="is_complete" in request.POST,
        by=request.user,
        now=timezone.now(),
    )
    return _("%(number)s is received.") % {"number": transfer.number}


def _cancel(request: HttpRequest, transfer: Transfer) -> str:
    assert isinstance(request.user, User), "the page is for staff"
    cancel_transfer(transfer_id=transfer.pk, by=request.user, now=timezone.now())
    return _("%(number)s is canceled.") % {"number": transfer.number}
