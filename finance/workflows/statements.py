"""The bank statement: each credit once, to the payment that its reference names, else to the one that amount and payer name.

What fits nothing is booked as unidentified (4308) and waits for a person; money that is there is never left out of the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from finance import selectors
from finance.chart import BANK, CARD_RECEIVABLE, COURIER_IN_TRANSIT, FEES, UNIDENTIFIED
from finance.models import BankStatementLine, Capture, JournalEntry
from finance.operations import (
    Draft,
    Income,
    announce_captured,
    book_incomes,
    payment_for,
    post_entries,
    post_entry,
)
from finance.operations.ledger import credit, debit
from finance.states import StatementState
from finance.workflows.cards import order_follows
from finance.workflows.imports import (
    KNOWN,
    MATCHED,
    UNMATCHED,
    ImportReport,
    LineChanged,
    Outcome,
    Row,
    amount_of,
    date_of,
    key_of,
    read_in_sets,
    text_of,
)
from finance.workflows.matching import Match, match_lines, newest_transfers, reference_base
from oms import operations as orders
from oms.states import OrderStatus, PaymentMethod
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.identifiers import parse_account
from retail.kernel.models import LegalEntity, User
from retail.kernel.money import ZERO
from retail.kernel.outbox import together
from retail.kernel.rows import Question
from warehouse import operations as stock

COLUMNS = {"line_key", "booked_on", "amount"}
ALIASES = {"line_id": "line_key", "payer_name": "payer"}
PAYOUT_ACCOUNTS = (CARD_RECEIVABLE, COURIER_IN_TRANSIT)
_COMPANIES: Question[LegalEntity] = Question(lambda: LegalEntity.objects.order_by("pk"))
_COLUMNS = (
    "line_key",
    "booked_on",
    "amount",
    "currency",
    "reference",
    "payer",
    "payer_account",
    "purpose",
)
# In the order of the keys, so that two readers of the same lines wait for each other instead of crossing.
_WRITE_NEW = """
INSERT INTO finance_bankstatementline (entity_id, account, state, note, imported_at, line_key, booked_on, amount, currency, reference,
                                       payer, payer_account, purpose)
SELECT %s, %s, 'UNMATCHED', '', %s, w.*
  FROM unnest(%s::text[], %s::date[], %s::numeric[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) AS w
    ON CONFLICT (account, line_key) DO NOTHING RETURNING id, line_key
"""
_WRITE_PLACES = """
UPDATE finance_bankstatementline b SET state = w.state, capture_id = w.capture_id, entry_id = w.entry_id
  FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[]) AS w(id, state, capture_id, entry_id) WHERE b.id = w.id
