"""Finance pages: who may see them, that they say what the rows say, and that refused acts change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern

from finance import operations as finance
from finance import workflows as money
from finance.models import (
    BankStatementLine,
    CourierRemittanceLine,
    FiscalReceipt,
    Invoice,
    JournalEntry,
    JournalLine,
    Period,
    Refund,
)
from finance.urls import urlpatterns
from oms.models import Order
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE
from tests.factories import NOW, Sells, goods_lines
from tests.finance.shop import ACCOUNT, Shop, all_of
from tests.sandbox.stand import Stand
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK, TOY = Sells(1, "1100.00"), Sells(1, "1200.00", "STANDARD")
SPAN = {"since": "2026-11-01", "until": "2026-11-30"}
HEAD = "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
LISTS = [
    "",
    "entries/",
    "periods/",
    "invoices/",
    "receipts/",
    "payments/",
    "refunds/",
    "statements/",
    "remittances/",
]


@pytest.fixture
def accountant(db: None) -> Client:
    return client_of(make_staff("ACCOUNTANT"))


def text_of(answer: Any) -> str:
    """What a reader sees: no marks, single spaces."""
    page = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(page.replace("&nbsp;", " ").replace("\u00a0", " ").split())


def get(client: Client, path: str, **query: str) -> Any:
    return client.get(f"/en/ops/finance/{path}", query)


def post(client: Client, path: str, data: dict[str, Any] | None = None) -> Any:
    return client.post(f"/en/ops/finance/{path}", data or {})


def sold(shop: Shop) -> Order:
    order = shop.order(BOOK, TOY, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    return order


# -- Who may -----------------------------------------------------------------------------------------------------


def test_every_page_names_its_permission() -> None:
    """Reading is for those who see the books, each act for those who keep them."""
    reads = {"trial_balance", "account", "entries", "entry", "periods", "invoices", "invoice", "invoice_pdf"}
    reads |= {"receipts", "receipt", "receipt_pdf", "payments", "payment", "refunds"}
    reads |= {"statements", "statement", "remittances", "remittance"}
    reads |= {"einvoices", "einvoice", "einvoice_xml", "purchases", "purchase", "vat", "vat_period"}
    found = {one.name: _permission(one) for one in urlpatterns}
    assert found == {name: VIEW_FINANCE if name in reads else EDIT_FINANCE for name in found}


def _permission(pattern: URLPattern) -> Any:
    return getattr(pattern.callback, "permission", None)


@pytest.mark.parametrize("path", LISTS)
def test_lists_open_for_accountant_and_auditor_and_for_nobody_else(shop: Shop, path: str) -> None:
    for role in ("ACCOUNTANT", "AUDITOR"):
        assert get(client_of(make_staff(role)), path).status_code == 200
    for role in ("AGENT", "PICKER", "STORE", "OPS_LEAD", "MERCHANDISER", "INTEGRATOR"):
        assert get(client_of(make_staff(role)), path).status_code == 403


def test_a_stranger_logs_in_and_staff_without_a_second_factor_enrols(shop: Shop) -> None:
    stranger = get(client_of(None), "entries/")
    bare = get(client_of(make_staff("ACCOUNTANT", has_second_factor=False)), "entries/")
    assert (stranger.status_code, "/login/" in stranger["Location"]) == (302, True)
    assert "next=%2Fen%2Fops%2Ffinance%2Fentries%2F" in stranger["Location"]
    assert (bare.status_code, "totp" in bare["Location"]) == (302, True)


def test_an_auditor_sees_the_books_but_changes_nothing(shop: Shop) -> None:
    shop.statement({"amount": "55.00"})
    line = BankStatementLine.objects.get()
    auditor = client_of(make_staff("AUDITOR"))
    assert "Match" not in text_of(get(auditor, f"statements/{line.pk}/")).split("Our account")[1]
    for path in (
        "periods/2026/11/close/",
        "refunds/settle/",
        "statements/import/",
        "remittances/import/",
        f"statements/{line.pk}/match/",
        f"statements/{line.pk}/aside/",
        f"statements/{line.pk}/payout/",
    ):
        with nothing_changes():
            assert post(auditor, path).status_code == 403


# -- The books ---------------------------------------------------------------------------------------------------


def test_trial_balance_says_what_the_journal_says(shop: Shop, accountant: Client) -> None:
    sold(shop)

    page = text_of(get(accountant, "", **SPAN))

    assert "Balanced" in page and "Turnover: difference 0.00" in page
    assert "Stock in the books = value of stock" in page
    assert "2281 Cash on delivery held by couriers 0.00 0.00 2,300.00 0.00 2,300.00 0.00" in page
    assert "604 Sales of goods 0.00 0.00 0.00 2,000.00 0.00 2,000.00" in page
    assert "4761 Output VAT in retail, reduced rate 0.00 0.00 0.00 100.00 0.00 100.00" in page


def test_what_was_before_the_span_is_its_opening(shop: Shop, accountant: Client) -> None:
    sold(shop)

    page = text_of(get(accountant, "", since="2026-12-01", until="2026-12-31"))

    assert "2281 Cash on delivery held by couriers 2,300.00 0.00 0.00 0.00 2,300.00 0.00" in page
    assert "2281" not in text_of(get(accountant, "", since="2026-12-01", until="2026-12-31", moved="1"))


def test_trial_balance_goes_down_to_the_order_and_its_goods(shop: Shop, accountant: Client) -> None:
    order = sold(shop)
    entry = JournalEntry.objects.get(document_kind="dispatch")

    balance = get(accountant, "", **SPAN).content.decode()
    card = get(accountant, "accounts/604/", **SPAN)
    page = get(accountant, f"entries/{entry.pk}/")

    assert "/en/ops/finance/accounts/604/?entity=" in balance
    assert f"/en/ops/finance/entries/{entry.pk}/" in card.content.decode()
    assert "1,000.00 −1,000.00" in text_of(card) and "1,000.00 −2,000.00" in text_of(card)
    assert f"/en/ops/orders/{order.number}/" in page.content.decode()
    for line in goods_lines(order):
        assert f"{line.title} {order.number}, line {line.position}" in text_of(page)
    assert "Goods moved" in text_of(page)


def test_card_of_an_account_carries_its_balance_over_pages(
    shop: Shop, accountant: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finance.views import books

    sold(shop)
    monkeypatch.setattr(books, "CARD_SIZE", 1)

    first, second = (text_of(get(accountant, "accounts/604/", **SPAN, page=str(n))) for n in (1, 2))

    assert "Opening balance 0.00" in first and "1,000.00 −1,000.00" in first
    assert "Carried over −1,000.00" in second and "1,000.00 −2,000.00" in second


def test_csv_has_the_same_sums(shop: Shop, accountant: Client) -> None:
    sold(shop)
    answer = get(accountant, "", **SPAN, format="csv")
    rows = dict(line.split(",", 1) for line in answer.content.decode().splitlines())
    assert answer["Content-Type"].startswith("text/csv")
    assert rows["604"].endswith(",0,0,0.00,2000.00,0,2000.00") or rows["604"].endswith("2000.00")


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        (lambda entry: {"q": entry.document_key}, True),
        (lambda entry: {"q": entry.order_number.lower()}, True),
        (lambda entry: {"q": str(entry.pk)}, True),
        (lambda entry: {"kind": "dispatch", "order": entry.order_number}, True),
        (lambda entry: {"account": "604"}, True),
        (lambda entry: {"since": "2026-11-23", "until": "2026-11-23", "kind": "dispatch"}, True),
        (lambda entry: {"until": "2026-11-22"}, False),
        (lambda entry: {"account": "999"}, False),
        (lambda entry: {"kind": "refund"}, True),  # not on the list: left out
        (lambda entry: {"since": "garbage", "q": entry.document_key}, True),
    ],
)
def test_entries_are_found_by_document_order_account_and_day(
    shop: Shop, accountant: Client, query: Callable[[JournalEntry], dict[str, str]], is_found: bool
) -> None:
    sold(shop)
    entry = JournalEntry.objects.get(document_kind="dispatch")
    page = get(accountant, "entries/", **query(entry)).content.decode()
    assert (f"/entries/{entry.pk}/" in page) == is_found


def test_a_month_is_closed_and_opened_by_the_accountant(shop: Shop, accountant: Client) -> None:
    sold(shop)

    post(accountant, "periods/2026/11/close/", {"entity": shop.entity.code})

    assert Period.objects.get(year=2026, month=11).state == "CLOSED"
    assert "Month closed" in text_of(get(accountant, "", **SPAN))
    with pytest.raises(finance.PeriodClosed):
        sold(shop)
    post(accountant, "periods/2026/11/open/", {"entity": shop.entity.code})
    assert Period.objects.get(year=2026, month=11).state == "OPEN"


@pytest.mark.parametrize("path", ["periods/2026/13/close/", "periods/2026/3/open/", "periods/2026/11/burn/"])
def test_a_month_that_is_none_is_refused(shop: Shop, accountant: Client, path: str) -> None:
    sold(shop)
    with nothing_changes():
        assert post(accountant, path, {"entity": shop.entity.code}).status_code in (302, 404)


# -- Papers ------------------------------------------------------------------------------------------------------


def test_an_invoice_shows_its_lines_rates_and_pdf(shop: Shop, accountant: Client) -> None:
    order = shop.order(BOOK, TOY, method="BANK_TRANSFER", paper="FISCAL_COMPANY")
    payment = shop.transfer_payment(order)
    shop.statement({"amount": "2300.00", "reference": payment.reference})
    order.refresh_from_db()
    shop.dispatch(order, all_of(order), tracking="T1")
    invoice = Invoice.objects.get(kind="INVOICE")

    page = text_of(get(accountant, f"invoices/{invoice.number}/"))
    pdf = get(accountant, f"invoices/{invoice.number}/pdf/")

    assert "Total without VAT 2,000.00 VAT 20 % 200.00 VAT 10 % 100.00 Total 2,300.00 RSD" in page
    assert "Firma d.o.o. PIB 100000024" in page
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    for text in (invoice.number, "Firma", "100000024", order.number):
        assert invoice.number in text_of(get(accountant, "invoices/", q=text))
    assert invoice.number not in text_of(get(accountant, "invoices/", kind="CREDIT_NOTE"))
    assert (
        get(accountant, "invoices/NOPE/").status_code
        == get(accountant, "invoices/NOPE/pdf/").status_code
        == 404
    )


def test_a_signed_receipt_shows_journal_and_verification(
    shop: Shop, outside: Stand, accountant: Client
) -> None:
    sold(shop)
    waiting = FiscalReceipt.objects.get()
    assert get(accountant, f"receipts/{waiting.pk}/pdf/").status_code == 404

    money.sign_receipts(now=NOW)
    receipt = FiscalReceipt.objects.get()
    page = get(accountant, f"receipts/{receipt.pk}/")

    assert "ФИСКАЛНИ РАЧУН" in text_of(page) and receipt.number in text_of(page)
    assert receipt.verification_url.split("?")[0] in page.content.decode()
    assert '<div class="qr"><svg' in page.content.decode()
    assert get(accountant, f"receipts/{receipt.pk}/pdf/").content[:5] == b"%PDF-"
    assert receipt.number in text_of(get(accountant, "receipts/", state="SIGNED"))
    assert receipt.number not in text_of(get(accountant, "receipts/", state="OPEN"))


def test_a_refused_receipt_says_why_in_words_and_is_sent_again(shop: Shop, accountant: Client) -> None:
    sold(shop)
    FiscalReceipt.objects.update(state="FAILED", error_codes=["2310"])
    receipt = FiscalReceipt.objects.get()

    page = text_of(get(accountant, f"receipts/{receipt.pk}/"))
    post(accountant, f"receipts/{receipt.pk}/retry/")

    assert "A tax label is not valid on this day. 2310" in page
    receipt.refresh_from_db()
    assert (receipt.state, receipt.error_codes) == ("PENDING", [])
    with nothing_changes():
        post(accountant, f"receipts/{receipt.pk}/retry/")


def test_a_refund_that_waits_for_the_buyers_document_goes_on_with_it(shop: Shop, accountant: Client) -> None:
    order = sold(shop)
    shop.take_back(order, [(goods_lines(order)[0], 1)], buyer_id="")
    receipt = FiscalReceipt.objects.get(transaction="REFUND")
    path = f"receipts/{receipt.pk}/"
    assert "A refund needs the buyer's document" in text_of(get(accountant, path)).replace("&#x27;", "'")

    with nothing_changes():
        assert post(accountant, f"{path}buyer/", {"kind": "20", "number": "!!"}).status_code == 422
        assert post(accountant, f"{path}buyer/", {"kind": "99", "number": "1"}).status_code == 422
        post(accountant, f"{path}retry/")
    post(accountant, f"{path}buyer/", {"kind": "20", "number": "006123456"})

    receipt.refresh_from_db()
    assert receipt.state == "PENDING"
    assert "006123456" not in receipt.buyer_id_encrypted
    assert "006123456" not in text_of(get(accountant, path))


# -- Money -------------------------------------------------------------------------------------------------------


def test_a_payment_shows_captures_refunds_and_messages(
    shop: Shop, outside: Stand, accountant: Client
) -> None:
    order = shop.order(BOOK, TOY)
    payment = shop.pay_card(order, outside)
    shop.dispatch(order, all_of(order), tracking="T1")
    finance.request_refund(
        order_id=order.pk, amount=payment.amount - 1000, reason="goodwill", by=None, now=NOW
    )
    money.send_refunds(now=NOW)

    page = text_of(get(accountant, f"payments/{payment.public_id}/"))

    assert (
        "Asked 2,300.00 Authorized 2,300.00 Captured 2,300.00 Refunded 1,300.00 Left to collect 0.00" in page
    )
    assert "payment.authorized , Acted on" in page
    assert "goodwill" in page
    assert order.number in text_of(get(accountant, "payments/", q=order.number, method="CARD"))
    assert order.number not in text_of(get(accountant, "payments/", q="", method="BANK_TRANSFER"))
    assert get(accountant, "payments/nope/").status_code == 404


def waiting_refund(shop: Shop, *, account: str) -> Refund:
    order = sold(shop)
    shop.remittance(("K-1", "T1", "2300.00", "0.00"))
    made, back = shop.take_back(order, [(goods_lines(order)[0], 1)])
    (refund,) = finance.request_refund(
        order_id=order.pk,
        amount=back.total,
        reason="return",
        by=None,
        now=NOW,
        return_id=made.pk,
        bank_account=account,
    )
    return refund


def test_a_refund_by_transfer_is_listed_and_settled_once(shop: Shop, accountant: Client) -> None:
    refund = waiting_refund(shop, account=ACCOUNT)
    order = refund.payment.order

    page = text_of(get(accountant, "refunds/"))
    orders = get(accountant, "refunds/", format="csv").content.decode().splitlines()
    post(accountant, "refunds/settle/", {"id": refund.public_id})

    assert order.number in page and "265-1660310005042-68" in page and "1 refund 1,100.00" in page
    assert orders[1].split(",")[2:5] == ["265166031000504268", "1100.00", "RSD"]
    refund.refresh_from_db()
    assert (refund.state, refund.entry is not None) == ("DONE", True)
    with nothing_changes():
        again = post(accountant, "refunds/settle/", {"id": refund.public_id})
    assert again.status_code == 302
    assert "This refund was settled already." in text_of(accountant.get(again["Location"]))


def test_nothing_chosen_settles_nothing(shop: Shop, accountant: Client) -> None:
    waiting_refund(shop, account=ACCOUNT)
    with nothing_changes():
        post(accountant, "refunds/settle/")
        post(accountant, "refunds/settle/", {"id": "nope"})


# -- Files -------------------------------------------------------------------------------------------------------


def upload(client: Client, text: str | bytes, *, to: str = "statements", **fields: str) -> Any:
    data = text.encode() if isinstance(text, str) else text
    fields = fields or {"account": ACCOUNT}
    return post(client, f"{to}/import/", {**fields, "file": SimpleUploadedFile("izvod.csv", data)})


def test_a_statement_is_read_and_reported_line_by_line(shop: Shop, accountant: Client) -> None:
    order = shop.order(BOOK, method="BANK_TRANSFER")
    reference = shop.transfer_payment(order).reference
    text = (
        HEAD
        + f"L-1,2026-11-23,1100.00,RSD,{reference},Ana,,\nL-2,2026-11-23,55.00,RSD,,Neko,,\nL-3,23.11.,1,RSD,,,,\n"
    )

    page = text_of(upload(accountant, text))

    assert "Lines read 3 Matched 1 Not matched 1 Read before 0 Money that went out 0 Refused 1" in page
    assert "booked_on must look like 2026-11-21." in page
    order.refresh_from_db()
    assert order.payment_status == "PAID"
    again = text_of(upload(accountant, text))
    assert "Matched 0 Not matched 0 Read before 2" in again


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"a,b\n1,2\n", "missing: amount, booked_on, line_key"),
        ("line_key;booked_on;amount\nŠ;1;1\n".encode("cp1250"), "The file is not UTF-8 (line 2)"),
        (HEAD.encode("utf-16"), "The file is not UTF-8 (line 1)"),
        (b"line_key,booked_on,amount\n\x00,,\n", "The file is not a text."),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_changes_nothing(
    shop: Shop, accountant: Client, content: bytes, said: str
) -> None:
    with nothing_changes():
        answer = upload(accountant, content)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert "Error:" in answer.content.decode().split("</title>")[0]


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(
    shop: Shop, accountant: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its announced length alone: no part of it reaches the upload handlers."""

    def never(*_: Any) -> None:
        raise AssertionError("the file was parsed")

    monkeypatch.setattr("django.http.multipartparser.MultiPartParser.parse", never)
    with nothing_changes():
        answer = upload(accountant, b"x" * 5_100_000)
    assert answer.status_code == 413
    assert "The file is larger than 5 MB. Nothing was read." in text_of(answer)


