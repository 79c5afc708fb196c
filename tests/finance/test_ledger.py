"""The journal balances by construction, whoever writes; a closed month stays closed; numbers have no gaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from finance import operations as finance
from finance import selectors
from finance.models import Capture, DocumentCounter, Invoice, JournalEntry, JournalLine, LedgerAccount, Period
from finance.operations import Posting, credit, debit
from tests.factories import DAY, Sells, make_entity, make_user, money
from tests.finance.shop import Shop, all_of, build, posted
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def entry_of(entity_id: int, *, amount: str = "100.00", day: date = DAY, key: str = "X-1") -> JournalEntry:
    return finance.post_entry(
        entity_id=entity_id,
        date=day,
        document_kind="test",
        document_key=key,
        memo="Proba",
        lines=[debit("241", money(amount)), credit("300", money(amount))],
        by=None,
    )


def test_entry_is_written_with_its_lines(shop: Shop) -> None:
    ceca = make_user("Ceca")

    entry = finance.post_entry(
        entity_id=shop.entity.pk,
        date=DAY,
        document_kind="test",
        document_key="X-1",
        memo="Proba",
        order_number="ORD-1",
        by=ceca,
        lines=[
            debit("241", money("100.00")),
            debit("553", money("0.00")),
            credit("204", money("60.00"), source_kind="order", source_key="ORD-1"),
            credit("430", money("40.00"), order_line_id=7),
        ],
    )

    assert posted("test", "X-1") == [("204", "P", "60.00"), ("241", "D", "100.00"), ("430", "P", "40.00")]
    assert (entry.total, entry.by, entry.order_number) == (Decimal("100.00"), ceca, "ORD-1")
    assert entry.lines.get(account__code="430").order_line_id == 7
    assert selectors.order_balances(order_number="ORD-1")["204"] == Decimal("-60.00")


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([debit("241", money("1.00")), credit("300", money("0.99"))], finance.Unbalanced),
        ([Posting("241", money("1.00"), money("1.00"))], finance.Unbalanced),
        ([Posting("241", money("-1.00")), Posting("300", Decimal(0), money("-1.00"))], finance.Unbalanced),
        ([], finance.EmptyEntry),
        ([debit("9999", money("1.00")), credit("300", money("1.00"))], finance.UnknownAccount),
    ],
)
def test_what_does_not_balance_is_refused(shop: Shop, lines: list[Posting], refusal: type[Exception]) -> None:
    with nothing_changes(), pytest.raises(refusal):
        finance.post_entry(
            entity_id=shop.entity.pk,
            date=DAY,
            document_kind="test",
            document_key="X-1",
            memo="Proba",
            lines=lines,
        )


def test_goods_of_no_value_still_get_an_entry(shop: Shop) -> None:
    entry = finance.post_entry(
        entity_id=shop.entity.pk,
        date=DAY,
        document_kind="test",
        document_key="X-1",
        memo="Proba",
        lines=[debit("501", Decimal(0)), credit("134", Decimal(0))],
    )

    assert entry.lines.count() == 2


def test_closed_month_takes_no_entry(shop: Shop) -> None:
    finance.close_period(entity_id=shop.entity.pk, year=2026, month=11, by=None)
    other = make_entity()

    with nothing_changes(), pytest.raises(finance.PeriodClosed):
        entry_of(shop.entity.pk)

    entry_of(shop.entity.pk, day=date(2026, 12, 1), key="X-2")
    entry_of(other.pk, key="X-3")
    finance.reopen_period(entity_id=shop.entity.pk, year=2026, month=11, by=None)
    entry_of(shop.entity.pk, key="X-4")
    assert JournalEntry.objects.filter(document_kind="test").count() == 3


def test_reversal_is_the_mirror_and_happens_once(shop: Shop) -> None:
    entry = entry_of(shop.entity.pk)

    mirror = finance.reverse_entry(entry_id=entry.pk, reason="wrong account", date=DAY, by=None)

    sides = [(line.account.code, str(line.debit), str(line.credit)) for line in mirror.lines.order_by("pk")]
    assert sides == [("241", "0.00", "100.00"), ("300", "100.00", "0.00")]
    assert (mirror.reverses, mirror.document_key) == (entry, "X-1")
    with nothing_changes(), pytest.raises(finance.AlreadyReversed):
        finance.reverse_entry(entry_id=entry.pk, reason="again", date=DAY, by=None)


def test_trial_balance_adds_up_on_any_day(shop: Shop) -> None:
    entry_of(shop.entity.pk, amount="100.00", day=date(2026, 10, 31))
    entry_of(shop.entity.pk, amount="50.00", day=date(2026, 11, 1), key="X-2")
    entry_of(make_entity().pk, amount="7.00", key="X-3")

    october = selectors.trial_balance(entity_id=shop.entity.pk, as_of=date(2026, 10, 31))
    now = selectors.trial_balance(entity_id=shop.entity.pk)

    assert [(row.code, str(row.debit), str(row.credit)) for row in october] == [
        ("241", "100.00", "0.00"),
        ("300", "0.00", "100.00"),
    ]
    assert [(row.code, str(row.balance)) for row in now] == [("241", "150.00"), ("300", "-150.00")]


def test_numbers_have_no_gaps_and_begin_anew_each_year(shop: Shop) -> None:
    def take(kind: str, year: int) -> int:
        return finance.take_number(entity_id=shop.entity.pk, kind=kind, year=year)

    assert [take("INVOICE", 2026) for _ in range(3)] == [1, 2, 3]
    assert (take("CREDIT_NOTE", 2026), take("INVOICE", 2027)) == (1, 1)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        take("INVOICE", 2026)
        raise ZeroDivisionError
    assert take("INVOICE", 2026) == 4


# Whoever writes


def attack(sql: str, *params: Any) -> None:
    """Raw SQL in a transaction of its own, checks of the commit included."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE finance_journalline SET debit = debit + 1 WHERE debit > 0",
        "UPDATE finance_journalline SET account_id = account_id",
        "DELETE FROM finance_journalline",
        "UPDATE finance_journalentry SET memo = 'changed'",
        "UPDATE finance_journalentry SET total = 0",
        "DELETE FROM finance_journalentry",
    ],
)
def test_written_entries_cannot_be_changed(shop: Shop, sql: str) -> None:
    entry_of(shop.entity.pk)

    with nothing_changes(), pytest.raises((InternalError, IntegrityError)):
        attack(sql)


