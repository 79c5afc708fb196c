"""What staff do on the page of an account, and what it costs to show it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import (
    Consent,
    Customer,
    CustomerDiscount,
    CustomerNote,
    CustomerTask,
    Discount,
    LoyaltyAccount,
)
from crm.views import facts
from oms.models import Order, PromiseChange
from retail.kernel.fold import fold
from retail.kernel.models import Location, User
from tests.crm.members import earn, make_member, make_program
from tests.crm.test_pages import text_of
from tests.factories import NOW, Sells, make_channel, make_customer, make_entity, make_order
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from warehouse.models import Shipment

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(db: None) -> User:
    return make_staff("AGENT", name="Olga")


@pytest.fixture
def agent(olga: User) -> Client:
    return client_of(olga)


@pytest.fixture
def ana(db: None) -> Customer:
    make_channel(make_entity(), code="web")
    return make_customer(name="Ana Anić", email="ana@example.com", phone="+381601234567")


def act(client: Client, customer: Customer, path: str, **values: Any) -> str:
    """The page after the act."""
    answer = client.post(f"/en/ops/customers/{customer.public_id}/{path}/", values, follow=True)
    assert answer.status_code == 200
    return text_of(answer)


def test_a_note_and_a_task(ana: Customer, agent: Client, olga: User) -> None:
    assert "Zvati posle pet. Olga" in act(agent, ana, "notes", text="Zvati posle pet.")
    note = CustomerNote.objects.get()
    assert (note.customer, note.author, note.text) == (ana, olga, "Zvati posle pet.")

    page = act(agent, ana, "tasks", title="Poslati račun", due_on="2026-01-05", assignee=str(olga.pk))
    assert "Poslati račun Olga, until" in page
    task = CustomerTask.objects.get()
    assert (task.due_on, task.assignee, task.created_by, task.done_at) == (
        date(2026, 1, 5),
        olga,
        olga,
        None,
    )
    assert "done by Olga" in act(agent, ana, "tasks/done", task=str(task.pk))
    with nothing_changes():
        assert "Somebody has done it already." in act(agent, ana, "tasks/done", task=str(task.pk))
        assert "A note says something." in act(agent, ana, "notes", text="  ")
        assert "This is not a day." in act(agent, ana, "tasks", title="x", due_on="sutra")
        assert "There is no such colleague." in act(
            agent, ana, "tasks", title="x", due_on="2026-01-05", assignee="999"
        )


def test_a_consent_has_its_proof(ana: Customer, agent: Client, olga: User) -> None:
    assert "Newsletter given" in act(agent, ana, "consents", kind="NEWSLETTER", is_given="1")
    assert "Newsletter withdrawn" in act(agent, ana, "consents", kind="NEWSLETTER", is_given="0")
    rows = Consent.objects.order_by("pk").values_list("is_given", "source", "recorded_by", "wording")
    assert list(rows) == [
        (True, "ops", olga.pk, "Saglasan sam: Bilten."),
        (False, "ops", olga.pk, "Više nisam saglasan: Bilten."),
    ]
    with nothing_changes():
        assert "There is no such consent." in act(agent, ana, "consents", kind="X", is_given="1")


def test_an_offer_is_written_once_and_withdrawn(ana: Customer, agent: Client, olga: User) -> None:
    discount = Discount.objects.create(
        code="izvinjenje", name="Izvinjenje", kind="PERCENT", value=10, audience="ACCOUNT", state="ACTIVE"
    )
    page = act(agent, ana, "offers", discount=str(discount.pk), reason="kasnila pošiljka", uses_max="2")
    assert "Izvinjenje carried kasnila pošiljka, Olga, used 0 of 2" in page
    offer = CustomerDiscount.objects.get()
    assert (offer.customer, offer.discount, offer.uses_max, offer.created_by) == (ana, discount, 2, olga)
    with nothing_changes():
        assert "The account carries it already." in act(
            agent, ana, "offers", discount=str(discount.pk), reason="opet"
        )
        assert "There is no such discount." in act(agent, ana, "offers", discount="999", reason="x")
    assert "Izvinjenje withdrawn" in act(agent, ana, "offers/withdraw", offer=str(offer.pk))
    with nothing_changes():
        assert "There is no such offer." in act(agent, ana, "offers/withdraw", offer="999")


def test_membership_and_the_way_to_the_next_tier(ana: Customer, agent: Client) -> None:
    make_program()
    assert "Member 29" in act(agent, ana, "membership")
    order = make_order(make_channel(make_entity(), code="pos"), Sells(1, "1000.00"), customer=ana)
    Order.objects.filter(pk=order.pk).update(captured_total="1000.00")
    earn(ana, 150, expires_on=date(2031, 5, 31))
    page = text_of(agent.get(f"/en/ops/customers/{ana.public_id}/"))
    assert "Points 150 worth 150.00 RSD Next to expire 150 after" in page
    assert "2,000.00 RSD more to Zlatni" in page
    assert LoyaltyAccount.objects.get().points == 150


def test_only_whoever_may_change_accounts_may_act(ana: Customer) -> None:
    auditor = client_of(make_staff("AUDITOR"))
    with nothing_changes():
        assert auditor.post(f"/en/ops/customers/{ana.public_id}/notes/", {"text": "x"}).status_code == 403
        assert auditor.get(f"/en/ops/customers/{ana.public_id}/notes/").status_code == 405


def test_promises_are_judged_by_the_first_word(ana: Customer) -> None:
    channel = make_channel(make_entity(), code="pos")
    day = NOW.date()
    for said, came, moved in ((0, 0, None), (0, 2, None), (3, 3, 0), (30, None, None), (-1, None, None)):
        order = make_order(channel, Sells(1, "100.00"), customer=ana)
        Order.objects.filter(pk=order.pk).update(promised_on=day + timedelta(days=said))
        Shipment.objects.create(
            number=f"S-{order.pk}",
            order=order,
            location=_place(channel),
            method="HOME_DELIVERY",
            delivered_at=NOW + timedelta(days=came) if came is not None else None,
        )
        if moved is not None:
            PromiseChange.objects.create(
                order=order, before={"date": (day + timedelta(days=moved)).isoformat()}, after={}, cause="x"
            )
    found = facts.promises_of(ana, NOW)
    assert (found.kept, found.missed, found.open, found.moved) == (1, 3, 1, 1)
    assert [(said, came) for _, said, came in found.late] == [
        (day - timedelta(days=1), None),
        (day, day + timedelta(days=3)),
        (day, day + timedelta(days=2)),
    ]


def _place(channel: Any) -> Any:
    return Location.objects.get_or_create(
        code="WH-9", defaults={"name": "Magacin", "kind": "WAREHOUSE", "entity": channel.entity}
    )[0]


def test_the_page_costs_the_same_however_much_was_bought(ana: Customer, agent: Client) -> None:
    make_program()
    make_member(ana)
    earn(ana, 10)
    channel = make_channel(make_entity(), code="pos")
    counts = []
    for _ in range(2):
        for _ in range(5):
            make_order(channel, Sells(1, "100.00"), customer=ana)
            CustomerNote.objects.create(customer=ana, text="x", author=User.objects.earliest("pk"))
        with CaptureQueriesContext(connection) as asked:
            agent.get(f"/en/ops/customers/{ana.public_id}/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "text",
    [
        "Đorđe Šćepanović",
        "djordje scepanovic",
        "\u0428\u045b\u0435\u043f\u0430\u043d",
        "šćep",
        "scepanovic djordje",
    ],
)
def test_any_spelling_finds_the_name(agent: Client, text: str) -> None:
    made = make_customer(name="Đorđe Šćepanović", email="dj@example.com", phone="")
    answer = agent.get("/en/ops/customers/", {"q": text})
    assert (answer.status_code, answer["Location"]) == (302, f"/en/ops/customers/{made.public_id}/")


def test_the_column_folds_as_the_house_does(db: None) -> None:
    letters = "ABCČĆDĐEFGHIJKLMNOPRSŠTUVZŽ čćžšđ \u0410\u0411\u0412\u0413\u0414\u0402\u0415\u0416\u0417\u0418\u0408\u041a\u041b\u0409\u041c\u041d\u040a\u041e\u041f\u0420\u0421\u0422\u040b\u0423\u0424\u0425\u0426\u0427\u040f\u0428 \u0459\u045a\u045f\u0452\u045b äöüéñ"
    with connection.cursor() as cursor:
        cursor.execute("SELECT crm_fold(%s)", [letters])
        assert cursor.fetchone()[0] == fold(letters)
