"""The mailbox: every mail that the shop sends, kept once by its Message-ID and shown as its reader would see it."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from typing import Any

from retail.sandbox.store import Store
from retail.sandbox.web import Answer, Call, refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE, received_at TEXT NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, html TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS mail_attachment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, mail_id INTEGER NOT NULL REFERENCES mail (id), name TEXT NOT NULL,
    content_type TEXT NOT NULL, content BLOB NOT NULL
);
"""

_FIELDS = {"message_id", "sender", "recipients", "subject", "text", "html", "attachments"}


def receive(call: Call) -> Answer:
    """POST /mail: the same message_id is the same mail."""
    data = call.json()
    texts = all(
        isinstance(data.get(name), str) for name in ("message_id", "sender", "subject", "text", "html")
    )
    recipients = data.get("recipients")
    if set(data) != _FIELDS or not texts or not data["message_id"]:
        raise refusal(400, "INVALID_MAIL", f"Send exactly {', '.join(sorted(_FIELDS))}.")
    if (
        not isinstance(recipients, list)
        or not recipients
        or not all(isinstance(one, str) for one in recipients)
    ):
        raise refusal(400, "INVALID_MAIL", "recipients is a list of addresses.")
    call.reference = data["subject"]
    row = call.db.execute("SELECT id FROM mail WHERE message_id = ?", (data["message_id"],)).fetchone()
    if row:
        return Answer({"id": row["id"]})
    cursor = call.db.execute(
        "INSERT INTO mail (message_id, received_at, sender, recipients, subject, text, html) VALUES (?,?,?,?,?,?,?)",
        (
            data["message_id"],
            call.now.isoformat(),
            data["sender"],
            ", ".join(recipients),
            data["subject"],
            data["text"],
            data["html"],
        ),
    )
    for attachment in data["attachments"]:
        _attach(call.db, int(cursor.lastrowid or 0), attachment)
    return Answer({"id": cursor.lastrowid}, status=201)


def find(call: Call) -> Answer:
    """GET /mail.json?to=&subject=: newest first, for programs."""
    to, subject = call.query.get("to", ""), call.query.get("subject", "")
    rows = call.db.execute(
        "SELECT * FROM mail WHERE instr(recipients, ?) > 0 AND instr(subject, ?) > 0 ORDER BY id DESC LIMIT 100",
        (to, subject),
    ).fetchall()
    return Answer([{key: row[key] for key in row.keys()} for row in rows])  # noqa: SIM118 - a Row iterates values


def list_mails(store: Store) -> list[sqlite3.Row]:
    with store.transaction() as db:
        return db.execute("SELECT * FROM mail ORDER BY id DESC LIMIT 200").fetchall()


def one(store: Store, mail_id: int) -> tuple[sqlite3.Row, list[sqlite3.Row]] | None:
    """A mail with its attachments."""
    with store.transaction() as db:
        row = db.execute("SELECT * FROM mail WHERE id = ?", (mail_id,)).fetchone()
        if row is None:
            return None
        attachments = db.execute(
            "SELECT * FROM mail_attachment WHERE mail_id = ? ORDER BY id", (mail_id,)
        ).fetchall()
    return row, attachments


def _attach(db: sqlite3.Connection, mail_id: int, attachment: Any) -> None:
    try:
        content = base64.b64decode(attachment["content"], validate=True)
        values = (mail_id, str(attachment["name"]), str(attachment["content_type"]), content)
    except (KeyError, TypeError, binascii.Error):
        raise refusal(
            400, "INVALID_MAIL", "An attachment has name, content_type and base64 content."
        ) from None
    db.execute("INSERT INTO mail_attachment (mail_id, name, content_type, content) VALUES (?,?,?,?)", values)
