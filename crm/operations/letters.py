"""Verbs about letters: written once per event, sent by a worker."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q

from crm.events import MessageQueued
from crm.models import Message
from crm.states import MessageState
from retail.kernel.outbox import announce

logger = logging.getLogger("onerow.letters")

SEND_LEASE = timedelta(minutes=5)
SEND_ATTEMPTS_MAX = 8


def queue_message(
    *,
    kind: str,
    subject: tuple[str, str],
    once_key: str,
    language: str,
    recipient: str,
    subject_line: str,
    text_body: str,
    html_body: str,
    customer_id: int | None,
    now: datetime,
) -> Message | None:
    """Write a letter once per `once_key`; a worker sends it. None when it was written before."""
    stored, is_new = Message.objects.get_or_create(
        once_key=once_key,
        defaults={
            "kind": kind,
            "subject_kind": subject[0],
            "subject_key": subject[1],
            "language": language,
            "recipient": recipient,
            "subject_line": subject_line[:200],
            "text_body": text_body,
            "html_body": html_body,
            "customer_id": customer_id,
            "state": MessageState.QUEUED,
            "created_at": now,
        },
    )
    if not is_new:
        return None
    announce(MessageQueued(message_id=stored.pk, kind=kind), subject=("message", str(stored.pk)))
    return stored


def send_message(*, message_id: int, now: datetime) -> str:
    """Send one letter that waits; "" when another worker has it. The mail server is called outside any transaction.

    A lost answer is repeated after the lease under the same Message-ID, so that the mailbox can drop the second one.
    """
    message = _take_message(message_id, now)
    if message is None:
        return ""
    letter = EmailMultiAlternatives(
        subject=message.subject_line,
        body=message.text_body,
        to=[message.recipient],
        headers={
            "Message-ID": f"<message-{message.pk}@{_mail_domain()}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    letter.attach_alternative(message.html_body, "text/html")
    try:
        letter.send()
    except OSError as error:  # smtplib's own errors are OSErrors too
        logger.warning("message %s was not sent: %s", message.pk, type(error).__name__)
        return _postpone_message(message, now)
    Message.objects.filter(pk=message.pk).update(state=MessageState.SENT, sent_at=now, next_attempt_at=None)
    return MessageState.SENT


def send_queued_messages(*, now: datetime, limit: int = 200) -> int:
    """What no ring has sent: each in its own short transactions."""
    waiting = Message.objects.filter(state=MessageState.QUEUED).filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(send_message(message_id=pk, now=now) == MessageState.SENT for pk in ids)


@transaction.atomic
def _take_message(message_id: int, now: datetime) -> Message | None:
    """The letter under a lease, or None when it is sent, taken, or not due."""
    message = (
        Message.objects.select_for_update(skip_locked=True)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .filter(pk=message_id, state=MessageState.QUEUED)
        .first()
    )
    if message is not None:
        message.attempts += 1
        message.next_attempt_at = now + SEND_LEASE
        message.save(update_fields=["attempts", "next_attempt_at"])
    return message


def _postpone_message(message: Message, now: datetime) -> str:
    """Later, and later each time; after many attempts a person must look."""
    is_hopeless = message.attempts >= SEND_ATTEMPTS_MAX
    state = MessageState.FAILED if is_hopeless else MessageState.QUEUED
    wait = timedelta(minutes=min(2**message.attempts, 120))
    Message.objects.filter(pk=message.pk).update(
        state=state, next_attempt_at=None if is_hopeless else now + wait
    )
    return state


def _mail_domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "onerow.local"
