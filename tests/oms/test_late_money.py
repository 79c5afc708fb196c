"""Money after the deadline: the order lives again when everything can be had, else the money goes back."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from finance import workflows as money
from finance.models import Payment, Refund
from oms.models import Order
from oms.workflows import cancellation
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import healthy
from warehouse.models import StockItem

pytestmark = pytest.mark.django_db
LATE = NOW + timedelta(days=8)


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def pay(chain: Chain, order: Order, amount: str = "", *, key: str = "late", at: datetime = LATE) -> None:
    payment = Payment.objects.filter(order=order).latest("attempt")
    money.import_bank_statement(
        account=chain.entity.bank_account,
        text=(
            "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
            f"{key}-{order.pk},{at.date()},{amount or order.total},RSD,{payment.reference},Ana Anić,265-0000000000017-57,placanje\n"
        ),
        by=None,
        now=at,
    )
    order.refresh_from_db()


def test_late_money_revives_the_order_when_everything_can_be_had(chain: Chain) -> None:
    variant = chain.variant(stock=3)
    order = chain.place((variant, 2), payment_method="BANK_TRANSFER")
    assert cancellation.cancel_overdue_orders(now=LATE) == 1
    pay(chain, order)
    assert (order.status, order.payment_status, order.due_total) == ("PLACED", "PAID", order.total)
    assert StockItem.objects.get(variant=variant).reserved == 2
    assert not Refund.objects.exists()
    healthy()


def test_late_money_goes_back_when_the_units_are_gone(chain: Chain) -> None:
    variant = chain.variant(stock=2)
    order = chain.place((variant, 2), payment_method="BANK_TRANSFER")
    cancellation.cancel_overdue_orders(now=LATE)
    chain.place((variant, 1), now=LATE)
    pay(chain, order)
    assert (order.status, order.due_total) == ("CANCELED", Decimal("0.00"))
    assert [r.amount for r in Refund.objects.all()] == [order.total]
    assert StockItem.objects.get(variant=variant).reserved == 1
    healthy()


def test_an_order_that_the_shopper_canceled_stays_canceled(chain: Chain) -> None:
    variant = chain.variant(stock=2)
    order = chain.place((variant, 1), payment_method="BANK_TRANSFER")
    cancellation.cancel_order(order_id=order.pk, reason="changed mind", by=None, now=NOW, is_shopper=True)
    pay(chain, order)
    assert order.status == "CANCELED"
    assert [r.amount for r in Refund.objects.all()] == [order.total]
    assert StockItem.objects.get(variant=variant).reserved == 0
    healthy()


def test_a_part_that_goes_back_already_pays_for_nothing(chain: Chain) -> None:
    """Half came in time and goes back with the cancellation; the other half, late, does not cover the order together with it."""
    variant = chain.variant(price="1000.00", stock=5)
    order = chain.place((variant, 2), payment_method="BANK_TRANSFER")
    assert order.total == Decimal("2290.00")
    pay(chain, order, "1290.00", key="part", at=NOW)
    assert cancellation.cancel_overdue_orders(now=LATE) == 1
    assert [(r.amount, r.state) for r in Refund.objects.all()] == [(Decimal("1290.00"), "PENDING")]
    pay(chain, order, "1290.00")
    assert (order.status, order.due_total, order.captured_total) == (
        "CANCELED",
        Decimal("0.00"),
        Decimal("2580.00"),
    )
    assert sorted(r.amount for r in Refund.objects.all()) == [Decimal("1290.00")] * 2
    assert StockItem.objects.get(variant=variant).reserved == 0
    healthy()


def test_the_whole_sum_revives_it_while_the_part_goes_back(chain: Chain) -> None:
    variant = chain.variant(price="1000.00", stock=5)
    order = chain.place((variant, 2), payment_method="BANK_TRANSFER")
    pay(chain, order, "1290.00", key="part", at=NOW)
    cancellation.cancel_overdue_orders(now=LATE)
    pay(chain, order)
    assert (order.status, order.due_total, order.captured_total) == (
        "PLACED",
        Decimal("2290.00"),
        Decimal("3580.00"),
    )
    assert [r.amount for r in Refund.objects.all()] == [Decimal("1290.00")]
    assert StockItem.objects.get(variant=variant).reserved == 2
    healthy()
