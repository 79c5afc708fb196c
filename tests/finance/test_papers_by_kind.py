"""Which paper, when: the whole table, with its entries to the para."""

from __future__ import annotations

import pytest

from finance import operations as finance
from finance import workflows as money
from finance.models import FiscalReceipt, Invoice
from finance.rules import PAPERS, paper_of
from oms.states import PaperKind
from tests.factories import NOW, Sells, goods_lines, make_shipment
from tests.finance.shop import Shop, all_of, capture_of, posted, receipts
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK, TOY = Sells(1, "1100.00"), Sells(1, "1200.00", "STANDARD")


def test_card_of_a_person(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK, TOY, delivery="230.00")

    payment = shop.pay_card(order, outside)

    assert (payment.state, str(payment.authorized), str(payment.captured)) == (
        "AUTHORIZED",
        "2530.00",
        "0.00",
    )
    assert (order.status, order.payment_status) == ("PLACED", "AUTHORIZED")
    assert shop.balances(order) == {}

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    capture = payment.captures.get()
    assert posted("capture", capture.public_id) == [("2280", "D", "2530.00"), ("430", "P", "2530.00")]
    # The fee of 230 is shared over the rates as the goods are: 110 at 10 %, 120 at 20 %.
    assert posted("dispatch", shipment.number) == [
        ("134", "P", "1200.00"),
        ("430", "D", "2530.00"),
        ("4760", "P", "220.00"),
        ("4761", "P", "110.00"),
        ("501", "D", "1200.00"),
        ("604", "P", "2000.00"),
        ("614", "P", "200.00"),
    ]
    assert receipts(order) == [("NORMAL", "SALE", "2530.00", "PENDING")]
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.state, order.payment_status) == ("CAPTURED", "PAID")
    assert shop.inventory_agrees()


def test_card_return_of_a_person(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK, TOY)
    payment = shop.pay_card(order, outside)
    shop.dispatch(order, all_of(order), tracking="T1")
    book, _ = goods_lines(order)

    made, given_back = shop.take_back(order, [(book, 1)])
    [refund] = finance.request_refund(
        order_id=order.pk, amount=given_back.total, reason="return", by=None, now=NOW, return_id=made.pk
    )

    assert posted("return", made.number) == [
        ("134", "D", "600.00"),
        ("204", "P", "1100.00"),
        ("4761", "D", "100.00"),
        ("501", "P", "600.00"),
        ("604", "D", "1000.00"),
    ]
    assert refund.state == "PENDING"
    assert money.send_refunds(now=NOW) == 1
    refund.refresh_from_db()
    assert refund.state == "DONE"
    assert posted("refund", refund.public_id) == [("204", "D", "1100.00"), ("2280", "P", "1100.00")]
    assert receipts(order) == [
        ("NORMAL", "SALE", "2300.00", "PENDING"),
        ("NORMAL", "REFUND", "1100.00", "PENDING"),
    ]
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (str(payment.refunded), order.payment_status) == ("1100.00", "PARTLY_REFUNDED")
    assert shop.inventory_agrees()


def test_cash_on_delivery_of_a_person(shop: Shop) -> None:
    order = shop.order(BOOK, TOY, delivery="230.00", method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    assert str(shipment.cod_amount) == "2530.00"
    assert posted("dispatch", shipment.number) == [
        ("134", "P", "1200.00"),
        ("2281", "D", "2530.00"),
        ("4760", "P", "220.00"),
        ("4761", "P", "110.00"),
        ("501", "D", "1200.00"),
        ("604", "P", "2000.00"),
        ("614", "P", "200.00"),
    ]
    assert receipts(order) == [("NORMAL", "SALE", "2530.00", "PENDING")]
    receipt = FiscalReceipt.objects.get(order=order)
    assert receipt.payments == [{"method": "CASH", "amount": "2530.00"}]

    report = shop.remittance(("K-1", "T1", "2530.00", "30.00"))

    assert (report.matched, report.errors) == (1, [])
    capture = capture_of(order)
    assert posted("capture", capture.public_id) == [
        ("2281", "P", "2530.00"),
        ("2480", "D", "2500.00"),
        ("553", "D", "30.00"),
    ]
    order.refresh_from_db()
    assert order.payment_status == "PAID"
    assert "2281" not in shop.balances(order)


def test_cash_over_the_counter_is_in_the_till_with_the_handover(shop: Shop) -> None:
    order = shop.order(
        BOOK,
        method="CASH_ON_DELIVERY",
        status="PLACED",
        delivery_method="STORE_PICKUP",
        pickup_location=shop.location,
    )
    payment = shop.cod_payment(order)

    shipment = shop.dispatch(order, all_of(order))

    assert posted("dispatch", shipment.number) == [
        ("134", "P", "600.00"),
        ("243", "D", "1100.00"),
        ("4761", "P", "100.00"),
        ("501", "D", "600.00"),
        ("604", "P", "1000.00"),
    ]
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.state, str(payment.captured), order.payment_status) == ("CAPTURED", "1100.00", "PAID")


