"""The carrier "kurir", for every carrier of the chain: announced parcels, their way, cash collected at the door."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from retail.sandbox import messages
from retail.sandbox.card import amount_text, check_bearer
from retail.sandbox.store import Store
from retail.sandbox.web import Answer, Call, refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS parcel (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL UNIQUE, tracking_number TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL, carrier TEXT NOT NULL, service TEXT NOT NULL, weight_grams INTEGER NOT NULL,
    cash INTEGER CHECK (cash > 0), currency TEXT NOT NULL, status TEXT NOT NULL, notify_url TEXT NOT NULL,
    sender TEXT NOT NULL, recipient TEXT NOT NULL, created_at TEXT NOT NULL, collected_at TEXT
);
CREATE TABLE IF NOT EXISTS parcel_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, parcel_id INTEGER NOT NULL REFERENCES parcel (id), status TEXT NOT NULL,
    happened_at TEXT NOT NULL, place TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS parcel_event_parcel ON parcel_event (parcel_id);
"""

BELGRADE = ZoneInfo("Europe/Belgrade")
# A parcel goes forward; steps between may be left out, as couriers do.
MOVES: dict[str, tuple[str, ...]] = {
    "ANNOUNCED": (
        "PICKED_UP",
        "IN_TRANSIT",
        "OUT_FOR_DELIVERY",
        "DELIVERED",
        "REFUSED",
        "UNDELIVERABLE",
        "LOST",
    ),
    "PICKED_UP": ("IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED", "REFUSED", "UNDELIVERABLE", "LOST"),
    "IN_TRANSIT": ("OUT_FOR_DELIVERY", "DELIVERED", "REFUSED", "UNDELIVERABLE", "LOST"),
    "OUT_FOR_DELIVERY": ("IN_TRANSIT", "DELIVERED", "REFUSED", "UNDELIVERABLE", "LOST"),
    "REFUSED": ("RETURNED", "LOST"),
    "UNDELIVERABLE": ("OUT_FOR_DELIVERY", "RETURNED", "LOST"),
    "DELIVERED": (),
    "LOST": (),
    "RETURNED": (),
    "CANCELED": (),
}
REMITTANCE_COLUMNS = (
    "line_id", "carrier", "paid_on", "tracking_number", "reference", "collected_on", "amount", "fee", "currency",
)  # fmt: skip
_FIELDS = {
    "reference",
    "carrier",
    "service",
    "weight_grams",
    "sender",
    "recipient",
    "cash_on_delivery",
    "notify_url",
}
_PARTY = ("name", "street", "city", "postal_code", "country", "phone")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")


def announce(call: Call) -> Answer:
    """POST /kurir/v1/parcels"""
    check_bearer(call, call.config.carrier_key)
    data = call.json()
    cash, currency = _check(data)
    call.reference = data["reference"]
    notify_url = messages.check_url(data["notify_url"], "notify_url")
    digest = hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
    made = call.db.execute("SELECT * FROM parcel WHERE reference = ?", (data["reference"],)).fetchone()
    if made:
        if made["digest"] != digest:
            raise refusal(409, "REFERENCE_EXISTS", "Another parcel was announced with this reference.")
        return Answer(describe(call.db, made))
    parcel_id = call.db.execute(
        "INSERT INTO parcel (reference, tracking_number, digest, carrier, service, weight_grams, cash, currency, "
        "status, notify_url, sender, recipient, created_at) VALUES (?,?,?,?,?,?,?,?,'ANNOUNCED',?,?,?,?)",
        (
            data["reference"],
            f"new:{digest}",
            digest,
            data["carrier"],
            data["service"],
            data["weight_grams"],
            cash,
            currency,
            notify_url,
            json.dumps(data["sender"], ensure_ascii=False),
            json.dumps(data["recipient"], ensure_ascii=False),
            call.now.isoformat(),
        ),
    ).lastrowid
    number = f"KU{parcel_id:09d}"
    call.db.execute(
        "UPDATE parcel SET tracking_number = ? WHERE id = ?", (f"{number}{_check_digit(number)}RS", parcel_id)
    )
    _note(call, int(parcel_id or 0), "ANNOUNCED", "")
    return Answer(describe(call.db, _row(call, int(parcel_id or 0))), status=201)


