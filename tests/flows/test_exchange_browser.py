"""An exchange in real browsers: asked for on the buyer's page, received on a handheld in a store, the new book brought, and the sums agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from oms.models import DeliveryRate, Exchange, Order
from retail.kernel import outbox
from storefront.models import Price, Variant
from storefront.views import frame, ways
from tests.flows.chain import Chain, make_chain
from tests.flows.exchanges import bought, credited
from tests.flows.test_lifecycle import balances, healthy, send
from tests.front.pages import audit_shown, listening
from tests.staff import make_staff
from tests.warehouse.test_goods_browser import signed_in
from warehouse import workflows as goods

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
Shot = Callable[[Page, str], Path]


@pytest.fixture
def chain(transactional_db: None) -> Iterator[Chain]:
    """The browser's server reads the wall clock, so everything has been valid for years."""
    frame.forget_departments()
    ways.forget_largest()
    yield make_chain()
    frame.forget_departments()
    ways.forget_largest()


def titled(chain: Chain, title: str, price: str) -> Variant:
    made = chain.variant(price=price, stock=5)
    made.product.title = title
    made.product.save(update_fields=["title"])
    Price.objects.update(valid_from=LONG_AGO)
    DeliveryRate.objects.update(valid_from=LONG_AGO)
    return made


def react() -> None:
    while outbox.run_pending(now=timezone.now()):
        pass


def both(page: Page, screenshot: Shot, name: str) -> None:
    """As it stands, judged at every width, kept at two."""
    assert audit_shown(page) == []
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        screenshot(page, f"{name}-{width}")


def test_an_exchange_from_asking_to_the_new_book(
    live_server: Any,
    settings: Any,
    chain: Chain,
    new_context: Callable[..., BrowserContext],
    screenshot: Shot,
) -> None:
    settings.BASE_URL = house = str(live_server.url)
    expect.set_options(timeout=30_000)
    old, new = titled(chain, "Na Drini ćuprija", "1100.00"), titled(chain, "Prokleta avlija", "1650.00")
    first = bought(chain, (old, 1), now=timezone.now())
    context = new_context()
    context.set_default_timeout(60_000)
    buyer = context.new_page()
    with listening(buyer) as heard:
        made = asks(buyer, house, first, new, screenshot)
        credited(made.order, Decimal("550.00"), now=timezone.now())
        receives(chain, new_context, house, made, screenshot)
        react()
        made.refresh_from_db()
        assert (made.state, made.returned.status, made.order.status) == ("PAID", "REFUNDED", "PLACED")
        sees_both(buyer, house, first, made.order, screenshot)
        for shipment in send(chain, made.order):
            goods.deliver(shipment_id=shipment.pk, by=None, now=timezone.now())
        react()
        buyer.goto(f"{house}/order/{made.order.token}/")
        expect(buyer.locator("main")).to_contain_text("Prokleta avlija")
        both(buyer, screenshot, "7-delivered")
    assert heard == []
    expect.set_options(timeout=5_000)
    made.order.refresh_from_db()
    assert (made.order.status, made.order.payment_status) == ("COMPLETED", "PAID")
    assert balances(made.order) == {
        "4306": Decimal("1100.00"),
        "241": Decimal("550.00"),
        "604": Decimal("-1500.00"),
        "4761": Decimal("-150.00"),
        "501": Decimal("400.00"),
        "134": Decimal("-400.00"),
    }
    healthy()


def asks(page: Page, house: str, first: Order, new: Variant, screenshot: Shot) -> Exchange:
    page.goto(f"{house}/order/{first.token}/")
    page.get_by_role("link", name="Zameni za nešto drugo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zamena")
    both(page, screenshot, "1-empty")
    page.get_by_label("Na Drini ćuprija").fill("1")
    page.get_by_label("Drugi naslov: ime, autor ili ISBN").fill(new.barcode)
    page.get_by_role("button", name="Pronađi naslov").click()
    page.get_by_label("Prokleta avlija").check()
    page.get_by_label("Ako je skuplje, razliku plaćam").select_option("BANK_TRANSFER")
    page.get_by_label("Broj dokumenta").fill("001234567")
    page.get_by_role("button", name="Prikaži šta se menja").last.click()
    effect = page.locator("#effect")
    expect(effect).to_contain_text("Prokleta avlija")
    expect(effect).to_contain_text("550,00")
    assert Order.objects.count() == 1
    both(page, screenshot, "2-shown")
    page.get_by_role("button", name="Zameni ovako").click()
    expect(page.locator("main")).to_contain_text("550,00")
    both(page, screenshot, "3-transfer")
    made = Exchange.objects.select_related("order", "returned").get()
    assert (made.credit, made.order.total, made.order.status) == (
        Decimal("1100.00"),
        Decimal("1650.00"),
        "PENDING_PAYMENT",
    )
    page.goto(f"{house}/order/{made.order.token}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Čekamo")
    both(page, screenshot, "4-waits")
    return made


def receives(
    chain: Chain, new_context: Callable[..., BrowserContext], house: str, made: Exchange, screenshot: Shot
) -> None:
    """A clerk scans the code that the buyer shows."""
    clerk = make_staff("STORE", name="Sava")
    clerk.locations.set([chain.store])
    page = signed_in(new_context(**PHONE), clerk, house).new_page()
    page.goto(f"{house}/scan/returns/")
    page.keyboard.type(made.returned.number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(made.returned.number)
    screenshot(page, "5-handheld")
    page.get_by_role("button", name="Primi").click()
    expect(page.get_by_role("status").first).to_be_visible()


def sees_both(page: Page, house: str, first: Order, new: Order, screenshot: Shot) -> None:
    page.goto(f"{house}/order/{first.token}/")
    expect(page.locator("main")).to_contain_text(new.number)
    both(page, screenshot, "6-first")
    page.get_by_role("link", name=new.number).first.click()
    expect(page.locator("main")).to_contain_text("Prokleta avlija")
    both(page, screenshot, "6-new")
