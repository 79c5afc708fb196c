"""SEF's documents: uploads under request ids, their life, cancel and storno. What public sources dispute is a switch."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import deque
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from retail.sandbox import messages, sef, sef_rules
from retail.sandbox.store import Store, setting
from retail.sandbox.web import Answer, Call, Refused

SCHEMA = """
CREATE TABLE IF NOT EXISTS sef_key (api_key TEXT PRIMARY KEY, pib TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sef_document (
    id INTEGER PRIMARY KEY AUTOINCREMENT, purchase_id INTEGER NOT NULL, owner TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL,
    buyer_pib TEXT NOT NULL, is_public INTEGER NOT NULL, issued_on TEXT NOT NULL, payable TEXT NOT NULL, sources TEXT NOT NULL,
    status TEXT NOT NULL, fate TEXT NOT NULL, comment TEXT NOT NULL DEFAULT '', cancel_comment TEXT NOT NULL DEFAULT '',
    storno_comment TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1, xml TEXT NOT NULL, created_at TEXT NOT NULL,
    sent_at TEXT, changed_at TEXT NOT NULL, UNIQUE (owner, number)
);
CREATE TABLE IF NOT EXISTS sef_request (
    owner TEXT NOT NULL, request_id TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (owner, request_id)
);
CREATE TABLE IF NOT EXISTS sef_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL, comment TEXT NOT NULL
);
"""
BELGRADE = ZoneInfo("Europe/Belgrade")
# Switch: what may be chosen, the first by default.
SWITCHES: dict[str, tuple[str, ...]] = {
    "duplicate_request": ("REPLAY", "REFUSE"),
    "validated_before_request": ("NO", "YES"),
    "credit_note_period": ("ANY", "0", "35"),
    "extension": ("ANY", "XSD", "SBT"),
    "late_approval": ("YES", "NO"),
    "answer_case": ("PASCAL", "LOWER"),
    "night_pause": ("NO", "YES"),
    "calls_per_second": ("3", "0"),
    "retry_after": ("NO", "YES"),
    "webhook_shape": ("ARRAY", "OBJECT"),
    "vat_record_begins": ("RECORDED", "DRAFT"),
}
ISSUE_SECONDS = 2
PRIVATE_DAYS, PUBLIC_DAYS, MORE_DAYS = 15, 15, 5
NIGHT_HOURS = range(6)
CANCELABLE = ("Draft", "New", "Mistake")
REVERSIBLE = ("Approved", "Rejected", "Sent")
_lately: dict[str, deque[float]] = {}
_stopwatch = time.monotonic


# -- The door --------------------------------------------------------------------------------------------------


def identify(call: Call) -> str:
    """Whose key this is (a PIB), after the pauses and limits that meet any call. A wrong key gets 401 and nothing else."""
    if switch(call.db, "night_pause") == "YES" and call.now.astimezone(BELGRADE).hour in NIGHT_HOURS:
        raise Refused(503, b"<html><body>Sistem je u redovnom odrzavanju.</body></html>", "text/html")
    key = call.headers.get("apikey", "")
    row = call.db.execute("SELECT pib FROM sef_key WHERE api_key = ?", (key,)).fetchone()
    if call.fault("KEY_EXPIRED") or (row is None and key not in call.config.sef_keys) or not key:
        raise Refused(401, b"")
    _limit(call, key)
    sef.learn(call)
    _let_time_work(call)
    return str(row["pib"]) if row else ""


def _limit(call: Call, key: str) -> None:
    allowed = int(switch(call.db, "calls_per_second"))
    if not allowed:
        return
    now, seen = _stopwatch(), _lately.setdefault(f"{call.config.home}{key}", deque())
    while seen and now - seen[0] >= 1:
        seen.popleft()
    if len(seen) >= allowed:
        headers = {"Retry-After": "1"} if switch(call.db, "retry_after") == "YES" else {}
        raise Refused(429, b"", headers=headers)
    seen.append(now)


def switch(db: sqlite3.Connection, name: str) -> str:
    return setting(db, f"sef:{name}") or SWITCHES[name][0]


def put_switch(call: Call, name: str, value: str) -> None:
    if value not in SWITCHES.get(name, ()):
        raise Refused(400, {"code": "UNKNOWN_SWITCH", "message": f"{name} cannot be {value}."})
    call.db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (f"sef:{name}", value))


def put_switches(call: Call) -> Answer:
    """PUT /admin/sef/switches: {"duplicate_request": "REFUSE", …}; GET shows them."""
    if call.path.get("method") == "PUT":
        for name, value in call.json().items():
            put_switch(call, name, str(value))
    return Answer({name: switch(call.db, name) for name in SWITCHES})


def put_key(call: Call) -> Answer:
    """PUT /admin/sef/keys: {"api_key", "pib"}; one key is one company."""
    data = call.json()
    call.db.execute("INSERT OR REPLACE INTO sef_key VALUES (?, ?)", (str(data["api_key"]), str(data["pib"])))
    return Answer({"stored": 1})


# -- Upload ----------------------------------------------------------------------------------------------------


def upload(call: Call) -> Answer:
    """POST /sef/api/publicApi/sales-invoice/ubl?requestId=&sendToCir=&executeValidation="""
    owner = identify(call)
    request_id = call.reference = call.query.get("requestId", "")
    if not request_id:
        return _no(sef_rules.Refusal("RequiredRequestId", "requestId", "The request id is required."))
    document, faults = sef_rules.parse(call.raw)
    if document is not None and not owner:
        # A key of the settings belongs to the first company that sends under it.
        owner = document.seller_pib
        call.db.execute("INSERT OR IGNORE INTO sef_key VALUES (?, ?)", (call.headers["apikey"], owner))
    if (
        switch(call.db, "validated_before_request") == "YES"
        and document
        and (late := _about_day(call, document))
    ):
        return _no(late)
    answered = call.db.execute(
        "SELECT * FROM sef_request WHERE owner = ? AND request_id = ?", (owner, request_id)
    ).fetchone()
    if answered:
        if switch(call.db, "duplicate_request") == "REFUSE":
            return _no(
                sef_rules.Refusal("UBLUploadRequestIdDuplicate", "requestId", "The request id was used.")
            )
        return Answer(json.loads(answered["answer"]), status=answered["status"])
    refused = _judge(call, owner, document, faults)
    if call.fault("UNKNOWN_CODE"):
        refused = sef_rules.Refusal("SomethingNobodyHasSeen", "ublFile", "A reason that is not in the list.")
    is_lenient = call.query.get("executeValidation", "").lower() != "true"
    if refused and document and is_lenient and refused in faults:
        answer = _no(None, _stored(call, owner, document, fate=f"Mistake:{refused.code}"))
    elif refused:
        answer = _no(refused)
    else:
        assert document is not None, "a document without faults was read"
        fate = "Mistake:InvoiceSigningFail" if call.fault("LATE_REFUSAL") else "Sent"
        answer = _no(None, _stored(call, owner, document, fate=fate))
    call.db.execute(
        "INSERT INTO sef_request VALUES (?,?,?,?,?)",
        (owner, request_id, answer.status, json.dumps(answer.body), hashlib.sha256(call.raw).hexdigest()),
    )
    return shaped(call, answer)


def _no(refused: sef_rules.Refusal | None, ids: dict[str, int] | None = None) -> Answer:
    if refused is None:
        return Answer(ids)
    return Answer(
        {"Message": refused.message, "FieldName": refused.field, "ErrorCode": refused.code}, status=400
    )


def shaped(call: Call, answer: Answer) -> Answer:
    """Keys as they are printed in the specification, or in the other case that clients have met."""
    if switch(call.db, "answer_case") == "LOWER" and isinstance(answer.body, dict):
        answer.body = {name[:1].lower() + name[1:]: value for name, value in answer.body.items()}
    return answer


def _about_day(call: Call, document: sef_rules.Sent) -> sef_rules.Refusal | None:
    today = call.now.astimezone(BELGRADE).date().isoformat()
    if document.issued_on == today:
        return None
    return sef_rules.Refusal(
        "IssueDateCannotBeDifferentFromTodays", "issueDate", f"Datum izdavanja mora biti {today}."
    )


def _judge(
    call: Call, owner: str, document: sef_rules.Sent | None, faults: list[sef_rules.Refusal]
) -> sef_rules.Refusal | None:
    """The first reason to refuse."""
    if document is None:
        return faults[0]
    return (
        _about_day(call, document)
        or (faults[0] if faults else None)
        or _about_parties(call, owner, document)
        or _about_number(call, owner, document)
        or _about_sources(call, owner, document)
        or _about_disputes(call, document)
    )


def _about_parties(call: Call, owner: str, document: sef_rules.Sent) -> sef_rules.Refusal | None:
    if document.seller_pib != owner:
        return sef_rules.Refusal("UBLSenderCompanyAndSenderCompanyIdentiferDoNotMatch", "sender", owner)
    buyer = _company(call.db, document.buyer_pib)
    if buyer is None:
        return sef_rules.Refusal("ReceiverCompanyNotFound", "receiver", "Primalac nije registrovan na SEF-u.")
    known = buyer["registration_number"]
    if known and known != document.buyer_registration_number:
        return sef_rules.Refusal(
            "CompanyWithRegistrationCodeNotFound", "receiver", f"PIB i MB se ne slazu: {known}."
        )
    if buyer["jbkjs"] and document.buyer_jbkjs != buyer["jbkjs"]:
        return sef_rules.Refusal("UBLJBKJSNotDefined", "jbkjs", "Primalac je budzetski korisnik.")
    if document.buyer_jbkjs and not buyer["jbkjs"]:
        code = "UBLCannotBeDefinedPartyIdentificationIdForNonBudgetCompany"
        return sef_rules.Refusal(code, "jbkjs", "Primalac nije budzetski korisnik.")
    wants_cir = call.query.get("sendToCir", "No")
    if wants_cir not in ("Yes", "No"):
        return sef_rules.Refusal("InvalidSendToCirMode", "sendToCir", wants_cir)
    needs_cir = bool(buyer["jbkjs"]) and document.kind in ("380", "381")
    if needs_cir != (wants_cir == "Yes"):
        return sef_rules.Refusal("UBLReceiverCannotSendToCir", "sendToCir", wants_cir)
    if buyer["jbkjs"] and not document.has_order:
        code = "UBLOrderNumberLotNumberOrContractNumberIsRequired"
        return sef_rules.Refusal(code, "orderReference", "Broj narudzbenice, partije ili ugovora.")
    return None


def _about_number(call: Call, owner: str, document: sef_rules.Sent) -> sef_rules.Refusal | None:
    if call.db.execute(
        "SELECT 1 FROM sef_document WHERE owner = ? AND number = ?", (owner, document.number)
    ).fetchone():
        return sef_rules.Refusal("EInvoiceNumberDublicate", "invoiceNumber", "Broj fakture vec postoji.")
    return None


def _about_sources(call: Call, owner: str, document: sef_rules.Sent) -> sef_rules.Refusal | None:
    if document.kind == "381" and not document.sources:
        return sef_rules.Refusal("UBLBillingReferenceMissing", "source", "Izvorna faktura nije navedena.")
    for number in document.sources:
        row = call.db.execute(
            "SELECT * FROM sef_document WHERE owner = ? AND number = ?", (owner, number)
        ).fetchone()
        if row is None:
            return sef_rules.Refusal("UBLSourceInvoiceNotFound", "source", number)
        if document.kind == "380" and row["kind"] == "386":
            if row["status"] in ("Storno", "Cancelled"):
                return sef_rules.Refusal("UBLInvoiceWithPrepaymentInStatusStorno", "source", number)
            if row["status"] != "Approved":
                return sef_rules.Refusal(
                    "UBLSourceInvoiceNotApproved", "source", f"{number}: {row['status']}"
                )
        elif row["status"] not in ("Sent", "Approved"):
            return sef_rules.Refusal(
                "UBLSourceInvoiceUnallowedStatus", "source", f"{number}: {row['status']}"
            )
    return None


def _about_disputes(call: Call, document: sef_rules.Sent) -> sef_rules.Refusal | None:
    period = switch(call.db, "credit_note_period")
    if document.kind == "381" and period != "ANY" and document.period_code != period:
        code = "InvoicePeriodDescriptionCodeNotDefined"
        return sef_rules.Refusal(code, "invoicePeriod", f"Sifra datuma mora biti {period}.")
    space = {"XSD": sef_rules.XSD, "SBT": sef_rules.SBT}.get(switch(call.db, "extension"))
    if document.extension and space and document.extension != space:
        return sef_rules.Refusal(
            "UBLInvoiceExtensionSrbDtExtNotValid", "extension", "Ekstenzija nije ispravna."
        )
    return None


def _company(db: sqlite3.Connection, pib: str) -> Any:
    return db.execute(
        "SELECT * FROM company WHERE pib = ? AND registered_on IS NOT NULL AND deleted_on IS NULL", (pib,)
    ).fetchone()


def _stored(call: Call, owner: str, document: sef_rules.Sent, *, fate: str) -> dict[str, int]:
    buyer = _company(call.db, document.buyer_pib)
    now = call.now.isoformat()
    cursor = call.db.execute(
        "INSERT INTO sef_document (purchase_id, owner, kind, number, buyer_pib, is_public, issued_on, payable, sources, "
        "status, fate, xml, created_at, changed_at) VALUES (0,?,?,?,?,?,?,?,?,'Sending',?,?,?,?)",
        (owner, document.kind, document.number, document.buyer_pib, bool(buyer and buyer["jbkjs"]), document.issued_on,
         document.payable, json.dumps(document.sources), fate, call.raw.decode(), now, now),
    )  # fmt: skip
    sales_id = int(cursor.lastrowid or 0)
    # The two sides of one document have ids of their own.
    purchase_id = 500_000 + sales_id
    call.db.execute("UPDATE sef_document SET purchase_id = ? WHERE id = ?", (purchase_id, sales_id))
    _tell(call, sales_id, "Sending", "")
    return {"InvoiceId": purchase_id, "PurchaseInvoiceId": purchase_id, "SalesInvoiceId": sales_id}


# -- Life ------------------------------------------------------------------------------------------------------


def _let_time_work(call: Call) -> None:
    """What SEF does by itself: issues what was uploaded, and decides for buyers who stay silent."""
    issued = (call.now - timedelta(seconds=ISSUE_SECONDS)).isoformat()
    for row in call.db.execute(
        "SELECT * FROM sef_document WHERE status = 'Sending' AND created_at <= ?", (issued,)
    ).fetchall():
        status, _, code = str(row["fate"]).partition(":")
        change(call, row["id"], status, code)
    for row in call.db.execute("SELECT * FROM sef_document WHERE status = 'Sent'").fetchall():
        days = (call.now - datetime.fromisoformat(row["sent_at"])).days
        if row["is_public"] and days >= PUBLIC_DAYS:
            change(call, row["id"], "Approved", "Odobreno protekom roka.")
        elif not row["is_public"] and days >= PRIVATE_DAYS + MORE_DAYS:
            change(call, row["id"], "Rejected", "Odbijeno protekom roka.")


def change(call: Call, document_id: int, status: str, comment: str) -> None:
    """A new status of a document, with its event and its message."""
    call.db.execute(
        "UPDATE sef_document SET status = ?, comment = ?, version = version + 1, changed_at = ?, "
        "sent_at = CASE WHEN ? = 'Sent' THEN ? ELSE sent_at END WHERE id = ?",
        (status, comment, call.now.isoformat(), status, call.now.isoformat(), document_id),
    )
    _tell(call, document_id, status, comment)


def decide(call: Call, number: str, status: str, comment: str) -> None:
    """The buyer's answer. Whether a refusal may still become an approval is disputed."""
    row = call.db.execute("SELECT * FROM sef_document WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise Refused(404, {"code": "NOT_FOUND", "message": "There is no such document."})
    allowed = ["Sent"] + (
        ["Rejected"] if switch(call.db, "late_approval") == "YES" and status == "Approved" else []
    )
    if row["status"] not in allowed or status not in ("Approved", "Rejected"):
        raise Refused(409, {"code": "NOT_NOW", "message": f"{number} is {row['status']}."})
    change(call, row["id"], status, comment)


def decide_by_admin(call: Call) -> Answer:
    """POST /admin/sef/documents/{number}/decide: {"status": "Approved" | "Rejected", "comment"}"""
    _let_time_work(call)
    data = call.json()
    decide(call, call.path["number"], str(data.get("status")), str(data.get("comment") or ""))
    return Answer({"done": True})


def list_documents(store: Store) -> list[sqlite3.Row]:
    with store.transaction() as db:
        return db.execute("SELECT * FROM sef_document ORDER BY id DESC LIMIT 200").fetchall()


def documents_by_admin(call: Call) -> Answer:
    """GET /admin/sef/documents: everything that SEF stored, oldest first."""
    _let_time_work(call)
    rows = call.db.execute("SELECT * FROM sef_document ORDER BY id").fetchall()
    return Answer({"results": [{name: row[name] for name in row.keys() if name != "xml"} for row in rows]})  # noqa: SIM118 - a Row iterates over values


def _tell(call: Call, document_id: int, status: str, comment: str) -> None:
    cursor = call.db.execute(
        "INSERT INTO sef_event (document_id, at, status, comment) VALUES (?,?,?,?)",
        (document_id, call.now.isoformat(), status, comment),
    )
    url, key = setting(call.db, "sef_webhook_url"), setting(call.db, "sef_subscription_key")
    if not url or not key:
        return
    event = event_shape(int(cursor.lastrowid or 0), document_id, call.now, status, comment, key)
    body = [event] if switch(call.db, "webhook_shape") == "ARRAY" else event
    messages.enqueue_plain(call, kind="sales.changed", reference=str(document_id), url=url, body=body)


def event_shape(
    event_id: int, document_id: int, at: datetime, status: str, comment: str, key: str | None
) -> dict[str, Any]:
    return {
        "EventId": event_id,
        "Date": moment(at),
        "NewInvoiceStatus": status,
        "SalesInvoiceId": document_id,
        "Comment": comment or None,
        "CirInvoiceId": None,
        "SubscriptionKey": key,
        "StornoNumber": None,
        "CirAssignmentChange": None,
        "IsSigned": None,
        "IsAutoAssigned": False,
    }


def moment(at: datetime) -> str:
    """Seven digits of a second, as .NET writes them."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}7+00:00"


def subscribe(call: Call) -> Answer:
    """POST /sef/api/publicApi/subscribe: a key for the messages of tomorrow; where to is set in the portal."""
    identify(call)
    key = str(uuid4())
    call.db.execute("INSERT OR REPLACE INTO setting VALUES ('sef_subscription_key', ?)", (key,))
    return Answer(key)


def put_webhook(call: Call) -> Answer:
    """PUT /admin/sef/webhook: {"url": "http://localhost…"}, as it is typed into the portal."""
    url = messages.check_url(call.json().get("url"), "url")
    call.db.execute("INSERT OR REPLACE INTO setting VALUES ('sef_webhook_url', ?)", (url,))
    return Answer({"url": url})


# -- Questions and requests ------------------------------------------------------------------------------------


def _document(call: Call, owner: str, document_id: Any) -> sqlite3.Row:
    row: sqlite3.Row | None = call.db.execute(
        "SELECT * FROM sef_document WHERE id = ? AND owner = ?", (document_id, owner)
    ).fetchone()
    if row is None:
        raise Refused(
            404, {"Message": "Faktura nije pronadjena.", "FieldName": None, "ErrorCode": "InvoiceNotFound"}
        )
    call.reference = row["number"]
    return row


def read(call: Call) -> Answer:
    """GET /sef/api/publicApi/sales-invoice?invoiceId="""
    owner = identify(call)
    row = _document(call, owner, call.query.get("invoiceId"))
    status = "SomethingNew" if call.fault("UNKNOWN_STATUS") else row["status"]
    return shaped(call, Answer({**_simple(row), "Status": status}))


def _simple(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "Status": row["status"],
        "InvoiceId": row["id"],
        "GlobUniqId": f"00000000-0000-0000-0000-{row['id']:012d}",
        "Comment": row["comment"] or None,
        "CirStatus": "ActiveCir" if row["is_public"] and row["kind"] in ("380", "381") else "None",
        "CirInvoiceId": None,
        "Version": row["version"],
        "LastModifiedUtc": moment(datetime.fromisoformat(row["changed_at"])),
        "CirSettledAmount": 0,
        "VatNumberFactoringCompany": None,
        "FactoringContractNumber": None,
        "CancelComment": row["cancel_comment"],
        "StornoComment": row["storno_comment"],
    }


def ids(call: Call) -> Answer:
    """POST /sef/api/publicApi/sales-invoice/ids?status=&dateFrom=&dateTo=; more than a month is cut to the last one."""
    owner = identify(call)
    first, last = _window(call)
    rows = call.db.execute(
        "SELECT id, created_at FROM sef_document WHERE owner = ? AND ? IN ('', status) ORDER BY id",
        (owner, call.query.get("status", "")),
    ).fetchall()
    found = [
        row["id"]
        for row in rows
        if first <= datetime.fromisoformat(row["created_at"]).astimezone(BELGRADE).date() <= last
    ]
    return shaped(call, Answer({"SalesInvoiceIds": found}))


def _window(call: Call) -> tuple[date, date]:
    month = timedelta(days=31)
    until = call.query.get("dateTo")
    last = date.fromisoformat(until) if until else call.now.astimezone(BELGRADE).date()
    given = call.query.get("dateFrom")
    first = date.fromisoformat(given) if given else last - month
    if given and not until:
        last = min(first + month, last)
    return max(first, last - month), last


def changes(call: Call) -> Answer:
    """POST /sef/api/publicApi/sales-invoice/changes?date=; only days that are over, about a month back."""
    owner = identify(call)
    day = date.fromisoformat(call.query.get("date", ""))
    if day >= call.now.astimezone(BELGRADE).date():
        raise Refused(400, {"Message": "Datum mora biti u proslosti.", "FieldName": "date", "ErrorCode": "SearchDateBiggerThanYesterday"})  # fmt: skip
    rows = call.db.execute(
        "SELECT e.* FROM sef_event e JOIN sef_document d ON d.id = e.document_id WHERE d.owner = ? ORDER BY e.id",
        (owner,),
    ).fetchall()
    return Answer(
        [
            event_shape(row["id"], row["document_id"], at, row["status"], row["comment"], None)
            for row in rows
            if (at := datetime.fromisoformat(row["at"])).astimezone(BELGRADE).date() == day
        ]
    )


def xml(call: Call) -> Answer:
    """GET /sef/api/publicApi/sales-invoice/xml?invoiceId=: the document in its envelope, itself unchanged."""
    owner = identify(call)
    row = _document(call, owner, call.query.get("invoiceId"))
    body = str(row["xml"]).partition("?>")[2] or row["xml"]
    text = (
        '<?xml version="1.0" encoding="utf-8"?><env:DocumentEnvelope xmlns:env="urn:eFaktura:MinFinrs:envelop:schema">'
        f"<env:DocumentHeader><env:SalesInvoiceId>{row['id']}</env:SalesInvoiceId>"
        f"<env:PurchaseInvoiceId>{row['purchase_id']}</env:PurchaseInvoiceId><env:DocumentId>{row['number']}</env:DocumentId>"
        f"<env:CreationDate>{row['issued_on']}</env:CreationDate></env:DocumentHeader>"
        f"<env:DocumentBody>{body}</env:DocumentBody></env:DocumentEnvelope>"
    )
    return Answer(text.encode(), content_type="application/xml")


def cancel(call: Call) -> Answer:
    """POST /sef/api/publicApi/sales-invoice/cancel: {"invoiceId", "cancelComments"}; only what was never issued."""
    owner = identify(call)
    data = call.json()
    row = _document(call, owner, data.get("invoiceId"))
    comment = str(data.get("cancelComments") or "")
    if not comment:
        raise Refused(400, _error("CancelCommentNotDefined", "cancelComments"))
    if row["status"] not in CANCELABLE:
        raise Refused(400, _error("InvoiceForCancellationNotInSpecificStatus", "status"))
    call.db.execute("UPDATE sef_document SET cancel_comment = ? WHERE id = ?", (comment, row["id"]))
    change(call, row["id"], "Cancelled", comment)
    return shaped(call, Answer(_simple(_document(call, owner, row["id"]))))


def storno(call: Call) -> Answer:
    """POST /sef/api/publicApi/sales-invoice/storno: {"invoiceId", "stornoNumber", "stornoComment"}"""
    owner = identify(call)
    data = call.json()
    row = _document(call, owner, data.get("invoiceId"))
    comment = str(data.get("stornoComment") or "")
    if not comment:
        raise Refused(400, _error("StornoCommentNotDefined", "stornoComment"))
    if row["status"] not in REVERSIBLE:
        raise Refused(400, _error("InvoiceNotInAppropriateStatusToBeReversed", "status"))
    live = call.db.execute(
        "SELECT kind, sources FROM sef_document WHERE owner = ? AND status NOT IN ('Cancelled', 'Storno')",
        (owner,),
    ).fetchall()
    if any(row["number"] in json.loads(one["sources"]) for one in live):
        is_advance = row["kind"] == "386"
        raise Refused(
            400,
            _error(
                "AllAttachedFinalInvoicesToThisPrepaymentInvoiceMustBeReversedFirst"
                if is_advance
                else "AllAttachedInvoicesToThisInvoiceMustBeStornoFirst",
                "invoiceId",
            ),
        )
    call.db.execute("UPDATE sef_document SET storno_comment = ? WHERE id = ?", (comment, row["id"]))
    change(call, row["id"], "Storno", comment)
    return shaped(call, Answer(_simple(_document(call, owner, row["id"]))))


def _error(code: str, field: str) -> dict[str, str]:
    return {"Message": f"{field}: {code}", "FieldName": field, "ErrorCode": code}
