"""What transfers find: units missing on the shelf, lost on the way or come unannounced, with their value in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from finance import operations as finance
from oms.states import ExceptionKind
from retail.kernel.models import User
from retail.kernel.states import check_move
from warehouse.models import Reservation, StockItem, Transfer
from warehouse.operations import displacing
from warehouse.operations.displacing import Displacement
from warehouse.operations.refusals import InvalidQuantity, UnknownClaim
from warehouse.operations.stock import Delta, Move, record_moves, shift_stock
from warehouse.operations.transfer_arrivals import (
    ArrivedUnits,
    TransferArrival,
    take_in_transfer,
    tell_transfer_received,
)
from warehouse.operations.transfers import (
    NotOnTransfer,
    UnknownTransfer,
    cancel_without_claims,
    lock_transfer,
)
from warehouse.rules import first_units
from warehouse.states import TRANSFER_MOVES, MoveReason, ReservationState, TransferStatus
from warehouse.workflows.shelves import open_exceptions, post_difference


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
    Units that an order waits for go to the packing table with their claims; the rest waits to be put away.
    """
    arrival = take_in_transfer(transfer_id=transfer_id, lines=lines, is_complete=is_complete, by=by, now=now)
    _post(arrival, [(variant, -units) for variant, units in arrival.lost], MoveReason.LOST, by, now)
    _post(arrival, arrival.over, MoveReason.COUNT, by, now)
    tell_transfer_received(transfer=arrival.transfer, ordered=arrival.ordered, now=now)
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


@transaction.atomic
def report_missing(
    *, transfer_id: int, variant_id: int, quantity_found: int, by: User | None, now: datetime
) -> Displacement:
    """The shelves hold fewer units than the transfer claims: they are put right, and the rest is looked for elsewhere.

    The bin in which units are missing is empty but for what was found. Another bin of the place serves the transfer; an order's
    units that only another place has leave it and are planned anew. Refuses UnknownTransfer, IllegalMove, NotOnTransfer, InvalidQuantity, StockBusy.
    """
    transfer = Transfer.objects.filter(pk=transfer_id).first()
    if transfer is None:
        raise UnknownTransfer("There is no such transfer.")
    claims = _claims_of(transfer, variant_id)
    claimed = sum(claim.quantity for claim in claims)
    if not claims:
        raise NotOnTransfer(f"{transfer.number} waits for no unit of it.", number=transfer.number)
    if not 0 <= quantity_found < claimed:
        raise InvalidQuantity(f"Fewer than {claimed} units, from 0.", quantity=quantity_found, left=claimed)
    found = {
        claim.pk: units for claim, units in first_units(claims, quantity_found, lambda one: one.quantity)
    }
    missing = [
        (one, one.quantity - found.get(one.pk, 0)) for one in claims if found.get(one.pk, 0) < one.quantity
    ]
    displaced = Displacement([], 0)
    for claim, units in missing:
        kept = sum(found.get(one.pk, 0) for one in claims if one.stock_item_id == claim.stock_item_id)
        gone = _Missing(transfer, claim, units, kept, by, now).displace()
        displaced = Displacement(
            [*displaced.orders, *gone.orders], displaced.basket_units + gone.basket_units
        )
    open_exceptions(displaced, ExceptionKind.SHORT_PICK, transfer.order_id, now)
    cancel_without_claims(transfer_id=transfer.pk, now=now)
    return displaced


def _claims_of(transfer: Transfer, variant_id: int) -> list[Reservation]:
    """In the order of the walk; they are locked, and looked at again, when they give way."""
    return list(
        Reservation.objects.filter(
            transfer_line__transfer=transfer, variant_id=variant_id, state=ReservationState.ALLOCATED
        )
        .select_related("stock_item__bin")
        .order_by("stock_item__bin__pick_sequence", "pk")
    )


@dataclass(frozen=True)
class _Missing:
    """Units of one claim that are not where they are claimed; `kept` of this transfer were found in the same bin."""

    transfer: Transfer
    claim: Reservation
    units: int
    kept: int
    by: User | None
    now: datetime

    def displace(self) -> Displacement:
        lost: list[int] = []

        def units_gone(item: StockItem) -> int:
            lost[:] = [max(0, item.on_hand - self.kept)]
            return lost[0]

        displaced = displacing.displace(
            stock_item_id=self.claim.stock_item_id,
            units_gone=units_gone,
            apply=lambda item, claims, deltas: self._apply(item, claims, deltas, lost[0]),
            cause=MoveReason.SHORT_PICK,
            now=self.now,
            own_order_id=self.transfer.order_id,
            going_first=(self.claim.pk, self.units),
            lock_next=self._lock,
        )
        if lost[0]:
            post_difference(
                self.claim.stock_item_id,
                -lost[0],
                MoveReason.SHORT_PICK,
                self.transfer.number,
                displaced,
                self.by,
                self.now,
            )
        return displaced

    def _lock(self) -> None:
        transfer = lock_transfer(self.transfer.pk)
        if transfer.status != TransferStatus.REQUESTED:
            check_move(TRANSFER_MOVES, transfer.status, TransferStatus.SHIPPED, what=transfer.number)

    def _apply(self, item: StockItem, claims: Sequence[Reservation], deltas: list[Delta], lost: int) -> bool:
        own = next((claim for claim in claims if claim.pk == self.claim.pk), None)
        if own is None or own.state != ReservationState.ALLOCATED or own.quantity < self.units:
            raise UnknownClaim("Somebody else took these units.")
        return not shift_stock([*deltas, Delta(item.pk, on_hand=-lost)])