def test_refused_parcel_is_undone_under_the_sellers_own_pib(shop: Shop) -> None:
    order = shop.order(BOOK, TOY, delivery="230.00", method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    given_back = shop.bring_back(shipment, all_of(order))

    assert str(given_back.total) == "2530.00"
    assert posted("undelivered", shipment.number) == [
        ("134", "D", "1200.00"),
        ("2281", "P", "2530.00"),
        ("4760", "D", "220.00"),
        ("4761", "D", "110.00"),
        ("501", "P", "1200.00"),
        ("604", "D", "2000.00"),
        ("614", "D", "200.00"),
    ]
    refund = FiscalReceipt.objects.get(order=order, transaction="REFUND")
    assert (refund.buyer_id, refund.state, str(refund.total)) == ("10:111911206", "PENDING", "2530.00")
    assert shop.balances(order) == {}
    assert shop.inventory_agrees()


def test_lost_parcel_costs_577_and_no_revenue(shop: Shop) -> None:
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    money.post_lost(shipment_id=shipment.pk, by=None, now=NOW)

    assert posted("lost", shipment.number) == [
        ("2281", "P", "1100.00"),
        ("4761", "D", "100.00"),
        ("501", "P", "600.00"),
        ("577", "D", "600.00"),
        ("604", "D", "1000.00"),
    ]
    assert shop.balances(order) == {"134": "-600.00", "577": "600.00"}
    with pytest.raises(money.NothingSold):
        money.post_lost(shipment_id=shipment.pk, by=None, now=NOW)


def test_bank_transfer_of_a_person(shop: Shop) -> None:
    order = shop.order(BOOK, TOY, delivery="230.00", method="BANK_TRANSFER")
    payment = shop.transfer_payment(order)

    report = shop.statement({"amount": "2530.00", "reference": f"97 {payment.reference}"})

    assert (report.matched, report.errors) == (1, [])
    capture = capture_of(order)
    # 2530 stands over 1100 at 10 % and 1200 at 20 %: 1210 and 1320, with 110 and 220 of VAT.
    assert posted("capture", capture.public_id) == [
        ("241", "D", "2530.00"),
        ("430", "P", "2530.00"),
        ("4309", "D", "330.00"),
        ("4720", "P", "220.00"),
        ("4730", "P", "110.00"),
    ]
    advance = FiscalReceipt.objects.get(order=order)
    assert (advance.kind, advance.transaction, str(advance.total)) == ("ADVANCE", "SALE", "2530.00")
    assert [(item["name"], item["quantity"], item["total"]) for item in advance.items] == [
        ("10: Avans (\u0402)", 1, "1320.00"),
        ("11: Avans (\u0415)", 1, "1210.00"),
    ]
    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "PAID")

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    assert posted("dispatch", shipment.number) == [
        ("134", "P", "1200.00"),
        ("430", "D", "2530.00"),
        ("4309", "P", "330.00"),
        ("4720", "D", "220.00"),
        ("4730", "D", "110.00"),
        ("4760", "P", "220.00"),
        ("4761", "P", "110.00"),
        ("501", "D", "1200.00"),
        ("604", "P", "2000.00"),
        ("614", "P", "200.00"),
    ]
    assert receipts(order) == [
        ("ADVANCE", "SALE", "2530.00", "PENDING"),
        ("ADVANCE", "REFUND", "2530.00", "PENDING"),
        ("NORMAL", "SALE", "2530.00", "PENDING"),
    ]
    closing, sale = FiscalReceipt.objects.filter(order=order).order_by("pk")[1:]
    assert (closing.referent, sale.referent, closing.buyer_id) == (advance, closing, "10:111911206")
    assert {"430", "4309", "4720", "4730"} & shop.balances(order).keys() == set()


def test_transfer_return_goes_back_by_transfer(shop: Shop) -> None:
    order = shop.order(BOOK, method="BANK_TRANSFER")
    payment = shop.transfer_payment(order)
    shop.statement({"amount": "1100.00", "reference": payment.reference})
    shop.dispatch(order, all_of(order), tracking="T1")

    made, given_back = shop.take_back(order, all_of(order))
    [refund] = finance.request_refund(
        order_id=order.pk, amount=given_back.total, reason="return", by=None, now=NOW, return_id=made.pk
    )

    # The account of the payer is known from the statement; a worker leaves transfers to the accountant.
    assert refund.bank_account == "160000000000001240"
    assert money.send_refunds(now=NOW) == 0
    finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)
    assert posted("refund", refund.public_id) == [("204", "D", "1100.00"), ("241", "P", "1100.00")]
    assert shop.balances(order) == {}
    with pytest.raises(finance.AlreadySettled):
        finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)


