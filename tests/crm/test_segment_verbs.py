"""Segments change by verbs: refused with the place of the mistake, versioned, and ratified while a live offer asks them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.utils import InternalError, ProgrammingError
from django.test import override_settings

from audit import operations as audit
from audit.models import LogEntry, Proposal
from crm import operations as crm
from crm.models import Campaign, Consent, Customer, Discount, Segment, SegmentVersion
from crm.segments import Condition, Fragment, InvalidDefinition, leaves, parse, register, unregister, where
from crm.segments.tree import Leaf, Text
from crm.selectors import (
    SegmentTooCostly,
    audience,
    compare,
    count_members,
    member_ids,
    members,
    sample_members,
    segments_in_use,
    segments_with_reasons,
    uses_of_segment,
)
from retail.doctor.examine import examine
from retail.kernel.reading import READER, TookTooLong, reading
from tests.flows.chain import NOW, Chain
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def made(definition: str = "created(within: 1 year)", *, slug: str = "new-ones", **more: Any) -> Segment:
    return crm.create_segment(slug=slug, name="New ones", definition=definition, by=None, now=NOW, **more)


def person(name: str, *, days: int = 0, **more: Any) -> Customer:
    return Customer.objects.create(name=name, created_at=NOW - timedelta(days=days), **more)


def live_campaign(segment: Segment) -> Campaign:
    return Campaign.objects.create(
        slug="autumn",
        name="Autumn",
        segment=segment,
        state="RATIFIED",
        starts_at=NOW - timedelta(days=1),
        ratified_at=NOW,
    )


# --- verbs


def test_a_new_segment_is_a_draft_in_its_one_form_with_its_first_version(chain: Chain) -> None:
    segment = crm.create_segment(
        slug="new-ones",
        name="  New ones ",
        description="Letters of welcome",
        definition="Created( within:30 day ) AND (not company)",
        by=chain.dragan,
        now=NOW,
    )
    segment.refresh_from_db()
    assert (segment.slug, segment.name, segment.definition, segment.version, segment.state) == (
        "new-ones",
        "New ones",
        "created(within: 30 days) and not company",
        1,
        "DRAFT",
    )
    version = SegmentVersion.objects.get(segment=segment)
    assert (version.version, version.definition, version.created_by) == (1, segment.definition, chain.dragan)


@pytest.mark.parametrize(
    ("definition", "problem", "start", "end"),
    [
        ("created(within: 30 days) and", "EXPECTED", 28, 29),
        ("boughtt(within: 30 days)", "UNKNOWN_CONDITION", 0, 7),
        ('tier = 2 and bought(shelf: "x")', "UNKNOWN_ARGUMENT", 20, 30),
        ('bought(category: "no-such-shelf")', "UNKNOWN_NAME", 7, 32),
        ('consent = "carrier pigeon"', "UNKNOWN_NAME", 0, 26),
        ('tier = "two"', "WRONG_VALUE", 0, 12),
        ("bought(within: 2026-01-01)", "WRONG_VALUE", 7, 25),
        ("tier", "MISSING_COMPARISON", 0, 4),
        ("company = 1", "NO_COMPARISON", 0, 11),
        ('city > "Niš"', "WRONG_OPERATOR", 0, 12),
        ("created", "MISSING_ARGUMENT", 0, 7),
        ("birthday_month = 13", "TOO_LARGE", 0, 19),
    ],
)
def test_what_makes_no_segment_is_refused_with_its_place(
    chain: Chain, definition: str, problem: str, start: int, end: int
) -> None:
    with nothing_changes(), pytest.raises(crm.InvalidSegment) as refused:
        made(definition)
    details = refused.value.details
    assert (details["problem"], details["start"], details["end"]) == (problem, start, end)


def test_a_near_name_is_offered(chain: Chain) -> None:
    with pytest.raises(crm.InvalidSegment) as refused:
        made("boughtt(within: 30 days)")
    assert refused.value.details["near"] == ["bought"]


def test_a_name_is_needed_and_taken_once(chain: Chain) -> None:
    made()
    with nothing_changes(), pytest.raises(crm.SegmentTaken):
        made()
    with nothing_changes(), pytest.raises(crm.InvalidSegmentName):
        crm.create_segment(slug="x", name=" ", definition="company", by=None, now=NOW)


def test_new_words_are_a_new_version_and_an_old_page_is_refused(chain: Chain) -> None:
    segment = made()
    changed = crm.change_segment(
        segment_id=segment.pk, version=1, definition="company", name="Firms", by=chain.bojan, now=NOW
    )
    assert (changed.definition, changed.version, changed.name) == ("company", 2, "Firms")
    assert list(SegmentVersion.objects.filter(segment=segment).values_list("version", "definition")) == [
        (2, "company"),
        (1, "created(within: 1 year)"),
    ]
    with nothing_changes(), pytest.raises(crm.StaleSegment):
        crm.change_segment(segment_id=segment.pk, version=1, definition="member", by=None, now=NOW)
    with nothing_changes(), pytest.raises(crm.InvalidSegment):
        crm.change_segment(segment_id=segment.pk, version=2, definition="member or", by=None, now=NOW)
    with nothing_changes(), pytest.raises(crm.UnknownSegment):
        crm.change_segment(segment_id=0, version=2, definition="member", by=None, now=NOW)


def test_what_a_live_campaign_asks_changes_by_ratification_only(chain: Chain) -> None:
    segment = made()
    live_campaign(segment)
    kept, leaving = person("Ana", days=5), person("Bojan", days=300)
    coming = person("Ceca", days=900, kind="COMPANY", pib="111911206")
    words = "created(within: 30 days) or company"
    with nothing_changes(), pytest.raises(crm.SegmentInUse):
        crm.change_segment(segment_id=segment.pk, version=1, definition=words, by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(crm.SegmentUnchanged):
        crm.propose_change(
            segment_id=segment.pk, version=1, definition=segment.definition, by=chain.bojan, now=NOW
        )
    # Its name is nobody's price.
    named = crm.change_segment(
        segment_id=segment.pk, version=1, definition=segment.definition, name="Fresh", by=None, now=NOW
    )
    proposal = crm.propose_change(
        segment_id=segment.pk,
        version=named.version,
        definition=words,
        reason="too wide",
        by=chain.bojan,
        now=NOW,
    )
    assert (proposal.kind, proposal.subject_key, proposal.base, proposal.author) == (
        "segment",
        "new-ones",
        {"version": 2},
        chain.bojan,
    )
    assert proposal.diff == [{"field": "definition", "before": "created(within: 1 year)", "after": words}]
    assert proposal.effect == {
        "kept": 1,
        "added": 1,
        "removed": 1,
        "added_examples": [coming.public_id],
        "removed_examples": [leaving.public_id],
    }
    assert kept.public_id
    with nothing_changes(), pytest.raises(audit.OwnProposal):
        audit.ratify(public_id=proposal.public_id, by=chain.bojan, now=NOW)
    audit.ratify(public_id=proposal.public_id, by=chain.dragan, now=NOW)
    segment.refresh_from_db()
    assert (segment.definition, segment.version) == (words, 3)
    newest = SegmentVersion.objects.filter(segment=segment)[0]
    assert (newest.version, newest.definition, newest.created_by) == (3, words, chain.bojan)


def test_a_proposal_on_words_that_changed_is_stale(chain: Chain) -> None:
    segment = made()
    proposal = crm.propose_change(
        segment_id=segment.pk, version=1, definition="company", by=chain.bojan, now=NOW
    )
    crm.change_segment(segment_id=segment.pk, version=1, definition="member", by=None, now=NOW)
    with pytest.raises(audit.StaleProposal):
        audit.ratify(public_id=proposal.public_id, by=chain.dragan, now=NOW)
    assert Proposal.objects.get(pk=proposal.pk).state == "STALE"
    segment.refresh_from_db()
    assert segment.definition == "member"


def test_a_model_proposes_like_everyone_else(chain: Chain) -> None:
    segment = made()
    proposal = crm.propose_change(
        segment_id=segment.pk,
        version=1,
        definition="company",
        by=None,
        author_label="lookalike autumn-v3",
        evidence={"lift": "3.21"},
        now=NOW,
    )
    assert (proposal.author, proposal.author_label) == (None, "lookalike autumn-v3")
    assert proposal.effect["evidence"] == {"lift": "3.21"}
    audit.ratify(public_id=proposal.public_id, by=chain.dragan, now=NOW)
    segment.refresh_from_db()
    assert segment.definition == "company"


def test_a_segment_in_use_cannot_be_retired_and_a_retired_one_can_come_back(chain: Chain) -> None:
    segment = made()
    crm.activate_segment(segment_id=segment.pk, version=1, by=None, now=NOW)
    campaign = live_campaign(segment)
    discount = Discount.objects.create(
        code="ten", name="Ten", kind="PERCENT", value=10, audience="SEGMENT", segment=segment, state="ACTIVE"
    )
    assert [(use.kind, use.key, use.is_live) for use in uses_of_segment(segment_id=segment.pk, now=NOW)] == [
        ("CAMPAIGN", "autumn", True),
        ("DISCOUNT", "ten", True),
    ]
    assert segments_in_use(now=NOW) == {segment.pk}
    with nothing_changes(), pytest.raises(crm.SegmentInUse):
        crm.retire_segment(segment_id=segment.pk, version=1, by=None, now=NOW)
    Campaign.objects.filter(pk=campaign.pk).update(ends_at=NOW)
    Discount.objects.filter(pk=discount.pk).update(state="ENDED")
    assert segments_in_use(now=NOW) == set()
    assert crm.retire_segment(segment_id=segment.pk, version=1, by=None, now=NOW).state == "RETIRED"
    assert crm.activate_segment(segment_id=segment.pk, version=1, by=None, now=NOW).state == "ACTIVE"


def test_the_trace_says_what_changed(chain: Chain) -> None:
    segment = made("company")
    crm.change_segment(segment_id=segment.pk, version=1, definition="member", by=None, now=NOW)
    entry = LogEntry.objects.filter(
        content_type__app_label="crm", content_type__model="segment", object_pk=str(segment.pk), action=1
    ).latest("id")
    assert entry.changes["definition"] == ["company", "member"]
    assert entry.changes["version"] == [1, 2]


# --- members


def test_members_are_counted_sampled_and_listed_in_pages(chain: Chain) -> None:
    people = [person(f"P{number}", days=number) for number in range(7)]
    words = "created(within: 4 days)"
    assert count_members(definition=words, now=NOW) == 5
    assert {each.pk for each in sample_members(definition=words, now=NOW, limit=9)} == {
        each.pk for each in people[:5]
    }
    first = members(definition=words, now=NOW, limit=3)
    rest = members(definition=words, now=NOW, limit=3, after_id=first[-1].pk)
    assert [each.name for each in first + rest] == ["P0", "P1", "P2", "P3", "P4"]
    assert member_ids(definition=words, now=NOW) == [each.pk for each in people[:5]]


def test_two_definitions_are_compared(chain: Chain) -> None:
    for number in range(6):
        person(f"P{number}", days=number)
    found = compare(before="created(within: 3 days)", after="not created(within: 1 day)", now=NOW)
    assert (found.kept, found.added, found.removed) == (2, 2, 2)


def test_letters_go_to_those_who_said_yes_once_to_each_mailbox(chain: Chain) -> None:
    ana, again, no, silent = (
        person("Ana", email="ana@example.com"),
        person("Ana again", email="ANA@example.com"),
        person("No", email="no@example.com"),
        person("Silent"),
    )
    person("Never asked", email="never@example.com")
    for each, words in ((ana, [True]), (again, [True]), (no, [True, False]), (silent, [True])):
        for minute, is_given in enumerate(words):
            Consent.objects.create(
                customer=each,
                kind="NEWSLETTER",
                is_given=is_given,
                wording="w",
                given_at=NOW + timedelta(minutes=minute),
            )
    found = list(audience(definition="not company", consent="NEWSLETTER", now=NOW))
    assert [(each.customer_id, each.email) for each in found] == [(ana.pk, "ana@example.com")]
    assert count_members(definition="not company", consent="NEWSLETTER", now=NOW) == 3


def test_an_account_is_told_its_segments_and_why(chain: Chain) -> None:
    ana = person("Ana", days=5)
    for slug, words in (
        ("fresh", "created(within: 30 days) and not company"),
        ("old", "created(until: 2020-01-01)"),
        ("either", "company or not has_login"),
    ):
        made = crm.create_segment(slug=slug, name=slug.title(), definition=words, by=None, now=NOW)
        crm.activate_segment(segment_id=made.pk, version=1, by=None, now=NOW)
    crm.create_segment(slug="draft", name="Draft", definition="not company", by=None, now=NOW)
    found = segments_with_reasons(customer_id=ana.pk, now=NOW)
    assert [(each.fact.slug, [(r.words, r.is_met) for r in each.reasons]) for each in found] == [
        ("either", [("company", False), ("not has_login", True)]),
        ("fresh", [("created(within: 30 days)", True), ("not company", True)]),
    ]


# --- guards


def test_what_people_compose_cannot_write(chain: Chain) -> None:
    for statement in (
        "UPDATE crm_customer SET name = 'x'",
        "INSERT INTO crm_tier (code, rank, name, spend_from, earn_factor) VALUES ('x', 9, 'x', 0, 1)",
        "DELETE FROM crm_segment",
    ):
        with (
            nothing_changes(),
            pytest.raises((InternalError, ProgrammingError)),
            reading(seconds=5) as cursor,
        ):
            cursor.execute(statement)


def test_it_runs_as_a_role_that_may_only_read(chain: Chain) -> None:
    with reading(seconds=5) as cursor:
        cursor.execute("SELECT current_user, current_setting('transaction_read_only')")
        assert cursor.fetchone() == (READER, "on")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'crm_customer', 'SELECT'), has_table_privilege(%s, 'crm_customer', 'UPDATE'), "
            "has_table_privilege(%s, 'kernel_user', 'SELECT'), has_table_privilege(%s, 'kernel_apikey', 'SELECT')",
            [READER] * 4,
        )
        assert cursor.fetchone() == (True, False, False, False)
        cursor.execute("SELECT current_user <> %s, current_setting('transaction_read_only')", [READER])
        assert cursor.fetchone() == (True, "off")


def test_it_is_stopped_after_its_time(chain: Chain) -> None:
    with pytest.raises(TookTooLong), reading(seconds=0.05) as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    register(
        Condition(
            name="sleepy",
            words="sleepy",
            compile=lambda leaf, now: Fragment("(SELECT pg_sleep(5) IS NOT NULL) AND c.id > 0"),
        )
    )
    person("Ana")
    try:
        with override_settings(SEGMENT_SECONDS_MAX=0.05), pytest.raises(SegmentTooCostly) as refused:
            count_members(definition="sleepy", now=NOW)
    finally:
        unregister("sleepy")
    assert refused.value.details == {"seconds": 0.05}


def test_what_the_planner_takes_for_too_much_does_not_run(chain: Chain) -> None:
    person("Ana")
    with override_settings(SEGMENT_COST_MAX=0), pytest.raises(SegmentTooCostly) as refused:
        count_members(definition="not company", now=NOW)
    assert refused.value.details["most"] == 0


HOSTILE = [
    "' OR 1=1 --",
    '"; DROP TABLE crm_customer; --',
    "%s %(x)s %",
    "\\'; SELECT pg_sleep(9); --",
    "$1 $$ $q$",
    "{c.id} {0}",
    "_connector",
    'a" OR 1',
    "\u2028<script>",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_values_are_values(chain: Chain, words: str) -> None:
    person("Ana")
    for name in ("city", "language", "store", "channel", "consent"):
        leaf = Leaf(name, (), "=", (Text(words),))
        assert where(leaf, NOW).sql == where(Leaf(name, (), "=", (Text("x"),)), NOW).sql
        assert count_members(definition=leaf, now=NOW) == 0
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "words",
    [
        *HOSTILE,
        "tier = 2 OR 1=1",
        "tier = 2) OR (1 = 1",
        "1 = 1",
        "c.id = 1",
        "tier = c.id",
        "id = 1",
        "tier__rank = 2",
    ],
)
def test_hostile_words_are_no_segment(chain: Chain, words: str) -> None:
    with nothing_changes(), pytest.raises(crm.InvalidSegment):
        made(words)
    with pytest.raises(InvalidDefinition):
        where(words, NOW)


# --- doctor


def test_doctor_names_a_segment_in_use_that_cannot_be_read(chain: Chain) -> None:
    sound, broken = made(slug="sound"), made(slug="broken")
    for each in (sound, broken):
        crm.activate_segment(segment_id=each.pk, version=1, by=None, now=NOW)

    def found() -> list[Any]:
        (finding,) = examine(("segment_in_use_is_readable",))
        return [row["slug"] for row in finding.rows]

    assert found() == []
    Segment.objects.filter(pk=broken.pk).update(definition="gone_with_a_room = 1")
    assert found() == ["broken"]
    (newest,) = examine(("segment_is_its_newest_version",))
    assert [row["slug"] for row in newest.rows] == ["broken"]
    assert [leaf.name for leaf in leaves(parse("gone_with_a_room = 1"))] == ["gone_with_a_room"]
