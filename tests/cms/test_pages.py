"""Pages of editors as shoppers see them: three scripts, only what can be bought, open exactly while the campaign is."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from cms.models import HomePage
from crm.models import CampaignVisit
from finance.selectors.campaigns import campaign_figures
from retail.kernel import clock
from storefront.models import Category, Product, Variant
from tests.cms.pages import article, landing, root, running, stream
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.storefront.shopping import put
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


def words(answer: Any) -> str:
    """What a reader reads of the page's own part."""
    main = re.search(r"<main.*?</main>", answer.content.decode(), re.DOTALL)
    assert main is not None
    return " ".join(strip_tags(main[0].replace("<", " <")).split())


def seen(url: str, *, now: datetime = NOW, client: Client | None = None) -> Any:
    with clock.standing_at(now):
        return (client or Client()).get(url)


def named(variant: Variant, title: str, *, popularity: int = 0) -> Variant:
    Product.objects.filter(pk=variant.product_id).update(title=title, popularity=popularity)
    return variant


@pytest.fixture
def shelf(chain: Chain) -> list[Variant]:
    """Three titles: two in stock, the most read one sold out."""
    return [
        named(chain.variant(price="1200.00"), "Atlas reka", popularity=5),
        named(chain.variant(price="990.00"), "Kuvar", popularity=9),
        named(chain.variant(price="700.00", stock=0), "Rasprodato", popularity=50),
    ]


def test_a_page_in_both_scripts_and_where_it_has_no_english(shelf: list[Variant]) -> None:
    article(
        "Jesenje čitanje",
        "jesen",
        ("text", {"text": "<p>Knjige za <b>kišne</b> dane &amp; noći.</p>", "segment": None}),
        ("products", {"heading": "Naš izbor", "rule": "BESTSELLERS", "count": 6, "segment": None}),
    )
    latin, cyrillic, english = (seen(f"{prefix}/jesen/") for prefix in ("", "/sr-cyrl", "/en"))
    cards = "Kuvar 990,00 RSD Na stanju Atlas reka 1.200,00 RSD Na stanju"
    assert words(latin) == f"Jesenje čitanje Knjige za kišne dane &amp; noći. Naš izbor {cards}"
    assert words(cyrillic) == (
        "Јесење читање Књиге за кишне дане &amp; ноћи. Наш избор "
        "Kuvar 990,00 RSD На стању Atlas reka 1.200,00 RSD На стању"
    )
    assert words(english) == (
        "Jesenje čitanje Knjige za kišne dane &amp; noći. Naš izbor "
        "Kuvar 990.00 RSD In stock Atlas reka 1,200.00 RSD In stock"
    )
    assert '<article lang="sr-Latn">' in english.content.decode()
    assert "<b>кишне</b>" in cyrillic.content.decode()


def test_english_readers_get_the_english_page_where_there_is_one(shelf: list[Variant]) -> None:
    article("Jesen", "jesen", ("text", {"text": "<p>Srpski</p>", "segment": None}))
    article("Autumn", "jesen", ("text", {"text": "<p>English</p>", "segment": None}), language="en")
    assert words(seen("/en/jesen/")) == "Autumn English"
    assert words(seen("/sr-cyrl/jesen/")) == "Јесен Српски"
    assert seen("/en/nema/").status_code == 404


def test_shelves_hold_only_what_can_be_bought_now(chain: Chain, shelf: list[Variant]) -> None:
    atlas, cookbook, sold_out = shelf
    romani = Category.objects.create(slug="romani", path="romani", name="Romani")
    novel = Category.objects.create(slug="novi", path="romani/novi", name="Novi", depth=1, parent=romani)
    atlas.product.categories.add(novel)
    sold_out.product.categories.add(romani)
    unpublished = named(chain.variant(price="500.00"), "Povučeno")
    Product.objects.filter(pk=unpublished.product_id).update(status="DRAFT")
    unsellable = named(chain.variant(price="500.00"), "Nije za prodaju")
    Variant.objects.filter(pk=unsellable.pk).update(is_sellable=False)
    by_hand = [v.product_id for v in (sold_out, unpublished, atlas, unsellable, cookbook)]
    article(
        "Police",
        "police",
        ("products", {"heading": "Ruka", "rule": "HAND", "count": 6, "products": by_hand}),
        ("products", {"heading": "Grana", "rule": "CATEGORY", "count": 6, "category": romani.pk}),
        ("products", {"heading": "Prazno", "rule": "HAND", "count": 6, "products": [sold_out.product_id]}),
    )
    text = words(seen("/police/"))
    assert text == (
        "Police Ruka Atlas reka 1.200,00 RSD Na stanju Kuvar 990,00 RSD Na stanju "
        "Grana Sve Atlas reka 1.200,00 RSD Na stanju"
    )


def test_the_number_of_statements_does_not_grow_with_blocks(shelf: list[Variant]) -> None:
    # A menu without departments would be looked for with every page.
    Category.objects.create(slug="romani", path="romani", name="Romani")
    block = ("products", {"heading": "Naš izbor", "rule": "BESTSELLERS", "count": 6, "segment": None})
    article("Jedna", "jedna", block)
    article("Deset", "deset", *[block] * 10)

    def statements(url: str) -> int:
        seen(url)  # the frame and the content types are kept from then on
        with CaptureQueriesContext(connection) as caught:
            assert seen(url).status_code == 200
        return len(caught)

    assert (statements("/jedna/"), statements("/deset/")) == (6, 6)


