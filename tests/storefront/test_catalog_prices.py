"""Prices: which entry holds, what it was before, and that history is never overwritten."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import LogEntry
from retail.kernel.models import OutboxEvent
from storefront import operations as verbs
from storefront import selectors as catalog
from storefront.models import Price, PriceList, TaxRate, Variant
from tests.factories import make_user
from tests.storefront.catalogs import LATER, NOW, make_price_list, make_title
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
SOON, LONG_AGO = NOW + timedelta(days=2), NOW - timedelta(days=400)


@pytest.fixture
def variant() -> Variant:
    return make_title("T-1", "Most", price=None)


@pytest.fixture
def price_list() -> PriceList:
    return make_price_list()


def set_price(variant: Variant, amount: str, now: datetime = NOW, **values: Any) -> Price:
    return verbs.set_price(
        variant_id=variant.pk,
        price_list_id=make_price_list().pk,
        amount=Decimal(amount),
        by=None,
        now=now,
        **values,
    )


def history(variant: Variant) -> list[tuple[str, datetime, datetime | None]]:
    rows = Price.objects.filter(variant=variant).order_by("valid_from", "id")
    return [(f"{row.amount}", row.valid_from, row.valid_to) for row in rows]


def test_a_new_price_closes_the_old_one(variant: Variant) -> None:
    set_price(variant, "1000.00")
    set_price(variant, "900.00", LATER)
    assert history(variant) == [("1000.00", NOW, LATER), ("900.00", LATER, None)]


def test_the_same_price_again_changes_nothing(variant: Variant) -> None:
    first = set_price(variant, "1000.00")
    with nothing_changes():
        assert set_price(variant, "1000.00", LATER).pk == first.pk


def test_a_planned_price_takes_over_by_the_clock(variant: Variant, price_list: PriceList) -> None:
    set_price(variant, "1000.00")
    set_price(variant, "900.00", valid_from=LATER)
    for moment, amount in ((NOW, "1000.00"), (LATER - timedelta(seconds=1), "1000.00"), (LATER, "900.00")):
        assert catalog.unit_prices([variant.pk], price_list.pk, moment) == {variant.pk: Decimal(amount)}


def test_a_plan_that_never_began_is_replaced(variant: Variant) -> None:
    set_price(variant, "1000.00")
    set_price(variant, "900.00", valid_from=SOON)
    set_price(variant, "800.00", LATER)
    assert history(variant) == [("1000.00", NOW, LATER), ("800.00", LATER, None)]


def test_a_price_with_an_end_stands_beside_the_open_one(variant: Variant, price_list: PriceList) -> None:
    set_price(variant, "1000.00")
    set_price(variant, "700.00", valid_from=LATER, valid_to=SOON)
    held = [catalog.unit_prices([variant.pk], price_list.pk, at)[variant.pk] for at in (NOW, LATER, SOON)]
    assert held == [Decimal("1000.00"), Decimal("700.00"), Decimal("1000.00")]


def test_quantity_breaks_are_entries_of_their_own(variant: Variant, price_list: PriceList) -> None:
    set_price(variant, "1000.00")
    set_price(variant, "850.00", minimum_quantity=10)
    set_price(variant, "900.00", LATER, minimum_quantity=10)
    found = catalog.price_candidates([variant.pk], price_list.pk, LATER)[variant.pk]
    assert [(each.minimum_quantity, each.amount, each.list_code, each.currency) for each in found] == [
        (1, Decimal("1000.00"), "rs", "RSD"),
        (10, Decimal("900.00"), "rs", "RSD"),
    ]
    assert catalog.unit_prices([variant.pk], price_list.pk, LATER, quantity=9) == {
        variant.pk: Decimal("1000.00")
    }
    assert catalog.unit_prices([variant.pk], price_list.pk, LATER, quantity=10) == {
        variant.pk: Decimal("900.00")
    }


def test_candidates_of_many_variants_are_one_statement(price_list: PriceList) -> None:
    variants = [
        make_title(f"V-{number}", f"Naslov {number}", price=f"{100 + number}.00") for number in range(30)
    ]
    bare = make_title("V-X", "Bez cene", price=None)
    with CaptureQueriesContext(connection) as queries:
        found = catalog.price_candidates([*(each.pk for each in variants), bare.pk], price_list.pk, NOW)
    assert len(queries) == 1
    assert {variant_id: entries[0].amount for variant_id, entries in found.items()} == {
        each.pk: Decimal(100 + number) for number, each in enumerate(variants)
    }


def test_the_lowest_price_of_thirty_days_before_a_reduction(variant: Variant, price_list: PriceList) -> None:
    """In force at any instant of the thirty days, the reduction itself not counted."""
    for amount, since, until in (
        ("500.00", LONG_AGO, NOW - timedelta(days=40)),
        ("800.00", NOW - timedelta(days=40), NOW - timedelta(days=29)),
        ("1000.00", NOW - timedelta(days=29), NOW),
        ("700.00", NOW, None),
    ):
        Price.objects.create(
            variant=variant, price_list=price_list, amount=amount, valid_from=since, valid_to=until
        )
    assert catalog.lowest_prices([variant.pk], price_list.pk, NOW) == {variant.pk: Decimal("800.00")}
    assert catalog.lowest_prices([variant.pk], price_list.pk, NOW + timedelta(days=5)) == {
        variant.pk: Decimal("700.00")
    }
    assert catalog.lowest_prices(
        [variant.pk], price_list.pk, NOW - timedelta(days=28, hours=23), days=10
    ) == {variant.pk: Decimal("800.00")}


@pytest.mark.parametrize("amount", ["-0.01", "1.001", "100000000.00", "NaN", "Infinity"])
def test_an_amount_that_is_no_price_is_refused(variant: Variant, amount: str) -> None:
    with nothing_changes(), pytest.raises(verbs.InvalidPrice):
        set_price(variant, amount)


def test_the_past_is_not_rewritten(variant: Variant) -> None:
    with nothing_changes(), pytest.raises(verbs.InvalidPeriod):
        set_price(variant, "100.00", valid_from=NOW - timedelta(seconds=1))
    with nothing_changes(), pytest.raises(verbs.InvalidPeriod):
        set_price(variant, "100.00", valid_to=NOW)


def test_a_price_of_nothing_is_refused(variant: Variant) -> None:
    with nothing_changes(), pytest.raises(verbs.UnknownVariant):
        verbs.set_price(variant_id=0, price_list_id=1, amount=Decimal(1), by=None, now=NOW)
    with nothing_changes(), pytest.raises(verbs.UnknownPriceList):
        verbs.set_price(variant_id=variant.pk, price_list_id=0, amount=Decimal(1), by=None, now=NOW)


def test_who_set_a_price_is_traced_and_announced(variant: Variant) -> None:
    mila = make_user("Mila")
    price = verbs.set_price(
        variant_id=variant.pk, price_list_id=make_price_list().pk, amount=Decimal("990.00"), by=mila, now=NOW
    )
    entry = LogEntry.objects.get(content_type__model="price", object_id=price.pk)
    assert (entry.actor_id, entry.changes["amount"]) == (mila.pk, [None, 990.0])
    event = OutboxEvent.objects.get(topic="storefront.price_set")
    assert event.payload == {"variant_id": variant.pk, "sku": "T-1", "price_list": "rs", "amount": "990.00"}


def test_tax_rates_change_with_the_day(price_list: PriceList) -> None:
    TaxRate.objects.filter(tax_class="BOOKS").update(valid_to="2026-12-31")
    TaxRate.objects.create(tax_class="BOOKS", rate="12.00", valid_from="2027-01-01")
    TaxRate.objects.create(tax_class="BOOKS", rate="5.00", valid_from="2014-01-01", country="ME")
    # Half past eleven in the evening of New Year's Eve in Greenwich is the new year in Belgrade.
    eve = datetime.fromisoformat("2026-12-31T22:30:00+00:00")
    assert catalog.tax_rates(eve) == {"BOOKS": Decimal("10.00")}
    assert catalog.tax_rates(eve + timedelta(hours=1)) == {"BOOKS": Decimal("12.00")}
    assert catalog.tax_rates(eve, country="ME") == {"BOOKS": Decimal("5.00")}
