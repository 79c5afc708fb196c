"""Celery doors of the order room."""

from celery import shared_task
from django.utils import timezone

from oms.workflows import alerts, cancellation, exchange_money, recommendations, routing


@shared_task
def cancel_overdue_orders() -> int:
    return cancellation.cancel_overdue_orders(now=timezone.now())


@shared_task
def sweep_exchanges() -> int:
    return exchange_money.sweep_exchanges(now=timezone.now())


@shared_task
def route_order(order_id: int) -> None:
    routing.route_order(order_id=order_id, now=timezone.now())


@shared_task(name="recs.neighbours")
def renew_neighbours() -> int:
    return recommendations.renew_neighbours(now=timezone.now())


@shared_task
def tell_back_in_stock() -> int:
    return alerts.tell_back_in_stock(now=timezone.now())


@shared_task
def tell_price_drops() -> int:
    return alerts.tell_price_drops(now=timezone.now())
