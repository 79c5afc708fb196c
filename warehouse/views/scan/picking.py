"""Picking: whole shipments are taken into boxes A to E, then shelf by shelf, one unit at a time."""

from typing import Any

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from retail.kernel.models import Location, User
from storefront import selectors as catalog
from warehouse.models import Bin, Reservation
from warehouse.operations import Pick, pick
from warehouse.operations.waves import take_to_pick
from warehouse.states import ReservationState
from warehouse.views.scan import work
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once, repeat, show, wrong
from warehouse.views.scan.work import BOXES, PickTask
from warehouse.workflows import short_pick

_BOXES, _SKIPPED = "scan.boxes", "scan.skipped"
WAITING_SHOWN = 30
UNITS_AT_ONCE_MAX = 999


@require_http_methods(["GET", "POST"])
@scan_page
def pick_page(request: HttpRequest, place: Location) -> HttpResponse:
    """The next task of the picker's wave; without a wave, the shipments that wait."""
    if request.method == "POST":
        result, shelf = _scanned(request, place)
        return _task_page(request, place, result, shelf)
    return _task_page(request, place, None, "")


def _task_page(request: HttpRequest, place: Location, result: Result | None, shelf: str) -> HttpResponse:
    tasks = _tasks(request, place)
    if not tasks:
        return _waiting_page(request, place, result)
    task = tasks[0]
    wave = _wave_progress(place, staff(request))
    context = {
        "place": place,
        "task": task,
        "next": tasks[1:6],
        "shelf": shelf if shelf == task.bin else "",
        "last": request.POST.get("code", "").strip() if result and result.kind == "good" else "",
        "wave": wave,
        "left": wave[1] - wave[0],
    }
    return show(request, "scan/pick.html", context, result)


def _waiting_page(request: HttpRequest, place: Location, result: Result | None) -> HttpResponse:
    now = timezone.now()
    waiting = list(work.for_now(work.to_pick(place), now)[:WAITING_SHOWN])
    later = list(work.for_later(work.to_pick(place), now)[:WAITING_SHOWN])
    taken = [one for one in [*waiting, *later] if one.picker_id is not None]
    names = dict(User.objects.filter(pk__in={one.picker_id for one in taken}).values_list("pk", "name"))
    context = {
        "place": place,
        "free": [one for one in waiting if one.picker_id is None],
        "later": [one for one in later if one.picker_id is None],
        "taken": [(one, names.get(one.picker_id, "")) for one in taken],
        "to_pack": work.for_now(work.to_pack(place), now).count(),
        "boxes_max": len(BOXES),
    }
    return show(request, "scan/pick_list.html", context, result)


def _tasks(request: HttpRequest, place: Location) -> list[PickTask]:
    """Skipped tasks come last; when nothing else is left, they are simply the next ones."""
    picker = staff(request)
    tasks = work.pick_tasks(place, picker, _boxes(request, place, picker))
    skipped = set(request.session.get(_SKIPPED, []))
    if skipped and all(task.claim_id in skipped for task in tasks):
        request.session[_SKIPPED] = []
        return tasks
    return sorted(tasks, key=lambda task: task.claim_id in skipped)


def _boxes(request: HttpRequest, place: Location, picker: User) -> dict[int, str]:
    """The letter of each shipment of the wave stays what it was while the wave lasts."""
    wave = work.wave_of(place, picker)
    kept: dict[str, str] = {
        key: letter for key, letter in request.session.get(_BOXES, {}).items() if int(key) in wave
    }
    free = [letter for letter in BOXES if letter not in kept.values()]
    for shipment_id in wave:
        if str(shipment_id) not in kept:
            kept[str(shipment_id)] = free.pop(0) if free else "+"
    if kept != request.session.get(_BOXES):
        request.session[_BOXES] = kept
    return {int(key): letter for key, letter in kept.items()}


def _wave_progress(place: Location, picker: User) -> tuple[int, int]:
    """(picked, all) units of the wave."""
    rows = Reservation.objects.filter(shipment_id__in=work.wave_of(place, picker), is_put_back=False)
    sums = dict(rows.order_by().values_list("state").annotate(units=Sum("quantity")))
    picked = sums.get(ReservationState.PICKED, 0)
    left = sum(sums.get(state, 0) for state in work.UNPICKED)
    return picked, picked + left


# A scan: the shelf first, then each unit


def _scanned(request: HttpRequest, place: Location) -> tuple[Result, str]:
    """The result, and the shelf that is confirmed now."""
    code = request.POST.get("code", "").strip()[:60]
    shelf = request.POST.get("shelf", "").strip()[:30]
    claim_id = request.POST.get("task", "")
    task = next((one for one in _tasks(request, place) if str(one.claim_id) == claim_id), None)
    if task is None:
        return repeat(_("These units are picked, or not wanted any more. This is the next task.")), ""
    if shelf != task.bin:
        return _shelf_scanned(place, task, code)
    if code.casefold() == task.bin.casefold():
        return repeat(_("You stand at %(bin)s. Scan the item.") % {"bin": task.bin}), task.bin
    return _unit_scanned(request, task, code), task.bin


def _shelf_scanned(place: Location, task: PickTask, code: str) -> tuple[Result, str]:
    if code.casefold() == task.bin.casefold():
        return good(_("Shelf %(bin)s") % {"bin": task.bin}, task.title), task.bin
    if Bin.objects.filter(location=place, code__iexact=code).exists():
        return wrong(_("Wrong shelf"), _("Go to %(bins)s.") % {"bins": task.bin}), ""
    return wrong(_("Shelf first"), _("Scan the shelf %(bin)s, then the item.") % {"bin": task.bin}), ""


