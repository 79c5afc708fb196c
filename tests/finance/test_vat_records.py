"""VAT at SEF: what a period owes by papers and by the ledger, to the para; recorded once each, whatever goes wrong between."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from finance import selectors, vat
from finance import workflows as money
from finance.models import FiscalReceipt, JournalEntry, JournalLine, LedgerAccount, VatRecord
from finance.operations import vat_records
from finance.operations.vat_records import (
    DiffersFromLedger,
    PeriodNotOver,
    ReceiptNotSigned,
    RecordUnderWay,
)
from finance.vat import Amounts, Section, TaxPeriod
from oms.models import Order
from retail.kernel.errors import IllegalMove, InvalidInput
from retail.kernel.models import Holiday
from tests.factories import NOW, Sells, make_customer
from tests.finance.sef_world import BUYER, BUYER_NUMBER, Seller
from tests.finance.shop import all_of
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

NOVEMBER = TaxPeriod(2026, 11)
DECEMBER_5 = datetime(2026, 12, 5, 9, 0, tzinfo=UTC)
D = Decimal


def paras(figures: vat.Figures) -> dict[str, dict[str, list[str]]]:
    return vat.stored(figures)


# -- Who owes what until when ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "first", "last", "before"),
    [
        (1, date(2026, 1, 1), date(2026, 1, 31), TaxPeriod(2025, 12)),
        (2, date(2026, 2, 1), date(2026, 2, 28), TaxPeriod(2026, 1)),
        (13, date(2026, 1, 1), date(2026, 3, 31), TaxPeriod(2025, 16)),
        (16, date(2026, 10, 1), date(2026, 12, 31), TaxPeriod(2026, 15)),
    ],
)
def test_periods_are_numbered_as_sef_does(number: int, first: date, last: date, before: TaxPeriod) -> None:
    period = TaxPeriod(2026, number)
    assert (period.first, period.last, period.before) == (first, last, before)
    assert vat.period_of(last, is_quarterly=number > 12) == period


@pytest.mark.parametrize(
    ("period", "days_off", "due"),
    [
        (TaxPeriod(2026, 11), (), date(2026, 12, 10)),
        # The tenth is a Sunday, or a holiday before a Friday.
        (TaxPeriod(2026, 4), (), date(2026, 5, 11)),
        (TaxPeriod(2026, 8), (date(2026, 9, 10),), date(2026, 9, 11)),
        (TaxPeriod(2026, 16), (), date(2027, 1, 11)),
    ],
)
def test_the_last_day_is_the_tenth_or_the_next_working_day(
    period: TaxPeriod, days_off: tuple[date, ...], due: date
) -> None:
    assert period.due_on(days_off) == due


# -- What a month comes to -------------------------------------------------------------------------------------


def person(seller: Seller, *lines: Sells) -> Order:
    """Cash on delivery to a person: a fiscal receipt."""
    order = seller.shop.order(*lines, method="CASH_ON_DELIVERY", status="PLACED")
    seller.shop.cod_payment(order)
    seller.shop.dispatch(order, all_of(order), tracking=f"T-{order.pk}", now=seller.now)
    return order


def outsider(seller: Seller, *lines: Sells, prepaid: bool = False) -> Order:
    """A company that is not at SEF: a fiscal receipt with an invoice, paid by transfer when `prepaid`."""
    seller.register(is_registered=False)
    order = seller.shop.order(
        *lines,
        paper="FISCAL_COMPANY",
        customer=make_customer(kind="COMPANY", pib=BUYER),
        company_registration_number=BUYER_NUMBER,
        method="BANK_TRANSFER" if prepaid else "CASH_ON_DELIVERY",
        status="PENDING_PAYMENT" if prepaid else "PLACED",
    )
    if not prepaid:
        seller.shop.cod_payment(order)
        seller.shop.dispatch(order, all_of(order), tracking=f"T-{order.pk}", now=seller.now)
        return order
    payment = seller.shop.transfer_payment(order)
    seller.shop.statement(
        {"line_key": f"L-{order.pk}", "amount": str(order.total), "reference": payment.reference},
        now=seller.now,
    )
    order.refresh_from_db()
    return order


@pytest.fixture
def month(seller: Seller) -> Seller:
    """November: one sale to a company at SEF, two to persons, one and an advance to companies that are not there."""
    seller.sent_order(Sells(1, "1200.00", "STANDARD"))
    person(seller, Sells(1, "1259.00"))
    person(seller, Sells(2, "2400.00", "STANDARD"), Sells(1, "1100.00"))
    outsider(seller, Sells(1, "600.00", "STANDARD"), Sells(1, "2200.00"))
    outsider(seller, Sells(1, "3300.00"), prepaid=True)
    money.sign_receipts(now=seller.now)
    seller.work()
    seller.at(DECEMBER_5)
    return seller


def test_a_month_to_the_para_by_papers_and_by_the_ledger(month: Seller) -> None:
    found = selectors.vat_of_period(entity=month.shop.entity, period=NOVEMBER)

    assert paras(found.at_sef) == {"TURNOVER": {"20": ["1000.00", "200.00"]}}
    # 1,259.00 at ten percent is 1,144.55 and 114.45.
    assert paras(found.persons) == {"TURNOVER": {"10": ["2144.55", "214.45"], "20": ["2000.00", "400.00"]}}
    assert paras(found.companies) == {
        "PREPAYMENT": {"10": ["3000.00", "300.00"]},
        "TURNOVER": {"10": ["2000.00", "200.00"], "20": ["500.00", "100.00"]},
    }
    assert found.ledger == {D(20): D("700.00"), D(10): D("714.45")}
    assert found.agrees


def test_goods_that_close_an_advance_are_taxed_by_the_difference(seller: Seller) -> None:
    order = outsider(seller, Sells(2, "3300.00"), prepaid=True)
    money.sign_receipts(now=seller.now)
    seller.at(DECEMBER_5)
    seller.shop.dispatch(order, all_of(order), tracking="T-1", now=seller.now)

    november = selectors.vat_of_period(entity=seller.shop.entity, period=NOVEMBER)
    december = selectors.vat_of_period(entity=seller.shop.entity, period=TaxPeriod(2026, 12))

    assert paras(november.companies) == {"PREPAYMENT": {"10": ["3000.00", "300.00"]}}
    assert (december.companies[Section.TURNOVER][D(10)], december.ledger) == (
        Amounts(D("0.00"), D("0.00")),
        {D(20): D(0), D(10): D("0.00")},
    )
    assert november.agrees and december.agrees


# -- Recording -------------------------------------------------------------------------------------------------


def record(seller: Seller, period: TaxPeriod = NOVEMBER) -> list[VatRecord]:
    return vat_records.record_period(entity=seller.shop.entity, period=period, by=None, now=seller.now)


def send(seller: Seller, rounds: int = 1) -> None:
    for _ in range(rounds):
        money.send_vat_records(now=seller.now)
        seller.later(minutes=12)


def at_sef(seller: Seller) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = seller.stand.http.get("/admin/sef/vat-records").json()["results"]
    return rows


def states(seller: Seller) -> list[tuple[str, str]]:
    return list(VatRecord.objects.order_by("pk").values_list("kind", "state"))


def work(seller: Seller, period: TaxPeriod = NOVEMBER) -> selectors.PeriodWork:
    return selectors.work_of_period(entity=seller.shop.entity, period=period, now=seller.now)


def test_single_records_and_a_summary_reach_sef_with_their_figures(month: Seller) -> None:
    assert (work(month).state, work(month).missing, work(month).due_on) == (
        "TO_RECORD",
        2,
        date(2026, 12, 10),
    )
    made = record(month)
    assert work(month).state == "UNDER_WAY"
    send(month)

    assert states(month) == [
        ("INDIVIDUAL", "RECORDED"),
        ("INDIVIDUAL", "RECORDED"),
        ("SUMMARY", "RECORDED"),
    ]
    assert work(month).state == "DONE"
    sale, advance, summary = at_sef(month)
    assert {one["owner"] for one in (sale, advance, summary)} == {month.shop.entity.pib}
    assert [one.number for one in made] == [one["calculationNumber"] for one in (sale, advance, summary)]
    assert (sale["documentType"], sale["relatedPartyIdentifier"], sale["vatPeriod"], sale["year"]) == (
        380,
        BUYER,
        11,
        2026,
    )
    assert sale["documentNumber"].startswith(month.shop.entity.code[:12].upper() + "-R-2026-")
    assert (sale["noRealEstateBaseAmount20"], sale["noRealEstateCalculatedVat20"]) == (500.0, 100.0)
    assert (sale["noRealEstateBaseAmount10"], sale["noRealEstateCalculatedVat10"]) == (2000.0, 200.0)
    assert (advance["documentType"], advance["documentNumber"]) == (
        386,
        FiscalReceipt.objects.get(kind="ADVANCE").number,
    )
    assert (advance["noRealEstateBaseAmount10"], advance["noRealEstateCalculatedVat10"]) == (3000.0, 300.0)
    assert (summary["baseAmount20"], summary["calculatedVat20"]) == (2000.0, 400.0)
    assert (summary["baseAmount10"], summary["calculatedVat10"]) == (2144.55, 214.45)
    assert (summary["prepaymentAmount10"], summary["supplierTaxDebtorTurnoverReductionVat10"]) == (0.0, 0.0)


def test_asked_twice_it_is_recorded_once(month: Seller) -> None:
    record(month)
    send(month)

    assert record(month) == []
    send(month, 2)
    assert len(at_sef(month)) == 3


def test_receipts_of_persons_stay_out_when_the_accountant_says_so(month: Seller, settings: Any) -> None:
    settings.VAT_RECORDS_RETAIL = False
    record(month)
    send(month)

    assert [one["kind"] for one in at_sef(month)] == ["individual", "individual"]
    assert work(month).state == "DONE"


def test_a_late_entry_makes_a_correction(month: Seller) -> None:
    record(month)
    send(month)
    month.at(DECEMBER_5)
    person_in_november = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
    month.now = person_in_november
    person(month, Sells(1, "110.00"))
    month.at(DECEMBER_5)

    assert work(month).state == "CHANGED"
    [correction] = record(month)
    send(month)

    assert states(month)[2:] == [("SUMMARY", "REPLACED"), ("SUMMARY", "RECORDED")]
    assert correction.number == "Z-2026-11-2"
    before, after = at_sef(month)[2:]
    assert (before["vatRecordingStatus"], after["vatRecordingStatus"]) == (20, 10)
    assert (after["baseAmount10"], after["calculatedVat10"]) == (2244.55, 224.45)
    assert work(month).state == "DONE"


def test_what_is_withdrawn_is_owed_again(month: Seller) -> None:
    record(month)
    send(month)
    summary = VatRecord.objects.get(kind="SUMMARY")
    month.stand.fault("sef", "RESET", operation="withdraw")
    vat_records.cancel_record(record_id=summary.pk, by=None, now=month.now)
    send(month, 3)

    assert [one["vatRecordingStatus"] for one in at_sef(month)] == [10, 10, 30]
    assert work(month).state == "CHANGED"
    record(month)
    send(month)
    assert [one["vatRecordingStatus"] for one in at_sef(month)] == [10, 10, 30, 10]
    with nothing_changes(), pytest.raises(IllegalMove):
        vat_records.cancel_record(record_id=summary.pk, by=None, now=month.now)


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("TIMEOUT", {"seconds": 1.2}),
    ("TIMEOUT", {"seconds": 1.2, "stage": "BEFORE"}),
    ("RESET", {}),
    ("TRUNCATED", {}),
    ("HTML_ANSWER", {}),
    ("HTTP_503", {}),
    ("HTTP_429", {"count": 3}),
    ("KEY_EXPIRED", {}),
]


@pytest.mark.parametrize("begins", ["RECORDED", "DRAFT"])
@pytest.mark.parametrize(
    ("fault", "options"), FAULTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_one_record_whatever_happens_to_the_answer(
    seller: Seller, fault: str, options: dict[str, Any], begins: str
) -> None:
    """Whether SEF records at once or enters a draft first is not known: both ways."""
    person(seller, Sells(1, "1259.00"))
    seller.choose(vat_record_begins=begins)
    seller.at(DECEMBER_5)
    record(seller)
    seller.stand.fault("sef", fault, operation="record", **options)

    send(seller, 6)

    assert seller.stand.fired()["sef", fault] == options.get("count", 1)
    assert [one["vatRecordingStatus"] for one in at_sef(seller)] == [10]
    assert states(seller) == [("SUMMARY", "RECORDED")]
    one = VatRecord.objects.get()
    assert (one.is_in_doubt, one.error_code, one.sef_id) == (False, "", at_sef(seller)[0]["groupVatId"])


def test_what_sef_refuses_waits_for_a_person(seller: Seller) -> None:
    person(seller, Sells(1, "1259.00"))
    seller.at(DECEMBER_5)
    [made] = record(seller)
    VatRecord.objects.filter(pk=made.pk).update(body={**made.body, "relatedPartyIdentifier": ""})

    send(seller, 2)

    made.refresh_from_db()
    assert (made.state, made.error_code, at_sef(seller)) == ("REFUSED", "RequiredField", [])
    assert work(seller).state == "REFUSED"
    VatRecord.objects.filter(pk=made.pk).update(body={**made.body, "relatedPartyIdentifier": "111911206"})
    vat_records.retry_record(record_id=made.pk, by=None, now=seller.now)
    send(seller)
    assert work(seller).state == "DONE"


# -- Refusals --------------------------------------------------------------------------------------------------


def test_a_running_period_is_not_recorded(seller: Seller) -> None:
    person(seller, Sells(1, "1259.00"))
    with nothing_changes(), pytest.raises(PeriodNotOver):
        record(seller)
    assert work(seller).state == "RUNNING"


def test_companies_account_by_months_or_by_quarters(seller: Seller, settings: Any) -> None:
    person(seller, Sells(1, "1259.00"))
    seller.at(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
    quarter = TaxPeriod(2026, 16)
    with nothing_changes(), pytest.raises(InvalidInput):
        record(seller, quarter)
    settings.VAT_QUARTERLY = [seller.shop.entity.code]
    record(seller, quarter)
    send(seller)
    assert [(one["vatPeriod"], one["calculatedVat10"]) for one in at_sef(seller)] == [(16, 114.45)]
    with nothing_changes(), pytest.raises(InvalidInput):
        record(seller)


def test_nothing_is_recorded_when_papers_and_ledger_differ(seller: Seller) -> None:
    """The control: an entry on a tax account that no paper tells of."""
    person(seller, Sells(1, "1259.00"))
    entry = JournalEntry.objects.create(
        entity=seller.shop.entity, date=date(2026, 11, 30), document_kind="manual", memo="x", total=D("1.00")
    )
    for code, side in (("4761", "credit"), ("241", "debit")):
        account = LedgerAccount.objects.get(code=code)
        JournalLine.objects.create(entry=entry, account=account, **{side: D("1.00")})
    seller.at(DECEMBER_5)

    with nothing_changes(), pytest.raises(DiffersFromLedger):
        record(seller)


def test_an_advance_needs_the_number_of_its_receipt(seller: Seller) -> None:
    outsider(seller, Sells(1, "3300.00"), prepaid=True)
    seller.at(DECEMBER_5)
    with nothing_changes(), pytest.raises(ReceiptNotSigned):
        record(seller)
    money.sign_receipts(now=seller.now)
    assert len(record(seller)) == 1


def test_a_summary_under_way_is_not_overtaken(month: Seller) -> None:
    record(month)
    month.now = NOW
    person(month, Sells(1, "110.00"))
    month.at(DECEMBER_5)
    with nothing_changes(), pytest.raises(RecordUnderWay):
        record(month)


def test_the_work_list_tells_what_is_late(month: Seller) -> None:
    Holiday.objects.create(date=date(2026, 12, 10), name="Dan")
    rows = selectors.work_list(entity=month.shop.entity, now=month.now, periods=6)
    assert [(one.period, one.state, one.due_on) for one in rows] == [
        (TaxPeriod(2026, 12), "RUNNING", date(2027, 1, 11)),
        (NOVEMBER, "TO_RECORD", date(2026, 12, 11)),
    ]
    assert (rows[1].is_late(date(2026, 12, 11)), rows[1].is_late(date(2026, 12, 12))) == (False, True)
