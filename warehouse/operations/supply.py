"""Claims on what is under way: units of purchase order lines, for baskets and orders, before they are here.

Every verb locks the purchase orders first, by id: each stands for its lines and for the claims on them. They come after orders and
baskets and before claims of stock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from oms.models import BasketLine
from retail.kernel.clock import business_date
from storefront.models import Channel
from warehouse.models import Reservation, SupplyClaim
from warehouse.operations.claim_rows import needs_of_lines
from warehouse.operations.holds import ROUNDS_MAX, out_of_stock, skus_of
from warehouse.operations.refusals import HoldLimit
from warehouse.rules import first_units
from warehouse.selectors.supply import coming_lines
from warehouse.states import CLAIMING, CLAIMING_SUPPLY, SupplyClaimState

# The line takes the claim only when what is still to come covers it, at the latest values of its row.
CLAIM = """
WITH purchase AS MATERIALIZED (
    SELECT o.id, o.expected_on FROM warehouse_purchaseorder o
     WHERE o.id = (SELECT l.order_id FROM warehouse_purchaseorderline l WHERE l.id = %(line)s)
       AND o.status IN ('OPEN', 'PARTLY_RECEIVED') FOR NO KEY UPDATE
), line AS (
    UPDATE warehouse_purchaseorderline l SET quantity_claimed = l.quantity_claimed + %(quantity)s
      FROM purchase o
     WHERE l.id = %(line)s AND l.order_id = o.id AND COALESCE(l.expected_on, o.expected_on) > %(today)s
       AND l.quantity_received + l.quantity_claimed + %(quantity)s <= l.quantity
    RETURNING l.id
)
INSERT INTO warehouse_supplyclaim (purchase_order_line_id, quantity, basket_line_id, order_line_id, state, expires_at, created_at)
SELECT id, %(quantity)s, %(basket_line)s::bigint, %(order_line)s::bigint, %(state)s, %(expires_at)s::timestamptz, %(now)s FROM line
"""


@dataclass(frozen=True, slots=True)
class SupplyHeld:
    """Units that are claimed, and the day on which they are to reach us."""

    quantity: int
    day: date


def hold_supply(
    *,
    basket_line_id: int,
    variant_id: int,
    quantity: int,
    channel: Channel,
    expires_at: datetime,
    now: datetime,
) -> SupplyHeld:
    """Make the claim of a basket line equal to `quantity`, on the one purchase order line that brings all of it soonest.

    Refuses OutOfStock with the most that one delivery still brings, and HoldLimit. A refusal leaves what was claimed before.
    """
    _check_limit(basket_line_id, variant_id, quantity, channel, now)
    for _ in range(ROUNDS_MAX):
        lines = coming_lines(
            variant_id=variant_id, channel_id=channel.pk, now=now, basket_line_id=basket_line_id
        )
        chosen = next((line for line in lines if line.free >= quantity), None)
        if chosen is None:
            most = max((line.free for line in lines), default=0)
            raise out_of_stock([(variant_id, quantity, most)])
        with transaction.atomic():
            _release(
                _ALL_OF.format(
                    "c.basket_line_id = %(basket_line)s OR c.purchase_order_line_id = %(line)s AND c.expires_at <= %(now)s"
                ),
                {"basket_line": basket_line_id, "line": chosen.line_id, "now": now},
            )
            if claim_line(
                line_id=chosen.line_id,
                quantity=quantity,
                basket_line_id=basket_line_id,
                state=SupplyClaimState.HELD,
                expires_at=expires_at,
                now=now,
            ):
                return SupplyHeld(quantity, chosen.day)
            transaction.set_rollback(True)
    raise out_of_stock([(variant_id, quantity, 0)])


def claim_line(
    *,
    line_id: int,
    quantity: int,
    state: str,
    now: datetime,
    basket_line_id: int | None = None,
    order_line_id: int | None = None,
    expires_at: datetime | None = None,
) -> bool:
    """Claim units of this line, or nothing: one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "line": line_id,
                "quantity": quantity,
                "basket_line": basket_line_id,
                "order_line": order_line_id,
                "state": str(state),
                "expires_at": expires_at,
                "now": now,
                "today": business_date(now),
            },
        )
        return bool(cursor.rowcount)


def move_supply_to_order(*, lines: Mapping[int, int], state: str) -> dict[int, int]:
    """The basket becomes an order: claims go from basket line to order line. Answers the units of each basket line; the caller judges.

    A claim that is out of time but that nobody took is still the shopper's. Before the money is there it stays HELD, until the order ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH chosen AS MATERIALIZED (
                SELECT c.id, c.quantity, w.basket_line_id, w.order_line_id
                  FROM warehouse_supplyclaim c
                  JOIN unnest(%(basket_lines)s::bigint[], %(order_lines)s::bigint[]) AS w(basket_line_id, order_line_id)
                    ON w.basket_line_id = c.basket_line_id
                 WHERE c.state = 'HELD' ORDER BY c.id FOR UPDATE OF c
            )
            UPDATE warehouse_supplyclaim c
               SET basket_line_id = NULL, order_line_id = x.order_line_id, state = %(state)s, expires_at = NULL
              FROM chosen x WHERE c.id = x.id
            RETURNING x.basket_line_id, x.quantity
            """,
            {
                "basket_lines": list(lines),
                "order_lines": list(lines.values()),
                "state": str(state),
            },
        )
        return dict(cursor.fetchall())


