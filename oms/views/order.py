"""One order: lines with where they are, money, parcels, papers, customer, timeline, and what can be done now."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import operations as finance
from finance import selectors as finance_reads
from oms import operations as orders
from oms import selectors as oms
from oms.models import Order
from oms.states import FulfillmentStatus, OrderStatus, ReturnStatus
from oms.views import files, words
from oms.workflows import cancellation, exchanges, overview, returns, routing, timeline
from oms.workflows.changes import CHANGEABLE, NOT_PICKED
from retail.front import refusals
from retail.front.formats import read_amount
from retail.front.parts import MoneyCell, TimelineEntry
from retail.front.toasts import toast
from retail.kernel.access import (
    EDIT_ORDERS,
    RECEIVE_RETURNS,
    REFUND,
    VIEW_FINANCE,
    VIEW_ORDERS,
    VIEW_STOCK,
    VIEW_TRACE,
    may,
    sees_entity,
    staff_page,
)
from retail.kernel.errors import NotAllowed, Refusal
from retail.kernel.models import Location, User
from retail.kernel.money import ZERO
from warehouse import selectors as warehouse


def order_of(request: HttpRequest, number: str) -> Order:
    """The order, when it is of a company that the person sees."""
    order = oms.order_by_number(number)
    if order is None or not sees_entity(request.user, order.entity_id):
        raise Http404
    return order


@require_GET
@staff_page(VIEW_ORDERS)
def order_page(request: HttpRequest, number: str) -> HttpResponse:
    return render(request, "ops/order.html", _context(request, order_of(request, number)))


def _context(request: HttpRequest, order: Order) -> dict[str, Any]:
    claims: dict[int, list[Any]] = {}
    for claim in warehouse.order_claims(order_id=order.pk):
        claims.setdefault(claim.order_line_id, []).append(claim)
    awaited = (
        warehouse.awaited_by_order(order_id=order.pk, now=timezone.now()) if order.is_awaiting_supply else {}
    )
    lines = list(order.lines.select_related("variant__product"))
    left = [
        line
        for line in lines
        if line.kind == "GOODS"
        and line.quantity_dispatched > line.quantity_returned
        and not order.is_imported
    ]
    return {
        "order": order,
        "lines": [(line, claims.get(line.pk, []), awaited.get(line.pk)) for line in lines],
        "prices": [
            (line, sentence)
            for line in lines
            for sentence in words.price_words(line.explanation, order.currency)
        ],
        "returnable": left,
        "swap": exchanges.standing_of(order=order),
        "files": files.files_of(order, timezone.now()),
        "money": _money(order),
        "shipments": overview.shipments_of_order(order_id=order.pk),
        "transfers": overview.transfers_of_order(order),
        "payments": finance_reads.payments_of_order(order_id=order.pk),
        "documents": words.papers(
            overview.documents_of_order(order_id=order.pk), may_open=may(request.user, VIEW_FINANCE)
        ),
        "returns": [
            (each, [(line, words.reason_words(line.reason)) for line in each.lines.all()])
            for each in order.returns.prefetch_related("lines__order_line").order_by("requested_at")
        ],
        "decisions": order.decisions.select_related("proposal", "ratified_by").order_by("-created_at")[:5],
        "exceptions": [
            (each, words.exception_words(each.detail)) for each in order.exceptions.filter(state="OPEN")
        ],
        "promise_changes": [
            (
                each.created_at,
                words.promise_words(each.before),
                words.promise_words(each.after),
                words.cause_words(each.cause),
            )
            for each in order.promise_changes.order_by("created_at")
        ],
        "entries": _entries(order, with_audit=may(request.user, VIEW_TRACE) and "trace" in request.GET),
        "locations": _places(request),
        "can": _can(request, order),
        "crumbs": [(_("Orders"), "/ops/orders/"), (order.number, "")],
        "may_trace": may(request.user, VIEW_TRACE),
    }


def _places(request: HttpRequest) -> list[Location]:
    """Where this person may take goods in: their own places, or all of them."""
    found = Location.objects.filter(is_active=True, kind__in=["STORE", "WAREHOUSE"]).order_by("code")
    own = set(_user(request).locations.values_list("pk", flat=True))
    return [place for place in found if not own or place.pk in own]


def _can(request: HttpRequest, order: Order) -> dict[str, bool]:
    """What is possible for this order in this state for this person; the verbs check again."""
    edit = may(request.user, EDIT_ORDERS)
    working = order.status in (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT)
    return {
        "hold": edit and working,
        "release": edit and order.status == OrderStatus.ON_HOLD,
        "cancel": edit
        and order.status not in (OrderStatus.CANCELED, OrderStatus.COMPLETED)
        and order.fulfillment_status not in (FulfillmentStatus.DISPATCHED, FulfillmentStatus.DELIVERED),
        "change": edit and order.status in CHANGEABLE and order.fulfillment_status in NOT_PICKED,
        "route": edit and working,
        "note": edit,
        "see_stock": may(request.user, VIEW_STOCK),
        "receive": may(request.user, RECEIVE_RETURNS),
        "return": edit and order.lines.filter(kind="GOODS", quantity_dispatched__gt=0).exists(),
        "refund": may(request.user, REFUND) and order.captured_total > order.refunded_total,
    }


def _money(order: Order) -> list[MoneyCell]:
    net = order.captured_total - order.refunded_total
    open_amount = order.due_total - net
    return [
        MoneyCell(_("Ordered"), order.total),
        MoneyCell(_("Authorized"), order.authorized_total),
        MoneyCell(_("Captured"), order.captured_total),
        MoneyCell(_("Refunded"), order.refunded_total),
        MoneyCell(
            _("Left to collect") if open_amount >= 0 else _("Left to refund"),
            abs(open_amount),
            state="even" if open_amount == 0 else "due",
        ),
    ]


def _entries(order: Order, *, with_audit: bool) -> list[TimelineEntry]:
    entries = []
    for step in timeline.of_order(order, with_audit=with_audit):
        if step.kind == "NOTE":
            entries.append(
                TimelineEntry(_("Note"), step.at, step.who, "note", "warn", said=step.details["text"])
            )
        elif step.kind == "AUDIT":
            changed = ", ".join(f"{k}: {v[0]} → {v[1]}" for k, v in (step.details["changes"] or {}).items())
            entries.append(
                TimelineEntry(
                    f"{step.code} · {step.details['action']}",
                    step.at,
                    step.who,
                    "list",
                    "idle",
                    changed[:400],
                )
            )
        else:
            title, icon, tone = words.EVENTS.get(step.code, (step.code, "info", "idle"))
            detail = words.event_words(step.details)
            entries.append(TimelineEntry(title, step.at, step.who, icon, tone, detail))
    return entries


# --- acts: each one verb, its refusal shown where it was asked -------------------------------------------------------------------


def _act(permission: str) -> Callable[[Callable[[HttpRequest, Order], str]], Callable[..., HttpResponse]]:
    """A POST about one order: the verb's word as a toast, its refusal by name on the page."""

    def wrap(act: Callable[[HttpRequest, Order], str]) -> Callable[..., HttpResponse]:
        @require_POST
        @staff_page(permission)
        def view(request: HttpRequest, number: str) -> HttpResponse:
            order = order_of(request, number)
            try:
                toast(request, act(request, order))
            except Refusal as refusal:
                messages.error(request, refusals.say(refusal))
            return redirect("ops:order", number=order.number)

        return view

    return wrap


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


