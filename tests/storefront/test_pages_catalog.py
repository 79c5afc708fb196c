"""The shop's pages of goods: they open in three languages, write nothing, ask a known number of questions."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from retail.front.covers import cover_text
from storefront.models import Contribution, Contributor, Price, Product, Variant
from tests.flows.chain import NOW, Chain
from tests.storefront.shopping import category, open_shop, put
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


@pytest.mark.parametrize(
    ("prefix", "lang", "word"),
    [
        ("", "sr-Latn", "Znate dan pre nego što kupite."),
        ("/sr-cyrl", "sr-Cyrl", "Знате дан пре него што купите."),
        ("/en", "en", "You know the day before you buy."),
    ],
)
def test_home_speaks_three_languages(client: Client, chain: Chain, prefix: str, lang: str, word: str) -> None:
    variant = chain.variant(price="1100.00")
    answer = client.get(f"{prefix}/")
    assert answer.status_code == 200
    assert f'<html lang="{lang}"' in answer.text
    assert word in answer.text
    assert variant.product.title in answer.text
    assert ("1,100.00" if lang == "en" else "1.100,00") in answer.text


def test_reading_writes_nothing(client: Client, chain: Chain) -> None:
    variant = chain.variant(store_stock=2)
    category(chain, variant)
    put(client, variant)
    pages = ["/", "/search/", "/search/?q=naslov", "/c/romani/", f"/p/{variant.product.slug}/"]
    pages += ["/basket/", "/checkout/", "/stores/", "/help/", "/places/?postal_code=21"]
    with nothing_changes():
        assert [client.get(page).status_code for page in pages] == [200] * len(pages)


def test_a_listing_asks_five_questions_however_long_it_is(
    client: Client, chain: Chain, django_assert_num_queries: object
) -> None:
    variants = [chain.variant() for _ in range(3)]
    node = category(chain, *variants)
    put(client, variants[0], **{"HX-Request": "true"})
    client.post(f"/stores/{chain.store.code}/mine/")
    client.get("/c/romani/")  # the menu is read once a minute
    with django_assert_num_queries(5):  # type: ignore[operator]
        client.get("/c/romani/")
    for _ in range(9):
        variant = chain.variant()
        variant.product.categories.add(node)
    with django_assert_num_queries(5):  # type: ignore[operator]
        assert client.get("/c/romani/").text.count('class="card"') == 12


def test_a_product_page_asks_the_same_for_one_edition_and_for_four(
    client: Client, chain: Chain, django_assert_num_queries: object
) -> None:
    variant = chain.variant(store_stock=1)
    category(chain, variant)
    url = f"/p/{variant.product.slug}/"
    client.get(url)
    with django_assert_num_queries(1):  # type: ignore[operator]
        client.get(url)
    for n in range(3):
        other = Variant.objects.create(
            product=variant.product, sku=f"ED-{n}", format_name=f"Izdanje {n}", weight_grams=300
        )
        Price.objects.create(
            variant=other, price_list=chain.channel.price_list, amount=Decimal(2000 + n), valid_from=NOW
        )
    for _ in range(5):
        category_mate = chain.variant()
        category_mate.product.main_category = variant.product.main_category
        category_mate.product.save()
    with django_assert_num_queries(1):  # type: ignore[operator]
        page = client.get(url)
    assert page.text.count('class="format') == 5  # the list and its four editions


def test_the_promise_names_the_day_and_never_sells_what_is_not_offered(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=3, store_stock=2)
    page = client.get(f"/en/p/{variant.product.slug}/").text
    promise = page.split('class="promise"')[1].split("</section>")[0]
    assert (
        "Thursday, 3 December" in promise
    )  # ordered on Wednesday before the cut-off, one day with the courier
    assert "Today by" in promise
    assert "290.00" in promise
    locker = promise.split("Parcel locker nearby")[0].rsplit("<li", 1)[1]
    assert 'class="is-none"' in locker
    assert "Not offered yet" in locker
    assert "2 on the shelf" in page


def test_a_postcode_is_remembered_and_moves_the_promise(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    url = f"/p/{variant.product.slug}/"
    answer = client.post("/postcode/", {"postal_code": "99 999", "next": url})
    assert answer.headers["Location"] == url
    page = client.get(url).text
    assert 'value="99999"' in page
    assert "Ne poznajemo ovaj poštanski broj" in page
    client.post("/postcode/", {"postal_code": "21000", "next": "https://elsewhere.example/"})
    page = client.get(url).text
    assert "Četvrtak, 3. decembar" in page
    assert client.post("/postcode/", {"next": "https://elsewhere.example/"}).headers["Location"] == "/"


def test_sold_out_is_said_and_cannot_be_put_in(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=0)
    page = client.get(f"/en/p/{variant.product.slug}/").text
    assert "Put in the basket" not in page
    assert "There is none left" in page


def test_the_lowest_price_is_told_only_when_the_price_is_reduced(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1300.00")
    url = f"/en/p/{variant.product.slug}/"
    assert "Lowest price" not in client.get(url).text
    Price.objects.filter(variant=variant).update(valid_to=NOW - timedelta(days=3))
    Price.objects.create(
        variant=variant,
        price_list=chain.channel.price_list,
        amount=Decimal("999.00"),
        valid_from=NOW - timedelta(days=3),
    )
    page = client.get(url).text
    assert "Lowest price in the previous 30 days:" in page
    assert "1,300.00" in page
    assert "Veb Srbija: 1 × 999.00" in page.replace("\u00a0RSD", "").replace("&times;", "×")


def test_a_dearer_price_tells_no_lowest(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="900.00")
    Price.objects.filter(variant=variant).update(valid_to=NOW - timedelta(days=3))
    Price.objects.create(
        variant=variant,
        price_list=chain.channel.price_list,
        amount=Decimal("950.00"),
        valid_from=NOW - timedelta(days=3),
    )
    assert "Lowest price" not in client.get(f"/en/p/{variant.product.slug}/").text


def test_what_is_not_there_is_not_found(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    Product.objects.create(slug="nacrt", title="Nacrt", status="DRAFT")
    for page in ("/p/nema/", "/p/nacrt/", f"/p/{variant.product.slug}/NEMA/", "/c/nema/", "/order/x/"):
        assert client.get(page).status_code == 404, page


def test_an_isbn_opens_its_book(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    Variant.objects.filter(pk=variant.pk).update(barcode="9780306406157")
    answer = client.get("/search/?q=0-306-40615-2")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/p/{variant.product.slug}/")


def test_nothing_found_offers_a_way_on(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    page = client.get("/en/search/?q=qwrtzpsdf").text
    assert "Nothing found for “qwrtzpsdf”" in page
    assert "Try fewer words" in page
    assert variant.product.title in page  # what others read
    assert '<meta name="robots" content="noindex">' in page


def test_an_address_with_nonsense_is_still_a_page(client: Client, chain: Chain) -> None:
    chain.variant()
    for query in (
        "page=-1",
        "page=99999999",
        "page=abc",
        "sort=drop%20table",
        "price_from=NaN&price_to=-5",
        "price_from=1e9999",
        "brand=%00x",
        "rating=9",
    ):
        assert client.get(f"/search/?{query}").status_code == 200, query


def test_prices_are_read_as_people_type_them(client: Client, chain: Chain) -> None:
    cheap, dear = chain.variant(price="700.00"), chain.variant(price="1500.00")
    page = client.get("/search/?price_from=1.200&price_to=1%20600").text
    assert dear.product.title in page
    assert cheap.product.title not in page
    assert "1.200,00 do 1.600,00" in page.replace("\u00a0", " ")


def test_a_chosen_store_marks_what_it_has(client: Client, chain: Chain) -> None:
    here, elsewhere = chain.variant(stock=5, store_stock=1), chain.variant(stock=5)
    client.post(f"/stores/{chain.store.code}/mine/")
    page = client.get("/en/search/").text
    cards = {
        title: page.split(f">{title}</a>")[1].split("</li>")[0]
        for title in (here.product.title, elsewhere.product.title)
    }
    assert "In your store today" in cards[here.product.title]
    assert "In your store today" not in cards[elsewhere.product.title]
    assert client.post("/stores/NEMA/mine/").status_code == 404


def test_covers_know_title_and_author(chain: Chain) -> None:
    variant = chain.variant()
    assert cover_text(variant.sku) is not None
    author = Contributor.objects.create(slug="ana", name="Ana Anić", sort_name="Anić, Ana")
    Contribution.objects.create(product=variant.product, contributor=author)
    found = cover_text(variant.sku)
    assert found is not None
    assert (found.title, found.author) == (variant.product.title, "Ana Anić")
    assert cover_text("nema") is None
