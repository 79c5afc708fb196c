"""Goods that a buyer brings or sends back: scan the code of the return, say what came and in which condition."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from oms.models import Return, ReturnLine
from oms.states import Disposition, ReturnStatus
from oms.workflows.returns import Arrived, receive_return
from retail.kernel.models import Location
from warehouse.operations import InvalidQuantity
from warehouse.views.scan import drafts
from warehouse.views.scan.place import return_page, staff
from warehouse.views.scan.results import Result, good, leave, once, repeat, show, wrong


def waiting(code: str) -> Return | None:
    """A return that waits for its goods, by the number on its label; goods may come to any place."""
    return Return.objects.filter(number__iexact=code, status=ReturnStatus.REQUESTED).first()


@require_http_methods(["GET", "POST"])
@return_page
def return_start(request: HttpRequest, place: Location) -> HttpResponse:
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:60]
        if found := waiting(code):
            return leave(request, None, reverse("scan:return_one", args=[found.number]))
        result = _unknown(code)
    return show(request, "scan/return_start.html", {"place": place}, result)


def _unknown(code: str) -> Result:
    if Return.objects.filter(number__iexact=code).exists():
        return repeat(_("These goods were received, or the return was rejected."))
    return wrong(_("Unknown"), _("%(code)s is no return.") % {"code": code})


@require_http_methods(["GET", "POST"])
@return_page
def return_one(request: HttpRequest, place: Location, number: str) -> HttpResponse:
    """What was announced; posted, it is received here and the money goes back."""
    found = Return.objects.select_related("order").filter(number=number).first()
    if found is None:
        raise Http404("no such return")
    if found.status != ReturnStatus.REQUESTED and request.method != "POST":
        return leave(request, _unknown(number), reverse("scan:return"))
    result = None
    if request.method == "POST":
        result = once(request, lambda: _receive(request, place, found))
        if result.kind != "wrong":
            return leave(request, result, reverse("scan:return"))
    rows = [_row(request, line) for line in _lines(found)]
    context = {"place": place, "returned": found, "rows": rows, "dispositions": Disposition.choices}
    return show(request, "scan/return_one.html", context, result)


def _lines(found: Return) -> list[ReturnLine]:
    return list(
        found.lines.select_related("order_line__variant__product").order_by("order_line__position", "pk")
    )


def _row(request: HttpRequest, line: ReturnLine) -> dict[str, Any]:
    return {
        "line": line,
        "units": request.POST.get(f"units_{line.pk}", line.quantity),
        "disposition": request.POST.get(f"disposition_{line.pk}", Disposition.RESTOCK),
    }


def _receive(request: HttpRequest, place: Location, found: Return) -> Result:
    arrived = []
    for line in _lines(found):
        units = drafts.units(request.POST.get(f"units_{line.pk}", "0"), least=0)
        if units is None:
            raise InvalidQuantity("Returned units are whole numbers from 0.")
        if units:
            condition = request.POST.get(f"disposition_{line.pk}", "")
            arrived.append(Arrived(line.order_line.sku, units, condition))
    done = receive_return(
        number=found.number, location_code=place.code, lines=arrived, by=staff(request), now=timezone.now()
    )
    units = sum(each.quantity for each in arrived)
    words = ngettext("%(n)s unit is back, %(number)s.", "%(n)s units are back, %(number)s.", units)
    return good(_("Received"), words % {"n": units, "number": done.number})
