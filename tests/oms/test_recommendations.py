"""What is bought together, what somebody buys again, and what sells: learned at night, shown only while it can be had."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from bench.counting import counted, number_of
from crm.models import Customer
from oms import recommendations
from oms.models import Bestseller, Neighbour, Order
from oms.workflows import cancellation
from oms.workflows import recommendations as nightly
from storefront.models import Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.storefront.shopping import category, open_shop
from warehouse.models import StockItem

pytestmark = pytest.mark.django_db
AFTER = NOW + timedelta(hours=1)


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def shelf(chain: Chain) -> list[Variant]:
    """Five titles: the first is bought with the second six times, with the third and fourth four times each; nobody buys the last with it."""
    titles = [chain.variant(stock=60) for _ in range(5)]
    first, second, third, fourth, alone = titles
    for _ in range(6):
        chain.place((first, 1), (second, 2))
    for _ in range(4):
        chain.place((first, 1), (third, 1), (fourth, 1))
    for _ in range(3):
        chain.place((third, 1))
        chain.place((fourth, 1))
    for _ in range(5):
        chain.place((alone, 1))
    return titles


def pairs() -> dict[tuple[int, int], tuple[float, int]]:
    return {
        (row.product_id, row.other_id): (round(row.score, 4), row.orders) for row in Neighbour.objects.all()
    }


def test_the_score_is_the_shrunk_cosine_of_orders(shelf: list[Variant]) -> None:
    first, second, third, fourth, _ = (variant.product_id for variant in shelf)
    assert nightly.renew_neighbours(now=NOW) == 8
    # together / (sqrt(a · b) + 10) with 10, 6, 7 and 7 orders, all of them of this minute.
    assert pairs() == {
        **dict.fromkeys([(first, second), (second, first)], (round(6 / (60**0.5 + 10), 4), 6)),
        **dict.fromkeys([(first, third), (third, first)], (round(4 / (70**0.5 + 10), 4), 4)),
        **dict.fromkeys([(first, fourth), (fourth, first)], (round(4 / (70**0.5 + 10), 4), 4)),
        **dict.fromkeys([(third, fourth), (fourth, third)], (round(4 / (49**0.5 + 10), 4), 4)),
    }
    assert list(
        Bestseller.objects.filter(category=None)
        .order_by("place")
        .values_list("product_id", "orders", "units")
    ) == [
        (first, 10, 10),
        (third, 7, 7),
        (fourth, 7, 7),
        (second, 6, 12),
        (shelf[4].product_id, 5, 5),
    ]


def test_an_older_order_weighs_less_and_a_canceled_one_nothing(chain: Chain, shelf: list[Variant]) -> None:
    nightly.renew_neighbours(now=NOW + timedelta(days=90))
    first, second = (variant.product_id for variant in shelf[:2])
    # Half of it after ninety days.
    assert pairs()[first, second] == (round(3 / (15**0.5 + 10), 4), 6)
    for order in Order.objects.filter(lines__variant=shelf[1])[:4]:
        cancellation.cancel_order(order_id=order.pk, reason="test", by=chain.dragan, now=NOW)
    nightly.renew_neighbours(now=NOW)
    assert (first, second) not in pairs(), "two orders are chance"


def test_only_what_can_be_had_is_shown(chain: Chain, shelf: list[Variant]) -> None:
    nightly.renew_neighbours(now=NOW)
    first, second, third, fourth, alone = shelf

    def shown() -> list[int]:
        cards = recommendations.related_to(variant_ids=[first.pk], channel=chain.channel, now=AFTER)
        return [card.variant_id for card in cards]

    # The bestsellers fill up what nobody bought with it.
    assert shown() == [second.pk, third.pk, fourth.pk, alone.pk]
    StockItem.objects.filter(variant=second).update(on_hand=12, reserved=12)
    assert shown() == [third.pk, fourth.pk, alone.pk]
    Variant.objects.filter(pk=third.pk).update(is_sellable=False)
    assert shown() == [fourth.pk, alone.pk]
    type(fourth.product).objects.filter(pk=fourth.product_id).update(status="DRAFT")
    assert shown() == [alone.pk]


def test_a_customer_gets_the_own_titles_then_their_neighbours(chain: Chain, shelf: list[Variant]) -> None:
    first, second, third, fourth, alone = shelf
    nightly.renew_neighbours(now=NOW)
    ana = Customer.objects.create(email="ana2@example.com", name="Ana")
    order = chain.place((alone, 1))
    other = chain.place((second, 1))
    Order.objects.filter(pk__in=[order.pk, other.pk]).update(customer=ana)

    def shown(**wanted: object) -> list[int]:
        cards = recommendations.for_customer(
            customer_id=ana.pk,
            channel=chain.channel,
            now=AFTER,
            **wanted,  # type: ignore[arg-type]
        )
        return [card.variant_id for card in cards]

    # Both of this minute, so the older number comes first; then what goes with the second, then what sells.
    assert shown() == [second.pk, alone.pk, first.pk, third.pk, fourth.pk]
    assert shown(is_new_only=True) == [first.pk, third.pk, fourth.pk]
    assert shown(limit=1) == [second.pk]
    assert shown(without=[second.product_id])[0] == alone.pk
    stranger = recommendations.for_customer(customer_id=None, channel=chain.channel, now=AFTER)
    assert [card.variant_id for card in stranger] == [first.pk, third.pk, fourth.pk, second.pk, alone.pk]


def test_each_question_is_one_statement(chain: Chain, shelf: list[Variant]) -> None:
    nightly.renew_neighbours(now=NOW)
    with counted() as sent:
        recommendations.related_to(
            variant_ids=[each.pk for each in shelf[:3]], channel=chain.channel, now=AFTER
        )
    assert number_of(sent) == 1
    with counted() as sent:
        recommendations.for_customer(customer_id=1, channel=chain.channel, now=AFTER)
    assert number_of(sent) == 1


@pytest.fixture
def open_doors() -> Iterator[None]:
    with open_shop():
        yield


@pytest.mark.usefixtures("open_doors")
def test_the_product_page_says_what_is_bought_together(chain: Chain, shelf: list[Variant]) -> None:
    category(chain, *shelf)
    address = f"/p/{shelf[0].product.slug}/"
    before = Client().get(address, headers={"accept-language": "en"}).content.decode()
    assert "Pored nje na polici" in before and "Kupovano zajedno" not in before
    nightly.renew_neighbours(now=NOW)
    with counted() as sent:
        after = Client().get(address).content.decode()
    assert "Kupovano zajedno" in after and "Pored nje na polici" not in after
    start = after.index('id="related"')
    part = after[start : after.index("</section>", start)]
    assert [each.product.slug in part for each in shelf] == [False, True, True, True, False]
    assert number_of(sent) == 1


def test_a_second_night_replaces_the_first(shelf: list[Variant]) -> None:
    nightly.renew_neighbours(now=NOW)
    nightly.renew_neighbours(now=NOW)
    assert Neighbour.objects.count() == 8
    assert nightly.renew_neighbours(now=NOW + timedelta(days=400)) == 0
    assert not Neighbour.objects.exists()
