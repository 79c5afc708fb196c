"""A campaign from the first word to its end: drafted in one step, put before a second person, opened and closed by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils.html import escape
from wagtail.models import Page, Site, Workflow

from audit import operations as proposals
from audit.models import Proposal
from audit.states import ProposalState
from cms.blocks import BESTSELLERS, OF_DISCOUNT
from cms.models import CampaignPage
from cms.rights import WORKFLOW
from cms.workflows import description, discounts, guards, page_changes, replay
from cms.workflows.discounts import DiscountDraft
from crm.models import Campaign, Discount
from crm.operations import campaigns as crm
from crm.operations.campaigns import BadCampaign, CampaignDetails
from crm.states import CampaignState, DiscountState
from retail.kernel.access import RATIFY_CAMPAIGNS, may
from retail.kernel.errors import NotAllowed
from retail.kernel.models import User

KIND, SUBJECT = page_changes.KIND, page_changes.SUBJECT
PERMISSION = RATIFY_CAMPAIGNS
REPLAYED_AT_SUBMISSION = 500


class OverTheLimit(NotAllowed):
    """A discount above what this person's role may ratify."""

    code = "DISCOUNT_OVER_LIMIT"


@dataclass(frozen=True, slots=True)
class Made:
    campaign: Campaign
    page: CampaignPage | None


def start_campaign(
    *, details: CampaignDetails, drafts: Sequence[DiscountDraft], makes_page: bool, by: User, now: datetime
) -> Made:
    """The whole draft of one form: campaign, discounts and a landing page that shows their goods."""
    with transaction.atomic():
        campaign = crm.create_campaign(details=details, by=by, now=now)
        for draft in drafts:
            discounts.save(draft=draft, campaign=campaign, by=by, now=now)
        page = make_page(campaign=campaign, by=by) if makes_page else None
    return Made(campaign, page)


def change_campaign(
    *,
    campaign_id: int,
    version: int,
    details: CampaignDetails,
    drafts: Sequence[DiscountDraft],
    by: User,
    now: datetime,
) -> Campaign:
    """What the editor's one form says now; a discount that is not in it any more is ended."""
    with transaction.atomic():
        campaign = crm.change_campaign(
            campaign_id=campaign_id, version=version, details=details, by=by, now=now
        )
        kept = {discounts.save(draft=draft, campaign=campaign, by=by, now=now).pk for draft in drafts}
        for left in Discount.objects.filter(campaign=campaign, state=DiscountState.DRAFT).exclude(
            pk__in=kept
        ):
            discounts.end(discount=left, by=by, now=now)
    return campaign


def make_page(*, campaign: Campaign, by: User) -> CampaignPage:
    """A landing page as a draft below the home page, filled so that it is worth looking at before anybody edits it."""
    home: Page = Site.objects.get(is_default_site=True).root_page
    page = CampaignPage(
        title=campaign.name,
        slug=_free_slug(home, campaign.slug),
        campaign=campaign,
        owner=by,
        live=False,
        has_unpublished_changes=True,
        body=_first_body(campaign),
    )
    home.add_child(instance=page)
    page.save_revision(user=by, log_action=True)
    return page


def pages_of(campaign: Campaign) -> list[CampaignPage]:
    return list(CampaignPage.objects.filter(campaign=campaign).select_related("locale").order_by("pk"))


# ------------------------------------------------------------------ a second person
def submit_campaign(*, campaign_id: int, reason: str, by: User, now: datetime) -> Proposal:
    """Nothing of it can change until somebody else has decided: the pages are locked by Wagtail's workflow meanwhile."""
    with transaction.atomic():
        campaign = crm.submit_campaign(campaign_id=campaign_id, by=by, now=now)
        if not description.discounts_of(campaign) and not pages_of(campaign):
            raise BadCampaign("A campaign has a discount or a page.", field="name")
        guarded = guards.look(campaign=campaign, now=now)
        past = replay.whole(campaign=campaign, days=replay.DAYS, now=now, limit=REPLAYED_AT_SUBMISSION).tally
        made = proposals.propose(
            kind=KIND,
            title=campaign.name,
            subject=(SUBJECT, campaign.public_id),
            change={"campaign": campaign.public_id},
            diff=description.diff(campaign),
            effect={
                "discounts": len(description.discounts_of(campaign)),
                "guards": guarded.codes,
                "replayed": past.orders,
                "touched": past.touched,
                "cost": str(past.given),
                "margin": str(past.margin_after - past.margin_before),
            },
            base=description.base_of(campaign),
            value=guarded.percent_max,
            reason=reason,
            by=by,
            now=now,
        )
        workflow = Workflow.objects.get(name=WORKFLOW)
        for page in pages_of(campaign):
            if page.current_workflow_state is None:
                workflow.start(page, by)
    return made


