"""What a campaign brought, as its page says it: both sides of every figure."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.models import Campaign
from crm.states import BudgetKind
from finance import selectors
from finance.selectors.campaigns import CURRENCY, CampaignFigures
from oms import effects
from retail.kernel.access import entities_of
from retail.kernel.errors import NotFound
from retail.rest.fields import MoneySerializer, choice_values, money
from retail.rest.views import ApiView

FIGURES = ("sold", "returned", "revenue", "cost", "margin", "given")


class UnknownCampaign(NotFound):
    code = "UNKNOWN_CAMPAIGN"


class SidesPart(serializers.Serializer[Any]):
    papers = MoneySerializer()
    ledger = MoneySerializer()
    difference = MoneySerializer()


class FiguresPart(serializers.Serializer[Any]):
    sold = SidesPart(help_text="without VAT, of goods that left")
    returned = SidesPart(help_text="of it, what came back afterwards")
    revenue = SidesPart()
    cost = SidesPart()
    margin = SidesPart()
    given = SidesPart(help_text="discount of the campaign, in the revenue already")


class BudgetPart(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choice_values(BudgetKind))
    limit = serializers.CharField()
    used = serializers.CharField()


class EffectPart(serializers.Serializer[Any]):
    treated = serializers.IntegerField()
    held_out = serializers.IntegerField()
    incremental_revenue = MoneySerializer(help_text="with VAT, after every discount and return")
    low = MoneySerializer(help_text="of the 95 % interval")
    high = MoneySerializer()


class CampaignReportAnswer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    views = serializers.IntegerField()
    visitors = serializers.IntegerField()
    baskets = serializers.IntegerField()
    orders = serializers.IntegerField()
    units = serializers.IntegerField()
    units_sold = serializers.IntegerField(help_text="that left the house")
    units_returned = serializers.IntegerField()
    ordered = MoneySerializer(help_text="with VAT, after the discount")
    discount_ordered = MoneySerializer(help_text="with VAT")
    figures = FiguresPart()
    budget = BudgetPart(allow_null=True)
    effect = EffectPart(allow_null=True, help_text="null without a holdout: then the revenue is attributed")


class CampaignReport(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(operation_id="campaign_report", responses={200: CampaignReportAnswer})
    def get(self, request: Request, slug: str) -> Response:
        """What a campaign brought, by its papers and by the ledger, read at one instant."""
        campaign = Campaign.objects.select_related("segment", "budget").filter(slug=slug).first()
        if campaign is None:
            raise UnknownCampaign("There is no such campaign.", campaign=slug[:60])
        seen = entities_of(request.user)
        figures = selectors.campaign_figures(campaign_ids=[campaign.pk], entity_ids=seen)[campaign.pk]
        effect = effects.effect_of(campaign=campaign, now=timezone.now()) if seen is None else None
        return Response(_shown(campaign, figures, effect))


def _shown(campaign: Campaign, figures: CampaignFigures, effect: effects.Effect | None) -> dict[str, Any]:
    budget = getattr(campaign, "budget", None)
    return {
        "slug": campaign.slug,
        "name": campaign.name,
        "views": figures.views,
        "visitors": figures.visitors,
        "baskets": figures.baskets,
        "orders": figures.orders,
        "units": figures.units,
        "units_sold": figures.units_sold,
        "units_returned": figures.units_back,
        "ordered": money(figures.ordered, CURRENCY),
        "discount_ordered": money(figures.promised, CURRENCY),
        "figures": {name: _sides(figures, name) for name in FIGURES},
        "budget": budget
        and {"kind": budget.kind, "limit": f"{budget.limit:.2f}", "used": f"{budget.used:.2f}"},
        "effect": effect
        and {
            "treated": effect.treated,
            "held_out": effect.held_out,
            "incremental_revenue": money(effect.cut.total, CURRENCY),
            "low": money(effect.cut.low, CURRENCY),
            "high": money(effect.cut.high, CURRENCY),
        },
    }


def _sides(figures: CampaignFigures, name: str) -> dict[str, Any]:
    papers, ledger = getattr(figures.papers, name), getattr(figures.ledger, name)
    return {
        "papers": money(papers, CURRENCY),
        "ledger": money(ledger, CURRENCY),
        "difference": money(papers - ledger, CURRENCY),
    }
