"""Pages that ask a segment, for whoever wants to change or retire it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from wagtail.models import Page, ReferenceIndex

from cms.models import CampaignPage
from crm.models import Segment
from crm.selectors.segment_uses import SegmentUse
from crm.states import CampaignState


def of_segment(segment_id: int, now: datetime) -> Sequence[SegmentUse]:
    """From Wagtail's index of references. Live is a page that shoppers can open now, or will without another ratification."""
    references = ReferenceIndex.objects.filter(
        to_content_type=ContentType.objects.get_for_model(Segment),
        to_object_id=str(segment_id),
        base_content_type=ContentType.objects.get_for_model(Page),
    )
    ids = {int(pk) for pk in references.values_list("object_id", flat=True)}
    if not ids:
        return ()
    campaigns = {
        page.pk: page.campaign for page in CampaignPage.objects.filter(pk__in=ids).select_related("campaign")
    }
    found = []
    for page in Page.objects.filter(pk__in=ids).order_by("pk"):
        campaign = campaigns.get(page.pk)
        is_over = campaign is not None and (
            campaign.state != CampaignState.RATIFIED
            or (campaign.ends_at is not None and campaign.ends_at <= now)
        )
        found.append(
            SegmentUse(
                "PAGE",
                str(page.pk),
                page.title,
                page.live and not is_over,
                reverse("wagtailadmin_pages:edit", args=[page.pk]),
            )
        )
    return found
