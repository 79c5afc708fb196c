"""What the shelf really holds: adjustments, counts, write-offs and short picks, with their value and with who loses a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from finance import operations as finance
from oms import operations as orders
from oms.states import ExceptionKind
from retail.kernel.models import Location, User
from retail.kernel.outbox import announce
from storefront.models import Variant
from warehouse import events
from warehouse.models import Bin, Reservation, Shipment, StockItem
from warehouse.operations import displacing
from warehouse.operations.bins import bin_of, storage_bin
from warehouse.operations.displacing import Displacement
from warehouse.operations.picking import Progress, progress_of, take_to_packing, tell_picked
from warehouse.operations.refusals import (
    BelowClaims,
    InvalidQuantity,
    NotEnoughUnits,
    NotPicked,
    UnknownClaim,
    UnknownReason,
)
from warehouse.operations.shipments import cancel_empty_shipments, check_workable, lock_shipment
from warehouse.operations.stock import Delta, Move, ensure_items, record_moves, shift_stock
from warehouse.states import CLAIMING, BinKind, MoveReason, ReservationState

ADJUST_REASONS = (MoveReason.COUNT, MoveReason.DAMAGE, MoveReason.WRITE_OFF, MoveReason.OPENING)
SHORT_REASONS = ("MISSING", "DAMAGED")
UNITS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The bin after the change, and whose claims gave way."""

    stock_item_id: int
    sku: str
    location: str
    bin: str
    on_hand: int
    reserved: int
    displaced: Displacement


@transaction.atomic
def adjust_stock(
    *,
    variant_id: int,
    location_id: int,
    bin_id: int | None,
    delta: int,
    reason: str,
    reference: str,
    by: User | None,
    now: datetime,
    displace: bool = False,
) -> Adjusted:
    """Units more or fewer in a bin than the rows say. Fewer than are claimed is refused with the claims, unless told to displace."""
    if reason not in ADJUST_REASONS:
        raise UnknownReason(f"The reason is one of {', '.join(ADJUST_REASONS)}.", reason=reason[:20])
    if not 0 < abs(delta) <= UNITS_MAX:
        raise InvalidQuantity("The difference is a whole number, not 0.", delta=delta)
    place = storage_bin(location_id=location_id, bin_id=bin_id)
    (item_id,) = ensure_items([(variant_id, place.pk)]).values()
    displaced = Displacement([], 0)
    if displace and delta < 0:
        displaced = _lower(item_id, -delta, cause=reason, now=now)
    elif shift_stock([Delta(item_id, on_hand=delta)]):
        raise _below(item_id, -delta)
    return post_difference(item_id, delta, reason, reference, displaced, by, now)


def count_bin(
    *, bin_id: int, variant_id: int, counted: int, reference: str, by: User | None, now: datetime
) -> Adjusted | None:
    """The truth of the shelf: whatever was promised, the bin holds what was counted. None: nothing differs."""
    if not 0 <= counted <= UNITS_MAX:
        raise InvalidQuantity("The count is a whole number from 0.", counted=counted)
    with transaction.atomic():
        place = Bin.objects.get(pk=bin_id)
        (item_id,) = ensure_items([(variant_id, place.pk)]).values()
        on_hand = StockItem.objects.values_list("on_hand", flat=True).get(pk=item_id)
        if counted == on_hand:
            return None
        return adjust_stock(
            variant_id=variant_id,
            location_id=place.location_id,
            bin_id=bin_id,
            delta=counted - on_hand,
            reason=MoveReason.COUNT,
            reference=reference,
            by=by,
            now=now,
            displace=True,
        )


def write_off(
    *, variant_id: int, bin_id: int, quantity: int, reference: str, by: User | None, now: datetime
) -> Adjusted:
    """Unclaimed units that nobody will buy leave the books."""
    if quantity < 1:
        raise InvalidQuantity("The quantity is a whole number from 1.", quantity=quantity)
    return adjust_stock(
        variant_id=variant_id,
        location_id=Bin.objects.values_list("location_id", flat=True).get(pk=bin_id),
        bin_id=bin_id,
        delta=-quantity,
        reason=MoveReason.WRITE_OFF,
        reference=reference,
        by=by,
        now=now,
    )


def _lower(item_id: int, units: int, *, cause: str, now: datetime) -> Displacement:
    def gone(item: StockItem) -> int:
        if units > item.on_hand:
            raise _below(item_id, units)
        return units

    def apply(item: StockItem, claims: Sequence[Reservation], deltas: list[Delta]) -> bool:
        return not shift_stock([*deltas, Delta(item_id, on_hand=-units)])

    displaced = displacing.displace(stock_item_id=item_id, units_gone=gone, apply=apply, cause=cause, now=now)
    open_exceptions(displaced, ExceptionKind.DISPLACED_CLAIM, None, now)
    return displaced