@_act(EDIT_ORDERS)
def hold(request: HttpRequest, order: Order) -> str:
    with_transaction(
        orders.hold_order, order_id=order.pk, reason=request.POST.get("reason", ""), by=_user(request)
    )
    return _("The order is on hold.")


@_act(EDIT_ORDERS)
def release(request: HttpRequest, order: Order) -> str:
    with_transaction(orders.release_order, order_id=order.pk, by=_user(request), now=timezone.now())
    return _("The order is released.")


@_act(EDIT_ORDERS)
def cancel(request: HttpRequest, order: Order) -> str:
    reason = request.POST.get("reason", "").strip() or _("canceled by the shop")
    chosen = _chosen_units(request, order)
    if chosen:
        cancellation.cancel_lines(
            order_id=order.pk, lines=chosen, reason=reason, by=_user(request), now=timezone.now()
        )
        return _("The chosen units are canceled.")
    cancellation.cancel_order(order_id=order.pk, reason=reason, by=_user(request), now=timezone.now())
    return _("The order is canceled.")


def _chosen_units(request: HttpRequest, order: Order) -> list[tuple[str, int]]:
    """(SKU, units) of the lines that got a quantity above zero."""
    typed = (
        (line.sku, str(request.POST.get(f"qty_{line.sku}", ""))) for line in order.lines.filter(kind="GOODS")
    )
    return [
        (sku, int(text)) for sku, text in typed if text.isascii() and text.isdigit() and int(text[:9]) > 0
    ]


