"""The bank's statements, SEF's register of companies, and one-time codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from finance.providers.sef import SefRegister
from retail.kernel.outside import ProviderRefused, ProviderTimeout
from retail.sandbox import codes
from retail.sandbox.bank import COLUMNS
from tests.sandbox.stand import Stand

TRANSFER = {
    "amount": "1299.00",
    "reference": "38-2026-000123",
    "payer_name": "Ana Anić",
    "payer_account": "160-0000000000001-91",
    "purpose": "Kupovina knjiga",
}


def statement(outside: Stand, *lines: dict[str, str], booked_on: str = "2026-11-20") -> list[dict[str, str]]:
    made = outside.http.post("/bank/statements", json={"booked_on": booked_on, "lines": list(lines)})
    assert made.status_code == 201, made.text
    answer = outside.http.get(f"/bank/statements/{made.json()['number']}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(answer.text.splitlines()))


def test_statement_has_the_chosen_transfers(outside: Stand) -> None:
    lines = statement(outside, TRANSFER, {"amount": "-250.5", "purpose": "Provizija"})

    assert tuple(lines[0]) == COLUMNS
    assert lines[0] == {
        "line_id": "BL-00000001",
        "statement": "1",
        "booked_on": "2026-11-20",
        "account": "265-1660310005042-68",
        "currency": "RSD",
        **TRANSFER,
    }
    assert [line["amount"] for line in lines] == ["1299.00", "-250.50"]


def test_every_line_has_an_id_of_its_own(outside: Stand) -> None:
    ids = [line["line_id"] for _ in range(3) for line in statement(outside, TRANSFER, TRANSFER)]

    assert len(set(ids)) == 6


def test_bank_may_send_a_line_again_under_its_old_id(outside: Stand) -> None:
    first = statement(outside, TRANSFER)
    outside.fault("bank", "DUPLICATE")

    second = statement(outside, TRANSFER | {"amount": "500.00"})

    assert [(line["line_id"], line["amount"]) for line in second] == [
        ("BL-00000002", "500.00"),
        (first[0]["line_id"], "1299.00"),
    ]
    assert len(statement(outside, TRANSFER)) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"lines": []}, "NO_LINES"),
        ({}, "NO_LINES"),
        ({"lines": [{"amount": "0"}]}, "INVALID_AMOUNT"),
        ({"lines": [{"amount": "1.234"}]}, "INVALID_AMOUNT"),
        ({"lines": [{"amount": "NaN"}]}, "INVALID_AMOUNT"),
        ({"lines": ["all"]}, "UNKNOWN_FIELD"),
        ({"lines": [TRANSFER | {"bic": "x"}]}, "UNKNOWN_FIELD"),
        ({"lines": [TRANSFER], "booked_on": "soon"}, "INVALID_DATE"),
        ({"lines": [TRANSFER], "branch": 1}, "UNKNOWN_FIELD"),
    ],
)
def test_malformed_statement_is_refused(outside: Stand, body: dict[str, object], code: str) -> None:
    answer = outside.http.post("/bank/statements", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert outside.http.get("/bank/statements/1.csv").status_code == 404


@pytest.fixture
def register(outside: Stand) -> SefRegister:
    companies = [
        {"pib": "101134702", "registration_number": "07042001", "name": "Prva DOO", "is_registered": True},
        {"pib": "107775252", "registration_number": "20869500", "name": "Druga DOO", "is_registered": False},
    ]
    assert outside.http.put("/admin/sef/companies", json={"companies": companies}).json() == {"stored": 2}
    return SefRegister(base_url="http://localhost/sef", timeout_seconds=5, transport=outside.transport)


def test_register_knows_who_takes_electronic_invoices(register: SefRegister) -> None:
    assert register.is_registered(pib="101134702")
    assert register.is_registered(pib="101134702", registration_number="07042001")
    assert not register.is_registered(pib="101134702", registration_number="20869500")
    assert not register.is_registered(pib="107775252")
    assert not register.is_registered(pib="100000016")


def test_register_lists_members_and_keeps_those_who_left(outside: Stand, register: SefRegister) -> None:
    path = "/sef/api/publicApi/getAllCompanies"
    assert [one["VatRegistrationCode"] for one in outside.http.get(path).json()] == ["101134702"]
    left = {"pib": "101134702", "registration_number": "07042001", "name": "Prva DOO", "is_registered": False}

    outside.http.put("/admin/sef/companies", json={"companies": [left]})

    assert not register.is_registered(pib="101134702")
    assert outside.http.get(path).json() == []
    everyone = outside.http.get(path, params={"includeAllStatuses": "true"}).json()
    assert [(one["Name"], one["DeletionDate"] is not None) for one in everyone] == [("Prva DOO", True)]


def test_register_refuses_an_empty_question(register: SefRegister) -> None:
    with pytest.raises(ProviderRefused, match="RequiredField"):
        register.is_registered(pib="")


def test_register_whose_answer_is_lost_knows_nothing(outside: Stand, register: SefRegister) -> None:
    outside.fault("sef", "TRUNCATED")

    with pytest.raises(ProviderTimeout):
        register.is_registered(pib="101134702")
    assert register.is_registered(pib="101134702")


@pytest.mark.parametrize(
    "company", [{"pib": "123456789"}, {"pib": ""}, {"pib": "101134702", "city": "Niš"}, "all"]
)
def test_company_that_cannot_be_is_refused(outside: Stand, company: object) -> None:
    answer = outside.http.put("/admin/sef/companies", json={"companies": [company]})

    assert answer.status_code == 400
    assert outside.http.get("/sef/api/publicApi/getAllCompanies").json() == []


def test_codes_of_the_standard() -> None:
    """RFC 6238, appendix B, cut to six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    steps = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}

    assert {at: codes.code(secret, at // 30) for at in steps} == steps


def test_codes_are_read_from_the_sample_logins(tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    assert codes.read(file, 59) == []
    file.write_text("not json")
    assert codes.read(file, 59) == []
    logins = [
        {
            "role": "accountant",
            "email": "ceca@example.com",
            "totp_secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        },
        {"role": "shopper", "email": "ana@example.com", "totp_secret": None},
    ]
    file.write_text(json.dumps({"logins": logins}))

    found = codes.read(file, 59)

    assert [(one.email, one.now, one.next) for one in found] == [("ceca@example.com", "287082", "359152")]


def test_companies_of_the_sample_are_known_and_what_was_changed_by_hand_stays(
    outside: Stand, tmp_path: Path
) -> None:
    outside.put("/admin/sef/companies", companies=[{"pib": "100000016", "is_registered": False}])
    rows = [{"pib": pib, "name": "Firma", "is_registered": True} for pib in ("100000024", "100000016", "1")]
    (tmp_path / "sample-companies.json").write_text(json.dumps({"companies": rows}))

    register = outside.sef_register()

    # The list is asked before any company is: the shop copies it when a house is new.
    told = {one["VatRegistrationCode"]: one["Name"] for one in json.loads(register.companies())}
    assert told["100000024"] == "Firma"
    assert register.is_registered(pib="100000024")
    assert not register.is_registered(pib="100000016")
