"""The fiscal processor: what it signs, counts and refuses, and how our client signs a receipt exactly once."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from finance.providers.fiscal import (
    FiscalItem,
    InvoiceType,
    TransactionType,
    UnknownTaxRate,
)
from retail.kernel.outside import ProviderRefused
from retail.sandbox.fiscal import jid_of
from tests.sandbox.receipts import (
    BOOK,
    EXEMPT,
    GENERAL,
    JID,
    OUTSIDE,
    REDUCED,
    REFUND,
    SALE,
    D,
    advance,
    receipt,
    refused_codes,
    sign,
)
from tests.sandbox.stand import Stand


def test_receipt_is_signed_with_number_counter_tax_and_a_sandbox_link(outside: Stand) -> None:
    result = sign(outside)

    assert result.invoice_number == f"{JID}-5A9DB0C5-1"
    assert result.invoice_counter == "1/1ПП"
    assert (result.requested_by, result.signed_by) == (JID, "5A9DB0C5")
    assert result.total_amount == D("4699.88")
    assert [(tax.label, tax.rate, tax.amount) for tax in result.tax_items] == [
        (GENERAL, D(20), D("599.98")),
        (REDUCED, D(10), D("100")),
    ]
    assert result.verification_url == f"http://localhost:8121/fiscal/sandbox/v/?vl={result.invoice_number}"
    assert base64.b64decode(result.signature).startswith(b"SANDBOX")
    assert result.verification_qr_code == ""
    assert result.signed_at.utcoffset() is not None


def test_tax_has_four_decimals_half_up(outside: Stand) -> None:
    """1,259.00 at 10 % is 114.454545…; 0.01 at 20 % is 0.001666…"""
    book = FiscalItem("Knjiga", D(1), D("1259.00"), D("1259.00"), (REDUCED,))
    crumb = FiscalItem("Mrvica", D(1), D("0.01"), D("0.01"), (GENERAL,))

    result = sign(outside, receipt(book, crumb))

    assert [tax.amount for tax in result.tax_items] == [D("0.0017"), D("114.4545")]


def test_zero_rates_have_their_own_labels(outside: Stand) -> None:
    items = [
        FiscalItem(name, D(1), D("10.00"), D("10.00"), (label,))
        for name, label in (("a", EXEMPT), ("b", OUTSIDE))
    ]

    result = sign(outside, receipt(*items))

    assert [(tax.label, tax.amount, tax.category_name) for tax in result.tax_items] == [
        (EXEMPT, D(0), "0-ПДВ"),
        (OUTSIDE, D(0), "Није у ПДВ"),
    ]


def test_counters_go_up_by_kind_and_in_total(outside: Stand) -> None:
    first = sign(outside)
    refund = sign(
        outside, receipt(BOOK, transaction=REFUND, referent=first.invoice_number, buyer_id="20:123456789")
    )
    training = sign(outside, receipt(kind=InvoiceType.TRAINING))
    second = sign(outside)

    assert [one.invoice_counter for one in (first, refund, training, second)] == [
        "1/1ПП",
        "1/2ПР",
        "1/3ОП",
        "2/4ПП",
    ]
    assert second.invoice_number.endswith("-4")


def test_each_signer_counts_alone(outside: Stand) -> None:
    taxpayer = {
        "certificate": "certificate of the second shop",
        "pac": "D4E5F6",
        "tin": "RS100000016",
        "business_name": "DRUGA PROBA DOO",
        "location_name": "Prodavnica 2",
        "address": "Dunavska 1",
        "district": "Novi Sad",
    }
    assert outside.http.put("/admin/fiscal/taxpayers", json=taxpayer).status_code == 200
    sign(outside)

    other = outside.fiscal(pac="D4E5F6", certificate="certificate of the second shop")
    result = other.sign(request_id="r", payload=receipt(), was_sent=False)

    assert result.total_counter == 1
    assert (result.tin, result.requested_by) == ("RS100000016", jid_of("certificate of the second shop"))
    assert outside.fiscal().fetch(request_id="r") is None


@pytest.mark.parametrize(
    ("options", "code", "status"),
    [
        ({"certificate": "unknown"}, "CERTIFICATE_REQUIRED", 403),
        ({"certificate": ""}, "CERTIFICATE_REQUIRED", 403),
        ({"pac": "WRONG1"}, "PAC_REFUSED", 401),
    ],
)
def test_nobody_without_certificate_and_code_gets_in(
    outside: Stand, options: dict[str, str], code: str, status: int
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        outside.fiscal(**options).sign(request_id="r", payload=receipt(), was_sent=False)

    assert (refused.value.code, refused.value.status) == (code, status)


def test_enumerations_may_be_names(outside: Stand) -> None:
    payload = receipt() | {"invoiceType": "Normal", "transactionType": "Sale"}
    payload["payment"] = [{"amount": 4699.88, "paymentType": "WireTransfer"}]

    assert sign(outside, payload).invoice_counter == "1/1ПП"


def without(payload: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != name}


def with_item(**changes: Any) -> dict[str, Any]:
    payload = receipt(BOOK)
    payload["items"][0] = {k: v for k, v in (payload["items"][0] | changes).items() if v is not None}
    return payload


@pytest.mark.parametrize(
    ("payload", "codes"),
    [
        (without(receipt(), "items"), ("2800",)),
        (without(receipt(), "payment"), ("2800",)),
        (without(receipt(), "invoiceType"), ("2800",)),
        (without(receipt(), "transactionType"), ("2800",)),
        (receipt() | {"items": []}, ("2807",)),
        (receipt() | {"payment": []}, ("2807",)),
        (receipt() | {"items": [{}] * 501}, ("2808",)),
        (receipt() | {"items": "all"}, ("2806",)),
        (receipt() | {"invoiceType": 9}, ("2805",)),
        (receipt() | {"invoiceType": "Gift"}, ("2805",)),
        (receipt() | {"invoiceType": True}, ("2805",)),
        (receipt() | {"transactionType": -1}, ("2805",)),
        (receipt() | {"discount": 1}, ("2805",)),
        (receipt() | {"cashier": "x" * 51}, ("2801",)),
        (receipt() | {"buyerId": "10:" + "1" * 18}, ("2801",)),
        (receipt() | {"buyerId": "101134702"}, ("2806",)),
        (receipt() | {"invoiceNumber": "9" * 61}, ("2801",)),
        (receipt() | {"cashier": 7}, ("2806",)),
        (receipt() | {"dateAndTimeOfIssue": "yesterday"}, ("2806",)),
        (receipt() | {"referentDocumentNumber": "12"}, ("2806",)),
        (receipt(paid="4699.87"), ("2804",)),
        (with_item(name=""), ("2802",)),
        (with_item(name=None), ("2800",)),
        (with_item(name="x" * 2049), ("2801",)),
        (with_item(gtin="1234567"), ("2803",)),
        (with_item(gtin="97886000000X9"), ("2806",)),
        (with_item(quantity=0), ("2804",)),
        (with_item(quantity=-2), ("2804",)),
        (with_item(quantity="2"), ("2806",)),
        (with_item(quantity=None), ("2800",)),
        (with_item(unitPrice=-550), ("2804",)),
        (with_item(unitPrice=1e20), ("2804",)),
        (with_item(totalAmount=1099.99), ("2805",)),
        (with_item(unitPrice=550.001), ("2806",)),
        (with_item(labels=[]), ("2807",)),
        (with_item(labels=["E"]), ("2310",)),
        (with_item(labels=["Q"]), ("2310",)),
        (with_item(labels=[""]), ("2310",)),
        (with_item(labels=None), ("2800",)),
        (with_item(discount=5), ("2805",)),
    ],
)
def test_malformed_receipt_is_refused_with_its_code(
    outside: Stand, payload: dict[str, Any], codes: tuple[str, ...]
) -> None:
    assert refused_codes(outside, payload) == codes
    assert sign(outside).total_counter == 1


def test_request_id_is_at_most_32_characters(outside: Stand) -> None:
    headers = {
        "PAC": "A1B2C3",
        "X-Client-Certificate": "certificate of the first shop",
        "RequestId": "x" * 33,
    }

    answer = outside.http.post("/fiscal/api/v3/invoices", json=receipt(), headers=headers)

    assert answer.json()["modelState"] == [{"property": "RequestId", "errors": ["2801"]}]


@pytest.mark.parametrize(
    ("kind", "transaction", "buyer_id", "codes"),
    [
        (InvoiceType.NORMAL, REFUND, "", ("2800",)),
        (InvoiceType.NORMAL, REFUND, "20:1", ("2800",)),
        (InvoiceType.ADVANCE, REFUND, "20:1", ("2800",)),
        (InvoiceType.COPY, SALE, "", ("2800",)),
        (InvoiceType.COPY, REFUND, "", ("2800",)),
    ],
)
def test_refund_and_copy_need_the_document_they_refer_to(
    outside: Stand, kind: InvoiceType, transaction: TransactionType, buyer_id: str, codes: tuple[str, ...]
) -> None:
    assert refused_codes(outside, receipt(kind=kind, transaction=transaction, buyer_id=buyer_id)) == codes


def test_refund_needs_to_know_the_buyer(outside: Stand) -> None:
    sale = sign(outside)

    assert refused_codes(outside, receipt(BOOK, transaction=REFUND, referent=sale.invoice_number)) == (
        "2800",
    )


def test_refunds_in_parts_end_at_the_original_and_not_beyond(outside: Stand) -> None:
    sale = sign(outside)
    one_book = FiscalItem("Knjiga Primer /kom", D(1), D("550.00"), D("550.00"), (REDUCED,))
    refund = receipt(one_book, transaction=REFUND, referent=sale.invoice_number, buyer_id="20:123456789")

    sign(outside, refund)
    sign(outside, refund)

    assert refused_codes(outside, refund) == ("2804",)


def test_refund_is_limited_in_each_label_not_in_the_sum(outside: Stand) -> None:
    """4,699.88 were sold, of it 1,100.00 in books: 1,100.01 of books is too much."""
    sale = sign(outside)
    more = FiscalItem("Knjiga", D(1), D("1100.01"), D("1100.01"), (REDUCED,))

    payload = receipt(more, transaction=REFUND, referent=sale.invoice_number, buyer_id="20:1")

    assert refused_codes(outside, payload) == ("2804",)


def test_unknown_document_cannot_be_refunded(outside: Stand) -> None:
    payload = receipt(BOOK, transaction=REFUND, referent=f"{JID}-5A9DB0C5-77", buyer_id="20:1")

    assert refused_codes(outside, payload) == ("2805",)


def test_copy_of_a_refund_refers_to_the_refund(outside: Stand) -> None:
    sale = sign(outside)
    refund = sign(outside, receipt(BOOK, transaction=REFUND, referent=sale.invoice_number, buyer_id="20:1"))

    copy = sign(
        outside,
        receipt(
            BOOK, kind=InvoiceType.COPY, transaction=REFUND, referent=refund.invoice_number, buyer_id="20:1"
        ),
    )

    assert copy.invoice_counter == "1/3КР"
    wrong = receipt(
        BOOK, kind=InvoiceType.COPY, transaction=REFUND, referent=sale.invoice_number, buyer_id="20:1"
    )
    assert refused_codes(outside, wrong) == ("2805",)


def test_advance_is_closed_by_its_refund_and_a_normal_sale(outside: Stand) -> None:
    first = sign(outside, receipt(advance("600.00"), kind=InvoiceType.ADVANCE))
    last = sign(outside, receipt(advance("500.00"), kind=InvoiceType.ADVANCE, referent=first.invoice_number))
    closing = receipt(
        advance("1100.00"),
        kind=InvoiceType.ADVANCE,
        transaction=REFUND,
        referent=last.invoice_number,
        buyer_id="10:111911206",
    )
    closed = sign(outside, closing)

    final = sign(outside, receipt(BOOK, referent=closed.invoice_number))

    assert [one.invoice_counter for one in (first, last, closed, final)] == [
        "1/1АП",
        "2/2АП",
        "1/3АР",
        "1/4ПП",
    ]
    assert refused_codes(outside, closing) == ("2804",)
    assert refused_codes(outside, receipt(BOOK, referent=first.invoice_number)) == ("2805",)


def test_rates_and_labels_come_from_the_status_call(outside: Stand) -> None:
    status = outside.fiscal().status()
    now = status.processor_time

    assert status.label(rate=D(20), at=now) == GENERAL
    assert status.label(rate=D("10.00"), at=now) == REDUCED
    assert status.label(rate=D(0), at=now) == EXEMPT
    assert status.label(rate=D(0), at=now, is_in_vat_system=False) == OUTSIDE
    with pytest.raises(UnknownTaxRate):
        status.label(rate=D(8), at=now)
    with pytest.raises(UnknownTaxRate):
        status.label(rate=D(20), at=datetime(2020, 1, 1, tzinfo=UTC))


def group(valid_from: str, group_id: int, labels: dict[str, float]) -> dict[str, Any]:
    rates = [{"label": label, "rate": rate} for label, rate in labels.items()]
    return {
        "validFrom": valid_from,
        "groupId": group_id,
        "taxCategories": [{"name": "ПДВ", "categoryType": 0, "orderId": 1, "taxRates": rates}],
    }


@pytest.fixture
def other_groups(outside: Stand) -> Iterator[Stand]:
    """Today a Latin E stands for 10 %; next year the general rate is 21 % under another label."""
    groups = [
        group("2022-05-01T00:00:00+02:00", 1, {"E": 10, GENERAL: 20}),
        group("2099-01-01T00:00:00+01:00", 2, {"E": 10, "Ж": 21}),
    ]
    answer = outside.http.put("/admin/fiscal/tax-groups", json={"groups": groups})
    assert answer.status_code == 200, answer.text
    yield outside


def test_look_alike_label_is_used_as_the_processor_writes_it(other_groups: Stand) -> None:
    status = other_groups.fiscal().status()
    label = status.label(rate=D(10), at=status.processor_time)

    assert label.encode("unicode_escape") == b"E"
    book = FiscalItem("Knjiga", D(1), D("110.00"), D("110.00"), (label,))
    assert sign(other_groups, receipt(book)).tax_items[0].amount == D(10)
    assert refused_codes(other_groups, receipt(BOOK)) == ("2310",)


def test_announced_tax_group_counts_from_its_day(other_groups: Stand) -> None:
    status = other_groups.fiscal().status()
    later = datetime(2099, 1, 1, tzinfo=UTC)

    assert status.label(rate=D(20), at=status.processor_time) == GENERAL
    assert status.label(rate=D(21), at=later) == "Ж"
    with pytest.raises(UnknownTaxRate):
        status.label(rate=D(20), at=later)


def test_refund_takes_the_rates_of_its_sale(outside: Stand) -> None:
    sale = sign(outside, receipt(BOOK))
    now = outside.fiscal().status().processor_time.isoformat()
    groups = [
        group("2022-05-01T00:00:00+02:00", 1, {REDUCED: 10, GENERAL: 20}),
        group(now, 2, {REDUCED: 12, GENERAL: 20}),
    ]
    assert outside.http.put("/admin/fiscal/tax-groups", json={"groups": groups}).status_code == 200

    refund = sign(outside, receipt(BOOK, transaction=REFUND, referent=sale.invoice_number, buyer_id="20:1"))
    new_sale = sign(outside, receipt(BOOK))

    assert refund.tax_items[0].rate == D(10)
    assert new_sale.tax_items[0].rate == D(12)
