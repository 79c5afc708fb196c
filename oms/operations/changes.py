"""What an order is changed to before it is picked: who gets it and where, and more units. The order row is locked by the caller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from oms.models import LineDiscount, Order, OrderLine
from oms.operations.discounts import record_line_discounts
from oms.operations.orders import MONEY_FIELDS, save_order, summarize_money
from oms.states import LineKind
from storefront.models import Variant


@dataclass(frozen=True, slots=True)
class AddedUnits:
    """Units at the price of now, with why. `line` is the order's own line when they cost what it was sold at."""

    variant: Variant
    quantity: int
    unit_price: Decimal
    total: Decimal
    tax_rate: Decimal
    explanation: list[dict[str, Any]]
    line: OrderLine | None
    # What discounts took off, as rows of the line that is written.
    discounts: Callable[[OrderLine, datetime], list[LineDiscount]] = lambda line, now: []


def write_details(*, order: Order, values: Mapping[str, Any]) -> None:
    """Contact, address, company, note: only what differs is written."""
    for name, value in values.items():
        setattr(order, name, value)
    if values:
        save_order(order, list(values))


def add_units(*, order: Order, added: AddedUnits, now: datetime) -> OrderLine:
    """More units on the line that has this price, else on a line of their own; the order owes that much more."""
    line = added.line
    if line is None:
        line = OrderLine.objects.create(
            order=order,
            position=max(order.lines.values_list("position", flat=True), default=0) + 1,
            kind=LineKind.GOODS,
            variant=added.variant,
            sku=added.variant.sku,
            title=added.variant.product.title,
            quantity=added.quantity,
            unit_price=added.unit_price,
            total=added.total,
            tax_class=added.variant.tax_class,
            tax_rate=added.tax_rate,
            weight_grams=added.variant.weight_grams,
            explanation=added.explanation,
            ordered_at=now,
        )
    else:
        line.quantity += added.quantity
        line.total += added.total
        line.save(update_fields=["quantity", "total"])
    record_line_discounts(added.discounts(line, now))
    order.goods_total += added.total
    order.total += added.total
    order.due_total += added.total
    summarize_money(order)
    save_order(order, ["goods_total", "total", "due_total", *MONEY_FIELDS])
    return line
