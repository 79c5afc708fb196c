"""What a campaign brought that would not have come without it: the statement against plain arithmetic, and what its size can see."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from statistics import mean, variance
from typing import Any

import pytest

from crm.models import Campaign, Customer, Segment, SegmentVersion
from crm.rules import is_held_out
from oms import effects
from oms.effects.rules import History, smallest_effect, table, usual_share
from oms.models import Order
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = pytest.mark.django_db
START = NOW - timedelta(days=30)
MEMBERS = 120


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def order(chain: Chain, customer: Customer, amount: float, at: datetime, **values: object) -> None:
    total = Decimal(f"{amount:.2f}")
    Order.objects.create(
        number=f"E-{Order.objects.count()}",
        channel=chain.channel,
        entity=chain.entity,
        customer=customer,
        delivery_method="HOME_DELIVERY",
        payment_method="CASH_ON_DELIVERY",
        goods_total=total,
        total=total,
        due_total=total,
        placed_at=at,
        **{"status": "COMPLETED", **values},
    )


@pytest.fixture
def members(chain: Chain) -> dict[int, tuple[float, float]]:
    """Spent before and after the start, by customer; a fixed seed, and a few who do not count."""
    dice = random.Random(7)
    found = {}
    for number in range(MEMBERS):
        # Numbers of our own: the hash holds out the same members in every run.
        customer = Customer.objects.create(
            pk=1_000_000 + number,
            name=f"Kupac {number}",
            email=f"k{number}@example.com",
            created_at=START - timedelta(days=400),
        )
        before = round(dice.lognormvariate(7, 1), 2) if dice.random() < 0.7 else 0.0
        after = round(before * 0.2 + dice.lognormvariate(6, 1), 2) if dice.random() < 0.5 else 0.0
        found[customer.pk] = (before, after)
        if before:
            order(chain, customer, before, START - timedelta(days=100))
        if after:
            order(chain, customer, after, START + timedelta(days=3))
        # None of these is asked: too old, canceled, after the end.
        order(chain, customer, 50_000, START - timedelta(days=365))
        order(chain, customer, 50_000, START + timedelta(days=3), status="CANCELED")
        order(chain, customer, 50_000, NOW - timedelta(days=1))
    late = Customer.objects.create(
        name="Kasni", email="kasni@example.com", created_at=START + timedelta(days=1)
    )
    order(chain, late, 90_000, START + timedelta(days=2))
    return found


def campaign(**values: Any) -> Campaign:
    return offering.campaign(
        "zima", start=START, ends_at=NOW - timedelta(days=2), holdout_percent=30, **values
    )


def by_hand(members: dict[int, tuple[float, float]], *, is_cut: bool) -> tuple[int, int, float, float]:
    """(treated, held out, difference, its standard error) as a textbook says."""

    def at(values: list[float], share: float) -> float:
        ordered = sorted(values)
        place = share * (len(ordered) - 1)
        low = int(place)
        return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)

    x = [before for before, _ in members.values()]
    y = [after for _, after in members.values()]
    if is_cut:
        most_x, most_y = at(x, 0.99), at(y, 0.99)
        x, y = [min(each, most_x) for each in x], [min(each, most_y) for each in y]
    slope = sum((a - mean(x)) * (b - mean(y)) for a, b in zip(x, y, strict=True)) / sum(
        (a - mean(x)) ** 2 for a in x
    )
    left = [b - slope * (a - mean(x)) for a, b in zip(x, y, strict=True)]
    out = [is_held_out(slug="zima", customer_id=key, percent=30) for key in members]
    treated = [each for each, is_out in zip(left, out, strict=True) if not is_out]
    held = [each for each, is_out in zip(left, out, strict=True) if is_out]
    error = sqrt(variance(treated) / len(treated) + variance(held) / len(held))
    return len(treated), len(held), mean(treated) - mean(held), error


def test_the_statement_is_the_textbook(chain: Chain, members: dict[int, tuple[float, float]]) -> None:
    effect = effects.effect_of(campaign=campaign(), now=NOW)
    assert effect is not None
    for estimate, is_cut in ((effect.cut, True), (effect.plain, False)):
        treated, held, difference, error = by_hand(members, is_cut=is_cut)
        assert (effect.treated, effect.held_out) == (treated, held)
        assert estimate.per_member == pytest.approx(difference, rel=1e-9)
        assert estimate.half_width == pytest.approx(1.959964 * error, rel=1e-9)
        assert estimate.total == Decimal(difference * treated).quantize(Decimal("0.01"))
    assert effect.treated + effect.held_out == MEMBERS
    assert effect.cut.high - effect.cut.low == 2 * effect.cut.total_half_width


def test_where_nothing_was_done_the_interval_holds_zero(
    chain: Chain, members: dict[int, tuple[float, float]]
) -> None:
    """The short form of the proof: sixty campaigns that did nothing, each with its own hash.

    With 36 members held out of 120 the interval is a little narrow; tests/proof/test_holdout.py asks it of thousands.
    """
    shown = campaign()
    held = []
    for seed in range(60):
        shown.slug = f"aa-{seed}"
        effect = effects.effect_of(campaign=shown, now=NOW)
        assert effect is not None
        held.append(not effect.cut.is_seen)
    assert sum(held) == 51


def test_only_members_of_the_segment_count(chain: Chain, members: dict[int, tuple[float, float]]) -> None:
    """By the words of the day on which the campaign was ratified; later words do not move who was compared."""
    english = sorted(members)[:50]
    Customer.objects.filter(pk__in=english).update(language="en")
    segment = Segment.objects.create(
        slug="engleski", name="Engleski", definition='language = "sr-latn"', state="ACTIVE"
    )
    SegmentVersion.objects.create(
        segment=segment, version=1, definition='language = "en"', created_at=START - timedelta(days=5)
    )
    SegmentVersion.objects.create(
        segment=segment, version=2, definition='language = "sr-latn"', created_at=START + timedelta(days=5)
    )
    effect = effects.effect_of(campaign=campaign(segment=segment), now=NOW)
    assert effect is not None
    treated, held, difference, _ = by_hand({key: members[key] for key in english}, is_cut=False)
    assert (effect.treated, effect.held_out) == (treated, held)
    assert effect.plain.per_member == pytest.approx(difference, rel=1e-9)


def test_words_that_say_nothing_any_more_compare_nobody(
    chain: Chain, members: dict[int, tuple[float, float]]
) -> None:
    segment = Segment.objects.create(slug="prazno", name="Prazno", definition="nobody knows", state="ACTIVE")
    assert effects.effect_of(campaign=campaign(segment=segment), now=NOW) is None


def test_without_a_holdout_nothing_is_called_incremental(
    chain: Chain, members: dict[int, tuple[float, float]]
) -> None:
    shown = campaign()
    Campaign.objects.filter(pk=shown.pk).update(holdout_percent=0)
    shown.refresh_from_db()
    assert effects.effect_of(campaign=shown, now=NOW) is None
    assert (
        effects.effect_of(campaign=offering.campaign("sutra", start=NOW + timedelta(days=1)), now=NOW) is None
    )
    sight = effects.sight_of(campaign=shown, now=NOW)
    assert (sight.own.percent, sight.usual_share, sight.days) == (None, 50, 28)


@pytest.mark.parametrize(
    ("members", "share", "cv", "correlation", "percent"),
    [
        # Of the specification: a grocer, and a web shop, each at 10 and 50 % held out.
        (500, 10, 1.2, 0.80, 30),
        (2_000, 10, 1.2, 0.80, 15),
        (10_000, 50, 1.2, 0.80, 4),
        (2_000, 50, 2.9, 0.54, 31),
        (10_000, 10, 2.9, 0.54, 23),
        (200_000, 50, 2.9, 0.54, 3),
    ],
)
def test_what_a_size_can_see(members: int, share: int, cv: float, correlation: float, percent: int) -> None:
    history = History(members, 100.0, cv, correlation)
    found = smallest_effect(history, members=members, holdout_percent=share)
    assert found.percent is not None
    assert round(found.percent) == percent


def test_what_cannot_be_seen_is_not_a_number() -> None:
    nothing = History(10, 0.0, 0.0, 0.0)
    assert smallest_effect(nothing, members=10, holdout_percent=10).percent is None
    some = History(10, 5.0, 1.0, 0.5)
    assert smallest_effect(some, members=10, holdout_percent=0).percent is None
    assert smallest_effect(some, members=15, holdout_percent=10).percent is None
    assert (usual_share(1_999), usual_share(2_000)) == (50, 10)
    assert [size for size, _ in table(some)] == [500, 2_000, 10_000, 50_000, 200_000]
