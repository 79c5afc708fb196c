"""The list of orders: filters in the URL, views as tabs, search by anything, pages by cursor."""

from datetime import datetime

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from oms import search
from oms.models import Order, SavedView
from retail.front.toasts import toast
from retail.kernel.access import EDIT_ORDERS, VIEW_ORDERS, may, of_seen_entities, staff_page
from retail.kernel.models import User
from retail.rest.paging import InvalidCursor, decode, encode
from storefront.models import Channel

PAGE_SIZE = 50
TITLES = {
    "": gettext_lazy("All"),
    "today": gettext_lazy("Today"),
    "unrouted": gettext_lazy("No plan"),
    "late": gettext_lazy("Late"),
    "held": gettext_lazy("On hold"),
    "unpaid": gettext_lazy("Waiting for payment"),
    "pickup": gettext_lazy("Pickup"),
    "companies": gettext_lazy("Companies"),
}
LABELS = {
    "status": gettext_lazy("order"),
    "payment_status": gettext_lazy("payment"),
    "fulfillment_status": gettext_lazy("fulfillment"),
    "delivery_method": gettext_lazy("delivery"),
    "payment_method": gettext_lazy("paid by"),
    "channel": gettext_lazy("channel"),
    "placed_from": gettext_lazy("placed from"),
    "placed_to": gettext_lazy("placed to"),
    "campaign": gettext_lazy("campaign"),
    "q": gettext_lazy("search"),
}


@require_GET
@staff_page(VIEW_ORDERS)
def order_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    filters = search.Filters.of_query(request.GET.dict())
    seen = of_seen_entities(Order.objects.all(), request.user)
    rows = search.with_exceptions(search.orders(filters, among=seen, now=now))
    orders, following = _page(rows.order_by("-placed_at", "-id"), request.GET.get("after", ""))
    if len(orders) == 1 and filters.text and request.GET.get("go"):
        return redirect("ops:order", number=orders[0].number)
    counts = search.view_counts(among=seen, now=now)
    context = {
        "orders": orders,
        "next": following,
        "filters": filters,
        "now": now,
        "tabs": [(name, title, counts.get(name)) for name, title in TITLES.items()],
        "saved": SavedView.objects.filter(Q(user=request.user.pk) | Q(user=None), page="orders"),
        "chosen": [
            (LABELS[name], _value_label(name, request.GET[name]), _without(request, name))
            for name in LABELS
            if request.GET.get(name)
        ],
        "choices": [
            (
                name,
                LABELS[name],
                [(value, word, value == getattr(filters, name)) for value, word in choices.choices],
            )
            for name, choices in search.CHOICES.items()
        ],
        "channels": Channel.objects.filter(is_active=True).order_by("name"),
        "may_edit": may(request.user, EDIT_ORDERS),
    }
    template = "ops/orders.html#rows" if request.headers.get("HX-Target") == "list" else "ops/orders.html"
    return render(request, template, context)


def _without(request: HttpRequest, name: str) -> str:
    """The address of the list with this filter taken off."""
    query = request.GET.copy()
    for key in (name, "after"):
        query.pop(key, None)
    return query.urlencode()


def _value_label(name: str, value: str) -> str:
    choices = search.CHOICES.get(name)
    return str(choices(value).label) if choices and value in choices.values else value


def _page(rows: QuerySet[Order], cursor: str) -> tuple[list[Order], str]:
    if cursor:
        try:
            at, pk = decode(cursor, 2)
            moment = datetime.fromisoformat(at)
            # The plain bound is what the index begins at; the alternative alone would be read from the newest on.
            rows = rows.filter(
                Q(placed_at__lt=moment) | Q(placed_at=moment, pk__lt=int(pk)), placed_at__lte=moment
            )
        except (InvalidCursor, ValueError, TypeError):
            pass  # a cursor that was cut short begins at the first page
    found = list(rows[: PAGE_SIZE + 1])
    if len(found) <= PAGE_SIZE:
        return found, ""
    last = found[PAGE_SIZE - 1]
    return found[:PAGE_SIZE], encode([last.placed_at.isoformat(), last.pk])


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


@require_POST
@staff_page(VIEW_ORDERS)
def save_view(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "").strip()[:60]
    query = request.POST.get("query", "").lstrip("?")[:500]
    if not name:
        messages.error(request, _("Give the view a name."))
    else:
        SavedView.objects.update_or_create(
            user=_me(request), page="orders", name=name, defaults={"query": query}
        )
        toast(request, _("The view “%(name)s” is saved.") % {"name": name})
    response = redirect("ops:orders")
    response["Location"] += f"?{query}" if query else ""
    return response


@require_POST
@staff_page(VIEW_ORDERS)
def forget_view(request: HttpRequest, pk: int) -> HttpResponse:
    SavedView.objects.filter(pk=pk, user=_me(request)).delete()
    toast(request, _("The view is removed."))
    return redirect("ops:orders")
