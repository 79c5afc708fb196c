"""An order as the API shows it: lines with discounts and claims, shipments, payments, papers, timeline."""

from typing import Any

from oms.api.bodies import show_order_row
from oms.models import Order, OrderLine
from oms.pricing import AppliedDiscount, Step, discounts_in
from oms.workflows import overview, timeline
from retail.rest.fields import money
from warehouse import selectors as warehouse


def show_order(order: Order) -> dict[str, Any]:
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
            "explanation": line.explanation,
            "reservations": claims.get(line.pk, []),
        }
        for line in order.lines.all()
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


def _discounts(line: OrderLine) -> tuple[AppliedDiscount, ...]:
    """What lowered the price when it was sold, as its explanation froze it; imported lines have none."""
    steps = [Step.from_json(one) for one in line.explanation]
    return discounts_in(steps, tax_rate=line.tax_rate)