def read(call: Call) -> Answer:
    """GET /kurir/v1/parcels/{reference}"""
    check_bearer(call, call.config.carrier_key)
    return Answer(describe(call.db, _by_reference(call)))


def cancel(call: Call) -> Answer:
    """POST /kurir/v1/parcels/{reference}/cancel: only before the courier has it; twice is the same as once."""
    check_bearer(call, call.config.carrier_key)
    row = _by_reference(call)
    if row["status"] == "CANCELED":
        return Answer(describe(call.db, row))
    if row["status"] != "ANNOUNCED":
        raise refusal(409, "ALREADY_ON_ITS_WAY", f"The parcel is {row['status']}.")
    _set(call, row, "CANCELED", "")
    return Answer(describe(call.db, _row(call, row["id"])))


def move(call: Call) -> Answer:
    """POST /admin/carrier/parcels/{reference}/events: what the courier did, by test or by hand."""
    data = call.json()
    row = advance(call, str(data.get("status")), str(data.get("place") or ""))
    return Answer(describe(call.db, row))


def advance(call: Call, status: str, place: str) -> sqlite3.Row:
    """Moves a parcel to `status`, collects its cash at the door, and tells the shop."""
    row = _by_reference(call)
    if status not in MOVES:
        raise refusal(400, "UNKNOWN_STATUS", f"Known: {', '.join(MOVES)}.")
    if status not in MOVES[row["status"]]:
        raise refusal(409, "ILLEGAL_MOVE", f"A parcel that is {row['status']} cannot become {status}.")
    _set(call, row, status, place)
    after = _row(call, row["id"])
    messages.enqueue(
        call,
        kind=f"parcel.{status.lower()}",
        reference=row["reference"],
        url=row["notify_url"],
        data={"parcel": describe(call.db, after)},
    )
    return after


