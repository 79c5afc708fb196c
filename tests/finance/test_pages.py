"""Finance pages: who may see them, and that they say what the rows say."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.finance.shop import Shop
from tests.staff import client_of, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def accountant(db: None) -> Client:
    return client_of(make_staff("ACCOUNTANT"))


LISTS = [
    "",
    "entries/",
    "periods/",
    "invoices/",
    "receipts/",
    "payments/",
    "refunds/",
    "statements/",
    "remittances/",
]


@pytest.mark.parametrize("path", LISTS)
def test_each_list_opens_on_empty_books(accountant: Client, shop: Shop, path: str) -> None:
    answer = accountant.get(f"/en/ops/finance/{path}")
    assert answer.status_code == 200, answer.content[:2000]
