"""Who has a claim on what: baskets, orders, pickers."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Min, QuerySet

from oms.models import OrderLine
from storefront.models import KitComponent
from warehouse.models import Reservation
from warehouse.states import CLAIMING, ReservationState


@dataclass(frozen=True, slots=True)
class Hold:
    """What a basket line holds (of kits: their components), and until when."""

    quantity: int
    expires_at: datetime | None
    is_expired: bool


@dataclass(frozen=True, slots=True)
class ClaimRow:
    claim_id: int
    order_line_id: int
    variant_id: int
    sku: str
    quantity: int
    state: str
    location: str
    location_id: int
    bin: str
    picked_from: str | None
    shipment_number: str | None
    is_put_back: bool


def basket_holds(*, basket_id: int, now: datetime) -> dict[int, Hold]:
    """By basket line. A line that is missing holds nothing any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.basket_line_id, sum(r.quantity), min(r.expires_at)
                 FROM oms_basketline l JOIN warehouse_reservation r ON r.basket_line_id = l.id
                WHERE l.basket_id = %s AND r.state = 'HELD' GROUP BY r.basket_line_id""",
            [basket_id],
        )
        return {
            line_id: Hold(units, until, until is not None and until <= now)
            for line_id, units, until in cursor.fetchall()
        }


def hold_expiry(*, basket_id: int) -> datetime | None:
    """The instant at which the first hold of the basket ends; None when it holds nothing."""
    found: datetime | None = Reservation.objects.filter(
        basket_line__basket_id=basket_id, state=ReservationState.HELD
    ).aggregate(until=Min("expires_at"))["until"]
    return found


def order_claims(*, order_id: int) -> list[ClaimRow]:
    """Every claim of the order that was not released, dispatched ones included, line by line."""
    return _claim_rows(Reservation.objects.filter(order_line__order_id=order_id))


def missing_units(*, order_id: int) -> dict[str, int]:
    """By SKU: units that the order still owes and that lie nowhere for it. Of a kit whole kits."""
    claimed: Counter[tuple[int, int]] = Counter()
    for claim in order_claims(order_id=order_id):
        if claim.state != ReservationState.DISPATCHED and not claim.is_put_back:
            claimed[claim.order_line_id, claim.variant_id] += claim.quantity
    lines = OrderLine.objects.filter(order_id=order_id, variant__isnull=False).select_related("variant")
    parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for kit_id, component_id, units in KitComponent.objects.filter(
        kit__in=[line.variant_id for line in lines]
    ).values_list("kit_id", "component_id", "quantity"):
        parts[kit_id].append((component_id, units))
    missing: Counter[str] = Counter()
    for line in lines:
        assert line.variant_id is not None
        owed = line.quantity - line.quantity_canceled - line.quantity_dispatched
        whole = min(
            claimed[line.pk, variant_id] // units
            for variant_id, units in parts.get(line.variant_id, [(line.variant_id, 1)])
        )
        missing[line.sku] += max(0, owed - whole)
    return dict(+missing)


def shipment_claims(*, shipment_id: int) -> list[ClaimRow]:
    return _claim_rows(Reservation.objects.filter(shipment_id=shipment_id))


def item_claims(*, stock_item_ids: Iterable[int]) -> list[ClaimRow]:
    """Order claims on these stock items; what a person must know before he takes units away."""
    return _claim_rows(
        Reservation.objects.filter(
            stock_item_id__in=list(stock_item_ids), state__in=CLAIMING, order_line__isnull=False
        )
    )


def _claim_rows(claims: QuerySet[Reservation]) -> list[ClaimRow]:
    return [
        ClaimRow(*row)
        for row in claims.exclude(state=ReservationState.RELEASED)
        .order_by("order_line__position", "id")
        .values_list(
            "id",
            "order_line_id",
            "variant_id",
            "variant__sku",
            "quantity",
            "state",
            "location__code",
            "location_id",
            "stock_item__bin__code",
            "picked_from__code",
            "shipment__number",
            "is_put_back",
        )
    ]
