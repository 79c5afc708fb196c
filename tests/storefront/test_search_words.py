"""Finding titles by what people type, in any script and with mistakes."""

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from storefront import operations as verbs
from storefront import selectors as catalog
from storefront.models import Variant
from storefront.rules import search_texts
from storefront.selectors.search import match
from storefront.selectors.slips import swapped
from tests.storefront.catalogs import LATER, NOW, make_category, make_price_list, stock_shelf

pytestmark = pytest.mark.django_db

SHELF = {
    "9780002005883": ("Gilead", "Marilynne Robinson", 300),
    "A-1": ("Harry Potter and the Sorcerer's Stone", "J. K. Rowling", 9000),
    "A-2": ("Harry Potter and the Chamber of Secrets", "J. K. Rowling", 8000),
    "A-3": ("The Bridge on the Drina", "Ivo Andrić", 500),
    "A-4": ("Žetva u oktobru", "Đurđa Plavšin", 100),
    "A-5": ("Potter Wheel", "Ana Lončar", 20),
    "A-6": ("Spider's Web", "Agatha Christie", 700),
    "A-7": ("The Hobbit", "J. R. R. Tolkien", 6000),
    "A-8": ("Hobit po drugi put", "Neko Drugi", 1),
}


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> dict[str, Variant]:
    """SKU → variant. The barcode is that of a book where the SKU is one."""
    return stock_shelf(
        tmp_path,
        [
            {
                "sku": sku,
                "barcode": sku if sku.startswith("978") else "",
                "title": title,
                "authors": author,
                "rating_count": popularity,
            }
            for sku, (title, author, popularity) in SHELF.items()
        ],
    )


def found(text: str) -> list[str]:
    """The SKUs of what a search shows, best first."""
    listing = catalog.search(text, make_price_list().pk, NOW)
    assert listing.total == len(listing.cards)
    return [card.sku for card in listing.cards]


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("gilead", ["9780002005883"]),
        ("GILEAD Robinson", ["9780002005883"]),
        ("harry potter", ["A-1", "A-2"]),
        ("potter harry stone", ["A-1"]),
        ("harr pott", ["A-1", "A-2"]),
        # one word in three spellings and two scripts
        ("Žetva", ["A-4"]),
        ("zetva", ["A-4"]),
        ("ŽETVA", ["A-4"]),
        ("Жетва", ["A-4"]),
        ("Ђурђа Плавшин", ["A-4"]),
        ("djurdja", ["A-4"]),
        ("Андрић", ["A-3"]),
        ("andric", ["A-3"]),
        ("Andrić Drina", ["A-3"]),
        # with and without the apostrophe
        ("spider's web", ["A-6"]),
        ("spiders web", ["A-6"]),
        # one letter off, or swallowed
        ("harry poter", ["A-1", "A-2"]),
        ("hari poter", ["A-1", "A-2"]),
        ("Хари Потер", ["A-1", "A-2"]),
        ("tolkin", ["A-7"]),
        ("agata kristi", ["A-6"]),
        # codes
        ("9780002005883", ["9780002005883"]),
        ("978-0-00-200588-3", ["9780002005883"]),
        ("0002005883", ["9780002005883"]),
        ("A-3", ["A-3"]),
        ("a-3", ["A-3"]),
        # nothing
        ("xqzwv", []),
        ("!!!", []),
        ("   ", ["A-1", "A-2", "A-7", "A-6", "A-3", "9780002005883", "A-4", "A-5", "A-8"]),
    ],
)
def test_a_search_finds(text: str, skus: list[str]) -> None:
    assert found(text) == skus


def test_a_title_that_begins_with_the_words_stands_before_a_more_read_one() -> None:
    assert found("potter") == ["A-5", "A-1", "A-2"]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("harry poter", "Harry Potter"),
        ("Хари Потер", "Harry Potter"),
        ("tolkin", "Tolkien"),
        ("harry potter", ""),
        ("xqzwv", ""),
    ],
)
def test_what_was_probably_meant_is_said(text: str, suggestion: str) -> None:
    assert catalog.search(text, make_price_list().pk, NOW).suggestion == suggestion


