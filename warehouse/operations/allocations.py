"""Claims of orders: taken over from the basket, made anew, confirmed by money, moved by routing, given up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from retail.kernel.prepared import Prepared
from warehouse.models import Reservation
from warehouse.operations.claim_rows import (
    UNPICKED,
    is_in_transit,
    lock_line_claims,
    needs_of_lines,
    save_claims,
    split_off,
)
from warehouse.operations.holds import ROUNDS_MAX, claim_pieces, out_of_stock, skus_of
from warehouse.operations.refusals import HoldLost
from warehouse.operations.stock import CLAIM_COLUMNS, CLAIM_TYPES, Claim, Delta, shift_stock
from warehouse.rules import Short, Want, choose_lots, first_units
from warehouse.selectors.lots import read_supply
from warehouse.states import ReservationState

ALLOCATE = Prepared(
    "stock_allocate",
    f"""
WITH wanted AS (
    SELECT w.basket_line_id, w.order_line_id, l.variant_id, l.quantity
      FROM unnest(%(basket_lines)s::bigint[], %(order_lines)s::bigint[]) AS w(basket_line_id, order_line_id)
      JOIN oms_basketline l ON l.id = w.basket_line_id AND l.basket_id = %(basket)s
), needed AS (
    SELECT w.basket_line_id, w.variant_id AS sold_id, COALESCE(k.component_id, w.variant_id) AS variant_id,
           w.quantity * COALESCE(k.quantity, 1) AS quantity
      FROM wanted w
      JOIN storefront_variant v ON v.id = w.variant_id AND NOT v.is_digital
      LEFT JOIN storefront_kitcomponent k ON v.is_kit AND k.kit_id = v.id
), locked AS MATERIALIZED (
    SELECT r.id, r.basket_line_id, r.variant_id, r.quantity, w.order_line_id
      FROM warehouse_reservation r JOIN wanted w ON w.basket_line_id = r.basket_line_id
     WHERE r.state = 'HELD' ORDER BY r.id FOR UPDATE OF r
), held AS (
    SELECT basket_line_id, variant_id, sum(quantity) AS quantity FROM locked GROUP BY basket_line_id, variant_id
), lost AS MATERIALIZED (
    SELECT n.sold_id, n.variant_id, n.quantity, COALESCE(h.quantity, 0) AS held
      FROM needed n LEFT JOIN held h ON h.basket_line_id = n.basket_line_id AND h.variant_id = n.variant_id
     WHERE COALESCE(h.quantity, 0) <> n.quantity
), moved AS (
    UPDATE warehouse_reservation r
       SET basket_line_id = NULL, order_line_id = l.order_line_id, state = %(state)s, expires_at = %(expires_at)s
      FROM locked l WHERE r.id = l.id AND NOT EXISTS (SELECT 1 FROM lost)
    RETURNING {", ".join("r." + column for column in CLAIM_COLUMNS.split(", "))}
)
SELECT true, {CLAIM_COLUMNS} FROM moved
UNION ALL
SELECT false, sold_id, NULL, NULL, variant_id, NULL, NULL, quantity, held::character varying, NULL FROM lost
""",  # noqa: S608 - column names of our own
    {
        "basket": "bigint",
        "basket_lines": "bigint[]",
        "order_lines": "bigint[]",
        "state": "character varying",
        "expires_at": "timestamptz",
    },
    ("boolean", *CLAIM_TYPES),
    writes=True,
)


def allocate_basket_claims(
    *,
    basket_id: int,
    lines: Sequence[tuple[int, int]],
    state: str,
    expires_at: datetime | None,
    now: datetime,
) -> list[Claim]:
    """The basket becomes an order: every claim of (basket line, order line) moves over, or none. One statement.

    A hold that is out of time but that nobody took is still the shopper's.
    """
    assert state in (ReservationState.HELD, ReservationState.ALLOCATED), "an order starts unpicked"
    rows = ALLOCATE.rows(
        {
            "basket": basket_id,
            "basket_lines": [basket_line_id for basket_line_id, _ in lines],
            "order_lines": [order_line_id for _, order_line_id in lines],
            "state": str(state),
            "expires_at": expires_at,
        }
    )
    lost = [row for row in rows if not row[0]]
    if lost or not rows:
        raise _hold_lost([(row[1], row[7], int(row[8])) for row in lost])
    return [Claim(*row[1:]) for row in rows]


def _hold_lost(lost: Sequence[tuple[int, int, int]]) -> HoldLost:
    skus = skus_of([sold_id for sold_id, _, _ in lost])
    told = [{"sku": skus[sold_id], "quantity": quantity, "held": held} for sold_id, quantity, held in lost]
    return HoldLost(
        "Some units are no longer held for this basket: "
        + ", ".join(f"{line['sku']} {line['held']} of {line['quantity']}" for line in told),
        lines=told,
    )


def claim_for_order_line(
    *,
    order_line_id: int,
    variant_id: int,
    quantity: int,
    channel_id: int | None,
    state: str,
    expires_at: datetime | None,
    now: datetime,
    location_id: int | None = None,
) -> list[Claim]:
    return claim_for_order_lines(
        demands=[(order_line_id, variant_id, quantity, location_id)],
        channel_id=channel_id,
        state=state,
        expires_at=expires_at,
        now=now,
    )


def claim_for_order_lines(
    *,
    demands: Sequence[tuple[int, int, int, int | None]],
    channel_id: int | None,
    state: str,
    expires_at: datetime | None,
    now: datetime,
    is_safety_kept: bool = True,
) -> list[Claim]:
    """Claims for (order line, variant, quantity, location or None), all or none, without a basket before.

    Two statements for any number of lines. Safety stock may be asked for units that an order already counted on.
    """
    assert all(quantity > 0 for _, _, quantity, _ in demands), "nothing is claimed for an empty line"
    with transaction.atomic() if not connection.in_atomic_block else nullcontext():
        for attempt in range(ROUNDS_MAX):
            supply = read_supply(
                variant_ids=[variant_id for _, variant_id, _, _ in demands], channel_id=channel_id, now=now
            )
            wants = [
                Want(line_id, sold_id, quantity, supply.parts[sold_id], location_id)
                for line_id, sold_id, quantity, location_id in demands
            ]
            safety = supply.safety if is_safety_kept else {}
            choice = choose_lots(wants=wants, lots=supply.lots, safety=safety)
            if choice.short:
                break
            claims = claim_pieces(
                choice,
                supply,
                is_retry=attempt > 0,
                for_baskets=False,
                state=state,
                expires_at=expires_at,
                now=now,
                channel_id=channel_id,
                is_safety_kept=is_safety_kept,
            )
            if claims is not None:
                return claims
    short = choice.short or [Short(want.line_id, want.sold_id, want.quantity, 0) for want in wants]
    raise out_of_stock([(each.sold_id, each.quantity, each.available) for each in short])


_CONFIRM = Prepared(
    "stock_confirm",
    """
