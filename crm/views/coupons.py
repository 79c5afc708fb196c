"""Codes in the back office: batches made under a discount, what is used and left of them, taken out as a file, put out of use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models import Coupon, CouponBatch, Discount
from crm.operations import coupons as crm
from crm.states import Audience, DiscountState
from crm.views.acts import user_of
from oms.models import LineDiscount
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.access import EDIT_CAMPAIGNS, VIEW_CAMPAIGNS, may, staff_page
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.errors import InvalidInput, Refusal

PAGE = 50
USES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Stand:
    """A batch and its codes: how many there are, how often they were used, how many cannot be used any more."""

    batch: CouponBatch
    codes: int = 0
    uses: int = 0
    spent: int = 0
    is_over: bool = False

    @property
    def left(self) -> int:
        """Codes that somebody can still use."""
        return 0 if self.is_over or not self.batch.is_active else self.codes - self.spent


@require_http_methods(["GET", "POST"])
@staff_page(VIEW_CAMPAIGNS)
def coupon_list(request: HttpRequest) -> HttpResponse:
    """All batches, newest first; a typed code leads to its own. POST makes a batch."""
    may_edit = may(request.user, EDIT_CAMPAIGNS)
    if request.method == "POST":
        return _make(request) if may_edit else HttpResponse(status=403)
    typed = request.GET.get("code", "").strip()
    coupon = _find(typed) if typed else None
    page = Paginator(CouponBatch.objects.order_by("-created_at", "-pk"), PAGE).get_page(
        request.GET.get("page")
    )
    return render(request, "crm/coupons.html", {**_page(request, page), "typed": typed, "coupon": coupon})


@require_GET
@staff_page(VIEW_CAMPAIGNS)
def batch_page(request: HttpRequest, batch_id: int) -> HttpResponse:
    batch = get_object_or_404(
        CouponBatch.objects.select_related("discount__campaign", "created_by"), pk=batch_id
    )
    now = timezone.now()
    used = (
        LineDiscount.objects.filter(coupon__batch=batch)
        .values("coupon__code", "line__order__number", "line__order__currency", "line__order__placed_at")
        .annotate(given=Sum("amount"))
        .order_by("-line__order__placed_at", "coupon__code")
    )
    return render(
        request,
        "crm/coupon_batch.html",
        {
            "batch": batch,
            "stand": _stands([batch], now)[0],
            "word": batch.coupons.order_by("pk").first(),
            "used": used[:USES_SHOWN],
            "may_edit": may(request.user, EDIT_CAMPAIGNS),
            "now": now,
            "crumbs": [(_("Coupons"), reverse("ops:coupons")), (batch.name, "")],
        },
    )


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def export(request: HttpRequest, batch_id: int) -> HttpResponse:
    """A streamed CSV of all its codes. Who took it is written first."""
    try:
        pieces = crm.export_codes(batch_id=batch_id, by=user_of(request), now=timezone.now())
    except crm.UnknownBatch:
        return redirect("ops:coupons")
    response = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="coupons-{batch_id}.csv"'
    return response  # type: ignore[return-value]


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def stop(request: HttpRequest, batch_id: int) -> HttpResponse:
    try:
        crm.stop_batch(batch_id=batch_id, by=user_of(request), now=timezone.now())
        toast(request, _("The codes hold no longer."))
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("ops:coupons")
    return redirect("ops:coupon_batch", batch_id)


def _make(request: HttpRequest) -> HttpResponse:
    try:
        batch = _made(request)
    except Refusal as refusal:
        fields = refusal.details.get("fields") or [refusal.details.get("field", "")]
        batches = Paginator(CouponBatch.objects.order_by("-created_at", "-pk"), PAGE).get_page(1)
        context = {**_page(request, batches), "given": request.POST, "wrong": fields}
        return render(request, "crm/coupons.html", {**context, "refusal": refusals.say(refusal)}, status=422)
    toast(request, _("The codes are made."))
    return redirect("ops:coupon_batch", batch.pk)


def _made(request: HttpRequest) -> CouponBatch:
    is_word = request.POST.get("sort") == "word"
    return crm.create_batch(
        discount_id=_number(request, "discount") or 0,
        name=request.POST.get("name", ""),
        word=request.POST.get("word", "") if is_word else "",
        count=0 if is_word else _number(request, "count") or 0,
        prefix="" if is_word else request.POST.get("prefix", ""),
        uses_max=_number(request, "uses_max"),
        uses_per_customer_max=_number(request, "uses_per_customer_max"),
        valid_to=_end_of(request, "valid_to"),
        by=user_of(request),
        now=timezone.now(),
    )


def _page(request: HttpRequest, page: Any) -> dict[str, Any]:
    now = timezone.now()
    wanted = CouponBatch.objects.select_related("discount__campaign").in_bulk([each.pk for each in page])
    return {
        "page": page,
        "rows": _stands([wanted[each.pk] for each in page], now),
        "discounts": Discount.objects.filter(audience=Audience.COUPON)
        .exclude(state=DiscountState.ENDED)
        .order_by("-created_at"),
        "chosen": request.POST.get("discount") or request.GET.get("discount", ""),
        "given": {},
        "wrong": [],
        "count_max": crm.COUNT_MAX,
        "may_edit": may(request.user, EDIT_CAMPAIGNS),
        "now": now,
    }


def _stands(batches: Sequence[CouponBatch], now: datetime) -> list[Stand]:
    """One statement for all of them."""
    sums = {
        row["batch"]: row
        for row in Coupon.objects.filter(batch__in=batches)
        .values("batch")
        .annotate(
            codes=Count("pk"),
            used=Sum("uses"),
            spent=Count("pk", filter=Q(uses_max__isnull=False, uses__gte=F("uses_max"))),
        )
    }
    found = []
    for batch in batches:
        row = sums.get(batch.pk, {"codes": 0, "used": 0, "spent": 0})
        is_over = batch.valid_to is not None and batch.valid_to <= now
        found.append(Stand(batch, row["codes"], row["used"], row["spent"], is_over))
    return found


def _find(typed: str) -> Coupon | None:
    return (
        Coupon.objects.select_related("batch__discount", "customer")
        .filter(code=crm.normal_code(typed))
        .first()
    )


def _number(request: HttpRequest, name: str) -> int | None:
    """As people write it: 1.000.000 too. Nothing: no limit."""
    text = request.POST.get(name, "").strip().replace(".", "").replace(" ", "").replace("\xa0", "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInput("Write a whole number.", field=name)
    return int(text)


def _end_of(request: HttpRequest, name: str) -> datetime | None:
    """They hold until the end of this day."""
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("This is not a day.", field=name) from None
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=BUSINESS_ZONE)
