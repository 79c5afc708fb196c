"""What pages point at: a shelf for the shopper in person, the report of blocks that show nothing, and where a row is used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from cms.blocks import BY_HAND
from cms.views.parts import Block, recommended
from cms.views.references import broken_references
from crm import operations as crm
from crm.models import Campaign, Customer
from crm.selectors import uses_of_segment
from oms.models import Bestseller, Order
from storefront.models import Channel, Product, Variant
from tests.cms.pages import article, landing, running, segment
from tests.cms.test_pages import named, seen, words
from tests.factories import make_user
from tests.flows.chain import NOW, Chain
from tests.oms import offering
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
RECOMMENDED: dict[str, Any] = {"heading": "Za vas", "count": 2, "segment": None}


@pytest.fixture
def shelf(chain: Chain) -> list[Variant]:
    """Three titles in stock, sold in this order; and one that is sold out."""
    found = [
        named(chain.variant(price="1200.00"), "Atlas"),
        named(chain.variant(price="990.00"), "Kuvar"),
        named(chain.variant(price="500.00"), "Bukvar"),
        named(chain.variant(price="700.00", stock=0), "Rasprodato"),
    ]
    for place, variant in enumerate(found, start=1):
        Bestseller.objects.create(product_id=variant.product_id, orders=10 - place, units=20, place=place)
    return found


def complaints() -> list[tuple[str, str, str]]:
    channel = Channel.objects.get(code="web-rs")
    with override("en"):
        return [(each.page.title, each.block, each.what) for each in broken_references(channel, NOW)]


def test_a_stranger_is_shown_bestsellers_and_a_customer_the_own_titles_first(
    chain: Chain, shelf: list[Variant]
) -> None:
    article("Preporuke", "preporuke", ("recommended", RECOMMENDED))
    guest = words(seen("/preporuke/"))
    assert guest.startswith("Preporuke Za vas Atlas 1.200,00 RSD") and "Kuvar 990,00" in guest, guest
    assert "Bukvar" not in guest
    ana = Customer.objects.create(name="Ana", email="ana2@example.com", user=make_user("Ana"))
    Order.objects.filter(pk=chain.place((shelf[2], 1)).pk).update(customer=ana)
    own = words(seen("/preporuke/", client=client_of(ana.user)))
    assert own.startswith("Preporuke Za vas Bukvar 500,00 RSD") and "Atlas 1.200,00" in own, own
    assert "Kuvar" not in own


def test_two_shelves_of_recommendations_repeat_nothing_and_one_statement_fills_both(
    chain: Chain, shelf: list[Variant], django_assert_num_queries: Any
) -> None:
    blocks = [Block("a", "recommended", RECOMMENDED), Block("b", "recommended", RECOMMENDED)]
    with django_assert_num_queries(1):
        found = recommended(blocks, channel=chain.channel, now=NOW, customer_id=None)
    titles = {key: [card.title for card in cards] for key, cards in found.items()}
    assert titles == {"a": ["Atlas", "Kuvar"], "b": ["Bukvar"]}
    with django_assert_num_queries(0):
        assert recommended([], channel=chain.channel, now=NOW, customer_id=None) == {}


def test_blocks_that_show_nothing_are_named(chain: Chain, shelf: list[Variant]) -> None:
    gone, over = (
        segment("gone", "not company"),
        running("jesen", starts_at=NOW - timedelta(days=1), ends_at=NOW),
    )
    discount = offering.discount("stari", state="ENDED")
    by_hand: dict[str, Any] = {
        "heading": "Izbor",
        "rule": BY_HAND,
        "count": 6,
        "products": [shelf[0].product_id, shelf[3].product_id],
        "segment": gone.pk,
    }
    article(
        "Izlog",
        "izlog",
        ("products", by_hand),
        ("products", {"heading": "x", "rule": "DISCOUNT", "count": 6, "discount": discount.pk}),
        ("countdown", {"heading": "x", "campaign": over.pk}),
        ("recommended", RECOMMENDED),
    )
    gone.state = "DRAFT"
    gone.save(update_fields=["state"])
    assert complaints() == [
        ("Izlog", "products", "cannot be sold now: Rasprodato"),
        ("Izlog", "products", "its segment is not in use, so nobody sees it"),
        ("Izlog", "products", "its discount is not active"),
        ("Izlog", "countdown", "its campaign is over"),
    ]
    Product.objects.update(status="DRAFT")
    assert ("Izlog", "recommended", "nothing on this shelf can be sold now") in complaints()


def test_both_reports_open_for_marketing_only(chain: Chain, shelf: list[Variant]) -> None:
    of = segment("clanovi", "member")
    text = {"text": "<p>Samo za vas</p>", "segment": of.pk}
    article("Za članove", "za-clanove", ("text", text))
    mila: Client = client_of(make_staff("MERCHANDISER", name="Mila"))
    assert mila.get("/cms/references/").status_code == 200
    page = mila.get(f"/cms/references/segment/{of.pk}/").content.decode()
    assert "Za članove" in page
    assert "Za članove" not in mila.get(f"/cms/references/product/{shelf[0].product_id}/").content.decode()
    assert mila.get("/cms/references/user/1/").status_code == 404
    assert client_of(make_staff("AGENT", name="Vesna")).get("/cms/references/").status_code in (302, 403)


def test_a_segment_that_a_live_page_asks_is_not_retired_and_who_tries_is_told_where(chain: Chain) -> None:
    of = segment("clanovi", "member")
    page = article("Za članove", "za-clanove", ("text", {"text": "<p>Zdravo</p>", "segment": of.pk}))
    assert [(use.kind, use.title, use.is_live) for use in uses_of_segment(segment_id=of.pk, now=NOW)] == [
        ("PAGE", "Za članove", True)
    ]
    with nothing_changes(), pytest.raises(crm.SegmentInUse) as refused:
        crm.retire_segment(segment_id=of.pk, version=1, by=None, now=NOW)
    assert refused.value.details["uses"] == ["Za članove"]
    mila: Client = client_of(make_staff("MERCHANDISER", name="Mila"))
    said = mila.post(
        f"/en/ops/customers/segments/{of.slug}/state/", {"act": "retire", "version": "1"}, follow=True
    )
    assert "It is used by Za članove; end that first." in said.content.decode()
    page.unpublish()
    assert [use.is_live for use in uses_of_segment(segment_id=of.pk, now=NOW)] == [False]
    assert crm.retire_segment(segment_id=of.pk, version=1, by=None, now=NOW).state == "RETIRED"


def test_the_page_of_a_campaign_uses_its_segment_until_the_campaign_is_over(chain: Chain) -> None:
    of = segment("clanovi", "member")
    campaign: Campaign = running("jesen", starts_at=NOW, ends_at=NOW + timedelta(days=1))
    landing(campaign, "Jesen", ("text", {"text": "<p>Zdravo</p>", "segment": of.pk}))
    uses = {
        days: [use.is_live for use in uses_of_segment(segment_id=of.pk, now=NOW + timedelta(days=days))]
        for days in (0, 2)
    }
    assert uses == {0: [True], 2: [False]}
