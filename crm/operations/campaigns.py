"""Verbs of campaigns. Open and closed is never written here: while RATIFIED the clock alone decides, for page and price alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from crm import events
from crm.models import Campaign, CampaignBudget, Discount
from crm.states import CAMPAIGN_MOVES, CampaignState, DiscountState
from retail.kernel.errors import InvalidInput, NotFound, Refusal, StaleVersion
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move


class CampaignNotFound(NotFound):
    code = "UNKNOWN_CAMPAIGN"


class BadCampaign(InvalidInput):
    """`details["field"]` says what is wrong."""

    code = "BAD_CAMPAIGN"


class CampaignLocked(Refusal):
    """What waits for a second person, or is on, is not changed under their eyes."""

    code = "CAMPAIGN_LOCKED"


@dataclass(frozen=True, slots=True)
class CampaignDetails:
    """Everything about a campaign but its discounts and pages. No start: on from the moment of its ratification."""

    name: str
    slug: str
    description: str = ""
    segment_id: int | None = None
    channel_ids: Collection[int] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    holdout_percent: int = 0
    budget_kind: str = ""
    budget_limit: Decimal | None = None


def create_campaign(*, details: CampaignDetails, by: User, now: datetime) -> Campaign:
    _check(details, now)
    if Campaign.objects.filter(slug=details.slug).exists():
        raise BadCampaign("Another campaign has this address.", field="slug")
    with transaction.atomic():
        campaign = Campaign.objects.create(**_columns(details), created_by=by, created_at=now)
        _save_rest(campaign, details)
    return campaign


def change_campaign(
    *, campaign_id: int, version: int, details: CampaignDetails, by: User, now: datetime
) -> Campaign:
    """Only a draft is changed; `version` is what the editor read, so that two editors do not overwrite each other."""
    with transaction.atomic():
        campaign = lock_draft(campaign_id=campaign_id)
        if campaign.version != version:
            raise StaleVersion("Somebody changed this campaign meanwhile.", version=campaign.version)
        _check(details, now)
        if Campaign.objects.filter(slug=details.slug).exclude(pk=campaign.pk).exists():
            raise BadCampaign("Another campaign has this address.", field="slug")
        columns = _columns(details)
        for name, value in columns.items():
            setattr(campaign, name, value)
        campaign.version += 1
        campaign.save(update_fields=[*columns, "version", "updated_at"])
        _save_rest(campaign, details)
    return campaign


def lock_draft(*, campaign_id: int) -> Campaign:
    """The campaign's row for whoever changes it or what hangs on it, while that is allowed."""
    campaign = _lock(campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise CampaignLocked(
            f"{campaign.name} is {campaign.get_state_display()}: only a draft is changed.",
            state=campaign.state,
        )
    return campaign


def submit_campaign(*, campaign_id: int, by: User, now: datetime) -> Campaign:
    """Ask for a second person; from now on nothing of it changes until they have decided."""
    campaign = _lock(campaign_id)
    if campaign.ends_at is not None and campaign.ends_at <= now:
        raise BadCampaign("The campaign would be over before it began.", field="ends_at")
    return _move(campaign, CampaignState.SUBMITTED)


def reopen_campaign(*, campaign_id: int, now: datetime) -> Campaign:
    """Rejected, withdrawn or stale: a draft again."""
    return _move(_lock(campaign_id), CampaignState.DRAFT)


def ratify_campaign(*, campaign_id: int, by: User | None, now: datetime) -> Campaign:
    """From now on its period rules. Its discounts are active from this statement on, which means: while it is on."""
    campaign = _lock(campaign_id)
    check_move(CAMPAIGN_MOVES, campaign.state, CampaignState.RATIFIED, what=campaign.name)
    campaign.state = CampaignState.RATIFIED
    campaign.starts_at = campaign.starts_at or now
    campaign.ratified_by, campaign.ratified_at = by, now
    campaign.save(update_fields=["state", "starts_at", "ratified_by", "ratified_at", "updated_at"])
    drafts = Discount.objects.filter(campaign=campaign, state=DiscountState.DRAFT)
    drafts.update(state=DiscountState.ACTIVE, updated_at=now)
    announce(
        events.CampaignRatified(campaign=campaign.public_id, slug=campaign.slug),
        subject=("campaign", campaign.public_id),
    )
    return campaign


def end_campaign(*, campaign_id: int, reason: str, by: User, now: datetime) -> Campaign:
    """Stop it early: page and prices are gone with the next request. Orders that it priced keep their prices."""
    if not reason.strip():
        raise BadCampaign("Say why the campaign ends early.", field="reason")
    with transaction.atomic():
        campaign = _lock(campaign_id)
        check_move(CAMPAIGN_MOVES, campaign.state, CampaignState.ENDED, what=campaign.name)
        campaign.state, campaign.ended_at, campaign.end_reason = CampaignState.ENDED, now, reason.strip()
        campaign.save(update_fields=["state", "ended_at", "end_reason", "updated_at"])
        live = Discount.objects.filter(campaign=campaign).exclude(state=DiscountState.ENDED)
        live.update(state=DiscountState.ENDED, updated_at=now)
        announce(
            events.CampaignEnded(campaign=campaign.public_id, slug=campaign.slug),
            subject=("campaign", campaign.public_id),
        )
    return campaign


def _lock(campaign_id: int) -> Campaign:
    campaign = (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("segment")
        .filter(pk=campaign_id)
        .first()
    )
    if campaign is None:
        raise CampaignNotFound("There is no such campaign.", campaign=campaign_id)
    return campaign


def _move(campaign: Campaign, state: CampaignState) -> Campaign:
    check_move(CAMPAIGN_MOVES, campaign.state, state, what=campaign.name)
    campaign.state = state
    campaign.save(update_fields=["state", "updated_at"])
    return campaign


def _check(details: CampaignDetails, now: datetime) -> None:
    complaints = (
        ("name", "A campaign has a name.", not details.name.strip()),
        ("slug", "A campaign has an address.", not details.slug),
        ("ends_at", "The end lies after the start.", _ends_before_start(details, now)),
        ("holdout_percent", "From 0 to 90 percent are held out.", not 0 <= details.holdout_percent <= 90),
        (
            "holdout_percent",
            "Who is held out is chosen among the members of a segment.",
            details.holdout_percent > 0 and details.segment_id is None,
        ),
        (
            "budget_limit",
            "A budget has a limit above zero.",
            bool(details.budget_kind) and not (details.budget_limit and details.budget_limit > 0),
        ),
        (
            "budget_kind",
            "Say what the limit counts: money or orders.",
            details.budget_limit is not None and not details.budget_kind,
        ),
    )
    for field, complaint, is_wrong in complaints:
        if is_wrong:
            raise BadCampaign(complaint, field=field)


def _ends_before_start(details: CampaignDetails, now: datetime) -> bool:
    return details.ends_at is not None and details.ends_at <= (details.starts_at or now)


def _columns(details: CampaignDetails) -> dict[str, Any]:
    return {
        "name": details.name.strip(),
        "slug": details.slug,
        "description": details.description.strip(),
        "segment_id": details.segment_id,
        "starts_at": details.starts_at,
        "ends_at": details.ends_at,
        "holdout_percent": details.holdout_percent,
    }


def _save_rest(campaign: Campaign, details: CampaignDetails) -> None:
    campaign.channels.set(details.channel_ids)
    budget = CampaignBudget.objects.filter(campaign=campaign)
    if not details.budget_kind:
        budget.delete()
        return
    assert details.budget_limit is not None, "a budget without a limit was refused"
    wanted = {"kind": details.budget_kind, "limit": details.budget_limit}
    kept = budget.first()
    if kept is None:
        CampaignBudget.objects.create(campaign=campaign, **wanted)
    elif (kept.kind, kept.limit) != (details.budget_kind, details.budget_limit):
        budget.update(**wanted)
