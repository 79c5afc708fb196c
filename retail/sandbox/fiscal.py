"""The fiscal processor: signs what is valid, counts it, and keeps it by RequestId. Nothing it signs looks real."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import secrets
import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import segno

from retail.sandbox import fiscal_rules as rules
from retail.sandbox.fiscal_journal import Receipt, journal
from retail.sandbox.store import setting
from retail.sandbox.web import Answer, Call, Refused, refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS taxpayer (
    jid TEXT PRIMARY KEY, certificate TEXT NOT NULL UNIQUE, pac TEXT NOT NULL, tin TEXT NOT NULL, business_name TEXT NOT NULL,
    location_name TEXT NOT NULL, address TEXT NOT NULL, district TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fiscal_counter (
    jid TEXT NOT NULL REFERENCES taxpayer (jid), name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (jid, name)
);
CREATE TABLE IF NOT EXISTS fiscal_invoice (
    id INTEGER PRIMARY KEY AUTOINCREMENT, jid TEXT NOT NULL REFERENCES taxpayer (jid), request_id TEXT,
    number TEXT NOT NULL UNIQUE, invoice_type INTEGER NOT NULL, transaction_type INTEGER NOT NULL,
    signed_at TEXT NOT NULL, total TEXT NOT NULL, by_label TEXT NOT NULL, referent TEXT, answer TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS fiscal_invoice_request ON fiscal_invoice (jid, request_id);
CREATE INDEX IF NOT EXISTS fiscal_invoice_referent ON fiscal_invoice (referent);
"""

BELGRADE = ZoneInfo("Europe/Belgrade")
SIGNER = "5A9DB0C5"  # JID of the stand-in's own security element


def sign(call: Call) -> Answer:
    """POST /fiscal/api/v3/invoices"""
    taxpayer = _identify(call)
    request_id = call.headers.get("requestid") or None
    if request_id and len(request_id) > 32:
        raise _invalid([("RequestId", rules.TOO_LONG)])
    call.reference = request_id or ""
    if call.fault("AUDIT_LOCKED"):
        raise _invalid([("", rules.AUDIT_LOCKED)])
    drift = call.fault("CLOCK_DRIFT")
    signed_at = (call.now + timedelta(seconds=drift.seconds if drift else 0)).astimezone(BELGRADE)
    request = rules.parse(call.json())
    if request.errors:
        raise _invalid(request.errors)
    referent = _referent(call.db, taxpayer["jid"], request.referent_number)
    errors = rules.check_referent(request, referent)
    if errors:
        raise _invalid(errors)
    # A refund is taxed as the sale was, whatever the rates are today.
    rates_at = referent.signed_at if referent and request.transaction_type == rules.REFUND else signed_at
    group = rules.group_at(tax_groups(call.db), rates_at)
    by_label = rules.sums_by_label(request.items)
    if set(by_label) - set(group.rates):
        raise _invalid([("items.labels", rules.INVALID_LABELS)])
    errors = rules.check_refundable(request, by_label, _refundable(call.db, request, referent))
    if errors:
        raise _invalid(errors)
    return Answer(_signed(call, taxpayer, request, request_id, signed_at, group, by_label))


def read(call: Call) -> Answer:
    """GET /fiscal/api/v3/invoices/{request_id}: the first receipt signed under that id."""
    taxpayer = _identify(call)
    call.reference = call.path["request_id"]
    row = call.db.execute(
        "SELECT answer FROM fiscal_invoice WHERE jid = ? AND request_id = ? ORDER BY id LIMIT 1",
        (taxpayer["jid"], call.reference),
    ).fetchone()
    if row is None:
        raise Refused(404, {"message": "No invoice was signed under this RequestId.", "code": "NOT_FOUND"})
    return Answer(json.loads(row["answer"], parse_float=Decimal))


def status(call: Call) -> Answer:
    """GET /fiscal/api/v3/status"""
    taxpayer = _identify(call)
    groups = tax_groups(call.db)
    current = rules.group_at(groups, call.now)
    return Answer(
        {
            "sdcDateTime": call.now.astimezone(BELGRADE).isoformat(),
            "supportedLanguages": ["sr-Cyrl-RS", "sr-Latn-RS", "en-US"],
            "uid": taxpayer["jid"],
            "taxCoreApi": f"{call.base_url}/fiscal",
            "currentTaxRates": current.source,
            "allTaxRates": [group.source for group in groups],
        }
    )


def attention(call: Call) -> Answer:
    """GET /fiscal/api/v3/attention"""
    _identify(call)
    if call.fault("ATTENTION_DOWN"):
        raise refusal(404, "NOT_FOUND", "The service is not available.")
    return Answer({})


