"""Out of the house by handheld: packed with a label, dispatched once, handed over for a code; goods wait for a carrier that is down."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from retail.kernel.models import OutboxEvent
from tests.flows.chain import Chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from tests.warehouse.handheld import StandIn, kind, packed, picked_order, routed, scan
from warehouse import operations as stock
from warehouse.models import Parcel, Shipment, StockItem
from warehouse.workflows import labels

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


# Packing, dispatch


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
