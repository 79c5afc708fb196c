"""A campaign in words for whoever decides: what it is, what changes, on what it was based."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from cms.models import CampaignPage
from crm.models import Campaign, Discount
from crm.states import DiscountKind, DiscountState
from retail.front.formats import local
from retail.kernel.money import ZERO

PERCENTS = {DiscountKind.PERCENT, DiscountKind.N_FOR_M, DiscountKind.CHEAPEST_FREE}


def discounts_of(campaign: Campaign) -> list[Discount]:
    found = Discount.objects.filter(campaign=campaign).exclude(state=DiscountState.ENDED)
    return list(found.select_related("segment", "gift").order_by("pk"))


def diff(campaign: Campaign) -> list[dict[str, Any]]:
    """Before is nothing of it; after is everything that opens with it."""
    discounts = discounts_of(campaign)
    rows = [
        (_("Campaign"), campaign.name),
        (_("Period"), period_words(campaign)),
        (_("For whom"), campaign.segment.name if campaign.segment else _("Everyone")),
        (_("Channels"), ", ".join(channel.name for channel in campaign.channels.all()) or _("All")),
        (_("Budget"), budget_words(campaign)),
        (_("Held out share"), f"{campaign.holdout_percent} %"),
        *((_("Discount"), f"{discount.name}: {words_of(discount)}") for discount in discounts),
        *(
            (_("Page"), f"{page.draft_title or page.title} /{page.slug}/ ({page.locale.language_code})")
            for page in CampaignPage.objects.filter(campaign=campaign).select_related("locale").order_by("pk")
        ),
    ]
    return [{"field": str(name), "before": None, "after": str(value)} for name, value in rows]


def percent_max(discounts: list[Discount]) -> Decimal:
    """What one unit may lose at most: the number that limits compare with. Amounts say it only with a price, so guard-rails do."""
    percents = [_percent(discount) for discount in discounts]
    return max(percents, default=ZERO)


def _percent(discount: Discount) -> Decimal:
    if discount.kind == DiscountKind.TIERED:
        return max((Decimal(tier.get("percent", "0")) for tier in discount.tiers), default=ZERO)
    if discount.kind in (DiscountKind.N_FOR_M, DiscountKind.CHEAPEST_FREE):
        take = discount.take or 1
        free = take - discount.pay if discount.kind == DiscountKind.N_FOR_M else 1
        return round(discount.value * free / take, 2)
    return discount.value if discount.kind == DiscountKind.PERCENT else ZERO


def words_of(discount: Discount) -> str:
    """`20 % off`, `3 for 2`: short enough for a list."""
    value = f"{discount.value:f}"
    if discount.kind == DiscountKind.N_FOR_M:
        core = _("%(take)s for %(pay)s") % {"take": discount.take, "pay": discount.pay}
    elif discount.kind in PERCENTS:
        core = f"{discount.get_kind_display()} {value} %"
    elif discount.kind in (DiscountKind.AMOUNT, DiscountKind.FIXED_PRICE):
        core = f"{discount.get_kind_display()} {value}"
    else:
        core = str(discount.get_kind_display())
    audience = "" if discount.audience == "EVERYONE" else f", {discount.get_audience_display()}"
    targets = discount.targets.select_related("category", "variant", "product").order_by("pk")
    scope = ", ".join(str(target) for target in targets)
    return f"{core}{audience}{f' ({scope})' if scope else ''}"


def period_words(campaign: Campaign) -> str:
    starts = f"{local(campaign.starts_at):%d.%m.%Y %H:%M}" if campaign.starts_at else _("at once")
    ends = f"{local(campaign.ends_at):%d.%m.%Y %H:%M}" if campaign.ends_at else _("until it is ended")
    return f"{starts} – {ends}"


def budget_words(campaign: Campaign) -> str:
    budget = getattr(campaign, "budget", None)
    return f"{budget.get_kind_display()}: {budget.limit}" if budget else _("No limit")


def base_of(campaign: Campaign) -> dict[str, Any]:
    """The versions that the proposal was made on: campaign, discounts, segments, pages, budget."""
    discounts = discounts_of(campaign)
    segments = {d.segment for d in discounts if d.segment} | (
        {campaign.segment} if campaign.segment else set()
    )
    budget = getattr(campaign, "budget", None)
    return {
        "campaign": campaign.version,
        "discounts": {str(discount.pk): discount.version for discount in discounts},
        "segments": {str(segment.pk): f"{segment.version} {segment.state}" for segment in segments},
        "pages": {
            str(pk): revision
            for pk, revision in CampaignPage.objects.filter(campaign=campaign).values_list(
                "pk", "latest_revision_id"
            )
        },
        "budget": f"{budget.kind} {budget.limit}" if budget else "",
    }


def changed_since(base: Mapping[str, Any], campaign: Campaign) -> list[str]:
    """What is not as it was when the campaign was submitted."""
    now = base_of(campaign)
    return [name for name in now if now[name] != base.get(name)]
