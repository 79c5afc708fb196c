"""Membership is asked live: one statement for any number of segments, and what cannot be read never holds."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Customer, LoyaltyAccount, Segment, Tier
from crm.segments import Leaf, conditions, leaf_fragment, leaves, tree_of
from crm.selectors import SegmentFact, definitions_held, segments_of
from crm.selectors import segments as module
from crm.states import SegmentState

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASKS_NO_CLOCK = (
    "tier = 2",
    "tier not in (1, 2)",
    "points >= 40",
    "points < 1",
    "member",
    'consent = "newsletter"',
    'city != "Novi Sad"',
    'language in ("sr-latn", "en")',
    "company",
    "has_login",
)


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    module._known = module._Known(None, {})


def segment(slug: str, definition: str, **fields: object) -> Segment:
    return Segment.objects.create(
        slug=slug, name=slug, definition=definition, state=SegmentState.ACTIVE, **fields
    )


@pytest.fixture
def member() -> Customer:
    tier, _ = Tier.objects.get_or_create(rank=2, defaults={"code": "two", "name": "Two", "spend_from": 0})
    made = Customer.objects.create(name="Ana", language="sr-latn")
    LoyaltyAccount.objects.create(customer=made, number="1", tier=tier, points=40)
    return made


def test_only_the_segments_that_hold_with_their_words(member: Customer) -> None:
    two, one = segment("two", "tier = 2"), segment("one", "tier = 1")
    both = segment("both", "tier = 2 and points >= 40 and not company", version=3)
    found = segments_of(customer_id=member.pk, segment_ids=[two.pk, one.pk, both.pk, 10**9], now=NOW)
    assert found == {
        two.pk: SegmentFact(two.pk, "two", 1, "tier = 2"),
        both.pk: SegmentFact(both.pk, "both", 3, "tier = 2 and points >= 40 and not company"),
    }


def test_guests_and_unknown_accounts_are_in_none(member: Customer) -> None:
    everyone = segment("everyone", "not tier = 7")
    assert segments_of(customer_id=None, segment_ids=[everyone.pk], now=NOW) == {}
    assert segments_of(customer_id=member.pk + 1, segment_ids=[everyone.pk], now=NOW) == {}
    assert segments_of(customer_id=member.pk, segment_ids=[], now=NOW) == {}
    assert set(segments_of(customer_id=member.pk, segment_ids=[everyone.pk], now=NOW)) == {everyone.pk}
    assert segments_of(customer_id=member.pk + 1, segment_ids=[everyone.pk], now=NOW) == {}


def test_one_statement_for_any_number_of_segments(member: Customer) -> None:
    made = [segment(f"s{n}", f"points >= {n} or tier = {n % 3} and company") for n in range(60)]
    ids = [each.pk for each in made]
    segments_of(customer_id=member.pk, segment_ids=ids, now=NOW)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = segments_of(customer_id=member.pk, segment_ids=ids, now=NOW)
    assert len(asked) == 1
    assert sorted(found) == ids[:41]


def test_changed_words_hold_on_the_next_question(member: Customer) -> None:
    changing = segment("changing", "tier = 1")
    assert segments_of(customer_id=member.pk, segment_ids=[changing.pk], now=NOW) == {}
    Segment.objects.filter(pk=changing.pk).update(definition="tier = 2", version=2)
    with CaptureQueriesContext(connection) as asked:
        found = segments_of(customer_id=member.pk, segment_ids=[changing.pk], now=NOW)
    assert found == {changing.pk: SegmentFact(changing.pk, "changing", 2, "tier = 2")}
    assert len(asked) == 2
    with CaptureQueriesContext(connection) as asked:
        segments_of(customer_id=member.pk, segment_ids=[changing.pk], now=NOW)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "words", ["tier =", "nobody_registered_this", "tier(x: 1) = 2", 'tier = "two"', "not gone", ""]
)
def test_what_cannot_be_read_never_holds_and_hinders_nobody(member: Customer, words: str) -> None:
    broken, sound = segment("broken", words), segment("sound", "tier = 2")
    for _ in range(2):
        found = segments_of(customer_id=member.pk, segment_ids=[broken.pk, sound.pk], now=NOW)
        assert set(found) == {sound.pk}


def test_a_retired_segment_never_holds(member: Customer) -> None:
    retired = segment("retired", "tier = 2")
    Segment.objects.filter(pk=retired.pk).update(state=SegmentState.RETIRED)
    assert segments_of(customer_id=member.pk, segment_ids=[retired.pk], now=NOW) == {}


def test_words_of_no_row_are_asked_too(member: Customer) -> None:
    words = {"tier = 2", "tier = 1", "not tier = 1", "tier ="}
    assert definitions_held(customer_id=member.pk, definitions=words, now=NOW) == {"tier = 2", "not tier = 1"}
    assert definitions_held(customer_id=None, definitions=words, now=NOW) == set()


@pytest.mark.parametrize("words", ASKS_NO_CLOCK)
def test_what_asks_nothing_of_the_clock_is_the_same_at_every_moment(words: str) -> None:
    """Its SQL is written once in a process, so it must not look at the moment at all."""
    leaf = tree_of(words)
    assert isinstance(leaf, Leaf)
    moments: list[Any] = [object(), object()]
    assert leaf_fragment(leaf, moments[0]) == leaf_fragment(leaf, moments[1])


def test_each_condition_that_asks_nothing_of_the_clock_is_tried() -> None:
    tried = {leaf.name for words in ASKS_NO_CLOCK for leaf in leaves(tree_of(words))}
    assert tried == {each.name for each in conditions() if not each.asks_clock}