def environment(call: Call) -> Answer:
    """GET /fiscal/api/v3/environment-parameters"""
    return Answer(
        {
            "organizationName": "Onerow sandbox",
            "environmentName": "sandbox",
            "country": "RS",
            "serverTimeZone": "Europe/Belgrade",
            "endpoints": {"taxpayerAdminPortal": call.base_url, "taxCoreApi": f"{call.base_url}/fiscal"},
            "supportedLanguages": ["sr-Cyrl-RS", "sr-Latn-RS", "en-US"],
        }
    )


def put_taxpayer(call: Call) -> Answer:
    """PUT /admin/fiscal/taxpayers: one more business premises with its certificate and code (PAC)."""
    data = call.json()
    names = ("certificate", "pac", "tin", "business_name", "location_name", "address", "district")
    values = [data.get(name) for name in names]
    if set(data) != set(names) or not all(isinstance(value, str) and value for value in values):
        raise refusal(400, "INVALID_TAXPAYER", f"Give the texts {', '.join(names)}.")
    jid = jid_of(data["certificate"])
    call.db.execute(
        "INSERT INTO taxpayer VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (jid) DO UPDATE SET pac = excluded.pac, "
        "tin = excluded.tin, business_name = excluded.business_name, location_name = excluded.location_name, "
        "address = excluded.address, district = excluded.district",
        (jid, *values),
    )
    return Answer({"jid": jid, **data})


def jid_of(certificate: str) -> str:
    """The eight characters that name a certificate on receipts."""
    return hashlib.sha256(certificate.encode()).hexdigest()[:8].upper()


def put_tax_groups(call: Call) -> Answer:
    """PUT /admin/fiscal/tax-groups: other labels and rates, look-alikes and announced groups included."""
    groups = call.json().get("groups")
    try:
        read_groups = rules.read_groups(groups)
        rules.group_at(read_groups, call.now)
    except (rules.NoTaxGroup, ValueError, KeyError, TypeError, ArithmeticError):
        raise refusal(
            400, "INVALID_TAX_GROUPS", "Give groups as the status call shows them, one valid now."
        ) from None
    call.db.execute(
        "INSERT OR REPLACE INTO setting VALUES ('tax_groups', ?)", (json.dumps(groups, default=float),)
    )
    return Answer({"groups": [group.source for group in read_groups]})


def tax_groups(db: sqlite3.Connection) -> list[rules.Group]:
    stored = setting(db, "tax_groups")
    return rules.read_groups(json.loads(stored, parse_float=Decimal) if stored else rules.DEFAULT_GROUPS)


def by_link(db: sqlite3.Connection, link: str) -> dict[str, Any] | None:
    """The receipt that a verification link names."""
    row = db.execute("SELECT answer FROM fiscal_invoice WHERE number = ?", (link,)).fetchone()
    return json.loads(row["answer"]) if row else None


def _identify(call: Call) -> sqlite3.Row:
    """Whose certificate and code these are. A missing certificate never gets as far as the protocol."""
    if call.fault("CERTIFICATE_EXPIRED"):
        raise refusal(403, "CERTIFICATE_EXPIRED", "The client certificate has expired.")
    certificate = call.headers.get("x-client-certificate", "")
    if certificate and hmac.compare_digest(certificate.encode(), call.config.fiscal_certificate.encode()):
        call.db.execute(
            "INSERT OR IGNORE INTO taxpayer VALUES (?, ?, ?, 'RS111911206', 'PROBA DOO (SANDBOX)', 'Prodavnica 1', "
            "'Knez Mihailova 1', 'Beograd')",
            (jid_of(certificate), certificate, call.config.fiscal_pac),
        )
    row: sqlite3.Row | None = call.db.execute(
        "SELECT * FROM taxpayer WHERE certificate = ?", (certificate,)
    ).fetchone()
    if row is None:
        raise refusal(403, "CERTIFICATE_REQUIRED", "No known client certificate was presented.")
    if not hmac.compare_digest(call.headers.get("pac", "").encode(), row["pac"].encode()):
        raise refusal(401, "PAC_REFUSED", "The PAC header is missing or wrong.")
    return row


def _referent(db: sqlite3.Connection, jid: str, number: str) -> rules.Referent | None:
    row = db.execute("SELECT * FROM fiscal_invoice WHERE number = ? AND jid = ?", (number, jid)).fetchone()
    if row is None:
        return None
    return rules.Referent(
        number=row["number"],
        invoice_type=row["invoice_type"],
        transaction_type=row["transaction_type"],
        signed_at=datetime.fromisoformat(row["signed_at"]),
        by_label=_sums(row["by_label"]),
    )


