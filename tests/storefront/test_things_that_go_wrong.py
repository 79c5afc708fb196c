"""What goes wrong while somebody buys: the sensible thing happens, and nothing is lost."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from oms.models import BasketLine, Order
from oms.workflows import cancellation
from retail.kernel import clock
from retail.kernel.models import Location
from storefront.models import Product, Variant
from tests.flows.chain import NOW, Chain
from tests.storefront.shopping import basket, open_shop, order, put, typed
from tests.unchanged import nothing_changes
from warehouse.models import StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_title_taken_out_of_the_catalog_is_told_and_not_sold(
    client: Client, chain: Chain, is_whole: bool
) -> None:
    gone, stays = chain.variant(stock=5), chain.variant(stock=5)
    put(client, gone)
    put(client, stays)
    form = typed(client)
    if is_whole:
        Product.objects.filter(pk=gone.product_id).update(status="DRAFT")
    else:
        Variant.objects.filter(pk=gone.pk).update(is_sellable=False)
    assert "No longer for sale." in client.get("/en/basket/").text
    with nothing_changes():
        answer = client.post("/en/checkout/", form)
    assert answer.status_code == 422
    assert "No longer for sale." in answer.text
    assert 'value="Ana Anić"' in answer.text
    line = BasketLine.objects.get(variant=gone)
    client.post(f"/basket/lines/{line.public_id}/", {"step": "remove"})
    client.post("/checkout/", typed(client))
    assert [one.variant for one in order().lines.filter(kind="GOODS")] == [stays]


def test_a_store_that_closes_meanwhile_is_said_and_what_was_typed_stays(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5, store_stock=5))
    form = typed(client, delivery="STORE_PICKUP", pickup_location="S-001")
    Location.objects.filter(code="S-001").update(is_active=False)
    with nothing_changes():
        answer = client.post("/en/checkout/", form)
    assert answer.status_code == 422
    assert "This way cannot be had for your basket now." in answer.text
    assert 'value="Ana Anić"' in answer.text
    assert basket().lines.count() == 1
    client.post("/checkout/", typed(client))
    assert order().delivery_method == "HOME_DELIVERY"


def test_a_wrong_postcode_says_which_it_probably_is(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    with nothing_changes():
        answer = client.post("/en/checkout/", typed(client, postal_code="21999"))
    assert answer.status_code == 422
    assert "There is no postcode 21999; Novi Sad is 21000." in answer.text
    assert 'value="Dunavska 1"' in answer.text


def test_a_payment_that_nobody_finishes_gives_the_units_back_and_can_be_begun_again(
    client: Client, chain: Chain
) -> None:
    variant = chain.variant(stock=5)
    put(client, variant, 2)
    client.post("/checkout/", typed(client, payment="BANK_TRANSFER"))
    placed = order()
    assert StockItem.objects.get(variant=variant).reserved == 2
    with clock.standing_at(NOW + timedelta(days=8)):
        assert cancellation.cancel_overdue_orders(now=NOW + timedelta(days=8)) == 1
        page = client.get(f"/en/order/{placed.token}/").text
        assert "This order is canceled" in page
        assert StockItem.objects.get(variant=variant).reserved == 0
        client.post(f"/order/{placed.token}/again/")
    assert [(one.variant, one.quantity) for one in BasketLine.objects.filter(basket__state="OPEN")] == [
        (variant, 2)
    ]


def test_two_tabs_the_second_finds_the_order_of_the_first(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5), 2)
    first, second = typed(client), typed(client, name="Mila Milić")
    line = BasketLine.objects.get()
    answer = client.post("/checkout/", first)
    with nothing_changes():
        again = client.post("/checkout/", second)
        change = client.post(f"/en/basket/lines/{line.public_id}/", {"step": "1", "quantity": "2"})
    assert again.headers["Location"] == answer.headers["Location"]
    assert change.status_code == 404
    assert (Order.objects.count(), order().name) == (1, "Ana Anić")
