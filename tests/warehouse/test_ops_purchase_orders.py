"""The purchase order in the back office: who waits for it, and the supplier's news that change it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from django.test import Client

from oms.models import OrderException
from retail.kernel import clock
from storefront.models import Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.preorders import COMES, ahead, bought, claims
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from warehouse.models import PurchaseOrder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


@pytest.fixture
def chain(db: None) -> Iterator[Chain]:
    with clock.standing_at(NOW):
        yield make_chain()


@pytest.fixture
def lead(chain: Chain) -> Client:
    return client_of(make_staff("OPS_LEAD", name="Dragan"))


@pytest.fixture
def title(chain: Chain) -> Variant:
    return chain.variant(stock=0)


@pytest.fixture
def purchase(chain: Chain, title: Variant) -> PurchaseOrder:
    return bought(chain, (title, 5))


def path(purchase: PurchaseOrder, act: str = "") -> str:
    return f"/ops/purchase-orders/{purchase.number}/{act}"


def test_who_waits_is_shown_in_the_order_of_serving(
    chain: Chain, lead: Client, title: Variant, purchase: PurchaseOrder
) -> None:
    assert "Who waits for it" not in lead.get(path(purchase)).text
    orders = [ahead(chain, title, 2), ahead(chain, title, 1)]
    page = lead.get(path(purchase)).text
    places = [page.index(f">{order.number}</a>") for order in orders]
    assert places == sorted(places)
    assert '<td class="end num" data-label="Pre-ordered">3</td>' in page
    told = lead.get(f"/ops/stock/?sku={title.sku}").text
    assert "3 spoken for by pre-orders" in told


def test_another_day_is_taken_over_and_told(
    chain: Chain, lead: Client, title: Variant, purchase: PurchaseOrder
) -> None:
    order = ahead(chain, title, 2)
    answer = lead.post(path(purchase, "change/"), {"expected_on": "2026-12-14"}, follow=True)
    assert f"The date of {purchase.number} is changed." in answer.text
    purchase.refresh_from_db()
    order.refresh_from_db()
    assert (purchase.expected_on, order.promised_on) == (date(2026, 12, 14), date(2026, 12, 16))


@pytest.mark.parametrize("day", ["", "14.12.2026", "2026-12-01"])
def test_a_day_that_is_none_or_is_over_changes_nothing(
    chain: Chain, lead: Client, title: Variant, purchase: PurchaseOrder, day: str
) -> None:
    ahead(chain, title, 2)
    with nothing_changes():
        answer = lead.post(path(purchase, "change/"), {"expected_on": day})
    assert answer.status_code == 302
    purchase.refresh_from_db()
    assert purchase.expected_on == COMES


def test_canceled_it_is_a_case_of_who_waited_and_stays_canceled(
    chain: Chain, lead: Client, title: Variant, purchase: PurchaseOrder
) -> None:
    order = ahead(chain, title, 2)
    page = lead.post(path(purchase, "change/"), {"cancel": "1"}, follow=True).text
    assert f"Nothing more is to come of {purchase.number}." in page
    assert 'name="expected_on"' not in page
    purchase.refresh_from_db()
    assert (purchase.status, claims(title)) == ("CANCELED", [(2, "RELEASED")])
    assert OrderException.objects.get(order=order).kind == "DISPLACED_CLAIM"
    with nothing_changes():
        lead.post(path(purchase, "change/"), {"expected_on": "2026-12-14"})


def test_only_who_may_correct_the_stock_of_its_place_may_change_it(
    chain: Chain, title: Variant, purchase: PurchaseOrder
) -> None:
    agent = client_of(make_staff("AGENT"))
    mira = make_staff("OPS_LEAD", name="Mira")
    mira.locations.set([chain.store])
    elsewhere = client_of(mira)
    for who, code in ((agent, 403), (elsewhere, 404), (Client(), 302)):
        with nothing_changes():
            answer = who.post(path(purchase, "change/"), {"cancel": "1"})
        assert answer.status_code == code
    page = agent.get(path(purchase)).text
    assert title.sku in page
    assert 'name="expected_on"' not in page
