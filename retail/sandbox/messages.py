"""Signed messages to the shop: kept with the change that caused them, sent at least once, retried for three days."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import re
import sqlite3
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from retail.sandbox import faults
from retail.sandbox.config import Config
from retail.sandbox.store import Store
from retail.sandbox.web import Call, Refused, refusal

logger = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY, part TEXT NOT NULL, kind TEXT NOT NULL, reference TEXT NOT NULL, url TEXT NOT NULL,
    body TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL REFERENCES message (id), state TEXT NOT NULL,
    due REAL NOT NULL, is_held INTEGER NOT NULL DEFAULT 0, disguise TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0, last_status INTEGER NOT NULL DEFAULT 0, last_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due, id);
CREATE INDEX IF NOT EXISTS delivery_message ON delivery (message_id);
"""

PENDING, DELIVERED, LOST, DEAD = "PENDING", "DELIVERED", "LOST", "DEAD"
RETRY_SECONDS = (1, 3, 10, 30, 60, 300, 900, 1800, 3600)
GIVE_UP_AFTER_SECONDS = 3 * 24 * 3600
TIMEOUT_SECONDS = 10.0
_DISGUISES = {"TAMPERED", "FORGED", "STALE"}


def check_url(url: Any, name: str) -> str:
    """The stand-ins talk to this machine only."""
    if not isinstance(url, str) or urlsplit(url).hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise refusal(400, "URL_NOT_LOCAL", f"{name} must be an address of this machine.")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise refusal(400, "URL_NOT_LOCAL", f"{name} must start with http:// or https://.")
    return url


def enqueue(call: Call, *, kind: str, reference: str, url: str, data: dict[str, Any]) -> str:
    """Puts a message on its way, in the transaction of its cause; the switched-on message fault is applied here."""
    message_id = f"evt_{uuid4().hex}"
    body = {"id": message_id, "type": kind, "created_at": call.now.isoformat(), "data": data}
    return _send(call, message_id, kind=kind, reference=reference, url=url, body=body)


def enqueue_plain(call: Call, *, kind: str, reference: str, url: str, body: Any) -> str:
    """The same for a service whose messages have no envelope and no signature."""
    return _send(call, f"evt_{uuid4().hex}", kind=kind, reference=reference, url=url, body=body)


def _send(call: Call, message_id: str, *, kind: str, reference: str, url: str, body: Any) -> str:
    call.db.execute(
        "INSERT INTO message VALUES (?,?,?,?,?,?,?)",
        (
            message_id,
            call.part,
            kind,
            reference,
            url,
            json.dumps(body, ensure_ascii=False),
            call.now.isoformat(),
        ),
    )
    fault = call.fault(*faults.MESSAGE_KINDS)
    struck = fault.kind if fault else ""
    due = call.store.world_now().timestamp()
    if fault and struck in {"LATE", "REORDERED"}:
        due += fault.seconds
    if struck in _DISGUISES:
        _plan(call.db, message_id, due=due, disguise=struck)
    _plan(
        call.db,
        message_id,
        due=due,
        state=LOST if struck == "LOST" else PENDING,
        is_held=struck == "REORDERED",
    )
    if struck == "DUPLICATE":
        _plan(call.db, message_id, due=due)
    if struck != "REORDERED":
        # Whatever was held back for a later message now follows this one.
        call.db.execute(
            "UPDATE delivery SET due = ?, is_held = 0 WHERE is_held = 1 AND message_id IN "
            "(SELECT id FROM message WHERE part = ?)",
            (due + 0.001, call.part),
        )
    return message_id


def _plan(
    db: sqlite3.Connection,
    message_id: str,
    *,
    due: float,
    state: str = PENDING,
    is_held: bool = False,
    disguise: str = "",
) -> None:
    db.execute(
        "INSERT INTO delivery (message_id, state, due, is_held, disguise) VALUES (?,?,?,?,?)",
        (message_id, state, due, is_held, disguise),
    )


def resend(call: Call) -> int:
    """Sends a message once more, also a lost or given-up one."""
    message_id = call.path["message_id"]
    if not call.db.execute("SELECT 1 FROM message WHERE id = ?", (message_id,)).fetchone():
        raise Refused(404, {"code": "NOT_FOUND", "message": "There is no such message."})
    _plan(call.db, message_id, due=call.store.world_now().timestamp())
    return 1


