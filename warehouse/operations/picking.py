"""From the shelf to the packing table and back: units and claim move together, in one verb."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from oms import operations as orders
from oms.models import Order
from oms.states import FulfillmentStatus
from retail.kernel.models import Location, User
from retail.kernel.outbox import announce
from storefront import selectors as catalog
from storefront.models import Variant
from warehouse import events
from warehouse.models import Bin, Reservation, Shipment
from warehouse.operations.bins import bin_by_code, bin_of, storage_bin
from warehouse.operations.claim_rows import UNPICKED, save_claims, split_off
from warehouse.operations.holds import skus_of
from warehouse.operations.refusals import InvalidQuantity, NotPicked, UnknownClaim, WrongBin, WrongUnit
from warehouse.operations.shipments import check_workable, lock_shipment, shipment_rows, tell_order
from warehouse.operations.stock import Delta, Move, ensure_items, record_moves, shift_stock
from warehouse.rules import first_units
from warehouse.states import BinKind, MoveReason, ReservationState


@dataclass(frozen=True, slots=True)
class Pick:
    """What was scanned: a SKU or barcode, the bin it came from, how many."""

    code: str
    bin: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a shipment is, in units."""

    picked: int
    left: int


@transaction.atomic
def pick(*, shipment_id: int, picks: Sequence[Pick], by: User | None, now: datetime) -> Progress:
    """Units leave their bins for the packing bin of the location, with their claims; a part of a claim splits it."""
    order, shipment = lock_shipment(shipment_id=shipment_id)
    check_workable(order, shipment)
    if shipment.is_packed:
        raise NotPicked(f"{shipment.number} is packed already.", number=shipment.number)
    claims = [claim for claim in shipment_rows(shipment_id) if claim.state in UNPICKED]
    chosen = _match(shipment, claims, picks)
    take_to_packing(shipment, chosen, by=by, now=now)
    tell_picked(order, shipment, sum(units for _, units in chosen))
    return progress_of(shipment_id)


def progress_of(shipment_id: int) -> Progress:
    counted: Counter[bool] = Counter()
    rows = Reservation.objects.filter(
        shipment_id=shipment_id, state__in=[*UNPICKED, ReservationState.PICKED, ReservationState.PACKED]
    )
    for state, quantity in rows.values_list("state", "quantity"):
        counted[state not in UNPICKED] += quantity
    return Progress(picked=counted[True], left=counted[False])


def tell_picked(order: Order, shipment: Shipment, units: int) -> None:
    if order.fulfillment_status in (FulfillmentStatus.UNROUTED, FulfillmentStatus.ROUTED):
        tell_order(order, FulfillmentStatus.PICKING)
    announce(
        events.UnitsPicked(shipment.pk, shipment.number, order.pk, units), subject=("order", order.number)
    )


def _match(
    shipment: Shipment, claims: Sequence[Reservation], picks: Sequence[Pick]
) -> list[tuple[Reservation, int]]:
    """The claims that the scans are about. Refuses WrongUnit, WrongBin, InvalidQuantity, UnknownBin."""
    if not picks:
        raise InvalidQuantity("Scan what you picked.")
    bins = _bins_of(claims)
    asked: Counter[tuple[int, int]] = Counter()
    for each in picks:
        if each.quantity < 1:
            raise InvalidQuantity("The quantity is a whole number from 1.", quantity=each.quantity)
        variant = _wanted_variant(shipment, claims, each)
        place = bin_by_code(location_id=shipment.location_id, code=each.bin)
        expected = sorted({bins[claim.pk].code for claim in claims if claim.variant_id == variant.pk})
        if place.code not in expected:
            raise WrongBin(
                f"{variant.sku} is to be picked from {', '.join(expected)}.", sku=variant.sku, bins=expected
            )
        asked[variant.pk, place.pk] += each.quantity
    chosen: list[tuple[Reservation, int]] = []
    for (variant_id, bin_id), units in asked.items():
        rows = [one for one in claims if one.variant_id == variant_id and bins[one.pk].pk == bin_id]
        left = sum(claim.quantity for claim in rows)
        if units > left:
            sku = skus_of([variant_id])[variant_id]
            raise InvalidQuantity(f"{sku}: {left} to pick here, {units} scanned.", sku=sku, left=left)
        chosen += first_units(rows, units, lambda claim: claim.quantity)
    return chosen


