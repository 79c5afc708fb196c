"""What stock costs, to the para: the last unit takes the rest, a return comes back at its own issue, the ledger agrees."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance import operations as finance
from finance import selectors
from finance.models import StockValue
from finance.rules import Goods
from retail.kernel.money import from_paras
from tests.factories import DAY, NOW, Sells, goods_lines, make_variant, money, stock_up
from tests.finance.shop import Shop, all_of, build, posted
from tests.unchanged import nothing_changes
from warehouse.models import StockMove

pytestmark = pytest.mark.django_db


def value_of(shop: Shop, variant_id: int) -> tuple[int, str]:
    row = StockValue.objects.get(entity=shop.entity, variant_id=variant_id)
    return row.quantity, str(row.value)


def issue(shop: Shop, *items: tuple[int, int]) -> list[str]:
    """Issue with its entry, as every verb does."""
    values = finance.issue_value(entity_id=shop.entity.pk, items=list(items))
    total = sum(values, Decimal(0))
    finance.post_entry(
        entity_id=shop.entity.pk,
        date=DAY,
        document_kind="test",
        document_key="issue",
        memo="",
        lines=[finance.debit("501", total), finance.credit("134", total)],
    )
    return [str(value) for value in values]


def test_issue_takes_its_share_and_the_last_unit_the_rest(shop: Shop) -> None:
    variant = make_variant().pk
    finance.post_goods_receipt(
        entity_id=shop.entity.pk, document_key="P-1", items=[(variant, 3, money("100.00"))], by=None, now=NOW
    )

    taken = [issue(shop, (variant, 1))[0] for _ in range(3)]

    assert taken == ["33.33", "33.34", "33.33"]
    assert value_of(shop, variant) == (0, "0.00")
    assert posted("receipt", "P-1") == [("134", "D", "100.00"), ("4359", "P", "100.00")]
    assert shop.inventory_agrees()


def test_same_variant_twice_in_one_issue_is_answered_line_by_line(shop: Shop) -> None:
    variant, other = make_variant().pk, make_variant().pk
    for one in (variant, other):
        finance.post_goods_receipt(
            entity_id=shop.entity.pk,
            document_key=f"P-{one}",
            items=[(one, 3, money("100.00"))],
            by=None,
            now=NOW,
        )

    assert issue(shop, (other, 2), (variant, 1), (other, 1)) == ["66.67", "33.33", "33.33"]
    assert value_of(shop, other) == (0, "0.00")


def test_more_than_the_books_have_is_refused(shop: Shop) -> None:
    variant, other = make_variant().pk, make_variant().pk
    finance.post_goods_receipt(
        entity_id=shop.entity.pk,
        document_key="P-1",
        items=[(variant, 3, money("100.00")), (other, 1, money("5.00"))],
        by=None,
        now=NOW,
    )

    with nothing_changes(), pytest.raises(finance.StockValueShort) as refused:
        finance.issue_value(entity_id=shop.entity.pk, items=[(other, 1), (variant, 2), (variant, 2)])

    assert refused.value.details == {"variant_id": variant, "units": 1}


def test_differences_go_to_574_577_and_674(shop: Shop) -> None:
    variant = make_variant().pk

    def differ(reason: str, delta: int, key: str) -> tuple[list[str], list[tuple[str, str, str]]]:
        done = finance.post_stock_difference(
            entity_id=shop.entity.pk,
            document_kind="adjustment",
            document_key=key,
            reason=reason,
            items=[(variant, delta)],
            by=None,
            now=NOW,
        )
        return [str(value) for value in done.values], posted("adjustment", key)

    finance.post_opening_stock(
        entity_id=shop.entity.pk, document_key="O", items=[(variant, 10, money("600.00"))], by=None, now=NOW
    )

    assert differ("COUNT", -2, "A-1") == (["120.00"], [("134", "P", "120.00"), ("574", "D", "120.00")])
    assert differ("DAMAGE", -1, "A-2") == (["60.00"], [("134", "P", "60.00"), ("577", "D", "60.00")])
    assert differ("COUNT", 3, "A-3") == (["180.00"], [("134", "D", "180.00"), ("674", "P", "180.00")])
    assert value_of(shop, variant) == (10, "600.00")
    assert posted("opening", "O") == [("134", "D", "600.00"), ("300", "P", "600.00")]
    assert shop.inventory_agrees()


def test_units_that_nobody_bought_are_valued_by_their_price(shop: Shop) -> None:
    variant = make_variant(price="1100.00", channel=shop.channel)
    unpriced = make_variant()

    costs = selectors.estimated_costs(entity_id=shop.entity.pk, variant_ids=[variant.pk, unpriced.pk])

    # 60 % of 1,100 less 10 % VAT; without any price one para, so that the move has its entry.
    assert costs == {variant.pk: Decimal("600.00"), unpriced.pk: Decimal("0.01")}


@pytest.mark.parametrize(
    ("sold", "delta", "stock_share", "cost_share"),
    [
        (0, "10.00", "10.00", "0.00"),
        (4, "10.00", "6.00", "4.00"),
        (10, "10.00", "0.00", "10.00"),
        (4, "-10.00", "-6.00", "-4.00"),
    ],
)
def test_cost_correction_is_shared_over_the_units_left(
    shop: Shop, sold: int, delta: str, stock_share: str, cost_share: str
) -> None:
    variant = make_variant().pk
    finance.post_goods_receipt(
        entity_id=shop.entity.pk, document_key="P-1", items=[(variant, 10, money("600.00"))], by=None, now=NOW
    )
    if sold:
        issue(shop, (variant, sold))
    before = Decimal(value_of(shop, variant)[1])

    finance.correct_cost(
        entity_id=shop.entity.pk,
        variant_id=variant,
        received_quantity=10,
        delta=money(delta),
        document_key="C-1",
        by=None,
        now=NOW,
    )

    assert Decimal(value_of(shop, variant)[1]) - before == Decimal(stock_share)
    sides = dict.fromkeys(("134", "4359", "501"), Decimal(0))
    for code, side, amount in posted("cost_correction", "C-1"):
        sides[code] += Decimal(amount) if side == "D" else -Decimal(amount)
    assert sides == {"134": Decimal(stock_share), "501": Decimal(cost_share), "4359": -Decimal(delta)}
    assert shop.inventory_agrees()


def test_return_comes_back_at_the_amount_of_its_own_issue(shop: Shop) -> None:
    """Bought for 100 the three, later for 300 the unit: what left at 100 comes back at 100, not at today's average."""
    order = shop.order(Sells(3, "3300.00"), cost="33.33", method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    assert line.variant is not None
    finance.post_goods_receipt(
        entity_id=shop.entity.pk,
        document_key="P-9",
        items=[(line.variant.pk, 1, money("0.01"))],
        by=None,
        now=NOW,
    )
    # Four units for 100.00 now; three leave with 75.00.
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    stock_up(shop.location, line.variant, 5, cost="300.00")

    values = [str(shop.take_back(order, [(line, 1)])[1].values[0]) for _ in range(3)]

    assert values == ["25.00", "25.00", "25.00"]
    assert shop.inventory_agrees()


def test_partial_returns_of_an_odd_amount_end_at_it(shop: Shop) -> None:
    order = shop.order(Sells(3, "3300.00"), stocked=False, method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    assert line.variant is not None
    stock_up(shop.location, line.variant, 2, cost="33.33")
    stock_up(shop.location, line.variant, 1, cost="33.34")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")

    values = [shop.take_back(order, [(line, 1)])[1].values[0] for _ in range(3)]

    assert [str(value) for value in values] == ["33.33", "33.34", "33.33"]
    assert shop.inventory_agrees()


def test_more_than_left_does_not_come_back(shop: Shop) -> None:
    order = shop.order(Sells(2, "2200.00"), method="CASH_ON_DELIVERY", status="PLACED")
    [line] = goods_lines(order)
    shop.cod_payment(order)
    shop.dispatch(order, [(line, 1)], tracking="T1")

    with nothing_changes(), pytest.raises(finance.BeyondIssue):
        finance.return_value(entity_id=shop.entity.pk, goods=[Goods(line.pk, line.variant_id or 0, 2)])


# Any sequence

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["receive", "issue", "count", "correct", "return"]),
        st.integers(0, 2),
        st.integers(1, 5),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_ledger_inventory_is_the_sum_of_values_after_any_sequence(shop: Shop, actions: list[Any]) -> None:
    variants = [make_variant().pk for _ in range(3)]
    out: dict[int, int] = {}
    for number, (act, which, units, paras) in enumerate(actions):
        variant = variants[which]
        try:
            _act(shop, act, variant, units, from_paras(paras), number, out)
        except (finance.StockValueShort, finance.BeyondIssue):
            continue
        finally:
            assert shop.inventory_agrees(), f"after {act}"
    for row in StockValue.objects.filter(variant_id__in=variants):
        assert row.value >= 0
        assert row.quantity > 0 or row.value == 0


def _act(
    shop: Shop, act: str, variant: int, units: int, amount: Decimal, number: int, out: dict[int, int]
) -> None:
    entity, key = shop.entity.pk, f"H-{variant}-{number}"
    if act == "receive":
        finance.post_goods_receipt(
            entity_id=entity, document_key=key, items=[(variant, units, amount)], by=None, now=NOW
        )
    elif act == "count":
        finance.post_stock_difference(
            entity_id=entity,
            document_kind="count",
            document_key=key,
            reason="COUNT",
            items=[(variant, units if number % 2 else -units)],
            by=None,
            now=NOW,
        )
    elif act == "correct":
        finance.correct_cost(
            entity_id=entity,
            variant_id=variant,
            received_quantity=units,
            delta=amount if number % 2 else -amount,
            document_key=key,
            by=None,
            now=NOW,
        )
    else:
        _move(shop, act, variant, units)


def _move(shop: Shop, act: str, variant: int, units: int) -> None:
    """An issue for an order line, or its return, each with its stock move and entry."""
    line = variant  # one line per variant
    is_return = act == "return"
    if is_return:
        [value] = finance.return_value(entity_id=shop.entity.pk, goods=[Goods(line, variant, units)])
    else:
        [value] = finance.issue_value(entity_id=shop.entity.pk, items=[(variant, units)])
    sign = -1 if is_return else 1
    entry = finance.post_entry(
        entity_id=shop.entity.pk,
        date=DAY,
        document_kind="move",
        document_key=str(variant),
        memo="",
        lines=[finance.debit("501", sign * value), finance.credit("134", sign * value)],
    )
    shelf = shop.location.pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM warehouse_bin WHERE location_id = %s LIMIT 1", [shelf])
        bin_id = cursor.fetchone()[0]
    StockMove.objects.create(
        variant_id=variant,
        from_bin_id=None if is_return else bin_id,
        to_bin_id=bin_id if is_return else None,
        quantity=units,
        entity=shop.entity,
        value=value,
        reason="RETURN" if is_return else "DISPATCH",
        document_kind="test",
        document_key="test",
        order_line_id=line,
        entry_id=entry.pk,
        created_at=NOW,
    )


# Races


@pytest.mark.django_db(transaction=True)
def test_units_issued_at_once_take_the_whole_value_and_no_more(
    run_together: Callable[..., list[Any]],
) -> None:
    shop = build()
    variant = make_variant().pk
    finance.receive_value(entity_id=shop.entity.pk, items=[(variant, 8, money("100.01"))])

    taken = run_together(8, lambda _: finance.issue_value(entity_id=shop.entity.pk, items=[(variant, 1)])[0])

    assert sum(taken) == Decimal("100.01")
    assert value_of(shop, variant) == (0, "0.00")


@pytest.mark.django_db(transaction=True)
def test_control_issues_without_the_lock_lose_value(
    run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from finance.operations import stock_value

    shop = build()
    variant = make_variant().pk
    finance.receive_value(entity_id=shop.entity.pk, items=[(variant, 8, money("100.00"))])
    all_have_read = threading.Barrier(4)

    def read_without_lock(entity_id: int, variant_ids: Any) -> dict[int, tuple[int, Decimal]]:
        rows = StockValue.objects.filter(entity_id=entity_id, variant_id__in=list(variant_ids))
        found = {row.variant_id: (row.quantity, row.value) for row in rows}
        all_have_read.wait(10)
        return found

    monkeypatch.setattr(stock_value, "_locked", read_without_lock)

    taken = run_together(4, lambda _: finance.issue_value(entity_id=shop.entity.pk, items=[(variant, 1)])[0])

    assert sum(taken) == Decimal("50.00")
    assert value_of(shop, variant) == (7, "87.50"), "four units left, and the row knows of one"


@pytest.mark.django_db(transaction=True)
def test_opposite_orders_of_variants_do_not_deadlock(run_together: Callable[..., list[Any]]) -> None:
    shop = build()
    variants = [make_variant().pk for _ in range(4)]
    finance.receive_value(entity_id=shop.entity.pk, items=[(one, 100, money("100.00")) for one in variants])

    def work(number: int) -> None:
        order = variants if number % 2 else variants[::-1]
        for _ in range(5):
            finance.issue_value(entity_id=shop.entity.pk, items=[(one, 1) for one in order])
            finance.receive_value(entity_id=shop.entity.pk, items=[(one, 1, money("1.00")) for one in order])

    run_together(6, work)

    assert {value_of(shop, one) for one in variants} == {(100, "100.00")}
