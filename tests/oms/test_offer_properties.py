"""Whatever discounts stand in the rows: an order is the sum of its lines to the para, nothing is negative, and the reasons add up."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oms import selectors as oms
from oms.models import LineDiscount, OrderLine
from oms.pricing import Priced
from storefront.models import Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = pytest.mark.django_db
PRICES = (Decimal("99.99"), Decimal("1000.00"), Decimal("333.33"))
PERCENTS = st.integers(0, 10_000).map(lambda n: Decimal(n) / 100)
AMOUNTS = st.integers(0, 200_000).map(lambda n: Decimal(n) / 100)


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@st.composite
def rule(draw: Any) -> dict[str, Any]:
    """One discount row of any kind."""
    kind = draw(
        st.sampled_from(
            ["PERCENT", "AMOUNT", "FIXED_PRICE", "N_FOR_M", "CHEAPEST_FREE", "TIERED", "FREE_SHIPPING"]
        )
    )
    values: dict[str, Any] = {
        "kind": kind,
        "value": draw(AMOUNTS if kind in ("AMOUNT", "FIXED_PRICE") else PERCENTS),
        "group": draw(st.sampled_from(["", "a", "b"])),
        "priority": draw(st.integers(1, 3)),
        "is_exclusive": draw(st.booleans()),
        "minimum_amount": draw(st.sampled_from([Decimal(0), Decimal("1500.00")])),
        "minimum_basis": draw(st.sampled_from(["AFTER_DISCOUNTS", "BEFORE_DISCOUNTS"])),
        "reduction_max": draw(st.none() | AMOUNTS),
        "is_per_unit": kind == "AMOUNT" and draw(st.booleans()),
    }
    if kind in ("N_FOR_M", "CHEAPEST_FREE"):
        take = draw(st.integers(2, 4))
        values |= {"take": take, "pay": draw(st.integers(0, take - 1))}
    if kind == "TIERED":
        percent = draw(PERCENTS)
        values["tiers"] = [{"minimum_quantity": draw(st.integers(1, 4)), "percent": f"{percent:.2f}"}]
    return values


def goods(chain: Chain) -> list[Variant]:
    low = chain.variant(price="99.99", stock=400)
    low.floor_price = Decimal("60.00")
    low.save()
    return [
        low,
        chain.variant(price="1000.00", stock=400),
        chain.variant(price="333.33", stock=400, tax="STANDARD"),
    ]


def write(rules: list[dict[str, Any]], variants: list[Variant], narrow: bool) -> None:
    for number, values in enumerate(rules):
        row = offering.discount(f"p{number}", **values)
        if narrow and number % 2:
            offering.target(row, variants[number % len(variants)])


def quoted(chain: Chain, variants: list[Variant], units: list[int], method: str = "") -> Priced:
    wanted = [oms.Wanted(v.sku, v, n) for v, n in zip(variants, units, strict=True) if n]
    return oms.quote(channel=chain.channel, wanted=wanted, now=NOW, delivery_method=method).priced


EACH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EACH
@given(st.lists(rule(), max_size=5), st.lists(st.integers(0, 4), min_size=3, max_size=3), st.booleans())
def test_a_placed_order_is_the_sum_of_its_lines(
    chain: Chain, rules: list[dict[str, Any]], units: list[int], narrow: bool
) -> None:
    units[0] = units[0] or 1
    with transaction.atomic():
        variants = goods(chain)
        write(rules, variants, narrow)
        priced = quoted(chain, variants, units, "HOME_DELIVERY")
        order = chain.place(*((v, n) for v, n in zip(variants, units, strict=True) if n))
        lines = list(OrderLine.objects.filter(order=order))
        assert order.total == priced.total == sum(line.total for line in lines)
        for line in lines:
            taken = LineDiscount.objects.filter(line=line).aggregate(a=Sum("amount"), t=Sum("tax_share"))
            assert line.unit_price * line.quantity - (taken["a"] or 0) == line.total >= 0
            floor = variants[0].floor_price if line.sku == variants[0].sku else None
            assert line.total >= (floor or Decimal(0)) * line.quantity
        transaction.set_rollback(True)


@EACH
@given(
    st.lists(rule(), max_size=4),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
    st.integers(0, 2),
)
def test_an_item_more_never_costs_more_than_its_own_price(
    chain: Chain, rules: list[dict[str, Any]], units: list[int], which: int
) -> None:
    """As long as minimums are measured before discounts and at most one group works over several lines."""
    units[which] = units[which] or 1
    over_lines = [r for r in rules if _works_over_lines(r)]
    for values in rules:
        values |= {"minimum_basis": "BEFORE_DISCOUNTS"}
        if values in over_lines:
            values["group"] = "sets"
    with transaction.atomic():
        variants = goods(chain)
        write(rules, variants, narrow=False)
        before = quoted(chain, variants, units).total
        more = [n + (place == which) for place, n in enumerate(units)]
        after = quoted(chain, variants, more).total
        assert after - before <= PRICES[which]
        transaction.set_rollback(True)


def _works_over_lines(values: dict[str, Any]) -> bool:
    return (
        values["kind"] in ("N_FOR_M", "CHEAPEST_FREE", "TIERED")
        or (values["kind"] == "AMOUNT" and not values["is_per_unit"])
        or values["reduction_max"] is not None
    )


def test_forty_and_seventy_percent_leave_eighteen(chain: Chain) -> None:
    """In two groups they add up, each on what is left: 1000.00 less 40 % less 70 % is 180.00; in one group the better one wins."""
    first = offering.discount("cetrdeset", value="40.00")
    second = offering.discount("sedamdeset", value="70.00")
    variant = chain.variant(price="1000.00")
    assert quoted(chain, [variant], [1]).total == Decimal("180.00")
    for row in (first, second):
        row.group = "jedan"
        row.save()
    assert quoted(chain, [variant], [1]).total == Decimal("300.00")
    first.is_exclusive = second.is_exclusive = True
    first.save()
    second.save()
    assert quoted(chain, [variant], [1]).total == Decimal("300.00")
