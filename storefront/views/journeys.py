"""On the buyer's page of an order for a store: where its units are on their way there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from oms.models import Order
from retail.front.formats import day_text
from storefront.views import shopper, ways
from warehouse.models import Transfer
from warehouse.states import UNDER_WAY, TransferStatus


@dataclass(frozen=True, slots=True)
class Journey:
    """What one place sends: it is prepared there, on its way, or has come."""

    title: str
    is_there: bool
    at: datetime | None
    note: str


def journeys_of(order: Order) -> list[Journey]:
    """In the order in which they were planned; an order that goes to no store is asked nothing."""
    if not order.is_sent_to_store:
        return []
    rows = Transfer.objects.filter(order=order).exclude(status=TransferStatus.CANCELED)
    return [_told(one) for one in rows.select_related("source", "target").order_by("pk")]


def _told(transfer: Transfer) -> Journey:
    places = {
        "source": ways.in_script(transfer.source.name),
        "target": ways.in_script(transfer.target.name),
    }
    if transfer.status == TransferStatus.RECEIVED:
        title, at, note = _("Arrived from %(source)s") % places, transfer.received_at, ""
    elif transfer.status in UNDER_WAY:
        title, at = _("Sent from %(source)s to %(target)s") % places, transfer.shipped_at
        note = _arrives(transfer.expected_on)
    else:
        title, at = _("%(source)s sends it to %(target)s") % places, None
        note = _arrives(transfer.expected_on)
    return Journey(title, transfer.status == TransferStatus.RECEIVED, at, note)


def _arrives(day: date | None) -> str:
    if day is None:
        return ""
    words = day_text(day, shopper.language())
    if not shopper.language().startswith("en"):
        words = f"{words[:1].lower()}{words[1:]}"
    return _("arrives %(day)s") % {"day": words}
