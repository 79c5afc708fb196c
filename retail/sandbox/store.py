"""The stand-ins' own memory: one SQLite file, one writer at a time, committed before anything is answered."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS received (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, part TEXT NOT NULL, operation TEXT NOT NULL,
    reference TEXT NOT NULL, status INTEGER NOT NULL, fault TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS received_part ON received (part, id);
"""


def real_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """One connection, guarded by a lock. `now` is the stand-ins' clock, which can be moved; `world_now` is everybody's."""

    def __init__(
        self, path: Path, schemas: Sequence[str], *, world_now: Callable[[], datetime] = real_now
    ) -> None:
        self.world_now = world_now
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        for schema in (SCHEMA, *schemas):
            self._db.executescript(schema)
        # Chances are drawn from here, so that a run with the same seed and order of calls repeats itself.
        self.dice = random.Random(0)  # noqa: S311 - repeatable on purpose

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is on disk when this returns, or nothing is."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextmanager
    def undo_point(self) -> Iterator[None]:
        """Inside a transaction: what an exception leaves half done here is undone, the rest stays."""
        self._db.execute("SAVEPOINT undo_point")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO undo_point")
            self._db.execute("RELEASE undo_point")
            raise
        self._db.execute("RELEASE undo_point")

    def now(self) -> datetime:
        return self.world_now() + timedelta(seconds=self.clock_offset_seconds())

    def clock_offset_seconds(self) -> int:
        with self._lock:
            row = self._db.execute("SELECT value FROM setting WHERE name = 'clock_offset_seconds'").fetchone()
        return int(row["value"]) if row else 0

    def close(self) -> None:
        with self._lock:
            self._db.close()


def setting(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return str(row["value"]) if row else None
