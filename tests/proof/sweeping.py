"""Faults at the n-th place: the n-th statement of an act fails, then the (n+1)-th, until the act passes untouched.

Each round begins in the same world: what the round before did is undone to a savepoint, and the stand-ins get back what they held.
A released savepoint stands for a commit, so the fault strikes commits too. The connection is kept: what breaks is the one statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.db import OperationalError, connection, transaction

from retail.doctor.checks import CHECKS
from retail.doctor.examine import examine
from tests.sandbox.stand import Bridge, Stand
from tests.unchanged import digests

ATTEMPTS_MAX = 4

# What no round can have an opinion about: reactions that no worker has run yet.
_OPEN_BY_NATURE = {"outbox_drains"}
DOCTOR = tuple(check.name for check in CHECKS if check.name not in _OPEN_BY_NATURE)


@dataclass
class StatementFault:
    """Fails the statement with this number, once."""

    at: int
    seen: int = 0
    struck: str = ""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if self.struck:
            return execute(sql, params, many, context)
        self.seen += 1
        if self.seen == self.at:
            self.struck = str(sql)[:200]
            raise OperationalError("injected: the server did not carry this statement out")
        return execute(sql, params, many, context)

    @contextmanager
    def active(self) -> Iterator[StatementFault]:
        with connection.execute_wrapper(self):
            yield self
        # Where a verb stands outside any transaction of its own, Django marks the one of the test.
        connection.needs_rollback = False


TIMEOUT_BEFORE, TIMEOUT_AFTER, RESET_AFTER = "TIMEOUT_BEFORE", "TIMEOUT_AFTER", "RESET_AFTER"
CALL_FAULTS = (TIMEOUT_BEFORE, TIMEOUT_AFTER, RESET_AFTER)


@dataclass
class CallFault:
    """Breaks the call with this number to a service outside, once: before it arrives, or after it was carried out."""

    at: int
    kind: str
    seen: int = 0
    struck: str = ""

    @contextmanager
    def active(self) -> Iterator[CallFault]:
        carry = Bridge.handle_request

        def handle(bridge: Bridge, request: httpx.Request) -> httpx.Response:
            if request.url.path.startswith("/admin/") or self.struck:
                return carry(bridge, request)
            self.seen += 1
            if self.seen != self.at:
                return carry(bridge, request)
            self.struck = f"{request.method} {request.url.path}"
            if self.kind == TIMEOUT_BEFORE:
                raise httpx.ReadTimeout("injected: never arrived", request=request)
            carry(bridge, request)
            if self.kind == TIMEOUT_AFTER:
                raise httpx.ReadTimeout("injected: the answer is late", request=request)
            raise httpx.ReadError("injected: the connection was reset", request=request)

        Bridge.handle_request = handle  # type: ignore[method-assign, assignment]
        try:
            yield self
        finally:
            Bridge.handle_request = carry  # type: ignore[method-assign]
            connection.needs_rollback = False


Fault = StatementFault | CallFault


@dataclass
class Act:
    """Something that somebody does, and does again when it did not work."""

    # One attempt with everything that follows of it by itself; what it raises is the caller's "no".
    attempt: Callable[[], object]
    # What there is, in words and figures: it tells nothing done from done once from done twice.
    effect: Callable[[], object]
    stand: Stand | None = None
    # All in one transaction: after a fault everything is there or nothing at all has changed.
    is_whole: bool = False
    # Called between two attempts: leases run out, a minute passes.
    wait: Callable[[], None] = lambda: None
    # Called first in each round, for what no savepoint undoes.
    begin: Callable[[], None] = lambda: None
    checks: tuple[str, ...] = DOCTOR


@dataclass
class Swept:
    rounds: int = 0
    struck: list[str] = field(default_factory=list)


def sweep(act: Act, fault_at: Callable[[int], Fault], *, step: int = 1) -> Swept:
    """Plays the act with the fault at 1, 1 + step, … until it passes untouched. Tells where it was struck."""
    before, rows_before = act.effect(), _rows()
    with _undone(act.stand):
        act.begin()
        act.attempt()
        done = act.effect()
        assert done != before, "an act without an effect proves nothing"
    swept = Swept()
    while True:
        with _undone(act.stand):
            act.begin()
            fault = fault_at(1 + swept.rounds * step)
            with fault.active():
                _try(act)
            if not fault.struck:
                break
            swept.rounds += 1
            swept.struck.append(fault.struck)
            where = f"fault at {fault.at}: {fault.struck}"
            if act.is_whole and act.effect() != done:
                assert {name for name, rows in _rows().items() if rows != rows_before[name]} == set(), where
            for _ in range(ATTEMPTS_MAX):
                if act.effect() == done:
                    break
                act.wait()
                _try(act)
            # Once more, as somebody does who never saw the answer.
            act.wait()
            _try(act)
            assert act.effect() == done, where
            _assert_healthy(act.checks, where)
    assert swept.rounds, "a sweep that strikes nothing proves nothing"
    return swept


def _try(act: Act) -> None:
    try:
        act.attempt()
    except AssertionError:
        raise
    except Exception:  # whatever the caller hears, the rows must be whole
        connection.needs_rollback = False


def _rows() -> dict[str, tuple[int, str]]:
    """Everything but the keys of requests: a claimed key says that somebody asked, not that anything was done."""
    return {table: rows for table, rows in digests().items() if table != "kernel_idempotencykey"}


@contextmanager
def _undone(stand: Stand | None) -> Iterator[None]:
    point = transaction.savepoint()
    held = _copy_of(stand) if stand else None
    try:
        yield
    finally:
        connection.needs_rollback = False
        transaction.savepoint_rollback(point)
        connection.run_on_commit = []
        if stand and held:
            _put_back(stand, held)


def _copy_of(stand: Stand) -> sqlite3.Connection:
    """The stand-ins' memory as it is now."""
    held = sqlite3.connect(":memory:", check_same_thread=False)
    _memory_of(stand).backup(held)
    return held


def _put_back(stand: Stand, held: sqlite3.Connection) -> None:
    held.backup(_memory_of(stand))
    held.close()
    stand.shop.requests.clear()


def _memory_of(stand: Stand) -> sqlite3.Connection:
    memory: sqlite3.Connection = stand.app.state.store._db
    return memory


def _assert_healthy(checks: tuple[str, ...], where: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    broken = {found.check.name: found.rows for found in examine(checks) if found.violations}
    assert broken == {}, where
