"""Questions to the value of stock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from finance.models import StockValue
from retail.kernel.money import PARA, rounded

# A book that nobody bought from anyone (found in a count) is valued as the trade usually buys: this part of its net price.
COST_SHARE_OF_PRICE = Decimal("0.60")


@dataclass(frozen=True, slots=True)
class StockValueRow:
    variant_id: int
    quantity: int
    value: Decimal

    @property
    def unit_cost(self) -> Decimal | None:
        return rounded(self.value / self.quantity) if self.quantity else None


def stock_values(*, entity_id: int, variant_ids: Iterable[int]) -> dict[int, StockValueRow]:
    rows = StockValue.objects.filter(entity_id=entity_id, variant_id__in=set(variant_ids))
    return {row.variant_id: StockValueRow(row.variant_id, row.quantity, row.value) for row in rows}


def estimated_costs(*, entity_id: int, variant_ids: Iterable[int]) -> dict[int, Decimal]:
    """A unit cost for units that come without a price: the average here, else the last known cost, else a share of the price."""
    wanted = sorted(set(variant_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT w.id, COALESCE(
                (SELECT v.value / v.quantity FROM finance_stockvalue v
                  WHERE v.entity_id = %s AND v.variant_id = w.id AND v.quantity > 0 AND v.value > 0),
                (SELECT m.value / m.quantity FROM warehouse_stockmove m
                  WHERE m.variant_id = w.id AND m.value > 0 ORDER BY m.created_at DESC, m.id DESC LIMIT 1),
                (SELECT %s * p.amount / (1 + COALESCE((SELECT t.rate FROM storefront_taxrate t
                            WHERE t.tax_class = x.tax_class ORDER BY t.valid_from DESC LIMIT 1), 0) / 100)
                   FROM storefront_price p JOIN storefront_variant x ON x.id = p.variant_id
                  WHERE p.variant_id = w.id ORDER BY p.valid_from DESC, p.id DESC LIMIT 1), 0)
            FROM unnest(%s::bigint[]) AS w(id)
            """,
            (entity_id, COST_SHARE_OF_PRICE, wanted),
        )
        return {row[0]: max(rounded(row[1]), PARA) for row in cursor.fetchall()}
