"""Transfers: units that one place of the company sends to another. Asked for they are claimed, sent they lie in transit."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F

from oms import operations as orders
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import Location, LocationKind, User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move
from warehouse import events
from warehouse.models import Reservation, StockItem, Transfer, TransferLine
from warehouse.operations import order_transfers
from warehouse.operations.bins import bin_of
from warehouse.operations.claim_rows import save_claims, split_off
from warehouse.operations.holds import release_expired_holds, skus_of
from warehouse.operations.numbers import next_number
from warehouse.operations.refusals import InvalidQuantity, NotEnoughUnits
from warehouse.operations.stock import Delta, Move, ensure_items, record_moves, shift_stock
from warehouse.rules import first_units
from warehouse.states import TRANSFER_MOVES, BinKind, MoveReason, ReservationState, TransferStatus

UNITS_MAX = 9_999
PLACES = (LocationKind.STORE, LocationKind.WAREHOUSE)


class UnknownTransfer(NotFound):
    code = "UNKNOWN_TRANSFER"


class OtherEntity(Refusal):
    """The two places belong to different companies: goods between them are sold and bought, not transferred."""

    code = "OTHER_ENTITY"


class NothingToShip(Refusal):
    """None of the units is claimed any more, or none was named."""

    code = "NOTHING_TO_SHIP"


class UnitsAreOrdered(Refusal):
    """Somebody has ordered these units: they are not left behind without a word, nor called off without the order."""

    code = "UNITS_ARE_ORDERED"


class NotOnTransfer(Refusal):
    """The parcel holds something that this transfer does not name."""

    code = "NOT_ON_TRANSFER"


@dataclass(frozen=True, slots=True)
class WantedUnits:
    variant_id: int
    quantity: int


@transaction.atomic
def request_transfer(
    *,
    source_id: int,
    target_id: int,
    lines: Sequence[WantedUnits],
    by: User | None,
    now: datetime,
    note: str = "",
    expected_on: date | None = None,
) -> Transfer:
    """Ask for units; they are claimed where they lie from now on.

    Refuses InvalidQuantity, InvalidInput, OtherEntity, NotEnoughUnits.
    """
    source, target = _places(source_id, target_id)
    if not lines or any(not 1 <= line.quantity <= UNITS_MAX for line in lines):
        raise InvalidQuantity(f"A transfer names units from 1 to {UNITS_MAX}.")
    if len({line.variant_id for line in lines}) != len(lines):
        raise InvalidInput("Name each SKU once.")
    transfer = Transfer.objects.create(
        number=_next_number(now),
        source=source,
        target=target,
        entity_id=source.entity_id,
        note=note.strip()[:200],
        expected_on=expected_on,
        by=by,
        created_at=now,
    )
    made = TransferLine.objects.bulk_create(
        TransferLine(transfer=transfer, variant_id=line.variant_id, quantity=line.quantity) for line in lines
    )
    _claim(source, made, now)
    _tell(events.TransferRequested, transfer, sum(line.quantity for line in lines))
    return transfer


def _places(source_id: int, target_id: int) -> tuple[Location, Location]:
    places = Location.objects.in_bulk([source_id, target_id])
    source, target = places.get(source_id), places.get(target_id)
    if (
        source is None
        or target is None
        or source == target
        or source.kind not in PLACES
        or target.kind not in PLACES
        or not target.is_active
    ):
        raise InvalidInput("Units go from one store or warehouse to another one.")
    if source.entity_id != target.entity_id:
        raise OtherEntity("The two places belong to different companies.")
    return source, target


def _next_number(now: datetime) -> str:
    """TR-2026-000123"""
    return next_number(Transfer.objects.all(), f"TR-{business_date(now).year}-")


def _claim(source: Location, lines: Sequence[TransferLine], now: datetime) -> None:
    """Free units of the shelves in the order of the walk. Safety stock is for selling, not for our own goods."""
    variants = [line.variant_id for line in lines]
    here = StockItem.objects.filter(location=source, variant_id__in=variants, is_sellable=True)
    release_expired_holds(
        now=now, stock_item_ids=list(here.order_by("pk").values_list("pk", flat=True)), limit=10_000
    )
    free: dict[int, list[StockItem]] = defaultdict(list)
    for item in here.filter(on_hand__gt=F("reserved")).order_by("bin__pick_sequence", "pk"):
        free[item.variant_id].append(item)
    claims: list[Reservation] = []
    for line in lines:
        chosen = first_units(
            free[line.variant_id], line.quantity, lambda item: max(0, item.on_hand - item.reserved)
        )
        if sum(units for _, units in chosen) < line.quantity:
            raise _not_enough(source, line, sum(units for _, units in chosen))
        claims += [
            Reservation(
                stock_item=item,
                variant_id=line.variant_id,
                location=source,
                quantity=units,
                transfer_line=line,
                state=ReservationState.ALLOCATED,
                created_at=now,
            )
            for item, units in chosen
        ]
    refused = shift_stock(Delta(claim.stock_item_id, reserved=claim.quantity) for claim in claims)
    if refused:
        taken = next(claim for claim in claims if claim.stock_item_id in refused)
        raise _not_enough(source, next(line for line in lines if line.variant_id == taken.variant_id), 0)
    Reservation.objects.bulk_create(claims)


def _not_enough(source: Location, line: TransferLine, free: int) -> NotEnoughUnits:
    sku = skus_of([line.variant_id])[line.variant_id]
    return NotEnoughUnits(
        f"{source.code} has {free} free units of {sku}, {line.quantity} are asked for.",
        sku=sku,
        location=source.code,
        available=free,
    )


def lock_transfer(transfer_id: int) -> Transfer:
    """The transfer's row, locked before its claims; of a transfer for an order, the order first."""
    order_id = Transfer.objects.filter(pk=transfer_id).values_list("order_id", flat=True).first()
    order = orders.lock_order(order_id=order_id) if order_id else None
    found = (
        Transfer.objects.select_for_update(of=("self",))
        .select_related("source", "target")
        .filter(pk=transfer_id)
        .first()
    )
    if found is None:
        raise UnknownTransfer("There is no such transfer.")
    if order is not None:
        found.order = order
    return found


