"""The bank: statements with chosen transfers, as the CSV that the shop imports."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from retail.sandbox.card import amount_text
from retail.sandbox.store import Store
from retail.sandbox.web import Answer, Call, refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS bank_statement (
    number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, booked_on TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS bank_line (
    id INTEGER PRIMARY KEY AUTOINCREMENT, statement INTEGER NOT NULL REFERENCES bank_statement (number),
    amount INTEGER NOT NULL CHECK (amount != 0), currency TEXT NOT NULL, reference TEXT NOT NULL,
    payer_name TEXT NOT NULL, payer_account TEXT NOT NULL, purpose TEXT NOT NULL, repeats INTEGER
);
"""

BELGRADE = ZoneInfo("Europe/Belgrade")
COLUMNS = (
    "line_id", "statement", "booked_on", "account", "amount", "currency", "reference", "payer_name", "payer_account",
    "purpose",
)  # fmt: skip
DEFAULT_ACCOUNT = "265-1660310005042-68"
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")


def create(call: Call) -> Answer:
    """POST /bank/statements: {"account", "booked_on", "lines": [{"amount", "reference", "payer_name", …}]}"""
    data = call.json()
    if set(data) - {"account", "booked_on", "lines"}:
        raise refusal(400, "UNKNOWN_FIELD", "Known: account, booked_on, lines.")
    lines = data.get("lines")
    if not isinstance(lines, list) or not 1 <= len(lines) <= 1000:
        raise refusal(400, "NO_LINES", "Give 1 to 1000 lines.")
    number = write(call, data.get("account"), data.get("booked_on"), lines)
    return Answer(
        {"number": number, "csv_url": f"{call.config.public_url}/bank/statements/{number}.csv"}, status=201
    )


def write(call: Call, account: Any, booked_on: Any, lines: list[Any]) -> int:
    """Makes a statement. A positive amount came in, a negative one went out."""
    try:
        day = date.fromisoformat(booked_on) if booked_on else call.now.astimezone(BELGRADE).date()
    except (TypeError, ValueError):
        raise refusal(400, "INVALID_DATE", "booked_on must look like 2026-11-21.") from None
    cursor = call.db.execute(
        "INSERT INTO bank_statement (account, booked_on, created_at) VALUES (?,?,?)",
        (str(account or DEFAULT_ACCOUNT), day.isoformat(), call.now.isoformat()),
    )
    number = int(cursor.lastrowid or 0)
    call.reference = str(number)
    for line in lines:
        _write_line(call.db, number, line)
    if call.fault("DUPLICATE"):
        _repeat_last_line(call.db, number)
    return number


def statement_csv(call: Call) -> Answer:
    """GET /bank/statements/{number}.csv"""
    call.reference = call.path["number"]
    if not call.reference.isdigit():
        raise refusal(404, "NOT_FOUND", "There is no such statement.")
    statement = call.db.execute(
        "SELECT * FROM bank_statement WHERE number = ?", (int(call.reference),)
    ).fetchone()
    if statement is None:
        raise refusal(404, "NOT_FOUND", "There is no such statement.")
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    rows = call.db.execute("SELECT * FROM bank_line WHERE statement = ? ORDER BY id", (statement["number"],))
    for row in rows:
        table.writerow(
            (
                f"BL-{row['repeats'] or row['id']:08d}",
                statement["number"],
                statement["booked_on"],
                statement["account"],
                amount_text(row["amount"]),
                *(row[name] for name in COLUMNS[5:]),
            )
        )
    return Answer(
        text.getvalue().encode(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="statement-{statement["number"]}.csv"'},
    )


def list_statements(store: Store) -> list[sqlite3.Row]:
    with store.transaction() as db:
        return db.execute(
            "SELECT s.*, count(l.id) AS lines, sum(l.amount) AS total FROM bank_statement s "
            "LEFT JOIN bank_line l ON l.statement = s.number GROUP BY s.number ORDER BY s.number DESC LIMIT 50"
        ).fetchall()


def _write_line(db: sqlite3.Connection, number: int, line: Any) -> None:
    known = {"amount", "currency", "reference", "payer_name", "payer_account", "purpose"}
    if not isinstance(line, dict) or set(line) - known:
        raise refusal(400, "UNKNOWN_FIELD", f"A line knows {', '.join(sorted(known))}.")
    text = str(line.get("amount") or "")
    if not _AMOUNT.fullmatch(text) or Decimal(text) == 0:
        raise refusal(400, "INVALID_AMOUNT", "amount must look like 1299.00 and not be zero.")
    db.execute(
        "INSERT INTO bank_line (statement, amount, currency, reference, payer_name, payer_account, purpose) "
        "VALUES (?,?,?,?,?,?,?)",
        (
            number,
            int(Decimal(text) * 100),
            str(line.get("currency") or "RSD"),
            *(
                str(line.get(name) or "")[:140]
                for name in ("reference", "payer_name", "payer_account", "purpose")
            ),
        ),
    )


def _repeat_last_line(db: sqlite3.Connection, number: int) -> None:
    """Banks correct a statement by sending a line again, under its old id."""
    db.execute(
        "INSERT INTO bank_line (statement, amount, currency, reference, payer_name, payer_account, purpose, repeats) "
        "SELECT ?1, amount, currency, reference, payer_name, payer_account, purpose, coalesce(repeats, id) "
        "FROM bank_line WHERE id = coalesce((SELECT max(id) FROM bank_line WHERE statement < ?1), "
        "(SELECT max(id) FROM bank_line WHERE statement = ?1))",
        (number,),
    )
