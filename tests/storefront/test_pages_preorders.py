"""A title that is only under way to us: ordered ahead by a shopper, who is told before paying what that means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from oms.models import BasketLine
from oms.workflows import baskets
from storefront.models import Product, Variant
from storefront.operations.products import refresh_search
from storefront.views.machines import feeds
from tests.flows.chain import NOW, Chain
from tests.flows.preorders import ahead, bought, claimed, claims
from tests.staff import client_of, make_staff
from tests.storefront.shopping import category, open_shop, order, put, typed
from tests.unchanged import nothing_changes
from warehouse import workflows as goods
from warehouse.models import PurchaseOrder, SupplyClaim

listing_module = import_module("storefront.selectors.listing")

pytestmark = pytest.mark.django_db
TOGETHER = "Something in the basket is still on its way to us."
TOO_EARLY = "A card is charged when the goods leave"


@pytest.fixture(autouse=True)
def open_now(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


@pytest.fixture
def title(chain: Chain) -> Variant:
    """Nowhere on a shelf; five come on Thursday, 10 December."""
    found = chain.variant(stock=0)
    bought(chain, (found, 5))
    return found


def put_ahead(client: Client, variant: Variant, quantity: int = 1) -> Any:
    return client.post("/basket/add/", {"sku": variant.sku, "quantity": quantity, "preorder": "1"})


def test_the_product_page_offers_it_with_both_days(client: Client, title: Variant) -> None:
    page = client.get(f"/en/p/{title.product.slug}/?postal_code=21000").text
    assert "Pre-order: it reaches us on Thu\xa010\xa0Dec and you by Sat\xa012\xa0Dec." in page
    assert 'name="preorder" value="1"' in page
    assert page.count('<option value="') == 5
    assert '"https://schema.org/PreOrder"' in page
    assert "Tell me when it is there again" not in page


def test_when_all_of_it_is_spoken_for_nothing_is_offered(
    client: Client, chain: Chain, title: Variant
) -> None:
    ahead(chain, title, 5)
    page = client.get(f"/en/p/{title.product.slug}/").text
    assert 'name="preorder"' not in page
    assert "Tell me when it is there again" in page
    with nothing_changes():
        answer = put_ahead(client, title)
    assert answer.status_code == 409


def test_what_is_on_a_shelf_is_sold_as_ever(client: Client, chain: Chain) -> None:
    here = chain.variant(stock=3)
    bought(chain, (here, 5))
    page = client.get(f"/en/p/{here.product.slug}/").text
    assert 'name="preorder"' not in page
    assert "Pre-order" not in page


def test_without_being_asked_for_it_nothing_is_ordered_ahead(client: Client, title: Variant) -> None:
    with nothing_changes():
        answer = put(client, title)
    assert (answer.status_code, claims(title)) == (409, [])


def test_the_basket_says_what_waits_and_that_the_rest_waits_with_it(
    client: Client, chain: Chain, title: Variant
) -> None:
    put_ahead(client, title, 2)
    page = client.get("/en/basket/").text
    assert "A pre-order: it reaches us on Thu\xa010\xa0Dec." in page
    assert TOGETHER not in page
    put(client, chain.variant(stock=3))
    assert TOGETHER in client.get("/en/basket/").text


def test_what_is_taken_out_comes_back_as_a_preorder(client: Client, title: Variant) -> None:
    put_ahead(client, title, 2)
    line = BasketLine.objects.get()
    page = client.post(f"/basket/lines/{line.public_id}/", {"step": "remove"}, follow=True).text
    assert claimed(title) == 0
    undo = f"/basket/put/{title.sku}/2/?preorder=1"
    assert undo in page
    client.post(undo)
    assert claimed(title) == 2


def test_the_checkout_says_it_before_paying_and_offers_no_card(
    client: Client, chain: Chain, title: Variant
) -> None:
    put_ahead(client, title)
    put(client, chain.variant(stock=3))
    page = client.get("/en/checkout/").text
    assert TOGETHER in page
    assert TOO_EARLY in page
    assert "A pre-order: it reaches us on Thu\xa010\xa0Dec." in page
    assert 'value="CARD"' not in page
    assert 'value="BANK_TRANSFER" checked' in page or 'checked value="BANK_TRANSFER"' in page
    with nothing_changes():
        answer = client.post("/checkout/", typed(client, payment="CARD"))
    assert answer.status_code == 422


def test_a_card_that_lives_long_enough_is_offered(client: Client, chain: Chain) -> None:
    soon = chain.variant(stock=0)
    bought(chain, (soon, 5), on=NOW.date() + timedelta(days=2))
    put_ahead(client, soon)
    page = client.get("/en/checkout/").text
    assert TOO_EARLY not in page
    assert 'value="CARD"' in page


def test_it_is_ordered_and_followed(client: Client, chain: Chain, title: Variant) -> None:
    put_ahead(client, title, 2)
    client.post("/checkout/", typed(client))
    placed = order()
    assert (placed.is_awaiting_supply, placed.promised_on, claims(title)) == (
        True,
        date(2026, 12, 12),
        [(2, "ALLOCATED")],
    )
    thanks = client.get(f"/en/order/{placed.token}/thanks/").text
    assert "First the delivery with your items reaches us: Thu\xa010\xa0Dec." in thanks
    page = client.get(f"/en/order/{placed.token}/").text
    assert "We wait for a delivery that reaches us on Thu\xa010\xa0Dec" in page
    assert "<b>On its way to us</b>" in page.split('aria-current="step"', 1)[1][:200]
    client.post(f"/order/{placed.token}/cancel/")
    assert (claims(title), claimed(title)) == ([(2, "RELEASED")], 0)
    assert "We wait for a delivery" not in client.get(f"/en/order/{placed.token}/").text


def test_staff_see_what_an_order_waits_for_and_why_its_day_changed(chain: Chain, title: Variant) -> None:
    placed = ahead(chain, title, 2)
    dragan = client_of(make_staff("OPS_LEAD", name="Dragan"))
    page = dragan.get(f"/ops/orders/{placed.number}/").text
    assert "2 × na putu, čet\xa010.\xa012." in page
    assert "Čeka robu koja nam putuje; planira se kad roba stigne." in page
    number = PurchaseOrder.objects.get().number
    goods.move_purchase_order(number=number, expected_on=date(2026, 12, 14), by=chain.dragan, now=NOW)
    page = dragan.get(f"/ops/orders/{placed.number}/").text
    assert "sub\xa012.\xa012. → sre\xa016.\xa012., isporuka dobavljača ima drugi datum" in page


# ------------------------------------------------------------------ where people look
def test_a_card_says_when_it_arrives(client: Client, chain: Chain, title: Variant) -> None:
    here, gone = chain.variant(), chain.variant(stock=0)
    category(chain, title, here, gone)
    page = client.get("/en/c/romani/").text
    assert page.count("Pre-order, arrives Thu\xa010\xa0Dec") == 1
    assert page.count("In stock</p>") == 1
    assert page.count("Not in stock now") == 1
    assert "Pretprodaja, stiže čet\xa010.\xa012." in client.get("/c/romani/").text


def test_a_list_is_narrowed_to_what_can_be_ordered_ahead(
    client: Client, chain: Chain, title: Variant
) -> None:
    here, gone = chain.variant(), chain.variant(stock=0)
    category(chain, title, here, gone)

    def shown(asked: str) -> set[str]:
        page = client.get(f"/en/c/romani/?{asked}").text
        return {one.sku for one in (title, here, gone) if f">{one.product.title}</a>" in page}

    page = client.get("/en/c/romani/").text
    assert 'name="available" value="ahead">Can be ordered ahead<span class="n">1</span>' in page
    assert shown("available=ahead") == {title.sku}
    assert shown("available=1") == {here.sku}
    assert shown("available=1&available=ahead") == {title.sku, here.sku}


def test_no_kept_figure_of_a_large_list_knows_what_comes(
    client: Client, chain: Chain, title: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept for a minute says the same whatever is under way; the choice stands, the list answers it live."""
    monkeypatch.setattr(listing_module, "FEW", 1)
    monkeypatch.setattr(listing_module, "FEW_OF_CATALOG", 1)
    category(chain, title, chain.variant(), chain.variant(stock=0))
    PurchaseOrder.objects.update(status="CANCELED")
    cache.clear()
    assert "arrives" not in client.get("/en/c/romani/").text
    PurchaseOrder.objects.update(status="OPEN")

    page = client.get("/en/c/romani/").text

    assert 'name="available" value="ahead">Can be ordered ahead' in page
    assert title.product.title in client.get("/en/c/romani/?available=ahead").text