def _lock_claims(transfer: Transfer) -> list[Reservation]:
    return list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(transfer_line__transfer=transfer, state=ReservationState.ALLOCATED)
        .order_by("id")
    )


@transaction.atomic
def ship_transfer(
    *, transfer_id: int, by: User | None, now: datetime, lines: Sequence[WantedUnits] | None = None
) -> Transfer:
    """The claimed units (or fewer of them) leave their shelves; what is not sent is free again.

    For an order all of them leave, their claims with them: what is missing is to be said first (`report_missing`).
    Refuses IllegalMove, NothingToShip, NotOnTransfer, NotEnoughUnits, UnitsAreOrdered, OrderNotReady.
    """
    transfer = lock_transfer(transfer_id)
    check_move(TRANSFER_MOVES, transfer.status, TransferStatus.SHIPPED, what=transfer.number)
    if transfer.order is not None:
        order_transfers.check_order(transfer.order)
    claims = _lock_claims(transfer)
    chosen = _units_sent(transfer, claims, lines)
    if not chosen:
        raise NothingToShip(f"{transfer.number} has no unit to send.", number=transfer.number)
    if transfer.order is not None:
        _check_whole(transfer, claims, chosen)
    moves = _take_out(transfer, claims, chosen, by, now)
    sent = Counter[int]()
    for move in moves:
        sent[move.variant_id] += move.quantity
    rows = list(transfer.lines.filter(variant_id__in=sent))
    for row in rows:
        row.quantity_shipped = sent[row.variant_id]
    TransferLine.objects.bulk_update(rows, ["quantity_shipped"])
    record_moves(moves, document_kind="transfer", document_key=transfer.number, now=now, by=by)
    transfer.status, transfer.shipped_at = TransferStatus.SHIPPED, now
    transfer.save(update_fields=["status", "shipped_at"])
    _tell(events.TransferShipped, transfer, sent.total())
    if transfer.order is not None:
        order_transfers.tell_sent(transfer.order, transfer, sent.total())
    return transfer


def _check_whole(
    transfer: Transfer, claims: Sequence[Reservation], chosen: Sequence[tuple[Reservation, int]]
) -> None:
    claimed, sent = sum(claim.quantity for claim in claims), sum(units for _, units in chosen)
    if sent < claimed:
        raise UnitsAreOrdered(
            f"{transfer.number}: {claimed} units are ordered, {sent} are here.",
            number=transfer.number,
            left=claimed - sent,
        )


def _units_sent(
    transfer: Transfer, claims: Sequence[Reservation], lines: Sequence[WantedUnits] | None
) -> list[tuple[Reservation, int]]:
    if lines is None:
        return [(claim, claim.quantity) for claim in claims]
    if any(not 0 <= line.quantity <= UNITS_MAX for line in lines):
        raise InvalidQuantity(f"Units are whole numbers from 0 to {UNITS_MAX}.")
    named = set(transfer.lines.values_list("variant_id", flat=True))
    chosen: list[tuple[Reservation, int]] = []
    for variant_id, units in Counter({line.variant_id: line.quantity for line in lines}).items():
        if variant_id not in named:
            raise NotOnTransfer(
                f"{transfer.number} does not name this SKU.", sku=skus_of([variant_id])[variant_id]
            )
        of_line = [claim for claim in claims if claim.variant_id == variant_id]
        claimed = sum(claim.quantity for claim in of_line)
        if units > claimed:
            sku = skus_of([variant_id])[variant_id]
            raise NotEnoughUnits(
                f"{claimed} units of {sku} are claimed for {transfer.number}.", sku=sku, available=claimed
            )
        chosen += first_units(of_line, units, lambda claim: claim.quantity)
    return chosen


