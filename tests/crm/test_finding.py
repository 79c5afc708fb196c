"""An account is found by any number it goes by, and by several words in any order; the plans that are kept for it ask indexes."""

import pytest
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Lower

from crm import search
from crm.models import Customer

pytestmark = pytest.mark.django_db


def _general_plan(condition: Q) -> str:
    """How a plan that is kept for all values would find the newest of them."""
    rows = search.customers(text="").alias(mailbox=Lower("email")).filter(condition)
    sql, params = rows.order_by("-created_at", "-id")[:51].query.sql_with_params()
    numbered = sql % tuple(f"${number}" for number in range(1, len(params) + 1))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute(f"EXPLAIN (GENERIC_PLAN) {numbered}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_a_number_is_asked_of_every_index_whatever_the_number() -> None:
    plan = _general_plan(search.whole("100000120"))
    assert "BitmapOr" in plan
    for index in ("customer_pib", "customer_registration", "customer_email"):
        assert index in plan, plan


def test_without_its_words_the_condition_of_an_index_proves_nothing() -> None:
    plan = _general_plan(Q(pib="100000120") | Q(registration_number="100000120"))
    assert "customer_pib" not in plan
    assert "customer_registration" not in plan


@pytest.mark.parametrize("few", [0, 1, 3_000])
def test_several_words_find_the_same_however_many_fit(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Customer.objects.create(name=name) for name in ("Ana Lukić", "Lukić Ana", "Ana Petrović")]
    Customer.objects.create(name="Luka Lukić", merged_into=made[0])
    monkeypatch.setattr(search, "FEW", few)
    assert set(search.customers(text="лукић ана")) == set(made[:2])
    assert set(search.customers(text="ana petrovic")) == {made[2]}
    assert not search.customers(text="ana nepoznata").exists()


def test_a_company_is_found_by_either_of_its_numbers() -> None:
    one = Customer.objects.create(
        name="Firma", kind="COMPANY", pib="100000120", registration_number="20000001"
    )
    Customer.objects.create(name="Niko")
    assert list(search.customers(text="100 000 120")) == [one]
    assert list(search.customers(text="20000001")) == [one]
    assert list(search.customers(text="20000002")) == []
