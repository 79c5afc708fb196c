"""No page of the shop asks anything of anybody else, the search field works by keyboard, a look is counted by ourselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from oms.models import DeliveryRate
from storefront.models import Price, ShopVisit, Variant
from storefront.operations.products import refresh_search
from storefront.views import frame, ways
from tests.flows.chain import Chain, make_chain
from tests.front.pages import audit_page, audit_shown
from tests.storefront.shopping import category

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def variant(transactional_db: None) -> Iterator[Variant]:
    frame.forget_departments()
    ways.forget_largest()
    chain: Chain = make_chain()
    made = chain.variant(price="1299.00", stock=5, store_stock=3)
    category(chain, made)
    refresh_search(made.product_id)
    Price.objects.update(valid_from=LONG_AGO)
    DeliveryRate.objects.update(valid_from=LONG_AGO)
    yield made
    frame.forget_departments()
    ways.forget_largest()


@pytest.fixture
def shop(live_server: Any, settings: Any) -> str:
    settings.BASE_URL = live_server.url
    return str(live_server.url)


def asked_of(page: Page) -> list[str]:
    """Every host that the page's browser asks from now on."""
    hosts: list[str] = []
    page.on("request", lambda request: hosts.append(urlsplit(request.url).netloc))
    return hosts


def test_no_page_asks_anybody_else(
    variant: Variant, shop: str, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    hosts = asked_of(page)
    slug = variant.product.slug
    paths = [
        "/",
        "/c/romani/",
        "/search/?q=naslov",
        "/search/?q=qwrtzx",
        f"/p/{slug}/",
        f"/p/{slug}/reviews/",
    ]
    paths += [
        "/stores/",
        "/help/",
        "/wishes/",
        "/offline/",
        "/accounts/login/",
        "/accounts/signup/",
        "/basket/",
    ]
    for path in paths:
        assert page.goto(f"{shop}{path}", wait_until="networkidle"), path
    page.goto(f"{shop}/p/{slug}/")
    page.get_by_role("button", name="Stavi u korpu").click()
    expect(page.locator("#basket-tool .n")).to_contain_text("1")
    for path in ("/basket/", "/checkout/"):
        page.goto(f"{shop}{path}", wait_until="networkidle")
    assert set(hosts) == {urlsplit(shop).netloc}
    assert set(ShopVisit.objects.values_list("step", flat=True)) == {"VIEW", "CHECKOUT"}


def test_the_search_field_is_a_combobox_by_keyboard(
    variant: Variant, shop: str, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    page.goto(shop)
    field = page.get_by_role("combobox")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press_sequentially("nasl", delay=20)
    options = page.get_by_role("option")
    expect(options).to_have_count(1)
    expect(field).to_have_attribute("aria-expanded", "true")
    assert audit_shown(page) == []
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "find-1")
    field.press("Escape")
    expect(options).to_have_count(0)
    field.press("ArrowDown")
    field.press("Enter")
    page.wait_for_url(f"{shop}/p/{variant.product.slug}/")


def test_reviews_come_when_the_reader_gets_there(
    variant: Variant, shop: str, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    page.goto(f"{shop}/p/{variant.product.slug}/")
    page.locator("#reviews").scroll_into_view_if_needed()
    expect(page.get_by_role("heading", name="Prikazi kupaca")).to_be_visible()
    assert audit_shown(page) == []


@pytest.mark.parametrize("path", ["/wishes/", "/search/?q=qwrtzx", "/offline/"])
def test_new_pages_are_in_order(
    variant: Variant, shop: str, new_context: Callable[..., BrowserContext], path: str
) -> None:
    page = new_context().new_page()
    assert audit_page(page, f"{shop}{path}") == []