def release_basket_supply(*, basket_line_ids: Iterable[int]) -> int:
    """The lines are leaving the basket, or will be served from the shelf."""
    return _release(
        _ALL_OF.format("c.basket_line_id = ANY(%(lines)s::bigint[])"), {"lines": list(basket_line_ids)}
    )


def release_expired_supply(*, now: datetime, limit: int = 500) -> int:
    """Baskets' claims whose time is over. Never waits: a locked purchase order is in use."""
    asked = _ALL_OF.format("c.expires_at <= %(now)s") + " ORDER BY c.id LIMIT %(limit)s"
    return _release(asked, {"now": now, "limit": limit}, skip_locked=True)


def release_surplus_supply(*, order_line_ids: Sequence[int]) -> int:
    """Lines were canceled: what they claim of deliveries beyond what they still owe goes back first, before units that are here."""
    needs = needs_of_lines(order_line_ids)
    claims = list(
        SupplyClaim.objects.filter(order_line_id__in=order_line_ids, state__in=CLAIMING_SUPPLY).order_by(
            "-pk"
        )
    )
    here = Reservation.objects.filter(order_line_id__in=order_line_ids, state__in=CLAIMING, is_put_back=False)
    units_here: dict[int, int] = {}
    for line_id, units in here.values_list("order_line_id", "quantity"):
        units_here[line_id or 0] = units_here.get(line_id or 0, 0) + units
    going: list[tuple[int, int]] = []
    for line_id in order_line_ids:
        mine = [claim for claim in claims if claim.order_line_id == line_id]
        owed = needs[line_id].owed if line_id in needs else 0
        over = sum(claim.quantity for claim in mine) + units_here.get(line_id, 0) - owed
        going += [(claim.pk, units) for claim, units in first_units(mine, max(over, 0), lambda c: c.quantity)]
    return give_back(going)


def give_back(going: Sequence[tuple[int, int]]) -> int:
    """Units of claims, each by its id, are spoken for no more; what is left of a claim stays."""
    if not going:
        return 0
    asked = "SELECT * FROM unnest(%(ids)s::bigint[], %(units)s::int[]) AS a(id, units)"
    return _release(asked, {"ids": [pk for pk, _ in going], "units": [units for _, units in going]})


_ALL_OF = "SELECT c.id, c.quantity AS units FROM warehouse_supplyclaim c WHERE c.state IN ('HELD', 'ALLOCATED') AND ({})"


def _release(asked: str, parameters: dict[str, Any], *, skip_locked: bool = False) -> int:
    """One statement: purchase orders locked by id, then claims, then lines and claims written."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH asked AS MATERIALIZED ({asked}),
            purchases AS MATERIALIZED (
                SELECT o.id FROM warehouse_purchaseorder o
                 WHERE o.id IN (SELECT l.order_id FROM asked a JOIN warehouse_supplyclaim c ON c.id = a.id
                                  JOIN warehouse_purchaseorderline l ON l.id = c.purchase_order_line_id)
                 ORDER BY o.id FOR NO KEY UPDATE {"SKIP LOCKED" if skip_locked else ""}
            ), chosen AS MATERIALIZED (
                SELECT c.id, c.purchase_order_line_id, c.quantity, LEAST(a.units, c.quantity) AS units
                  FROM warehouse_supplyclaim c JOIN asked a ON a.id = c.id
                  JOIN warehouse_purchaseorderline l ON l.id = c.purchase_order_line_id
                 WHERE c.state IN ('HELD', 'ALLOCATED') AND l.order_id IN (SELECT id FROM purchases)
                 ORDER BY c.id FOR UPDATE OF c
            ), lines AS (
                UPDATE warehouse_purchaseorderline l SET quantity_claimed = l.quantity_claimed - s.units
                  FROM (SELECT purchase_order_line_id AS id, sum(units)::int AS units FROM chosen GROUP BY 1) s WHERE l.id = s.id
            )
            UPDATE warehouse_supplyclaim c
               SET quantity = CASE WHEN x.units < x.quantity THEN x.quantity - x.units ELSE c.quantity END,
                   state = CASE WHEN x.units < x.quantity THEN c.state ELSE 'RELEASED' END
              FROM chosen x WHERE c.id = x.id
            """,  # noqa: S608 - the questions are the constants of this module
            parameters,
        )
        return int(cursor.rowcount)


def _check_limit(
    basket_line_id: int, variant_id: int, quantity: int, channel: Channel, now: datetime
) -> None:
    """The cap of the channel counts what the client has spoken for in all open baskets."""
    mine = BasketLine.objects.select_related("basket").get(pk=basket_line_id).basket
    others = SupplyClaim.objects.filter(
        state=SupplyClaimState.HELD, purchase_order_line__variant_id=variant_id, expires_at__gt=now
    ).exclude(basket_line_id=basket_line_id)
    if mine.customer_id is not None:
        others = others.filter(basket_line__basket__customer_id=mine.customer_id)
    elif mine.client_hash:
        others = others.filter(basket_line__basket__client_hash=mine.client_hash)
    else:
        others = others.none()
    left = max(0, channel.hold_units_max - sum(others.values_list("quantity", flat=True)))
    if quantity > left:
        sku = skus_of([variant_id])[variant_id]
        raise HoldLimit(f"{sku}: at most {left} can be held for one customer.", sku=sku, maximum=left)
