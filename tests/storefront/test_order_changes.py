"""The buyer changes an order before it is collected, and names a company afterwards, as long as the law allows it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from finance.models import FiscalReceipt, Invoice
from oms.models import DeliveryPostcode, DeliveryZone, Order
from oms.workflows import routing
from retail.kernel.models import OutboxEvent
from tests.flows.chain import NOW, Chain
from tests.flows.test_lifecycle import pick_all, send
from tests.storefront.shopping import hidden, open_shop, planned
from tests.unchanged import nothing_changes
from warehouse.models import Shipment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def typed(order: Order, **changes: str) -> dict[str, str]:
    names = ("name", "phone", "street", "postal_code", "city", "note")
    return {**{name: getattr(order, name) for name in names}, **changes}


def shown(client: Client, order: Order, **changes: str) -> dict[str, str]:
    """The form as the preview gives it back, ready to be applied."""
    with nothing_changes():
        page = client.post(f"/en/order/{order.token}/change/", typed(order, **changes)).text
    carried = {name: hidden(page, name) for name in ("version", "total", "promised", "seen")}
    return {**typed(order, **changes), **carried, "apply": "1"}


def test_another_address_is_shown_with_its_date_and_then_applied(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 2))
    shipment = planned(chain, order)
    assert f"/en/order/{order.token}/change/" in client.get(f"/en/order/{order.token}/").text
    url = f"/en/order/{order.token}/change/"
    moved = {"street": "Balkanska 14", "postal_code": "11 000", "city": "Beograd"}
    with nothing_changes():
        page = client.post(url, typed(order, **moved)).text
    assert "Balkanska 14</ins>" in page
    assert "21000</del>" in page
    answer = client.post(url, shown(client, order, **moved))
    assert answer.headers["Location"] == f"/en/order/{order.token}/"
    order.refresh_from_db()
    assert (order.street, order.postal_code, order.city) == ("Balkanska 14", "11000", "Beograd")
    # Another address is planned anew.
    assert order.fulfillment_status == "UNROUTED"
    shipment.refresh_from_db()
    assert shipment.status == "CANCELED"
    event = OutboxEvent.objects.filter(topic="oms.order_changed", subject_key=order.number).latest("pk")
    assert event.payload["is_replanned"] is True


def test_what_was_typed_over_after_the_preview_is_shown_first(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    form = shown(client, order, name="Mila Milić")
    with nothing_changes():
        page = client.post(f"/en/order/{order.token}/change/", {**form, "street": "Balkanska 14"})
    assert page.status_code == 200
    assert "Balkanska 14</ins>" in page.text
    client.post(f"/en/order/{order.token}/change/", form)
    order.refresh_from_db()
    assert (order.name, order.street) == ("Mila Milić", "Dunavska 1")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"postal_code": "99999"}, "There is no postcode 99999; Novi Sad is 21000."),
        ({"phone": "12"}, "Write nine or ten digits"),
        ({"street": " "}, "Write the street and number"),
        ({"name": ""}, "Write your name and surname."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    client: Client, chain: Chain, wrong: dict[str, str], words: str
) -> None:
    order = chain.place((chain.variant(), 1))
    with nothing_changes():
        answer = client.post(f"/en/order/{order.token}/change/", {**typed(order, **wrong), "apply": "1"})
    assert answer.status_code == 422
    assert words in answer.text


def test_a_place_that_nobody_reaches_leaves_the_order_as_it_was(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    far = DeliveryZone.objects.create(code="99", name="Ostrvo")
    DeliveryPostcode.objects.create(postal_code="99000", place="Ostrvo", zone=far)
    with nothing_changes():
        answer = client.post(f"/en/order/{order.token}/change/", typed(order, postal_code="99000"))
    assert answer.status_code == 422
    assert "It cannot be sent there" in answer.text


def test_once_it_is_collected_nothing_changes_any_more(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 2))
    form = shown(client, order, street="Balkanska 14")
    pick_all(chain, planned(chain, order))
    url = f"/en/order/{order.token}/change/"
    assert client.get(url).headers["Location"] == f"/en/order/{order.token}/"
    assert url not in client.get(f"/en/order/{order.token}/").text
    with nothing_changes():
        answer = client.post(url, form)
    assert answer.status_code == 422
    assert "It is being collected already" in answer.text


def test_two_tabs_the_second_is_shown_what_the_first_did(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    form = shown(client, order, street="Balkanska 14")
    client.post(f"/en/order/{order.token}/change/", shown(client, order, name="Mila Milić"))
    with nothing_changes():
        answer = client.post(f"/en/order/{order.token}/change/", form)
    # Its name is what the first tab wrote over: that would be undone, so it is shown.
    assert answer.status_code == 200
    assert "Mila Milić</del>" in answer.text


def test_a_name_alone_keeps_an_open_plan_alive(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    routing.propose_routing(order_id=order.pk, now=NOW)
    order.refresh_from_db()
    client.post(f"/en/order/{order.token}/change/", shown(client, order, name="Mila Milić"))
    event = OutboxEvent.objects.filter(topic="oms.order_changed", subject_key=order.number).latest("pk")
    # The proposal was of an older version: without a new one nobody would plan it.
    assert event.payload["is_replanned"] is True


def test_a_pickup_changes_only_who_comes(client: Client, chain: Chain) -> None:
    order = chain.place(
        (chain.variant(stock=5, store_stock=2), 1),
        delivery_method="STORE_PICKUP",
        pickup_location="S-001",
        street="",
        city="",
        postal_code="",
    )
    page = client.get(f"/en/order/{order.token}/change/").text
    assert 'name="street"' not in page
    form: dict[str, Any] = shown(client, order, name="Mila Milić", street="Balkanska 14")
    client.post(f"/en/order/{order.token}/change/", form)
    order.refresh_from_db()
    assert (order.name, order.street) == ("Mila Milić", "")


# ------------------------------------------------------------------ the company
FIRM = {"company_name": "Firma d.o.o.", "pib": "100000024", "registration_number": ""}


def test_the_papers_name_the_company_that_was_said_after_picking(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    pick_all(chain, planned(chain, order))
    url = f"/en/order/{order.token}/company/"
    assert url in client.get(f"/en/order/{order.token}/").text
    assert client.post(url, FIRM).headers["Location"] == f"/en/order/{order.token}/"
    order.refresh_from_db()
    assert (order.company_name, order.company_pib, order.paper) == (
        "Firma d.o.o.",
        "100000024",
        "FISCAL_COMPANY",
    )
    assert order.status == "IN_FULFILLMENT"
    shipment = Shipment.objects.get(order=order)
    assert shipment.status == "READY"
    page = client.get(f"/en/order/{order.token}/").text
    assert "Firma d.o.o." in page
    assert url not in page


def test_goods_that_leave_then_carry_receipt_and_invoice_of_the_company(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    client.post(f"/order/{order.token}/company/", FIRM)
    order.refresh_from_db()
    send(chain, order)
    receipt = FiscalReceipt.objects.get(order=order)
    assert receipt.buyer_id == "10:100000024"
    assert Invoice.objects.get(order=order).kind == "INVOICE"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"pib": "100000025"}, "Write the nine digits of the PIB"),
        ({"company_name": ""}, "Write the name of the company"),
        ({"registration_number": "123"}, "Write eight digits"),
    ],
)
def test_a_company_that_cannot_be_is_refused(
    client: Client, chain: Chain, wrong: dict[str, str], words: str
) -> None:
    order = chain.place((chain.variant(), 1))
    with nothing_changes():
        answer = client.post(f"/en/order/{order.token}/company/", {**FIRM, **wrong})
    assert answer.status_code == 422
    assert words in answer.text


def test_once_there_is_a_paper_the_law_allows_no_other_buyer(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(stock=5), 1))
    send(chain, order)
    url = f"/en/order/{order.token}/company/"
    assert url not in client.get(f"/en/order/{order.token}/").text
    assert "By the law on fiscalization" in client.get(url).text
    with nothing_changes():
        answer = client.post(url, FIRM)
    assert answer.status_code == 409
    assert "By the law on fiscalization" in answer.text
