"""SEF's other side: what suppliers sent to our company, seen, approved or rejected by us."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from retail.sandbox.sef_documents import identify, moment, shaped
from retail.sandbox.web import Answer, Call, Refused

SCHEMA = """
CREATE TABLE IF NOT EXISTS sef_purchase (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL, status TEXT NOT NULL, row TEXT NOT NULL, comment TEXT NOT NULL DEFAULT ''
);
"""
_OPEN = ("New", "Seen", "ReNotified")


def put(call: Call) -> Answer:
    """PUT /admin/sef/purchases: {"number", "supplier_name", "supplier_pib", "amount", "net", "tax", …}; `buyer_pib` when we are several."""
    data = call.json()
    cursor = call.db.execute(
        "INSERT INTO sef_purchase (number, status, row) VALUES (?, 'New', ?)",
        (str(data["number"]), json.dumps({"row": _row(call, data), "owner": str(data.get("buyer_pib", ""))}, default=float)),
    )  # fmt: skip
    return Answer({"id": 700_000 + int(cursor.lastrowid or 0)}, status=201)


def _row(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    day = call.now.date().isoformat()
    return {
        "DocumentNumber": data["number"],
        "DocumentType": data.get("kind", "Invoice"),
        "CirInvoiceId": None,
        "SupplierName": data.get("supplier_name", "Izdavač d.o.o."),
        "SupplierRegistrationNumber": data.get("supplier_registration_number", "17862146"),
        "SupplierVatRegistrationCode": data.get("supplier_pib", "108213413"),
        "Amount": data.get("amount", 0),
        "SumWithoutVat": data.get("net", 0),
        "VatAmount": data.get("tax", 0),
        "RoundingAmount": 0.0,
        "Currency": "RSD",
        "DeliveryDate": data.get("delivery_date", day),
        "PrepaymentDate": None,
        "DueDate": data.get("due_date", day),
        "DateOfReduction": None,
        "SentDate": moment(call.now),
    }


def overview(call: Call) -> Answer:
    """GET /sef/api/publicApi/purchase-invoice/overview?dateFrom=&dateTo=&status="""
    owner = identify(call)
    rows = call.db.execute(
        "SELECT * FROM sef_purchase WHERE ? IN ('', status) ORDER BY id", (call.query.get("status", ""),)
    ).fetchall()
    return Answer(
        [
            {
                "InvoiceId": 700_000 + row["id"],
                "GlobUniqId": f"00000000-0000-0000-0001-{row['id']:012d}",
                "Status": row["status"],
                **json.loads(row["row"])["row"],
            }
            for row in rows
            if _is_for(owner, row)
        ]
    )


def _is_for(owner: str, row: sqlite3.Row) -> bool:
    """What was sent to nobody in particular is for all of us."""
    return json.loads(row["row"])["owner"] in ("", owner)


def decide(call: Call) -> Answer:
    """POST /sef/api/publicApi/purchase-invoice/acceptRejectPurchaseInvoice: {"invoiceId", "accepted", "comment"}"""
    owner = identify(call)
    data = call.json()
    number = int(data.get("invoiceId") or 0) - 700_000
    row = call.db.execute("SELECT * FROM sef_purchase WHERE id = ?", (number,)).fetchone()
    if row is None or not _is_for(owner, row):
        raise Refused(
            404, {"Message": "Faktura nije pronadjena.", "FieldName": None, "ErrorCode": "InvoiceNotFound"}
        )
    call.reference = row["number"]
    is_accepted, comment = data.get("accepted") is True, str(data.get("comment") or "")
    if not is_accepted and not comment:
        raise Refused(
            400, {"Message": "Komentar je obavezan.", "FieldName": "comment", "ErrorCode": "RequiredField"}
        )
    if row["status"] not in _OPEN:
        body = {"Message": row["status"], "FieldName": "status", "ErrorCode": "InvoiceNotInAppropriateStatus"}
        raise Refused(400, body)
    status = "Approved" if is_accepted else "Rejected"
    call.db.execute("UPDATE sef_purchase SET status = ?, comment = ? WHERE id = ?", (status, comment, number))
    invoice = {"InvoiceNumber": row["number"], "Status": status}
    return shaped(call, Answer({"Message": None, "HttpStatus": None, "Invoice": invoice, "Success": True}))


def read(call: Call) -> Answer:
    """GET /sef/api/publicApi/purchase-invoice?invoiceId="""
    owner = identify(call)
    number = int(call.query.get("invoiceId") or 0) - 700_000
    row = call.db.execute("SELECT * FROM sef_purchase WHERE id = ?", (number,)).fetchone()
    if row is None or not _is_for(owner, row):
        raise Refused(
            404, {"Message": "Faktura nije pronadjena.", "FieldName": None, "ErrorCode": "InvoiceNotFound"}
        )
    call.reference = row["number"]
    return shaped(
        call,
        Answer({"Status": row["status"], "InvoiceId": 700_000 + number, "Comment": row["comment"] or None}),
    )
