"""Segments of a million accounts (bench/accounts.py) against hand-written SQL."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

RUNS, ASKED = 7, 200
# A large, a middling and a small category of the reference's skew.
CHOSEN = (1, 20, 150)
COMPARED = (*map(str, CHOSEN), "not", "spent")


def measure() -> dict[str, float]:
    """Milliseconds inside the database; each pair counts the same members."""
    from django.db import connection

    from crm.segments import where

    now = datetime.now(UTC)
    found: dict[str, float] = {}

    def counted(name: str, words: str, sql: str, params: list[Any]) -> None:
        fragment = where(words, now)
        ours = f"SELECT count(*) FROM crm_customer c WHERE {fragment.sql}"
        mine, theirs = _best(ours, list(fragment.params)), _best(sql, params)
        assert mine[1] == theirs[1], (name, words, mine[1], theirs[1])
        found[f"{name}_ms"], found[f"{name}_raw_ms"] = mine[0], theirs[0]

    bought = (
        "SELECT count(*) FROM s_acct a WHERE a.tier = 2 AND EXISTS (SELECT 1 FROM s_line l WHERE l.account_id = a.id "
        "AND l.category_id = %s AND l.ordered_at >= %s AND l.ordered_at <= %s)"
    )
    since = _days_before(now, 90)
    for category in CHOSEN:
        words = f'tier = 12 and bought(category: "bench-{category}", within: 90 days)'
        counted(f"count_{category}", words, bought, [category, since, now])
    counted(
        "count_not",
        'tier = 12 and not bought(category: "bench-1", within: 90 days)',
        bought.replace("AND EXISTS", "AND NOT EXISTS"),
        [1, since, now],
    )
    spent = (
        "SELECT count(*) FROM (SELECT customer_id FROM oms_order WHERE customer_id IS NOT NULL AND status <> 'CANCELED' AND placed_at >= %s "
        "AND placed_at <= %s GROUP BY customer_id HAVING sum(due_total) >= 500) s"
    )
    counted("count_spent", "spent(within: 365 days) >= 500 RSD", spent, [_days_before(now, 365), now])
    found |= _membership(now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_customer")
        found["accounts"] = cursor.fetchone()[0]
    return found


def _membership(now: datetime) -> dict[str, float]:
    """One account in one segment, and in twenty of them, planning included; the busiest account too."""
    from crm.selectors import segments as module

    one = ['tier = 12 and bought(category: "bench-20", within: 90 days)']
    twenty = [
        f'tier = {11 + n % 3} and bought(category: "bench-{1 + n * 7}", within: 90 days)' for n in range(20)
    ]
    found = {}
    for name, definitions in (("membership", one), ("membership_of_20", twenty)):
        columns, params = module._columns(module._leaves(definitions, now))
        sql = f"SELECT {columns} FROM crm_customer c WHERE c.id = %s"
        times = [_explained(sql, [*params, 1 + account * 997 % 900_000]) for account in range(ASKED)]
        found[f"{name}_ms"] = median(run for _, run in times)
        found[f"{name}_p95_ms"] = sorted(run for _, run in times)[int(len(times) * 0.95)]
        found[f"{name}_planning_ms"] = median(plan for plan, _ in times)
    columns, params = module._columns(module._leaves(one, now))
    found["membership_busiest_ms"] = median(
        _explained(f"SELECT {columns} FROM crm_customer c WHERE c.id = %s", [*params, 1])[1]
        for _ in range(RUNS)
    )
    return found


def _explained(sql: str, params: list[Any]) -> tuple[float, float]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        told = cursor.fetchone()[0]
    told = json.loads(told) if isinstance(told, str) else told
    return float(told[0]["Planning Time"]), float(told[0]["Execution Time"])


def _best(sql: str, params: list[Any]) -> tuple[float, int]:
    """The median of some runs after the first, in milliseconds, and what was counted."""
    from django.db import connection

    times: list[float] = []
    count = 0
    with connection.cursor() as cursor:
        for _ in range(RUNS + 1):
            began = time.perf_counter()
            cursor.execute(sql, params)
            count = int(cursor.fetchone()[0])
            times.append((time.perf_counter() - began) * 1_000)
    return median(times[1:]), count


def _days_before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
