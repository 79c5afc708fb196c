"""What an exchange does when its goods are here, when its new order ends, and when nothing comes. Why: docs/decisions/0017-exchanges.md.

The older order is locked before the newer one, always.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import operations as finance
from finance import selectors as finance_reads
from finance.models import Payment
from finance.rules import Sold
from finance.states import PaymentState
from oms import events
from oms import operations as orders
from oms.models import Exchange, Order, Return, ReturnLine
from oms.states import EXCHANGE_MOVES, ExchangeState, OrderStatus, PaymentMethod, ReturnStatus
from oms.workflows.cancellation import cancel_order
from oms.workflows.payments import payment_secured
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from retail.kernel.states import check_move


def exchange_of_return(*, returned: Return) -> Exchange | None:
    """The exchange that waits for these goods, its new order locked; the return's own order is locked by the caller."""
    found = Exchange.objects.filter(returned=returned).exclude(state=ExchangeState.PAID).first()
    if found is None:
        return None
    order = orders.lock_order(order_id=found.order_id)
    exchange = Exchange.objects.select_for_update(of=("self",)).get(pk=found.pk)
    exchange.order = order
    return exchange


def paid_by(exchange: Exchange | None, worth: Decimal) -> Decimal:
    """What of goods of this worth pays for the new order: nothing when it is canceled, or paid otherwise."""
    if exchange is None or exchange.order.status == OrderStatus.CANCELED:
        return ZERO
    order = exchange.order
    return min(exchange.credit, worth, max(order.due_total - finance.held_for(order=order), ZERO))


def left_over(*, exchange: Exchange) -> Decimal:
    """What of the goods' money goes back to the buyer, by the papers of now. Units that came back otherwise (nobody took the parcel) bring none."""
    returned = exchange.returned
    if returned.status != ReturnStatus.REQUESTED:
        return returned.refund_total - exchange.credit
    sold = [_still_out(row) for row in returned.lines.select_related("order_line")]
    worth = finance_reads.preview_return(order_id=returned.order_id, sold=sold)
    return max(sum(worth.values(), ZERO) - exchange.credit, ZERO)


def _still_out(row: ReturnLine) -> Sold:
    line = row.order_line
    return Sold(line.pk, min(row.quantity, line.quantity_dispatched - line.quantity_returned))


def settle(*, exchange: Exchange, origin: Order, amount: Decimal, by: User | None, now: datetime) -> Decimal:
    """The goods are here: `amount` of their money pays the new order, which is worked on from now if that is all it waited for.

    What was moved; nothing when the money of the goods has not come yet (a courier still has it): the sweep tries again.
    """
    order, returned = exchange.order, exchange.returned
    if amount > 0:
        payment = _awaited(order)
        payment.amount = amount
        payment.save(update_fields=["amount", "updated_at"])
        try:
            with transaction.atomic():
                finance.pay_by_exchange(
                    origin=origin,
                    order=order,
                    payment=payment,
                    amount=amount,
                    return_id=returned.pk,
                    reason=f"exchange {returned.number}",
                    by=by,
                    now=now,
                )
        except finance.RefundExceedsPayment:
            return ZERO
        _go_on(order, now)
        _move(exchange, ExchangeState.PAID, now)
    elif exchange.state == ExchangeState.WAITING:
        _move(exchange, ExchangeState.ENDED, now)
    return amount


def _awaited(order: Order) -> Payment:
    return Payment.objects.select_for_update(of=("self",)).get(order=order, method=PaymentMethod.EXCHANGE)


def _go_on(order: Order, now: datetime) -> None:
    """Nothing is missing any more, or the rest is paid at the door."""
    order.refresh_from_db()
    is_at_door = order.payment_method == PaymentMethod.CASH_ON_DELIVERY
    if order.status == OrderStatus.PENDING_PAYMENT and (
        is_at_door or finance.held_for(order=order) >= order.due_total
    ):
        payment_secured(order_id=order.pk, now=now)


def _move(exchange: Exchange, state: ExchangeState, now: datetime) -> None:
    check_move(EXCHANGE_MOVES, exchange.state, state, what=exchange.public_id)
    exchange.state, exchange.settled_at = state, now
    exchange.save(update_fields=["state", "settled_at"])


