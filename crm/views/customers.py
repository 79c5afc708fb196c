"""Back office pages of the accounts that buy: find one by anything, see everything about it in one place."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET

from crm import search
from crm.models import Customer, Discount, LoyaltyAccount
from crm.selectors.duplicates import duplicates_of
from crm.states import Audience, CustomerKind, DiscountState
from crm.views import facts, merging
from oms import selectors as oms
from oms.models import Order, Return
from retail.front.keyset import newest_first
from retail.kernel.access import EDIT_CAMPAIGNS, EDIT_CUSTOMERS, VIEW_CUSTOMERS, VIEW_ORDERS, may, staff_page
from retail.kernel.clock import business_date
from retail.kernel.models import User

LETTERS_SHOWN = 20
POINTS_SHOWN = 20
RETURNS_SHOWN = 20
OFFERS_SHOWN = 20
NOTES_SHOWN = 20
TASKS_SHOWN = 20
# Why points moved, in words.
POINTS = {
    "EARNED": gettext_lazy("Earned"),
    "BURNED": pgettext_lazy("points", "Used"),
    "RELEASED": gettext_lazy("Given back"),
    "REVERSED": gettext_lazy("Taken back"),
    "EXPIRED": pgettext_lazy("points", "Expired"),
    "MERGED_IN": gettext_lazy("From a merged account"),
    "MERGED_OUT": gettext_lazy("To a merged account"),
}
# The letter's kind in words; a new kind is shown by its code until it has some.
LETTERS = {
    "order_placed": gettext_lazy("Order placed"),
    "bank_transfer": gettext_lazy("How to pay by transfer"),
    "payment_received": gettext_lazy("Payment received"),
    "payment_failed": gettext_lazy("Payment failed"),
    "order_canceled": gettext_lazy("Order canceled"),
    "order_lines_canceled": gettext_lazy("Some units canceled"),
    "dispatched": gettext_lazy("Parcel on its way"),
    "ready_for_pickup": gettext_lazy("Ready for pickup"),
    "delivered": gettext_lazy("Delivered"),
    "return_requested": gettext_lazy("Return requested"),
    "return_received": gettext_lazy("Return received"),
    "return_rejected": gettext_lazy("Return rejected"),
    "exchange_agreed": gettext_lazy("Exchange agreed"),
    "exchange_ended": gettext_lazy("Exchange came to nothing"),
    "refunded": gettext_lazy("Money returned"),
    "alert_confirm": gettext_lazy("Asked to confirm the address"),
    "consent_confirm": gettext_lazy("Asked to confirm a consent"),
    "alert_back": gettext_lazy("There again"),
    "alert_price": gettext_lazy("Costs less"),
}


@require_GET
@staff_page(VIEW_CUSTOMERS)
def customer_list(request: HttpRequest) -> HttpResponse:
    """Newest accounts first, or those that fit what was typed. One hit opens by itself."""
    text = request.GET.get("q", "").strip()[:100].replace("\0", "")
    kind = request.GET.get("kind", "")
    if (order := oms.order_by_number(text.upper())) and order.customer:
        return redirect("ops:customer", order.customer.public_id)
    rows, following = newest_first(
        search.customers(text=text, kind=kind), by="created_at", cursor=request.GET.get("after", "")
    )
    if text and len(rows) == 1 and not request.GET.get("after"):
        return redirect("ops:customer", rows[0].public_id)
    return render(
        request,
        "crm/customers.html",
        {
            "rows": _with_orders(rows),
            "next": following,
            "text": text,
            "kind": kind,
            "kinds": CustomerKind.choices,
            "may_edit": may(request.user, EDIT_CUSTOMERS),
            "may_program": may(request.user, EDIT_CAMPAIGNS),
            "now": timezone.now(),
        },
    )


def _with_orders(rows: list[Customer]) -> list[tuple[Customer, int, datetime | None]]:
    """How much each of them ordered and when last, in one statement."""
    counts: dict[int, dict[str, Any]] = {
        row["customer"]: dict(row)
        for row in Order.objects.filter(customer__in=rows)
        .order_by()
        .values("customer")
        .annotate(n=Count("pk"), last=Max("placed_at"))
    }
    nothing: dict[str, Any] = {"n": 0, "last": None}
    return [(row, counts.get(row.pk, nothing)["n"], counts.get(row.pk, nothing)["last"]) for row in rows]


@require_GET
@staff_page(VIEW_CUSTOMERS)
def customer_page(request: HttpRequest, public_id: str) -> HttpResponse:
    customer = get_object_or_404(
        Customer.objects.select_related("loyalty__tier", "user", "merged_into"), public_id=public_id
    )
    if customer.merged_into is not None:
        return redirect("ops:customer", customer.merged_into.public_id)
    now = timezone.now()
    shown, following = newest_first(
        Order.objects.filter(customer=customer).select_related("channel"),
        by="placed_at",
        cursor=request.GET.get("after", ""),
    )
    loyalty: LoyaltyAccount | None = getattr(customer, "loyalty", None)
    figures = facts.figures_of(customer)
    return render(
        request,
        "crm/customer.html",
        {
            "customer": customer,
            "language": dict(settings.LANGUAGES).get(customer.language, customer.language),
            "orders": shown,
            "next": following,
            "money": facts.money_cells(figures),
            "figures": figures,
            "chart": facts.spend_chart(customer, figures, now),
            "promises": facts.promises_of(customer, now),
            "channels": facts.channels_of(customer),
            "returns": Return.objects.filter(order__customer=customer)
            .select_related("order")
            .order_by("-requested_at")[:RETURNS_SHOWN],
            "baskets": facts.baskets_of(customer),
            "gift_cards": facts.gift_cards_of(customer),
            "addresses": customer.addresses.order_by("-is_default", "pk"),
            "consents": facts.consents_of(customer),
            "offers": customer.offers.select_related("discount", "created_by").order_by(
                F("withdrawn_at").desc(nulls_first=True), "-pk"
            )[:OFFERS_SHOWN],
            "loyalty": loyalty,
            "standing": facts.standing_of(loyalty, now),
            "points": [
                (entry, POINTS.get(entry.reason, entry.reason))
                for entry in loyalty.entries.order_by("-pk")[:POINTS_SHOWN]
            ]
            if loyalty
            else [],
            "notes": customer.notes.select_related("author").order_by("-created_at", "-pk")[:NOTES_SHOWN],
            "tasks": customer.tasks.select_related("assignee", "done_by").order_by(
                F("done_at").desc(nulls_first=True), "due_on", "pk"
            )[:TASKS_SHOWN],
            "merges": customer.merges.filter(undone_at__isnull=True)
            .select_related("merged", "merged_by")
            .order_by("-merged_at"),
            "duplicates": merging.shown(duplicates_of(customer_id=customer.pk))
            if may(request.user, EDIT_CUSTOMERS)
            else [],
            "letters": [
                (letter, LETTERS.get(letter.kind, letter.kind))
                for letter in customer.messages.order_by("-created_at", "-pk")[:LETTERS_SHOWN]
            ],
            "today": business_date(now),
            "now": now,
            "may_orders": may(request.user, VIEW_ORDERS),
            "can": _choices_of_staff() if may(request.user, EDIT_CUSTOMERS) else None,
            "crumbs": [(_("Customers"), reverse("ops:customers")), (customer.name, "")],
        },
    )


def _choices_of_staff() -> dict[str, Any]:
    """What the forms of somebody who may change the account offer."""
    return {
        "colleagues": User.objects.filter(is_staff=True, is_active=True).order_by("name", "email"),
        "discounts": Discount.objects.filter(audience=Audience.ACCOUNT, state=DiscountState.ACTIVE).order_by(
            "name"
        ),
    }
