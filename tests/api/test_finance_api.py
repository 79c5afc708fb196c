"""The books by API: papers, ledger, banks and couriers, messages of the card provider; scopes, retries and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from finance.models import BankStatementLine, CourierRemittanceLine, Invoice, PaymentEvent
from oms.models import Order
from retail.kernel import idempotency
from retail.kernel.models import ApiKey
from tests.api.integrator import Api, refused
from tests.factories import Sells, goods_lines
from tests.finance.conftest import outside, shop  # noqa: F401 - fixtures
from tests.finance.judges import said
from tests.finance.shop import ACCOUNT, Shop, all_of
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK, TOY = Sells(1, "1100.00"), Sells(1, "1200.00", "STANDARD")
HEAD = "line_key,booked_on,amount,reference,payer\n"


def rsd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "RSD"}


@pytest.fixture
def reader(db: None) -> Api:
    return Api("finance:read")


@pytest.fixture
def writer(db: None) -> Api:
    return Api("finance:read", "finance:write")


@pytest.fixture
def invoice(shop: Shop) -> Invoice:
    """Goods for a company that is registered at SEF, paid before by transfer."""
    order = shop.order(BOOK, TOY, method="BANK_TRANSFER", paper="SEF")
    payment = shop.transfer_payment(order)
    shop.statement({"amount": "2300.00", "reference": payment.reference})
    order.refresh_from_db()
    shop.dispatch(order, all_of(order), tracking="T1")
    return Invoice.objects.get(order=order, kind="INVOICE")


def test_an_invoice_is_read_with_its_lines_and_rates(invoice: Invoice, reader: Api) -> None:
    shown = reader.get(f"invoices/{invoice.number}").json()

    assert (shown["number"], shown["kind"], shown["total"]) == (invoice.number, "INVOICE", rsd("2300.00"))
    assert shown["buyer"]["pib"] == "100000024"
    assert shown["rates"] == [
        {"rate": "20.00", "net": rsd("1000.00"), "tax": rsd("200.00"), "gross": rsd("1200.00")},
        {"rate": "10.00", "net": rsd("1000.00"), "tax": rsd("100.00"), "gross": rsd("1100.00")},
    ]
    assert [(line["quantity"], line["gross"]) for line in shown["lines"]] == [
        (1, rsd("1100.00")),
        (1, rsd("1200.00")),
    ]
    assert shown["pdf"] == f"/api/v1/invoices/{invoice.number}/pdf"


def test_the_electronic_form_is_read(invoice: Invoice, reader: Api) -> None:
    answer = reader.get(f"invoices/{invoice.number}/ubl")

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/xml")
    assert said(answer.content, "cbc:ID") == invoice.number


def test_the_pdf_is_the_same_bytes_each_time(invoice: Invoice, reader: Api) -> None:
    first, second = (reader.get(f"invoices/{invoice.number}/pdf") for _ in range(2))
    assert first["Content-Type"] == "application/pdf"
    assert first.content.startswith(b"%PDF-")
    assert first.content == second.content


def test_credit_notes_are_a_list_of_their_own(invoice: Invoice, shop: Shop, reader: Api) -> None:
    book = goods_lines(invoice.order)[0]
    shop.take_back(invoice.order, [(book, 1)])

    (note,) = reader.get("credit-notes").json()["results"]

    assert (note["kind"], note["credits"], note["total"]) == ("CREDIT_NOTE", invoice.number, rsd("1100.00"))
    of_order = reader.get("invoices", order=invoice.order.number).json()["results"]
    assert [one["kind"] for one in of_order] == ["CREDIT_NOTE", "INVOICE", "ADVANCE"]
    assert [one["number"] for one in of_order][:2] == [note["number"], invoice.number]


def test_the_trial_balance_balances_and_is_cut_at_the_day(invoice: Invoice, reader: Api) -> None:
    after = reader.get("ledger/trial-balance", as_of="2026-11-30").json()
    before = reader.get("ledger/trial-balance", as_of="2026-11-01").json()

    assert after["is_balanced"] and after["debit"] == after["credit"] != rsd("0.00")
    accounts = {one["account"]: one["balance"] for one in after["accounts"]}
    assert accounts["604"] == rsd("-2000.00")
    assert accounts["241"] == rsd("2300.00")
    assert (before["accounts"], before["debit"]) == ([], rsd("0.00"))


def test_entries_are_found_by_document_and_order(invoice: Invoice, reader: Api) -> None:
    assert invoice.shipment is not None
    key = invoice.shipment.number
    (entry,) = reader.get("ledger/entries", document=f"dispatch:{key}").json()["results"]

    assert entry["document"] == f"dispatch:{key}"
    assert entry["order"] == invoice.order.number
    debits = sum(float(line["debit"]["amount"]) for line in entry["lines"])
    assert f"{debits:.2f}" == entry["total"]["amount"]
    assert [one["id"] for one in reader.get("ledger/entries", document=key).json()["results"]] == [
        entry["id"]
    ]
    of_order = reader.get("ledger/entries", order=invoice.order.number, limit=1).json()
    assert len(of_order["results"]) == 1 and of_order["next"]


def test_the_chart_is_whole(reader: Api, db: None) -> None:
    codes = {one["code"] for one in reader.get("ledger/accounts").json()["results"]}
    assert {"134", "204", "241", "430", "501", "604"} <= codes


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("invoices/NOPE", 404, "UNKNOWN_INVOICE"),
        ("invoices/NOPE/pdf", 404, "UNKNOWN_INVOICE"),
        ("invoices/NOPE/ubl", 404, "UNKNOWN_INVOICE"),
        ("ledger/trial-balance?entity=nope", 404, "UNKNOWN_ENTITY"),
        ("ledger/trial-balance?as_of=tomorrow", 400, "INVALID_INPUT"),
        ("ledger/entries?after=garbage", 400, "INVALID_CURSOR"),
        ("bank-statements?state=LOST", 400, "INVALID_INPUT"),
        ("invoices?issued_from=1.1.2026", 400, "INVALID_INPUT"),
    ],
)
def test_reads_refuse_what_they_do_not_know(
    shop: Shop, reader: Api, path: str, status: int, code: str
) -> None:
    assert refused(reader.get(path)) == (status, code)


READS = [
    "invoices",
    "invoices/X",
    "invoices/X/pdf",
    "invoices/X/ubl",
    "credit-notes",
    "ledger/trial-balance",
    "ledger/entries",
    "ledger/accounts",
    "bank-statements",
    "courier-remittances",
    "customers",
    "customers/X",
]


@pytest.mark.parametrize("path", READS)
def test_reads_need_their_scope(shop: Shop, path: str) -> None:
    assert refused(Api("orders:read").get(path)) == (403, "NOT_ALLOWED")
    assert Api().get(path).status_code in (401, 403)


def test_an_unknown_revoked_or_expired_key_is_nobody(reader: Api, shop: Shop) -> None:
    assert reader.get("ledger/accounts").status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    assert refused(reader.get("ledger/accounts")) == (401, "NOT_AUTHENTICATED")
    ApiKey.objects.update(revoked_at=None, expires_at=timezone.now())
    assert refused(reader.get("ledger/accounts")) == (401, "NOT_AUTHENTICATED")


# -- Banks and couriers ----------------------------------------------------------------------------------------


def waiting(shop: Shop) -> tuple[Order, str]:
    order = shop.order(BOOK, method="BANK_TRANSFER")
    return order, shop.transfer_payment(order).reference


def statement_of(reference: str, *, key: str = "L-1", amount: str = "1100.00") -> str:
    return f"{HEAD}{key},2026-11-23,{amount},{reference},Ana\n"


def test_a_statement_is_read_as_json_and_as_csv_each_line_once(shop: Shop, writer: Api) -> None:
    order, reference = waiting(shop)
    text = (
        statement_of(reference) + "L-2,2026-11-23,55.00,,Neko\nL-3,2026-11-23,-10.00,,Banka\nL-4,x,1.00,,\n"
    )

    report = writer.post("bank-statements", {"account": ACCOUNT, "csv": text})

    assert report.status_code == 201
    counts = report.json()
    refusals = counts.pop("refused")
    assert counts == {"read": 4, "matched": 1, "unmatched": 1, "known": 0, "skipped": 1}
    assert [(one["line"], one["code"]) for one in refusals] == [(5, "INVALID_INPUT")]
    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "PAID")

    again = writer.send("post", f"bank-statements?account={ACCOUNT}", text, kind="text/csv")

    assert again.status_code == 201
    assert (again.json()["known"], again.json()["matched"]) == (2, 0)
    matched = writer.get("bank-statements", state="MATCHED").json()["results"]
    assert [(one["line_key"], one["order"]) for one in matched] == [("L-1", order.number)]


def test_a_remittance_pays_its_parcel(shop: Shop, writer: Api) -> None:
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    text = "line_key,tracking_number,amount,fee,paid_on\nK-1,T1,1100.00,20.00,2026-11-25\n"

    report = writer.post("courier-remittances", {"carrier": "kurir", "csv": text}).json()

    assert (report["matched"], report["refused"]) == (1, [])
    (line,) = writer.get("courier-remittances").json()["results"]
    assert (line["order"], line["amount"], line["fee"]) == (order.number, rsd("1100.00"), rsd("20.00"))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"account": ACCOUNT, "csv": "a,b\n1,2\n"}, 400, "UNREADABLE_FILE"),
        ({"account": "1-1-1", "csv": HEAD}, 404, "UNKNOWN_BANK_ACCOUNT"),
        ({"account": ACCOUNT}, 400, "INVALID_INPUT"),
        ({"account": ACCOUNT, "csv": HEAD, "note": "x"}, 400, "INVALID_INPUT"),
        ({"account": ACCOUNT, "csv": "a\0b"}, 400, "INVALID_INPUT"),
        ([], 400, "INVALID_INPUT"),
        ("text", 400, "INVALID_INPUT"),
    ],
)
def test_a_statement_that_cannot_be_read_changes_nothing(
    shop: Shop,
    writer: Api,
    body: Any,
    status: int,
    code: str,
) -> None:
    with nothing_changes():
        answer = writer.post("bank-statements", body if body != "text" else '"text"')
        assert refused(answer) == (status, code)


def test_an_unknown_carrier_and_a_missing_owner_are_refused(shop: Shop, writer: Api) -> None:
    body = {"carrier": "nobody", "csv": "line_key,tracking_number,amount,paid_on\n"}
    assert refused(writer.post("courier-remittances", body)) == (404, "UNKNOWN_CARRIER")
    assert refused(writer.send("post", "courier-remittances", "x", kind="text/csv")) == (400, "INVALID_INPUT")


def test_writing_needs_the_writing_scope(shop: Shop, reader: Api) -> None:
    for path, body in (
        ("bank-statements", {"account": ACCOUNT, "csv": HEAD}),
        ("courier-remittances", {"carrier": "kurir", "csv": HEAD}),
    ):
        with nothing_changes():
            assert refused(reader.post(path, body)) == (403, "NOT_ALLOWED")


def test_a_body_that_is_too_long_is_refused_unread(shop: Shop, writer: Api) -> None:
    with nothing_changes():
        answer = writer.send("post", f"bank-statements?account={ACCOUNT}", "x" * 5_000_001, kind="text/csv")
    assert refused(answer) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]
)
def test_other_kinds_of_body_are_refused(shop: Shop, writer: Api, kind: str) -> None:
    answer = writer.send("post", "bank-statements", "a=b", kind=kind)
    assert refused(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


# -- Retries ---------------------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_and_acts_once(shop: Shop, writer: Api) -> None:
    _, reference = waiting(shop)
    body = {"account": ACCOUNT, "csv": statement_of(reference)}

    first = writer.post("bank-statements", body, key="k-1")
    with nothing_changes():
        second = writer.post("bank-statements", body, key="k-1")

    assert (first.status_code, first.json()["matched"]) == (201, 1)
    assert (second.status_code, second.json()) == (201, first.json())
    assert BankStatementLine.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(shop: Shop, writer: Api) -> None:
    _, reference = waiting(shop)
    writer.post("bank-statements", {"account": ACCOUNT, "csv": statement_of(reference)}, key="k-1")
    with nothing_changes():
        other = writer.post(
            "bank-statements", {"account": ACCOUNT, "csv": statement_of(reference, key="L-9")}, key="k-1"
        )
    assert refused(other) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_key_in_flight_is_refused_with_a_hint(shop: Shop, writer: Api) -> None:
    body = {"account": ACCOUNT, "csv": HEAD}
    idempotency.claim_key(
        caller=f"key:{ApiKey.objects.get().pk}",
        key="k-1",
        request_hash=idempotency.hash_request("POST", "/api/v1/bank-statements", body),
        now=timezone.now(),
    )

    answer = writer.post("bank-statements", body, key="k-1")

    assert refused(answer) == (409, "IDEMPOTENCY_IN_FLIGHT")
    assert answer["Retry-After"] == "1"


def test_a_refused_call_does_not_burn_its_key(shop: Shop, writer: Api) -> None:
    _, reference = waiting(shop)
    assert writer.post("bank-statements", {"account": "1-1-1", "csv": HEAD}, key="k-1").status_code == 404
    good = writer.post("bank-statements", {"account": ACCOUNT, "csv": statement_of(reference)}, key="k-1")
    assert (good.status_code, good.json()["matched"]) == (201, 1)


# -- The door of the card provider -----------------------------------------------------------------------------


def test_a_signed_message_authorizes_and_comes_twice_without_effect(
    shop: Shop,
    outside: Stand,
) -> None:
    order = shop.order(BOOK)
    payment = shop.start_card(order)
    outside.choose(payment.public_id)
    outside.deliver()
    (message,) = outside.shop.requests
    headers = {name: value for name, value in message.headers.items() if name.startswith("webhook-")}
    api = Api()

    first = api.send("post", "payments/card/events", message.content, **headers)
    second = api.send("post", "payments/card/events", message.content, **headers)

    assert (first.status_code, first.json()["is_known"]) == (200, False)
    assert (second.status_code, second.json()["is_known"]) == (200, True)
    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "AUTHORIZED")
    assert PaymentEvent.objects.count() == 1


def test_a_message_with_one_changed_byte_is_refused(shop: Shop, outside: Stand) -> None:
    payment = shop.start_card(shop.order(BOOK))
    outside.choose(payment.public_id)
    outside.deliver()
    (message,) = outside.shop.requests
    headers = {name: value for name, value in message.headers.items() if name.startswith("webhook-")}
    api = Api()

    with nothing_changes():
        forged = api.send("post", "payments/card/events", message.content + b" ", **headers)
        bare = api.send("post", "payments/card/events", message.content)
        garbage = api.send("post", "payments/card/events", b"\xff\xfe")
        elsewhere = api.send("post", "payments/moon/events", message.content, **headers)

    assert refused(forged) == (401, "INVALID_SIGNATURE")
    assert refused(bare)[0] == refused(garbage)[0] == 401
    assert refused(elsewhere) == (404, "UNKNOWN_PROVIDER")
    assert CourierRemittanceLine.objects.count() == 0
