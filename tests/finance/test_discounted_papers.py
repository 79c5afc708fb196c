"""Papers of discounts: a lowered price and a gift for nothing on the fiscal receipt and in the electronic invoice, there and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm.models import Customer
from finance import selectors
from finance.models import FiscalReceipt, Invoice
from oms.models import Order, Return
from oms.workflows.checkout import Company
from storefront.models import Variant
from tests.finance.judges import all_said, faults, said
from tests.finance.test_campaign_report import come_back
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import balances, healthy, send
from tests.oms import offering

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def book(chain: Chain) -> Variant:
    return chain.variant(price="1100.00", stock=10)


@pytest.fixture
def gift(chain: Chain) -> Variant:
    """Of the other rate, so that it stands alone in its row of taxes."""
    return chain.variant(price="300.00", stock=5, tax="STANDARD", grams=50)


def sent(chain: Chain, book: Variant, gift: Variant, **changes: Any) -> Order:
    """Three of 1,100.00 less 20 %, a gift, delivery for 290.00."""
    fifth_off = offering.discount("petina", value="20.00", campaign=offering.campaign("jesen"))
    offering.target(fifth_off, book)
    offering.discount("poklon", "GIFT_LINE", value="100.00", gift=gift, minimum_amount=Decimal("2000.00"))
    order = chain.place((book, 3), **changes)
    assert order.total == Decimal("2930.00")
    send(chain, order)
    healthy()
    return order


def items(receipt: FiscalReceipt) -> list[tuple[Any, ...]]:
    return [
        (item["quantity"], item["unit_price"], item["total"], item["tax"], item["tax_rate"])
        for item in receipt.items
    ]


def rates(receipt: FiscalReceipt) -> list[tuple[str, str, str, str]]:
    return [(row["rate"], row["gross"], row["net"], row["tax"]) for row in receipt.tax_by_rate]


def test_the_receipt_says_what_was_charged_and_the_gift_for_nothing(
    chain: Chain, book: Variant, gift: Variant
) -> None:
    order = sent(chain, book, gift)
    receipt = FiscalReceipt.objects.get()
    assert (receipt.kind, receipt.transaction, receipt.total) == ("NORMAL", "SALE", Decimal("2930.00"))
    assert sorted(items(receipt)) == [
        (1, "0.00", "0.00", "0.00", "20.00"),
        (1, "290.00", "290.00", "26.36", "10.00"),
        (3, "880.00", "2640.00", "240.00", "10.00"),
    ]
    assert sorted(rates(receipt)) == [
        ("10.00", "2930.00", "2663.64", "266.36"),
        ("20.00", "0.00", "0.00", "0.00"),
    ]
    # The gift has left at what it cost: 3 × 400.00 and 400.00.
    assert balances(order)["501"] == Decimal("1600.00")


def test_what_comes_back_brings_its_lowered_price_and_the_gift_brings_nothing(
    chain: Chain, book: Variant, gift: Variant
) -> None:
    order = sent(chain, book, gift)
    come_back(chain, order, book.sku, 1)
    healthy()
    refund = FiscalReceipt.objects.get(transaction="REFUND")
    assert (refund.total, items(refund), rates(refund)) == (
        Decimal("880.00"),
        [(1, "880.00", "880.00", "80.00", "10.00")],
        [("10.00", "880.00", "800.00", "80.00")],
    )

    come_back(chain, order, gift.sku, 1)
    healthy()
    of_gift = Return.objects.order_by("-pk")[0]
    assert (of_gift.status, of_gift.refund_total) == ("REFUNDED", Decimal("0.00"))
    paper = FiscalReceipt.objects.order_by("-pk")[0]
    assert (paper.transaction, paper.total, items(paper)) == (
        "REFUND",
        Decimal("0.00"),
        [(1, "0.00", "0.00", "0.00", "20.00")],
    )
    assert balances(order)["501"] == Decimal("800.00")

    come_back(chain, order, book.sku, 2)
    healthy()
    left = balances(order)
    # Only the delivery stays sold; the courier owes it all, the customer is owed the books.
    assert left == {
        "204": Decimal("-2640.00"),
        "2281": Decimal("2930.00"),
        "4761": Decimal("-26.36"),
        "614": Decimal("-263.64"),
    }


def test_the_electronic_invoice_of_a_discounted_order_with_a_gift_is_accepted(
    chain: Chain, book: Variant, gift: Variant
) -> None:
    Customer.objects.create(
        kind="COMPANY", name="Firma", pib="100000024", is_sef_registered=True, sef_checked_at=NOW
    )
    order = sent(chain, book, gift, company=Company("Firma d.o.o.", "100000024", "20998873"))
    invoice = Invoice.objects.get()
    xml = selectors.invoice_ubl(number=invoice.number)
    assert faults(xml) == []
    assert said(xml, "cac:LegalMonetaryTotal/cbc:PayableAmount") == "2930.00"
    assert said(xml, "cac:TaxTotal/cbc:TaxAmount") == "266.36"
    assert sorted(all_said(xml, "cac:InvoiceLine/cbc:LineExtensionAmount")) == ["0.00", "2400.00", "263.64"]

    come_back(chain, order, book.sku, 1)
    come_back(chain, order, gift.sku, 1)
    healthy()
    notes = list(Invoice.objects.filter(kind="CREDIT_NOTE").order_by("pk"))
    assert [note.total for note in notes] == [Decimal("880.00"), Decimal("0.00")]
    for note in notes:
        assert faults(selectors.invoice_ubl(number=note.number)) == [], note.number
    assert said(selectors.invoice_ubl(number=notes[0].number), "cac:TaxTotal/cbc:TaxAmount") == "80.00"
