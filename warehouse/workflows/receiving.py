"""Goods from a supplier, counted at the door, with their value in the ledger; who waited for them is served at once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from finance import operations as finance
from retail.kernel.models import User
from warehouse.models import Receipt
from warehouse.operations.goods import ReceivedLine, take_in, tell_received
from warehouse.operations.refusals import StockBusy
from warehouse.operations.stock import record_moves
from warehouse.operations.supply_filling import SomebodyCame, lock_waiting
from warehouse.workflows import awaited

ROUNDS_MAX = 6


def receive_goods(
    *,
    purchase_order_id: int,
    lines: Sequence[ReceivedLine],
    by: User | None,
    now: datetime,
    delivery_note: str = "",
    is_complete: bool = False,
) -> Receipt:
    """Count a delivery in: over, short and damaged as they are. `is_complete` closes the order although something is missing.

    Units that were ordered ahead are claimed for their orders in the same transaction, before anybody else can take them.
    """
    for _ in range(ROUNDS_MAX):
        try:
            with transaction.atomic():
                return _receive(purchase_order_id, lines, by, now, delivery_note, is_complete)
        except SomebodyCame:
            continue
    raise StockBusy("Too much happens to these units at once. Try again.")


def _receive(
    purchase_order_id: int,
    lines: Sequence[ReceivedLine],
    by: User | None,
    now: datetime,
    delivery_note: str,
    is_complete: bool,
) -> Receipt:
    waiting = lock_waiting(purchase_order_id=purchase_order_id)
    arrival = take_in(
        purchase_order_id=purchase_order_id,
        lines=lines,
        delivery_note=delivery_note,
        is_complete=is_complete,
        waiting=waiting,
        by=by,
        now=now,
    )
    posted = finance.post_goods_receipt(
        entity_id=arrival.entity_id,
        document_key=arrival.receipt.number,
        items=arrival.items,
        by=by,
        now=now,
    )
    record_moves(
        [replace(move, value=value) for move, value in zip(arrival.moves, posted.values, strict=True)],
        document_kind="receipt",
        document_key=arrival.receipt.number,
        now=now,
        by=by,
        entry_id=posted.entry_id,
    )
    awaited.settle(waiting=waiting, shared=arrival.shared, cause=awaited.SHORT, now=now)
    tell_received(arrival=arrival)
    return arrival.receipt
