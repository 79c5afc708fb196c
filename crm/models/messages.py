"""Letters to customers."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.models.people import Customer
from crm.states import MessageState


class Message(models.Model):
    """A letter to a customer, written once per event and kind, sent by a worker."""

    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages"
    )
    kind = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=40)
    subject_key = models.CharField(max_length=64)
    once_key = models.CharField(max_length=120, unique=True)
    language = models.CharField(max_length=10)
    recipient = models.EmailField()
    subject_line = models.CharField(max_length=200)
    text_body = models.TextField()
    html_body = models.TextField()
    state = models.CharField(max_length=6, choices=MessageState, default=MessageState.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Until then a worker has it, or it rests after a failure.
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="message_queue", condition=Q(state="QUEUED")),
            models.Index(fields=["subject_kind", "subject_key"], name="message_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_key}"
