"""The bench's own world of discounts: what it prices, and in how many statements."""

import pytest

from bench import pricing
from crm.models import Discount
from retail.kernel import clock
from tests.flows.chain import make_chain

pytestmark = pytest.mark.django_db


def test_fifty_lines_under_two_hundred_discounts_take_two_statements() -> None:
    make_chain()
    found = pricing.measure(rounds=3)
    assert found["statements"] == 2
    assert not Discount.objects.exists()


def test_members_and_everyone_get_what_the_rows_say() -> None:
    make_chain()
    now = clock.now()
    world = pricing.make(now)
    quote = pricing._price(world, now)
    assert len(quote.offers.rules) == pricing.DISCOUNTS
    assert len(quote.offers.segments) == pricing.SEGMENTS // 5
    assert quote.priced.saved > 0
    assert sum(line.list_total for line in quote.priced.lines) - quote.priced.saved == quote.priced.total
