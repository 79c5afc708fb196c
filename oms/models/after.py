"""What comes back: returns and exchanges."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from oms.models.orders import Order, OrderLine
from oms.states import Disposition, ExchangeState, ReturnStatus
from retail.kernel.models import Location, new_public_id


class Return(models.Model):
    """Goods that come back: asked for, received anywhere, refunded. Buyer id for the fiscal refund is kept encrypted."""

    number = models.CharField(max_length=24, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns")
    status = models.CharField(max_length=10, choices=ReturnStatus, default=ReturnStatus.REQUESTED)
    shipment_number = models.CharField(max_length=24, blank=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    buyer_id_kind = models.CharField(max_length=2, blank=True)
    buyer_id_encrypted = models.TextField(blank=True)
    # Where money goes back that came in cash.
    bank_account_encrypted = models.TextField(blank=True)
    refund_total = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    reject_reason = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    received_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["status", "-requested_at"], name="return_queue"),
            models.Index(fields=["-requested_at"], name="return_newest"),
        ]

    def __str__(self) -> str:
        return self.number


class ReturnLine(models.Model):
    parent = models.ForeignKey(Return, on_delete=models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="return_lines")
    quantity = models.PositiveIntegerField()
    quantity_received = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=40)
    disposition = models.CharField(max_length=10, choices=Disposition, blank=True)
    refund_amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["parent", "order_line"], name="return_line_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity_received__lte=F("quantity")),
                name="return_line_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.order_line_id}"


class Exchange(models.Model):
    """Goods that come back pay for others: the return of one order, the order that it pays for, and how much of it."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    returned = models.OneToOneField(Return, on_delete=models.PROTECT, related_name="exchange")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="exchange")
    # What of the money of the goods that come back pays for the new ones; the rest of it goes back to the buyer.
    credit = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=ExchangeState, default=ExchangeState.WAITING)
    # Until then the goods must be here.
    deadline = models.DateTimeField()
    # Staff let the new goods leave before the old ones are here.
    sent_ahead_at = models.DateTimeField(null=True, blank=True)
    sent_ahead_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(credit__gt=0), name="exchange_credit_positive")]
        indexes = [
            models.Index(fields=["deadline"], name="exchange_waiting", condition=Q(state="WAITING")),
        ]

    def __str__(self) -> str:
        return f"{self.returned_id} for order {self.order_id}"
