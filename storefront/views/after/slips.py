"""What goes with goods that come back: a label to print, and the same code for a phone that is shown in a store."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from finance.papers import PackingLine, Party, ReturnSlip, qr_svg, render_pdf
from oms.models import Order, Return
from oms.states import ReturnStatus
from retail.kernel.clock import business_date
from retail.kernel.models import Location, LocationKind
from storefront.views import payment, shopper
from warehouse.models import Shipment


@require_safe
@never_cache
def label(request: HttpRequest, token: str, number: str) -> HttpResponse:
    """As PDF, while the return waits for its goods."""
    order = payment.order_or_404(token)
    content = render_pdf(slip_of(order, _waiting(order, number)))
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{number}.pdf"'},
    )


@require_safe
@never_cache
def qr(request: HttpRequest, token: str, number: str) -> HttpResponse:
    """The number of the return, to be scanned from a phone."""
    found = _waiting(payment.order_or_404(token), number)
    return HttpResponse(qr_svg(found.number), content_type="image/svg+xml")


def _waiting(order: Order, number: str) -> Return:
    found = order.returns.filter(number=number, status=ReturnStatus.REQUESTED).first()
    if found is None:
        raise Http404("no such return waits for goods")
    return found


def slip_of(order: Order, returned: Return) -> ReturnSlip:
    """From the buyer to the place that sent the goods."""
    place = _place_for(order)
    lines = returned.lines.select_related("order_line").order_by("order_line__position")
    return ReturnSlip(
        number=returned.number,
        order_number=order.number,
        made_on=business_date(returned.requested_at),
        sender=Party(
            name=order.company_name or order.name,
            street=order.street,
            postal_code=order.postal_code,
            city=order.city,
            phone=order.phone,
        ),
        recipient=Party(
            name=f"{place.entity.name}, {place.name}",
            street=place.street or place.entity.street,
            postal_code=place.postal_code or place.entity.postal_code,
            city=place.city or place.entity.city,
            phone=place.phone,
        ),
        lines=tuple(PackingLine(row.order_line.title, row.order_line.sku, row.quantity) for row in lines),
        language=shopper.language(),
    )


def _place_for(order: Order) -> Location:
    """Where the goods left from; a place that closed since gives way to a warehouse."""
    places = Location.objects.select_related("entity").filter(is_active=True, entity_id=order.entity_id)
    sent = Shipment.objects.filter(order=order, dispatched_at__isnull=False).order_by("pk")
    found = places.filter(pk__in=sent.values("location_id")).order_by("code").first()
    found = found or places.filter(kind=LocationKind.WAREHOUSE).order_by("code").first()
    if found is None:
        raise Http404("nobody takes parcels back")
    return found
