"""Screens of VAT at SEF: the list of periods, one period by papers and ledger, the acts and who may do them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from finance import workflows as money
from finance.models import VatRecord
from tests.factories import Sells
from tests.finance.sef_world import Seller
from tests.finance.shop import all_of
from tests.finance.test_pages import get, post, text_of
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

# Pages read the real clock, so what they show is long over.
LAST_YEAR = datetime(2025, 10, 20, 9, 0, tzinfo=UTC)
PERIOD = "vat/2025/10/"


@pytest.fixture
def accountant(db: None) -> Client:
    return client_of(make_staff("ACCOUNTANT"))


@pytest.fixture
def sold(seller: Seller) -> Seller:
    """One sale to a person, in a month that is over."""
    order = seller.shop.order(Sells(1, "1259.00"), method="CASH_ON_DELIVERY", status="PLACED")
    seller.shop.cod_payment(order)
    seller.shop.dispatch(order, all_of(order), tracking="T-1", now=LAST_YEAR)
    money.sign_receipts(now=seller.now)
    return seller


def test_list_names_the_periods_with_their_last_day(accountant: Client, sold: Seller) -> None:
    shown = text_of(get(accountant, "vat/"))

    assert "VAT records" in shown
    assert "Still running" in shown
    assert "has no key at SEF" not in shown


def test_list_warns_when_there_is_no_key(accountant: Client, sold: Seller, settings: object) -> None:
    settings.SEF_API_KEY = ""  # type: ignore[attr-defined]

    assert "has no key at SEF" in text_of(get(accountant, "vat/"))


def test_period_is_shown_recorded_and_withdrawn(accountant: Client, sold: Seller) -> None:
    before = text_of(get(accountant, PERIOD))
    assert "1,144.55" in before and "114.45" in before
    assert "To be recorded" in before and "The last day for recording has passed." in before

    assert post(accountant, f"{PERIOD}record/", {"entity": sold.shop.entity.code}).status_code == 302
    assert "Being recorded" in text_of(get(accountant, PERIOD))
    money.send_vat_records(now=sold.now)
    record = VatRecord.objects.get()
    assert (record.state, record.by and record.by.name) == ("RECORDED", "Ceca")
    assert "Z-2025-10" in text_of(get(accountant, PERIOD))

    assert post(accountant, f"vat/records/{record.pk}/cancel/").status_code == 302
    money.send_vat_records(now=sold.now)
    record.refresh_from_db()
    assert record.state == "CANCELED"


def test_a_refused_record_shows_what_sef_said_and_is_sent_again(accountant: Client, sold: Seller) -> None:
    post(accountant, f"{PERIOD}record/")
    record = VatRecord.objects.get()
    whole = record.body
    VatRecord.objects.update(body={**whole, "relatedPartyIdentifier": ""})
    money.send_vat_records(now=sold.now)

    shown = text_of(get(accountant, PERIOD))
    assert "SEF misses a field of the record." in shown and "relatedPartyIdentifier" in shown
    VatRecord.objects.update(body=whole)
    assert post(accountant, f"vat/records/{record.pk}/retry/").status_code == 302
    money.send_vat_records(now=sold.now)
    record.refresh_from_db()
    assert record.state == "RECORDED"


def test_an_auditor_looks_and_records_nothing(sold: Seller) -> None:
    auditor = client_of(make_staff("AUDITOR"))
    assert "Record at SEF" not in text_of(get(auditor, PERIOD))
    with nothing_changes():
        assert post(auditor, f"{PERIOD}record/").status_code == 403


@pytest.mark.parametrize("path", ["vat/2026/0/", "vat/2026/17/", "vat/1999/1/"])
def test_no_such_period(accountant: Client, sold: Seller, path: str) -> None:
    assert get(accountant, path).status_code == 404
