"""Fiscal receipts: stored before they are sent, signed once whatever the network does, in the order of who names whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance import operations as finance
from finance import selectors
from finance import workflows as money
from finance.models import FiscalReceipt, Invoice
from finance.operations.papers import retry_receipt
from finance.providers import fiscal
from oms.models import Order
from retail.kernel import crypto
from retail.kernel.errors import InvalidInput
from tests.factories import NOW, Sells, goods_lines
from tests.finance.shop import Shop, all_of, build, open_exceptions, receipts
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK, TOY = Sells(1, "1100.00"), Sells(3, "1000.00", "STANDARD")
LATER = NOW + timedelta(hours=1)


def sold(shop: Shop) -> Order:
    order = shop.order(BOOK, TOY, delivery="210.00", method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    return order


def test_sale_is_signed_with_exact_items_and_labels(shop: Shop, outside: Stand) -> None:
    order = sold(shop)

    assert money.sign_receipts(now=NOW) == 1
    assert money.sign_receipts(now=NOW) == 0

    receipt = FiscalReceipt.objects.get(order=order)
    assert (receipt.state, receipt.attempts, receipt.error_codes) == ("SIGNED", 1, [])
    assert receipt.number.count("-") == 2
    assert receipt.counter.endswith("ПП")
    assert receipt.verification_url.startswith("http")
    assert "2.310,00" in receipt.journal_text or "2310,00" in receipt.journal_text
    # 1,000.00 over three units: two at 333.33 and one at 333.34, so that price times quantity is the total.
    assert receipt.payload is not None
    lines = [(i["quantity"], i["unitPrice"], i["totalAmount"], i["labels"]) for i in receipt.payload["items"]]
    assert lines == [
        (1, 1100, 1100, ["\u0415"]),
        (2, 333.33, 666.66, ["\u0402"]),
        (1, 333.34, 333.34, ["\u0402"]),
        (1, 100, 100, ["\u0402"]),
        (1, 110, 110, ["\u0415"]),
    ]
    found = outside.fiscal().fetch(request_id=receipt.request_id)
    assert found is not None
    assert found.invoice_number == receipt.number
    assert {item.label: item.amount for item in found.tax_items} == {
        "\u0402": Decimal("183.3333"),
        "\u0415": Decimal(110),
    }


def test_advance_chain_is_signed_in_its_order(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK, TOY, method="BANK_TRANSFER")
    payment = shop.transfer_payment(order)
    for key, amount in (("a", "1000.00"), ("b", "1100.00")):
        shop.statement(
            {"line_key": key, "amount": amount, "reference": payment.reference, "booked_on": "2026-11-20"}
        )
    shop.dispatch(order, all_of(order), tracking="T1")

    assert money.sign_receipts(now=NOW) == 4

    assert receipts(order) == [
        ("ADVANCE", "SALE", "1000.00", "SIGNED"),
        ("ADVANCE", "SALE", "1100.00", "SIGNED"),
        ("ADVANCE", "REFUND", "2100.00", "SIGNED"),
        ("NORMAL", "SALE", "2100.00", "SIGNED"),
    ]
    first, second, closing, sale = FiscalReceipt.objects.filter(order=order).order_by("pk")
    assert first.payload is not None
    assert first.payload["dateAndTimeOfIssue"].startswith("2026-11-20T12:00:00")
    named = [one.payload["referentDocumentNumber"] for one in (first, second, closing, sale) if one.payload]
    assert named == [None, first.number, second.number, closing.number]
    assert selectors.receipt_pdf(receipt_id=sale.pk).startswith(b"%PDF")


def test_return_of_a_person_is_signed_with_the_document_and_copied(shop: Shop, outside: Stand) -> None:
    order = sold(shop)
    made, _ = shop.take_back(order, [(goods_lines(order)[0], 1)])

    assert money.sign_receipts(now=NOW) == 3

    _, refund, copy = FiscalReceipt.objects.filter(order=order).order_by("pk")
    assert (refund.transaction, refund.state, copy.kind, copy.transaction, copy.state) == (
        "REFUND",
        "SIGNED",
        "COPY",
        "REFUND",
        "SIGNED",
    )
    assert copy.referent == refund
    # The document's number is nowhere in clear: not in the row, not in the stored request.
    assert "123456789" not in f"{refund.__dict__} {copy.__dict__} {made.__dict__}"
    assert crypto.decrypt(refund.buyer_id_encrypted) == "20:123456789"
    assert refund.payload is not None
    assert refund.payload["buyerId"] is None
    assert "ИД купца" in refund.journal_text
    paper = selectors.receipt_paper(refund)
    assert paper is not None
    assert "20:123456789" in paper.journal
    assert selectors.receipt_pdf(receipt_id=copy.pk).startswith(b"%PDF")

    # Erasure empties the one column that has it; the signed receipt itself stays as it is.
    FiscalReceipt.objects.filter(order=order).update(buyer_id_encrypted="")
    erased = selectors.receipt_paper(FiscalReceipt.objects.get(pk=refund.pk))
    assert erased is not None
    assert "123456789" not in erased.journal


def test_refund_waits_for_the_buyers_document(shop: Shop, outside: Stand) -> None:
    order = sold(shop)
    made, _ = shop.take_back(order, [(goods_lines(order)[0], 1)], buyer_id="")

    assert money.sign_receipts(now=NOW) == 1
    refund = FiscalReceipt.objects.get(order=order, transaction="REFUND")
    assert (refund.state, refund.error_codes) == ("FAILED", ["BUYER_ID_MISSING"])
    assert open_exceptions(order) == [("PAPER_FAILED", f"receipt:{refund.pk}")]
    with nothing_changes(), pytest.raises(finance.InvalidBuyerId):
        finance.record_buyer_id(return_id=made.pk, kind="99", number="123", by=None, now=NOW)
    with nothing_changes(), pytest.raises(InvalidInput):
        retry_receipt(receipt_id=refund.pk, by=None, now=NOW)

    finance.record_buyer_id(return_id=made.pk, kind="23", number="008 123456", by=None, now=NOW)

    assert money.sign_receipts(now=NOW) == 2
    refund.refresh_from_db()
    assert (refund.state, crypto.decrypt(refund.buyer_id_encrypted)) == ("SIGNED", "23:008123456")
    assert open_exceptions(order) == []


@pytest.mark.parametrize("fault", ["TIMEOUT", "RESET", "TRUNCATED", "HTML_ANSWER"])
def test_lost_answer_is_looked_up_and_never_signed_twice(shop: Shop, outside: Stand, fault: str) -> None:
    order = sold(shop)
    outside.fault("fiscal", fault, operation="sign")

    done = money.sign_receipts(now=NOW)
    done += money.sign_receipts(now=LATER)

    assert done == 1
    receipt = FiscalReceipt.objects.get(order=order)
    assert receipt.state == "SIGNED"
    again = FiscalReceipt.objects.get(pk=receipt.pk)
    # The counter of the processor says that it signed one sale.
    assert again.counter.startswith("1/1")


@pytest.mark.parametrize("fault", ["HTTP_500", "HTTP_503", "HTTP_429", "CERTIFICATE_EXPIRED", "AUDIT_LOCKED"])
def test_processor_that_is_down_is_asked_again_and_a_person_told_in_the_end(
    shop: Shop, outside: Stand, fault: str
) -> None:
    order = sold(shop)
    outside.fault("fiscal", fault, probability=1.0)
    moment = NOW

    for _ in range(5):
        assert money.sign_receipts(now=moment) == 0
        assert money.sign_receipts(now=moment) == 0, "it waits before it tries again"
        moment += timedelta(minutes=15)

    receipt = FiscalReceipt.objects.get(order=order)
    assert (receipt.state, receipt.attempts) == ("PENDING", 5)
    assert open_exceptions(order) == [("PAPER_FAILED", f"receipt:{receipt.pk}")]

    outside.http.delete("/admin/faults")
    assert money.sign_receipts(now=moment) == 1
    receipt.refresh_from_db()
    assert (receipt.state, receipt.counter.split("/")[0]) == ("SIGNED", "1")
    assert open_exceptions(order) == []


def test_refused_content_stops_and_goes_on_after_a_person_acted(shop: Shop, outside: Stand) -> None:
    order = sold(shop)
    groups = outside.fiscal().status().groups
    assert groups
    outside.http.put("/admin/fiscal/tax-groups", json={"groups": _groups(10)})

    assert money.sign_receipts(now=NOW) == 0

    receipt = FiscalReceipt.objects.get(order=order)
    assert (receipt.state, receipt.error_codes) == ("FAILED", ["UNKNOWN_TAX_RATE"])
    assert open_exceptions(order) == [("PAPER_FAILED", f"receipt:{receipt.pk}")]
    assert money.sign_receipts(now=LATER) == 0

    outside.http.put("/admin/fiscal/tax-groups", json={"groups": _groups(10, 20)})
    retry_receipt(receipt_id=receipt.pk, by=None, now=LATER)

    assert money.sign_receipts(now=LATER) == 1
    assert open_exceptions(order) == []


def _groups(*rates: int) -> list[dict[str, Any]]:
    labels = {10: "\u0415", 20: "\u0402"}
    return [
        {
            "validFrom": "2022-05-01T00:00:00+02:00",
            "groupId": 9,
            "taxCategories": [
                {
                    "name": f"{rate}",
                    "categoryType": 0,
                    "orderId": rate,
                    "taxRates": [{"rate": rate, "label": labels[rate]}],
                }
                for rate in rates
            ],
        }
    ]


def test_signed_receipt_and_invoice_are_papers(shop: Shop, outside: Stand) -> None:
    order = shop.order(
        Sells(1, "1259.00"), method="CASH_ON_DELIVERY", status="PLACED", paper="FISCAL_COMPANY"
    )
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    receipt = FiscalReceipt.objects.get(order=order)
    with pytest.raises(selectors.NotSigned):
        selectors.receipt_pdf(receipt_id=receipt.pk)
    money.sign_receipts(now=NOW)
    shop.take_back(order, all_of(order))

    invoice, note = Invoice.objects.filter(order=order).order_by("pk")
    paper = selectors.invoice_paper(invoice, language="sr-latn")
    assert (str(paper.payable), str(paper.rounding)) == ("1259.00", "0.01")
    assert [(str(rate.base), str(rate.tax)) for rate in paper.rates] == [("1144.54", "114.45")]
    receipt.refresh_from_db()
    assert [one.number for one in paper.references] == [order.number, receipt.number]
    for one in (invoice, note):
        assert selectors.invoice_pdf(number=one.number).startswith(b"%PDF")
    with pytest.raises(selectors.PaperNotFound):
        selectors.invoice_pdf(number="nothing")


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_sign_each_receipt_once(
    outside: Stand, run_together: Callable[..., list[Any]]
) -> None:
    shop = build()
    for number in range(4):
        order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
        shop.cod_payment(order)
        shop.dispatch(order, all_of(order), tracking=f"T{number}")

    done = run_together(4, lambda _: money.sign_receipts(now=NOW))

    assert sum(done) == 4
    assert sorted(FiscalReceipt.objects.values_list("counter", flat=True)) == [
        f"{number}/{number}ПП" for number in range(1, 5)
    ]


@pytest.mark.django_db(transaction=True)
def test_control_worker_that_does_not_claim_signs_twice(
    outside: Stand, run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: two workers take the same receipt and send it as if for the first time."""
    import threading

    from finance.workflows import fiscal as worker

    shop = build()
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    both_have_read = threading.Barrier(2)
    taken: set[int] = set()

    def read_only(now: Any) -> FiscalReceipt | None:
        if threading.get_ident() in taken:
            return None
        taken.add(threading.get_ident())
        found = FiscalReceipt.objects.select_related("entity").get(order=order)
        both_have_read.wait(10)
        return found

    monkeypatch.setattr(worker, "_claim", read_only)

    run_together(2, lambda _: money.sign_receipts(now=NOW))

    assert fiscal.from_settings().status().groups
    assert (
        outside.fiscal()
        .sign(request_id="next", payload=_payload(order), was_sent=False)
        .invoice_counter.startswith("3/3")
    )


def _payload(order: Order) -> dict[str, Any]:
    payload: dict[str, Any] | None = FiscalReceipt.objects.get(order=order).payload
    assert payload is not None
    return payload


def test_a_gift_that_leaves_alone_is_signed(shop: Shop, outside: Stand) -> None:
    """Its receipt comes to nothing; it still names how it was paid, which the processor asks of every receipt."""
    order = shop.order(Sells(1, "0.00"), Sells(1, "1259.00"), method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    gift, book = all_of(order)
    shop.dispatch(order, [gift], tracking="T1")
    shop.dispatch(order, [book], tracking="T2")

    money.sign_receipts(now=NOW)

    found = FiscalReceipt.objects.order_by("pk").values_list("total", "state", "error_codes")
    assert list(found) == [(Decimal("0.00"), "SIGNED", []), (Decimal("1259.00"), "SIGNED", [])]
    assert FiscalReceipt.objects.earliest("pk").payments == [{"method": "CASH", "amount": "0.00"}]
