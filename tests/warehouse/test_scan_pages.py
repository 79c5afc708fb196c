"""The handheld through its pages, without script: every scan a form, every answer a result, nothing twice."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oms.carriers.client import CarrierParcel
from oms.models import Order
from oms.workflows import cancellation, routing
from retail.kernel.models import OutboxEvent
from retail.kernel.outside import ProviderUnavailable
from storefront.models import Variant
from tests.flows.chain import Chain, make_chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse.models import Bin, Parcel, PurchaseOrder, Receipt, Reservation, Shipment, StockItem, StockMove
from warehouse.workflows import labels

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings: Any) -> None:
    """Pages without a language in their address come in English here."""
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def bojan(chain: Chain) -> Client:
    """A picker bound to the warehouse."""
    user = make_staff("PICKER", name="Bojan")
    user.locations.add(chain.warehouse)
    return client_of(user)


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> "StandIn":
    stand_in = StandIn()
    monkeypatch.setattr("oms.carriers.client.from_settings", lambda: stand_in)
    return stand_in


class StandIn:
    """A carrier that answers, or not, and remembers what it was asked."""

    def __init__(self) -> None:
        self.is_down = False
        self.parcels: dict[str, Any] = {}
        self.called_off: list[str] = []

    def announce(self, *, parcel: Any) -> CarrierParcel:
        if self.is_down:
            raise ProviderUnavailable("carrier", "announce", "DOWN")
        known = self.parcels.setdefault(parcel.reference, parcel)
        assert known == parcel, "the same reference with other values"
        number = f"KU{len(self.parcels):09d}RS"
        return CarrierParcel(
            parcel.reference,
            parcel.carrier,
            number,
            number,
            "ANNOUNCED",
            parcel.cash_on_delivery,
            "RSD",
            (),
        )

    def cancel(self, *, reference: str) -> None:
        self.called_off.append(reference)


def routed(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Order:
    now = timezone.now()
    order = chain.place(*wanted, now=now, **changes)
    decision = routing.propose_routing(order_id=order.pk, now=now)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=now)
    return order


def hidden(page: Any, *, action: str = "") -> dict[str, str]:
    """The hidden fields of the scan form, as a browser would send them."""
    text = page.content.decode()
    form = next(part for part in text.split("<form")[1:] if "data-scan" in part.split(">")[0])
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.split("</form>")[0])
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def scan_id(page: Any) -> str:
    found = re.search(r'name="scan_id" value="(\w+)"', page.content.decode())
    assert found is not None
    return found[1]


def kind(page: Any) -> str:
    found = re.search(r'data-sound="(\w+)"', page.content.decode())
    return found[1] if found else ""


def scan(client: Client, page: Any, code: str, **more: str) -> Any:
    return client.post(page.request["PATH_INFO"], {**hidden(page), "code": code, **more})


def begin(client: Client) -> Any:
    start = client.get("/scan/pick/")
    return client.post("/scan/pick/take/", {"scan_id": scan_id(start), "count": "5"}, follow=True)


def picked(variant: Variant) -> int:
    rows = Reservation.objects.filter(variant=variant, state="PICKED", is_put_back=False)
    return sum(rows.values_list("quantity", flat=True))


# Who may, and where


def test_only_staff_who_scan_come_in(chain: Chain) -> None:
    assert Client().get("/scan/").status_code == 302
    assert client_of(make_staff("ACCOUNTANT")).get("/scan/").status_code == 403
    without = client_of(make_staff("PICKER", has_second_factor=False)).get("/scan/")
    assert without.status_code == 302 and "2fa" in without["Location"]


def test_bound_staff_see_only_their_place(chain: Chain, bojan: Client) -> None:
    assert "WH-1" in bojan.get("/scan/").content.decode()
    answer = bojan.post("/scan/place/", {"place": "S-001"})
    assert answer.status_code == 200
    assert "S-001" not in bojan.get("/scan/").content.decode()


def test_free_staff_choose_a_place_first(chain: Chain) -> None:
    client = client_of(make_staff("OPS_LEAD"))
    asked = client.get("/scan/pick/")
    assert asked["Location"] == "/scan/place/?next=%2Fscan%2Fpick%2F"
    assert client.post("/scan/place/", {"place": "S-001", "next": "/scan/pick/"})["Location"] == "/scan/pick/"
    assert (
        client.post("/scan/place/", {"place": "S-001", "next": "https://evil.example/"})["Location"]
        == "/scan/"
    )
    assert "S-001" in client.get("/scan/").content.decode()


def test_shipments_of_another_place_do_not_exist(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=0, store_stock=3)
    order = routed(chain, (variant, 1), delivery_method="STORE_PICKUP", pickup_location="S-001")
    number = Shipment.objects.get(order=order).number
    assert bojan.get(f"/scan/pack/{number}/").status_code == 404
    assert bojan.get(f"/scan/handover/{number}/").status_code == 404


# Picking


def test_shelf_then_units_then_done(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=10)
    routed(chain, (variant, 2))
    page = begin(bojan)
    assert "A-01" in page.content.decode() and "Scan the shelf A-01" in page.content.decode()

    page = scan(bojan, page, "a-01")
    assert (kind(page), page.status_code, picked(variant)) == ("good", 200, 0)
    assert hidden(page)["shelf"] == "A-01"

    page = scan(bojan, page, variant.barcode)
    assert (kind(page), picked(variant)) == ("good", 1)
    assert "Good, 1 of 2" in page.content.decode()
    page = scan(bojan, page, variant.sku)
    assert (kind(page), picked(variant)) == ("good", 2)
    assert "Box A is complete" in page.content.decode()
    item = StockItem.objects.get(variant=variant, bin__code="A-01", location=chain.warehouse)
    assert (item.on_hand, item.reserved) == (8, 0)
    assert list(
        StockMove.objects.filter(variant=variant, reason="PICK").values_list("quantity", "by__name")
    ) == [
        (1, "Bojan"),
        (1, "Bojan"),
    ]


def test_bins_come_in_the_order_of_the_walk(chain: Chain, bojan: Client) -> None:
    far, near = chain.variant(stock=5), chain.variant(stock=5)
    for variant, code, sequence in ((far, "C-09", 90), (near, "B-02", 20)):
        shelf = Bin.objects.create(
            location=chain.warehouse, code=code, kind="STORAGE", pick_sequence=sequence
        )
        StockItem.objects.filter(variant=variant).update(bin=shelf)
    routed(chain, (far, 1), (near, 1))
    page = begin(bojan).content.decode()
    assert page.index('<p class="bin">B-02') < page.index("C-09")


def test_wrong_bin_blocks_and_changes_nothing(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=10)
    Bin.objects.create(location=chain.warehouse, code="B-07", kind="STORAGE")
    routed(chain, (variant, 2))
    page = begin(bojan)
    with nothing_changes():
        page = scan(bojan, page, "B-07")
    assert (kind(page), page.status_code) == ("wrong", 409)
    assert "Wrong shelf" in page.content.decode() and hidden(page)["shelf"] == ""


def test_item_before_the_shelf_is_wrong(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=10)
    routed(chain, (variant, 1))
    page = scan(bojan, begin(bojan), variant.barcode)
    assert (kind(page), picked(variant)) == ("wrong", 0)
    assert "Shelf first" in page.content.decode()


def test_wrong_unit_blocks_and_changes_nothing(chain: Chain, bojan: Client) -> None:
    variant, other = chain.variant(stock=10), chain.variant(stock=10)
    routed(chain, (variant, 2))
    page = scan(bojan, begin(bojan), "A-01")
    for code in (other.barcode, "0000000000000", ""):
        with nothing_changes():
            wrong = scan(bojan, page, code)
        assert (kind(wrong), wrong.status_code) == ("wrong", 409)
    assert other.product.title in scan(bojan, page, other.barcode).content.decode()
    assert kind(scan(bojan, page, variant.barcode)) == "good"


def test_same_form_posted_twice_counts_once(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=10)
    routed(chain, (variant, 3))
    page = scan(bojan, begin(bojan), "A-01")
    first = scan(bojan, page, variant.barcode)
    again = scan(bojan, page, variant.barcode)
    assert (kind(first), kind(again), picked(variant)) == ("good", "repeat", 1)
    assert kind(scan(bojan, again, variant.barcode)) == "good"
    assert picked(variant) == 2


def test_another_copy_of_a_finished_title_is_a_repeat_not_a_wrong_book(chain: Chain, bojan: Client) -> None:
    first, second = chain.variant(stock=10), chain.variant(stock=10)
    routed(chain, (first, 1), (second, 1))
    page = scan(bojan, begin(bojan), "A-01")
    page = scan(bojan, page, first.barcode)
    page = scan(bojan, page, "A-01") if not hidden(page)["shelf"] else page
    page = scan(bojan, page, first.barcode)
    assert (kind(page), picked(first), picked(second)) == ("repeat", 1, 0)


def test_several_at_once_but_never_more_than_wanted(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=20)
    routed(chain, (variant, 6))
    page = scan(bojan, begin(bojan), "A-01")
    for quantity in ("7", "0", "-1", "x", "1e3"):
        assert kind(scan(bojan, page, variant.barcode, quantity=quantity)) == "wrong"
    assert picked(variant) == 0
    assert kind(scan(bojan, page, variant.barcode, quantity="5")) == "good"
    assert picked(variant) == 5


def test_a_taken_shipment_is_not_taken_twice(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=10)
    order = routed(chain, (variant, 1))
    begin(bojan)
    number = Shipment.objects.get(order=order).number
    colleague = make_staff("PICKER", name="Vesna")
    colleague.locations.add(chain.warehouse)
    client = client_of(colleague)
    start = client.get("/scan/pick/")
    assert "Colleagues pick these" in start.content.decode()
    refused = client.post("/scan/pick/take/", {"scan_id": scan_id(start), "shipment": number}, follow=True)
    assert kind(refused) == "wrong"
    assert Reservation.objects.get(shipment__number=number).picker.name == "Bojan"  # type: ignore[union-attr]
    taken = client.post(
        "/scan/pick/take/", {"scan_id": scan_id(refused), "shipment": number, "takeover": "1"}, follow=True
    )
    assert kind(taken) == "good"
    assert Reservation.objects.get(shipment__number=number).picker == colleague


def test_a_task_of_a_canceled_order_is_gone(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=10)
    order = routed(chain, (variant, 1))
    page = scan(bojan, begin(bojan), "A-01")
    cancellation.cancel_order(order_id=order.pk, reason="x", by=None, now=timezone.now())
    answer = scan(bojan, page, variant.barcode)
    assert (kind(answer), picked(variant)) == ("repeat", 0)


def test_short_pick_corrects_the_shelf_and_tells_the_order(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=3)
    order = routed(chain, (variant, 2))
    page = scan(bojan, begin(bojan), "A-01")
    page = scan(bojan, page, variant.barcode)
    claim_id = hidden(page)["task"]
    asked = bojan.get(f"/scan/pick/{claim_id}/short/")
    assert "Why is the rest not here?" in asked.content.decode()
    with nothing_changes():
        assert (
            bojan.post(
                f"/scan/pick/{claim_id}/short/", {"scan_id": scan_id(asked), "reason": "LAZY"}
            ).status_code
            == 409
        )
    done = bojan.post(
        f"/scan/pick/{claim_id}/short/", {"scan_id": scan_id(asked), "reason": "MISSING"}, follow=True
    )
    assert kind(done) == "good"
    item = StockItem.objects.get(variant=variant, bin__code="A-01", location=chain.warehouse)
    assert (item.on_hand, item.reserved) == (0, 0)
    assert order.exceptions.get().kind == "SHORT_PICK"
    again = bojan.post(
        f"/scan/pick/{claim_id}/short/", {"scan_id": scan_id(asked), "reason": "MISSING"}, follow=True
    )
    assert kind(again) == "repeat"
    assert StockMove.objects.filter(variant=variant, reason="SHORT_PICK").count() == 1


def test_later_puts_a_task_behind_the_others(chain: Chain, bojan: Client) -> None:
    first, second = chain.variant(stock=10), chain.variant(stock=10)
    routed(chain, (first, 1), (second, 1))
    page = begin(bojan)
    before = hidden(page)["task"]
    page = bojan.post("/scan/pick/skip/", {"task": before}, follow=True)
    assert hidden(page)["task"] != before


# Packing, dispatch


def picked_order(chain: Chain, client: Client, *wanted: tuple[Variant, int], **changes: Any) -> Shipment:
    order = routed(chain, *wanted, **changes)
    for shipment in Shipment.objects.filter(order=order):
        picks = [
            stock.Pick(claim.variant.sku, claim.stock_item.bin.code, claim.quantity)
            for claim in shipment.claims.filter(state="ALLOCATED")
        ]
        stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=timezone.now())
    return Shipment.objects.filter(order=order).latest("pk")


def packed(client: Client, shipment: Shipment, *weights: str) -> Any:
    page = client.get(f"/scan/pack/{shipment.number}/")
    return client.post(
        f"/scan/pack/{shipment.number}/",
        {"scan_id": scan_id(page), "weight": weights or ("640",)},
        follow=True,
    )


def test_pack_gives_a_label_with_the_carriers_barcode(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 2))
    page = bojan.get(f"/scan/pack/{shipment.number}/")
    assert 'value="860"' in page.content.decode()  # 2 × 400 g and the box
    page = packed(bojan, shipment, "870")
    assert kind(page) == "good"
    parcel = Parcel.objects.get(shipment=shipment)
    assert (parcel.weight_grams, parcel.tracking_number) == (870, "KU000000001RS")
    assert carrier.parcels[parcel.number].cash_on_delivery == shipment.order.total
    label = bojan.get(f"/scan/label/{parcel.number}.pdf")
    assert (label.status_code, label["Content-Type"]) == (200, "application/pdf")
    assert label.content.startswith(b"%PDF-")


def test_weight_that_is_none_packs_nothing(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 1))
    for weight in ("0", "-5", "abc", "", "999999"):
        with nothing_changes():
            assert packed(bojan, shipment, weight).status_code == 409
    assert carrier.parcels == {}


def test_pack_with_two_parcels_and_each_is_scanned(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 2), payment_method="CASH_ON_DELIVERY")
    page = bojan.get(f"/scan/pack/{shipment.number}/")
    more = bojan.post(f"/scan/pack/{shipment.number}/", {"weight": "400", "more": "1"})
    assert more.content.decode().count('name="weight"') == 2
    assert not Parcel.objects.filter(shipment=shipment).exists()
    packed(bojan, shipment, "400", "500")
    first, second = Parcel.objects.filter(shipment=shipment).order_by("pk")
    page = bojan.get("/scan/dispatch/")
    page = scan(bojan, page, first.tracking_number)
    assert "still waits for 1 more" in page.content.decode()
    page = scan(bojan, page, first.tracking_number)
    assert kind(page) == "repeat"
    shipment.refresh_from_db()
    assert shipment.status == "READY"
    page = scan(bojan, page, second.tracking_number)
    shipment.refresh_from_db()
    assert (kind(page), shipment.status) == ("good", "DISPATCHED")
    assert (first.cod_amount, second.cod_amount) == (shipment.order.total, Decimal(0))


def test_dispatch_by_label_once(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    variant = chain.variant(stock=5)
    shipment = picked_order(chain, bojan, (variant, 2))
    packed(bojan, shipment)
    number = Parcel.objects.get(shipment=shipment).tracking_number
    page = bojan.get("/scan/dispatch/")
    answer = scan(bojan, page, number)
    again = scan(bojan, page, number)
    assert (kind(answer), kind(again)) == ("good", "repeat")
    shipment.refresh_from_db()
    assert shipment.status == "DISPATCHED"
    assert sum(StockItem.objects.filter(variant=variant).values_list("on_hand", flat=True)) == 3
    assert OutboxEvent.objects.filter(topic="warehouse.shipment_dispatched").count() == 1


def test_unknown_label_is_wrong(chain: Chain, bojan: Client) -> None:
    page = scan(bojan, bojan.get("/scan/dispatch/"), "KU999")
    assert (kind(page), page.status_code) == ("wrong", 409)


def test_goods_wait_while_the_carrier_is_down(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 1))
    carrier.is_down = True
    page = packed(bojan, shipment)
    assert "Packed, without a label" in page.content.decode()
    shipment.refresh_from_db()
    parcel = Parcel.objects.get(shipment=shipment)
    assert (shipment.is_packed, parcel.announced_at) == (True, None)
    assert bojan.get(f"/scan/label/{parcel.number}.pdf").status_code == 404
    with nothing_changes():
        refused = scan(bojan, bojan.get("/scan/dispatch/"), parcel.number)
    assert (kind(refused), refused.status_code) == ("wrong", 409)
    assert "The carrier does not answer" in refused.content.decode()
    assert labels.make_waiting_labels(now=timezone.now()) == 0

    carrier.is_down = False
    page = bojan.post(f"/scan/pack/{shipment.number}/announce/", follow=True)
    assert kind(page) == "good"
    parcel.refresh_from_db()
    assert kind(scan(bojan, bojan.get("/scan/dispatch/"), parcel.tracking_number)) == "good"


def test_sweep_makes_labels_that_wait(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 1))
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=None, now=timezone.now())
    assert labels.make_waiting_labels(now=timezone.now()) == 1
    assert labels.make_waiting_labels(now=timezone.now()) == 0
    assert len(carrier.parcels) == 1


def test_label_is_void_when_the_cash_changes(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 1))
    packed(bojan, shipment)
    old = Parcel.objects.get(shipment=shipment)
    Parcel.objects.filter(pk=old.pk).update(cod_amount="1.00")
    refused = scan(bojan, bojan.get("/scan/dispatch/"), old.tracking_number)
    assert "Print the new label" in refused.content.decode()
    new = Parcel.objects.get(shipment=shipment)
    assert (carrier.called_off, new.number) == ([old.number], f"{old.number}.2")
    assert new.cod_amount == shipment.order.total
    assert kind(scan(bojan, refused, new.tracking_number)) == "good"


def test_second_cash_parcel_of_an_order_waits_for_the_first(
    chain: Chain, bojan: Client, carrier: StandIn
) -> None:
    """The delivery fee is collected once, with whichever leaves first."""
    here, there = chain.variant(stock=2), chain.variant(stock=0, store_stock=2)
    order = routed(chain, (here, 1), (there, 1))
    shipments = list(Shipment.objects.filter(order=order).order_by("pk"))
    assert len(shipments) == 2
    now = timezone.now()
    for shipment in shipments:
        claim = shipment.claims.get()
        pick = stock.Pick(claim.variant.sku, claim.stock_item.bin.code, 1)
        stock.pick(shipment_id=shipment.pk, picks=[pick], by=None, now=now)
        stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=None, now=now)
    labels.make_labels(shipment_id=shipments[0].pk, now=now)
    with pytest.raises(labels.CashNotFinal):
        labels.make_labels(shipment_id=shipments[1].pk, now=now)
    labels.send_off(shipment_id=shipments[0].pk, by=None, now=now)
    labels.send_off(shipment_id=shipments[1].pk, by=None, now=now)
    collected = [parcel.cash_on_delivery for parcel in carrier.parcels.values()]
    assert sum(collected) == order.total
    assert carrier.called_off == []


# Pickup


def pickup(chain: Chain, **changes: Any) -> Shipment:
    variant = chain.variant(stock=0, store_stock=3)
    client = client_of(make_staff("STORE"))
    shipment = picked_order(
        chain, client, (variant, 1), delivery_method="STORE_PICKUP", pickup_location="S-001", **changes
    )
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=None, now=timezone.now())
    shipment.refresh_from_db()
    return shipment


@pytest.fixture
def store(chain: Chain) -> Client:
    user = make_staff("STORE", name="Jelena")
    user.locations.add(chain.store)
    return client_of(user)


def test_pickup_needs_the_customers_code(chain: Chain, store: Client) -> None:
    shipment = pickup(chain)
    found = scan(store, store.get("/scan/handover/"), shipment.order.number)
    assert found["Location"] == f"/scan/handover/{shipment.number}/"
    page = store.get(found["Location"])
    assert shipment.handover_code not in page.content.decode()
    assert "1.000,00" in page.content.decode() or "1,000.00" in page.content.decode()
    wrong_code = str((int(shipment.handover_code) + 1) % 1_000_000).zfill(6)
    with nothing_changes():
        refused = scan(store, page, wrong_code)
    assert (kind(refused), refused.status_code) == ("wrong", 409)
    done = scan(store, refused, shipment.handover_code)
    assert done["Location"] == "/scan/handover/"
    assert kind(store.get("/scan/handover/")) == "good"
    shipment.refresh_from_db()
    assert shipment.status == "DELIVERED"
    again = store.post(f"/scan/handover/{shipment.number}/", {"code": shipment.handover_code}, follow=True)
    assert kind(again) == "repeat"


# Receiving, put away, put back, count


@pytest.fixture
def delivery(chain: Chain) -> PurchaseOrder:
    supplier = type(chain.warehouse).objects.create(
        code="SUP-1", name="Laguna", kind="SUPPLIER", entity=chain.entity, city="Beograd"
    )
    return stock.create_purchase_order(
        supplier_id=supplier.pk,
        location_id=chain.warehouse.pk,
        lines=[
            stock.OrderedLine(chain.variant(stock=0).pk, 3, 500),  # type: ignore[arg-type]
            stock.OrderedLine(chain.variant(stock=0).pk, 2, 400),  # type: ignore[arg-type]
        ],
        by=None,
        now=timezone.now() - timedelta(days=1),
    )


def test_receive_over_short_and_damaged(chain: Chain, bojan: Client, delivery: PurchaseOrder) -> None:
    first, second = (line.variant for line in delivery.lines.order_by("pk"))
    found = scan(bojan, bojan.get("/scan/receive/"), delivery.number.lower())
    url = f"/scan/receive/{delivery.number}/"
    assert found["Location"] == url
    page = bojan.get(url)
    page = scan(bojan, page, first.barcode, quantity="4")
    assert "Over, 4 of 3" in page.content.decode()
    page = scan(bojan, bojan.get(f"{url}?mode=damaged"), second.barcode)
    assert "Damaged, 1 of 2" in page.content.decode()
    repeated = scan(bojan, page, second.barcode)
    again = scan(bojan, page, second.barcode)
    assert (kind(repeated), kind(again)) == ("good", "repeat")
    strange = scan(bojan, again, chain.variant().barcode)
    assert (kind(strange), strange.status_code) == ("wrong", 409)
    assert not Receipt.objects.exists()

    check = bojan.get(f"{url}finish/")
    text = check.content.decode()
    assert "over by 1" in text
    data = {
        "scan_id": scan_id(check),
        f"good_{first.pk}": "4",
        f"damaged_{first.pk}": "0",
        f"good_{second.pk}": "0",
        f"damaged_{second.pk}": "1",
        "delivery_note": "OTP-77",
        "is_complete": "1",
    }
    done = bojan.post(f"{url}finish/", data, follow=True)
    assert kind(done) == "good"
    again = bojan.post(f"{url}finish/", data, follow=True)
    assert kind(again) == "repeat"
    receipt = Receipt.objects.get()
    assert (receipt.delivery_note, receipt.by.name) == ("OTP-77", "Bojan")  # type: ignore[union-attr]
    assert sorted(receipt.lines.values_list("quantity_good", "quantity_damaged")) == [(0, 1), (4, 0)]
    delivery.refresh_from_db()
    assert delivery.status == "RECEIVED"
    levels = {
        (row.variant_id, row.bin.kind): row.on_hand
        for row in StockItem.objects.select_related("bin").filter(variant__in=[first, second])
    }
    assert levels == {(first.pk, "RECEIVING"): 4, (second.pk, "DAMAGED"): 1}


def test_numbers_that_are_none_receive_nothing(chain: Chain, bojan: Client, delivery: PurchaseOrder) -> None:
    line = delivery.lines.order_by("pk")[0]
    url = f"/scan/receive/{delivery.number}/finish/"
    for typed in ("-1", "1e9", "NaN", "99999", "½"):
        page = bojan.get(url)
        with nothing_changes():
            answer = bojan.post(url, {"scan_id": scan_id(page), f"good_{line.variant_id}": typed})
        assert answer.status_code == 409


def test_put_away_to_a_shelf_and_only_there(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=0)
    receiving = Bin.objects.get(location=chain.warehouse, kind="RECEIVING")
    shelf = Bin.objects.get(location=chain.warehouse, kind="STORAGE")
    StockItem.objects.create(
        variant=variant, bin=receiving, location=chain.warehouse, is_sellable=False, on_hand=5
    )
    found = scan(bojan, bojan.get("/scan/put-away/"), variant.barcode)
    assert found["Location"] == f"/scan/put-away/{variant.sku}/"
    page = bojan.get(found["Location"])
    for code in ("P-01", "NOWHERE"):
        with nothing_changes():
            assert kind(scan(bojan, page, code, quantity="5")) == "wrong"
    with nothing_changes():
        assert kind(scan(bojan, page, shelf.code, quantity="6")) == "wrong"
    assert scan(bojan, page, shelf.code, quantity="3").status_code == 302
    again = scan(bojan, page, shelf.code, quantity="3")
    assert again.status_code == 302
    assert kind(bojan.get("/scan/put-away/")) == "repeat"
    levels = dict(StockItem.objects.filter(variant=variant).values_list("bin__kind", "on_hand"))
    assert levels == {"RECEIVING": 2, "STORAGE": 3}


def test_canceled_units_are_put_back_by_scan(chain: Chain, bojan: Client) -> None:
    variant = chain.variant(stock=5)
    shipment = picked_order(chain, bojan, (variant, 2))
    cancellation.cancel_order(order_id=shipment.order_id, reason="x", by=None, now=timezone.now())
    found = scan(bojan, bojan.get("/scan/put-back/"), variant.barcode)
    page = bojan.get(found["Location"])
    assert '<p class="bin">A-01' in page.content.decode()
    assert kind(scan(bojan, page, "D-01")) == "wrong"
    assert scan(bojan, page, "A-01").status_code == 302
    item = StockItem.objects.get(variant=variant, bin__code="A-01", location=chain.warehouse)
    assert (item.on_hand, item.reserved) == (5, 0)
    scan(bojan, page, "A-01")
    assert kind(bojan.get("/scan/put-back/")) == "repeat"


def test_count_tells_nothing_before_and_writes_the_truth(chain: Chain, bojan: Client) -> None:
    variant, unseen = chain.variant(stock=5), chain.variant(stock=2)
    started = scan(bojan, bojan.get("/scan/count/"), "a-01")
    assert started["Location"] == "/scan/count/A-01/"
    page = bojan.get(started["Location"])
    assert variant.product.title not in page.content.decode()
    page = scan(bojan, page, variant.barcode, quantity="4")
    assert kind(page) == "good"
    check = bojan.get("/scan/count/A-01/finish/")
    data = {"scan_id": scan_id(check), f"units_{variant.pk}": "4", f"units_{unseen.pk}": "0"}
    done = bojan.post("/scan/count/A-01/finish/", data, follow=True)
    assert kind(done) == "good"
    assert StockItem.objects.get(variant=variant, location=chain.warehouse).on_hand == 4
    assert StockItem.objects.get(variant=unseen, location=chain.warehouse).on_hand == 2
    page = scan(bojan, bojan.get("/scan/count/A-01/"), variant.barcode, quantity="4")
    check = bojan.get("/scan/count/A-01/finish/")
    whole = {**data, "scan_id": scan_id(check), "is_whole": "1"}
    bojan.post("/scan/count/A-01/finish/", whole)
    assert StockItem.objects.get(variant=unseen, location=chain.warehouse).on_hand == 0
    assert StockMove.objects.filter(reason="COUNT").count() == 2


def test_any_scan_leads_to_its_task(chain: Chain, bojan: Client, carrier: StandIn) -> None:
    variant = chain.variant(stock=5)
    shipment = picked_order(chain, bojan, (variant, 1))
    wanted = {
        shipment.number: f"/scan/pack/{shipment.number}/",
        shipment.order.number.lower(): f"/scan/pack/{shipment.number}/",
        "A-01": "/scan/count/A-01/",
        variant.barcode: f"/scan/item/{variant.sku}/",
    }
    for code, url in wanted.items():
        assert bojan.get("/scan/", {"code": code})["Location"] == url
    lost = bojan.get("/scan/", {"code": "nothing"})
    assert (lost.status_code, kind(lost)) == (404, "wrong")


def test_pages_come_in_three_languages(chain: Chain, settings: Any) -> None:
    settings.LANGUAGE_CODE = "sr-latn"
    user = make_staff("PICKER")
    user.locations.add(chain.warehouse)
    client = client_of(user)
    for prefix, words in (("", "Prikupljanje"), ("/sr-cyrl", "Прикупљање"), ("/en", "Picking")):
        assert words in client.get(f"{prefix}/scan/pick/").content.decode()