WITH missing AS MATERIALIZED (
    SELECT l.order_id, l.id, l.variant_id, l.quantity - l.quantity_canceled - l.quantity_dispatched AS quantity
      FROM oms_orderline l
     WHERE l.order_id = ANY(%(orders)s::bigint[]) AND l.kind = 'GOODS' AND l.variant_id IS NOT NULL
       AND l.quantity > l.quantity_canceled + l.quantity_dispatched
       AND NOT EXISTS (SELECT 1 FROM warehouse_reservation r WHERE r.order_line_id = l.id AND NOT r.is_put_back
                                                               AND r.state NOT IN ('RELEASED', 'DISPATCHED'))
       AND NOT EXISTS (SELECT 1 FROM warehouse_supplyclaim s WHERE s.order_line_id = l.id AND s.state IN ('HELD', 'ALLOCATED'))
), awaited AS (
    UPDATE warehouse_supplyclaim s SET state = 'ALLOCATED'
      FROM oms_orderline l
     WHERE l.order_id = ANY(%(orders)s::bigint[]) AND s.order_line_id = l.id AND s.state = 'HELD'
       AND l.order_id NOT IN (SELECT order_id FROM missing)
), mine AS MATERIALIZED (
    SELECT r.id FROM oms_orderline l JOIN warehouse_reservation r ON r.order_line_id = l.id
     WHERE l.order_id = ANY(%(orders)s::bigint[]) AND r.state = 'HELD'
       AND l.order_id NOT IN (SELECT order_id FROM missing)
     ORDER BY r.id FOR UPDATE OF r
), confirmed AS (
    UPDATE warehouse_reservation r SET state = 'ALLOCATED', expires_at = NULL FROM mine m WHERE r.id = m.id
)
SELECT order_id, id, variant_id, quantity FROM missing ORDER BY id
""",
    {"orders": "bigint[]"},
    ("bigint", "bigint", "bigint", "integer"),
    writes=True,
)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """An order line of goods without any live claim, and the units that it still owes."""

    order_id: int
    line_id: int
    variant_id: int
    quantity: int


def confirm_allocations(*, order_ids: Sequence[int], now: datetime) -> list[Unclaimed]:
    """The money is there: the claims of these orders lose their deadline and may be picked. One statement.

    An order of which a line has no claim any more is left as it is, and its lines without one are answered.
    """
    return [Unclaimed(*row) for row in _CONFIRM.rows({"orders": list(order_ids)})]


@dataclass(frozen=True, slots=True)
class ReleasedUnits:
    """Units freed at once, and units that a person must put back first."""

    released: int
    to_put_back: int


@transaction.atomic
def release_order_claims(*, order_line_ids: Iterable[int], now: datetime) -> ReleasedUnits:
    """Lines were canceled: whatever they claim beyond the units that they still owe is let go (kits count as kits).

    Unpicked units are free at once, and so are those in transit to a store: they arrive as anybody's. Picked ones become
    put-back tasks and stay unsellable until somebody scans them back.
    Units that a line owed without a claim (missing from the shelf) are what its cancellation took first.
    """
    line_ids = sorted(set(order_line_ids))
    needs = needs_of_lines(line_ids)
    by_part: dict[tuple[int, int], list[Reservation]] = defaultdict(list)
    for claim in lock_line_claims(line_ids):
        assert claim.order_line_id is not None
        by_part[claim.order_line_id, claim.variant_id].append(claim)
    chosen: list[tuple[Reservation, int]] = []
    for line_id in line_ids:
        for variant_id, per_unit in needs[line_id].parts if line_id in needs else ():
            claims = sorted(by_part[line_id, variant_id], key=_unpicked_first)
            surplus = sum(claim.quantity for claim in claims) - needs[line_id].owed * per_unit
            chosen += first_units(claims, max(surplus, 0), lambda claim: claim.quantity)
    return _let_go(chosen)


def _unpicked_first(claim: Reservation) -> tuple[int, int]:
    rank = {ReservationState.HELD: 0, ReservationState.ALLOCATED: 0, ReservationState.PICKED: 1}
    return (rank.get(ReservationState(claim.state), 2), -claim.pk)


def _let_go(chosen: Sequence[tuple[Reservation, int]]) -> ReleasedUnits:
    freed = [(claim, units) for claim, units in chosen if claim.state in UNPICKED or is_in_transit(claim)]
    picked = [(claim, units) for claim, units in chosen if (claim, units) not in freed]
    refused = shift_stock(Delta(claim.stock_item_id, reserved=-units) for claim, units in freed)
    assert not refused, "a live claim is counted in reserved"
    changed: list[Reservation] = []
    made: list[Reservation] = []
    for claim, units in freed:
        if units == claim.quantity:
            claim.state, claim.shipment_id, claim.expires_at = ReservationState.RELEASED, None, None
        else:
            claim.quantity -= units
        changed.append(claim)
    for claim, units in picked:
        also_changed, also_made = put_back_task(claim, units)
        changed += also_changed
        made += also_made
    save_claims(changed, made)
    return ReleasedUnits(sum(units for _, units in freed), sum(units for _, units in picked))


def put_back_task(claim: Reservation, units: int) -> tuple[list[Reservation], list[Reservation]]:
    """Rows (changed, made) that turn units of a picked claim into a put-back task, out of its shipment."""
    going = claim
    made: list[Reservation] = []
    if units < claim.quantity:
        claim.quantity -= units
        going = split_off(claim, units)
        made.append(going)
    going.is_put_back, going.state = True, ReservationState.PICKED
    going.shipment_id = going.parcel_id = None
    return [claim], made
