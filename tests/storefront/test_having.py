"""Filtering by what can be had: the list has exactly what each product's own page promises, from the rows of this moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from oms.models import DeliveryRate, Lane
from retail.kernel import clock
from storefront.models import KitComponent, Price, Product, Variant
from storefront.views import having
from tests.flows.chain import NOW, Chain
from tests.storefront.shopping import category, open_shop, put
from tests.unchanged import nothing_changes
from warehouse import selectors as warehouse
from warehouse.models import PurchaseOrder, PurchaseOrderLine, SafetyStock, StockItem, StockPool

pytestmark = pytest.mark.django_db

THURSDAY, FRIDAY, SATURDAY = date(2026, 12, 3), date(2026, 12, 4), date(2026, 12, 5)


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    having.forget_stores()
    with open_shop():
        yield
    having.forget_stores()


def slugs(client: Client, address: str) -> set[str]:
    """What is on the list, in the order of nothing."""
    page = client.get(address)
    assert page.status_code == 200, page.content
    cards = page.text.split('id="results"')[1].split('class="empty"')[0].split("<h2>")
    return {card.split("/p/")[1].split("/")[0] for card in cards if "/p/" in card}


def promised(chain: Chain, now: datetime, *, by: date | None = None, store: str = "") -> set[str]:
    """The oracle: each product's own promise, asked one by one."""
    found = set()
    for variant in Variant.objects.filter(is_sellable=True, prices__isnull=False).select_related("product"):
        options = warehouse.available_ways(
            variant_id=variant.pk, channel_id=chain.channel.pk, now=now, postal_code="21000"
        ).options
        home = next(each for each in options if each.method == "HOME_DELIVERY")
        shelf = next((each for each in options if store and each.place == store), None)
        is_there = by is None or (home.is_orderable and home.date is not None and home.date <= by)
        if is_there and (not store or (shelf is not None and shelf.is_orderable)):
            found.add(variant.product.slug)
    return found


def kit(chain: Chain, *parts: tuple[Variant, int]) -> Variant:
    made = chain.variant(stock=0)
    Variant.objects.filter(pk=made.pk).update(is_kit=True)
    for part, units in parts:
        KitComponent.objects.create(kit=made, component=part, quantity=units)
    return made


def expected(chain: Chain, variant: Variant, units: int, day: date) -> None:
    order = PurchaseOrder.objects.create(
        number=f"PO-{variant.sku}",
        supplier=chain.warehouse,
        location=chain.warehouse,
        entity=chain.entity,
        expected_on=day,
    )
    PurchaseOrderLine.objects.create(order=order, variant=variant, quantity=units, unit_cost=Decimal(400))


def test_by_a_day_shows_what_is_there_by_then(client: Client, chain: Chain) -> None:
    Lane.objects.filter(location=chain.store).update(lead_days=2)
    here, shelf, gone = chain.variant(), chain.variant(stock=0, store_stock=2), chain.variant(stock=0)
    category(chain, here, shelf, gone)
    assert slugs(client, "/c/romani/?by=2026-12-03&to=21000") == {here.product.slug}
    assert slugs(client, "/c/romani/?by=2026-12-04&to=21000") == {here.product.slug, shelf.product.slug}
    assert slugs(client, "/search/?by=2026-12-02&to=21000") == set()
    page = client.get("/c/romani/?by=2026-12-04&to=21000").text
    assert "21000 do petka, 4.\u00a012." in page
    assert "2 naslova" in page


def test_pickup_in_a_store_shows_its_shelf(client: Client, chain: Chain) -> None:
    here, shelf = chain.variant(), chain.variant(stock=0, store_stock=1)
    assert slugs(client, "/search/?pickup=S-001") == {shelf.product.slug}
    assert slugs(client, "/search/?pickup=S-001&by=2026-12-03") == {shelf.product.slug}
    assert here.product.slug not in slugs(client, "/search/?pickup=S-001&q=naslov")
    page = client.get("/en/search/?pickup=S-001").text
    assert "Pickup today by 12:00, Novi Sad, Dunavska" in page
    with clock.standing_at(NOW.replace(hour=20)):
        page = client.get("/en/search/?pickup=S-001").text
    assert "Pickup tomorrow by 11:00, Novi Sad, Dunavska" in page
    assert "It is too late for pickup today in this store" in page


def test_a_sale_takes_it_off_the_list(client: Client, chain: Chain) -> None:
    shelf = chain.variant(stock=0, store_stock=1)
    address = "/search/?pickup=S-001"
    assert slugs(client, address) == {shelf.product.slug}
    chain.place(
        (shelf, 1),
        delivery_method="STORE_PICKUP",
        pickup_location="S-001",
        street="",
        city="",
        postal_code="",
    )
    assert slugs(client, address) == set()
    assert slugs(client, "/search/?by=2026-12-05&to=21000") == set()


def test_an_expired_hold_and_the_own_basket_count_as_free(client: Client, chain: Chain) -> None:
    shelf = chain.variant(stock=0, store_stock=1)
    stranger = Client()
    put(client, shelf)
    assert slugs(client, "/search/?pickup=S-001") == {shelf.product.slug}
    assert slugs(stranger, "/search/?pickup=S-001") == set()
    with clock.standing_at(NOW + timedelta(hours=2)):
        assert slugs(stranger, "/search/?pickup=S-001") == {shelf.product.slug}


