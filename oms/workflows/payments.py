"""Money tells the order that it is covered; the order decides whether it still can be delivered."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from crm import operations as crm
from finance.models import Refund
from finance.states import OperationState
from oms import operations as orders
from oms.models import Order
from oms.states import LineKind, OrderStatus
from oms.workflows.cancellation import cancel_order
from retail.kernel.money import ZERO
from warehouse import operations as stock


def payment_secured(*, order_id: int, now: datetime) -> str:
    """Enough is authorized or captured. PLACED: the claims stand (again). CANCELED: they cannot be had, give the money back.

    Called by finance inside its transaction, the order row locked.
    """
    order = orders.lock_order(order_id=order_id)
    if order.status == OrderStatus.CANCELED:
        return "PLACED" if _revive(order, now) else "CANCELED"
    if order.status in (OrderStatus.PENDING_PAYMENT, OrderStatus.PLACED):
        try:
            _keep_claims(order, now)
        except stock.OutOfStock:
            cancel_order(order_id=order.pk, reason="paid too late, out of stock", by=None, now=now)
            return "CANCELED"
        orders.confirm_order(order_id=order.pk)
    return "PLACED"


def _revive(order: Order, now: datetime) -> bool:
    """Late money: take again what the order took, if all of it can be had; an order that somebody canceled stays canceled."""
    kept = order.captured_total - order.refunded_total - _on_its_way_back(order)
    covered = max(kept, order.authorized_total) >= order.total
    if order.cancel_reason != orders.UNPAID or not covered:
        return False
    goods = order.lines.filter(kind=LineKind.GOODS, variant__isnull=False).values_list(
        "pk", "variant_id", "quantity"
    )
    try:
        with transaction.atomic():
            crm.spend_offers(
                taken=orders.taken_by(order),
                order_number=order.number,
                customer_id=order.customer_id,
                now=now,
            )
            # Nothing is claimed for files alone.
            if goods:
                stock.claim_for_order_lines(
                    demands=[(pk, variant_id or 0, units, order.shelf_id) for pk, variant_id, units in goods],
                    channel_id=order.channel_id,
                    state="ALLOCATED",
                    expires_at=None,
                    now=now,
                )
    except (stock.OutOfStock, crm.OfferGone, crm.CouponUsed):
        return False
    orders.revive_order(order_id=order.pk)
    return True


def _on_its_way_back(order: Order) -> Decimal:
    """A part that came before the deadline goes back since the order was canceled: it pays for nothing any more."""
    pending = Refund.objects.filter(payment__order=order, state=OperationState.PENDING)
    return pending.aggregate(sum=Sum("amount"))["sum"] or ZERO


def _keep_claims(order: Order, now: datetime) -> None:
    """The claims stay until the goods leave; those that are gone (the deadline passed, the units were given away) are made anew."""
    missing = stock.confirm_allocations(order_ids=[order.pk], now=now)
    if not missing:
        return
    stock.claim_for_order_lines(
        demands=[(line.line_id, line.variant_id, line.quantity, order.shelf_id) for line in missing],
        channel_id=order.channel_id,
        state="ALLOCATED",
        expires_at=None,
        now=now,
    )
    stock.confirm_allocations(order_ids=[order.pk], now=now)
