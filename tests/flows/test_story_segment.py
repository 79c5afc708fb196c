"""The segment in real browsers: one question in CRM, in the price of a basket and in the report; changed by a diff that a person ratifies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from audit import operations as proposals
from audit.models import Proposal
from audit.selectors import history_of
from cms.workflows import campaigns
from cms.workflows.discounts import DiscountDraft
from crm import operations as crm
from crm.models import Campaign, Customer, LoyaltyAccount, Segment, Tier
from crm.operations.campaigns import CampaignDetails
from finance import selectors as finance
from oms.models import DeliveryRate, LineDiscount, Order
from oms.workflows import placing
from retail.kernel.context import acting
from retail.kernel.models import User
from storefront.models import Category, Price, Variant
from tests.flows.chain import Chain
from tests.flows.test_story_campaign import LONG_AGO, PASSWORD, Shot, chain, house, patient, puts_in_basket
from tests.proof.story import Teller
from tests.staff import make_staff
from tests.warehouse.test_goods_browser import signed_in

# Fixtures of both stories: a house whose browser reads the wall clock.
__all__ = ["chain", "house"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WORDS = 'tier = 2 and bought(category: "backlist", within: 90 days)'
WIDER = 'tier >= 1 and bought(category: "backlist", within: 90 days)'


@pytest.fixture
def book(chain: Chain) -> Variant:
    made = chain.variant(price="1000.00", stock=30)
    backlist = Category.objects.create(slug="backlist", path="backlist", name="Stara izdanja")
    made.product.categories.add(backlist)
    Price.objects.update(valid_from=LONG_AGO)
    DeliveryRate.objects.update(valid_from=LONG_AGO)
    return made


def reader(name: str, rank: int) -> User:
    """A member with a login, in the tier of this rank."""
    user = User.objects.create_user(f"{name.lower()}@example.com", PASSWORD, name=name)
    customer = Customer.objects.create(name=name, email=user.email, user=user)
    tier, _ = Tier.objects.get_or_create(rank=rank, defaults={"code": f"t{rank}", "name": f"Nivo {rank}"})
    LoyaltyAccount.objects.create(customer=customer, number=f"M{customer.pk}", tier=tier)
    return user


def buys(chain: Chain, user: User, book: Variant, now: datetime) -> Order:
    """On the account, from a basket of the account."""
    customer = Customer.objects.get(user=user)
    basket = chain.basket((book, 1), now=now)
    basket.customer = customer
    basket.save(update_fields=["customer"])
    checkout = chain.checkout(basket, customer_id=customer.pk, email=user.email, name=user.name)
    return placing.place_order(checkout=checkout, by=None, now=now).order


def test_a_segment_is_one_question_in_crm_price_and_report(
    chain: Chain,
    house: str,
    book: Variant,
    new_context: Callable[..., BrowserContext],
    screenshot: Shot,
) -> None:
    now = timezone.now()
    ana, bojan, vera = reader("Ana", 2), reader("Bojan", 2), reader("Vera", 1)
    buys(chain, ana, book, now - timedelta(days=30))
    buys(chain, bojan, book, now - timedelta(days=120))
    buys(chain, vera, book, now - timedelta(days=5))
    mila, dragan = make_staff("MERCHANDISER", name="Mila"), make_staff("OPS_LEAD", name="Dragan")

    writer = patient(signed_in(new_context(), mila, house)).new_page()
    asks(writer, house, screenshot)
    segment = Segment.objects.get()
    campaign = with_campaign(segment, mila, dragan, now)

    # In the price: who is in it pays less, who is not does not.
    shopping = {
        user.name: patient(signed_in(new_context(), user, house)).new_page() for user in (ana, bojan, vera)
    }
    for page in shopping.values():
        puts_in_basket(page, house, book)
    basket_says(shopping["Ana"], house, "800,00")
    basket_says(shopping["Bojan"], house, "1.000,00")
    basket_says(shopping["Vera"], house, "1.000,00")
    screenshot(shopping["Ana"], "03-member-basket")
    screenshot(shopping["Bojan"], "04-not-a-member-basket")

    # Another order moves Bojan into it: the next look at the same basket says so, with no job in between.
    buys(chain, bojan, book, timezone.now())
    basket_says(shopping["Bojan"], house, "800,00")

    # In the report: the order that the segment priced, by its papers and by the ledger.
    order = buys(chain, ana, book, timezone.now())
    frozen = LineDiscount.objects.get(line__order=order)
    assert (frozen.segment_slug, frozen.segment_version, frozen.segment_definition, frozen.amount) == (
        segment.slug,
        1,
        WORDS,
        Decimal("200.00"),
    )
    Teller(chain, timezone.now()).send(order)
    shown = finance.campaign_figures(campaign_ids=[campaign.pk])[campaign.pk]
    assert (shown.papers.revenue, shown.ledger.revenue, shown.difference) == (
        Decimal("727.27"),
        Decimal("727.27"),
        Decimal("0.00"),
    )
    writer.goto(f"{house}/ops/campaigns/{campaign.slug}/")
    expect(writer.locator("main")).to_contain_text("727,27")
    screenshot(writer, "05-report")

    # A model proposes who is like them: a diff that a person ratifies.
    proposal = proposed(segment)
    lead = patient(signed_in(new_context(), dragan, house)).new_page()
    ratifies(lead, house, segment, proposal, screenshot)
    basket_says(shopping["Vera"], house, "800,00")
    the_trace_says(segment, mila, dragan)


def asks(mila: Page, house: str, screenshot: Shot) -> Path:
    """Written as text, counted as it is typed, saved, put to use."""
    mila.goto(f"{house}/ops/customers/segments/new/?view=text")
    mila.locator("#definition").fill(WORDS)
    mila.locator("#name").fill("Verni starim izdanjima")
    expect(mila.locator("#look")).to_contain_text("Ana")
    expect(mila.locator("#look")).not_to_contain_text("Bojan")
    screenshot(mila, "01-question")
    mila.locator('button[name=act][value="save"]').click()
    expect(mila.get_by_role("heading", level=1)).to_have_text("Verni starim izdanjima")
    mila.locator('button[name=act][value="activate"]').click()
    expect(mila.locator('button[name=act][value="activate"]')).to_have_count(0)
    return screenshot(mila, "02-segment")


def with_campaign(segment: Segment, mila: User, dragan: User, now: datetime) -> Campaign:
    """Twenty percent for its members, drafted and ratified by two people (the story of the campaign plays the pages of that)."""
    with acting(by=mila):
        made = campaigns.start_campaign(
            details=CampaignDetails(name="Stara izdanja", slug="stara-izdanja", segment_id=segment.pk),
            drafts=[DiscountDraft(name="Dvadeset", kind="PERCENT", value=Decimal(20))],
            makes_page=False,
            by=mila,
            now=now,
        )
        asked = campaigns.submit_campaign(campaign_id=made.campaign.pk, reason="", by=mila, now=now)
    with acting(by=dragan):
        proposals.ratify(public_id=asked.public_id, by=dragan, now=now)
    return Campaign.objects.get()


def basket_says(page: Page, house: str, price: str) -> None:
    page.goto(f"{house}/basket/")
    expect(page.locator("main")).to_contain_text(price)
    if price != "800,00":
        expect(page.locator("main")).not_to_contain_text("800,00")


def proposed(segment: Segment) -> Proposal:
    segment.refresh_from_db()
    return crm.propose_change(
        segment_id=segment.pk,
        version=segment.version,
        definition=WIDER,
        reason="čitaju isto",
        author_label="lookalike autumn-v3",
        evidence={"auc": "0.81"},
        by=None,
        now=timezone.now(),
    )


def ratifies(dragan: Page, house: str, segment: Segment, proposal: Proposal, screenshot: Shot) -> None:
    dragan.goto(f"{house}/ops/customers/segments/{segment.slug}/proposals/{proposal.public_id}/")
    main = dragan.locator("main")
    expect(main).to_contain_text("lookalike autumn-v3")
    expect(main).to_contain_text("tier >= 1")
    expect(main).to_contain_text("Vera")
    screenshot(dragan, "06-proposal")
    dragan.locator('button[name=act][value="ratify"]').click()
    expect(dragan.get_by_role("heading", level=1)).to_have_text("Verni starim izdanjima")
    screenshot(dragan, "07-ratified")


def the_trace_says(segment: Segment, mila: User, dragan: User) -> None:
    """Who, what, before and after, of each change of the segment and of the discount and campaign that ask it."""
    history = list(history_of("crm.segment", [segment.pk]).order_by("pk"))
    made, put_to_use, widened = history[0], history[1], history[-1]
    assert (made.actor, made.changes["definition"]) == (mila, [None, WORDS])
    assert (put_to_use.actor, put_to_use.changes["state"]) == (mila, ["DRAFT", "ACTIVE"])
    assert (widened.actor, widened.changes["definition"]) == (dragan, [WORDS, WIDER])
    segment.refresh_from_db()
    assert (segment.definition, segment.state) == (WIDER, "ACTIVE")
    campaign = Campaign.objects.get()
    went_on = history_of("crm.campaign", [campaign.pk]).order_by("pk").last()
    assert went_on is not None
    assert (went_on.actor, went_on.changes["state"]) == (dragan, ["SUBMITTED", "RATIFIED"])