def _insert_entry(entity_id: int, total: str = "5.00") -> str:
    return (
        "INSERT INTO finance_journalentry (entity_id, date, document_kind, document_key, memo, total, order_number, created_at) "
        f"VALUES ({entity_id}, '2026-11-23', 'raw', 'R-1', '', {total}, '', now()) "
    )


def _insert_lines(left: str, right: str) -> str:
    account = LedgerAccount.objects.get(code="241").pk
    return (
        "INSERT INTO finance_journalline (entry_id, account_id, debit, credit, source_kind, source_key) "
        f"SELECT e.id, {account}, d, c, '', '' FROM finance_journalentry e, (VALUES ({left}, 0), (0, {right})) v(d, c) "
        "WHERE e.document_kind = 'raw'"
    )


def test_entry_without_lines_is_refused_at_commit(shop: Shop) -> None:
    with nothing_changes(), pytest.raises(IntegrityError, match="has no lines"):
        attack(_insert_entry(shop.entity.pk))


@pytest.mark.parametrize(("left", "right", "total"), [("5", "4", "5"), ("5", "5", "6"), ("6", "6", "5")])
def test_entry_that_does_not_add_up_is_refused_at_commit(
    shop: Shop, left: str, right: str, total: str
) -> None:
    with nothing_changes(), pytest.raises(IntegrityError, match="does not balance"):
        attack(_insert_entry(shop.entity.pk, total) + "; " + _insert_lines(left, right))


def test_raw_entry_that_adds_up_is_taken(shop: Shop) -> None:
    attack(_insert_entry(shop.entity.pk, "5") + "; " + _insert_lines("5", "5"))

    assert posted("raw", "R-1") == [("241", "D", "5.00"), ("241", "P", "5.00")]


def test_lines_cannot_be_added_to_an_old_entry(shop: Shop) -> None:
    attack(_insert_entry(shop.entity.pk, "5") + "; " + _insert_lines("5", "5"))

    with nothing_changes(), pytest.raises(IntegrityError, match="does not balance"):
        attack(_insert_lines("1", "1"))


def test_raw_entry_in_a_closed_month_is_refused(shop: Shop) -> None:
    finance.close_period(entity_id=shop.entity.pk, year=2026, month=11, by=None)

    with nothing_changes(), pytest.raises(IntegrityError, match="closed"):
        attack(_insert_entry(shop.entity.pk, "5") + "; " + _insert_lines("5", "5"))


def test_line_with_two_sides_is_refused(shop: Shop) -> None:
    sql = _insert_lines("5", "5").replace("(0, 5)", "(5, 5)")

    with nothing_changes(), pytest.raises(IntegrityError, match="one_side"):
        attack(_insert_entry(shop.entity.pk, "10") + "; " + sql)


