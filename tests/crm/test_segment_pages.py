"""Segments in the back office: built as a tree or as text without any script, counted as one types, exported with a row of who took it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import LogEntry, Proposal
from crm import operations as crm
from crm.models import Campaign, Consent, Customer, Segment, SegmentExport
from crm.segment_pages import draft as drafts
from crm.segments import parse
from tests.api.integrator import Api, refused
from tests.staff import client_of, make_staff

pytestmark = pytest.mark.django_db
BASE = "/en/ops/customers/segments/"


@pytest.fixture
def mila(db: None) -> Client:
    return client_of(make_staff("MERCHANDISER", name="Mila"))


@pytest.fixture
def people(db: None) -> list[Customer]:
    now = timezone.now()
    return [
        Customer.objects.create(name="Ana", email="ana@example.com", created_at=now),
        Customer.objects.create(name="=HYPERLINK(1)", email="b@example.com", created_at=now),
        Customer.objects.create(name="Firma", kind="COMPANY", pib="111911206", created_at=now),
    ]


def segment(definition: str = "not company", slug: str = "people") -> Segment:
    return crm.create_segment(slug=slug, name="People", definition=definition, by=None, now=timezone.now())


def live(of: Segment) -> None:
    now = timezone.now()
    Campaign.objects.create(
        slug="autumn", name="Autumn", segment=of, state="RATIFIED", starts_at=now, ratified_at=now
    )


def fields(html: str) -> dict[str, str]:
    """What a browser would send of the form as it stands."""
    form = html.split('id="segment-form"')[1]
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r' name="([^"]*)"', tag)
        value = re.search(r' value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            sent[name[1]] = value[1] if value else ""
    for name, body in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(
            r'<option value="([^"]*)"', body
        )
        sent[name] = chosen[1].replace("&gt;", ">").replace("&lt;", "<") if chosen else ""
    return sent


@pytest.mark.parametrize(
    "words",
    [
        "not company",
        "company",
        "tier = 2 and bought(within: 90 days, at_least: 2) and not bought(since: 2026-01-01)",
        "(spent(within: 1 year) >= 20000.5 RSD or orders >= 10) and not (company or overdue)",
        "not (not member)",
        "tier in (1, 2) or points < 100",
        'consent != "newsletter" or language = "en"',
    ],
)
def test_the_form_says_what_the_words_say(mila: Client, words: str) -> None:
    """Stored words → form → what the browser sends → words."""
    made = segment(words)
    html = mila.get(f"{BASE}{made.slug}/edit/").content.decode()
    sent = drafts.from_form(fields(html))
    assert parse(drafts.to_words(sent)) == parse(words)


def test_a_segment_is_built_by_buttons_alone(mila: Client, people: list[Customer]) -> None:
    html = mila.get(f"{BASE}new/").content.decode()
    sent = fields(html)
    html = mila.post(f"{BASE}new/", {**sent, "act": "remove:0.0"}).content.decode()
    assert "Nothing is said yet." in html
    html = mila.post(f"{BASE}new/", {**fields(html), "0:new": "company", "act": "add:0"}).content.decode()
    html = mila.post(f"{BASE}new/", {**fields(html), "0.0:not": "1", "act": "look"}).content.decode()
    assert '<b class="num">2</b>' in html and "not company" in html
    html = mila.post(f"{BASE}new/", {**fields(html), "0:new": "created", "act": "group:0"}).content.decode()
    sent = {**fields(html), "0.1.0:arg:within": "5", "0.1.0:arg:within:unit": "day", "name": "Čitaoci"}
    answer = mila.post(f"{BASE}new/", {**sent, "act": "save"})
    made = Segment.objects.get()
    assert (answer.status_code, made.slug, made.name) == (302, "citaoci", "Čitaoci")
    assert made.definition == "not company and created(within: 5 days)"


def test_text_and_tree_are_two_views(mila: Client) -> None:
    made = segment("company or member")
    html = mila.get(f"{BASE}{made.slug}/edit/").content.decode()
    html = mila.post(f"{BASE}{made.slug}/edit/", {**fields(html), "act": "text"}).content.decode()
    assert ">company or member</textarea>" in html
    sent = {
        "view": "text",
        "version": "1",
        "name": "People",
        "definition": "member and points > 5",
        "act": "tree",
    }
    html = mila.post(f"{BASE}{made.slug}/edit/", sent).content.decode()
    assert drafts.to_words(drafts.from_form(fields(html))) == "member and points > 5"


def test_a_mistake_is_shown_where_it_is(mila: Client) -> None:
    made = segment()
    sent = {
        "view": "text",
        "version": "1",
        "name": "People",
        "definition": "company and boughtt",
        "act": "save",
    }
    answer = mila.post(f"{BASE}{made.slug}/edit/", sent)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "There is no condition “boughtt”." in html and "Did you mean “bought”?" in html
    assert "company and <mark>boughtt</mark>" in html
    assert f'<span aria-hidden="true">{" " * 12}^^^^^^^</span>' in html
    assert 'aria-invalid="true"' in html and 'aria-describedby="mistake definition-h"' in html
    made.refresh_from_db()
    assert (made.definition, made.version) == ("not company", 1)


def test_count_and_sample_follow_the_fingers(mila: Client, people: list[Customer]) -> None:
    html = mila.post(f"{BASE}look/", {"view": "text", "definition": "company"}).content.decode()
    assert '<b class="num">1</b>' in html and "Firma" in html
    html = mila.post(f"{BASE}look/", {"view": "text", "definition": "company and"}).content.decode()
    assert "Something is missing at the end" in html
    assert not LogEntry.objects.filter(content_type__model="segment").exists()


def test_names_are_suggested(mila: Client) -> None:
    Campaign.objects.create(slug="autumn", name="Autumn")
    html = mila.get(f"{BASE}names/?source=bought.campaign&0.0:arg:campaign=aut").content.decode()
    assert '<option value="autumn">Autumn</option>' in html
    assert mila.get(f"{BASE}names/?source=nothing.here").content.decode().strip() == ""


def test_what_an_offer_asks_is_proposed_and_ratified_by_another(mila: Client, people: list[Customer]) -> None:
    made = segment()
    live(made)
    page = f"{BASE}{made.slug}/edit/"
    assert "Propose the change" in mila.get(page).content.decode()
    sent = {"view": "text", "version": "1", "name": "People", "definition": "company"}
    refused = mila.post(page, {**sent, "act": "save"})
    assert refused.status_code == 422 and "propose the change instead" in refused.content.decode()
    assert mila.post(page, {**sent, "act": "propose", "reason": "firms only"}).status_code == 302
    proposal = Proposal.objects.get()
    where = f"{BASE}{made.slug}/proposals/{proposal.public_id}/"
    html = mila.get(where).content.decode()
    assert "You proposed it; another person decides." in html and "Firma" in html and "Ana" in html
    mila.post(f"{where}decide/", {"act": "ratify"})
    made.refresh_from_db()
    assert made.definition == "not company"
    other = client_of(make_staff("OPS_LEAD", name="Dragan"))
    assert other.post(f"{where}decide/", {"act": "ratify"}).status_code == 302
    made.refresh_from_db()
    assert (made.definition, made.version) == ("company", 2)


def test_a_rejection_says_why(mila: Client) -> None:
    made = segment()
    proposal = crm.propose_change(
        segment_id=made.pk, version=1, definition="company", by=None, now=timezone.now()
    )
    where = f"{BASE}{made.slug}/proposals/{proposal.public_id}/decide/"
    mila.post(where, {"act": "reject"})
    assert Proposal.objects.get().state == "OPEN"
    mila.post(where, {"act": "reject", "reason": "too narrow"})
    assert (Proposal.objects.get().state, Proposal.objects.get().decision_reason) == (
        "REJECTED",
        "too narrow",
    )


def test_an_export_is_streamed_and_leaves_one_row(mila: Client, people: list[Customer]) -> None:
    made = segment()
    answer: Any = mila.post(f"{BASE}{made.slug}/export/", {})
    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    ana, formula, _ = people
    assert body == (
        '"id","name","email","phone","language","tier","points"\r\n'
        f'"{ana.public_id}","Ana","ana@example.com","","sr-latn","",""\r\n'
        f'"{formula.public_id}","\'=HYPERLINK(1)","b@example.com","","sr-latn","",""\r\n'
    )
    row = SegmentExport.objects.get()
    assert (row.segment, row.version, row.definition, row.members_count, row.consent) == (
        made,
        1,
        "not company",
        2,
        "",
    )
    assert row.by is not None and row.by.name == "Mila"
    assert LogEntry.objects.filter(content_type__model="segmentexport").count() == 1


def test_an_export_keeps_to_the_consent(mila: Client, people: list[Customer]) -> None:
    Consent.objects.create(customer=people[0], kind="NEWSLETTER", is_given=True, wording="w")
    made = segment()
    answer: Any = mila.post(f"{BASE}{made.slug}/export/", {"consent": "NEWSLETTER"})
    assert b"".join(answer.streaming_content).decode().count("\r\n") == 2
    row = SegmentExport.objects.get()
    assert (row.members_count, row.consent) == (1, "NEWSLETTER")


def test_pages_show_members_uses_and_versions(mila: Client, people: list[Customer]) -> None:
    made = segment()
    crm.change_segment(segment_id=made.pk, version=1, definition="company", by=None, now=timezone.now())
    live(made)
    html = mila.get(f"{BASE}{made.slug}/").content.decode()
    assert "Is a company" in html and "Autumn" in html and "not company" in html
    assert "Firma" in mila.get(f"{BASE}{made.slug}/members/").content.decode()
    assert "People" in mila.get(BASE).content.decode()
    mila.post(f"{BASE}{made.slug}/state/", {"act": "activate", "version": "2"})
    made.refresh_from_db()
    assert made.state == "ACTIVE"
    mila.post(f"{BASE}{made.slug}/state/", {"act": "retire", "version": "2"})
    made.refresh_from_db()
    assert made.state == "ACTIVE"


def test_who_only_looks_changes_nothing(people: list[Customer]) -> None:
    made = segment()
    agent = client_of(make_staff("AGENT", name="Olga"))
    assert agent.get(f"{BASE}{made.slug}/").status_code == 200
    for path, sent in (("edit/", {"act": "save"}), ("export/", {}), ("state/", {"act": "retire"})):
        assert agent.post(f"{BASE}{made.slug}/{path}", sent).status_code == 403
    assert SegmentExport.objects.count() == 0


def test_segments_by_api(people: list[Customer]) -> None:
    made = segment()
    api = Api("customers:read")
    assert [row["slug"] for row in api.get("segments").json()["results"]] == [made.slug]
    assert api.get(f"segments/{made.slug}").json()["count"] == 2
    first = api.get(f"segments/{made.slug}/members", limit=1).json()
    assert [each["name"] for each in first["results"]] == ["Ana"]
    second = api.get(first["next"]).json()
    assert ([each["name"] for each in second["results"]], second["next"]) == (["=HYPERLINK(1)"], None)
    assert api.get(f"segments/{made.slug}/members", consent="SMS").json()["results"] == []
    assert refused(api.get("segments/none")) == (404, "UNKNOWN_SEGMENT")
    assert refused(api.get(f"segments/{made.slug}/members", consent="PIGEON")) == (400, "INVALID_INPUT")
    assert refused(Api("orders:read").get("segments"))[0] == 403
    Segment.objects.update(definition="gone_with_its_room")
    assert refused(api.get(f"segments/{made.slug}")) == (400, "INVALID_SEGMENT")
