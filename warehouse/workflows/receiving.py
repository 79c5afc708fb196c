"""Goods from a supplier, counted at the door, with their value in the ledger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from finance import operations as finance
from retail.kernel.models import User
from warehouse.models import Receipt
from warehouse.operations.goods import ReceivedLine, take_in, tell_received
from warehouse.operations.stock import record_moves


@transaction.atomic
def receive_goods(
    *,
    purchase_order_id: int,
    lines: Sequence[ReceivedLine],
    by: User | None,
    now: datetime,
    delivery_note: str = "",
    is_complete: bool = False,
) -> Receipt:
    """Count a delivery in: over, short and damaged as they are. `is_complete` closes the order although something is missing."""
    arrival = take_in(
        purchase_order_id=purchase_order_id,
        lines=lines,
        delivery_note=delivery_note,
        is_complete=is_complete,
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
    tell_received(arrival=arrival)
    return arrival.receipt
