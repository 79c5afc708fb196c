"""The offers of a draft as if it were on: for previews, guard-rails and replays. Nothing is written, nothing waits for a state."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from cms.workflows import description
from crm.models import Campaign
from oms import selectors as oms
from oms.offers import Offers, Rule
from storefront import selectors as catalog
from storefront.models import Channel


def rules(campaign: Campaign) -> tuple[Rule, ...]:
    return oms.rules_of_discounts(discount.pk for discount in description.discounts_of(campaign))


def segments_of(campaign: Campaign) -> frozenset[int]:
    own = {each for rule in rules(campaign) for each in rule.row.segment_ids}
    return frozenset(own | ({campaign.segment_id} if campaign.segment_id else set()))


def is_in_channel(campaign: Campaign, channel: Channel) -> bool:
    chosen = {each.pk for each in campaign.channels.all()}
    return not chosen or channel.pk in chosen


def offers(
    *, campaign: Campaign, channel: Channel, now: datetime, is_member: bool, has_coupon: bool = False
) -> Offers:
    """What is live for everybody at that moment, with the draft in place of whatever the campaign has live already."""
    live = oms.live_offers(channel=channel, now=now)
    others = tuple(rule for rule in live.rules if rule.row.campaign_id != campaign.pk)
    own = rules(campaign) if is_in_channel(campaign, channel) and _is_on(campaign, now) else ()
    facts = set(live.facts) | facts_of(own, is_member=is_member, has_coupon=has_coupon)
    return replace(
        live,
        rules=tuple(sorted((*others, *own), key=lambda rule: (rule.row.priority, rule.row.code))),
        facts=frozenset(facts),
        gifts={**live.gifts, **gifts_of(own, channel, now)},
    )


def facts_of(own: tuple[Rule, ...], *, is_member: bool, has_coupon: bool) -> set[str]:
    """Held out is nobody in a preview, and the budget is untouched."""
    facts = set()
    for rule in own:
        row = rule.row
        facts |= {f"treated:{row.campaign_slug}", f"budget:{row.campaign_slug}", f"gift:{row.code}"}
        if is_member:
            facts |= {f"segment:{slug}" for slug in (row.segment_slug, row.campaign_segment_slug) if slug}
        if has_coupon:
            facts.add(f"coupon:{row.code}")
    return facts


def gifts_of(own: tuple[Rule, ...], channel: Channel, now: datetime) -> dict[int, tuple[Decimal, Decimal]]:
    wanted = {rule.row.gift.variant_id: rule.row.gift.tax_class for rule in own if rule.row.gift}
    if not wanted:
        return {}
    prices = catalog.unit_prices(wanted, channel.price_list_id, now)
    taxes = catalog.tax_rates(now, channel.entity.country)
    return {variant: (prices[variant], taxes[wanted[variant]]) for variant in wanted if variant in prices}


def _is_on(campaign: Campaign, now: datetime) -> bool:
    if campaign.starts_at is not None and campaign.starts_at > now:
        return False
    return campaign.ends_at is None or campaign.ends_at > now
