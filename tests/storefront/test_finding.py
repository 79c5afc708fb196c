"""From typed words to a book: suggestions, codes that lead at once, a language in the words, saved listings, a page that found nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from storefront import operations as catalog
from storefront.models import Collection, Product, Variant
from storefront.operations import CollectionData, SlugTaken, UnknownFilter
from storefront.rules import said_language
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.storefront.shopping import category, open_shop
from tests.storefront.test_machines import streamed
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def titled(chain: Chain, title: str, author: str = "", **changes: Any) -> Variant:
    variant = chain.variant()
    authors = [author] if author else None
    catalog.update_product(
        product_id=variant.product_id, changes={"title": title, **changes}, authors=authors, by=None, now=NOW
    )
    return Variant.objects.select_related("product").get(pk=variant.pk)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dostojevski na srpskom", ("dostojevski", "sr")),
        ("Достојевски на српском", ("Достојевски", "sr")),
        ("zločin i kazna na engleskom", ("zločin i kazna", "en")),
        ("tolkien in English", ("tolkien", "en")),
        ("na srpskom", ("", "")),
        ("most na drini", ("", "")),
        ("noć u Lisabonu", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_language_in_the_words(text: str, said: tuple[str, str]) -> None:
    assert said_language(text) == said


def test_words_that_name_a_language_become_a_filter_that_can_be_taken_off(
    client: Client, chain: Chain
) -> None:
    serbian = titled(chain, "Zločin i kazna", "Fjodor Dostojevski", language="sr")
    english = titled(chain, "Crime and Punishment", "Fjodor Dostojevski", language="en")
    answer = client.get("/search/?q=dostojevski na srpskom")
    assert (answer.status_code, answer["Location"]) == (302, "/search/?q=dostojevski&language=sr")
    page = client.get(answer["Location"]).text
    assert f"/p/{serbian.product.slug}/" in page
    assert f"/p/{english.product.slug}/" not in page
    assert 'href="/search/?q=dostojevski"' in page


def test_a_sku_or_isbn_opens_its_book(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    Variant.objects.filter(pk=variant.pk).update(sku="KNJ-17", barcode="9788661234569")
    page = f"/p/{variant.product.slug}/"
    for typed in ("KNJ-17", "978-86-6123-456-9", "9788661234569"):
        assert client.get("/search/", {"q": typed}).headers.get("Location") == page, typed
    assert client.get("/search/?q=1984").status_code == 200
    Product.objects.filter(pk=variant.product_id).update(status="DRAFT")
    assert client.get("/search/?q=KNJ-17").status_code == 200


def test_suggestions_are_options_with_their_kind(
    client: Client, chain: Chain, django_assert_num_queries: Any
) -> None:
    variant = titled(chain, "Romansa o reci", "Romana Savić")
    category(chain, variant, path="romani", name="Romani")
    with django_assert_num_queries(2):
        text = client.get("/search/suggestions/?q=roma").text
    assert text.count('role="option"') == 3
    for address in ("/c/romani/", "/search/?author=romana-savic", f"/p/{variant.product.slug}/"):
        assert f'href="{address}"' in text
    assert "/c/romani/" in client.get("/sr-cyrl/search/suggestions/?q=рома").text
    assert "Fiction" in client.get("/en/search/suggestions/?q=fict").text
    assert client.get("/search/suggestions/?q=r").text.strip() == ""


def test_suggestions_forgive_a_mistake(client: Client, chain: Chain) -> None:
    variant = titled(chain, "Na Drini ćuprija", "Ivo Andrić")
    for typed in ("drinni cuprija", "андрич", "cuprja"):
        assert f"/p/{variant.product.slug}/" in client.get("/search/suggestions/", {"q": typed}).text, typed


def test_a_page_that_found_nothing_leads_on(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    page = client.get("/search/?q=qwrtzxy").text
    for address in ("/c/romani/", "/stores/", f"/p/{variant.product.slug}/"):
        assert f'href="{address}"' in page
    assert 'name="robots" content="noindex"' in page


# ------------------------------------------------------------------ collections
def test_a_collection_is_a_listing_under_its_own_address(client: Client, chain: Chain) -> None:
    cheap, dear = chain.variant(price="500.00"), chain.variant(price="2000.00")
    node = category(chain, cheap, dear)
    data = CollectionData(
        slug="do-hiljadu",
        name="Do hiljadu dinara",
        name_en="Under a thousand",
        filters="price_to=1000",
        category_id=node.pk,
    )
    row = catalog.save_collection(data=data, by=None, now=NOW)
    page = client.get("/en/collections/do-hiljadu/").text
    assert "<h1>Under a thousand</h1>" in page
    assert cheap.product.slug in page
    assert dear.product.slug not in page
    assert "/collections/do-hiljadu/" in client.get("/").text
    assert "collections/do-hiljadu/" in streamed(client.get("/sitemap-pages.xml")).decode()
    catalog.save_collection(
        data=CollectionData(slug="do-hiljadu", name="x", is_shown=False),
        by=None,
        now=NOW,
        collection_id=row.pk,
    )
    assert client.get("/collections/do-hiljadu/").status_code == 404


def test_a_collection_takes_only_what_listings_know(chain: Chain) -> None:
    catalog.save_collection(data=CollectionData(slug="prva", name="Prva"), by=None, now=NOW)
    for data, refusal in (
        (CollectionData(slug="druga", name="x", filters="status=DRAFT"), UnknownFilter),
        (CollectionData(slug="prva", name="x"), SlugTaken),
    ):
        with nothing_changes(), pytest.raises(refusal):
            catalog.save_collection(data=data, by=None, now=NOW)


def test_a_merchandiser_makes_changes_and_removes_one(chain: Chain) -> None:
    staff = client_of(make_staff("MERCHANDISER"))
    typed = {
        "name": "Letnje čitanje",
        "slug": "letnje",
        "filters": "?sort=newest",
        "position": "5",
        "is_shown": "on",
    }
    assert staff.post("/en/ops/collections/new/", typed).status_code == 302
    row = Collection.objects.get()
    assert (row.slug, row.filters, row.position) == ("letnje", "sort=newest", 5)
    refused = staff.post(f"/en/ops/collections/{row.pk}/", {**typed, "filters": "x=1"})
    assert refused.status_code == 422
    assert "no filter “x”" in refused.text
    assert staff.post(f"/en/ops/collections/{row.pk}/remove/").status_code == 302
    assert not Collection.objects.exists()
    assert client_of(make_staff("ACCOUNTANT")).post("/ops/collections/new/", typed).status_code == 403
