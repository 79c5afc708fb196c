"""Money is exact: one rounding, shares that sum to the para, no mixed currencies, no floats."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.kernel.money import (
    CurrencyMismatch,
    InexactAmount,
    Money,
    NothingToShareOver,
    allocate,
    from_paras,
    in_paras,
    rounded,
)

D = Decimal
amounts = st.integers(-10_000_000, 10_000_000).map(from_paras)
weights = st.lists(st.integers(0, 100_000).map(lambda n: D(n).scaleb(-2)), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("exact", "expected"),
    [
        (D("114.4545"), "114.45"),
        (D("0.005"), "0.01"),
        (D("-0.005"), "-0.01"),
        (D("2.675"), "2.68"),
        (7, "7.00"),
        (Fraction(1, 3), "0.33"),
        (Fraction(1, 200), "0.01"),
    ],
)
def test_rounds_half_away_from_zero(exact: Decimal, expected: str) -> None:
    assert str(rounded(exact)) == expected


def test_a_float_is_refused_everywhere() -> None:
    with pytest.raises(TypeError):
        rounded(0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money.of(0.1, "RSD")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money(0.1, "RSD")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money.of("1.00", "RSD") * 1.5  # type: ignore[operator]


def test_shares_go_to_the_largest_remainder() -> None:
    assert allocate(D("100.00"), [1, 1, 1]) == [D("33.34"), D("33.33"), D("33.33")]
    assert allocate(D("0.05"), [3, 7]) == [D("0.02"), D("0.03")]
    assert allocate(D("10.00"), [D("0.10"), D("0.20"), D("0.30")]) == [D("1.67"), D("3.33"), D("5.00")]


def test_equal_remainders_go_to_the_earlier_place() -> None:
    assert allocate(D("0.02"), [1, 1, 1]) == [D("0.01"), D("0.01"), D("0.00")]


def test_a_negative_total_mirrors_the_positive() -> None:
    assert allocate(D("-0.05"), [3, 7]) == [D("-0.02"), D("-0.03")]


def test_a_zero_weight_receives_nothing() -> None:
    assert allocate(D("1.00"), [0, 3, 0, 3, 3]) == [D("0.00"), D("0.34"), D("0.00"), D("0.33"), D("0.33")]


def test_only_zero_weights_share_equally() -> None:
    assert allocate(D("1.00"), [0, 0, 0]) == [D("0.34"), D("0.33"), D("0.33")]


def test_nothing_to_share_over_is_refused_by_name() -> None:
    assert allocate(D("0.00"), []) == []
    with pytest.raises(NothingToShareOver):
        allocate(D("0.01"), [])
    with pytest.raises(NothingToShareOver):
        allocate(D("1.00"), [2, -1])
    with pytest.raises(InexactAmount):
        allocate(D("0.001"), [1])


@given(amounts, weights)
def test_shares_sum_to_the_total_and_stay_within_a_para_of_their_due(
    total: Decimal, over: list[Decimal]
) -> None:
    shares = allocate(total, over)
    assert sum(shares, D(0)) == total
    assert allocate(-total, over) == [-share for share in shares]
    whole = sum(over, D(0))
    for share, weight in zip(shares, over, strict=True):
        if whole:
            due = Fraction(total) * Fraction(weight) / Fraction(whole)
            assert abs(Fraction(share) - due) < Fraction(1, 100)
        assert share * total >= 0


@given(amounts)
def test_paras_round_trip(amount: Decimal) -> None:
    assert from_paras(in_paras(amount)) == amount


def test_money_adds_multiplies_and_compares() -> None:
    price = Money.of("1299.00", "RSD")
    assert price + Money.of("0.50", "RSD") == Money.of("1299.50", "RSD")
    assert price - Money.of("1300", "RSD") == Money.of("-1.00", "RSD")
    assert price * 3 == 3 * price == Money.of(3897, "RSD")
    assert Money.of("2", "RSD") < Money.of("2.01", "RSD") <= Money.of("2.01", "RSD")
    assert not Money.zero("RSD") and -price == Money.of("-1299.00", "RSD")
    assert Money.total([price, price], "RSD") == price * 2
    assert Money.total([], "RSD") == Money.zero("RSD")
    assert str(price) == "1299.00 RSD"


def test_money_is_equal_by_value_and_hashable() -> None:
    assert {Money.of("1", "RSD"), Money.of("1.00", "RSD")} == {Money.of(1, "RSD")}
    assert Money.of("1", "RSD") != Money.of("1", "EUR")


def test_currencies_never_mix() -> None:
    dinar, euro = Money.of("1", "RSD"), Money.of("1", "EUR")
    for act in (lambda: dinar + euro, lambda: dinar - euro, lambda: dinar < euro, lambda: dinar >= euro):
        with pytest.raises(CurrencyMismatch):
            act()
    with pytest.raises(TypeError):
        dinar + 1  # type: ignore[operator]


@pytest.mark.parametrize("bad", ["1.001", "NaN", "Infinity"])
def test_an_amount_that_paras_cannot_hold_is_refused(bad: str) -> None:
    with pytest.raises(InexactAmount):
        Money.of(bad, "RSD")


@pytest.mark.parametrize("bad", ["rsd", "RS", "DINAR", ""])
def test_a_currency_is_three_capitals(bad: str) -> None:
    with pytest.raises(ValueError, match="not a currency code"):
        Money.of("1", bad)


def test_json_is_the_shape_of_the_api() -> None:
    assert Money.of("1299", "RSD").as_json() == {"amount": "1299.00", "currency": "RSD"}


def test_share_keeps_the_currency() -> None:
    assert Money.of("0.03", "EUR").share([1, 1]) == [Money.of("0.02", "EUR"), Money.of("0.01", "EUR")]
