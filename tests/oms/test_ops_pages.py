"""Back office pages of orders: who may enter, what stands there, and acts whose refusals change nothing."""

from typing import Any

import pytest
from django.test import Client

from audit.models import Proposal
from oms.models import OrderNote, SavedView
from oms.workflows import routing
from tests.flows.chain import NOW, Chain, make_chain
from tests.staff import make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(make_staff(role))
    return client


PAGES = ["/ops/", "/ops/orders/", "/ops/exceptions/", "/ops/returns/", "/ops/find/?q=ana"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_open_for_agents_in_three_languages(chain: Chain, page: str) -> None:
    client = client_of("AGENT")
    for prefix, lang in (("", "sr-Latn"), ("/sr-cyrl", "sr-Cyrl"), ("/en", "en")):
        answer = client.get(prefix + page)
        assert answer.status_code == 200
        if "find" not in page:
            assert f'lang="{lang}"' in answer.text


@pytest.mark.parametrize("page", [*PAGES, "/ops/proposals/"])
def test_strangers_log_in_pickers_are_refused_and_a_second_factor_is_needed(chain: Chain, page: str) -> None:
    assert Client().get(page).headers["Location"].startswith("/accounts/login/?next=")
    assert client_of("PICKER").get(page).status_code == 403
    bare = make_staff("OPS_LEAD", has_second_factor=False)
    client = Client()
    client.force_login(bare)
    assert client.get(page).headers["Location"] == "/accounts/2fa/totp/activate/"


def test_list_finds_by_anything(chain: Chain) -> None:
    variant = chain.variant()
    wanted = chain.place((variant, 1), email="jelena@example.com", name="Jelena Perić", phone="+381641112223")
    other = chain.place((chain.variant(), 1), email="marko@example.com", name="Marko Tošić")
    client = client_of("AGENT")
    for text in (wanted.number, wanted.number[-6:], "jelena", "Perić", "064 111 2223", variant.sku):
        shown = client.get("/ops/orders/", {"q": text}).text
        assert wanted.number in shown, text
        assert other.number not in shown, text


def test_filters_stand_in_the_url_and_can_be_taken_off(chain: Chain) -> None:
    placed = chain.place((chain.variant(), 1))
    waits = chain.place((chain.variant(), 1), payment_method="BANK_TRANSFER")
    client = client_of("AGENT")
    shown = client.get("/ops/orders/?status=PENDING_PAYMENT&channel=web-rs").text
    assert waits.number in shown
    assert placed.number not in shown
    assert 'href="?channel=web-rs"' in shown
    assert client.get("/ops/orders/?status=NONSENSE&after=broken").status_code == 200
    assert placed.number in client.get("/ops/orders/?view=unrouted").text


def test_views_are_saved_for_their_owner(chain: Chain) -> None:
    client = client_of("AGENT")
    answer = client.post("/ops/orders/views/", {"name": "Moje", "query": "status=PLACED"})
    assert answer.headers["Location"] == "/ops/orders/?status=PLACED"
    assert "Moje" in client.get("/ops/orders/").text
    assert "Moje" not in client_of("OPS_LEAD").get("/ops/orders/").text
    assert SavedView.objects.count() == 1


def test_list_costs_the_same_for_one_order_and_for_twenty(
    chain: Chain, django_assert_max_num_queries: Any
) -> None:
    variant = chain.variant(stock=50)
    for _ in range(20):
        chain.place((variant, 1))
    client = client_of("AGENT")
    client.get("/ops/orders/")
    with django_assert_max_num_queries(22):
        client.get("/ops/orders/")


def test_order_page_shows_lines_money_and_timeline(chain: Chain) -> None:
    variant = chain.variant(price="1299.00")
    order = chain.place((variant, 2))
    shown = client_of("AGENT").get(f"/ops/orders/{order.number}/").text
    for text in (order.number, variant.sku, "2.888,00", "WH-1", "Ana Anić"):
        assert text in shown
    assert client_of("AGENT").get("/ops/orders/ORD-1999-000001/").status_code == 404


def test_acts_of_an_agent(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    client = client_of("AGENT")
    url = f"/ops/orders/{order.number}/"
    with nothing_changes():
        assert client.post(url + "hold/", {"reason": " "}).status_code == 302
    client.post(url + "hold/", {"reason": "check the address"})
    order.refresh_from_db()
    assert (order.status, order.hold_reason) == ("ON_HOLD", "check the address")
    client.post(url + "release/")
    client.post(url + "note/", {"text": "called the customer"})
    assert OrderNote.objects.get().text == "called the customer"
    with nothing_changes():
        assert client.get(url + "cancel/").status_code == 405, "no write in a GET"
    client.post(url + "cancel/", {"reason": "asked by phone"})
    order.refresh_from_db()
    assert (order.status, order.cancel_reason) == ("CANCELED", "asked by phone")


def test_auditor_reads_but_may_not_act(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    client = client_of("AUDITOR")
    assert client.get(f"/ops/orders/{order.number}/?trace=1").status_code == 200
    with nothing_changes():
        assert client.post(f"/ops/orders/{order.number}/cancel/", {"reason": "x"}).status_code == 403


def test_ops_lead_ratifies_many_and_is_told_row_by_row(chain: Chain) -> None:
    orders = [chain.place((chain.variant(), 1)) for _ in range(3)]
    ids = []
    for order in orders:
        decision = routing.propose_routing(order_id=order.pk, now=NOW)
        assert decision.proposal is not None
        ids.append(decision.proposal.public_id)
    client = client_of("OPS_LEAD")
    shown = client.get("/ops/proposals/").text
    assert all(order.number in shown for order in orders)
    with nothing_changes():
        client.post("/ops/proposals/decide/", {"id": ids, "act": "reject", "reason": ""})
    client.post("/ops/proposals/decide/", {"id": [*ids[:2], "unknown"], "act": "ratify"})
    states = dict(Proposal.objects.values_list("public_id", "state"))
    assert [states[i] for i in ids] == ["RATIFIED", "RATIFIED", "OPEN"]
    client.post("/ops/proposals/decide/", {"id": ids[2:], "act": "reject", "reason": "wrong store"})
    assert Proposal.objects.get(public_id=ids[2]).decision_reason == "wrong store"
    orders[0].refresh_from_db()
    assert orders[0].fulfillment_status == "ROUTED"


def test_agent_sees_proposals_but_may_not_ratify(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    client = client_of("AGENT")
    assert client.get(f"/ops/proposals/{decision.proposal.public_id}/").status_code == 200
    with nothing_changes():
        answer = client.post("/ops/proposals/decide/", {"id": [decision.proposal.public_id], "act": "ratify"})
    assert answer.status_code == 403


def test_exceptions_are_claimed_and_resolved_with_words(chain: Chain) -> None:
    from oms import operations as orders

    order = chain.place((chain.variant(), 1))
    found = orders.open_exception(
        kind="LATE_PLAN", order_id=order.pk, cause_key=order.number, detail={"a": "b"}, now=NOW
    )
    client = client_of("AGENT")
    assert order.number in client.get("/ops/exceptions/?kind=LATE_PLAN").text
    client.post(f"/ops/exceptions/{found.public_id}/", {"act": "claim"})
    with nothing_changes():
        client.post(f"/ops/exceptions/{found.public_id}/", {"act": "resolve", "resolution": ""})
    client.post(f"/ops/exceptions/{found.public_id}/", {"act": "resolve", "resolution": "customer agreed"})
    found.refresh_from_db()
    assert (found.state, found.resolution) == ("RESOLVED", "customer agreed")
    with nothing_changes():
        client.post(f"/ops/exceptions/{found.public_id}/", {"act": "resolve", "resolution": "again"})