def test_when_all_of_it_is_claimed_a_card_is_not_in_stock(
    client: Client, chain: Chain, title: Variant
) -> None:
    category(chain, title)
    basket = chain.basket()
    baskets.add_line(token=basket.token, sku=title.sku, quantity=5, now=NOW, is_preorder=True)
    page = client.get("/en/c/romani/").text
    assert "Pre-order, arrives" not in page
    assert "Not in stock now" in page
    assert 'value="ahead"' not in page
    SupplyClaim.objects.update(expires_at=NOW - timedelta(minutes=1))
    assert "Pre-order, arrives" in client.get("/en/c/romani/").text


def test_a_day_that_has_passed_promises_nothing(client: Client, chain: Chain, title: Variant) -> None:
    category(chain, title)
    PurchaseOrder.objects.update(expected_on=NOW.date())
    assert "Not in stock now" in client.get("/en/c/romani/").text
    PurchaseOrder.objects.update(expected_on=NOW.date() + timedelta(days=1))
    assert "Pre-order, arrives" in client.get("/en/c/romani/").text


def test_the_search_field_says_it_while_typing(client: Client, title: Variant) -> None:
    refresh_search(title.product_id)
    offered = client.get("/en/search/suggestions/?q=naslov").text
    assert "Pre-order, arrives Thu\xa010\xa0Dec" in offered


def test_feeds_say_preorder_with_its_day(client: Client, chain: Chain, title: Variant) -> None:
    category(chain, title)
    Product.objects.filter(pk=title.product_id).update(kind="BOOK", brand="Sova", language="sr")
    Variant.objects.filter(pk=title.pk).update(barcode="")
    key = feeds.secret("web-rs", "sr-latn", "google.xml")
    answer = client.get(f"/feeds/web-rs/sr-latn/google.xml?key={key}")
    told = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "<g:availability>preorder</g:availability>" in told
    assert "<g:availability_date>2026-12-10T00:00Z</g:availability_date>" in told
    key = feeds.secret("web-rs", "sr-latn", "meta.csv")
    answer = client.get(f"/feeds/web-rs/sr-latn/meta.csv?key={key}")
    assert ",preorder,new," in b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