def test_other_company_gets_its_pib_on_the_receipt_and_an_invoice(shop: Shop) -> None:
    order = shop.order(
        Sells(1, "1259.00"), method="CASH_ON_DELIVERY", status="PLACED", paper="FISCAL_COMPANY"
    )
    shop.cod_payment(order)

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    # 1,259.00 at 10 %: VAT 114.45 has no base that gives the charged sum; one para is other income.
    assert posted("dispatch", shipment.number) == [
        ("134", "P", "600.00"),
        ("2281", "D", "1259.00"),
        ("4761", "P", "114.45"),
        ("501", "D", "600.00"),
        ("604", "P", "1144.54"),
        ("679", "P", "0.01"),
    ]
    receipt = FiscalReceipt.objects.get(order=order)
    assert receipt.buyer_id == "10:100000024"
    invoice = Invoice.objects.get(order=order)
    assert (invoice.kind, invoice.sequence, invoice.buyer_pib) == ("INVOICE", 1, "100000024")
    assert [str(x) for x in (invoice.net_total, invoice.tax_total, invoice.rounding, invoice.total)] == [
        "1144.54",
        "114.45",
        "0.01",
        "1259.00",
    ]

    made, _ = shop.take_back(order, all_of(order))

    note = Invoice.objects.get(order=order, kind="CREDIT_NOTE")
    assert (note.credits, note.sequence, str(note.total), str(note.rounding)) == (
        invoice,
        1,
        "1259.00",
        "0.01",
    )
    assert posted("return", made.number) == [
        ("134", "D", "600.00"),
        ("204", "P", "1259.00"),
        ("4761", "D", "114.45"),
        ("501", "P", "600.00"),
        ("604", "D", "1144.54"),
        ("679", "D", "0.01"),
    ]
    refund = FiscalReceipt.objects.get(order=order, transaction="REFUND")
    assert (refund.buyer_id, refund.state) == ("10:100000024", "PENDING")


def test_person_pays_1259_at_10_percent_without_rounding(shop: Shop) -> None:
    order = shop.order(Sells(1, "1259.00"), method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    assert posted("dispatch", shipment.number) == [
        ("134", "P", "600.00"),
        ("2281", "D", "1259.00"),
        ("4761", "P", "114.45"),
        ("501", "D", "600.00"),
        ("604", "P", "1144.55"),
    ]


def test_company_of_the_register_gets_advance_invoice_invoice_and_credit_note(shop: Shop) -> None:
    order = shop.order(BOOK, TOY, method="BANK_TRANSFER", paper="SEF")
    payment = shop.transfer_payment(order)

    shop.statement({"amount": "2300.00", "reference": payment.reference})

    assert posted("capture", capture_of(order).public_id) == [
        ("241", "D", "2300.00"),
        ("430", "P", "2300.00"),
        ("4309", "D", "300.00"),
        ("4720", "P", "200.00"),
        ("4730", "P", "100.00"),
    ]
    shipment = shop.dispatch(order, all_of(order), tracking="T1")
    assert posted("dispatch", shipment.number) == [
        ("134", "P", "1200.00"),
        ("430", "D", "2300.00"),
        ("4309", "P", "300.00"),
        ("4700", "P", "200.00"),
        ("4710", "P", "100.00"),
        ("4720", "D", "200.00"),
        ("4730", "D", "100.00"),
        ("501", "D", "1200.00"),
        ("604", "P", "2000.00"),
    ]
    made, _ = shop.take_back(order, all_of(order)[:1])
    assert posted("return", made.number) == [
        ("134", "D", "600.00"),
        ("204", "P", "1100.00"),
        ("4710", "D", "100.00"),
        ("501", "P", "600.00"),
        ("604", "D", "1000.00"),
    ]
    papers = Invoice.objects.filter(order=order).order_by("pk")
    assert [(one.kind, str(one.total)) for one in papers] == [
        ("ADVANCE", "2300.00"),
        ("INVOICE", "2300.00"),
        ("CREDIT_NOTE", "1100.00"),
    ]
    assert [row["gross"] for row in papers[1].prepaid_by_rate] == ["1200.00", "1100.00"]
    assert receipts(order) == []


def test_table_has_a_row_for_every_paper_and_method() -> None:
    assert len(PAPERS) == 15
    assert paper_of(is_company=False, is_sef_registered=True) == PaperKind.FISCAL
    assert paper_of(is_company=True, is_sef_registered=True) == PaperKind.SEF
    assert paper_of(is_company=True, is_sef_registered=False) == PaperKind.FISCAL_COMPANY


def test_second_posting_of_a_shipment_is_refused(shop: Shop) -> None:
    order = shop.order(BOOK, BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    first, second = goods_lines(order)
    shipment = shop.dispatch(order, [(first, 1)], tracking="T1")

    with pytest.raises(money.AlreadyPosted):
        shop.send(order, shipment, [(second, 1)])


def test_goods_that_must_be_paid_first_do_not_leave(shop: Shop) -> None:
    order = shop.order(BOOK, method="BANK_TRANSFER")
    shop.transfer_payment(order)
    shipment = make_shipment(order, shop.location)

    with nothing_changes(), pytest.raises(money.PaymentMissing) as refused:
        shop.send(order, shipment, all_of(order))

    assert refused.value.details == {"missing": "1100.00"}
