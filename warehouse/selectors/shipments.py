"""What a shipment holds, as the shelf counts it and as papers sell it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from storefront.models import KitComponent
from warehouse.models import Reservation
from warehouse.states import CLAIMING, ReservationState


@dataclass(frozen=True, slots=True)
class Contents:
    """`goods` are units of (order line, variant) on the shelf, `sold` units of an order line: a kit is one sold, many goods.

    `incomplete` are kit lines whose components do not add up to whole kits.
    """

    goods: dict[tuple[int, int], int]
    sold: dict[int, int]
    incomplete: frozenset[int]


def shipment_contents(*, shipment_id: int) -> Contents:
    """Units in the shipment, whether still here or dispatched."""
    rows = Reservation.objects.filter(
        shipment_id=shipment_id, state__in=[*CLAIMING, ReservationState.DISPATCHED]
    ).values_list("order_line_id", "order_line__variant_id", "variant_id", "quantity")
    return contents_of(rows)


def contents_of(rows: Iterable[tuple[int | None, int | None, int, int]]) -> Contents:
    """From (order line, what it sold, variant, units)."""
    goods: Counter[tuple[int, int]] = Counter()
    sold_ids: dict[int, int] = {}
    for line_id, sold_id, variant_id, units in rows:
        assert line_id is not None and sold_id is not None, "a shipment holds claims of goods lines"
        goods[line_id, variant_id] += units
        sold_ids[line_id] = sold_id
    kits = {sold_ids[line_id] for line_id, variant_id in goods if variant_id != sold_ids[line_id]}
    parts: dict[int, dict[int, int]] = {}
    if kits:
        for kit_id, component_id, units in KitComponent.objects.filter(kit_id__in=kits).values_list(
            "kit_id", "component_id", "quantity"
        ):
            parts.setdefault(kit_id, {})[component_id] = units
    sold: dict[int, int] = {}
    incomplete: set[int] = set()
    for line_id, sold_id in sold_ids.items():
        needed = parts.get(sold_id, {sold_id: 1})
        sold[line_id] = min(goods[line_id, variant_id] // units for variant_id, units in needed.items())
        if any(goods[line_id, variant_id] != sold[line_id] * units for variant_id, units in needed.items()):
            incomplete.add(line_id)
    return Contents(dict(goods), sold, frozenset(incomplete))
