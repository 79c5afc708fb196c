"""What simulated days have found: each mistake once more, by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import Proposal
from audit.operations import StaleProposal
from finance import operations as finance
from finance.models import JournalLine
from oms.models import Order, OrderException
from oms.operations import QuantityExceeded, hold_order, release_order
from oms.workflows import cancellation, inbox, returns, routing
from storefront.models import Variant
from tests.flows.chain import Chain
from tests.proof.guards import broken
from tests.proof.story import ACCOUNT, Teller
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Reservation, Shipment
from warehouse.selectors import order_claims

pytestmark = pytest.mark.django_db(transaction=True)


def cost(order: Order, account: str) -> Decimal:
    lines = JournalLine.objects.filter(entry__order_number=order.number, account__code=account)
    return sum((line.debit - line.credit for line in lines), Decimal("0.00"))


def test_lost_parcel_loses_only_what_nobody_brought_back(chain: Chain) -> None:
    """Two of three units were brought to a store; then the carrier says that it lost the parcel."""
    now = timezone.now()
    teller = Teller(chain, now)
    book = chain.variant(price="1100.00", stock=10)
    order = teller.place("lost", (book, 3))
    shipment = teller.send(order)
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(book.sku, 2, "DAMAGED")],
        by=None,
        now=now,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    arrived = [returns.Arrived(book.sku, 2, "RESTOCK")]
    returns.receive_return(number=asked.number, location_code="S-001", lines=arrived, by=chain.bojan, now=now)
    assert (cost(order, "501"), cost(order, "577")) == (Decimal("400.00"), Decimal("0.00"))

    goods.fail_delivery(shipment_id=shipment.pk, reason="LOST", by=None, now=now)

    assert (cost(order, "501"), cost(order, "577")) == (Decimal("0.00"), Decimal("400.00"))
    assert order.lines.get(kind="GOODS").quantity_returned == 3
    assert broken() == {}


def state_of(order: Order) -> tuple[str, str, str]:
    order.refresh_from_db()
    return order.status, order.payment_status, order.fulfillment_status


def test_order_whose_only_parcel_came_back_unpaid_is_finished(chain: Chain) -> None:
    """Refused at the door: goods back, nothing was paid, nothing is owed; the order stayed in fulfillment for ever."""
    teller = Teller(chain, timezone.now())
    order = teller.place("refused", (chain.variant(stock=10), 2))
    shipment = teller.send(order)
    goods.fail_delivery(shipment_id=shipment.pk, reason="REFUSED", by=None, now=teller.now)
    assert state_of(order) == ("IN_FULFILLMENT", "NONE", "DISPATCHED")

    goods.return_to_sender(
        shipment_id=shipment.pk, location_id=chain.warehouse.pk, by=chain.bojan, now=teller.now
    )

    assert state_of(order) == ("COMPLETED", "NONE", "RETURNED")
    assert order.due_total == Decimal("0.00")
    assert broken() == {}


def two_parcels(chain: Chain, teller: Teller) -> tuple[Order, Variant, Shipment, Shipment]:
    """One title lies only in the warehouse, the other only in the store; the first parcel has left."""
    book, other = chain.variant(stock=5), chain.variant(stock=0, store_stock=5)
    order = teller.place("split", (book, 1), (other, 1))
    first, second = sorted(teller.route(order), key=lambda one: one.location_id != chain.warehouse.pk)
    pack(chain, teller, first)
    goods.dispatch_shipment(shipment_id=first.pk, by=chain.bojan, now=teller.now)
    return order, other, first, second


def pack(chain: Chain, teller: Teller, shipment: Shipment) -> None:
    picks = [
        stock.Pick(claim.sku, claim.bin, claim.quantity)
        for claim in order_claims(order_id=shipment.order_id)
        if claim.shipment_number == shipment.number
    ]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=teller.now)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(400)], by=chain.bojan, now=teller.now)


def test_order_is_delivered_when_the_rest_of_it_is_lost(chain: Chain) -> None:
    teller = Teller(chain, timezone.now())
    order, _, first, second = two_parcels(chain, teller)
    pack(chain, teller, second)
    goods.dispatch_shipment(shipment_id=second.pk, by=chain.bojan, now=teller.now)
    goods.deliver(shipment_id=first.pk, by=None, now=teller.now)
    assert state_of(order)[2] == "DISPATCHED"

    goods.fail_delivery(shipment_id=second.pk, reason="LOST", by=None, now=teller.now)

    assert state_of(order) == ("IN_FULFILLMENT", "NONE", "DELIVERED")
    assert broken() == {}


def test_staff_cancel_what_cannot_be_sent_after_a_part_has_left(chain: Chain) -> None:
    """The shopper may not, and the whole order not; then the parcel that left is all there is."""
    teller = Teller(chain, timezone.now())
    order, other, first, second = two_parcels(chain, teller)
    common = {"order_id": order.pk, "reason": "not to be had", "now": teller.now}
    with nothing_changes():
        with pytest.raises(cancellation.TooLate):
            cancellation.cancel_order(by=chain.dragan, **common)  # type: ignore[arg-type]
        with pytest.raises(cancellation.TooLate):
            cancellation.cancel_lines(lines=[(other.sku, 1)], by=None, is_shopper=True, **common)  # type: ignore[arg-type]
    goods.deliver(shipment_id=first.pk, by=None, now=teller.now)
    assert state_of(order)[2] == "PARTLY_DISPATCHED"

    cancellation.cancel_lines(lines=[(other.sku, 1)], by=chain.dragan, **common)  # type: ignore[arg-type]

    second.refresh_from_db()
    assert second.status == "CANCELED"
    assert state_of(order) == ("IN_FULFILLMENT", "NONE", "DELIVERED")
    assert not Reservation.objects.filter(
        order_line__order=order, state__in=["ALLOCATED", "PICKED", "PACKED"]
    ).exists()
    assert broken() == {}


def test_order_of_which_units_are_picked_can_be_planned_anew(chain: Chain) -> None:
    """The plan is about the two on the shelf, the third is in the trolley: nobody could ever ratify it."""
    teller = Teller(chain, timezone.now())
    book = chain.variant(stock=5)
    order = teller.place("replanned", (book, 3))
    (shipment,) = teller.route(order)
    (claim,) = order_claims(order_id=order.pk)
    stock.pick(
        shipment_id=shipment.pk, picks=[stock.Pick(book.sku, claim.bin, 1)], by=chain.bojan, now=teller.now
    )
    decision = routing.propose_routing(order_id=order.pk, now=teller.now)
    assert decision.proposal is not None

    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=teller.now)

    claims = [(one.state, one.quantity, one.shipment_number) for one in order_claims(order_id=order.pk)]
    assert sorted(claims) == [("ALLOCATED", 2, shipment.number), ("PICKED", 1, shipment.number)]
    assert broken() == {}


def test_plan_of_units_that_were_picked_since_is_stale(chain: Chain) -> None:
    """It was refused as a wrong quantity, and stayed in the queue for ever."""
    teller = Teller(chain, timezone.now())
    book = chain.variant(stock=5)
    order = teller.place("picked on", (book, 3))
    (shipment,) = teller.route(order)
    (claim,) = order_claims(order_id=order.pk)
    one = [stock.Pick(book.sku, claim.bin, 1)]
    stock.pick(shipment_id=shipment.pk, picks=one, by=chain.bojan, now=teller.now)
    decision = routing.propose_routing(order_id=order.pk, now=teller.now)
    assert decision.proposal is not None
    stock.pick(shipment_id=shipment.pk, picks=one, by=chain.bojan, now=teller.now)

    with pytest.raises(StaleProposal):
        routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=teller.now)

    decision.proposal.refresh_from_db()
    assert decision.proposal.state == "STALE"
    fresh = Proposal.objects.get(subject_key=order.number, state="OPEN")
    routing.ratify_routing(public_id=fresh.public_id, by=chain.dragan, now=teller.now)
    claims = [(one.state, one.quantity, one.shipment_number) for one in order_claims(order_id=order.pk)]
    picked = ("PICKED", 1, shipment.number)
    assert sorted(claims) == [("ALLOCATED", 1, shipment.number), picked, picked]
    assert broken() == {}


def test_order_that_is_weeks_late_is_still_sent(chain: Chain) -> None:
    """A line left open cost less than six days of lateness, so that old orders were said to be unroutable."""
    teller = Teller(chain, timezone.now())
    order = teller.place("late", (chain.variant(stock=5), 1))
    later = teller.now + timedelta(days=40)

    decision = routing.propose_routing(order_id=order.pk, now=later)

    assert (decision.state, decision.is_late) == ("PROPOSED", True)
    assert [step["location"] for step in decision.plan] == [chain.warehouse.code]


def test_money_for_goods_that_came_back_meanwhile_is_a_case(chain: Chain) -> None:
    """The courier's list with the cash came after the return: nobody heard that it belongs to the customer."""
    teller = Teller(chain, timezone.now())
    book = chain.variant(price="1100.00", stock=10)
    order = teller.place("returned", (book, 3))
    shipment = teller.send(order)
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(book.sku, 1, "DAMAGED")],
        by=None,
        now=teller.now,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    returns.receive_return(
        number=asked.number,
        location_code="S-001",
        lines=[returns.Arrived(book.sku, 1, "RESTOCK")],
        by=chain.bojan,
        now=teller.now,
    )

    teller.deliver(shipment)

    case = OrderException.objects.get(order=order, kind="OVERPAID", state="OPEN")
    assert case.detail == {"amount": "1100.00"}
    [refund] = finance.request_refund(
        order_id=order.pk,
        amount=Decimal("1100.00"),
        reason="return",
        by=None,
        now=teller.now,
        bank_account=ACCOUNT,
    )
    finance.settle_refund(refund_id=refund.pk, by=None, now=teller.now)
    case.refresh_from_db()
    assert case.state == "RESOLVED"
    assert state_of(order) == ("COMPLETED", "PARTLY_REFUNDED", "DELIVERED")
    assert broken() == {}


