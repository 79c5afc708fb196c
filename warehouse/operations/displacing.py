"""The truth of the shelf: when units are not there, claims give way, are served elsewhere or told to a person, and only then
`on_hand` falls.

Basket holds give way first, then the latest promise. Locks as everywhere: orders, shipment, claims, stock items. Who has a claim
is only known after the claims are locked, so the orders are guessed first, and guessed again when somebody new has come.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time

from django.db import transaction
from django.db.models import Q

from oms import operations as orders
from oms.models import Order
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.outbox import announce_all
from warehouse import events
from warehouse.models import Reservation, StockItem
from warehouse.operations.allocations import put_back_task
from warehouse.operations.claim_rows import UNPICKED, LineNeeds, needs_of_lines, save_claims
from warehouse.operations.holds import skus_of
from warehouse.operations.refusals import StockBusy
from warehouse.operations.repointing import resettle
from warehouse.operations.stock import Delta
from warehouse.rules import Lot, Piece, Want, choose_lots, first_units
from warehouse.selectors.lots import read_supply
from warehouse.states import CLAIMING

ROUNDS_MAX = 6
Chosen = list[tuple[Reservation, int]]


@dataclass(frozen=True, slots=True)
class DisplacedOrder:
    """One order's lost units of one line. `served` of them were claimed again, `moved` of those at another location."""

    order_id: int
    number: str
    sku: str
    units: int
    served: int
    moved: int


@dataclass(frozen=True, slots=True)
class Displacement:
    orders: list[DisplacedOrder]
    basket_units: int


class _Again(Exception):
    """Somebody came between the guess and the locks: start over."""


@dataclass(frozen=True, slots=True)
class _Scene:
    item: StockItem
    orders: dict[int, Order]
    claims: list[Reservation]
    order_of: dict[int, int]


def displace(
    *,
    stock_item_id: int,
    units_gone: Callable[[StockItem], int],
    apply: Callable[[StockItem, list[Reservation], list[Delta]], bool],
    cause: str,
    now: datetime,
    own_order_id: int | None = None,
    going_first: tuple[int, int] | None = None,
    lock_next: Callable[[], None] | None = None,
) -> Displacement:
    """Free `units_gone(item)` units of a stock item of claims, and write everything in the one statement that `apply` makes.

    `going_first` is a claim (id, units) that goes whatever happens: the one that the picker could not serve. `apply` gets the
    claims and the deltas, adds its own, and says whether the stock took them.
    """
    for _ in range(ROUNDS_MAX):
        try:
            with transaction.atomic():
                scene = _lock(stock_item_id, own_order_id, lock_next)
                return _displace(scene, units_gone(scene.item), apply, cause, now, going_first)
        except _Again:
            continue
    raise StockBusy("Too much happens to these units at once. Try again.")


def _lock(stock_item_id: int, own_order_id: int | None, lock_next: Callable[[], None] | None) -> _Scene:
    here = Reservation.objects.filter(stock_item_id=stock_item_id, state__in=CLAIMING)
    rows = here.filter(order_line__isnull=False).values_list("order_line__order_id", "order_line_id")
    guessed = {order_id for order_id, _ in rows} | ({own_order_id} if own_order_id else set())
    locked = {order_id: orders.lock_order(order_id=order_id) for order_id in sorted(guessed)}
    if lock_next is not None:
        lock_next()
    # The components of a kit give way together, so their claims are locked with it.
    lines = [line_id for _, line_id in rows]
    of_kits = Q(order_line_id__in=lines, order_line__variant__is_kit=True, is_put_back=False)
    claims = list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(Q(stock_item_id=stock_item_id) | of_kits, state__in=CLAIMING)
        .order_by("id")
    )
    order_of = dict(
        Reservation.objects.filter(
            pk__in=[claim.pk for claim in claims], order_line__isnull=False
        ).values_list("pk", "order_line__order_id")
    )
    if not set(order_of.values()) <= set(locked):
        raise _Again
    return _Scene(StockItem.objects.get(pk=stock_item_id), locked, claims, order_of)


