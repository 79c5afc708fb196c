"""Goods pages in a real browser: a wave picked with a scanner and the keyboard alone, and every page on phone and desk, light and dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from oms.models import Order
from oms.workflows import cancellation, routing
from retail.kernel.models import Location, User
from storefront.models import Variant
from tests.flows.chain import Chain, make_chain
from tests.front.pages import audit_page
from tests.staff import client_of, make_staff
from tests.warehouse.handheld import StandIn
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Bin, Reservation, Shipment, StockItem
from warehouse.operations import transfers
from warehouse.workflows import labels

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    return make_chain()


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr("oms.carriers.client.from_settings", lambda: stand_in)
    return stand_in


def routed(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Shipment:
    now = timezone.now()
    order: Order = chain.place(*wanted, now=now, **changes)
    decision = routing.propose_routing(order_id=order.pk, now=now)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=now)
    return Shipment.objects.get(order=order)


def picked(chain: Chain, shipment: Shipment) -> Shipment:
    picks = [
        stock.Pick(claim.variant.sku, claim.stock_item.bin.code, claim.quantity)
        for claim in shipment.claims.filter(state="ALLOCATED")
    ]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=timezone.now())
    return shipment


def packed(chain: Chain, shipment: Shipment) -> Shipment:
    picked(chain, shipment)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(700)], by=chain.bojan, now=timezone.now())
    shipment.refresh_from_db()
    return shipment


def signed_in(context: BrowserContext, user: User, address: str) -> BrowserContext:
    session = client_of(user).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
    return context


def scan(page: Page, code: str) -> None:
    """A hardware scanner is a fast keyboard that ends with Enter; the field has the focus by itself."""
    field = page.locator("form[data-scan] input[name=code]")
    expect(field).to_be_focused()
    before = page.locator("form[data-scan] input[name=scan_id]").input_value()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.locator("form[data-scan] input[name=scan_id]")).not_to_have_value(before)


def test_a_wave_with_the_scanner_alone(
    chain: Chain,
    live_server: Any,
    new_context: Callable[..., BrowserContext],
    screenshot: Callable[[Page, str], Path],
) -> None:
    variant, other = chain.variant(stock=5), chain.variant(stock=5)
    routed(chain, (variant, 2))
    bojan = make_staff("PICKER", name="Bojan")
    bojan.locations.add(chain.warehouse)
    phone = new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = signed_in(phone, bojan, live_server.url).new_page()
    page.goto(f"{live_server.url}/en/scan/pick/")
    page.get_by_role("button", name="Take the next ones").click()
    page.wait_for_url("**/scan/pick/")
    scan(page, "A-01")
    assert page.get_by_role("status").filter(has_text="Shelf A-01").is_visible()
    scan(page, other.barcode)
    assert page.get_by_role("alert").filter(has_text="Wrong item").is_visible()
    screenshot(page, "wrong")
    scan(page, variant.barcode)
    assert page.get_by_role("status").filter(has_text="Good, 1 of 2").is_visible()
    page.wait_for_timeout(1100)  # the same code within a second is one trigger held too long
    screenshot(page, "good")
    page.keyboard.type(variant.barcode)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Box A is complete")).to_be_visible()
    rows = Reservation.objects.filter(variant=variant, state="PICKED")
    assert sum(rows.values_list("quantity", flat=True)) == 2


def test_a_wave_without_script(
    chain: Chain, live_server: Any, new_context: Callable[..., BrowserContext]
) -> None:
    variant = chain.variant(stock=5)
    routed(chain, (variant, 1))
    bojan = make_staff("PICKER", name="Bojan")
    bojan.locations.add(chain.warehouse)
    plain = new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = signed_in(plain, bojan, live_server.url).new_page()
    page.goto(f"{live_server.url}/en/scan/pick/")
    page.get_by_role("button", name="Take the next ones").click()
    for code in ("A-01", variant.barcode):
        page.fill("#code", code)
        page.press("#code", "Enter")
    assert "Box A is complete" in page.inner_text("main")
    assert Reservation.objects.get(variant=variant).state == "PICKED"


@pytest.mark.parametrize(
    ("scheme", "widths"), [("light", (320, 1440)), ("dark", (360,))], ids=["light", "dark"]
)
def test_every_page_on_phone_and_desk(
    chain: Chain,
    carrier: StandIn,
    live_server: Any,
    new_context: Callable[..., BrowserContext],
    screenshot: Callable[[Page, str], Path],
    scheme: str,
    widths: tuple[int, ...],
) -> None:
    addresses = _scene(chain)
    lead = make_staff("OPS_LEAD", name="Dragan")
    lead.locations.add(chain.warehouse, chain.store)
    context = signed_in(new_context(color_scheme=scheme), lead, live_server.url)
    page = context.new_page()
    problems: dict[str, list[str]] = {}
    for name, (place, path) in addresses.items():
        page.goto(f"{live_server.url}/scan/place/")
        page.select_option("#place", place)
        page.get_by_role("main").get_by_role("button").click()
        if found := audit_page(page, f"{live_server.url}{path}", widths=widths):
            problems[name] = found
        screenshot(page, f"{name}-{widths[-1]}")
    assert not problems, "\n".join(f"{name}: {text}" for name, found in problems.items() for text in found)


def _scene(chain: Chain) -> dict[str, tuple[str, str]]:
    """One of everything, and where it is looked at: name → (place, address)."""
    now = timezone.now()
    waiting = routed(chain, (chain.variant(stock=8), 3), (chain.variant(stock=8), 1))
    to_pack = picked(chain, routed(chain, (chain.variant(stock=8), 2)))
    to_send = packed(chain, routed(chain, (chain.variant(stock=8), 1)))
    labels.make_labels(shipment_id=to_send.pk, now=now)
    no_label = packed(chain, routed(chain, (chain.variant(stock=8), 1)))
    pickup = packed(
        chain,
        routed(
            chain,
            (chain.variant(stock=0, store_stock=3), 1),
            delivery_method="STORE_PICKUP",
            pickup_location="S-001",
        ),
    )
    canceled = picked(chain, routed(chain, (chain.variant(stock=8), 1)))
    cancellation.cancel_order(order_id=canceled.order_id, reason="x", by=None, now=now)
    back = Reservation.objects.get(is_put_back=True)
    supplier = Location.objects.create(
        code="SUP-1", name="Laguna", kind="SUPPLIER", entity=chain.entity, city="Beograd"
    )
    title = chain.variant(stock=4)
    order = stock.create_purchase_order(
        supplier_id=supplier.pk,
        location_id=chain.warehouse.pk,
        lines=[stock.OrderedLine(title.pk, 12, 400)],  # type: ignore[arg-type]
        by=None,
        now=now,
    )
    receiving = Bin.objects.get(location=chain.warehouse, kind="RECEIVING")
    StockItem.objects.create(
        variant=title, bin=receiving, location=chain.warehouse, is_sellable=False, on_hand=5
    )
    asked, sent = (
        transfers.request_transfer(
            source_id=chain.warehouse.pk,
            target_id=chain.store.pk,
            lines=[transfers.WantedUnits(chain.variant(stock=9).pk, 4)],
            by=chain.bojan,
            now=now,
        )
        for _ in range(2)
    )
    transfers.ship_transfer(transfer_id=sent.pk, by=chain.bojan, now=now)
    count = goods.start_count(
        bin_id=Bin.objects.get(location=chain.store, code="A-01").pk, by=chain.bojan, now=now
    )
    missing = goods.CountedUnits(chain.variant(stock=0, store_stock=40).pk, 0)
    goods.record_count(count_id=count.pk, counted=[missing], is_whole=False, by=chain.bojan, now=now)
    sku = waiting.claims.order_by("pk")[0].variant.sku
    wh, store = "WH-1", "S-001"
    return {
        "place": (wh, "/scan/place/"),
        "home": (wh, "/scan/"),
        "pick-list": (wh, "/scan/pick/"),
        "item": (wh, f"/scan/item/{sku}/"),
        "pack-list": (wh, "/scan/pack/"),
        "pack": (wh, f"/scan/pack/{to_pack.number}/"),
        "labels": (wh, f"/scan/pack/{to_send.number}/labels/"),
        "labels-missing": (wh, f"/scan/pack/{no_label.number}/labels/"),
        "dispatch": (wh, "/scan/dispatch/"),
        "handover-list": (store, "/scan/handover/"),
        "handover": (store, f"/scan/handover/{pickup.number}/"),
        "put-back-list": (wh, "/scan/put-back/"),
        "put-back": (wh, f"/scan/put-back/{back.pk}/"),
        "receive-list": (wh, "/scan/receive/"),
        "receive": (wh, f"/scan/receive/{order.number}/"),
        "receive-finish": (wh, f"/scan/receive/{order.number}/finish/"),
        "put-away-list": (wh, "/scan/put-away/"),
        "put-away": (wh, f"/scan/put-away/{title.sku}/"),
        "count-start": (wh, "/scan/count/"),
        "count": (wh, "/scan/count/A-01/"),
        "count-finish": (wh, "/scan/count/A-01/finish/"),
        "stock": (wh, f"/ops/stock/?sku={sku}"),
        "stock-empty": (wh, "/ops/stock/"),
        "shipments": (wh, "/ops/shipments/"),
        "shipment": (wh, f"/ops/shipments/{to_send.number}/"),
        "purchase-orders": (wh, "/ops/purchase-orders/"),
        "purchase-order": (wh, f"/ops/purchase-orders/{order.number}/"),
        "transfers": (wh, "/ops/transfers/"),
        "transfer-new": (wh, "/ops/transfers/new/"),
        "transfer-asked": (wh, f"/ops/transfers/{asked.number}/"),
        "transfer-sent": (wh, f"/ops/transfers/{sent.number}/"),
        "transfer-receive": (store, f"/scan/receive/{sent.number}/"),
        "transfer-finish": (store, f"/scan/receive/{sent.number}/finish/"),
        "counts": (wh, "/ops/counts/"),
        "count-waiting": (wh, f"/ops/counts/{count.number}/"),
        "order-change": (wh, f"/ops/orders/{waiting.order.number}/change/"),
        "locations": (wh, "/ops/locations/"),
        "location": (wh, "/ops/locations/WH-1/"),
    }