@dataclass(slots=True)
class Postman:
    """Delivers what is due. One round at a time, so that a message leaves once per planned delivery."""

    store: Store
    config: Config
    client: httpx.AsyncClient
    _round: asyncio.Lock | None = None

    async def run(self) -> None:
        """Rounds until canceled."""
        while True:
            try:
                await self.deliver()
            except sqlite3.Error:
                logger.exception("the sandbox could not read its messages")
            await asyncio.sleep(0.2)

    async def deliver(self, *, with_all: bool = False) -> int:
        """Sends everything that is due, or everything that waits, in order; returns how many arrived."""
        self._round = self._round or asyncio.Lock()
        arrived = 0
        async with self._round:
            with self.store.transaction() as db:
                rows = db.execute(
                    "SELECT d.id, d.disguise, d.attempts, m.id AS message_id, m.part, m.url, m.body, m.created_at "
                    "FROM delivery d JOIN message m ON m.id = d.message_id "
                    "WHERE d.state = ? AND (? OR d.due <= ?) ORDER BY d.due, d.id LIMIT 200",
                    (PENDING, with_all, self.store.world_now().timestamp()),
                ).fetchall()
            for row in rows:
                arrived += await self._attempt(row)
        return arrived

    async def _attempt(self, row: sqlite3.Row) -> int:
        if row["part"] == "sef":
            body, headers = _unsigned(row)
        else:
            signed_at = int(self.store.world_now().timestamp())
            body, headers = _signed(row, _secrets(self.config, row["part"]), signed_at)
        status, error = 0, ""
        try:
            response = await self.client.post(
                row["url"], content=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
            status = response.status_code
        except httpx.HTTPError as problem:
            error = type(problem).__name__
        has_arrived = 200 <= status < 300
        # A disguised copy is sent once; the genuine one follows by itself.
        is_over = has_arrived or bool(row["disguise"])
        attempts = row["attempts"] + 1
        pause = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
        is_hopeless = attempts * RETRY_SECONDS[-1] > GIVE_UP_AFTER_SECONDS
        with self.store.transaction() as db:
            db.execute(
                "UPDATE delivery SET state = ?, due = ?, attempts = ?, last_status = ?, last_error = ?, is_held = 0 "
                "WHERE id = ?",
                (
                    DELIVERED if is_over else DEAD if is_hopeless else PENDING,
                    self.store.world_now().timestamp() + pause,
                    attempts,
                    status,
                    error,
                    row["id"],
                ),
            )
        return int(has_arrived)


def _secrets(config: Config, part: str) -> tuple[str, ...]:
    return config.carrier_secrets if part == "carrier" else config.card_secrets


def _signed(row: sqlite3.Row, secrets: tuple[str, ...], now: int) -> tuple[bytes, dict[str, str]]:
    """Signed at the moment of sending, with the shop's clock, not the moved one: a retry must not arrive out of date."""
    body = row["body"].encode()
    timestamp = now - (600 if row["disguise"] == "STALE" else 0)
    if row["disguise"] == "FORGED":
        secrets = ("a secret that the shop does not know",)
    signed = f"{row['message_id']}.{timestamp}.".encode() + body
    marks = [hmac.new(_key(secret), signed, hashlib.sha256).digest() for secret in secrets]
    if row["disguise"] == "TAMPERED":
        body = body.replace(b'"amount": "', b'"amount": "9', 1).replace(
            b'"created_at": "', b'"created_at": "1', 1
        )
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "onerow-sandbox",
        "webhook-id": row["message_id"],
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join("v1," + base64.b64encode(mark).decode() for mark in marks),
    }


def _unsigned(row: sqlite3.Row) -> tuple[bytes, dict[str, str]]:
    """SEF's messages prove themselves by nothing but the key of the subscription."""
    body = row["body"].encode()
    if row["disguise"] == "FORGED":
        body = re.sub(rb'"SubscriptionKey": "[^"]*"', b'"SubscriptionKey": "foreign"', body)
    if row["disguise"] == "TAMPERED":
        body = re.sub(rb'"NewInvoiceStatus": "[^"]*"', b'"NewInvoiceStatus": "Approved"', body)
    return body, {"Content-Type": "application/json", "User-Agent": "onerow-sandbox"}


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
