"""What a process knows of discounts is called by the versions of the rows it was read from: any other wording is seen by the very next price."""

from collections.abc import Callable

import pytest
from django.db import connection

from crm.models import Campaign, DiscountTarget, Segment
from oms import offers
from oms import selectors as oms
from storefront.models import Product, Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def asked(chain: Chain) -> oms.Tariff:
    return oms.tariff(channel=chain.channel, variant_ids=[], now=NOW, customer_id=1)


def raw(sql: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def world(chain: Chain) -> dict[str, int]:
    """One discount that is made of everything that its text can be made of."""
    segment = Segment.objects.create(slug="clanovi", name="Članovi", definition="points > 0", state="ACTIVE")
    campaign = offering.campaign("jesen", budget=("MONEY", "1000.00"), segment=segment)
    gift, single, product = chain.variant(), chain.variant(), chain.variant()
    branch = offering.branch("knjige/proza")
    found = offering.discount(
        "jesen", kind="GIFT_LINE", campaign=campaign, gift=gift, audience="SEGMENT", segment=segment
    )
    offering.target(found, single, branch)
    DiscountTarget.objects.create(discount=found, product=product.product)
    return {
        "discount": found.pk,
        "campaign": campaign.pk,
        "segment": segment.pk,
        "gift": gift.pk,
        "gift_product": gift.product_id,
        "single": single.pk,
        "product": product.product_id,
        "branch": branch.pk,
    }


CHANGES: dict[str, Callable[[dict[str, int]], None]] = {
    "discount": lambda at: raw("UPDATE crm_discount SET name = 'drugo' WHERE id = %s", at["discount"]),
    "campaign": lambda at: raw("UPDATE crm_campaign SET holdout_percent = 7 WHERE id = %s", at["campaign"]),
    "budget": lambda at: raw(
        "UPDATE crm_campaignbudget SET kind = 'USES' WHERE campaign_id = %s", at["campaign"]
    ),
    "segment": lambda at: raw("UPDATE crm_segment SET slug = 'gosti' WHERE id = %s", at["segment"]),
    "target gone": lambda at: raw("DELETE FROM crm_discounttarget WHERE category_id = %s", at["branch"]),
    "target excluded": lambda at: raw(
        "UPDATE crm_discounttarget SET is_excluded = true WHERE variant_id = %s", at["single"]
    ),
    "branch moved": lambda at: raw(
        "UPDATE storefront_category SET path = 'knjige/drama' WHERE id = %s", at["branch"]
    ),
    "article": lambda at: raw("UPDATE storefront_variant SET sku = 'NOVI-SKU' WHERE id = %s", at["single"]),
    "article more": lambda at: _another(at["product"]),
    "gift's title": lambda at: raw(
        "UPDATE storefront_product SET title = 'Kalendar' WHERE id = %s", at["gift_product"]
    ),
    "gift gone": lambda at: raw(
        "UPDATE storefront_variant SET is_sellable = false WHERE id = %s", at["gift"]
    ),
}


def _another(product_id: int) -> None:
    Variant.objects.create(product=Product.objects.get(pk=product_id), sku="DRUGI-SKU", weight_grams=100)


@pytest.mark.parametrize("change", CHANGES)
def test_another_wording_has_another_name(chain: Chain, change: str) -> None:
    at = world(chain)
    (before,) = asked(chain).offers.rules
    assert asked(chain).offers.rules is asked(chain).offers.rules  # known by its name: nothing is read again
    CHANGES[change](at)
    (after,) = asked(chain).offers.rules
    assert after.row != before.row
    offers._sets.clear()
    (read,) = asked(chain).offers.rules
    assert after.row == read.row


def test_what_an_act_took_back_is_not_known(chain: Chain) -> None:
    """The same place in the table is written by another transaction then."""
    at = world(chain)
    (before,) = asked(chain).offers.rules
    raw("SAVEPOINT draft")
    CHANGES["discount"](at)
    assert asked(chain).offers.rules[0].row.name == "drugo"
    raw("ROLLBACK TO SAVEPOINT draft")
    assert asked(chain).offers.rules[0].row == before.row
    raw("UPDATE crm_discount SET name = 'treće' WHERE id = %s", at["discount"])
    assert asked(chain).offers.rules[0].row.name == "treće"


def test_a_campaign_that_is_over_is_not_live(chain: Chain) -> None:
    at = world(chain)
    assert len(asked(chain).offers.rules) == 1
    Campaign.objects.filter(pk=at["campaign"]).update(ends_at=NOW)
    assert asked(chain).offers.rules == ()