def test_line_that_needs_two_places_is_not_sent_twice_from_one(chain: Chain) -> None:
    """Five units lie four and three: the plan took four and one from the four, so that nobody could ever ratify it."""
    teller = Teller(chain, timezone.now())
    book = chain.variant(stock=4, store_stock=3)
    order = teller.place("five", (book, 5))

    teller.route(order)

    claims = order_claims(order_id=order.pk)
    assert sorted((one.location, one.quantity) for one in claims) == [("S-001", 1), ("WH-1", 4)]
    assert broken() == {}


def test_kit_and_single_title_do_not_count_on_the_same_units(chain: Chain) -> None:
    """Each alone could be had in the warehouse, both together not: the single title comes from the store."""
    teller = Teller(chain, timezone.now())
    book, other = chain.variant(stock=0, store_stock=3), chain.variant(stock=0)
    kit = teller.kit(book, other)
    teller.adjust(book, chain.warehouse, -6)
    order = teller.place("both", (kit, 8), (book, 8))

    teller.route(order)

    claims = [(one.sku, one.location, one.quantity) for one in order_claims(order_id=order.pk)]
    expected = [(book.sku, "WH-1", 8), (other.sku, "WH-1", 16), (book.sku, "WH-1", 6), (book.sku, "S-001", 2)]
    assert sorted(claims) == sorted(expected)
    assert broken() == {}


