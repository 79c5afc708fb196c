"""Questions to the orders: what a campaign brought that would not have come without it, and what its size could see at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from crm.models import Campaign, SegmentVersion
from crm.segments import Fragment, InvalidDefinition, where
from oms.effects import rules, statements
from oms.effects.rules import Z95, History, SmallestEffect
from oms.models import LineDiscount
from retail.kernel.money import ZERO, rounded

USUAL_DAYS = 28


@dataclass(frozen=True, slots=True)
class Estimate:
    """Money per treated member and in all, with half the width of its 95 % interval. With VAT, after every discount."""

    per_member: float
    half_width: float
    total: Decimal
    total_half_width: Decimal

    @property
    def low(self) -> Decimal:
        return self.total - self.total_half_width

    @property
    def high(self) -> Decimal:
        return self.total + self.total_half_width

    @property
    def is_seen(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What came because of the campaign: `cut` is the figure to read, `plain` the same without cutting the largest hundredth.

    `given` is what its discounts gave to orders of those days, with VAT; `before_discount` adds it back.
    """

    treated: int
    held_out: int
    spent_treated: float
    spent_held_out: float
    cut: Estimate
    plain: Estimate
    given: Decimal

    @property
    def before_discount(self) -> Decimal:
        return self.cut.total + self.given


def effect_of(*, campaign: Campaign, now: datetime) -> Effect | None:
    """None without a holdout, before the start, and while one of the two sides has fewer than two members."""
    if not campaign.holdout_percent or campaign.starts_at is None or campaign.starts_at >= now:
        return None
    until = min(now, campaign.ended_at or now, campaign.ends_at or now)
    if (members := _members(_words(campaign), campaign.starts_at)) is None:
        return None
    fragment, values = members
    rows = _ask(
        statements.effect(fragment),
        {
            **values,
            "slug": campaign.slug,
            "percent": campaign.holdout_percent,
            "start": campaign.starts_at,
            "until": until,
        },
    )
    if len(rows) != 2 or any(row[4] is None for row in rows):
        return None
    given = LineDiscount.objects.filter(
        campaign=campaign, created_at__gte=campaign.starts_at, created_at__lt=until
    ).exclude(line__order__status="CANCELED")
    cut, plain = rows
    return Effect(
        treated=cut[1],
        held_out=cut[2],
        spent_treated=plain[5],
        spent_held_out=plain[6],
        cut=_estimate(cut),
        plain=_estimate(plain),
        given=given.aggregate(given=Sum("amount"))["given"] or ZERO,
    )


def _estimate(row: tuple[Any, ...]) -> Estimate:
    treated, difference, error = row[1], row[3], row[4]
    half = Z95 * error
    return Estimate(
        per_member=difference,
        half_width=half,
        total=rounded(Decimal(difference * treated)),
        total_half_width=rounded(Decimal(half * treated)),
    )


def history_of(*, definition: str, days: int, now: datetime) -> History:
    """What the segment's members (an empty definition: everyone) spent in the last days of that number."""
    start = now - timedelta(days=max(1, days))
    found = _members(definition, start)
    if found is None:
        return History(0, 0, 0, 0)
    fragment, values = found
    ((members, mean, cv, correlation),) = _ask(
        statements.history(fragment), {**values, "start": start, "until": now}
    )
    return History(members, mean, cv, correlation)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is said before a campaign is sent: what this size and share can see, and what other sizes could."""

    history: History
    days: int
    own: SmallestEffect
    usual_share: int
    table: list[tuple[int, list[SmallestEffect]]]


def sight_of(*, campaign: Campaign, now: datetime) -> Sight:
    """The smallest effect that this campaign can see, by the shop's own history; no holdout: it can see none (`own.percent` None)."""
    days = USUAL_DAYS
    if campaign.starts_at is not None and campaign.ends_at is not None:
        days = max(1, (campaign.ends_at - campaign.starts_at).days)
    history = history_of(definition=_words(campaign), days=days, now=now)
    own = rules.smallest_effect(history, members=history.members, holdout_percent=campaign.holdout_percent)
    return Sight(history, days, own, rules.usual_share(history.members), rules.table(history))


def _members(definition: str, at: datetime) -> tuple[Fragment, dict[str, Any]] | None:
    """Who is in the segment at a moment; no words: everyone. None when the words no longer say anything."""
    if not definition:
        return statements.EVERYONE, {}
    try:
        return statements.named(where(definition, at))
    except InvalidDefinition:
        return None


def _words(campaign: Campaign) -> str:
    """The segment as it was when the campaign was ratified: later changes of its words do not move who was compared."""
    if campaign.segment is None:
        return ""
    if campaign.ratified_at is not None:
        then = SegmentVersion.objects.filter(segment=campaign.segment, created_at__lte=campaign.ratified_at)
        if (version := then.order_by("-version").first()) is not None:
            return version.definition
    return campaign.segment.definition


def _ask(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
