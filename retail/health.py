"""Three answers for machines: is the process alive, may it get traffic, and how is it doing."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from redis.exceptions import RedisError

from retail.cache import is_up
from retail.celery import app as celery_app
from storefront.selectors import search_server

Answer = Callable[[HttpRequest], HttpResponseBase]

# The oldest open transaction that has written something: the pull feed and the sealing of the audit wait for it.
OLDEST_WRITER = """
    SELECT COALESCE(EXTRACT(EPOCH FROM max(clock_timestamp() - xact_start)), 0)
      FROM pg_stat_activity
     WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""
OUTBOX = """
    SELECT count(*) FILTER (WHERE dead_reason = ''),
           count(*) FILTER (WHERE dead_reason <> ''),
           COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - min(created_at) FILTER (WHERE dead_reason = '')), 0)
      FROM kernel_outboxevent WHERE pending <> '{}'
"""


class HealthMiddleware:
    """Stands first: a probe has no session, no language, and may not know the host name that shoppers use."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.answers: dict[str, Answer] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in {"GET", "HEAD"} and request.path_info in self.answers:
            return self.answers[request.path_info](request)
        return self.get_response(request)


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> HttpResponse:
    """Database, broker and migrations, each by name; 503 when one is not ready."""
    checks = {"database": _database_answers(), "broker": _broker_answers(), "migrations": False}
    if checks["database"]:
        checks["migrations"] = _migrations_are_applied()
    ready = all(checks.values())
    return JsonResponse({"ok": ready, **checks}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus. In production only with the token: figures of a business are nobody else's."""
    if not _may_read_metrics(request):
        return HttpResponse(status=404)
    registry = CollectorRegistry()
    for name, about, value in _figures():
        Gauge(name, about, registry=registry).set(value)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.IS_LOCAL:
        return True
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(
        given.encode(), settings.METRICS_TOKEN.encode()
    )


def _figures() -> Iterable[tuple[str, str, float]]:
    database, broker = _database_answers(), _broker_answers()
    yield "onerow_database_up", "1 when the database answers", float(database)
    if settings.SEARCH_URL:
        yield "onerow_search_server_up", "1 when the search server answers", float(search_server.answers())
    yield "onerow_broker_up", "1 when the broker answers", float(broker)
    if database:
        with connection.cursor() as cursor:
            cursor.execute(OLDEST_WRITER)
            (writer_seconds,) = cursor.fetchone()
            cursor.execute(OUTBOX)
            waiting, dead, waiting_seconds = cursor.fetchone()
        yield (
            "onerow_oldest_writing_transaction_seconds",
            "Age of the oldest open writer",
            float(writer_seconds),
        )
        yield "onerow_outbox_waiting_events", "Events with a handler still to run", float(waiting)
        yield "onerow_outbox_oldest_waiting_seconds", "Age of the oldest of them", float(waiting_seconds)
        yield "onerow_outbox_dead_events", "Events whose handler was given up", float(dead)
    if broker:
        yield "onerow_task_queue_length", "Messages that no worker has taken", float(_queue_length())


def _queue_length() -> int:
    with _broker() as client:
        return int(client.llen("celery"))


@contextmanager
def _broker() -> Iterator[Any]:
    with celery_app.connection_for_read() as connection_to_broker:
        channel: Any = connection_to_broker.channel()
        yield channel.client


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker_answers() -> bool:
    if not is_up():
        return False
    try:
        with _broker() as client:
            return bool(client.ping())
    except (RedisError, OperationalError, OSError):
        return False


_migrated: set[str] = set()


def _migrations_are_applied() -> bool:
    # Migrations do not come off under a running process: once seen applied, the graph is not read again.
    if connection.settings_dict["NAME"] in _migrated:
        return True
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    _migrated.add(str(connection.settings_dict["NAME"]))
    return True
