"""The API describes itself: every call of ours, nothing of others, with scopes, problems and keys."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS

from retail.kernel.errors import Refusal
from retail.rest.keys import SCOPES
from retail.rest.schema import NAMESPACE, openapi, refusal_codes
from retail.rest.views import ApiView

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


def views() -> dict[str, type[ApiView]]:
    """Our API views by their address, as the schema writes it."""
    found: dict[str, type[ApiView]] = {}

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> None:
        for one in patterns:
            address = before + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one.url_patterns, address)
            elif (view := getattr(one.callback, "view_class", None)) and issubclass(view, ApiView):
                found["/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", address)] = view

    mounted = [
        one
        for one in get_resolver().url_patterns
        if isinstance(one, URLResolver) and one.namespace == NAMESPACE
    ]
    walk(list(mounted), "")
    del found["/api/v1/schema/"]
    return found


def test_every_view_is_described_with_its_methods(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    described = {path: {m.upper() for m in methods} for path, methods in document["paths"].items()}
    assert described == {path: set(view.scopes) for path, view in views().items()}


def test_describing_finds_nothing_doubtful() -> None:
    """Two shapes of one name would describe one of them wrongly."""
    GENERATOR_STATS.reset()
    openapi.cache_clear()
    with GENERATOR_STATS.silence():
        openapi()
        assert not GENERATOR_STATS, dict(GENERATOR_STATS._warn_cache) | dict(GENERATOR_STATS._error_cache)


def test_nothing_of_others_is_described(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert not any("wagtail" in name.lower() for name in document["components"]["schemas"])


def test_each_operation_says_its_scope_and_its_problems(document: dict[str, Any]) -> None:
    for path, view in views().items():
        for method, scope in view.scopes.items():
            operation = document["paths"][path][method.lower()]
            assert operation["security"] == ([{"key": [scope]}] if scope else [{}, {"key": []}]), path
            assert not scope or scope in SCOPES
            problem = operation["responses"]["429"]["content"]["application/problem+json"]["schema"]
            assert problem["$ref"].endswith("/ProblemAnswer")
            assert ("403" in operation["responses"]) == bool(scope or view.forbids.get(method)), path


def test_idempotency_keys_are_described_where_they_are_taken(document: dict[str, Any]) -> None:
    for path, view in views().items():
        for method in view.scopes:
            parameters = {p["name"]: p for p in document["paths"][path][method.lower()].get("parameters", [])}
            takes = method == "POST" and bool(view.idempotent)
            assert ("Idempotency-Key" in parameters) == takes, path
            if takes:
                assert parameters["Idempotency-Key"].get("required", False) == (view.idempotent == "required")


DESCRIBED = ("oms.", "audit.", "crm.", "finance.", "storefront.", "warehouse.")


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))


def test_answers_of_these_rooms_are_described(document: dict[str, Any]) -> None:
    """Every answer has a shape with members."""
    operations = [
        one
        for path, view in views().items()
        if view.__module__.startswith(DESCRIBED)
        for one in document["paths"][path].values()
    ]
    assert len(operations) > 30
    shapes = document["components"]["schemas"]

    def is_described(said: dict[str, Any]) -> bool:
        answers = [content["schema"] for content in said.get("content", {}).values()]
        return bool(answers) and all(
            one.get("format") == "binary" or shapes[one["$ref"].rpartition("/")[2]].get("properties")
            for one in answers
        )

    open_ones = [
        one["operationId"]
        for one in operations
        if not any(status < "300" for status in one["responses"])
        or not all(
            is_described(said)
            for status, said in one["responses"].items()
            if status < "300" and status != "204"
        )
    ]
    assert open_ones == []


def test_nothing_that_is_meant_for_ourselves_is_told(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for one in methods.values():
            assert "nothing here catches" not in one["description"], one["operationId"]


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    known = set(document["components"]["schemas"])

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    assert references(document["paths"]) <= known


def test_docs_page_lists_operations_and_every_refusal_code(client: Client, document: dict[str, Any]) -> None:
    answer = client.get("/api/v1/docs/")
    page = answer.content.decode()

    assert answer.status_code == 200
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page, path
    codes = {code for code, _, _ in refusal_codes()}
    assert {
        "OUT_OF_STOCK",
        "INVALID_QUANTITY",
        "UNKNOWN_SKU",
        "NOT_ALLOWED",
        "IDEMPOTENCY_IN_FLIGHT",
    } <= codes
    assert Refusal.code not in codes or "REFUSED" in codes
    for code in codes:
        assert f'id="{code.lower()}"' in page
