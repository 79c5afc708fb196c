"""The one lock order (product.md 3), asserted: which tables a transaction locks or writes, in which order.

with recorded_locks() as locks:
    verb(...)
locks.assert_in_order()
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from retail.kernel.prepared import source_of

# Rank of a lock; what is not named here is nobody's bottleneck and may come at any time.
ORDER = (
    "kernel_idempotencykey",
    "oms_order",
    "audit_proposal",
    "oms_basket",
    "crm_customer",
    "crm_coupon",
    "warehouse_shipment",
    "crm_giftcard",
    "warehouse_reservation",
    "warehouse_stockitem",
    "finance_stockvalue",
    "finance_documentcounter",
)
_RANK = {table: rank for rank, table in enumerate(ORDER)}
_LOCKING_SELECT = re.compile(r"\bFROM\s+\"?(\w+)\"?(?:\s+(?:AS\s+)?\"?(\w+)\"?)?", re.IGNORECASE)
_FOR_UPDATE = re.compile(r"FOR (?:NO KEY )?UPDATE(?:\s+OF\s+\"?(\w+)\"?)?(\s+SKIP\s+LOCKED)?", re.IGNORECASE)
_UPDATE = re.compile(r"\bUPDATE\s+\"?(\w+)\"?(?:\s+(?!SET\b)\"?(\w+)\"?)?\s+SET\b", re.IGNORECASE)
_DELETE = re.compile(r"\bDELETE\s+FROM\s+\"?(\w+)\"?", re.IGNORECASE)


@dataclass
class Locks:
    """Per transaction the tables in the order in which they were first locked."""

    transactions: list[list[str]] = field(default_factory=list)
    statements: int = 0
    _is_open: bool = False

    def assert_in_order(self) -> None:
        assert self.transactions, "nothing was locked"
        for tables in self.transactions:
            ranks = [_RANK[table] for table in tables]
            assert ranks == sorted(ranks), f"locked out of order: {' → '.join(tables)}"

    def note(self, sql: str) -> None:
        tables = [table for table in locked_tables(sql) if table in _RANK]
        if not tables:
            return
        if not self._is_open:
            self.transactions.append([])
            self._is_open = True
        held = self.transactions[-1]
        for table in tables:
            if table not in held:
                held.append(table)


def locked_tables(sql: str) -> list[str]:
    """Tables whose rows a statement locks, in the order of its text. SKIP LOCKED never waits, so it locks nothing here."""
    sql = _inside(sql)
    found: list[tuple[int, str]] = []
    aliases = {
        alias: table
        for table, alias in re.findall(r"(?:FROM|JOIN)\s+\"?(\w+)\"?\s+(?:AS\s+)?\"?(\w+)\"?", sql)
    }
    skipped: set[str] = set()
    for match in _FOR_UPDATE.finditer(sql):
        before = list(_LOCKING_SELECT.finditer(sql, 0, match.start()))
        name = str(match[1] or (before[-1][1] if before else ""))
        table = aliases.get(name, name)
        if match[2]:
            skipped.add(table)
        else:
            found.append((match.start(), table))
    for pattern in (_UPDATE, _DELETE):
        found += [
            (match.start(), match[1])
            for match in pattern.finditer(sql)
            if match[1] not in skipped and match[1].upper() not in ("OF", "SKIP")
        ]
    return [table for _, table in sorted(found)]


def _inside(sql: str) -> str:
    """The statement that a function of ours runs, instead of its call."""
    called = re.search(r"\bFROM (\w+)\(", sql)
    return (source_of(called[1]) if called else None) or sql


@contextmanager
def recorded_locks() -> Iterator[Locks]:
    """Record what every transaction of this connection locks. A transaction of the test itself counts as one."""
    locks = Locks()

    def wrapper(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if re.match(r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK)", str(sql), re.IGNORECASE) is None:
            locks.statements += 1
        if not connection.in_atomic_block:
            locks._is_open = False
        locks.note(str(sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield locks
