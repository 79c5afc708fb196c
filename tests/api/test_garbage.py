"""Whatever is sent to whatever call: a typed refusal or an answer, never a 5xx, and nothing is changed by a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from retail.rest.keys import SCOPES
from retail.rest.schema import openapi
from tests.api.integrator import Api
from tests.flows.chain import Chain, make_chain
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

OURS = {"baskets", "orders", "proposals", "events", "audit-events", "products", "availability", "customers"}
OURS |= {"invoices", "credit-notes", "ledger", "bank-statements", "courier-remittances", "payments"}
QUERIES = [
    {"after": "x"},
    {"after": "W10"},
    {"after": "WzEsMl0"},
    {"after": "WyJcdTAwMDAiLCAxXQ"},
    {"after": "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LCA5OTk5OTk5OTk5OTk5OTk5OTk5OV0"},
    {"limit": "-1"},
    {"limit": "9" * 400},
    {"updated_after": "0001-01-01T00:00:00+23:59"},
    {"updated_after": "9999-12-31T23:59:59-23:59"},
    {"as_of": "9999-12-31"},
    {"sku": "\U0001f600" * 50, "quantity": "\u0664"},
    {"search": "%_\\'\"; DROP TABLE x; --" * 20},
    {"target": "order:\u0000"},
    {"document": ":" * 50},
]
BODIES: list[Any] = [
    "",
    "{",
    "[]",
    "null",
    "1",
    '"x"',
    '{"a": NaN}',
    '{"a": "\\ud800"}',
    '{"reason": "\\u0000"}',
    "[" * 5000,
    '{"lines": [[[]]]}',
    '{"lines": {"sku": 1}, "basket": [], "channel": {}}',
    '{"amount": {"amount": "1e999999", "currency": "RSD"}, "reason": "x"}',
    b"\xff\xfe\x00",
    '{"quantity": %s}' % ("9" * 5000),
]


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def api(chain: Chain) -> Api:
    return Api(*SCOPES)


def calls(*methods: str) -> list[tuple[str, str]]:
    found = [
        (method, path.removeprefix("/api/v1/"))
        for path, operations in openapi()["paths"].items()
        for method in operations
        if method in methods
    ]
    return [(method, path) for method, path in found if path.split("/")[0] in OURS]


def filled(path: str, value: str) -> str:
    return "/".join(value if part.startswith("{") else part for part in path.split("/"))


def test_addresses_with_garbage(api: Api) -> None:
    seen = 0
    for method, path in calls("get"):
        for value in ("x", "%00", "..%2f..", "\u0436" * 30, "9" * 300):
            answer = api.client.get(f"/api/v1/{filled(path, value)}")
            assert answer.status_code < 500, (method, path, value, answer.content[:300])
            seen += 1
    assert seen > 50


def test_queries_with_garbage(api: Api) -> None:
    for _, path in calls("get"):
        for query in QUERIES:
            answer = api.get(filled(path, "x"), **query)
            assert answer.status_code < 500, (path, query, answer.content[:300])


def test_bodies_with_garbage_change_nothing(api: Api) -> None:
    with nothing_changes():
        for method, path in calls("post", "put", "patch"):
            for number, body in enumerate(BODIES):
                answer = api.send(method, filled(path, "x"), body, key=f"{path}-{number}"[:200])
                assert 400 <= answer.status_code < 500, (method, path, body[:60], answer.content[:300])
                assert answer["Content-Type"] == "application/problem+json", (method, path, body[:60])


def test_methods_that_are_not_offered_are_refused_by_name(api: Api) -> None:
    for path in ("ledger/accounts", "customers", "availability", "invoices"):
        answer = api.post(path)
        assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_bad_quantities_are_refused_in_every_body_that_takes_one(chain: Chain, api: Api) -> None:
    variant = chain.variant()
    basket = chain.basket((variant, 1))
    line = str(basket.lines.get().public_id)
    values: list[Any] = [-1, 0, 10**9, "NaN", 1.5, True, None, "2", [1], {}]
    for bad in values:
        body = {"sku": variant.sku, "quantity": bad}
        with nothing_changes():
            added = api.post(f"baskets/{basket.token}/lines", body)
            changed = api.send("patch", f"baskets/{basket.token}/lines/{line}", {"quantity": bad})
        for answer in (added, changed):
            assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUANTITY"), (
                bad,
                answer.content,
            )
