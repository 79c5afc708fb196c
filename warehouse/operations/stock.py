"""The writes that every verb about units is made of: one statement for any number of rows, locks in the order of their ids.

Each statement is all or nothing by itself: it locks its rows first and writes none when one of them refuses. So a refusal may be
caught, and the transaction goes on as if nothing had been asked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from retail.kernel.models import User
from retail.kernel.prepared import Prepared
from warehouse.models import StockItem, StockMove
from warehouse.rules import Piece
from warehouse.selectors.sql import POOLED, SAFETY, safety_of


@dataclass(frozen=True, slots=True)
class Claim:
    """A live claim, as the verbs tell of it."""

    id: int
    basket_line_id: int | None
    order_line_id: int | None
    variant_id: int
    stock_item_id: int
    location_id: int
    quantity: int
    state: str
    expires_at: datetime | None


CLAIM_COLUMNS = (
    "id, basket_line_id, order_line_id, variant_id, stock_item_id, location_id, quantity, state, expires_at"
)

CLAIM_TYPES = (*["bigint"] * 6, "integer", "character varying", "timestamptz")


@dataclass(frozen=True, slots=True)
class Delta:
    """What one stock item gains (or loses, when negative)."""

    stock_item_id: int
    on_hand: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """Units that came, went or moved; `value` is the cost that moved with them."""

    variant_id: int
    from_bin_id: int | None
    to_bin_id: int | None
    quantity: int
    entity_id: int
    reason: str
    value: Decimal = Decimal("0.00")
    order_line_id: int | None = None


# The demand is summed per stock item, its rows are locked by id, and only then anything is judged: at the latest values of the
# locked rows, so that whoever waited sees what the other left. Safety is judged over the sellable bins of the place. The update asks
# nothing of the row again: its condition would first be held against the row as it was when the statement began.
_RESERVE = Prepared(
    "stock_reserve",
    f"""
