"""Verbs that write the order. Other rooms call them inside their own transaction; the order row is locked first, always."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F, Sum

from oms import events, rules
from oms.models import Order, OrderLine, OrderNote, PromiseChange
from oms.states import ORDER_MOVES, SOLD_KINDS, FulfillmentStatus, LineKind, OrderStatus, PaymentStatus
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce, announce_all
from retail.kernel.prepared import Prepared
from retail.kernel.states import check_move


class OrderNotFound(NotFound):
    code = "UNKNOWN_ORDER"


class LineNotFound(NotFound):
    code = "UNKNOWN_ORDER_LINE"


class QuantityExceeded(Refusal):
    """More units than the line still has for this step."""

    code = "QUANTITY_EXCEEDED"


class OrderIsFinal(Refusal):
    code = "ORDER_IS_FINAL"


def lock_order(*, order_id: int) -> Order:
    """The order row, locked: the first lock of every verb about an order (after the idempotency key)."""
    order = Order.objects.select_for_update(of=("self",)).filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound("There is no such order.")
    return order


def lock_order_by_number(*, number: str) -> Order:
    order = Order.objects.select_for_update(of=("self",)).filter(number=number).first()
    if order is None:
        raise OrderNotFound("There is no such order.", number=number)
    return order


def save_order(order: Order, fields: list[str]) -> None:
    """Save what changed and count the version, so that a stale editor is told."""
    order.version += 1
    order.save(update_fields=[*dict.fromkeys(fields), "version"])


def move_order(order: Order, status: OrderStatus) -> None:
    """A legal move of the order's own state; saving is the caller's."""
    if order.status != status:
        check_move(ORDER_MOVES, order.status, status, what=order.number)
        order.status = status


def summarize_money(order: Order) -> None:
    """The payment state that the order's sums add up to; saving is the caller's."""
    order.payment_status = rules.payment_status(
        total=order.total,
        due=order.due_total,
        authorized=order.authorized_total,
        captured=order.captured_total,
        refunded=order.refunded_total,
    )


MONEY_FIELDS = ["payment_status", "authorized_total", "captured_total", "refunded_total"]


def record_authorization(*, order_id: int, amount: Decimal, now: datetime) -> Order:
    """A card authorization stands (amount > 0) or fell away (amount < 0)."""
    order = lock_order(order_id=order_id)
    order.authorized_total += amount
    assert order.authorized_total >= 0, "an authorization is taken back once"
    summarize_money(order)
    save_order(order, MONEY_FIELDS)
    return order


def record_capture(*, order_id: int, amount: Decimal, now: datetime) -> Order:
    """Money came in for one order; as `record_captures`."""
    order = lock_order(order_id=order_id)
    record_captures(captures=[(order, amount)], now=now)
    return order


_RECORD_CAPTURES = Prepared(
    "orders_record_captures",
    """
UPDATE oms_order o
   SET payment_status = w.payment_status, captured_total = w.captured, version = w.version, status = w.status,
       payment_deadline = CASE WHEN w.is_confirmed THEN NULL ELSE o.payment_deadline END
  FROM unnest(%(ids)s::bigint[], %(payment_statuses)s::text[], %(captured)s::numeric[], %(versions)s::integer[], %(statuses)s::text[],
              %(confirmed)s::boolean[]) AS w(id, payment_status, captured, version, status, is_confirmed)
 WHERE o.id = w.id
