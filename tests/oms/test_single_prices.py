"""What one unit costs by itself is kept while nothing that it depends on is another: each of it, changed behind the process, shows at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from oms import known_offers, unit_prices
from storefront.models import Category, Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = pytest.mark.django_db
LISTED = Decimal("1000.00")


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def book(chain: Chain) -> Variant:
    """A tenth off everything in one branch, from an hour ago until tomorrow."""
    book = chain.variant()
    found = offering.discount(
        "desetina", valid_from=NOW - timedelta(hours=1), valid_to=NOW + timedelta(days=1)
    )
    offering.target(found, offering.branch("knjige/proza", book))
    return book


def price(chain: Chain, book: Variant, listed: Decimal = LISTED, now: datetime = NOW) -> Decimal | None:
    found = unit_prices.lowered_prices(
        channel=chain.channel, listed={book.pk: (book.sku, listed)}, now=now
    ).get(book.pk)
    return found.amount if found else None


def raw(sql: str, *values: int | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


CHANGES: dict[str, tuple[Callable[[Variant], None], Decimal | None]] = {
    "value": (lambda book: raw("UPDATE crm_discount SET value = 20"), Decimal("800.00")),
    "ended": (lambda book: raw("UPDATE crm_discount SET state = 'ENDED'"), None),
    "floor": (
        lambda book: raw("UPDATE storefront_variant SET floor_price = 950 WHERE id = %s", book.pk),
        Decimal("950.00"),
    ),
    "branch of the title": (
        lambda book: raw(
            "DELETE FROM storefront_product_categories WHERE product_id = %s AND category_id = %s",
            book.product_id,
            Category.objects.get(path="knjige/proza").pk,
        ),
        None,
    ),
    "excluded": (
        lambda book: raw(
            "INSERT INTO crm_discounttarget (discount_id, variant_id, is_excluded)"
            " SELECT id, %s, true FROM crm_discount",
            book.pk,
        ),
        None,
    ),
    "a better one": (lambda book: _also("25.00"), Decimal("750.00")),
}


def _also(value: str) -> None:
    better = offering.discount("bolji", value=value, group="isti")
    raw("UPDATE crm_discount SET \"group\" = 'isti'")
    assert better.pk


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_it_depends_on_shows_with_the_next_price(chain: Chain, book: Variant, name: str) -> None:
    change, expected = CHANGES[name]
    assert [price(chain, book) for _ in range(2)] == [Decimal("900.00")] * 2
    change(book)
    assert price(chain, book) == expected


def test_another_list_price_and_another_hour_are_asked_anew(chain: Chain, book: Variant) -> None:
    assert price(chain, book) == Decimal("900.00")
    assert price(chain, book, Decimal("500.00")) == Decimal("450.00")
    assert price(chain, book, now=NOW + timedelta(days=1)) is None
    assert price(chain, book) == Decimal("900.00")


def test_what_is_kept_is_used(chain: Chain, book: Variant) -> None:
    """The twin of the tests above: a kept price that nothing contradicts is the answer, so they look at what they mean to."""
    assert price(chain, book) == Decimal("900.00")
    kept = _kept_of(chain)
    (key,) = kept
    kept[key] = replace(kept[key], amount=Decimal("1.00"))
    assert price(chain, book) == Decimal("1.00")
    raw("UPDATE crm_discount SET value = 20")
    assert price(chain, book) == Decimal("800.00")


def test_what_a_budget_leaves_is_never_kept(chain: Chain, book: Variant) -> None:
    campaign = offering.campaign("jesen", budget=("MONEY", "150.00"))
    raw("UPDATE crm_discount SET campaign_id = %s", campaign.pk)
    assert price(chain, book) == Decimal("900.00")
    raw("UPDATE crm_campaignbudget SET used = 100")
    assert price(chain, book) is None
    assert not _kept_of(chain)


def _kept_of(chain: Chain) -> dict[object, unit_prices.UnitPrice]:
    book = known_offers.known_offers(NOW).book
    assert book is not None
    found = book.at(NOW).of(channel_id=chain.channel.pk, is_guest=True, held=frozenset()).singles
    assert found is not None
    return found
