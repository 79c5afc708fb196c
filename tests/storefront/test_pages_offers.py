"""Discounts as shoppers meet them: on the product page, on cards, in the basket and at checkout, with codes and what is within reach."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from bench.counting import counted, number_of
from crm import operations as crm
from crm.models import Segment
from oms.models import BasketCoupon
from retail.kernel.models import User
from storefront.models import Price
from tests.factories import make_customer
from tests.flows.chain import NOW, Chain
from tests.oms import offering
from tests.storefront.shopping import category, hidden, open_shop, order, put, typed
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def coupon(code: str = "JESEN20", **values: Any) -> None:
    discount = offering.discount("jesen", value="20.00", audience="COUPON", name="Jesenji kod", **values)
    crm.create_batch(discount_id=discount.pk, name="Jesen", word=code, by=None, now=NOW)


def test_the_product_page_shows_both_prices_and_the_lowest_earlier_one(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1000.00")
    Price.objects.create(
        variant=variant,
        price_list=chain.channel.price_list,
        amount=Decimal("950.00"),
        valid_from=NOW - timedelta(days=20),
        valid_to=NOW - timedelta(days=15),
    )
    category(chain, variant)
    offering.discount("deset", name="Deset posto", valid_from=NOW - timedelta(days=2))
    page = client.get(f"/p/{variant.product.slug}/").text
    assert "900,00\u00a0RSD</b>" in page
    assert "1.000,00\u00a0RSD</s>" in page
    assert "−10&nbsp;%" in page
    assert 'Najniža cena u prethodnih 30 dana: <span class="num">950,00\u00a0RSD' in page
    assert "Deset posto: popust 10 %" in page


def test_cards_show_what_one_unit_costs_with_no_more_statements(client: Client, chain: Chain) -> None:
    variants = [chain.variant(price="1000.00") for _ in range(3)]
    category(chain, *variants)
    client.get("/c/romani/")
    with counted() as sent:
        assert "900,00" not in client.get("/c/romani/").text
    before = number_of(sent)
    offering.discount("deset")
    with counted() as sent:
        page = client.get("/c/romani/").text
    assert page.count("<b>900,00\u00a0RSD</b>") == 3
    assert number_of(sent) == before


def test_a_members_price_is_nobody_elses(
    client: Client, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = User.objects.create_user("ana@example.com", name="Ana")
    make_customer(user=user, language="sr-latn")
    segment = Segment.objects.create(
        slug="latinica", name="Latinica", definition='language = "sr-latn" and has_login', state="ACTIVE"
    )
    offering.discount("deset", audience="SEGMENT", segment=segment)
    variant = chain.variant(price="1000.00")
    category(chain, variant)
    member = Client()
    member.force_login(user)
    assert "900,00\u00a0RSD</b>" in member.get(f"/p/{variant.product.slug}/").text
    guest = client.get(f"/p/{variant.product.slug}/").text
    assert "900,00" not in guest
    assert "deset" not in guest.lower()


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("", "Još 2 i treća je besplatna."),
        ("/sr-cyrl", "Још 2 и трећа је бесплатна."),
        ("/en", "2 more and the third is free."),
    ],
)
def test_what_is_within_reach_is_said_in_three_scripts(
    client: Client, chain: Chain, prefix: str, words: str
) -> None:
    offering.discount("tri-za-dva", "N_FOR_M", "100.00", take=3, pay=2)
    put(client, chain.variant(price="1000.00"))
    assert words in client.get(f"{prefix}/basket/").text
    assert words in client.get(f"{prefix}/checkout/").text


def test_free_delivery_says_how_much_is_missing(client: Client, chain: Chain) -> None:
    offering.discount("dostava", "FREE_SHIPPING", "100.00", minimum_amount=Decimal("1500.00"))
    put(client, chain.variant(price="1000.00"))
    assert "Add 500.00\u00a0RSD more for free delivery." in client.get("/en/basket/").text


def test_a_code_is_put_in_and_taken_out_without_script(client: Client, chain: Chain) -> None:
    coupon()
    put(client, chain.variant(price="1000.00"))
    answer = client.post("/basket/codes/", {"code": " jesen-20"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/basket/")
    page = client.get("/basket/").text
    assert "JESEN20" in page
    assert "Jesenji kod</dt><dd>−200,00</dd>" in page
    form = typed(client)
    assert form["seen_HOME_DELIVERY"] == "1090.00"
    answer = client.post("/basket/codes/remove/", {"code": "JESEN20", "at": "checkout"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/checkout/")
    assert hidden(client.get("/checkout/").text, "seen_HOME_DELIVERY") == "1290.00"
    client.post("/basket/codes/", {"code": "JESEN20", "at": "checkout"})
    assert client.post("/checkout/", form).status_code == 302
    assert order().goods_total == Decimal("800.00")


@pytest.mark.parametrize("at", ["basket", "checkout"])
def test_a_code_that_does_not_hold_is_said_where_it_was_typed(client: Client, chain: Chain, at: str) -> None:
    put(client, chain.variant())
    with nothing_changes():
        answer = client.post("/basket/codes/", {"code": "NEMA", "at": at})
    assert answer.status_code == 422
    assert "Ovaj kod ne važi. Proverite da li je upisan kako ste ga dobili." in answer.text
    assert 'value="NEMA"' in answer.text
    assert not BasketCoupon.objects.exists()


def test_a_code_that_takes_nothing_off_says_why(client: Client, chain: Chain) -> None:
    coupon(minimum_amount=Decimal("3000.00"))
    put(client, chain.variant(price="1000.00"))
    client.post("/basket/codes/", {"code": "JESEN20"})
    assert "Važi kad dodate još 2.000,00\u00a0RSD." in client.get("/basket/").text


def test_a_gift_stands_in_the_basket_and_at_checkout(client: Client, chain: Chain) -> None:
    gift = chain.variant(price="300.00")
    offering.discount("poklon", "GIFT_LINE", gift=gift)
    put(client, chain.variant(price="1000.00"))
    for page in (client.get("/basket/").text, client.get("/checkout/").text):
        assert gift.product.title in page
        assert "Poklon uz porudžbinu: 1 komad" in page
    assert hidden(client.get("/checkout/").text, "seen_HOME_DELIVERY") == "1290.00"
