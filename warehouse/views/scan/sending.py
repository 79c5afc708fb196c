"""What this place sends to others: units are scanned off the shelf into the box of a transfer, which then leaves."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from retail.kernel.models import Location
from storefront import selectors as catalog
from storefront.models import Variant
from warehouse.models import Reservation, Transfer
from warehouse.operations.transfers import WantedUnits, ship_transfer
from warehouse.states import ReservationState, TransferStatus
from warehouse.views.scan import drafts, work
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once, repeat, show, wrong
from warehouse.workflows import report_missing


@dataclass
class Row:
    """One title of the transfer: so many units from these shelves, so many of them scanned."""

    variant: Variant
    shelves: list[str]
    claimed: int = 0
    counted: int = 0

    @property
    def left(self) -> int:
        return self.claimed - self.counted


@require_http_methods(["GET", "POST"])
@scan_page
def send_list(request: HttpRequest, place: Location) -> HttpResponse:
    """Transfers that wait to be sent from here; scanning one's number opens it."""
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:24]
        found = work.to_send(place).filter(number__iexact=code).first()
        if found is not None:
            return leave(request, None, reverse("scan:send_one", args=[found.number]))
        result = wrong(_("Unknown transfer"), _("%(code)s is not to be sent from here.") % {"code": code})
    return show(request, "scan/send_list.html", {"place": place, "waiting": work.to_send(place)[:50]}, result)


@require_http_methods(["GET", "POST"])
@scan_page
def send_one(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """Scan unit after unit; what is not on its shelf is said; then the whole transfer leaves."""
    transfer = Transfer.objects.select_related("target", "order").filter(source=place, number=number).first()
    if transfer is None:
        raise Http404
    if transfer.status != TransferStatus.REQUESTED:
        text = _("%(number)s has left, or is not wanted any more.") % {"number": number}
        return leave(request, repeat(text), reverse("scan:send"))
    draft = drafts.open_draft(request, f"send:{number}")
    rows = _rows(transfer, draft)
    result = None
    if request.method == "POST":
        act = request.POST.get("act", "")
        if act == "send":
            result = once(request, lambda: _send(request, transfer, rows))
            if result.kind != "wrong":
                drafts.forget(request, draft)
                return leave(request, result, reverse("scan:send"))
        elif act == "missing":
            result = once(request, lambda: _missing(request, transfer, rows))
        else:
            result = _scanned(request, rows, draft)
        rows = _rows(transfer, draft)
    context = {
        "place": place,
        "transfer": transfer,
        "rows": rows,
        "counted": sum(row.counted for row in rows),
        "claimed": sum(row.claimed for row in rows),
    }
    return show(request, "scan/send_one.html", context, result)


def _rows(transfer: Transfer, draft: drafts.Draft) -> list[Row]:
    """In the order of the walk."""
    claims = (
        Reservation.objects.filter(transfer_line__transfer=transfer, state=ReservationState.ALLOCATED)
        .select_related("variant__product", "stock_item__bin")
        .order_by("stock_item__bin__pick_sequence", "stock_item__bin__code", "pk")
    )
    rows: dict[int, Row] = {}
    for claim in claims:
        row = rows.setdefault(claim.variant_id, Row(claim.variant, []))
        row.claimed += claim.quantity
        if claim.stock_item.bin.code not in row.shelves:
            row.shelves.append(claim.stock_item.bin.code)
    for variant_id, row in rows.items():
        row.counted = min(row.claimed, draft.of(variant_id)[0])
    return list(rows.values())


def _scanned(request: HttpRequest, rows: list[Row], draft: drafts.Draft) -> Result:
    code = request.POST.get("code", "").strip()[:60]
    variant = catalog.variant_by_code(code)
    row = next((one for one in rows if variant is not None and one.variant.pk == variant.pk), None)
    if row is None:
        return wrong(_("Wrong item"), _("%(code)s is not wanted here. Put it back.") % {"code": code})
    quantity = drafts.units(request.POST.get("quantity", "1"))
    if quantity is None or quantity > row.left:
        return wrong(_("Wrong quantity"), _("%(n)s left to scan of it.") % {"n": row.left})
    if not draft.count(row.variant.pk, quantity, scan_id=request.POST.get("scan_id", "")):
        return repeat()
    drafts.keep(request, draft)
    done = _("%(n)s of %(all)s") % {"n": row.counted + quantity, "all": row.claimed}
    return good(_("Good, %(count)s") % {"count": done}, row.variant.product.title)


def _missing(request: HttpRequest, transfer: Transfer, rows: list[Row]) -> Result:
    """The shelf is empty but for what was scanned."""
    row = next((one for one in rows if str(one.variant.pk) == request.POST.get("variant", "")), None)
    if row is None or not row.left:
        return wrong(_("Not to be done any more"), _("Somebody was faster, or the order has changed."))
    displaced = report_missing(
        transfer_id=transfer.pk,
        variant_id=row.variant.pk,
        quantity_found=row.counted,
        by=staff(request),
        now=timezone.now(),
    )
    if any(one.served < one.units for one in displaced.orders):
        return good(_("Written"), _("It is nowhere else. A person decides about the order."))
    return good(_("Written"), _("The rest is looked for elsewhere."))


def _send(request: HttpRequest, transfer: Transfer, rows: list[Row]) -> Result:
    units = sum(row.counted for row in rows)
    ship_transfer(
        transfer_id=transfer.pk,
        lines=[WantedUnits(row.variant.pk, row.counted) for row in rows if row.counted],
        by=staff(request),
        now=timezone.now(),
    )
    text = ngettext("%(n)s unit to %(place)s.", "%(n)s units to %(place)s.", units)
    return good(_("On its way"), text % {"n": units, "place": transfer.target.name})
