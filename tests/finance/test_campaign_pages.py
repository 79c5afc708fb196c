"""The pages of what a campaign brought: who sees them, that they say what the rows say, and where each figure leads."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from bench.counting import counted, number_of
from crm.models import Campaign, CampaignVisit
from crm.operations import record_visit
from crm.operations.visits import PER_HOUR_MAX
from finance import selectors
from oms.models import Basket, Order
from tests.api.integrator import Api
from tests.factories import make_entity
from tests.finance.campaigning import taken_off
from tests.finance.test_campaign_report import line_of
from tests.finance.test_pages import text_of
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import send
from tests.oms import offering
from tests.staff import client_of, make_staff
from tests.storefront.shopping import open_shop
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def campaign() -> Campaign:
    # Pages read the real clock: on since long ago.
    return offering.campaign(
        "jesen", name="Jesen", budget=("MONEY", "5000.00"), start=datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.fixture
def order(chain: Chain, campaign: Campaign) -> Order:
    """Three of 1,100.00 less 20 %, sent."""
    fifth_off = offering.discount("jesen-20", value="20.00", campaign=campaign)
    variant = chain.variant(price="1100.00", stock=10)
    offering.target(fifth_off, variant)
    placed = chain.place((variant, 3))
    taken_off(line_of(placed), fifth_off, "660.00")
    send(chain, placed)
    return placed


def get(client: Client, path: str = "") -> Any:
    answer = client.get(f"/en/ops/campaigns/{path}")
    assert answer.status_code == 200, answer.content[:500]
    return answer


def test_the_report_says_both_sides(order: Order, campaign: Campaign) -> None:
    page = text_of(get(client_of(make_staff("MERCHANDISER")), "jesen/"))
    for said in (
        "Papers = ledger",
        "Sold, without VAT 2,400.00 2,400.00 0.00",
        "Margin 1,200.00 1,200.00 0.00",
        "Discount given, in the revenue already 600.00 600.00 0.00",
        "Attributed revenue",
    ):
        assert said in page, page
    assert "Incremental" not in page


def test_every_figure_opens_its_rows(order: Order, campaign: Campaign) -> None:
    client = client_of(make_staff("ACCOUNTANT"))
    page = get(client, "jesen/").content.decode()
    links = {
        unescape(link) for link in re.findall(r'href="([^"]*/ops/(?:campaigns/jesen|orders/\?)[^"]*)"', page)
    }
    assert len(links) >= 9
    for link in sorted(links):
        assert client.get(link).status_code == 200, link
    lines = text_of(get(client, "jesen/entries/?part=discount&own=1"))
    assert "600.00" in lines and "3,000.00" not in lines
    assert order.number in text_of(get(client, "jesen/lines/"))
    orders = client.get("/en/ops/orders/?campaign=jesen").content.decode()
    assert order.number in orders
    assert order.number not in client.get("/en/ops/orders/?campaign=zima").content.decode()


def test_the_list_shows_every_campaign(order: Order, campaign: Campaign) -> None:
    offering.campaign("prolece", name="Proleće", state="DRAFT")
    client = client_of(make_staff("OPS_LEAD"))
    page = text_of(get(client))
    assert "Jesen On now" in page and "Proleće Draft" in page
    assert "Proleće" not in text_of(get(client, "?state=RATIFIED"))
    counts = []
    for _ in range(2):
        with counted() as sent:
            get(client)
        counts.append(number_of(sent))
        for _ in range(5):
            offering.campaign()
    assert counts[0] == counts[1]


def test_only_who_may(campaign: Campaign) -> None:
    for path in ("", "jesen/", "jesen/lines/", "jesen/entries/", "jesen/views/"):
        assert client_of(make_staff("PICKER")).get(f"/en/ops/campaigns/{path}").status_code == 403
        assert client_of(None).get(f"/en/ops/campaigns/{path}").status_code == 302
    assert client_of(make_staff("AUDITOR")).get("/en/ops/campaigns/no/").status_code == 404


def test_staff_of_another_company_see_none_of_it(chain: Chain, order: Order, campaign: Campaign) -> None:
    bound = make_staff("ACCOUNTANT")
    bound.entities.add(make_entity(code="druga"))
    client = client_of(bound)
    assert "2,400.00" not in text_of(get(client, "jesen/"))
    assert order.number not in text_of(get(client, "jesen/lines/"))
    assert order.number not in text_of(get(client, "jesen/entries/"))


def test_the_api_says_the_same(order: Order, campaign: Campaign) -> None:
    answer = Api("finance:read").get("campaigns/jesen/report")
    assert answer.status_code == 200
    told = answer.json()
    money = {"amount": "2400.00", "currency": "RSD"}
    nothing = {"amount": "0.00", "currency": "RSD"}
    assert told["figures"]["sold"] == {"papers": money, "ledger": money, "difference": nothing}
    assert (told["orders"], told["units_sold"], told["effect"]) == (1, 3, None)
    assert told["budget"]["limit"] == "5000.00"
    missing = Api("finance:read").get("campaigns/none/report")
    assert (missing.status_code, missing.json()["code"]) == (404, "UNKNOWN_CAMPAIGN")


def test_views_are_counted_for_browsers_a_few_times_an_hour(chain: Chain, campaign: Campaign) -> None:
    with open_shop():
        browser = Client(headers={"user-agent": "Mozilla/5.0", "hx-current-url": "http://x/jesen/?q=ime"})
        for _ in range(PER_HOUR_MAX + 5):
            assert browser.post("/campaigns/jesen/seen/").status_code == 204
        assert CampaignVisit.objects.count() == PER_HOUR_MAX
        visit = CampaignVisit.objects.order_by("pk")[0]
        assert (visit.path, visit.customer_id, len(visit.visit_hash)) == ("/jesen/", None, 64)
        with nothing_changes():
            Client(headers={"user-agent": "Googlebot/2.1"}).post("/campaigns/jesen/seen/")
            browser.post("/campaigns/no-such/seen/")
            assert browser.get("/campaigns/jesen/seen/").status_code == 405
    strict = Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0"})
    assert strict.post("/campaigns/jesen/seen/").status_code == 403


def test_a_campaign_that_is_not_on_is_not_counted(campaign: Campaign) -> None:
    def seen(**values: Any) -> bool:
        return record_visit(**{"slug": "jesen", "visit_hash": "x", "path": "/", "now": NOW, **values})

    assert seen()
    assert seen(visit_hash="y")
    assert not seen(now=NOW - timedelta(days=500))
    Campaign.objects.update(ends_at=NOW)
    assert not seen()
    Campaign.objects.update(ends_at=None, state="ENDED")
    assert not seen()


def test_baskets_are_those_of_who_saw_a_page(chain: Chain, campaign: Campaign) -> None:
    record_visit(slug="jesen", visit_hash="seen", path="/", now=NOW)
    for client_hash in ("seen", "other", ""):
        Basket.objects.create(
            channel=chain.channel,
            client_hash=client_hash,
            created_at=NOW,
            touched_at=NOW + timedelta(hours=1),
        )
    shown = selectors.campaign_figures(campaign_ids=[campaign.pk])[campaign.pk]
    assert (shown.views, shown.visitors, shown.baskets, shown.ordered) == (1, 1, 1, Decimal("0.00"))


def test_its_orders_are_credited_after_they_were_shown(order: Order, campaign: Campaign) -> None:
    client = client_of(make_staff("OPS_LEAD"))
    address = "/en/ops/campaigns/jesen/undo/"
    assert order.number in text_of(client.get(address))
    with nothing_changes():
        refused = client.post(address, {"apply": "1"})
        assert (refused.status_code, "Choose the orders first." in text_of(refused)) == (422, True)
        shown = client.post(address, {"orders": [order.number]})
    page = text_of(shown)
    assert "asked back 3" in page and "3,000.00" in page and "600.00" in page
    done = client.post(address, {"orders": [order.number], "apply": "1"})
    assert done.status_code == 302
    assert order.returns.get().status == "REQUESTED"
    assert "No order to decide" in text_of(client.get(address))
    assert client_of(make_staff("MERCHANDISER")).get(address).status_code == 403
