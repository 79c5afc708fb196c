"""Payments as the provider tells them, and the money that comes and goes."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.models import GiftCard
from finance.models.ledger import JournalEntry
from finance.states import OperationState, PaymentState
from oms.models import Order, Return
from oms.states import PaymentMethod
from retail.kernel.models import new_public_id
from warehouse.models import Shipment


class Payment(models.Model):
    """One attempt to pay one order by one method; its sums follow its captures and refunds."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)
    method = models.CharField(max_length=20, choices=PaymentMethod)
    provider = models.CharField(max_length=20, blank=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    gift_card = models.ForeignKey(
        GiftCard, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=PaymentState, default=PaymentState.PENDING)
    currency = models.CharField(max_length=3, default="RSD")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    authorized = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    captured = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    voided = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    card_label = models.CharField(max_length=40, blank=True)
    reference = models.CharField("reference the payer quotes", max_length=40, blank=True)
    redirect_url = models.URLField(max_length=500, blank=True)
    failure = models.CharField(max_length=120, blank=True)
    authorization_expires_at = models.DateTimeField(null=True, blank=True)
    # What is still authorized is not needed any more: a worker gives it back to the shopper's limit.
    void_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "attempt"], name="payment_attempt_once"),
            models.UniqueConstraint(
                fields=["provider", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="payment_provider_ref_once",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, refunded__gte=0, refunded__lte=F("captured")),
                name="payment_refunded_in_captured",
            ),
            models.CheckConstraint(
                condition=~Q(method="CARD") | Q(captured__lte=F("authorized") - F("voided"), voided__gte=0),
                name="payment_card_captured_in_authorized",
            ),
            models.CheckConstraint(
                condition=Q(method="GIFT_CARD", gift_card__isnull=False)
                | (~Q(method="GIFT_CARD") & Q(gift_card__isnull=True)),
                name="payment_names_its_gift_card",
            ),
        ]
        indexes = [
            models.Index(fields=["reference"], name="payment_reference", condition=~Q(reference="")),
            models.Index(
                fields=["state", "created_at"], name="payment_pending", condition=Q(state="PENDING")
            ),
            models.Index(
                fields=["void_requested_at"],
                name="payment_void_queue",
                condition=Q(void_requested_at__isnull=False, state="AUTHORIZED"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.amount} {self.state}"


class PaymentEvent(models.Model):
    """Each provider message once, as it came; replayable in any order."""

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )
    payload = models.JSONField(default=dict)
    outcome = models.CharField(max_length=120, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="payment_event_once")]
        indexes = [
            models.Index(
                fields=["received_at"], name="payment_event_open", condition=Q(processed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id} {self.kind}"


class Capture(models.Model):
    """Money that came in: asked of the card provider (stored before the call), or seen on a statement or remittance."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="captures", db_index=False)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=OperationState, default=OperationState.PENDING)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    provider_ref = models.CharField(max_length=80, blank=True)
    failure = models.CharField(max_length=120, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="capture_positive"),
            models.UniqueConstraint(
                fields=["payment", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="capture_provider_ref_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(entry__isnull=False), name="capture_has_entry"
            ),
            models.UniqueConstraint(
                fields=["payment", "shipment"],
                condition=Q(shipment__isnull=False) & ~Q(state="REFUSED"),
                name="capture_once_per_shipment",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="capture_pending", condition=Q(state="PENDING")),
            models.Index(fields=["payment"], name="capture_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"


class Refund(models.Model):
    """Money that goes back to the original payment; the key makes the provider's effect single."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    parent_return = models.ForeignKey(
        Return, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # In an exchange it does not leave the house: it pays this payment of the new order.
    moved_to = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=OperationState, default=OperationState.PENDING)
    reason = models.CharField(max_length=120)
    bank_account = models.CharField("account for a transfer back", max_length=34, blank=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    failure = models.CharField(max_length=120, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_positive"),
            models.UniqueConstraint(
                fields=["payment", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="refund_provider_ref_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(entry__isnull=False), name="refund_has_entry"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "created_at"], name="refund_pending", condition=Q(state="PENDING")),
            models.Index(fields=["moved_to"], name="refund_moved_to", condition=Q(moved_to__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"
