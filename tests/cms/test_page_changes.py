"""A page of a campaign that is on: edited beside the live one, ratified by a second person, published whole or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from audit import operations as proposals
from audit.models import Proposal
from audit.selectors import history_of
from cms.models import CampaignPage
from cms.workflows import campaigns, page_changes
from crm.models import Campaign
from crm.operations import campaigns as verbs
from crm.operations.campaigns import BadCampaign, CampaignLocked
from retail.kernel import clock
from retail.kernel.context import acting
from retail.kernel.errors import NotAllowed
from retail.kernel.models import User
from storefront.models import Variant
from tests.cms.pages import stream
from tests.cms.test_campaigns import CLOSES, OPENS, drafted, ratified
from tests.cms.test_pages import seen, words
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
ON = OPENS + timedelta(hours=1)


@pytest.fixture
def campaign(mila: User, dragan: User, book: Variant) -> Campaign:
    found = ratified(mila, dragan)
    edit(mila, "Prve reči")
    first = page_changes.submit_pages(campaign_id=found.pk, reason="", by=mila, now=ON)
    proposals.ratify(public_id=first.public_id, by=dragan, now=ON)
    return found


def edit(by: User, text: str) -> None:
    """As Wagtail's editor saves a draft."""
    page = CampaignPage.objects.get().get_latest_revision_as_object()
    page.body = stream(("text", {"text": f"<p>{text}</p>", "segment": None}))
    page.save_revision(user=by, log_action=True)


def read() -> str:
    return words(seen("/jesen/", now=ON))


def submit(campaign: Campaign, by: User, reason: str = "") -> Proposal:
    return page_changes.submit_pages(campaign_id=campaign.pk, reason=reason, by=by, now=ON)


def test_shoppers_read_the_old_page_until_a_second_person_has_ratified(
    campaign: Campaign, mila: User, dragan: User
) -> None:
    assert "Prve reči" in read()
    edit(mila, "Druge <b>reči</b>")
    assert "Prve reči" in read() and "Druge reči" not in read()
    proposal = submit(campaign, mila, "pravopis")
    assert "Prve reči" in read() and "Druge reči" not in read()
    assert [(row["field"], row["before"], row["after"]) for row in proposal.diff] == [
        ("Jesen /jesen/ (sr-latn)", "text: text Prve reči", None),
        ("Jesen /jesen/ (sr-latn)", None, "text: text Druge reči"),
    ]
    with nothing_changes(), pytest.raises(proposals.OwnProposal):
        proposals.ratify(public_id=proposal.public_id, by=mila, now=ON)
    with acting(by=dragan):
        proposals.ratify(public_id=proposal.public_id, by=dragan, now=ON)
    assert "Druge reči" in read() and "Prve reči" not in read()
    assert Campaign.objects.get().state == "RATIFIED"
    assert CampaignPage.objects.get().current_workflow_state is None
    published = next(
        e
        for e in history_of("wagtailcore.page", [CampaignPage.objects.get().pk])
        if "live_revision_id" in e.changes or "live_revision" in e.changes
    )
    assert published.actor == dragan


def test_while_it_waits_the_page_is_locked_and_nobody_submits_again(campaign: Campaign, mila: User) -> None:
    edit(mila, "Druge reči")
    submit(campaign, mila)
    page = CampaignPage.objects.get()
    assert page.current_workflow_task_state is not None
    assert page.current_workflow_task_state.task.specific.locked_for_user(page, mila)
    with nothing_changes(), pytest.raises(CampaignLocked):
        submit(campaign, mila)


def test_rejected_it_is_a_draft_again_and_the_live_page_stays(
    campaign: Campaign, mila: User, dragan: User
) -> None:
    edit(mila, "Druge reči")
    proposal = submit(campaign, mila)
    proposals.reject(public_id=proposal.public_id, reason="ne tako", by=dragan, now=ON)
    assert "Prve reči" in read()
    page = CampaignPage.objects.get()
    assert (page.current_workflow_state, page.has_unpublished_changes, page.live) == (None, True, True)
    assert Campaign.objects.get().state == "RATIFIED"
    assert submit(campaign, mila).state == "OPEN"


def test_a_draft_that_changed_after_it_was_shown_is_not_published(
    campaign: Campaign, mila: User, dragan: User
) -> None:
    edit(mila, "Druge reči")
    proposal = submit(campaign, mila)
    edit(mila, "Treće reči")
    with pytest.raises(proposals.StaleProposal):
        proposals.ratify(public_id=proposal.public_id, by=dragan, now=ON)
    assert "Prve reči" in read()
    proposal.refresh_from_db()
    assert (proposal.state, CampaignPage.objects.get().current_workflow_state) == ("STALE", None)


def test_over_means_over(campaign: Campaign, mila: User, dragan: User) -> None:
    edit(mila, "Druge reči")
    with nothing_changes(), pytest.raises(BadCampaign):
        page_changes.submit_pages(campaign_id=campaign.pk, reason="", by=mila, now=CLOSES)
    proposal = submit(campaign, mila)
    verbs.end_campaign(campaign_id=campaign.pk, reason="gotovo", by=mila, now=ON)
    with pytest.raises(proposals.StaleProposal):
        proposals.ratify(public_id=proposal.public_id, by=dragan, now=ON)
    assert CampaignPage.objects.get().has_unpublished_changes


def test_what_is_not_new_and_what_is_no_running_campaign_is_refused(campaign: Campaign, mila: User) -> None:
    with nothing_changes(), pytest.raises(page_changes.NothingChanged):
        submit(campaign, mila)
    other = drafted(mila, slug="zima", name="Zima")
    with nothing_changes(), pytest.raises(CampaignLocked):
        submit(other, mila)


def test_only_who_may_decide_decides(campaign: Campaign, mila: User) -> None:
    edit(mila, "Druge reči")
    proposal = submit(campaign, mila)
    vesna = make_staff("AGENT", name="Vesna")
    with nothing_changes(), pytest.raises(NotAllowed):
        proposals.ratify(public_id=proposal.public_id, by=vesna, now=ON)


def test_the_page_in_cms_offers_it_and_shows_what_changes(
    campaign: Campaign, mila: User, dragan: User
) -> None:
    edit(mila, "Druge reči")
    url = f"/cms/campaigns/{campaign.public_id}/"
    editor: Client = client_of(mila)
    with clock.standing_at(ON):
        assert f"{url}submit-pages/" in editor.get(url).content.decode()
        assert editor.post(f"{url}submit-pages/", {"reason": "pravopis"}).status_code == 302
        assert f"{url}submit-pages/" not in editor.get(url).content.decode()
        lead = client_of(dragan)
        assert "text: text Druge reči" in lead.get(url).content.decode()
        lead.post(f"{url}decide/", {"act": "ratify"})
    assert "Druge reči" in read()
    assert campaigns.open_proposal_of(campaign) is None