"""


class UnknownBankAccount(NotFound):
    """No company of the group has this account."""

    code = "UNKNOWN_BANK_ACCOUNT"


class StatementLineNotFound(NotFound):
    code = "UNKNOWN_STATEMENT_LINE"


class AlreadyMatched(Refusal):
    code = "ALREADY_MATCHED"


def import_bank_statement(*, account: str, text: str, by: User | None, now: datetime) -> ImportReport:
    """Lines of one account as CSV (columns line_key, booked_on, amount; useful: currency, reference, payer, payer_account, purpose).

    Refuses UnknownBankAccount and UnreadableFile; single lines are refused in the report. Money that went out is skipped.
    """
    entity = _entity_of(account)
    digits = parse_account(entity.bank_account) or entity.bank_account
    return read_in_sets(
        text,
        needed=COLUMNS,
        aliases=ALIASES,
        read=lambda row: _read(entity, digits, row, now),
        names=_names,
        take=lambda lines: _take(lines, by, now),
    )


@transaction.atomic
def match_statement_line(
    *, line_id: int, order_number: str, by: User | None, now: datetime
) -> BankStatementLine:
    """A person says which order an unidentified credit pays. Refuses AlreadyMatched."""
    order = orders.lock_order_by_number(number=order_number)
    line = _open_line(line_id)
    if order.entity_id != line.entity_id or order.currency != line.currency:
        raise InvalidInput("The order belongs to another company or currency.")
    match = Match(order, newest_transfers([order.pk]).get(order.pk))
    _pay([(line, match)], UNIDENTIFIED, by, now)
    _write_places([line])
    _resolve(line, "Matched.", now)
    return line


@transaction.atomic
def set_aside_statement_line(
    *, line_id: int, reason: str, by: User | None, now: datetime
) -> BankStatementLine:
    """Not a payment of an order; it stays booked as unidentified until it is explained elsewhere."""
    if not reason.strip():
        raise InvalidInput("Say why the line is set aside.")
    line = _open_line(line_id)
    line.state, line.note = StatementState.SET_ASIDE, reason.strip()[:200]
    line.save(update_fields=["state", "note"])
    _resolve(line, "Set aside.", now)
    return line


@transaction.atomic
def book_payout(
    *, line_id: int, account: str, by: User | None, now: datetime, fee: Decimal = ZERO
) -> BankStatementLine:
    """The card acquirer (2280) or a courier (2480) paid over: the line clears what they owed, their fee included."""
    if account not in PAYOUT_ACCOUNTS:
        raise InvalidInput("A payout comes from the card acquirer or a courier.", account=account[:12])
    if fee < 0:
        raise InvalidInput("A fee is not negative.")
    line = _open_line(line_id)
    post_entry(
        entity_id=line.entity_id,
        date=business_date(now),
        document_kind="payout",
        document_key=str(line.pk),
        memo=f"Isplata {line.payer or line.purpose}",
        by=by,
        lines=[debit(UNIDENTIFIED, line.amount), debit(FEES, fee), credit(account, line.amount + fee)],
    )
    line.state, line.note = StatementState.SET_ASIDE, f"Payout {account}"
    line.save(update_fields=["state", "note"])
    _resolve(line, "Booked as a payout.", now)
    return line


def _entity_of(account: str) -> LegalEntity:
    digits = parse_account(account) or account.strip()
    for entity in _COMPANIES.rows():
        if (parse_account(entity.bank_account) or entity.bank_account) == digits:
            return entity
    raise UnknownBankAccount("No company of the group has this account.")


def _names(line: BankStatementLine) -> set[str]:
    """What no other line of a set may name: its own key, and the order. Nothing when only amount and payer say which order it is."""
    base = reference_base(line)
    return {f"key:{line.line_key}", f"order:{base}"} if base else set()


@transaction.atomic
def _take(lines: Sequence[BankStatementLine], by: User | None, now: datetime) -> list[Outcome]:
    """Lines that pay different orders, or one line; the number of statements does not grow with them."""
    matches = match_lines(lines)
    # The order rows are locked before the lines, whose keys then decide which of two readers is first.
    known = _write_new(lines)
    fresh = [(line, match) for line, match in zip(lines, matches, strict=True) if line.line_key not in known]
    paid = [(line, match) for line, match in fresh if match.order is not None]
    unknown = [(line, match.reason) for line, match in fresh if match.order is None]
    if paid:
        _pay(paid, BANK, by, now)
    if unknown:
        _keep_unidentified(unknown, by, now)
    if fresh:
        _write_places([line for line, _ in fresh])
    matched = {line.line_key for line, _ in paid}
    return [
        known.get(line.line_key) or (MATCHED if line.line_key in matched else UNMATCHED) for line in lines
    ]


def _read(entity: LegalEntity, account: str, row: Row, now: datetime) -> BankStatementLine | None:
    amount = amount_of(row, "amount")
    line = BankStatementLine(
        entity=entity,
        account=account,
        line_key=key_of(row, "line_key"),
        booked_on=date_of(row, "booked_on"),
        amount=amount,
        currency=text_of(row, "currency", 3).upper() or entity.currency,
        reference=text_of(row, "reference", 60),
        payer=text_of(row, "payer", 200),
        payer_account=text_of(row, "payer_account", 34),
        purpose=text_of(row, "purpose", 200),
        imported_at=now,
    )
    if amount == 0:
        raise InvalidInput("A line of zero says nothing.", field="amount")
    if line.currency != entity.currency:
        raise InvalidInput("The line is in another currency than the books.", field="currency")
    return line if amount > 0 else None


def _write_new(lines: Sequence[BankStatementLine]) -> dict[str, Outcome]:
    """Write what is read for the first time; for the rest, by key, what it is: known, or the same key with other money."""
    columns = [
        [getattr(line, name) for line in sorted(lines, key=lambda each: each.line_key)] for name in _COLUMNS
    ]
    first = lines[0]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_NEW, [first.entity_id, first.account, first.imported_at, *columns])
        keys = {line_key: pk for pk, line_key in cursor.fetchall()}
    for line in lines:
        line.pk, line._state.adding = keys.get(line.line_key), False
    if len(keys) == len(lines):
        return {}
    stored = BankStatementLine.objects.select_for_update(of=("self",)).filter(
        account=first.account, line_key__in=[line.line_key for line in lines if line.pk is None]
    )
    before = {one.line_key: (one.booked_on, one.amount, one.currency) for one in stored.order_by("pk")}
    return {line.line_key: _was_known(line, before[line.line_key]) for line in lines if line.pk is None}


def _was_known(line: BankStatementLine, said: tuple[date, Decimal, str]) -> Outcome:
    """The key is the bank's; the same key with other money is a mistake to be shown."""
    if said != (line.booked_on, line.amount, line.currency):
        return LineChanged(f"{line.line_key} was read before with another date or amount.")
    return KNOWN


