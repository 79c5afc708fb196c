"""What is live lowers the price on the very next request: by clock, channel, campaign, segment, account; in a flat number of statements."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bench.counting import counted, number_of
from crm import models as crm_models
from crm import selectors as crm
from crm.models import Customer, CustomerDiscount
from crm.rules import is_held_out
from crm.selectors import SegmentFact
from oms import selectors as oms
from oms.models import Basket
from oms.pricing import Outcome, Priced
from storefront.models import Channel, Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def priced(
    chain: Chain, *wanted: tuple[Variant, int], customer: Customer | None = None, method: str = ""
) -> Priced:
    basket = Basket(channel=chain.channel)
    return oms.quote(
        channel=basket.channel,
        wanted=[oms.Wanted(variant.sku, variant, units) for variant, units in wanted],
        now=NOW,
        delivery_method=method,
        customer_id=customer.pk if customer else None,
    ).priced


def outcome(answer: Priced, code: str) -> tuple[Outcome, dict[str, str]]:
    step = next(step for step in answer.steps if step.rule == code)
    return step.outcome, dict(step.details)


def test_without_any_discount_the_price_is_the_price_lists(chain: Chain) -> None:
    assert priced(chain, (chain.variant(price="1200.00"), 2)).total == Decimal("2400.00")


def test_a_discount_for_everyone_lowers_every_line(chain: Chain) -> None:
    offering.discount("deset", value="10.00")
    answer = priced(chain, (chain.variant(price="1200.00"), 2), (chain.variant(price="333.33"), 1))
    assert [line.total for line in answer.lines] == [Decimal("2160.00"), Decimal("300.00")]
    assert [each.code for line in answer.lines for each in line.discounts] == ["deset", "deset"]


@pytest.mark.parametrize(
    ("values", "is_live"),
    [
        ({}, True),
        ({"state": "DRAFT"}, False),
        ({"state": "ENDED"}, False),
        ({"valid_from": NOW}, True),
        ({"valid_from": NOW + timedelta(seconds=1)}, False),
        ({"valid_to": NOW}, False),
        ({"valid_to": NOW + timedelta(seconds=1)}, True),
    ],
)
def test_a_discount_lives_by_its_state_and_the_clock(
    chain: Chain, values: dict[str, Any], is_live: bool
) -> None:
    offering.discount("deset", **values)
    answer = priced(chain, (chain.variant(price="1000.00"), 1))
    assert answer.total == (Decimal("900.00") if is_live else Decimal("1000.00"))


@pytest.mark.parametrize(
    ("values", "is_live"),
    [
        ({}, True),
        ({"state": "SUBMITTED"}, False),
        ({"state": "ENDED"}, False),
        ({"start": NOW}, True),
        ({"start": NOW + timedelta(seconds=1)}, False),
        ({"ends_at": NOW}, False),
        ({"ends_at": NOW + timedelta(seconds=1)}, True),
    ],
)
def test_a_discount_of_a_campaign_is_on_while_the_campaign_is(
    chain: Chain, values: dict[str, Any], is_live: bool
) -> None:
    offering.discount("deset", campaign=offering.campaign("jesen", **values))
    answer = priced(chain, (chain.variant(price="1000.00"), 1))
    assert answer.total == (Decimal("900.00") if is_live else Decimal("1000.00"))


@pytest.mark.parametrize("owner", ["discount", "campaign"])
def test_a_discount_of_another_channel_is_not_tried(chain: Chain, owner: str) -> None:
    other = Channel.objects.create(
        code="pos", name="Kasa", entity=chain.entity, price_list=chain.channel.price_list
    )
    campaign = offering.campaign("jesen")
    rule = offering.discount("deset", campaign=campaign)
    (rule if owner == "discount" else campaign).channels.add(other)
    variant = chain.variant(price="1000.00")
    assert priced(chain, (variant, 1)).total == Decimal("1000.00")
    (rule if owner == "discount" else campaign).channels.add(chain.channel)
    assert priced(chain, (variant, 1)).total == Decimal("900.00")


def test_a_category_covers_its_whole_branch_and_exclusions_win(chain: Chain) -> None:
    deep, shallow, outside = (chain.variant(price="1000.00") for _ in range(3))
    leaf = offering.branch("knjige/romani/krimi", deep)
    offering.branch("knjige", shallow)
    offering.branch("igracke", outside)
    rule = offering.discount("knjige", value="20.00")
    offering.target(rule, offering.branch("knjige"))
    totals = [line.total for line in priced(chain, (deep, 1), (shallow, 1), (outside, 1)).lines]
    assert totals == [Decimal("800.00"), Decimal("800.00"), Decimal("1000.00")]
    offering.target(rule, leaf, is_excluded=True)
    totals = [line.total for line in priced(chain, (deep, 1), (shallow, 1), (outside, 1)).lines]
    assert totals == [Decimal("1000.00"), Decimal("800.00"), Decimal("1000.00")]


def test_a_discount_on_some_articles_leaves_the_others(chain: Chain) -> None:
    inside, outside = chain.variant(), chain.variant()
    offering.target(offering.discount("deset"), inside)
    assert [line.total for line in priced(chain, (inside, 1), (outside, 1)).lines] == [
        Decimal("900.00"),
        Decimal("1000.00"),
    ]


def test_no_discount_goes_below_the_lowest_price_of_an_article(chain: Chain) -> None:
    variant = chain.variant(price="1000.00")
    variant.floor_price = Decimal("850.00")
    variant.save()
    offering.discount("trideset", value="30.00")
    answer = priced(chain, (variant, 2))
    assert answer.total == Decimal("1700.00")


def test_an_offer_on_the_account_holds_for_who_carries_it(chain: Chain) -> None:
    rule = offering.discount("za-anu", audience="ACCOUNT", value="15.00")
    ana, other = offering.customer(), offering.customer("Igor", "igor@example.com")
    offer = CustomerDiscount.objects.create(
        customer=ana, discount=rule, reason="izvinjenje", valid_from=NOW, uses_max=1
    )
    variant = chain.variant(price="1000.00")
    assert priced(chain, (variant, 1), customer=ana).total == Decimal("850.00")
    assert priced(chain, (variant, 1), customer=other).total == Decimal("1000.00")
    answer = priced(chain, (variant, 1))
    assert answer.total == Decimal("1000.00")
    assert not [step for step in answer.steps if step.rule == "za-anu"]
    CustomerDiscount.objects.filter(pk=offer.pk).update(uses=1)
    assert priced(chain, (variant, 1), customer=ana).total == Decimal("1000.00")


def _members(monkeypatch: pytest.MonkeyPatch, *ids: int) -> None:
    def segments_of(*, customer_id: int | None, segment_ids: object, now: object) -> dict[int, SegmentFact]:
        held = crm_models.Segment.objects.filter(pk__in=list(segment_ids)) if customer_id in ids else ()  # type: ignore
        return {s.pk: SegmentFact(s.pk, s.slug, s.version, s.definition) for s in held}

    monkeypatch.setattr(crm, "segments_of", segments_of)


def test_a_segment_of_the_discount_and_of_its_campaign_both_have_to_hold(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = crm_models.Segment.objects.create(
        slug="verni", name="Verni", definition="tier >= 2", state="ACTIVE"
    )
    whole = crm_models.Segment.objects.create(slug="svi", name="Svi", definition="tier >= 1", state="ACTIVE")
    offering.discount(
        "deset", audience="SEGMENT", segment=own, campaign=offering.campaign("jesen", segment=whole)
    )
    ana, variant = offering.customer(), chain.variant(price="1000.00")
    _members(monkeypatch, ana.pk)
    assert priced(chain, (variant, 1), customer=ana).total == Decimal("900.00")
    assert priced(chain, (variant, 1)).total == Decimal("1000.00")
    assert not [step for step in priced(chain, (variant, 1)).steps if step.rule == "deset"]
    other = offering.customer("Igor", "igor@example.com")
    answer = priced(chain, (variant, 1), customer=other)
    assert answer.total == Decimal("1000.00")
    assert outcome(answer, "deset") == (
        Outcome.FACT_MISSING,
        {"missing": "segment:svi, segment:verni"},
    )


def test_who_is_held_out_of_a_campaign_gets_none_of_it(chain: Chain) -> None:
    offering.discount("deset", campaign=offering.campaign("jesen", holdout_percent=50))
    people = [offering.customer(f"Kupac {n}", f"kupac{n}@example.com") for n in range(12)]
    out = [one for one in people if is_held_out(slug="jesen", customer_id=one.pk, percent=50)]
    variant = chain.variant(price="1000.00")
    paid = {one.pk: priced(chain, (variant, 1), customer=one).total for one in people}
    assert paid == {one.pk: Decimal("1000.00") if one in out else Decimal("900.00") for one in people}
    assert 0 < len(out) < len(people)
    assert priced(chain, (variant, 1)).total == Decimal("900.00"), "a guest is never held out"


def test_a_campaign_gives_nothing_that_its_budget_cannot_bear(chain: Chain) -> None:
    campaign = offering.campaign("jesen", budget=("MONEY", "150.00"))
    offering.discount("deset", campaign=campaign)
    variant = chain.variant(price="1000.00")
    assert priced(chain, (variant, 1)).total == Decimal("900.00")
    answer = priced(chain, (variant, 2))
    assert answer.total == Decimal("2000.00")
    assert outcome(answer, "deset") == (Outcome.FACT_MISSING, {"missing": "budget:jesen"})


def test_free_shipping_counts_against_a_budget(chain: Chain) -> None:
    campaign = offering.campaign("jesen", budget=("MONEY", "289.00"))
    offering.discount("besplatno", "FREE_SHIPPING", "100.00", campaign=campaign)
    answer = priced(chain, (chain.variant(price="1000.00"), 1), method="HOME_DELIVERY")
    assert (answer.delivery_total, answer.total) == (Decimal("290.00"), Decimal("1290.00"))


def test_a_used_up_number_of_orders_closes_a_campaign(chain: Chain) -> None:
    campaign = offering.campaign("jesen", budget=("USES", "1"))
    offering.discount("deset", campaign=campaign)
    variant = chain.variant(price="1000.00")
    assert priced(chain, (variant, 1)).total == Decimal("900.00")
    campaign.budget.used = Decimal(1)
    campaign.budget.save()
    assert priced(chain, (variant, 1)).total == Decimal("1000.00")


def test_the_number_of_statements_does_not_grow(chain: Chain) -> None:
    variants = [chain.variant() for _ in range(12)]
    ana = offering.customer()
    lines = [(variant, 1) for variant in variants]
    priced(chain, *lines)
    counts = {}
    with counted() as sent:
        priced(chain, *lines[:1])
    counts["none"] = number_of(sent)
    segment = crm_models.Segment.objects.create(
        slug="verni", name="Verni", definition="tier >= 2", state="ACTIVE"
    )
    for n in range(20):
        offering.discount(f"grana-{n}", audience="SEGMENT" if n % 2 else "EVERYONE", segment=segment)
    with counted() as sent:
        priced(chain, *lines, method="HOME_DELIVERY")
    counts["guest"] = number_of(sent)
    assert counts == {"none": 1, "guest": 1}
    priced(chain, *lines[:1], customer=ana)  # what the process then knows of the segment's words
    with counted() as sent:
        priced(chain, *lines, customer=ana, method="HOME_DELIVERY")
    assert number_of(sent) == 2


def test_a_row_that_makes_no_sense_lowers_nothing(chain: Chain) -> None:
    offering.discount("stepenice", "TIERED", tiers=[])
    assert priced(chain, (chain.variant(price="1000.00"), 1)).total == Decimal("1000.00")


def test_the_explanation_of_a_gift_without_a_price(chain: Chain) -> None:
    gift = chain.variant(price="300.00")
    offering.discount("poklon", "GIFT_LINE", gift=gift, minimum_amount=Decimal("1500.00"))
    answer = priced(chain, (chain.variant(price="1000.00"), 2))
    line = next(line for line in answer.lines if line.is_gift)
    assert (line.sku, line.unit_price, line.total, line.tax_rate) == (
        gift.sku,
        Decimal("300.00"),
        Decimal("0.00"),
        Decimal("10.00"),
    )
    gift.is_sellable = False
    gift.save()
    answer = priced(chain, (chain.variant(price="1000.00"), 2))
    assert not [line for line in answer.lines if line.is_gift]
    assert outcome(answer, "poklon") == (Outcome.FACT_MISSING, {"missing": "gift:poklon"})
