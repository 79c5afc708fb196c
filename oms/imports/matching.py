"""Which sale a credit takes back: pure, over plain rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Sale(NamedTuple):
    """A sold line of a customer and how much of it has not come back yet."""

    order_line_id: int
    order_id: int
    customer_id: int
    sku: str
    unit_price: Decimal
    quantity_left: int
    ordered_at: datetime


class Credit(NamedTuple):
    """A line of a credit: `quantity` came back, positive."""

    line: int
    customer_id: int
    sku: str
    unit_price: Decimal
    quantity: int
    credited_at: datetime


class Match(NamedTuple):
    line: int
    order_line_id: int
    order_id: int
    quantity: int


def match_credits(credits: Sequence[Credit], sales: Iterable[Sale]) -> list[Match]:
    """Each credit takes back the newest earlier sale of the same customer, article and price that has enough left.

    A credit is never split: what no single sale covers matches none.
    """
    open_sales = defaultdict(list)
    for sale in sorted(sales, key=lambda each: (each.ordered_at, each.order_line_id), reverse=True):
        open_sales[sale.customer_id, sale.sku, sale.unit_price].append(sale)
    left = {sale.order_line_id: sale.quantity_left for group in open_sales.values() for sale in group}
    matches = []
    for credit in credits:
        for sale in open_sales[credit.customer_id, credit.sku, credit.unit_price]:
            if sale.ordered_at <= credit.credited_at and left[sale.order_line_id] >= credit.quantity:
                left[sale.order_line_id] -= credit.quantity
                matches.append(Match(credit.line, sale.order_line_id, sale.order_id, credit.quantity))
                break
    return matches
