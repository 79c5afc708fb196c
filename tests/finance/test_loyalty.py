"""Points follow goods and money, and the books owe exactly what members have."""

from __future__ import annotations

import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from crm.models import LoyaltyAccount, LoyaltyEntry
from crm.operations import loyalty as crm
from finance.selectors import account_balance
from finance.workflows import loyalty
from oms.models import Order
from oms.workflows import cancellation, returns
from retail.doctor.examine import examine
from retail.kernel.models import LegalEntity
from tests.crm.members import earn, make_member, make_program
from tests.factories import NOW, make_customer
from tests.flows.chain import Chain, make_chain
from tests.flows.test_lifecycle import send
from tests.unchanged import nothing_changes
from warehouse import workflows as goods

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    made = make_chain()
    make_program()
    return made


def bought(chain: Chain, price: str, *, units: int = 1) -> Order:
    """A member's order, cash on delivery, dispatched and delivered; nothing is paid yet."""
    customer = make_customer(name="Ana Anić", email="ana@example.com")
    make_member(customer)
    order = chain.place((chain.variant(price=price), units), customer_id=customer.pk)
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    order.refresh_from_db()
    return order


def pay(order: Order) -> None:
    """The sums as the courier's list leaves them; the books of the payment are not what is looked at here."""
    Order.objects.filter(pk=order.pk).update(captured_total=order.due_total, authorized_total=order.due_total)


def entries() -> list[tuple[str, int, str]]:
    return [(one.reason, one.points, str(one.value)) for one in LoyaltyEntry.objects.order_by("pk")]


def owed() -> Decimal:
    return -account_balance(entity_id=LegalEntity.objects.get().pk, code="495")


def agrees() -> None:
    names = {"points_owed_match_ledger", "loyalty_points_match_entries", "ledger_balances"}
    assert {one.check.name for one in examine() if one.violations} & names == set()


def test_points_come_when_goods_left_and_are_paid_and_only_once(chain: Chain) -> None:
    order = bought(chain, "1250.00")
    with nothing_changes():
        assert loyalty.settle_points(order_id=order.pk, now=NOW) == []
    pay(order)
    for _ in range(2):
        loyalty.settle_points(order_id=order.pk, now=NOW)
    assert entries() == [("EARNED", 12, "12.00")]
    entry = LoyaltyEntry.objects.get()
    assert (entry.order_number, entry.expires_on, entry.rate) == (
        order.number,
        date(NOW.year + 2, NOW.month, NOW.day),
        Decimal("0.010000"),
    )
    assert owed() == Decimal("12.00")
    assert LoyaltyAccount.objects.get().points == 12
    agrees()


def test_what_comes_back_takes_its_points_back(chain: Chain) -> None:
    order = bought(chain, "1000.00", units=3)
    pay(order)
    loyalty.settle_points(order_id=order.pk, now=NOW)
    sku = order.lines.get(kind="GOODS").sku
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(sku, 1, "DAMAGED")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    returns.receive_return(
        number=asked.number,
        location_code="S-001",
        lines=[returns.Arrived(sku, 1, "RESTOCK")],
        by=chain.bojan,
        now=NOW,
    )
    loyalty.settle_points(order_id=order.pk, now=NOW)
    loyalty.settle_points(order_id=order.pk, now=NOW)
    assert entries() == [("EARNED", 30, "30.00"), ("REVERSED", -10, "-10.00")]
    assert owed() == Decimal("20.00")
    agrees()


def test_spending_lifts_the_tier_and_the_order_keeps_its_rate(chain: Chain) -> None:
    order = bought(chain, "4000.00")
    pay(order)
    loyalty.settle_points(order_id=order.pk, now=NOW)
    account = LoyaltyAccount.objects.select_related("tier").get()
    assert (account.tier.code, account.points) == ("zlatni", 40)
    loyalty.settle_points(order_id=order.pk, now=NOW)
    assert LoyaltyAccount.objects.get().points == 40

    # A year later nothing of it counts.
    assert loyalty.retier(now=NOW + timedelta(days=400)) == 1
    assert LoyaltyAccount.objects.get().tier.code == "osnovni"


