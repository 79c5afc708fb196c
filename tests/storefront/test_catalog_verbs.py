"""Verbs of products and variants: what they write, what they refuse, and that a refusal leaves nothing."""

from decimal import Decimal
from typing import Any

import pytest

from retail.kernel.errors import IllegalMove, StaleVersion
from retail.kernel.models import OutboxEvent
from storefront import operations as verbs
from storefront.models import KitComponent, Product, Variant
from tests.storefront.catalogs import LATER, NOW, make_category, make_price_list, make_title
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def put(sku: str = "T-1", **values: Any) -> tuple[Variant, bool]:
    return verbs.put_variant(sku=sku, data=verbs.VariantData(**values), by=None, now=NOW)


def test_a_put_makes_product_variant_place_and_price_at_once() -> None:
    make_category("romani")
    make_category("romani/domaci")
    variant, is_new = put(
        title="Žetva u oktobru",
        kind="BOOK",
        authors=("Đurđa Plavšin",),
        barcode="0-00-200588-3",
        weight_grams=340,
        length_mm=200,
        width_mm=130,
        height_mm=18,
        category_paths=("romani/domaci",),
        price=Decimal("1299.00"),
        price_list_id=make_price_list().pk,
        is_published=True,
    )
    product = variant.product
    assert is_new
    assert (product.slug, product.status, product.search_text) == (
        "zetva-u-oktobru-djurdja-plavsin",
        "PUBLISHED",
        "zetva u oktobru djurdja plavsin",
    )
    assert (variant.barcode, variant.weight_grams, variant.is_estimated_size) == ("9780002005883", 340, False)
    assert sorted(product.categories.values_list("path", flat=True)) == ["romani", "romani/domaci"]
    assert variant.prices.get().amount == Decimal("1299.00")


def test_a_second_put_changes_only_what_it_names() -> None:
    make_title("T-1", "Most", price="990.00", brand="Modri list", weight_grams=300)
    variant, is_new = put(title="Most na Drini")
    assert not is_new
    assert (variant.product.title, variant.product.brand, variant.weight_grams) == (
        "Most na Drini",
        "Modri list",
        300,
    )
    assert variant.product.slug == "most"
    with nothing_changes():
        put(title="Most na Drini", brand="Modri list", weight_grams=300)


@pytest.mark.parametrize(
    ("sku", "values", "refusal"),
    [
        ("T 1", {"title": "Most"}, verbs.InvalidSku),
        ("", {"title": "Most"}, verbs.InvalidSku),
        ("T-1", {}, verbs.MissingTitle),
        ("T-1", {"title": "  "}, verbs.MissingTitle),
        ("T-1", {"title": "Most", "barcode": "123"}, verbs.InvalidBarcode),
        ("T-1", {"title": "Most", "category_paths": ("nema",)}, verbs.UnknownCategory),
        ("T-1", {"title": "Most", "price": Decimal(-1), "price_list_id": 0}, verbs.UnknownPriceList),
    ],
)
def test_a_refused_put_leaves_nothing(sku: str, values: dict[str, Any], refusal: type[Exception]) -> None:
    make_title("OTHER", "Drugo")
    with nothing_changes(), pytest.raises(refusal):
        put(sku, **values)


def test_an_editor_who_saw_an_older_version_is_refused() -> None:
    variant = make_title("T-1", "Most")
    seen = Product.objects.get().updated_at
    verbs.update_product(
        product_id=variant.product_id, changes={"brand": "Modri list"}, by=None, now=LATER, seen_at=seen
    )
    with nothing_changes(), pytest.raises(StaleVersion):
        verbs.update_product(
            product_id=variant.product_id, changes={"brand": "Lipov hlad"}, by=None, now=LATER, seen_at=seen
        )


