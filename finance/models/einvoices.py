"""Papers at SEF: what we send, with everything that happened to it, and what suppliers send us."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.triggers import append_only
from finance.models.papers import Invoice
from finance.states import EInvoiceState, PurchaseDecision, Withdrawal
from retail.kernel.models import LegalEntity


class EInvoice(models.Model):
    """The way of one paper to SEF. The request id and the exact document stand here before the first call."""

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="einvoice")
    state = models.CharField(max_length=20, choices=EInvoiceState, default=EInvoiceState.QUEUED)
    request_id = models.CharField(max_length=40, blank=True)
    # The day that stands on the document; SEF takes none of another day.
    document_date = models.DateField(null=True, blank=True)
    document = models.TextField(blank=True)
    # Whether a call may have reached SEF without an answer: then nothing new is sent before SEF was asked.
    is_in_doubt = models.BooleanField(default=False)
    # What sources dispute, chosen otherwise after SEF refused the first choice.
    credit_note_period = models.CharField(max_length=3, blank=True)
    extension = models.CharField(max_length=3, blank=True)
    sales_id = models.BigIntegerField("id at SEF", null=True, blank=True, unique=True)
    purchase_id = models.BigIntegerField("the buyer's id at SEF", null=True, blank=True)
    sef_status = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    said = models.TextField("what SEF said", blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    # A withdrawal is stored before it is asked for.
    withdrawal = models.CharField(max_length=8, choices=Withdrawal, blank=True)
    withdrawal_reason = models.CharField(max_length=300, blank=True)
    is_to_be_replaced = models.BooleanField(default=False)
    corrections = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    stored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request_id"], condition=~Q(request_id=""), name="einvoice_request_once"
            ),
            models.CheckConstraint(
                condition=Q(document="") | ~Q(request_id="") & Q(document_date__isnull=False),
                name="einvoice_document_has_request",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["SENDING", "SENT", "APPROVED", "REJECTED", "MISTAKE", "STORNO"])
                | Q(sales_id__isnull=False),
                name="einvoice_at_sef_has_id",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"],
                name="einvoice_queue",
                condition=Q(state__in=["QUEUED", "BLOCKED_BY_ADVANCE", "BLOCKED_BY_SOURCE"]),
            ),
            models.Index(
                fields=["next_poll_at"], name="einvoice_poll", condition=Q(next_poll_at__isnull=False)
            ),
            models.Index(fields=["state", "-id"], name="einvoice_by_state"),
            models.Index(fields=["next_attempt_at"], name="einvoice_withdraw", condition=~Q(withdrawal="")),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id} {self.state}"


class EInvoiceEvent(models.Model):
    """Everything that happened to a paper on its way, in order; never changed."""

    einvoice = models.ForeignKey(EInvoice, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=20, choices=EInvoiceState)
    code = models.CharField(max_length=100, blank=True)
    said = models.TextField(blank=True)
    request_id = models.CharField(max_length=40, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        indexes = [models.Index(fields=["einvoice", "id"], name="einvoice_event_order")]
        triggers = append_only("einvoiceevent")

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class SefSubscription(models.Model):
    """A key by which SEF's messages prove themselves for a day."""

    key = models.CharField(max_length=80, unique=True)
    asked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d}"


class PurchaseInvoice(models.Model):
    """A supplier's document at SEF and what we decided about it. A decision stands here before SEF hears of it."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    sef_id = models.BigIntegerField("id at SEF")
    number = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    status = models.CharField(max_length=20)
    supplier_name = models.CharField(max_length=200)
    supplier_pib = models.CharField(max_length=20, blank=True)
    supplier_registration_number = models.CharField(max_length=20, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    net = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="RSD")
    delivered_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    sent_on = models.DateField(null=True, blank=True)
    decision = models.CharField(max_length=6, choices=PurchaseDecision, blank=True)
    comment = models.CharField(max_length=500, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    told_at = models.DateTimeField("when SEF took the decision", null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "sef_id"], name="purchase_invoice_once"),
            models.CheckConstraint(
                condition=~Q(decision="REJECT") | ~Q(comment=""), name="purchase_rejection_has_comment"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="purchase_invoice_status"),
            models.Index(
                fields=["next_attempt_at"],
                name="purchase_decision_queue",
                condition=Q(told_at__isnull=True) & ~Q(decision=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number
