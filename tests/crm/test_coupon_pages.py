"""Codes in the back office: made under a discount, counted, taken out as a file with a row of who took it, put out of use."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from crm import operations as crm
from crm.models import Coupon, CouponBatch, Discount
from crm.operations import coupons as verbs
from retail.kernel.models import OutboxEvent, User
from tests.factories import make_channel, make_entity
from tests.flows.chain import NOW
from tests.oms import offering
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
BASE = "/en/ops/coupons/"
MANY = {"sort": "many", "name": "Autumn letter", "count": "1.200", "prefix": "jesen", "uses_max": "1"}


@pytest.fixture
def discount(db: None) -> Discount:
    make_channel(make_entity())
    return offering.discount("jesen", audience="COUPON")


@pytest.fixture
def mila(db: None) -> Client:
    return client_of(make_staff("MERCHANDISER", name="Mila"))


def said(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def make(client: Client, of: Discount, **values: str) -> Any:
    return client.post(BASE, {"discount": of.pk, **MANY, **values})


def test_a_batch_is_made_and_its_page_counts(mila: Client, discount: Discount) -> None:
    answer = make(mila, discount, uses_per_customer_max="2", valid_to="2031-12-31")
    batch = CouponBatch.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{BASE}{batch.pk}/")
    assert (batch.discount, batch.name, batch.uses_max, batch.uses_per_customer_max) == (
        discount,
        "Autumn letter",
        1,
        2,
    )
    # Until the end of that day where the business is.
    assert batch.valid_to is not None and batch.valid_to.isoformat() == "2031-12-31T23:00:00+00:00"
    assert batch.created_by is not None and batch.created_by.name == "Mila"
    used = list(batch.coupons.order_by("pk")[:3])
    Coupon.objects.filter(pk__in=[coupon.pk for coupon in used]).update(uses=1)
    page = said(mila.get(f"{BASE}{batch.pk}/"))
    assert "Codes 1,200 Used 3 Codes left 1,197" in page, page
    assert "Autumn letter hold" in said(mila.get(BASE))
    assert "1,200 3 1,197" in said(mila.get(BASE))
    found = said(mila.get(BASE, {"code": f" {used[0].code.lower()} "}))
    assert f"{used[0].code} : Autumn letter , Jesen. Used 1 / 1" in found, found
    assert "Nobody made this code." in said(mila.get(BASE, {"code": "NOSUCH"}))


def test_one_word_for_all_has_no_limit_unless_it_is_said(mila: Client, discount: Discount) -> None:
    make(mila, discount, sort="word", word="jesen-20", uses_max="", uses_per_customer_max="")
    batch, coupon = CouponBatch.objects.get(), Coupon.objects.get()
    assert (coupon.code, coupon.uses_max, batch.uses_max, batch.uses_per_customer_max) == (
        "JESEN20",
        None,
        None,
        None,
    )
    assert "Codes 1 JESEN20 Used 0 Codes left 1" in said(mila.get(f"{BASE}{batch.pk}/"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"count": "a few"}, "Write a whole number."),
        ({"count": "3000000"}, "Some fields are missing or not right."),
        ({"name": " "}, "Some fields are missing or not right."),
        ({"uses_max": "0"}, "Some fields are missing or not right."),
        ({"valid_to": "soon"}, "This is not a day."),
        ({"discount": "0"}, "This discount asks for no coupon."),
        ({"sort": "word", "word": "taken"}, "Another coupon has this code."),
    ],
)
def test_what_makes_no_sense_is_said_at_the_form_and_changes_nothing(
    mila: Client, discount: Discount, wrong: dict[str, str], words: str
) -> None:
    crm.create_batch(discount_id=discount.pk, name="Before", word="TAKEN", by=None, now=NOW)
    with nothing_changes():
        answer = make(mila, discount, **wrong)
    assert answer.status_code == 422
    assert words in said(answer), said(answer)
    # What was typed stays typed.
    if wrong.get("name") is None:
        assert 'value="Autumn letter"' in answer.content.decode()


def test_the_file_is_streamed_whole_and_who_took_it_is_told(
    mila: Client, discount: Discount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs, "EXPORT_CHUNK", 500)
    batch = crm.create_batch(discount_id=discount.pk, name="Letter", count=1200, by=None, now=NOW)
    answer: Any = mila.post(f"{BASE}{batch.pk}/export/")
    assert (answer.status_code, answer.streaming, answer["Content-Type"]) == (
        200,
        True,
        "text/csv; charset=utf-8",
    )
    lines = b"".join(answer.streaming_content).decode().splitlines()
    codes = list(batch.coupons.order_by("pk").values_list("code", flat=True))
    assert lines == ["code,uses,uses_max", *(f"{code},0,1" for code in codes)]
    event = OutboxEvent.objects.get(topic="crm.coupons_exported")
    assert event.payload == {"batch_id": batch.pk, "by": User.objects.get(name="Mila").email, "count": 1200}


def test_a_batch_put_out_of_use_has_nothing_left(mila: Client, discount: Discount) -> None:
    batch = crm.create_batch(discount_id=discount.pk, name="Letter", count=5, by=None, now=NOW)
    assert mila.post(f"{BASE}{batch.pk}/stop/").status_code == 302
    page = said(mila.get(f"{BASE}{batch.pk}/"))
    assert "Letter out of use" in page and "Codes 5 Used 0 Codes left 0" in page, page
    assert mila.post(f"{BASE}9999/stop/")["Location"] == BASE
    assert mila.get(f"{BASE}9999/").status_code == 404


def test_who_only_looks_makes_no_codes_and_takes_none(discount: Discount) -> None:
    batch = crm.create_batch(discount_id=discount.pk, name="Letter", count=5, by=None, now=NOW)
    auditor = client_of(make_staff("AUDITOR"))
    assert auditor.get(BASE).status_code == auditor.get(f"{BASE}{batch.pk}/").status_code == 200
    assert "New codes" not in said(auditor.get(BASE))
    with nothing_changes():
        assert make(auditor, discount).status_code == 403
        assert auditor.post(f"{BASE}{batch.pk}/export/").status_code == 403
        assert auditor.post(f"{BASE}{batch.pk}/stop/").status_code == 403
    assert client_of(make_staff("PICKER", name="Bojan")).get(BASE).status_code == 403
