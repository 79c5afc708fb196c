"""The card provider "kartica": sessions, authorization on its own page, captures, voids, refunds, expiry."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from retail.sandbox import messages
from retail.sandbox.store import Store
from retail.sandbox.web import Answer, Call, refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS card_payment (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE, create_key TEXT NOT NULL UNIQUE, create_digest TEXT NOT NULL,
    status TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    authorized INTEGER NOT NULL DEFAULT 0, captured INTEGER NOT NULL DEFAULT 0, refunded INTEGER NOT NULL DEFAULT 0,
    voided INTEGER NOT NULL DEFAULT 0, return_url TEXT NOT NULL, notify_url TEXT NOT NULL, language TEXT NOT NULL,
    description TEXT NOT NULL, card_label TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    authorization_expires_at TEXT, page_token TEXT NOT NULL,
    CHECK (refunded >= 0 AND refunded <= captured), CHECK (captured >= 0 AND voided >= 0),
    CHECK (captured + voided <= authorized), CHECK (authorized IN (0, amount))
);
CREATE TABLE IF NOT EXISTS card_operation (
    id TEXT PRIMARY KEY, payment_id TEXT NOT NULL REFERENCES card_payment (id), key TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL, created_at TEXT NOT NULL
);
"""

SESSION_MINUTES = 30
AUTHORIZATION_DAYS = 7
LANGUAGES = ("sr", "en")
# What the shopper may choose on the hosted page, and the state it leads to.
CHOICES = {"approve": "AUTHORIZED", "decline": "DECLINED", "fail_3ds": "FAILED_3DS", "cancel": "CANCELED"}
# Test cards of the hosted page: a name and last digits, never a whole number.
CARDS = {
    "visa-4242": "Visa •• 4242",
    "mastercard-5454": "Mastercard •• 5454",
    "dina-0001": "DinaCard •• 0001",
}
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_AMOUNT = re.compile(r"[0-9]{1,10}\.[0-9]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def create(call: Call) -> Answer:
    """POST /kartica/v1/payments"""
    _authorize(call)
    key, data = _key(call), call.json()
    unknown = set(data) - {"reference", "amount", "return_url", "notify_url", "language", "description"}
    if unknown:
        raise refusal(400, "UNKNOWN_FIELD", f"Unknown fields: {', '.join(sorted(unknown))}.")
    reference = data.get("reference")
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise refusal(400, "INVALID_REFERENCE", "reference must be 1 to 80 letters, digits, dots or dashes.")
    call.reference = reference
    amount, currency = _money(data.get("amount"))
    return_url = messages.check_url(data.get("return_url"), "return_url")
    notify_url = messages.check_url(data.get("notify_url"), "notify_url")
    language = str(data.get("language") or "")[:2].lower()
    language = language if language in LANGUAGES else "sr"
    digest = _digest(data)
    made = call.db.execute("SELECT * FROM card_payment WHERE create_key = ?", (key,)).fetchone()
    if made:
        if made["create_digest"] != digest:
            raise refusal(422, "IDEMPOTENCY_KEY_REUSED", "This key was used with another body.")
        return Answer(_session(call, made), status=200)
    if call.db.execute("SELECT 1 FROM card_payment WHERE reference = ?", (reference,)).fetchone():
        raise refusal(409, "REFERENCE_EXISTS", "There is a payment with this reference already.")
    payment_id = f"pay_{secrets.token_hex(10)}"
    call.db.execute(
        "INSERT INTO card_payment (id, reference, create_key, create_digest, status, currency, amount, return_url, "
        "notify_url, language, description, created_at, expires_at, page_token) "
        "VALUES (?,?,?,?,'CREATED',?,?,?,?,?,?,?,?,?)",
        (
            payment_id,
            reference,
            key,
            digest,
            currency,
            amount,
            return_url,
            notify_url,
            language,
            str(data.get("description") or "")[:200],
            call.now.isoformat(),
            (call.now + timedelta(minutes=SESSION_MINUTES)).isoformat(),
            secrets.token_urlsafe(24),
        ),
    )
    return Answer(_session(call, _by_reference(call, reference)), status=201)


def read(call: Call) -> Answer:
    """GET /kartica/v1/payments/{reference}"""
    _authorize(call)
    call.reference = call.path["reference"]
    row = _by_reference(call, call.reference)
    return Answer(describe(call.db, expire(call, row)))


def capture(call: Call) -> Answer:
    """POST /kartica/v1/payments/{reference}/capture"""
    return _operate(call, "CAPTURE")


def void(call: Call) -> Answer:
    """POST /kartica/v1/payments/{reference}/void"""
    return _operate(call, "VOID")


def refund(call: Call) -> Answer:
    """POST /kartica/v1/payments/{reference}/refund"""
    return _operate(call, "REFUND")


def choose(call: Call, token: str, choice: str, card: str) -> sqlite3.Row:
    """What the shopper did on the hosted page: the first choice counts, later ones change nothing."""
    row = by_token(call, token)
    call.reference = row["reference"]
    row = expire(call, row)
    if row["status"] != "CREATED":
        return row
    if choice not in CHOICES:
        raise refusal(400, "UNKNOWN_CHOICE", "Choose one of the buttons.")
    status = CHOICES[choice]
    is_approved = status == "AUTHORIZED"
    call.db.execute(
        "UPDATE card_payment SET status = ?, authorized = ?, card_label = ?, authorization_expires_at = ? WHERE id = ?",
        (
            status,
            row["amount"] if is_approved else 0,
            CARDS.get(card, "") if is_approved else "",
            (call.now + timedelta(days=AUTHORIZATION_DAYS)).isoformat() if is_approved else None,
            row["id"],
        ),
    )
    return _announce(call, row["id"])


def by_token(call: Call, token: str) -> sqlite3.Row:
    row: sqlite3.Row | None = call.db.execute(
        "SELECT * FROM card_payment WHERE page_token = ?", (token,)
    ).fetchone()
    if row is None:
        raise refusal(404, "NOT_FOUND", "There is no such payment.")
    return row


def expire(call: Call, row: sqlite3.Row) -> sqlite3.Row:
    """The payment as the clock leaves it: sessions and authorizations end by themselves, with a message."""
    if row["status"] == "CREATED" and call.now >= datetime.fromisoformat(row["expires_at"]):
        call.db.execute("UPDATE card_payment SET status = 'EXPIRED' WHERE id = ?", (row["id"],))
        return _announce(call, row["id"])
    end = row["authorization_expires_at"]
    if row["status"] in {"AUTHORIZED", "PARTLY_CAPTURED"} and call.now >= datetime.fromisoformat(end):
        call.db.execute(
            "UPDATE card_payment SET status = ?, voided = authorized - captured WHERE id = ?",
            ("CAPTURED" if row["captured"] else "EXPIRED", row["id"]),
        )
        return _announce(call, row["id"], "payment.authorization_expired")
    return row


def expire_all(call: Call) -> Answer:
    """POST /admin/card/expire: lets the clock act on every payment now, as a nightly run would."""
    rows = call.db.execute(
        "SELECT * FROM card_payment WHERE status IN ('CREATED', 'AUTHORIZED', 'PARTLY_CAPTURED')"
    ).fetchall()
    ended = [row["reference"] for row in rows if expire(call, row)["status"] != row["status"]]
    return Answer({"expired": ended})


def describe(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A payment as JSON: amounts are totals so far."""
    currency = row["currency"]
    operations = db.execute(
        "SELECT * FROM card_operation WHERE payment_id = ? ORDER BY rowid", (row["id"],)
    ).fetchall()
    return {
        "id": row["id"],
        "reference": row["reference"],
        "status": row["status"],
        **{
            name: {"amount": amount_text(row[name]), "currency": currency}
            for name in ("amount", "authorized", "captured", "refunded", "voided")
        },
        "card_label": row["card_label"],
        "created_at": row["created_at"],
        "expires_at": row["expires_at"],
        "authorization_expires_at": row["authorization_expires_at"],
        "operations": [
            {
                "id": one["id"],
                "kind": one["kind"],
                "key": one["key"],
                "amount": {"amount": amount_text(one["amount"]), "currency": currency},
                "created_at": one["created_at"],
            }
            for one in operations
        ],
    }


def amount_text(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


def _operate(call: Call, kind: str) -> Answer:
    _authorize(call)
    key, data = _key(call), call.json()
    call.reference = call.path["reference"]
    row = expire(call, _by_reference(call, call.reference))
    digest = _digest({"kind": kind, "payment": row["id"], **data})
    done = call.db.execute("SELECT * FROM card_operation WHERE key = ?", (key,)).fetchone()
    if done:
        if done["digest"] != digest:
            raise refusal(422, "IDEMPOTENCY_KEY_REUSED", "This key was used with another body.")
        return Answer(describe(call.db, row))
    amount = _check_operation(row, kind, data)
    call.db.execute(
        "INSERT INTO card_operation VALUES (?,?,?,?,?,?,?)",
        (f"op_{secrets.token_hex(10)}", row["id"], key, digest, kind, amount, call.now.isoformat()),
    )
    _move(call.db, row, kind, amount)
    return Answer(describe(call.db, _announce(call, row["id"], f"payment.{_PAST[kind]}")), status=201)


_PAST = {"CAPTURE": "captured", "VOID": "voided", "REFUND": "refunded"}


def _check_operation(row: sqlite3.Row, kind: str, data: dict[str, Any]) -> int:
    """The amount to move in minor units, or the refusal."""
    if set(data) - {"amount"}:
        raise refusal(400, "UNKNOWN_FIELD", "Only amount is known here.")
    open_amount = row["authorized"] - row["captured"] - row["voided"]
    if kind == "VOID":
        if open_amount <= 0:
            raise refusal(409, "NOTHING_TO_VOID", "Nothing of this payment is authorized and not captured.")
        return int(open_amount)
    amount, currency = _money(data.get("amount"))
    if currency != row["currency"]:
        raise refusal(409, "WRONG_CURRENCY", "The payment is in another currency.")
    if kind == "CAPTURE":
        if row["status"] not in {"AUTHORIZED", "PARTLY_CAPTURED"}:
            raise refusal(409, "NOT_AUTHORIZED", f"The payment is {row['status']}.")
        if amount > open_amount:
            raise refusal(
                409, "AMOUNT_ABOVE_AUTHORIZED", f"{amount_text(open_amount)} can still be captured."
            )
    elif amount > row["captured"] - row["refunded"]:
        left = amount_text(row["captured"] - row["refunded"])
        raise refusal(409, "AMOUNT_ABOVE_CAPTURED", f"{left} can still be refunded.")
    return amount


_MOVES = {
    "CAPTURE": "UPDATE card_payment SET captured = captured + ? WHERE id = ?",
    "VOID": "UPDATE card_payment SET voided = voided + ? WHERE id = ?",
    "REFUND": "UPDATE card_payment SET refunded = refunded + ? WHERE id = ?",
}


def _move(db: sqlite3.Connection, row: sqlite3.Row, kind: str, amount: int) -> None:
    db.execute(_MOVES[kind], (amount, row["id"]))
    if kind != "REFUND":
        db.execute(
            "UPDATE card_payment SET status = CASE WHEN captured = 0 THEN 'VOIDED' "
            "WHEN captured + voided = authorized THEN 'CAPTURED' ELSE 'PARTLY_CAPTURED' END WHERE id = ?",
            (row["id"],),
        )


def _announce(call: Call, payment_id: str, kind: str = "") -> sqlite3.Row:
    """Sends the message of a change, and returns the payment after it."""
    row: sqlite3.Row = call.db.execute("SELECT * FROM card_payment WHERE id = ?", (payment_id,)).fetchone()
    payment = describe(call.db, row)
    lie = call.fault("WRONG_AMOUNT", "WRONG_CURRENCY")
    for name in ("amount", "authorized", "captured", "refunded", "voided") if lie else ():
        if lie and lie.kind == "WRONG_CURRENCY":
            payment[name]["currency"] = "EUR" if row["currency"] != "EUR" else "RSD"
        elif row[name]:
            payment[name]["amount"] = amount_text(row[name] - 1)
    messages.enqueue(
        call,
        kind=kind or f"payment.{row['status'].lower()}",
        reference=row["reference"],
        url=row["notify_url"],
        data={"payment": payment},
    )
    return row


def _session(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    return {
        **describe(call.db, row),
        "redirect_url": f"{call.config.public_url}/kartica/pay/{row['page_token']}",
    }


def _by_reference(call: Call, reference: str) -> sqlite3.Row:
    row: sqlite3.Row | None = call.db.execute(
        "SELECT * FROM card_payment WHERE reference = ?", (reference,)
    ).fetchone()
    if row is None:
        raise refusal(404, "NOT_FOUND", "There is no payment with this reference.")
    return row


def _authorize(call: Call) -> None:
    check_bearer(call, call.config.card_key)


def check_bearer(call: Call, key: str) -> None:
    given = call.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
        raise refusal(401, "UNAUTHORIZED", "The key is missing or wrong.")


def _key(call: Call) -> str:
    key = call.headers.get("idempotency-key", "")
    if not 1 <= len(key) <= 255:
        raise refusal(400, "IDEMPOTENCY_KEY_REQUIRED", "Idempotency-Key must have 1 to 255 characters.")
    return key


def _money(value: Any) -> tuple[int, str]:
    try:
        text, currency = value["amount"], value["currency"]
        if not _AMOUNT.fullmatch(text) or not _CURRENCY.fullmatch(currency):
            raise ValueError
        minor = int(Decimal(text) * 100)
    except (KeyError, TypeError, ValueError, InvalidOperation):
        raise refusal(
            400, "INVALID_AMOUNT", 'amount must look like {"amount": "1299.00", "currency": "RSD"}.'
        ) from None
    if minor <= 0:
        raise refusal(400, "INVALID_AMOUNT", "The amount must be above zero.")
    return minor, currency


def _digest(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


def list_payments(store: Store) -> list[sqlite3.Row]:
    with store.transaction() as db:
        return db.execute(
            "SELECT * FROM card_payment ORDER BY created_at DESC, rowid DESC LIMIT 100"
        ).fetchall()