@pytest.mark.parametrize("seed", range(6))
def test_the_list_is_what_the_pages_promise(client: Client, chain: Chain, seed: int) -> None:
    """Random shelves, safety stock, holds, weights, supply, kits, at random hours: list and pages agree, product by product."""
    rng = random.Random(seed)
    Lane.objects.filter(location=chain.store).update(lead_days=2)
    SafetyStock.objects.create(location=chain.store, quantity=rng.choice([0, 1]))
    SafetyStock.objects.create(location=None, category=None, quantity=rng.choice([0, 1]))
    DeliveryRate.objects.filter(method__code="HOME_DELIVERY").update(weight_grams_max=5_000)
    goods = [
        chain.variant(stock=rng.choice([0, 0, 1, 3]), store_stock=rng.choice([0, 0, 1, 2]), grams=grams)
        for grams in (400, 400, 400, 400, 400, 400, 6_000, 400)
    ]
    Price.objects.filter(variant=goods[-1]).delete()
    node = category(chain, *goods)
    SafetyStock.objects.create(location=chain.warehouse, category=node, quantity=rng.choice([0, 2]))
    for each in rng.sample(goods, 3):
        expected(chain, each, 5, NOW.date() + timedelta(days=rng.choice([-1, 0, 1, 2])))
    kit(chain, (goods[0], 1), (goods[1], 1))
    # Of a part that a kit takes twice the list asks more than the page: both of them in one place, here.
    strict = kit(chain, (goods[2], 2)).product.slug
    for each in goods[:3]:
        put(Client(), each)
    StockPool.objects.create(channel=chain.channel, location=chain.warehouse)
    if rng.random() < 0.7:
        StockPool.objects.create(channel=chain.channel, location=chain.store)
    for hours in (0, 1, rng.choice([5, 9]), 60, 82):
        now = NOW + timedelta(hours=hours)
        with clock.standing_at(now):
            for ahead in range(5):
                day = clock.business_date(now) + timedelta(days=ahead)
                at_door = promised(chain, now, by=day)
                listed = slugs(client, f"/search/?by={day}&to=21000")
                assert listed <= at_door, (hours, ahead)
                assert at_door - listed <= {strict}, (hours, ahead)
                both = promised(chain, now, by=day, store="S-001")
                assert (
                    slugs(client, f"/search/?by={day}&to=21000&pickup=S-001&sort=price_asc")
                    | ({strict} & both)
                    == both
                )
            assert slugs(client, "/search/?pickup=S-001") == promised(chain, now, store="S-001")


def test_the_filter_costs_one_statement_and_writes_nothing(
    client: Client, chain: Chain, django_assert_num_queries: Any
) -> None:
    variants = [chain.variant(store_stock=1) for _ in range(3)]
    node = category(chain, *variants)
    put(client, variants[0])
    client.post("/stores/S-001/mine/")
    address = "/c/romani/?by=2026-12-04&to=21000&pickup=S-001"
    client.get(address)
    with django_assert_num_queries(6):
        client.get(address)
    for _ in range(9):
        chain.variant(store_stock=1).product.categories.add(node)
    with nothing_changes():
        client.get(address)
    with django_assert_num_queries(6):
        assert client.get(address).text.count('class="card"') == 12


def test_a_postcode_nobody_knows_is_said(client: Client, chain: Chain) -> None:
    chain.variant()
    page = client.get("/en/search/?by=2026-12-04&to=99999")
    assert page.status_code == 200
    assert "We do not know the postcode 99999" in page.text
    assert 'class="card"' not in page.text.split('class="empty"')[0]


@pytest.mark.parametrize(
    "asked",
    ["by=nonsense", "by=2020-01-01", "by=9999-12-31", "pickup=S-999", "pickup=%00", "by=&to=&pickup="],
)
def test_what_cannot_be_understood_narrows_nothing(client: Client, chain: Chain, asked: str) -> None:
    variant = chain.variant()
    assert slugs(client, f"/search/?{asked}") == {variant.product.slug}


def test_the_postcode_is_remembered_for_the_pages(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    client.get("/search/?by=2026-12-04&to=11 000")
    assert client.cookies["postcode"].value == "11000"
    assert 'value="11000"' in client.get(f"/p/{variant.product.slug}/").text


def test_filters_come_off_one_by_one(client: Client, chain: Chain) -> None:
    chain.variant(store_stock=1)
    page = client.get("/search/?by=2026-12-04&to=21000&pickup=S-001&sort=title").text
    assert 'href="/search/?pickup=S-001&amp;sort=title"' in page
    assert 'href="/search/?by=2026-12-04&amp;to=21000&amp;sort=title"' in page
    assert '<option value="S-001" selected>' in page
    assert '<option value="2026-12-04" selected>' in page
    assert Product.objects.count() == StockItem.objects.values("variant__product").distinct().count()


def test_filters_in_the_way_are_named_with_what_is_behind_them(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    page = client.get("/en/c/romani/?pickup=S-001").text
    assert "Nothing matches these filters" in page
    assert "Without filters: 1 title" in page
    assert "The same without filters" in page
    assert f'href="/en/p/{variant.product.slug}/"' in page.split('id="instead"')[1]
    page = client.get("/en/search/?q=qwrtzx").text
    assert "Nothing found for “qwrtzx”" in page
    assert "What others read" in page
