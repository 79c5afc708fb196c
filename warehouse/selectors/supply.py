"""What is under way to us and not spoken for: the lines of purchase orders that can be ordered ahead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import connection

from retail.kernel.clock import business_date
from warehouse.models import SupplyClaim
from warehouse.selectors.sql import POOLED
from warehouse.states import CLAIMING_SUPPLY

# Open purchase order lines with a day to come; a day that has passed promises nothing.
_COMING = f"""
WITH {POOLED}
SELECT l.id, COALESCE(l.expected_on, o.expected_on) AS day,
       l.quantity - l.quantity_received - l.quantity_claimed + COALESCE((
           SELECT sum(c.quantity)::int FROM warehouse_supplyclaim c
            WHERE c.purchase_order_line_id = l.id AND c.state = 'HELD' AND c.order_line_id IS NULL
              AND (c.expires_at <= %(now)s::timestamptz OR c.basket_line_id = %(basket_line)s::bigint)), 0) AS free
  FROM warehouse_purchaseorderline l
  JOIN warehouse_purchaseorder o ON o.id = l.order_id AND o.status IN ('OPEN', 'PARTLY_RECEIVED')
  JOIN pooled p ON p.id = o.location_id
 WHERE l.variant_id = %(variant)s AND l.quantity_received < l.quantity AND COALESCE(l.expected_on, o.expected_on) > %(today)s
 ORDER BY 2, 1
"""  # noqa: S608

# What lists may say of it, whatever the channel: days of units that nobody has spoken for, at a place that feeds a channel.
COMING = f"""
SELECT l.variant_id, COALESCE(l.expected_on, o.expected_on) AS day
  FROM warehouse_purchaseorderline l
  JOIN warehouse_purchaseorder o ON o.id = l.order_id AND o.status IN ('OPEN', 'PARTLY_RECEIVED')
 WHERE l.quantity_received < l.quantity
   AND COALESCE(l.expected_on, o.expected_on) > (%(now)s::timestamptz AT TIME ZONE '{settings.TIME_ZONE}')::date
   AND l.quantity > l.quantity_received + CASE WHEN l.quantity_claimed = 0 THEN 0 ELSE l.quantity_claimed - COALESCE((
           SELECT sum(c.quantity)::int FROM warehouse_supplyclaim c
            WHERE c.purchase_order_line_id = l.id AND c.state = 'HELD' AND c.order_line_id IS NULL
              AND c.expires_at <= %(now)s::timestamptz), 0) END
   AND (NOT EXISTS (SELECT 1 FROM warehouse_stockpool)
        OR EXISTS (SELECT 1 FROM warehouse_stockpool p WHERE p.location_id = o.location_id))
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class ComingLine:
    """A purchase order line; `free` are the units that nobody has spoken for."""

    line_id: int
    day: date
    free: int


def coming_lines(
    *, variant_id: int, channel_id: int, now: datetime, basket_line_id: int | None = None
) -> list[ComingLine]:
    """The soonest first. What the basket line itself has claimed counts as free, and so do claims whose time is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            _COMING,
            {
                "variant": variant_id,
                "channel": channel_id,
                "now": now,
                "today": business_date(now),
                "basket_line": basket_line_id,
            },
        )
        return [ComingLine(*row) for row in cursor.fetchall()]


def coming_days(*, variant_ids: Iterable[int], now: datetime) -> dict[int, date]:
    """By variant, the first day on which units come that nobody has spoken for; what has none is absent. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.variant_id, min(a.day) FROM ({COMING}) a WHERE a.variant_id = ANY(%(variants)s) GROUP BY 1",  # noqa: S608
            {"variants": list(variant_ids), "now": now},
        )
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Awaited:
    """Units that a line waits for, and the day on which they are to reach us."""

    quantity: int
    day: date | None
    purchase_order: str
    is_expired: bool


def awaited_by_basket(*, basket_id: int, now: datetime) -> dict[int, Awaited]:
    """By basket line, what it has claimed of what is under way."""
    claims = SupplyClaim.objects.filter(basket_line__basket_id=basket_id, state__in=CLAIMING_SUPPLY)
    return _awaited(claims.values_list("basket_line_id", *_TOLD), now)


def awaited_by_order(*, order_id: int, now: datetime) -> dict[int, Awaited]:
    """By order line, the units that are still under way."""
    claims = SupplyClaim.objects.filter(order_line__order_id=order_id, state__in=CLAIMING_SUPPLY)
    return _awaited(claims.values_list("order_line_id", *_TOLD), now)


_TOLD = (
    "quantity",
    "purchase_order_line__expected_on",
    "purchase_order_line__order__expected_on",
    "purchase_order_line__order__number",
    "expires_at",
)


def _awaited(
    rows: Iterable[tuple[int, int, date | None, date | None, str, datetime | None]], now: datetime
) -> dict[int, Awaited]:
    found: dict[int, Awaited] = {}
    for key, quantity, of_line, of_order, number, until in rows:
        before = found.get(key)
        days = [day for day in (before and before.day, of_line or of_order) if day]
        found[key] = Awaited(
            quantity + (before.quantity if before else 0),
            max(days, default=None),
            number,
            until is not None and until <= now,
        )
    return found
