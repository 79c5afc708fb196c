"""The goods that an order takes while it is placed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from oms import selectors as oms
from oms.models import Order, OrderLine
from oms.states import OrderStatus
from oms.workflows.checkout import MethodNotAvailable
from oms.workflows.placing_rows import Desk, Line
from oms.workflows.taking import gift_of
from warehouse import operations as stock
from warehouse.selectors.promise_rows import own_units


class GiftGone(Exception):
    """Somebody else took the last gift between the price and the claim: the order goes on without it."""

    def __init__(self, facts: frozenset[str]) -> None:
        self.facts = facts


def claim_gifts(order: Order, rows: Sequence[OrderLine], quote: oms.Quote, now: datetime) -> None:
    sold = zip(rows, quote.priced.lines, strict=True)
    gifts = {row.pk: gift_of(quote.offers, priced) for row, priced in sold if priced.is_gift}
    if not gifts:
        return
    waits = order.status == OrderStatus.PENDING_PAYMENT
    try:
        stock.claim_for_order_lines(
            demands=[(pk, variant, units, order.shelf_id) for pk, (_, variant, units) in gifts.items()],
            channel_id=order.channel_id,
            state="HELD" if waits else "ALLOCATED",
            expires_at=order.payment_deadline if waits else None,
            now=now,
        )
    except stock.OutOfStock as refusal:
        raise GiftGone(frozenset(f"gift:{code}" for code, _, _ in gifts.values())) from refusal


def take_from_the_store(
    desk: Desk, order: Order, store_id: int, pairs: dict[int, int], now: datetime
) -> None:
    try:
        stock.repoint_claims(
            order_id=order.pk,
            targets=[(pairs[line.pk], store_id, line.quantity) for line in desk.lines if line.pk in pairs],
            now=now,
            channel_id=order.channel_id,
        )
    except stock.TargetTaken as refusal:
        raise MethodNotAvailable(
            "The store no longer has everything on its shelves.",
            method=order.delivery_method,
            **refusal.details,
        ) from refusal


def hold_all(desk: Desk, now: datetime) -> None:
    stock.hold_for_basket_lines(
        channel_id=desk.channel.pk,
        demands=[(line.pk, line.goods.pk, line.quantity) for line in desk.lines if not line.is_preorder],
        expires_at=now + timedelta(minutes=desk.channel.hold_minutes),
        now=now,
    )


def claim_anew(desk: Desk, order: Order, pairs: dict[int, int], state: str, now: datetime) -> None:
    """The hold ran out and was given away: what can still be had is claimed again, else OutOfStock tells which line."""
    hold_all(desk, now)
    stock.allocate_basket_claims(
        basket_id=desk.basket_id,
        lines=[*pairs.items()],
        state=state,
        expires_at=order.payment_deadline,
        now=now,
    )


def check_ahead(desk: Desk) -> None:
    """What is ordered ahead is still claimed of what is under way; refuses HoldLost."""
    ahead = [line for line in desk.lines if line.is_preorder]
    if not ahead:
        return
    assert desk.live is not None, "a basket with lines knows what is under way"
    own = own_units(desk.live.supply)
    lost = [line for line in ahead if own.get(line.goods.pk, 0) < line.quantity]
    if lost:
        raise _ahead_lost(lost)


def move_ahead(desk: Desk, pairs: dict[int, int], state: str) -> None:
    """Claims of what is under way go to the order; refuses HoldLost."""
    moved = stock.move_supply_to_order(lines=pairs, state=state)
    lost = [line for line in desk.lines if line.pk in pairs and moved.get(line.pk) != line.quantity]
    if lost:
        raise _ahead_lost(lost)


def _ahead_lost(lines: Sequence[Line]) -> stock.HoldLost:
    told = [{"sku": line.goods.sku, "quantity": line.quantity, "held": 0} for line in lines]
    return stock.HoldLost(
        "Units that are under way are no longer kept for this basket: "
        + ", ".join(line.goods.sku for line in lines),
        lines=told,
    )
