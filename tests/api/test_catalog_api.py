"""The catalog by API: what is on sale and how it is put there, and the promise for a quantity and a place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from storefront import operations
from storefront.models import Category, Price, Product, Variant
from storefront.operations.products import refresh_search
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain, make_chain
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BAD_QUANTITIES = ["-1", "0", "1000000000", "NaN", "1.5", "true", "", " 1", "1e3", "\u0663"]


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def public() -> Api:
    return Api()


@pytest.fixture
def writer(chain: Chain) -> Api:
    return Api("products:write")


def test_a_product_has_the_shape_of_the_contract(chain: Chain, public: Api) -> None:
    variant = chain.variant(price="1299.00", stock=7, grams=340)
    fiction = Category.objects.create(slug="proza", path="knjige/proza", name="Proza", depth=1)
    variant.product.categories.add(fiction)

    answer = public.get(f"products/{variant.sku}")

    assert answer.status_code == 200
    shown = answer.json()
    shown.pop("updated_at")
    assert shown == {
        "sku": variant.sku,
        "barcode": variant.barcode,
        "format": "",
        "product": {
            "slug": variant.product.slug,
            "title": variant.product.title,
            "subtitle": "",
            "brand": "",
            "language": "",
            "kind": "BOOK",
            "released_on": None,
            "authors": [],
        },
        "price": {"amount": "1299.00", "currency": "RSD"},
        "lowest_30_days": None,
        "tax_class": "BOOKS",
        "tax_rate": "10.00",
        "weight_grams": 340,
        "available": 7,
        "categories": ["knjige/proza"],
        "pictures": [],
    }


def test_a_reduced_price_tells_the_lowest_of_the_days_before(chain: Chain, public: Api) -> None:
    variant, now = chain.variant(price="1000.00"), timezone.now()
    Price.objects.filter(variant=variant).update(valid_from=now - timedelta(days=90))
    operations.set_price(
        variant_id=variant.pk,
        price_list_id=chain.channel.price_list_id,
        amount=Decimal("800.00"),
        by=None,
        now=now,
    )

    shown = public.get(f"products/{variant.sku}").json()

    assert shown["price"]["amount"] == "800.00"
    assert shown["lowest_30_days"] == {"amount": "1000.00", "currency": "RSD"}


def test_a_variant_without_a_price_says_so(chain: Chain, public: Api) -> None:
    variant = chain.variant()
    Price.objects.all().delete()

    assert public.get(f"products/{variant.sku}").json()["price"] is None


@pytest.mark.parametrize("hidden", ["draft", "unsellable"])
def test_what_is_not_on_sale_is_not_shown(chain: Chain, public: Api, hidden: str) -> None:
    variant = chain.variant()
    if hidden == "draft":
        Product.objects.update(status="DRAFT")
    else:
        Variant.objects.update(is_sellable=False)

    assert refused(public.get(f"products/{variant.sku}")) == (404, "UNKNOWN_SKU")
    assert public.get("products").json() == {"results": [], "next": None}


def test_the_list_pages_by_an_opaque_cursor_and_shows_each_once(chain: Chain, public: Api) -> None:
    skus = {chain.variant().sku for _ in range(5)}
    seen: list[str] = []
    answer = public.get("products", limit=2).json()
    seen += [one["sku"] for one in answer["results"]]
    while answer["next"]:
        answer = public.client.get(answer["next"]).json()
        seen += [one["sku"] for one in answer["results"]]
    assert (len(seen), set(seen)) == (5, skus)


def test_the_list_shows_what_changed_since(chain: Chain, public: Api) -> None:
    old, new = chain.variant(), chain.variant()
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    Variant.objects.filter(pk=old.pk).update(updated_at=long_ago)
    Product.objects.filter(pk=old.product_id).update(updated_at=long_ago)

    found = public.get("products", updated_after="2026-01-02T00:00:00Z").json()["results"]

    assert [one["sku"] for one in found] == [new.sku]


def test_the_list_is_narrowed_by_branch_and_searched_in_either_script(chain: Chain, public: Api) -> None:
    one, other = chain.variant(), chain.variant()
    Product.objects.filter(pk=one.product_id).update(title="Žute čarape")
    refresh_search(one.product_id)
    prose = Category.objects.create(slug="proza", path="proza", name="Proza")
    other.product.categories.add(prose)

    for text in ("žute čarape", "zute carape", "жуте чарапе", one.barcode):
        assert [each["sku"] for each in public.get("products", search=text).json()["results"]] == [one.sku]
    assert [each["sku"] for each in public.get("products", category="proza").json()["results"]] == [other.sku]
    assert refused(public.get("products", category="nema")) == (404, "UNKNOWN_CATEGORY")


def test_search_pages_without_repeating(chain: Chain, public: Api) -> None:
    skus = {chain.variant().sku for _ in range(3)}
    for product in Product.objects.all():
        refresh_search(product.pk)

    first = public.get("products", search="naslov", limit=2).json()
    second = public.client.get(first["next"]).json()

    assert {one["sku"] for one in [*first["results"], *second["results"]]} == skus
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "INVALID_INPUT"),
        ({"limit": "101"}, "INVALID_INPUT"),
        ({"after": "abc"}, "INVALID_CURSOR"),
        ({"after": "WyJ4IiwgInkiXQ"}, "INVALID_CURSOR"),
        ({"search": "a", "after": "WyJ4Il0"}, "INVALID_CURSOR"),
        ({"updated_after": "yesterday"}, "INVALID_INPUT"),
        ({"updated_after": "2026-01-01T00:00:00"}, "INVALID_INPUT"),
        ({"search": "\0"}, "INVALID_INPUT"),
    ],
)
def test_a_list_refuses_what_it_does_not_understand(
    chain: Chain, public: Api, query: dict[str, str], code: str
) -> None:
    assert refused(public.get("products", **query)) == (400, code)


def test_an_unknown_channel_is_refused(chain: Chain, public: Api) -> None:
    variant = chain.variant()
    for path in ("products", f"products/{variant.sku}", f"availability?sku={variant.sku}"):
        joined = f"{path}{'&' if '?' in path else '?'}channel=moon"
        assert refused(public.get(joined)) == (404, "UNKNOWN_CHANNEL")


# -- Put -------------------------------------------------------------------------------------------------------


NEW: dict[str, Any] = {
    "title": "Novi naslov",
    "authors": ["Ivo Andrić"],
    "barcode": "9788600000007",
    "tax_class": "BOOKS",
    "weight_grams": 300,
    "is_published": True,
    "price": {"amount": "990.00", "currency": "RSD"},
}


def test_put_creates_then_changes_only_what_is_sent(chain: Chain, writer: Api, public: Api) -> None:
    body = {**NEW, "barcode": "9788652112340"}
    body.pop("barcode")

    made = writer.put("products/NEW-1", body)

    assert made.status_code == 201, made.content
    assert made.json()["price"] == {"amount": "990.00", "currency": "RSD"}
    assert made.json()["product"]["authors"] == ["Ivo Andrić"]

    changed = writer.put("products/NEW-1", {"weight_grams": 310})

    assert changed.status_code == 200
    assert (changed.json()["weight_grams"], changed.json()["product"]["title"]) == (310, "Novi naslov")
    assert public.get("products/NEW-1").json()["weight_grams"] == 310


def test_put_refuses_a_stale_tag_and_changes_nothing(chain: Chain, writer: Api) -> None:
    writer.put("products/NEW-1", {"title": "Prvi", "is_published": True, "price": NEW["price"]})
    tag = writer.get("products/NEW-1")["ETag"]
    assert writer.put("products/NEW-1", {"title": "Drugi"}, If_Match=tag).status_code == 200

    with nothing_changes():
        stale = writer.put("products/NEW-1", {"title": "Treći"}, If_Match=tag)
    assert refused(stale) == (412, "STALE_VERSION")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tittle": "x"}, "INVALID_INPUT"),
        ({"price": {"amount": "-1.00", "currency": "RSD"}}, "INVALID_INPUT"),
        ({"price": {"amount": "NaN", "currency": "RSD"}}, "INVALID_INPUT"),
        ({"price": {"amount": "1.001", "currency": "RSD"}}, "INVALID_INPUT"),
        ({"price": {"amount": "1.00", "currency": "EUR"}}, "INVALID_INPUT"),
        ({"price": {"amount": "1.00", "currency": "RSD", "extra": 1}}, "INVALID_INPUT"),
        ({"weight_grams": -1}, "INVALID_INPUT"),
        ({"weight_grams": 1.5}, "INVALID_INPUT"),
        ({"weight_grams": True}, "INVALID_INPUT"),
        ({"tax_class": "SUGAR"}, "INVALID_INPUT"),
        ({"title": "a\0b"}, "INVALID_INPUT"),
        ({"barcode": "123"}, "INVALID_BARCODE"),
        ({"title": ""}, "INVALID_INPUT"),
    ],
)
def test_put_refuses_and_changes_nothing(
    chain: Chain, writer: Api, change: dict[str, Any], code: str
) -> None:
    body = {"title": "Naslov", **change}
    with nothing_changes():
        assert refused(writer.put("products/NEW-2", body)) == (400, code)


def test_put_of_an_unknown_branch_is_refused_whole(chain: Chain, writer: Api) -> None:
    with nothing_changes():
        answer = writer.put("products/NEW-2", {"title": "Naslov", "categories": ["nema"]})
    assert refused(answer) == (404, "UNKNOWN_CATEGORY")


def test_put_needs_the_scope(chain: Chain, public: Api) -> None:
    with nothing_changes():
        assert refused(public.put("products/NEW-1", NEW)) in [
            (401, "NOT_AUTHENTICATED"),
            (403, "NOT_ALLOWED"),
        ]
    reader = Api("products:read")
    with nothing_changes():
        assert refused(reader.put("products/NEW-1", NEW)) == (403, "NOT_ALLOWED")


# -- Availability ----------------------------------------------------------------------------------------------


def test_availability_names_each_way_with_its_price_and_places(chain: Chain, public: Api) -> None:
    variant = chain.variant(stock=5, store_stock=3)

    answer = public.get("availability", sku=variant.sku, quantity=2, postal_code="21000")

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["sku"], shown["quantity"], shown["channel"]) == (variant.sku, 2, "web-rs")
    assert shown["available"] == 8
    ways = {one["method"]: one for one in shown["options"]}
    home, pickup, locker = ways["HOME_DELIVERY"], ways["STORE_PICKUP"], ways["PARCEL_LOCKER"]
    assert home["is_orderable"] and home["date"] and home["carrier"] and home["locations"]
    assert pickup["location"] == "S-001" and pickup["ready_at"] and pickup["locations"] == ["S-001"]
    assert (locker["is_orderable"], locker["reason"]) == (False, "NOT_OFFERED")
    assert home["price"]["currency"] == "RSD"


def test_availability_says_why_not(chain: Chain, public: Api) -> None:
    variant = chain.variant(stock=1)

    shown = public.get("availability", sku=variant.sku, quantity=5, postal_code="21000").json()

    assert shown["available"] == 1
    assert not any(one["is_orderable"] for one in shown["options"])
    assert all(one["reason"] for one in shown["options"])


def test_an_unknown_postcode_is_a_reason_not_an_error(chain: Chain, public: Api) -> None:
    variant = chain.variant()
    shown = public.get("availability", sku=variant.sku, postal_code="99999").json()
    (home,) = [one for one in shown["options"] if one["method"] == "HOME_DELIVERY"]
    assert (home["is_orderable"], home["reason"]) == (False, "UNKNOWN_POSTCODE")


@pytest.mark.parametrize("quantity", BAD_QUANTITIES)
def test_availability_refuses_a_bad_quantity(chain: Chain, public: Api, quantity: str) -> None:
    variant = chain.variant()
    assert refused(public.get("availability", sku=variant.sku, quantity=quantity)) == (
        400,
        "INVALID_QUANTITY",
    )


def test_availability_needs_a_known_sku(chain: Chain, public: Api) -> None:
    assert refused(public.get("availability")) == (400, "INVALID_INPUT")
    assert refused(public.get("availability", sku="nope")) == (404, "UNKNOWN_SKU")
