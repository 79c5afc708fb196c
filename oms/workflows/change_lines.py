"""The goods of a change set: which units go, which are added at which price."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms import operations as orders
from oms.models import Order, OrderLine
from oms.rules import part_of
from oms.states import LineKind
from oms.workflows.baskets import UnknownSku, check_quantity
from oms.workflows.change_prices import AddedPrices, price_added
from retail.kernel.errors import InvalidInput, Refusal
from storefront.models import Variant


class NothingLeft(Refusal):
    """Without any goods it is no order: cancel it instead."""

    code = "NOTHING_LEFT"


class FileNotAdded(Refusal):
    """An order of goods does not grow by a file: that is paid before, with the buyer's word on withdrawal."""

    code = "FILE_NOT_ADDED"


@dataclass(frozen=True, slots=True)
class LineChange:
    """Units of a SKU in all, and what the order costs more (or less) for it."""

    sku: str
    title: str
    before: int
    after: int
    amount: Decimal


def line_plan(
    order: Order, wanted: Sequence[tuple[str, int]], now: datetime
) -> tuple[list[tuple[int, int]], list[orders.AddedUnits], list[LineChange]]:
    """(order line, units fewer), units to be added, and both as they are told."""
    if len({sku for sku, _ in wanted}) != len(wanted):
        raise InvalidInput("Name each SKU once.")
    by_sku: dict[str, list[OrderLine]] = {}
    for line in order.lines.filter(kind=LineKind.GOODS).order_by("position"):
        by_sku.setdefault(line.sku, []).append(line)
    fewer: list[tuple[int, int]] = []
    extra: dict[str, int] = {}
    told: list[LineChange] = []
    for sku, units in wanted:
        rows = by_sku.get(sku, [])
        have = sum(units_left(line) for line in rows)
        if units and units != have:
            check_quantity(units)
        if units < 0:
            raise InvalidInput("Units wanted are whole numbers from 0.", sku=sku[:40])
        if units < have:
            gone = _give_up(rows, have - units)
            fewer += [(line.pk, part) for line, part in gone]
            amount = sum((_share(line, part) for line, part in gone), Decimal("0.00"))
            told.append(LineChange(sku, rows[0].title, have, units, -amount))
        elif units > have:
            extra[sku] = units - have
    more = _priced(order, extra, by_sku, fewer, now)
    for added in more:
        sku = added.variant.sku
        have = sum(units_left(line) for line in by_sku.get(sku, []))
        told.append(LineChange(sku, added.variant.product.title, have, have + added.quantity, added.total))
    if told and not _is_anythingunits_left(by_sku, told):
        raise NothingLeft(f"Nothing would be left of {order.number}.", number=order.number)
    return fewer, more, told


def units_left(line: OrderLine) -> int:
    return line.quantity - line.quantity_canceled - line.quantity_dispatched


def _give_up(rows: Sequence[OrderLine], units: int) -> list[tuple[OrderLine, int]]:
    """The last lines of the SKU first."""
    gone = []
    for line in reversed(rows):
        part = min(units, units_left(line))
        if part:
            gone.append((line, part))
            units -= part
    return gone


def _share(line: OrderLine, units: int) -> Decimal:
    return part_of(total=line.total, quantity=line.quantity, done=line.quantity_canceled, part=units)


def _is_anythingunits_left(by_sku: dict[str, list[OrderLine]], told: Sequence[LineChange]) -> bool:
    after = {sku: sum(units_left(line) for line in rows) for sku, rows in by_sku.items()}
    after |= {one.sku: one.after for one in told}
    return any(after.values())


def _priced(
    order: Order,
    extra: dict[str, int],
    by_sku: dict[str, list[OrderLine]],
    fewer: Sequence[tuple[int, int]],
    now: datetime,
) -> list[orders.AddedUnits]:
    """The added units at the price of now. They join the line that was sold at the same plain price."""
    if not extra:
        return []
    variants = {one.sku: one for one in Variant.objects.select_related("product").filter(sku__in=list(extra))}
    for sku in extra:
        if sku not in variants:
            raise UnknownSku("There is no such SKU.", sku=sku[:40])
        if variants[sku].is_digital:
            raise FileNotAdded("An electronic edition is ordered anew.", sku=sku)
    gone = dict(fewer)
    rows = [line for lines in by_sku.values() for line in lines]
    prices = price_added(
        order=order,
        lines=[(line, line.quantity - line.quantity_canceled - gone.get(line.pk, 0)) for line in rows],
        added={variants[sku]: units for sku, units in extra.items()},
        now=now,
    )
    return [_added(variants[sku], prices, by_sku.get(sku, [])) for sku in extra]


def _added(variant: Variant, prices: AddedPrices, rows: Sequence[OrderLine]) -> orders.AddedUnits:
    priced = prices.by_sku[variant.sku]
    same = [
        line
        for line in rows
        if not priced.discounts
        and line.unit_price == priced.unit_price
        and line.total == line.unit_price * line.quantity
        and line.tax_rate == priced.tax_rate
    ]
    return orders.AddedUnits(
        variant=variant,
        quantity=priced.quantity,
        unit_price=priced.unit_price,
        total=priced.total,
        tax_rate=priced.tax_rate,
        explanation=[step.as_json() for step in priced.steps],
        line=same[-1] if same else None,
        discounts=lambda line, now: prices.rows(line, priced.discounts, now),
    )
