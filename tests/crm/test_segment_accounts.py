"""Who is counted all at once is who is found one by one, whatever the words: the two ways of asking share no SQL around the conditions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from crm.models import Address, Consent, Customer, LoyaltyAccount, Tier
from crm.segments import accounts, holds, leaves, parse, where, written
from crm.segments.tree import All, Any, Leaf, Node, Not
from crm.selectors import conditions_of, count_members, member_ids
from crm.selectors import segment_members as module

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONDITIONS = (
    "tier = 2",
    "tier in (1, 3)",
    "tier != 1",
    "tier < 2",
    "points >= 40",
    "points < 30",
    "member",
    'consent = "newsletter"',
    'consent in ("newsletter", "profiling")',
    'consent != "newsletter"',
    'city = "Novi Sad"',
    'city in ("Novi Sad", "Niš")',
    'language = "en"',
    "company",
    "created(within: 30 days)",
)


@pytest.fixture
def people() -> list[Customer]:
    """Sixty accounts of every mixture, some with two addresses in one city and two words about one kind of letter."""
    chance = random.Random(11)
    tiers = [
        Tier.objects.get_or_create(
            rank=rank, defaults={"code": f"t{rank}", "name": f"T{rank}", "spend_from": rank}
        )[0]
        for rank in (1, 2, 3)
    ]
    made = []
    for number in range(60):
        one = Customer.objects.create(
            name=f"P{number}",
            language=chance.choice(("sr-latn", "en")),
            created_at=NOW - timedelta(days=chance.randrange(60)),
            **({"kind": "COMPANY", "pib": f"1000000{number:02}"} if chance.random() < 0.2 else {}),
        )
        if chance.random() < 0.7:
            LoyaltyAccount.objects.create(
                customer=one, number=str(number), tier=chance.choice(tiers), points=chance.randrange(80)
            )
        for _ in range(chance.randrange(3)):
            Address.objects.create(
                customer=one,
                name="P",
                street="Ulica 1",
                city=chance.choice(("Novi Sad", "Niš", "Beograd")),
                postal_code="21000",
            )
        for at in range(chance.randrange(4)):
            Consent.objects.create(
                customer=one,
                kind=chance.choice(("NEWSLETTER", "PROFILING")),
                is_given=chance.random() < 0.6,
                wording="w",
                given_at=NOW - timedelta(days=9 - at),
            )
        made.append(one)
    return made


def tree(chance: random.Random, depth: int) -> Node:
    kind = chance.choice(("leaf", "leaf", "all", "any", "not")) if depth else "leaf"
    if kind == "leaf":
        leaf = parse(chance.choice(CONDITIONS))
        assert isinstance(leaf, Leaf)
        return leaf
    if kind == "not":
        return Not(tree(chance, depth - 1))
    parts = tuple(tree(chance, depth - 1) for _ in range(chance.randint(2, 3)))
    return All(parts) if kind == "all" else Any(parts)


def test_a_count_is_of_those_for_whom_the_tree_holds(people: list[Customer]) -> None:
    truth = {
        one.pk: conditions_of(customer_id=one.pk, definitions=list(CONDITIONS), now=NOW) for one in people
    }
    chance, begun, sizes = random.Random(7), 0, set()
    for _ in range(150):
        node = tree(chance, 3)
        expected = sorted(pk for pk, facts in truth.items() if holds(node, facts))
        assert member_ids(definition=node, now=NOW) == expected, list(leaves(node))
        assert count_members(definition=node, now=NOW) == len(expected)
        begun += "crm_customer c" not in written(accounts(node, NOW)).sql
        sizes.add(len(expected))
    # Both ways were gone, and not for segments without people.
    assert 30 < begun < 120
    assert len(sizes) > 20


def test_names_with_more_keys_than_are_read_first_mean_the_same(
    people: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "tier in (1, 2, 3) and points >= 40"
    before = member_ids(definition=words, now=NOW)
    monkeypatch.setattr(module, "KEYS_MAX", 2)
    assert member_ids(definition=words, now=NOW) == before != []


@pytest.mark.parametrize("words", ["tier = 77", "tier = 77 or tier = 78", "not tier = 77 and tier = 78"])
def test_names_without_any_key_have_nobody(people: list[Customer], words: str) -> None:
    assert count_members(definition=words, now=NOW) == 0


def test_the_table_of_accounts_is_read_only_for_what_stands_in_it() -> None:
    def sql(words: str) -> str:
        return written(accounts(words, NOW)).sql

    assert "crm_customer" not in sql('tier = 2 and not city = "Niš"')
    assert "crm_customer" not in sql('tier = 2 or consent = "newsletter"')
    assert "FROM crm_customer c" in sql('tier = 2 and language = "en"')
    assert "FROM crm_customer c" in sql("not tier = 2")
    assert "FROM crm_customer c" in sql("tier = 2 or company")


def test_one_account_is_asked_without_reading_names_first() -> None:
    """What is written for one account stands alone: no place is left for something that would have to be read before."""
    fragment = where('tier = 2 and city = "Niš"', NOW)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM crm_customer c WHERE c.id = -1 AND {fragment.sql}", fragment.params
        )
        assert cursor.fetchone() == (0,)
    assert fragment.params == (2, "Niš")
