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
# Placed by each of two doors meanwhile.
COMING = 10


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


def test_orders_that_come_in_while_it_is_read_never_tear_it(
    chain: Chain, campaign: Campaign, placed: list[Order], run_together: Callable[..., list[Any]]
) -> None:
    """Two doors take orders as fast as they can, a warehouse sends older ones, a reader looks all the time."""
    variant = placed[0].lines.get(kind="GOODS").variant
    assert variant is not None
    working = [threading.Event() for _ in range(3)]

    def read() -> list[CampaignFigures]:
        seen = [figures(campaign)]
        while not all(each.is_set() for each in working):
            seen.append(figures(campaign))
        return seen

    def act(number: int) -> list[CampaignFigures]:
        if number == len(working):
            return read()
        try:
            if number == 0:
                for order in placed:
                    send(chain, order)
            else:
                for _ in range(COMING):
                    chain.place((variant, 1))
        finally:
            working[number].set()
        return []

    *_, seen = run_together(4, act)
    last = figures(campaign)
    assert {each.difference for each in [*seen, last]} == {Decimal("0.00")}
    # Each order brings its unit, its sum and its discount at once.
    for each in [*seen, last]:
        assert (each.units, each.ordered, each.promised) == (
            each.orders,
            Decimal("880.00") * each.orders,
            Decimal("220.00") * each.orders,
        )
    assert seen[0].orders < last.orders == ORDERS + 2 * COMING
    assert last.ledger.sold == Decimal("800.00") * ORDERS


def test_two_statements_would_see_one(chain: Chain, campaign: Campaign, placed: list[Order]) -> None:
    """The control: papers of one moment beside the ledger of the next."""
    before = figures(campaign).papers
    send(chain, placed[0])
    assert before != figures(campaign).ledger
