"""The bank statement: each credit once, to the payment that its reference names, else to the one that amount and payer name.

What fits nothing is booked as unidentified (4308) and waits for a person; money that is there is never left out of the books.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from finance.chart import BANK, CARD_RECEIVABLE, COURIER_IN_TRANSIT, FEES, UNIDENTIFIED
from finance.models import BankStatementLine, Capture, Payment
from finance.operations import payment_for, post_entry, reference_of, take_money
from finance.operations.ledger import credit, debit
from finance.states import PaymentState, StatementState
from finance.workflows.cards import order_follows
from finance.workflows.imports import (
    KNOWN,
    MATCHED,
    SKIPPED,
    UNMATCHED,
    ImportReport,
    LineChanged,
    Row,
    amount_of,
    date_of,
    key_of,
    read_lines,
    text_of,
)
from oms import operations as orders
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.fold import fold
from retail.kernel.identifiers import parse_account, parse_reference97
from retail.kernel.models import LegalEntity, User
from retail.kernel.money import ZERO

COLUMNS = {"line_key", "booked_on", "amount"}
ALIASES = {"line_id": "line_key", "payer_name": "payer"}
PAYOUT_ACCOUNTS = (CARD_RECEIVABLE, COURIER_IN_TRANSIT)


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
    return read_lines(
        text,
        needed=COLUMNS,
        aliases=ALIASES,
        take=lambda row: _take_line(entity, digits, row, by, now),
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
    _pay(line, order, UNIDENTIFIED, by, now)
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
    for entity in LegalEntity.objects.order_by("pk"):
        if (parse_account(entity.bank_account) or entity.bank_account) == digits:
            return entity
    raise UnknownBankAccount("No company of the group has this account.")


@transaction.atomic
def _take_line(entity: LegalEntity, account: str, row: Row, by: User | None, now: datetime) -> str:
    line = _read(entity, account, row, now)
    if line is None:
        return SKIPPED
    order, reason = _order_of(line)
    if order is not None:
        order = orders.lock_order(order_id=order.pk)
    # The order row is locked before the line, whose key then decides which of two readers is first.
    made = BankStatementLine.objects.bulk_create([line], ignore_conflicts=True)
    stored = BankStatementLine.objects.select_for_update(of=("self",)).get(
        account=account, line_key=line.line_key
    )
    if _was_known(stored, line, made):
        return KNOWN
    if order is None:
        _keep_unidentified(stored, reason, by, now)
        return UNMATCHED
    _pay(stored, order, BANK, by, now)
    return MATCHED


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


def _was_known(stored: BankStatementLine, line: BankStatementLine, made: list[BankStatementLine]) -> bool:
    """Whether the line stood before. The key is the bank's; the same key with other money is a mistake to be shown."""
    if stored.imported_at == line.imported_at and stored.entry_id is None and stored.capture_id is None:
        return False
    said = (stored.booked_on, stored.amount, stored.currency)
    if said != (line.booked_on, line.amount, line.currency):
        raise LineChanged(f"{line.line_key} was read before with another date or amount.")
    return True


def _order_of(line: BankStatementLine) -> tuple[Order | None, str]:
    """The order that a line pays, or why none: by its reference, else by amount and payer when that names exactly one."""
    base = parse_reference97(line.reference) if line.reference else None
    if base is not None:
        order = _by_reference(line, base)
        return order, "" if order else "UNKNOWN_REFERENCE"
    alike = [
        payment.order
        for payment in Payment.objects.filter(
            method=PaymentMethod.BANK_TRANSFER,
            state=PaymentState.PENDING,
            amount=line.amount,
            captured=0,
            order__entity=line.entity,
        ).select_related("order")
        if line.payer and _same_name(line.payer, payment.order)
    ]
    if len(alike) == 1:
        return alike[0], ""
    return None, "AMBIGUOUS" if alike else "NO_REFERENCE" if not line.reference else "WRONG_REFERENCE"


def _by_reference(line: BankStatementLine, base: str) -> Order | None:
    """`base` is the reference without control number and separators."""
    wanted = [f"{base[:4]}-{base[4:]}", base]
    payment = (
        Payment.objects.filter(reference__in=[reference_of(one) for one in wanted], order__entity=line.entity)
        .select_related("order")
        .order_by("-pk")
        .first()
    )
    if payment is not None:
        return payment.order
    # Paid by transfer although another method was chosen: the number is the order's all the same.
    return Order.objects.filter(number__in=[f"ORD-{one}" for one in wanted], entity=line.entity).first()


def _same_name(payer: str, order: Order) -> bool:
    said = sorted(fold(payer).split())
    return any(said == sorted(fold(name).split()) for name in (order.name, order.company_name) if name)


def _pay(line: BankStatementLine, order: Order, account: str, by: User | None, now: datetime) -> None:
    """Book the line as money for the order. Whatever it is too much or too little, it came."""
    payment = payment_for(order=order, method=PaymentMethod.BANK_TRANSFER, now=now)
    missing = payment.amount - payment.captured
    capture = Capture.objects.create(
        payment=payment, amount=line.amount, provider_ref=f"statement-{line.pk}", created_at=now
    )
    line.capture, line.state = capture, StatementState.MATCHED
    line.save(update_fields=["capture", "state"])
    line.entry = take_money(
        order=order,
        capture=capture,
        debits=[debit(account, line.amount, source_kind="statement", source_key=str(line.pk))],
        day=line.booked_on if account == BANK else business_date(now),
        by=by,
        now=now,
    )
    line.save(update_fields=["entry"])
    _resolve(line, "Matched.", now)
    _tell_of_difference(order, payment, missing, line.amount, now)
    order_follows(order_id=order.pk, now=now)


def _tell_of_difference(
    order: Order, payment: Payment, missing: Decimal, amount: Decimal, now: datetime
) -> None:
    """Too little keeps the order waiting and a person informed; the rest coming ends that."""
    cause = f"short:{payment.public_id}"
    if amount < missing:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=cause,
            detail={"reason": "PARTIAL", "paid": str(amount), "missing": str(missing - amount)},
            now=now,
        )
    else:
        orders.resolve_cause(kind="PAYMENT_MISMATCH", cause_key=cause, resolution="Paid in full.", now=now)


def _keep_unidentified(line: BankStatementLine, reason: str, by: User | None, now: datetime) -> None:
    line.entry = post_entry(
        entity_id=line.entity_id,
        date=line.booked_on,
        document_kind="statement",
        document_key=str(line.pk),
        memo="Neraspoređena uplata",
        by=by,
        lines=[debit(BANK, line.amount), credit(UNIDENTIFIED, line.amount)],
    )
    line.save(update_fields=["entry"])
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
