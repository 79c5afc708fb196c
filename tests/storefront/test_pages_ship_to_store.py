"""What a store has not is offered with its honest date, ordered at checkout, and followed on the order's page."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from oms.models import DeliveryMethod, Order
from tests.flows import to_store
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.storefront.shopping import open_shop, order, put, typed
from tests.unchanged import nothing_changes
from warehouse import workflows as goods
from warehouse.models import Reservation, Shipment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def offered(chain: Chain) -> Iterator[None]:
    to_store.offer_ship_to_store(chain)
    with open_shop():
        yield


def now_step(page: str) -> str:
    return page.split('aria-current="step"', 1)[1].split("<b>", 1)[1].split("</b>", 1)[0]


def test_the_product_page_says_when_it_would_be_in_the_store(client: Client, chain: Chain) -> None:
    book = chain.variant(stock=5)
    page = client.get(f"/en/p/{book.product.slug}/").text
    assert "Sent to a store: Novi Sad, Dunavska" in page
    assert "Tomorrow by 13:00" in page
    here = chain.variant(stock=5, store_stock=1)
    assert "Sent to a store" not in client.get(f"/en/p/{here.product.slug}/").text


def test_it_is_ordered_for_a_store_and_claims_stay_where_they_lie(client: Client, chain: Chain) -> None:
    put(client, book := chain.variant(stock=5), 2)
    page = client.get("/en/checkout/").text
    assert 'name="ship_store"' in page
    assert "Novi Sad, Dunavska: Tomorrow by 13:00" in page
    client.post(
        "/checkout/",
        typed(client, delivery="SHIP_TO_STORE", ship_store="S-001", street="", postal_code="", city=""),
    )
    placed = order()
    assert (placed.delivery_method, placed.pickup_location, placed.total) == (
        "SHIP_TO_STORE",
        chain.store,
        Decimal("2000.00"),
    )
    claims = Reservation.objects.filter(order_line__order=placed, state="ALLOCATED", variant=book)
    assert [claim.location for claim in claims] == [chain.warehouse]
    thanks = client.get(f"/en/order/{placed.token}/thanks/").text
    assert "What the store does not have is sent there from another place of ours." in thanks


def test_a_store_must_be_named_and_must_be_one_of_those_offered(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    for wrong in ("", "S-999", "WH-1"):
        form = typed(client, delivery="SHIP_TO_STORE", ship_store=wrong)
        with nothing_changes():
            assert client.post("/checkout/", form).status_code == 422


def test_switched_off_it_is_not_ordered(client: Client, chain: Chain) -> None:
    DeliveryMethod.objects.filter(code="SHIP_TO_STORE").update(is_orderable=False)
    put(client, chain.variant(stock=5))
    with nothing_changes():
        answer = client.post("/checkout/", typed(client, delivery="SHIP_TO_STORE", ship_store="S-001"))
    assert answer.status_code == 422


def test_the_order_page_follows_the_units(client: Client, chain: Chain) -> None:
    book = chain.variant(stock=5, store_stock=1)
    placed, transfer = to_store.planned(chain, (book, 2))
    url = f"/en/order/{placed.token}/"
    page = client.get(url).text
    assert "<h1>Ready for pickup Thursday, 3 December by 13:00</h1>" in page
    assert "Magacin sends it to Novi Sad, Dunavska" in page
    assert page.count('class="track"') == 1
    to_store.send(chain, transfer)
    page = client.get(url).text
    assert now_step(page) == "Sent from Magacin to Novi Sad, Dunavska"
    assert "arrives Thursday, 3 December" in page
    to_store.receive(chain, transfer, (book, 1, 0))
    assert "Arrived from Magacin" in client.get(url).text
    (shipment,) = goods_here(chain, placed)
    page = client.get(url).text
    assert page.split("Tell this code in the store:")[1].split("</b>")[0].endswith(shipment)


def goods_here(chain: Chain, placed: Order) -> list[str]:
    """Picked and packed; the code."""
    to_store.pick_here(chain, Shipment.objects.get(order=placed))
    return [to_store.pack(chain, placed).handover_code]


def test_staff_see_the_way_on_the_order_and_the_order_on_the_transfer(chain: Chain) -> None:
    placed, transfer = to_store.sent(chain, (chain.variant(stock=5), 2))
    dragan = client_of(make_staff("OPS_LEAD", name="Dragan"))
    page = dragan.get(f"/ops/orders/{placed.number}/").text
    assert f'href="/ops/transfers/{transfer.number}/"' in page
    assert "iz WH-1 u S-001, stiže" in page
    assert f'href="/ops/orders/{placed.number}/"' in dragan.get(f"/ops/transfers/{transfer.number}/").text
    assert transfer.number in dragan.get("/ops/transfers/").text
    assert placed.number in dragan.get("/ops/orders/?queue=pickup").text


def test_what_is_missing_on_arrival_is_said_on_the_timeline(chain: Chain) -> None:
    book = chain.variant(stock=2)
    placed, transfer = to_store.sent(chain, (book, 2))
    to_store.receive(chain, transfer, (book, 1, 0), is_complete=True)
    dragan = client_of(make_staff("OPS_LEAD", name="Dragan"))
    page = dragan.get(f"/ops/orders/{placed.number}/").text
    assert "nedostaje 1 komad" in page
    assert "nije stiglo prenosom" in page
    assert goods.release_no_shows(now=NOW) == 0
