"""Two who change what discounts are made of, and see nothing of each other: whoever reads after either commit reads what is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import connection

from crm import operations as crm
from oms import known_offers
from oms import selectors as oms
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

_ARTICLE = """
    INSERT INTO storefront_variant SELECT (jsonb_populate_record(NULL::storefront_variant, to_jsonb(v) ||
        jsonb_build_object('id', 900001, 'sku', 'NOVI-SKU', 'barcode', ''))).* FROM storefront_variant v WHERE v.id = %s"""
_TARGET = "INSERT INTO crm_discounttarget (discount_id, product_id, is_excluded) VALUES (%s, %s, false)"
# The tempting one: a mark only for what a discount names at that moment.
_HALF = """
    CREATE OR REPLACE FUNCTION crm_mark_offers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME <> 'storefront_variant' OR EXISTS (SELECT 1 FROM crm_discounttarget WHERE product_id IS NOT NULL) THEN
            INSERT INTO crm_offermark SELECT crm_new_mark();
        END IF;
        RETURN NULL;
    END $$"""


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def two(db: None) -> Iterator[tuple[Any, Any]]:
    """Two more connections, each with a transaction of its own."""
    with ExitStack() as stack:
        opened = []
        for _ in range(2):
            each = connection.get_new_connection(connection.get_connection_params())
            stack.callback(each.close)
            each.autocommit = False
            opened.append(each)
        yield opened[0], opened[1]


def covered(chain: Chain) -> list[list[str]]:
    rules = oms.tariff(channel=chain.channel, variant_ids=[], now=NOW).offers.rules
    return [sorted(sku for target in rule.row.targets for sku in target.skus) for rule in rules]


def covered_by_the_rows(chain: Chain) -> list[list[str]]:
    known = known_offers._book
    known_offers.forget()
    found = covered(chain)
    known_offers._book = known
    return found


def seen_after_each_commit(
    chain: Chain, two: tuple[Any, Any], order: tuple[int, int]
) -> list[tuple[list[list[str]], list[list[str]]]]:
    """An article of a product, and a discount on that product; after each commit what a process says that knew, and what the rows say."""
    variant = chain.variant()
    discount = offering.discount("jesen")
    article, target = two
    article.execute(_ARTICLE, [variant.pk])
    target.execute(_TARGET, [discount.pk, variant.product_id])
    seen = [(covered(chain), covered_by_the_rows(chain))]
    for place in order:
        two[place].commit()
        seen.append((covered(chain), covered_by_the_rows(chain)))
    assert seen[0][1] == [[]]
    assert seen[-1][1] == [sorted([variant.sku, "NOVI-SKU"])]
    return seen


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_that_meet_only_in_their_result_are_both_seen(
    chain: Chain, two: tuple[Any, Any], order: tuple[int, int]
) -> None:
    for known, rows in seen_after_each_commit(chain, two, order):
        assert known == rows


def test_a_mark_for_named_goods_only_would_miss_it(chain: Chain, two: tuple[Any, Any]) -> None:
    """The twin: what the test above would say of marks that depend on the rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('crm_mark_offers'::regproc)")
        (whole,) = cursor.fetchone()
        cursor.execute(_HALF)
    try:
        *_, (known, rows) = seen_after_each_commit(chain, two, (1, 0))
    finally:
        with connection.cursor() as cursor:
            cursor.execute(whole)
    assert known != rows


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_writers_of_the_same_kind_do_not_wait_for_each_other(
    chain: Chain, two: tuple[Any, Any], order: tuple[int, int]
) -> None:
    found = [offering.discount(code) for code in ("a", "b")]
    before = covered(chain)
    for each, discount in zip(two, found, strict=True):
        each.execute("SET lock_timeout = '2s'")
        each.execute("UPDATE crm_discount SET state = 'ENDED' WHERE id = %s", [discount.pk])
    assert covered(chain) == before == [[], []]
    two[order[0]].commit()
    assert covered(chain) == [[]]
    two[order[1]].rollback()
    assert covered(chain) == [[]]


def test_a_fold_waits_for_nobody_and_hides_nothing(chain: Chain, two: tuple[Any, Any]) -> None:
    """A change that is not committed keeps its mark when the others are folded."""
    writer, other = two
    variant = chain.variant()
    discount = offering.discount("jesen")
    for number in range(60):
        other.execute("INSERT INTO crm_offermark VALUES (%s)", [number])
    other.commit()
    writer.execute(_TARGET, [discount.pk, variant.product_id])
    assert covered(chain) == [[]]
    assert crm.fold_offer_marks() > 60
    assert covered(chain) == [[]]
    writer.commit()
    assert covered(chain) == [[variant.sku]]
