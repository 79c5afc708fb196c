"""Acts on paid files of an order: renewing a link with a reason, giving one back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from oms import operations as orders
from oms.models import DownloadGrant
from oms.views.order import order_of
from oms.workflows import digital
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.access import EDIT_ORDERS, REFUND, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.models import User


@require_POST
@staff_page(EDIT_ORDERS)
def renew(request: HttpRequest, number: str, public_id: str) -> HttpResponse:
    order = order_of(request, number)
    assert isinstance(request.user, User), "the page is for staff"
    try:
        if not DownloadGrant.objects.filter(public_id=public_id, line__order=order).exists():
            raise orders.UnknownDownload("There is no such download.")
        orders.renew_download(
            public_id=public_id, reason=request.POST.get("reason", ""), by=request.user, now=timezone.now()
        )
        toast(request, _("A new link is on its way to the buyer."))
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
    return redirect("ops:order", number=order.number)


@require_POST
@staff_page(REFUND)
def give_back(request: HttpRequest, number: str, sku: str) -> HttpResponse:
    """Only before the first download; the verb says so."""
    order = order_of(request, number)
    assert isinstance(request.user, User), "the page is for staff"
    try:
        digital.give_file_back(
            order_id=order.pk,
            sku=sku,
            reason=request.POST.get("reason", "").strip() or "-",
            by=request.user,
            now=timezone.now(),
        )
        toast(request, _("The file is given back, its money is on the way."))
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
    return redirect("ops:order", number=order.number)
