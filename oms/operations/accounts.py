"""Whose orders and baskets: moved as a whole when two accounts turn out to be one. What an order says of its buyer stays as it was."""

from __future__ import annotations

from collections.abc import Sequence

from oms.models import Basket, Order, OrderNote


def lock_orders_of(*, customer_id: int) -> list[int]:
    return list(
        Order.objects.select_for_update()
        .filter(customer_id=customer_id)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def lock_baskets_of(*, customer_id: int) -> list[int]:
    return list(
        Basket.objects.select_for_update()
        .filter(customer_id=customer_id)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def move_orders(*, order_ids: Sequence[int], from_id: int, to_id: int) -> int:
    """Those that are still the first one's; returns how many went over."""
    return Order.objects.filter(pk__in=order_ids, customer_id=from_id).update(customer_id=to_id)


def move_baskets(*, basket_ids: Sequence[int], from_id: int, to_id: int) -> int:
    return Basket.objects.filter(pk__in=basket_ids, customer_id=from_id).update(customer_id=to_id)


def forget_buyers(*, order_ids: Sequence[int], basket_ids: Sequence[int]) -> None:
    """Finished orders keep their sums and goods, not who and where. A company's name is no person's."""
    OrderNote.objects.filter(order__in=order_ids).update(text="")
    Order.objects.filter(pk__in=order_ids).update(
        name="", email="", phone="", street="", postal_code="", note="", placed_by=None
    )
    Basket.objects.filter(pk__in=basket_ids).update(customer=None, client_hash="", postal_code="")