def apply(proposal: Proposal, by: User | None, now: datetime) -> None:
    """What ratifying does, inside the ratifying transaction: campaign, discounts and pages at once, open by one period."""
    _may_decide(by)
    assert by is not None, "a rule ratifies no campaign"
    if page_changes.is_of_pages(proposal):
        page_changes.apply(proposal, by, now)
        return
    campaign = Campaign.objects.select_for_update(of=("self",)).filter(public_id=proposal.subject_key).first()
    if campaign is None or campaign.state != CampaignState.SUBMITTED:
        raise proposals.StaleProposal("The campaign does not wait for ratification any more.")
    if campaign.ends_at is not None and campaign.ends_at <= now:
        raise proposals.StaleProposal("The campaign would be over before it began.")
    if changed := description.changed_since(proposal.base, campaign):
        raise proposals.StaleProposal("It changed since it was submitted.", changed=changed)
    _check_limit(proposal, by)
    crm.ratify_campaign(campaign_id=campaign.pk, by=by, now=now)
    for page in pages_of(campaign):
        task = page.current_workflow_task_state
        if task is not None:
            task.approve(user=by)
        else:
            page.get_latest_revision().publish(user=by, skip_permission_checks=True)


def open_proposal_of(campaign: Campaign) -> Proposal | None:
    return Proposal.objects.filter(
        kind=KIND, subject_kind=SUBJECT, subject_key=campaign.public_id, state=ProposalState.OPEN
    ).first()


def turned_down(proposal: Proposal, by: User | None, now: datetime) -> None:
    """Rejected or stale: a draft again, with the reason at the campaign and in the history of its pages."""
    _may_decide(by)
    campaign = Campaign.objects.get(public_id=proposal.subject_key)
    if campaign.state == CampaignState.SUBMITTED:
        crm.reopen_campaign(campaign_id=campaign.pk, now=now)
    for page in pages_of(campaign):
        if task := page.current_workflow_task_state:
            task.reject(user=by, comment=proposal.decision_reason)
            page.current_workflow_state.cancel(user=by)


def _may_decide(by: User | None) -> None:
    """Whatever the page or call by which somebody comes here."""
    if by is None or not may(by, RATIFY_CAMPAIGNS):
        raise NotAllowed("Your role may not decide about campaigns.")


def _check_limit(proposal: Proposal, by: User) -> None:
    limit = discounts.limit_of(by)
    if proposal.value > limit:
        raise OverTheLimit(
            f"It takes {proposal.value} % off; you may ratify up to {limit} %.",
            percent=str(proposal.value),
            limit=str(limit),
        )


def _free_slug(home: Page, wanted: str) -> str:
    taken = set(home.get_children().values_list("slug", flat=True))
    return next(slug for slug in (wanted, *(f"{wanted}-{n}" for n in range(2, 1000))) if slug not in taken)


def _first_body(campaign: Campaign) -> list[dict[str, Any]]:
    text = f"<p>{escape(campaign.description)}</p>" if campaign.description else ""
    first = Discount.objects.filter(campaign=campaign).order_by("pk").first()
    grid: dict[str, Any] = {"heading": "Knjige na akciji", "rule": BESTSELLERS, "count": 12, "segment": None}
    if first is not None:
        grid |= {"rule": OF_DISCOUNT, "discount": first.pk}
    hero = {"heading": campaign.name[:80], "text": text, "button": {"text": "Pogledajte knjige"}}
    blocks: list[tuple[str, dict[str, Any]]] = [("hero", hero), ("products", grid)]
    if campaign.ends_at is not None:
        blocks.insert(1, ("countdown", {"heading": "Koliko još traje", "campaign": None}))
    return [{"type": kind, "value": value, "id": str(uuid4())} for kind, value in blocks]
