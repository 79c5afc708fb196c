"""The public data sets, read whole: known titles at known places, and numbers that were counted by hand."""

from decimal import Decimal

import pytest

from storefront import selectors as catalog
from storefront.models import Category, Contributor, Price, Product, Variant
from tests.storefront.catalogs import LATER, NOW, counts, make_price_list, read, real, skipping

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_real_books_come_in_and_are_found() -> None:
    path = real("books/books7k_metadata.csv.gz")
    report, errors = read(path, mapping="books")
    assert (counts(report), errors) == ((6810, 0, 0, 0), [])
    assert report.unused_columns == ["isbn10", "thumbnail"]
    gilead = Product.objects.get(external_ref="isbn:9780002005883")
    assert (gilead.title, gilead.slug, gilead.kind, gilead.language) == (
        "Gilead",
        "gilead-marilynne-robinson",
        "BOOK",
        "en",
    )
    assert (gilead.rating, gilead.attributes) == (Decimal("3.85"), {"pages": 247, "subjects": ["Fiction"]})
    variant = gilead.variants.get()
    assert (variant.sku, variant.barcode, variant.tax_class) == ("9780002005883", "9780002005883", "BOOKS")
    assert (variant.weight_grams, variant.is_estimated_size) == (332, True)
    assert not Price.objects.exists()
    assert Category.objects.filter(depth=0).count() == 13
    assert Product.objects.filter(main_category__path="razno").count() == 99
    assert Product.objects.filter(main_category__isnull=True).count() == 0
    assert Contributor.objects.filter(slug="agatha-christie").count() == 1
    price_list_id = make_price_list().pk
    found = {
        text: catalog.search(text, price_list_id, NOW)
        for text in ("harry poter", "Андрић", "Толкин", "dostojevski")
    }
    assert found["harry poter"].cards[0].title.startswith("Harry Potter")
    assert found["harry poter"].suggestion == "Harry Potter"
    assert {card.title for card in found["Андрић"].cards} == {
        "The Bridge on the Drina",
        "The Bridge Over the Drina",
    }
    assert found["Толкин"].total > 30
    assert "Crime and Punishment" in {card.title for card in found["dostojevski"].cards}
    assert counts(read(path, mapping="books", now=LATER)[0]) == (0, 0, 6810, 0)


def test_real_toys_come_in_with_prices_of_their_own() -> None:
    make_price_list()
    report, errors = skipping(real("toys/lego_sets_1970_2015.csv.gz"), mapping="toys")
    assert counts(report) == (5854, 0, 0, 318)
    # Series of figures share one number: the set is taken, its figures are told one by one.
    assert {error.code for error in errors} == {"DOUBLED"}
    office = Variant.objects.select_related("product").get(sku="LEGO-10246")
    assert (office.product.title, office.product.kind, office.tax_class) == (
        "Detective's Office",
        "TOY",
        "STANDARD",
    )
    assert office.product.attributes == {
        "theme": "Advanced Models",
        "pieces": 2262,
        "minifigures": 6,
        "subjects": ["Advanced Models"],
    }
    # 149.99 EUR × 140 = 20,998.60, up to the next amount that ends in 9.
    price = office.prices.get()
    assert (price.amount, price.is_sample) == (Decimal("20999.00"), True)
    unpriced = Variant.objects.filter(prices__isnull=True).count()
    assert 0 < unpriced < 400
    assert Category.objects.get(path="igracke/star-wars").name == "Star Wars"
