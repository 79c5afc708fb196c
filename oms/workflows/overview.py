"""What the other rooms know about one order, as plain data for pages and the API."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from finance.models import FiscalReceipt, Invoice, Payment
from oms.models import Order
from retail.rest.fields import money
from warehouse.models import Shipment, Transfer


def shipments_of_order(*, order_id: int) -> list[dict[str, Any]]:
    """Shipments with their parcels, oldest first."""
    rows = (
        Shipment.objects.filter(order_id=order_id)
        .select_related("location", "service__carrier")
        .order_by("pk")
    )
    return [
        {
            "number": each.number,
            "location": each.location.code,
            "carrier": each.service.carrier.name if each.service else None,
            "service": each.service.code if each.service else None,
            "status": each.status,
            "is_packed": each.is_packed,
            "planned_on": each.planned_on.isoformat() if each.planned_on else None,
            "dispatched_at": _text(each.dispatched_at),
            "delivered_at": _text(each.delivered_at),
            "failure": each.failure,
            "parcels": [
                {
                    "number": parcel.number,
                    "weight_grams": parcel.weight_grams,
                    "tracking_number": parcel.tracking_number,
                }
                for parcel in each.parcels.all()
            ],
        }
        for each in rows.prefetch_related("parcels")
    ]


def transfers_of_order(order: Order) -> list[Transfer]:
    """What other places send to the store of the order, oldest first; an order that goes to no store is asked nothing."""
    if not order.is_sent_to_store:
        return []
    return list(Transfer.objects.filter(order=order).select_related("source", "target").order_by("pk"))


def payments_of_order(*, order_id: int) -> list[dict[str, Any]]:
    return [
        {
            "id": each.public_id,
            "method": each.method,
            "attempt": each.attempt,
            "status": each.state,
            "reference": each.reference,
            "amount": money(each.amount, each.currency),
            "authorized": money(each.authorized, each.currency),
            "captured": money(each.captured, each.currency),
            "refunded": money(each.refunded, each.currency),
        }
        for each in Payment.objects.filter(order_id=order_id).order_by("attempt")
    ]


def documents_of_order(*, order_id: int) -> list[dict[str, Any]]:
    """Invoices, credit notes and fiscal receipts, in the order of their making."""
    papers: list[tuple[datetime, dict[str, Any]]] = [
        (
            each.created_at,
            _paper(each.kind, each.number, "ISSUED", each.created_at, each.total, each.currency),
        )
        for each in Invoice.objects.filter(order_id=order_id)
    ]
    for receipt in FiscalReceipt.objects.filter(order_id=order_id):
        kind = f"FISCAL_{receipt.kind}_{receipt.transaction}"
        paper = _paper(
            kind, receipt.number, receipt.state, receipt.issued_at, receipt.total, receipt.currency
        )
        papers.append(
            (receipt.issued_at, {**paper, "id": receipt.pk, "verification_url": receipt.verification_url})
        )
    return [paper for _, paper in sorted(papers, key=lambda pair: pair[0])]


def _paper(kind: str, number: str, state: str, at: datetime, total: Decimal, currency: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "number": number,
        "state": state,
        "issued_at": at.isoformat(),
        "total": money(total, currency),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