def test_points_pay_and_come_back_with_a_canceled_order(chain: Chain) -> None:
    customer = make_customer(name="Ana Anić", email="ana@example.com")
    make_member(customer)
    earn(customer, 300)
    order = chain.place((chain.variant(price="1000.00"), 1), customer_id=customer.pk)
    loyalty.burn_points(order=order, points=200, by=None, now=NOW)
    assert (LoyaltyAccount.objects.get().points, owed()) == (100, Decimal("100.00"))
    cancellation.cancel_order(order_id=order.pk, reason="x", by=None, now=NOW)
    for _ in range(2):
        loyalty.settle_points(order_id=order.pk, now=NOW)
    assert entries() == [
        ("EARNED", 300, "300.00"),
        ("BURNED", -200, "-200.00"),
        ("RELEASED", 200, "200.00"),
    ]
    assert (LoyaltyAccount.objects.get().points, owed()) == (300, Decimal("300.00"))
    agrees()


def test_more_than_there_is_cannot_be_used(chain: Chain) -> None:
    customer = make_customer(name="Ana Anić", email="ana@example.com")
    make_member(customer)
    earn(customer, 50)
    order = chain.place((chain.variant(price="1000.00"), 1), customer_id=customer.pk)
    stranger = chain.place((chain.variant(price="1000.00"), 1), email="petar@example.com")
    with nothing_changes(), pytest.raises(crm.NotEnoughPoints):
        loyalty.burn_points(order=order, points=51, by=None, now=NOW)
    with nothing_changes(), pytest.raises(crm.NoMember):
        loyalty.burn_points(order=stranger, points=1, by=None, now=NOW)


def test_points_past_their_day_go_and_the_books_with_them(chain: Chain) -> None:
    customer = make_customer(name="Ana Anić", email="ana@example.com")
    make_member(customer)
    earn(customer, 100, expires_on=date(2027, 1, 31))
    earn(customer, 40, expires_on=date(2027, 6, 30))
    february = NOW.replace(year=2027, month=2, day=1)
    assert loyalty.expire_points(now=february) == 1
    assert loyalty.expire_points(now=february) == 0
    assert entries()[-1] == ("EXPIRED", -100, "-100.00")
    assert (LoyaltyAccount.objects.get().points, owed()) == (40, Decimal("40.00"))
    agrees()


def test_new_numbers_leave_what_was_earned(chain: Chain) -> None:
    with transaction.atomic():
        crm.save_program(
            currency="RSD",
            spend_per_point=Decimal(50),
            point_value=Decimal("0.50"),
            expiry_months=6,
            window_months=12,
            burn_points_min=10,
            burn_percent_max=Decimal(20),
            by=None,
            now=NOW,
        )
    before = loyalty.program_at(currency="RSD", moment=NOW - timedelta(days=1))
    after = loyalty.program_at(currency="RSD", moment=NOW)
    assert before is not None and after is not None
    assert (before.spend_per_point, after.spend_per_point) == (Decimal(100), Decimal(50))
    bad: dict[str, Any] = {"spend_per_point": Decimal(0), "point_value": Decimal(1)}
    with nothing_changes(), pytest.raises(crm.BadProgram):
        crm.save_program(
            currency="RSD",
            expiry_months=6,
            window_months=12,
            burn_points_min=10,
            burn_percent_max=Decimal(20),
            by=None,
            now=NOW,
            **bad,
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False])
def test_two_handlers_of_one_order_earn_once(run_together: Any, monkeypatch: Any, is_guarded: bool) -> None:
    """With the lock off both read that nothing was earned, and one of them is refused by the constraint."""
    chain = make_chain()
    make_program()
    order = bought(chain, "1000.00")
    pay(order)
    if not is_guarded:
        monkeypatch.setattr(
            crm,
            "lock_member",
            lambda *, customer_id: LoyaltyAccount.objects.select_related("tier").get(customer_id=customer_id),
        )
        slow = loyalty._state_of

        def read_and_wait(found: Order) -> Any:
            state = slow(found)
            time.sleep(0.5)
            return state

        monkeypatch.setattr(loyalty, "_state_of", read_and_wait)
    answers = run_together(2, lambda _: len(loyalty.settle_points(order_id=order.pk, now=NOW)))
    written = LoyaltyEntry.objects.count()
    assert written == 1
    # Guarded: the second one sees the entry. Unguarded: it had not seen it, only the constraint stopped it.
    assert sorted(answers) == [0, 1]