def _below(item_id: int, units: int) -> BelowClaims | NotEnoughUnits:
    item = StockItem.objects.select_related("variant", "bin").get(pk=item_id)
    if units > item.on_hand:
        return NotEnoughUnits(
            f"{item.bin.code} holds {item.on_hand} of {item.variant.sku}.",
            sku=item.variant.sku,
            on_hand=item.on_hand,
        )
    return BelowClaims(
        f"{item.reserved} of {item.on_hand} units of {item.variant.sku} are claimed.",
        sku=item.variant.sku,
        on_hand=item.on_hand,
        reserved=item.reserved,
        claims=_claim_details(item_id),
    )


def _claim_details(item_id: int) -> list[dict[str, Any]]:
    rows = Reservation.objects.filter(stock_item_id=item_id, state__in=CLAIMING).order_by("id")
    return [
        {"order": number, "transfer": transfer, "quantity": quantity, "state": state}
        for number, transfer, quantity, state in rows.values_list(
            "order_line__order__number", "transfer_line__transfer__number", "quantity", "state"
        )
    ]


def post_difference(
    item_id: int,
    delta: int,
    reason: str,
    reference: str,
    displaced: Displacement,
    by: User | None,
    now: datetime,
) -> Adjusted:
    """The value follows the units, in the same transaction."""
    item = StockItem.objects.select_related("variant", "bin", "location").get(pk=item_id)
    posted = finance.post_stock_difference(
        entity_id=item.location.entity_id,
        document_kind="adjustment",
        document_key=reference[:64] or f"stock-{item_id}",
        reason=MoveReason(reason),
        items=[(item.variant_id, delta)],
        by=by,
        now=now,
    )
    record_moves(
        [
            Move(
                item.variant_id,
                item.bin_id if delta < 0 else None,
                item.bin_id if delta > 0 else None,
                abs(delta),
                item.location.entity_id,
                reason,
                value=posted.values[0],
            )
        ],
        document_kind="adjustment",
        document_key=reference[:64] or f"stock-{item_id}",
        now=now,
        by=by,
        entry_id=posted.entry_id,
    )
    announce(
        events.StockAdjusted(
            item.variant.sku, item.location.code, item.bin.code, delta, reason, reference[:64]
        ),
        subject=("stock", item.variant.sku),
    )
    return Adjusted(
        item.pk, item.variant.sku, item.location.code, item.bin.code, item.on_hand, item.reserved, displaced
    )


def open_exceptions(displaced: Displacement, kind: str, own_order_id: int | None, now: datetime) -> None:
    """What could not be claimed again is a person's case."""
    for one in displaced.orders:
        if one.served < one.units:
            orders.open_exception(
                kind=kind if one.order_id == own_order_id else ExceptionKind.DISPLACED_CLAIM,
                order_id=one.order_id,
                cause_key=f"{one.number}:{one.sku}",
                detail={"sku": one.sku, "units": one.units - one.served},
                now=now,
            )


# Short pick


@dataclass(frozen=True, slots=True)
class ShortPicked:
    progress: Progress
    missing: int
    displaced: Displacement


@transaction.atomic
def short_pick(
    *,
    shipment_id: int,
    claim_id: int,
    quantity_found: int,
    reason: str,
    by: User | None,
    now: datetime,
    left_on_shelf: int = 0,
) -> ShortPicked:
    """The picker finds fewer units than claimed: takes what is there, the shelf is put right, the rest is looked for elsewhere.

    MISSING: the bin holds only `left_on_shelf` after him, so everybody else's claim on it is judged too. DAMAGED: the units that
    he could not take go to the damaged bin.
    """
    if reason not in SHORT_REASONS:
        raise UnknownReason("The reason is MISSING or DAMAGED.", reason=reason[:20])
    claim = Reservation.objects.filter(pk=claim_id, shipment_id=shipment_id).first()
    if claim is None or claim.state != ReservationState.ALLOCATED:
        raise UnknownClaim("There is no such pick in this shipment.")
    if not 0 <= quantity_found < claim.quantity or left_on_shelf < 0:
        raise InvalidQuantity(
            f"Fewer than {claim.quantity} units, from 0.", quantity=quantity_found, claimed=claim.quantity
        )
    scene = _ShortPick(shipment_id, claim, quantity_found, reason, left_on_shelf, by, now)
    displaced = displacing.displace(
        stock_item_id=claim.stock_item_id,
        units_gone=scene.units_gone,
        apply=scene.apply,
        cause="SHORT_PICK",
        now=now,
        own_order_id=scene.order_id,
        going_first=(claim.pk, claim.quantity - quantity_found),
        lock_next=scene.lock,
    )
    scene.write_difference()
    open_exceptions(displaced, ExceptionKind.SHORT_PICK, scene.order_id, now)
    tell_picked(scene.order, scene.shipment, quantity_found)
    cancel_empty_shipments(order_id=scene.order_id)
    return ShortPicked(progress_of(shipment_id), claim.quantity - quantity_found, displaced)