RETURNING o.id
""",
    {
        "ids": "bigint[]",
        "payment_statuses": "text[]",
        "captured": "numeric[]",
        "versions": "integer[]",
        "statuses": "text[]",
        "confirmed": "boolean[]",
    },
    ("bigint",),
    writes=True,
)


def record_captures(
    *, captures: Sequence[tuple[Order, Decimal]], now: datetime, confirmed: Collection[int] = ()
) -> None:
    """Money came in, for orders whose rows the caller has locked and just read; it is never refused.

    `confirmed` are those that waited for it and may be worked on from now (their claims are kept already). More than is owed (a part
    was canceled or came back meanwhile) is a person's case.
    """
    from oms.operations.exceptions import open_exception

    for order, amount in captures:
        assert amount > 0, "a capture is money in"
        order.captured_total += amount
        summarize_money(order)
        order.version += 1
        if order.pk in confirmed:
            move_order(order, OrderStatus.PLACED)
            order.payment_deadline = None
    rows = [order for order, _ in captures]
    _RECORD_CAPTURES.rows(
        {
            "ids": [order.pk for order in rows],
            "payment_statuses": [str(order.payment_status) for order in rows],
            "captured": [order.captured_total for order in rows],
            "versions": [order.version for order in rows],
            "statuses": [str(order.status) for order in rows],
            "confirmed": [order.pk in confirmed for order in rows],
        }
    )
    announce_all(
        [
            (events.OrderConfirmed(order_id=order.pk, number=order.number), ("order", order.number))
            for order in rows
            if order.pk in confirmed
        ]
    )
    for order in rows:
        # What comes for a canceled order revives it or goes back by itself.
        owed = order.total if order.status == OrderStatus.CANCELED else order.due_total
        over = order.captured_total - order.refunded_total - owed
        if over > 0:
            open_exception(
                kind="OVERPAID",
                order_id=order.pk,
                cause_key=order.number,
                detail={"amount": str(over)},
                now=now,
            )
        complete_if_done(order, now=now)


def record_refund(*, order_id: int, amount: Decimal, now: datetime) -> Order:
    assert amount > 0, "a refund is money out"
    order = lock_order(order_id=order_id)
    order.refunded_total += amount
    summarize_money(order)
    save_order(order, MONEY_FIELDS)
    complete_if_done(order, now=now)
    return order


def record_refund_undone(*, order: Order, amount: Decimal) -> None:
    """Money that had left for another order is here again. The order row is locked by the caller."""
    order.refresh_from_db(fields=["refunded_total", "version"])
    order.refunded_total -= amount
    assert order.refunded_total >= 0, "no more is taken back than left"
    summarize_money(order)
    save_order(order, MONEY_FIELDS)


def confirm_order(*, order_id: int) -> None:
    """The order that waited for money may be worked on (workflows.payments.payment_secured keeps its claims)."""
    order = lock_order(order_id=order_id)
    if order.status != OrderStatus.PENDING_PAYMENT:
        return
    move_order(order, OrderStatus.PLACED)
    order.payment_deadline = None
    save_order(order, ["status", "payment_deadline"])
    announce(events.OrderConfirmed(order_id=order.pk, number=order.number), subject=("order", order.number))


def set_fulfillment(*, order_id: int, status: FulfillmentStatus) -> Order:
    """Goods tell the order where they are. Work on the goods starts fulfillment."""
    order = lock_order(order_id=order_id)
    fields = ["fulfillment_status"]
    order.fulfillment_status = status
    if order.status == OrderStatus.PLACED and status not in (
        FulfillmentStatus.UNROUTED,
        FulfillmentStatus.ROUTED,
    ):
        move_order(order, OrderStatus.IN_FULFILLMENT)
        fields.append("status")
    save_order(order, fields)
    return order


def record_dispatch(*, order_id: int, lines: Sequence[tuple[int, int]], now: datetime) -> Order:
    """Units left the house: (order line id, quantity). The delivery fee goes with the first dispatch."""
    order = lock_order(order_id=order_id)
    _add_to_lines(order, "quantity_dispatched", lines)
    OrderLine.objects.filter(order=order, quantity_dispatched=0, quantity_canceled=0).exclude(
        kind__in=SOLD_KINDS
    ).update(quantity_dispatched=F("quantity"))
    ordered, dispatched = goods_counts(order)
    order.fulfillment_status = rules.dispatch_status(
        ordered=ordered, dispatched=dispatched, current=FulfillmentStatus(order.fulfillment_status)
    )
    fields = ["fulfillment_status"]
    if order.status == OrderStatus.PLACED:
        move_order(order, OrderStatus.IN_FULFILLMENT)
        fields.append("status")
    save_order(order, fields)
    announce(
        events.OrderDispatched(order_id=order.pk, number=order.number, is_complete=dispatched >= ordered),
        subject=("order", order.number),
    )
    return order


def record_digital_delivery(*, order: Order, line_ids: Sequence[int], now: datetime) -> None:
    """Lines that need no parcel are with their buyer. The order row is locked by the caller."""
    OrderLine.objects.filter(order=order, pk__in=line_ids).update(quantity_dispatched=F("quantity"))
    fields = ["fulfillment_status"]
    if order.status == OrderStatus.PLACED:
        move_order(order, OrderStatus.IN_FULFILLMENT)
        fields.append("status")
    order.fulfillment_status = FulfillmentStatus.DELIVERED
    save_order(order, fields)
    announce(events.OrderDelivered(order_id=order.pk, number=order.number), subject=("order", order.number))
    complete_if_done(order, now=now)


def record_return(
    *, order_id: int, lines: Sequence[tuple[int, int]], amount: Decimal, now: datetime
) -> Order:
    """Dispatched units came back; `amount` (gross) is no longer owed."""
    order = lock_order(order_id=order_id)
    _add_to_lines(order, "quantity_returned", lines)
    order.due_total -= amount
    assert order.due_total >= 0, "what comes back was owed"
    summarize_money(order)
    fields = ["due_total", *MONEY_FIELDS]
    kept = OrderLine.objects.filter(order=order, kind__in=SOLD_KINDS).aggregate(
        left=Sum(F("quantity") - F("quantity_canceled") - F("quantity_returned"))
    )["left"]
    if kept == 0:
        order.fulfillment_status = FulfillmentStatus.RETURNED
        fields.append("fulfillment_status")
    save_order(order, fields)
    complete_if_done(order, now=now)
    return order


def record_arrival(*, order_id: int, now: datetime) -> Order:
    """Nothing of the order is under way or to be sent any more: the shopper has it, unless all of it came back."""
    order = lock_order(order_id=order_id)
    if order.fulfillment_status not in (FulfillmentStatus.DELIVERED, FulfillmentStatus.RETURNED):
        order.fulfillment_status = FulfillmentStatus.DELIVERED
        save_order(order, ["fulfillment_status"])
        announce(
            events.OrderDelivered(order_id=order.pk, number=order.number), subject=("order", order.number)
        )
    complete_if_done(order, now=now)
    return order


def complete_if_done(order: Order, *, now: datetime) -> None:
    """Nothing is left to do: the goods arrived and are paid, or all came back and so did the money."""
    done = rules.is_done(
        fulfillment=FulfillmentStatus(order.fulfillment_status),
        payment=PaymentStatus(order.payment_status),
        due=order.due_total,
        kept=order.captured_total - order.refunded_total,
    )
    if done and order.status == OrderStatus.IN_FULFILLMENT:
        move_order(order, OrderStatus.COMPLETED)
        order.completed_at = now
        save_order(order, ["status", "completed_at"])
        announce(
            events.OrderCompleted(order_id=order.pk, number=order.number), subject=("order", order.number)
        )


def record_cancellation(
    *, order: Order, lines: Sequence[tuple[int, int]], reason: str, now: datetime, is_whole: bool
) -> Decimal:
    """Units will not be delivered; returns the gross amount that is no longer owed. The order row is locked by the caller."""
    before = {line.pk: line for line in order.lines.all()}
    amount = sum(
        (
            rules.part_of(
                total=before[pk].total,
                quantity=before[pk].quantity,
                done=before[pk].quantity_canceled,
                part=quantity,
            )
            for pk, quantity in lines
        ),
        rules.ZERO,
    )
    _add_to_lines(order, "quantity_canceled", lines)
    order.due_total -= amount
    summarize_money(order)
    fields = ["due_total", *MONEY_FIELDS]
    if is_whole:
        move_order(order, OrderStatus.CANCELED)
        order.canceled_at, order.cancel_reason, order.payment_deadline = now, reason[:200], None
        fields += ["status", "canceled_at", "cancel_reason", "payment_deadline"]
    else:
        ordered, dispatched = goods_counts(order)
        order.fulfillment_status = rules.dispatch_status(
            ordered=ordered, dispatched=dispatched, current=FulfillmentStatus(order.fulfillment_status)
        )
        fields.append("fulfillment_status")
    save_order(order, fields)
    event = events.OrderCanceled if is_whole else events.OrderLinesCanceled
    announce(
        event(order_id=order.pk, number=order.number, reason=reason[:200]), subject=("order", order.number)
    )
    return amount


UNPAID = "not paid in time"


def revive_order(*, order_id: int) -> Order:
    """The money of an order that was canceled for lack of it came after all; its units are claimed again by the caller."""
    order = lock_order(order_id=order_id)
    assert order.cancel_reason == UNPAID, "only what was canceled for lack of money comes back"
    move_order(order, OrderStatus.PLACED)
    OrderLine.objects.filter(order=order).update(quantity_canceled=0)
    order.due_total, order.cancel_reason, order.canceled_at = order.total, "", None
    summarize_money(order)
    save_order(order, ["status", "due_total", "cancel_reason", "canceled_at", *MONEY_FIELDS])
    announce(events.OrderConfirmed(order_id=order.pk, number=order.number), subject=("order", order.number))
    return order


@transaction.atomic
def hold_order(*, order_id: int, reason: str, by: User | None) -> Order:
    if not reason.strip():
        raise InvalidInput("Say why the order is held.")
    order = lock_order(order_id=order_id)
    move_order(order, OrderStatus.ON_HOLD)
    order.hold_reason = reason[:200]
    save_order(order, ["status", "hold_reason"])
    announce(
        events.OrderHeld(order_id=order.pk, number=order.number, reason=reason[:200]),
        subject=("order", order.number),
    )
    return order


@transaction.atomic
def release_order(*, order_id: int, by: User | None, now: datetime) -> Order:
    """It goes on; what arrived, came back or was paid meanwhile may have finished it."""
    order = lock_order(order_id=order_id)
    working = order.fulfillment_status not in (FulfillmentStatus.UNROUTED, FulfillmentStatus.ROUTED)
    move_order(order, OrderStatus.IN_FULFILLMENT if working else OrderStatus.PLACED)
    order.hold_reason = ""
    save_order(order, ["status", "hold_reason"])
    announce(events.OrderReleased(order_id=order.pk, number=order.number), subject=("order", order.number))
    complete_if_done(order, now=now)
    return order


def change_promise(*, order: Order, promise: dict[str, object], cause: str, now: datetime) -> None:
    """Keep the promise on the order, and every later change with its cause. The order row is locked by the caller."""
    if order.promise.get("date") == promise.get("date") and order.promise.get("ready_at") == promise.get(
        "ready_at"
    ):
        return
    PromiseChange.objects.create(
        order=order, before=order.promise, after=promise, cause=cause[:200], created_at=now
    )
    announce(
        events.PromiseChanged(
            order_id=order.pk,
            number=order.number,
            before=str(order.promise.get("ready_at") or order.promise.get("date") or ""),
            after=str(promise.get("ready_at") or promise.get("date") or ""),
            cause=cause[:200],
        ),
        subject=("order", order.number),
    )
    order.promise = promise
    save_order(order, ["promise"])


def await_no_supply(*, order: Order) -> None:
    """Nothing of it is under way to us any more: it may be routed. The order row is locked by the caller."""
    if not order.is_awaiting_supply:
        return
    order.is_awaiting_supply = False
    save_order(order, ["is_awaiting_supply"])
    announce(events.SupplySettled(order_id=order.pk, number=order.number), subject=("order", order.number))


def tell_supply_changed(*, order: Order, cause: str, before: str, after: str) -> None:
    """Goods that it waits for come on another day, or not at all (`after` is empty): the buyer is told."""
    announce(
        events.SupplyChanged(order_id=order.pk, number=order.number, cause=cause, before=before, after=after),
        subject=("order", order.number),
    )


def add_note(*, order_id: int, text: str, by: User, now: datetime) -> OrderNote:
    if not text.strip():
        raise InvalidInput("Write something in the note.")
    return OrderNote.objects.create(order_id=order_id, text=text.strip(), author=by, created_at=now)


def goods_counts(order: Order) -> tuple[int, int]:
    """(still wanted, dispatched) units over the goods lines."""
    sums = OrderLine.objects.filter(order=order, kind=LineKind.GOODS).aggregate(
        wanted=Sum(F("quantity") - F("quantity_canceled")), dispatched=Sum("quantity_dispatched")
    )
    return sums["wanted"] or 0, sums["dispatched"] or 0


_LIMITS = {
    "quantity_dispatched": "l.quantity - l.quantity_canceled - l.quantity_dispatched",
    "quantity_canceled": "l.quantity - l.quantity_canceled - l.quantity_dispatched",
    "quantity_returned": "l.quantity_dispatched - l.quantity_returned",
}


def _add_to_lines(order: Order, column: str, lines: Sequence[tuple[int, int]]) -> None:
    """One guarded update for all lines: fewer rows than lines means that one of them had not enough left."""
    wanted: dict[int, int] = {}
    for pk, quantity in lines:
        assert quantity > 0, "callers pass positive quantities"
        wanted[pk] = wanted.get(pk, 0) + quantity
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE oms_orderline l SET {column} = l.{column} + w.quantity "  # noqa: S608 - the column is one of _LIMITS
            "FROM unnest(%s::bigint[], %s::int[]) AS w(id, quantity) "
            f"WHERE l.id = w.id AND l.order_id = %s AND w.quantity <= {_LIMITS[column]}",
            (list(wanted), list(wanted.values()), order.pk),
        )
        if cursor.rowcount != len(wanted):
            raise QuantityExceeded(
                f"{order.number}: a line has fewer units left than asked for.", number=order.number
            )
