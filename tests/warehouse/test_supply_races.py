"""Fifty buyers and the last units under way. The race has a twin without the guards, which must promise more than comes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from oms.models import Basket, BasketLine, Order
from oms.workflows import baskets, cancellation, placing
from retail.doctor.examine import examine
from retail.kernel.errors import Refusal
from storefront.models import Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.preorders import ahead, bought, came, claimed
from warehouse.models import PurchaseOrderLine, Reservation, SupplyClaim
from warehouse.operations import supply

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
BUYERS, UNITS = 50, 7


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    return make_chain()


def buy(chain: Chain, basket: Basket, title: Variant, number: int) -> str:
    try:
        baskets.add_line(token=basket.token, sku=title.sku, quantity=1, now=NOW, is_preorder=True)
        checkout = chain.checkout(basket, email=f"kupac{number}@example.com")
        placing.place_order(checkout=checkout, by=None, now=NOW)
    except Refusal as refusal:
        return refusal.code
    return "PLACED"


def healthy() -> None:
    assert {f.check.name for f in examine() if f.violations and f.check.name != "outbox_drains"} == set()


def test_fifty_buyers_get_no_more_than_comes(chain: Chain, run_together: Together) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, UNITS))
    made = [chain.basket() for _ in range(BUYERS)]
    answers = run_together(BUYERS, lambda n: buy(chain, made[n], title, n))
    assert Counter(answers) == {"PLACED": UNITS, "OUT_OF_STOCK": BUYERS - UNITS}
    assert claimed(title) == UNITS
    assert SupplyClaim.objects.filter(state="ALLOCATED").count() == UNITS
    healthy()


def test_without_the_guards_more_is_promised_than_comes(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: neither the condition of the statement nor the rule of the table."""
    title = chain.variant(stock=0)
    bought(chain, (title, UNITS))
    line = PurchaseOrderLine.objects.get(variant=title)
    guard = "AND l.quantity_received + l.quantity_claimed + %(quantity)s <= l.quantity"
    assert guard in supply.CLAIM
    monkeypatch.setattr(supply, "CLAIM", supply.CLAIM.replace(guard, ""))
    rule = "purchase_line_not_overclaimed"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{rule}'")
        (definition,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE warehouse_purchaseorderline DROP CONSTRAINT {rule}")
    try:
        made = [chain.basket() for _ in range(BUYERS)]
        lines = [
            BasketLine.objects.create(
                basket=basket, variant=title, quantity=1, price_seen=1000, is_preorder=True
            )
            for basket in made
        ]
        answers = run_together(
            BUYERS,
            lambda n: supply.claim_line(
                line_id=line.pk, quantity=1, basket_line_id=lines[n].pk, state="HELD", expires_at=NOW, now=NOW
            ),
        )
        assert all(answers)
        assert claimed(title) == BUYERS > UNITS
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE warehouse_purchaseorderline SET quantity_claimed = 0")
            cursor.execute(f"ALTER TABLE warehouse_purchaseorderline ADD CONSTRAINT {rule} {definition}")


def test_a_delivery_meets_those_who_order_and_those_who_cancel(chain: Chain, run_together: Together) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 20))
    waiting = [ahead(chain, title) for _ in range(6)]
    made = [chain.basket() for _ in range(6)]

    def act(number: int) -> str:
        if number == 0:
            came(purchase, chain, title, 10)
            return "RECEIVED"
        if number <= 6:
            cancellation.cancel_order(order_id=waiting[number - 1].pk, reason="no", by=None, now=NOW)
            return "CANCELED"
        return buy(chain, made[number - 7], title, number)

    answers = Counter(run_together(13, act))
    assert answers["RECEIVED"] == 1
    assert answers["CANCELED"] == 6
    owed = Order.objects.filter(status="PLACED").count()
    assert owed == answers["PLACED"]
    live = SupplyClaim.objects.filter(state__in=["HELD", "ALLOCATED"], order_line__isnull=False).count()
    assert live + Reservation.objects.filter(state="ALLOCATED").count() == owed
    healthy()
