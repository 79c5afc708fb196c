"""Three answers for machines: is the process alive, may it get traffic, and how is it doing."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError


@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"ok": True})


@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, broker and migrations, each by name; 503 when one is not ready."""
    checks = {"database": _database_answers(), "broker": _broker_answers(), "migrations": False}
    if checks["database"]:
        checks["migrations"] = _migrations_are_applied()
    ready = all(checks.values())
    return JsonResponse({"ok": ready, **checks}, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker_answers() -> bool:
    try:
        cache.get("readyz")
    except (RedisError, OSError):
        return False
    return True


_applied: set[str] = set()


def _migrations_are_applied() -> bool:
    # Migrations do not come off a running process: once seen applied, the graph is not read again.
    if "yes" in _applied:
        return True
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    _applied.add("yes")
    return True


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"", content_type=CONTENT_TYPE_LATEST)
