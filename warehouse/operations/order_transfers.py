"""Units that travel to the store where their shopper collects them: the claim stays the order's and goes along with the units.

Every verb about such a transfer locks the order before the transfer, so that two of them never meet.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef

from oms import operations as orders
from oms.models import Order
from oms.states import ExceptionKind, FulfillmentStatus, OrderStatus
from retail.kernel.models import Location, User
from retail.kernel.outbox import announce, announce_all
from warehouse import events
from warehouse.models import Reservation, Transfer, TransferLine
from warehouse.operations.allocations import claim_for_order_lines
from warehouse.operations.bins import bin_of
from warehouse.operations.claim_rows import UNPICKED, save_claims, split_off
from warehouse.operations.holds import skus_of
from warehouse.operations.refusals import OrderNotReady, OutOfStock
from warehouse.operations.shipments import pickup_shipment, tell_order
from warehouse.operations.stock import Delta, ensure_items
from warehouse.rules import first_units
from warehouse.states import CLAIMING, BinKind, ReservationState, TransferStatus

WORKABLE = (OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT)
ON_ARRIVAL = "TRANSFER"


def plan_transfers(
    *, order_id: int, plan: Sequence[Mapping[str, Any]], by: User | None, now: datetime
) -> list[Transfer]:
    """One transfer for each place from which units of the order go to its store, with the claims that lie there.

    `plan` is the ratified plan, whose claims were re-pointed before. A transfer that waits at a place already takes the claims;
    one that lost all of its own is canceled.
    """
    order = orders.lock_order(order_id=order_id)
    store = order.pickup_location
    assert store is not None, "the row says so"
    waiting = {one.source_id: one for one in _lock_waiting(order_id)}
    by_source: dict[int, list[Reservation]] = defaultdict(list)
    for claim in _unpicked(order_id):
        if claim.location_id != store.pk:
            by_source[claim.location_id].append(claim)
    steps = {step["location_id"]: step for step in plan}
    found = []
    for source_id, claims in sorted(by_source.items()):
        transfer = waiting.get(source_id) or _make(order, source_id, store, by, now)
        if source_id in steps:
            transfer.expected_on = date.fromisoformat(steps[source_id]["arrives_on"])
            transfer.note = steps[source_id]["carrier"][:200]
            transfer.save(update_fields=["expected_on", "note"])
        _put_on(transfer, claims)
        found.append(transfer)
    cancel_empty_transfers(order_id=order_id, now=now)
    return found


def withdraw_transfers(*, order_id: int, now: datetime) -> int:
    """The plan of an order of which nothing was sent falls: its claims stay where they are, on no transfer."""
    claims = [claim for claim in _unpicked(order_id) if claim.transfer_line_id is not None]
    for claim in claims:
        claim.transfer_line_id = None
    save_claims(claims)
    return cancel_empty_transfers(order_id=order_id, now=now)


def cancel_empty_transfers(*, order_id: int, now: datetime) -> int:
    """Transfers of the order that wait for nothing any more; the order is locked."""
    empty = list(
        _lock_waiting(order_id).filter(
            ~Exists(Reservation.objects.filter(transfer_line__transfer=OuterRef("pk"), state__in=CLAIMING))
        )
    )
    for one in empty:
        one.status, one.canceled_at = TransferStatus.CANCELED, now
    Transfer.objects.bulk_update(empty, ["status", "canceled_at"])
    announce_all(
        [
            (
                events.TransferCanceled(one.pk, one.number, one.source.code, one.target.code, 0),
                ("transfer", one.number),
            )
            for one in empty
        ]
    )
    return len(empty)


def _lock_waiting(order_id: int) -> Any:
    return (
        Transfer.objects.select_for_update(of=("self",))
        .select_related("source", "target")
        .filter(order_id=order_id, status=TransferStatus.REQUESTED)
        .order_by("pk")
    )


def _unpicked(order_id: int) -> list[Reservation]:
    return list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(order_line__order_id=order_id, state__in=UNPICKED)
        .order_by("id")
    )


def _make(order: Order, source_id: int, store: Location, by: User | None, now: datetime) -> Transfer:
    source = Location.objects.get(pk=source_id)
    transfer = Transfer.objects.create(
        number=_next_number(order),
        source=source,
        target=store,
        entity_id=source.entity_id,
        order=order,
        by=by,
        created_at=now,
    )
    announce(
        events.TransferRequested(transfer.pk, transfer.number, source.code, store.code, 0),
        subject=("transfer", transfer.number),
    )
    return transfer


def _next_number(order: Order) -> str:
    """STS-2026-000123-1. Counted within the locked order: a counter of the house would be waited for with stock items in hand."""
    return f"{order.number.replace('ORD', 'STS')}-{Transfer.objects.filter(order=order).count() + 1}"


def _put_on(transfer: Transfer, claims: Sequence[Reservation]) -> None:
    """The lines ask for exactly what is claimed; one that asks for nothing any more keeps its number for the trace."""
    units: Counter[int] = Counter()
    for claim in claims:
        units[claim.variant_id] += claim.quantity
    lines = {line.variant_id: line for line in transfer.lines.all()}
    for variant_id, quantity in units.items():
        if variant_id in lines:
            lines[variant_id].quantity = quantity
    TransferLine.objects.bulk_update(lines.values(), ["quantity"])
    made = TransferLine.objects.bulk_create(
        TransferLine(transfer=transfer, variant_id=variant_id, quantity=quantity)
        for variant_id, quantity in units.items()
        if variant_id not in lines
    )
    lines |= {line.variant_id: line for line in made}
    for claim in claims:
        claim.transfer_line_id, claim.shipment_id = lines[claim.variant_id].pk, None
    save_claims(claims)


# Sent


def check_order(order: Order) -> None:
    if order.status not in WORKABLE:
        raise OrderNotReady(
            f"{order.number}: {order.get_status_display()}.", number=order.number, status=order.status
        )


def claims_leave(
    claims: Iterable[Reservation],
    transfer: Transfer,
    items: Mapping[int, int],
    by: User | None,
    now: datetime,
) -> None:
    """The claims lie in transit from now on, on the stock items (by variant) of the place that their units go to."""
    for claim in claims:
        claim.stock_item_id, claim.location_id = items[claim.variant_id], transfer.target_id
        claim.state, claim.expires_at = ReservationState.PICKED, None
        claim.picker_id, claim.picked_at = by.pk if by else None, now


def tell_sent(order: Order, transfer: Transfer, units: int) -> None:
    if order.fulfillment_status in (FulfillmentStatus.UNROUTED, FulfillmentStatus.ROUTED):
        tell_order(order, FulfillmentStatus.PICKING)
    announce(
        events.OrderUnitsSent(
            order.pk,
            order.number,
            transfer.number,
            transfer.source.code,
            transfer.target.code,
            units,
            transfer.expected_on.isoformat() if transfer.expected_on else "",
        ),
        subject=("order", order.number),
    )


# Arrived


@dataclass(slots=True)
class Arrival:
    """What of an order's transfer is put aside for its shopper, and whose units will not come."""

    laid: list[tuple[int, int, int]]
    deltas: list[Delta] = field(default_factory=list)
    units: int = 0
    # (order line, variant) → units that were lost or came damaged.
    missing: Counter[tuple[int, int]] = field(default_factory=Counter)


