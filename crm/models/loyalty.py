"""Members: their tier, and the ledger of their points."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.triggers import append_only
from crm.models.people import Customer


class Tier(models.Model):
    code = models.SlugField(max_length=20, unique=True)
    rank = models.PositiveSmallIntegerField(unique=True)
    name = models.CharField(max_length=60)
    points_from = models.PositiveIntegerField()

    class Meta:
        ordering = ["rank"]

    def __str__(self) -> str:
        return self.name


class LoyaltyAccount(models.Model):
    customer = models.OneToOneField(Customer, on_delete=models.CASCADE, related_name="loyalty")
    number = models.CharField(max_length=20, unique=True)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    points = models.IntegerField(default=0)
    joined_on = models.DateField(default=timezone.localdate)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(points__gte=0), name="loyalty_not_negative")]
        indexes = [models.Index(fields=["tier"], name="loyalty_tier", include=["customer"])]

    def __str__(self) -> str:
        return self.number


class LoyaltyEntry(models.Model):
    """Points earned or spent; append-only, once per source document."""

    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="entries")
    points = models.IntegerField()
    reason = models.CharField(max_length=40)
    source_kind = models.CharField(max_length=40)
    source_key = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "loyalty entries"
        constraints = [
            models.UniqueConstraint(fields=["source_kind", "source_key", "reason"], name="loyalty_entry_once")
        ]
        triggers = append_only("loyaltyentry")

    def __str__(self) -> str:
        return f"{self.points:+d} {self.reason}"
