"""A waiting order may be paid another way than it was placed with, and get another paper before the first was issued."""

from datetime import datetime

from oms.models import Order
from oms.operations.orders import save_order
from oms.states import DeliveryKind, LineKind, OrderStatus, PaperKind, PaymentMethod


def change_paper(*, order: Order, paper: PaperKind) -> None:
    """The order row is locked by the caller, and nothing was issued for it yet."""
    order.paper = paper
    save_order(order, ["paper"])


def change_payment_method(*, order: Order, method: PaymentMethod, deadline: datetime | None) -> None:
    """The order row is locked by the caller; only an order that waits for money may change."""
    assert order.status == OrderStatus.PENDING_PAYMENT, "the caller refuses other orders"
    order.payment_method = method
    # Another method never gives less time than was promised.
    if deadline is not None and order.payment_deadline is not None:
        deadline = max(deadline, order.payment_deadline)
    order.payment_deadline = deadline
    save_order(order, ["payment_method", "payment_deadline"])


def follow_payment(*, order: Order, method: PaymentMethod) -> None:
    """Another way than the chosen one brought the money. The order row is locked by the caller."""
    order.payment_method = method
    save_order(order, ["payment_method"])


def is_paid_before(order: Order) -> bool:
    """Something of it is sent as soon as it is paid, so nothing is paid at a door."""
    return order.delivery_method == DeliveryKind.DIGITAL or order.lines.filter(kind=LineKind.DIGITAL).exists()
