"""The product page's own: prices by quantity, bundles, the drawn map, the picture. What it says is what the basket charges."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from oms.models import DeliveryPostcode
from oms.workflows import baskets
from retail.kernel.models import Location
from storefront.models import Price, Variant
from storefront.operations.variants import set_kit
from storefront.views import areas
from tests.flows.chain import NOW, Chain
from tests.oms.offering import discount, target
from tests.storefront.shopping import basket, category, open_shop, put

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    areas.forget_ground()
    with open_shop():
        yield
    areas.forget_ground()


def page_of(client: Client, variant: Variant, language: str = "/en") -> str:
    return client.get(f"{language}/p/{variant.product.slug}/").text


def rows_of(page: str) -> list[list[str]]:
    """The cells of the table of volume prices."""
    if 'class="volumes"' not in page:
        return []
    body = page.split('class="volumes"')[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = [row.replace("</th>", "</td>").split("</td>")[:-1] for row in body.split("</tr>")[:-1]]
    return [
        [cell.split(">")[-1].replace("\u00a0", " ").replace("&nbsp;", " ") for cell in row] for row in rows
    ]


def by_quantity(chain: Chain, variant: Variant, minimum: int, amount: str) -> None:
    Price.objects.create(
        variant=variant,
        price_list=chain.channel.price_list,
        amount=Decimal(amount),
        minimum_quantity=minimum,
        valid_from=NOW.replace(month=1),
    )


def test_prices_by_quantity_are_what_the_basket_charges(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1000.00", stock=30)
    by_quantity(chain, variant, 3, "900.00")
    by_quantity(chain, variant, 10, "820.00")
    by_quantity(chain, variant, 20, "850.00")  # dearer than ten: nobody is told of it
    assert rows_of(page_of(client, variant)) == [
        ["from 3", "900.00 RSD", "10 %"],
        ["from 10", "820.00 RSD", "18 %"],
    ]
    put(client, variant, 3)
    view = baskets.read_basket(basket=basket(), now=NOW)
    assert view.quote.priced.lines[0].total == Decimal("2700.00")


def test_discounts_by_steps_stand_in_the_same_table(client: Client, chain: Chain) -> None:
    variant, other = chain.variant(price="1000.00", stock=30), chain.variant(price="700.00")
    tiers = [
        {"minimum_quantity": 3, "minimum_amount": "0.00", "percent": "10.00", "amount": "0.00"},
        {"minimum_quantity": 5, "minimum_amount": "0.00", "percent": "15.00", "amount": "0.00"},
    ]
    target(discount(kind="TIERED", tiers=tiers), variant)
    assert rows_of(page_of(client, variant)) == [
        ["from 3", "900.00 RSD", "10 %"],
        ["from 5", "850.00 RSD", "15 %"],
    ]
    assert rows_of(page_of(client, other)) == []
    put(client, variant, 5)
    assert baskets.read_basket(basket=basket(), now=NOW).quote.priced.lines[0].total == Decimal("4250.00")


def test_without_steps_there_is_no_table_and_no_more_statements(
    client: Client, chain: Chain, django_assert_num_queries: Any
) -> None:
    variant, volume = chain.variant(), chain.variant()
    by_quantity(chain, volume, 3, "900.00")
    category(chain, variant)
    page_of(client, variant)
    with django_assert_num_queries(1):
        assert 'class="volumes"' not in page_of(client, variant)
    with django_assert_num_queries(1):
        assert 'class="volumes"' in page_of(client, volume)


def bundle(chain: Chain, price: str, *parts: tuple[Variant, int]) -> Variant:
    kit = chain.variant(price=price, stock=0)
    set_kit(variant_id=kit.pk, components=[(part.pk, units) for part, units in parts], by=None, now=NOW)
    return kit


def test_a_bundle_says_its_parts_its_saving_and_its_least_part(
    client: Client, chain: Chain, django_assert_num_queries: Any
) -> None:
    many, few = chain.variant(price="1000.00", stock=9), chain.variant(price="600.00", stock=4)
    kit = bundle(chain, "1800.00", (many, 1), (few, 2))
    category(chain, many)
    page_of(client, kit)
    with django_assert_num_queries(3):  # the parts, and what they cost
        page = page_of(client, kit)
    shown = page.split('id="bundle-title"')[1].split("</section>")[0].replace("\u00a0", " ")
    assert f'href="/en/p/{many.product.slug}/"' in shown
    assert "2 ×" in shown
    assert "1,200.00 RSD" in shown
    assert "By themselves they cost 2,200.00 RSD. In the bundle you save 400.00 RSD (18 %)." in shown
    assert page.count('<option value="2">2</option>') == 1
    assert '<option value="3">3</option>' not in page  # four of the lesser part make two bundles
    chain.place((few, 3))
    page = page_of(client, kit)
    assert "Put in the basket" not in page
    put(client, kit)
    assert "BACK_IN_STOCK" in page


def test_a_bundle_that_saves_nothing_says_nothing_of_saving(client: Client, chain: Chain) -> None:
    part = chain.variant(price="500.00")
    page = page_of(client, bundle(chain, "1000.00", (part, 2)))
    assert "In this bundle" in page
    assert "By themselves" not in page


def place_on_the_map(chain: Chain) -> None:
    Location.objects.filter(pk=chain.store.pk).update(latitude=45.2551, longitude=19.8452)
    DeliveryPostcode.objects.filter(postal_code="21000").update(latitude=45.2671, longitude=19.8335)
    DeliveryPostcode.objects.filter(postal_code="11000").update(latitude=44.804, longitude=20.4651)


def test_stores_are_on_a_drawn_map_and_in_the_list(client: Client, chain: Chain) -> None:
    place_on_the_map(chain)
    variant = chain.variant(store_stock=2)
    client.post("/postcode/", {"postal_code": "21000"})
    page = page_of(client, variant)
    drawn = page.split('<svg class="area"')[1].split("</svg>")[0]
    assert 'role="img"' in drawn
    assert 'class="area-here"' in drawn
    assert ">1</text>" in drawn
    assert "is-none" not in drawn
    assert "style=" not in drawn
    near = page.split('class="stores"')[1].split("</ul>")[0]
    assert "2 on the shelf" in near
    assert '<span class="area-number num">1</span>' in near
    ground = client.get(drawn.split('href="')[1].split('"')[0])
    assert ground.headers["Content-Type"].startswith("image/svg+xml")
    assert ground.text.count("<circle") == 4  # two places, the land around them and their dots
    assert "immutable" in ground.headers["Cache-Control"]
    assert '<svg class="area"' in client.get("/stores/").text


def test_without_coordinates_there_is_the_list_alone(client: Client, chain: Chain) -> None:
    variant = chain.variant(store_stock=2)
    page = page_of(client, variant)
    assert 'class="area"' not in page
    assert "2 on the shelf" in page
    assert client.get("/stores/ground.svg").status_code == 404


def test_the_map_costs_no_statement_of_its_own(
    client: Client, chain: Chain, django_assert_num_queries: Any
) -> None:
    place_on_the_map(chain)
    variant = chain.variant(store_stock=2)
    category(chain, variant)
    page_of(client, variant)
    with django_assert_num_queries(1):
        assert 'class="area"' in page_of(client, variant)


def test_the_picture_is_a_link_without_script_and_a_dialog_with_it(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    page = page_of(client, variant)
    link = page.split('<a class="zoom" href="')[1].split('"')[0].replace("&amp;", "&")
    answer = client.get(link)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert '<dialog class="zoomed" id="zoomed"' in page
