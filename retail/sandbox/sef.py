"""SEF's register of companies: who takes electronic invoices."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from stdnum.rs import pib

from retail.sandbox.store import Store, setting
from retail.sandbox.web import Answer, Call, Refused, refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS company (
    pib TEXT PRIMARY KEY, registration_number TEXT NOT NULL, jbkjs TEXT NOT NULL, name TEXT NOT NULL,
    registered_on TEXT, deleted_on TEXT
);
CREATE INDEX IF NOT EXISTS company_registration_number ON company (registration_number);
"""


def is_registered(call: Call) -> Answer:
    """POST /sef/api/publicApi/Company/CheckIfCompanyRegisteredOnEfaktura"""
    learn(call)
    data = call.json()
    given = [_text(data.get(name)) for name in ("vatNumber", "registrationNumber", "jbkjs")]
    if not any(given):
        body = {
            "Message": "A company number is required.",
            "FieldName": "vatNumber",
            "ErrorCode": "RequiredField",
        }
        raise Refused(400, body)
    call.reference = next(text for text in given if text)
    row = call.db.execute(
        "SELECT 1 FROM company WHERE ?1 IN ('', pib) AND ?2 IN ('', registration_number) AND ?3 IN ('', jbkjs) "
        "AND registered_on IS NOT NULL AND deleted_on IS NULL",
        given,
    ).fetchone()
    return Answer({"EFakturaRegisteredCompany": row is not None})


def learn(call: Call) -> None:
    """The companies of the sample, when its file is new. What was changed here by hand stays as it is."""
    try:
        version = str(call.config.companies_file.stat().st_mtime_ns)
        if setting(call.db, "sef_companies_version") == version:
            return
        companies = json.loads(call.config.companies_file.read_text("utf-8"))["companies"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    known = {row["pib"] for row in call.db.execute("SELECT pib FROM company").fetchall()}
    for company in companies:
        if company.get("pib") not in known and pib.is_valid(str(company.get("pib"))):
            put_company(call, company)
    call.db.execute("INSERT OR REPLACE INTO setting VALUES ('sef_companies_version', ?)", (version,))


def all_companies(call: Call) -> Answer:
    """GET /sef/api/publicApi/getAllCompanies?includeAllStatuses=false"""
    learn(call)
    with_deleted = call.query.get("includeAllStatuses", "false").lower() == "true"
    rows = call.db.execute(
        "SELECT * FROM company WHERE registered_on IS NOT NULL AND (? OR deleted_on IS NULL) ORDER BY pib",
        (with_deleted,),
    ).fetchall()
    return Answer(
        [
            {
                "BugetCompanyNumber": row["jbkjs"] or None,
                "RegistrationCode": row["registration_number"],
                "VatRegistrationCode": row["pib"],
                "Name": row["name"],
                "RegistrationDate": row["registered_on"],
                "DeletionDate": row["deleted_on"],
            }
            for row in rows
        ]
    )


def put_companies(call: Call) -> Answer:
    """PUT /admin/sef/companies: {"companies": [{"pib", "registration_number", "name", "is_registered"}]}"""
    companies = call.json().get("companies")
    if not isinstance(companies, list):
        raise refusal(400, "INVALID_COMPANIES", "Give a list of companies.")
    for company in companies:
        put_company(call, company)
    return Answer({"stored": len(companies)})


def put_company(call: Call, company: Any) -> None:
    """Adds a company or changes it. Leaving the register keeps the row, as SEF does."""
    if not isinstance(company, dict) or set(company) - {
        "pib",
        "registration_number",
        "jbkjs",
        "name",
        "is_registered",
    }:
        raise refusal(
            400, "INVALID_COMPANIES", "A company knows pib, registration_number, jbkjs, name, is_registered."
        )
    number = str(company.get("pib") or "")
    if not pib.is_valid(number):
        raise refusal(400, "INVALID_PIB", "The PIB has 9 digits and a check digit that fits.")
    today = call.now.date().isoformat()
    is_member = bool(company.get("is_registered"))
    before = call.db.execute("SELECT * FROM company WHERE pib = ?", (number,)).fetchone()
    registered_on = before["registered_on"] if before else None
    call.db.execute(
        "INSERT OR REPLACE INTO company VALUES (?,?,?,?,?,?)",
        (
            number,
            str(company.get("registration_number") or ""),
            str(company.get("jbkjs") or ""),
            str(company.get("name") or ""),
            registered_on or (today if is_member else None),
            None if is_member or not registered_on else today,
        ),
    )


def list_companies(store: Store) -> list[sqlite3.Row]:
    with store.transaction() as db:
        return db.execute("SELECT * FROM company ORDER BY name, pib LIMIT 500").fetchall()


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
