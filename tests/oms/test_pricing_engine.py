"""The one price engine: exact prices, every rule explained, and what must hold for any basket whatever."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.pricing import (
    DELIVERY_KEY,
    BadBasket,
    BadDiscount,
    DeliveryQuote,
    Discount,
    DiscountKind,
    Gift,
    LineKind,
    MinimumBasis,
    Outcome,
    Priced,
    PriceEntry,
    PricingInput,
    PricingLine,
    Scope,
    Tier,
    Unpriced,
    discounts_in,
    in_words,
    price,
)
from retail.kernel.money import from_paras, tax_in_gross

D = Decimal
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
K = DiscountKind
HOME = DeliveryQuote("HOME_DELIVERY", D("390.00"), D(20), "Kurir")


def goods(key: str, amount: str, quantity: int = 1, *categories: str, **more: Any) -> PricingLine:
    entries = (PriceEntry(D(amount), "web", "Web"),)
    return PricingLine(key, f"SKU-{key}", quantity, entries, D(10), categories=frozenset(categories), **more)


def basket(*lines: PricingLine, discounts: tuple[Discount, ...] = (), **more: Any) -> PricingInput:
    return PricingInput(lines, "RSD", NOW, discounts, **more)


def totals(priced: Priced) -> dict[str, Decimal]:
    return {line.key: line.total for line in priced.lines}


def outcomes(priced: Priced, code: str) -> list[tuple[str | None, Outcome]]:
    return [(step.line, step.outcome) for step in priced.steps if step.rule == code]


# Price lists


def test_the_lowest_valid_entry_prices_the_line() -> None:
    entries = (
        PriceEntry(D("1299.00"), "base", "Cenovnik"),
        PriceEntry(D("1100.00"), "autumn", valid_from=NOW, valid_to=NOW + timedelta(days=7)),
        PriceEntry(D("900.00"), "summer", valid_to=NOW),
        PriceEntry(D("800.00"), "winter", valid_from=NOW + timedelta(seconds=1)),
        PriceEntry(D("1000.00"), "bulk", minimum_quantity=3),
    )
    line = PricingLine("a", "S", 2, entries, D(10))
    priced = price(basket(line))
    assert (priced.line("a").unit_price, priced.line("a").price_list) == (D("1100.00"), "autumn")
    assert priced.total == D("2200.00")
    assert {step.rule: step.outcome for step in priced.steps} == {
        "base": Outcome.DEARER,
        "autumn": Outcome.APPLIED,
        "summer": Outcome.ENDED,
        "winter": Outcome.NOT_YET,
        "bulk": Outcome.BELOW_MINIMUM_QUANTITY,
    }


def test_a_quantity_break_counts_all_lines_of_the_sku() -> None:
    entries = (PriceEntry(D("100.00"), "base"), PriceEntry(D("90.00"), "base", minimum_quantity=3))
    divided = [PricingLine(key, "S", quantity, entries, D(10)) for key, quantity in (("a", 2), ("b", 1))]
    assert totals(price(basket(*divided))) == {"a": D("180.00"), "b": D("90.00")}


def test_of_equal_amounts_the_higher_priority_names_the_list() -> None:
    entries = (PriceEntry(D("100"), "a"), PriceEntry(D("100"), "z", priority=5))
    assert price(basket(PricingLine("a", "S", 1, entries, D(10)))).lines[0].price_list == "z"


def test_a_line_without_a_valid_price_is_refused_by_name() -> None:
    unpriced = replace(goods("b", "1.00"), entries=())
    with pytest.raises(Unpriced) as refused:
        price(basket(goods("a", "1.00"), unpriced))
    assert refused.value.details == {"keys": ["b"], "skus": ["SKU-b"]}


# Each kind of discount


def test_percent() -> None:
    percent = Discount("p", K.PERCENT, D("12.5"))
    assert price(basket(goods("a", "99.99", 3), discounts=(percent,))).total == D("262.47")


def test_amount_off_the_scope_is_spread_by_largest_remainder() -> None:
    off = Discount("o", K.AMOUNT, D("100.00"))
    priced = price(basket(goods("a", "100"), goods("b", "100"), goods("c", "100"), discounts=(off,)))
    assert totals(priced) == {"a": D("66.66"), "b": D("66.67"), "c": D("66.67")}


def test_amount_never_takes_more_than_there_is() -> None:
    off = Discount("o", K.AMOUNT, D("500.00"), scope=Scope(skus=frozenset({"SKU-a"})))
    assert totals(price(basket(goods("a", "120"), goods("b", "80"), discounts=(off,)))) == {
        "a": D("0.00"),
        "b": D("80.00"),
    }


def test_amount_per_unit() -> None:
    off = Discount("o", K.AMOUNT, D("30.00"), is_per_unit=True)
    assert totals(price(basket(goods("a", "100", 3), goods("b", "20", 2), discounts=(off,)))) == {
        "a": D("210.00"),
        "b": D("0.00"),
    }


def test_fixed_price_only_lowers() -> None:
    fixed = Discount("f", K.FIXED_PRICE, D("499.00"))
    priced = price(basket(goods("a", "899", 2), goods("b", "399"), discounts=(fixed,)))
    assert totals(priced) == {"a": D("998.00"), "b": D("399.00")}
    assert outcomes(priced, "f") == [("a", Outcome.APPLIED), ("b", Outcome.NO_GAIN)]


def test_three_for_two_takes_the_cheapest_of_each_set() -> None:
    three = Discount("3z2", K.N_FOR_M, take=3, pay=2)
    lines = (goods("a", "900", 2), goods("b", "600", 3), goods("c", "100", 2))
    # Dearest first: 900 900 600 | 600 600 100 | 100. Free: 600 and 100.
    priced = price(basket(*lines, discounts=(three,)))
    assert (priced.total, priced.saved) == (D("3100.00"), D("700.00"))
    assert totals(priced) == {"a": D("1468.42"), "b": D("1468.42"), "c": D("163.16")}


def test_the_cheapest_free_is_given_once() -> None:
    free = Discount("4", K.CHEAPEST_FREE, take=2, scope=Scope(categories=frozenset({"x"})))
    lines = (goods("a", "500", 1, "x"), goods("b", "300", 4, "x"), goods("c", "10"))
    assert price(basket(*lines, discounts=(free,))).saved == D("300.00")
    half = replace(free, value=D(50))
    assert price(basket(*lines, discounts=(half,))).saved == D("150.00")


def test_the_best_tier_reached_counts() -> None:
    tiered = Discount(
        "t", K.TIERED, tiers=(Tier(D("2000"), percent=D(5)), Tier(D("5000"), percent=D(10), amount=D("600")))
    )
    for amount, total in (("1999", "1999.00"), ("2000", "1900.00"), ("5000", "4400.00"), ("8000", "7200.00")):
        assert price(basket(goods("a", amount), discounts=(tiered,))).total == D(total)


def test_a_tier_not_reached_says_how_far_it_is() -> None:
    tiered = Discount("t", K.TIERED, tiers=(Tier(D("2000"), percent=D(5)),))
    (step,) = price(basket(goods("a", "1999.50"), discounts=(tiered,))).within_reach()
    assert (step.outcome, step.details) == (
        Outcome.BELOW_MINIMUM_AMOUNT,
        {"minimum": "2000.00", "missing": "0.50"},
    )


def test_free_shipping_from_a_minimum() -> None:
    free = Discount("fs", K.FREE_SHIPPING, minimum_amount=D("3000"))
    short = price(basket(goods("a", "2880"), discounts=(free,), delivery=HOME))
    assert (short.goods_total, short.delivery_total, short.total) == (
        D("2880.00"),
        D("390.00"),
        D("3270.00"),
    )
    assert short.within_reach()[0].details["missing"] == "120.00"
    reached = price(basket(goods("a", "3000"), discounts=(free,), delivery=HOME))
    assert reached.total == D("3000.00")
    delivery = reached.line(DELIVERY_KEY)
    assert (delivery.kind, delivery.list_total, delivery.total) == (LineKind.DELIVERY, D("390.00"), D("0.00"))


def test_delivery_discounts_of_one_group_compete_and_of_two_add_up() -> None:
    half = Discount("half", K.FREE_SHIPPING, D(50), group="delivery")
    capped = Discount("cap", K.FREE_SHIPPING, D(100), group="delivery", reduction_max=D("200"))
    again = Discount("again", K.FREE_SHIPPING, D(10), priority=200)
    locker = Discount("locker", K.FREE_SHIPPING, delivery_methods=frozenset({"LOCKER"}))
    priced = price(basket(goods("a", "100"), discounts=(half, capped, again, locker), delivery=HOME))
    assert priced.delivery_total == D("171.00")
    assert outcomes(priced, "half") == [(DELIVERY_KEY, Outcome.BEATEN_IN_GROUP)]
    assert outcomes(priced, "locker") == [(DELIVERY_KEY, Outcome.OUT_OF_SCOPE)]
    assert outcomes(price(basket(goods("a", "100"), discounts=(half,))), "half") == [
        (None, Outcome.NO_DELIVERY)
    ]


def test_a_gift_is_a_line_that_costs_nothing() -> None:
    gift = Gift("BAG", "Platnena torba", D("450.00"), D(20))
    big = Discount(
        "bag", K.GIFT_LINE, gift=gift, group="gifts", minimum_amount=D("1000"), campaign="autumn-2026"
    )
    small = Discount(
        "pin", K.GIFT_LINE, gift=Gift("PIN", "Bedž", D("90.00"), D(20)), group="gifts", priority=1
    )
    priced = price(basket(goods("a", "1000"), discounts=(big, small)))
    line = priced.line("gift:bag")
    assert (line.sku, line.is_gift, line.list_total, line.total) == ("BAG", True, D("450.00"), D("0.00"))
    assert (line.discounts[0].campaign, line.discounts[0].tax_share) == ("autumn-2026", D("75.00"))
    assert priced.total == D("1000.00")
    assert outcomes(priced, "pin") == [(None, Outcome.BEATEN_IN_GROUP)]
    assert [line.key for line in price(basket(goods("a", "999"), discounts=(big, small))).lines] == [
        "a",
        "gift:pin",
    ]


# Stacking


def test_forty_and_seventy_percent_never_make_goods_free() -> None:
    """In two groups 70 % is taken off what 40 % left; in one group the better one stands."""
    forty, seventy = Discount("p40", K.PERCENT, D(40)), Discount("p70", K.PERCENT, D(70))
    assert price(basket(goods("a", "1000"), discounts=(forty, seventy))).total == D("180.00")
    assert price(basket(goods("a", "1000"), discounts=(seventy, forty))).total == D("180.00")
    same = (replace(forty, group="sale"), replace(seventy, group="sale"))
    assert price(basket(goods("a", "1000"), discounts=same)).total == D("300.00")


def test_in_a_group_each_line_takes_its_best() -> None:
    novels = Discount("novels", K.PERCENT, D(10), scope=Scope(categories=frozenset({"novels"})), group="g")
    author = Discount("author", K.PERCENT, D(25), scope=Scope(skus=frozenset({"SKU-b"})), group="g")
    lines = (goods("a", "1000", 1, "novels"), goods("b", "1000", 1, "novels"), goods("c", "1000", 1))
    priced = price(basket(*lines, discounts=(novels, author)))
    assert totals(priced) == {"a": D("900.00"), "b": D("750.00"), "c": D("1000.00")}
    beaten = [step for step in priced.steps if step.outcome == Outcome.BEATEN_IN_GROUP]
    assert [(step.rule, step.line, step.details["by"]) for step in beaten] == [("novels", "b", "author")]


def test_a_set_claims_its_lines_only_when_that_is_cheaper() -> None:
    three = Discount("3z2", K.N_FOR_M, take=3, pay=2, group="g")
    forty = Discount("p40", K.PERCENT, D(40), group="g", scope=Scope(skus=frozenset({"SKU-a"})))
    # 3 for 2 takes off 300; 40 % of a 1,200 line takes off 480.
    lines = (goods("a", "1200"), goods("b", "600"), goods("c", "300"))
    priced = price(basket(*lines, discounts=(three, forty)))
    assert totals(priced) == {"a": D("720.00"), "b": D("600.00"), "c": D("300.00")}
    # With c at 900 the set gives 600 and wins all its lines.
    dearer = (lines[0], lines[1], goods("c", "900"))
    assert price(basket(*dearer, discounts=(three, forty))).total == D("2100.00")


def test_groups_add_up_in_the_order_of_priority() -> None:
    first = Discount("amount", K.AMOUNT, D("100"), is_per_unit=True, priority=1)
    second = Discount("percent", K.PERCENT, D(50), priority=2)
    assert price(basket(goods("a", "1000"), discounts=(second, first))).total == D("450.00")
    swapped = (replace(first, priority=3), second)
    assert price(basket(goods("a", "1000"), discounts=swapped)).total == D("400.00")


def test_an_exclusive_discount_stands_alone_or_not_at_all() -> None:
    ten, five = Discount("ten", K.PERCENT, D(10)), Discount("five", K.PERCENT, D(5))
    alone = Discount("alone", K.PERCENT, D(30), is_exclusive=True)
    priced = price(basket(goods("a", "1000"), discounts=(ten, alone, five)))
    assert priced.total == D("700.00")
    assert [line.code for line in priced.lines[0].discounts] == ["alone"]
    assert outcomes(priced, "ten") == [(None, Outcome.SHUT_OUT)]
    weak = replace(alone, value=D(14))
    priced = price(basket(goods("a", "1000"), discounts=(ten, weak, five)))
    assert priced.total == D("855.00")
    (step,) = [step for step in priced.steps if step.rule == "alone"]
    assert (step.outcome, step.details) == (Outcome.WORSE_ALONE, {"alone": "860.00", "chosen": "855.00"})


def test_an_exclusive_counts_the_delivery_too() -> None:
    free = Discount("fs", K.FREE_SHIPPING)
    alone = Discount("alone", K.AMOUNT, D("300"), is_exclusive=True)
    priced = price(basket(goods("a", "1000"), discounts=(free, alone), delivery=HOME))
    assert priced.total == D("1000.00")
    assert outcomes(priced, "alone") == [(None, Outcome.WORSE_ALONE)]


def test_no_line_falls_below_its_floor() -> None:
    half = Discount("half", K.PERCENT, D(50))
    off = Discount("off", K.AMOUNT, D("900"), priority=200)
    lines = (goods("a", "1000", 2, floor=D("700")), goods("b", "1000"))
    priced = price(basket(*lines, discounts=(half,)))
    assert totals(priced) == {"a": D("1400.00"), "b": D("500.00")}
    again = price(basket(*lines, discounts=(half, off)))
    assert totals(again) == {"a": D("1400.00"), "b": D("0.00")}
    assert [step.outcome for step in again.steps_of("a") if step.rule == "off"] == [Outcome.AT_FLOOR]


def test_a_line_listed_below_its_floor_takes_no_discount() -> None:
    half = Discount("half", K.PERCENT, D(50))
    assert price(basket(goods("a", "100", floor=D("120")), discounts=(half,))).total == D("100.00")


def test_a_cap_limits_what_a_discount_takes_off_the_basket() -> None:
    half = Discount("half", K.PERCENT, D(50), reduction_max=D("300"))
    priced = price(basket(goods("a", "1000"), goods("b", "500"), discounts=(half,)))
    assert totals(priced) == {"a": D("800.00"), "b": D("400.00")}


# Conditions


def test_facts_dates_and_scope_are_explained() -> None:
    rules = (
        Discount("coupon", K.PERCENT, D(10), needs=frozenset({"coupon:JESEN", "segment:tier-2"})),
        Discount("later", K.PERCENT, D(10), valid_from=NOW + timedelta(days=1)),
        Discount("over", K.PERCENT, D(10), valid_to=NOW),
        Discount("toys", K.PERCENT, D(10), scope=Scope(categories=frozenset({"toys"}))),
    )
    line = goods("a", "1000", 1, "novels")
    priced = price(basket(line, discounts=rules, facts=frozenset({"segment:tier-2"})))
    assert priced.total == D("1000.00")
    told = {step.rule: (step.outcome, dict(step.details)) for step in priced.steps if step.rule != "web"}
    assert told == {
        "coupon": (Outcome.FACT_MISSING, {"missing": "coupon:JESEN"}),
        "later": (Outcome.NOT_YET, {"from": "2026-11-22T12:00:00+00:00"}),
        "over": (Outcome.ENDED, {"to": "2026-11-21T12:00:00+00:00"}),
        "toys": (Outcome.OUT_OF_SCOPE, {}),
    }
    assert "coupon" not in [step.rule for step in priced.steps_for_shopper()]
    facts = frozenset({"segment:tier-2", "coupon:JESEN"})
    assert price(basket(line, discounts=rules, facts=facts)).total == D("900.00")


def test_a_minimum_is_measured_after_discounts_unless_it_says_otherwise() -> None:
    forty = Discount("p40", K.PERCENT, D(40), priority=1)
    coupon = Discount("coupon", K.AMOUNT, D("500"), minimum_amount=D("3000"))
    line = goods("a", "3500")
    assert price(basket(line, discounts=(forty, coupon))).total == D("2100.00")
    listed = replace(coupon, minimum_basis=MinimumBasis.BEFORE_DISCOUNTS)
    assert price(basket(line, discounts=(forty, listed))).total == D("1600.00")


def test_exclusions_win_over_inclusion() -> None:
    scope = Scope(categories=frozenset({"x"}), excluded_skus=frozenset({"SKU-b"}))
    half = Discount("half", K.PERCENT, D(50), scope=scope)
    lines = (goods("a", "100", 1, "x"), goods("b", "100", 1, "x"))
    assert totals(price(basket(*lines, discounts=(half,)))) == {"a": D("50.00"), "b": D("100.00")}


def test_fees_and_gift_cards_are_never_discounted() -> None:
    half = Discount("half", K.PERCENT, D(50))
    lines = (
        goods("a", "100"),
        goods("card", "1000", kind=LineKind.GIFT_CARD),
        goods("cod", "80", kind=LineKind.FEE),
    )
    priced = price(basket(*lines, discounts=(half,)))
    assert totals(priced) == {"a": D("50.00"), "card": D("1000.00"), "cod": D("80.00")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": K.PERCENT, "value": D("100.01")},
        {"kind": K.PERCENT, "value": D("-1")},
        {"kind": K.PERCENT, "value": D("NaN")},
        {"kind": K.PERCENT, "value": D("12.345")},
        {"kind": K.AMOUNT, "value": D("-0.01")},
        {"kind": K.FIXED_PRICE, "value": D("0.001")},
        {"kind": K.N_FOR_M, "take": 2, "pay": 2},
        {"kind": K.CHEAPEST_FREE},
        {"kind": K.TIERED},
        {"kind": K.GIFT_LINE},
        {"kind": K.PERCENT, "tiers": (Tier(percent=D(5)),)},
    ],
)
def test_a_discount_without_sense_is_refused_when_it_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadDiscount):
        Discount("bad", **wrong)


def test_a_basket_without_sense_is_refused() -> None:
    with pytest.raises(BadBasket):
        basket(goods("a", "1"), goods("a", "2"))
    with pytest.raises(BadBasket):
        basket(goods("a", "1", 0))
    with pytest.raises(BadBasket):
        basket(goods("a", "1"), discounts=(Discount("x", K.PERCENT), Discount("x", K.PERCENT)))


def test_an_empty_basket_costs_nothing() -> None:
    assert price(basket()).total == D("0.00")
    assert price(basket(discounts=(Discount("x", K.PERCENT),))).lines == ()


# Explanation


def test_every_step_is_told_in_words() -> None:
    rules = (
        Discount("p", K.PERCENT, D("12.5"), name="Jesenji popust", priority=1),
        Discount("g", K.N_FOR_M, name="Tri za dva", take=3, pay=2),
        Discount("fs", K.FREE_SHIPPING, name="Besplatna dostava", minimum_amount=D("3000")),
    )
    priced = price(basket(goods("a", "1000"), discounts=rules, delivery=HOME))
    serbian = [in_words(step, language="sr-latn", currency="RSD") for step in priced.steps]
    space = "\u00a0"
    assert serbian == [
        f"Web: 1 × 1.000,00{space}RSD = 1.000,00{space}RSD",
        f"Jesenji popust: popust 12,5 %, sa 1.000,00{space}RSD na 875,00{space}RSD",
        "Tri za dva: od 3 kom., nedostaje još 2 kom.",
        f"Besplatna dostava: od 3.000,00{space}RSD, nedostaje još 2.125,00{space}RSD",
    ]
    assert in_words(priced.steps[2]) == "Tri za dva: from 3 items on, 2 more to go"
    assert in_words(priced.steps[2], language="sr-cyrl") == "Tri za dva: од 3 ком., недостаје још 2 ком."


def test_running_amounts_chain_from_price_to_total() -> None:
    rules = tuple(Discount(f"p{n}", K.PERCENT, D(10 * n), priority=n) for n in (1, 2, 3))
    priced = price(basket(goods("a", "999.99"), discounts=rules))
    applied = [step for step in priced.steps_of("a") if step.outcome == Outcome.APPLIED]
    assert [step.before for step in applied[1:]] == [step.after for step in applied[:-1]]
    assert applied[-1].after == priced.total == D("503.99")


def test_tax_shares_of_discounts_telescope_to_the_tax_of_the_line() -> None:
    rules = tuple(Discount(f"p{n}", K.PERCENT, D(n), priority=n) for n in (7, 11, 13))
    line = price(basket(goods("a", "777.77", 3), discounts=rules)).line("a")
    shares = sum((discount.tax_share for discount in line.discounts), D(0))
    assert tax_in_gross(line.list_total, D(10)) - shares == tax_in_gross(line.total, D(10))


# Any basket whatever

CATEGORIES = ("x", "y", "z")
amounts = st.integers(0, 300_000).map(from_paras)
small_amounts = st.integers(0, 50_000).map(from_paras)
percents = st.integers(0, 10_000).map(from_paras)
scopes = st.builds(
    Scope,
    categories=st.sets(st.sampled_from(CATEGORIES), max_size=2).map(frozenset),
    excluded_categories=st.sets(st.sampled_from(CATEGORIES), max_size=1).map(frozenset),
)
tiers = st.lists(
    st.builds(Tier, minimum_amount=amounts, minimum_quantity=st.integers(0, 5), percent=percents),
    min_size=1,
    max_size=3,
).map(tuple)
LINE_BY_LINE = (K.PERCENT, K.FIXED_PRICE)
OVER_LINES = (K.AMOUNT, K.N_FOR_M, K.CHEAPEST_FREE, K.TIERED)


@st.composite
def discounts(draw: st.DrawFn, /, kinds: tuple[DiscountKind, ...] = tuple(K), **fixed: Any) -> Discount:
    kind = draw(st.sampled_from(kinds))
    take = draw(st.integers(1, 4))
    given_fields: dict[str, Any] = {
        "kind": kind,
        "value": draw(small_amounts if kind in (K.AMOUNT, K.FIXED_PRICE) else percents),
        "scope": draw(scopes),
        "group": draw(st.sampled_from(("", "g", "h"))),
        "priority": draw(st.integers(1, 3)),
        "is_exclusive": draw(st.sampled_from((False, False, False, True))),
        "needs": draw(st.sampled_from((frozenset(), frozenset(), frozenset({"fact"}), frozenset({"no"})))),
        "minimum_amount": draw(st.sampled_from((D(0), D(500), D(2000)))),
        "minimum_quantity": draw(st.integers(0, 4)),
        "minimum_basis": draw(st.sampled_from(MinimumBasis)),
        "reduction_max": draw(st.sampled_from((None, None, D("250.00")))),
        "is_per_unit": kind == K.AMOUNT and draw(st.booleans()),
        "take": take,
        "pay": draw(st.integers(0, take - 1)),
        "tiers": draw(tiers) if kind == K.TIERED else (),
        "gift": Gift("GIFT", "", D("99.90"), D(20)) if kind == K.GIFT_LINE else None,
    }
    return Discount("?", **{**given_fields, **fixed})


def numbered(rules: list[Discount]) -> tuple[Discount, ...]:
    return tuple(replace(rule, code=f"d{place}") for place, rule in enumerate(rules))


lines_of_any_kind = st.lists(
    st.builds(
        lambda amount, quantity, categories, floor, rate: PricingLine(
            "?",
            "?",
            quantity,
            (PriceEntry(amount, "web"),),
            rate,
            categories=frozenset(categories),
            floor=floor,
        ),
        amounts,
        st.integers(1, 5),
        st.sets(st.sampled_from(CATEGORIES)),
        st.sampled_from((None, None, D("0.00"), D("150.00"))),
        st.sampled_from((D(10), D(20))),
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: tuple(replace(r, key=f"k{p}", sku=f"s{p % 4}") for p, r in enumerate(rows)))
any_basket = st.builds(
    lambda lines, rules, has_delivery: PricingInput(
        lines, "RSD", NOW, numbered(rules), frozenset({"fact"}), HOME if has_delivery else None
    ),
    lines_of_any_kind,
    st.lists(discounts(), max_size=7),
    st.booleans(),
)


@given(any_basket)
@settings(max_examples=150, deadline=None)
def test_lines_add_up_and_nothing_is_negative_or_below_its_floor(asked: PricingInput) -> None:
    priced = price(asked)
    assert sum((line.total for line in priced.lines), D(0)) == priced.total
    assert priced.goods_total + priced.delivery_total == priced.total
    for line in priced.lines:
        assert line.total == line.unit_price * line.quantity - line.discount_total
        assert line.total >= 0
        assert all(discount.amount > 0 for discount in line.discounts)
    for source in asked.lines:
        line = priced.line(source.key)
        if source.floor is not None:
            assert line.total >= min(line.list_total, source.floor * source.quantity)


@given(any_basket)
@settings(max_examples=100, deadline=None)
def test_every_applied_discount_is_a_step_and_the_chain_holds(asked: PricingInput) -> None:
    priced = price(asked)
    for line in priced.lines:
        steps = [s for s in priced.steps if s.line == line.key and s.outcome == Outcome.APPLIED]
        told = [(s.rule, s.reduction) for s in steps if s.kind != "PRICE" and s.reduction]
        assert told == [(d.code, d.amount) for d in line.discounts]
        groups = [
            next(rule for rule in asked.discounts if rule.code == d.code).group_name for d in line.discounts
        ]
        assert len(set(groups)) == len(groups), "a line took two discounts of one group"
    tried = {step.rule for step in priced.steps}
    assert {rule.code for rule in asked.discounts} <= tried, "a rule was not told"
    for step in priced.steps:
        assert "{" not in in_words(step, language="sr-latn")


@given(any_basket, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_lines_and_discounts_changes_nothing(asked: PricingInput, random: Any) -> None:
    lines, rules = list(asked.lines), list(asked.discounts)
    random.shuffle(lines)
    random.shuffle(rules)
    one, other = price(asked), price(replace(asked, lines=tuple(lines), discounts=tuple(rules)))
    assert one.steps == other.steps
    assert {line.key: line for line in one.lines} == {line.key: line for line in other.lines}


@given(any_basket)
@settings(max_examples=100, deadline=None)
def test_equal_questions_get_equal_answers_that_survive_freezing(asked: PricingInput) -> None:
    priced = price(asked)
    assert price(asked) == priced
    assert Priced.from_json(json.loads(json.dumps(priced.as_json()))) == priced


@given(
    lines_of_any_kind,
    st.lists(discounts((*LINE_BY_LINE, K.FREE_SHIPPING), minimum_basis=MinimumBasis.BEFORE_DISCOUNTS)),
    st.lists(
        discounts((*LINE_BY_LINE, *OVER_LINES), group="set", minimum_basis=MinimumBasis.BEFORE_DISCOUNTS),
        max_size=3,
    ),
    st.integers(0, 100),
)
@settings(max_examples=250, deadline=None)
def test_an_item_more_never_costs_more_than_its_own_price(
    lines: tuple[PricingLine, ...], single: list[Discount], over: list[Discount], which: int
) -> None:
    # Capped discounts work over several lines, and only one group may do that here.
    uncapped = [rule if rule.reduction_max is None else replace(rule, reduction_max=None) for rule in single]
    asked = PricingInput(lines, "RSD", NOW, numbered(uncapped + over), frozenset({"fact"}), HOME)
    place = which % (len(lines) + 1)
    if place == len(lines):
        added = replace(lines[0], key="new", sku="new", quantity=1)
        more = (*lines, added)
    else:
        added = lines[place]
        more = (*lines[:place], replace(added, quantity=added.quantity + 1), *lines[place + 1 :])
    assert price(replace(asked, lines=more)).total <= price(asked).total + added.entries[0].amount


def test_a_minimum_after_discounts_is_where_that_promise_ends() -> None:
    """The documented limit: the tenth off from three items on takes the coupon below its minimum."""
    tenth = Discount("tenth", K.PERCENT, D(10), minimum_quantity=3, priority=1)
    coupon = Discount("coupon", K.AMOUNT, D("500"), minimum_amount=D("3000"))
    two, three = (goods("a", "1500", 2),), (goods("a", "1500", 2), goods("b", "10"))
    assert price(basket(*two, discounts=(tenth, coupon))).total == D("2500.00")
    assert price(basket(*three, discounts=(tenth, coupon))).total == D("2709.00")
    before = replace(coupon, minimum_basis=MinimumBasis.BEFORE_DISCOUNTS)
    assert price(basket(*three, discounts=(tenth, before))).total == D("2209.00")


@given(lines_of_any_kind, st.lists(discounts(LINE_BY_LINE + OVER_LINES, group="g"), max_size=3))
@settings(max_examples=150, deadline=None)
def test_the_group_leaves_no_cheaper_choice_of_whole_discounts(
    lines: tuple[PricingLine, ...], rules: list[Discount]
) -> None:
    """Any single discount of the group, taken alone, never makes the basket cheaper than the group does."""
    together = numbered([replace(rule, is_exclusive=False) for rule in rules])
    asked = PricingInput(lines, "RSD", NOW, together, frozenset({"fact"}))
    best = price(asked).total
    for rule in together:
        assert best <= price(replace(asked, discounts=(rule,))).total


@given(
    st.lists(st.tuples(st.integers(1, 30_000), st.integers(1, 4)), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(0, 3),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_sets_agree_with_units_laid_out_one_by_one(
    rows: list[tuple[int, int]], take: int, pay: int, is_once: bool
) -> None:
    pay = min(pay, take - 1)
    units = sorted((paras for paras, quantity in rows for _ in range(quantity)), reverse=True)
    if is_once:
        free = units[take - 1] if len(units) >= take else 0
        rule = Discount("n", K.CHEAPEST_FREE, take=take)
    else:
        sets = range(0, len(units) - take + 1, take)
        free = sum(sum(units[start + pay : start + take]) for start in sets)
        rule = Discount("n", K.N_FOR_M, take=take, pay=pay)
    lines = [
        PricingLine(str(place), str(place), quantity, (PriceEntry(from_paras(paras), "web"),), D(10))
        for place, (paras, quantity) in enumerate(rows)
    ]
    assert price(basket(*lines, discounts=(rule,))).saved == from_paras(free)


def test_many_contested_sets_still_end_and_the_best_single_one_wins() -> None:
    rules = tuple(Discount(f"d{n}", K.AMOUNT, D(10 * n), group="g", priority=n) for n in range(1, 13))
    assert price(basket(goods("a", "1000"), goods("b", "500"), discounts=rules)).saved == D("120.00")


def test_every_pair_of_kinds_in_one_group_or_two_stays_within_bounds() -> None:
    made = {
        K.PERCENT: Discount("?", K.PERCENT, D(30)),
        K.AMOUNT: Discount("?", K.AMOUNT, D("400")),
        K.FIXED_PRICE: Discount("?", K.FIXED_PRICE, D("200")),
        K.N_FOR_M: Discount("?", K.N_FOR_M, take=3, pay=2),
        K.CHEAPEST_FREE: Discount("?", K.CHEAPEST_FREE, take=2),
        K.TIERED: Discount("?", K.TIERED, tiers=(Tier(D("500"), percent=D(15)),)),
    }
    lines = (goods("a", "500", 2), goods("b", "250", 1, floor=D("100")))
    alone = {kind: price(basket(*lines, discounts=(rule,))).total for kind, rule in made.items()}
    for one, other in product(made, repeat=2):
        pair = (replace(made[one], code="1", priority=1), replace(made[other], code="2", priority=2))
        shared = tuple(replace(rule, group="g") for rule in pair)
        apart, together = price(basket(*lines, discounts=pair)), price(basket(*lines, discounts=shared))
        assert D("100.00") <= apart.total <= min(alone[one], alone[other])
        assert together.total <= min(alone[one], alone[other])


def test_discounts_are_read_back_from_the_explanation_alone() -> None:
    priced = price(
        basket(
            goods("a", "1259.00", 3),
            goods("b", "99.90", 2),
            discounts=(
                Discount("p", K.PERCENT, D("12.5"), name="Jesen", campaign="autumn"),
                Discount("o", K.AMOUNT, D("100.00"), name="Sto", priority=200),
                Discount("fs", K.FREE_SHIPPING, D(50), name="Dostava", campaign="autumn", priority=300),
            ),
            delivery=HOME,
        )
    )
    for line in priced.lines:
        assert line.discounts
        frozen = [
            step.from_json(json.loads(json.dumps(step.as_json()))) for step in priced.steps_of(line.key)
        ]
        assert discounts_in(frozen, tax_rate=line.tax_rate) == line.discounts
