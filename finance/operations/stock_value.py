"""What stock costs: one row per entity and variant, locked in the order of variants, changed in one statement for all.

Every answer is aligned with the items that were given, so that each stock move can store its own amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db import connection, transaction

from finance import rules
from finance.models import StockValue
from finance.rules import Goods
from retail.kernel.errors import Refusal
from retail.kernel.money import ZERO, rounded


class StockValueShort(Refusal):
    """The books know fewer units of a variant than are to leave."""

    code = "STOCK_VALUE_SHORT"


class BeyondIssue(Refusal):
    """More units come back than left for the order line."""

    code = "BEYOND_ISSUE"


@transaction.atomic
def receive_value(*, entity_id: int, items: Sequence[tuple[int, int, Decimal]]) -> list[Decimal]:
    """Units come in at their cost: (variant, quantity, value of all these units)."""
    assert all(quantity > 0 and value >= 0 for _, quantity, value in items), "callers pass what came in"
    _locked(entity_id, (variant_id for variant_id, _, _ in items))
    sums: dict[int, tuple[int, Decimal]] = {}
    for variant_id, quantity, value in items:
        before = sums.get(variant_id, (0, ZERO))
        sums[variant_id] = (before[0] + quantity, before[1] + value)
    ordered = sorted(sums)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO finance_stockvalue AS v (entity_id, variant_id, quantity, value) "
            "SELECT %s, n.variant_id, n.quantity, n.value FROM unnest(%s::bigint[], %s::int[], %s::numeric[]) "
            "AS n(variant_id, quantity, value) ORDER BY n.variant_id "
            "ON CONFLICT (entity_id, variant_id) DO UPDATE SET quantity = v.quantity + excluded.quantity, "
            "value = v.value + excluded.value",
            (entity_id, ordered, [sums[one][0] for one in ordered], [sums[one][1] for one in ordered]),
        )
    return [value for _, _, value in items]


@transaction.atomic
def issue_value(*, entity_id: int, items: Sequence[tuple[int, int]]) -> list[Decimal]:
    """Units leave with round(value × units / quantity); the last unit takes the rest. Refuses StockValueShort."""
    rows = _locked(entity_id, (variant_id for variant_id, _ in items))
    values = []
    for variant_id, quantity in items:
        assert quantity > 0, "callers pass what leaves"
        held, value = rows.get(variant_id, (0, ZERO))
        if quantity > held:
            raise StockValueShort(
                f"The books have {held} units, {quantity} are to leave.",
                variant_id=variant_id,
                units=held,
            )
        share = rules.share_of_value(value, held, quantity)
        rows[variant_id] = (held - quantity, value - share)
        values.append(share)
    _save(entity_id, {variant_id: rows[variant_id] for variant_id, _ in items})
    return values


@transaction.atomic
def return_value(*, entity_id: int, goods: Sequence[Goods]) -> list[Decimal]:
    """Units come back at what they left with for their order line; the last of them bring the rest of that issue.

    Refuses BeyondIssue.
    """
    _locked(entity_id, (one.variant_id for one in goods))
    values = cost_of_units_out(goods=goods)
    receive_value(
        entity_id=entity_id,
        items=[(one.variant_id, one.quantity, value) for one, value in zip(goods, values, strict=True)],
    )
    return values


def cost_of_units_out(*, goods: Sequence[Goods]) -> list[Decimal]:
    """What units that left for an order line and did not come back had cost; the last of them carry the rest. Refuses BeyondIssue."""
    left = _still_out(goods)
    values = []
    for one in goods:
        key = (one.order_line_id, one.variant_id)
        units, value = left.get(key, (0, ZERO))
        if one.quantity > units:
            raise BeyondIssue(
                f"{units} units of the line are out, {one.quantity} are to come back.",
                order_line=one.order_line_id,
            )
        share = rules.share_of_value(value, units, one.quantity)
        left[key] = (units - one.quantity, value - share)
        values.append(share)
    return values


@transaction.atomic
def correct_value(*, entity_id: int, variant_id: int, received_quantity: int, delta: Decimal) -> Decimal:
    """The part of a cost correction that belongs to units still here; the caller posts the rest as cost of goods sold."""
    assert received_quantity > 0, "a correction is about units that came"
    held, value = _locked(entity_id, [variant_id]).get(variant_id, (0, ZERO))
    share = rounded(delta * min(held, received_quantity) / received_quantity)
    # A correction downwards never makes stock worth less than nothing.
    share = max(share, -value)
    if share:
        _save(entity_id, {variant_id: (held, value + share)})
    return share


def _locked(entity_id: int, variant_ids: Iterable[int]) -> dict[int, tuple[int, Decimal]]:
    rows = (
        StockValue.objects.select_for_update(of=("self",))
        .filter(entity_id=entity_id, variant_id__in=set(variant_ids))
        .order_by("variant_id")
    )
    return {row.variant_id: (row.quantity, row.value) for row in rows}


def _save(entity_id: int, rows: dict[int, tuple[int, Decimal]]) -> None:
    ordered = sorted(rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE finance_stockvalue v SET quantity = n.quantity, value = n.value "
            "FROM unnest(%s::bigint[], %s::int[], %s::numeric[]) AS n(variant_id, quantity, value) "
            "WHERE v.entity_id = %s AND v.variant_id = n.variant_id",
            (ordered, [rows[one][0] for one in ordered], [rows[one][1] for one in ordered], entity_id),
        )


def _still_out(goods: Sequence[Goods]) -> dict[tuple[int, int], tuple[int, Decimal]]:
    """Units and value that left for these order lines and did not come back, by order line and variant."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT order_line_id, variant_id, "
            "sum(CASE WHEN reason = 'DISPATCH' THEN quantity ELSE -quantity END), "
            "sum(CASE WHEN reason = 'DISPATCH' THEN value ELSE -value END) "
            "FROM warehouse_stockmove WHERE order_line_id = ANY(%s) "
            "AND (reason = 'DISPATCH' AND to_bin_id IS NULL OR reason = 'RETURN' AND from_bin_id IS NULL) "
            "GROUP BY order_line_id, variant_id",
            (sorted({one.order_line_id for one in goods}),),
        )
        return {(row[0], row[1]): (int(row[2]), row[3]) for row in cursor.fetchall()}
