"""Questions to the books of a span of days: what stood before, what moved, what stands after, and the card of one account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncMonth

from finance.models import JournalLine
from retail.kernel.money import ZERO

_NOTHING = Value(ZERO)


@dataclass(frozen=True, slots=True)
class Turnover:
    """One account over a span. `opening` and `closing` are above zero on the debit side."""

    code: str
    name: str
    name_en: str
    opening: Decimal
    debit: Decimal
    credit: Decimal

    @property
    def closing(self) -> Decimal:
        return self.opening + self.debit - self.credit

    @property
    def opening_debit(self) -> Decimal:
        return max(self.opening, ZERO)

    @property
    def opening_credit(self) -> Decimal:
        return max(-self.opening, ZERO)

    @property
    def closing_debit(self) -> Decimal:
        return max(self.closing, ZERO)

    @property
    def closing_credit(self) -> Decimal:
        return max(-self.closing, ZERO)


@dataclass(frozen=True, slots=True)
class CardPage:
    """A page of an account's lines, oldest first; `before` is the balance above its first line."""

    before: Decimal
    lines: list[tuple[JournalLine, Decimal]]


def turnover(*, entity_id: int, since: date, until: date) -> list[Turnover]:
    """Every account that was posted to up to the last day; both days belong to the span. One statement."""
    moved = Q(entry__date__gte=since)
    rows = (
        JournalLine.objects.filter(entry__entity_id=entity_id, entry__date__lte=until)
        .values("account__code", "account__name", "account__name_en")
        .annotate(
            opening=Coalesce(Sum("debit", filter=~moved), _NOTHING)
            - Coalesce(Sum("credit", filter=~moved), _NOTHING),
            left=Coalesce(Sum("debit", filter=moved), _NOTHING),
            right=Coalesce(Sum("credit", filter=moved), _NOTHING),
        )
        .order_by("account__code")
    )
    return [
        Turnover(
            row["account__code"],
            row["account__name"],
            row["account__name_en"],
            row["opening"],
            row["left"],
            row["right"],
        )
        for row in rows
    ]


def account_lines(*, entity_id: int, code: str, since: date, until: date) -> QuerySet[JournalLine]:
    """The lines of one account in the order of the books."""
    return (
        JournalLine.objects.filter(
            account__code=code,
            entry__entity_id=entity_id,
            entry__date__gte=since,
            entry__date__lte=until,
        )
        .select_related("entry")
        .order_by("entry__date", "entry_id", "pk")
    )


def with_balance(opening: Decimal, lines: QuerySet[JournalLine], offset: int, limit: int) -> CardPage:
    """A page of the card with the balance after each line."""
    earlier = lines.model.objects.filter(pk__in=lines.values("pk")[:offset]) if offset else None
    sums = earlier.aggregate(left=Sum("debit"), right=Sum("credit")) if earlier is not None else {}
    before = opening + (sums.get("left") or ZERO) - (sums.get("right") or ZERO)
    return CardPage(before, _running(before, list(lines[offset : offset + limit])))


def _running(before: Decimal, lines: Sequence[JournalLine]) -> list[tuple[JournalLine, Decimal]]:
    balance, rows = before, []
    for line in lines:
        balance += line.debit - line.credit
        rows.append((line, balance))
    return rows


def class_by_month(*, entity_id: int, first_digit: str, since: date, until: date) -> dict[date, Decimal]:
    """Debit less credit of an account class (5 costs, 6 income) per month that has any."""
    rows = (
        JournalLine.objects.filter(
            account__code__startswith=first_digit,
            entry__entity_id=entity_id,
            entry__date__gte=since,
            entry__date__lte=until,
        )
        .values(month=TruncMonth("entry__date"))
        .annotate(left=Sum("debit"), right=Sum("credit"))
        .order_by("month")
    )
    return {row["month"]: row["left"] - row["right"] for row in rows}
