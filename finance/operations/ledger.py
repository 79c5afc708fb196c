"""The journal: entries that balance by construction, periods that close, numbers without gaps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from finance.models import JournalEntry, Period
from finance.states import PeriodState
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.prepared import Prepared


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


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be written."""

    entity_id: int
    date: date
    document_kind: str
    document_key: str
    memo: str
    lines: Sequence[Posting]
    order_number: str = ""
    reverses: JournalEntry | None = None


_NO_MONTH, _CLOSED, _NO_ACCOUNT = 1, 2, 3
# The months are locked against closing until the transaction ends; posters do not wait for each other. Rows: (0, entry, place), or
# what stands against writing anything: (kind, entity, month or account).
_POST = Prepared(
    "ledger_post",
    f"""
WITH given AS MATERIALIZED (
    SELECT nextval('finance_journalentry_id_seq') AS id, g.place - 1 AS place, g.entity_id, g.date, g.document_kind, g.document_key,
           g.memo, g.total, g.order_number, g.reverses_id
      FROM unnest(%(entities)s::bigint[], %(dates)s::date[], %(kinds)s::text[], %(keys)s::text[], %(memos)s::text[],
                  %(totals)s::numeric[], %(numbers)s::text[], %(reverses)s::bigint[]) WITH ORDINALITY
           AS g(entity_id, date, document_kind, document_key, memo, total, order_number, reverses_id, place)
), asked AS MATERIALIZED (
    SELECT l.*, a.id AS account_id
      FROM unnest(%(places)s::integer[], %(codes)s::text[], %(debits)s::numeric[], %(credits)s::numeric[], %(source_kinds)s::text[],
                  %(source_keys)s::text[], %(order_lines)s::bigint[]) WITH ORDINALITY
           AS l(place, code, debit, credit, source_kind, source_key, order_line_id, position)
      LEFT JOIN finance_ledgeraccount a ON a.code = l.code
), months AS (
    SELECT DISTINCT entity_id, extract(year FROM date)::integer AS year, extract(month FROM date)::integer AS month FROM given
), locked AS MATERIALIZED (
    SELECT p.entity_id, p.year, p.month, p.state
      FROM months m JOIN finance_period p ON (p.entity_id, p.year, p.month) = (m.entity_id, m.year, m.month)
       FOR SHARE OF p
), trouble AS MATERIALIZED (
    SELECT {_NO_MONTH} AS kind, m.entity_id, (m.year * 100 + m.month)::text AS what
      FROM months m LEFT JOIN locked p ON (p.entity_id, p.year, p.month) = (m.entity_id, m.year, m.month) WHERE p.state IS NULL
    UNION ALL
    SELECT {_CLOSED}, p.entity_id, (p.year * 100 + p.month)::text FROM locked p WHERE p.state = 'CLOSED'
    UNION ALL
    SELECT DISTINCT {_NO_ACCOUNT}, NULL::bigint, code FROM asked WHERE account_id IS NULL
), entries AS (
    INSERT INTO finance_journalentry (id, entity_id, date, document_kind, document_key, memo, total, order_number, reverses_id,
                                      by_id, created_at)
    SELECT id, entity_id, date, document_kind, document_key, memo, total, order_number, reverses_id, %(by)s::bigint,
           %(now)s::timestamptz
      FROM given WHERE NOT EXISTS (SELECT 1 FROM trouble) ORDER BY id
), lines AS (
    INSERT INTO finance_journalline (entry_id, account_id, debit, credit, source_kind, source_key, order_line_id)
    SELECT g.id, a.account_id, a.debit, a.credit, a.source_kind, a.source_key, a.order_line_id
      FROM asked a JOIN given g USING (place) WHERE NOT EXISTS (SELECT 1 FROM trouble) ORDER BY a.position
)
SELECT 0, id, place::text FROM given WHERE NOT EXISTS (SELECT 1 FROM trouble)
UNION ALL
SELECT kind, entity_id, what FROM trouble
""",  # noqa: S608 - numbers of our own
    {
        "entities": "bigint[]",
        "dates": "date[]",
        "kinds": "text[]",
        "keys": "text[]",
        "memos": "text[]",
        "totals": "numeric[]",
        "numbers": "text[]",
        "reverses": "bigint[]",
        "places": "integer[]",
        "codes": "text[]",
        "debits": "numeric[]",
        "credits": "numeric[]",
        "source_kinds": "text[]",
        "source_keys": "text[]",
        "order_lines": "bigint[]",
        "by": "bigint",
        "now": "timestamptz",
    },
    ("integer", "bigint", "text"),
    writes=True,
)


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
    draft = Draft(entity_id, date, document_kind, document_key, memo, lines, order_number, reverses)
    return post_entries([draft], by=by)[0]


