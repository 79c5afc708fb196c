"""Questions and inserts with a text that is built once: the same rows as the ORM's, whatever the values."""

from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from crm.models import Customer
from crm.operations import find_or_create_person
from oms import selectors as oms
from oms.workflows import baskets
from retail.kernel.models import Holiday, OutboxEvent
from retail.kernel.outbox import announce, together
from retail.kernel.rows import Question, insert
from tests.flows.chain import NOW, Chain
from tests.flows.conftest import chain as chain

pytestmark = pytest.mark.django_db


def test_a_question_asked_again_reads_the_rows_of_its_new_values(chain: Chain) -> None:
    first, second = chain.basket((chain.variant(), 1)), chain.basket((chain.variant(), 2))
    for basket in (first, second, first):
        found = oms.basket_by_token(basket.token)
        assert found is not None
        assert (found.pk, found.channel.entity.code) == (basket.pk, "prelist")
        (line,) = oms.basket_lines(found)
        assert (line.basket_id, line.variant.product.title) == (basket.pk, line.variant.product.title)
    assert oms.basket_by_token("?token") is None


def test_what_a_question_reads_with_it_costs_nothing_more(chain: Chain) -> None:
    token = chain.basket((chain.variant(), 1)).token
    with CaptureQueriesContext(connection) as sent:
        found = oms.basket_by_token(token)
        assert found is not None and found.channel.price_list.code == "web"
    assert len(sent) == 1


def test_an_example_that_the_statement_changes_is_a_mistake_of_ours() -> None:
    question = Question(lambda text: Customer.objects.filter(name__contains=text), "?name")
    with pytest.raises(AssertionError, match="examples"):
        question.rows("Ana")


def test_inserted_rows_have_their_keys_and_the_defaults_of_the_database() -> None:
    events = [
        OutboxEvent(xid=0, topic="t", subject_kind="k", subject_key=key, sequence=0, payload={"n": 1}, pending=["h"])
        for key in ("a", "b")
    ]  # fmt: skip
    insert(events)
    stored = list(OutboxEvent.objects.order_by("id"))
    assert [(each.pk, each.subject_key, each.created_at) for each in events] == [
        (each.pk, each.subject_key, each.created_at) for each in stored
    ]
    assert [(each.payload, each.pending, each.sequence) for each in stored] == [({"n": 1}, ["h"], 1)] * 2


def test_a_computed_column_is_read_back() -> None:
    day = Holiday(name="Sretenje")
    insert([day], computed={"date": "make_date(2026, 2, 15)"})
    assert day.date == Holiday.objects.get(pk=day.pk).date == NOW.date().replace(month=2, day=15)


def test_an_insert_that_the_database_refuses_is_refused() -> None:
    with pytest.raises(IntegrityError):
        insert([Customer(kind="COMPANY", name="Firma", pib="", created_at=NOW)])


def test_a_guest_is_found_by_the_address_or_written_and_told_once(chain: Chain) -> None:
    common: dict[str, Any] = {
        "name": "Ana",
        "phone": "+381601112223",
        "language": "sr-latn",
        "now": NOW,
    }
    made = find_or_create_person(email="ana@example.com", **common)
    again = find_or_create_person(email="Ana@Example.com", **common)
    assert (again.pk, again.public_id, again.created_at) == (made.pk, made.public_id, NOW)
    assert Customer.objects.get().updated_at == made.updated_at
    assert OutboxEvent.objects.filter(topic="crm.customer_created").count() == 1


def test_what_is_announced_together_is_one_statement_and_nothing_when_it_fails(chain: Chain) -> None:
    from crm.events import CustomerCreated

    with CaptureQueriesContext(connection) as sent, together():
        announce(CustomerCreated(customer="a"), subject=("customer", "a"))
        announce(CustomerCreated(customer="b"), subject=("customer", "b"))
    assert sum("kernel_outboxevent" in each["sql"] for each in sent) == 1
    assert [(e.subject_key, e.sequence) for e in OutboxEvent.objects.order_by("id")] == [("a", 1), ("b", 1)]
    with pytest.raises(baskets.BasketNotFound), together():
        announce(CustomerCreated(customer="c"), subject=("customer", "c"))
        baskets.remove_line(token="guess", line_id="x", now=NOW)
    assert OutboxEvent.objects.count() == 2
