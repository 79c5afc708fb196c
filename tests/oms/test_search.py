"""Finding orders and accounts by whatever a person has in front of them, by an index however many there are."""

import pytest
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from crm import search as people
from crm.models import Customer
from oms import search
from oms.models import Order, Return
from oms.states import IN_STORE, OPEN_STATUSES
from storefront.models import Variant
from tests.factories import make_customer
from tests.flows.chain import make_chain

pytestmark = pytest.mark.django_db


def plan(rows: QuerySet[Order] | QuerySet[Customer] | QuerySet[Return]) -> str:
    """How the rows would be found in a table too large to be read."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return rows.explain()


@pytest.mark.parametrize("text", ["ORD-2026-000123", "anić", "ana@example", "+381601234567", "60123456"])
def test_words_of_an_order_are_found_by_index(text: str) -> None:
    assert "order_search" in plan(Order.objects.filter(search.matching(text)))


@pytest.mark.parametrize("text", ["anić", "ana@example", "+381601234567", "101234567"])
def test_words_of_an_account_are_found_by_index(text: str) -> None:
    assert "customer_find" in plan(Customer.objects.filter(people.words(text)))


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("Ana@Example.com", "customer_email"),
        ("060 123 45 67", "customer_phone"),
        ("101234567", "customer_pib"),
        ("20998873", "customer_registration"),
    ],
)
def test_a_whole_number_of_an_account_is_found_by_its_own_key(text: str, index: str) -> None:
    make_customer(
        kind="COMPANY", email="ana@example.com", phone="+381601234567", pib="101234567", name="Ana d.o.o."
    )
    Customer.objects.update(registration_number="20998873")
    found = people.customers(text=text)
    assert [each.email for each in found] == ["ana@example.com"]
    assert index in plan(Customer.objects.alias(mailbox=Lower("email")).filter(people.whole(text)))


def test_the_newest_come_by_index() -> None:
    assert "return_newest" in plan(Return.objects.order_by("-requested_at")[:100])
    assert "customer_newest" in plan(Customer.objects.order_by("-created_at", "-pk")[:50])


def _general_plan(condition: Q) -> str:
    """How a plan that is kept for all values would find a page of them."""
    rows = Order.objects.filter(condition).order_by("-placed_at", "-id")[:51]
    sql, params = rows.query.sql_with_params()
    numbered = sql % tuple(f"${number}" for number in range(1, len(params) + 1))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {numbered}")
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize("view", ["late", "pickup", "companies"])
def test_what_is_open_is_found_among_open_orders_whatever_is_asked(view: str) -> None:
    assert "order_open" in _general_plan(search.VIEWS[view](timezone.now()))


def test_a_plan_for_all_values_knows_of_no_part_of_an_index_by_parameters() -> None:
    """Why the states are words of the statement: as its parameters they prove nothing to such a plan."""
    by_parameters = Q(status__in=OPEN_STATUSES, delivery_method__in=IN_STORE)
    assert "order_open" not in _general_plan(by_parameters)


def test_the_number_of_an_article_finds_the_orders_with_it() -> None:
    chain = make_chain()
    wanted, other = chain.variant(), chain.variant()
    Variant.objects.filter(pk=wanted.pk).update(barcode="9780002005883")
    order = chain.place((wanted, 1), (other, 1))
    chain.place((other, 2))
    for text in ("9780002005883", "978-0-00-200588-3"):
        assert list(Order.objects.filter(search.matching(text))) == [order]
    assert not Order.objects.filter(search.matching("9780002005890")).exists()
