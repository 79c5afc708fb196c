"""To the shelves: new goods are put away, canceled ones put back, and a shelf is counted."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from retail.kernel.models import Location
from storefront import selectors as catalog
from storefront.models import Variant
from warehouse import selectors as warehouse
from warehouse.models import Bin, Reservation, StockItem
from warehouse.operations import InvalidQuantity, put_away, put_back
from warehouse.states import SELLABLE_BINS, CountStatus
from warehouse.views.scan import drafts, work
from warehouse.views.scan.place import scan_page, staff
from warehouse.views.scan.results import Result, good, leave, once, once_outside, repeat, show, wrong
from warehouse.workflows import CountedUnits, record_count, start_count
from warehouse.workflows.counts import COUNTED_BINS


def _shelf(place: Location, code: str) -> Bin | None:
    """A bin that units are sold from."""
    return Bin.objects.filter(location=place, code__iexact=code, kind__in=SELLABLE_BINS).first()


def _no_shelf(place: Location, code: str) -> Result:
    if Bin.objects.filter(location=place, code__iexact=code).exists():
        return wrong(_("Wrong shelf"), _("Nothing is sold from %(bin)s. Choose a shelf.") % {"bin": code})
    return wrong(_("Unknown shelf"), _("There is no shelf %(bin)s here.") % {"bin": code})


# Put away


@require_http_methods(["GET", "POST"])
@scan_page
def put_away_list(request: HttpRequest, place: Location) -> HttpResponse:
    """What lies in receiving; scan one to take it to its shelf."""
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:60]
        variant = catalog.variant_by_code(code)
        if variant is not None and work.to_put_away(place).filter(variant=variant).exists():
            return leave(request, None, reverse("scan:put_away_one", args=[variant.sku]))
        what = variant.product.title if variant is not None else code
        result = wrong(
            _("Not in receiving"), _("%(what)s does not lie here to be put away.") % {"what": what}
        )
    context = {"place": place, "waiting": list(work.to_put_away(place)[:100])}
    return show(request, "scan/put_away_list.html", context, result)


@require_http_methods(["GET", "POST"])
@scan_page
def put_away_one(request: HttpRequest, place: Location, sku: str) -> HttpResponse:
    variant = Variant.objects.select_related("product").filter(sku=sku).first()
    if variant is None:
        raise Http404
    result = None
    if request.method == "POST":
        result = _shelved(request, place, variant)
        if result.kind != "wrong":
            return leave(request, result, reverse("scan:put_away"))
    item = work.to_put_away(place).filter(variant=variant).first()
    if item is None:
        return leave(request, repeat(_("All of them are put away.")), reverse("scan:put_away"))
    context = {
        "place": place,
        "variant": variant,
        "left": item.on_hand - item.reserved,
        "quantity": drafts.units(request.POST.get("quantity", ""))
        if "quantity" in request.POST
        else item.on_hand - item.reserved,
        "shelves": [
            row
            for row in warehouse.stock_rows(variant_id=variant.pk, location_id=place.pk)
            if row.is_sellable
        ],
    }
    return show(request, "scan/put_away.html", context, result)


def _shelved(request: HttpRequest, place: Location, variant: Variant) -> Result:
    code = request.POST.get("code", "").strip()[:30]
    shelf = _shelf(place, code)
    if shelf is None:
        return _no_shelf(place, code)
    quantity = drafts.units(request.POST.get("quantity", "1"))
    if quantity is None:
        return wrong(_("Wrong quantity"), _("Check the number and scan again."))

    def verb() -> Result:
        put_away(
            location_id=place.pk,
            variant_id=variant.pk,
            quantity=quantity,
            to_bin_id=shelf.pk,
            by=staff(request),
            now=timezone.now(),
        )
        return good(_("On %(bin)s") % {"bin": shelf.code}, f"{quantity} × {variant.product.title}")

    return once(request, verb)


# Put back


@require_http_methods(["GET", "POST"])
@scan_page
def put_back_list(request: HttpRequest, place: Location) -> HttpResponse:
    """Canceled units on the packing table; until they are scanned back nobody can buy them."""
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:60]
        variant = catalog.variant_by_code(code)
        claim = work.to_put_back(place).filter(variant=variant).first() if variant is not None else None
        if claim is not None:
            return leave(request, None, reverse("scan:put_back_one", args=[claim.pk]))
        what = variant.product.title if variant is not None else code
        result = wrong(
            _("Not to be put back"), _("%(what)s is not among the canceled ones.") % {"what": what}
        )
    context = {"place": place, "waiting": list(work.to_put_back(place)[:100])}
    return show(request, "scan/put_back_list.html", context, result)


@require_http_methods(["GET", "POST"])
@scan_page
def put_back_one(request: HttpRequest, place: Location, claim_id: int) -> HttpResponse:
    claim = work.to_put_back(place).filter(pk=claim_id).first()
    if claim is None:
        return leave(request, repeat(_("These units are back already.")), reverse("scan:put_back"))
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:30]
        shelf = _shelf(place, code)
        result = _no_shelf(place, code) if shelf is None else _put_back(request, claim, shelf)
        if result.kind != "wrong":
            return leave(request, result, reverse("scan:put_back"))
    return show(request, "scan/put_back.html", {"place": place, "claim": claim}, result)


def _put_back(request: HttpRequest, claim: Reservation, shelf: Bin) -> Result:
    def verb() -> Result:
        put_back(claim_id=claim.pk, bin_id=shelf.pk, by=staff(request), now=timezone.now())
        return good(
            _("Back on %(bin)s") % {"bin": shelf.code}, f"{claim.quantity} × {claim.variant.product.title}"
        )

    return once(request, verb)


# Count


@require_http_methods(["GET", "POST"])
@scan_page
def count_start(request: HttpRequest, place: Location) -> HttpResponse:
    result = None
    if request.method == "POST":
        code = request.POST.get("code", "").strip()[:30]
        shelf = Bin.objects.filter(location=place, code__iexact=code, kind__in=COUNTED_BINS).first()
        if shelf is not None:
            return leave(request, None, reverse("scan:count_bin", args=[shelf.code]))
        result = wrong(_("Unknown shelf"), _("There is no shelf %(bin)s here.") % {"bin": code})
    return show(request, "scan/count_start.html", {"place": place}, result)


def _counted_bin(place: Location, code: str) -> Bin:
    found = Bin.objects.filter(location=place, code=code, kind__in=COUNTED_BINS).first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "POST"])
@scan_page
def count_page(request: HttpRequest, place: Location, code: str) -> HttpResponse:
    """Scan what is there, without being told what should be there."""
    shelf = _counted_bin(place, code)
    draft = drafts.open_draft(request, f"count:{place.code}:{shelf.code}")
    result = None
    if request.method == "POST":
        result = _count_unit(request, shelf, draft)
    variants = Variant.objects.select_related("product").in_bulk([int(key) for key in draft.counts])
    rows = [(variants[int(key)], pair[0]) for key, pair in draft.counts.items() if int(key) in variants]
    context = {"place": place, "shelf": shelf, "rows": rows, "units": sum(units for _, units in rows)}
    return show(request, "scan/count.html", context, result)


def _count_unit(request: HttpRequest, shelf: Bin, draft: drafts.Draft) -> Result:
    code = request.POST.get("code", "").strip()[:60]
    if code.casefold() == shelf.code.casefold():
        return repeat(_("You stand at %(bin)s. Scan the item.") % {"bin": shelf.code})
    variant = catalog.variant_by_code(code)
    quantity = drafts.units(request.POST.get("quantity", "1"))
    if variant is None:
        return wrong(_("Unknown item"), _("%(code)s is not in the catalog. Put it aside.") % {"code": code})
    if quantity is None:
        return wrong(_("Wrong quantity"), _("Check the number and scan again."))
    if not draft.count(variant.pk, quantity, scan_id=request.POST.get("scan_id", "")):
        return repeat()
    drafts.keep(request, draft)
    return good(_("Counted: %(n)s") % {"n": draft.of(variant.pk)[0]}, variant.product.title)


@require_http_methods(["GET", "POST"])
@scan_page
def count_finish(request: HttpRequest, place: Location, code: str) -> HttpResponse:
    """The count beside the rows; writing it makes the rows true, and claims that lose their units are looked for elsewhere."""
    shelf = _counted_bin(place, code)
    draft = drafts.open_draft(request, f"count:{place.code}:{shelf.code}")
    result = None
    if request.method == "POST":
        result = once_outside(request, lambda: _write_count(request, shelf, draft))
        if result.kind != "wrong":
            drafts.forget(request, draft)
            return leave(request, result, reverse("scan:count"))
    return show(
        request,
        "scan/count_finish.html",
        {"place": place, "shelf": shelf, "rows": _compared(shelf, draft)},
        result,
    )


def _compared(shelf: Bin, draft: drafts.Draft) -> list[dict[str, Any]]:
    expected = dict(StockItem.objects.filter(bin=shelf, on_hand__gt=0).values_list("variant_id", "on_hand"))
    counted = {int(key): pair[0] for key, pair in draft.counts.items()}
    variants = Variant.objects.select_related("product").in_bulk([*expected, *counted])
    rows = [
        {
            "variant": variant,
            "expected": expected.get(pk, 0),
            "counted": counted.get(pk, 0),
            "is_scanned": pk in counted,
            "difference": counted.get(pk, 0) - expected.get(pk, 0),
        }
        for pk, variant in variants.items()
    ]
    return sorted(rows, key=lambda row: (row["difference"] == 0, row["variant"].product.title))


def _write_count(request: HttpRequest, shelf: Bin, draft: drafts.Draft) -> Result:
    """Every counted title; with `is_whole` also those that were expected and not seen."""
    is_whole, now = "is_whole" in request.POST, timezone.now()
    counted = []
    for row in _compared(shelf, draft):
        units = drafts.units(request.POST.get(f"units_{row['variant'].pk}", str(row["counted"])), least=0)
        if units is None:
            raise InvalidQuantity("The count is a whole number from 0.")
        if units or row["is_scanned"] or is_whole:
            counted.append(CountedUnits(row["variant"].pk, units))
    begun = start_count(bin_id=shelf.pk, by=staff(request), now=now)
    done = record_count(count_id=begun.pk, counted=counted, is_whole=is_whole, by=staff(request), now=now)
    lines = list(done.lines.all())
    changed = sum(bool(line.difference) for line in lines)
    if done.status == CountStatus.WAITING:
        text = _("%(bin)s: the differences are worth much, another person must approve them.")
        return good(_("Counted"), text % {"bin": shelf.code})
    if not changed:
        return good(_("Everything is right"), shelf.code)
    text = _("%(bin)s: %(n)s titles corrected, %(units)s promised units looked for elsewhere.")
    displaced = sum(line.displaced for line in lines)
    return good(_("Counted"), text % {"bin": shelf.code, "n": changed, "units": displaced})
