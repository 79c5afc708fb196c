"""What was bought as a file: its page behind the link of the letter, the download itself, the list on the account, giving it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oms import operations as orders
from oms.models import DownloadGrant, Order, OrderLine
from oms.states import LineKind, OrderStatus
from oms.workflows import digital
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from retail.rest.throttles import count_request
from storefront import operations as catalog
from storefront.views import payment, shopper

A_PAGE = 20
# A person fetches a book a few times; who tries links is slowed down.
TRIES_A_MINUTE = 20


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file of an order as its buyer sees it. `ended` says why it cannot be fetched any more; without a grant it waits for its money."""

    line: OrderLine
    grant: DownloadGrant | None
    link: str
    left: int
    ended: str
    may_go_back: bool


def files_of(order: Order, now: datetime) -> list[FileRow]:
    lines = order.lines.filter(kind=LineKind.DIGITAL).select_related("variant__product", "download")
    return [row_of(line, now) for line in lines.order_by("position")]


def row_of(line: OrderLine, now: datetime) -> FileRow:
    grant: DownloadGrant | None = getattr(line, "download", None)
    if grant is None:
        return FileRow(
            line, None, "", 0, _("This order is canceled") if line.quantity_canceled else "", False
        )
    return FileRow(
        line,
        grant,
        orders.signed(grant),
        grant.downloads_max - grant.downloads,
        ended_words(orders.ended_because(grant, now)),
        may_go_back=grant.downloads == 0 and grant.revoked_at is None,
    )


def ended_words(reason: str) -> str:
    return {
        "": "",
        "REVOKED": _("It was given back, and its money goes back the way it came."),
        "EXPIRED": _("The days for downloading it are over. Write to us and we open it again."),
        "USED_UP": _("It was downloaded as often as agreed. Write to us and we open it again."),
        "REPLACED": _("There is a newer link: use the one from the last letter."),
    }[reason]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def download(request: HttpRequest, link: str) -> HttpResponseBase:
    """The link of the letter shows a page: programs that open every link of a letter begin no download. The button does."""
    if count_request(f"download:{shopper.client_hash(request)}") > TRIES_A_MINUTE:
        return _page(request, None, _("Too many tries in a short time. Wait a minute."), status=429)
    try:
        grant = orders.grant_of(link)
    except orders.UnknownDownload as error:
        raise Http404("no such download") from error
    now = clock.now()
    if request.method != "POST":
        return _page(request, grant, ended_words(orders.ended_because(grant, now)))
    try:
        return _stream(grant, now)
    except orders.DownloadEnded as refusal:
        grant.refresh_from_db()
        return _page(request, grant, ended_words(str(refusal.details["reason"])), status=refusal.status)


def _stream(grant: DownloadGrant, now: datetime) -> FileResponse:
    """Opened before it is counted: a file that is not there uses up nothing."""
    variant = grant.line.variant
    assert variant is not None, "a line of kind DIGITAL names its variant"
    file = variant.file
    content = catalog.open_file(file)
    try:
        orders.take_download(grant=grant, now=now)
    except Refusal:
        content.close()
        raise
    response = FileResponse(content, as_attachment=True, filename=file.name, content_type=file.media_type)
    response.headers["Content-Length"] = str(file.size)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _page(
    request: HttpRequest, grant: DownloadGrant | None, ended: str, *, status: int = 200
) -> HttpResponse:
    now = clock.now()
    context = {
        "row": row_of(grant.line, now) if grant else None,
        "order": grant.line.order if grant else None,
        "ended": ended,
        "contact": parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
        "crumbs": [(_("Home"), reverse("shop:home")), (_("Electronic edition"), "")],
    }
    return render(request, "shop/download.html", context, status=status)


@require_safe
@never_cache
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Everything that the account bought as a file, the newest first."""
    user, customer = shopper.user_of(request), shopper.customer_of(request)
    whose = Q(order__placed_by=user) | Q(order__customer=customer) if customer else Q(order__placed_by=user)
    lines = (
        OrderLine.objects.filter(whose, kind=LineKind.DIGITAL)
        .exclude(order__status=OrderStatus.CANCELED)
        .select_related("order", "variant__product", "download")
        .order_by("-ordered_at", "-pk")
    )
    page, now = Paginator(lines, A_PAGE).get_page(request.GET.get("page")), clock.now()
    context = {
        "page": page,
        "rows": [row_of(line, now) for line in page],
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (_("My account"), reverse("shop:account")),
            (_("My e-books"), ""),
        ],
    }
    return render(request, "shop/ebooks.html", context)


@require_POST
@never_cache
def give_back(request: HttpRequest, token: str, sku: str) -> HttpResponse:
    """Before the first download; afterwards the page says why not."""
    from storefront.views import orders as order_page

    found = payment.order_or_404(token)
    try:
        digital.give_file_back(
            order_id=found.pk,
            sku=sku,
            reason="given back by the shopper",
            by=shopper.user_of(request),
            now=clock.now(),
        )
    except Refusal as refusal:
        found.refresh_from_db()
        return order_page.show(request, found, notice=_refusal_words(refusal), status=refusal.status)
    toast(request, _("It is given back; the money goes back the way it came."))
    return redirect("shop:order", token=token)


def _refusal_words(refusal: Refusal) -> str:
    if isinstance(refusal, orders.DownloadBegun):
        return _("Its download has begun, so it can no longer be given back.")
    return _("There is nothing to give back.")