def test_only_what_nobody_has_is_missing_from_a_plan(chain: Chain) -> None:
    """Two of six were lost: four can still be sent, and a person is told of two, not of all."""
    teller = Teller(chain, timezone.now())
    book = chain.variant(stock=4, store_stock=2)
    order = teller.place("six", (book, 6))
    teller.adjust(book, chain.store, -2)

    decision = routing.propose_routing(order_id=order.pk, now=teller.now)

    assert decision.state == "UNROUTABLE"
    case = OrderException.objects.get(order=order, kind="UNROUTABLE", state="OPEN")
    assert case.detail == {"lines": [{"sku": book.sku, "quantity": 2}]}


def test_case_about_missing_units_stays_open_until_they_are_found(chain: Chain) -> None:
    """Closed by hand, it left a kit short for ever: nobody was told any more, and nothing looked for it."""
    teller = Teller(chain, timezone.now())
    book, other = chain.variant(stock=0), chain.variant(stock=0)
    kit = teller.kit(book, other)
    order = teller.place("kits", (kit, 10))
    teller.adjust(other, chain.warehouse, -2)
    case = OrderException.objects.get(order=order, kind="DISPLACED_CLAIM", state="OPEN")
    say = {"public_id": case.public_id, "resolution": "told", "by": chain.dragan, "now": teller.now}
    with nothing_changes(), pytest.raises(inbox.StillMissing) as refused:
        inbox.resolve_case(**say)  # type: ignore[arg-type]
    assert refused.value.details["missing"] == {kit.sku: 1}
    assert broken() == {}

    chain.lay(other, chain.warehouse, 2)
    teller.route(order)

    case.refresh_from_db()
    assert (case.state, case.resolution) == ("RESOLVED", "a plan was ratified")
    assert broken() == {}


def test_order_that_came_back_while_it_was_held_is_finished_when_released(chain: Chain) -> None:
    """Nothing was left to do, and nobody looked again: it stayed in fulfillment for ever."""
    teller = Teller(chain, timezone.now())
    order = teller.place("held", (chain.variant(stock=10), 2))
    shipment = teller.send(order)
    hold_order(order_id=order.pk, reason="looks odd", by=chain.dragan)
    goods.fail_delivery(shipment_id=shipment.pk, reason="REFUSED", by=None, now=teller.now)
    goods.return_to_sender(
        shipment_id=shipment.pk, location_id=chain.warehouse.pk, by=chain.bojan, now=teller.now
    )
    assert state_of(order) == ("ON_HOLD", "NONE", "RETURNED")

    release_order(order_id=order.pk, by=chain.dragan, now=teller.now)

    assert state_of(order) == ("COMPLETED", "NONE", "RETURNED")
    assert order.completed_at == teller.now
    assert broken() == {}


