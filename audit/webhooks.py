"""Webhooks: every business event that an address outside asked for, signed, in the order of its subject, tried for three days.

What must be told is a row (WebhookDelivery), made from the same gapless feed that integrators read. A call is made between two
transactions: one takes the delivery with a lease, one writes down what came of it; so a worker that dies tells twice at worst.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from audit.models import Webhook, WebhookAttempt, WebhookDelivery, WebhookPosition
from audit.outbound import Answer, Target, Unreachable, UnsafeAddress, check_address, post
from audit.selectors import told
from audit.states import DELIVERY_MOVES, DeliveryState
from retail.kernel import failpoints, outbox
from retail.kernel.crypto import decrypt, encrypt
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.models import User
from retail.kernel.signatures import signed_headers
from retail.kernel.states import check_move

# After the n-th failed attempt; three days in all, as Standard Webhooks recommends.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 20.5)),
)
LEASE = timedelta(seconds=60)
BATCH = 500
PAUSE_SECONDS_MAX = 300
KEPT = timedelta(days=30)
OLD_SECRET_LIVES = timedelta(hours=24)
GONE = 410
Sender = Callable[..., Answer]


class UnknownTopic(InvalidInput):
    code = "UNKNOWN_TOPIC"


class UnknownWebhook(NotFound):
    code = "UNKNOWN_WEBHOOK"


def known_topics() -> list[str]:
    """Every topic that a room can announce."""
    found = []
    for room in apps.get_app_configs():
        module = f"{room.name}.events"
        if find_spec(module):
            events = import_module(module)
            found += [
                outbox.topic_of(one)
                for one in vars(events).values()
                if isinstance(one, type) and one.__module__ == module
            ]
    return sorted(found)


def add_webhook(*, url: str, topics: list[str], by: User | None) -> tuple[Webhook, str]:
    """A new webhook, told of what happens from now on, and its signing secret, shown this once. Refuses UnsafeAddress, UnknownTopic."""
    _check(url, topics)
    secret = _new_secret()
    with transaction.atomic():
        webhook = Webhook.objects.create(
            url=url, topics=sorted(set(topics)), secret=encrypt(secret), created_by=by
        )
        WebhookPosition.objects.create(webhook=webhook, xid=_present(), event_id=0)
    return webhook, secret


def change_webhook(
    *, public_id: str, url: str | None = None, topics: list[str] | None = None, is_active: bool | None = None
) -> Webhook:
    """Other address, other topics, off or on again; what waits stays and is told when it is on. Refuses as `add_webhook`."""
    _check(url, topics or [])  # a name is looked up, so before anything is locked
    with transaction.atomic():
        webhook = _locked(public_id)
        if url is not None:
            webhook.url = url
        if topics is not None:
            webhook.topics = sorted(set(topics))
        if is_active is not None:
            webhook.is_active, webhook.off_reason = is_active, "" if is_active else webhook.off_reason
            WebhookPosition.objects.filter(webhook=webhook).update(failures=0, paused_until=None)
        webhook.save()
    return webhook


def remove_webhook(*, public_id: str) -> None:
    with transaction.atomic():
        _locked(public_id).delete()


def rotate_secret(*, public_id: str, now: datetime) -> tuple[Webhook, str]:
    """A new secret, shown this once; the old one signs along for a day."""
    secret = _new_secret()
    with transaction.atomic():
        webhook = _locked(public_id)
        webhook.previous_secret, webhook.previous_secret_until = webhook.secret, now + OLD_SECRET_LIVES
        webhook.secret = encrypt(secret)
        webhook.save()
    return webhook, secret


def replay(*, webhook_id: str, delivery_id: str, now: datetime) -> WebhookDelivery:
    """Tells an event once more, with a fresh three days. The message keeps its id, so a receiver knows it again."""
    with transaction.atomic():
        webhook = _locked(webhook_id)
        delivery = webhook.deliveries.select_for_update().filter(public_id=delivery_id).first()
        if delivery is None:
            raise NotFound("This webhook has no such delivery.")
        check_move(DELIVERY_MOVES, delivery.state, DeliveryState.PENDING, what="The delivery")
        delivery.state, delivery.attempts_made = DeliveryState.PENDING, 0
        delivery.next_attempt_at, delivery.delivered_at = now, None
        delivery.save()
    return delivery


def deliver_next(*, now: datetime, send: Sender = post) -> bool | None:
    """Calls for the delivery that has waited longest; whether the receiver took it, None when nothing is due."""
    delivery = _take(now)
    return None if delivery is None else _deliver(delivery, now, send)


def queue_events(*, now: datetime) -> int:
    """Makes deliveries of what the feed has behind each webhook's position; a position moves with them or not at all."""
    queued = 0
    for pk in Webhook.objects.filter(is_active=True).values_list("pk", flat=True):
        while found := _queue_batch(pk, now):
            queued += found[1]
            if found[0] < BATCH:
                break
    return queued


