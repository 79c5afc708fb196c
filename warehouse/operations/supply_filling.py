"""A delivery, and who waited for it: claims on its lines become claims of the units that came, first come first served.

Orders and baskets are locked before the purchase order, as everywhere. Who waits is only known after the claims are locked: so they
are guessed first, and guessed again when somebody new has come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oms import operations as orders
from oms.models import Basket, BasketLine, Order
from warehouse.models import PurchaseOrderLine, Reservation, StockItem, SupplyClaim
from warehouse.rules import Spoken, share_out
from warehouse.states import CLAIMING_SUPPLY, ReservationState, SupplyClaimState


class SomebodyCame(Exception):
    """Somebody spoke for units between the guess and the locks: start over."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The orders (with their lines) and baskets that wait for a purchase order, locked."""

    orders: dict[int, Order] = field(default_factory=dict)
    baskets: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Shared:
    """What a delivery means for those who wait: units for each claim, and units that it will not bring."""

    filled: list[tuple[SupplyClaim, int]]
    lost: list[tuple[SupplyClaim, int]]

    def units_by_variant(self) -> Counter[int]:
        found: Counter[int] = Counter()
        for claim, units in self.filled:
            found[claim.purchase_order_line.variant_id] += units
        return found


def lock_waiting(*, purchase_order_id: int) -> Waiting:
    """Everybody who waits for this purchase order, locked in the one order of locks."""
    live = SupplyClaim.objects.filter(
        purchase_order_line__order_id=purchase_order_id, state__in=CLAIMING_SUPPLY
    ).values_list("order_line__order_id", "basket_line__basket_id")
    rows = list(live)
    order_ids = sorted({order_id for order_id, _ in rows if order_id})
    basket_ids = sorted({basket_id for _, basket_id in rows if basket_id})
    locked = {order_id: orders.lock_order(order_id=order_id) for order_id in order_ids}
    baskets = Basket.objects.select_for_update(of=("self",)).filter(pk__in=basket_ids).order_by("pk")
    return Waiting(locked, frozenset(basket.pk for basket in baskets) if basket_ids else frozenset())


def share(
    *,
    waiting: Waiting,
    lines: Sequence[PurchaseOrderLine],
    came: Mapping[int, int],
    left: Mapping[int, int],
    now: datetime,
) -> Shared:
    """Judge the claims of these lines (locked with their purchase order): `came` and `left` (still to come) are units by line.

    Raises SomebodyCame.
    """
    if not any(line.quantity_claimed for line in lines):
        return Shared([], [])
    found = list(
        SupplyClaim.objects.select_for_update(of=("self",))
        .select_related("purchase_order_line", "order_line__order", "basket_line")
        .filter(purchase_order_line__in=lines, state__in=CLAIMING_SUPPLY)
        .order_by("pk")
    )
    dead = [claim for claim in found if _is_over(claim, now)]
    living = sorted((claim for claim in found if claim not in dead), key=_turn)
    _check_nobody_came(living, waiting)
    by_id = {claim.pk: claim for claim in living}
    filled, lost = share_out(
        [Spoken(claim.pk, claim.purchase_order_line_id, claim.quantity) for claim in living],
        dict(came),
        dict(left),
    )
    return Shared(
        [(by_id[each.claim_id], units) for each, units in filled],
        [(by_id[each.claim_id], units) for each, units in lost] + [(claim, claim.quantity) for claim in dead],
    )


def _is_over(claim: SupplyClaim, now: datetime) -> bool:
    """Of a basket that was too late, or whose line is no longer there."""
    if claim.order_line_id is not None:
        return False
    return claim.basket_line is None or (claim.expires_at is not None and claim.expires_at <= now)


def _check_nobody_came(claims: Sequence[SupplyClaim], waiting: Waiting) -> None:
    for claim in claims:
        if claim.order_line is not None:
            is_locked = claim.order_line.order_id in waiting.orders
        else:
            assert claim.basket_line is not None, "a claim without a line is over"
            is_locked = claim.basket_line.basket_id in waiting.baskets
        if not is_locked:
            raise SomebodyCame


def _turn(claim: SupplyClaim) -> tuple[int, datetime, int]:
    """Orders by when they were placed, then baskets by when they asked."""
    if claim.order_line is not None:
        return (0, claim.order_line.order.placed_at, claim.pk)
    return (1, claim.created_at, claim.pk)


def settle_claims(*, shared: Shared) -> None:
    """Write what became of the claims; one that is served in part goes on waiting with the rest."""
    made: list[SupplyClaim] = []
    changed: dict[int, SupplyClaim] = {}
    for state, chosen in (
        (SupplyClaimState.FILLED, shared.filled),
        (SupplyClaimState.RELEASED, shared.lost),
    ):
        for claim, units in chosen:
            changed[claim.pk] = claim
            if units < claim.quantity:
                claim.quantity -= units
                made.append(_part(claim, units, state))
            else:
                claim.state = state
    SupplyClaim.objects.bulk_update(changed.values(), ["quantity", "state"])
    SupplyClaim.objects.bulk_create(made)


def _part(claim: SupplyClaim, units: int, state: str) -> SupplyClaim:
    return SupplyClaim(
        purchase_order_line_id=claim.purchase_order_line_id,
        quantity=units,
        basket_line_id=claim.basket_line_id,
        order_line_id=claim.order_line_id,
        state=state,
        expires_at=claim.expires_at,
        created_at=claim.created_at,
    )


def reserve_filled(
    *, shared: Shared, stock: Mapping[int, StockItem], waiting: Waiting, now: datetime
) -> None:
    """The units lie on the shelf, counted as reserved: now they say for whom. `stock` is their item by variant.

    Before `settle_claims`. A basket's line becomes one like any other, kept as long as it was.
    """
    made: list[Reservation] = []
    of_baskets: list[int] = []
    for claim, units in shared.filled:
        item = stock[claim.purchase_order_line.variant_id]
        is_agreed = claim.state == SupplyClaimState.ALLOCATED
        until = claim.expires_at
        if claim.order_line is not None:
            until = None if is_agreed else waiting.orders[claim.order_line.order_id].payment_deadline
        else:
            of_baskets.append(claim.basket_line_id or 0)
        made.append(
            Reservation(
                stock_item=item,
                variant_id=item.variant_id,
                location_id=item.location_id,
                quantity=units,
                basket_line_id=claim.basket_line_id,
                order_line_id=claim.order_line_id,
                state=ReservationState.ALLOCATED if is_agreed else ReservationState.HELD,
                expires_at=until,
                created_at=now,
            )
        )
    Reservation.objects.bulk_create(made)
    if of_baskets:
        BasketLine.objects.filter(pk__in=of_baskets).update(is_preorder=False)
