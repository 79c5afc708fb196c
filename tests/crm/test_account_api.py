"""Another system writes to an account: what it may change, what it may not, and that nobody's change is written over unseen."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import LogEntry
from crm import operations as crm
from crm.models import Address, Consent, Customer
from crm.workflows.merging import merge_customers
from crm.workflows.privacy import erase_person
from oms.models import DeliveryPostcode, DeliveryZone
from retail.kernel.errors import StaleVersion
from retail.kernel.models import OutboxEvent, User
from tests.api.integrator import Api, refused
from tests.factories import NOW, make_channel, make_customer, make_entity
from tests.staff import make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
HOME = {"label": "kuća", "name": "Ana Anić", "street": "Glavna 1", "city": "Novi Sad", "postal_code": "21000"}
WORK = {"name": "Ana Anić", "street": "Bulevar 2", "city": "Beograd", "postal_code": "11000"}


@pytest.fixture
def api(db: None) -> Api:
    return Api("customers:read", "customers:write")


@pytest.fixture
def ana(db: None) -> Customer:
    zone = DeliveryZone.objects.create(code="RS", name="Srbija")
    for code, city in (("21000", "Novi Sad"), ("11000", "Beograd")):
        DeliveryPostcode.objects.create(postal_code=code, place=city, zone=zone)
    make_channel(make_entity(), code="web")
    ana = make_customer(name="Ana Anić", email="ana@example.com", phone="+381601112223")
    Consent.objects.create(customer=ana, kind="SMS", is_given=True, wording="Pristajem.", given_at=NOW)
    return ana


def path_of(customer: Customer) -> str:
    return f"customers/{customer.public_id}"


def put(api: Api, customer: Customer, body: Any, **headers: str) -> Any:
    return api.send("put", path_of(customer), body, **headers)


def changes_told(customer: Customer) -> list[list[str]]:
    told = OutboxEvent.objects.filter(topic="crm.customer_changed", subject_key=customer.public_id)
    return [event.payload["fields"] for event in told.order_by("pk")]


def test_what_is_sent_is_changed_told_and_traced_and_the_rest_stays(api: Api, ana: Customer) -> None:
    answer = put(api, ana, {"name": " Ana Perić ", "phone": "064 123 4567", "language": "en"})

    body = answer.json()
    assert (answer.status_code, body["name"], body["phone"], body["language"]) == (
        200,
        "Ana Perić",
        "+381641234567",
        "en",
    )
    ana.refresh_from_db()
    assert (ana.name, ana.email, ana.folded) == (
        "Ana Perić",
        "ana@example.com",
        "ana peric ana@example.com +381641234567",
    )
    assert changes_told(ana) == [["language", "name", "phone"]]
    assert [(one.kind, one.is_given) for one in ana.consents.all()] == [("SMS", True)]
    entry = LogEntry.objects.filter(content_type__model="customer", object_id=ana.pk).latest("pk")
    assert (entry.actor, entry.changes["language"]) == (User.objects.get(name="Igor"), ["sr-latn", "en"])


def test_the_same_once_more_writes_nothing(api: Api, ana: Customer) -> None:
    put(api, ana, {"name": "Ana Perić", "addresses": [HOME, WORK]})
    with nothing_changes():
        assert put(api, ana, {"name": "Ana Perić", "addresses": [HOME, WORK]}).status_code == 200
        assert put(api, ana, {}).status_code == 200


def test_the_address_book_is_what_was_sent(api: Api, ana: Customer) -> None:
    first = put(api, ana, {"addresses": [HOME, WORK]}).json()["addresses"]
    kept = Address.objects.get(customer=ana, street="Glavna 1").pk
    second = put(api, ana, {"addresses": [HOME, {**WORK, "street": "Bulevar 3", "country": "RS"}]}).json()

    assert [(one["street"], one["is_default"]) for one in first] == [("Glavna 1", True), ("Bulevar 2", False)]
    assert [(one["street"], one["is_default"]) for one in second["addresses"]] == [
        ("Glavna 1", True),
        ("Bulevar 3", False),
    ]
    assert Address.objects.get(customer=ana, street="Glavna 1").pk == kept
    third = put(api, ana, {"addresses": [HOME, {**WORK, "is_default": True}]}).json()
    assert [(one["street"], one["is_default"]) for one in third["addresses"]] == [
        ("Bulevar 2", True),
        ("Glavna 1", False),
    ]
    assert put(api, ana, {"addresses": []}).json()["addresses"] == []
    assert changes_told(ana) == [["addresses"]] * 4


def test_who_read_an_older_version_writes_nothing(api: Api, ana: Customer) -> None:
    tag = api.get(path_of(ana))["ETag"]
    mine = put(api, ana, {"name": "Ana Perić"}, If_Match=tag)
    assert mine.status_code == 200
    with nothing_changes():
        assert refused(put(api, ana, {"name": "Ana Mirić"}, If_Match=tag)) == (412, "STALE_VERSION")
    # A change of the address book, by the shopper's own page, is one of the account.
    crm.add_address(customer_id=ana.pk, name="Ana", street="Nova 3", postal_code="21000", city="Novi Sad")
    with nothing_changes():
        stale = put(api, ana, {"addresses": [HOME]}, If_Match=mine["ETag"])
        assert refused(stale) == (412, "STALE_VERSION")
    assert put(api, ana, {"addresses": [HOME]}, If_Match=api.get(path_of(ana))["ETag"]).status_code == 200


def test_the_version_is_compared_under_the_lock_too(ana: Customer) -> None:
    seen = ana.updated_at
    crm.change_account(customer_id=ana.pk, data=crm.AccountData(name="Ana Perić"), by=None)
    with nothing_changes(), pytest.raises(StaleVersion):
        crm.change_account(customer_id=ana.pk, data=crm.AccountData(name="X"), by=None, seen_at=seen)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "  "}, "INVALID_INPUT"),
        ({"name": "x" * 201}, "INVALID_INPUT"),
        ({"phone": "abc"}, "INVALID_INPUT"),
        ({"language": "de"}, "INVALID_INPUT"),
        ({"email": "other@example.com"}, "INVALID_INPUT"),
        ({"consents": []}, "INVALID_INPUT"),
        ({"addresses": [{**HOME, "postal_code": "99999"}]}, "UNKNOWN_POSTCODE"),
        ({"addresses": [{**HOME, "street": ""}]}, "INVALID_INPUT"),
        ({"addresses": [{**HOME, "phone": "abc"}]}, "INVALID_INPUT"),
        ({"addresses": [{**HOME, "country": "rs"}]}, "INVALID_INPUT"),
        ({"addresses": [{**HOME, "is_default": True}, {**WORK, "is_default": True}]}, "INVALID_INPUT"),
        ({"addresses": [HOME] * 51}, "INVALID_INPUT"),
        ({"name": "Ana Perić", "addresses": [{**HOME, "phone": "abc"}]}, "INVALID_INPUT"),
    ],
)
def test_what_makes_no_sense_is_refused_whole(api: Api, ana: Customer, body: Any, code: str) -> None:
    put(api, ana, {"addresses": [WORK]})
    with nothing_changes():
        assert refused(put(api, ana, body)) == (400, code)


def test_an_account_that_is_gone_is_refused(api: Api, ana: Customer) -> None:
    olga = make_staff("AGENT", name="Olga")
    twin = make_customer(name="Ana A.", email="a2@example.com", phone="")
    merge_customers(survivor_id=ana.pk, merged_id=twin.pk, by=olga, now=NOW)
    with nothing_changes():
        answer = put(api, twin, {"name": "Ana"})
        assert refused(answer) == (409, "ACCOUNT_GONE")
    assert (answer.json()["reason"], answer.json()["merged_into"]) == ("merged", ana.public_id)
    erase_person(customer_id=ana.pk, by=olga, now=NOW)
    with nothing_changes():
        assert refused(put(api, ana, {"name": "Ana"})) == (409, "ACCOUNT_GONE")
    assert refused(api.send("put", "customers/nope", {"name": "Ana"})) == (404, "UNKNOWN_CUSTOMER")


def test_reading_is_not_enough(ana: Customer) -> None:
    reader = Api("customers:read")
    with nothing_changes():
        assert refused(put(reader, ana, {"name": "Ana"})) == (403, "NOT_ALLOWED")
