"""Questions that people compose themselves run where nothing can be written and nothing can run for long.

The reader is a role without a right to write. Migrating makes it where our own role may make roles (CREATEROLE, as the embedded server
gives it); elsewhere an administrator does, once: `CREATE ROLE onerow_reader NOLOGIN; GRANT onerow_reader TO <our role>;`, and the next
migration grants it the tables. Without it the transaction is still read-only and short.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, connections, transaction
from django.db.utils import OperationalError
from psycopg import errors

READER = "onerow_reader"
_may_read: dict[str, bool] = {}


class TookTooLong(Exception):
    """The statement was stopped at its limit of time."""


@contextmanager
def reading(*, seconds: float) -> Iterator[Any]:
    """A cursor in a read-only transaction with a limit of time, as the reader where there is one. It leaves nothing behind."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # A plan for all values would be one for none of these.
            settings = {"transaction_read_only": "on", "plan_cache_mode": "force_custom_plan"}
            settings["statement_timeout"] = str(int(seconds * 1_000))
            if _has_reader(cursor):
                settings["role"] = READER
            told = ", ".join(["set_config(%s, %s, true)"] * len(settings))
            cursor.execute(f"SELECT {told}", [word for pair in settings.items() for word in pair])
            try:
                yield cursor
            except OperationalError as error:
                if isinstance(error.__cause__, errors.QueryCanceled):
                    raise TookTooLong from error
                raise
        # Rolled back, also where this is a part of a larger transaction: the settings go with it.
        transaction.set_rollback(True)


def estimated_cost(cursor: Any, sql: str, params: Sequence[Any]) -> float:
    """What the planner thinks that it costs, in its own units."""
    cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
    plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return float(plan[0]["Plan"]["Total Cost"])


def _has_reader(cursor: Any) -> bool:
    """Asked once in a process and database."""
    database = str(connection.settings_dict["NAME"])
    if database not in _may_read:
        cursor.execute(
            "SELECT bool_or(pg_has_role(current_user, oid, 'SET') AND has_table_privilege(oid, 'crm_customer', 'SELECT')) "
            "FROM pg_roles WHERE rolname = %s",
            [READER],
        )
        _may_read[database] = bool(cursor.fetchone()[0])
    return _may_read[database]


def make_reader(*, using: str = "default", **_: Any) -> None:
    """After migrate: the role, if we may make it, and its right to read every table but those of logins and keys."""
    _attempt(using, f"CREATE ROLE {READER} NOLOGIN")
    _attempt(using, f"GRANT {READER} TO CURRENT_USER WITH SET TRUE, INHERIT FALSE")
    _attempt(using, f"GRANT USAGE ON SCHEMA public TO {READER}")
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') "
            "AND (c.relname ~ '^(crm|oms|storefront|warehouse|finance)_' OR c.relname IN ('kernel_location', 'kernel_legalentity'))"
        )
        tables = ", ".join(f'"{name}"' for (name,) in cursor.fetchall())
    if tables:
        _attempt(using, f"GRANT SELECT ON {tables} TO {READER}")


def _attempt(using: str, statement: str) -> None:
    """In a savepoint of its own: a role that is there, or a right that we lack, is no reason to stop a migration."""
    try:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return
