"""Canceling: units go back to the shelf, money back to where it came from, in one transaction; the provider is told by a worker."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit.models import Proposal
from audit.states import ProposalState
from crm import operations as crm
from finance import operations as finance
from oms import operations as orders
from oms.models import Order, OrderLine
from oms.states import SOLD_KINDS, FulfillmentStatus, LineKind, OrderStatus
from oms.workflows import digital
from oms.workflows.order_supply import let_supply_go
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from warehouse import operations as stock

SHOPPER_MAY = {FulfillmentStatus.UNROUTED, FulfillmentStatus.ROUTED}


class TooLate(Refusal):
    """The goods are being picked or have left: ask for a return instead."""

    code = "TOO_LATE_TO_CANCEL"


class NotDue(Refusal):
    """The order is paid, or its payment deadline has not passed."""

    code = "NOT_DUE"


def cancel_order(
    *, order_id: int, reason: str, by: User | None, now: datetime, is_shopper: bool = False
) -> Order:
    """Cancel everything that has not left. A shopper may until picking begins, staff until dispatch."""
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        _check_may_cancel(order, is_shopper, is_whole=True)
        keeps_files = _give_files_back(order, reason, by, now)
        order.refresh_from_db()
        canceled = _cancel(order, _all_that_is_left(order), reason, by, now, is_whole=not keeps_files)
        if keeps_files:
            _only_files_stay(canceled, now)
        return canceled


def _all_that_is_left(order: Order) -> list[tuple[int, int]]:
    return [
        (line.pk, line.quantity - line.quantity_canceled - line.quantity_dispatched)
        for line in order.lines.all()
        if line.quantity > line.quantity_canceled + line.quantity_dispatched
    ]


def _give_files_back(order: Order, reason: str, by: User | None, now: datetime) -> bool:
    """Delivered files that nobody fetched go back with the rest; whether others stay. Refuses TooLate where nothing else is left to cancel."""
    files = list(order.lines.filter(kind=LineKind.DIGITAL, quantity_dispatched__gt=0, quantity_returned=0))
    if not files:
        return False
    unbegun = {line.pk for line in digital.unbegun_lines(order)}
    stays = [line for line in files if line.pk not in unbegun]
    if stays and not unbegun and not _all_that_is_left(order):
        raise TooLate("The download has begun, so it cannot be canceled.", number=order.number)
    for line in files:
        if line.pk in unbegun:
            digital.give_line_back(order=order, line=line, reason=reason, by=by, now=now)
    return bool(stays)


def _only_files_stay(order: Order, now: datetime) -> None:
    """No parcel is to come any more: the buyer has what there is."""
    if order.status == OrderStatus.PLACED:
        orders.move_order(order, OrderStatus.IN_FULFILLMENT)
        orders.save_order(order, ["status"])
    orders.record_arrival(order_id=order.pk, now=now)
    order.refresh_from_db()


def cancel_lines(
    *,
    order_id: int,
    lines: Sequence[tuple[str, int]],
    reason: str,
    by: User | None,
    now: datetime,
    is_shopper: bool = False,
) -> Order:
    """Cancel some units, named by SKU. When nothing is left, the order is canceled with its delivery fee.

    After a part has left, staff may still cancel what is here: it may be nowhere to be had.
    """
    if not lines:
        raise InvalidInput("Say which lines to cancel.")
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        _check_may_cancel(order, is_shopper, is_whole=False)
        wanted = _units_by_line(order, lines)
        ordered, dispatched = orders.goods_counts(order)
        if dispatched == 0 and sum(q for _, q in wanted) >= ordered and not _has_files(order):
            return cancel_order(order_id=order.pk, reason=reason, by=by, now=now, is_shopper=is_shopper)
        is_last = dispatched == 0 and sum(q for _, q in wanted) >= ordered
        fees = _fees(order) if is_last else []
        canceled = _cancel(order, [*wanted, *fees], reason, by, now, is_whole=False)
        if is_last and order.lines.filter(kind=LineKind.DIGITAL, quantity_dispatched__gt=0).exists():
            _only_files_stay(canceled, now)
        return canceled


def _has_files(order: Order) -> bool:
    return order.lines.filter(kind=LineKind.DIGITAL, quantity_canceled=0, quantity_returned=0).exists()


def _fees(order: Order) -> list[tuple[int, int]]:
    """What came with the parcels: without any it is not owed."""
    open_fees = order.lines.exclude(kind__in=SOLD_KINDS).filter(quantity_dispatched=0, quantity_canceled=0)
    return [(line.pk, line.quantity) for line in open_fees]


def _units_by_line(order: Order, lines: Sequence[tuple[str, int]]) -> list[tuple[int, int]]:
    """A SKU that was added later at another price has two lines: the last one goes first. Refuses more than is left of it."""
    by_sku: dict[str, list[OrderLine]] = {}
    for line in order.lines.filter(kind=LineKind.GOODS).order_by("-position"):
        by_sku.setdefault(line.sku, []).append(line)
    wanted: Counter[int] = Counter()
    for sku, quantity in lines:
        if sku not in by_sku:
            raise orders.LineNotFound("This order has no such line.", sku=sku[:40])
        if quantity < 1:
            raise InvalidInput("The quantity is a whole number from 1.", sku=sku[:40])
        for line in by_sku[sku]:
            left = line.quantity - line.quantity_canceled - line.quantity_dispatched - wanted[line.pk]
            wanted[line.pk] += min(quantity, left)
            quantity -= min(quantity, left)
        if quantity:
            raise orders.QuantityExceeded(
                f"{order.number}: a line has fewer units left than asked for.", number=order.number
            )
    return [(pk, units) for pk, units in wanted.items() if units]


def cancel_unpaid_order(*, order_id: int, now: datetime) -> Order:
    """The deadline of payment passed: the only verb that ends the claims of an unpaid order."""
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        if (
            order.status != OrderStatus.PENDING_PAYMENT
            or order.payment_deadline is None
            or order.payment_deadline > now
        ):
            raise NotDue(f"{order.number} is not overdue.", number=order.number)
        return cancel_order(order_id=order.pk, reason=orders.UNPAID, by=None, now=now)


def cancel_overdue_orders(*, now: datetime, limit: int = 200) -> int:
    """The sweeper: each order in its own transaction, so that one refusal does not hold up the rest."""
    overdue = Order.objects.filter(status=OrderStatus.PENDING_PAYMENT, payment_deadline__lte=now)
    done = 0
    for order_id in overdue.order_by("payment_deadline").values_list("pk", flat=True)[:limit]:
        try:
            cancel_unpaid_order(order_id=order_id, now=now)
            done += 1
        except NotDue:
            continue  # paid a moment ago
    return done


def _check_may_cancel(order: Order, is_shopper: bool, *, is_whole: bool) -> None:
    if order.status in (OrderStatus.CANCELED, OrderStatus.COMPLETED):
        raise orders.OrderIsFinal(
            f"{order.number} is finished: {order.get_status_display()}.", number=order.number
        )
    _, dispatched = orders.goods_counts(order)
    if dispatched and (is_shopper or is_whole):
        raise TooLate("Goods of this order have left. Ask for a return instead.", number=order.number)
    if is_shopper and order.fulfillment_status not in SHOPPER_MAY:
        raise TooLate("The goods are being picked, so it is too late to cancel here.", number=order.number)


def _cancel(
    order: Order, lines: list[tuple[int, int]], reason: str, by: User | None, now: datetime, *, is_whole: bool
) -> Order:
    goods = OrderLine.objects.filter(order=order, kind=LineKind.GOODS, pk__in=[pk for pk, _ in lines])
    orders.record_cancellation(order=order, lines=lines, reason=reason, now=now, is_whole=is_whole)
    Proposal.objects.filter(
        kind="ROUTING", subject_kind="order", subject_key=order.number, state=ProposalState.OPEN
    ).update(state=ProposalState.STALE, decided_at=now, decision_reason="the order changed")
    if order.status == OrderStatus.CANCELED:
        crm.give_back_offers(taken=orders.taken_by(order), order_number=order.number, now=now)
    if order.has_gift_cards:
        # Gift cards that get their money back below are locked before any claim.
        crm.lock_cards_of_order(order_number=order.number)
    let_supply_go(order=order, now=now)
    stock.release_order_claims(order_line_ids=goods.values_list("pk", flat=True), now=now)
    stock.cancel_shipments(order_id=order.pk, now=now)
    if order.is_sent_to_store:
        stock.cancel_empty_transfers(order_id=order.pk, now=now)
    finance.release_excess(order_id=order.pk, reason=reason, by=by, now=now)
    stock.tell_arrival(order=order, now=now)
    order.refresh_from_db()
    return order
