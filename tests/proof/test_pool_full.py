"""Every connection of a process is held by somebody: who comes is told to come again, and nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from oms.models import Order
from retail.kernel.models import IdempotencyKey
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain
from tests.proof.test_locks import basket_of, healthy
from tests.storefront.shopping import typed
from tests.unchanged import nothing_changes

SIZE = 3
PATIENCE_SECONDS = 0.2
# Only PostgreSQL's connections know of a pool.
pooled_connection: Any = connection


@pytest.fixture
def pooled(chain: Chain) -> Iterator[None]:
    """The pool that a web process has, which a test run goes without; with little patience."""
    options = connection.settings_dict["OPTIONS"]
    connection.close()
    options["pool"] = {"min_size": 1, "max_size": SIZE, "timeout": PATIENCE_SECONDS}
    yield
    connection.close()
    pooled_connection.close_pool()
    del options["pool"]


@contextmanager
def all_held() -> Iterator[None]:
    connection.close()
    pool = pooled_connection.pool
    held = [pool.getconn() for _ in range(SIZE)]
    try:
        yield
    finally:
        for one in held:
            pool.putconn(one)


def test_an_order_that_finds_no_connection_is_placed_once_afterwards(chain: Chain, pooled: None) -> None:
    book, public = chain.variant(), Api()
    body = basket_of(public, book)

    with nothing_changes(), all_held():
        answer = public.post("orders", body, key="k-1")
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")
    assert not IdempotencyKey.objects.exists()

    assert public.post("orders", body, key="k-1").status_code == 201
    assert (Order.objects.count(), healthy()) == (1, True)


def test_pages_say_when_to_come_again(chain: Chain, pooled: None) -> None:
    book = chain.variant()
    shopper = Client(raise_request_exception=False)
    shopper.post("/basket/add/", {"sku": book.sku, "quantity": 1})
    form = typed(shopper)

    with nothing_changes(), all_held():
        answers = [
            shopper.post("/checkout/", form),
            shopper.get(f"/p/{book.product.slug}/"),
            shopper.get("/basket/"),
        ]
    assert [(one.status_code, one.headers.get("Retry-After")) for one in answers] == [(503, "1")] * 3

    assert shopper.post("/checkout/", form).status_code == 302
    assert (Order.objects.count(), healthy()) == (1, True)


def test_quick_answers_give_way_like_all_others(chain: Chain, pooled: None) -> None:
    book, public = chain.variant(), Api()
    path = f"availability?sku={book.sku}&channel=web-rs&postal_code=21000"
    assert public.get(path).status_code == 200
    with all_held():
        answer = public.get(path)
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")
    assert public.get(path).status_code == 200