def test_words_stand_in_the_index_as_the_database_itself_would_put_them() -> None:
    texts = search_texts(
        title="Đorđe i 2nd 1e5 kuća",
        people=["Ana Anić", "Ana Babić"],
        subtitle="i kuća",
        codes=["9780002005883"],
        description="Kuća, u kojoj Ana živi.",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT %s::tsvector = setweight(to_tsvector('simple', %s), 'A') || setweight(to_tsvector('simple', %s), 'B')
                      || setweight(to_tsvector('simple', %s), 'C') || setweight(to_tsvector('simple', %s), 'D')""",
            [texts.vector, texts.title, texts.people, texts.head, texts.blurb],
        )
        assert cursor.fetchone() == (True,)
    assert texts.vector.startswith("djordje:1A i:2A 2nd:3A 1e5:4A kuca:5A ana:6B")


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE storefront_product; --", "a:*b & (c | !d)", "%_%", "\\", "<->", "x" * 5000, "\0null"],
)
def test_any_text_is_only_text(text: str) -> None:
    assert found(text) == []


def test_drafts_and_archived_titles_are_not_found(shelf: dict[str, Variant]) -> None:
    verbs.archive_product(product_id=shelf["A-3"].product_id, by=None, now=NOW)
    assert found("andric") == []
    assert found("A-3") == []


def test_a_changed_title_is_found_by_its_new_words_at_once(shelf: dict[str, Variant]) -> None:
    verbs.update_product(
        product_id=shelf["A-4"].product_id,
        changes={"title": "Berba"},
        by=None,
        now=LATER,
        authors=("Relja Vodenik",),
    )
    assert (found("berba"), found("vodenik"), found("zetva"), found("plavsin")) == (["A-4"], ["A-4"], [], [])


@pytest.mark.parametrize(
    ("text", "statements"), [("gilead", 3), ("9780002005883", 3), ("harry poter", 5), ("xqzwv abc", 5)]
)
def test_a_search_costs_few_statements(text: str, statements: int) -> None:
    price_list_id = make_price_list().pk
    with CaptureQueriesContext(connection) as queries:
        catalog.search(text, price_list_id, NOW)
    sent = [each["sql"] for each in queries if "SAVEPOINT" not in each["sql"]]
    assert len(sent) <= statements, sent


def test_the_search_box_offers_branches_authors_and_titles(shelf: dict[str, Variant]) -> None:
    romani = make_category("romani", "Romani", "Fiction")
    make_category("romani/hobi", "Hobi i hobiti", "Hobbies")
    assert romani.pk
    assert [(each.kind, each.title) for each in catalog.suggest("hob", now=timezone.now())] == [
        ("category", "Hobi i hobiti"),
        ("product", "The Hobbit"),
        ("product", "Hobit po drugi put"),
    ]
    assert [(each.kind, each.key) for each in catalog.suggest("Плавшин", now=timezone.now())] == [
        ("author", "djurdja-plavsin"),
        ("product", "zetva-u-oktobru-djurdja-plavsin"),
    ]
    assert catalog.suggest("h", now=timezone.now()) == catalog.suggest("", now=timezone.now()) == ()


def test_a_match_is_bounded() -> None:
    assert match("the").ids == match("THE the").ids
    assert match("x " * 200).ids == []


@pytest.mark.parametrize(
    ("code", "sku"),
    [
        ("9780002005883", "9780002005883"),
        ("0-00-200588-3", "9780002005883"),
        ("A-4", "A-4"),
        (" a-4 ", "A-4"),
        ("А-4", "A-4"),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_scanned_code_names_one_variant(code: str, sku: str | None) -> None:
    variant = catalog.variant_by_code(code)
    assert (variant.sku if variant else None) == sku


def test_search_uses_its_indexes() -> None:
    """With sequential scans made dear, both ways of searching go over an index: the condition fits it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM storefront_product WHERE search_vector @@ to_tsquery('simple', 'harry:*')"
        )
        words = " ".join(row[0] for row in cursor.fetchall())
        cursor.execute("EXPLAIN SELECT id FROM storefront_product p WHERE 'poter' <% p.search_text")
        similar = " ".join(row[0] for row in cursor.fetchall())
    assert "product_words" in words
    assert "product_trigram" in similar


@pytest.mark.parametrize(
    ("text", "skus", "meant"),
    [
        ("Adnric", ["A-3"], "Andrić"),
        ("adnrić", ["A-3"], "Andrić"),
        ("ivo anrdic", ["A-3"], "Ivo Andrić"),
        ("gilaed", ["9780002005883"], "Gilead"),
    ],
)
def test_two_letters_that_changed_places(text: str, skus: list[str], meant: str) -> None:
    matches = match(text)
    assert found(text) == skus
    assert matches.suggestion == meant


def test_letters_are_exchanged_only_where_the_word_itself_finds_nothing() -> None:
    assert set(found("potter")) == {"A-1", "A-2", "A-5"}
    assert not match("potter").suggestion
    assert swapped("art") == []  # too short to tell a slip from another word
    assert swapped("1984") == []
    assert swapped("abba") == ["baba", "abab"]


def test_a_slip_is_helped_while_typing() -> None:
    assert [(one.kind, one.title) for one in catalog.suggest("adnric", now=timezone.now())] == [
        ("product", "The Bridge on the Drina")
    ]


def test_words_that_find_nothing_together_say_what_each_finds() -> None:
    assert catalog.words_alone("potter xyzzy") == [("potter", 3)]
    assert catalog.words_alone("xyzzy") == []