class _ShortPick:
    """One short pick: what it locks, what it takes from the shelf, what it writes."""

    def __init__(
        self,
        shipment_id: int,
        claim: Reservation,
        found: int,
        reason: str,
        left_on_shelf: int,
        by: User | None,
        now: datetime,
    ) -> None:
        self.shipment_id, self.claim_id, self.found = shipment_id, claim.pk, found
        self.asked, self.reason, self.left_on_shelf = claim.quantity, reason, left_on_shelf
        self.by, self.now = by, now
        self.order_id: int = Shipment.objects.values_list("order_id", flat=True).get(pk=shipment_id)
        self.lost = 0

    def lock(self) -> None:
        """After the orders, before the claims."""
        self.order, self.shipment = lock_shipment(shipment_id=self.shipment_id)
        check_workable(self.order, self.shipment)
        if self.shipment.is_packed:
            raise NotPicked(f"{self.shipment.number} is packed already.", number=self.shipment.number)

    def units_gone(self, item: StockItem) -> int:
        """Units that leave the bin: the found ones with their claim, and what is not there or is broken."""
        if self.reason == "DAMAGED":
            self.lost = min(self.asked - self.found, item.on_hand - self.found)
        else:
            self.lost = item.on_hand - self.found - self.left_on_shelf
        if self.lost < 0:
            raise InvalidQuantity(f"The bin should hold {item.on_hand} units.", on_hand=item.on_hand)
        return self.lost

    def apply(self, item: StockItem, claims: Sequence[Reservation], deltas: list[Delta]) -> bool:
        own = next((claim for claim in claims if claim.pk == self.claim_id), None)
        if own is None or own.state != ReservationState.ALLOCATED or own.quantity != self.asked:
            raise UnknownClaim("Somebody else picked these units.")
        self.item = item
        more = [*deltas, Delta(item.pk, on_hand=-self.lost)]
        if self.reason == "DAMAGED" and self.lost:
            broken = bin_of(location_id=item.location_id, kind=BinKind.DAMAGED)
            self.broken_bin_id = broken.pk
            (damaged_id,) = ensure_items([(item.variant_id, broken.pk)]).values()
            more.append(Delta(damaged_id, on_hand=self.lost))
        if not self.found:
            return not shift_stock(more)
        return take_to_packing(self.shipment, [(own, self.found)], by=self.by, now=self.now, more=more)

    def write_difference(self) -> None:
        """Missing units lose their value; damaged ones keep it until they are written off."""
        if not self.lost:
            return
        entity_id = Location.objects.values_list("entity_id", flat=True).get(pk=self.item.location_id)
        moved: dict[str, Any] = {
            "document_kind": "shipment",
            "document_key": self.shipment.number,
            "now": self.now,
            "by": self.by,
        }
        if self.reason == "DAMAGED":
            inside = Move(
                self.item.variant_id,
                self.item.bin_id,
                self.broken_bin_id,
                self.lost,
                entity_id,
                MoveReason.DAMAGE,
            )
            record_moves([inside], **moved)
            return
        posted = finance.post_stock_difference(
            entity_id=entity_id,
            document_kind="short_pick",
            document_key=self.shipment.number,
            reason=MoveReason.SHORT_PICK,
            items=[(self.item.variant_id, -self.lost)],
            by=self.by,
            now=self.now,
        )
        gone = Move(
            self.item.variant_id,
            self.item.bin_id,
            None,
            self.lost,
            entity_id,
            MoveReason.SHORT_PICK,
            value=posted.values[0],
        )
        record_moves([gone], entry_id=posted.entry_id, **moved)
        sku = Variant.objects.values_list("sku", flat=True).get(pk=self.item.variant_id)
        announce(
            events.StockAdjusted(
                sku,
                self.shipment.location.code,
                self.item.bin.code,
                -self.lost,
                MoveReason.SHORT_PICK,
                self.shipment.number,
            ),
            subject=("stock", sku),
        )
