"""Events: in the transaction, numbered per subject, handled with single effect, fed without gaps."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from retail.kernel import outbox
from retail.kernel.context import acting
from retail.kernel.models import Holiday, OutboxEvent


@dataclass(frozen=True, slots=True)
class ThingHappened:
    thing: str


TOPIC = outbox.topic_of(ThingHappened)


@pytest.fixture
def handlers() -> Iterator[dict[str, outbox.Handler]]:
    """Handlers of this test only."""
    before = {topic: dict(names) for topic, names in outbox._handlers.items()}
    yield outbox._handlers.setdefault(TOPIC, {})
    outbox._handlers.clear()
    outbox._handlers.update(before)


def announce(key: str = "1") -> None:
    with transaction.atomic():
        outbox.announce(ThingHappened(thing=key), subject=("thing", key))


@pytest.mark.django_db
def test_events_are_numbered_per_subject_and_carry_who_and_where() -> None:
    with acting(request_id="req-7"):
        for key in ("1", "2", "1", "1"):
            announce(key)
    rows = (
        OutboxEvent.objects.filter(topic=TOPIC)
        .order_by("id")
        .values_list("subject_key", "sequence", "request_id")
    )
    assert list(rows) == [("1", 1, "req-7"), ("2", 1, "req-7"), ("1", 2, "req-7"), ("1", 3, "req-7")]
    assert OutboxEvent.objects.filter(topic=TOPIC, payload={"thing": "1"}).count() == 3


@pytest.mark.django_db
def test_one_statement_numbers_several_events_of_one_subject() -> None:
    outbox.announce_all([(ThingHappened(thing="9"), ("thing", "9")) for _ in range(3)])
    assert list(
        OutboxEvent.objects.filter(subject_key="9").order_by("id").values_list("sequence", flat=True)
    ) == [1, 2, 3]


@pytest.mark.django_db
def test_a_refused_transaction_announces_nothing() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        outbox.announce(ThingHappened(thing="x"), subject=("thing", "x"))
        raise RuntimeError
    assert not OutboxEvent.objects.filter(subject_key="x").exists()


@pytest.mark.django_db(transaction=True)
def test_each_handler_runs_once_and_a_failing_one_does_not_hold_up_the_others(
    handlers: dict[str, outbox.Handler],
) -> None:
    seen: list[str] = []
    fails = [True]

    def good(event: OutboxEvent) -> None:
        seen.append(f"good {event.payload['thing']}")

    def shaky(event: OutboxEvent) -> None:
        Holiday.objects.create(date="2050-01-01", name="half done")
        if fails[0]:
            raise RuntimeError("not yet")
        seen.append("shaky")

    handlers.update({"a.shaky": shaky, "b.good": good})
    announce("5")
    now = timezone.now()
    assert outbox.run_pending(now=now) == 0, "the first one failed"
    assert not Holiday.objects.exists(), "its half work was rolled back"
    later = now + timedelta(seconds=10)
    assert outbox.run_pending(now=later) == 1
    assert seen == ["good 5"]
    fails[0] = False
    assert outbox.run_pending(now=later + timedelta(hours=2)) == 1
    assert seen == ["good 5", "shaky"]
    assert outbox.run_pending(now=later + timedelta(hours=3)) == 0, "nothing is left"


@pytest.mark.django_db(transaction=True)
def test_what_a_newer_version_announced_waits_for_a_worker_that_knows_it(
    handlers: dict[str, outbox.Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old and new run side by side while a version is rolled out; fields and handlers that the old one does not know do no harm."""
    seen: list[str] = []
    handlers["a.known"] = lambda event: seen.append(event.payload["thing"])
    announce("7")
    OutboxEvent.objects.filter(subject_key="7").update(
        pending=["a.new", "a.known"], payload={"thing": "7", "new_field": 1}
    )
    now = timezone.now()
    for _ in range(2):
        outbox.run_pending(now=now)
        now += timedelta(seconds=10)
    assert seen == ["7"]
    event = OutboxEvent.objects.get(subject_key="7")
    assert (event.pending, event.dead_reason) == (["a.new"], "")
    handlers["a.new"] = lambda event: seen.append("new")
    assert outbox.run_pending(now=now + timedelta(hours=1)) == 1
    assert seen == ["7", "new"]

    announce("8")
    OutboxEvent.objects.filter(subject_key="8").update(pending=["a.gone"])
    monkeypatch.setattr(outbox, "_retired", {"a.gone"})
    assert outbox.run_pending(now=now) == 1
    assert OutboxEvent.objects.get(subject_key="8").pending == []


@pytest.mark.django_db(transaction=True)
def test_a_poisoned_event_is_set_aside_with_its_reason(handlers: dict[str, outbox.Handler]) -> None:
    def poison(event: OutboxEvent) -> None:
        raise ValueError("secret text")

    handlers["a.poison"] = poison
    announce("6")
    now = timezone.now()
    for _ in range(outbox.MAX_ATTEMPTS):
        outbox.run_pending(now=now)
        now += timedelta(hours=2)
    event = OutboxEvent.objects.get(subject_key="6")
    assert (event.attempts, event.dead_reason) == (outbox.MAX_ATTEMPTS, "a.poison: ValueError")
    assert outbox.run_pending(now=now) == 0


@pytest.mark.django_db(transaction=True)
def test_twenty_workers_at_once_have_one_effect(handlers: dict[str, outbox.Handler], run_together) -> None:  # type: ignore[no-untyped-def]
    def once(event: OutboxEvent) -> None:
        Holiday.objects.create(date=f"2051-01-{int(event.payload['thing']):02}", name="effect")

    handlers["a.once"] = once
    for n in range(1, 9):
        announce(str(n))
    run_together(8, lambda _: outbox.run_pending(now=timezone.now()))
    assert Holiday.objects.filter(date__year=2051).count() == 8
    assert not OutboxEvent.objects.filter(topic=TOPIC).exclude(pending=[]).exists()


@pytest.mark.django_db(transaction=True)
def test_a_slow_transaction_never_makes_a_reader_miss_its_event() -> None:
    """Two interleaved commits: the slow writer began first, the fast one commits first."""
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                outbox.announce(ThingHappened(thing="slow"), subject=("thing", "slow"))
                written.set()
                assert go_on.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(10)
    announce("fast")
    assert [e.subject_key for e in outbox.feed() if e.topic == TOPIC] == [], (
        "the fast event waits for the older writer"
    )
    # The control: a reader that goes by id alone would take the fast one now and never see the slow one behind its cursor.
    naive = list(OutboxEvent.objects.filter(topic=TOPIC).order_by("id"))
    assert [e.subject_key for e in naive] == ["fast"]
    go_on.set()
    thread.join()
    seen = [e for e in outbox.feed() if e.topic == TOPIC]
    assert [e.subject_key for e in seen] == ["slow", "fast"]
    assert [e.subject_key for e in outbox.feed(after=(seen[0].xid, seen[0].pk))] == ["fast"]
    assert OutboxEvent.objects.get(subject_key="slow").pk < naive[0].pk, (
        "the slow one has the smaller id: a naive cursor misses it"
    )


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_subject_cannot_share_a_number() -> None:
    announce("7")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE kernel_outboxevent DISABLE TRIGGER USER")
        cursor.execute(
            "INSERT INTO kernel_outboxevent (xid, topic, subject_kind, subject_key, sequence, payload, request_id, pending, attempts, dead_reason)"
            " VALUES (1, 'x', 'thing', '7', 1, '{}', '', '{}', 0, '')"
        )
