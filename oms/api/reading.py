"""An order as the API shows it: lines with discounts and claims, shipments, payments, papers, timeline."""

from typing import Any

from oms.api.bodies import show_order_row
from oms.models import Order, OrderLine
from oms.pricing import AppliedDiscount, Outcome
from oms.workflows import overview, timeline
from retail.rest.fields import money
from warehouse import selectors as warehouse


def show_order(order: Order, *, is_shopper: bool = False) -> dict[str, Any]:
    """A shopper is not told of rules that did not hold: they would tell of segments, holdouts and other people's offers."""
    claims: dict[int, list[dict[str, Any]]] = {}
    for claim in warehouse.order_claims(order_id=order.pk):
        claims.setdefault(claim.order_line_id, []).append(
            {
                "sku": claim.sku,
                "quantity": claim.quantity,
                "location": claim.location,
                "bin": claim.bin,
                "state": claim.state,
                "shipment": claim.shipment_number,
            }
        )
    lines = [
        {
            "position": line.position,
            "kind": line.kind,
            "sku": line.sku,
            "title": line.title,
            "quantity": line.quantity,
            "quantity_canceled": line.quantity_canceled,
            "quantity_dispatched": line.quantity_dispatched,
            "quantity_returned": line.quantity_returned,
            "unit_price": money(line.unit_price, order.currency),
            "total": money(line.total, order.currency),
            "tax_rate": f"{line.tax_rate:.2f}",
            "discounts": [discount.as_json() for discount in _discounts(line)],
            "explanation": [
                step
                for step in line.explanation
                if not (is_shopper and step["outcome"] == Outcome.FACT_MISSING)
            ],
            "reservations": claims.get(line.pk, []),
        }
        for line in order.lines.prefetch_related("discounts__campaign")
    ]
    return {
        **show_order_row(order),
        "version": order.version,
        "payment_method": order.payment_method,
        "delivery": {
            "method": order.delivery_method,
            "location": order.pickup_location.code if order.pickup_location else None,
            "promise": order.promise,
        },
        "totals": {
            "goods": money(order.goods_total, order.currency),
            "delivery": money(order.delivery_total, order.currency),
            "total": money(order.total, order.currency),
            "due": money(order.due_total, order.currency),
            "authorized": money(order.authorized_total, order.currency),
            "captured": money(order.captured_total, order.currency),
            "refunded": money(order.refunded_total, order.currency),
        },
        "lines": lines,
        "shipments": overview.shipments_of_order(order_id=order.pk),
        "payments": overview.payments_of_order(order_id=order.pk),
        "documents": overview.documents_of_order(order_id=order.pk),
        "returns": [
            {
                "number": each.number,
                "status": each.status,
                "refund_total": money(each.refund_total, order.currency),
            }
            for each in order.returns.all()
        ],
        "timeline": [step.as_json() for step in timeline.of_order(order)],
    }


def _discounts(line: OrderLine) -> list[AppliedDiscount]:
    """What lowered the price when it was sold, as it was frozen; imported lines have none."""
    return [
        AppliedDiscount(
            each.code,
            each.name,
            each.campaign.slug if each.campaign else "",
            each.kind,
            each.amount,
            each.tax_share,
        )
        for each in line.discounts.all()
    ]
