"""The order by its secret address: where it is, canceling before picking, returns, papers; and the account."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.test import Client, RequestFactory

from crm.models import Address, Customer
from finance import selectors as finance
from finance import workflows as money
from finance.models import FiscalReceipt, Payment, Refund
from oms.models import Order, OrderException, Return
from oms.workflows import returns
from oms.workflows.checkout import Company
from retail.kernel import clock, crypto
from retail.kernel.models import User
from tests.flows.chain import NOW, Chain
from tests.flows.test_lifecycle import pick_all, send
from tests.storefront.shopping import open_shop, planned, put, typed
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Parcel, StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def now_step(page: str) -> str:
    """The words of the step that is under way."""
    return page.split('aria-current="step"')[1].split("<b>")[1].split("</b>")[0]


def test_the_page_follows_the_parcel(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 2))
    url = f"/en/order/{order.token}/"
    page = client.get(url).text
    assert "<h1>Arrives Thursday, 3 December</h1>" in page
    assert now_step(page) == "Waiting to be collected"
    (shipment,) = send(chain, order)
    Parcel.objects.filter(shipment=shipment).update(tracking_number="PE 4471")
    page = client.get(url).text
    assert "number PE 4471" in page
    assert now_step(page) == "At your address"
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW + timedelta(days=1))
    page = client.get(url).text
    assert "<h1>It is with you</h1>" in page
    assert 'aria-current="step"' not in page


def test_a_pickup_shows_its_code_only_when_it_is_ready(client: Client, chain: Chain) -> None:
    order = chain.place(
        (chain.variant(stock=5, store_stock=2), 1),
        delivery_method="STORE_PICKUP",
        pickup_location="S-001",
        street="",
        city="",
        postal_code="",
    )
    url = f"/en/order/{order.token}/"
    shipment = planned(chain, order)
    assert "Tell this code in the store:" not in client.get(url).text
    pick_all(chain, shipment)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=chain.bojan, now=NOW)
    shipment.refresh_from_db()
    page = client.get(url).text
    assert shipment.handover_code in page.split("Tell this code in the store:")[1].split("</b>")[0]
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=NOW)
    assert "Tell this code in the store:" not in client.get(url).text


def test_only_the_secret_opens_an_order(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    for secret in (order.number, order.token[:-1] + "x", order.token.lower() + "A"):
        assert client.get(f"/order/{secret}/").status_code == 404
    answer = client.get(f"/order/{order.token}/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert '<meta name="robots" content="noindex">' in answer.text


def test_it_can_be_canceled_until_it_is_collected(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5)
    order = chain.place((variant, 2))
    assert client.get(f"/order/{order.token}/cancel/").status_code == 405
    client.post(f"/order/{order.token}/cancel/")
    order.refresh_from_db()
    assert order.status == "CANCELED"
    assert StockItem.objects.get(variant=variant).reserved == 0
    with nothing_changes():
        assert client.post(f"/order/{order.token}/cancel/").status_code == 302
    assert "Nothing was charged." in client.get(f"/en/order/{order.token}/").text


def test_once_it_is_collected_canceling_is_refused_with_a_way_on(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 2))
    pick_all(chain, planned(chain, order))
    assert "Cancel the order" not in client.get(f"/en/order/{order.token}/").text
    with nothing_changes():
        answer = client.post(f"/en/order/{order.token}/cancel/")
    assert answer.status_code == 409
    assert "It is being collected already" in answer.text


def test_a_return_asks_for_the_document_and_keeps_it_unread(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5)
    order = chain.place((variant, 3))
    url = f"/en/order/{order.token}/return/"
    assert client.get(url).headers["Location"] == f"/en/order/{order.token}/"  # nothing has left yet
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    line = order.lines.get(kind="GOODS")
    form = {f"q-{line.pk}": "2", "reason": "DAMAGED", "buyer_id_kind": "20", "buyer_id": "00 1234567"}
    form["bank_account"] = "160-12345-95"
    for wrong in (
        {f"q-{line.pk}": "4"},
        {f"q-{line.pk}": "0"},
        {f"q-{line.pk}": "-1"},
        {"buyer_id": ""},
        {"reason": "X"},
        {"bank_account": ""},
        {"bank_account": "160-12345-59"},
    ):
        with nothing_changes():
            assert client.post(url, {**form, **wrong}).status_code == 422, wrong
    answer = client.post(url, form)
    asked = Return.objects.get()
    assert answer.headers["Location"] == f"/en/order/{order.token}/#returns"
    assert [(each.quantity, each.reason) for each in asked.lines.all()] == [(2, "DAMAGED")]
    assert asked.buyer_id_kind == "20"
    assert "001234567" not in asked.buyer_id_encrypted
    assert "12345" not in asked.bank_account_encrypted
    assert crypto.decrypt(asked.bank_account_encrypted) == "160000000001234595"
    page = client.get(f"/en/order/{order.token}/").text
    assert f"write {asked.number} on the parcel" in page
    assert "001234567" not in page


def test_cash_goes_back_to_the_account_that_the_shopper_named(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1100.00", stock=5)
    order = chain.place((variant, 2))
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    Parcel.objects.filter(shipment=shipment).update(tracking_number="PE1")
    assert shipment.service is not None
    money.import_courier_remittance(
        carrier_code=shipment.service.carrier.code,
        text=f"line_key,tracking_number,amount,fee,paid_on\nr1,PE1,{order.total},0.00,2026-12-04\n",
        by=None,
        now=NOW,
    )
    line = order.lines.get(kind="GOODS")
    form = {f"q-{line.pk}": "1", "reason": "FAULTY", "buyer_id_kind": "20", "buyer_id": "001234567"}
    client.post(f"/order/{order.token}/return/", {**form, "bank_account": "160-12345-95"})
    arrived = returns.Arrived(variant.sku, 1, "RESTOCK")
    returns.receive_return(
        number=Return.objects.get().number, location_code="S-001", lines=[arrived], by=None, now=NOW
    )
    refund = Refund.objects.get()
    assert (refund.amount, refund.bank_account) == (Decimal("1100.00"), "160000000001234595")
    assert not OrderException.objects.filter(order=order).exists()


def test_a_card_needs_no_account(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1), payment_method="BANK_TRANSFER")
    assert finance.needs_account(order_id=order.pk)
    Payment.objects.filter(order=order).update(method="CARD")
    assert not finance.needs_account(order_id=order.pk)


def test_a_return_after_the_period_is_refused_by_name(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    Order.objects.filter(pk=order.pk).update(completed_at=NOW)
    line = order.lines.get(kind="GOODS")
    form = {f"q-{line.pk}": "1", "reason": "OTHER", "buyer_id_kind": "20", "buyer_id": "001234567"}
    form["bank_account"] = "160-12345-95"
    with clock.standing_at(NOW + timedelta(days=31)), nothing_changes():
        answer = client.post(f"/en/order/{order.token}/return/", form)
    assert answer.status_code == 422
    assert "A return is possible for 30 days after delivery" in answer.text


def test_papers_open_only_with_the_order_they_belong_to(client: Client, chain: Chain) -> None:
    order, other = (chain.place((chain.variant(stock=5), 1)) for _ in range(2))
    send(chain, order)
    receipt = FiscalReceipt.objects.get(order=order)
    assert client.get(f"/order/{order.token}/papers/receipt/1-1-1/").status_code == 404  # not signed yet
    FiscalReceipt.objects.filter(pk=receipt.pk).update(
        state="SIGNED",
        number="AB12-AB12-7",
        signed_at=NOW,
        verification_url="https://example.com/v",
        journal_text="RAČUN",
    )
    answer = client.get(f"/order/{order.token}/papers/receipt/AB12-AB12-7/")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert client.get(f"/order/{other.token}/papers/receipt/AB12-AB12-7/").status_code == 404
    assert client.get(f"/order/{order.token}/papers/secret/AB12-AB12-7/").status_code == 404
    assert "Fiscal receipt" in client.get(f"/en/order/{order.token}/").text


def test_the_account_shows_what_the_proved_address_bought(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(), 1), email="ana@example.com")
    ana = User.objects.create_user("ana@example.com", "a long pass phrase", name="Ana")
    assert client.get("/account/").status_code == 302
    client.force_login(ana)
    assert order.number not in client.get("/account/").text
    proved = EmailAddress.objects.create(user=ana, email=ana.email, verified=True, primary=True)
    email_confirmed.send(sender=EmailAddress, request=RequestFactory().get("/"), email_address=proved)
    assert order.number in client.get("/account/").text
    assert Customer.objects.get(user=ana) == order.customer


def test_the_account_shows_pickups_and_what_it_ordered_for_a_company(client: Client, chain: Chain) -> None:
    ana = User.objects.create_user("ana@example.com", "a long pass phrase", name="Ana")
    stranger = chain.place((chain.variant(), 1), company=Company("Firma d.o.o.", "100000024"))
    client.force_login(ana)
    variant = chain.variant(stock=5, store_stock=5)
    put(client, variant)
    company = {"is_company": "on", "company_name": "Firma d.o.o.", "pib": "100000024"}
    client.post("/checkout/", typed(client, **company))
    put(client, variant)
    client.post("/checkout/", typed(client, delivery="STORE_PICKUP", pickup_location="S-001"))
    for_company, pickup = Order.objects.exclude(pk=stranger.pk).order_by("pk")
    assert for_company.customer == stranger.customer
    page = client.get("/account/").text
    assert for_company.number in page
    assert pickup.number in page
    assert stranger.number not in page


def test_addresses_belong_to_one_account(client: Client, chain: Chain) -> None:
    ana, mila = (
        User.objects.create_user(f"{n}@example.com", "a long pass phrase", name=n) for n in ("ana", "mila")
    )
    client.force_login(ana)
    form = {
        "label": "Kuća",
        "name": "Ana Anić",
        "street": "Dunavska 1",
        "postal_code": "21000",
        "city": "Novi Sad",
    }
    with nothing_changes():
        assert client.post("/account/addresses/", {**form, "postal_code": "99999"}).status_code == 422
    client.post("/account/addresses/", form)
    client.post("/account/addresses/", {**form, "street": "Balkanska 14"})
    first, second = Address.objects.order_by("pk")
    assert (first.is_default, second.is_default) == (True, False)
    client.post(f"/account/addresses/{second.pk}/default/")
    assert list(Address.objects.filter(is_default=True)) == [second]
    other = Client()
    other.force_login(mila)
    with nothing_changes():
        assert other.post(f"/account/addresses/{first.pk}/remove/").status_code == 404
    client.post(f"/account/addresses/{first.pk}/remove/")
    assert list(Address.objects.all()) == [second]