def _refundable(
    db: sqlite3.Connection, request: rules.Request, referent: rules.Referent | None
) -> dict[str, Decimal]:
    """What is left to refund per label: of a sale, or of the whole chain of advances that ends in it."""
    if not referent:
        return {}
    left: dict[str, Decimal] = {}
    number: str | None = referent.number
    while number:
        row = db.execute("SELECT * FROM fiscal_invoice WHERE number = ?", (number,)).fetchone()
        if (
            row is None
            or row["invoice_type"] != referent.invoice_type
            or row["transaction_type"] != rules.SALE
        ):
            break
        rules.add(left, _sums(row["by_label"]), 1)
        refunds = db.execute(
            "SELECT by_label FROM fiscal_invoice WHERE referent = ? AND transaction_type = ? AND invoice_type = ?",
            (number, rules.REFUND, request.invoice_type),
        ).fetchall()
        for refund in refunds:
            rules.add(left, _sums(refund["by_label"]), -1)
        number = row["referent"] if referent.invoice_type == rules.ADVANCE else None
    return left


def _signed(
    call: Call,
    taxpayer: sqlite3.Row,
    request: rules.Request,
    request_id: str | None,
    signed_at: datetime,
    group: rules.Group,
    by_label: dict[str, Decimal],
) -> dict[str, Any]:
    jid = taxpayer["jid"]
    extension = rules.EXTENSIONS[request.invoice_type, request.transaction_type]
    type_counter = _count(call.db, jid, extension)
    total_counter = _count(call.db, jid, "total")
    number = f"{jid}-{SIGNER}-{total_counter}"
    counter = f"{type_counter}/{total_counter}{extension}"
    tax_items = rules.tax_items(by_label, group)
    url = f"{call.config.public_url}/fiscal/sandbox/v/?vl={number}"
    messages = "Успешно" if "Cyrl" in call.headers.get("accept-language", "Cyrl") else "Success"
    if call.fault("AUDIT_WARNING"):
        messages = f"{messages} {rules.AUDIT_NEEDED}"
    answer = {
        "requestedBy": jid,
        "signedBy": SIGNER,
        "sdcDateTime": signed_at.isoformat(),
        "invoiceCounter": counter,
        "invoiceCounterExtension": extension,
        "invoiceNumber": number,
        "taxItems": tax_items,
        "verificationUrl": url,
        "verificationQRCode": None if request.omits("omitQRCodeGen") else _qr(url),
        "journal": None
        if request.omits("omitTextualRepresentation")
        else journal(Receipt(request, taxpayer, tax_items, signed_at, number, counter)),
        "messages": messages,
        "encryptedInternalData": base64.b64encode(b"SANDBOX" + secrets.token_bytes(32)).decode(),
        "signature": base64.b64encode(b"SANDBOX" + hashlib.sha256(number.encode()).digest()).decode(),
        "totalCounter": total_counter,
        "transactionTypeCounter": type_counter,
        "totalAmount": request.total,
        "taxGroupRevision": group.group_id,
        "businessName": taxpayer["business_name"],
        "tin": taxpayer["tin"],
        "locationName": taxpayer["location_name"],
        "address": taxpayer["address"],
        "district": taxpayer["district"],
        "mrc": f"00-1002-{SIGNER}",
    }
    call.db.execute(
        "INSERT INTO fiscal_invoice (jid, request_id, number, invoice_type, transaction_type, signed_at, total, "
        "by_label, referent, answer) VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            jid,
            request_id,
            number,
            request.invoice_type,
            request.transaction_type,
            signed_at.isoformat(),
            str(request.total),
            json.dumps({label: str(amount) for label, amount in by_label.items()}),
            request.referent_number or None,
            Answer(answer).raw().decode(),
        ),
    )
    return answer


def _count(db: sqlite3.Connection, jid: str, name: str) -> int:
    row = db.execute(
        "INSERT INTO fiscal_counter VALUES (?, ?, 1) ON CONFLICT (jid, name) DO UPDATE SET value = value + 1 "
        "RETURNING value",
        (jid, name),
    ).fetchone()
    return int(row["value"])


def _sums(text: str) -> dict[str, Decimal]:
    return {label: Decimal(amount) for label, amount in json.loads(text).items()}


def _qr(url: str) -> str:
    image = io.BytesIO()
    segno.make(url, error="l", micro=False).save(image, kind="png", scale=3)
    return base64.b64encode(image.getvalue()).decode()


def _invalid(errors: list[tuple[str, str]]) -> Refused:
    """400 as the protocol shows it: each property with its codes."""
    by_property: dict[str, list[str]] = {}
    for name, code in errors:
        by_property.setdefault(name, []).append(code)
    state = [{"property": name, "errors": codes} for name, codes in by_property.items()]
    return Refused(400, {"message": "Bad Request", "modelState": state})
