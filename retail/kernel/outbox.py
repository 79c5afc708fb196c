"""Business events: announced in the transaction that they tell of, handled at least once with effects once, read without gaps.

Redis is only a doorbell. The truth is the row: `announce` names the handlers that must run, `run_pending` takes committed rows with
SKIP LOCKED and runs each handler in one transaction with its own tick-off, `feed` reads only what can no longer be overtaken.
"""

import dataclasses
import datetime
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction

from retail.kernel import failpoints
from retail.kernel.context import acting, current
from retail.kernel.models import OutboxEvent
from retail.kernel.rows import insert

logger = logging.getLogger("onerow.outbox")
Handler = Callable[[OutboxEvent], None]
MAX_ATTEMPTS = 12

_handlers: dict[str, dict[str, Handler]] = {}
_retired: set[str] = set()
_doorbells: list[Callable[[], None]] = []
_waiting: ContextVar[list[tuple[Any, tuple[str, str]]] | None] = ContextVar("onerow_events", default=None)


def topic_of(event_class: type) -> str:
    """oms.events.OrderPlaced → oms.order_placed."""
    room = event_class.__module__.rsplit(".events", 1)[0].rsplit(".", 1)[-1]
    return f"{room}.{re.sub(r'(?<!^)(?=[A-Z])', '_', event_class.__name__).lower()}"


def subscribe(topic: str) -> Callable[[Handler], Handler]:
    """Register a handler; it may run twice, so it does one verb that may run twice."""

    def register(handler: Handler) -> Handler:
        name = f"{handler.__module__}.{handler.__qualname__}"
        assert len(name) <= 120, f"handler name too long: {name}"
        _handlers.setdefault(topic, {})[name] = handler
        return handler

    return register


class UnknownHandler(Exception):
    """An event names a handler that this process does not have."""


def retire(name: str) -> None:
    """Say of a handler that was removed or renamed that nobody has to run it: events from before may still name it."""
    _retired.add(name)


def on_doorbell(ring: Callable[[], None]) -> None:
    """Called after commit when there is work to hand out (the roof rings Celery); losing a ring loses nothing."""
    _doorbells.append(ring)


def announce(event: Any, *, subject: tuple[str, str]) -> None:
    """Write one past-tense event (a frozen dataclass of ids and text) about `subject`, e.g. ("order", "ORD-2026-000123")."""
    announce_all([(event, subject)])


@contextmanager
def collected() -> Iterator[list[tuple[Any, tuple[str, str]]]]:
    """What is announced inside, for a statement that writes it with what it tells of."""
    waiting: list[tuple[Any, tuple[str, str]]] = []
    token = _waiting.set(waiting)
    try:
        yield waiting
    finally:
        _waiting.reset(token)


@contextmanager
def together() -> Iterator[None]:
    """What is announced inside is written at its end, in one statement; when it fails, nothing is."""
    with collected() as waiting:
        yield
    announce_all(waiting)


def announce_all(events: list[tuple[Any, tuple[str, str]]]) -> None:
    """Several events in one statement; sequence and transaction id are set by a trigger."""
    if (waiting := _waiting.get()) is not None:
        waiting += events
        return
    rows = events_as_rows(events)
    insert(rows)
    ring_for(rows)


# What the database fills: the number, and the moment of writing.
FILLED = ("id", "created_at")


def events_as_rows(events: Sequence[tuple[Any, tuple[str, str]]]) -> list[OutboxEvent]:
    """The rows of events with the handlers that must run; sequence and transaction id are set by a trigger."""
    who = current()
    return [
        OutboxEvent(
            xid=0,
            topic=topic_of(type(event)),
            subject_kind=kind,
            subject_key=key,
            sequence=0,
            payload=dataclasses.asdict(event),
            actor_id=who.actor_id,
            request_id=who.request_id,
            pending=sorted(_handlers.get(topic_of(type(event)), {})),
        )
        for event, (kind, key) in events
    ]


def ring_for(rows: Sequence[OutboxEvent]) -> None:
    """Wake the worker when these are committed."""
    if any(row.pending for row in rows):
        transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    for ring in _doorbells:
        ring()


def run_pending(*, now: datetime.datetime, limit: int = 100) -> int:
    """Run what is due; returns how many handler runs succeeded. Several workers may call it at once."""
    done = 0
    for event_id in _due(now, limit):
        done += _run_event(event_id, now)
    return done


def _due(now: datetime.datetime, limit: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM kernel_outboxevent WHERE pending <> '{}' AND dead_reason = '' "
            "AND (next_attempt_at IS NULL OR next_attempt_at <= %s) ORDER BY id LIMIT %s",
            (now, limit),
        )
        return [row[0] for row in cursor.fetchall()]


def _run_event(event_id: int, now: datetime.datetime) -> int:
    done = 0
    while True:
        with transaction.atomic():
            event = OutboxEvent.objects.select_for_update(skip_locked=True).filter(pk=event_id).first()
            if event is None or event.dead_reason or not event.pending:
                return done
            name = event.pending[0]
            handler = _handlers.get(event.topic, {}).get(name)
            try:
                with transaction.atomic(), acting(label=f"handler:{name}", request_id=event.request_id):
                    if handler is not None:
                        handler(event)
                        failpoints.hit("event.handled")
                    elif name not in _retired:
                        # Announced by a newer version of the house: a worker of that version will do it.
                        raise UnknownHandler
            except Exception as error:
                _postpone(event, now, name, error)
                return done
            event.pending = event.pending[1:]
            event.save(update_fields=["pending"])
            done += 1
            if not event.pending:
                return done


def _postpone(event: OutboxEvent, now: datetime.datetime, name: str, error: Exception) -> None:
    """The failing handler goes to the end, so that the others are not held up; after many attempts a person must look."""
    logger.warning("handler %s failed for event %s: %s", name, event.pk, type(error).__name__)
    event.attempts += 1
    event.pending = [*event.pending[1:], name]
    event.next_attempt_at = now + datetime.timedelta(seconds=min(2**event.attempts, 3600))
    if event.attempts >= MAX_ATTEMPTS:
        event.dead_reason = f"{name}: {type(error).__name__}"
    event.save(update_fields=["attempts", "pending", "next_attempt_at", "dead_reason"])


def feed(*, after: tuple[int, int] = (0, 0), limit: int = 100) -> list[OutboxEvent]:
    """Events behind the cursor (xid, id), oldest first; only those that no open transaction can still precede."""
    return list(
        OutboxEvent.objects.extra(
            where=["(xid, id) > (%s, %s)", "xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"],
            params=[*after],
        ).order_by("xid", "id")[:limit]
    )


def handlers() -> Iterator[tuple[str, str]]:
    """(topic, handler name) of everything registered, for pages and checks."""
    for topic, by_name in sorted(_handlers.items()):
        for name in by_name:
            yield topic, name