def test_a_landing_page_is_open_exactly_while_its_campaign_is(shelf: list[Variant]) -> None:
    starts, ends = NOW + timedelta(hours=1), NOW + timedelta(days=3)
    campaign = running("akcija", starts_at=starts, ends_at=ends, name="Akcija")
    landing(
        campaign,
        "Jesenja akcija",
        ("hero", {"heading": "Jesen", "text": "<p>Dobre knjige.</p>", "products": [shelf[0].product_id]}),
        ("countdown", {"heading": "Još malo", "campaign": None}),
    )
    just_before, last = starts - timedelta(microseconds=1), ends - timedelta(microseconds=1)
    moments = (just_before, starts, last, ends)
    assert [seen("/akcija/", now=at).status_code for at in moments] == [404, 200, 200, 404]
    assert words(seen("/akcija/", now=starts)) == (
        "Jesen Dobre knjige. 1.200,00 Još malo Još 3 dana , do 5. 12. 2026. 10:00"
    )
    assert words(seen("/sr-cyrl/akcija/", now=last)) == (
        "Јесен Добре књиге. 1.200,00 Још мало Само данас , до 5. 12. 2026. 10:00"
    )
    for state in ("DRAFT", "SUBMITTED", "ENDED"):
        type(campaign).objects.filter(pk=campaign.pk).update(state=state)
        assert seen("/akcija/", now=starts).status_code == 404


def test_staff_are_told_why_a_page_is_closed(shelf: list[Variant]) -> None:
    campaign = running("akcija", starts_at=NOW + timedelta(hours=1), ends_at=NOW + timedelta(days=1))
    landing(campaign, "Akcija")
    mila = client_of(make_staff("MERCHANDISER", name="Mila"))
    early, late = (seen("/en/akcija/", now=at, client=mila) for at in (NOW, NOW + timedelta(days=2)))
    assert (early.status_code, late.status_code) == (404, 404)
    assert "Not yet: this page opens for shoppers at" in words(early)
    assert "The campaign of this page is over." in words(late)
    bojan = client_of(make_staff("PICKER", name="Bojan"))
    assert "Not yet" not in words(seen("/en/akcija/", now=NOW, client=bojan))


def test_the_shops_own_first_page_stays_until_an_editor_publishes_one(shelf: list[Variant]) -> None:
    assert "Znate dan pre nego što kupite." in words(seen("/"))
    page = HomePage.objects.get(pk=root().pk)
    page.body = stream(("hero", {"heading": "Nova naslovna", "products": []}))
    revision = page.save_revision()
    with nothing_changes():
        assert "Znate dan pre nego što kupite." in words(seen("/"))
    revision.publish()
    assert words(seen("/")) == "Nova naslovna"
    assert words(seen("/sr-cyrl/")) == "Нова насловна"


def test_pages_keep_the_strict_policy(shelf: list[Variant]) -> None:
    article("Strogo", "strogo", ("stores", {"heading": "Gde ste"}))
    policy = seen("/strogo/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


def test_nobody_enters_the_cms_with_a_password_alone(chain: Chain) -> None:
    bare = client_of(make_staff("MERCHANDISER", name="Mila", has_second_factor=False))
    assert bare.get("/cms/").headers["Location"] == "/accounts/2fa/totp/activate/"
    assert Client().get("/cms/login/").headers["Location"].startswith("/accounts/login/?next=")
    assert client_of(make_staff("MERCHANDISER", name="Mila")).get("/cms/").status_code == 200
    for role in ("PICKER", "STORE", "AGENT"):
        assert client_of(make_staff(role)).get("/cms/").status_code == 302, role


def test_a_browser_counts_one_view_while_the_campaign_is_on_and_its_basket_is_known_by_it(
    shelf: list[Variant],
) -> None:
    campaign = running("akcija", starts_at=NOW, ends_at=NOW + timedelta(days=1))
    landing(campaign, "Akcija")
    page = seen("/akcija/").content.decode()
    assert 'hx-post="/campaigns/akcija/seen/"' in page
    assert CampaignVisit.objects.count() == 0  # whoever only fetches the page is no reader
    browser = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"})
    with clock.standing_at(NOW):
        assert (
            browser.post(
                "/campaigns/akcija/seen/", headers={"HX-Current-URL": "http://x/akcija/"}
            ).status_code
            == 204
        )
        put(browser, shelf[0])
    visit = CampaignVisit.objects.get()
    assert (visit.campaign, visit.path, visit.customer) == (campaign, "/akcija/", None)
    figures = campaign_figures(campaign_ids=[campaign.pk])[campaign.pk]
    assert (figures.views, figures.baskets) == (1, 1)
    with clock.standing_at(NOW + timedelta(days=1)), nothing_changes():
        assert browser.post("/campaigns/akcija/seen/").status_code == 204