@_act(EDIT_ORDERS)
def route(request: HttpRequest, order: Order) -> str:
    routing.propose_routing(order_id=order.pk, now=timezone.now(), by=None)
    return _("A fresh plan is proposed.")


@_act(EDIT_ORDERS)
def add_note(request: HttpRequest, order: Order) -> str:
    orders.add_note(
        order_id=order.pk, text=request.POST.get("text", ""), by=_user(request), now=timezone.now()
    )
    return _("The note is added.")


@_act(EDIT_ORDERS)
def start_return(request: HttpRequest, order: Order) -> str:
    reason = request.POST.get("reason", "CHANGED_MIND")
    asked = [returns.Asked(sku, quantity, reason) for sku, quantity in _chosen_units(request, order)]
    made = returns.request_return(
        order_id=order.pk,
        lines=asked,
        by=_user(request),
        now=timezone.now(),
        buyer_id_kind=request.POST.get("buyer_id_kind", "")[:2],
        buyer_id=request.POST.get("buyer_id", "")[:20],
        bank_account=request.POST.get("bank_account", "")[:34],
    )
    return _("Return %(number)s is open.") % {"number": made.number}


@_act(EDIT_ORDERS)
def send_ahead(request: HttpRequest, order: Order) -> str:
    """The goods of an even exchange leave before those that they replace are here."""
    exchanges.send_ahead(number=order.number, by=_user(request), now=timezone.now())
    return _("It is sent without waiting for what comes back.")


@_act(RECEIVE_RETURNS)
def receive_return(request: HttpRequest, order: Order) -> str:
    place = request.POST.get("location", "")
    if place not in {one.code for one in _places(request)}:
        raise NotAllowed(_("You do not work there."))
    wanted = order.returns.filter(
        number=request.POST.get("return", ""), status=ReturnStatus.REQUESTED
    ).first()
    if wanted is None:
        raise returns.ReturnNotFound(_("There is no such return."))
    done = returns.receive_return(
        number=wanted.number,
        location_code=place,
        lines=[
            returns.Arrived(
                line.order_line.sku,
                line.quantity,
                request.POST.get(f"disposition_{line.order_line.sku}", "RESTOCK"),
            )
            for line in wanted.lines.select_related("order_line")
        ],
        by=_user(request),
        now=timezone.now(),
        bank_account=request.POST.get("bank_account", ""),
    )
    return _("Return %(number)s is received.") % {"number": done.number}


@_act(REFUND)
def refund(request: HttpRequest, order: Order) -> str:
    finance.request_refund(
        order_id=order.pk,
        amount=read_amount(request.POST.get("amount", "")) or ZERO,
        reason=request.POST.get("reason", "").strip()[:120] or _("refund"),
        by=_user(request),
        now=timezone.now(),
        bank_account=request.POST.get("bank_account", ""),
    )
    return _("The refund is on its way.")


def with_transaction(verb: Callable[..., Any], **arguments: Any) -> Any:
    """Operations expect their caller's transaction; a page is that caller."""
    with transaction.atomic():
        return verb(**arguments)
