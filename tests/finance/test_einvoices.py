"""Papers to SEF: once each, whatever goes wrong between, and without anybody's hand after it ends."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache

from crm import selectors as crm
from finance import selectors, tasks
from finance import workflows as money
from finance.models import EInvoice, Invoice, JournalEntry
from finance.operations import einvoices
from finance.operations.einvoices import HasDependants, NotWithdrawable
from finance.providers import sef_documents
from retail.kernel import failpoints
from retail.kernel.errors import InvalidInput
from retail.sandbox import sef_documents as stand_in
from tests.factories import Sells
from tests.finance.judges import faults, said
from tests.finance.sef_world import BUYER, Seller, history, state_of
from tests.finance.shop import all_of, open_exceptions
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BELGRADE = ZoneInfo("Europe/Belgrade")
LATE_EVENING = datetime(2026, 11, 23, 23, 58, tzinfo=BELGRADE)


def test_invoice_goes_its_way_and_every_step_is_written_down(seller: Seller) -> None:
    order, einvoice = seller.sent_order()
    number = einvoice.invoice.number

    seller.work()

    assert seller.at_sef() == [("380", number, "Sent")]
    assert state_of(einvoice) == "SENT"
    seller.decide(number, "Approved")
    seller.later(hours=7)
    seller.work()
    assert state_of(einvoice) == "APPROVED"
    assert history(einvoice) == [
        ("QUEUED", "QUEUED", ""),
        ("RENDERED", "QUEUED", ""),
        ("STATE", "SENDING", ""),
        ("STATE", "SENT", ""),
        ("STATE", "APPROVED", ""),
    ]
    assert einvoice.sales_id != einvoice.purchase_id
    assert faults(einvoice.document.encode()) == []
    assert open_exceptions(order) == []


UPLOAD_FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("TIMEOUT", {"seconds": 1.2}),
    ("TIMEOUT", {"seconds": 1.2, "stage": "BEFORE"}),
    ("RESET", {}),
    ("RESET", {"stage": "BEFORE"}),
    ("TRUNCATED", {}),
    ("HTML_ANSWER", {}),
    ("HTTP_500", {}),
    ("HTTP_502", {"stage": "AFTER"}),
    ("HTTP_503", {}),
    ("HTTP_429", {"count": 3}),
    ("HTTP_429_RETRY_AFTER", {"count": 3}),
    ("KEY_EXPIRED", {}),
]


@pytest.mark.parametrize("duplicate", ["REPLAY", "REFUSE"])
@pytest.mark.parametrize(
    ("fault", "options"),
    UPLOAD_FAULTS,
    ids=lambda value: value if isinstance(value, str) else value.get("stage", ""),
)
def test_one_document_whatever_happens_to_the_answer(
    seller: Seller, fault: str, options: dict[str, Any], duplicate: str
) -> None:
    seller.choose(duplicate_request=duplicate)
    order, einvoice = seller.sent_order()
    seller.stand.fault("sef", fault, operation="upload", **options)

    seller.work(5)

    assert seller.stand.fired()["sef", fault] == options.get("count", 1)
    assert seller.at_sef() == [("380", einvoice.invoice.number, "Sent")]
    assert state_of(einvoice) == "SENT"
    assert not einvoice.is_in_doubt
    assert open_exceptions(order) == []
    ids = {one["reference"] for one in seller.calls("upload")} - {""}
    assert ids == {einvoice.request_id}


@pytest.mark.parametrize("fault", ["TIMEOUT", "HTTP_503", "TRUNCATED"])
def test_one_document_when_the_look_up_fails_too(seller: Seller, fault: str) -> None:
    seller.choose(duplicate_request="REFUSE")
    _, einvoice = seller.sent_order()
    seller.stand.fault("sef", "RESET", operation="upload")
    for operation in ("ids", "xml"):
        seller.stand.fault(
            "sef", fault, operation=operation, **({"seconds": 1.2} if fault == "TIMEOUT" else {})
        )

    seller.work(5)

    assert seller.at_sef() == [("380", einvoice.invoice.number, "Sent")]
    assert state_of(einvoice) == "SENT"


def test_worker_that_dies_between_answer_and_row_sends_nothing_twice(
    seller: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, einvoice = seller.sent_order()

    def die(point: str) -> None:
        raise KeyboardInterrupt(point)

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "hit", die)
        with pytest.raises(KeyboardInterrupt):
            money.submit_einvoices(now=seller.now)
    assert (state_of(einvoice), einvoice.is_in_doubt) == ("QUEUED", True)

    seller.work(2)

    assert seller.at_sef() == [("380", einvoice.invoice.number, "Sent")]
    assert len({one["reference"] for one in seller.calls("upload")}) == 1


def test_day_of_outage_drains_in_order_without_a_hand(seller: Seller) -> None:
    papers = [seller.sent_order(Sells(1, "1200.00", "STANDARD"))[1] for _ in range(3)]
    seller.stand.fault("sef", "HTTP_503", probability=1.0)

    seller.work(8, minutes=180)

    assert seller.at_sef() == []
    assert {kind for kind, _ in open_exceptions()} == {"PAPER_FAILED"}
    seller.stand.http.delete("/admin/faults")
    seller.work(3)
    assert [number for _, number, _ in seller.at_sef()] == [one.invoice.number for one in papers]
    assert [state_of(one) for one in papers] == ["SENT"] * 3
    assert open_exceptions() == []


def test_night_pause_is_waited_out(seller: Seller) -> None:
    seller.at(datetime(2026, 11, 24, 1, 0, tzinfo=BELGRADE))
    seller.choose(night_pause="YES")
    _, einvoice = seller.sent_order()

    seller.work(4, minutes=60)

    assert seller.at_sef() == []
    seller.work(4, minutes=60)
    assert state_of(einvoice) == "SENT"


@pytest.mark.parametrize("case", ["PASCAL", "LOWER"])
def test_answers_are_read_in_either_case(seller: Seller, case: str) -> None:
    seller.choose(answer_case=case)
    _, einvoice = seller.sent_order()

    seller.work()

    assert state_of(einvoice) == "SENT"


def test_status_that_nobody_knows_changes_nothing(seller: Seller) -> None:
    _, einvoice = seller.sent_order()
    seller.stand.fault("sef", "UNKNOWN_STATUS")

    seller.work()

    assert (state_of(einvoice), einvoice.sef_status) == ("SENDING", "SomethingNew")
    seller.work()
    assert (state_of(einvoice), einvoice.sef_status) == ("SENT", "Sent")


# -- The day turns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", ["REPLAY", "REFUSE"])
@pytest.mark.parametrize("checked", ["NO", "YES"])
def test_document_stored_before_midnight_is_found_after_it(
    seller: Seller, duplicate: str, checked: str
) -> None:
    seller.at(LATE_EVENING)
    seller.choose(duplicate_request=duplicate, validated_before_request=checked)
    _, einvoice = seller.sent_order()
    seller.stand.fault("sef", "RESET", operation="upload")

    seller.work(3)

    assert state_of(einvoice) == "SENT"
    assert [number for _, number, _ in seller.at_sef()] == [einvoice.invoice.number]
    assert einvoice.document_date == date(2026, 11, 23)


def test_document_not_stored_before_midnight_gets_the_new_day_and_another_request_id(seller: Seller) -> None:
    seller.at(LATE_EVENING)
    _, einvoice = seller.sent_order()
    seller.stand.fault("sef", "RESET", operation="upload", stage="BEFORE")
    seller.work()
    einvoice.refresh_from_db()
    first, was_in_doubt = einvoice.request_id, einvoice.is_in_doubt

    seller.work(3)

    assert was_in_doubt
    assert state_of(einvoice) == "SENT"
    assert einvoice.request_id != first
    xml = einvoice.document.encode()
    assert faults(xml) == []
    assert said(xml, "cbc:ID") == einvoice.invoice.number
    assert (said(xml, "cbc:IssueDate"), said(xml, "cac:Delivery/cbc:ActualDeliveryDate")) == (
        "2026-11-24",
        "2026-11-23",
    )
    assert einvoice.invoice.issued_on == date(2026, 11, 23)


def test_document_never_sent_is_made_for_the_day_on_which_it_goes(seller: Seller) -> None:
    seller.at(LATE_EVENING)
    _, einvoice = seller.sent_order()
    seller.stand.fault("sef", "HTTP_429", operation="upload")
    seller.work()

    seller.work(2)

    assert state_of(einvoice) == "SENT"
    assert einvoice.document_date == date(2026, 11, 24)
    assert len(seller.calls("ids")) == 0


# -- Advances and credit notes ---------------------------------------------------------------------------------


def test_closing_invoice_waits_for_its_advance_and_the_goods_do_not(seller: Seller) -> None:
    order, advance = seller.prepaid_order()
    seller.shop.dispatch(order, all_of(order), tracking="T1", now=seller.now)
    closing = seller.of(order, "INVOICE")

    seller.work(2)

    assert (state_of(advance), state_of(closing)) == ("SENT", "BLOCKED_BY_ADVANCE")
    seller.decide(advance.invoice.number, "Approved")
    seller.later(hours=7)
    seller.work(3)
    assert (state_of(advance), state_of(closing)) == ("APPROVED", "SENT")
    assert [kind for kind, _, _ in seller.at_sef()] == ["386", "380"]


@pytest.mark.parametrize("extension", ["XSD", "SBT"])
def test_disputed_extension_is_tried_the_other_way(seller: Seller, extension: str) -> None:
    seller.choose(extension=extension)
    order, advance = seller.prepaid_order()
    seller.shop.dispatch(order, all_of(order), tracking="T1", now=seller.now)
    seller.work()
    seller.decide(advance.invoice.number, "Approved")
    seller.later(hours=7)

    seller.work(3)

    closing = seller.of(order, "INVOICE")
    assert state_of(closing) == "SENT"
    assert closing.extension == ("" if extension == "XSD" else "SBT")


@pytest.mark.parametrize("period", ["ANY", "0", "35"])
def test_disputed_period_of_a_credit_note_is_tried_the_other_way(seller: Seller, period: str) -> None:
    seller.choose(credit_note_period=period)
    order, invoice = seller.sent_order()
    toy, _ = all_of(order)
    seller.shop.take_back(order, [(toy[0], 1)])
    credit = seller.of(order, "CREDIT_NOTE")

    seller.work(3)

    assert (state_of(invoice), state_of(credit)) == ("SENT", "SENT")
    assert said(credit.document.encode(), "cac:InvoicePeriod/cbc:DescriptionCode") == (
        "35" if period == "35" else "0"
    )


def test_credit_note_waits_for_its_invoice(seller: Seller) -> None:
    order, invoice = seller.sent_order()
    seller.shop.take_back(order, all_of(order)[:1])
    credit = seller.of(order, "CREDIT_NOTE")
    seller.stand.fault("sef", "HTTP_503", operation="upload")

    money.submit_einvoices(now=seller.now)

    assert (state_of(invoice), state_of(credit)) == ("QUEUED", "BLOCKED_BY_SOURCE")
    assert len(seller.calls("upload")) == 1
    seller.work(3)
    assert (state_of(invoice), state_of(credit)) == ("SENT", "SENT")


def test_budget_user_is_named_by_its_number_and_goes_on_to_the_register(seller: Seller) -> None:
    seller.register(jbkjs="10520")
    order, advance = seller.prepaid_order(jbkjs="10520")
    seller.shop.dispatch(order, all_of(order), tracking="T1", now=seller.now)
    seller.work()
    seller.decide(advance.invoice.number, "Approved")
    seller.later(hours=7)

    seller.work(3)

    closing = seller.of(order, "INVOICE")
    assert (state_of(advance), state_of(closing)) == ("APPROVED", "SENT")
    path = "cac:AccountingCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID"
    assert said(closing.document.encode(), path) == "JBKJS:10520"


def renew_register() -> None:
    cache.delete(tasks.REGISTER_IS_FRESH)
    tasks.renew_register()


def test_the_number_of_a_budget_user_is_known_from_the_register(seller: Seller) -> None:
    seller.register(jbkjs="10520")
    renew_register()
    order, _ = seller.sent_order()
    assert seller.of(order, "INVOICE").invoice.buyer_jbkjs == "10520"


def test_a_register_that_does_not_answer_stays_and_is_asked_again_in_an_hour(seller: Seller) -> None:
    seller.register(jbkjs="10520")
    renew_register()
    seller.stand.fault("sef", "HTTP_500")
    with nothing_changes():
        renew_register()
    assert cache.get(tasks.REGISTER_IS_FRESH) is False
    assert crm.jbkjs_of(BUYER) == "10520"


# -- Refused, rejected, mistaken -------------------------------------------------------------------------------


def test_our_own_checks_refuse_before_sef_is_asked(seller: Seller) -> None:
    order, einvoice = seller.sent_order(company_registration_number="")

    seller.work()

    assert (state_of(einvoice), einvoice.error_code) == (
        "REFUSED",
        "UBLRegistrationCodeDoesNotHaveGoodLength",
    )
    assert seller.calls("upload") == []
    assert open_exceptions(order) == [("PAPER_FAILED", f"einvoice:{einvoice.pk}")]


def test_refused_paper_is_issued_anew_with_the_buyer_put_right(seller: Seller) -> None:
    order, einvoice = seller.sent_order(company_registration_number="")
    seller.work()
    entries = JournalEntry.objects.count()

    einvoices.request_withdrawal(
        einvoice_id=einvoice.pk,
        reason="Nedostaje maticni broj",
        by=None,
        now=seller.now,
        is_to_be_replaced=True,
        corrections={"buyer_registration_number": "20998873"},
    )
    seller.work()

    new = seller.of(order, "INVOICE")
    assert (state_of(einvoice), state_of(new)) == ("CANCELED", "SENT")
    assert new.invoice.replaces_id == einvoice.invoice_id
    assert new.invoice.number != einvoice.invoice.number
    assert (new.invoice.total, new.invoice.entry_id) == (einvoice.invoice.total, einvoice.invoice.entry_id)
    assert JournalEntry.objects.count() == entries
    assert open_exceptions(order) == []


def test_what_sef_refuses_waits_for_a_person_in_its_own_words(seller: Seller) -> None:
    order, einvoice = seller.sent_order()
    seller.register(is_registered=False)

    seller.work(3)

    assert (state_of(einvoice), einvoice.error_code) == ("REFUSED", "ReceiverCompanyNotFound")
    assert einvoice.said == "Primalac nije registrovan na SEF-u."
    assert len(seller.calls("upload")) == 1
    first = einvoice.request_id
    seller.register()
    einvoices.retry_einvoice(einvoice_id=einvoice.pk, by=None, now=seller.now)
    seller.work()
    assert state_of(einvoice) == "SENT"
    assert einvoice.request_id != first
    assert open_exceptions(order) == []


def test_code_that_is_in_no_list_is_a_refusal_like_others(seller: Seller) -> None:
    _, einvoice = seller.sent_order()
    seller.stand.fault("sef", "UNKNOWN_CODE")

    seller.work()

    assert (state_of(einvoice), einvoice.error_code) == ("REFUSED", "SomethingNobodyHasSeen")


@pytest.mark.parametrize("fault", [None, "TIMEOUT", "RESET", "HTTP_503", "HTTP_429", "TRUNCATED"])
def test_rejected_invoice_is_reversed_and_follows_under_a_new_number(
    seller: Seller, fault: str | None
) -> None:
    order, einvoice = seller.sent_order()
    seller.work()
    old = einvoice.invoice.number
    seller.decide(old, "Rejected", "Pogresna adresa")
    seller.later(hours=7)
    seller.work()
    assert (state_of(einvoice), einvoice.said) == ("REJECTED", "Pogresna adresa")
    balances = selectors.order_balances(order_number=order.number)
    if fault:
        seller.stand.fault(
            "sef", fault, operation="storno", **({"seconds": 1.2} if fault == "TIMEOUT" else {})
        )

    einvoices.request_withdrawal(
        einvoice_id=einvoice.pk,
        reason="Pogresna adresa",
        by=None,
        now=seller.now,
        is_to_be_replaced=True,
        corrections={"buyer_street": "Nova 2"},
    )
    seller.work(5)

    papers = Invoice.objects.filter(order=order, kind="INVOICE").order_by("pk")
    assert (papers[0].number, len(papers)) == (old, 2)
    assert seller.at_sef() == [("380", old, "Storno"), ("380", papers[1].number, "Sent")]
    assert papers[1].buyer_street == "Nova 2"
    assert selectors.order_balances(order_number=order.number) == balances
    assert open_exceptions(order) == []
    # What comes back later is credited on the paper that stands.
    seller.shop.take_back(order, all_of(order)[:1])
    seller.work(2)
    credit = seller.of(order, "CREDIT_NOTE")
    assert state_of(credit) == "SENT"
    assert (
        said(credit.document.encode(), "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")
        == papers[1].number
    )


def test_late_mistake_is_canceled_and_follows_under_a_new_number(seller: Seller) -> None:
    order, einvoice = seller.sent_order()
    seller.stand.fault("sef", "LATE_REFUSAL")
    seller.work()
    assert (state_of(einvoice), einvoice.said) == ("MISTAKE", "InvoiceSigningFail")

    einvoices.request_withdrawal(
        einvoice_id=einvoice.pk, reason="Nije izdata", by=None, now=seller.now, is_to_be_replaced=True
    )
    seller.work(2)

    assert [status for _, _, status in seller.at_sef()] == ["Cancelled", "Sent"]
    assert len({number for _, number, _ in seller.at_sef()}) == 2
    assert open_exceptions(order) == []


@pytest.mark.parametrize("late_approval", ["YES", "NO"])
def test_rejection_is_not_the_last_word(seller: Seller, late_approval: str) -> None:
    seller.choose(late_approval=late_approval)
    order, einvoice = seller.sent_order()
    seller.work()
    seller.later(days=21)
    seller.work()
    assert state_of(einvoice) == "REJECTED"
    assert open_exceptions(order) != []
    if late_approval == "NO":
        return

    seller.decide(einvoice.invoice.number, "Approved")
    seller.later(days=2)
    seller.work()

    assert state_of(einvoice) == "APPROVED"
    assert open_exceptions(order) == []


def test_invoice_with_a_credit_note_is_not_withdrawn(seller: Seller) -> None:
    order, einvoice = seller.sent_order()
    seller.shop.take_back(order, all_of(order)[:1])
    seller.work(3)

    with nothing_changes(), pytest.raises(HasDependants):
        einvoices.request_withdrawal(einvoice_id=einvoice.pk, reason="x", by=None, now=seller.now)


def test_withdrawal_is_refused_without_a_reason_and_in_the_wrong_state(seller: Seller) -> None:
    _, einvoice = seller.sent_order()

    with nothing_changes(), pytest.raises(InvalidInput):
        einvoices.request_withdrawal(einvoice_id=einvoice.pk, reason=" ", by=None, now=seller.now)
    with nothing_changes(), pytest.raises(NotWithdrawable):
        einvoices.request_withdrawal(einvoice_id=einvoice.pk, reason="x", by=None, now=seller.now)
    seller.work()
    with nothing_changes(), pytest.raises(InvalidInput):
        einvoices.request_withdrawal(
            einvoice_id=einvoice.pk, reason="x", by=None, now=seller.now, corrections={"total": "1.00"}
        )


def test_reversal_at_the_portal_is_seen_and_shown(seller: Seller) -> None:
    order, einvoice = seller.sent_order()
    seller.work()
    client = seller.stand.sef()
    assert einvoice.sales_id is None
    einvoice.refresh_from_db()
    assert einvoice.sales_id is not None
    client.storno(sales_id=einvoice.sales_id, comment="iz portala")
    seller.later(hours=7)

    seller.work()

    assert state_of(einvoice) == "STORNO"
    assert open_exceptions(order) == [("PAPER_FAILED", f"einvoice:{einvoice.pk}")]
    einvoices.request_withdrawal(
        einvoice_id=einvoice.pk, reason="Izdaje se ponovo", by=None, now=seller.now, is_to_be_replaced=True
    )
    seller.work()
    assert [status for _, _, status in seller.at_sef()] == ["Storno", "Sent"]
    assert open_exceptions(order) == []


# -- Pace ------------------------------------------------------------------------------------------------------


def test_three_calls_a_second_are_never_passed(seller: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
    seller.choose(calls_per_second="3")
    for _ in range(5):
        seller.sent_order(Sells(1, "120.00", "STANDARD"))
    monkeypatch.setattr(
        sef_documents,
        "from_settings",
        lambda *, api_key: seller.stand.sef(turn=lambda: sef_documents.turn_of(api_key, 0.35)),
    )

    assert money.submit_einvoices(now=seller.now) == 5

    assert [one["status"] for one in seller.calls("upload")] == [200] * 5


@pytest.mark.parametrize("retry_after", ["NO", "YES"])
def test_without_the_pause_sef_says_no_and_the_rest_comes_later(
    seller: Seller, monkeypatch: pytest.MonkeyPatch, retry_after: str
) -> None:
    seller.choose(calls_per_second="3", retry_after=retry_after)
    monkeypatch.setattr(stand_in, "_stopwatch", lambda: 7.0)
    papers = [seller.sent_order(Sells(1, "120.00", "STANDARD"))[1] for _ in range(5)]

    stored = money.submit_einvoices(now=seller.now)

    assert stored == 3
    assert [one["status"] for one in seller.calls("upload")] == [200, 200, 200, 429, 429]
    seller.choose(calls_per_second="0")
    seller.work(2)
    assert [state_of(one) for one in papers] == ["SENT"] * 5


def test_only_buyers_at_sef_have_a_way_there(seller: Seller) -> None:
    seller.register(is_registered=False)
    order = seller.shop.order(
        Sells(1, "1200.00", "STANDARD"), paper="FISCAL_COMPANY", method="CASH_ON_DELIVERY", status="PLACED"
    )
    seller.shop.cod_payment(order)
    seller.shop.dispatch(order, all_of(order), tracking="T1")

    assert Invoice.objects.filter(order=order).count() == 1
    assert not EInvoice.objects.exists()
    assert selectors.order_balances(order_number=order.number)["2281"] == Decimal("1200.00")
