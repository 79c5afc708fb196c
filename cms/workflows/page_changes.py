"""Other words on the pages of a campaign that is on: written as a draft beside the live page, put before a second person again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.html import strip_tags
from wagtail.models import Workflow

from audit import operations as proposals
from audit.models import Proposal
from audit.states import ProposalState
from cms.models import CampaignPage
from cms.rights import WORKFLOW
from crm.models import Campaign
from crm.operations.campaigns import BadCampaign, CampaignLocked
from crm.states import CampaignState
from retail.kernel.errors import Refusal
from retail.kernel.models import User

KIND, SUBJECT = "CAMPAIGN", "campaign"
PAGES = "pages"
WORDS_MAX = 400


class NothingChanged(Refusal):
    """No page says anything else than what shoppers read."""

    code = "NOTHING_TO_CHANGE"


def is_of_pages(proposal: Proposal) -> bool:
    """Pages of a campaign that is ratified already, not the campaign."""
    return PAGES in proposal.change


def changed_pages(campaign: Campaign) -> list[CampaignPage]:
    """Pages with a draft that shoppers do not read yet."""
    pages = CampaignPage.objects.filter(campaign=campaign, has_unpublished_changes=True)
    return list(pages.select_related("locale").order_by("pk"))


def submit_pages(*, campaign_id: int, reason: str, by: User, now: datetime) -> Proposal:
    """The drafts of all its pages; until somebody else has decided shoppers read the old words, and the pages are locked."""
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign_id)
        _check_on(campaign, now)
        waiting = Proposal.objects.filter(
            kind=KIND, subject_kind=SUBJECT, subject_key=campaign.public_id, state=ProposalState.OPEN
        )
        if waiting.exists():
            raise CampaignLocked("Its pages wait for a second person already.", state=campaign.state)
        pages = changed_pages(campaign)
        if not pages:
            raise NothingChanged("Nothing on its pages is new.")
        revisions = {str(page.pk): page.latest_revision_id for page in pages}
        made = proposals.propose(
            kind=KIND,
            title=campaign.name,
            subject=(SUBJECT, campaign.public_id),
            change={"campaign": campaign.public_id, PAGES: revisions},
            diff=[row for page in pages for row in _diff(page)],
            effect={PAGES: len(pages)},
            base={PAGES: revisions},
            reason=reason,
            by=by,
            now=now,
        )
        workflow = Workflow.objects.get(name=WORKFLOW)
        for page in pages:
            if page.current_workflow_state is None:
                workflow.start(page, by)
    return made


def apply(proposal: Proposal, by: User, now: datetime) -> None:
    """Inside the ratifying transaction: the revisions that were shown, or nothing."""
    campaign = Campaign.objects.select_for_update(of=("self",)).filter(public_id=proposal.subject_key).first()
    if campaign is None or campaign.state != CampaignState.RATIFIED:
        raise proposals.StaleProposal("The campaign is not on any more.")
    if campaign.ends_at is not None and campaign.ends_at <= now:
        raise proposals.StaleProposal("The campaign is over.")
    shown = proposal.base[PAGES]
    pages = list(
        CampaignPage.objects.filter(campaign=campaign, pk__in=[int(pk) for pk in shown]).order_by("pk")
    )
    if {str(page.pk): page.latest_revision_id for page in pages} != shown:
        raise proposals.StaleProposal("It changed since it was submitted.", changed=[PAGES])
    for page in pages:
        task = page.current_workflow_task_state
        if task is not None:
            task.approve(user=by)
        else:
            page.get_latest_revision().publish(user=by, skip_permission_checks=True)


def _check_on(campaign: Campaign, now: datetime) -> None:
    if campaign.state != CampaignState.RATIFIED:
        raise CampaignLocked(
            "Pages of a draft are put before a second person with their campaign.", state=campaign.state
        )
    if campaign.ends_at is not None and campaign.ends_at <= now:
        raise BadCampaign("The campaign would be over before it began.", field="ends_at")


def _diff(page: CampaignPage) -> Iterator[dict[str, Any]]:
    """Block by block, in words; a block that is only in one of them has nothing on the other side."""
    draft: CampaignPage = page.get_latest_revision_as_object()
    name = f"{draft.title} /{page.slug}/ ({page.locale.language_code})"
    if not page.live:
        yield {"field": name, "before": None, "after": draft.title}
    elif page.title != draft.title:
        yield {"field": name, "before": page.title, "after": draft.title}
    before, after = _blocks(page) if page.live else {}, _blocks(draft)
    for key in dict.fromkeys([*before, *after]):
        if before.get(key) != after.get(key):
            yield {"field": name, "before": before.get(key), "after": after.get(key)}
    if page.live and list(before) != list(after) and set(before) == set(after):
        yield {"field": name, "before": " · ".join(before.values()), "after": " · ".join(after.values())}


def _blocks(page: CampaignPage) -> dict[str, str]:
    raw = page.body.raw_data
    stored = [raw[place] for place in range(len(raw))]
    return {
        str(each.get("id") or place): f"{each['type']}: {_words(each['value'])}"[:WORDS_MAX]
        for place, each in enumerate(stored)
    }


def _words(value: Any) -> str:
    """What stands in a block: words without their marks, keys of rows as numbers."""
    if isinstance(value, Mapping):
        return "; ".join(
            f"{name} {words}"
            for name, inner in value.items()
            if name not in ("id", "type") and (words := _words(inner))
        )
    if isinstance(value, list):
        return ", ".join(filter(None, map(_words, value)))
    return " ".join(strip_tags(str(value).replace("<", " <")).split()) if value not in (None, "") else ""