def _unit_scanned(request: HttpRequest, task: PickTask, code: str) -> Result:
    variant = catalog.variant_by_code(code)
    if variant is None or variant.pk != task.variant_id:
        if code and code == request.POST.get("last", ""):
            return repeat(_("All of them are picked. Take the next title."))
        what = variant.product.title if variant is not None else code
        text = _("Scanned: %(what)s. Put it back and take “%(title)s”.") % {"what": what, "title": task.title}
        return wrong(_("Wrong item"), text)
    typed = request.POST.get("quantity", "1")
    quantity = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
    return once(request, lambda: _pick(request, task, code, quantity))


def _pick(request: HttpRequest, task: PickTask, code: str, quantity: int) -> Result:
    progress = pick(
        shipment_id=task.shipment_id,
        picks=[Pick(code=code, bin=task.bin, quantity=quantity)],
        by=staff(request),
        now=timezone.now(),
    )
    done = (
        Reservation.objects.filter(
            shipment_id=task.shipment_id,
            variant_id=task.variant_id,
            picked_from__code=task.bin,
            state=ReservationState.PICKED,
            is_put_back=False,
        ).aggregate(units=Sum("quantity"))["units"]
        or 0
    )
    title = _("Good, %(done)s of %(all)s") % {"done": done, "all": done + task.left - quantity}
    if progress.left == 0:
        return good(title, _("Box %(box)s is complete: take it to packing.") % {"box": task.box})
    return good(title, _("%(title)s, into box %(box)s") % {"title": task.title, "box": task.box})


# Taking, skipping, not finding


@require_POST
@scan_page
def take(request: HttpRequest, place: Location) -> HttpResponse:
    """Take shipments into boxes: the next free ones of today, a named one, or one of a colleague."""
    picker = staff(request)
    room = len(BOXES) - len(work.wave_of(place, picker))
    named = request.POST.get("shipment", "")
    waiting = work.to_pick(place)
    if named:
        chosen = list(waiting.filter(number=named).values_list("pk", flat=True))
    else:
        typed = request.POST.get("count", "1")
        count = int(typed) if typed in ("1", "2", "3", "4", "5") else 1
        free = work.for_now(waiting, timezone.now()).filter(picker_id=None)
        chosen = [one.pk for one in free[: min(count, room)]]
    if room < 1 or not chosen:
        return leave(
            request,
            wrong(_("Nothing to take"), _("Finish your boxes first, or wait for orders.")),
            reverse("scan:pick"),
        )

    def verb() -> Result:
        take_to_pick(shipment_ids=chosen, by=picker, is_takeover="takeover" in request.POST)
        text = ngettext("%(n)s shipment is yours.", "%(n)s shipments are yours.", len(chosen))
        return good(_("Go"), text % {"n": len(chosen)})

    return leave(request, once(request, verb), reverse("scan:pick"))


@require_POST
@scan_page
def skip(request: HttpRequest, place: Location) -> HttpResponse:
    """Later: the task goes behind the others."""
    claim_id = request.POST.get("task", "")
    if claim_id.isascii() and claim_id.isdigit():
        skipped = [one for one in request.session.get(_SKIPPED, []) if one != int(claim_id)]
        request.session[_SKIPPED] = [*skipped, int(claim_id)]
    return leave(request, None, reverse("scan:pick"))


@require_http_methods(["GET", "POST"])
@scan_page
def short(request: HttpRequest, place: Location, claim_id: int) -> HttpResponse:
    """It is not there, or it is damaged: why, and what the shelf still holds."""
    task = next((one for one in _tasks(request, place) if one.claim_id == claim_id), None)
    if task is None:
        if request.method == "POST":
            return leave(
                request,
                repeat(_("These units are picked, or not wanted any more. This is the next task.")),
                reverse("scan:pick"),
            )
        raise Http404
    if request.method == "POST":
        result = once(request, lambda: _short_pick(request, task))
        if result.kind != "wrong":
            return leave(request, result, reverse("scan:pick"))
        return show(request, "scan/short.html", _short_context(place, task), result)
    return show(request, "scan/short.html", _short_context(place, task))


def _short_context(place: Location, task: PickTask) -> dict[str, Any]:
    return {"place": place, "task": task, "most": UNITS_AT_ONCE_MAX}


def _short_pick(request: HttpRequest, task: PickTask) -> Result:
    done = short_pick(
        shipment_id=task.shipment_id,
        claim_id=task.claim_id,
        quantity_found=_number(request, "found"),
        reason=request.POST.get("reason", ""),
        left_on_shelf=_number(request, "left_on_shelf"),
        by=staff(request),
        now=timezone.now(),
    )
    text = ngettext(
        "%(n)s unit is looked for elsewhere. The shelf is corrected.",
        "%(n)s units are looked for elsewhere. The shelf is corrected.",
        done.missing,
    )
    return good(_("Noted"), text % {"n": done.missing})


def _number(request: HttpRequest, name: str) -> int:
    """A number from the form; what is none becomes one that the verb refuses."""
    typed = request.POST.get(name, "").strip() or "0"
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else -1


@require_GET
@scan_page
def item(request: HttpRequest, place: Location, sku: str) -> HttpResponse:
    """Where a title lies at this place."""
    variant = catalog.variant_by_code(sku)
    if variant is None:
        raise Http404
    from warehouse import selectors as warehouse

    rows = warehouse.stock_rows(variant_id=variant.pk, location_id=place.pk)
    return show(request, "scan/item.html", {"place": place, "variant": variant, "rows": rows})
