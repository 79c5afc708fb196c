"""The arithmetic of points: lots oldest first, exact to the para whatever is taken in which order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm.points import (
    Lot,
    Slice,
    add_months,
    burnable,
    expired_points,
    kept_share,
    next_to_expire,
    points_for,
    slices,
)

LOTS = [
    Lot(100, Decimal("100.00"), 1, date(2026, 3, 31)),
    Lot(50, Decimal("75.00"), 2, date(2026, 6, 30)),
    Lot(30, Decimal("10.00"), 1, date(2026, 9, 30)),
]


def test_points_are_whole() -> None:
    assert points_for(Decimal("1999.99"), Decimal("0.01")) == 19
    assert points_for(Decimal(-5), Decimal(1)) == 0


def test_the_oldest_goes_first_and_each_company_has_its_part() -> None:
    assert slices(LOTS, 0, 120) == [Slice(1, 100, Decimal("100.00")), Slice(2, 20, Decimal("30.00"))]
    assert slices(LOTS, 120, 180) == [Slice(2, 30, Decimal("45.00")), Slice(1, 30, Decimal("10.00"))]


@given(st.lists(st.integers(0, 180), max_size=8))
def test_any_sequence_of_uses_ends_at_the_value_of_the_lots(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), 180]
    parts = [slices(LOTS, start, end) for start, end in pairwise(places)]
    assert sum((part.value for each in parts for part in each), Decimal(0)) == Decimal("185.00")
    assert sum(part.points for each in parts for part in each) == 180


def test_what_is_past_its_day_and_unused_is_lost() -> None:
    assert expired_points(LOTS, used=0, today=date(2026, 3, 31)) == 0
    assert expired_points(LOTS, used=30, today=date(2026, 4, 1)) == 70
    assert expired_points(LOTS, used=120, today=date(2026, 7, 1)) == 30
    assert expired_points(LOTS, used=150, today=date(2026, 7, 1)) == 0


def test_what_goes_next() -> None:
    assert next_to_expire(LOTS, used=40) == (60, date(2026, 3, 31))
    assert next_to_expire(LOTS, used=100) == (50, date(2026, 6, 30))
    assert next_to_expire(LOTS, used=180) is None


def test_points_pay_for_a_share_of_the_goods_or_not_at_all() -> None:
    terms: dict[str, Any] = {"point_value": Decimal("1.00"), "least": 100, "percent_max": Decimal(50)}
    assert burnable(balance=400, goods=Decimal("1000.00"), **terms) == 400
    assert burnable(balance=900, goods=Decimal("1001.00"), **terms) == 500
    assert burnable(balance=99, goods=Decimal("1000.00"), **terms) == 0
    assert burnable(balance=900, goods=Decimal("199.00"), **terms) == 0


def test_the_share_that_still_stands() -> None:
    assert kept_share([(Decimal(300), 3, 2), (Decimal(100), 1, 0)]) == Decimal("0.5")
    assert kept_share([]) == 0


def test_months_end_where_the_month_ends() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2026, 1, 31), -12) == date(2025, 1, 31)
    assert add_months(date(2027, 12, 15), 2) == date(2028, 2, 15)
