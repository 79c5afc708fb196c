"""Where a segment is used. Rooms above crm say theirs at start-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from crm.models import Campaign, Discount
from crm.states import CampaignState, DiscountState


@dataclass(frozen=True, slots=True)
class SegmentUse:
    """`kind` is DISCOUNT, CAMPAIGN or PAGE. Live: members are treated by it now, or will be without another ratification."""

    kind: str
    key: str
    title: str
    is_live: bool
    url: str = ""


Source = Callable[[int, datetime], Sequence[SegmentUse]]
_sources: list[Source] = []


def register_segment_uses(source: Source) -> None:
    """`source(segment_id, now)` answers with the uses that a room of its own knows."""
    _sources.append(source)


def uses_of_segment(*, segment_id: int, now: datetime) -> list[SegmentUse]:
    campaigns = Campaign.objects.filter(segment_id=segment_id)
    discounts = Discount.objects.filter(segment_id=segment_id).select_related("campaign")
    found = [SegmentUse("CAMPAIGN", each.slug, each.name, _is_campaign_live(each, now)) for each in campaigns]
    found += [
        SegmentUse("DISCOUNT", each.code, each.name, _is_discount_live(each, now)) for each in discounts
    ]
    return found + [use for source in _sources for use in source(segment_id, now)]


def segments_in_use(*, now: datetime) -> set[int]:
    """Segments that a live campaign or discount asks, in one statement."""
    campaigns = Campaign.objects.filter(_live_campaigns(now), segment__isnull=False)
    discounts = Discount.objects.filter(state=DiscountState.ACTIVE, segment__isnull=False).exclude(
        valid_to__lte=now
    )
    ids = [rows.order_by().values_list("segment_id", flat=True) for rows in (campaigns, discounts)]
    return set(ids[0].union(ids[1]))


def _live_campaigns(now: datetime) -> Q:
    return Q(state=CampaignState.RATIFIED) & (Q(ends_at__isnull=True) | Q(ends_at__gt=now))


def _is_campaign_live(campaign: Campaign, now: datetime) -> bool:
    return campaign.state == CampaignState.RATIFIED and (campaign.ends_at is None or campaign.ends_at > now)


def _is_discount_live(discount: Discount, now: datetime) -> bool:
    is_over = discount.valid_to is not None and discount.valid_to <= now
    return (
        discount.state == DiscountState.ACTIVE
        and not is_over
        and (discount.campaign is None or _is_campaign_live(discount.campaign, now))
    )
