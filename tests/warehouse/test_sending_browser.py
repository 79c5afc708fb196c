"""The handheld at the door to another store in a real browser, light and dark: scanned, one said missing, the rest sent; and work of later days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from oms.models import Order
from retail.kernel.clock import business_date
from tests.flows import to_store
from tests.flows.chain import Chain, make_chain
from tests.front.pages import audit_shown, listening
from tests.staff import make_staff
from tests.warehouse.handheld import routed
from tests.warehouse.test_goods_browser import scan, signed_in
from warehouse.models import Shipment, Transfer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    return make_chain()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_transfer_and_what_waits_for_its_day(
    chain: Chain,
    live_server: Any,
    new_context: Callable[..., BrowserContext],
    screenshot: Callable[[Page, str], Path],
    scheme: str,
) -> None:
    to_store.offer_ship_to_store(chain)
    book, other = chain.variant(stock=2), chain.variant(stock=5)
    order, transfer = to_store.planned(chain, (book, 2), (other, 1))
    _day_after_tomorrow(routed(chain, (chain.variant(), 1)))
    routed(chain, (chain.variant(), 1))
    bojan = make_staff("PICKER", name="Bojan")
    bojan.locations.add(chain.warehouse)
    phone = new_context(viewport={"width": 360, "height": 740}, has_touch=True, color_scheme=scheme)
    page = signed_in(phone, bojan, live_server.url).new_page()
    house = live_server.url
    with listening(page) as heard:
        page.goto(f"{house}/scan/pick/")
        expect(page.get_by_role("heading", name="Za kasnije dane")).to_be_visible()
        assert audit_shown(page) == []
        screenshot(page, "later")
        page.goto(f"{house}/scan/send/")
        screenshot(page, "list")
        page.get_by_role("link", name=transfer.number).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(transfer.number)
        scan(page, other.barcode)
        scan(page, book.barcode)
        page.get_by_text("Nema je ovde").click()
        screenshot(page, "missing")
        assert audit_shown(page) == []
        page.get_by_role("button", name="Nije na polici").click()
        expect(page.get_by_role("status").first).to_contain_text("Upisano")
        screenshot(page, "written")
        page.get_by_role("button", name="Pošalji").click()
        expect(page.locator("main")).to_contain_text("Nema šta da se pošalje")
        screenshot(page, "sent")
    assert heard == []
    transfer.refresh_from_db()
    assert (transfer.status, sorted(transfer.lines.values_list("quantity_shipped", flat=True))) == (
        "SHIPPED",
        [1, 1],
    )
    assert Transfer.objects.filter(order=order).count() == 1


def _day_after_tomorrow(order: Order) -> None:
    day = business_date(timezone.now()) + timedelta(days=2)
    Shipment.objects.filter(order=order).update(planned_on=day)
    Order.objects.filter(pk=order.pk).update(wanted_on=day + timedelta(days=1))
