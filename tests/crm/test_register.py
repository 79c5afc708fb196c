"""The public register of companies: a copy that is renewed whole or not at all, and what is looked up in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DataError
from django.test import Client

from crm import operations as crm
from crm import selectors
from crm.models import RegisteredCompany

pytestmark = pytest.mark.django_db

PIB, OTHER, BODY = "100000024", "100000032", "100000049"


def company(pib: str, name: str, *, jbkjs: str | None = None, left: str | None = None) -> dict[str, Any]:
    return {
        "BugetCompanyNumber": jbkjs,
        "RegistrationCode": "07017715",
        "VatRegistrationCode": pib,
        "Name": name,
        "RegistrationDate": "2022-05-01T00:00:00",
        "DeletionDate": left,
    }


def told(*companies: Any) -> str:
    return json.dumps(companies)


def names() -> dict[tuple[str, str], str]:
    return {(one.pib, one.jbkjs): one.name for one in RegisteredCompany.objects.all()}


def test_the_copy_equals_what_was_told_and_the_same_again_writes_nothing() -> None:
    first = told(
        company(PIB, " Knjižara d.o.o. "), company(OTHER, "Škola"), company(BODY, "Opština", jbkjs="10520")
    )
    assert crm.renew_register(told=first) == crm.Renewed(told=3, written=3, gone=0)
    assert crm.renew_register(told=first) == crm.Renewed(told=3, written=0, gone=0)
    later = told(company(PIB, "Knjižara Novi d.o.o."), company(OTHER, "Škola", left="2026-01-31T00:00:00"))
    assert crm.renew_register(told=later) == crm.Renewed(told=2, written=2, gone=1)
    assert names() == {(PIB, ""): "Knjižara Novi d.o.o.", (OTHER, ""): "Škola"}
    found = selectors.company_of(PIB)
    assert found is not None
    assert (found.name, found.registration_number) == ("Knjižara Novi d.o.o.", "07017715")
    # Who has left the register is not found.
    assert selectors.company_of(OTHER) is None


def test_rows_that_are_no_companies_are_left_out() -> None:
    bad = [company("123", "Short"), company(PIB, "  "), company(OTHER, "Ok", jbkjs="5"), {"Name": "Nobody"}]
    renewed = crm.renew_register(told=told(company(PIB, "Good"), company(PIB, "Twice"), *bad))
    assert (renewed.told, len(names())) == (1, 1)


@pytest.mark.parametrize("wrong", [told(), told(company(PIB, "One"))], ids=["empty", "less than half"])
def test_a_list_that_is_not_whole_changes_nothing(wrong: str) -> None:
    crm.renew_register(told=told(company(PIB, "A"), company(OTHER, "B"), company(BODY, "C")))
    before = names()
    with pytest.raises(crm.ListNotWhole):
        crm.renew_register(told=wrong)
    assert names() == before


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(DataError):
        crm.renew_register(told="[{]")


def test_a_public_body_has_one_number_or_none_that_we_know() -> None:
    crm.renew_register(
        told=told(
            company(PIB, "A", jbkjs="10520"),
            company(OTHER, "B", jbkjs="10521"),
            company(OTHER, "B", jbkjs="10522"),
        )
    )
    assert (selectors.jbkjs_of(PIB), selectors.jbkjs_of(OTHER), selectors.jbkjs_of(BODY)) == ("10520", "", "")


def test_the_page_says_who_it_is_and_fills_what_is_empty(client: Client) -> None:
    crm.renew_register(told=told(company(PIB, 'Knjižara "Vuk" d.o.o.')))

    page = client.get("/checkout/company/", {"pib": "100 000 024"}).text
    assert "Knjižara &quot;Vuk&quot; d.o.o." in page
    assert 'name="company_name" value="Knjižara &quot;Vuk&quot; d.o.o."' in page
    assert 'name="registration_number" value="07017715"' in page

    typed = {"pib": PIB, "company_name": "Moja firma", "registration_number": ""}
    page = client.get("/checkout/company/", typed).text
    assert ('name="company_name"' in page, 'name="registration_number"' in page) == (False, True)

    assert "register does not know" in client.get("/en/checkout/company/", {"pib": OTHER}).text
    assert client.get("/checkout/company/", {"pib": "12"}).text.strip() == ""


def test_the_register_is_not_copied_through_the_page(client: Client) -> None:
    crm.renew_register(told=told(company(PIB, "Knjižara d.o.o.")))
    said = [
        "Knjižara" in client.get("/checkout/company/", {"pib": PIB}, REMOTE_ADDR="10.8.8.8").text
        for _ in range(31)
    ]
    assert said == [True] * 30 + [False]
