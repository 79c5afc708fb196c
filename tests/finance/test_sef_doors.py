"""What SEF tells and is asked besides documents: hints, the day's changes, who is registered, suppliers' invoices."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from crm.models import Customer
from finance import workflows as money
from finance.models import EInvoice, Invoice, PurchaseInvoice, SefSubscription
from finance.workflows import AlreadyDecided, UnknownSubscription
from finance.workflows.sef_registration import AT_PLACEMENT, look_up
from oms.models import Order
from retail.kernel.errors import InvalidInput
from tests.api.integrator import Api
from tests.factories import Sells, make_customer
from tests.finance.sef_world import BUYER, BUYER_NUMBER, HOOK, Seller, state_of
from tests.finance.shop import all_of
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


# -- Hints -----------------------------------------------------------------------------------------------------


@pytest.fixture
def listening(seller: Seller) -> Seller:
    """Subscribed for the day, and the address is set in the portal."""
    seller.stand.put("/admin/sef/webhook", url=HOOK)
    money.subscribe_to_sef(entity=seller.shop.entity, now=seller.now)
    return seller


def bodies(seller: Seller) -> list[bytes]:
    """What SEF posted since the last look."""
    seller.stand.deliver()
    found: list[httpx.Request] = [one for one in seller.stand.shop.requests if str(one.url) == HOOK]
    seller.stand.shop.requests = []
    return [one.content for one in found]


def approved(seller: Seller, fault: str = "") -> EInvoice:
    """Sent and approved; what was told of it lies with the stand-in."""
    _, einvoice = seller.sent_order()
    seller.work()
    bodies(seller)
    if fault:
        seller.stand.fault("sef", fault)
    seller.decide(einvoice.invoice.number, "Approved")
    return einvoice


@pytest.mark.parametrize("shape", ["ARRAY", "OBJECT"])
@pytest.mark.parametrize(("fault", "messages"), [("", 1), ("DUPLICATE", 2), ("REORDERED", 1)])
def test_hint_makes_the_document_asked_about(
    listening: Seller, shape: str, fault: str, messages: int
) -> None:
    listening.choose(webhook_shape=shape)
    einvoice = approved(listening, fault)

    told = [money.receive_sef_message(raw_body=one, now=listening.now) for one in bodies(listening)]

    assert told == [1] * messages
    money.poll_einvoices(now=listening.now)
    assert state_of(einvoice) == "APPROVED"


def test_lost_hint_is_found_among_yesterdays_changes(listening: Seller) -> None:
    einvoice = approved(listening, "LOST")
    assert bodies(listening) == []
    listening.later(days=1)
    EInvoice.objects.update(next_poll_at=None)

    assert money.read_changes(entity=listening.shop.entity, now=listening.now) == 1

    money.poll_einvoices(now=listening.now)
    assert state_of(einvoice) == "APPROVED"


def test_tampered_hint_is_only_a_hint(listening: Seller) -> None:
    _, einvoice = listening.sent_order()
    listening.work()
    bodies(listening)
    listening.stand.fault("sef", "TAMPERED")
    listening.decide(einvoice.invoice.number, "Rejected", "Nije naruceno")

    for one in bodies(listening):
        money.receive_sef_message(raw_body=one, now=listening.now)
    money.poll_einvoices(now=listening.now)

    assert (state_of(einvoice), einvoice.said) == ("REJECTED", "Nije naruceno")


def test_message_with_a_foreign_key_is_not_read(listening: Seller) -> None:
    approved(listening, "FORGED")
    forged, genuine = bodies(listening)

    with nothing_changes(), pytest.raises(UnknownSubscription):
        money.receive_sef_message(raw_body=forged, now=listening.now)
    assert money.receive_sef_message(raw_body=genuine, now=listening.now) == 1


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"{", InvalidInput),
        (b"[1]", InvalidInput),
        (b"[]", UnknownSubscription),
        (b"{}", UnknownSubscription),
    ],
)
def test_message_that_is_none_is_refused(listening: Seller, body: bytes, refusal: type[Exception]) -> None:
    with nothing_changes(), pytest.raises(refusal):
        money.receive_sef_message(raw_body=body, now=listening.now)


def test_hint_comes_in_by_the_door(listening: Seller) -> None:
    einvoice = approved(listening)
    [body] = bodies(listening)
    outsider = Api()

    answer = outsider.client.post("/api/v1/sef/events", data=body, content_type="application/json")
    refused = outsider.client.post(
        "/api/v1/sef/events", data=json.dumps({"SalesInvoiceId": 1}), content_type="application/json"
    )

    assert (answer.status_code, answer.json()) == (200, {"asked": 1})
    assert (refused.status_code, refused.json()["code"]) == (401, "UNKNOWN_SUBSCRIPTION")
    assert einvoice.pk


def test_old_keys_are_forgotten(listening: Seller) -> None:
    listening.later(days=4)

    money.subscribe_to_sef(entity=listening.shop.entity, now=listening.now)

    assert SefSubscription.objects.count() == 1


# -- Who is registered -----------------------------------------------------------------------------------------


def company(seller: Seller, **values: Any) -> Customer:
    return make_customer(kind="COMPANY", pib=BUYER, **values)


def test_company_is_looked_up_at_placement_once_a_day(seller: Seller) -> None:
    first = look_up(pib=BUYER, registration_number=BUYER_NUMBER, now=seller.now, max_age=AT_PLACEMENT)
    company(seller, is_sef_registered=False, sef_checked_at=seller.now - timedelta(hours=23))
    known = look_up(pib=BUYER, registration_number=BUYER_NUMBER, now=seller.now, max_age=AT_PLACEMENT)

    assert (first.is_registered, first.is_new) == (True, True)
    assert (known.is_registered, known.is_new) == (False, False)
    assert len(seller.calls("check")) == 1


@pytest.mark.parametrize("last", [True, False, None])
def test_last_answer_counts_while_sef_is_down(seller: Seller, last: bool | None) -> None:
    company(seller, is_sef_registered=last)
    seller.stand.fault("sef", "HTTP_503")

    found = look_up(pib=BUYER, registration_number=BUYER_NUMBER, now=seller.now, max_age=AT_PLACEMENT)

    assert (found.is_registered, found.is_new) == (last, False)


@pytest.mark.parametrize(
    ("paper", "is_registered", "papers"),
    [("FISCAL_COMPANY", True, "SEF"), ("SEF", False, "FISCAL_COMPANY"), ("SEF", True, "SEF")],
)
def test_paper_is_decided_again_before_the_goods_leave(
    seller: Seller, paper: str, is_registered: bool, papers: str
) -> None:
    seller.register(is_registered=is_registered)
    order = seller.shop.order(
        Sells(1, "1200.00", "STANDARD"),
        paper=paper,
        customer=company(seller),
        company_registration_number=BUYER_NUMBER,
        method="CASH_ON_DELIVERY",
        status="PLACED",
    )
    seller.shop.cod_payment(order)

    seller.shop.dispatch(order, all_of(order), tracking="T1", now=seller.now)

    assert Order.objects.get(pk=order.pk).paper == papers
    assert EInvoice.objects.filter(invoice__order=order).exists() is (papers == "SEF")
    assert Customer.objects.get(pib=BUYER).is_sef_registered is is_registered


def test_paper_stays_once_one_was_issued(seller: Seller) -> None:
    order, _ = seller.prepaid_order()
    seller.register(is_registered=False)

    seller.shop.dispatch(order, all_of(order), tracking="T1", now=seller.now)

    assert Order.objects.get(pk=order.pk).paper == "SEF"
    assert Invoice.objects.filter(order=order, kind="INVOICE").count() == 1


# -- Suppliers' invoices ---------------------------------------------------------------------------------------


@pytest.fixture
def supplied(seller: Seller) -> PurchaseInvoice:
    seller.stand.put(
        "/admin/sef/purchases",
        number="MF3814/25",
        supplier_name="Izdavac d.o.o.",
        amount=220.5,
        net=200.45,
        tax=20.05,
    )
    assert money.pull_purchases(entity=seller.shop.entity, now=seller.now) == 1
    assert money.pull_purchases(entity=seller.shop.entity, now=seller.now) == 0
    return PurchaseInvoice.objects.get()


def test_purchase_is_listed_to_the_para(supplied: PurchaseInvoice) -> None:
    assert (supplied.number, supplied.status, supplied.supplier_name) == (
        "MF3814/25",
        "New",
        "Izdavac d.o.o.",
    )
    assert (str(supplied.amount), str(supplied.net), str(supplied.tax)) == ("220.50", "200.45", "20.05")


@pytest.mark.parametrize("fault", ["", "TIMEOUT", "RESET", "HTTP_503", "HTTP_429"])
@pytest.mark.parametrize(("is_accepted", "status"), [(True, "Approved"), (False, "Rejected")])
def test_decision_reaches_sef_once(
    seller: Seller, supplied: PurchaseInvoice, fault: str, is_accepted: bool, status: str
) -> None:
    if fault:
        seller.stand.fault(
            "sef", fault, operation="decide", **({"seconds": 1.2} if fault == "TIMEOUT" else {})
        )

    money.decide_purchase(
        purchase_id=supplied.pk, is_accepted=is_accepted, comment="Ne slaze se", by=None, now=seller.now
    )
    seller.work(4)

    supplied.refresh_from_db()
    assert (supplied.status, supplied.failure, supplied.told_at is not None) == (status, "", True)
    assert [
        one["Status"]
        for one in seller.stand.sef().call("x", "GET", "api/publicApi/purchase-invoice/overview")
    ] == [status]


def test_rejection_needs_a_comment_and_a_decision_stands(seller: Seller, supplied: PurchaseInvoice) -> None:
    with nothing_changes(), pytest.raises(InvalidInput):
        money.decide_purchase(
            purchase_id=supplied.pk, is_accepted=False, comment=" ", by=None, now=seller.now
        )
    money.decide_purchase(purchase_id=supplied.pk, is_accepted=True, comment="", by=None, now=seller.now)
    with nothing_changes(), pytest.raises(AlreadyDecided):
        money.decide_purchase(
            purchase_id=supplied.pk, is_accepted=False, comment="ne", by=None, now=seller.now
        )
