"""Why is it available, or not: every unit of a variant, from the shelf to what may be offered."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection
from django.db.models import F

from warehouse.models import PurchaseOrderLine, Reservation
from warehouse.selectors.sql import GIVEN_BACK, PARTS, POOLED, SAFETY, safety_of
from warehouse.selectors.stock import availability
from warehouse.states import CLAIMING, PurchaseOrderStatus


@dataclass(frozen=True, slots=True)
class PlaceTerms:
    """One location's arithmetic: on hand − unsellable − baskets − orders + expired − safety = available, when it feeds the channel."""

    location: str
    name: str
    on_hand: int
    unsellable: int
    held_by_baskets: int
    held_by_orders: int
    expired: int
    safety: int
    in_pool: bool
    available: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a claim: an order or a transfer by number, or a basket (never named)."""

    order_number: str | None
    transfer_number: str | None
    quantity: int
    state: str
    location: str
    bin: str
    expires_at: datetime | None
    is_expired: bool
    is_put_back: bool


@dataclass(frozen=True, slots=True)
class Incoming:
    purchase_order: str
    location: str
    quantity: int
    expected_on: date | None
    # Of them, spoken for by pre-orders.
    claimed: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The terms over all locations, the locations, the holders, and what is under way.

    on_hand − unsellable − held_by_baskets − held_by_orders + expired − safety − outside_pools = available, always.
    """

    variant_id: int
    available: int
    on_hand: int
    unsellable: int
    held_by_baskets: int
    held_by_orders: int
    expired: int
    safety: int
    outside_pools: int
    places: list[PlaceTerms] = field(default_factory=list)
    holders: list[Holder] = field(default_factory=list)
    incoming: list[Incoming] = field(default_factory=list)
    parts: list[tuple[int, int, int]] = field(default_factory=list)


_TERMS = f"""
WITH {PARTS}, {POOLED}, {GIVEN_BACK}, {SAFETY},
claimed AS MATERIALIZED (
    SELECT r.stock_item_id, sum(r.quantity) FILTER (WHERE r.basket_line_id IS NOT NULL) AS baskets,
           sum(r.quantity) FILTER (WHERE r.basket_line_id IS NULL) AS orders
      FROM warehouse_reservation r
     WHERE r.variant_id = ANY(%(variants)s::bigint[]) AND r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED')
     GROUP BY r.stock_item_id
), places AS MATERIALIZED (
    SELECT i.variant_id, i.location_id, sum(i.on_hand)::int AS on_hand,
           COALESCE(sum(i.on_hand) FILTER (WHERE NOT i.is_sellable), 0)::int AS unsellable,
           COALESCE(sum(c.baskets) FILTER (WHERE i.is_sellable), 0)::int AS baskets,
           COALESCE(sum(c.orders) FILTER (WHERE i.is_sellable), 0)::int AS orders,
           COALESCE(sum(g.quantity) FILTER (WHERE i.is_sellable), 0)::int AS expired
      FROM warehouse_stockitem i
      LEFT JOIN claimed c ON c.stock_item_id = i.id
      LEFT JOIN given_back g ON g.stock_item_id = i.id
     WHERE i.variant_id = ANY(%(variants)s::bigint[]) AND i.on_hand > 0
     GROUP BY i.variant_id, i.location_id
)
SELECT l.code, l.name, t.on_hand, t.unsellable, t.baskets, t.orders, t.expired, {safety_of("t")},
       EXISTS (SELECT 1 FROM pooled p WHERE p.id = t.location_id)
  FROM places t JOIN kernel_location l ON l.id = t.location_id
 ORDER BY l.kind = 'WAREHOUSE' DESC, l.code
"""  # noqa: S608


def explain_availability(*, variant_id: int, channel_id: int | None, now: datetime) -> Waterfall:
    """The whole answer for one variant. A kit is explained by its parts: (variant, units in one, available)."""
    parts = _parts(variant_id, channel_id, now)
    with connection.cursor() as cursor:
        cursor.execute(
            _TERMS,
            {"variants": [variant_id], "channel": channel_id, "now": now, "basket": None, "order": None},
        )
        places = [_place(*row) for row in cursor.fetchall()]
    available = sum(place.available for place in places)
    if parts:
        available = availability(variant_ids=[variant_id], channel_id=channel_id, now=now)[variant_id]
    free = [
        place.on_hand - place.unsellable - place.held_by_baskets - place.held_by_orders + place.expired
        for place in places
    ]
    return Waterfall(
        variant_id=variant_id,
        available=available,
        on_hand=sum(place.on_hand for place in places),
        unsellable=sum(place.unsellable for place in places),
        held_by_baskets=sum(place.held_by_baskets for place in places),
        held_by_orders=sum(place.held_by_orders for place in places),
        expired=sum(place.expired for place in places),
        # What safety really keeps back: no more than there is.
        safety=sum(
            min(place.safety, units) for place, units in zip(places, free, strict=True) if place.in_pool
        ),
        outside_pools=sum(units for place, units in zip(places, free, strict=True) if not place.in_pool),
        places=places,
        holders=_holders(variant_id, now),
        incoming=_incoming(variant_id),
        parts=parts,
    )


def _place(
    code: str,
    name: str,
    on_hand: int,
    unsellable: int,
    baskets: int,
    orders: int,
    expired: int,
    safety: int,
    in_pool: bool,
) -> PlaceTerms:
    free = on_hand - unsellable - baskets - orders + expired
    available = max(0, free - safety) if in_pool else 0
    return PlaceTerms(code, name, on_hand, unsellable, baskets, orders, expired, safety, in_pool, available)


def _parts(variant_id: int, channel_id: int | None, now: datetime) -> list[tuple[int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {PARTS} SELECT variant_id, per_unit FROM parts WHERE variant_id <> sold_id ORDER BY 1",  # noqa: S608
            {"variants": [variant_id]},
        )
        rows = cursor.fetchall()
    if not rows:
        return []
    units = availability(variant_ids=[row[0] for row in rows], channel_id=channel_id, now=now)
    return [(component_id, per_unit, units[component_id]) for component_id, per_unit in rows]


def _holders(variant_id: int, now: datetime) -> list[Holder]:
    rows = (
        Reservation.objects.filter(variant_id=variant_id, state__in=CLAIMING)
        .order_by(F("order_line__order__number").asc(nulls_last=True), "id")
        .values_list(
            "order_line__order__number",
            "transfer_line__transfer__number",
            "quantity",
            "state",
            "location__code",
            "stock_item__bin__code",
            "expires_at",
            "is_put_back",
        )
    )
    return [
        Holder(
            number,
            transfer,
            units,
            state,
            place,
            bin_,
            until,
            number is None and until is not None and until <= now,
            back,
        )
        for number, transfer, units, state, place, bin_, until, back in rows
    ]


def _incoming(variant_id: int) -> list[Incoming]:
    rows = PurchaseOrderLine.objects.filter(
        variant_id=variant_id,
        quantity_received__lt=F("quantity"),
        order__status__in=[PurchaseOrderStatus.OPEN, PurchaseOrderStatus.PARTLY_RECEIVED],
    ).select_related("order__location")
    found = [
        Incoming(
            line.order.number,
            line.order.location.code,
            line.quantity - line.quantity_received,
            line.expected_on or line.order.expected_on,
            line.quantity_claimed,
        )
        for line in rows
    ]
    return sorted(
        found, key=lambda one: (one.expected_on is None, one.expected_on or date.max, one.purchase_order)
    )
