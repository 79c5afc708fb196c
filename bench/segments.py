"""Segments of a million accounts (bench/accounts.py) against hand-written SQL."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

from django.db import connection

from bench import cpu
from bench.accounts import CHOSEN
from crm.selectors import count_members
from crm.selectors import segments as module

RUNS, ASKED = 7, 200


def measure() -> dict[str, float]:
    """Counting as the house counts (names read first, the cost asked, as the reader) beside SQL by hand, in turns; both count the same members.

    Nothing runs in parallel here, so that the CPU of one server process is all of it.
    """
    now = datetime.now(UTC)
    found: dict[str, float] = {}
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        for name, words, sql, params in _questions(now):
            ours: list[_Took] = []
            theirs: list[_Took] = []
            for _ in range(RUNS + 1):
                ours.append(_took(partial(count_members, definition=words, now=now)))
                theirs.append(_took(partial(_asked, sql, params)))
            assert {each.count for each in ours} == {each.count for each in theirs}, (name, words)
            for key, took in ((name, ours[1:]), (f"{name}_raw", theirs[1:])):
                found[f"count_{key}_ms"] = median(each.ms for each in took)
                found[f"count_{key}_cpu_ms"] = median(each.cpu_ms for each in took)
        cursor.execute("SELECT count(*) FROM crm_customer")
        found["accounts"] = cursor.fetchone()[0]
    return found | _membership(now)


def _questions(now: datetime) -> Iterator[tuple[str, str, str, list[Any]]]:
    """Name, words, and what a hand would write: over the tables of the reference, or over ours where those have nothing of it."""
    since = now - timedelta(days=90)
    bought = (
        "SELECT count(*) FROM s_acct a WHERE a.tier = 2 AND EXISTS (SELECT 1 FROM s_line l WHERE l.account_id = a.id "
        "AND l.category_id = %s AND l.ordered_at >= %s AND l.ordered_at <= %s)"
    )
    for category in CHOSEN:
        words = f'tier = 12 and bought(category: "bench-{category}", within: 90 days)'
        yield str(category), words, bought, [category, since, now]
    words = 'tier = 12 and not bought(category: "bench-1", within: 90 days)'
    yield "not", words, bought.replace("AND EXISTS", "AND NOT EXISTS"), [1, since, now]
    either = (
        "SELECT count(*) FROM (SELECT id FROM s_acct WHERE tier = 2 UNION SELECT account_id FROM s_line "
        "WHERE category_id = %s AND ordered_at >= %s AND ordered_at <= %s) s"
    )
    yield "or", 'tier = 12 or bought(category: "bench-20", within: 90 days)', either, [20, since, now]
    alone = (
        "SELECT count(DISTINCT l.customer_id) FROM oms_orderline l WHERE l.quantity > l.quantity_canceled AND l.ordered_at >= %s "
        "AND l.ordered_at <= %s AND l.variant_id IN (SELECT v.id FROM storefront_category g JOIN storefront_product_categories m "
        "ON m.category_id = g.id JOIN storefront_variant v ON v.product_id = m.product_id WHERE g.slug = %s)"
    )
    yield "alone", 'bought(category: "bench-1", within: 90 days)', alone, [since, now, "bench-1"]
    spent = (
        "SELECT count(*) FROM (SELECT customer_id FROM oms_order WHERE customer_id IS NOT NULL AND status <> 'CANCELED' AND placed_at >= %s "
        "AND placed_at <= %s GROUP BY customer_id HAVING sum(due_total) >= 500) s"
    )
    yield "spent", "spent(within: 365 days) >= 500 RSD", spent, [now - timedelta(days=365), now]


@dataclass(frozen=True)
class _Took:
    ms: float
    cpu_ms: float
    count: int


def _took(ask: Callable[[], int]) -> _Took:
    began, before = time.perf_counter(), cpu.of_server()
    count = ask()
    return _Took((time.perf_counter() - began) * 1_000, (cpu.of_server() - before) * 1_000, count)


def _asked(sql: str, params: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.fetchone()[0])


def _membership(now: datetime) -> dict[str, float]:
    """One account in one segment, and in twenty of them, as the server takes it; the busiest account too.

    Each account is asked twice: what its first question reads from disk is a figure of its own.
    """
    one = ['tier = 12 and bought(category: "bench-20", within: 90 days)']
    twenty = [
        f'tier = {11 + n % 3} and bought(category: "bench-{1 + n * 7}", within: 90 days)' for n in range(20)
    ]
    found = {}
    for name, definitions in (("membership", one), ("membership_of_20", twenty)):
        columns, params = module._columns(module._leaves(definitions, now))
        sql = f"SELECT {columns} FROM crm_customer c WHERE c.id = %s"
        asked = [[*params, 1 + account * 14_957 % 900_000] for account in range(ASKED)]
        found[f"{name}_first_ms"] = median(_explained(sql, each)[1] for each in asked)
        times = [_explained(sql, each) for each in asked]
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
    """Milliseconds of planning and of running."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        told = cursor.fetchone()[0]
    told = json.loads(told) if isinstance(told, str) else told
    return float(told[0]["Planning Time"]), float(told[0]["Execution Time"])
