"""Rows of claims, as the verbs about orders lock, split and save them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F

from oms.models import OrderLine
from storefront.models import KitComponent
from warehouse.models import Reservation
from warehouse.operations.stock import Claim
from warehouse.states import ReservationState

UNPICKED = (ReservationState.HELD, ReservationState.ALLOCATED)


def lock_line_claims(order_line_ids: Iterable[int]) -> list[Reservation]:
    """Live claims of order lines, locked by id; put-backs are no longer theirs."""
    return list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(
            order_line_id__in=list(order_line_ids),
            state__in=[
                ReservationState.HELD,
                ReservationState.ALLOCATED,
                ReservationState.PICKED,
                ReservationState.PACKED,
            ],
            is_put_back=False,
        )
        .order_by("id")
    )


def split_off(claim: Reservation, units: int) -> Reservation:
    """A new row for part of a claim, like it in everything else; the caller lowers the claim itself."""
    return Reservation(
        stock_item_id=claim.stock_item_id,
        variant_id=claim.variant_id,
        location_id=claim.location_id,
        quantity=units,
        basket_line_id=claim.basket_line_id,
        order_line_id=claim.order_line_id,
        transfer_line_id=claim.transfer_line_id,
        state=claim.state,
        expires_at=claim.expires_at,
        picked_from_id=claim.picked_from_id,
        picker_id=claim.picker_id,
        shipment_id=claim.shipment_id,
        parcel_id=claim.parcel_id,
        is_put_back=claim.is_put_back,
        created_at=claim.created_at,
        picked_at=claim.picked_at,
    )


def is_in_transit(claim: Reservation) -> bool:
    """Of an order and on the road: sent by its transfer, not yet arrived."""
    return claim.transfer_line_id is not None and claim.state == ReservationState.PICKED


_CLAIM_FIELDS = ["stock_item", "location", "quantity", "state", "expires_at", "shipment", "parcel", "picked_from", "picker", "picked_at", "is_put_back", "transfer_line"]  # fmt: skip


def save_claims(changed: Sequence[Reservation], made: Sequence[Reservation] = ()) -> None:
    """Two statements for any number of claims; their rows are locked already."""
    if changed:
        Reservation.objects.bulk_update(changed, _CLAIM_FIELDS)
    if made:
        Reservation.objects.bulk_create(made)


def told(claim: Reservation) -> Claim:
    return Claim(
        claim.pk,
        claim.basket_line_id,
        claim.order_line_id,
        claim.variant_id,
        claim.stock_item_id,
        claim.location_id,
        claim.quantity,
        claim.state,
        claim.expires_at,
    )


@dataclass(frozen=True, slots=True)
class LineNeeds:
    """What one order line takes from the shelf: (variant, units in one), several for a kit, and how many of it are to leave yet."""

    sold_id: int
    parts: list[tuple[int, int]]
    owed: int


def needs_of_lines(order_line_ids: Iterable[int]) -> dict[int, LineNeeds]:
    """By goods line; a line that takes nothing from the shelf is left out."""
    lines = OrderLine.objects.filter(pk__in=list(order_line_ids), variant__isnull=False)
    rows = list(
        lines.values_list(
            "pk",
            "variant_id",
            "variant__is_kit",
            F("quantity") - F("quantity_canceled") - F("quantity_dispatched"),
        )
    )
    components: dict[int, list[tuple[int, int]]] = defaultdict(list)
    kits = [variant_id for _, variant_id, is_kit, _ in rows if is_kit]
    if kits:
        for kit_id, component_id, units in (
            KitComponent.objects.filter(kit_id__in=kits)
            .order_by("component_id")
            .values_list("kit_id", "component_id", "quantity")
        ):
            components[kit_id].append((component_id, units))
    return {
        pk: LineNeeds(variant_id, components[variant_id] if is_kit else [(variant_id, 1)], owed)
        for pk, variant_id, is_kit, owed in rows
        if variant_id is not None
    }
