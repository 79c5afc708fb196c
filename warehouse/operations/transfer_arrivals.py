"""Transfers at the door: units taken from transit as they were counted, an order's claims with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retail.kernel.errors import InvalidInput
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move
from warehouse import events
from warehouse.models import Transfer, TransferLine
from warehouse.operations import order_transfers
from warehouse.operations.bins import bin_of
from warehouse.operations.holds import skus_of
from warehouse.operations.refusals import InvalidQuantity
from warehouse.operations.stock import Delta, Move, ensure_items, record_moves, shift_stock
from warehouse.operations.transfers import UNITS_MAX, NotOnTransfer, lock_transfer
from warehouse.states import TRANSFER_MOVES, BinKind, MoveReason, TransferStatus


@dataclass(frozen=True, slots=True)
class ArrivedUnits:
    """What was counted at the door, in good condition and damaged."""

    variant_id: int
    quantity_good: int
    quantity_damaged: int = 0


@dataclass(frozen=True, slots=True)
class TransferArrival:
    """Units taken from transit. `lost` and `over` are (variant, units) whose value is still to be posted.

    `ordered` is what happened to the claims of the order that the units are for.
    """

    transfer: Transfer
    transit_bin_id: int
    receiving_bin_id: int
    lost: list[tuple[int, int]]
    over: list[tuple[int, int]]
    ordered: order_transfers.Arrival | None = None


def take_in_transfer(
    *,
    transfer_id: int,
    lines: Sequence[ArrivedUnits],
    is_complete: bool,
    by: User | None,
    now: datetime,
) -> TransferArrival:
    """Counted units lie in the receiving bin, damaged ones apart. With `is_complete` what did not come is lost."""
    transfer = lock_transfer(transfer_id)
    check_move(TRANSFER_MOVES, transfer.status, TransferStatus.RECEIVED, what=transfer.number)
    rows = {row.variant_id: row for row in transfer.lines.select_for_update(of=("self",)).order_by("pk")}
    _check_arrived(transfer, lines, rows)
    if not is_complete and not any(line.quantity_good or line.quantity_damaged for line in lines):
        raise InvalidQuantity("Nothing was counted.")
    bins = {
        kind: bin_of(location_id=transfer.target_id, kind=kind).pk
        for kind in (BinKind.TRANSIT, BinKind.RECEIVING, BinKind.DAMAGED)
    }
    laid, over = _settle_lines(lines, rows, bins[BinKind.RECEIVING], bins[BinKind.DAMAGED])
    lost = [(row.variant_id, row.under_way) for row in rows.values() if row.under_way] if is_complete else []
    for variant_id, units in lost:
        rows[variant_id].quantity_lost += units
    TransferLine.objects.bulk_update(
        rows.values(), ["quantity_good", "quantity_damaged", "quantity_lost", "quantity_over"]
    )
    ordered = None
    if transfer.order is not None:
        ordered = order_transfers.claims_arrive(
            transfer=transfer,
            order=transfer.order,
            laid=laid,
            under_way={variant_id: row.under_way for variant_id, row in rows.items()},
            receiving_bin_id=bins[BinKind.RECEIVING],
            now=now,
        )
        laid = ordered.laid
    _move_in(transfer, laid, lost, over, bins, by, now, more=ordered.deltas if ordered else ())
    done = all(not row.under_way for row in rows.values())
    transfer.status = TransferStatus.RECEIVED if done else TransferStatus.PARTLY_RECEIVED
    transfer.received_at = now if done else None
    transfer.save(update_fields=["status", "received_at"])
    return TransferArrival(transfer, bins[BinKind.TRANSIT], bins[BinKind.RECEIVING], lost, over, ordered)


def _check_arrived(transfer: Transfer, lines: Sequence[ArrivedUnits], rows: dict[int, TransferLine]) -> None:
    if any(
        not 0 <= units <= UNITS_MAX for line in lines for units in (line.quantity_good, line.quantity_damaged)
    ):
        raise InvalidQuantity("Counted units are whole numbers from 0.")
    if len({line.variant_id for line in lines}) != len(lines):
        raise InvalidInput("Name each SKU once.")
    for line in lines:
        if line.variant_id not in rows:
            sku = skus_of([line.variant_id])[line.variant_id]
            raise NotOnTransfer(f"{sku} is not on {transfer.number}.", sku=sku)


def _settle_lines(
    lines: Sequence[ArrivedUnits], rows: dict[int, TransferLine], receiving: int, damaged: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    """(variant, bin, units) taken from transit, and what came beyond what was sent; good units first are the sent ones."""
    laid: list[tuple[int, int, int]] = []
    over: list[tuple[int, int]] = []
    for line in lines:
        row = rows[line.variant_id]
        broken = min(line.quantity_damaged, row.under_way)
        row.quantity_damaged += broken
        good = min(line.quantity_good, row.under_way)
        row.quantity_good += good
        more = line.quantity_good + line.quantity_damaged - good - broken
        row.quantity_over += more
        laid += [
            (line.variant_id, bin_id, units)
            for bin_id, units in ((receiving, good), (damaged, broken))
            if units
        ]
        if more:
            over.append((line.variant_id, more))
    return laid, over


def _move_in(
    transfer: Transfer,
    laid: Sequence[tuple[int, int, int]],
    lost: Sequence[tuple[int, int]],
    over: Sequence[tuple[int, int]],
    bins: dict[BinKind, int],
    by: User | None,
    now: datetime,
    *,
    more: Sequence[Delta] = (),
) -> None:
    transit, receiving = bins[BinKind.TRANSIT], bins[BinKind.RECEIVING]
    pairs = [(variant_id, bin_id) for variant_id, bin_id, _ in laid]
    pairs += [(variant_id, transit) for variant_id, _, _ in laid]
    pairs += [(variant_id, transit) for variant_id, _ in lost]
    pairs += [(variant_id, receiving) for variant_id, _ in over]
    items = ensure_items(pairs)
    deltas = [Delta(items[variant_id, bin_id], on_hand=units) for variant_id, bin_id, units in laid]
    deltas += [Delta(items[variant_id, transit], on_hand=-units) for variant_id, _, units in laid]
    deltas += [Delta(items[variant_id, transit], on_hand=-units) for variant_id, units in lost]
    deltas += [Delta(items[variant_id, receiving], on_hand=units) for variant_id, units in over]
    refused = shift_stock([*deltas, *more])
    assert not refused, "what is under way lies in transit"
    record_moves(
        [
            Move(variant_id, transit, bin_id, units, transfer.entity_id, MoveReason.TRANSFER)
            for variant_id, bin_id, units in laid
        ],
        document_kind="transfer",
        document_key=transfer.number,
        now=now,
        by=by,
    )


def tell_transfer_received(
    *, transfer: Transfer, ordered: order_transfers.Arrival | None = None, now: datetime
) -> None:
    lines = list(transfer.lines.all())
    announce(
        events.TransferReceived(
            transfer.pk,
            transfer.number,
            transfer.source.code,
            transfer.target.code,
            sum(line.quantity_good + line.quantity_over for line in lines),
            sum(line.quantity_damaged for line in lines),
            sum(line.quantity_lost for line in lines),
            transfer.status == TransferStatus.RECEIVED,
        ),
        subject=("transfer", transfer.number),
    )
    if transfer.order is not None and ordered is not None:
        order_transfers.tell_arrived(transfer.order, transfer, ordered, now)
