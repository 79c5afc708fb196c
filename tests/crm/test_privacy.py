"""The right to see and to be forgotten: what goes, what the law keeps, and a trace that still verifies."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from django.db import connection
from django.test import Client

from audit import operations as audit
from audit.models import LogEntry, PersonalChange
from crm.models import Address, Customer, CustomerNote, LoyaltyAccount, Message, PersonalExport
from crm.workflows import privacy
from oms.models import Order
from retail.kernel.models import User
from tests.crm.members import earn, make_member, make_program
from tests.factories import NOW, Sells, make_channel, make_customer, make_entity, make_order
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db: None) -> User:
    return make_staff("AGENT", name="Olga")


@pytest.fixture
def ana(olga: User) -> Customer:
    channel = make_channel(make_entity(), code="web")
    make_program()
    user = User.objects.create_user("ana@example.com", name="Ana Anić")
    ana = make_customer(name="Ana Anić", email="ana@example.com", phone="+381601112223", user=user)
    Address.objects.create(
        customer=ana, name="Ana Anić", street="Dunavska 77", city="Novi Sad", postal_code="21000"
    )
    CustomerNote.objects.create(customer=ana, text="Voli poeziju", author=olga)
    Message.objects.create(
        customer=ana,
        kind="order_placed",
        subject_kind="order",
        subject_key="1",
        once_key="1",
        language="sr-latn",
        recipient="ana@example.com",
        subject_line="Draga Ana",
        text_body="Draga Ana",
        html_body="",
    )
    make_member(ana)
    earn(ana, 30)
    order = make_order(channel, Sells(1, "100.00"), customer=ana)
    Order.objects.filter(pk=order.pk).update(
        name="Ana Anić", email="ana@example.com", street="Dunavska 77", status="COMPLETED"
    )
    return ana


def everything() -> str:
    """Every row of every table but those that the law keeps, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        tables = [row[0] for row in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_everything_about_a_person_as_a_file(ana: Customer, olga: User) -> None:
    agent: Client = client_of(olga)
    address = f"/en/ops/customers/{ana.public_id}/export/"
    answer = agent.post(address, {"format": "json"})
    told = json.loads(answer.content)
    assert told["account"][0]["email"] == "ana@example.com"
    assert told["addresses"][0]["street"] == "Dunavska 77"
    assert [row["points"] for row in told["points"]] == [30]
    assert told["order_lines"][0]["total"] == "100.00"
    assert "token" not in told["orders"][0]
    assert f'filename="{ana.public_id}.json"' in answer["Content-Disposition"]

    archive = zipfile.ZipFile(io.BytesIO(agent.post(address, {"format": "csv"}).content))
    assert "'+381601112223" in archive.read("account.csv").decode()
    assert list(PersonalExport.objects.values_list("customer", "taken_by")) == [(ana.pk, olga.pk)] * 2
    entries = LogEntry.objects.filter(content_type__model="personalexport")
    assert set(entries.values_list("actor", flat=True)) == {olga.pk}


def test_nothing_of_the_person_is_left_but_what_the_law_keeps(ana: Customer, olga: User) -> None:
    audit.seal(now=NOW)
    assert "Dunavska" in everything() and "Voli poeziju" in everything()
    privacy.erase_person(customer_id=ana.pk, by=olga, now=NOW)

    left = everything()
    for word in ("Ana Ani", "ana@example.com", "381601112223", "Dunavska", "Voli poeziju", "Draga Ana"):
        assert word not in left, word
    ana.refresh_from_db()
    assert (ana.name, ana.erased_at) == ("–", NOW)
    order = Order.objects.get()
    assert (str(order.total), order.customer, order.lines.count()) == ("100.00", ana, 1)
    assert LoyaltyAccount.objects.get().points == 0
    assert ana.user is not None and not ana.user.is_active

    assert PersonalChange.objects.filter(erased_at=NOW, changes__isnull=True).exists()
    audit.seal(now=NOW)
    assert audit.verify() is None


def test_who_waits_for_something_is_not_erased(ana: Customer, olga: User) -> None:
    Order.objects.update(status="IN_FULFILLMENT")
    with nothing_changes(), pytest.raises(privacy.OpenOrders) as refused:
        privacy.erase_person(customer_id=ana.pk, by=olga, now=NOW)
    assert refused.value.details == {"numbers": [Order.objects.get().number]}


def test_staff_and_what_is_gone_are_not_erased(ana: Customer, olga: User) -> None:
    colleague = make_customer(name="Olga", email="o@example.com", user=olga)
    with nothing_changes(), pytest.raises(privacy.NotErasable):
        privacy.erase_person(customer_id=colleague.pk, by=olga, now=NOW)
    privacy.erase_person(customer_id=ana.pk, by=olga, now=NOW)
    with nothing_changes(), pytest.raises(privacy.NotErasable):
        privacy.erase_person(customer_id=ana.pk, by=olga, now=NOW)


def test_the_page_asks_for_the_name(ana: Customer, olga: User) -> None:
    agent = client_of(olga)
    address = f"/en/ops/customers/{ana.public_id}/erase/"
    assert "What the law keeps" in agent.get(address).content.decode()
    with nothing_changes():
        agent.post(address, {"name": "Ana"})
    agent.post(address, {"name": "Ana Anić"})
    ana.refresh_from_db()
    assert ana.erased_at is not None
