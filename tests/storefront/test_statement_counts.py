"""The way of a guest, step by step: how many statements reach the database. A step that asks more says so here."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from bench.counting import counted, number_of
from bench.shopper import bank_line
from retail.kernel import clock
from retail.kernel.models import User
from retail.rest.keys import issue_key
from tests.flows.chain import Chain
from tests.storefront.shopping import category, open_shop, put, typed

pytestmark = pytest.mark.django_db

STEPS = {"product": 1, "into the basket": 8, "checkout": 6, "order": 3, "how to pay": 1, "bank line": 16}


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def test_a_guest_who_pays_by_transfer(chain: Chain) -> None:
    _walk(chain)  # what a process reads once, and the first entry of the month
    assert _walk(chain) == STEPS
    assert sum(STEPS.values()) == 35


def _walk(chain: Chain) -> dict[str, int]:
    shopper, bank = Client(), Client(headers={"authorization": f"Bearer {_key()}"})
    variant = chain.variant(stock=5)
    category(chain, variant, path=f"romani-{variant.sku.lower()}")
    counts = {}
    with counted() as sent:
        shopper.get(f"/p/{variant.product.slug}/")
    counts["product"] = number_of(sent)
    with counted() as sent:
        assert put(shopper, variant).status_code == 302
    counts["into the basket"] = number_of(sent)
    with counted() as sent:
        form = typed(shopper, payment="BANK_TRANSFER", email=f"{variant.sku}@example.com")
    counts["checkout"] = number_of(sent)
    with counted() as sent:
        placed = shopper.post("/checkout/", form)
    counts["order"] = number_of(sent)
    with counted() as sent:
        page = shopper.get(placed.headers["Location"])
    counts["how to pay"] = number_of(sent)
    line = json.dumps(bank_line(page.content))
    with counted() as sent:
        answer = bank.post("/api/v1/bank-statements", line, content_type="application/json")
    assert answer.json()["matched"] == 1, answer.content
    counts["bank line"] = number_of(sent)
    return counts


def _key() -> str:
    """One that was used today already."""
    user, _ = User.objects.get_or_create(email="knjige@example.com", defaults={"is_active": True})
    row, clear = issue_key(name="books", user=user, scopes=["finance:write"], now=clock.now())
    row.last_used_on = timezone.now().date()
    row.save()
    return clear
