"""Back office pages of the accounts that buy: find one by anything, see everything about it in one place."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_GET

from crm import search
from crm.models import Consent, Customer, LoyaltyEntry
from crm.states import ConsentKind, CustomerKind
from oms import selectors as oms
from oms.models import Order, Return
from oms.states import OrderStatus
from retail.front.keyset import newest_first
from retail.front.parts import MoneyCell
from retail.kernel.access import VIEW_CUSTOMERS, VIEW_ORDERS, may, staff_page
from retail.kernel.money import ZERO

LETTERS_SHOWN = 20
POINTS_SHOWN = 20
RETURNS_SHOWN = 20
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
    "refunded": gettext_lazy("Money returned"),
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
        Customer.objects.select_related("loyalty__tier", "user"), public_id=public_id
    )
    orders = Order.objects.filter(customer=customer)
    shown, following = newest_first(
        orders.select_related("channel"), by="placed_at", cursor=request.GET.get("after", "")
    )
    loyalty = getattr(customer, "loyalty", None)
    return render(
        request,
        "crm/customer.html",
        {
            "customer": customer,
            "language": dict(settings.LANGUAGES).get(customer.language, customer.language),
            "orders": shown,
            "next": following,
            "money": _money(orders),
            "channels": list(
                orders.order_by().values_list("channel__name").annotate(n=Count("pk")).order_by("-n")
            ),
            "returns": Return.objects.filter(order__customer=customer)
            .select_related("order")
            .order_by("-requested_at")[:RETURNS_SHOWN],
            "addresses": customer.addresses.order_by("-is_default", "pk"),
            "consents": _consents(customer),
            "loyalty": loyalty,
            "points": LoyaltyEntry.objects.filter(account=loyalty).order_by("-created_at", "-pk")[
                :POINTS_SHOWN
            ]
            if loyalty
            else [],
            "letters": [
                (letter, LETTERS.get(letter.kind, letter.kind))
                for letter in customer.messages.order_by("-created_at", "-pk")[:LETTERS_SHOWN]
            ],
            "may_orders": may(request.user, VIEW_ORDERS),
            "crumbs": [(_("Customers"), reverse("ops:customers")), (customer.name, "")],
        },
    )


def _money(orders: QuerySet[Order]) -> list[MoneyCell]:
    """What the account bought, of every channel; each currency in its own row of sums."""
    sums = (
        orders.exclude(status=OrderStatus.CANCELED)
        .order_by()
        .values("currency")
        .annotate(
            n=Count("pk"),
            ordered=Sum("total"),
            captured=Sum("captured_total"),
            refunded=Sum("refunded_total"),
            due=Sum("due_total"),
        )
        .order_by("-n")
    )
    cells: list[MoneyCell] = []
    for row in sums:
        left: Decimal = row["due"] - row["captured"] + row["refunded"]
        currency = row["currency"]
        cells += [
            MoneyCell(pgettext("sum", "Ordered"), row["ordered"], currency),
            MoneyCell(pgettext("sum", "Paid"), row["captured"], currency),
            MoneyCell(pgettext("sum", "Returned"), row["refunded"], currency),
            MoneyCell(
                _("Left to collect") if left >= 0 else _("Left to refund"),
                abs(left),
                currency,
                state="even" if left == 0 else "due",
            ),
        ]
    return cells or [MoneyCell(pgettext("sum", "Ordered"), ZERO)]


def _consents(customer: Customer) -> list[dict[str, Any]]:
    """Per kind the newest word of the customer, and how often it changed."""
    given: dict[str, list[Consent]] = {}
    for consent in customer.consents.order_by("-given_at", "-pk"):
        given.setdefault(consent.kind, []).append(consent)
    return [
        {
            "label": kind.label,
            "newest": given.get(kind.value, [None])[0],
            "count": len(given.get(kind.value, [])),
        }
        for kind in ConsentKind
    ]