def claims_arrive(
    *,
    transfer: Transfer,
    order: Order,
    laid: Sequence[tuple[int, int, int]],
    under_way: Mapping[int, int],
    receiving_bin_id: int,
    now: datetime,
) -> Arrival:
    """Good units that are claimed go to the packing table with their claims; claims that nothing can come for any more end.

    `laid` are (variant, bin, units) as they were counted, `under_way` what may still come. Free units stay where they were laid.
    """
    claims = list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(transfer_line__transfer=transfer, state=ReservationState.PICKED)
        .order_by("id")
    )
    arrival = Arrival(laid=list(laid))
    if not claims:
        return arrival
    packing = bin_of(location_id=transfer.target_id, kind=BinKind.PACKING).pk
    items = ensure_items((claim.variant_id, packing) for claim in claims)
    good = Counter[int]()
    for variant_id, bin_id, units in laid:
        good[variant_id] += units if bin_id == receiving_bin_id else 0
    rows = _Rows()
    for variant_id in sorted({claim.variant_id for claim in claims}):
        group = [claim for claim in claims if claim.variant_id == variant_id]
        came, gone = _shared(group, good[variant_id], under_way.get(variant_id, 0))
        for claim, units in came:
            part = rows.part(claim, units)
            arrival.deltas.append(Delta(part.stock_item_id, reserved=-units))
            part.stock_item_id, part.transfer_line_id = items[variant_id, packing], None
            arrival.deltas.append(Delta(part.stock_item_id, reserved=units))
            rows.here.append(part)
            arrival.laid = _put_aside(arrival.laid, (variant_id, receiving_bin_id), packing, units)
            arrival.units += units
        for claim, units in gone:
            part = rows.part(claim, units)
            arrival.deltas.append(Delta(part.stock_item_id, reserved=-units))
            part.state = ReservationState.RELEASED
            arrival.missing[part.order_line_id or 0, variant_id] += units
    if rows.here:
        shipment = pickup_shipment(order=order, location_id=transfer.target_id, now=now)
        for part in rows.here:
            part.shipment_id = shipment.pk
    save_claims(list(rows.changed.values()), rows.made)
    return arrival


