"""Looks at products: remembered only of who agreed to it, once a day, gone with the consent and with the person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import operations as crm
from crm.models import CampaignVisit, Customer, ProductView
from crm.workflows import privacy
from retail.kernel import clock
from retail.kernel.models import User
from storefront.models import Category, ShopVisit, Variant
from tests.cms.pages import running
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms.test_segment_conditions import members
from tests.storefront.shopping import open_shop
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Iterator[Chain]:
    made = make_chain()
    with open_shop():
        yield made


def reader(name: str, *, agrees: bool = True) -> tuple[Client, Customer]:
    user = User.objects.create_user(email=f"{name.lower()}@example.com", name=name)
    account = crm.open_account(user=user, name=name, now=NOW)
    if agrees:
        say(account, is_given=True)
    client = Client()
    client.force_login(user)
    return client, account


def say(account: Customer, *, is_given: bool) -> None:
    crm.record_consent(
        customer_id=account.pk, kind="PROFILING", is_given=is_given, wording="Da.", by=None, now=NOW
    )


def look(client: Client, variant: Variant, *, days_ago: float = 0, headers: Any = None) -> None:
    with clock.standing_at(NOW - timedelta(days=days_ago)):
        told = client.post("/seen/", {"step": "VIEW", "sku": variant.sku}, headers=headers)
    assert told.status_code == 204


def test_only_who_agreed_is_remembered_and_once_a_day(chain: Chain) -> None:
    book, (ana, account), (vesna, _) = chain.variant(), reader("Ana"), reader("Vesna", agrees=False)
    for client in (ana, ana, vesna, Client()):
        look(client, book)
    look(ana, book, days_ago=1)
    look(ana, chain.variant(), headers={"Sec-GPC": "1"})
    ana.post("/seen/", {"step": "VIEW", "sku": "no-such"})
    ana.post("/seen/", {"step": "CHECKOUT", "sku": book.sku})
    found = ProductView.objects.order_by("day").values_list("customer", "variant", "at")
    assert list(found) == [(account.pk, book.pk, NOW - timedelta(days=1)), (account.pk, book.pk, NOW)]
    assert ShopVisit.objects.filter(step="VIEW").count() == 2  # of this browser's address, a day each


def test_a_strangers_look_asks_one_statement_and_a_persons_one_more(chain: Chain) -> None:
    book, (ana, _) = chain.variant(), reader("Ana")
    with CaptureQueriesContext(connection) as asked:
        look(Client(), book)
    assert len(asked) == 1
    look(ana, book)
    with CaptureQueriesContext(connection) as asked:
        look(ana, book)
    written = [each["sql"] for each in asked if "productview" in each["sql"]]
    assert len(written) == 1
    assert f'data-seen-sku="{book.sku}"' in Client().get(f"/p/{book.product.slug}/").text


def test_segments_ask_what_was_looked_at(chain: Chain) -> None:
    fiction = Category.objects.create(slug="fiction", path="fiction", name="Fiction")
    old, other = chain.variant(), chain.variant()
    old.product.categories.add(fiction)
    (ana, account), (bojan, _) = reader("Ana"), reader("Bojan")
    look(ana, old, days_ago=40)
    look(bojan, old, days_ago=2)
    look(bojan, other)
    autumn = running("autumn", starts_at=NOW, ends_at=None)
    CampaignVisit.objects.create(campaign=autumn, customer=account, path="/", at=NOW)
    assert members('viewed(category: "fiction")') == {"Ana", "Bojan"}
    assert members('viewed(category: "fiction", within: 30 days)') == {"Bojan"}
    assert members(f'viewed(product: "{other.product.slug}")') == {"Bojan"}
    assert members(f'viewed(sku: "{old.sku}", until: 2020-01-01)') == set()
    assert members('viewed(campaign: "autumn")') == {"Ana"}
    assert members('viewed(campaign: "autumn", category: "fiction")') == {"Ana"}
    assert members(f'viewed(campaign: "autumn", sku: "{other.sku}")') == set()
    assert members("viewed(within: 1 day)") == {"Ana", "Bojan"}
    assert members('not viewed(category: "fiction", within: 30 days)') == {"Ana"}


def test_a_campaigns_page_keeps_the_account_of_who_agreed(chain: Chain) -> None:
    running("autumn", starts_at=NOW, ends_at=None)
    (ana, account), (vesna, _) = reader("Ana"), reader("Vesna", agrees=False)
    with clock.standing_at(NOW):
        for client in (ana, vesna, Client()):
            assert (
                client.post("/campaigns/autumn/seen/", headers={"User-Agent": "Mozilla"}).status_code == 204
            )
    kept = CampaignVisit.objects.order_by("pk").values_list("customer", flat=True)
    assert list(kept) == [account.pk, None, None]


def test_a_consent_taken_back_takes_the_looks_with_it(chain: Chain) -> None:
    book, (ana, account), (bojan, other) = chain.variant(), reader("Ana"), reader("Bojan")
    autumn = running("autumn", starts_at=NOW, ends_at=None)
    CampaignVisit.objects.create(campaign=autumn, customer=account, path="/", at=NOW)
    look(ana, book)
    look(bojan, book)
    say(account, is_given=False)
    assert list(ProductView.objects.values_list("customer", flat=True)) == [other.pk]
    assert CampaignVisit.objects.get().customer is None
    with nothing_changes():
        crm.record_view(user_id=account.user_id or 0, sku=book.sku, now=NOW)


def test_looks_are_handed_over_erased_and_forgotten(chain: Chain) -> None:
    book, (ana, account), (bojan, other) = chain.variant(), reader("Ana"), reader("Bojan")
    look(ana, book)
    look(bojan, book, days_ago=401)
    look(bojan, book, days_ago=400)
    assert [row["variant"] for row in privacy.export_person(customer_id=account.pk)["product_views"]] == [
        book.pk
    ]
    privacy.erase_person(customer_id=account.pk, by=None, now=NOW)
    assert set(ProductView.objects.values_list("customer", flat=True)) == {other.pk}
    assert crm.forget_old_views(today=clock.business_date(NOW)) == 1
    assert ProductView.objects.count() == 1
