"""Guards that a twin switches off, and what the doctor says of a committed house."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from retail.doctor.examine import examine


def broken() -> dict[str, list[dict[str, Any]]]:
    """What the doctor finds. Handlers were not run, so events wait."""
    return {f.check.name: f.rows for f in examine() if f.violations and f.check.name != "outbox_drains"}


def drop_constraint(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
        cursor.execute(f'DROP INDEX IF EXISTS "{name}"')


def drop_unique(table: str, column: str) -> None:
    """The constraint that keeps this one column unique, whatever it is called."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) "
            "WHERE c.conrelid = %s::regclass AND c.contype = 'u' AND cardinality(c.conkey) = 1 AND a.attname = %s",
            (table, column),
        )
        names = [row[0] for row in cursor.fetchall()]
    assert names, f"{table}.{column} is not unique"
    for name in names:
        drop_constraint(table, name)


def meet(monkeypatch: pytest.MonkeyPatch, *places: tuple[Any, str]) -> None:
    """Two threads wait for each other once, each at one of these functions: both have read before either writes."""
    both_have_read = threading.Barrier(2)
    waited = threading.local()

    def slowed(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **values: Any) -> Any:
            answer = real(*arguments, **values)
            if not getattr(waited, "once", False):
                waited.once = True
                with suppress(threading.BrokenBarrierError):
                    both_have_read.wait(3)
            return answer

        return act

    for module, name in places:
        monkeypatch.setattr(module, name, slowed(getattr(module, name)))
