"""Any sequence of partial parcels, cancellations and returns ends at zero to the para."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance import rules, selectors
from finance import workflows as money
from finance.models import FiscalReceipt, JournalEntry
from finance.rules import Line, Sold
from oms import operations as orders
from oms.models import Order, OrderLine
from oms.rules import part_of
from retail.kernel.money import from_paras
from tests.factories import NOW, Sells, goods_lines, goods_of, make_return
from tests.finance.shop import Shop, all_of, build, posted
from tests.unchanged import nothing_changes
from warehouse.models import StockMove

pytestmark = pytest.mark.django_db

PLAN = st.fixed_dictionaries(
    {
        "lines": st.lists(
            st.tuples(st.integers(1, 4), st.integers(1, 99_999), st.sampled_from(["BOOKS", "STANDARD"])),
            min_size=1,
            max_size=3,
        ),
        "fee": st.sampled_from([0, 1, 29_900]),
        "cost": st.integers(1, 50_000),
        "paper": st.sampled_from(["FISCAL", "FISCAL_COMPANY", "SEF"]),
        "method": st.sampled_from(["CASH_ON_DELIVERY", "BANK_TRANSFER"]),
        "dice": st.randoms(use_true_random=False),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLAN)
def test_everything_sent_in_parts_and_returned_in_parts_ends_at_zero(
    shop: Shop, plan: dict[str, Any]
) -> None:
    """Goods, revenue, tax, receivable and advance: what the order moved is undone, to the para."""
    order = shop.order(
        *(Sells(units, str(from_paras(paras)), tax_class) for units, paras, tax_class in plan["lines"]),
        delivery=str(from_paras(plan["fee"])),
        cost=str(from_paras(plan["cost"])),
        method=plan["method"],
        paper=plan["paper"],
        status="PLACED" if plan["method"] == "CASH_ON_DELIVERY" else "PENDING_PAYMENT",
    )
    _pay_ahead(shop, order)
    dice = plan["dice"]
    for wanted in _parts(order, "dispatched", dice):
        shop.dispatch(order, wanted, tracking=f"T-{order.pk}-{wanted[0][0].pk}-{dice.random()}")
    for wanted in _parts(order, "returned", dice):
        made = make_return(order, wanted, buyer_id="" if order.company_pib else "123456789")
        shop.receive(made, wanted)
    fee = list(order.lines.filter(kind="DELIVERY"))
    if fee:
        made = make_return(order, [(fee[0], 1)], buyer_id="" if order.company_pib else "123456789")
        money.post_return(return_id=made.pk, goods=[], sold=[Sold(fee[0].pk, 1)], by=None, now=NOW)

    left = {
        code: amount for code, amount in selectors.order_balances(order_number=order.number).items() if amount
    }
    money_in = order.total if plan["method"] == "BANK_TRANSFER" else Decimal(0)
    # What was paid is owed back; an unpaid courier's debt and the buyer's credit meet at zero.
    assert left.pop("241", Decimal(0)) == money_in
    assert left.pop("204", Decimal(0)) + left.pop("2281", Decimal(0)) == -money_in
    # With an invoice the net is the UBL base: what the last parts differ by lies between 604, 614 and the rounding accounts.
    net = sum((left.pop(code, Decimal(0)) for code in ("604", "614", "579", "679")), Decimal(0))
    assert (left, net) == ({}, Decimal(0))
    assert all(rules.rest_of(sale) == [] for sale in selectors.sales_of_order(order=order))
    assert shop.inventory_agrees()


def _pay_ahead(shop: Shop, order: Order) -> None:
    if order.payment_method == "CASH_ON_DELIVERY":
        shop.cod_payment(order)
        return
    payment = shop.transfer_payment(order)
    half = (order.total / 2).quantize(Decimal("0.01"))
    amounts = [amount for amount in (half, order.total - half) if amount]
    report = shop.statement(
        *(
            {"line_key": f"{order.pk}-{place}", "amount": str(amount), "reference": payment.reference}
            for place, amount in enumerate(amounts)
        )
    )
    assert report.errors == []


def _parts(order: Order, step: str, dice: Any) -> list[list[tuple[OrderLine, int]]]:
    """The units of the order in random bundles."""
    units = [line for line in goods_lines(order) for _ in range(line.quantity)]
    dice.shuffle(units)
    bundles = []
    while units:
        size = dice.randint(1, len(units))
        bundle, units = units[:size], units[size:]
        bundles.append([(line, bundle.count(line)) for line in dict.fromkeys(bundle)])
    return bundles


@given(
    paras=st.integers(0, 10_000_000),
    quantity=st.integers(1, 12),
    cuts=st.lists(st.integers(1, 12), max_size=12),
    canceled=st.integers(0, 11),
)
def test_parts_of_a_line_sum_to_what_is_kept_of_it(
    paras: int, quantity: int, cuts: list[int], canceled: int
) -> None:
    canceled = min(canceled, quantity - 1)
    total, sold, gross = from_paras(paras), 0, Decimal("0.00")
    line = Line(1, "GOODS", "x", "", quantity, total, Decimal(10), 0, Decimal("0.00"), canceled)
    for units in [*cuts, quantity]:
        units = min(units, quantity - canceled - sold)
        if units == 0:
            break
        line = Line(1, "GOODS", "x", "", quantity, total, Decimal(10), sold, gross, canceled)
        gross += line.gross_of(units)
        sold += units

    assert sold == quantity - canceled
    assert gross == total - part_of(total=total, quantity=quantity, done=0, part=canceled)


@given(parts=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 99_999)), min_size=1, max_size=5))
def test_receipt_items_multiply_exactly_and_are_read_back(parts: list[tuple[int, int]]) -> None:
    made = [
        rules.Part(
            number,
            "GOODS",
            f"x{number}",
            "",
            quantity,
            from_paras(paras),
            from_paras(paras // 11),
            Decimal("10.00"),
        )
        for number, (quantity, paras) in enumerate(parts)
    ]

    items = rules.receipt_items(made)

    assert all(Decimal(item["unit_price"]) * item["quantity"] == Decimal(item["total"]) for item in items)
    assert rules.parts_of_items(items) == made


def test_canceled_units_are_not_charged(shop: Shop) -> None:
    order = shop.order(Sells(3, "100.00"), method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    shop.cod_payment(order)
    with transaction.atomic():
        owed_less = orders.record_cancellation(
            order=orders.lock_order(order_id=order.pk),
            lines=[(line.pk, 1)],
            reason="x",
            now=NOW,
            is_whole=False,
        )
    line.refresh_from_db()

    first = shop.dispatch(order, [(line, 1)], tracking="T1")
    second = shop.dispatch(order, [(line, 1)], tracking="T2")

    amounts = [
        Decimal({c: a for c, _, a in posted("dispatch", one.number)}["2281"]) for one in (first, second)
    ]
    assert sum(amounts) + owed_less == Decimal("100.00")
    assert [str(amount) for amount in amounts] == ["33.34", "33.33"]
    assert str(selectors.collectable(order_id=order.pk, sold=[])) == "0.00"


def test_return_names_the_receipt_that_sold_it_first(shop: Shop) -> None:
    order = shop.order(Sells(3, "100.00"), method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    shop.cod_payment(order)
    shop.dispatch(order, [(line, 1)], tracking="T1")
    shop.dispatch(order, [(line, 2)], tracking="T2")

    shop.take_back(order, [(line, 2)])

    first, second, of_first, of_second = FiscalReceipt.objects.filter(order=order).order_by("pk")
    assert [(str(one.total), one.referent) for one in (of_first, of_second)] == [
        ("33.33", first),
        ("33.34", second),
    ]
    assert selectors.preview_return(order_id=order.pk, sold=[Sold(line.pk, 1)]) == {line.pk: Decimal("33.33")}


def test_more_than_was_sold_is_not_taken_back(shop: Shop) -> None:
    order = shop.order(Sells(2, "100.00"), method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    shop.cod_payment(order)
    shop.dispatch(order, [(line, 1)], tracking="T1")
    made = make_return(order, [(line, 2)])
    goods, sold = goods_of([(line, 2)])

    with nothing_changes(), pytest.raises(rules.BeyondSold):
        money.post_return(return_id=made.pk, goods=goods, sold=sold, by=None, now=NOW)


def test_same_return_is_posted_once(shop: Shop) -> None:
    order = shop.order(Sells(2, "100.00"), method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    made, _ = shop.take_back(order, [(line, 1)])
    goods, sold = goods_of([(line, 1)])

    with nothing_changes(), pytest.raises(money.AlreadyPosted):
        money.post_return(return_id=made.pk, goods=goods, sold=sold, by=None, now=NOW)


# Races


def _sold_one(method: str = "CASH_ON_DELIVERY") -> tuple[Shop, Order, OrderLine]:
    shop = build()
    order = shop.order(Sells(1, "1100.00"), method=method, status="PLACED")
    [line] = goods_lines(order)
    shop.cod_payment(order)
    shop.dispatch(order, [(line, 1)], tracking="T1")
    return shop, order, line


@pytest.mark.django_db(transaction=True)
def test_two_returns_of_the_same_unit_at_once_give_it_back_once(
    run_together: Callable[..., list[Any]],
) -> None:
    shop, order, line = _sold_one()
    returns = [make_return(order, [(line, 1)]) for _ in range(4)]

    def receive(number: int) -> str:
        try:
            shop.receive(returns[number], [(line, 1)])
        except rules.BeyondSold as refusal:
            return refusal.code
        return "DONE"

    assert sorted(run_together(4, receive)) == ["BEYOND_SOLD"] * 3 + ["DONE"]
    assert JournalEntry.objects.filter(document_kind="return").count() == 1
    assert StockMove.objects.filter(reason="RETURN").count() == 1
    assert shop.balances(order) == {"204": "-1100.00", "2281": "1100.00"}
    assert shop.inventory_agrees()


@pytest.mark.django_db(transaction=True)
def test_control_returns_without_the_orders_lock_give_the_unit_back_twice(
    run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from finance.operations import stock_value
    from finance.workflows import returns

    _, order, line = _sold_one()
    made = [make_return(order, [(line, 1)]) for _ in range(2)]
    both_have_read = threading.Barrier(2)
    real_sales, real_out = selectors.sales_of_order, stock_value._still_out

    def read_together(**values: Any) -> Any:
        found = real_sales(**values)
        both_have_read.wait(10)
        return found

    class NoLock:
        def __getattr__(self, name: str) -> Any:
            return getattr(orders, name)

        def lock_order(self, *, order_id: int) -> Order:
            return Order.objects.get(pk=order_id)

    monkeypatch.setattr(returns, "orders", NoLock())
    monkeypatch.setattr(selectors, "sales_of_order", read_together)
    monkeypatch.setattr(
        stock_value, "_still_out", lambda goods: {k: (1, Decimal("600.00")) for k in real_out(goods)}
    )
    goods, sold = goods_of([(line, 1)])

    def post(number: int) -> str:
        try:
            money.post_return(return_id=made[number].pk, goods=goods, sold=sold, by=None, now=NOW)
        finally:
            connection.close()
        return "DONE"

    assert run_together(2, post) == ["DONE", "DONE"]
    assert JournalEntry.objects.filter(document_kind="return").count() == 2
