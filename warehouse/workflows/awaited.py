"""Orders that wait for goods under way: what a delivery, another date or an end of it means for each of them.

Called inside the transaction that changed the supply, with the orders locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from oms import operations as orders
from oms.models import Order
from oms.states import ExceptionKind, OrderStatus
from oms.workflows.changes import wanted_of, wanted_units
from oms.workflows.placing_promise import promise_json
from retail.kernel.clock import business_date
from warehouse import selectors as warehouse
from warehouse.models import SupplyClaim
from warehouse.operations.supply import claim_line
from warehouse.operations.supply_filling import Shared, Waiting
from warehouse.selectors.supply import coming_lines
from warehouse.states import CLAIMING_SUPPLY

MOVED = "MOVED"
SHORT = "SHORT"
CANCELED = "CANCELED"


def settle(*, waiting: Waiting, shared: Shared, cause: str, now: datetime) -> None:
    """Units that a delivery will not bring are asked of another one; what nobody brings becomes a person's case, and its buyer is told."""
    lost = _claimed_elsewhere(waiting, shared, now)
    touched = {claim.order_line.order_id for claim, _ in [*shared.filled, *shared.lost] if claim.order_line}
    still = set(
        SupplyClaim.objects.filter(order_line__order_id__in=touched, state__in=CLAIMING_SUPPLY).values_list(
            "order_line__order_id", flat=True
        )
    )
    moved = {claim.order_line.order_id for claim, _ in shared.lost if claim.order_line}
    for order_id in sorted(touched):
        order = waiting.orders[order_id]
        if order_id in lost:
            _tell_missing(order, lost[order_id], cause, now)
        elif order_id in moved:
            promise_again(order=order, cause=cause, now=now)
        if order_id not in still:
            orders.await_no_supply(order=order)


def promise_again(*, order: Order, cause: str, now: datetime) -> None:
    """The promise as things are now; its buyer is told when the day is another one."""
    option = _option(order, now)
    before = order.promised_on
    if option is None or option.reason:
        _promise(order, {**order.promise, "date": None, "ready_at": None}, None, None, cause, now)
    else:
        day = option.date or (business_date(option.ready_at) if option.ready_at else None)
        _promise(order, promise_json(option), day, option.ready_at, cause, now)
    if order.promised_on != before:
        orders.tell_supply_changed(
            order=order, cause=cause, before=_text(before), after=_text(order.promised_on)
        )


def _claimed_elsewhere(waiting: Waiting, shared: Shared, now: datetime) -> dict[int, list[tuple[str, int]]]:
    """Lost units of orders are claimed of the next delivery that brings them; what none brings, by order, (SKU, units)."""
    lost: dict[int, list[tuple[str, int]]] = {}
    for claim, units in shared.lost:
        line = claim.order_line
        if line is None:
            continue
        order = waiting.orders[line.order_id]
        assert line.variant_id is not None, "only goods are claimed"
        coming = coming_lines(variant_id=line.variant_id, channel_id=order.channel_id, now=now)
        is_pending = order.status == OrderStatus.PENDING_PAYMENT
        if not any(
            claim_line(
                line_id=each.line_id,
                quantity=units,
                order_line_id=line.pk,
                state="HELD" if is_pending else "ALLOCATED",
                now=now,
            )
            for each in coming
            if each.free >= units
        ):
            lost.setdefault(order.pk, []).append((line.sku, units))
    return lost


def _tell_missing(order: Order, lost: Sequence[tuple[str, int]], cause: str, now: datetime) -> None:
    for sku, units in lost:
        orders.open_exception(
            kind=ExceptionKind.DISPLACED_CLAIM,
            order_id=order.pk,
            cause_key=f"{order.number}:{sku}",
            detail={"sku": sku, "units": units},
            now=now,
        )
    before = order.promised_on
    _promise(order, {**order.promise, "date": None, "ready_at": None}, None, None, cause, now)
    orders.tell_supply_changed(order=order, cause=cause, before=_text(before), after="")


def _promise(
    order: Order,
    promise: dict[str, object],
    day: date | None,
    ready_at: datetime | None,
    cause: str,
    now: datetime,
) -> None:
    orders.change_promise(order=order, promise=promise, cause=cause, now=now)
    if (order.promised_on, order.promised_at) != (day, ready_at):
        orders.write_details(order=order, values={"promised_on": day, "promised_at": ready_at})


def _option(order: Order, now: datetime) -> warehouse.Option | None:
    """The way of the order; a day that the buyer chose and that cannot be kept is given up."""
    options = warehouse.promise_options(
        lines=wanted_units(order),
        channel_id=order.channel_id,
        now=now,
        postal_code=order.postal_code or None,
        order_id=order.pk,
        goods_total=order.goods_total,
        wanted=wanted_of(order),
        locker_code=order.locker.code if order.locker else "",
    )
    option = next((one for one in options if one.method == order.delivery_method), None)
    if option is not None and option.reason == "DAY_NOT_POSSIBLE":
        orders.write_details(order=order, values={"wanted_on": None, "wanted_slot_id": None})
        return _option(order, now)
    return option


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""
