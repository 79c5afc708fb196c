"""How many look, fill a basket, open the checkout and pay: counted by ourselves, shown in the back office.

Looks and opened checkouts are told by the browser after the page, so that a page stays a read and programs are not counted. Baskets and
orders are the rows that they are.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import operations as crm
from oms.models import Basket, Order
from oms.states import OrderStatus
from retail.front.charts import BarChart, Series
from retail.kernel import clock
from retail.kernel.access import VIEW_CAMPAIGNS, staff_page
from storefront import operations
from storefront.models import Channel, ShopVisit
from storefront.states import FunnelStep
from storefront.views import shopper

PERIODS = (7, 30, 90)


@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """What the browser tells when a page has been shown; whoever asks not to be tracked is not counted."""
    step = request.POST.get("step", "")
    is_counted = step in FunnelStep.values and "1" not in (
        request.headers.get("DNT", ""),
        request.headers.get("Sec-GPC", ""),
    )
    if is_counted:
        now = clock.now()
        operations.count_visit(
            step=step, client_hash=shopper.client_hash(request), day=clock.business_date(now)
        )
        _remember(request, step, now)
    return HttpResponse(status=204)


def _remember(request: HttpRequest, step: str, now: datetime) -> None:
    """What somebody who is signed in looked at, if they let the shop know; of strangers nothing is kept but the count."""
    sku = shopper.plain(request.POST.get("sku", ""), 60)
    if step == FunnelStep.VIEW and sku and (user := shopper.user_of(request)):
        crm.record_view(user_id=user.pk, sku=sku, now=now)


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def funnel(request: HttpRequest) -> HttpResponse:
    now, channel = clock.now(), shopper.channel()
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else PERIODS[1]
    today = clock.business_date(now)
    steps = _steps(channel, today - timedelta(days=days - 1), today)
    chart = BarChart(
        finding=_finding(steps[0][1], steps[-1][1]),
        label_head=_("Step"),
        labels=[_("Looks"), _("Baskets"), _("Checkouts"), _("Orders")],
        bars=Series(_("Visits"), [count for _word, count in steps]),
    )
    rows = [
        (word, count, _percent(count, steps[place - 1][1]) if place else None)
        for place, (word, count) in enumerate(steps)
    ]
    context = {"chart": chart, "rows": rows, "days": days, "periods": PERIODS, "now": now}
    return render(request, "shop/ops/funnel.html", context)


def _steps(channel: Channel, since: date, until: date) -> list[tuple[str, int]]:
    """The four steps of these business days, in three statements."""
    seen = dict(
        ShopVisit.objects.filter(day__gte=since, day__lte=until).values_list("step").annotate(n=Count("pk"))
    )
    zone = ZoneInfo(settings.TIME_ZONE)
    start = datetime.combine(since, time(), zone)
    end = datetime.combine(until + timedelta(days=1), time(), zone)
    baskets = Basket.objects.filter(channel=channel, created_at__gte=start, created_at__lt=end).count()
    paid = Order.objects.filter(
        ~Q(status__in=[OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELED]),
        is_imported=False,
        channel=channel,
        placed_at__gte=start,
        placed_at__lt=end,
    ).count()
    return [
        (str(FunnelStep.VIEW.label), seen.get(FunnelStep.VIEW.value, 0)),
        (_("Filled a basket"), baskets),
        (str(FunnelStep.CHECKOUT.label), seen.get(FunnelStep.CHECKOUT.value, 0)),
        (_("Paid, or agreed to pay on delivery"), paid),
    ]


def _finding(looks: int, paid: int) -> str:
    """What the picture shows; before browsers have told anything, that there is nothing to compare with."""
    if looks < paid or not looks:
        return _("More orders than looks that browsers told of: counting began later.")
    return _("Of 100 who looked, %(paid)s paid.") % {"paid": _percent(paid, looks)}


def _percent(part: int, whole: int) -> str:
    return f"{round(100 * part / whole)}" if whole else "0"
