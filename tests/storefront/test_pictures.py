"""Pictures of a product: what is taken and how it is drawn anew, in which order they stand, and every place that shows them."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from bench.counting import counted, number_of
from storefront import operations as catalog
from storefront.models import Product, ProductPicture, Variant
from storefront.operations import (
    InvalidPicture,
    PicturesChanged,
    PictureTaken,
    TooManyPictures,
    UnknownPicture,
    UnknownProduct,
    picture_files,
)
from storefront.selectors import pictures_of
from storefront.views.machines import feeds
from tests.api.integrator import Api
from tests.flows.chain import NOW, Chain
from tests.photos import photo
from tests.staff import client_of, make_staff
from tests.storefront.shopping import category, open_shop
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose head says that it is large."""
    head = b"IHDR" + struct.pack(">II", width, height) + b"\x08\x02\x00\x00\x00"
    return photo()[:12] + head + struct.pack(">I", zlib.crc32(head)) + photo()[33:]


@pytest.fixture(autouse=True)
def shop(chain: Chain, settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path
    with open_shop():
        yield


def add(variant: Variant, content: bytes | None = None, number: int = 1, **words: str) -> ProductPicture:
    return catalog.add_picture(
        product_id=variant.product_id, content=content or photo(number), by=None, now=NOW, **words
    )


def keys(variant: Variant) -> list[str]:
    found = ProductPicture.objects.filter(product=variant.product_id)
    return list(found.order_by("position").values_list("key", flat=True))


# ------------------------------------------------------------------ what is taken
def test_a_picture_is_drawn_anew_in_every_size_and_says_nothing_of_its_camera(
    chain: Chain, tmp_path: Path
) -> None:
    camera = Image.Exif()
    camera[0x0112] = 6  # held sideways
    camera[0x010F] = "Camera of somebody"
    sent = photo(size=(1200, 800), form="JPEG", exif=camera)
    assert b"Camera of somebody" in sent
    picture = add(chain.variant(), sent)
    assert (picture.width, picture.height, picture.position) == (800, 1200, 0)
    folder = tmp_path / "products" / picture.key
    sizes = {each.name: Image.open(each).size for each in folder.iterdir()}
    assert sizes == {
        "120.webp": (120, 180),
        "240.webp": (240, 360),
        "480.webp": (480, 720),
        "800.webp": (800, 1200),
        "full.jpg": (800, 1200),
    }
    assert all(b"Camera of somebody" not in each.read_bytes() for each in folder.iterdir())


def test_what_shows_through_becomes_white(chain: Chain, tmp_path: Path) -> None:
    made = io.BytesIO()
    Image.new("RGBA", (300, 300), (255, 0, 0, 0)).save(made, "PNG")
    picture = add(chain.variant(), made.getvalue())
    assert Image.open(tmp_path / "products" / picture.key / "full.jpg").getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "NOT_A_PICTURE"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "NOT_A_PICTURE"),
        (b"%PDF-1.7", "NOT_A_PICTURE"),
        (photo(form="GIF"), "NOT_A_PICTURE"),
        (photo(form="BMP"), "NOT_A_PICTURE"),
        (photo()[:60], "NOT_A_PICTURE"),
        (photo()[:-20], "NOT_A_PICTURE"),
        (photo(size=(249, 600)), "TOO_SMALL"),
        (photo(size=(300, 6000)), "TOO_SMALL"),
        (claiming(8000, 5001), "TOO_LARGE"),
        (claiming(60000, 60000), "TOO_LARGE"),
        (photo() + b"\0" * picture_files.BYTES_MAX, "TOO_LARGE"),
    ],
)
def test_what_is_no_picture_is_refused(chain: Chain, tmp_path: Path, content: bytes, reason: str) -> None:
    variant = chain.variant()
    with nothing_changes(), pytest.raises(InvalidPicture) as refusal:
        catalog.add_picture(product_id=variant.product_id, content=content, by=None, now=NOW)
    assert refusal.value.details == {"reason": reason}
    assert not (tmp_path / "products").exists()


