"""The journal: entries that balance by construction, periods that close, numbers without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection, transaction

from finance.models import JournalEntry, JournalLine, LedgerAccount, Period
from finance.states import PeriodState
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO


class Unbalanced(Refusal):
    """Debit and credit of an entry differ."""

    code = "UNBALANCED"
    status = 400


class EmptyEntry(Refusal):
    code = "EMPTY_ENTRY"
    status = 400


class UnknownAccount(NotFound):
    code = "UNKNOWN_ACCOUNT"


class PeriodClosed(Refusal):
    code = "PERIOD_CLOSED"


class AlreadyReversed(Refusal):
    code = "ALREADY_REVERSED"


class EntryNotFound(NotFound):
    code = "UNKNOWN_ENTRY"


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry. `source` says what it came from when that is finer than the entry's document."""

    account: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    source_kind: str = ""
    source_key: str = ""
    order_line_id: int | None = None


def debit(account: str, amount: Decimal, **source: str | int | None) -> Posting:
    """A line on the left; a negative amount stands on the right."""
    return _posting(account, amount, **source)


def credit(account: str, amount: Decimal, **source: str | int | None) -> Posting:
    """A line on the right; a negative amount stands on the left."""
    return _posting(account, -amount, **source)


def _posting(account: str, amount: Decimal, **source: str | int | None) -> Posting:
    left, right = (amount, ZERO) if amount >= 0 else (ZERO, -amount)
    return Posting(account, left, right, **source)  # type: ignore[arg-type]


def post_entry(
    *,
    entity_id: int,
    date: date,
    document_kind: str,
    document_key: str,
    memo: str,
    lines: Sequence[Posting],
    order_number: str = "",
    by: User | None = None,
    reverses: JournalEntry | None = None,
) -> JournalEntry:
    """Write one balanced entry. Refuses Unbalanced, EmptyEntry, UnknownAccount, PeriodClosed, and then writes nothing.

    Lines of zero are left out, unless all are zero: goods that cost nothing still move with an entry.
    """
    if any(line.debit < 0 or line.credit < 0 or (line.debit and line.credit) for line in lines):
        raise Unbalanced("Each line has one side, and it is not negative.")
    left = sum((line.debit for line in lines), ZERO)
    right = sum((line.credit for line in lines), ZERO)
    if left != right:
        raise Unbalanced(f"Debit {left} and credit {right} differ.", debit=str(left), credit=str(right))
    kept = [line for line in lines if line.debit or line.credit] or list(lines)
    if not kept:
        raise EmptyEntry("An entry needs lines.")
    accounts = _accounts(line.account for line in kept)
    with transaction.atomic():
        if _period_state(entity_id, date) == PeriodState.CLOSED:
            raise PeriodClosed(f"The books of {date:%m/%Y} are closed.", date=date.isoformat())
        entry = JournalEntry.objects.create(
            entity_id=entity_id,
            date=date,
            document_kind=document_kind,
            document_key=document_key,
            memo=memo[:200],
            total=left,
            order_number=order_number,
            reverses=reverses,
            by=by,
        )
        JournalLine.objects.bulk_create(
            [
                JournalLine(
                    entry=entry,
                    account_id=accounts[line.account],
                    debit=line.debit,
                    credit=line.credit,
                    source_kind=line.source_kind,
                    source_key=line.source_key,
                    order_line_id=line.order_line_id,
                )
                for line in kept
            ]
        )
    return entry


@transaction.atomic
def reverse_entry(*, entry_id: int, reason: str, date: date, by: User | None) -> JournalEntry:
    """Undo an entry by its mirror; once."""
    if not reason.strip():
        raise InvalidInput("Say why the entry is reversed.")
    entry = JournalEntry.objects.select_for_update(of=("self",)).filter(pk=entry_id).first()
    if entry is None:
        raise EntryNotFound("There is no such entry.")
    if JournalEntry.objects.filter(reverses=entry).exists():
        raise AlreadyReversed("The entry was reversed already.")
    return post_entry(
        entity_id=entry.entity_id,
        date=date,
        document_kind=entry.document_kind,
        document_key=entry.document_key,
        memo=f"Storno: {reason.strip()}",
        order_number=entry.order_number,
        by=by,
        reverses=entry,
        lines=[
            Posting(
                line.account.code,
                line.credit,
                line.debit,
                line.source_kind,
                line.source_key,
                line.order_line_id,
            )
            for line in entry.lines.select_related("account").order_by("pk")
        ],
    )


@transaction.atomic
def close_period(*, entity_id: int, year: int, month: int, by: User | None) -> Period:
    """No entry is dated into a closed month; whoever is posting into it right now is waited for."""
    if not 1 <= month <= 12:
        raise InvalidInput("A month is 1 to 12.")
    Period.objects.get_or_create(entity_id=entity_id, year=year, month=month)
    period = Period.objects.select_for_update(of=("self",)).get(entity_id=entity_id, year=year, month=month)
    period.state = PeriodState.CLOSED
    period.save(update_fields=["state"])
    return period


@transaction.atomic
def reopen_period(*, entity_id: int, year: int, month: int, by: User | None) -> Period:
    period = (
        Period.objects.select_for_update(of=("self",))
        .filter(entity_id=entity_id, year=year, month=month)
        .first()
    )
    if period is None:
        raise NotFound("There is no such period.")
    period.state = PeriodState.OPEN
    period.save(update_fields=["state"])
    return period


def take_number(*, entity_id: int, kind: str, year: int) -> int:
    """The next number of a series without gaps. Taken last: the row stays locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO finance_documentcounter AS c (entity_id, kind, year, next_number) VALUES (%s, %s, %s, 2) "
            "ON CONFLICT (entity_id, kind, year) DO UPDATE SET next_number = c.next_number + 1 "
            "RETURNING next_number - 1",
            (entity_id, kind, year),
        )
        return int(cursor.fetchone()[0])


def _accounts(codes: Iterable[str]) -> dict[str, int]:
    wanted = set(codes)
    found = dict(LedgerAccount.objects.filter(code__in=wanted).values_list("code", "pk"))
    if missing := sorted(wanted - found.keys()):
        raise UnknownAccount(f"The chart has no account {missing[0]}.", accounts=missing)
    return found


def _period_state(entity_id: int, day: date) -> str:
    """The state of the month, locked against closing until this transaction ends; posters do not wait for each other."""
    where = (entity_id, day.year, day.month)
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(
                "SELECT state FROM finance_period WHERE entity_id = %s AND year = %s AND month = %s FOR SHARE",
                where,
            )
            if row := cursor.fetchone():
                return str(row[0])
            cursor.execute(
                "INSERT INTO finance_period (entity_id, year, month, state) VALUES (%s, %s, %s, 'OPEN') "
                "ON CONFLICT DO NOTHING",
                where,
            )
    raise AssertionError("the period row was just made")
