"""Tax from gross: once per document and rate, to the para, and gone to zero after any partial documents."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.tax import (
    NOTHING,
    BeyondTheLine,
    DocumentLine,
    LineAmounts,
    LineTax,
    NegativeGross,
    RateShare,
    RateTotal,
    UblSource,
    net_base,
    rate_totals,
    rounding_account,
    split_over_rates,
    take_amount,
    take_quantity,
    tax_advance,
    tax_document,
    ubl_view,
)
from retail.kernel.money import from_paras, rounded, tax_in_gross

D = Decimal
TEN, TWENTY = D(10), D(20)

grosses = st.integers(0, 50_000_000).map(from_paras)
rates = st.sampled_from([D(0), D(8), TEN, TWENTY])
documents = st.lists(st.tuples(grosses, rates), min_size=1, max_size=9).map(
    lambda rows: [DocumentLine(str(place), gross, rate) for place, (gross, rate) in enumerate(rows)]
)


def test_tax_is_computed_once_per_rate_and_not_per_line() -> None:
    lines = [DocumentLine(key, D("99.90"), TEN) for key in "abc"] + [DocumentLine("d", D("350.00"), TWENTY)]
    taxed = tax_document(lines)
    # Three times round(99.90 / 11) = 9.08 would be 27.24; the document owes round(299.70 / 11) = 27.25.
    assert [line.tax for line in taxed.lines] == [D("9.09"), D("9.08"), D("9.08"), D("58.33")]
    assert taxed.rates == (
        RateTotal(TWENTY, D("350.00"), D("58.33")),
        RateTotal(TEN, D("299.70"), D("27.25")),
    )
    assert (taxed.gross, taxed.tax, taxed.net) == (D("649.70"), D("85.58"), D("564.12"))
    assert taxed.lines[0].net == D("90.81")


def test_a_negative_line_is_refused_by_name() -> None:
    with pytest.raises(NegativeGross):
        tax_document([DocumentLine("a", D("-0.01"), TEN)])
    with pytest.raises(NegativeGross):
        split_over_rates(D("-1.00"), [], otherwise=TWENTY)


@given(documents)
def test_line_taxes_sum_to_the_tax_of_the_document(lines: list[DocumentLine]) -> None:
    taxed = tax_document(lines)
    for total in taxed.rates:
        of_rate = [line for line in taxed.lines if line.rate == total.rate]
        assert sum((line.tax for line in of_rate), D(0)) == total.tax == tax_in_gross(total.gross, total.rate)
    assert [line.key for line in taxed.lines] == [line.key for line in lines]
    assert all(D(0) <= line.tax <= line.gross for line in taxed.lines)
    assert rate_totals(taxed.lines) == taxed.rates


def test_three_equal_refunds_of_a_line_return_its_tax_exactly() -> None:
    line = LineAmounts(3, D("342.00"), D("57.00"))
    first = take_quantity(line=line, quantity=1)
    second = take_quantity(line=line, documented=first, quantity=1)
    third = take_quantity(line=line, documented=first + second, quantity=1)
    assert [part.tax for part in (first, second, third)] == [D("19.00")] * 3
    assert line - first - second - third == NOTHING


def test_the_last_unit_takes_what_is_left() -> None:
    line = LineAmounts(3, D("100.00"), D("9.09"))
    first = take_quantity(line=line, quantity=2)
    last = take_quantity(line=line, documented=first, quantity=1)
    assert first == LineAmounts(2, D("66.67"), D("6.06"))
    assert last == LineAmounts(1, D("33.33"), D("3.03"))


@pytest.mark.parametrize("quantity", [0, -1, 3])
def test_more_than_is_left_is_refused_by_name(quantity: int) -> None:
    line = LineAmounts(3, D("300.00"), D("50.00"))
    documented = LineAmounts(1, D("100.00"), D("16.67"))
    with pytest.raises(BeyondTheLine):
        take_quantity(line=line, documented=documented, quantity=quantity)
    with pytest.raises(BeyondTheLine):
        take_amount(line=line, documented=documented, gross=D("200.01"))
    with pytest.raises(BeyondTheLine):
        take_amount(line=line, documented=documented, gross=D("0.00"))


lines_to_take = st.tuples(
    st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 10_000_000), rates
).map(lambda row: (row[0], DocumentLine("a", from_paras(row[1]), row[2])))


@given(lines_to_take, st.randoms(use_true_random=False))
def test_any_partition_of_the_quantity_in_any_order_ends_at_zero(
    case: tuple[list[int], DocumentLine], random: object
) -> None:
    parts, document_line = case
    tax = tax_in_gross(document_line.gross, document_line.rate)
    line = LineAmounts(sum(parts), document_line.gross, tax)
    shuffled = parts[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for order in (parts, shuffled):
        documented = NOTHING
        for quantity in order:
            part = take_quantity(line=line, documented=documented, quantity=quantity)
            assert D(0) <= part.tax <= part.gross
            documented = documented + part
            left = line - documented
            assert left.quantity >= 0
            assert D(0) <= left.tax <= left.gross
        assert documented == line


@given(
    st.integers(1, 9),
    st.integers(1, 10_000_000),
    rates,
    st.lists(st.tuples(st.booleans(), st.integers(1, 500_000)), max_size=8),
)
def test_amounts_and_quantities_mixed_still_end_at_zero(
    quantity: int, paras: int, rate: Decimal, acts: list[tuple[bool, int]]
) -> None:
    gross = from_paras(paras)
    line = LineAmounts(quantity, gross, tax_in_gross(gross, rate))
    documented = NOTHING
    for by_amount, size in acts:
        left = line - documented
        if by_amount and left.gross:
            asked = min(from_paras(size), left.gross)
            documented = documented + take_amount(line=line, documented=documented, gross=asked)
        elif not by_amount and left.quantity:
            asked_units = size % left.quantity + 1
            documented = documented + take_quantity(line=line, documented=documented, quantity=asked_units)
        left = line - documented
        assert D(0) <= left.tax <= left.gross
    left = line - documented
    if left.quantity:
        documented = documented + take_quantity(line=line, documented=documented, quantity=left.quantity)
    elif left.gross:
        documented = documented + take_amount(line=line, documented=documented, gross=left.gross)
    assert line - documented == NOTHING


def test_a_delivery_fee_is_split_over_the_rates_of_the_goods() -> None:
    goods = [RateShare(TEN, D("1259.00")), RateShare(TWENTY, D("2000.00")), RateShare(TEN, D("741.00"))]
    assert split_over_rates(D("390.01"), goods, otherwise=TWENTY) == [
        RateShare(TWENTY, D("195.01")),
        RateShare(TEN, D("195.00")),
    ]
    assert split_over_rates(D("390.00"), [], otherwise=TWENTY) == [RateShare(TWENTY, D("390.00"))]
    assert split_over_rates(D("390.00"), [RateShare(TEN, D("5.00"))], otherwise=TWENTY) == [
        RateShare(TEN, D("390.00"))
    ]


def test_an_advance_contains_its_tax_per_rate() -> None:
    goods = [RateShare(TEN, D("1100.00")), RateShare(TWENTY, D("1200.00"))]
    assert tax_advance(D("1150.00"), goods, otherwise=TWENTY) == (
        RateTotal(TWENTY, D("600.00"), D("100.00")),
        RateTotal(TEN, D("550.00"), D("50.00")),
    )
    assert tax_advance(D("2300.00"), goods, otherwise=TWENTY)[0].net == D("1000.00")


@given(grosses, documents)
def test_fees_and_advances_lose_no_para(received: Decimal, lines: list[DocumentLine]) -> None:
    goods = [RateShare(line.rate, line.gross) for line in lines]
    parts = tax_advance(received, goods, otherwise=TWENTY)
    assert sum((part.gross for part in parts), D(0)) == received
    assert all(part.tax == tax_in_gross(part.gross, part.rate) for part in parts)


def test_1259_at_ten_percent_has_no_net_base() -> None:
    """1,144.54 gives 1,258.99 and 1,144.55 gives 1,259.01: the para goes to the rounding amount."""
    gross = D("1259.00")
    assert all(base + rounded(base / 10) != gross for base in (D("1144.53"), D("1144.54"), D("1144.55")))
    tax = tax_in_gross(gross, TEN)
    assert tax == D("114.45")
    view = ubl_view([UblSource("a", 1, TEN, gross, tax)])
    assert (view.net, view.tax, view.tax_inclusive) == (D("1144.54"), D("114.45"), D("1258.99"))
    assert (view.payable_rounding, view.payable) == (D("0.01"), gross)
    line = view.lines[0]
    assert (line.price, line.allowance, line.net) == (D("1144.5400"), D("0.00"), D("1144.54"))
    # Dr 204 1259.00 = Cr 604 1144.54 + Cr 470 114.45 + Cr 679 0.01
    assert rounding_account(view.payable_rounding) == "679"


def test_a_base_above_the_charged_gross_is_an_expense() -> None:
    """999.99 at 20 %: the tax 166.67 needs a base of 833.33, and 1,000.00 is a para too much."""
    gross = D("999.99")
    tax = tax_in_gross(gross, TWENTY)
    view = ubl_view([UblSource("a", 1, TWENTY, gross, tax)])
    assert (view.net, view.tax, view.payable_rounding) == (D("833.33"), D("166.67"), D("-0.01"))
    # Dr 204 999.99 + Dr 579 0.01 = Cr 604 833.33 + Cr 470 166.67
    assert rounding_account(view.payable_rounding) == "579"


@given(grosses, st.sampled_from([D(8), TEN, TWENTY]))
def test_every_gross_has_a_base_with_its_tax_at_most_a_para_away(gross: Decimal, rate: Decimal) -> None:
    tax = tax_in_gross(gross, rate)
    base = net_base(gross=gross, tax=tax, rate=rate)
    assert rounded(base * rate / 100) == tax
    assert abs(gross - base - tax) <= D("0.01")


ubl_sources = st.lists(
    st.tuples(
        st.integers(1, 5000),
        st.integers(1, 500_000_00),
        st.sampled_from([TEN, TWENTY]),
        st.integers(0, 100_000),
    ),
    min_size=1,
    max_size=8,
)


@given(ubl_sources, st.booleans())
def test_the_ubl_view_adds_up_as_the_receiver_checks_it(
    rows: list[tuple[int, int, Decimal, int]], is_prepaid: bool
) -> None:
    taxed = tax_document(
        [DocumentLine(str(place), from_paras(row[1]), row[2]) for place, row in enumerate(rows)]
    )
    sources = [
        UblSource(line.key, row[0], line.rate, line.gross, line.tax, line.gross + from_paras(row[3]))
        for line, row in zip(taxed.lines, rows, strict=True)
    ]
    prepaid = rounded(taxed.gross / 2) if is_prepaid else D("0.00")
    view = ubl_view(sources, prepaid=prepaid)
    for line in view.lines:
        assert line.net == rounded(line.quantity * line.price) - line.allowance
        assert line.allowance >= 0
        assert -int(line.price.as_tuple().exponent) == 4
    for subtotal in view.subtotals:
        of_rate = [line.net for line in view.lines if line.rate == subtotal.rate]
        assert sum(of_rate, D(0)) == subtotal.taxable
        assert rounded(subtotal.taxable * subtotal.rate / 100) == subtotal.tax
    assert view.tax == taxed.tax
    assert view.payable == taxed.gross - prepaid
    assert abs(view.payable_rounding) <= D("0.01") * len(view.subtotals)


def test_a_discounted_line_shows_its_list_price_and_the_allowance() -> None:
    taxed = tax_document([DocumentLine("a", D("2090.00"), TEN)])
    line = ubl_view([UblSource("a", 4, TEN, D("2090.00"), taxed.tax, list_gross=D("2200.00"))]).lines[0]
    assert (line.price, line.allowance_base, line.allowance, line.net) == (
        D("500.0000"),
        D("2000.00"),
        D("100.00"),
        D("1900.00"),
    )


def test_hundreds_of_units_need_a_finer_price_than_four_decimals() -> None:
    taxed = tax_document([DocumentLine("a", D("1000.01"), TWENTY)])
    line = ubl_view([UblSource("a", 700, TWENTY, D("1000.01"), taxed.tax)]).lines[0]
    assert (line.price, line.net) == (D("1.1905"), D("833.34"))
    assert line.allowance == D("0.01")


def test_parts_of_an_invoice_keep_their_tax_in_ubl() -> None:
    """Two credit notes over one invoice: the taxes that UBL shows sum to the tax of the invoice."""
    line = LineAmounts(3, D("100.00"), D("9.09"))
    first = take_quantity(line=line, quantity=1)
    second = take_quantity(line=line, documented=first, quantity=2)
    views = [ubl_view([UblSource("a", p.quantity, TEN, p.gross, p.tax)]) for p in (first, second)]
    assert sum((view.tax for view in views), D(0)) == D("9.09")
    assert [view.payable for view in views] == [D("33.33"), D("66.67")]


def test_rates_outside_vat_stay_apart_by_category() -> None:
    view = ubl_view(
        [
            UblSource("a", 1, D(0), D("10.00"), D("0.00"), category="E"),
            UblSource("b", 1, TWENTY, D("12.00"), D("2.00")),
            UblSource("c", 1, D(0), D("5.00"), D("0.00"), category="Z"),
        ]
    )
    assert [(s.category, s.rate, s.taxable, s.tax) for s in view.subtotals] == [
        ("E", D(0), D("10.00"), D("0.00")),
        ("S", TWENTY, D("10.00"), D("2.00")),
        ("Z", D(0), D("5.00"), D("0.00")),
    ]
    assert view.payable == D("27.00")


def test_line_taxes_of_parts_sum_by_rate() -> None:
    parts = [LineTax("a", TEN, D("33.33"), D("3.03")), LineTax("b", TWENTY, D("12.00"), D("2.00"))]
    assert rate_totals(parts) == (
        RateTotal(TWENTY, D("12.00"), D("2.00")),
        RateTotal(TEN, D("33.33"), D("3.03")),
    )