def end_of_order(*, order_id: int, now: datetime) -> None:
    """The new order is canceled: what comes back is a return like any other, its money goes to its buyer."""
    found = Exchange.objects.filter(order_id=order_id, state=ExchangeState.WAITING).first()
    if found is None:
        return
    with transaction.atomic():
        exchange = Exchange.objects.select_for_update(of=("self",)).get(pk=found.pk)
        if exchange.state == ExchangeState.WAITING:
            _end(exchange, now)


def not_accepted(*, exchange: Exchange, by: User | None, now: datetime) -> None:
    """What came back is not taken: nothing pays for the new goods, so they stay here; those that left are owed for.

    Both order rows are locked by the caller.
    """
    if exchange.order.status == OrderStatus.PENDING_PAYMENT:
        cancel_order(order_id=exchange.order_id, reason="the return was not accepted", by=by, now=now)
        _end(exchange, now)
    elif exchange.state == ExchangeState.WAITING and exchange.order.status != OrderStatus.CANCELED:
        _ask_for_money(exchange, now)


def _end(exchange: Exchange, now: datetime) -> None:
    _move(exchange, ExchangeState.ENDED, now)
    origin = exchange.returned.order
    announce(
        events.ExchangeEnded(
            order_id=origin.pk,
            number=origin.number,
            return_number=exchange.returned.number,
            new_number=exchange.order.number,
            new_order_id=exchange.order_id,
        ),
        subject=("order", origin.number),
    )


def sweep_exchanges(*, now: datetime, limit: int = 100) -> int:
    """Goods that are here and whose money came meanwhile; goods that were sent ahead and for which nothing came."""
    rows = Exchange.objects.filter(state=ExchangeState.WAITING)
    here = rows.filter(returned__status__in=[ReturnStatus.RECEIVED, ReturnStatus.REFUNDED])
    late = rows.filter(sent_ahead_at__isnull=False, deadline__lt=now, returned__status=ReturnStatus.REQUESTED)
    done = 0
    for pk in [*here.values_list("pk", flat=True)[:limit], *late.values_list("pk", flat=True)[:limit]]:
        done += _sweep_one(pk, now)
    return done


@transaction.atomic
def _sweep_one(pk: int, now: datetime) -> bool:
    returned = Exchange.objects.select_related("returned").get(pk=pk).returned
    origin = orders.lock_order(order_id=returned.order_id)
    exchange = exchange_of_return(returned=returned)
    if exchange is None or exchange.state != ExchangeState.WAITING:
        return False
    returned = exchange.returned
    if returned.status == ReturnStatus.REQUESTED:
        return _ask_for_money(exchange, now) if exchange.deadline < now else False
    amount = paid_by(exchange, returned.refund_total)
    moved = settle(exchange=exchange, origin=origin, amount=amount, by=None, now=now)
    if moved or not amount:
        orders.resolve_cause(
            kind="PAYMENT_MISMATCH",
            cause_key=f"exchange:{returned.number}",
            resolution="The money came and was moved.",
            now=now,
        )
    return bool(moved)


def _ask_for_money(exchange: Exchange, now: datetime) -> bool:
    """Sent ahead, and nothing came back: the new goods are owed for like any others, and a person is told."""
    order = exchange.order
    Payment.objects.filter(order=order, method=PaymentMethod.EXCHANGE, state=PaymentState.PENDING).update(
        state=PaymentState.EXPIRED, failure="NOTHING_CAME_BACK", updated_at=now
    )
    missing = order.due_total - finance.held_for(order=order)
    if missing > 0:
        finance.create_payment(order_id=order.pk, method=PaymentMethod.BANK_TRANSFER, now=now, amount=missing)
    orders.open_exception(
        kind="PAYMENT_MISMATCH",
        order_id=order.pk,
        cause_key=f"exchange:{exchange.returned.number}",
        detail={
            "reason": "EXCHANGE_NOT_RETURNED",
            "return": exchange.returned.number,
            "amount": str(missing),
        },
        now=now,
    )
    _end(exchange, now)
    return True
