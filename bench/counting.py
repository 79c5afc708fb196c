"""How many statements reach PostgreSQL: counted below Django, where also the ones that it does not log pass.

BEGIN, COMMIT and SAVEPOINT are left out; telling the transaction who acts is a statement like any other.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.test import Client

from bench.shopper import bank_line, contact, order_body, product_path
from oms import selectors as oms
from oms.models import Basket
from oms.workflows import baskets
from retail.kernel import clock
from retail.sample import people

_SKIPPED = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)", re.IGNORECASE)


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that a cursor of psycopg sends meanwhile."""
    sent: list[str] = []
    execute, executemany = psycopg.Cursor.execute, psycopg.Cursor.executemany

    def execute_counted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(str(query))
        return execute(self, query, *args, **kwargs)

    def executemany_counted(self: Any, query: Any, rows: Any, *args: Any, **kwargs: Any) -> Any:
        rows = list(rows)
        sent.extend([str(query)] * len(rows))
        return executemany(self, query, rows, *args, **kwargs)

    psycopg.Cursor.execute, psycopg.Cursor.executemany = execute_counted, executemany_counted  # type: ignore
    try:
        yield sent
    finally:
        psycopg.Cursor.execute, psycopg.Cursor.executemany = execute, executemany  # type: ignore


def number_of(sent: list[str]) -> int:
    """Several statements sent at once are several; a semicolon inside a text does not occur in ours."""
    parts = [part for each in sent for part in each.split(";") if part.strip()]
    return sum(not _SKIPPED.match(part) for part in parts)


def count(known: dict[str, Any]) -> dict[str, int]:
    settings.ALLOWED_HOSTS = ["*"]
    skus = known["skus"]
    _place(skus[:1])  # what a process reads once
    flow = _flow(known["deep_slugs"][5])
    flow = _flow(known["deep_slugs"][6])
    pricing = _pricing(skus[:3])
    one, twenty = _place(skus[:1]), _place(skus[:20])
    return {
        # With its price: that is a part of what placing reads at once.
        "statements_placing": _place(skus[3:6]),
        "statements_pricing": pricing,
        "statements_full_flow": flow,
        "statements_growth_with_lines": twenty - one,
    }


def _basket(skus: list[str]) -> Basket:
    basket = baskets.create_basket(channel_code="web-rs", now=clock.now(), postal_code="21000")
    baskets.add_lines(token=basket.token, wanted=[(sku, 1) for sku in skus], now=clock.now())
    return basket


def _place(skus: list[str]) -> int:
    """POST /orders of a guest whom we do not know: key, placing, answer, everything."""
    basket = _basket(skus)
    client = Client()
    body = json.dumps(order_body(basket.token, uuid.uuid4().hex[:10]))
    with counted() as sent:
        answer = client.post(
            "/api/v1/orders", body, content_type="application/json", HTTP_IDEMPOTENCY_KEY=uuid.uuid4().hex
        )
    assert answer.status_code == 201, answer.content
    return number_of(sent)


def _pricing(skus: list[str]) -> int:
    basket = oms.basket_by_token(_basket(skus).token)
    assert basket is not None
    lines = oms.basket_lines(basket)
    with counted() as sent:
        oms.quote_basket(basket=basket, lines=lines, now=clock.now(), delivery_method="HOME_DELIVERY")
    return number_of(sent)


def _flow(slug: str) -> int:
    """As bench/shopper.py walks it over HTTP."""
    client = Client(headers={"authorization": f"Bearer {people.api_key()}"})
    shopper = Client()
    with counted() as sent:
        page = shopper.get(product_path(slug))
        sku = re.search(rb'name="sku" value="([^"]+)"', page.content)
        assert page.status_code == 200 and sku
        added = shopper.post("/basket/add/", {"sku": sku[1].decode(), "quantity": "1"})
        assert added.status_code == 302, added.content
        desk = shopper.get("/checkout/")
        fields = dict(re.findall(r'name="(key|seen_\w+)" value="([^"]*)"', desk.content.decode()))
        assert desk.status_code == 200 and "key" in fields
        placed = shopper.post("/checkout/", {**contact(uuid.uuid4().hex[:10]), **fields})
        assert placed.status_code == 302, placed.content
        transfer = shopper.get(placed["Location"])
    with counted() as paying:
        paid = client.post(
            "/api/v1/bank-statements",
            json.dumps(bank_line(transfer.content)),
            content_type="application/json",
        )
    assert paid.json()["matched"] == 1, paid.content
    return number_of(sent) + number_of(paying)
