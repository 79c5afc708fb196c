"""SEF's records of VAT (version 2): single ones of a paper, summaries of a period; corrected and withdrawn, never changed."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from retail.sandbox.sef_documents import BELGRADE, ISSUE_SECONDS, identify, moment, shaped, switch
from retail.sandbox.web import Answer, Call, Refused

SCHEMA = """
CREATE TABLE IF NOT EXISTS sef_vat_record (
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL, status INTEGER NOT NULL,
    corrects INTEGER, body TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (owner, number)
);
"""
DRAFT, RECORDED, REPLACED, CANCELED = 0, 10, 20, 30
ID_NAMES = {"individual": "individualVatId", "group": "groupVatId"}
DOCUMENT_TYPES = (380, 381, 383, 386, 400, 401)


def add(call: Call) -> Answer:
    """POST /sef/api/v2/publicApi/vat-recording/{individual|group}"""
    return _stored(call, identify(call), corrects=None)


def correct(call: Call) -> Answer:
    """POST …/correction/{id}: another record in the place of one that stands."""
    owner = identify(call)
    before = _record(call, owner)
    if before["status"] != RECORDED:
        raise _no("VatRecordingPublished", "id")
    answer = _stored(call, owner, corrects=before["id"])
    call.db.execute("UPDATE sef_vat_record SET status = ? WHERE id = ?", (REPLACED, before["id"]))
    return answer


def cancel(call: Call) -> Answer:
    """POST …/cancel/{id}"""
    owner = identify(call)
    row = _record(call, owner)
    if row["status"] != RECORDED:
        raise _no("GroupIndividualVatRecordingAlreadySent", "id")
    call.db.execute("UPDATE sef_vat_record SET status = ? WHERE id = ?", (CANCELED, row["id"]))
    return shaped(call, Answer(_shape(_record(call, owner))))


def read(call: Call) -> Answer:
    """GET …/{id}"""
    return shaped(call, Answer(_shape(_record(call, identify(call)))))


def listed(call: Call) -> Answer:
    """GET …?dateFrom=&dateTo=: by the day on which they were recorded."""
    owner = identify(call)
    first, last = (date.fromisoformat(call.query[name]) for name in ("dateFrom", "dateTo"))
    rows = call.db.execute(
        "SELECT * FROM sef_vat_record WHERE owner = ? AND kind = ? ORDER BY id", (owner, _kind(call))
    ).fetchall()
    return Answer(
        [
            _shape(row)
            for row in rows
            if first <= datetime.fromisoformat(row["created_at"]).astimezone(BELGRADE).date() <= last
        ]
    )


def everything(call: Call) -> Answer:
    """GET /admin/sef/vat-records: all companies' records, oldest first."""
    rows = call.db.execute("SELECT * FROM sef_vat_record ORDER BY id").fetchall()
    return Answer({"results": [{**_shape(row), "owner": row["owner"], "kind": row["kind"]} for row in rows]})


def _kind(call: Call) -> str:
    kind = str(call.path.get("kind"))
    if kind not in ID_NAMES:
        raise Refused(404, b"")
    return kind


def _stored(call: Call, owner: str, *, corrects: int | None) -> Answer:
    kind, body = _kind(call), call.json()
    number = call.reference = str(body.get("calculationNumber") or "")
    if refused := _fault(kind, body):
        raise refused
    if call.db.execute(
        "SELECT 1 FROM sef_vat_record WHERE owner = ? AND number = ?", (owner, number)
    ).fetchone():
        raise _no("CalculationNumberNotUnique", "calculationNumber")
    begins = DRAFT if switch(call.db, "vat_record_begins") == "DRAFT" else RECORDED
    cursor = call.db.execute(
        "INSERT INTO sef_vat_record (owner, kind, number, status, corrects, body, created_at) VALUES (?,?,?,?,?,?,?)",
        (owner, kind, number, begins, corrects, json.dumps(body, default=float), call.now.isoformat()),
    )
    row = call.db.execute("SELECT * FROM sef_vat_record WHERE id = ?", (cursor.lastrowid,)).fetchone()
    return shaped(call, Answer(_shape(row)))


def _fault(kind: str, body: dict[str, Any]) -> Refused | None:
    """What the fields alone say."""
    if not body.get("calculationNumber"):
        return _no("RequiredField", "calculationNumber")
    if not 1 <= int(body.get("vatPeriod") or 0) <= 16 or not body.get("year"):
        return _no("RequiredField", "vatPeriod")
    if not body.get("relatedPartyIdentifier"):
        return _no("RequiredField", "relatedPartyIdentifier")
    amounts = [value for value in body.values() if isinstance(value, Decimal)]
    if any(value < 0 or round(value, 2) != value for value in amounts):
        return _no("InvalidAmount", "amount")
    if kind == "individual":
        if body.get("documentType") not in DOCUMENT_TYPES or not body.get("documentNumber"):
            return _no("RequiredField", "documentNumber")
        if body["documentType"] == 381 and not body.get("relatedVatRecords"):
            return _no("RequiredField", "relatedVatRecords")
        if body["documentType"] == 386 and not body.get("basisForPrepayment"):
            return _no("RequiredField", "basisForPrepayment")
    return None


def _record(call: Call, owner: str) -> sqlite3.Row:
    settled = (call.now - timedelta(seconds=ISSUE_SECONDS)).isoformat()
    call.db.execute(
        "UPDATE sef_vat_record SET status = ? WHERE status = ? AND created_at <= ?",
        (RECORDED, DRAFT, settled),
    )
    kind = _kind(call)
    row: sqlite3.Row | None = call.db.execute(
        "SELECT * FROM sef_vat_record WHERE id = ? AND owner = ? AND kind = ?",
        (call.path.get("id"), owner, kind),
    ).fetchone()
    if row is None:
        code = "GroupVatRecordingNotFound" if kind == "group" else "IndividualVatRecordingNotFound"
        raise Refused(404, {"Message": "Evidencija nije pronadjena.", "FieldName": None, "ErrorCode": code})
    call.reference = row["number"]
    return row


def _shape(row: sqlite3.Row) -> dict[str, Any]:
    return {
        **json.loads(row["body"]),
        ID_NAMES[row["kind"]]: row["id"],
        "vatRecordingStatus": row["status"],
        "sendDate": moment(datetime.fromisoformat(row["created_at"])),
    }


def _no(code: str, field: str) -> Refused:
    return Refused(400, {"Message": f"{field}: {code}", "FieldName": field, "ErrorCode": code})
