"""Routing moves claims: to the locations of a ratified plan, or away from units that are not there."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime

from django.db import connection, transaction

from retail.kernel.models import Location
from warehouse.models import Reservation
from warehouse.operations.claim_rows import (
    UNPICKED,
    LineNeeds,
    lock_line_claims,
    needs_of_lines,
    save_claims,
    split_off,
    told,
)
from warehouse.operations.holds import ROUNDS_MAX, release_expired_holds, skus_of
from warehouse.operations.refusals import InvalidQuantity, TargetTaken
from warehouse.operations.stock import Claim, Delta, shift_stock
from warehouse.rules import Piece, Want, choose_lots
from warehouse.selectors.lots import read_supply
from warehouse.states import ReservationState


def repoint_claims(
    *,
    order_id: int,
    targets: Sequence[tuple[int, int, int]],
    now: datetime,
    channel_id: int | None = None,
) -> list[Claim]:
    """Move the order's unpicked claims to (order line, location, units), all or none; what is there already stays.

    The targets cover the whole of each line that is still to leave: picked units stay where they are, and units whose claim was
    displaced are claimed anew. The order row is locked by the caller.
    """
    with transaction.atomic() if not connection.in_atomic_block else nullcontext():
        needs = needs_of_lines([line_id for line_id, _, _ in targets])
        claims = lock_line_claims(needs)
        leaving, arriving = _journeys(claims, targets, needs)
        if not arriving:
            return [told(claim) for claim in claims]
        for attempt in range(ROUNDS_MAX):
            pieces = _find_room(leaving, arriving, now=now, channel_id=channel_id, attempt=attempt)
            deltas = [Delta(claim.stock_item_id, reserved=-units) for claim, units in leaving]
            if not shift_stock([*deltas, *(Delta(p.stock_item_id, reserved=p.quantity) for p in pieces)]):
                made = resettle(leaving, pieces, now=now)
                return [told(claim) for claim in [*claims, *made]]
    raise _target_taken([(want, 0) for want in arriving])


def _journeys(
    claims: Sequence[Reservation],
    targets: Sequence[tuple[int, int, int]],
    needs: dict[int, LineNeeds],
) -> tuple[list[tuple[Reservation, int]], list[Want]]:
    """The claim units that leave their place, and the wants of the places they go to."""
    wanted: Counter[tuple[int, int, int]] = Counter()
    planned: Counter[int] = Counter()
    for line_id, location_id, units in targets:
        planned[line_id] += units
        for variant_id, per_unit in needs[line_id].parts:
            wanted[line_id, variant_id, location_id] += units * per_unit
    if any(units > needs[line_id].owed for line_id, units in planned.items()):
        raise InvalidQuantity("The plan ships more than the order still has to get.")
    leaving: list[tuple[Reservation, int]] = []
    # Picked units are served where they are, before anything is judged by place.
    for claim in sorted(claims, key=lambda claim: claim.state in UNPICKED):
        assert claim.order_line_id is not None
        here = (claim.order_line_id, claim.variant_id, claim.location_id)
        stays = min(claim.quantity, wanted[here])
        wanted[here] -= stays
        left = claim.quantity - stays
        if left and claim.state in UNPICKED:
            leaving.append((claim, left))
        elif left:
            _serve_elsewhere(wanted, here, left)
    arriving = [
        Want(line_id, variant_id, units, ((variant_id, 1),), location_id)
        for (line_id, variant_id, location_id), units in sorted(wanted.items())
        if units
    ]
    coming: Counter[tuple[int | None, int]] = Counter()
    for want in arriving:
        coming[want.line_id, want.sold_id] += want.quantity
    coming.subtract(_units_by_line(leaving))
    if any(units < 0 for units in coming.values()):
        raise InvalidQuantity("The plan does not cover all that the order has claimed.")
    return leaving, arriving


def _serve_elsewhere(wanted: Counter[tuple[int, int, int]], here: tuple[int, int, int], units: int) -> None:
    """Picked units that the plan wanted somewhere else are not claimed there a second time."""
    for key in sorted(wanted):
        if key[:2] == here[:2] and units:
            served = min(units, wanted[key])
            wanted[key] -= served
            units -= served


def _units_by_line(chosen: Sequence[tuple[Reservation, int]]) -> Counter[tuple[int | None, int]]:
    found: Counter[tuple[int | None, int]] = Counter()
    for claim, units in chosen:
        found[claim.order_line_id, claim.variant_id] += units
    return found


def _find_room(
    leaving: Sequence[tuple[Reservation, int]],
    arriving: Sequence[Want],
    *,
    now: datetime,
    channel_id: int | None,
    attempt: int,
) -> list[Piece]:
    """Lots at the targets; the units that leave a place are free for another line of the same order."""
    supply = read_supply(
        variant_ids=[want.sold_id for want in arriving],
        channel_id=channel_id,
        now=now,
        location_ids=[want.location_id for want in arriving if want.location_id],
    )
    freed: Counter[int] = Counter()
    for claim, units in leaving:
        freed[claim.stock_item_id] += units
    lots = [replace(lot, free=lot.free + freed[lot.stock_item_id]) for lot in supply.lots]
    choice = choose_lots(wants=arriving, lots=lots, safety=supply.safety)
    if choice.short:
        available = {(each.line_id, each.sold_id): each.available for each in choice.short}
        raise _target_taken(
            [
                (want, available[want.line_id, want.sold_id])
                for want in arriving
                if (want.line_id, want.sold_id) in available
            ]
        )
    if attempt or any(lot.expired for lot in supply.lots):
        items = [piece.stock_item_id for piece in choice.pieces]
        release_expired_holds(now=now, stock_item_ids=items, limit=10_000)
    return choice.pieces


def resettle(
    leaving: Sequence[tuple[Reservation, int]],
    pieces: Sequence[Piece],
    *,
    now: datetime,
    is_shipment_kept: bool = False,
) -> list[Reservation]:
    """Write moved claims: one that leaves whole keeps its row, parts and new units get rows of their own, which are returned.

    A claim that stays in its location may keep its shipment, and what its line is given there besides (a part of a kit whose first
    one is put back) joins it, for nothing plans half a kit; elsewhere it waits for a new one.
    """
    shipments = {
        (claim.order_line_id, claim.location_id): claim.shipment_id
        for claim, _ in leaving
        if is_shipment_kept and claim.shipment_id and claim.state in UNPICKED
    }
    queues: dict[tuple[int | None, int], list[tuple[Piece, int]]] = defaultdict(list)
    for piece in pieces:
        queues[piece.line_id, piece.variant_id].append((piece, piece.quantity))
    changed: list[Reservation] = []
    made: list[Reservation] = []
    for claim, units in leaving:
        queue = queues[claim.order_line_id, claim.variant_id]
        rows = [claim] if units == claim.quantity else []
        if not rows:
            claim.quantity -= units
        changed.append(claim)
        while units and queue:
            piece, left = queue.pop(0)
            taken = min(units, left)
            moved = rows.pop() if rows else split_off(claim, taken)
            if moved is not claim:
                made.append(moved)
            _settle(moved, piece, taken, is_shipment_kept)
            units -= taken
            if left > taken:
                queue.insert(0, (piece, left - taken))
        if rows:
            claim.state, claim.shipment_id, claim.expires_at = ReservationState.RELEASED, None, None
    made += [
        _claimed_anew(piece, left, shipments.get((piece.line_id, piece.location_id)), now)
        for queue in queues.values()
        for piece, left in queue
    ]
    save_claims(changed, made)
    return made


def _settle(claim: Reservation, piece: Piece, units: int, is_shipment_kept: bool) -> None:
    if claim.location_id != piece.location_id or not is_shipment_kept or claim.state not in UNPICKED:
        claim.shipment_id = claim.parcel_id = None
    if claim.location_id != piece.location_id:
        claim.transfer_line_id = None
    if claim.state not in UNPICKED:
        claim.state = ReservationState.ALLOCATED
        claim.picked_from_id = claim.picker_id = claim.picked_at = None
    claim.quantity, claim.stock_item_id, claim.location_id = units, piece.stock_item_id, piece.location_id


def _claimed_anew(piece: Piece, units: int, shipment_id: int | None, now: datetime) -> Reservation:
    return Reservation(
        stock_item_id=piece.stock_item_id,
        variant_id=piece.variant_id,
        location_id=piece.location_id,
        quantity=units,
        order_line_id=piece.line_id,
        shipment_id=shipment_id,
        state=ReservationState.ALLOCATED,
        created_at=now,
    )


def _target_taken(refused: Sequence[tuple[Want, int]]) -> TargetTaken:
    skus = skus_of([want.sold_id for want, _ in refused])
    codes = dict(
        Location.objects.filter(pk__in=[want.location_id for want, _ in refused]).values_list("pk", "code")
    )
    told = [
        {
            "sku": skus[want.sold_id],
            "location": codes[want.location_id or 0],
            "quantity": want.quantity,
            "available": available,
        }
        for want, available in refused
    ]
    return TargetTaken(
        "The plan cannot be kept: "
        + ", ".join(f"{line['location']} has {line['available']} of {line['sku']}" for line in told),
        lines=told,
    )
