"""What the lines of one order draw on: kits, single titles and second lines of one SKU may want the same units of a place."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from oms.models import Order, OrderLine
from retail.kernel.models import Location
from storefront.models import KitComponent
from warehouse import selectors as warehouse

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unit:
    """What is routed whole: an order line, or a part of one that no single location can serve; `is_missing`: nobody has it."""

    line: OrderLine
    quantity: int
    is_missing: bool = False

    @property
    def sold_id(self) -> int:
        assert self.line.variant_id is not None, "goods name what was sold"
        return self.line.variant_id


@dataclass(frozen=True)
class Shelves:
    """`parts` says what one of a sold variant takes; `offered` how many units a place has for this order, its own claims included."""

    parts: Mapping[int, Sequence[tuple[int, int]]]
    offered: Mapping[int, Mapping[int, int]]

    def free(self, sold_id: int, location_id: int) -> int:
        """A kit counts whole kits."""
        return min(
            self.offered.get(variant_id, {}).get(location_id, 0) // units
            for variant_id, units in self.parts[sold_id]
        )

    def overdrawn(self, taken: Mapping[Cell, int]) -> dict[Cell, int]:
        """`taken` are (sold variant, location) → units of a plan. Where they are more than there is: what each of those that meet
        on the worst cell could have if the others keep theirs."""
        drawn: Counter[Cell] = Counter()
        wanted_by: dict[Cell, list[tuple[int, int]]] = defaultdict(list)
        for (sold_id, location_id), quantity in taken.items():
            for variant_id, units in self.parts[sold_id]:
                drawn[variant_id, location_id] += quantity * units
                wanted_by[variant_id, location_id].append((sold_id, units))
        over = {
            cell: units - self.offered.get(cell[0], {}).get(cell[1], 0)
            for cell, units in drawn.items()
            if units > self.offered.get(cell[0], {}).get(cell[1], 0)
        }
        if not over:
            return {}
        worst = max(sorted(over), key=lambda cell: over[cell])
        return {
            (sold_id, worst[1]): max(0, taken[sold_id, worst[1]] - -(-over[worst] // units))
            for sold_id, units in wanted_by[worst]
        }


def read(*, order: Order, lines: Sequence[OrderLine], now: datetime) -> Shelves:
    kits: dict[int, list[tuple[int, int]]] = {}
    kit_ids = [line.variant_id for line in lines if line.variant and line.variant.is_kit]
    for kit_id, component_id, quantity in KitComponent.objects.filter(kit__in=kit_ids).values_list(
        "kit_id", "component_id", "quantity"
    ):
        kits.setdefault(kit_id, []).append((component_id, quantity))
    sold = [line.variant_id for line in lines if line.variant_id is not None]
    parts = {sold_id: kits.get(sold_id, [(sold_id, 1)]) for sold_id in sold}
    offered = warehouse.availability_by_location(
        variant_ids={variant_id for each in parts.values() for variant_id, _ in each},
        channel_id=order.channel_id,
        now=now,
        order_id=order.pk,
    )
    return Shelves(parts, offered)


def divide(
    *,
    lines: Sequence[OrderLine],
    shelves: Shelves,
    locations: Collection[Location],
    open_units: Mapping[int, int],
) -> list[Unit]:
    """A line that no single location can serve is divided into the largest lots; what nobody has stays as a unit of its own.

    Kits choose first, and what one line takes is not there for the next.
    """
    left_over = {variant_id: Counter(units) for variant_id, units in shelves.offered.items()}
    left = Shelves(shelves.parts, left_over)
    divided: dict[int, list[Unit]] = {}
    for line in sorted(lines, key=lambda each: not (each.variant and each.variant.is_kit)):
        sold_id, wanted = line.variant_id or 0, open_units[line.pk]
        divided[line.pk] = []
        while wanted:
            place = max(locations, key=lambda each: left.free(sold_id, each.pk), default=None)
            part = min(wanted, left.free(sold_id, place.pk)) if place is not None else 0
            if place is None or not part:
                divided[line.pk].append(Unit(line, wanted, is_missing=True))
                break
            divided[line.pk].append(Unit(line, part))
            wanted -= part
            for variant_id, units in shelves.parts[sold_id]:
                left_over[variant_id][place.pk] -= part * units
    return [unit for line in lines for unit in divided[line.pk]]
