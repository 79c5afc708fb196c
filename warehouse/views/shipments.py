"""Shipments of the back office: the list, one with its way, and what can be done about it now."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from finance.papers import render_pdf
from oms.states import DeliveryKind
from retail.front.parts import TimelineEntry
from retail.front.toasts import toast
from retail.kernel.access import (
    EDIT_ORDERS,
    VIEW_ORDERS,
    VIEW_STOCK,
    may,
    permissions_of,
    sees_location,
    staff_page,
)
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import Location, OutboxEvent, User
from retail.rest.paging import InvalidCursor, decode, encode
from warehouse import workflows as goods
from warehouse.models import Parcel, Shipment
from warehouse.states import ReservationState, ShipmentStatus
from warehouse.views.labels import label_of
from warehouse.views.words import say
from warehouse.workflows.labels import make_labels, send_off, without_label

PAGE_SIZE = 50
ON_THE_WAY = (ShipmentStatus.DISPATCHED, ShipmentStatus.UNDELIVERED)
VIEWS = {
    "": gettext_lazy("All"),
    "pick": gettext_lazy("To pick and pack"),
    "packed": gettext_lazy("To dispatch"),
    "pickup": gettext_lazy("Waiting for pickup"),
    "no_label": gettext_lazy("Without a label"),
    "way": gettext_lazy("On the way"),
    "failed": gettext_lazy("Not delivered"),
}
WORDS = {
    "warehouse.shipment_created": (gettext_lazy("Planned"), "route", "info"),
    "warehouse.units_picked": (gettext_lazy("Units picked"), "list", "busy"),
    "warehouse.shipment_packed": (gettext_lazy("Packed"), "box", "busy"),
    "warehouse.shipment_ready_for_pickup": (gettext_lazy("Ready for pickup"), "bag", "good"),
    "warehouse.shipment_dispatched": (gettext_lazy("Dispatched"), "truck", "info"),
    "warehouse.shipment_delivered": (gettext_lazy("Delivered"), "delivered", "good"),
    "warehouse.delivery_failed": (gettext_lazy("Not delivered"), "alert", "warn"),
    "warehouse.shipment_returned": (gettext_lazy("Back at the sender"), "return", "idle"),
    "warehouse.shipment_canceled": (gettext_lazy("Canceled"), "no", "idle"),
}


def _of_view(rows: QuerySet[Shipment], view: str) -> QuerySet[Shipment]:
    ready = rows.filter(status=ShipmentStatus.READY)
    courier = ready.exclude(method=DeliveryKind.STORE_PICKUP)
    pickup = ready.filter(method=DeliveryKind.STORE_PICKUP)
    found = {
        "pick": ready.filter(is_packed=False),
        "packed": courier.filter(is_packed=True),
        "pickup": pickup.filter(is_packed=True),
        "no_label": rows.filter(pk__in=without_label()),
        "way": rows.filter(status=ShipmentStatus.DISPATCHED),
        "failed": rows.filter(status__in=[ShipmentStatus.UNDELIVERED, ShipmentStatus.LOST]),
    }
    return found.get(view, rows)


def _seen_by(user: User) -> QuerySet[Shipment]:
    """Staff bound to places see what leaves there."""
    rows = Shipment.objects.all()
    bound = list(user.locations.values_list("pk", flat=True))
    return rows if user.is_superuser or not bound else rows.filter(location_id__in=bound)


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


@require_GET
@staff_page(VIEW_STOCK)
def shipment_list(request: HttpRequest) -> HttpResponse:
    seen = _seen_by(_staff(request))
    view, place, text = (request.GET.get(name, "").strip()[:60] for name in ("view", "location", "q"))
    status = request.GET.get("status", "")
    rows = _of_view(seen, view)
    if place:
        rows = rows.filter(location__code=place)
    if status in ShipmentStatus.values:
        rows = rows.filter(status=status)
    if text:
        rows = rows.filter(
            Q(number__icontains=text)
            | Q(order__number__icontains=text)
            | Q(pk__in=Parcel.objects.filter(tracking_number__iexact=text).values("shipment_id"))
        )
    shipments, following = _page(rows, request.GET.get("after", ""))
    open_ones = seen.filter(status=ShipmentStatus.READY)
    context = {
        "shipments": shipments,
        "next": following,
        "view": view,
        "location": place,
        "status": status,
        "text": text,
        "now": timezone.now(),
        "tabs": [
            (
                name,
                title,
                _of_view(seen, name).count() if name in ("pick", "packed", "pickup", "no_label") else None,
            )
            for name, title in VIEWS.items()
        ],
        "statuses": ShipmentStatus.choices,
        "locations": Location.objects.filter(
            pk__in=open_ones.order_by().values("location_id").distinct()
        ).order_by("code"),
    }
    return render(request, "ops/shipments.html", context)


def _page(rows: QuerySet[Shipment], cursor: str) -> tuple[list[Shipment], str]:
    rows = (
        rows.select_related("order", "location", "service__carrier")
        .prefetch_related("parcels")
        .order_by("-pk")
    )
    if cursor:
        # A cursor that was cut short begins at the first page.
        with suppress(InvalidCursor, ValueError, TypeError):
            rows = rows.filter(pk__lt=int(decode(cursor, 1)[0]))
    found = list(rows[: PAGE_SIZE + 1])
    return found[:PAGE_SIZE], encode([found[PAGE_SIZE - 1].pk]) if len(found) > PAGE_SIZE else ""


@require_GET
@staff_page(VIEW_STOCK)
def shipment_page(request: HttpRequest, number: str) -> HttpResponse:
    return render(request, "ops/shipment.html", _context(request, _one(request, number)))


def _one(request: HttpRequest, number: str) -> Shipment:
    found = (
        _seen_by(_staff(request))
        .select_related("order", "location", "service__carrier")
        .prefetch_related("parcels")
        .filter(number=number)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, shipment: Shipment) -> dict[str, Any]:
    items = (
        shipment.claims.exclude(state=ReservationState.RELEASED)
        .values(
            "variant_id",
            "variant__sku",
            "variant__product__title",
            "state",
            "stock_item__bin__code",
            "picked_from__code",
            "picker__name",
            "is_put_back",
        )
        .annotate(units=Sum("quantity"))
        .order_by("variant__product__title", "state")
    )
    return {
        "shipment": shipment,
        "order": shipment.order,
        "items": list(items),
        "parcels": shipment.parcels.order_by("pk"),
        "entries": _entries(shipment),
        "can": _can(request, shipment),
        "places": [
            place
            for place in Location.objects.filter(is_active=True, kind__in=["STORE", "WAREHOUSE"]).order_by(
                "code"
            )
            if sees_location(request.user, place.pk)
        ],
        "may_see_order": may(request.user, VIEW_ORDERS),
        "crumbs": [(_("Shipments"), "/ops/shipments/"), (shipment.number, "")],
    }


def _can(request: HttpRequest, shipment: Shipment) -> dict[str, bool]:
    """What is possible now for this person; the verbs check again."""
    acts = _may_act(request)
    is_ready = shipment.status == ShipmentStatus.READY and shipment.is_packed
    is_courier = shipment.service_id is not None
    return {
        "announce": acts
        and is_ready
        and is_courier
        and any(not one.announced_at for one in shipment.parcels.all()),
        "dispatch": acts and is_ready and is_courier,
        "hand_over": acts and is_ready and not is_courier,
        "deliver": acts and shipment.status in ON_THE_WAY,
        "fail": acts and shipment.status == ShipmentStatus.DISPATCHED,
        "lost": acts and shipment.status in ON_THE_WAY,
        "return": acts and shipment.status == ShipmentStatus.UNDELIVERED,
    }


def _may_act(request: HttpRequest) -> bool:
    """Whoever works with goods or with orders may say what became of a parcel."""
    return bool({"scan", EDIT_ORDERS} & permissions_of(request.user))


def _entries(shipment: Shipment) -> list[TimelineEntry]:
    rows = OutboxEvent.objects.filter(
        subject_kind="order", subject_key=shipment.order.number, payload__shipment_id=shipment.pk
    ).order_by("-id")[:100]
    names = dict(User.objects.filter(pk__in={row.actor_id for row in rows}).values_list("pk", "name"))
    entries = []
    for row in rows:
        title, icon, tone = WORDS.get(row.topic, (row.topic, "info", "idle"))
        detail = row.payload.get("reason") or row.payload.get("location") or row.payload.get("units") or ""
        entries.append(
            TimelineEntry(title, row.created_at, names.get(row.actor_id or 0, ""), icon, tone, str(detail))
        )
    return entries


# Acts


@require_POST
@staff_page(VIEW_STOCK)
def act(request: HttpRequest, number: str, act: str) -> HttpResponse:
    """One verb; its refusal is told by name on the page."""
    shipment = _one(request, number)
    verb = ACTS.get(act)
    if verb is None:
        raise Http404
    try:
        if not _may_act(request):
            raise NotYours(_("Your role may only look."))
        toast(request, verb(request, shipment))
    except Refusal as refusal:
        messages.error(request, "{}. {}".format(*say(refusal)))
    return redirect("ops:shipment", number=shipment.number)


class NotYours(Refusal):
    code = "NOT_ALLOWED"
    status = 403


def _announce(request: HttpRequest, shipment: Shipment) -> str:
    make_labels(shipment_id=shipment.pk, now=timezone.now())
    return _("The carrier has the parcels on its books.")


def _dispatch(request: HttpRequest, shipment: Shipment) -> str:
    send_off(shipment_id=shipment.pk, by=_staff(request), now=timezone.now())
    return _("The shipment is dispatched.")


def _hand_over(request: HttpRequest, shipment: Shipment) -> str:
    goods.hand_over(
        shipment_id=shipment.pk,
        code=request.POST.get("code", "")[:20],
        by=_staff(request),
        now=timezone.now(),
    )
    return _("The goods are handed over.")


def _deliver(request: HttpRequest, shipment: Shipment) -> str:
    goods.deliver(shipment_id=shipment.pk, by=_staff(request), now=timezone.now())
    return _("The shipment is delivered.")


def _fail(request: HttpRequest, shipment: Shipment) -> str:
    goods.fail_delivery(
        shipment_id=shipment.pk,
        reason=request.POST.get("reason", "")[:20],
        by=_staff(request),
        now=timezone.now(),
    )
    return _("It is noted that the shipment was not delivered.")


def _return(request: HttpRequest, shipment: Shipment) -> str:
    place = Location.objects.filter(code=request.POST.get("location", "")[:20]).first()
    if place is None or not sees_location(request.user, place.pk):
        raise InvalidInput(_("There is no such location."))
    damaged = {
        int(key[8:]): int(request.POST[key])
        for key in request.POST
        if key.startswith("damaged_") and key[8:].isdigit() and _is_count(request.POST[key])
    }
    goods.return_to_sender(
        shipment_id=shipment.pk, location_id=place.pk, damaged=damaged, by=_staff(request), now=timezone.now()
    )
    return _("The goods are back, the sale is undone.")


def _is_count(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) < 5 and int(typed) > 0


ACTS = {
    "announce": _announce,
    "dispatch": _dispatch,
    "hand-over": _hand_over,
    "deliver": _deliver,
    "fail": _fail,
    "return": _return,
}


@require_GET
@staff_page(VIEW_STOCK)
def label_pdf(request: HttpRequest, parcel: str) -> HttpResponse:
    row = (
        Parcel.objects.select_related(
            "shipment__order", "shipment__location__entity", "shipment__service__carrier"
        )
        .filter(number=parcel, announced_at__isnull=False)
        .first()
    )
    if row is None or not sees_location(request.user, row.shipment.location_id):
        raise Http404
    response = HttpResponse(render_pdf(label_of(row)), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{row.number}.pdf"'
    return response
