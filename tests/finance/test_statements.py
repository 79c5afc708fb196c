"""Statements and remittances: each line once, matched or shown; money that came is in the books either way."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from finance import operations as finance
from finance import selectors
from finance import workflows as money
from finance.models import (
    BankStatementLine,
    Capture,
    CourierRemittanceLine,
    FiscalReceipt,
    JournalEntry,
    Payment,
)
from oms.models import Order
from oms.workflows import cancellation
from retail.kernel.errors import InvalidInput
from tests.factories import NOW, Sells
from tests.finance.shop import ACCOUNT, Shop, all_of, build, capture_of, open_exceptions, posted, receipts
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK = Sells(1, "1100.00")


def transfer(shop: Shop, **values: Any) -> tuple[Order, Payment]:
    order = shop.order(BOOK, method="BANK_TRANSFER", **values)
    return order, shop.transfer_payment(order)


def counts(report: money.ImportReport) -> tuple[int, int, int, int, list[str]]:
    return report.matched, report.unmatched, report.known, report.skipped, [one.code for one in report.errors]


def line() -> BankStatementLine:
    return BankStatementLine.objects.get()


@pytest.mark.parametrize("written", ["{0}", "97{0}", "97 {0}", "(97) {0}"])
def test_reference_is_read_as_people_write_it(shop: Shop, written: str) -> None:
    order, payment = transfer(shop)
    reference = written.format(payment.reference)

    assert counts(shop.statement({"amount": "1100.00", "reference": reference})) == (1, 0, 0, 0, [])

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "PAID")
    assert (line().state, line().capture) == ("MATCHED", capture_of(order))


def test_statement_read_twice_changes_nothing(shop: Shop) -> None:
    _, payment = transfer(shop)
    row = {"amount": "1100.00", "reference": payment.reference}
    shop.statement(row)

    with nothing_changes():
        assert counts(shop.statement(row)) == (0, 0, 1, 0, [])
        assert counts(shop.statement({**row, "amount": "9.00"})) == (0, 0, 0, 0, ["LINE_CHANGED"])


def test_too_little_keeps_the_order_waiting_until_the_rest_comes(shop: Shop) -> None:
    order, payment = transfer(shop)

    shop.statement({"amount": "1000.00", "reference": payment.reference})

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PENDING_PAYMENT", "PARTLY_PAID")
    assert open_exceptions(order) == [("PAYMENT_MISMATCH", f"short:{payment.public_id}")]

    shop.statement({"line_key": "L-2", "amount": "100.00", "reference": payment.reference})

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "PAID")
    assert open_exceptions(order) == []
    assert receipts(order) == [
        ("ADVANCE", "SALE", "1000.00", "PENDING"),
        ("ADVANCE", "SALE", "100.00", "PENDING"),
    ]
    first, second = FiscalReceipt.objects.filter(order=order).order_by("pk")
    assert second.referent == first


def test_too_much_is_an_advance_and_an_exception_and_goes_back(shop: Shop) -> None:
    order, payment = transfer(shop)

    shop.statement({"amount": "1500.00", "reference": payment.reference})

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "OVERPAID")
    assert open_exceptions(order) == [("OVERPAID", order.number)]
    # Only what goods will come for is taxed as an advance.
    assert posted("capture", capture_of(order).public_id) == [
        ("241", "D", "1500.00"),
        ("430", "P", "1500.00"),
        ("4309", "D", "100.00"),
        ("4730", "P", "100.00"),
    ]

    [refund] = finance.release_excess(order_id=order.pk, reason="overpaid", by=None, now=NOW)
    assert finance.release_excess(order_id=order.pk, reason="overpaid", by=None, now=NOW) == []
    finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)

    assert posted("refund", refund.public_id) == [("241", "P", "400.00"), ("430", "D", "400.00")]
    assert open_exceptions(order) == []
    assert receipts(order) == [("ADVANCE", "SALE", "1100.00", "PENDING")]


def test_canceled_prepaid_order_takes_its_advance_back(shop: Shop) -> None:
    order, payment = transfer(shop)
    shop.statement({"amount": "1100.00", "reference": payment.reference})

    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", by=None, now=NOW)

    refund = payment.refunds.get()
    assert (refund.state, str(refund.amount), refund.bank_account) == (
        "PENDING",
        "1100.00",
        "160000000000001240",
    )
    assert posted("advance_refund", refund.public_id) == [("4309", "P", "100.00"), ("4730", "D", "100.00")]
    assert receipts(order) == [
        ("ADVANCE", "SALE", "1100.00", "PENDING"),
        ("ADVANCE", "REFUND", "1100.00", "PENDING"),
    ]
    finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)
    assert shop.balances(order) == {}


def test_money_for_a_canceled_order_is_taken_and_sent_back(shop: Shop) -> None:
    order, payment = transfer(shop)
    cancellation.cancel_order(order_id=order.pk, reason="not paid", by=None, now=NOW)

    assert counts(shop.statement({"amount": "1100.00", "reference": payment.reference})) == (1, 0, 0, 0, [])

    order.refresh_from_db()
    assert order.status == "CANCELED"
    assert str(payment.refunds.get().amount) == "1100.00"
    assert posted("capture", capture_of(order).public_id) == [
        ("241", "D", "1100.00"),
        ("430", "P", "1100.00"),
    ]
    assert receipts(order) == []


def test_transfer_for_an_order_of_another_method_is_taken(shop: Shop) -> None:
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)

    shop.statement({"amount": "1100.00", "reference": finance.reference_of(order.number)})

    order.refresh_from_db()
    assert order.payment_status == "PAID"
    shipment = shop.dispatch(order, all_of(order), tracking="T1")
    assert str(shipment.cod_amount) == "0.00"
    assert ("430", "D", "1100.00") in posted("dispatch", shipment.number)
    assert [kind for kind, *_ in receipts(order)] == ["ADVANCE", "ADVANCE", "NORMAL"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"reference": "97 11-2026-000000", "payer": "Neko Drugi"}, "WRONG_REFERENCE"),
        ({"reference": "", "payer": "Neko Drugi"}, "NO_REFERENCE"),
        ({"reference": "", "payer": "Ana Anić", "amount": "1099.00"}, "NO_REFERENCE"),
        ({"reference": finance.reference_of("ORD-2019-999999"), "payer": "Ana Anić"}, "UNKNOWN_REFERENCE"),
    ],
)
def test_what_names_no_order_is_booked_as_unidentified(shop: Shop, row: dict[str, str], reason: str) -> None:
    order, _ = transfer(shop)

    assert counts(shop.statement({"amount": "1100.00", **row})) == (0, 1, 0, 0, [])

    amount = row.get("amount", "1100.00")
    assert posted("statement", str(line().pk)) == [("241", "D", amount), ("4308", "P", amount)]
    [(kind, cause)] = open_exceptions()
    assert (kind, cause) == ("PAYMENT_MISMATCH", f"statement:{line().pk}")
    assert order.exceptions.count() == 0
    order.refresh_from_db()
    assert order.payment_status == "NONE"
    from oms.models import OrderException

    assert OrderException.objects.get().detail["reason"] == reason


def test_amount_and_payer_match_when_they_name_exactly_one(shop: Shop) -> None:
    order, _ = transfer(shop, name="Ђорђе Јовић")

    assert counts(shop.statement({"amount": "1100.00", "payer": "JOVIĆ ĐORĐE"})) == (1, 0, 0, 0, [])

    order.refresh_from_db()
    assert order.payment_status == "PAID"


def test_amount_and_payer_of_two_orders_match_neither(shop: Shop) -> None:
    transfer(shop)
    transfer(shop)

    assert counts(shop.statement({"amount": "1100.00", "payer": "Ana Anić"})) == (0, 1, 0, 0, [])
    assert Capture.objects.count() == 0


def test_person_matches_an_unidentified_line_once(shop: Shop) -> None:
    order, _ = transfer(shop)
    shop.statement({"amount": "1100.00", "payer": "Firma te Ane"})

    money.match_statement_line(line_id=line().pk, order_number=order.number, by=None, now=NOW)

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "PAID")
    assert posted("capture", capture_of(order).public_id) == [
        ("430", "P", "1100.00"),
        ("4308", "D", "1100.00"),
        ("4309", "D", "100.00"),
        ("4730", "P", "100.00"),
    ]
    assert selectors.account_balance(entity_id=shop.entity.pk, code="4308") == 0
    assert open_exceptions() == []
    with nothing_changes(), pytest.raises(money.AlreadyMatched):
        money.match_statement_line(line_id=line().pk, order_number=order.number, by=None, now=NOW)


def test_acquirers_payout_clears_what_it_owed(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    shop.pay_card(order, outside)
    shop.dispatch(order, all_of(order), tracking="T1")
    shop.statement({"amount": "1078.00", "payer": "Banka kartičar"})

    money.book_payout(line_id=line().pk, account="2280", fee=Decimal("22.00"), by=None, now=NOW)

    assert posted("payout", str(line().pk)) == [
        ("2280", "P", "1100.00"),
        ("4308", "D", "1078.00"),
        ("553", "D", "22.00"),
    ]
    assert selectors.account_balance(entity_id=shop.entity.pk, code="2280") == 0
    with nothing_changes(), pytest.raises(InvalidInput):
        money.book_payout(line_id=line().pk, account="241", by=None, now=NOW)
    with nothing_changes(), pytest.raises(money.AlreadyMatched):
        money.book_payout(line_id=line().pk, account="2280", by=None, now=NOW)


def test_line_set_aside_stays_unidentified_with_its_reason(shop: Shop) -> None:
    shop.statement({"amount": "5.00", "payer": "Kamata"})

    money.set_aside_statement_line(line_id=line().pk, reason="bank interest", by=None, now=NOW)

    assert (line().state, line().note) == ("SET_ASIDE", "bank interest")
    assert open_exceptions() == []
    assert selectors.account_balance(entity_id=shop.entity.pk, code="4308") == Decimal("-5.00")


def test_unreadable_lines_are_named_and_hold_up_no_others(shop: Shop) -> None:
    _, payment = transfer(shop)

    report = shop.statement(
        {"line_key": "", "amount": "1.00"},
        {"line_key": "a", "amount": "1.001"},
        {"line_key": "b", "amount": "NaN"},
        {"line_key": "c", "amount": "0.00"},
        {"line_key": "d", "amount": "1.00", "booked_on": "23.11.2026"},
        {"line_key": "e", "amount": "1.00", "currency": "EUR"},
        {"line_key": "f", "amount": "-50.00"},
        {"line_key": "g", "amount": "1100.00", "reference": payment.reference},
    )

    assert counts(report) == (1, 0, 0, 1, ["INVALID_INPUT"] * 6)
    assert [one.line for one in report.errors] == [2, 3, 4, 5, 6, 7]
    assert BankStatementLine.objects.count() == 1


def test_line_of_a_closed_month_is_refused_and_changes_nothing(shop: Shop) -> None:
    _, payment = transfer(shop)
    finance.close_period(entity_id=shop.entity.pk, year=2026, month=10, by=None)

    with nothing_changes():
        report = shop.statement(
            {"amount": "1100.00", "reference": payment.reference, "booked_on": "2026-10-31"}
        )

    assert counts(report) == (0, 0, 0, 0, ["PERIOD_CLOSED"])


def test_a_refused_line_stops_no_other_of_its_set(shop: Shop) -> None:
    paid = [transfer(shop) for _ in range(3)]
    finance.close_period(entity_id=shop.entity.pk, year=2026, month=10, by=None)
    rows = [
        {"line_key": f"L-{n}", "amount": "1100.00", "reference": payment.reference}
        for n, (_, payment) in enumerate(paid)
    ]
    rows[1]["booked_on"] = "2026-10-31"

    report = shop.statement(*rows)

    assert counts(report) == (2, 0, 0, 0, ["PERIOD_CLOSED"])
    assert [error.line for error in report.errors] == [3]
    states = [Order.objects.get(pk=order.pk).payment_status for order, _ in paid]
    assert states == ["PAID", "NONE", "PAID"]


def test_lines_of_one_file_about_the_same_order_are_taken_one_after_the_other(shop: Shop) -> None:
    order, payment = transfer(shop)
    rows = [
        {"line_key": "L-1", "amount": "600.00", "reference": payment.reference},
        {"line_key": "L-2", "amount": "500.00", "reference": f"97 {payment.reference}"},
        {"line_key": "L-2", "amount": "500.00", "reference": payment.reference},
        {"line_key": "L-2", "amount": "9.00", "reference": payment.reference},
        {"line_key": "L-3", "amount": "5.00", "reference": finance.reference_of("ORD-2019-999999")},
    ]

    assert counts(shop.statement(*rows)) == (2, 1, 1, 0, ["LINE_CHANGED"])

    order.refresh_from_db()
    assert (order.status, str(order.captured_total)) == ("PLACED", "1100.00")
    assert receipts(order) == [
        ("ADVANCE", "SALE", "600.00", "PENDING"),
        ("ADVANCE", "SALE", "500.00", "PENDING"),
    ]
    assert open_exceptions(order) == []


def test_strange_files_and_accounts_are_refused(shop: Shop) -> None:
    def read(text: str, account: str = ACCOUNT) -> money.ImportReport:
        return money.import_bank_statement(account=account, text=text, by=None, now=NOW)

    for text in (
        "",
        "amount;booked_on\n1;2",
        "line_key\x00,booked_on,amount\n",
        'line_key,booked_on,amount\n"a',
    ):
        with nothing_changes(), pytest.raises(money.UnreadableFile):
            read(text)
    with nothing_changes(), pytest.raises(money.UnknownBankAccount):
        read("line_key,booked_on,amount\n", account="160-1-23")


def test_statement_of_the_stand_in_bank_is_read_as_it_is(shop: Shop, outside: Stand) -> None:
    order, payment = transfer(shop)
    row = {"amount": "1100.00", "reference": f"97{payment.reference}", "payer_name": "Ana Anić"}
    made = outside.http.post(
        "/bank/statements", json={"account": ACCOUNT, "lines": [row, {"amount": "-20.00"}]}
    )
    text = outside.http.get(f"/bank/statements/{made.json()['number']}.csv").text

    report = money.import_bank_statement(account=ACCOUNT, text=text, by=None, now=NOW)

    assert counts(report) == (1, 0, 0, 1, [])
    order.refresh_from_db()
    assert order.payment_status == "PAID"


# Couriers


def sent_cod(shop: Shop, tracking: str = "T1") -> Order:
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking=tracking)
    return order


def test_remittance_read_twice_changes_nothing(shop: Shop) -> None:
    sent_cod(shop)
    shop.remittance(("K-1", "T1", "1100.00", "30.00"))

    with nothing_changes():
        assert counts(shop.remittance(("K-1", "T1", "1100.00", "30.00"))) == (0, 0, 1, 0, [])
        assert counts(shop.remittance(("K-1", "T1", "1000.00", "30.00"))) == (0, 0, 0, 0, ["LINE_CHANGED"])


def test_courier_that_pays_too_little_still_owes_the_rest(shop: Shop) -> None:
    order = sent_cod(shop)

    shop.remittance(("K-1", "T1", "1000.00", "0.00"))

    order.refresh_from_db()
    assert order.payment_status == "PARTLY_PAID"
    assert shop.balances(order)["2281"] == "100.00"
    remitted = CourierRemittanceLine.objects.get()
    assert open_exceptions(order) == [("PAYMENT_MISMATCH", f"remittance:{remitted.pk}")]


def test_courier_that_pays_too_much_overpays_the_order(shop: Shop) -> None:
    order = sent_cod(shop)

    shop.remittance(("K-1", "T1", "1200.00", "0.00"))

    order.refresh_from_db()
    assert order.payment_status == "OVERPAID"
    balances = shop.balances(order)
    assert ("2281" in balances, balances["430"]) == (False, "-100.00")
    assert [kind for kind, _ in open_exceptions(order)] == ["OVERPAID", "PAYMENT_MISMATCH"]


def test_unknown_parcel_is_booked_as_unidentified_and_matched_by_a_person(shop: Shop) -> None:
    order = sent_cod(shop)

    assert counts(shop.remittance(("K-1", "T-99", "1100.00", "30.00"))) == (0, 1, 0, 0, [])

    remitted = CourierRemittanceLine.objects.get()
    assert posted("remittance", str(remitted.pk)) == [
        ("2480", "D", "1070.00"),
        ("4308", "P", "1100.00"),
        ("553", "D", "30.00"),
    ]
    money.match_remittance_line(line_id=remitted.pk, order_number=order.number, by=None, now=NOW)
    order.refresh_from_db()
    assert order.payment_status == "PAID"
    assert selectors.account_balance(entity_id=shop.entity.pk, code="4308") == 0
    assert open_exceptions() == []


def test_couriers_transfer_on_the_statement_counts_once(shop: Shop) -> None:
    sent_cod(shop)
    shop.remittance(("K-1", "T1", "1100.00", "30.00"))
    shop.statement({"amount": "1070.00", "payer": "Kurir d.o.o."})

    money.book_payout(line_id=line().pk, account="2480", by=None, now=NOW)

    sums = {
        row.code: str(row.balance) for row in selectors.trial_balance(entity_id=shop.entity.pk) if row.balance
    }
    assert (sums["241"], sums["553"]) == ("1070.00", "30.00")
    assert {"2281", "2480", "4308"} & sums.keys() == set()


def test_foreign_couriers_and_bad_lines_are_refused(shop: Shop) -> None:
    sent_cod(shop)
    with nothing_changes():
        with pytest.raises(money.UnknownCarrier):
            money.import_courier_remittance(carrier_code="nobody", text="", by=None, now=NOW)
        report = shop.remittance(("K-1", "T1", "0.00", "0.00"), ("K-2", "T1", "10.00", "20.00"))
    assert counts(report) == (0, 0, 0, 0, ["INVALID_INPUT"] * 2)


# Races


@pytest.mark.django_db(transaction=True)
def test_same_statement_read_at_once_pays_once(run_together: Callable[..., list[Any]]) -> None:
    shop = build()
    order, payment = transfer(shop)

    reports = run_together(6, lambda _: shop.statement({"amount": "1100.00", "reference": payment.reference}))

    assert sorted(counts(report)[:3] for report in reports) == [(0, 0, 1)] * 5 + [(1, 0, 0)]
    assert JournalEntry.objects.filter(document_kind="capture").count() == 1
    order.refresh_from_db()
    assert (str(order.captured_total), order.payment_status) == ("1100.00", "PAID")


@pytest.mark.django_db(transaction=True)
def test_same_lines_in_another_order_at_once_pay_once(run_together: Callable[..., list[Any]]) -> None:
    shop = build()
    paid = [transfer(shop) for _ in range(6)]
    rows = [
        {"line_key": f"L-{n}", "amount": "1100.00", "reference": payment.reference}
        for n, (_, payment) in enumerate(paid)
    ]
    rows += [
        {
            "line_key": f"U-{n}",
            "amount": "5.00",
            "reference": finance.reference_of(f"ORD-2019-00000{n}"),
            "payer": "Neko",
        }
        for n in range(6)
    ]

    reports = run_together(4, lambda n: shop.statement(*rows[n * 3 :], *rows[: n * 3]))

    assert [len(report.errors) for report in reports] == [0] * 4
    assert (sum(r.matched for r in reports), sum(r.unmatched for r in reports)) == (6, 6)
    assert JournalEntry.objects.filter(document_kind__in=["capture", "statement"]).count() == 12
    assert {order.payment_status for order in Order.objects.all()} == {"PAID"}