def _take_out(
    transfer: Transfer,
    claims: Sequence[Reservation],
    chosen: Sequence[tuple[Reservation, int]],
    by: User | None,
    now: datetime,
) -> list[Move]:
    """Units lie in the TRANSIT bin of the place they go to, claims of an order with them: one statement for all of them."""
    transit = bin_of(location_id=transfer.target_id, kind=BinKind.TRANSIT)
    there = ensure_items((claim.variant_id, transit.pk) for claim, _ in chosen)
    bin_of_item = dict(
        StockItem.objects.filter(pk__in=[claim.stock_item_id for claim in claims]).values_list("pk", "bin_id")
    )
    is_ordered = transfer.order_id is not None
    deltas = [Delta(claim.stock_item_id, reserved=-claim.quantity) for claim in claims]
    deltas += [Delta(claim.stock_item_id, on_hand=-units) for claim, units in chosen]
    deltas += [
        Delta(there[claim.variant_id, transit.pk], on_hand=units, reserved=units if is_ordered else 0)
        for claim, units in chosen
    ]
    refused = shift_stock(deltas)
    assert not refused, "claimed units lie where they are claimed"
    moves = [
        Move(
            claim.variant_id,
            bin_of_item[claim.stock_item_id],
            transit.pk,
            units,
            transfer.entity_id,
            MoveReason.TRANSFER,
            order_line_id=claim.order_line_id,
        )
        for claim, units in chosen
    ]
    if is_ordered:
        items = {variant_id: pk for (variant_id, _), pk in there.items()}
        order_transfers.claims_leave(claims, transfer, items, by, now)
        save_claims(list(claims))
    else:
        _end_claims(claims, chosen)
    return moves


def _end_claims(claims: Sequence[Reservation], chosen: Sequence[tuple[Reservation, int]]) -> None:
    """Sent units are nobody's; what was claimed and is not sent is free again."""
    sent = {claim.pk: units for claim, units in chosen}
    made: list[Reservation] = []
    for claim in claims:
        units = sent.get(claim.pk, 0)
        if 0 < units < claim.quantity:
            rest = split_off(claim, claim.quantity - units)
            rest.state = ReservationState.RELEASED
            made.append(rest)
            claim.quantity = units
        claim.state = ReservationState.DISPATCHED if units else ReservationState.RELEASED
    save_claims(list(claims), made)


@transaction.atomic
def cancel_transfer(*, transfer_id: int, by: User | None, now: datetime) -> Transfer:
    """Nothing was sent yet: the claims are free again. Refuses IllegalMove once it is on its way, UnitsAreOrdered."""
    transfer = lock_transfer(transfer_id)
    check_move(TRANSFER_MOVES, transfer.status, TransferStatus.CANCELED, what=transfer.number)
    claims = _lock_claims(transfer)
    if transfer.order is not None and claims:
        raise UnitsAreOrdered(
            f"{transfer.number} belongs to {transfer.order.number}: cancel the order.", number=transfer.number
        )
    refused = shift_stock(Delta(claim.stock_item_id, reserved=-claim.quantity) for claim in claims)
    assert not refused, "a live claim is counted as reserved"
    for claim in claims:
        claim.state = ReservationState.RELEASED
    save_claims(claims)
    transfer.status, transfer.canceled_at = TransferStatus.CANCELED, now
    transfer.save(update_fields=["status", "canceled_at"])
    _tell(events.TransferCanceled, transfer, sum(claim.quantity for claim in claims))
    return transfer


def cancel_without_claims(*, transfer_id: int, now: datetime) -> None:
    """Nothing of what was asked for is there: a transfer that waits for nothing is over."""
    transfer = lock_transfer(transfer_id)
    if transfer.status == TransferStatus.REQUESTED and not _lock_claims(transfer):
        transfer.status, transfer.canceled_at = TransferStatus.CANCELED, now
        transfer.save(update_fields=["status", "canceled_at"])
        _tell(events.TransferCanceled, transfer, 0)


def _tell(
    kind: type[events.TransferRequested | events.TransferShipped | events.TransferCanceled],
    transfer: Transfer,
    units: int,
) -> None:
    announce(
        kind(transfer.pk, transfer.number, transfer.source.code, transfer.target.code, units),
        subject=("transfer", transfer.number),
    )
