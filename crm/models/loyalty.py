"""Members: the program, their tier, and the ledger of their points."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from audit.triggers import append_only
from crm.models.people import Customer
from retail.kernel.models import LegalEntity


class LoyaltyProgram(models.Model):
    """The numbers of the program while it is valid; a change is a new row, so what was earned before keeps its terms."""

    currency = models.CharField(max_length=3, default="RSD")
    # Gross money for one point, before the factor of the tier.
    spend_per_point = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(100))
    # What one point is worth when it is spent, and what the books owe for it.
    point_value = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(1))
    expiry_months = models.PositiveSmallIntegerField(default=24)
    # A tier asks for this much spending in so many months.
    window_months = models.PositiveSmallIntegerField(default=12)
    burn_points_min = models.PositiveIntegerField(default=100)
    # Of the goods of one order, what points may pay at most.
    burn_percent_max = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(50))
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["currency"], condition=Q(valid_to__isnull=True), name="loyalty_program_one_open"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="loyalty_program_period",
            ),
            models.CheckConstraint(
                condition=Q(
                    spend_per_point__gt=0,
                    point_value__gt=0,
                    burn_percent_max__gte=0,
                    burn_percent_max__lte=100,
                    expiry_months__gte=1,
                    window_months__gte=1,
                ),
                name="loyalty_program_numbers",
            ),
        ]

    def __str__(self) -> str:
        return f"1 / {self.spend_per_point} {self.currency}"


class Tier(models.Model):
    code = models.SlugField(max_length=20, unique=True)
    rank = models.PositiveSmallIntegerField(unique=True)
    name = models.CharField(max_length=60)
    # What a member spent in the program's window to stand here.
    spend_from = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    earn_factor = models.DecimalField(max_digits=5, decimal_places=2, default=1)

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
    """Points earned or spent; append-only, once per source document.

    A row of positive points that can expire is a lot; lots are used up oldest first (`crm.points`). `value` is what the books
    owe for these points, signed like them.
    """

    account = models.ForeignKey(LoyaltyAccount, on_delete=models.PROTECT, related_name="entries")
    points = models.IntegerField()
    reason = models.CharField(max_length=40)
    source_kind = models.CharField(max_length=40)
    source_key = models.CharField(max_length=64)
    # Whose books owe it; None: earned before the books knew points.
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    value = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    order_number = models.CharField(max_length=24, blank=True)
    # Of a lot: points for one unit of money when it was earned, and its last day.
    rate = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "loyalty entries"
        indexes = [
            models.Index(fields=["order_number"], name="loyalty_entry_order", condition=~Q(order_number="")),
            models.Index(
                fields=["expires_on"], name="loyalty_entry_expiry", condition=Q(expires_on__isnull=False)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source_kind", "source_key", "reason"], name="loyalty_entry_once")
        ]
        triggers = append_only("loyaltyentry")

    def __str__(self) -> str:
        return f"{self.points:+d} {self.reason}"
