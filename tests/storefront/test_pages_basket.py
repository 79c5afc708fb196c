"""The basket's pages: stock is held, a refusal comes back in its place with a way out and has changed nothing."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from oms.models import BasketLine
from retail.kernel import clock
from storefront.models import Price, Variant
from tests.flows.chain import NOW, Chain
from tests.flows.ebooks import make_ebook
from tests.storefront.shopping import basket, open_shop, put
from tests.unchanged import nothing_changes
from warehouse.models import Reservation, StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def test_what_is_put_in_is_held_and_said_so(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1100.00", stock=5)
    answer = put(client, variant, 2)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/basket/")
    assert StockItem.objects.get(variant=variant).reserved == 2
    answer = client.get("/en/basket/")
    assert "10:20" in answer.text  # 10:00 in Beograd and twenty minutes
    assert "2,200.00" in answer.text
    assert "2,490.00" in answer.text.replace("\u00a0", " ")  # with the courier's 290
    assert "no-store" in answer.headers["Cache-Control"]
    assert '<meta name="robots" content="noindex">' in answer.text


def test_a_second_add_grows_the_same_line(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5)
    put(client, variant, 2)
    put(client, variant, 1)
    assert [line.quantity for line in BasketLine.objects.all()] == [3]


def test_a_part_answers_a_script_with_the_basket_count(client: Client, chain: Chain) -> None:
    answer = put(client, chain.variant(stock=5), 2, **{"HX-Request": "true"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'hx-swap-oob="true"' in answer.text
    assert '<span class="n">2' in answer.text


def test_too_many_is_refused_in_place_with_how_many_can_be_had(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=3)
    with nothing_changes():
        answer = put(client, variant, 4)
    assert answer.status_code == 409
    assert variant.product.title in answer.text
    assert "Sada mogu da se dobiju samo 3." in answer.text
    refused = answer.text.split('id="added"')[1].split("</div></div>")[0]
    assert 'name="quantity" value="3"' in refused
    assert "basket" not in client.cookies


@pytest.mark.parametrize("quantity", ["-1", "0", "1000", "1e9", "NaN", "", "1.5", "٣", "2\x00"])
def test_what_is_no_quantity_is_refused(client: Client, chain: Chain, quantity: str) -> None:
    variant = chain.variant(stock=3)
    with nothing_changes():
        assert put(client, variant, quantity).status_code == 400


@pytest.mark.parametrize("sku", ["NEMA", "", "x" * 500, "a\x00b"])
def test_what_is_not_sold_is_not_found(client: Client, chain: Chain, sku: str) -> None:
    with nothing_changes():
        assert client.post("/basket/add/", {"sku": sku, "quantity": 1}).status_code == 404


def test_one_more_one_fewer_and_away(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5)
    put(client, variant, 2)
    line = BasketLine.objects.get()
    url = f"/basket/lines/{line.public_id}/"
    client.post(url, {"quantity": "2", "step": "1"})
    assert StockItem.objects.get(variant=variant).reserved == 3
    client.post(url, {"quantity": "3", "step": "-1"})
    assert StockItem.objects.get(variant=variant).reserved == 2
    client.post(url, {"quantity": "4"})
    assert StockItem.objects.get(variant=variant).reserved == 4
    answer = client.post(url, {"quantity": "4", "step": "remove"}, follow=True)
    assert StockItem.objects.get(variant=variant).reserved == 0
    assert f"/basket/put/{variant.sku}/4/" in answer.text  # undo
    client.post(f"/basket/put/{variant.sku}/4/")
    assert StockItem.objects.get(variant=variant).reserved == 4


def test_a_change_that_cannot_be_had_stands_at_its_line(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=3)
    put(client, variant, 2)
    line = BasketLine.objects.get()
    with nothing_changes():
        answer = client.post(f"/en/basket/lines/{line.public_id}/", {"quantity": "9"})
    assert answer.status_code == 409
    trouble = answer.text.split(f'id="line-{line.public_id}"')[1].split("</article>")[0]
    assert "Only 3 can be had right now." in trouble
    assert 'name="quantity" value="3"' in trouble
    assert 'name="step" value="remove"' in trouble


def test_a_changed_price_is_told_and_accepted_with_one_click(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1000.00", stock=5)
    put(client, variant)
    Price.objects.filter(variant=variant).update(amount=Decimal("1200.00"))
    page = client.get("/en/basket/").text
    assert "The price went up." in page
    assert "It was 1,000.00\u00a0RSD when you put it in, now it is 1,200.00\u00a0RSD." in page
    assert "Settle what is marked on the left first." in page
    client.post("/en/basket/prices/")
    page = client.get("/en/basket/").text
    assert "The price went up." not in page
    assert BasketLine.objects.get().price_seen == Decimal("1200.00")


def test_an_expired_hold_is_told_and_kept_again_with_one_click(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5)
    put(client, variant)
    with clock.standing_at(NOW + timedelta(minutes=21)):
        page = client.get("/en/basket/").text
        assert "No longer kept for you." in page
        client.post("/en/basket/hold/")
        assert "No longer kept for you." not in client.get("/en/basket/").text
    held = Reservation.objects.get(state="HELD")
    assert held.expires_at == NOW + timedelta(minutes=41)


def test_a_hold_that_somebody_else_took_offers_what_is_left(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=3)
    put(client, variant, 3)
    later = NOW + timedelta(minutes=25)
    with clock.standing_at(later):
        other = Client()
        assert put(other, variant, 2).status_code == 302
        answer = client.post("/en/basket/hold/")
        assert answer.status_code == 409
        assert "Only 1 can be had right now." in answer.text
    assert StockItem.objects.get(variant=variant).reserved == 2


def test_somebody_elses_basket_cannot_be_opened_by_a_made_up_cookie(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5)
    put(client, variant, 2)
    line, thief = BasketLine.objects.get(), Client()
    thief.cookies["basket"] = basket().token  # without our signature
    with nothing_changes():
        assert (
            variant.product.title not in thief.get("/basket/").text.split('id="basket"')[1].split("cards")[0]
        )
        assert thief.post(f"/basket/lines/{line.public_id}/", {"step": "remove"}).status_code == 404
    stranger = Client()
    put(stranger, chain.variant(stock=5))
    with nothing_changes():
        assert stranger.post(f"/basket/lines/{line.public_id}/", {"step": "remove"}).status_code in (404, 409)


def test_the_basket_is_changed_by_post_only(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    line = BasketLine.objects.get()
    with nothing_changes():
        for page in ("/basket/add/", f"/basket/lines/{line.public_id}/", "/basket/prices/", "/basket/hold/"):
            assert client.get(page).status_code == 405


def test_files_alone_are_not_carried_and_cost_no_carrying(client: Client, chain: Chain) -> None:
    book = make_ebook(chain, price="699.00")
    Variant.objects.filter(pk=book.pk).update(format_name="E-book (EPUB)")
    put(client, book)
    page = client.get("/en/basket/").text
    assert "<dt>To pay</dt><dd>699.00" in page
    assert "Courier to your address" not in page and "to free delivery" not in page
    assert ", E-book (EPUB)</p>" in page
    asked = client.get("/en/checkout/").text
    assert "You may withdraw within 14 days" not in asked and "you accept the" in asked

    put(client, chain.variant(price="1000.00"))
    page = client.get("/en/basket/").text
    assert "Courier to your address" in page and "<dt>To pay</dt><dd>1,989.00" in page
    assert "You may withdraw within 14 days" in client.get("/en/checkout/").text
