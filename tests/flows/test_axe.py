"""The pages that people use most, judged by axe: WCAG 2.2 AA without one violation. `make proof` judges every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext

from crm import operations as crm
from tests.flows.chain import Chain, make_chain
from tests.front.pages import AXE, audit_shown
from tests.oms import offering
from tests.staff import make_staff
from tests.warehouse.test_goods_browser import signed_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not AXE.exists(),
        reason="axe-core is not at hand: `make proof` or npm brings it (tests/front/pages.py)",
    ),
]


@pytest.fixture
def chain(transactional_db: None) -> Iterator[Chain]:
    from storefront.views import frame, ways

    frame.forget_departments()
    ways.forget_largest()
    yield make_chain()
    frame.forget_departments()
    ways.forget_largest()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_key_pages_have_no_violation(
    chain: Chain, live_server: Any, new_context: Callable[..., BrowserContext], scheme: str
) -> None:
    book = chain.variant(stock=5, store_stock=5)
    order = chain.place((book, 1))
    lead = make_staff("OPS_LEAD", "ACCOUNTANT", name="Dragan")
    page = signed_in(new_context(color_scheme=scheme), lead, live_server.url).new_page()
    pages = [
        "/",
        "/search/",
        f"/p/{book.product.slug}/",
        f"/order/{order.token}/",
        "/ops/orders/",
        f"/ops/orders/{order.number}/",
        "/ops/finance/",
        "/scan/",
    ]
    found: dict[str, list[str]] = {}
    for path in pages:
        page.goto(live_server.url + path)
        if problems := audit_shown(page):
            found[path] = problems
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_offers_have_no_violation(
    chain: Chain, live_server: Any, new_context: Callable[..., BrowserContext], scheme: str, screenshot: Any
) -> None:
    now = timezone.now()
    discount = offering.discount("pismo", name="Pismo članovima", audience="COUPON")
    batch = crm.create_batch(discount_id=discount.pk, name="Pismo", count=40, by=None, now=now)
    crm.create_batch(discount_id=discount.pk, name="Jedna reč", word="JESEN", by=None, now=now)
    segment = crm.create_segment(
        slug="clanovi", name="Članovi", definition="member and not company", by=None, now=now
    )
    campaign = offering.campaign("jesen", name="Jesen", start=now)
    mila = make_staff("MERCHANDISER", name="Mila")
    page = signed_in(new_context(color_scheme=scheme), mila, live_server.url).new_page()
    page.set_default_timeout(60_000)
    pages = {
        "coupons": "/ops/coupons/?code=JESEN",
        "batch": f"/ops/coupons/{batch.pk}/",
        "segments": "/ops/customers/segments/",
        "segment": f"/ops/customers/segments/{segment.slug}/",
        "segment-edit": f"/ops/customers/segments/{segment.slug}/edit/",
        "program": "/ops/customers/loyalty/",
        "campaigns": "/ops/campaigns/",
        "campaign": f"/ops/campaigns/{campaign.slug}/",
    }
    found: dict[str, list[str]] = {}
    for name, path in pages.items():
        page.goto(live_server.url + path)
        if problems := audit_shown(page):
            found[path] = problems
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            screenshot(page, f"{name}-{scheme}-{width}")
    assert found == {}