@dataclass(slots=True)
class _Rows:
    """Claims as they are divided: rows that change, new ones, and those that are in the store now."""

    changed: dict[int, Reservation] = field(default_factory=dict)
    made: list[Reservation] = field(default_factory=list)
    here: list[Reservation] = field(default_factory=list)

    def part(self, claim: Reservation, units: int) -> Reservation:
        self.changed[claim.pk] = claim
        if units == claim.quantity:
            return claim
        claim.quantity -= units
        self.made.append(split_off(claim, units))
        return self.made[-1]


_Units = list[tuple[Reservation, int]]


def _shared(claims: Sequence[Reservation], good: int, under_way: int) -> tuple[_Units, _Units]:
    """What came for each claim, and what none of the units that may still come can serve: the youngest give way."""
    came = first_units(claims, good, lambda claim: claim.quantity)
    taken = Counter({claim.pk: units for claim, units in came})
    waiting = sum(claim.quantity for claim in claims) - taken.total()
    gone = first_units(claims[::-1], waiting - under_way, lambda claim: claim.quantity - taken[claim.pk])
    return came, gone


def _put_aside(
    laid: Sequence[tuple[int, int, int]], cell: tuple[int, int], packing: int, units: int
) -> list[tuple[int, int, int]]:
    """So many of the units that were laid in the cell (variant, bin) go to the packing table instead."""
    found = []
    for variant_id, bin_id, count in laid:
        moved = units if (variant_id, bin_id) == cell else 0
        found += [(variant_id, bin_id, count - moved), (variant_id, packing, moved)]
    return [each for each in found if each[2]]


def tell_arrived(order: Order, transfer: Transfer, arrival: Arrival, now: datetime) -> None:
    """What is missing is claimed again where it can be had, the store first; a person hears of what is nowhere."""
    announce(
        events.OrderUnitsArrived(
            order.pk,
            order.number,
            transfer.number,
            transfer.target.code,
            arrival.units,
            arrival.missing.total(),
        ),
        subject=("order", order.number),
    )
    sold = dict(order.lines.values_list("pk", "variant_id"))
    kits_in_parts: set[int] = set()
    for (line_id, variant_id), units in sorted(arrival.missing.items()):
        is_claimed = _claim_again(order, transfer, line_id, variant_id, units, now)
        if is_claimed and sold[line_id] != variant_id:
            kits_in_parts.add(line_id)
        announce(
            events.ClaimsDisplaced(order.pk, order.number, ON_ARRIVAL, units, is_claimed),
            subject=("order", order.number),
        )
        if not is_claimed:
            sku = skus_of([variant_id])[variant_id]
            orders.open_exception(
                kind=ExceptionKind.DISPLACED_CLAIM,
                order_id=order.pk,
                cause_key=f"{order.number}:{sku}",
                detail={"sku": sku, "units": units},
                now=now,
            )
    if kits_in_parts:
        # A plan divides no kit, and the other parts of this one are here: what is missing comes from where it was claimed.
        plan_transfers(order_id=order.pk, plan=(), by=None, now=now)
        _pick_with_the_others(order, transfer.target_id, kits_in_parts, now)


def _pick_with_the_others(order: Order, store_id: int, line_ids: set[int], now: datetime) -> None:
    """What was claimed on the store's own shelves is picked into the shipment that waits there."""
    here = [
        claim
        for claim in _unpicked(order.pk)
        if (claim.location_id, claim.shipment_id) == (store_id, None) and claim.order_line_id in line_ids
    ]
    if here:
        shipment = pickup_shipment(order=order, location_id=store_id, now=now)
        for claim in here:
            claim.shipment_id = shipment.pk
        save_claims(here)


def _claim_again(
    order: Order, transfer: Transfer, line_id: int, variant_id: int, units: int, now: datetime
) -> bool:
    for place in (transfer.target_id, None):
        try:
            claim_for_order_lines(
                demands=[(line_id, variant_id, units, place)],
                channel_id=order.channel_id,
                state=ReservationState.ALLOCATED,
                expires_at=None,
                now=now,
                is_safety_kept=False,
            )
        except OutOfStock:
            continue
        return True
    return False