def _displace(
    scene: _Scene,
    gone: int,
    apply: Callable[[StockItem, list[Reservation], list[Delta]], bool],
    cause: str,
    now: datetime,
    going_first: tuple[int, int] | None,
) -> Displacement:
    chosen = _who_gives_way(scene, gone, going_first)
    baskets: Chosen = [(claim, units) for claim, units in chosen if claim.order_line_id is None]
    leaving: Chosen = [(claim, units) for claim, units in chosen if claim.order_line_id is not None]
    needs = needs_of_lines({claim.order_line_id or 0 for claim, _ in leaving})
    lost = _lost(leaving, needs)
    freed, to_put_back = _rest_of_kits(scene, leaving, lost, needs)
    leaving += freed
    wants = _wants(scene, lost, needs)
    pieces = _elsewhere(scene, wants, [*leaving, *baskets], -gone, now)
    deltas = [Delta(claim.stock_item_id, reserved=-units) for claim, units in [*leaving, *baskets]]
    deltas += [Delta(piece.stock_item_id, reserved=piece.quantity) for piece in pieces]
    if not apply(scene.item, scene.claims, deltas):
        raise _Again
    resettle([*leaving, *baskets], pieces, now=now, is_shipment_kept=True)
    for claim, units in to_put_back:
        save_claims(*put_back_task(claim, units))
    told = _told(scene, wants, pieces)
    _announce(told, cause)
    return Displacement(told, sum(units for claim, units in baskets if claim.transfer_line_id is None))


def _who_gives_way(scene: _Scene, gone: int, going_first: tuple[int, int] | None) -> Chosen:
    """Enough claims of this item that what is left on the shelf covers the rest."""
    here = [claim for claim in scene.claims if claim.stock_item_id == scene.item.pk]
    chosen: Chosen = []
    if going_first is not None:
        first = next(claim for claim in here if claim.pk == going_first[0])
        chosen.append((first, going_first[1]))
    left = sum(units for _, units in chosen)
    over = scene.item.reserved - left - (scene.item.on_hand - gone)
    rest = sorted(
        (claim for claim in here if claim.pk != (going_first or (0, 0))[0]), key=lambda c: _rank(scene, c)
    )
    return chosen + first_units(rest, over, lambda claim: claim.quantity)


def _rank(scene: _Scene, claim: Reservation) -> tuple[int, float, int]:
    """Basket holds and transfers, newest first; then orders by the latest promise; what is picked already comes last."""
    if claim.order_line_id is None:
        return (0, 0.0, -claim.pk)
    order = scene.orders[scene.order_of[claim.pk]]
    return (1 if claim.state in UNPICKED else 2, -promised_until(order), -claim.pk)


def promised_until(order: Order) -> float:
    """The instant of the promise; an order without one can wait longest."""
    if order.promised_at is not None:
        return order.promised_at.timestamp()
    if order.promised_on is not None:
        return datetime.combine(order.promised_on, time.max, BUSINESS_ZONE).timestamp()
    return float("inf")


