"""Listings: what is on a page, how facets count, and what it costs."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retail.kernel.prepared import Steps
from storefront import operations as verbs
from storefront import selectors as catalog
from storefront.models import Contribution, Product, Variant
from storefront.selectors import ListingQuery, availability, listing
from storefront.selectors import page as pages
from tests.storefront.catalogs import NOW, make_price_list, make_title, stock_shelf

pytestmark = pytest.mark.django_db
# The package gives functions these names; the modules behind them hold the bounds.
listing_module = import_module("storefront.selectors.listing")
search_module = import_module("storefront.selectors.search")

TITLES = [
    # sku, title, author, brand, language, format, price, rating, popularity, branch
    (
        "T-1",
        "Čaj",
        "Iskra Podunavac",
        "Modri list",
        "sr",
        "Mek povez",
        "450.00",
        "4.60",
        90,
        "Romani > Domaci",
    ),
    (
        "T-2",
        "Cimet",
        "Iskra Podunavac",
        "Modri list",
        "sr",
        "Tvrd povez",
        "990.00",
        "4.20",
        80,
        "Romani > Domaci",
    ),
    ("T-3", "Ćilim", "Relja Vodenik", "Lipov hlad", "sr", "Mek povez", "1200.00", "3.90", 70, "Romani"),
    (
        "T-4",
        "Dunja",
        "Relja Vodenik",
        "Modri list",
        "en",
        "Mek povez",
        "1500.00",
        "4.90",
        60,
        "Romani > Strani",
    ),
    ("T-5", "Đurđevak", "Lena Jezerkić", "Lipov hlad", "sr", "", "2600.00", None, 50, "Za decu"),
    ("T-6", "Šuma", "Lena Jezerkić", "", "", "Mek povez", None, None, 40, "Za decu"),
]


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> dict[str, Variant]:
    return stock_shelf(
        tmp_path,
        [
            {
                "sku": sku,
                "title": title,
                "authors": author,
                "brand": brand,
                "language": language,
                "format": form,
                "price": price or "",
                "rating": rating or "",
                "rating_count": popularity,
                "categories": branch,
                "released_on": date(2026, 1, popularity // 10),
            }
            for sku, title, author, brand, language, form, price, rating, popularity, branch in TITLES
        ],
    )


@pytest.fixture(autouse=True)
def no_figures_of_others() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture
def availability_of() -> Any:
    """Registers what can be had; afterwards the registry is as it was."""
    before = list(availability._registered)
    yield lambda variants: availability.register(
        "SELECT id AS variant_id FROM storefront_variant WHERE sku IN ({})".format(
            ", ".join(f"'{sku}'" for sku in variants)
        )
    )
    availability._registered[:] = before


def page(**values: Any) -> catalog.Listing:
    return listing(ListingQuery(**values), make_price_list().pk, NOW)


def skus(**values: Any) -> list[str]:
    return [card.sku for card in page(**values).cards]


def counted(name: str, **values: Any) -> dict[str, int | None]:
    facet = page(**values).facets.get(name)
    return {value.value: value.count for value in facet.values} if facet else {}


def branch(path: str) -> int:
    found = catalog.category_by_path(path)
    assert found is not None
    return found.node.id


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["T-1", "T-2", "T-3", "T-4", "T-5", "T-6"]),
        ("popular", ["T-1", "T-2", "T-3", "T-4", "T-5", "T-6"]),
        ("newest", ["T-1", "T-2", "T-3", "T-4", "T-5", "T-6"]),
        # č, ć, d, đ and š stand where the Serbian alphabet has them, behind c
        ("title", ["T-2", "T-1", "T-3", "T-4", "T-5", "T-6"]),
        ("rating", ["T-4", "T-1", "T-2", "T-3", "T-5", "T-6"]),
        # what has no price stands last either way
        ("price_asc", ["T-1", "T-2", "T-3", "T-4", "T-5", "T-6"]),
        ("price_desc", ["T-5", "T-4", "T-3", "T-2", "T-1", "T-6"]),
        ("password; DROP TABLE", ["T-1", "T-2", "T-3", "T-4", "T-5", "T-6"]),
        ("relevance", ["T-1", "T-2", "T-3", "T-4", "T-5", "T-6"]),
    ],
)
def test_sorts(sort: str, expected: list[str]) -> None:
    assert skus(sort=sort) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"authors": ("relja-vodenik",)}, ["T-3", "T-4"]),
        ({"authors": ("relja-vodenik", "iskra-podunavac")}, ["T-1", "T-2", "T-3", "T-4"]),
        ({"brands": ("Modri list",), "languages": ("sr",)}, ["T-1", "T-2"]),
        ({"formats": ("Tvrd povez",)}, ["T-2"]),
        ({"price_from": Decimal(990), "price_to": Decimal(1500)}, ["T-2", "T-3", "T-4"]),
        ({"price_from": Decimal(2000)}, ["T-5"]),
        ({"rating_from": Decimal(4)}, ["T-1", "T-2", "T-4"]),
        ({"released_since": date(2026, 1, 8)}, ["T-1", "T-2"]),
        ({"kinds": ("TOY",)}, []),
        ({"text": "iskra", "formats": ("Mek povez",)}, ["T-1"]),
    ],
)
def test_filters(values: dict[str, Any], expected: list[str]) -> None:
    assert skus(**values) == expected
    assert page(**values).total == len(expected)


def test_a_branch_holds_what_hangs_below_it() -> None:
    assert skus(category_id=branch("romani")) == ["T-1", "T-2", "T-3", "T-4"]
    assert skus(category_id=branch("romani/domaci")) == ["T-1", "T-2"]


def test_facets_count_the_whole_branch() -> None:
    facets = page().facets
    assert {
        name: [(value.value, value.count) for value in facet.values] for name, facet in facets.items()
    } == {
        "category": [("romani", 4), ("za-decu", 2)],
        "author": [("iskra-podunavac", 2), ("lena-jezerkic", 2), ("relja-vodenik", 2)],
        "brand": [("Modri list", 3), ("Lipov hlad", 2)],
        "language": [("sr", 4), ("en", 1)],
        "format": [("Mek povez", 4), ("Tvrd povez", 1)],
        "rating": [("4", 3)],
    }
    assert [value.label for value in facets["author"].values] == [
        "Iskra Podunavac",
        "Lena Jezerkić",
        "Relja Vodenik",
    ]


def test_a_facet_counts_without_its_own_filter() -> None:
    """Another brand beside the chosen one says how many it would add; everything else counts what is chosen."""
    chosen = {"brands": ("Modri list",)}
    assert counted("brand", **chosen) == {"Modri list": 3, "Lipov hlad": 2}
    assert counted("language", **chosen) == {"sr": 2, "en": 1}
    both = {"brands": ("Modri list",), "languages": ("sr",), "formats": ("Mek povez",)}
    assert counted("brand", **both) == {"Modri list": 1, "Lipov hlad": 1}
    assert counted("language", **both) == {"sr": 1, "en": 1}
    assert counted("format", **both) == {"Mek povez": 1, "Tvrd povez": 1}
    assert counted("category", **both) == {"romani": 1}


def test_chosen_values_are_marked_and_never_left_out() -> None:
    for number in range(20):
        make_title(f"N-{number}", f"Novo {number}", authors=(f"Neko {number}",), popularity=200)
        make_title(f"M-{number}", f"Nešto {number}", authors=(f"Neko {number}",), popularity=200)
        make_title(f"L-{number}", f"Ništa {number}", authors=(f"Neko {number}",), popularity=200)
    values = page(authors=("lena-jezerkic",)).facets["author"].values
    assert len(values) == 12
    assert [(value.value, value.is_chosen) for value in values][:1] == [("lena-jezerkic", True)]


def test_branches_of_the_branch_are_its_category_facet() -> None:
    facet = page(category_id=branch("romani")).facets["category"]
    assert [(value.value, value.label.split("\n")[0], value.count) for value in facet.values] == [
        ("romani/domaci", "Domaci", 2),
        ("romani/strani", "Strani", 1),
    ]


def test_availability_comes_from_whoever_registered_it(availability_of: Any) -> None:
    availability._registered.clear()
    assert [card.is_available for card in page().cards] == [None] * 6
    assert "available" not in page().facets
    availability_of(["T-2", "T-5"])
    assert [card.is_available for card in page().cards] == [False, True, False, False, True, False]
    assert counted("available") == {"1": 2}
    assert skus(is_available=True) == ["T-2", "T-5"]
    assert counted("brand", is_available=True) == {"Lipov hlad": 1, "Modri list": 1}


def test_pages(shelf: dict[str, Variant]) -> None:
    pages = [page(page=number, page_size=4) for number in (1, 2, 3, 0, -5)]
    assert [[card.sku for card in each.cards] for each in pages] == [
        ["T-1", "T-2", "T-3", "T-4"],
        ["T-5", "T-6"],
        ["T-5", "T-6"],
        ["T-1", "T-2", "T-3", "T-4"],
        ["T-1", "T-2", "T-3", "T-4"],
    ]
    assert [(each.page, each.pages, each.total) for each in pages][:3] == [(1, 2, 6), (2, 2, 6), (2, 2, 6)]
    assert len(page(page_size=10_000).cards) == 6


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two products are many: what a large catalog does, on a small shelf."""
    monkeypatch.setattr(listing_module, "FEW", 2)
    monkeypatch.setattr(listing_module, "FEW_OF_CATALOG", 2)