def test_capture_and_refund_are_not_done_without_an_entry(shop: Shop) -> None:
    order = shop.order(Sells(1, "1100.00"), method="BANK_TRANSFER")
    payment = shop.transfer_payment(order)
    shop.statement({"amount": "1100.00", "reference": payment.reference})

    with nothing_changes(), pytest.raises(IntegrityError, match="capture_has_entry"):
        attack("UPDATE finance_capture SET entry_id = NULL")
    with nothing_changes(), pytest.raises(IntegrityError, match="refund_has_entry"):
        attack(
            "INSERT INTO finance_refund (public_id, payment_id, amount, state, reason, bank_account, provider_ref, failure, "
            "attempts, created_at) VALUES ('r', %s, 1, 'DONE', '', '', '', '', 0, now())",
            payment.pk,
        )
    with nothing_changes(), pytest.raises(IntegrityError, match="refunded_in_captured"):
        attack("UPDATE finance_payment SET refunded = captured + 1")
    assert Capture.objects.get().state == "DONE"


def test_invoice_needs_an_entry_and_stays_as_it_is(shop: Shop) -> None:
    order = shop.order(
        Sells(1, "1100.00"), method="CASH_ON_DELIVERY", status="PLACED", paper="FISCAL_COMPANY"
    )
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    columns = [str(field.column) for field in Invoice._meta.concrete_fields if field.column != "id"]
    kept = ", ".join(columns)

    def copied(**changed: str) -> str:
        values = {"number": "'N-2'", "sequence": "2", **changed}
        return (
            f"INSERT INTO finance_invoice ({kept}) SELECT {', '.join(values.get(name, name) for name in columns)} "
            "FROM finance_invoice"
        )

    with nothing_changes(), pytest.raises(IntegrityError, match="no journal entry"):
        attack(copied(entry_id="NULL", shipment_id="NULL"))
    with nothing_changes(), pytest.raises(IntegrityError, match="invoice_once_per_shipment"):
        attack(copied())
    for sql in ("UPDATE finance_invoice SET total = 0", "DELETE FROM finance_invoiceline"):
        with nothing_changes(), pytest.raises((InternalError, IntegrityError)):
            attack(sql)


def test_fiscal_receipt_is_final(shop: Shop) -> None:
    order = shop.order(Sells(1, "1100.00"), method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")

    for sql in (
        "UPDATE finance_fiscalreceipt SET total = total - 1",
        "UPDATE finance_fiscalreceipt SET items = '[]'",
        "UPDATE finance_fiscalreceipt SET request_id = 'other'",
        "DELETE FROM finance_fiscalreceipt",
    ):
        with nothing_changes(), pytest.raises((InternalError, IntegrityError)):
            attack(sql)


# Races


@pytest.mark.django_db(transaction=True)
def test_numbers_taken_at_once_are_all_different(run_together: Callable[..., list[Any]]) -> None:
    entity_id = build().entity.pk

    numbers = run_together(8, lambda _: finance.take_number(entity_id=entity_id, kind="INVOICE", year=2026))

    assert sorted(numbers) == list(range(1, 9))


@pytest.mark.django_db(transaction=True)
def test_control_numbers_without_the_counters_lock_are_taken_twice(
    run_together: Callable[..., list[Any]],
) -> None:
    """The twin: read, then write, with everybody between the two."""
    import threading

    entity_id = build().entity.pk
    DocumentCounter.objects.create(entity_id=entity_id, kind="INVOICE", year=2026)
    all_have_read = threading.Barrier(4)

    def take(_: int) -> int:
        counter = DocumentCounter.objects.get(entity_id=entity_id)
        all_have_read.wait(10)
        DocumentCounter.objects.filter(pk=counter.pk).update(next_number=counter.next_number + 1)
        return counter.next_number

    assert run_together(4, take) == [1, 1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_month_does_not_close_under_an_entry_that_is_being_written() -> None:
    import threading

    entity_id = build().entity.pk
    posted_, may_commit, errors = threading.Event(), threading.Event(), []

    def post() -> None:
        try:
            with transaction.atomic():
                entry_of(entity_id)
                posted_.set()
                may_commit.wait(10)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    def close() -> None:
        try:
            finance.close_period(entity_id=entity_id, year=2026, month=11, by=None)
        finally:
            connection.close()

    poster = threading.Thread(target=post)
    poster.start()
    assert posted_.wait(10)
    closer = threading.Thread(target=close)
    closer.start()
    closer.join(0.5)
    assert closer.is_alive(), "closing waits for whoever is posting"
    may_commit.set()
    poster.join(10)
    closer.join(10)

    assert errors == []
    assert Period.objects.get(entity_id=entity_id).state == "CLOSED"
    assert JournalLine.objects.count() == 2
