"""Webhooks: what is committed is told, signed, in the order of its subject, until it is taken or three days are over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction

from audit import webhooks
from audit.models import Webhook, WebhookAttempt, WebhookDelivery
from audit.outbound import Answer, Target, Unreachable, UnsafeAddress
from oms.events import OrderPlaced
from retail.kernel import outbox
from retail.kernel.errors import IllegalMove
from retail.kernel.signatures import InvalidSignature, verify
from tests.api.integrator import Api, refused
from tests.factories import make_entity, make_location
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
URL = "http://127.0.0.1:9/hook"


@dataclass
class Receiver:
    """A stand-in for the call: answers from a list, then 204; remembers what came."""

    answers: list[int | Exception] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __call__(self, target: Target, *, body: bytes, headers: dict[str, str]) -> Answer:
        self.got.append((headers, body))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, "", 7)

    @property
    def subjects(self) -> list[str]:
        return [json.loads(body)["data"]["subject"] for _, body in self.got]


def placed(*numbers: str) -> None:
    with transaction.atomic():
        for number in numbers:
            outbox.announce(OrderPlaced(1, number, "PLACED"), subject=("order", number))


def tell(receiver: Receiver, *, now: datetime = NOW) -> None:
    webhooks.queue_events(now=now)
    while webhooks.deliver_next(now=now, send=receiver) is not None:
        pass


def elsewhere(act: Callable[[], None]) -> None:
    """On a connection of its own."""

    def work() -> None:
        act()
        connection.close()

    thread = Thread(target=work)
    thread.start()
    thread.join()


def test_what_happens_after_is_told_once_and_signed() -> None:
    placed("ORD-1")
    _, secret = webhooks.add_webhook(url=URL, topics=["oms.order_placed"], by=None)
    placed("ORD-2")
    receiver = Receiver()
    tell(receiver)
    tell(receiver)
    ((headers, body),) = receiver.got
    delivery = WebhookDelivery.objects.get()
    assert verify(headers=headers, body=body, secrets=[secret], now=NOW) == f"msg_{delivery.public_id}"
    message = json.loads(body)
    assert set(message) == {"type", "timestamp", "data"}
    assert (message["type"], message["data"]["subject"]) == ("oms.order_placed", "order:ORD-2")
    assert not [name for name in message["data"]["payload"] if name.endswith("_id")]
    assert (delivery.state, delivery.delivered_at, delivery.attempts_made) == ("DELIVERED", NOW, 1)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.failure, attempt.milliseconds) == (204, "", 7)
    assert secret not in json.dumps(list(Webhook.objects.values()), default=str)


def test_other_topics_are_not_told() -> None:
    webhooks.add_webhook(url=URL, topics=["oms.order_canceled"], by=None)
    placed("ORD-1")
    receiver = Receiver()
    tell(receiver)
    assert receiver.got == [] and not WebhookDelivery.objects.exists()


def test_a_slow_commit_is_not_missed() -> None:
    """The later event commits first; it is told only when the earlier one can be."""
    webhooks.add_webhook(url=URL, topics=[], by=None)
    receiver = Receiver()
    with transaction.atomic():
        outbox.announce(OrderPlaced(1, "SLOW", "PLACED"), subject=("order", "SLOW"))
        elsewhere(lambda: placed("FAST"))
        elsewhere(lambda: tell(receiver))
        assert receiver.got == []
    tell(receiver)
    assert receiver.subjects == ["order:SLOW", "order:FAST"]


def test_failures_are_tried_for_three_days_and_then_given_up() -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")
    receiver = Receiver(answers=[500] * 20)
    moments: list[timedelta] = []
    now = NOW
    webhooks.queue_events(now=now)
    while WebhookDelivery.objects.get().state == "PENDING":
        assert webhooks.deliver_next(now=now, send=receiver) is False
        moments.append(now - NOW)
        delivery = WebhookDelivery.objects.get()
        before = delivery.next_attempt_at - timedelta(seconds=1)
        assert webhooks.deliver_next(now=before, send=receiver) is None
        now = max(delivery.next_attempt_at, delivery.webhook.position.paused_until or now)
    assert len(moments) == 10
    assert timedelta(days=3) <= moments[-1] < timedelta(days=3, hours=2)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts.count()) == ("FAILED", 10)
    assert webhooks.deliver_next(now=now + timedelta(days=9), send=receiver) is None

    webhooks.replay(webhook_id=delivery.webhook.public_id, delivery_id=delivery.public_id, now=now)
    receiver.answers = []
    assert webhooks.deliver_next(now=now + timedelta(hours=1), send=receiver) is True
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {f"msg_{delivery.public_id}"}
    assert delivery.attempts.count() == 11


def test_later_events_of_a_subject_wait_for_the_earlier_and_others_do_not() -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1", "ORD-1", "ORD-2")
    receiver = Receiver(answers=[500])
    webhooks.queue_events(now=NOW)
    assert webhooks.deliver_next(now=NOW, send=receiver) is False
    assert webhooks.deliver_next(now=NOW, send=receiver) is None, "the receiver is left alone for a moment"
    later = NOW + timedelta(seconds=3)
    assert webhooks.deliver_next(now=later, send=receiver) is True
    assert webhooks.deliver_next(now=later, send=receiver) is None
    assert receiver.subjects == ["order:ORD-1", "order:ORD-2"]
    much_later = NOW + timedelta(minutes=1)
    tell(receiver, now=much_later)
    assert receiver.subjects[2:] == ["order:ORD-1", "order:ORD-1"]
    sequences = [json.loads(body)["data"]["sequence"] for _, body in receiver.got]
    assert sequences == [1, 1, 1, 2]


def test_no_answer_is_an_attempt_that_says_why() -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")
    tell(Receiver(answers=[Unreachable("no answer in time")]))
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.failure) == (None, "no answer in time")


def test_a_name_that_leads_inside_meanwhile_is_not_called(settings: Any) -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")
    settings.WEBHOOKS_MAY_BE_LOCAL = False
    receiver = Receiver()
    tell(receiver)
    assert receiver.got == []
    assert WebhookAttempt.objects.get().failure.startswith("The address must")


def test_gone_turns_the_webhook_off_and_nothing_is_lost() -> None:
    webhook, _ = webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")
    tell(Receiver(answers=[410]))
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.off_reason) == (False, "The receiver answered 410 Gone.")
    placed("ORD-2")
    receiver = Receiver()
    tell(receiver, now=NOW + timedelta(hours=1))
    assert receiver.got == []
    webhooks.change_webhook(public_id=webhook.public_id, is_active=True)
    tell(receiver, now=NOW + timedelta(hours=1))
    assert receiver.subjects == ["order:ORD-1", "order:ORD-2"]


def test_both_secrets_sign_for_a_day_after_a_rotation() -> None:
    webhook, old = webhooks.add_webhook(url=URL, topics=[], by=None)
    _, new = webhooks.rotate_secret(public_id=webhook.public_id, now=NOW)
    placed("ORD-1")
    receiver = Receiver()
    tell(receiver)
    headers, body = receiver.got[0]
    for secret in (old, new):
        verify(headers=headers, body=body, secrets=[secret], now=NOW)
    later = NOW + timedelta(days=1, seconds=1)
    placed("ORD-2")
    tell(receiver, now=later)
    headers, body = receiver.got[1]
    verify(headers=headers, body=body, secrets=[new], now=later)
    with pytest.raises(InvalidSignature):
        verify(headers=headers, body=body, secrets=[old], now=later)


def test_many_workers_tell_each_event_once(run_together: Callable[..., list[Any]]) -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed(*[f"ORD-{number}" for number in range(20)])
    receiver = Receiver()
    run_together(4, lambda _: tell(receiver))
    assert sorted(receiver.subjects) == sorted(f"order:ORD-{number}" for number in range(20))
    assert WebhookAttempt.objects.count() == 20


def test_a_worker_that_died_leaves_a_lease_and_another_goes_on() -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")

    def dies(target: Target, **_: Any) -> Answer:
        raise SystemExit

    webhooks.queue_events(now=NOW)
    with pytest.raises(SystemExit):
        webhooks.deliver_next(now=NOW, send=dies)
    receiver = Receiver()
    assert webhooks.deliver_next(now=NOW + timedelta(seconds=59), send=receiver) is None
    assert webhooks.deliver_next(now=NOW + timedelta(seconds=60), send=receiver) is True


def test_old_deliveries_are_forgotten_and_waiting_ones_are_not() -> None:
    webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")
    tell(Receiver())
    placed("ORD-2")
    tell(Receiver(answers=[500]))
    assert webhooks.forget_deliveries(now=NOW + timedelta(days=30)) == 0
    webhooks.forget_deliveries(now=NOW + timedelta(days=31))
    assert [one.subject for one in WebhookDelivery.objects.all()] == ["order:ORD-2"]
    assert WebhookAttempt.objects.count() == 1


def test_a_real_receiver_reads_what_was_signed() -> None:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"thank you")

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/hook"
        _, secret = webhooks.add_webhook(url=address, topics=[], by=None)
        placed("ORD-1")
        webhooks.queue_events(now=NOW)
        assert webhooks.deliver_next(now=NOW) is True
    finally:
        server.shutdown()
        server.server_close()
    ((headers, body),) = got
    verify(headers=headers, body=body, secrets=[secret], now=NOW)
    assert WebhookAttempt.objects.get().answer == "thank you"


# -- By API ------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Api:
    make_location(make_entity())
    return Api("webhooks:read", "webhooks:write")


def test_a_webhook_by_api_from_first_to_last(api: Api) -> None:
    made = api.post("webhooks", {"url": URL, "topics": ["oms.order_placed"]})
    assert made.status_code == 201
    webhook = made.json()
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_") and webhook["topics"] == ["oms.order_placed"]
    assert api.get(f"webhooks/{webhook['id']}").json() == webhook
    assert api.get("webhooks").json()["results"] == [webhook]
    rotated = api.post(f"webhooks/{webhook['id']}/secret", {}).json()
    assert rotated["secret"] != secret
    placed("ORD-1")
    tell(Receiver(answers=[500]))
    listed = api.get(f"webhooks/{webhook['id']}/deliveries").json()["results"]
    assert [(one["subject"], one["state"], one["attempts"][0]["status"]) for one in listed] == [
        ("order:ORD-1", "PENDING", 500)
    ]
    assert api.get(f"webhooks/{webhook['id']}/deliveries", state="FAILED").json()["results"] == []
    tell(Receiver(), now=NOW + timedelta(hours=1))
    again = api.post(f"webhooks/{webhook['id']}/deliveries/{listed[0]['id']}/replay", {})
    assert (again.status_code, again.json()["state"]) == (200, "PENDING")
    off = api.send("patch", f"webhooks/{webhook['id']}", {"is_active": False})
    assert off.json()["is_active"] is False
    assert api.send("delete", f"webhooks/{webhook['id']}").status_code == 204
    assert refused(api.get(f"webhooks/{webhook['id']}")) == (404, "UNKNOWN_WEBHOOK")


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://example.com/"}, "UNSAFE_URL"),
    ({"url": "https://169.254.169.254/latest/meta-data"}, "UNSAFE_URL"),
    ({"url": "https://10.0.0.8/"}, "UNSAFE_URL"),
    ({"url": URL, "topics": ["oms.order_eaten"]}, "UNKNOWN_TOPIC"),
    ({"url": URL, "topic": "oms.order_placed"}, "INVALID_INPUT"),
    ({"topics": []}, "INVALID_INPUT"),
    ({"url": 5.5, "topics": "x"}, "INVALID_INPUT"),
]


@pytest.mark.parametrize(("body", "code"), REFUSALS)
def test_refused_webhooks_change_nothing(api: Api, body: dict[str, Any], code: str) -> None:
    with nothing_changes():
        answer = api.post("webhooks", body)
        assert refused(answer) == (400, code)


def test_what_waits_is_not_replayed(api: Api) -> None:
    webhook, _ = webhooks.add_webhook(url=URL, topics=[], by=None)
    placed("ORD-1")
    webhooks.queue_events(now=NOW)
    delivery = WebhookDelivery.objects.get()
    with nothing_changes(), pytest.raises(IllegalMove):
        webhooks.replay(webhook_id=webhook.public_id, delivery_id=delivery.public_id, now=NOW)


def test_an_unsafe_change_changes_nothing(api: Api) -> None:
    webhook, _ = webhooks.add_webhook(url=URL, topics=[], by=None)
    change: Callable[..., Webhook] = webhooks.change_webhook
    with nothing_changes(), pytest.raises(UnsafeAddress):
        change(public_id=webhook.public_id, url="https://127.0.0.1.nip.invalid/", is_active=False)
