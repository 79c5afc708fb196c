"""Put aside for later: out of the basket with its stock given back, in again at the price and stock of that day; only for its owner."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from oms.models import BasketLine, SavedLine
from retail.kernel.models import User
from storefront.models import Price, Variant
from tests.flows.chain import Chain
from tests.storefront.shopping import basket, open_shop, put, typed
from tests.unchanged import nothing_changes
from warehouse.models import StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def save(client: Client, variant: Variant) -> SavedLine:
    line = BasketLine.objects.get(basket=basket(), variant=variant)
    answer = client.post(f"/en/basket/lines/{line.public_id}/later/")
    assert answer.headers["Location"] == "/en/basket/"
    return SavedLine.objects.latest("pk")


def test_what_is_put_aside_holds_nothing_and_comes_back_at_the_price_of_today(
    client: Client, chain: Chain
) -> None:
    variant = chain.variant(price="1000.00", stock=5)
    put(client, variant, 2)
    saved = save(client, variant)
    assert (saved.quantity, saved.basket, saved.customer) == (2, basket(), None)
    assert StockItem.objects.get(variant=variant).reserved == 0
    assert not BasketLine.objects.exists()
    page = client.get("/en/basket/").text
    assert "Put aside for later" in page
    assert variant.product.title in page
    Price.objects.filter(variant=variant).update(amount=Decimal("900.00"))
    answer = client.post(f"/en/basket/later/{saved.pk}/take/")
    assert answer.headers["Location"] == "/en/basket/"
    line = BasketLine.objects.get()
    assert (line.quantity, line.price_seen) == (2, Decimal("900.00"))
    assert StockItem.objects.get(variant=variant).reserved == 2
    assert not SavedLine.objects.exists()


def test_what_cannot_be_had_any_more_stays_put_aside(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=2)
    put(client, variant, 2)
    saved = save(client, variant)
    StockItem.objects.filter(variant=variant).update(on_hand=1)
    with nothing_changes():
        answer = client.post(f"/en/basket/later/{saved.pk}/take/")
    assert answer.status_code == 409
    assert "Only 1 can be had right now." in answer.text


def test_another_browser_neither_sees_takes_nor_removes_it(client: Client, chain: Chain) -> None:
    variant, other = chain.variant(stock=5), chain.variant(stock=5)
    put(client, variant)
    saved = save(client, variant)
    stranger = Client()
    put(stranger, other)
    assert "Put aside for later" not in stranger.get("/en/basket/").text
    foreign = BasketLine.objects.get(variant=other)
    with nothing_changes():
        assert stranger.post(f"/en/basket/later/{saved.pk}/take/").status_code == 404
        assert stranger.post(f"/en/basket/later/{saved.pk}/forget/").status_code == 404
        # And a line of a basket whose token this browser does not have.
        assert client.post(f"/en/basket/lines/{foreign.public_id}/later/").status_code == 404
    client.post(f"/en/basket/later/{saved.pk}/forget/")
    assert not SavedLine.objects.exists()


def test_it_outlives_the_order_of_its_basket(client: Client, chain: Chain) -> None:
    wanted, aside = chain.variant(stock=5), chain.variant(stock=5)
    put(client, wanted)
    put(client, aside)
    saved = save(client, aside)
    client.post("/checkout/", typed(client))
    assert aside.product.title in client.get("/en/basket/").text
    client.post(f"/en/basket/later/{saved.pk}/take/")
    assert [line.variant for line in BasketLine.objects.filter(basket__state="OPEN")] == [aside]
    # And what is put aside out of the new basket lies with what was there before.
    put(client, wanted)
    save(client, aside)
    put(client, chain.variant(stock=1))
    assert client.get("/en/basket/").text.count("/take/") == 1


def test_at_login_it_goes_to_the_account_and_is_there_in_every_browser(client: Client, chain: Chain) -> None:
    variant, both = chain.variant(stock=9), chain.variant(stock=9)
    ana = User.objects.create_user("ana@example.com", "a long pass phrase", name="Ana")
    home = Client()
    home.force_login(ana)
    put(home, both, 3)
    save(home, both)
    put(client, variant)
    save(client, variant)
    put(client, both, 2)
    save(client, both)
    client.post("/accounts/login/", {"login": ana.email, "password": "a long pass phrase"})
    rows = {one.variant_id: (one.quantity, one.customer_id is not None) for one in SavedLine.objects.all()}
    assert rows == {variant.pk: (1, True), both.pk: (3, True)}
    assert variant.product.title in home.get("/en/basket/").text


def test_who_puts_nothing_aside_is_asked_nothing_more(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    client.get("/en/basket/")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get("/en/basket/")
    assert [
        each["sql"] for each in asked if "oms_savedline" in each["sql"] or "oms_basketshare" in each["sql"]
    ] == []
