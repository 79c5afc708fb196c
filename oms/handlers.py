"""Reactions of the order room to what was announced."""

from oms.models import Order
from oms.states import FulfillmentStatus, OrderStatus
from oms.workflows import alerts, exchange_money, returns, routing
from retail.kernel import clock
from retail.kernel.models import OutboxEvent
from retail.kernel.outbox import subscribe


def _route(order_id: int) -> None:
    try:
        routing.route_order(order_id=order_id, now=clock.now())
    except routing.NotRoutable:
        return  # canceled or held meanwhile; releasing it routes it


@subscribe("oms.order_placed")
def route_when_placed(event: OutboxEvent) -> None:
    """Cash on delivery is agreed at once; the others wait for oms.order_confirmed."""
    if event.payload["status"] == OrderStatus.PLACED:
        _route(event.payload["order_id"])


@subscribe("oms.order_confirmed")
@subscribe("oms.order_released")
def route_when_confirmed(event: OutboxEvent) -> None:
    _route(event.payload["order_id"])


@subscribe("oms.supply_settled")
def route_when_supplied(event: OutboxEvent) -> None:
    """What it waited for is here, or will not come; one that is not paid yet is routed when it is."""
    _route(event.payload["order_id"])


@subscribe("oms.order_changed")
def route_again_when_changed(event: OutboxEvent) -> None:
    """Another address or more units: the plan that stood was taken back."""
    if event.payload["is_replanned"]:
        _route(event.payload["order_id"])


@subscribe("oms.downloads_ready")
def route_again_when_files_left(event: OutboxEvent) -> None:
    """Their money changed the order, so a plan that waits for a person is out of date."""
    waiting = Order.objects.filter(
        pk=event.payload["order_id"], status=OrderStatus.PLACED, fulfillment_status=FulfillmentStatus.UNROUTED
    )
    if waiting.exists():
        _route(event.payload["order_id"])


@subscribe("warehouse.claims_displaced")
def route_again_when_displaced(event: OutboxEvent) -> None:
    """Units were not on the shelf: look for them elsewhere, or tell a person."""
    order = Order.objects.filter(pk=event.payload["order_id"]).first()
    if order is not None and order.status in (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT):
        _route(order.pk)


@subscribe("finance.refund_settled")
def close_return_when_refunded(event: OutboxEvent) -> None:
    if return_id := event.payload.get("return_id"):
        returns.mark_refunded(return_id=return_id, now=clock.now())


@subscribe("warehouse.goods_received")
@subscribe("warehouse.stock_adjusted")
@subscribe("warehouse.units_put_back")
def tell_who_waits(event: OutboxEvent) -> None:
    """Units came to a shelf; what no event tells of (a hold that ran out) the sweep finds."""
    alerts.tell_back_in_stock(now=clock.now())


@subscribe("oms.order_canceled")
def end_exchange_of_canceled(event: OutboxEvent) -> None:
    """Its deadline passed, or somebody does not want it any more: what still comes back is a return like any other."""
    exchange_money.end_of_order(order_id=event.payload["order_id"], now=clock.now())