WITH {POOLED}, {SAFETY},
demand AS (
    SELECT * FROM unnest(%(items)s::bigint[], %(quantities)s::int[], %(basket_lines)s::bigint[], %(order_lines)s::bigint[])
        WITH ORDINALITY AS d(stock_item_id, quantity, basket_line_id, order_line_id, position)
), per_item AS (
    SELECT stock_item_id AS id, sum(quantity)::int AS quantity FROM demand GROUP BY stock_item_id
), locked AS MATERIALIZED (
    SELECT i.id, i.variant_id, i.location_id, i.on_hand, i.reserved, p.quantity
      FROM warehouse_stockitem i JOIN per_item p ON p.id = i.id
     WHERE i.is_sellable
     ORDER BY i.id FOR UPDATE OF i
), places AS (
    SELECT variant_id, location_id, sum(quantity) AS quantity FROM locked GROUP BY variant_id, location_id
), refused AS MATERIALIZED (
    SELECT p.id FROM per_item p LEFT JOIN locked l ON l.id = p.id
     WHERE l.id IS NULL OR l.on_hand - l.reserved < p.quantity
    UNION ALL
    SELECT l.id FROM locked l
     WHERE NOT EXISTS (SELECT 1 FROM pooled p WHERE p.id = l.location_id)
    UNION ALL
    SELECT l.id FROM locked l JOIN places p ON p.variant_id = l.variant_id AND p.location_id = l.location_id
     WHERE %(is_safety_kept)s
       AND p.quantity + {safety_of("p")} >
           (SELECT sum(COALESCE(o.on_hand - o.reserved, i.on_hand - i.reserved))
              FROM warehouse_stockitem i LEFT JOIN locked o ON o.id = i.id
             WHERE i.variant_id = p.variant_id AND i.location_id = p.location_id AND i.is_sellable)
), updated AS (
    UPDATE warehouse_stockitem i SET reserved = i.reserved + l.quantity
      FROM locked l
     WHERE i.id = l.id AND NOT EXISTS (SELECT 1 FROM refused)
    RETURNING i.id, i.variant_id, i.location_id
), inserted AS (
    INSERT INTO warehouse_reservation
           (stock_item_id, variant_id, location_id, quantity, basket_line_id, order_line_id, state, expires_at, is_put_back, created_at)
    SELECT u.id, u.variant_id, u.location_id, d.quantity, d.basket_line_id, d.order_line_id, %(state)s, %(expires_at)s, false, %(now)s
      FROM demand d JOIN updated u ON u.id = d.stock_item_id
     ORDER BY d.position
    RETURNING {CLAIM_COLUMNS}
)
SELECT {CLAIM_COLUMNS}, (SELECT count(*) FROM updated) = (SELECT count(*) FROM per_item) FROM inserted
""",  # noqa: S608
    {
        "items": "bigint[]",
        "quantities": "integer[]",
        "basket_lines": "bigint[]",
        "order_lines": "bigint[]",
        "state": "character varying",
        "expires_at": "timestamptz",
        "now": "timestamptz",
        "channel": "bigint",
        "is_safety_kept": "boolean",
    },
    (*CLAIM_TYPES, "boolean"),
    writes=True,
)


def reserve(
    *,
    pieces: Sequence[Piece],
    for_baskets: bool,
    state: str,
    expires_at: datetime | None,
    now: datetime,
    channel_id: int | None,
    is_safety_kept: bool,
) -> list[Claim] | None:
    """Claim all pieces or none (None): one statement."""
    lines = [piece.line_id for piece in pieces]
    nobody: list[int | None] = [None] * len(pieces)
    rows = _RESERVE.rows(
        {
            "items": [piece.stock_item_id for piece in pieces],
            "quantities": [piece.quantity for piece in pieces],
            "basket_lines": lines if for_baskets else nobody,
            "order_lines": nobody if for_baskets else lines,
            "state": str(state),
            "expires_at": expires_at,
            "now": now,
            "channel": channel_id,
            "is_safety_kept": is_safety_kept,
        }
    )
    assert all(row[-1] for row in rows), "every locked row was judged before it was written"
    return [Claim(*row[:-1]) for row in rows] or None


_SHIFT = """
WITH delta AS (
    SELECT id, sum(on_hand)::int AS on_hand, sum(reserved)::int AS reserved
      FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS d(id, on_hand, reserved) GROUP BY id
), locked AS MATERIALIZED (
    SELECT i.id, i.on_hand, i.reserved, d.on_hand AS more, d.reserved AS claimed
      FROM warehouse_stockitem i JOIN delta d ON d.id = i.id ORDER BY i.id FOR UPDATE OF i
), refused AS MATERIALIZED (
    SELECT d.id FROM delta d LEFT JOIN locked l ON l.id = d.id
     WHERE l.id IS NULL OR l.reserved + l.claimed < 0 OR l.reserved + l.claimed > l.on_hand + l.more
), updated AS (
    UPDATE warehouse_stockitem i SET on_hand = i.on_hand + l.more, reserved = i.reserved + l.claimed
      FROM locked l
     WHERE i.id = l.id AND NOT EXISTS (SELECT 1 FROM refused)
)
SELECT id FROM refused
"""


def shift_stock(deltas: Iterable[Delta]) -> set[int]:
    """Apply all deltas or none; returns the stock items that refused (empty: done). One statement."""
    deltas = [delta for delta in deltas if delta.on_hand or delta.reserved]
    if not deltas:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _SHIFT,
            (
                [delta.stock_item_id for delta in deltas],
                [delta.on_hand for delta in deltas],
                [delta.reserved for delta in deltas],
            ),
        )
        return {row[0] for row in cursor.fetchall()}


_ENSURE = """
WITH wanted AS (SELECT DISTINCT * FROM unnest(%(variants)s::bigint[], %(bins)s::bigint[]) AS w(variant_id, bin_id)),
made AS (
    INSERT INTO warehouse_stockitem (variant_id, bin_id, location_id, is_sellable, on_hand, reserved)
    SELECT w.variant_id, w.bin_id, b.location_id, false, 0, 0
      FROM wanted w JOIN warehouse_bin b ON b.id = w.bin_id
     WHERE NOT EXISTS (SELECT 1 FROM warehouse_stockitem i WHERE i.variant_id = w.variant_id AND i.bin_id = w.bin_id)
     ORDER BY w.variant_id, w.bin_id
    ON CONFLICT (variant_id, bin_id) DO NOTHING
)
SELECT 1
"""


def ensure_items(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The stock items of (variant, bin), made when they are not there yet."""
    wanted = sorted(set(pairs))
    if not wanted:
        return {}
    found = _items(wanted)
    if len(found) < len(wanted):
        with connection.cursor() as cursor:
            cursor.execute(
                _ENSURE, {"variants": [pair[0] for pair in wanted], "bins": [pair[1] for pair in wanted]}
            )
        found = _items(wanted)
    return found


def _items(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    rows = StockItem.objects.filter(
        variant_id__in={pair[0] for pair in pairs}, bin_id__in={pair[1] for pair in pairs}
    ).values_list("variant_id", "bin_id", "id")
    wanted = set(pairs)
    return {(variant, place): pk for variant, place, pk in rows if (variant, place) in wanted}


def record_moves(
    moves: Iterable[Move],
    *,
    document_kind: str,
    document_key: str,
    now: datetime,
    by: User | None,
    entry_id: int | None = None,
) -> list[StockMove]:
    """Append what happened to units. What crosses the edge of the company needs the journal entry of its value."""
    return StockMove.objects.bulk_create(
        StockMove(
            variant_id=move.variant_id,
            from_bin_id=move.from_bin_id,
            to_bin_id=move.to_bin_id,
            quantity=move.quantity,
            entity_id=move.entity_id,
            value=move.value,
            unit_cost=move.value / move.quantity if move.value else None,
            reason=move.reason,
            document_kind=document_kind,
            document_key=document_key,
            order_line_id=move.order_line_id,
            entry_id=entry_id if move.from_bin_id is None or move.to_bin_id is None else None,
            by=by,
            created_at=now,
        )
        for move in moves
    )