def _lost(leaving: Chosen, needs: dict[int, LineNeeds]) -> dict[int, int]:
    """Units of each order line that are lost; of a kit whole kits."""
    by_part: Counter[tuple[int, int]] = Counter()
    for claim, units in leaving:
        by_part[claim.order_line_id or 0, claim.variant_id] += units
    lost: dict[int, int] = defaultdict(int)
    for (line_id, variant_id), units in by_part.items():
        per_unit = dict(needs[line_id].parts)[variant_id]
        lost[line_id] = max(lost[line_id], -(-units // per_unit))
    return lost


def _rest_of_kits(
    scene: _Scene, leaving: Chosen, lost: dict[int, int], needs: dict[int, LineNeeds]
) -> tuple[Chosen, Chosen]:
    """What the lost kits hold besides: unpicked units are freed, picked ones are put back."""
    gone: Counter[tuple[int, int]] = Counter()
    taken: Counter[int] = Counter()
    for claim, units in leaving:
        gone[claim.order_line_id or 0, claim.variant_id] += units
        taken[claim.pk] += units
    freed: Chosen = []
    to_put_back: Chosen = []
    for line_id, kits in lost.items():
        if len(needs[line_id].parts) == 1 and needs[line_id].parts[0][1] == 1:
            continue
        for variant_id, per_unit in needs[line_id].parts:
            rows = [
                claim
                for claim in scene.claims
                if claim.order_line_id == line_id
                and claim.variant_id == variant_id
                and claim.location_id == scene.item.location_id
                and claim.quantity > taken[claim.pk]
            ]
            missing = kits * per_unit - gone[line_id, variant_id]
            for claim, units in first_units(rows, missing, lambda c: c.quantity - taken[c.pk]):
                (freed if claim.state in UNPICKED else to_put_back).append((claim, units))
    return freed, to_put_back


def _wants(scene: _Scene, lost: dict[int, int], needs: dict[int, LineNeeds]) -> dict[int, list[Want]]:
    """By channel what is to be claimed again; a pickup only at its store."""
    order_by_line = {
        claim.order_line_id: scene.orders[scene.order_of[claim.pk]]
        for claim in scene.claims
        if claim.order_line_id is not None
    }
    found: dict[int, list[Want]] = defaultdict(list)
    for line_id, units in lost.items():
        order = order_by_line[line_id]
        found[order.channel_id].append(
            Want(line_id, needs[line_id].sold_id, units, tuple(needs[line_id].parts), order.shelf_id)
        )
    return found


def _elsewhere(
    scene: _Scene, wants: dict[int, list[Want]], leaving: Chosen, gone: int, now: datetime
) -> list[Piece]:
    """Free units for the lost ones, the same location first. Safety stock is for selling, not for keeping a word."""
    moving: Counter[int] = Counter({scene.item.pk: gone})
    for claim, units in leaving:
        moving[claim.stock_item_id] += units
    pieces: list[Piece] = []
    for channel_id, group in wants.items():
        supply = read_supply(variant_ids=[want.sold_id for want in group], channel_id=channel_id, now=now)
        lots = [_after(lot, moving) for lot in supply.lots]
        choice = choose_lots(wants=group, lots=lots, safety={}, prefer_location_id=scene.item.location_id)
        pieces += choice.pieces
        for piece in choice.pieces:
            moving[piece.stock_item_id] -= piece.quantity
    return pieces


def _after(lot: Lot, moving: Counter[int]) -> Lot:
    return replace(lot, free=max(0, lot.free + moving[lot.stock_item_id]), expired=0)


def _told(scene: _Scene, wants: dict[int, list[Want]], pieces: Sequence[Piece]) -> list[DisplacedOrder]:
    order_by_line = {
        claim.order_line_id: scene.orders[scene.order_of[claim.pk]]
        for claim in scene.claims
        if claim.pk in scene.order_of
    }
    served: dict[int, list[Piece]] = defaultdict(list)
    for piece in pieces:
        served[piece.line_id].append(piece)
    all_wants = [want for group in wants.values() for want in group]
    skus = skus_of(want.sold_id for want in all_wants)
    return [
        DisplacedOrder(
            order_by_line[want.line_id].pk,
            order_by_line[want.line_id].number,
            skus[want.sold_id],
            want.quantity,
            want.quantity if served[want.line_id] else 0,
            want.quantity
            if any(piece.location_id != scene.item.location_id for piece in served[want.line_id])
            else 0,
        )
        for want in all_wants
    ]


def _announce(told: Sequence[DisplacedOrder], cause: str) -> None:
    """Only what changed for somebody: units found in the next bin are picked from there without a word."""
    announce_all(
        [
            (
                events.ClaimsDisplaced(one.order_id, one.number, cause, one.units, one.served == one.units),
                ("order", one.number),
            )
            for one in told
            if one.moved or one.served < one.units
        ]
    )