def test_a_forged_form_is_refused(shop: Shop) -> None:
    user = make_staff("ACCOUNTANT")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    with nothing_changes():
        answer = upload(browser, HEAD + "L-1,2026-11-23,1.00,RSD,,,,\n")
    assert answer.status_code == 403


def test_an_unmatched_line_is_matched_by_hand(shop: Shop, accountant: Client) -> None:
    shop.statement({"amount": "1100.00", "payer": "Neko"})
    line = BankStatementLine.objects.get()
    order = shop.order(BOOK, method="BANK_TRANSFER")
    shop.transfer_payment(order)
    page = text_of(get(accountant, f"statements/{line.pk}/"))
    assert "Transfers that wait for exactly this much:" in page and order.number in page

    with nothing_changes():
        unknown = post(accountant, f"statements/{line.pk}/match/", {"order": "ORD-2000-1"})
        empty = post(accountant, f"statements/{line.pk}/match/", {"order": ""})
    assert (unknown.status_code, empty.status_code) == (422, 422)
    assert "There is no such order." in text_of(unknown)
    post(accountant, f"statements/{line.pk}/match/", {"order": order.number.lower()})

    line.refresh_from_db()
    order.refresh_from_db()
    assert (line.state, order.payment_status) == ("MATCHED", "PAID")
    with nothing_changes():
        late = post(accountant, f"statements/{line.pk}/aside/", {"reason": "x"})
    assert "This line has its place already." in text_of(late)


