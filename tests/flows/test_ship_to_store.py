"""Collected in a store although it stands elsewhere: the claim travels with the units and is handed over like any pickup."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from crm.models import Message
from finance.models import JournalEntry, JournalLine
from oms.models import OrderException
from oms.workflows import cancellation, changes, checkout, placing, routing
from retail.doctor.examine import examine
from retail.kernel import outbox
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.errors import IllegalMove
from retail.kernel.models import LegalEntity, Location, OutboxEvent
from storefront.models import KitComponent, Variant
from tests.factories import stock_up
from tests.flows import to_store
from tests.flows.chain import NOW, Chain
from tests.flows.to_store import THERE, claims, shelves
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Bin, Reservation, Shipment, Transfer
from warehouse.operations import transfers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def offered(chain: Chain) -> None:
    to_store.offer_ship_to_store(chain)


def healthy() -> bool:
    return [finding.check.name for finding in examine() if finding.violations] == []


def happen() -> None:
    while outbox.run_pending(now=THERE):
        pass


def topics(order_number: str) -> list[str]:
    rows = OutboxEvent.objects.filter(subject_kind="order", subject_key=order_number)
    return list(rows.order_by("sequence").values_list("topic", flat=True))


def test_the_promise_counts_the_cut_off_the_lane_and_the_hours_of_the_store(chain: Chain) -> None:
    book = chain.variant(stock=3, store_stock=1)
    options = warehouse.promise_options(
        lines=[(book.pk, 2)], channel_id=chain.channel.pk, now=NOW, postal_code="21000"
    )
    (option,) = [one for one in options if one.method == "SHIP_TO_STORE"]
    # Wednesday 10:00: sent today before 15:00, there on Thursday by noon, received in an hour.
    assert (option.place, option.is_orderable, option.price) == ("S-001", True, Decimal("0.00"))
    assert option.ready_at == datetime(2026, 12, 3, 13, 0, tzinfo=BUSINESS_ZONE)
    assert option.order_by == datetime(2026, 12, 2, 15, 0, tzinfo=BUSINESS_ZONE)
    assert option.locations == ("WH-1",)
    late = warehouse.promise_options(
        lines=[(book.pk, 2)], channel_id=chain.channel.pk, now=NOW.replace(hour=14), postal_code="21000"
    )
    (after,) = [one for one in late if one.method == "SHIP_TO_STORE"]
    assert after.date == date(2026, 12, 4)
    # One unit stands there: it is a pickup, and nothing is sent for it.
    one = warehouse.promise_options(
        lines=[(book.pk, 1)], channel_id=chain.channel.pk, now=NOW, postal_code="21000"
    )
    assert [(each.method, each.is_orderable) for each in one if each.location] == [("STORE_PICKUP", True)]


def test_from_basket_to_handover(chain: Chain) -> None:
    book, other = chain.variant(stock=5, store_stock=1), chain.variant(price="500.00", stock=0, store_stock=4)
    order = to_store.place(chain, (book, 3), (other, 1))
    assert (order.delivery_method, order.pickup_location_id, order.status) == (
        "SHIP_TO_STORE",
        chain.store.pk,
        "PLACED",
    )
    assert order.promised_at == datetime(2026, 12, 3, 13, 0, tzinfo=BUSINESS_ZONE)
    assert (order.total, order.delivery_total) == (Decimal("3500.00"), Decimal("0.00"))

    steps = to_store.plan(chain, order)
    assert [(s["sku"], s["quantity"], s["location"], s.get("arrives_on")) for s in steps] == [
        (book.sku, 1, "S-001", None),
        (other.sku, 1, "S-001", None),
        (book.sku, 2, "WH-1", "2026-12-03"),
    ]
    transfer = Transfer.objects.get(order=order)
    assert (transfer.source.code, transfer.target.code, transfer.status) == ("WH-1", "S-001", "REQUESTED")
    assert (transfer.expected_on, list(transfer.lines.values_list("variant_id", "quantity"))) == (
        date(2026, 12, 3),
        [(book.pk, 2)],
    )
    assert claims(order) == [
        ("S-001", "STORAGE", 1, "ALLOCATED"),
        ("S-001", "STORAGE", 1, "ALLOCATED"),
        ("WH-1", "STORAGE", 2, "ALLOCATED"),
    ]
    assert healthy()

    entries = JournalEntry.objects.count()
    to_store.send(chain, transfer)
    assert shelves(book) == {"WH-1 STORAGE": (3, 0), "S-001 STORAGE": (1, 1), "S-001 TRANSIT": (2, 2)}
    order.refresh_from_db()
    assert order.fulfillment_status == "PICKING"
    assert healthy()

    shipment = Shipment.objects.get(order=order)
    assert (shipment.method, shipment.location_id, shipment.service_id) == (
        "STORE_PICKUP",
        chain.store.pk,
        None,
    )
    to_store.pick_here(chain, shipment)
    with nothing_changes(), pytest.raises(stock.RestIsComing):
        to_store.pack(chain, order)

    done = to_store.receive(chain, transfer, (book, 2, 0))
    assert done.status == "RECEIVED"
    assert shelves(book) == {"WH-1 STORAGE": (3, 0), "S-001 PACKING": (3, 3)}
    assert {claim[1:2] + claim[3:] for claim in claims(order)} == {("PACKING", "PICKED")}
    assert JournalEntry.objects.count() == entries
    assert healthy()

    shipment = to_store.pack(chain, order)
    order.refresh_from_db()
    assert order.fulfillment_status == "READY_FOR_PICKUP"
    happen()
    assert shipment.handover_code in Message.objects.get(kind="ready_for_pickup").text_body
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=THERE)
    order.refresh_from_db()
    assert (order.status, order.fulfillment_status) == ("COMPLETED", "DELIVERED")
    assert shelves(book) == {"WH-1 STORAGE": (3, 0)}
    cost = JournalLine.objects.filter(account__code="501", entry__document_key=shipment.number)
    assert sum(line.debit for line in cost) == Decimal("1600.00")
    assert [topic for topic in topics(order.number) if "units" in topic] == [
        "warehouse.order_units_sent",
        "warehouse.units_picked",
        "warehouse.order_units_arrived",
    ]
    assert healthy()


def test_canceled_before_it_is_sent_the_units_are_free_where_they_lie(chain: Chain) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.planned(chain, (book, 2))
    assert shelves(book) == {"WH-1 STORAGE": (5, 2)}

    cancellation.cancel_order(order_id=order.pk, reason="changed mind", by=None, now=NOW, is_shopper=True)
    transfer.refresh_from_db()
    assert (transfer.status, shelves(book), claims(order)) == ("CANCELED", {"WH-1 STORAGE": (5, 0)}, [])
    with nothing_changes(), pytest.raises(IllegalMove):
        to_store.send(chain, transfer)
    assert healthy()


def test_canceled_on_the_way_the_units_arrive_as_free_stock(chain: Chain) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.sent(chain, (book, 2))
    with nothing_changes(), pytest.raises(cancellation.TooLate):
        cancellation.cancel_order(order_id=order.pk, reason="late", by=None, now=NOW, is_shopper=True)

    cancellation.cancel_order(order_id=order.pk, reason="asked us", by=chain.dragan, now=NOW)
    assert (shelves(book), claims(order)) == ({"WH-1 STORAGE": (3, 0), "S-001 TRANSIT": (2, 0)}, [])
    assert healthy()

    done = to_store.receive(chain, transfer, (book, 2, 0))
    assert (done.status, shelves(book)) == ("RECEIVED", {"WH-1 STORAGE": (3, 0), "S-001 RECEIVING": (2, 0)})
    shelf = Bin.objects.get(location=chain.store, kind="STORAGE")
    stock.put_away(
        location_id=chain.store.pk,
        variant_id=book.pk,
        quantity=2,
        to_bin_id=shelf.pk,
        by=chain.bojan,
        now=THERE,
    )
    assert shelves(book) == {"WH-1 STORAGE": (3, 0), "S-001 STORAGE": (2, 0)}
    assert healthy()


def test_one_unit_less_on_the_way_and_the_rest_is_handed_over(chain: Chain) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.sent(chain, (book, 3))
    cancellation.cancel_lines(
        order_id=order.pk, lines=[(book.sku, 1)], reason="one is enough less", by=chain.dragan, now=NOW
    )
    assert shelves(book)["S-001 TRANSIT"] == (3, 2)
    to_store.receive(chain, transfer, (book, 3, 0))
    assert shelves(book) == {"WH-1 STORAGE": (2, 0), "S-001 PACKING": (2, 2), "S-001 RECEIVING": (1, 0)}
    assert to_store.pack(chain, order).handover_code
    assert healthy()


def test_ordered_units_are_neither_left_behind_nor_called_off_by_hand(chain: Chain) -> None:
    book = chain.variant(stock=5)
    _, transfer = to_store.planned(chain, (book, 3))
    with nothing_changes(), pytest.raises(transfers.UnitsAreOrdered):
        transfers.ship_transfer(
            transfer_id=transfer.pk,
            lines=[transfers.WantedUnits(book.pk, 2)],
            by=chain.bojan,
            now=NOW,
        )
    with nothing_changes(), pytest.raises(transfers.UnitsAreOrdered):
        transfers.cancel_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(stock.InvalidQuantity):
        goods.report_missing(
            transfer_id=transfer.pk, variant_id=book.pk, quantity_found=3, by=chain.bojan, now=NOW
        )


def test_units_missing_at_the_source_are_looked_for_elsewhere_and_planned_anew(chain: Chain) -> None:
    book = chain.variant(stock=3)
    order, transfer = to_store.planned(chain, (book, 3))
    chain.lay(book, to_store.second_store(chain), 1)

    displaced = goods.report_missing(
        transfer_id=transfer.pk, variant_id=book.pk, quantity_found=2, by=chain.bojan, now=NOW
    )
    assert [(one.units, one.served, one.moved) for one in displaced.orders] == [(1, 1, 1)]
    assert claims(order) == [("S-002", "STORAGE", 1, "ALLOCATED"), ("WH-1", "STORAGE", 2, "ALLOCATED")]
    # The missing unit is written off; the books know it.
    assert JournalLine.objects.filter(account__code="134", credit=Decimal("400.00")).count() == 1
    assert healthy()

    to_store.plan(chain, order)
    found = Transfer.objects.filter(order=order).order_by("pk")
    assert [(one.number == transfer.number, one.source.code, one.status) for one in found] == [
        (True, "WH-1", "REQUESTED"),
        (False, "S-002", "REQUESTED"),
    ]
    for one in found:
        to_store.send(chain, one)
    to_store.receive(chain, found[0], (book, 2, 0))
    with nothing_changes(), pytest.raises(stock.RestIsComing):
        to_store.pack(chain, order)
    to_store.receive(chain, found[1], (book, 1, 0))
    assert to_store.pack(chain, order).handover_code
    assert healthy()


def test_units_that_are_nowhere_open_an_exception(chain: Chain) -> None:
    book = chain.variant(stock=2)
    order, transfer = to_store.planned(chain, (book, 2))
    goods.report_missing(
        transfer_id=transfer.pk, variant_id=book.pk, quantity_found=0, by=chain.bojan, now=NOW
    )
    transfer.refresh_from_db()
    assert (transfer.status, claims(order), shelves(book)) == ("CANCELED", [], {})
    (case,) = OrderException.objects.filter(order=order, state="OPEN")
    assert (case.kind, case.detail) == ("SHORT_PICK", {"sku": book.sku, "units": 2})
    assert healthy()


@pytest.mark.parametrize(("good", "damaged", "is_complete"), [(1, 0, True), (1, 1, False)])
def test_units_lost_or_broken_on_the_way_are_claimed_again_and_sent_after(
    chain: Chain, good: int, damaged: int, is_complete: bool
) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.sent(chain, (book, 2))
    to_store.receive(chain, transfer, (book, good, damaged), is_complete=is_complete)
    broken = {"S-001 DAMAGED": (1, 0)} if damaged else {}
    assert shelves(book) == {"WH-1 STORAGE": (3, 1), "S-001 PACKING": (1, 1), **broken}
    assert OrderException.objects.filter(order=order, state="OPEN").count() == 0
    assert healthy()

    happen()  # the plan is made anew
    decision = order.decisions.order_by("-pk")[0]
    assert [(s["quantity"], s["location"]) for s in decision.plan] == [(1, "WH-1")]
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=THERE)
    second = Transfer.objects.get(order=order, status="REQUESTED")
    to_store.send(chain, second, now=THERE)
    with nothing_changes(), pytest.raises(stock.RestIsComing):
        to_store.pack(chain, order)
    to_store.receive(chain, second, (book, 1, 0))
    shipment = to_store.pack(chain, order)
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=THERE)
    order.refresh_from_db()
    assert order.fulfillment_status == "DELIVERED"
    assert healthy()


def test_a_part_of_a_kit_that_was_lost_comes_after_the_others(chain: Chain) -> None:
    """The other part is here already, so no plan divides the kit again: the missing unit travels from where it was claimed."""
    book, pen = chain.variant(stock=5), chain.variant(stock=5)
    kit = chain.variant(price="1500.00", stock=0)
    Variant.objects.filter(pk=kit.pk).update(is_kit=True)
    for part in (book, pen):
        KitComponent.objects.create(kit=kit, component=part, quantity=1)
    order, transfer = to_store.sent(chain, (kit, 1))
    to_store.receive(chain, transfer, (book, 1, 0), (pen, 0, 0), is_complete=True)
    second = Transfer.objects.get(order=order, status="REQUESTED")
    assert [(line.variant_id, line.quantity) for line in second.lines.all()] == [(pen.pk, 1)]
    happen()
    assert healthy()

    to_store.send(chain, second, now=THERE)
    to_store.receive(chain, second, (pen, 1, 0))
    shipment = to_store.pack(chain, order)
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=THERE)
    order.refresh_from_db()
    assert order.fulfillment_status == "DELIVERED"
    assert healthy()


def test_a_part_of_a_kit_that_was_lost_and_lies_in_the_store_is_picked_there(chain: Chain) -> None:
    """The store has one of its own: it is picked with what arrived, nothing waits for a plan that divides no kit."""
    book, pen = chain.variant(stock=5), chain.variant(stock=5)
    kit = chain.variant(price="1500.00", stock=0)
    Variant.objects.filter(pk=kit.pk).update(is_kit=True)
    for part in (book, pen):
        KitComponent.objects.create(kit=kit, component=part, quantity=1)
    order, transfer = to_store.sent(chain, (kit, 1))
    assert order.pickup_location is not None
    stock_up(order.pickup_location, pen, 1)
    to_store.receive(chain, transfer, (book, 1, 0), (pen, 0, 0), is_complete=True)

    assert not Transfer.objects.filter(order=order, status="REQUESTED").exists()
    to_store.pick_here(chain, Shipment.objects.get(order=order, status="READY"))
    shipment = to_store.pack(chain, order)
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=THERE)
    order.refresh_from_db()
    assert order.fulfillment_status == "DELIVERED"
    assert healthy()


def test_lost_units_that_are_nowhere_else_wait_for_a_person(chain: Chain) -> None:
    book = chain.variant(stock=2)
    order, transfer = to_store.sent(chain, (book, 2))
    to_store.receive(chain, transfer, (book, 1, 0), is_complete=True)
    (case,) = OrderException.objects.filter(order=order, state="OPEN")
    assert (case.kind, case.detail) == ("DISPLACED_CLAIM", {"sku": book.sku, "units": 1})
    cancellation.cancel_lines(
        order_id=order.pk, lines=[(book.sku, 1)], reason="lost on the way", by=chain.dragan, now=THERE
    )
    assert to_store.pack(chain, order).handover_code
    assert healthy()


def test_half_of_it_today_and_half_tomorrow(chain: Chain) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.sent(chain, (book, 3))
    first = to_store.receive(chain, transfer, (book, 1, 0))
    assert (first.status, shelves(book)["S-001 TRANSIT"], shelves(book)["S-001 PACKING"]) == (
        "PARTLY_RECEIVED",
        (2, 2),
        (1, 1),
    )
    assert healthy()
    # One came beyond what was sent: it is nobody's.
    to_store.receive(chain, transfer, (book, 3, 0))
    assert shelves(book) == {"WH-1 STORAGE": (2, 0), "S-001 PACKING": (3, 3), "S-001 RECEIVING": (1, 0)}
    assert [(claim[2], claim[3]) for claim in claims(order)] == [(1, "PICKED"), (2, "PICKED")]
    assert healthy()


def test_nobody_comes_and_the_units_are_free_in_the_store(chain: Chain) -> None:
    book = chain.variant(stock=2)
    order, transfer = to_store.sent(chain, (book, 2))
    to_store.receive(chain, transfer, (book, 2, 0))
    to_store.pack(chain, order)
    assert goods.release_no_shows(now=THERE + timedelta(days=6)) == 0
    assert goods.release_no_shows(now=THERE + timedelta(days=8)) == 1
    order.refresh_from_db()
    assert order.status == "CANCELED"
    for claim in Reservation.objects.filter(is_put_back=True, state="PICKED"):
        stock.put_back(claim_id=claim.pk, by=chain.bojan, now=THERE)
    assert shelves(book) == {"S-001 STORAGE": (2, 0)}
    assert healthy()


def test_paid_by_transfer_it_waits_for_money_and_then_travels(chain: Chain) -> None:
    book = chain.variant(stock=2)
    order = to_store.place(chain, (book, 2), payment_method="BANK_TRANSFER")
    with nothing_changes(), pytest.raises(routing.NotRoutable):
        routing.propose_routing(order_id=order.pk, now=NOW)
    assert claims(order) == [("WH-1", "STORAGE", 2, "HELD")]


def test_a_changed_order_takes_its_transfers_back(chain: Chain) -> None:
    book = chain.variant(stock=5)
    order, transfer = to_store.planned(chain, (book, 1))
    changes.apply_changes(
        order_id=order.pk,
        changes=changes.Changes(lines=[(book.sku, 2)]),
        version=order.version,
        by=chain.dragan,
        now=NOW,
    )
    transfer.refresh_from_db()
    assert transfer.status == "CANCELED"
    assert [claim[3] for claim in claims(order)] == ["ALLOCATED", "ALLOCATED"]
    to_store.plan(chain, order)
    again = Transfer.objects.get(order=order, status="REQUESTED")
    assert list(again.lines.values_list("quantity", flat=True)) == [2]
    assert healthy()


@pytest.mark.parametrize(
    ("changes_of_checkout", "refusal"),
    [
        ({"pickup_location": ""}, checkout.InvalidContact),
        ({"pickup_location": "S-999"}, checkout.MethodNotAvailable),
        ({"pickup_location": "WH-1"}, checkout.MethodNotAvailable),
    ],
)
def test_it_goes_to_a_store_that_hands_over(
    chain: Chain, changes_of_checkout: dict[str, str], refusal: type[Exception]
) -> None:
    basket = chain.basket((chain.variant(stock=2), 1))
    asked = chain.checkout(basket, delivery_method="SHIP_TO_STORE", **changes_of_checkout)
    with nothing_changes(), pytest.raises(refusal):
        placing.place_order(checkout=asked, by=None, now=NOW)


def test_goods_of_another_company_do_not_travel(chain: Chain) -> None:
    other = LegalEntity.objects.create(code="druga", name="Druga d.o.o.", pib="100000024")
    Location.objects.filter(pk=chain.warehouse.pk).update(entity=other)
    book = chain.variant(stock=0)
    chain.lay(book, chain.warehouse, 2)
    options = warehouse.promise_options(
        lines=[(book.pk, 1)], channel_id=chain.channel.pk, now=NOW, postal_code="21000"
    )
    assert [one.method for one in options if one.method == "SHIP_TO_STORE"] == []
