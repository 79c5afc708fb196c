"""A supplier writes: the goods come on another day, or not at all. Who waits for them gets a new promise, or the choice to cancel."""

from collections.abc import Callable
from datetime import date, datetime

from django.db import transaction

from retail.kernel.clock import business_date
from retail.kernel.errors import IllegalMove, InvalidInput
from retail.kernel.models import User
from retail.kernel.outbox import announce
from warehouse import events
from warehouse.models import PurchaseOrder, PurchaseOrderLine, SupplyClaim
from warehouse.operations.goods import OPEN_ORDERS
from warehouse.operations.refusals import StockBusy, UnknownPurchaseOrder
from warehouse.operations.supply_filling import SomebodyCame, Waiting, lock_waiting, settle_claims, share
from warehouse.states import CLAIMING_SUPPLY, PurchaseOrderStatus
from warehouse.workflows import awaited

ROUNDS_MAX = 6


def move_purchase_order(*, number: str, expected_on: date, by: User | None, now: datetime) -> PurchaseOrder:
    """All that is still to come, comes on this day. Every order that waits for it is promised anew, with the cause.

    Refuses InvalidInput for a day that is over, UnknownPurchaseOrder, IllegalMove.
    """
    if expected_on < business_date(now):
        raise InvalidInput("Goods come today or later.", fields=["expected_on"])

    def move(order: PurchaseOrder, waiting: Waiting) -> None:
        order.expected_on = expected_on
        order.save(update_fields=["expected_on"])
        order.lines.exclude(expected_on=None).update(expected_on=None)
        _check_nobody_came(order, waiting)
        announce(
            events.PurchaseOrderMoved(order.pk, order.number, expected_on.isoformat()),
            subject=("purchase_order", order.number),
        )
        for order_id in sorted(waiting.orders):
            awaited.promise_again(order=waiting.orders[order_id], cause=awaited.MOVED, now=now)

    return _change(number, move)


def cancel_purchase_order(*, number: str, by: User | None, now: datetime) -> PurchaseOrder:
    """Nothing more is to come. What orders waited for is asked of other deliveries; else their buyers choose.

    Refuses UnknownPurchaseOrder, IllegalMove.
    """

    def cancel(order: PurchaseOrder, waiting: Waiting) -> None:
        lines = list(order.lines.all())
        shared = share(waiting=waiting, lines=lines, came={}, left={}, now=now)
        by_line = {line.pk: line for line in lines}
        for claim, units in shared.lost:
            by_line[claim.purchase_order_line_id].quantity_claimed -= units
        settle_claims(shared=shared)
        PurchaseOrderLine.objects.bulk_update(lines, ["quantity_claimed"])
        order.status = PurchaseOrderStatus.CANCELED
        order.save(update_fields=["status"])
        announce(
            events.PurchaseOrderCanceled(order.pk, order.number), subject=("purchase_order", order.number)
        )
        awaited.settle(waiting=waiting, shared=shared, cause=awaited.CANCELED, now=now)

    return _change(number, cancel)


def _change(number: str, change: Callable[[PurchaseOrder, Waiting], None]) -> PurchaseOrder:
    for _ in range(ROUNDS_MAX):
        try:
            with transaction.atomic():
                known = PurchaseOrder.objects.filter(number=number).first()
                if known is None:
                    raise UnknownPurchaseOrder("There is no such purchase order.")
                waiting = lock_waiting(purchase_order_id=known.pk)
                order = PurchaseOrder.objects.select_for_update(of=("self",)).get(pk=known.pk)
                if order.status not in OPEN_ORDERS:
                    raise IllegalMove(f"{order.number}: {order.get_status_display()}.", before=order.status)
                change(order, waiting)
                return order
        except SomebodyCame:
            continue
    raise StockBusy("Too much happens to these units at once. Try again.")


def _check_nobody_came(order: PurchaseOrder, waiting: Waiting) -> None:
    live = SupplyClaim.objects.filter(
        purchase_order_line__order=order, state__in=CLAIMING_SUPPLY, order_line__isnull=False
    ).values_list("order_line__order_id", flat=True)
    if not set(live) <= set(waiting.orders):
        raise SomebodyCame
