"""The command field: a number, a name, a barcode or a scan opens its record."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from oms import search
from oms.models import Order
from retail.front.parts import PaletteEntry, PaletteGroup
from retail.kernel.access import VIEW_ORDERS, of_seen_entities, staff_page
from storefront import selectors as catalog

SHOWN = 8


@require_GET
@staff_page(VIEW_ORDERS)
def palette(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:100]
    found = (
        list(
            of_seen_entities(Order.objects.filter(search.matching(text)), request.user).order_by(
                "-placed_at"
            )[:SHOWN]
        )
        if len(text) > 1
        else []
    )
    variant = catalog.variant_by_code(text) if text else None
    if request.GET.get("go"):
        if variant is not None:
            return redirect(f"{reverse('ops:stock')}?sku={variant.sku}")
        if len(found) == 1:
            return redirect("ops:order", number=found[0].number)
        return redirect(f"{reverse('ops:orders')}?q={text}")
    records = [
        PaletteEntry(
            f"{order.number}, {order.name}", reverse("ops:order", args=[order.number]), "box", _("order")
        )
        for order in found
    ]
    if variant is not None:
        records.append(
            PaletteEntry(
                str(variant.product),
                f"{reverse('ops:stock')}?sku={variant.sku}",
                "barcode",
                f"SKU {variant.sku}",
            )
        )
    acts = [
        PaletteEntry(_("Proposals that wait"), reverse("ops:proposals"), "scales", ""),
        PaletteEntry(_("Exceptions"), reverse("ops:exceptions"), "flag", ""),
        PaletteEntry(_("Returns"), reverse("ops:returns"), "return", ""),
    ]
    groups = [PaletteGroup(_("Records"), records)] if records else []
    template = "front/parts/palette_results.html" if request.headers.get("HX-Request") else "ops/find.html"
    return render(request, template, {"groups": [*groups, PaletteGroup(_("Go to"), acts)], "text": text})
