"""The report of a campaign: one number for marketing and finance, with every figure open down to its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.models import Campaign, CampaignVisit
from crm.states import BudgetKind, CampaignState
from finance import selectors
from finance.models import JournalLine
from finance.selectors.campaigns import CURRENCY, REVENUE_ACCOUNTS, CampaignFigures, Day
from finance.views import words
from oms import effects
from oms.models import LineDiscount
from retail.front.charts import BarChart, Series
from retail.kernel.access import (
    EDIT_CAMPAIGNS,
    EDIT_ORDERS,
    VIEW_CAMPAIGNS,
    VIEW_FINANCE,
    VIEW_ORDERS,
    entities_of,
    may,
    of_seen_entities,
    staff_page,
)
from retail.kernel.clock import business_date

PAGE_SIZE = 50
DAYS_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One figure on both sides; `url` opens what it is made of."""

    title: str
    papers: Decimal
    ledger: Decimal
    url: str
    is_sum: bool = False

    @property
    def difference(self) -> Decimal:
        return self.papers - self.ledger


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a campaign stands at this moment."""

    sign: str
    icon: str
    word: str


@require_GET
@staff_page(VIEW_CAMPAIGNS)
def campaign_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = Campaign.objects.select_related("segment", "budget").order_by("-created_at", "-pk")
    state = request.GET.get("state", "")
    if state in CampaignState.values:
        rows = rows.filter(state=state)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    figures = selectors.campaign_figures(
        campaign_ids=[campaign.pk for campaign in page], entity_ids=entities_of(request.user)
    )
    return render(
        request,
        "finance/campaigns.html",
        {
            "page": page,
            "rows": [(campaign, standing_of(campaign, now), figures[campaign.pk]) for campaign in page],
            "states": [("", _("All")), *CampaignState.choices],
            "state": state,
            "currency": CURRENCY,
            "may_draft": may(request.user, EDIT_CAMPAIGNS),
            "now": now,
        },
    )


@require_GET
@staff_page(VIEW_CAMPAIGNS)
def campaign_report(request: HttpRequest, slug: str) -> HttpResponse:
    now = timezone.now()
    campaign = _campaign(slug)
    seen = entities_of(request.user)
    figures = selectors.campaign_figures(campaign_ids=[campaign.pk], entity_ids=seen)[campaign.pk]
    since, until = _span(campaign, now)
    days = selectors.campaign_days(campaign_id=campaign.pk, since=since, until=until, entity_ids=seen)
    # Who was held out is a question to all accounts, so it is not told of one company's orders.
    effect = effects.effect_of(campaign=campaign, now=now) if seen is None else None
    return render(
        request,
        "finance/campaign.html",
        {
            "campaign": campaign,
            "standing": standing_of(campaign, now),
            "figures": figures,
            "budget": getattr(campaign, "budget", None),
            "is_money_budget": getattr(campaign, "budget", None) is not None
            and campaign.budget.kind == BudgetKind.MONEY,
            "rows": _both_sides(campaign, figures),
            "booked": [
                (row, words.document_words(row.document_kind), _entries_url(campaign, row))
                for row in selectors.campaign_accounts(campaign_id=campaign.pk, entity_ids=seen)
            ],
            "chart": _chart(days),
            "effect": effect,
            "sight": effects.sight_of(campaign=campaign, now=now)
            if effect is None and seen is None
            else None,
            "orders_url": f"{reverse('ops:orders')}?campaign={campaign.slug}"
            if may(request.user, VIEW_ORDERS)
            else "",
            "may_undo": may(request.user, EDIT_ORDERS),
            "currency": CURRENCY,
            "now": now,
            "crumbs": [(_("Campaigns"), reverse("ops:campaigns")), (campaign.name, "")],
        },
    )


@require_GET
@staff_page(VIEW_CAMPAIGNS)
def campaign_lines(request: HttpRequest, slug: str) -> HttpResponse:
    """The order lines that the campaign priced, each with what the ledger says of it."""
    campaign = _campaign(slug)
    lines = selectors.campaign_lines(
        campaign_id=campaign.pk,
        after=_number(request.GET.get("after", "")),
        limit=PAGE_SIZE + 1,
        entity_ids=entities_of(request.user),
    )
    shown = lines[:PAGE_SIZE]
    return render(
        request,
        "finance/campaign_lines.html",
        {
            "campaign": campaign,
            "lines": shown,
            "next": str(shown[-1].line_id) if len(lines) > PAGE_SIZE else "",
            "may_open": may(request.user, VIEW_ORDERS),
            "currency": CURRENCY,
            "crumbs": _crumbs(campaign, _("Order lines")),
        },
    )


@require_GET
@staff_page(VIEW_CAMPAIGNS)
def campaign_entries(request: HttpRequest, slug: str) -> HttpResponse:
    """The journal lines of the campaign's order lines: of one account, one kind of document, the discounts alone, or all."""
    campaign = _campaign(slug)
    priced = LineDiscount.objects.filter(campaign=campaign)
    rows = JournalLine.objects.filter(order_line_id__in=priced.values("line_id"))
    rows = of_seen_entities(rows, request.user, "entry__entity")
    account, kind = request.GET.get("account", "")[:12], request.GET.get("kind", "")[:30]
    part = request.GET.get("part", "")
    if account:
        rows = rows.filter(account__code=account)
    if part == "revenue":
        rows = rows.filter(account__code__in=REVENUE_ACCOUNTS)
    if kind == "back":
        rows = rows.filter(entry__document_kind__in=selectors.BACK)
    elif kind:
        rows = rows.filter(entry__document_kind=kind)
    if part == "discount":
        own = {str(key) for key in priced.values_list("pk", flat=True)} if request.GET.get("own") else None
        rows = rows.filter(source_kind="line_discount")
        rows = rows.filter(source_key__in=own) if own is not None else rows
    elif part == "rest":
        rows = rows.exclude(source_kind="line_discount")
    page = Paginator(rows.select_related("account", "entry").order_by("-entry_id", "pk"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return render(
        request,
        "finance/campaign_entries.html",
        {
            "campaign": campaign,
            "page": page,
            "rows": [
                (line, words.document_words(line.entry.document_kind), line.source_kind == "line_discount")
                for line in page
            ],
            "account": account,
            "may_open": may(request.user, VIEW_FINANCE),
            "may_see_orders": may(request.user, VIEW_ORDERS),
            "currency": CURRENCY,
            "crumbs": _crumbs(campaign, _("Journal lines")),
        },
    )


@require_GET
@staff_page(VIEW_CAMPAIGNS)
def campaign_visits(request: HttpRequest, slug: str) -> HttpResponse:
    campaign = _campaign(slug)
    rows = CampaignVisit.objects.filter(campaign=campaign).order_by("-at", "-pk")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "finance/campaign_visits.html",
        {"campaign": campaign, "page": page, "crumbs": _crumbs(campaign, _("Page views"))},
    )


def standing_of(campaign: Campaign, now: datetime) -> Standing:
    """Open and closed by the clock, as page and price read it."""
    if campaign.state == CampaignState.ENDED:
        return Standing("idle", "lock", _("Ended"))
    if campaign.state == CampaignState.DRAFT:
        return Standing("idle", "edit", _("Draft"))
    if campaign.state == CampaignState.SUBMITTED:
        return Standing("warn", "clock", _("Waiting for ratification"))
    if campaign.starts_at is not None and campaign.starts_at > now:
        return Standing("info", "clock", _("Begins later"))
    if campaign.ends_at is not None and campaign.ends_at <= now:
        return Standing("idle", "lock", _("Over"))
    return Standing("good", "ok", _("On now"))


def _both_sides(campaign: Campaign, figures: CampaignFigures) -> list[Row]:
    papers, ledger = figures.papers, figures.ledger
    lines = reverse("ops:campaign_lines", args=[campaign.slug])
    entries = reverse("ops:campaign_entries", args=[campaign.slug])
    return [
        Row(_("Sold, without VAT"), papers.sold, ledger.sold, f"{entries}?part=revenue&kind=dispatch"),
        Row(
            _("Came back afterwards"), -papers.returned, -ledger.returned, f"{entries}?part=revenue&kind=back"
        ),
        Row(_("Revenue"), papers.revenue, ledger.revenue, f"{entries}?part=revenue", is_sum=True),
        Row(_("Cost of the goods"), -papers.cost, -ledger.cost, f"{entries}?account=501"),
        Row(_("Margin"), papers.margin, ledger.margin, lines, is_sum=True),
        Row(
            _("Discount given, in the revenue already"),
            papers.given,
            ledger.given,
            f"{entries}?part=discount&own=1",
        ),
    ]


def _entries_url(campaign: Campaign, row: selectors.Booked) -> str:
    part = "discount" if row.is_discount else "rest"
    address = reverse("ops:campaign_entries", args=[campaign.slug])
    return f"{address}?account={row.account}&kind={row.document_kind}&part={part}"


def _span(campaign: Campaign, now: datetime) -> tuple[date, date]:
    """From the start (or the last days of a long one) to its end, but never past today."""
    today = business_date(now)
    ends = [moment for moment in (campaign.ended_at, campaign.ends_at) if moment is not None]
    until = min([today, *(business_date(moment) for moment in ends)])
    since = business_date(campaign.starts_at) if campaign.starts_at else until
    return max(min(since, until), until - timedelta(days=DAYS_SHOWN_MAX - 1)), until


def _chart(days: list[Day]) -> BarChart:
    return BarChart(
        finding=_(
            "Ordered by day with the discount in it, and what it gave away (dashed), in thousands of %(currency)s"
        )
        % {"currency": CURRENCY},
        label_head=_("Day"),
        labels=[f"{one.day.day}. {one.day.month}." for one in days],
        bars=Series(_("Ordered"), [_thousands(one.ordered) for one in days]),
        compare=Series(_("Given away"), [_thousands(one.promised) for one in days]),
    )


def _thousands(amount: Decimal) -> float:
    return float(round(amount / 1000, 1))


def _campaign(slug: str) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("segment", "budget"), slug=slug)


def _crumbs(campaign: Campaign, here: str) -> list[tuple[str, str]]:
    return [
        (_("Campaigns"), reverse("ops:campaigns")),
        (campaign.name, reverse("ops:campaign", args=[campaign.slug])),
        (here, ""),
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