def test_the_life_of_a_product_is_a_table() -> None:
    product = verbs.create_product(draft=verbs.ProductDraft(title="Most"), by=None, now=NOW)
    assert product.status == "DRAFT"
    with nothing_changes(), pytest.raises(verbs.NothingToSell):
        verbs.publish_product(product_id=product.pk, by=None, now=NOW)
    Variant.objects.create(product=product, sku="T-1")
    assert verbs.publish_product(product_id=product.pk, by=None, now=NOW).published_at == NOW
    with nothing_changes():
        verbs.publish_product(product_id=product.pk, by=None, now=LATER)
    assert verbs.archive_product(product_id=product.pk, by=None, now=LATER).status == "ARCHIVED"
    again = verbs.publish_product(product_id=product.pk, by=None, now=LATER)
    assert (again.status, again.published_at) == ("PUBLISHED", NOW)
    Product.objects.filter(pk=product.pk).update(status="GONE")
    with pytest.raises(IllegalMove):
        verbs.publish_product(product_id=product.pk, by=None, now=NOW)
    with nothing_changes(), pytest.raises(verbs.UnknownProduct):
        verbs.publish_product(product_id=0, by=None, now=NOW)
    topics = OutboxEvent.objects.filter(subject_kind="product").order_by("id").values_list("topic", flat=True)
    assert list(topics) == [
        "storefront.product_created",
        "storefront.product_published",
        "storefront.product_archived",
        "storefront.product_published",
    ]


def test_addresses_of_equal_titles_differ() -> None:
    draft = verbs.ProductDraft(title="Most", authors=("Ivo Andrić",))
    made = [verbs.create_product(draft=draft, by=None, now=NOW).slug for _ in range(3)]
    assert made == ["most-ivo-andric", "most-ivo-andric-2", "most-ivo-andric-3"]
    with nothing_changes(), pytest.raises(verbs.SlugTaken):
        verbs.create_product(draft=verbs.ProductDraft(title="Most", slug="most-ivo-andric"), by=None, now=NOW)


def test_a_place_brings_its_ancestors_and_leaves_the_others() -> None:
    variant = make_title("T-1", "Most")
    make_category("romani")
    leaf, other = make_category("romani/domaci"), make_category("jesen")
    placed = verbs.place_in_categories(
        product_id=variant.product_id, category_ids=[leaf.pk, other.pk], by=None, now=NOW
    )
    assert placed.main_category_id == leaf.pk
    assert sorted(placed.categories.values_list("path", flat=True)) == ["jesen", "romani", "romani/domaci"]
    with nothing_changes():
        verbs.place_in_categories(
            product_id=variant.product_id, category_ids=[leaf.pk, other.pk], by=None, now=LATER
        )
    placed = verbs.place_in_categories(
        product_id=variant.product_id, category_ids=[other.pk], by=None, now=LATER
    )
    assert list(placed.categories.values_list("path", flat=True)) == ["jesen"]
    with nothing_changes(), pytest.raises(verbs.UnknownCategory):
        verbs.place_in_categories(
            product_id=variant.product_id, category_ids=[other.pk], main_category_id=leaf.pk, by=None, now=NOW
        )


def test_authors_are_replaced_in_order() -> None:
    variant = make_title("T-1", "Most", authors=("Ana Anić", "Bojan Bojić"))
    verbs.update_product(
        product_id=variant.product_id, changes={}, authors=("Bojan Bojić", "Ceca Cecić"), by=None, now=NOW
    )
    credits = variant.product.contributions.order_by("position").values_list("contributor__name", "position")
    assert list(credits) == [("Bojan Bojić", 0), ("Ceca Cecić", 1)]
    with nothing_changes():
        verbs.update_product(
            product_id=variant.product_id,
            changes={},
            authors=("Bojan Bojić", "Ceca Cecić"),
            by=None,
            now=LATER,
        )


def test_a_kit_is_made_of_plain_variants() -> None:
    first, second, box = (make_title(sku, sku) for sku in ("A", "B", "BOX"))
    kit = verbs.set_kit(variant_id=box.pk, components=[(first.pk, 2), (second.pk, 1)], by=None, now=NOW)
    assert kit.is_kit
    assert sorted(KitComponent.objects.values_list("component__sku", "quantity")) == [("A", 2), ("B", 1)]
    for components in ([(box.pk, 1)], [(first.pk, 1), (box.pk, 1)]):
        with nothing_changes(), pytest.raises(verbs.KitInKit):
            verbs.set_kit(
                variant_id=second.pk if components[0][0] == box.pk else box.pk,
                components=components,
                by=None,
                now=NOW,
            )
    with nothing_changes(), pytest.raises(verbs.KitInKit):
        verbs.set_kit(variant_id=first.pk, components=[(second.pk, 1)], by=None, now=NOW)
    assert not verbs.set_kit(variant_id=box.pk, components=[], by=None, now=NOW).is_kit