def test_pickup_whose_units_are_gone_from_its_store_is_not_planned_there(chain: Chain) -> None:
    """The plan named the store whatever lay there, was ratified, was stale, and was made again for ever; nobody was told."""
    teller = Teller(chain, timezone.now())
    book = chain.variant(stock=5, store_stock=3)
    order = teller.place("pickup", (book, 3), delivery_method="STORE_PICKUP", pickup_location="S-001")
    teller.adjust(book, chain.store, -2)

    decision = routing.propose_routing(order_id=order.pk, now=teller.now)

    assert (decision.state, decision.proposal) == ("UNROUTABLE", None)
    assert [(step["location"], step["quantity"]) for step in decision.plan] == [("S-001", 1), (None, 2)]
    case = OrderException.objects.get(order=order, kind="UNROUTABLE", state="OPEN")
    assert case.detail == {"lines": [{"sku": book.sku, "quantity": 2}]}
    cancellation.cancel_lines(
        order_id=order.pk, lines=[(book.sku, 2)], reason="not to be had", by=chain.dragan, now=teller.now
    )
    (shipment,) = teller.route(order)
    assert [(one.location, one.quantity, one.shipment_number) for one in order_claims(order_id=order.pk)] == [
        ("S-001", 1, shipment.number)
    ]
    assert not OrderException.objects.filter(order=order, state="OPEN").exists()
    assert broken() == {}


@pytest.mark.parametrize("units", [2, 9])
def test_more_units_than_a_line_has_left_are_not_canceled(chain: Chain, units: int) -> None:
    """Two of three were canceled before. Two more ended in a crash, nine took the other title along."""
    teller = Teller(chain, timezone.now())
    book, other = chain.variant(), chain.variant()
    order = teller.place("fewer", (book, 3), (other, 3))
    common = {"order_id": order.pk, "reason": "changed mind", "by": chain.dragan, "now": teller.now}
    cancellation.cancel_lines(lines=[(book.sku, 2)], **common)  # type: ignore[arg-type]

    with nothing_changes(), pytest.raises(QuantityExceeded):
        cancellation.cancel_lines(lines=[(book.sku, units)], **common)  # type: ignore[arg-type]
    with nothing_changes(), pytest.raises(QuantityExceeded):
        cancellation.cancel_lines(lines=[(book.sku, 1), (book.sku, 1)], **common)  # type: ignore[arg-type]

    cancellation.cancel_lines(lines=[(book.sku, 1)], **common)  # type: ignore[arg-type]
    assert state_of(order)[0] == "PLACED"
    assert broken() == {}


def test_kit_that_lost_a_part_and_finds_it_on_the_same_shelf_leaves_in_one_parcel(chain: Chain) -> None:
    """Its other part was picked: put back and claimed once more, it stood in no shipment, and nobody sends half a kit."""
    teller = Teller(chain, timezone.now())
    book, other = chain.variant(stock=10), chain.variant(stock=10)
    order = teller.place("three kits", (teller.kit(book, other), 3))
    (shipment,) = teller.route(order)
    for_book, for_other = sorted(order_claims(order_id=order.pk), key=lambda claim: claim.quantity)
    picks = [stock.Pick(book.sku, for_book.bin, 3), stock.Pick(other.sku, for_other.bin, 1)]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=teller.now)
    left = Reservation.objects.get(shipment=shipment, state="ALLOCATED")

    goods.short_pick(
        shipment_id=shipment.pk,
        claim_id=left.pk,
        quantity_found=3,
        reason="MISSING",
        left_on_shelf=2,
        by=chain.bojan,
        now=teller.now,
    )

    rest = [one for one in order_claims(order_id=order.pk) if one.state == "ALLOCATED"]
    assert sorted((one.sku, one.quantity, one.shipment_number) for one in rest) == [
        (book.sku, 1, shipment.number),
        (other.sku, 2, shipment.number),
    ]
    stock.put_back(claim_id=Reservation.objects.get(is_put_back=True).pk, by=chain.bojan, now=teller.now)
    picks = [stock.Pick(one.sku, one.bin, one.quantity) for one in rest]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=teller.now)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(400)], by=chain.bojan, now=teller.now)
    goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=teller.now)
    assert state_of(order)[2] == "DISPATCHED"
    assert broken() == {}