def _queue_batch(webhook_pk: int, now: datetime) -> tuple[int, int]:
    """(events read, deliveries made)."""
    with transaction.atomic():
        # Another worker may be at this webhook; then it does the work.
        position = (
            WebhookPosition.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("webhook")
            .filter(webhook_id=webhook_pk)
            .first()
        )
        if position is None:
            return 0, 0
        events = outbox.feed(after=(position.xid, position.event_id), limit=BATCH)
        if not events:
            return 0, 0
        wanted = [
            one for one in events if not position.webhook.topics or one.topic in position.webhook.topics
        ]
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(
                webhook_id=webhook_pk,
                event=one,
                subject=f"{one.subject_kind}:{one.subject_key}",
                next_attempt_at=now,
                created_at=now,
            )
            for one in wanted
        )
        position.xid, position.event_id = events[-1].xid, events[-1].pk
        position.save(update_fields=["xid", "event_id"])
    return len(events), len(wanted)


def _take(now: datetime) -> WebhookDelivery | None:
    """The next delivery that is due, leased: nothing earlier of its subject waits, and its webhook is on and not paused."""
    earlier = WebhookDelivery.objects.filter(
        webhook=OuterRef("webhook"),
        subject=OuterRef("subject"),
        state=DeliveryState.PENDING,
        id__lt=OuterRef("id"),
    )
    is_open = Q(webhook__position__paused_until__isnull=True) | Q(webhook__position__paused_until__lte=now)
    with transaction.atomic():
        delivery = (
            WebhookDelivery.objects.select_for_update(of=("self",), skip_locked=True)
            .filter(is_open, ~Exists(earlier), webhook__is_active=True)
            .filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)
            .select_related("webhook", "event")
            .order_by("next_attempt_at", "id")
            .first()
        )
        if delivery is None:
            return None
        delivery.attempts_made += 1
        delivery.next_attempt_at = now + LEASE
        delivery.save(update_fields=["attempts_made", "next_attempt_at"])
    failpoints.hit("webhook.taken")
    return delivery


def _deliver(delivery: WebhookDelivery, now: datetime, send: Sender) -> bool:
    webhook = delivery.webhook
    attempt = WebhookAttempt(delivery=delivery, at=now, milliseconds=0)
    try:
        answer = send(_target(webhook), body=message_of(delivery), headers=_signed(delivery, now))
        attempt.status, attempt.milliseconds = answer.status, answer.milliseconds
        attempt.answer = answer.text.replace("\0", "")[:500]
    except (Unreachable, UnsafeAddress) as reason:
        attempt.failure = str(reason)[:120]
    failpoints.hit("webhook.sent")
    is_taken = attempt.status is not None and 200 <= attempt.status < 300
    with transaction.atomic():
        attempt.save()
        _note(delivery, attempt, is_taken, now)
    return is_taken


def _note(delivery: WebhookDelivery, attempt: WebhookAttempt, is_taken: bool, now: datetime) -> None:
    position = WebhookPosition.objects.filter(webhook_id=delivery.webhook_id)
    if is_taken:
        delivery.state, delivery.delivered_at = DeliveryState.DELIVERED, now
        position.filter(failures__gt=0).update(failures=0, paused_until=None)
    else:
        failures = position.values_list("failures", flat=True).get() + 1
        # The others of a receiver that is down need not find that out one by one.
        pause = timedelta(seconds=min(2**failures, PAUSE_SECONDS_MAX))
        position.update(failures=F("failures") + 1, paused_until=now + pause)
        if delivery.attempts_made > len(WAITS):
            delivery.state = DeliveryState.FAILED
        else:
            delivery.next_attempt_at = now + WAITS[delivery.attempts_made - 1]
        if attempt.status == GONE:
            Webhook.objects.filter(pk=delivery.webhook_id).update(
                is_active=False, off_reason="The receiver answered 410 Gone."
            )
    delivery.save(update_fields=["state", "delivered_at", "next_attempt_at"])


def message_of(delivery: WebhookDelivery) -> bytes:
    """The body: the same for every attempt."""
    event = told(delivery.event)
    message = {"type": event.pop("topic"), "timestamp": event.pop("created_at"), "data": event}
    return json.dumps(message, ensure_ascii=False, sort_keys=True).encode()


def forget_deliveries(*, now: datetime) -> int:
    """Deletes what was told, or given up, more than a month ago."""
    old = WebhookDelivery.objects.filter(created_at__lt=now - KEPT).exclude(state=DeliveryState.PENDING)
    return old.delete()[0]


def _signed(delivery: WebhookDelivery, now: datetime) -> dict[str, str]:
    webhook = delivery.webhook
    live = [decrypt(webhook.secret)]
    if webhook.previous_secret_until and webhook.previous_secret_until > now:
        live.append(decrypt(webhook.previous_secret))
    return signed_headers(
        secrets=live,
        message_id=f"msg_{delivery.public_id}",
        timestamp=int(now.timestamp()),
        body=message_of(delivery),
    )


def _target(webhook: Webhook) -> Target:
    """Asked at every call: the name may lead elsewhere than when it was saved."""
    return check_address(webhook.url)


def _check(url: str | None, topics: list[str]) -> None:
    if url is not None:
        check_address(url)
    known = known_topics()
    if unknown := sorted(set(topics) - set(known)):
        raise UnknownTopic("There are no such events.", unknown=unknown[:10], known=known)


def _locked(public_id: str) -> Webhook:
    webhook = Webhook.objects.select_for_update().filter(public_id=public_id).first()
    if webhook is None:
        raise UnknownWebhook("There is no such webhook.")
    return webhook


def _present() -> int:
    """The oldest transaction that is still open: what it commits is told, what was committed before it is not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