def _wanted_variant(shipment: Shipment, claims: Sequence[Reservation], scanned: Pick) -> Variant:
    variant = catalog.variant_by_code(scanned.code)
    if variant is None or variant.pk not in {claim.variant_id for claim in claims}:
        raise WrongUnit(
            f"{scanned.code.strip()[:40]} is not to be picked for {shipment.number}.",
            code=scanned.code.strip()[:40],
        )
    return variant


def _bins_of(claims: Sequence[Reservation]) -> dict[int, Bin]:
    rows = Reservation.objects.filter(pk__in=[claim.pk for claim in claims]).select_related("stock_item__bin")
    return {row.pk: row.stock_item.bin for row in rows}


def take_to_packing(
    shipment: Shipment,
    chosen: Sequence[tuple[Reservation, int]],
    *,
    by: User | None,
    now: datetime,
    more: Sequence[Delta] = (),
) -> bool:
    """Move chosen claim units to the packing bin; `more` changes other stock items in the same statement. False: refused."""
    bins = _bins_of([claim for claim, _ in chosen])
    packing = bin_of(location_id=shipment.location_id, kind=BinKind.PACKING)
    items = ensure_items((claim.variant_id, packing.pk) for claim, _ in chosen)
    deltas = list(more)
    for claim, units in chosen:
        deltas.append(Delta(claim.stock_item_id, on_hand=-units, reserved=-units))
        deltas.append(Delta(items[claim.variant_id, packing.pk], on_hand=units, reserved=units))
    if shift_stock(deltas):
        return False
    changed: list[Reservation] = []
    made: list[Reservation] = []
    for claim, units in chosen:
        picked = claim
        if units < claim.quantity:
            claim.quantity -= units
            picked = split_off(claim, units)
            made.append(picked)
        picked.state, picked.expires_at = ReservationState.PICKED, None
        picked.stock_item_id = items[claim.variant_id, packing.pk]
        picked.picked_from_id, picked.picker, picked.picked_at = bins[claim.pk].pk, by, now
        changed.append(claim)
    save_claims(changed, made)
    moved: dict[tuple[int, int, int | None], int] = defaultdict(int)
    for claim, units in chosen:
        moved[claim.variant_id, bins[claim.pk].pk, claim.order_line_id] += units
    entity_id = Location.objects.values_list("entity_id", flat=True).get(pk=shipment.location_id)
    record_moves(
        [
            Move(variant_id, bin_id, packing.pk, units, entity_id, MoveReason.PICK, order_line_id=line_id)
            for (variant_id, bin_id, line_id), units in moved.items()
        ],
        document_kind="shipment",
        document_key=shipment.number,
        now=now,
        by=by,
    )
    return True


@transaction.atomic
def put_back(*, claim_id: int, by: User | None, now: datetime, bin_id: int | None = None) -> None:
    """Canceled units go from the packing bin back to a shelf (the one they came from, unless told), and are free again."""
    row = (
        Reservation.objects.filter(pk=claim_id, is_put_back=True, state=ReservationState.PICKED)
        .values_list("order_line__order_id", flat=True)
        .first()
    )
    if row is None:
        raise UnknownClaim("There is nothing to put back under this number.")
    order = orders.lock_order(order_id=row)
    claim = Reservation.objects.select_for_update(of=("self",)).get(pk=claim_id)
    if claim.state != ReservationState.PICKED or not claim.is_put_back:
        raise UnknownClaim("These units were put back already.")
    source = Bin.objects.get(items=claim.stock_item_id)
    target = storage_bin(location_id=claim.location_id, bin_id=bin_id or claim.picked_from_id)
    items = ensure_items([(claim.variant_id, target.pk)])
    refused = shift_stock(
        [
            Delta(claim.stock_item_id, on_hand=-claim.quantity, reserved=-claim.quantity),
            Delta(items[claim.variant_id, target.pk], on_hand=claim.quantity),
        ]
    )
    assert not refused, "picked units lie in the packing bin"
    claim.state = ReservationState.RELEASED
    save_claims([claim])
    location = Location.objects.get(pk=claim.location_id)
    record_moves(
        [
            Move(
                claim.variant_id,
                source.pk,
                target.pk,
                claim.quantity,
                location.entity_id,
                MoveReason.PUT_BACK,
                order_line_id=claim.order_line_id,
            )
        ],
        document_kind="order",
        document_key=order.number,
        now=now,
        by=by,
    )
    sku = skus_of([claim.variant_id])[claim.variant_id]
    announce(
        events.UnitsPutBack(order.pk, location.code, sku, claim.quantity), subject=("order", order.number)
    )
