"""What is known before a campaign opens: guard-rails by the engine's own prices, and real orders priced again. Neither writes anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cms.workflows import guards, replay
from crm.models import Campaign, CampaignBudget, Discount
from oms.models import OrderLine
from storefront.models import Price, Variant
from tests.cms.pages import landing, running, segment
from tests.cms.test_pages import words
from tests.flows.chain import NOW, Chain
from tests.oms.offering import discount, target
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def book(chain: Chain) -> Variant:
    return chain.variant(price="1000.00", stock=50)


@pytest.fixture
def draft(book: Variant) -> Campaign:
    """20 % off the book, nothing else."""
    campaign = Campaign.objects.create(slug="nacrt", name="Nacrt", starts_at=NOW + timedelta(days=1))
    made = discount("nacrt-1", value="20.00", campaign=campaign, state="DRAFT")
    target(made, book)
    return campaign


def again(campaign: Campaign) -> replay.Tally:
    with nothing_changes():
        found = replay.whole(campaign=campaign, days=30, now=LATER)
    assert found.is_done
    return found.tally


def test_real_orders_are_priced_again_with_the_draft(chain: Chain, book: Variant, draft: Campaign) -> None:
    other = chain.variant(price="1100.00")
    chain.place((book, 2))
    chain.place((other, 1))
    tally = again(draft)
    assert (tally.orders, tally.touched, tally.units) == (2, 1, 2)
    assert (tally.provable, tally.exact, tally.unpriced) == (2, 2, 0)
    assert (tally.revenue_before, tally.revenue_after) == (Decimal("3100.00"), Decimal("2700.00"))
    assert tally.given == Decimal("400.00")
    # 3,100.00 / 1.1 - 3 × 400.00 and 400.00 / 1.1 less.
    assert (tally.margin_before, tally.margin_after) == (Decimal("1618.18"), Decimal("1254.55"))


def test_prices_are_those_of_the_orders_own_time(chain: Chain, book: Variant, draft: Campaign) -> None:
    chain.place((book, 1))
    Price.objects.filter(variant=book).update(valid_to=NOW + timedelta(minutes=1))
    Price.objects.create(
        variant=book,
        price_list=chain.channel.price_list,
        amount=Decimal("500.00"),
        valid_from=NOW + timedelta(minutes=1),
    )
    tally = again(draft)
    assert (tally.exact, tally.revenue_before, tally.given) == (1, Decimal("1000.00"), Decimal("200.00"))


def test_an_order_that_the_history_cannot_explain_is_no_exact_match(
    chain: Chain, book: Variant, draft: Campaign
) -> None:
    order = chain.place((book, 1))
    OrderLine.objects.filter(order=order, kind="GOODS").update(total=Decimal("999.00"))
    tally = again(draft)
    assert (tally.provable, tally.exact) == (1, 0)


def test_a_budget_stops_the_draft_where_it_would_have(chain: Chain, book: Variant, draft: Campaign) -> None:
    CampaignBudget.objects.create(campaign=draft, kind="MONEY", limit=Decimal("300.00"))
    for _ in range(3):
        chain.place((book, 1))
    tally = again(Campaign.objects.get(pk=draft.pk))
    assert (tally.touched, tally.given, tally.used) == (1, Decimal("200.00"), Decimal("200.00"))


def test_guests_are_in_no_segment_and_its_conditions_are_said_to_be_todays(
    chain: Chain, book: Variant, draft: Campaign
) -> None:
    draft.segment = segment("novosadjani", 'city = "Novi Sad"')
    draft.save()
    chain.place((book, 1))
    found = replay.whole(campaign=draft, days=30, now=LATER)
    assert (found.tally.touched, found.today) == (0, ("city",))


def test_steps_of_a_replay_find_what_one_step_finds(chain: Chain, book: Variant, draft: Campaign) -> None:
    for _ in range(3):
        chain.place((book, 1))
    found = replay.Replay(replay.Tally(), 0, is_done=False)
    steps = 0
    while not found.is_done:
        kept = replay.Tally.from_text(found.tally.as_text())
        found = replay.start(campaign=draft, days=30, now=LATER, tally=kept, size=2)
        steps += 1
    assert (steps, found.tally) == (2, again(draft))


# ------------------------------------------------------------------ guard-rails
def look(campaign: Campaign, role: str = "MERCHANDISER") -> guards.Guards:
    who = make_staff(role)
    with nothing_changes():
        return guards.look(campaign=campaign, now=NOW, by=who)


def test_a_harmless_draft_is_told_so(draft: Campaign) -> None:
    found = look(draft)
    assert (found.codes, found.checked, found.percent_max) == ([], 1, Decimal("20.00"))


def test_below_cost_and_above_the_limit_are_named(draft: Campaign, book: Variant) -> None:
    Discount.objects.update(value=Decimal("70.00"))
    found = look(draft)
    assert found.codes == ["BELOW_COST", "OVER_LIMIT"]
    (line,) = found.findings[0].lines
    assert (line.sku, line.listed, line.price, line.cost) == (
        book.sku,
        Decimal("1000.00"),
        Decimal("300.00"),
        Decimal("400.00"),
    )
    assert look(draft, "OPS_LEAD").codes == ["BELOW_COST"]


def test_what_runs_at_the_same_time_on_the_same_goods_is_named(
    draft: Campaign, book: Variant, chain: Chain
) -> None:
    same, beside = (
        running(slug, starts_at=NOW, ends_at=NOW + timedelta(days=9)) for slug in ("ista", "pored")
    )
    target(discount(campaign=same, value="5.00"), book)
    target(discount(campaign=beside, value="5.00"), chain.variant())
    found = [finding.text for finding in look(draft).findings if finding.code == "OVERLAP"]
    assert len(found) == 1
    assert found[0].startswith("Ista ")


def test_a_price_that_was_as_low_a_week_ago_is_no_reduction(
    draft: Campaign, book: Variant, chain: Chain
) -> None:
    Price.objects.create(
        variant=book,
        price_list=chain.channel.price_list,
        amount=Decimal("790.00"),
        valid_from=datetime(2026, 11, 20, tzinfo=UTC),
        valid_to=datetime(2026, 11, 25, tzinfo=UTC),
    )
    assert look(draft).codes == ["NOT_LOWER"]


# ------------------------------------------------------------------ preview
def test_a_preview_shows_the_draft_as_a_member_and_as_a_stranger(draft: Campaign, book: Variant) -> None:
    draft.segment = segment("novosadjani", 'city = "Novi Sad"')
    draft.save()
    page = landing(
        draft,
        "Nacrt",
        ("products", {"heading": "Knjige", "rule": "HAND", "products": [book.product_id], "count": 3}),
    )
    page.unpublish()
    mila = client_of(make_staff("MERCHANDISER", name="Mila"))
    address = f"/cms/campaigns/{draft.public_id}/preview/page/"
    asked = {"at": "2026-12-04 12:00", "language": "sr-latn"}
    with nothing_changes():
        member, stranger, early = (
            mila.get(address, {**asked, **more})
            for more in ({"who": "member"}, {"who": "other"}, {"who": "member", "at": "2026-12-02 12:00"})
        )
    assert "800,00 RSD redovna cena 1.000,00" in words(member)
    assert "1.000,00 RSD" in words(stranger)
    assert "800,00" not in words(stranger)
    assert "800,00" not in words(early)
    assert "no-store" in member.headers["Cache-Control"]
    assert client_of(make_staff("PICKER")).get(address).status_code == 302  # to a login that may
