"""Goods for another store on the handheld: scanned off the shelf, said when missing, sent once; then received and put aside."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from oms.models import OrderException
from tests.api.integrator import Api, refused
from tests.flows import to_store
from tests.flows.chain import Chain
from tests.flows.to_store import claims, shelves
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from tests.warehouse.handheld import kind, scan
from warehouse.models import Shipment, Transfer
from warehouse.operations import transfers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


@pytest.fixture(autouse=True)
def offered(chain: Chain) -> None:
    to_store.offer_ship_to_store(chain)


def clerk(chain: Chain) -> Client:
    """Somebody at the counter of the store."""
    user = make_staff("STORE", name="Lena")
    user.locations.add(chain.store)
    return client_of(user)


def act(client: Client, page: Any, transfer: Transfer, name: str, **more: object) -> Any:
    """Press one of the buttons of the page."""
    scan_id = re.findall(r'name="scan_id" value="(\w+)"', page.content.decode())[0]
    data = {"act": name, "scan_id": scan_id, **more}
    return client.post(f"/scan/send/{transfer.number}/", data, follow=True)


def test_scanned_sent_received_and_handed_over_with_the_rest(chain: Chain, bojan: Client) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.planned(chain, (book, 2))
    listed = bojan.get("/scan/send/").content.decode()
    assert transfer.number in listed
    assert "2 units, ordered" in listed
    page = scan(bojan, bojan.get(f"/scan/send/{transfer.number}/"), book.sku)
    assert kind(page) == "good"
    with nothing_changes():
        early = act(bojan, page, transfer, "send")
    assert (kind(early), early.status_code) == ("wrong", 409)
    assert "All of them go" in early.content.decode()
    page = scan(bojan, early, book.barcode)
    with nothing_changes():
        beyond = scan(bojan, page, book.sku)
    assert kind(beyond) == "wrong"

    sent = act(bojan, beyond, transfer, "send")
    assert "2 units to Novi Sad, Dunavska." in sent.content.decode()
    assert shelves(book) == {"WH-1 STORAGE": (3, 0), "S-001 TRANSIT": (2, 2)}
    # A second thumb finds it sent.
    assert kind(act(bojan, beyond, transfer, "send")) == "repeat"

    store = clerk(chain)
    assert transfer.number in store.get("/scan/receive/").content.decode()
    at_the_door = store.get("/scan/", {"code": transfer.number}, follow=True)
    page = scan(store, scan(store, at_the_door, book.sku), book.sku)
    finish = store.get(f"/scan/receive/{transfer.number}/finish/")
    scan_id = re.findall(r'name="scan_id" value="(\w+)"', finish.content.decode())[0]
    store.post(
        f"/scan/receive/{transfer.number}/finish/",
        {f"good_{book.pk}": "2", f"damaged_{book.pk}": "0", "scan_id": scan_id},
    )
    assert claims(order) == [("S-001", "PACKING", 2, "PICKED")]
    shipment = Shipment.objects.get(order=order)
    assert shipment.number in store.get("/scan/pack/").content.decode()


def test_what_is_not_on_the_shelf_is_said_before_it_is_sent(chain: Chain, bojan: Client) -> None:
    book = chain.variant(stock=3)
    order, transfer = to_store.planned(chain, (book, 3))
    page = scan(bojan, bojan.get(f"/scan/send/{transfer.number}/"), book.sku)
    page = act(bojan, page, transfer, "missing", variant=book.pk)
    assert "It is nowhere else." in page.content.decode()
    assert (shelves(book), claims(order)) == (
        {"WH-1 STORAGE": (1, 1)},
        [("WH-1", "STORAGE", 1, "ALLOCATED")],
    )
    assert kind(act(bojan, page, transfer, "send")) == "good"
    assert claims(order) == [("S-001", "TRANSIT", 1, "PICKED")]


def test_a_store_that_waits_for_the_rest_is_not_told_to_pack(chain: Chain) -> None:
    book = chain.variant(stock=5, store_stock=1)
    order, transfer = to_store.planned(chain, (book, 2))
    shipment = Shipment.objects.get(order=order)
    store = clerk(chain)
    to_store.pick_here(chain, shipment)
    assert shipment.number not in store.get("/scan/pack/").content.decode()
    to_store.send(chain, transfer)
    assert shipment.number not in store.get("/scan/pack/").content.decode()
    to_store.receive(chain, transfer, (book, 1, 0))
    assert shipment.number in store.get("/scan/pack/").content.decode()


def test_goods_that_nobody_ordered_are_sent_the_same_way(chain: Chain, bojan: Client) -> None:
    book = chain.variant(stock=5)
    transfer = transfers.request_transfer(
        source_id=chain.warehouse.pk,
        target_id=chain.store.pk,
        lines=[transfers.WantedUnits(book.pk, 3)],
        by=chain.bojan,
        now=to_store.THERE,
    )
    page = scan(bojan, bojan.get(f"/scan/send/{transfer.number}/"), book.sku)
    assert kind(act(bojan, page, transfer, "send")) == "good"
    assert shelves(book) == {"WH-1 STORAGE": (4, 0), "S-001 TRANSIT": (1, 0)}


def test_another_place_sends_nothing_of_this_one(chain: Chain) -> None:
    _, transfer = to_store.planned(chain, (chain.variant(stock=2), 1))
    store = clerk(chain)
    with nothing_changes():
        assert store.get(f"/scan/send/{transfer.number}/").status_code == 404
        assert store.post(f"/scan/send/{transfer.number}/", {"act": "send"}).status_code == 404
    assert kind(scan(store, store.get("/scan/send/"), transfer.number)) == "wrong"


def test_missing_units_are_said_by_a_program_as_on_the_handheld(chain: Chain) -> None:
    book, other = chain.variant(stock=3), chain.variant()
    order, transfer = to_store.planned(chain, (book, 3))
    api = Api("stock:write")

    def said(sku: str, found: int) -> Any:
        return api.post(f"transfers/{transfer.number}/missing", {"sku": sku, "quantity_found": found})

    with nothing_changes():
        assert refused(said(book.sku, 3)) == (400, "INVALID_QUANTITY")
        assert refused(said(other.sku, 0)) == (409, "NOT_ON_TRANSFER")
    answer = said(book.sku, 1)
    assert (answer.status_code, answer.json()["lines"][0]["quantity_claimed"]) == (200, 1)
    assert (shelves(book), claims(order)) == (
        {"WH-1 STORAGE": (1, 1)},
        [("WH-1", "STORAGE", 1, "ALLOCATED")],
    )
    assert OrderException.objects.get(order=order).kind == "SHORT_PICK"
    transfers.ship_transfer(transfer_id=transfer.pk, by=chain.bojan, now=to_store.THERE)
    with nothing_changes():
        assert refused(said(book.sku, 0)) == (409, "NOT_ON_TRANSFER")
