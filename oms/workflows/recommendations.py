"""The nightly count of what is bought together."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from oms.recommendations.statements import BESTSELLERS, NEIGHBOURS

# The whole shop of a million lines takes seconds; a plan that went wrong must not take the night.
SECONDS_MAX, MEMORY = 120, "96MB"
_ONE_AT_A_TIME = 0x6E65_6967


def renew_neighbours(*, now: datetime) -> int:
    """Replace both tables in one transaction, so that a page sees last night's or tonight's, never half of one.

    Answers how many pairs there are; -1 when another process is at it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
        if not cursor.fetchone()[0]:
            return -1
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', %s, true), set_config('jit', 'off', true)",
            [f"{SECONDS_MAX}s", MEMORY],
        )
        cursor.execute("DELETE FROM oms_neighbour")
        cursor.execute("DELETE FROM oms_bestseller")
        cursor.execute(NEIGHBOURS, {"now": now})
        pairs = int(cursor.rowcount)
        cursor.execute(BESTSELLERS, {"now": now})
        return pairs