def test_the_same_one_twice_the_thirteenth_and_one_of_nothing_are_refused(chain: Chain) -> None:
    variant = chain.variant()
    add(variant)
    with nothing_changes(), pytest.raises(PictureTaken):
        add(variant)
    add(chain.variant())  # of another product it may be
    for number in range(2, 13):
        add(variant, number=number)
    with nothing_changes(), pytest.raises(TooManyPictures):
        add(variant, number=13)
    with nothing_changes(), pytest.raises(UnknownProduct):
        catalog.add_picture(product_id=0, content=photo(), by=None, now=NOW)


# ------------------------------------------------------------------ their order
def test_pictures_are_ordered_and_removed_without_gaps(
    chain: Chain, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    variant = chain.variant()
    first, second, third = (add(variant, number=number).key for number in (1, 2, 3))
    catalog.order_pictures(product_id=variant.product_id, keys=[third, first, second], by=None, now=NOW)
    assert keys(variant) == [third, first, second]
    with django_capture_on_commit_callbacks(execute=True):
        catalog.remove_picture(product_id=variant.product_id, key=third, by=None, now=NOW)
    assert list(ProductPicture.objects.order_by("position").values_list("key", "position")) == [
        (first, 0),
        (second, 1),
    ]
    assert sorted(each.name for each in (tmp_path / "products").iterdir() if any(each.iterdir())) == sorted(
        [first, second]
    )


@pytest.mark.parametrize("wrong", ["none", "twice", "foreign"])
def test_an_order_names_each_picture_once(chain: Chain, wrong: str) -> None:
    variant, other = chain.variant(), chain.variant()
    first, second = (add(variant, number=number).key for number in (1, 2))
    given = {"none": [first], "twice": [first, first], "foreign": [first, add(other).key]}[wrong]
    with nothing_changes(), pytest.raises(PicturesChanged):
        catalog.order_pictures(product_id=variant.product_id, keys=given, by=None, now=NOW)
    assert keys(variant) == [first, second]


def test_a_picture_of_another_product_is_unknown(chain: Chain) -> None:
    variant, foreign = chain.variant(), add(chain.variant()).key
    with nothing_changes(), pytest.raises(UnknownPicture):
        catalog.remove_picture(product_id=variant.product_id, key=foreign, by=None, now=NOW)
    with nothing_changes(), pytest.raises(UnknownPicture):
        catalog.describe_picture(
            product_id=variant.product_id, key=foreign, text="x", text_en="", by=None, now=NOW
        )


# ------------------------------------------------------------------ where they are shown
def test_the_product_page_shows_all_of_them_by_one_statement(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    first = add(variant, number=1)
    second = add(variant, number=2, text="Zadnja korica", text_en="Back cover")
    client.get(f"/p/{variant.product.slug}/")
    with counted() as sent:
        page = client.get(f"/p/{variant.product.slug}/").text
    assert number_of(sent) == 1
    assert re.findall(r'<a href="(#picture-\d)"', page) == ["#picture-1", "#picture-2"]
    assert f'<li id="picture-2"><a class="zoom" href="/media/products/{second.key}/full.jpg"' in page
    widths = ", ".join(f"/media/products/{first.key}/{each}.webp {each}w" for each in (120, 240, 400))
    assert f'srcset="{widths}"' in page
    assert f'alt="Korice: {variant.product.title}"' in page
    assert 'alt="Zadnja korica"' in page
    assert 'alt="Back cover"' in client.get(f"/en/p/{variant.product.slug}/").text
    assert 'alt="Задња корица"' in client.get(f"/sr-cyrl/p/{variant.product.slug}/").text


def test_one_picture_has_no_small_ones_and_none_is_drawn(client: Client, chain: Chain) -> None:
    variant, bare = chain.variant(), chain.variant()
    add(variant)
    assert 'class="thumbs"' not in client.get(f"/p/{variant.product.slug}/").text
    page = client.get(f"/p/{bare.product.slug}/").text
    assert "/media/" not in page
    assert f'href="/covers/{bare.sku}.svg' in page


def test_cards_show_the_first_one(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    add(variant, number=1)
    second = add(variant, number=2)
    catalog.order_pictures(
        product_id=variant.product_id, keys=list(reversed(keys(variant))), by=None, now=NOW
    )
    page = client.get("/c/romani/").text
    assert f'src="/media/products/{second.key}/240.webp"' in page
    assert page.count("/media/products/") == 3  # one address, and both of its densities


def test_programs_are_told_all_of_them(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    Product.objects.filter(pk=variant.product_id).update(brand="Sova")
    Variant.objects.filter(pk=variant.pk).update(barcode="")
    for number in (1, 2, 3):
        add(variant, number=number)
    all_of_them = [f"http://localhost:8000/media/products/{key}/full.jpg" for key in keys(variant)]
    page = client.get(f"/p/{variant.product.slug}/").text
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert next(one for one in map(json.loads, blocks) if "sku" in one)["image"] == all_of_them
    assert re.findall(r'<meta property="og:image" content="([^"]+)">', page) == all_of_them
    key = feeds.secret("web-rs", "sr-latn", "google.xml")
    google = b"".join(client.get(f"/feeds/web-rs/sr-latn/google.xml?key={key}").streaming_content).decode()  # type: ignore[attr-defined]
    assert re.findall(r"<g:image_link>(.*?)</g:image_link>", google) == all_of_them[:1]
    assert re.findall(r"<g:additional_image_link>(.*?)</g:additional_image_link>", google) == all_of_them[1:]
    key = feeds.secret("web-rs", "sr-latn", "meta.csv")
    meta = b"".join(client.get(f"/feeds/web-rs/sr-latn/meta.csv?key={key}").streaming_content).decode()  # type: ignore[attr-defined]
    assert ",".join(all_of_them[1:]) in meta
    number = variant.product_id // 10_000
    answer = client.get(f"/sitemap-products-{number}.xml")
    sitemap = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert re.findall(r"<image:loc>(.*?)</image:loc>", sitemap)[:3] == all_of_them


# ------------------------------------------------------------------ back office
def test_a_merchandiser_puts_describes_sorts_and_removes(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    mila = client_of(make_staff("MERCHANDISER"))
    assert mila.get(f"/ops/pictures/?code={variant.sku}").headers["Location"] == (
        f"/ops/pictures/{variant.product.slug}/"
    )
    assert mila.get("/ops/pictures/?code=NOTHING").status_code == 404
    desk = f"/ops/pictures/{variant.product.slug}/"
    for number in (1, 2):
        sent = SimpleUploadedFile("a.png", photo(number), "image/png")
        assert mila.post(desk, {"picture": sent, "text": f"Slika {number}"}).status_code == 302
    first, second = keys(variant)
    assert mila.post(f"{desk}{second}/", {"act": "earlier"}).status_code == 302
    assert keys(variant) == [second, first]
    mila.post(f"{desk}{second}/", {"act": "describe", "text": " Prednja strana ", "text_en": "Front"})
    assert pictures_of([variant.product_id])[variant.product_id][0].words("sr-latn") == "Prednja strana"
    for act in ("", "sideways"):
        with nothing_changes():
            assert mila.post(f"{desk}{second}/", {"act": act}).status_code == 404
    mila.post(f"{desk}{first}/", {"act": "remove"})
    assert keys(variant) == [second]
    assert "Prednja strana" in mila.get(desk).text
    gone = mila.post(f"{desk}{first}/", {"act": "remove"})
    assert gone.status_code == 404
    assert "Proizvod nema takvu sliku." in gone.text


def test_a_drawing_by_a_stranger_is_refused_at_its_field(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    mila = client_of(make_staff("MERCHANDISER"))
    sent = SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
    with nothing_changes():
        answer = mila.post(f"/ops/pictures/{variant.product.slug}/", {"picture": sent, "text": "Ostaje"})
    assert answer.status_code == 422
    assert "Ovo nije JPEG, PNG ili WebP koji može da se pročita." in answer.text
    assert 'value="Ostaje"' in answer.text


def test_an_accountant_sees_the_desk_and_changes_nothing(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    ceca = client_of(make_staff("ACCOUNTANT"))
    desk = f"/ops/pictures/{variant.product.slug}/"
    assert 'type="file"' not in ceca.get(desk).text
    with nothing_changes():
        assert ceca.post(desk, {"picture": SimpleUploadedFile("a.png", photo())}).status_code == 403
        assert ceca.post(f"{desk}{'0' * 24}/", {"act": "remove"}).status_code == 403


# ------------------------------------------------------------------ API
def test_an_integrator_puts_orders_and_removes(chain: Chain) -> None:
    variant, api = chain.variant(), Api("products:write")
    path = f"products/{variant.sku}/pictures"
    added = api.send("post", f"{path}?text=Korica", photo(1), key="a", kind="image/png")
    assert added.status_code == 201
    again = api.send("post", f"{path}?text=Korica", photo(1), key="a", kind="image/png")
    assert (again.status_code, again.json()) == (201, added.json())
    api.send("post", path, photo(2, form="JPEG"), kind="image/jpeg")
    first, second = (each["id"] for each in api.get(path).json()["pictures"])
    body = {"pictures": [{"id": second, "text": "Leđa", "text_en": "Back"}, {"id": first}]}
    ordered = api.send("put", path, body).json()["pictures"]
    assert [(each["id"], each["text"], each["text_en"]) for each in ordered] == [
        (second, "Leđa", "Back"),
        (first, "Korica", ""),
    ]
    assert api.get(f"products/{variant.sku}").json()["pictures"] == ordered
    assert api.send("delete", f"{path}/{second}").status_code == 204
    assert keys(variant) == [first]


def test_the_api_refuses_by_name(chain: Chain) -> None:
    variant, api = chain.variant(), Api("products:write")
    path = f"products/{variant.sku}/pictures"
    api.send("post", path, photo(1), kind="image/png")
    refused = [
        api.send("post", path, photo(1), kind="image/png"),
        api.send("post", path, b"<svg/>", kind="image/png"),
        api.send("post", path, b"<svg/>", kind="image/svg+xml"),
        api.send("post", path, b"\0" * (picture_files.BYTES_MAX + 1), kind="image/png"),
        api.send("post", path, {"picture": 1}),
        api.send("post", f"{path}?text={'x' * 201}", photo(2), kind="image/png"),
        api.send("put", path, {"pictures": []}),
        api.send("put", path, photo(2), kind="image/png"),
        api.send("post", "products/NOTHING/pictures", photo(2), kind="image/png"),
        api.send("delete", f"{path}/{'0' * 24}"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (409, "PICTURE_TAKEN"),
        (400, "INVALID_PICTURE"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (413, "BODY_TOO_LARGE"),
        (400, "INVALID_INPUT"),
        (400, "INVALID_INPUT"),
        (409, "PICTURES_CHANGED"),
        (400, "INVALID_INPUT"),
        (404, "UNKNOWN_SKU"),
        (404, "UNKNOWN_PICTURE"),
    ]
    assert len(keys(variant)) == 1
    assert default_storage.exists(f"products/{keys(variant)[0]}/full.jpg")


def test_pictures_of_what_is_not_on_sale_are_not_told(chain: Chain) -> None:
    variant = chain.variant()
    add(variant)
    catalog.archive_product(product_id=variant.product_id, by=None, now=NOW)
    assert Api().get(f"products/{variant.sku}/pictures").status_code == 404
    api = Api("orders:read")
    with nothing_changes():
        answer = api.send("post", f"products/{variant.sku}/pictures", photo(2), kind="image/png")
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")


def test_rows_that_know_only_a_code_show_the_first_picture(client: Client, chain: Chain) -> None:
    """Baskets, orders and the handheld ask for the cover of an SKU."""
    variant, other = chain.variant(), chain.variant()
    first = add(variant)
    add(variant, number=2)
    answer = client.get(f"/covers/{variant.sku}.svg")
    assert (answer.status_code, answer["Location"]) == (
        302,
        pictures_of([variant.product_id])[variant.product_id][0].at(240),
    )
    assert first.key in answer["Location"]
    assert client.get(f"/covers/{other.sku}.svg")["Content-Type"] == "image/svg+xml; charset=utf-8"
