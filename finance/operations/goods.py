"""Postings of goods that come in, are missed or found, and of costs that turn out different."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import selectors
from finance.chart import (
    CAPITAL,
    COST_OF_GOODS,
    GOODS,
    NOT_INVOICED,
    SHORTAGES,
    SURPLUSES,
    WRITE_OFFS,
)
from finance.models import JournalEntry
from finance.operations.ledger import Posting, credit, debit, post_entry
from finance.operations.stock_value import correct_value, issue_value, receive_value
from retail.kernel.clock import business_date
from retail.kernel.models import User
from retail.kernel.money import ZERO, rounded
from warehouse.states import MoveReason

_MISSED = {
    MoveReason.COUNT: SHORTAGES,
    MoveReason.SHORT_PICK: SHORTAGES,
    MoveReason.DAMAGE: WRITE_OFFS,
    MoveReason.WRITE_OFF: WRITE_OFFS,
    MoveReason.LOST: WRITE_OFFS,
}


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry for the stock moves, and the amount of each, aligned with the items."""

    entry_id: int
    values: list[Decimal]


@transaction.atomic
def post_goods_receipt(
    *,
    entity_id: int,
    document_key: str,
    items: Sequence[tuple[int, int, Decimal]],
    by: User | None,
    now: datetime,
) -> Posted:
    """Goods from a supplier, (variant, quantity, value), before the supplier's invoice."""
    return _came_in(entity_id, "receipt", document_key, "Prijem robe", NOT_INVOICED, items, by, now)


@transaction.atomic
def post_opening_stock(
    *,
    entity_id: int,
    document_key: str,
    items: Sequence[tuple[int, int, Decimal]],
    by: User | None,
    now: datetime,
) -> Posted:
    return _came_in(entity_id, "opening", document_key, "Početno stanje robe", CAPITAL, items, by, now)


@transaction.atomic
def post_stock_difference(
    *,
    entity_id: int,
    document_kind: str,
    document_key: str,
    reason: str,
    items: Sequence[tuple[int, int]],
    by: User | None,
    now: datetime,
) -> Posted:
    """The shelf holds more or fewer units than the rows said: (variant, delta). Amounts are positive either way.

    Refuses StockValueShort.
    """
    assert all(delta for _, delta in items), "callers pass differences"
    values: dict[int, Decimal] = {}
    missed = [(place, variant_id, -delta) for place, (variant_id, delta) in enumerate(items) if delta < 0]
    found = [(place, variant_id, delta) for place, (variant_id, delta) in enumerate(items) if delta > 0]
    if missed:
        issued = issue_value(entity_id=entity_id, items=[(variant, units) for _, variant, units in missed])
        values |= dict(zip((place for place, _, _ in missed), issued, strict=True))
    if found:
        costs = selectors.estimated_costs(entity_id=entity_id, variant_ids=[one[1] for one in found])
        came = [(variant, units, rounded(costs[variant] * units)) for _, variant, units in found]
        received = receive_value(entity_id=entity_id, items=came)
        values |= dict(zip((place for place, _, _ in found), received, strict=True))
    against_found = CAPITAL if reason == MoveReason.OPENING else SURPLUSES
    against_missed = _MISSED.get(MoveReason(reason), SHORTAGES)
    lines = []
    for place, (variant_id, delta) in enumerate(items):
        goods = {"source_kind": "variant", "source_key": str(variant_id)}
        if delta > 0:
            lines += [debit(GOODS, values[place], **goods), credit(against_found, values[place])]
        else:
            lines += [debit(against_missed, values[place]), credit(GOODS, values[place], **goods)]
    entry = _entry(entity_id, document_kind, document_key, f"Razlika zaliha: {reason}", lines, by, now)
    return Posted(entry.pk, [values[place] for place in range(len(items))])


@transaction.atomic
def correct_cost(
    *,
    entity_id: int,
    variant_id: int,
    received_quantity: int,
    delta: Decimal,
    document_key: str,
    by: User | None,
    now: datetime,
) -> JournalEntry:
    """The supplier's invoice differs from the receipt by `delta`: units still here take their part, sold ones cost more or less."""
    share = correct_value(
        entity_id=entity_id, variant_id=variant_id, received_quantity=received_quantity, delta=delta
    )
    lines = [
        debit(GOODS, share, source_kind="variant", source_key=str(variant_id)),
        debit(COST_OF_GOODS, delta - share, source_kind="variant", source_key=str(variant_id)),
        credit(NOT_INVOICED, delta),
    ]
    return _entry(entity_id, "cost_correction", document_key, "Korekcija nabavne vrednosti", lines, by, now)


def _came_in(
    entity_id: int,
    kind: str,
    key: str,
    memo: str,
    against: str,
    items: Sequence[tuple[int, int, Decimal]],
    by: User | None,
    now: datetime,
) -> Posted:
    values = receive_value(entity_id=entity_id, items=items)
    lines = [
        debit(GOODS, value, source_kind="variant", source_key=str(variant_id))
        for variant_id, _, value in items
    ]
    lines.append(credit(against, sum(values, ZERO)))
    return Posted(_entry(entity_id, kind, key, memo, lines, by, now).pk, values)


def _entry(
    entity_id: int,
    kind: str,
    key: str,
    memo: str,
    lines: list[Posting],
    by: User | None,
    now: datetime,
) -> JournalEntry:
    return post_entry(
        entity_id=entity_id,
        date=business_date(now),
        document_kind=kind,
        document_key=key,
        memo=memo,
        lines=lines,
        by=by,
    )
