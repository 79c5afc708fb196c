"""The handheld through its pages, without script: every scan a form, every answer a result, nothing twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oms.workflows import cancellation
from tests.flows.chain import Chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from tests.warehouse.handheld import StandIn, begin, hidden, kind, picked, picked_order, routed, scan, scan_id
from warehouse import operations as stock
from warehouse.models import Bin, PurchaseOrder, Receipt, Reservation, Shipment, StockItem, StockMove

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


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
