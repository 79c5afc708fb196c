"""A campaign from its form to its end: two people, one transaction, page and price by one clock, each change in the trace."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from audit import operations as proposals
from audit.models import Proposal
from audit.selectors import history_of
from cms.models import CampaignPage
from cms.workflows import campaigns
from cms.workflows.discounts import DiscountDraft
from crm.models import Campaign, Coupon, Discount, Segment
from crm.operations import campaigns as verbs
from crm.operations.campaigns import BadCampaign, CampaignDetails, CampaignLocked
from oms import selectors as oms
from oms.pricing import BadDiscount
from retail.kernel import clock
from retail.kernel.context import acting
from retail.kernel.errors import NotAllowed, StaleVersion
from retail.kernel.models import User
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from tests.staff import make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
OPENS, CLOSES = NOW + timedelta(hours=1), NOW + timedelta(days=7)


def details(**changes: Any) -> CampaignDetails:
    usual = {"name": "Jesen", "slug": "jesen", "starts_at": OPENS, "ends_at": CLOSES}
    return CampaignDetails(**{**usual, **changes})


def twenty(**changes: Any) -> DiscountDraft:
    return DiscountDraft(**{"name": "Dvadeset", "kind": "PERCENT", "value": Decimal(20), **changes})


def drafted(by: User, *drafts: DiscountDraft, **changes: Any) -> Campaign:
    made = campaigns.start_campaign(
        details=details(**changes), drafts=drafts or (twenty(),), makes_page=True, by=by, now=NOW
    )
    return made.campaign


def submitted(by: User, *drafts: DiscountDraft, **changes: Any) -> Proposal:
    campaign = drafted(by, *drafts, **changes)
    return campaigns.submit_campaign(campaign_id=campaign.pk, reason="jesen je", by=by, now=NOW)


def ratified(author: User, by: User, *drafts: DiscountDraft, **changes: Any) -> Campaign:
    proposal = submitted(author, *drafts, **changes)
    proposals.ratify(public_id=proposal.public_id, by=by, now=NOW)
    return Campaign.objects.get(public_id=proposal.subject_key)


def unit_price(chain: Chain, book: Variant, at: datetime) -> Decimal:
    (line,) = oms.quote(channel=chain.channel, wanted=[oms.Wanted("1", book, 1)], now=at).priced.lines
    return line.total


def page_status(at: datetime) -> int:
    with clock.standing_at(at):
        return int(Client().get("/jesen/").status_code)


# ------------------------------------------------------------------ drafting
def test_one_step_makes_campaign_discount_and_page(mila: User, book: Variant) -> None:
    campaign = drafted(mila, twenty(skus=[book.sku], coupon_word="jesen 20", audience="COUPON"))
    discount = Discount.objects.get()
    assert (discount.code, discount.state, discount.campaign) == ("jesen-1", "DRAFT", campaign)
    assert [target.variant for target in discount.targets.all()] == [book]
    assert Coupon.objects.get().code == "JESEN20"
    page = CampaignPage.objects.get()
    assert (page.slug, page.live, page.campaign) == ("jesen", False, campaign)
    assert [block.block_type for block in page.body] == ["hero", "countdown", "products"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"ends_at": OPENS}, "ends_at"),
        ({"holdout_percent": 10}, "holdout_percent"),
        ({"budget_kind": "MONEY"}, "budget_limit"),
        ({"budget_limit": Decimal(5)}, "budget_kind"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(mila: User, changes: dict[str, Any], field: str) -> None:
    with nothing_changes(), pytest.raises(BadCampaign) as refused:
        drafted(mila, **changes)
    assert refused.value.details["field"] == field


def test_numbers_of_a_discount_are_judged_by_the_engine(mila: User) -> None:
    with nothing_changes(), pytest.raises(BadDiscount):
        drafted(mila, DiscountDraft(name="Tri za dva", kind="N_FOR_M", take=2, pay=3))
    with nothing_changes(), pytest.raises(BadCampaign) as refused:
        drafted(mila, twenty(skus=["nema"]))
    assert refused.value.details["field"] == "skus"


def test_two_editors_do_not_overwrite_each_other(mila: User) -> None:
    campaign = drafted(mila)
    first: dict[str, Any] = {"campaign_id": campaign.pk, "version": campaign.version, "by": mila, "now": NOW}
    campaigns.change_campaign(details=details(name="Prva"), drafts=(), **first)
    with nothing_changes(), pytest.raises(StaleVersion):
        campaigns.change_campaign(details=details(name="Druga"), drafts=(), **first)
    assert Discount.objects.get().state == "ENDED"  # it was not in the form any more


# ------------------------------------------------------------------ a second person
def test_page_and_price_open_and_close_with_the_clock_alone(
    chain: Chain, mila: User, dragan: User, book: Variant
) -> None:
    campaign = ratified(mila, dragan, twenty(skus=[book.sku]))
    assert (campaign.state, campaign.ratified_by) == ("RATIFIED", dragan)
    just_before, last = OPENS - timedelta(microseconds=1), CLOSES - timedelta(microseconds=1)
    moments = (NOW, just_before, OPENS, last, CLOSES)
    assert [page_status(at) for at in moments] == [404, 404, 200, 200, 404]
    prices = [unit_price(chain, book, at) for at in moments]
    assert prices == [Decimal(price) for price in ("1000.00", "1000.00", "800.00", "800.00", "1000.00")]


def test_without_a_start_it_is_on_from_its_ratification(
    chain: Chain, mila: User, dragan: User, book: Variant
) -> None:
    campaign = ratified(mila, dragan, starts_at=None)
    assert campaign.starts_at == NOW
    assert (page_status(NOW), unit_price(chain, book, NOW)) == (200, Decimal("800.00"))


def test_the_author_may_not_ratify(mila: User) -> None:
    proposal = submitted(mila)
    with nothing_changes(), pytest.raises(proposals.OwnProposal):
        proposals.ratify(public_id=proposal.public_id, by=mila, now=NOW)


def test_only_who_may_decide_about_campaigns_decides(mila: User) -> None:
    proposal = submitted(mila)
    for role in ("AGENT", "ACCOUNTANT", "PICKER"):
        stranger = make_staff(role)
        with nothing_changes(), pytest.raises(NotAllowed):
            proposals.ratify(public_id=proposal.public_id, by=stranger, now=NOW)
        with nothing_changes(), pytest.raises(NotAllowed):
            proposals.reject(public_id=proposal.public_id, reason="ne", by=stranger, now=NOW)


def test_above_the_limit_of_a_role_only_the_lead_ratifies(mila: User, dragan: User, book: Variant) -> None:
    other = make_staff("MERCHANDISER", name="Sanja")
    proposal = submitted(mila, twenty(value=Decimal(45), skus=[book.sku]))
    with nothing_changes(), pytest.raises(campaigns.OverTheLimit):
        proposals.ratify(public_id=proposal.public_id, by=other, now=NOW)
    proposals.ratify(public_id=proposal.public_id, by=dragan, now=NOW)
    assert Campaign.objects.get().state == "RATIFIED"


def test_nothing_of_it_changes_while_it_waits(mila: User) -> None:
    proposal = submitted(mila)
    campaign = Campaign.objects.get()
    with nothing_changes(), pytest.raises(CampaignLocked):
        campaigns.change_campaign(
            campaign_id=campaign.pk, version=campaign.version, details=details(), drafts=(), by=mila, now=NOW
        )
    page = CampaignPage.objects.get()
    assert page.current_workflow_state.status == "in_progress"
    assert page.get_lock().for_user(mila)
    assert proposal.state == "OPEN"


@pytest.mark.parametrize("what", ["discounts", "segments", "pages", "campaign"])
def test_a_base_that_changed_is_refused_and_the_campaign_is_a_draft_again(
    mila: User, dragan: User, what: str
) -> None:
    tier = Segment.objects.create(slug="nivo", name="Nivo", definition='city = "Beograd"', state="ACTIVE")
    proposal = submitted(mila, segment_id=tier.pk)
    if what == "discounts":
        Discount.objects.update(version=2)
    elif what == "segments":
        Segment.objects.update(version=2)
    elif what == "campaign":
        Campaign.objects.update(version=9)
    else:
        CampaignPage.objects.get().save_revision(clean=False)
    with pytest.raises(proposals.StaleProposal) as refused:
        proposals.ratify(public_id=proposal.public_id, by=dragan, now=NOW)
    assert refused.value.details["changed"] == [what]
    proposal.refresh_from_db()
    assert (proposal.state, Campaign.objects.get().state) == ("STALE", "DRAFT")
    page = CampaignPage.objects.get()
    assert (page.live, page.current_workflow_state) == (False, None)
    assert Discount.objects.get().state == "DRAFT"


def test_rejected_with_a_reason_it_is_a_draft_and_can_be_submitted_again(
    chain: Chain, mila: User, dragan: User, book: Variant
) -> None:
    proposal = submitted(mila)
    proposals.reject(public_id=proposal.public_id, reason="previše", by=dragan, now=NOW)
    campaign = Campaign.objects.get()
    assert (campaign.state, CampaignPage.objects.get().live) == ("DRAFT", False)
    again = campaigns.submit_campaign(campaign_id=campaign.pk, reason="", by=mila, now=NOW)
    proposals.ratify(public_id=again.public_id, by=dragan, now=NOW)
    assert unit_price(chain, book, OPENS) == Decimal("800.00")


def test_ended_early_page_and_price_are_gone_with_the_next_request(
    chain: Chain, mila: User, dragan: User, book: Variant
) -> None:
    campaign = ratified(mila, dragan)
    later = OPENS + timedelta(hours=1)
    assert (page_status(later), unit_price(chain, book, later)) == (200, Decimal("800.00"))
    with nothing_changes(), pytest.raises(BadCampaign):
        verbs.end_campaign(campaign_id=campaign.pk, reason=" ", by=mila, now=later)
    verbs.end_campaign(campaign_id=campaign.pk, reason="greška u ceni", by=mila, now=later)
    assert (page_status(later), unit_price(chain, book, later)) == (404, Decimal("1000.00"))
    campaign.refresh_from_db()
    assert (campaign.state, campaign.end_reason, campaign.ended_at) == ("ENDED", "greška u ceni", later)


# ------------------------------------------------------------------ the trace
def test_publishing_and_a_discount_edit_leave_who_what_before_and_after(mila: User, dragan: User) -> None:
    with acting(by=mila):
        campaign = drafted(mila)
        discount = Discount.objects.get()
        campaigns.change_campaign(
            campaign_id=campaign.pk,
            version=campaign.version,
            details=details(),
            drafts=[twenty(value=Decimal(25), discount_id=discount.pk)],
            by=mila,
            now=NOW,
        )
        proposal = campaigns.submit_campaign(campaign_id=campaign.pk, reason="", by=mila, now=NOW)
    edit = history_of("crm.discount", [discount.pk]).first()
    assert edit is not None
    assert edit.actor == mila
    assert (edit.changes["value"], edit.changes["version"]) == ([20.0, 25.0], [1, 2])
    with acting(by=dragan):
        proposals.ratify(public_id=proposal.public_id, by=dragan, now=NOW)
    page = CampaignPage.objects.get()
    published = next(e for e in history_of("wagtailcore.page", [page.pk]) if "live" in e.changes)
    assert (published.actor, published.changes["live"]) == (dragan, [False, True])
    activated = history_of("crm.discount", [discount.pk]).first()
    assert activated is not None
    assert (activated.actor, activated.changes["state"]) == (dragan, ["DRAFT", "ACTIVE"])
    went_on = history_of("crm.campaign", [campaign.pk]).first()
    assert went_on is not None
    assert (went_on.actor, went_on.changes["state"]) == (dragan, ["SUBMITTED", "RATIFIED"])
