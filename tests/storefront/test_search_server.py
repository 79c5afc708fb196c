"""The contract with an OpenSearch server, against a stand-in: the very bodies that are sent, and what is made of each answer.

No such server can run here: the answers were written from what its documentation says, so this is unverified live (docs/search.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from retail.kernel import clock
from retail.kernel.models import OutboxEvent
from storefront import handlers
from storefront import operations as verbs
from storefront import selectors as catalog
from storefront.models import Product, Variant
from storefront.selectors import search_server
from storefront.selectors.search import match
from tests.storefront.catalogs import NOW, make_price_list, stock_shelf
from tests.storefront.search_stand_in import StandIn, stand_in
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
BOOKS = {
    "9780002005883": ("Na Drini ćuprija", "Иво Андрић", 500),
    "A-2": ("Prokleta avlija", "Ivo Andrić", 90),
    "A-3": ("Hobit", "J. R. R. Tolkien", 7),
}


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> dict[str, Variant]:
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
            for sku, (title, author, popularity) in BOOKS.items()
        ],
    )


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(search_server, "_resting_until", 0.0)
    with stand_in() as told:
        settings.SEARCH_URL = told.url
        yield told


def ids(shelf: dict[str, Variant], *skus: str) -> list[int]:
    return [shelf[sku].product_id for sku in skus]


def beginning(word: str, *fields: str, kind: str = "phrase_prefix") -> dict[str, Any]:
    return {"multi_match": {"query": word, "fields": list(fields), "type": kind}}


def like(word: str) -> dict[str, Any]:
    fields = ["title^1.0", "people^1.0"]
    return {
        "multi_match": {
            "query": word,
            "fields": fields,
            "fuzziness": "AUTO:3,6",
            "fuzzy_transpositions": True,
        }
    }


def ranked(query: dict[str, Any], size: int) -> dict[str, Any]:
    functions = [
        {"weight": 1},
        {"field_value_factor": {"field": "popularity", "modifier": "ln1p"}, "weight": 0.125},
    ]
    score = {"query": query, "functions": functions, "score_mode": "sum", "boost_mode": "multiply"}
    return {
        "size": size,
        "_source": False,
        "query": {"function_score": score},
        "sort": ["_score", {"popularity": "desc"}, {"id": "asc"}],
    }


EVERYWHERE = ("title^1.0", "people^0.6", "head^0.15", "blurb^0.02")


@pytest.mark.parametrize("typed", ["Андрић na", "andric NA", "Andrić  na"])
def test_words_are_folded_and_the_rows_decide(server: StandIn, shelf: dict[str, Variant], typed: str) -> None:
    """The index names a title that was taken down since, and one that is gone: neither is shown."""
    bridge, yard, hobbit = ids(shelf, *BOOKS)
    Product.objects.filter(pk=yard).update(status="ARCHIVED")
    server.hits(hobbit, yard, 999_999_999, bridge)
    listing = catalog.search(typed, make_price_list().pk, NOW)
    assert [card.product_id for card in listing.cards] == [hobbit, bridge]
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/onerow-products/_search")
    must = [beginning("andric", *EVERYWHERE), beginning("na", *EVERYWHERE, kind="best_fields")]
    assert asked.body == ranked({"bool": {"must": must}}, 500)


def test_mistakes_are_asked_for_when_the_words_find_nothing(
    server: StandIn, shelf: dict[str, Variant]
) -> None:
    bridge, yard, _ = ids(shelf, *BOOKS)
    server.hits()
    server.hits()
    server.hits(bridge, yard)
    found = match("anrdic cuprja")
    assert (found.ids, found.suggestion) == ([bridge, yard], "Андрић ćuprija")
    both = [like("anrdic"), like("cuprja")]
    assert [asked.body for asked in server.asked[1:]] == [
        ranked({"bool": {"must": both}}, 200),
        ranked({"bool": {"should": both, "minimum_should_match": 1}}, 200),
    ]


def test_codes_are_looked_up_in_the_rows_alone(server: StandIn, shelf: dict[str, Variant]) -> None:
    for typed in ("978-0-00-200588-3", "0002005883", "a-2"):
        assert len(match(typed).ids) == 1
    assert server.asked == []


def test_suggestions_come_from_the_server_with_titles_of_the_rows(
    server: StandIn, shelf: dict[str, Variant]
) -> None:
    bridge, yard, _ = ids(shelf, *BOOKS)
    server.hits(yard, bridge)
    offered = catalog.suggest("andr", 3, now=timezone.now())
    assert [(each.kind, each.title) for each in offered] == [
        ("author", "Иво Андрић"),
        ("product", "Na Drini ćuprija"),
        ("product", "Prokleta avlija"),
    ]
    assert server.asked[0].body == {
        "size": 6,
        "_source": False,
        "query": {"bool": {"must": [beginning("andr", *EVERYWHERE[:3])]}},
        "sort": [{"popularity": "desc"}, {"id": "asc"}],
    }


@pytest.mark.parametrize(
    "answer",
    [
        (503, {"error": {"type": "cluster_block_exception", "reason": "blocked"}, "status": 503}),
        (404, {"error": {"type": "index_not_found_exception", "reason": "no such index"}, "status": 404}),
        (200, {"took": 1}),
    ],
)
def test_postgresql_answers_when_the_server_does_not(
    server: StandIn, shelf: dict[str, Variant], answer: tuple[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    server.answers.append(answer)
    bridge, yard, _ = ids(shelf, *BOOKS)
    for _ in range(2):  # the second search does not even ask
        assert match("andric").ids == [bridge, yard]
    assert len(server.asked) == 1
    assert [record.name for record in caplog.records if "PostgreSQL answers" in record.message] == [
        "onerow.search"
    ]


def test_a_server_that_cannot_be_reached_is_told_of(settings: Any, shelf: dict[str, Variant]) -> None:
    settings.SEARCH_URL = "http://127.0.0.1:9"
    assert len(match("andric").ids) == 2
    assert "onerow_search_server_up 0.0" in Client().get("/metrics").content.decode()
    settings.SEARCH_URL = ""
    assert "onerow_search_server_up" not in Client().get("/metrics").content.decode()


def test_without_the_setting_nothing_is_asked_more(settings: Any, shelf: dict[str, Variant]) -> None:
    settings.SEARCH_URL = ""
    with CaptureQueriesContext(connection) as asked:
        match("andric")
    assert len(asked) == 1
    with pytest.raises(CommandError, match="names no search server"):
        call_command("rebuild_search")


def bulk_answer(*told: tuple[str, int, int]) -> tuple[int, Any]:
    items = [
        {kind: {"_index": "onerow-products", "_id": str(pk), "status": status, "error": {"type": "x"}}}
        if status >= 300
        else {kind: {"_index": "onerow-products", "_id": str(pk), "status": status}}
        for kind, pk, status in told
    ]
    return 200, {"took": 7, "errors": any(status >= 300 for *_, status in told), "items": items}


def version(pk: int) -> int:
    return int(Product.objects.get(pk=pk).updated_at.timestamp() * 1_000_000)


def test_a_changed_product_is_written_as_its_row_is_now(server: StandIn, shelf: dict[str, Variant]) -> None:
    bridge, yard, _ = ids(shelf, *BOOKS)
    server.answers.append(bulk_answer(("index", bridge, 200)))
    event = OutboxEvent(topic="storefront.product_changed", payload={"product_id": bridge, "slug": "x"})
    with nothing_changes():
        handlers.index_product(event)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/onerow-products/_bulk")
    act, document = asked.body
    assert act == {"index": {"_id": str(bridge), "version": version(bridge), "version_type": "external_gte"}}
    assert document == {
        "id": bridge,
        "popularity": 500,
        "title": "na drini cuprija",
        "people": "ivo andric",
        "head": "9780002005883 9780002005883",
        "blurb": "",
    }
    Product.objects.filter(pk=yard).update(status="ARCHIVED")
    server.answers.append(bulk_answer(("delete", yard, 404)))
    handlers.index_product_of_variant(
        OutboxEvent(topic="storefront.variant_changed", payload={"variant_id": shelf["A-2"].pk, "sku": "A-2"})
    )
    assert server.asked[1].body == [
        {"delete": {"_id": str(yard), "version": version(yard), "version_type": "external_gte"}}
    ]


def test_what_is_newer_there_stays_and_a_refusal_is_tried_again(
    server: StandIn, shelf: dict[str, Variant]
) -> None:
    bridge, *_ = ids(shelf, *BOOKS)
    server.answers.append(bulk_answer(("index", bridge, 409)))
    assert verbs.index_products(product_ids=[bridge]) == 0
    server.answers.append(bulk_answer(("index", bridge, 400)))
    with pytest.raises(Exception, match="1 of them, the first"):
        verbs.index_products(product_ids=[bridge])


def test_a_new_index_takes_the_place_of_the_old_ones_in_one_step(
    server: StandIn, shelf: dict[str, Variant]
) -> None:
    Product.objects.update(updated_at=NOW - timedelta(days=1))
    hobbit = shelf["A-3"].product_id
    Product.objects.filter(pk=hobbit).update(status="DRAFT", updated_at=NOW + timedelta(seconds=1))
    live = ids(shelf, "9780002005883", "A-2")
    name = f"onerow-products-{NOW:%Y%m%d%H%M%S}"
    server.answers += [
        (200, {"acknowledged": True, "shards_acknowledged": True, "index": name}),
        bulk_answer(*(("index", pk, 201) for pk in live)),
        (200, {"_shards": {"total": 2, "successful": 1, "failed": 0}}),
        (200, {name: {"aliases": {}}, "onerow-products-1": {"aliases": {"onerow-products": {}}}}),
        (200, {"acknowledged": True}),
        bulk_answer(("delete", hobbit, 404)),
    ]
    with clock.standing_at(NOW):
        call_command("rebuild_search")
    assert [(asked.method, asked.path) for asked in server.asked] == [
        ("PUT", f"/{name}"),
        ("POST", f"/{name}/_bulk"),
        ("POST", f"/{name}/_refresh"),
        ("GET", "/onerow-products-*"),
        ("POST", "/_aliases"),
        ("POST", "/onerow-products/_bulk"),
    ]
    text = {"type": "text", "analyzer": "whitespace"}
    assert server.asked[0].body == {
        "mappings": {
            "dynamic": "strict",
            "properties": {
                "id": {"type": "long"},
                "popularity": {"type": "integer"},
                "title": text,
                "people": text,
                "head": text,
                "blurb": text,
            },
        }
    }
    assert [each["index"]["_id"] for each in server.asked[1].body[::2]] == [str(pk) for pk in live]
    assert server.asked[4].body == {
        "actions": [
            {"add": {"index": name, "alias": "onerow-products"}},
            {"remove_index": {"index": "onerow-products-1"}},
        ]
    }
