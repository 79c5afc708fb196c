"""What a process knows of discounts goes by the marks of what was changed: any other wording is seen by the very next price."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from crm import operations as crm
from crm.models import Campaign, CampaignBudget, Discount, DiscountTarget, OfferMark, Segment
from crm.operations.offer_marks import FOLD_ABOVE
from crm.selectors import LIVE_DISCOUNTS
from oms import known_offers
from oms import selectors as oms
from storefront.models import Channel, Product, Variant
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
    found.channels.add(chain.channel)
    campaign.channels.add(chain.channel)
    return {
        "channel": chain.channel.pk,
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
    "gift's weight": lambda at: raw(
        "UPDATE storefront_variant SET weight_grams = 5 WHERE id = %s", at["gift"]
    ),
    "gift gone": lambda at: raw(
        "UPDATE storefront_variant SET is_sellable = false WHERE id = %s", at["gift"]
    ),
    "gift not shown": lambda at: raw(
        "UPDATE storefront_product SET status = 'ARCHIVED' WHERE id = %s", at["gift_product"]
    ),
    "every channel": lambda at: raw(
        "DELETE FROM crm_discount_channels WHERE discount_id = %s", at["discount"]
    ),
    "campaign's every channel": lambda at: raw(
        "DELETE FROM crm_campaign_channels WHERE campaign_id = %s", at["campaign"]
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
    known_offers.forget()
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


def test_what_orders_count_leaves_no_mark(chain: Chain) -> None:
    at = world(chain)
    before = asked(chain).offers
    CampaignBudget.objects.filter(pk=at["campaign"]).update(used="300.00")
    after = asked(chain).offers
    assert after.rules is before.rules
    assert (before.budgets[at["campaign"]].left, after.budgets[at["campaign"]].left) == (
        Decimal(1000),
        Decimal(700),
    )


def test_marks_are_folded_into_one(chain: Chain) -> None:
    """The name is another one then, the words are the same."""
    world(chain)
    OfferMark.objects.bulk_create(OfferMark(mark=number) for number in range(FOLD_ABOVE))
    (before,) = asked(chain).offers.rules
    many = OfferMark.objects.count()
    assert crm.fold_offer_marks() == many > FOLD_ABOVE
    assert OfferMark.objects.count() == 1
    assert crm.fold_offer_marks() == 0
    (after,) = asked(chain).offers.rules
    assert after.row == before.row


def test_a_campaign_that_is_over_is_not_live(chain: Chain) -> None:
    at = world(chain)
    assert len(asked(chain).offers.rules) == 1
    Campaign.objects.filter(pk=at["campaign"]).update(ends_at=NOW)
    assert asked(chain).offers.rules == ()


def test_the_clock_alone_opens_and_closes(
    chain: Chain, django_assert_num_queries: Callable[[int], Any]
) -> None:
    """One statement for each moment, and no words: what is known holds for every moment from the first one on."""
    hour = timedelta(hours=1)
    offering.discount("traje", valid_from=NOW, valid_to=NOW + 2 * hour)
    offering.discount("posle", valid_from=NOW + hour)

    def live(at: datetime) -> list[str]:
        return [
            rule.row.code for rule in oms.tariff(channel=chain.channel, variant_ids=[], now=at).offers.rules
        ]

    assert live(NOW) == ["traje"]
    with django_assert_num_queries(5):
        assert live(NOW - timedelta(microseconds=1)) == []
        assert live(NOW + hour - timedelta(microseconds=1)) == ["traje"]
        assert live(NOW + hour) == ["posle", "traje"]
        assert live(NOW + 2 * hour - timedelta(microseconds=1)) == ["posle", "traje"]
        assert live(NOW + 2 * hour) == ["posle"]
    assert known_offers.known_offers(NOW).book is not None


def test_what_was_over_long_before_is_read_for_who_asks_of_then(chain: Chain) -> None:
    offering.discount("bilo", valid_to=NOW - timedelta(days=1))
    now = oms.tariff(channel=chain.channel, variant_ids=[], now=NOW).offers
    then = oms.tariff(channel=chain.channel, variant_ids=[], now=NOW - timedelta(days=2)).offers
    assert ([rule.row.code for rule in now.rules], [rule.row.code for rule in then.rules]) == ([], ["bilo"])


@pytest.mark.parametrize("seed", range(20))
def test_what_is_on_is_what_the_rows_say(chain: Chain, seed: int) -> None:
    """The rule is there twice: for a code that somebody types the rows are asked, for prices what is known of them."""
    rng = random.Random(seed)
    other = Channel.objects.create(
        code="drugi", name="Drugi", entity=chain.channel.entity, price_list=chain.channel.price_list
    )
    moments = [None, *(NOW + timedelta(minutes=30 * step) for step in range(-3, 4))]

    def period() -> dict[str, Any]:
        first, last = rng.choice(moments), rng.choice(moments)
        is_empty = first is not None and last is not None and first >= last
        return {} if is_empty else {k: v for k, v in (("valid_from", first), ("valid_to", last)) if v}

    for number in range(12):
        campaign = None
        if rng.random() < 0.6:
            own = period()
            campaign = offering.campaign(
                start=own.get("valid_from", NOW - timedelta(days=9)),
                ends_at=own.get("valid_to"),
                state=rng.choice(["RATIFIED", "RATIFIED", "ENDED"]),
            )
            campaign.channels.set(rng.choice([[], [], [chain.channel], [other]]))
        found = offering.discount(
            f"d-{number}", campaign=campaign, state=rng.choice(["ACTIVE", "ACTIVE", "DRAFT"]), **period()
        )
        found.channels.set(rng.choice([[], [], [chain.channel], [other]]))
    for now in (each for each in moments if each is not None):
        for channel in (chain.channel, other):
            known = oms.tariff(channel=channel, variant_ids=[], now=now).offers.rules
            with connection.cursor() as cursor:
                cursor.execute(LIVE_DISCOUNTS, {"now": now, "channel": channel.pk})
                rows = {pk for (pk,) in cursor.fetchall()}
            assert {rule.row.id for rule in known} == rows
    assert Discount.objects.count() == 12
