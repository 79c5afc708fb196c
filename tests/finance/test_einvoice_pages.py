"""Screens of electronic invoices: the queue, the document with what SEF said, the acts; suppliers' invoices."""

from __future__ import annotations

import pytest
from django.test import Client

from finance import workflows as money
from finance.models import EInvoice, Invoice, PurchaseInvoice
from tests.finance.sef_world import Seller, state_of
from tests.finance.test_pages import get, post, text_of
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def accountant(db: None) -> Client:
    return client_of(make_staff("ACCOUNTANT"))


@pytest.fixture
def refused(seller: Seller) -> EInvoice:
    _, einvoice = seller.sent_order()
    seller.register(is_registered=False)
    seller.work()
    assert state_of(einvoice) == "REFUSED"
    return einvoice


def test_queue_shows_documents_by_state_with_the_reason(accountant: Client, refused: EInvoice) -> None:
    shown = text_of(get(accountant, "einvoices/", state="REFUSED"))

    assert refused.invoice.number in shown
    assert "The buyer is not registered at SEF." in shown
    assert "No e-invoice here" in text_of(get(accountant, "einvoices/", state="SENT"))
    assert refused.invoice.number in text_of(get(accountant, "einvoices/", q=refused.invoice.number))


def test_document_shows_its_history_and_what_sef_said(accountant: Client, refused: EInvoice) -> None:
    shown = text_of(get(accountant, f"einvoices/{refused.pk}/"))

    assert "Primalac nije registrovan na SEF-u." in shown
    assert "The document was made" in shown
    assert "Withdraw and issue anew" in shown
    xml = get(accountant, f"einvoices/{refused.pk}/xml/")
    assert (xml["Content-Type"], xml.content.decode()) == ("application/xml", refused.document)


def test_document_is_sent_again(accountant: Client, seller: Seller, refused: EInvoice) -> None:
    seller.register()

    assert post(accountant, f"einvoices/{refused.pk}/retry/").status_code == 302

    seller.work()
    assert state_of(refused) == "SENT"


def test_document_is_issued_anew_only_with_a_reason(accountant: Client, refused: EInvoice) -> None:
    with nothing_changes():
        assert (
            post(accountant, f"einvoices/{refused.pk}/replace/", {"is_to_be_replaced": "on"}).status_code
            == 422
        )

    answer = post(
        accountant,
        f"einvoices/{refused.pk}/replace/",
        {"reason": "Ispravka adrese", "is_to_be_replaced": "on", "buyer_street": "Nova 2"},
    )

    assert answer.status_code == 302
    new = Invoice.objects.get(replaces=refused.invoice)
    assert (new.buyer_street, state_of(refused)) == ("Nova 2", "CANCELED")
    assert new.number in text_of(get(accountant, f"einvoices/{refused.pk}/"))


def test_auditor_reads_and_acts_not(seller: Seller, refused: EInvoice) -> None:
    auditor = client_of(make_staff("AUDITOR"))

    assert "Withdraw and issue anew" not in text_of(get(auditor, f"einvoices/{refused.pk}/"))
    with nothing_changes():
        assert post(auditor, f"einvoices/{refused.pk}/retry/").status_code == 403


def test_supplier_invoice_is_rejected_with_a_comment(accountant: Client, seller: Seller) -> None:
    seller.stand.put("/admin/sef/purchases", number="MF-1", amount=120.0, net=100.0, tax=20.0)
    money.pull_purchases(entity=seller.shop.entity, now=seller.now)
    row = PurchaseInvoice.objects.get()
    assert "MF-1" in text_of(get(accountant, "purchases/"))
    assert "Decide" in text_of(get(accountant, f"purchases/{row.pk}/"))
    with nothing_changes():
        assert post(accountant, f"purchases/{row.pk}/decide/", {"act": "reject"}).status_code == 422

    assert (
        post(accountant, f"purchases/{row.pk}/decide/", {"act": "reject", "comment": "Nije naše"}).status_code
        == 302
    )

    seller.work()
    row.refresh_from_db()
    assert (row.status, row.comment) == ("Rejected", "Nije naše")
    assert "Nije naše" in text_of(get(accountant, f"purchases/{row.pk}/"))