def _write_places(lines: Sequence[BankStatementLine]) -> None:
    """Where the lines have gone: their entries, and the captures of those that paid an order."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE_PLACES,
            [
                [line.pk for line in lines],
                [str(line.state) for line in lines],
                [line.capture_id for line in lines],
                [line.entry_id for line in lines],
            ],
        )


def _pay(
    matched: Sequence[tuple[BankStatementLine, Match]], account: str, by: User | None, now: datetime
) -> None:
    """Book lines as money for their orders, which are different ones. Whatever it is too much or too little, it came."""
    pairs = [(line, match.order, match.payment) for line, match in matched if match.order is not None]
    payments = [
        payment or payment_for(order=order, method=PaymentMethod.BANK_TRANSFER, now=now)
        for _, order, payment in pairs
    ]
    before = [payment.captured for payment in payments]
    standing = selectors.standing_of_orders(order_ids=[order.pk for _, order, _ in pairs])
    incomes = [
        Income(
            order=order,
            capture=Capture(
                payment=payment, amount=line.amount, provider_ref=f"statement-{line.pk}", created_at=now
            ),
            debits=[debit(account, line.amount, source_kind="statement", source_key=str(line.pk))],
            day=line.booked_on if account == BANK else business_date(now),
            standing=standing[order.pk],
        )
        for (line, order, _), payment in zip(pairs, payments, strict=True)
    ]
    entries = _book(incomes, by, now)
    for (line, _, _), one, entry in zip(pairs, incomes, entries, strict=True):
        line.capture, line.entry, line.state = one.capture, entry, StatementState.MATCHED
    for one, captured in zip(incomes, before, strict=True):
        _tell_of_difference(one, captured, now)


def _book(incomes: Sequence[Income], by: User | None, now: datetime) -> list[JournalEntry]:
    """The money, and the orders that it confirms. What needs more than that (late money, claims that are gone) goes order by order."""
    enough = [
        one.order.pk
        for one in incomes
        if one.order.status == OrderStatus.PENDING_PAYMENT
        and one.standing.held + one.capture.amount >= one.order.due_total
    ]
    unclaimed = (
        {each.order_id for each in stock.confirm_allocations(order_ids=enough, now=now)} if enough else set()
    )
    with together():
        entries = book_incomes(incomes, by=by, now=now)
        for one in incomes:
            announce_captured(one.order, one.capture)
        orders.record_captures(
            captures=[(one.order, one.capture.amount) for one in incomes],
            confirmed={*enough} - unclaimed,
            now=now,
        )
    for one in incomes:
        if one.order.pk in unclaimed or one.order.status == OrderStatus.CANCELED:
            order_follows(order_id=one.order.pk, now=now)
    return entries


def _tell_of_difference(one: Income, captured: Decimal, now: datetime) -> None:
    """Too little keeps the order waiting and a person informed; the rest coming ends that. `captured` came before."""
    payment, amount = one.capture.payment, one.capture.amount
    missing = payment.amount - captured
    cause = f"short:{payment.public_id}"
    if amount < missing:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=one.order.pk,
            cause_key=cause,
            detail={"reason": "PARTIAL", "paid": str(amount), "missing": str(missing - amount)},
            now=now,
        )
    elif captured:
        orders.resolve_cause(kind="PAYMENT_MISMATCH", cause_key=cause, resolution="Paid in full.", now=now)


def _keep_unidentified(
    unknown: Sequence[tuple[BankStatementLine, str]], by: User | None, now: datetime
) -> None:
    entries = post_entries(
        [
            Draft(
                entity_id=line.entity_id,
                date=line.booked_on,
                document_kind="statement",
                document_key=str(line.pk),
                memo="Neraspoređena uplata",
                lines=[debit(BANK, line.amount), credit(UNIDENTIFIED, line.amount)],
            )
            for line, _ in unknown
        ],
        by=by,
    )
    for (line, reason), entry in zip(unknown, entries, strict=True):
        line.entry = entry
        detail: dict[str, Any] = {
            "reason": reason,
            "amount": str(line.amount),
            "reference": line.reference,
            "line": line.line_key,
        }
        orders.open_exception(kind="PAYMENT_MISMATCH", cause_key=_cause(line), detail=detail, now=now)


def _open_line(line_id: int) -> BankStatementLine:
    line = BankStatementLine.objects.select_for_update(of=("self",)).filter(pk=line_id).first()
    if line is None:
        raise StatementLineNotFound("There is no such statement line.")
    if line.state == StatementState.MATCHED or line.note.startswith("Payout"):
        raise AlreadyMatched("This line has its place already.")
    return line


def _resolve(line: BankStatementLine, resolution: str, now: datetime) -> None:
    orders.resolve_cause(kind="PAYMENT_MISMATCH", cause_key=_cause(line), resolution=resolution, now=now)


def _cause(line: BankStatementLine) -> str:
    return f"statement:{line.pk}"
