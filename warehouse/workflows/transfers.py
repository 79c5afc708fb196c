"""A transfer arrives: units, and the value of what was lost on the way or came unannounced, in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from finance import operations as finance
from retail.kernel.models import User
from warehouse.models import Transfer
from warehouse.operations.stock import Move, record_moves
from warehouse.operations.transfers import (
    ArrivedUnits,
    TransferArrival,
    take_in_transfer,
    tell_transfer_received,
)
from warehouse.states import MoveReason


@transaction.atomic
def receive_transfer(
    *,
    transfer_id: int,
    lines: Sequence[ArrivedUnits],
    by: User | None,
    now: datetime,
    is_complete: bool = False,
) -> Transfer:
    """One delivery as it was counted: over, short and damaged as they are. `is_complete` says that nothing more will come.

    Both places belong to one company, so what arrives posts nothing; what is lost is written off, what came beyond is found.
    """
    arrival = take_in_transfer(transfer_id=transfer_id, lines=lines, is_complete=is_complete, by=by, now=now)
    _post(arrival, [(variant, -units) for variant, units in arrival.lost], MoveReason.LOST, by, now)
    _post(arrival, arrival.over, MoveReason.COUNT, by, now)
    tell_transfer_received(transfer=arrival.transfer)
    return arrival.transfer


def _post(
    arrival: TransferArrival,
    items: list[tuple[int, int]],
    reason: MoveReason,
    by: User | None,
    now: datetime,
) -> None:
    if not items:
        return
    transfer = arrival.transfer
    posted = finance.post_stock_difference(
        entity_id=transfer.entity_id,
        document_kind="transfer",
        document_key=transfer.number,
        reason=reason,
        items=items,
        by=by,
        now=now,
    )
    record_moves(
        [
            Move(
                variant_id,
                arrival.transit_bin_id if units < 0 else None,
                None if units < 0 else arrival.receiving_bin_id,
                abs(units),
                transfer.entity_id,
                reason,
                value=value,
            )
            for (variant_id, units), value in zip(items, posted.values, strict=True)
        ],
        document_kind="transfer",
        document_key=transfer.number,
        now=now,
        by=by,
        entry_id=posted.entry_id,
    )
