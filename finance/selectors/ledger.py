"""Questions to the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum

from finance.chart import GOODS
from finance.models import JournalEntry, JournalLine, StockValue
from retail.kernel.money import ZERO


@dataclass(frozen=True, slots=True)
class AccountBalance:
    code: str
    name: str
    name_en: str
    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        """Above zero on the debit side."""
        return self.debit - self.credit


def trial_balance(*, entity_id: int, as_of: date | None = None) -> list[AccountBalance]:
    """Turnover of every account that was posted to, up to and with the day."""
    until = Q(entry__date__lte=as_of) if as_of else Q()
    rows = (
        JournalLine.objects.filter(until, entry__entity_id=entity_id)
        .values("account__code", "account__name", "account__name_en")
        .annotate(left=Sum("debit"), right=Sum("credit"))
        .order_by("account__code")
    )
    return [
        AccountBalance(
            row["account__code"], row["account__name"], row["account__name_en"], row["left"], row["right"]
        )
        for row in rows
    ]


def account_balance(*, entity_id: int, code: str, as_of: date | None = None) -> Decimal:
    until = Q(entry__date__lte=as_of) if as_of else Q()
    sums = JournalLine.objects.filter(until, entry__entity_id=entity_id, account__code=code).aggregate(
        left=Sum("debit"), right=Sum("credit")
    )
    return (sums["left"] or ZERO) - (sums["right"] or ZERO)


def order_balances(*, order_number: str) -> dict[str, Decimal]:
    """What the books say of one order: debit less credit of each account."""
    rows = (
        JournalLine.objects.filter(entry__order_number=order_number)
        .values_list("account__code")
        .annotate(left=Sum("debit"), right=Sum("credit"))
    )
    return {code: left - right for code, left, right in rows}


def entries(
    *, document_kind: str = "", document_key: str = "", order_number: str = "", entity_id: int | None = None
) -> QuerySet[JournalEntry]:
    """Entries with their lines, newest first: of a document, of an order, of an entity."""
    wanted = Q()
    for name, value in (
        ("document_kind", document_kind),
        ("document_key", document_key),
        ("order_number", order_number),
    ):
        if value:
            wanted &= Q(**{name: value})
    if entity_id is not None:
        wanted &= Q(entity_id=entity_id)
    return JournalEntry.objects.filter(wanted).prefetch_related("lines__account").order_by("-date", "-pk")


def inventory_value(*, entity_id: int) -> tuple[Decimal, Decimal]:
    """(the ledger's inventory, the sum of stock values): the same number at any instant."""
    rows = StockValue.objects.filter(entity_id=entity_id).aggregate(total=Sum("value"))
    return account_balance(entity_id=entity_id, code=GOODS), rows["total"] or ZERO
