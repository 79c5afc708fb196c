"""Both sides of a campaign's report agree at every instant, also while its orders are sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from crm.models import Campaign
from finance import selectors
from finance.selectors import CampaignFigures
from oms.models import Order
from tests.finance.campaigning import taken_off
from tests.flows.chain import Chain, make_chain
from tests.flows.test_lifecycle import send
from tests.oms import offering

pytestmark = pytest.mark.django_db(transaction=True)
ORDERS = 4


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    return make_chain()


@pytest.fixture
def campaign(chain: Chain) -> Campaign:
    return offering.campaign("jesen")


@pytest.fixture
def placed(chain: Chain, campaign: Campaign) -> list[Order]:
    fifth_off = offering.discount("jesen-20", value="20.00", campaign=campaign)
    variant = chain.variant(price="1100.00", stock=50)
    offering.target(fifth_off, variant)
    found = [chain.place((variant, 1)) for _ in range(ORDERS)]
    for order in found:
        taken_off(order.lines.get(kind="GOODS"), fifth_off, "220.00")
    return found


def figures(campaign: Campaign) -> CampaignFigures:
    return selectors.campaign_figures(campaign_ids=[campaign.pk])[campaign.pk]


def test_no_reader_ever_sees_a_difference(
    chain: Chain, campaign: Campaign, placed: list[Order], run_together: Callable[..., list[Any]]
) -> None:
    is_over = threading.Event()

    def act(number: int) -> list[tuple[Decimal, Decimal]]:
        if number == 0:
            try:
                for order in placed:
                    send(chain, order)
            finally:
                is_over.set()
            return []
        seen = []
        while not is_over.is_set():
            shown = figures(campaign)
            seen.append((shown.ledger.sold, shown.difference))
        return seen

    _, seen = run_together(2, act)
    assert {difference for _, difference in seen} == {Decimal("0.00")}
    assert seen[0][0] < figures(campaign).ledger.sold == Decimal("800.00") * ORDERS


def test_two_statements_would_see_one(chain: Chain, campaign: Campaign, placed: list[Order]) -> None:
    """The control: papers of one moment beside the ledger of the next."""
    before = figures(campaign).papers
    send(chain, placed[0])
    assert before != figures(campaign).ledger
