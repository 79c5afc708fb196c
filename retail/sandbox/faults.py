"""Faults on request: what can go wrong between two computers, switchable per part, counted each time it happens."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from retail.sandbox.store import Store

BEFORE, AFTER = "BEFORE", "AFTER"

SCHEMA = """
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT, part TEXT NOT NULL, kind TEXT NOT NULL, operation TEXT NOT NULL,
    count_left INTEGER, probability REAL NOT NULL, seconds REAL NOT NULL, stage TEXT NOT NULL,
    CHECK (count_left IS NULL OR count_left >= 0)
);
CREATE TABLE IF NOT EXISTS fault_fired (
    part TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (part, kind)
);
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault: when it strikes by itself (`stage`; empty when it cannot be chosen), how long it lasts, what it is."""

    stage: str
    seconds: float
    about: str


# What an answer can suffer. BEFORE: nothing was done. AFTER: it was done and stored, and the caller does not learn it.
REQUEST_KINDS: dict[str, Kind] = {
    "TIMEOUT": Kind(AFTER, 60.0, "done and stored, the answer comes too late"),
    "RESET": Kind(AFTER, 0.0, "done and stored, the connection breaks instead of an answer"),
    "TRUNCATED": Kind(AFTER, 0.0, "done and stored, half of the JSON arrives"),
    "HTML_ANSWER": Kind(AFTER, 0.0, "done and stored, answered with an HTML page and status 200"),
    "SLOW": Kind(AFTER, 3.0, "done and stored, the answer drips byte by byte"),
    "HTTP_500": Kind(BEFORE, 0.0, "500 with an HTML page"),
    "HTTP_502": Kind(BEFORE, 0.0, "502 with an HTML page"),
    "HTTP_503": Kind(BEFORE, 0.0, "503 with an HTML page"),
    "HTTP_429": Kind(BEFORE, 0.0, "429 without Retry-After"),
    "HTTP_429_RETRY_AFTER": Kind(BEFORE, 7.0, "429 with Retry-After"),
}
# What a signed message to the shop can suffer.
MESSAGE_KINDS: dict[str, Kind] = {
    "DUPLICATE": Kind("", 0.0, "the same message is sent twice"),
    "LATE": Kind("", 60.0, "the message leaves later"),
    "LOST": Kind("", 0.0, "the message is never sent"),
    "REORDERED": Kind("", 60.0, "the message leaves after the next one"),
    "TAMPERED": Kind("", 0.0, "a copy with a changed body comes first"),
    "FORGED": Kind("", 0.0, "a copy signed with a foreign secret comes first"),
    "STALE": Kind("", 0.0, "a copy signed ten minutes ago comes first"),
}
CARD_KINDS: dict[str, Kind] = {
    "WRONG_AMOUNT": Kind("", 0.0, "the message names another amount, with a valid signature"),
    "WRONG_CURRENCY": Kind("", 0.0, "the message names another currency, with a valid signature"),
}
FISCAL_KINDS: dict[str, Kind] = {
    "ATTENTION_DOWN": Kind("", 0.0, "the attention call answers 404"),
    "AUDIT_WARNING": Kind("", 0.0, "signed, with the warning 1400: an audit is needed soon"),
    "AUDIT_LOCKED": Kind("", 0.0, "refused with 2210: the security element is locked until the audit"),
    "CLOCK_DRIFT": Kind("", 600.0, "signed with a clock that is ahead"),
    "CERTIFICATE_EXPIRED": Kind("", 0.0, "the certificate is refused with 403"),
}
SEF_KINDS: dict[str, Kind] = {
    "KEY_EXPIRED": Kind("", 0.0, "the key is refused with 401 and an empty body"),
    "LATE_REFUSAL": Kind("", 0.0, "accepted at first, then a mistake"),
    "UNKNOWN_STATUS": Kind("", 0.0, "the status is a word that nobody knows"),
    "UNKNOWN_CODE": Kind("", 0.0, "refused with a code that is in no list"),
}
# Its messages carry no signature: there is nothing to be out of date.
SEF_MESSAGE_KINDS = {name: kind for name, kind in MESSAGE_KINDS.items() if name != "STALE"}

PARTS: dict[str, dict[str, Kind]] = {
    "card": REQUEST_KINDS | MESSAGE_KINDS | CARD_KINDS,
    "fiscal": REQUEST_KINDS | FISCAL_KINDS,
    "carrier": REQUEST_KINDS | MESSAGE_KINDS,
    "bank": REQUEST_KINDS | {"DUPLICATE": Kind("", 0.0, "a line appears again in the next statement")},
    "sef": REQUEST_KINDS | SEF_MESSAGE_KINDS | SEF_KINDS,
    "mail": REQUEST_KINDS,
}


class UnknownFault(ValueError):
    """No such part, fault or setting."""


@dataclass(frozen=True, slots=True)
class Fault:
    id: int
    part: str
    kind: str
    seconds: float
    stage: str


def insert(
    db: sqlite3.Connection,
    *,
    part: str,
    kind: str,
    operation: str = "",
    count: int | None = None,
    probability: float = 1.0,
    seconds: float | None = None,
    stage: str = "",
) -> int:
    """Adds a switch: `count` times, or for ever with a `probability`. Without `operation` it meets every one."""
    known = PARTS.get(part, {}).get(kind)
    if known is None:
        raise UnknownFault(f"{part!r} has no fault {kind!r}")
    if count is not None and count < 1:
        raise UnknownFault("count must be 1 or more")
    if not 0 < probability <= 1:
        raise UnknownFault("probability must be above 0 and at most 1")
    if seconds is not None and not 0 <= seconds <= 86_400:
        raise UnknownFault("seconds must be between 0 and 86400")
    if stage not in ("", BEFORE, AFTER) or (stage and (not known.stage or kind.startswith("HTTP_429"))):
        raise UnknownFault("the stage of this fault cannot be chosen so")
    lasts = known.seconds if seconds is None else seconds
    cursor = db.execute(
        "INSERT INTO fault (part, kind, operation, count_left, probability, seconds, stage) VALUES (?,?,?,?,?,?,?)",
        (part, kind, operation, count, probability, lasts, stage or known.stage),
    )
    return int(cursor.lastrowid or 0)


def remove(db: sqlite3.Connection, *, part: str = "", fault_id: int | None = None) -> int:
    """Removes one switch, those of a part, or all of them. The counts stay."""
    if fault_id is not None:
        return db.execute("DELETE FROM fault WHERE id = ?", (fault_id,)).rowcount
    return db.execute("DELETE FROM fault WHERE ? IN ('', part)", (part,)).rowcount


def take(
    store: Store, db: sqlite3.Connection, *, part: str, operation: str, kinds: Collection[str]
) -> Fault | None:
    """The first switched-on fault that strikes now, counted; at most one of `kinds`."""
    rows = db.execute(
        "SELECT * FROM fault WHERE part = ? AND operation IN ('', ?) AND count_left IS NOT 0 ORDER BY id",
        (part, operation),
    ).fetchall()
    for row in rows:
        if row["kind"] not in kinds or (row["probability"] < 1 and store.dice.random() >= row["probability"]):
            continue
        fault = Fault(id=row["id"], part=part, kind=row["kind"], seconds=row["seconds"], stage=row["stage"])
        spend(db, fault)
        return fault
    return None


def spend(db: sqlite3.Connection, fault: Fault) -> None:
    """Counts one strike."""
    db.execute("UPDATE fault SET count_left = count_left - 1 WHERE id = ?", (fault.id,))
    db.execute("DELETE FROM fault WHERE id = ? AND count_left = 0", (fault.id,))
    db.execute(
        "INSERT INTO fault_fired VALUES (?, ?, 1) ON CONFLICT (part, kind) DO UPDATE SET times = times + 1",
        (fault.part, fault.kind),
    )


def overview(db: sqlite3.Connection) -> dict[str, Any]:
    """Switches that are on, and how often each fault has struck since the state began."""
    return {
        "active": [dict(row) for row in db.execute("SELECT * FROM fault ORDER BY id")],
        "fired": [
            dict(row) for row in db.execute("SELECT part, kind, times FROM fault_fired ORDER BY part, kind")
        ],
    }