@pytest.mark.parametrize(
    "values",
    [
        *({"sort": sort} for sort in ("popular", "newest", "title", "rating", "price_asc", "price_desc")),
        *({"sort": sort, "page": 2} for sort in ("popular", "price_asc", "price_desc")),
        {"price_from": Decimal(900)},
        {"price_from": Decimal(900), "sort": "price_desc"},
        {"price_from": Decimal(900), "price_to": Decimal(1500), "is_available": True},
        {"languages": ("sr",), "formats": ("Mek povez",)},
        {"authors": ("iskra-podunavac", "relja-vodenik"), "sort": "price_asc"},
        {"is_available": True, "sort": "price_desc"},
        {"rating_from": Decimal(4)},
        {"category_id": "romani", "sort": "price_asc"},
        {"text": "modri"},
        {"text": "modri", "sort": "price_desc"},
        {"text": "modri", "languages": ("sr",)},
    ],
)
def test_many_products_stand_in_the_same_order_as_few(
    values: dict[str, Any], availability_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the same question of few products, which are all fetched and sorted."""
    availability_of(["T-1", "T-2", "T-3", "T-5"])
    if "category_id" in values:
        values = {**values, "category_id": branch("romani")}
    expected = page(page_size=4, **values)
    monkeypatch.setattr(listing_module, "FEW", 2)
    monkeypatch.setattr(listing_module, "FEW_OF_CATALOG", 2)
    monkeypatch.setattr(search_module, "MATCHES_MAX", 2)
    found = page(page_size=4, **values)
    is_ranked = "text" in values and "sort" not in values
    shown = expected.cards[:2] if is_ranked else expected.cards
    assert [card.sku for card in found.cards] == [card.sku for card in shown]
    is_live = {"price_from", "price_to", "is_available"} & set(values)
    if is_live and expected.total > 2:
        assert (found.total, found.is_total_capped) == (2, True)
    else:
        assert (found.total, found.is_total_capped) == (expected.total, False)


@pytest.mark.parametrize(
    "values", [{}, {"brands": ("Modri list",)}, {"languages": ("sr",), "formats": ("Mek povez",)}]
)
def test_many_products_are_counted_whole(
    values: dict[str, Any], availability_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    availability._registered.clear()
    expected = page(**values).facets
    monkeypatch.setattr(listing_module, "FEW", 2)
    monkeypatch.setattr(listing_module, "FEW_OF_CATALOG", 2)
    assert page(**values).facets == expected


def test_figures_of_many_may_be_a_minute_old_prices_and_stock_never(
    many: None, shelf: dict[str, Variant], availability_of: Any
) -> None:
    assert counted("brand") == {"Modri list": 3, "Lipov hlad": 2}
    verbs.archive_product(product_id=shelf["T-1"].product_id, by=None, now=NOW)
    assert (counted("brand"), page().total) == ({"Modri list": 3, "Lipov hlad": 2}, 6)
    assert skus() == ["T-2", "T-3", "T-4", "T-5", "T-6"]
    price_list = make_price_list()
    cheap = Decimal("100.00")
    verbs.set_price(variant_id=shelf["T-6"].pk, price_list_id=price_list.pk, amount=cheap, by=None, now=NOW)
    assert skus(sort="price_asc") == ["T-6", "T-2", "T-3", "T-4", "T-5"]
    availability_of(["T-5"])
    assert skus(is_available=True) == ["T-5"]
    cache.clear()
    assert (counted("brand"), page().total) == ({"Lipov hlad": 2, "Modri list": 2}, 5)


def test_where_prices_decide_about_many_the_choices_have_no_figures(many: None) -> None:
    found = page(price_from=Decimal(400))
    assert (found.total, found.is_total_capped) == (2, True)
    values = found.facets["brand"].values
    assert [(value.value, value.count) for value in values] == [("Modri list", None), ("Lipov hlad", None)]
    few = page(price_from=Decimal(400), brands=("Lipov hlad",))
    assert (few.total, few.is_total_capped) == (2, False)
    assert [(value.value, value.count) for value in few.facets["language"].values] == [("sr", 2)]


def test_nobody_pages_beyond_the_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_module, "REACH_MAX", 4)
    found = page(page=99, page_size=2)
    assert (found.total, found.reach, found.page, found.pages) == (6, 4, 2, 2)
    assert [card.sku for card in found.cards] == ["T-3", "T-4"]


def test_a_product_costs_what_its_cheapest_variant_does(many: None, shelf: dict[str, Variant]) -> None:
    price_list = make_price_list()
    for sku, amount in (("T-3H", "2700.00"), ("T-4H", "300.00")):
        product = shelf[sku[:3]].product
        hard = Variant.objects.create(product=product, sku=sku, format_name="Tvrd povez")
        verbs.set_price(
            variant_id=hard.pk, price_list_id=price_list.pk, amount=Decimal(amount), by=None, now=NOW
        )
    assert skus(sort="price_asc") == ["T-4H", "T-1", "T-2", "T-3", "T-5", "T-6"]
    assert skus(sort="price_desc") == ["T-5", "T-3", "T-2", "T-1", "T-4H", "T-6"]
    assert skus(price_from=Decimal(1300)) == ["T-5"]
    assert skus(price_from=Decimal(1100)) == ["T-3", "T-5"]
    assert skus(price_to=Decimal(500)) == ["T-1", "T-4H"]


def test_a_card_shows_the_cheapest_variant_and_says_so(shelf: dict[str, Variant]) -> None:
    price_list = make_price_list()
    hard = Variant.objects.create(product=shelf["T-1"].product, sku="T-1H", format_name="Tvrd povez")
    verbs.set_price(
        variant_id=hard.pk, price_list_id=price_list.pk, amount=Decimal("1799.00"), by=None, now=NOW
    )
    card = page().cards[0]
    assert (card.sku, card.price, card.price_is_from, card.format_name) == (
        "T-1",
        Decimal("450.00"),
        True,
        "Mek povez",
    )
    assert counted("format") == {"Mek povez": 4, "Tvrd povez": 2}
    Variant.objects.filter(sku="T-1").update(is_sellable=False)
    card = page().cards[0]
    assert (card.sku, card.price, card.price_is_from) == ("T-1H", Decimal("1799.00"), False)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"sort": "price_asc"},
        {"brands": ("Modri list",), "authors": ("iskra-podunavac",), "price_to": Decimal(5000)},
        {"is_available": True},
    ],
)
def test_a_listing_is_two_statements_whatever_is_on_it(values: dict[str, Any], availability_of: Any) -> None:
    availability_of(["T-1", "T-2"])
    price_list_id = make_price_list().pk
    for size in (1, 6):
        with CaptureQueriesContext(connection) as queries:
            listing(ListingQuery(page_size=size, **values), price_list_id, NOW)
        assert len(queries) == 2


def _statement() -> Steps:
    """What the catalog's part of the page's statement says, alone."""
    body = f"{pages.text()} RETURN NEXT;"
    made = Steps("a_page_of_tests", body, pages.PARAMETERS, pages.RETURNS, variables=pages.VARIABLES)
    with connection.cursor() as cursor:
        cursor.execute(made.definition)
    return made


def _page(
    slug: str, price_list_id: int, now: datetime, related: int = 6, statement: Steps | None = None
) -> pages.ProductPage | None:
    values = pages.values(slug, price_list_id, now, "", "RS", related, "")
    rows = (statement or _statement()).rows(values)
    return pages.page_of_row(rows[0]) if rows else None


def test_a_product_page_is_one_statement(shelf: dict[str, Variant]) -> None:
    price_list_id = make_price_list().pk
    for number in range(3):
        Variant.objects.create(product=shelf["T-1"].product, sku=f"T-1-{number}")
    statement = _statement()
    with CaptureQueriesContext(connection) as queries:
        found = _page("caj-iskra-podunavac", price_list_id, NOW, statement=statement)
    assert len(queries) == 1
    assert found is not None
    assert [(offer.variant.sku, offer.amount) for offer in found.variants] == [
        ("T-1", Decimal("450.00")),
        ("T-1-0", None),
        ("T-1-1", None),
        ("T-1-2", None),
    ]
    assert [node.path for node in found.crumbs] == ["romani", "romani/domaci"]
    assert [(credit.name, credit.role) for credit in found.contributors] == [("Iskra Podunavac", "AUTHOR")]


def test_a_product_that_is_not_published_has_no_page(shelf: dict[str, Variant]) -> None:
    verbs.archive_product(product_id=shelf["T-1"].product_id, by=None, now=NOW)
    assert _page("caj-iskra-podunavac", make_price_list().pk, NOW) is None
    assert _page("nothing", make_price_list().pk, NOW) is None
    assert catalog.sellable_variant("T-1") is None
    assert set(catalog.sellable_variants(["T-1", "T-2", "X"])) == {"T-2"}


def test_related_titles_are_of_the_author_first(shelf: dict[str, Variant]) -> None:
    for sku, near in (("T-2", ["T-1"]), ("T-3", ["T-4"])):
        page = _page(shelf[sku].product.slug, make_price_list().pk, NOW, related=2)
        assert page is not None
        assert [card.sku for card in page.related] == near


def test_an_authors_most_read_titles_stand_first(shelf: dict[str, Variant]) -> None:
    """However it came to be read more: the contribution repeats the product's figure, whoever writes it."""
    (author,) = shelf["T-1"].product.contributors.all()
    for number, popularity in enumerate((500, 4000, 2000)):
        product = Product.objects.create(
            slug=f"jos-{number}", title="Još", status="PUBLISHED", popularity=popularity
        )
        Contribution.objects.create(product=product, contributor=author)
        Variant.objects.create(product=product, sku=f"MORE-{number}")
    hidden = Product.objects.create(slug="skica", title="Skica", popularity=9900)
    Contribution.objects.create(product=hidden, contributor=author)
    assert _related("T-1", shelf, 3) == ["MORE-1", "MORE-2", "MORE-0"]

    Product.objects.filter(slug="jos-0").update(popularity=3000)

    assert _related("T-1", shelf, 3) == ["MORE-1", "MORE-0", "MORE-2"]


def _related(sku: str, shelf: dict[str, Variant], count: int) -> list[str]:
    page = _page(shelf[sku].product.slug, make_price_list().pk, NOW, related=count)
    assert page is not None
    return [card.sku for card in page.related]


def test_the_tree_is_one_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        tree = catalog.category_tree()
    assert len(queries) == 1
    assert [(node.path, [child.path for child in node.children]) for node in tree] == [
        ("romani", ["romani/domaci", "romani/strani"]),
        ("za-decu", []),
    ]
    found = catalog.category_by_path("romani/domaci/")
    assert found is not None
    assert [node.path for node in found.crumbs] == ["romani", "romani/domaci"]
    assert catalog.category_by_path("romani/nothing") is None
    assert catalog.category_by_path("") is None


def test_every_branch_of_a_product_is_told(shelf: dict[str, Variant]) -> None:
    ids = [shelf["T-1"].product_id, shelf["T-5"].product_id]
    assert catalog.category_paths(ids) == {ids[0]: ["romani", "romani/domaci"], ids[1]: ["za-decu"]}


def test_a_price_of_tomorrow_is_not_shown_today(shelf: dict[str, Variant]) -> None:
    price_list = make_price_list()
    tomorrow = NOW + timedelta(days=1)
    verbs.set_price(
        variant_id=shelf["T-1"].pk,
        price_list_id=price_list.pk,
        amount=Decimal("400.00"),
        by=None,
        now=NOW,
        valid_from=tomorrow,
    )
    assert page().cards[0].price == Decimal("450.00")
    assert listing(ListingQuery(), price_list.pk, tomorrow).cards[0].price == Decimal("400.00")
