"""What the shop tells programs: structured data equal to the page, one address for each page, maps, feeds, pictures, an installed shop."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from lxml import etree
from stdnum import ean

from retail.kernel.models import User
from storefront import operations as catalog
from storefront.models import (
    Contribution,
    Contributor,
    FeedRejection,
    Price,
    Product,
    ProductAddress,
    Variant,
)
from storefront.operations import InvalidSlug, SlugTaken
from storefront.rules import FeedFacts, feed_reason
from storefront.states import Feed
from storefront.views.machines import feeds, heads, maps
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.storefront.shopping import category, open_shop, put
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
GOOGLE = "{http://base.google.com/ns/1.0}"


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def data_of(text: str) -> dict[str, Any]:
    """Structured data of a page by kind."""
    blocks = [
        json.loads(found)
        for found in re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    ]
    return {
        block["@type"] if isinstance(block.get("@type"), str) else block["@type"][0]: block
        for block in blocks
        if "@type" in block
    }


def book(chain: Chain, **changes: Any) -> Variant:
    variant = chain.variant(price="1100.00")
    category(chain, variant)
    Product.objects.filter(pk=variant.product_id).update(
        kind="BOOK",
        brand="Sova",
        language="sr",
        attributes={"pages": 320},
        rating=Decimal("4.25"),
        rating_count=8,
    )
    author = Contributor.objects.create(
        slug="iskra-podunavac", name="Iskra Podunavac", sort_name="podunavac iskra"
    )
    Contribution.objects.create(product=variant.product, contributor=author)
    barcode = f"{variant.sku[:-1]}{ean.calc_check_digit(variant.sku[:-1])}"
    Variant.objects.filter(pk=variant.pk).update(format_name="Tvrd povez", barcode=barcode, **changes)
    return Variant.objects.select_related("product").get(pk=variant.pk)


# ------------------------------------------------------------------ structured data and one address
def test_the_data_of_a_book_is_what_its_page_says(client: Client, chain: Chain) -> None:
    variant = book(chain)
    text = client.get(f"/p/{variant.product.slug}/").text
    data = data_of(text)["Product"]
    assert data["@type"] == ["Product", "Book"]
    assert data["isbn"] == data["gtin13"] == variant.barcode
    assert data["sku"] == variant.sku
    assert data["bookFormat"] == "https://schema.org/Hardcover"
    assert data["author"] == [{"@type": "Person", "name": "Iskra Podunavac"}]
    assert data["numberOfPages"] == 320
    assert data["publisher"]["name"] == "Sova"
    (offer,) = data["offers"]
    assert (offer["price"], offer["priceCurrency"]) == ("1100.00", "RSD")
    assert "1.100,00" in text
    assert offer["availability"] == "https://schema.org/InStock"
    assert (data["aggregateRating"]["ratingValue"], data["aggregateRating"]["ratingCount"]) == ("4.2", 8)
    crumbs = data_of(text)["BreadcrumbList"]["itemListElement"]
    assert [each["name"] for each in crumbs] == ["Početna", "Romani", variant.product.title]


def test_availability_in_the_data_is_that_of_this_moment(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=1)
    category(chain, variant)
    url = f"/p/{variant.product.slug}/"

    def said() -> str:
        return str(data_of(client.get(url).text)["Product"]["offers"][0]["availability"])

    assert said() == "https://schema.org/InStock"
    assert put(Client(), variant).status_code == 302
    assert said() == "https://schema.org/OutOfStock"


def test_a_reduced_price_is_the_engines_in_page_data_and_feed(client: Client, chain: Chain) -> None:
    variant = book(chain)
    old = Price.objects.get(variant=variant)
    Price.objects.filter(pk=old.pk).update(valid_to=NOW - timedelta(days=1))
    Price.objects.create(
        variant=variant,
        price_list=old.price_list,
        amount=Decimal("899.00"),
        valid_from=NOW - timedelta(days=1),
    )
    assert (
        data_of(client.get(f"/p/{variant.product.slug}/").text)["Product"]["offers"][0]["price"] == "899.00"
    )
    (entry,) = google(client)
    assert entry["price"] == "899.00 RSD"


def test_words_of_the_catalog_cannot_leave_their_data_block(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    title = "</script><b>&\u2028x"
    Product.objects.filter(pk=variant.product_id).update(title=title)
    text = client.get(f"/p/{variant.product.slug}/").text
    assert data_of(text)["Product"]["name"] == title
    assert "</script><b>" not in text


def test_every_page_has_one_address_in_each_language(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    path = f"/p/{variant.product.slug}/"
    for prefix in ("", "/sr-cyrl", "/en"):
        text = client.get(f"{prefix}{path}?utm_source=letter").text
        assert f'<link rel="canonical" href="http://localhost:8000{prefix}{path}">' in text
        for lang, other in (("sr-Latn", ""), ("sr-Cyrl", "/sr-cyrl"), ("en", "/en"), ("x-default", "")):
            assert f'hreflang="{lang}" href="http://localhost:8000{other}{path}">' in text
    listed = client.get("/c/romani/?sort=price_asc&rating=4").text
    assert '<link rel="canonical" href="http://localhost:8000/c/romani/">' in listed


def test_a_shared_link_shows_a_picture_that_is_drawn(client: Client, chain: Chain) -> None:
    variant = book(chain)
    text = client.get(f"/p/{variant.product.slug}/").text
    url = re.search(r'<meta property="og:image" content="([^"]+)">', text)
    assert url is not None
    assert 'property="og:type" content="book"' in text
    place = urlsplit(url[1])
    answer = client.get(f"{place.path}?{place.query}")
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(answer.content[16:20]), int.from_bytes(answer.content[20:24])) == (1200, 630)
    assert client.get(place.path)["Cache-Control"] == "public, max-age=3600"
    assert client.get("/pictures/card/NIKAD.png").status_code == 404
    assert client.get(f"/pictures/other/{variant.sku}.png").status_code == 404


@pytest.mark.parametrize(
    ("orderable", "units", "days", "said"),
    [
        (True, 3, 0, "InStock"),
        (True, 0, 5, "PreOrder"),
        (True, 0, -5, "BackOrder"),
        (False, 3, 0, "OutOfStock"),
    ],
)
def test_availability_in_schema_words(orderable: bool, units: int, days: int, said: str) -> None:
    today = NOW.date()
    found = heads.availability(
        is_orderable=orderable, units=units, released_on=today + timedelta(days=days), today=today
    )
    assert found == said


# ------------------------------------------------------------------ a product moves
def test_every_address_that_a_product_had_leads_to_the_present_one(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    first = variant.product.slug
    for slug in ("drugi-naslov", "treci-naslov"):
        catalog.move_product(product_id=variant.product_id, slug=slug, by=chain.dragan, now=NOW)
    for past in (first, "drugi-naslov"):
        answer = client.get(f"/p/{past}/?a=1")
        assert (answer.status_code, answer["Location"]) == (301, "/p/treci-naslov/?a=1")
    assert client.get(f"/en/p/{first}/{variant.sku}/")["Location"] == f"/en/p/treci-naslov/{variant.sku}/"
    assert client.get("/p/treci-naslov/").status_code == 200
    assert client.get("/p/nikad/").status_code == 404


def test_a_product_may_go_back_to_an_address_that_it_had(chain: Chain) -> None:
    variant = chain.variant()
    first = variant.product.slug
    catalog.move_product(product_id=variant.product_id, slug="drugi", by=None, now=NOW)
    catalog.move_product(product_id=variant.product_id, slug=first, by=None, now=NOW)
    assert list(ProductAddress.objects.values_list("slug", flat=True)) == ["drugi"]


def test_an_address_that_is_or_was_anothers_is_refused(chain: Chain) -> None:
    one, other = chain.variant(), chain.variant()
    past = one.product.slug
    catalog.move_product(product_id=one.product_id, slug="novi", by=None, now=NOW)
    for slug in ("novi", past):
        with nothing_changes(), pytest.raises(SlugTaken):
            catalog.move_product(product_id=other.product_id, slug=slug, by=None, now=NOW)
    for slug in ("", "Velika", "a b", "-a", "a" * 201):
        with nothing_changes(), pytest.raises(InvalidSlug):
            catalog.move_product(product_id=other.product_id, slug=slug, by=None, now=NOW)
    draft = catalog.ProductDraft(title=past.replace("-", " "))
    assert catalog.create_product(draft=draft, by=None, now=NOW).slug == f"{past}-2"


# ------------------------------------------------------------------ maps
def test_the_map_names_every_published_product_in_every_language(client: Client, chain: Chain) -> None:
    shown = [chain.variant() for _ in range(3)]
    hidden = chain.variant()
    Product.objects.filter(pk=hidden.product_id).update(status="DRAFT")
    category(chain, *shown)
    index = etree.fromstring(client.get("/sitemap.xml").content)
    files = [urlsplit(loc).path for loc in _texts(index, "//s:loc/text()")]
    assert files[0] == "/sitemap-pages.xml"
    found = [loc for file in files[1:] for loc in _locations(client, file)]
    for variant in shown:
        for prefix in ("", "/sr-cyrl", "/en"):
            assert f"http://localhost:8000{prefix}/p/{variant.product.slug}/" in found
    assert not [loc for loc in found if hidden.product.slug in loc]
    assert "http://localhost:8000/en/c/romani/" in _locations(client, "/sitemap-pages.xml")
    assert client.get("/sitemap-products-999999.xml").status_code == 404


def _locations(client: Client, path: str) -> list[str]:
    root = etree.fromstring(streamed(client.get(path)))
    found = _texts(root, "//s:url/s:loc/text()")
    assert len(found) <= 50_000
    assert len(_texts(root, "//s:url/x:link/@href")) == 4 * len(found)
    return found


def _texts(root: Any, path: str) -> list[str]:
    return [str(text) for text in root.xpath(path, namespaces=SITEMAP)]


def test_a_file_of_the_map_asks_in_pieces_of_a_bounded_size(
    client: Client, chain: Chain, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        chain.variant()
    monkeypatch.setattr(maps, "PIECE", 2)
    number = maps._ranges()[0][0]
    # The ranges; then products and their pictures of two full pieces and of the rest.
    with django_assert_num_queries(7):
        assert len(_locations(client, f"/sitemap-products-{number}.xml")) == 15
    with django_assert_num_queries(1):
        client.get("/sitemap.xml")


def test_robots_are_told_what_belongs_to_one_person(client: Client) -> None:
    text = client.get("/robots.txt").text
    for path in ("/basket/", "/en/checkout/", "/sr-cyrl/account/", "/ops/", "/api/"):
        assert f"Disallow: {path}\n" in text
    assert "Sitemap: http://localhost:8000/sitemap.xml\n" in text
    assert client.get("/robots.txt", headers={"accept-language": "en"}).text == text


# ------------------------------------------------------------------ feeds
def streamed(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def feed(client: Client, file: str, asked: str = "", language: str = "sr-latn") -> bytes:
    key = feeds.secret("web-rs", language, file)
    answer = client.get(f"/feeds/web-rs/{language}/{file}?key={key}{asked}")
    assert answer.status_code == 200, answer.status_code
    return streamed(answer)


def google(client: Client, asked: str = "", language: str = "sr-latn") -> list[dict[str, str]]:
    root = etree.fromstring(feed(client, "google.xml", asked, language))
    return [{tag.tag.removeprefix(GOOGLE): tag.text or "" for tag in item} for item in root.iter("item")]


def test_google_reads_what_the_page_says(client: Client, chain: Chain) -> None:
    variant = book(chain)
    (entry,) = google(client, language="en")
    assert (entry["id"], entry["gtin"]) == (variant.sku, variant.barcode)
    assert entry["title"] == f"{variant.product.title} (Tvrd povez)"
    assert entry["link"] == f"http://localhost:8000/en/p/{variant.product.slug}/{variant.sku}/"
    assert entry["price"] == "1100.00 RSD"
    assert entry["availability"] == "in_stock"
    assert entry["brand"] == "Sova"
    assert entry["product_type"] == "Fiction"
    assert entry["shipping_weight"] == "400 g"
    assert client.get(urlsplit(entry["link"]).path).status_code == 200
    assert client.get(urlsplit(entry["image_link"]).path)["Content-Type"] == "image/png"


def test_meta_reads_the_same_as_a_table(client: Client, chain: Chain) -> None:
    variant = book(chain)
    (row,) = csv.DictReader(io.StringIO(feed(client, "meta.csv").decode()))
    assert (row["id"], row["price"], row["availability"]) == (variant.sku, "1100.00 RSD", "in stock")
    assert row["brand"] == "Sova"


def test_a_feed_costs_the_same_statements_for_each_piece(
    client: Client, chain: Chain, django_assert_max_num_queries: Any
) -> None:
    book(chain)
    google(client)
    with django_assert_max_num_queries(11) as few:
        google(client)
    for _ in range(20):
        chain.variant()
    with django_assert_max_num_queries(len(few)):
        google(client)


def test_only_what_changed_since_is_told(client: Client, chain: Chain) -> None:
    same, moved, priced, taken, renamed = everything = [chain.variant() for _ in range(5)]
    Variant.objects.update(barcode="")
    Product.objects.update(brand="Sova")
    since = timezone.now()
    chain.lay(moved, chain.store, 3)
    Price.objects.create(
        variant=priced,
        price_list=chain.channel.price_list,
        amount=Decimal("1.00"),
        valid_from=NOW - timedelta(hours=1),
    )
    put(Client(), taken)
    catalog.update_product(product_id=renamed.product_id, changes={"title": "Drugi"}, by=None, now=NOW)
    asked = f"&updated_after={since.isoformat().replace('+', '%2B')}"
    assert {entry["id"] for entry in google(client, asked)} == {moved.sku, priced.sku, taken.sku, renamed.sku}
    assert {entry["id"] for entry in google(client)} == {one.sku for one in everything}
    assert same.sku not in feed(client, "meta.csv", asked).decode()


@pytest.mark.parametrize("asked", ["?key=no", "", "?key="])
def test_a_feed_without_its_secret_is_not_found(client: Client, chain: Chain, asked: str) -> None:
    assert client.get(f"/feeds/web-rs/sr-latn/google.xml{asked}").status_code == 404


def test_a_moment_that_cannot_be_read_is_refused(client: Client, chain: Chain) -> None:
    key = feeds.secret("web-rs", "sr-latn", "google.xml")
    for moment in ("yesterday", "2026-11-22", "2026-13-45T00:00:00Z", "2026-11-22T08:00:00"):
        answer = client.get(f"/feeds/web-rs/sr-latn/google.xml?key={key}&updated_after={moment}")
        assert answer.status_code == 400, moment


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        (Feed.GOOGLE, {}, ""),
        (Feed.META, {}, ""),
        (Feed.GOOGLE, {"has_price": False}, "NO_PRICE"),
        (Feed.GOOGLE, {"is_barcode_right": False}, "BAD_BARCODE"),
        (Feed.GOOGLE, {"barcode": "", "is_barcode_right": False}, ""),
        (Feed.GOOGLE, {"barcode": "", "is_barcode_right": False, "maker": ""}, "NO_IDENTITY"),
        (Feed.GOOGLE, {"maker": ""}, ""),
        (Feed.META, {"maker": ""}, "NO_BRAND"),
        (Feed.META, {"has_title": False, "has_price": False}, "NO_TITLE"),
    ],
)
def test_why_a_feed_leaves_a_variant_out(kind: Feed, changes: dict[str, Any], reason: str) -> None:
    usual = {
        "has_title": True,
        "has_price": True,
        "barcode": "978",
        "is_barcode_right": True,
        "maker": "Sova",
    }
    assert feed_reason(kind, FeedFacts(**{**usual, **changes})) == reason


def test_the_report_says_why_each_variant_is_left_out(client: Client, chain: Chain) -> None:
    good, unpriced, wrong = book(chain), chain.variant(), chain.variant()
    Price.objects.filter(variant=unpriced).delete()
    Variant.objects.filter(pk__in=[good.pk, unpriced.pk]).update(barcode="")
    Variant.objects.filter(pk=wrong.pk).update(barcode="9788600000001")
    mila = make_staff("MERCHANDISER")
    staff = client_of(mila)
    assert staff.post("/ops/feeds/check/", {"channel": "web-rs", "feed": "GOOGLE"}).status_code == 302
    rows = FeedRejection.objects.filter(channel=chain.channel, feed="GOOGLE")
    assert dict(rows.values_list("variant__sku", "reason")) == {
        unpriced.sku: "NO_PRICE",
        wrong.sku: "BAD_BARCODE",
    }
    assert {entry["id"] for entry in google(client)} == {good.sku}
    page = staff.get("/ops/feeds/").text
    assert feeds.secret("web-rs", "en", "google.xml") in page
    assert unpriced.sku in page
    assert wrong.sku not in staff.get("/ops/feeds/?reason=NO_PRICE").text
    # What is mended leaves the report; what stays keeps its first moment.
    Variant.objects.filter(pk=wrong.pk).update(barcode="")
    Product.objects.filter(pk=wrong.product_id).update(brand="Sova")
    assert catalog.check_feed(channel=chain.channel, feed="GOOGLE", now=NOW + timedelta(hours=1)) == 1
    assert rows.get().found_at == NOW


def test_who_may_not_read_campaigns_sees_no_feed_address(chain: Chain) -> None:
    assert client_of(make_staff("PICKER")).get("/ops/feeds/").status_code == 403
    assert isinstance(chain.dragan, User)


# ------------------------------------------------------------------ readers and installed shops
def test_new_titles_as_atom_in_each_language(client: Client, chain: Chain) -> None:
    variant = book(chain)
    root = etree.fromstring(client.get("/news/en.atom").content)
    ns = {"a": "http://www.w3.org/2005/Atom"}
    assert root.xpath("//a:entry/a:title/text()", namespaces=ns) == [variant.product.title]
    assert root.xpath("//a:entry/a:link/@href", namespaces=ns) == [
        f"http://localhost:8000/en/p/{variant.product.slug}/"
    ]
    assert client.get("/news/xx.atom").status_code == 404


def test_the_shop_can_be_installed(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
    assert manifest["start_url"] == "/"
    worker = client.get("/worker.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert "default-src 'self'" in worker["Content-Security-Policy"]


def test_the_page_without_a_connection_says_nothing_of_a_person(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    put(client, variant)
    with_basket = client.get("/offline/").text
    assert 'name="csrfmiddlewaretoken"' not in with_basket
    assert "RSD" not in with_basket
    assert client.get("/en/offline/").text.count("no connection") == 1
