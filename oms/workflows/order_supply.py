"""What an order that waits for goods may be paid with, and what becomes of its claims when less of it is wanted."""

from datetime import date, datetime

from oms import operations as orders
from oms.models import Order
from oms.states import LineKind, PaymentMethod
from warehouse import operations as stock
from warehouse import selectors as warehouse

# Banks keep an authorization for a week; the goods must have left by then, because a card is charged when they leave.
CARD_WAIT_DAYS = 6


def can_be_paid_with(method: str, *, arrives_on: date | None, today: date) -> bool:
    """Of goods that are under way: a transfer is an advance, cash is paid at the door, a card must outlive the waiting."""
    if method != PaymentMethod.CARD or arrives_on is None:
        return True
    return (arrives_on - today).days <= CARD_WAIT_DAYS


def let_supply_go(*, order: Order, now: datetime) -> None:
    """What is no longer wanted waits for nothing; an order of which nothing else is under way goes on its way. The order is locked."""
    if not order.is_awaiting_supply:
        return
    lines = list(order.lines.filter(kind=LineKind.GOODS).values_list("pk", flat=True))
    stock.release_surplus_supply(order_line_ids=lines)
    if not warehouse.awaited_by_order(order_id=order.pk, now=now):
        orders.await_no_supply(order=order)
