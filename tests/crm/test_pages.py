"""Accounts in the back office: found by whatever one has, with everything about them; and by API with the scope."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from crm import operations as crm
from crm.models import Address, Consent, Customer, LoyaltyAccount, Tier
from oms.models import Order
from retail.kernel.models import User
from tests.api.integrator import Api, refused
from tests.crm.members import earn
from tests.factories import NOW, Sells, make_channel, make_customer, make_entity, make_order
from tests.staff import client_of, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(db: None) -> Client:
    return client_of(make_staff("AGENT", name="Olga"))


@pytest.fixture
def ana(db: None) -> Customer:
    """A member with a login, an address, consents given and withdrawn, a letter and orders of two channels."""
    entity = make_entity()
    ana = make_customer(user=User.objects.create_user("ana@example.com", name="Ana"))
    for code, total in (("web", "1100.00"), ("pos", "500.00")):
        make_order(make_channel(entity, code=code), Sells(1, total), customer=ana)
    tier = Tier.objects.create(code="zlatni", rank=2, name="Zlatni", spend_from=0)
    LoyaltyAccount.objects.create(customer=ana, number="2900012", tier=tier)
    with transaction.atomic():
        earn(ana, 230)
        crm.queue_message(
            kind="order_placed",
            subject=("order", "ORD-1"),
            once_key="one",
            language="sr-latn",
            recipient="ana@example.com",
            subject_line="Primili smo porudžbinu",
            text_body="Hvala.",
            html_body="",
            customer_id=ana.pk,
            now=NOW,
        )
    Address.objects.create(
        customer=ana,
        name="Ana Anić",
        street="Glavna 1",
        city="Novi Sad",
        postal_code="21000",
        is_default=True,
    )
    for is_given in (True, False):
        Consent.objects.create(
            customer=ana, kind="NEWSLETTER", is_given=is_given, wording="Želim bilten.", given_at=NOW
        )
    return ana


def text_of(answer: Any) -> str:
    page = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(page.replace("\u00a0", " ").split())


def find(client: Client, text: str) -> Any:
    return client.get("/en/ops/customers/", {"q": text})


@pytest.mark.parametrize(
    "text",
    [
        "Ana Anić",
        "anić",
        "\u0410\u043d\u0430 \u0410\u043d\u0438\u045b",
        "ana@example.com",
        "060 123 4567",
        "+381601234567",
        "2900012",
    ],
)
def test_one_hit_opens_the_account(ana: Customer, agent: Client, text: str) -> None:
    make_customer(name="Petar Petrović", email="petar@example.com", phone="+381641112223")
    answer = find(agent, text)
    assert (answer.status_code, answer["Location"]) == (302, f"/en/ops/customers/{ana.public_id}/")


def test_an_order_number_opens_whose_it_is(ana: Customer, agent: Client) -> None:
    order = Order.objects.filter(customer=ana).first()
    assert order is not None
    assert find(agent, order.number.lower())["Location"].endswith(f"/{ana.public_id}/")


def test_a_company_is_found_by_its_pib(ana: Customer, agent: Client) -> None:
    firm = make_customer(name="Firma d.o.o.", kind="COMPANY", pib="100000024", email="a@b.example", phone="")
    assert find(agent, "100000024")["Location"].endswith(f"/{firm.public_id}/")


def test_a_whole_address_or_number_means_its_owner_alone(ana: Customer, agent: Client) -> None:
    """Also where others have it as a piece of theirs; cut short it is looked for everywhere again."""
    make_customer(name="Mariana", email="mari.ana@example.com", phone="")
    make_customer(name="Petar +381601112223", email="petar@example.com", phone="")
    Customer.objects.filter(pk=ana.pk).update(phone="+381601112223", email="ana@example.com")
    for typed in ("Ana@Example.com", "060 111 22 23", "+381601112223", "2900012"):
        assert find(agent, typed)["Location"].endswith(f"/{ana.public_id}/"), typed
    assert "Mariana" in text_of(find(agent, "ana@example")) and "Petar" in text_of(find(agent, "1112223"))


def test_several_hits_are_a_list_and_nothing_is_said_to_be_nothing(ana: Customer, agent: Client) -> None:
    make_customer(name="Ana Bora", email="bora@example.com", phone="")
    page = text_of(find(agent, "ana"))
    assert "Ana Anić" in page and "Ana Bora" in page
    assert "Nobody was found" in text_of(find(agent, "nema ga"))
    assert find(agent, "\0").status_code == 200


def test_the_account_shows_everything_about_it(ana: Customer, agent: Client) -> None:
    page = text_of(agent.get(f"/en/ops/customers/{ana.public_id}/"))

    for order in Order.objects.filter(customer=ana):
        assert order.number in page
    assert "Ordered 1,600.00 RSD Paid 0.00 RSD Returned 0.00 RSD Left to collect 1,600.00" in page
    assert "Glavna 1, 21000 Novi Sad" in page
    assert "Newsletter withdrawn" in page and "Text messages never asked" in page
    assert "Member 2900012 Tier Zlatni Points 230" in page
    assert "Primili smo porudžbinu , Queued" in page


def test_a_new_account_is_empty_not_broken(agent: Client) -> None:
    page = text_of(agent.get(f"/en/ops/customers/{make_customer().public_id}/"))
    assert "No order yet" in page and "Not a member." in page and "No letter was written yet." in page


def test_roles(ana: Customer) -> None:
    path = f"/en/ops/customers/{ana.public_id}/"
    for role in ("AGENT", "STORE", "ACCOUNTANT", "OPS_LEAD", "AUDITOR", "MERCHANDISER"):
        assert client_of(make_staff(role)).get(path).status_code == 200
    for role in ("PICKER", "INTEGRATOR"):
        assert client_of(make_staff(role)).get(path).status_code == 403
    assert "/login/" in client_of(None).get(path)["Location"]
    assert "totp" in client_of(make_staff("AGENT", has_second_factor=False)).get(path)["Location"]
    assert client_of(make_staff("AGENT")).get("/en/ops/customers/nope/").status_code == 404


def test_customers_by_api(ana: Customer) -> None:
    api = Api("customers:read")
    petar = make_customer(name="Petar Petrović", email="petar@example.com", phone="+381641112223")

    first = api.get("customers", limit=1).json()
    second = api.client.get(first["next"]).json()
    one = api.get(f"customers/{ana.public_id}").json()

    assert {row["id"] for row in [*first["results"], *second["results"]]} == {ana.public_id, petar.public_id}
    assert second["next"] is None
    assert (one["tier"], one["loyalty"]["points"], one["has_login"]) == ("zlatni", 230, True)
    assert one["consents"][0]["is_given"] is False
    assert one["addresses"][0]["city"] == "Novi Sad"
    assert [row["id"] for row in api.get("customers", search="petar").json()["results"]] == [petar.public_id]
    assert refused(api.get("customers/nope")) == (404, "UNKNOWN_CUSTOMER")
    assert refused(api.get("customers", kind="ROBOT")) == (400, "INVALID_INPUT")
    assert refused(api.get("customers", updated_after="x")) == (400, "INVALID_INPUT")
