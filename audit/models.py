"""The trace: who changed which row, from what to what. Written by database triggers (audit/triggers.py), never by hand."""

from auditlog.models import AbstractLogEntry
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.states import DeliveryState, ProposalState
from audit.triggers import append_only
from retail.kernel.models import OutboxEvent, new_public_id


class LogEntry(AbstractLogEntry):
    """One audited write of one row (django-auditlog's entry, so that its admin history works).

    `cid` is the request id. Personal columns appear in `changes` as digests; their text is in PersonalChange. `xid` is the writing
    transaction: sealing takes only entries that no open transaction can still precede.
    """

    # The library's columns, without an index for each: an order leaves a dozen entries, and every index is written for all of them.
    # No key to the kinds of rows: the functions of the trace carry the kind's own key, and a kind with entries cannot be removed
    # (trigger `kind_of_entries_stays`), which is asked where kinds are removed, not once for each entry.
    content_type = models.ForeignKey(
        ContentType, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    object_pk = models.CharField(max_length=255)
    object_id = models.BigIntegerField(blank=True, null=True)
    action = models.PositiveSmallIntegerField(choices=AbstractLogEntry.Action.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        blank=True,
        null=True,
        related_name="+",
        db_index=False,
    )
    cid = models.CharField(max_length=255, blank=True, null=True)
    timestamp = models.DateTimeField(default=timezone.now)
    xid = models.BigIntegerField(editable=False, default=0)
    reason = models.CharField(max_length=200, blank=True, default="")
    actor_label = models.CharField(max_length=120, blank=True, default="")
    # Set when one entry stands for all rows of one statement of a batch import.
    batch = models.CharField(max_length=80, blank=True, default="")
    row_count = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["xid", "id"], name="audit_seal_order"),
            models.Index(fields=["content_type", "object_id", "id"], name="audit_target"),
            # Strangers and jobs are nobody's entries.
            models.Index(fields=["actor", "id"], name="audit_by", condition=Q(actor__isnull=False)),
            models.Index(fields=["cid"], name="audit_request"),
            # Entries are written in the order of time.
            BrinIndex(fields=["timestamp"], name="audit_when"),
        ]
        triggers = append_only("logentry")


class PersonalChange(models.Model):
    """Before and after of personal columns, outside the chain so that erasure can empty it (which leaves an entry of its own)."""

    entry = models.OneToOneField(
        LogEntry, on_delete=models.DO_NOTHING, db_constraint=False, related_name="personal", primary_key=True
    )
    changes = models.JSONField(null=True)
    erased_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"personal part of {self.entry_id}"


class AuditLink(models.Model):
    """The hash chain: one link per entry, made by the sealing worker in (xid, id) order."""

    position = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    xid = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = append_only("auditlink")

    def __str__(self) -> str:
        return f"{self.position} → {self.entry_id}"


class Proposal(models.Model):
    """A change set that waits for a person: what, why, its diff and effect, the versions it was made on, who decided."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    subject_kind = models.CharField(max_length=40)
    subject_key = models.CharField(max_length=64)
    change = models.JSONField(default=dict)
    diff = models.JSONField(default=list)
    effect = models.JSONField(default=dict)
    base = models.JSONField(default=dict)
    value = models.DecimalField(
        _("value that limits compare with"), max_digits=14, decimal_places=2, default=0
    )
    currency = models.CharField(max_length=3, default="RSD")
    is_exception = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=ProposalState, default=ProposalState.OPEN)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    author_label = models.CharField(max_length=80, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_by_rule = models.CharField(max_length=80, blank=True)
    decision_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaces"
    )

    class Meta:
        indexes = [
            models.Index(fields=["state", "-created_at"], name="proposal_queue"),
            models.Index(fields=["subject_kind", "subject_key"], name="proposal_subject"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_kind", "subject_key"],
                condition=Q(state="OPEN"),
                name="proposal_one_open_per_subject",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Webhook(models.Model):
    """An address outside that is told of business events, each message signed. Secrets are kept encrypted."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    url = models.CharField(max_length=500)
    # Empty means every topic.
    topics = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    secret = models.TextField()
    # The one before signs too until it ends, so that a receiver can change it in its own time.
    previous_secret = models.TextField(blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    off_reason = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.url


class WebhookPosition(models.Model):
    """How far a webhook has been told, and how long it is left alone after failures. Moves often, so it is not traced."""

    webhook = models.OneToOneField(
        Webhook, on_delete=models.CASCADE, primary_key=True, related_name="position"
    )
    xid = models.BigIntegerField()
    event_id = models.BigIntegerField()
    failures = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.webhook_id} at {self.xid}, {self.event_id}"


class WebhookDelivery(models.Model):
    """One event on its way to one webhook. `subject` keeps the order: a later event of it waits for the earlier one."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=105)
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts_made = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="webhook_event_once"),
            models.CheckConstraint(
                condition=Q(state="DELIVERED", delivered_at__isnull=False)
                | (~Q(state="DELIVERED") & Q(delivered_at__isnull=True)),
                name="delivered_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="webhook_due", condition=Q(state="PENDING")),
            models.Index(
                fields=["webhook", "subject", "id"], name="webhook_order", condition=Q(state="PENDING")
            ),
            models.Index(fields=["webhook", "-id"], name="webhook_deliveries"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.state}"


class WebhookAttempt(models.Model):
    """One call: what the receiver answered, or why there was no answer."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    failure = models.CharField(max_length=120, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.status or self.failure}"
