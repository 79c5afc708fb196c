"""Back office pages of goods: who may see and do what, what is shown, and acts that are refused by name."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oms.models import Order
from oms.workflows import routing
from retail.kernel.fold import fold
from retail.kernel.models import Holiday, Location
from storefront.models import Product, Variant
from tests.factories import make_location
from tests.flows.chain import Chain, make_chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from tests.warehouse.handheld import StandIn
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Parcel, SafetyStock, Shipment, StockItem, StockMove
from warehouse.views.places import calendar_of
from warehouse.views.stock import waterfall_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

PAGES = ("/ops/stock/", "/ops/shipments/", "/ops/purchase-orders/", "/ops/locations/")


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def lead(chain: Chain) -> Client:
    return client_of(make_staff("OPS_LEAD", name="Dragan"))


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr("oms.carriers.client.from_settings", lambda: stand_in)
    return stand_in


def routed(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Order:
    now = timezone.now()
    order = chain.place(*wanted, now=now, **changes)
    decision = routing.propose_routing(order_id=order.pk, now=now)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=now)
    return order


def packed(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Shipment:
    shipment = Shipment.objects.get(order=routed(chain, *wanted, **changes))
    picks = [
        stock.Pick(claim.variant.sku, claim.stock_item.bin.code, claim.quantity)
        for claim in shipment.claims.all()
    ]
    now = timezone.now()
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=now)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(700)], by=chain.bojan, now=now)
    shipment.refresh_from_db()
    return shipment


# Roles


def test_pages_are_for_those_who_may_see_stock(chain: Chain) -> None:
    for role, status in (
        ("AGENT", 200),
        ("PICKER", 200),
        ("ACCOUNTANT", 200),
        ("AUDITOR", 200),
        ("INTEGRATOR", 403),
    ):
        client = client_of(make_staff(role))
        assert {page: client.get(page).status_code for page in PAGES} == dict.fromkeys(PAGES, status), role
    assert {Client().get(page).status_code for page in PAGES} == {302}


def test_only_who_may_adjust_sees_and_posts_the_form(chain: Chain, lead: Client) -> None:
    variant = chain.variant(stock=5)
    picker = client_of(make_staff("PICKER"))
    assert "Correct the stock" in lead.get("/ops/stock/", {"sku": variant.sku}).content.decode()
    assert "Correct the stock" not in picker.get("/ops/stock/", {"sku": variant.sku}).content.decode()
    body = {"sku": variant.sku, "location": "WH-1", "delta": "-1", "reason": "COUNT", "reference": "x"}
    with nothing_changes():
        assert picker.post("/ops/stock/adjust/", body).status_code == 403


def test_bound_staff_see_what_leaves_their_place(chain: Chain, carrier: StandIn) -> None:
    here = packed(
        chain,
        (chain.variant(stock=0, store_stock=2), 1),
        delivery_method="STORE_PICKUP",
        pickup_location="S-001",
    )
    there = packed(chain, (chain.variant(stock=2), 1))
    user = make_staff("STORE")
    user.locations.add(chain.store)
    client = client_of(user)
    listed = client.get("/ops/shipments/").content.decode()
    assert here.number in listed and there.number not in listed
    assert client.get(f"/ops/shipments/{there.number}/").status_code == 404
    assert client.post(f"/ops/shipments/{there.number}/dispatch/").status_code == 404
    assert client.get("/ops/locations/WH-1/").status_code == 404


@pytest.mark.parametrize(
    "path", ["/ops/stock/?sku={sku}", "/ops/shipments/", "/ops/locations/", "/ops/transfers/new/"]
)
def test_ten_more_places_cost_no_statement(chain: Chain, path: str) -> None:
    mira = make_staff("OPS_LEAD", name="Mira")
    mira.locations.set([chain.store, chain.warehouse])
    mine, path = client_of(mira), path.format(sku=chain.variant().sku)

    def statements() -> int:
        assert mine.get(path).status_code == 200
        with CaptureQueriesContext(connection) as asked:
            mine.get(path)
        return len(asked)

    before = statements()
    for _ in range(10):
        place = make_location(chain.entity, kind="STORE")
        mira.locations.add(place)
    assert statements() == before


def test_auditor_may_look_and_not_act(chain: Chain, carrier: StandIn) -> None:
    shipment = packed(chain, (chain.variant(), 1))
    client = client_of(make_staff("AUDITOR"))
    page = client.get(f"/ops/shipments/{shipment.number}/")
    assert page.status_code == 200 and "/dispatch/" not in page.content.decode()
    with nothing_changes():
        answer = client.post(f"/ops/shipments/{shipment.number}/dispatch/", follow=True)
    assert "Your role may only look." in answer.content.decode()


# Stock


def test_waterfall_adds_up_and_names_the_holders(chain: Chain, lead: Client) -> None:
    variant = chain.variant(stock=10, store_stock=4)
    order = routed(chain, (variant, 2))
    chain.basket((variant, 3), now=timezone.now())
    SafetyStock.objects.create(location=chain.store, quantity=1)
    told = warehouse.explain_availability(
        variant_id=variant.pk, channel_id=chain.channel.pk, now=timezone.now()
    )
    table = waterfall_of(told)
    assert [(row.label, row.value) for row in table.rows] == [
        ("On hand", 14),
        ("Held for baskets", -3),
        ("Claimed by orders", -2),
        ("Safety stock", -1),
    ]
    assert table.total == told.available == 8
    page = lead.get("/ops/stock/", {"sku": variant.barcode}).content.decode()
    assert order.number in page and "a basket" in page and variant.product.title in page


def test_title_is_found_by_words_in_any_script(chain: Chain, lead: Client) -> None:
    variant = chain.variant()
    Product.objects.filter(pk=variant.product_id).update(search_text=fold(variant.product.title))
    for text in (variant.product.title, variant.product.title.replace("Naslov", "Наслов")):
        found = lead.get("/ops/stock/", {"sku": text})
        assert found.status_code == 302 and variant.sku in found["Location"]
    assert "Nothing of that name" in lead.get("/ops/stock/", {"sku": "zzz"}).content.decode()


def test_adjusting_below_the_claims_is_refused_with_its_name(chain: Chain, lead: Client) -> None:
    variant = chain.variant(stock=3)
    routed(chain, (variant, 2))
    body = {
        "sku": variant.sku,
        "location": "WH-1",
        "bin": "a-01",
        "delta": "-2",
        "reason": "DAMAGE",
        "reference": "voda",
    }
    with nothing_changes():
        refused = lead.post("/ops/stock/adjust/", body, follow=True)
    assert "Promised to orders" in refused.content.decode()
    done = lead.post("/ops/stock/adjust/", {**body, "displace": "1"}, follow=True)
    assert "WH-1 A-01: 1 on hand." in done.content.decode()
    assert StockMove.objects.filter(variant=variant, reason="DAMAGE").get().by.name == "Dragan"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        {"delta": "0"},
        {"delta": "1e9"},
        {"delta": "NaN"},
        {"delta": "--5"},
        {"bin": "NOWHERE"},
        {"location": "X"},
        {"sku": "X"},
        {"reason": "WHIM"},
    ],
)
def test_bad_adjustment_changes_nothing(chain: Chain, lead: Client, change: dict[str, str]) -> None:
    variant = chain.variant(stock=3)
    body = {"sku": variant.sku, "location": "WH-1", "delta": "1", "reason": "COUNT", "reference": "x"}
    with nothing_changes():
        answer = lead.post("/ops/stock/adjust/", {**body, **change}, follow=True)
    assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()


# Shipments


def test_filters_by_view_state_and_number(chain: Chain, lead: Client, carrier: StandIn) -> None:
    first, second = (
        packed(chain, (chain.variant(), 1)),
        Shipment.objects.get(order=routed(chain, (chain.variant(), 1))),
    )
    seen = {
        query: {
            number
            for number in (first.number, second.number)
            if number in lead.get(f"/ops/shipments/?{query}").content.decode()
        }
        for query in (
            "",
            "view=pick",
            "view=packed",
            "view=no_label",
            "status=DISPATCHED",
            f"q={second.order.number}",
            "location=S-001",
        )
    }
    assert seen == {
        "": {first.number, second.number},
        "view=pick": {second.number},
        "view=packed": {first.number},
        "view=no_label": {first.number},
        "status=DISPATCHED": set(),
        f"q={second.order.number}": {second.number},
        "location=S-001": set(),
    }


def test_dispatch_fail_and_take_back(chain: Chain, lead: Client, carrier: StandIn) -> None:
    variant = chain.variant(stock=5)
    shipment = packed(chain, (variant, 2))
    url = f"/ops/shipments/{shipment.number}/"
    lead.post(f"{url}dispatch/")
    lead.post(f"{url}fail/", {"reason": "UNDELIVERABLE"})
    shipment.refresh_from_db()
    assert (shipment.status, shipment.failure) == ("UNDELIVERED", "UNDELIVERABLE")
    page = lead.get(url).content.decode()
    assert "Take the goods back" in page and "Not delivered" in page
    lead.post(f"{url}return/", {"location": "WH-1", f"damaged_{variant.pk}": "1"})
    shipment.refresh_from_db()
    assert shipment.status == "RETURNED"
    kinds = dict(StockItem.objects.filter(variant=variant, on_hand__gt=0).values_list("bin__kind", "on_hand"))
    assert kinds == {"STORAGE": 4, "DAMAGED": 1}
    with nothing_changes():
        again = lead.post(f"{url}return/", {"location": "WH-1"}, follow=True)
    assert "Not possible now" in again.content.decode()


def test_dispatch_waits_for_the_carrier(chain: Chain, lead: Client, carrier: StandIn) -> None:
    shipment = packed(chain, (chain.variant(), 1))
    carrier.is_down = True
    with nothing_changes():
        answer = lead.post(f"/ops/shipments/{shipment.number}/dispatch/", follow=True)
    assert "The carrier does not answer" in answer.content.decode()
    carrier.is_down = False
    lead.post(f"/ops/shipments/{shipment.number}/announce/")
    label = lead.get(f"/ops/shipments/label/{Parcel.objects.get(shipment=shipment).number}.pdf")
    assert label.content.startswith(b"%PDF-")


def test_unknown_act_is_no_page(chain: Chain, lead: Client, carrier: StandIn) -> None:
    shipment = packed(chain, (chain.variant(), 1))
    assert lead.post(f"/ops/shipments/{shipment.number}/explode/").status_code == 404
    assert lead.get(f"/ops/shipments/{shipment.number}/dispatch/").status_code == 405


# Purchase orders and locations


def test_purchase_order_shows_what_came(chain: Chain, lead: Client) -> None:
    supplier = Location.objects.create(
        code="SUP-1", name="Laguna", kind="SUPPLIER", entity=chain.entity, city="Beograd"
    )
    variant = chain.variant(stock=0)
    order = stock.create_purchase_order(
        supplier_id=supplier.pk,
        location_id=chain.warehouse.pk,
        lines=[stock.OrderedLine(variant.pk, 5, 400)],  # type: ignore[arg-type]
        by=None,
        now=timezone.now(),
    )
    assert order.number in lead.get("/ops/purchase-orders/?status=open&q=laguna").content.decode()
    goods.receive_goods(
        purchase_order_id=order.pk,
        lines=[stock.ReceivedLine(variant.pk, 5, 1)],
        by=chain.bojan,
        now=timezone.now(),
    )
    page = lead.get(f"/ops/purchase-orders/{order.number}/").content.decode()
    assert f"{order.number}-R1" in page and "+1" in page
    assert order.number not in lead.get("/ops/purchase-orders/?status=open").content.decode()


def test_calendar_says_on_which_days_goods_leave(chain: Chain, lead: Client) -> None:
    from datetime import date

    Holiday.objects.create(date=date(2026, 12, 1), name="Probni praznik")
    chain.warehouse.closures.create(date=date(2026, 12, 2), reason="Popis")
    days = {each["day"].day: each["why"] for each in calendar_of(chain.warehouse, date(2026, 11, 28))[:6]}
    assert days == {28: "", 29: "no work day", 30: "", 1: "Probni praznik", 2: "Popis", 3: ""}
    page = lead.get("/ops/locations/WH-1/").content.decode()
    assert "15:00" in page and "A-01" in page