def post_entries(drafts: Sequence[Draft], *, by: User | None) -> list[JournalEntry]:
    """Write balanced entries, all or none, in one statement. Refuses as `post_entry`."""
    kept = [_lines_of(draft) for draft in drafts]
    written_at = timezone.now()
    values = {
        **_columns(drafts, kept),
        **_line_columns(kept),
        "by": by.pk if by else None,
        "now": written_at,
    }
    found = _POST.rows(values)
    _refuse(found, drafts)
    if months := {(row[1], int(row[2])) for row in found if row[0] == _NO_MONTH}:
        # The first entry of a month makes the month; who is second finds it.
        _make_months(months)
        found = _POST.rows(values)
        _refuse(found, drafts)
    keys = {int(place): int(key) for _, key, place in found}
    return [
        _entry(draft, keys[place], _sum_of(lines), by, written_at)
        for place, (draft, lines) in enumerate(zip(drafts, kept, strict=True))
    ]


def _refuse(found: Sequence[tuple[int, int, str]], drafts: Sequence[Draft]) -> None:
    if missing := sorted(what for kind, _, what in found if kind == _NO_ACCOUNT):
        raise UnknownAccount(f"The chart has no account {missing[0]}.", accounts=missing)
    if closed := {what for kind, _, what in found if kind == _CLOSED}:
        day = next(draft.date for draft in drafts if draft.date.strftime("%Y%m") in closed)
        raise PeriodClosed(f"The books of {day:%m/%Y} are closed.", date=day.isoformat())


def _entry(draft: Draft, key: int, total: Decimal, by: User | None, written_at: datetime) -> JournalEntry:
    entry = JournalEntry(
        pk=key,
        entity_id=draft.entity_id,
        date=draft.date,
        document_kind=draft.document_kind,
        document_key=draft.document_key,
        memo=draft.memo[:200],
        total=total,
        order_number=draft.order_number,
        reverses=draft.reverses,
        by=by,
        created_at=written_at,
    )
    entry._state.adding, entry._state.db = False, connection.alias
    return entry


def _lines_of(draft: Draft) -> list[Posting]:
    """The lines that are written: they balance, and those of zero are left out."""
    lines = draft.lines
    if any(line.debit < 0 or line.credit < 0 or (line.debit and line.credit) for line in lines):
        raise Unbalanced("Each line has one side, and it is not negative.")
    left, right = _sum_of(lines), sum((line.credit for line in lines), ZERO)
    if left != right:
        raise Unbalanced(f"Debit {left} and credit {right} differ.", debit=str(left), credit=str(right))
    kept = [line for line in lines if line.debit or line.credit] or list(lines)
    if not kept:
        raise EmptyEntry("An entry needs lines.")
    return kept


def _sum_of(lines: Sequence[Posting]) -> Decimal:
    return sum((line.debit for line in lines), ZERO)


def _columns(drafts: Sequence[Draft], kept: Sequence[Sequence[Posting]]) -> dict[str, list[Any]]:
    return {
        "entities": [draft.entity_id for draft in drafts],
        "dates": [draft.date for draft in drafts],
        "kinds": [draft.document_kind for draft in drafts],
        "keys": [draft.document_key for draft in drafts],
        "memos": [draft.memo[:200] for draft in drafts],
        "totals": [_sum_of(lines) for lines in kept],
        "numbers": [draft.order_number for draft in drafts],
        "reverses": [draft.reverses.pk if draft.reverses else None for draft in drafts],
    }


def _line_columns(kept: Sequence[Sequence[Posting]]) -> dict[str, list[Any]]:
    lines = [(place, line) for place, of_one in enumerate(kept) for line in of_one]
    return {
        "places": [place for place, _ in lines],
        "codes": [line.account for _, line in lines],
        "debits": [line.debit for _, line in lines],
        "credits": [line.credit for _, line in lines],
        "source_kinds": [line.source_kind for _, line in lines],
        "source_keys": [line.source_key for _, line in lines],
        "order_lines": [line.order_line_id for _, line in lines],
    }


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


def _make_months(months: Collection[tuple[int, int]]) -> None:
    """(entity, month as 202611)"""
    with connection.cursor() as cursor:
        for entity_id, month in sorted(months):
            cursor.execute(
                "INSERT INTO finance_period (entity_id, year, month, state) VALUES (%s, %s, %s, 'OPEN') "
                "ON CONFLICT DO NOTHING",
                (entity_id, month // 100, month % 100),
            )
