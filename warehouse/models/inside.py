"""What happens to units inside the company: on their way between two places, and counted where they lie."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from oms.models import Order
from retail.kernel.models import LegalEntity, Location
from storefront.models import Variant
from warehouse.models.stock import Bin
from warehouse.states import CountStatus, TransferStatus


class Transfer(models.Model):
    """Units that one place of the company sends to another. On their way they lie in the TRANSIT bin of the place they go to."""

    number = models.CharField(max_length=24, unique=True)
    source = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=TransferStatus, default=TransferStatus.REQUESTED)
    # Units that an order's shopper collects at the target: its claims travel with them.
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    note = models.CharField(max_length=200, blank=True)
    expected_on = models.DateField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    shipped_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    # Its own change or one of its parts'; written by the database.
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(source=F("target")), name="transfer_between_two_places")
        ]
        indexes = [
            models.Index(fields=["updated_at", "id"], name="transfer_updated"),
            models.Index(fields=["target", "status"], name="transfer_arriving"),
            models.Index(fields=["source", "status"], name="transfer_leaving"),
            models.Index(fields=["order"], name="transfer_order", condition=Q(order__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number


class TransferLine(models.Model):
    """`quantity` is asked for. Of the shipped units some came good, some damaged, some never; `quantity_over` came unannounced."""

    transfer = models.ForeignKey(Transfer, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    quantity_shipped = models.PositiveIntegerField(default=0)
    quantity_good = models.PositiveIntegerField(default=0)
    quantity_damaged = models.PositiveIntegerField(default=0)
    quantity_lost = models.PositiveIntegerField(default=0)
    quantity_over = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transfer", "variant"], name="transfer_line_variant_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity_shipped__lte=F("quantity")),
                name="transfer_line_shipped_asked",
            ),
            models.CheckConstraint(
                condition=Q(
                    quantity_shipped__gte=F("quantity_good") + F("quantity_damaged") + F("quantity_lost")
                ),
                name="transfer_line_arrived_shipped",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id}"

    @property
    def under_way(self) -> int:
        return self.quantity_shipped - self.quantity_good - self.quantity_damaged - self.quantity_lost


class StockCount(models.Model):
    """A count of one bin: what the rows said when it began, what was counted, what differs, and who let it be written."""

    number = models.CharField(max_length=24, unique=True)
    bin = models.ForeignKey(Bin, on_delete=models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=CountStatus, default=CountStatus.OPEN)
    # Titles that were expected and not seen are counted as none.
    is_whole = models.BooleanField(default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # What the differences are worth, up and down added, at the cost of the day they were counted.
    value = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    started_at = models.DateTimeField(default=timezone.now)
    counted_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bin"],
                condition=Q(status__in=["OPEN", "WAITING", "APPROVED"]),
                name="stock_count_one_per_bin",
            )
        ]
        indexes = [models.Index(fields=["status", "-started_at"], name="stock_count_queue")]

    def __str__(self) -> str:
        return self.number


class StockCountLine(models.Model):
    """`expected` is what the rows said at the moment of counting, so what is sold meanwhile is no difference."""

    count = models.ForeignKey(StockCount, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    expected = models.PositiveIntegerField()
    counted = models.PositiveIntegerField(null=True, blank=True)
    # Promised units that lost their place when the difference was written.
    displaced = models.PositiveIntegerField(default=0)
    is_written = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["count", "variant"], name="stock_count_variant_once")]

    def __str__(self) -> str:
        return f"{self.variant_id}: {self.counted} of {self.expected}"

    @property
    def difference(self) -> int:
        return 0 if self.counted is None else self.counted - self.expected