def remittance(call: Call) -> Answer:
    """GET /kurir/v1/remittances/{day}.csv?carrier=: cash of parcels delivered that day, a line for each, once."""
    call.reference = call.path["day"]
    try:
        day = date.fromisoformat(call.path["day"])
    except ValueError:
        raise refusal(400, "INVALID_DATE", "The day must look like 2026-11-21.") from None
    return Answer(
        remittance_csv(call.db, day, call.query.get("carrier", "")).encode(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="remittance-{day}.csv"'},
    )


def remittance_csv(db: sqlite3.Connection, day: date, carrier: str) -> str:
    rows = db.execute(
        "SELECT * FROM parcel WHERE collected_at IS NOT NULL AND ? IN ('', carrier) ORDER BY collected_at, id",
        (carrier,),
    ).fetchall()
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(REMITTANCE_COLUMNS)
    for row in rows:
        collected_on = datetime.fromisoformat(row["collected_at"]).astimezone(BELGRADE).date()
        if collected_on == day:
            line_id = f"REM-{row['tracking_number']}"
            amount = amount_text(row["cash"])
            table.writerow(
                (
                    line_id,
                    row["carrier"],
                    day,
                    row["tracking_number"],
                    row["reference"],
                    collected_on,
                    amount,
                    "0.00",  # the fee comes with the courier's own invoice
                    row["currency"],
                )
            )
    return text.getvalue()


def describe(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    events = db.execute("SELECT * FROM parcel_event WHERE parcel_id = ? ORDER BY id", (row["id"],)).fetchall()
    cash = {"amount": amount_text(row["cash"]), "currency": row["currency"]} if row["cash"] else None
    return {
        "reference": row["reference"],
        "carrier": row["carrier"],
        "service": row["service"],
        "tracking_number": row["tracking_number"],
        "barcode": row["tracking_number"],
        "status": row["status"],
        "cash_on_delivery": cash,
        "weight_grams": row["weight_grams"],
        "created_at": row["created_at"],
        "events": [{name: event[name] for name in ("status", "happened_at", "place")} for event in events],
    }


def list_parcels(store: Store) -> list[sqlite3.Row]:
    with store.transaction() as db:
        return db.execute("SELECT * FROM parcel ORDER BY id DESC LIMIT 100").fetchall()


def remittance_days(store: Store) -> list[tuple[str, str, int, str]]:
    """Per day and carrier: parcels with cash collected, and the sum."""
    with store.transaction() as db:
        rows = db.execute(
            "SELECT carrier, collected_at, cash FROM parcel WHERE collected_at IS NOT NULL"
        ).fetchall()
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        day = datetime.fromisoformat(row["collected_at"]).astimezone(BELGRADE).date().isoformat()
        count, total = found.get((day, row["carrier"]), (0, 0))
        found[day, row["carrier"]] = count + 1, total + row["cash"]
    return [(day, name, *_counted(found[day, name])) for day, name in sorted(found, reverse=True)]


def _counted(pair: tuple[int, int]) -> tuple[int, str]:
    return pair[0], amount_text(pair[1])


def _set(call: Call, row: sqlite3.Row, status: str, place: str) -> None:
    call.db.execute("UPDATE parcel SET status = ? WHERE id = ?", (status, row["id"]))
    if status == "DELIVERED" and row["cash"]:
        call.db.execute("UPDATE parcel SET collected_at = ? WHERE id = ?", (call.now.isoformat(), row["id"]))
    _note(call, row["id"], status, place)


def _note(call: Call, parcel_id: int, status: str, place: str) -> None:
    call.db.execute(
        "INSERT INTO parcel_event (parcel_id, status, happened_at, place) VALUES (?,?,?,?)",
        (parcel_id, status, call.now.isoformat(), place[:80]),
    )


def _row(call: Call, parcel_id: int) -> sqlite3.Row:
    row: sqlite3.Row = call.db.execute("SELECT * FROM parcel WHERE id = ?", (parcel_id,)).fetchone()
    return row


def _by_reference(call: Call) -> sqlite3.Row:
    call.reference = call.path["reference"]
    row: sqlite3.Row | None = call.db.execute(
        "SELECT * FROM parcel WHERE ? IN (reference, tracking_number)", (call.reference,)
    ).fetchone()
    if row is None:
        raise refusal(404, "NOT_FOUND", "There is no such parcel.")
    return row


def _check(data: dict[str, Any]) -> tuple[int | None, str]:
    """The cash to collect in minor units, once the body is what was agreed."""
    if set(data) != _FIELDS:
        raise refusal(400, "WRONG_FIELDS", f"Send exactly {', '.join(sorted(_FIELDS))}.")
    if not isinstance(data["reference"], str) or not _REFERENCE.fullmatch(data["reference"]):
        raise refusal(400, "INVALID_REFERENCE", "reference must be 1 to 80 letters, digits, dots or dashes.")
    for name in ("carrier", "service"):
        if not isinstance(data[name], str) or not 1 <= len(data[name]) <= 80:
            raise refusal(400, "INVALID_SERVICE", f"{name} must be a text of 1 to 80 characters.")
    weight = data["weight_grams"]
    if isinstance(weight, bool) or not isinstance(weight, int) or not 1 <= weight <= 50_000:
        raise refusal(400, "INVALID_WEIGHT", "weight_grams must be between 1 and 50000.")
    for name in ("sender", "recipient"):
        party = data[name]
        if not isinstance(party, dict) or not all(
            isinstance(party.get(key), str) and party[key] for key in _PARTY
        ):
            raise refusal(400, "INVALID_ADDRESS", f"{name} needs {', '.join(_PARTY)}.")
    if data["cash_on_delivery"] is None:
        return None, ""
    try:
        text, currency = data["cash_on_delivery"]["amount"], data["cash_on_delivery"]["currency"]
        if not re.fullmatch(r"[0-9]{1,8}\.[0-9]{2}", text) or not re.fullmatch(r"[A-Z]{3}", currency):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise refusal(400, "INVALID_AMOUNT", "cash_on_delivery must be an amount with a currency.") from None
    cash = int(Decimal(text) * 100)
    if cash <= 0:
        raise refusal(400, "INVALID_AMOUNT", "cash_on_delivery must be above zero, or null.")
    return cash, currency


def _check_digit(number: str) -> int:
    """The postal union's check digit over the eight digits after the first."""
    total = sum(
        int(digit) * weight for digit, weight in zip(number[-8:], (8, 6, 4, 2, 3, 5, 9, 7), strict=True)
    )
    rest = 11 - total % 11
    return {10: 0, 11: 5}.get(rest, rest)
