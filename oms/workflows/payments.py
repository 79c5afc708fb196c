"""Money tells the order that it is covered; the order decides whether it still can be delivered."""

from datetime import datetime

from django.db import transaction

from oms import operations as orders
from oms.models import Order
from oms.states import LineKind, OrderStatus
from oms.workflows.cancellation import cancel_order
from warehouse import operations as stock
from warehouse import selectors as warehouse


def payment_secured(*, order_id: int, now: datetime) -> str:
    """Enough is authorized or captured. PLACED: the claims stand (again). CANCELED: they cannot be had, give the money back.

    Called by finance inside its transaction, the order row locked.
    """
    order = orders.lock_order(order_id=order_id)
    if order.status == OrderStatus.CANCELED:
        return "PLACED" if _revive(order, now) else "CANCELED"
    if order.status == OrderStatus.PENDING_PAYMENT or _claims_missing(order):
        try:
            _claim_again(order, now)
        except stock.OutOfStock:
            cancel_order(order_id=order.pk, reason="paid too late, out of stock", by=None, now=now)
            return "CANCELED"
        stock.confirm_allocation(order_id=order.pk, now=now)
        orders.confirm_order(order_id=order.pk)
    return "PLACED"


def _revive(order: Order, now: datetime) -> bool:
    """Late money: claim again if every line can be had; an order that somebody canceled stays canceled."""
    covered = max(order.captured_total - order.refunded_total, order.authorized_total) >= order.total
    if order.cancel_reason != orders.UNPAID or not covered:
        return False
    goods = order.lines.filter(kind=LineKind.GOODS, variant__isnull=False).values_list(
        "pk", "variant_id", "quantity"
    )
    try:
        with transaction.atomic():
            stock.claim_for_order_lines(
                demands=[
                    (pk, variant_id or 0, units, order.pickup_location_id) for pk, variant_id, units in goods
                ],
                channel_id=order.channel_id,
                state="ALLOCATED",
                expires_at=None,
                now=now,
            )
    except stock.OutOfStock:
        return False
    orders.revive_order(order_id=order.pk)
    return True


def _missing(order: Order) -> list[tuple[int, int, int]]:
    """(order line, variant, units) whose claims are gone: the deadline passed and the units were given away."""
    claimed: dict[int, int] = {}
    for claim in warehouse.order_claims(order_id=order.pk):
        if not claim.is_put_back and claim.state not in ("RELEASED", "DISPATCHED"):
            claimed[claim.order_line_id] = claimed.get(claim.order_line_id, 0) + claim.quantity
    return [
        (line.pk, line.variant_id, line.quantity - line.quantity_canceled - line.quantity_dispatched)
        for line in order.lines.filter(kind=LineKind.GOODS)
        if line.variant_id
        and line.quantity > line.quantity_canceled + line.quantity_dispatched
        and not claimed.get(line.pk)
    ]


def _claims_missing(order: Order) -> bool:
    return order.status == OrderStatus.PLACED and bool(_missing(order))


def _claim_again(order: Order, now: datetime) -> None:
    missing = _missing(order)
    if missing:
        stock.claim_for_order_lines(
            demands=[
                (line_id, variant_id, units, order.pickup_location_id)
                for line_id, variant_id, units in missing
            ],
            channel_id=order.channel_id,
            state="ALLOCATED",
            expires_at=None,
            now=now,
        )