def test_a_line_is_set_aside_with_a_reason_or_booked_as_a_payout(shop: Shop, accountant: Client) -> None:
    shop.statement({"line_key": "a", "amount": "10.00"}, {"line_key": "b", "amount": "90.00"})
    aside, payout = BankStatementLine.objects.order_by("line_key")
    with nothing_changes():
        assert post(accountant, f"statements/{aside.pk}/aside/", {"reason": ""}).status_code == 422
        bad = post(accountant, f"statements/{payout.pk}/payout/", {"payer": "604", "fee": "-1"})
        assert bad.status_code == 422

    post(accountant, f"statements/{aside.pk}/aside/", {"reason": "supplier"})
    post(accountant, f"statements/{payout.pk}/payout/", {"payer": "2280", "fee": "10.00"})

    aside.refresh_from_db()
    assert (aside.state, aside.note) == ("SET_ASIDE", "supplier")
    entry = JournalEntry.objects.get(document_kind="payout")
    lines = JournalLine.objects.filter(entry=entry).values_list("account__code", "debit", "credit")
    assert sorted((code, str(left), str(right)) for code, left, right in lines) == [
        ("2280", "0.00", "100.00"),
        ("4308", "90.00", "0.00"),
        ("553", "10.00", "0.00"),
    ]


def test_a_couriers_list_is_read_and_its_unknown_parcel_matched(shop: Shop, accountant: Client) -> None:
    order = sold(shop)
    text = "line_key,tracking_number,amount,fee,paid_on\nK-1,XX,2300.00,30.00,2026-11-25\n"

    page = text_of(upload(accountant, text, to="remittances", carrier="kurir"))
    line = CourierRemittanceLine.objects.get()
    post(accountant, f"remittances/{line.pk}/match/", {"order": order.number})

    assert "Lines read 1 Matched 0 Not matched 1" in page
    line.refresh_from_db()
    order.refresh_from_db()
    assert (line.state, order.payment_status) == ("MATCHED", "PAID")


def test_pages_are_whole_in_serbian_of_both_scripts(shop: Shop, accountant: Client) -> None:
    sold(shop)
    latin = text_of(accountant.get("/ops/finance/", SPAN))
    cyrillic = text_of(accountant.get("/sr-cyrl/ops/finance/", SPAN))
    assert "U ravnoteži" in latin and "Promet: razlika 0,00" in latin and "Opening" not in latin
    assert "У равнотежи" in cyrillic and "Промет: разлика 0,00" in cyrillic
