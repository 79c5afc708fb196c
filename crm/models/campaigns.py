"""Campaigns: pages, discounts, a segment, a period and a budget that open and close together."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models.people import Customer
from crm.models.segments import Segment
from crm.states import BudgetKind, CampaignState
from retail.kernel.models import new_public_id
from storefront.models import Channel


class Campaign(models.Model):
    """Ratified once, read by the clock: on while `state` is RATIFIED and now lies in [starts_at, ends_at)."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    # Empty: everyone.
    segment = models.ForeignKey(
        Segment, on_delete=models.PROTECT, null=True, blank=True, related_name="campaigns"
    )
    # None: every channel.
    channels = models.ManyToManyField(Channel, related_name="+", blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    # Of the segment; chosen by a hash of the campaign's slug and the customer, so no list is kept.
    holdout_percent = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=9, choices=CampaignState, default=CampaignState.DRAFT)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ratified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ratified_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-starts_at", "name"]
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(starts_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="campaign_period",
            ),
            models.CheckConstraint(condition=Q(holdout_percent__lte=90), name="campaign_holdout"),
            models.CheckConstraint(
                condition=~Q(state="RATIFIED") | Q(starts_at__isnull=False, ratified_at__isnull=False),
                name="campaign_ratified_has_start",
            ),
        ]
        indexes = [models.Index(fields=["state", "starts_at", "ends_at"], name="campaign_live")]

    def __str__(self) -> str:
        return self.name


class CampaignBudget(models.Model):
    """What a campaign may give away. Spent by a guarded update while an order is placed, so no race overruns it."""

    campaign = models.OneToOneField(
        Campaign, on_delete=models.CASCADE, primary_key=True, related_name="budget"
    )
    kind = models.CharField(max_length=5, choices=BudgetKind)
    # Money in the currency of the channels, or a number of orders.
    limit = models.DecimalField(max_digits=12, decimal_places=2)
    used = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(used__gte=0, used__lte=F("limit")), name="campaign_budget_kept"
            )
        ]

    def __str__(self) -> str:
        return f"{self.used} of {self.limit}"


class CampaignVisit(models.Model):
    """Somebody opened a page of a campaign: a digest of the browser's visit, never an address."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="visits")
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    visit_hash = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "at"], name="campaign_visit_time"),
            models.Index(fields=["campaign", "visit_hash", "at"], name="campaign_visitor"),
        ]

    def __str__(self) -> str:
        return f"{self.path} at {self.at:%Y-%m-%d %H:%M}"
