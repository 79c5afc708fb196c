"""Exchanges with every way of delivery, with electronic editions, and when less comes back than was agreed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from finance import workflows as money
from oms.workflows import exchanges, returns
from oms.workflows.checkout import MethodNotAvailable
from tests.flows import to_store
from tests.flows.chain import NOW, Chain
from tests.flows.ebooks import make_ebook
from tests.flows.exchanges import agreed, arrives, bought, credited, swap
from tests.flows.test_exchanges import receipts, state
from tests.flows.test_lifecycle import balances, healthy, send
from tests.unchanged import nothing_changes
from warehouse import workflows as goods
from warehouse.models import Reservation, Transfer
from warehouse.operations import OutOfStock

pytestmark = pytest.mark.django_db


# Another way than the first goods came


def test_new_goods_may_go_another_way_and_elsewhere(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00", store_stock=2)
    first = bought(chain, (old, 2))
    to_store = exchanges.Destination("STORE_PICKUP", "S-001")
    done = agreed(first, replace(swap(old, new), to=to_store))
    assert (done.order.delivery_method, done.order.pickup_location, done.order.total) == (
        "STORE_PICKUP",
        chain.store,
        Decimal("1000.00"),
    )
    arrives(chain, done.returned)
    (shipment,) = send(chain, done.order)
    assert (shipment.method, shipment.location, state(done.order)[0]) == (
        "STORE_PICKUP",
        chain.store,
        "COMPLETED",
    )
    elsewhere = exchanges.Destination("HOME_DELIVERY", "", "Knez Mihailova 5", "Beograd", "11000")
    again = agreed(first, replace(swap(old, new), to=elsewhere)).order
    assert (again.delivery_method, again.street, again.city, again.postal_code) == (
        "HOME_DELIVERY",
        "Knez Mihailova 5",
        "Beograd",
        "11000",
    )
    healthy()


def test_way_that_cannot_be_had_is_refused_and_another_one_is_not(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00", store_stock=1), chain.variant(price="1000.00")
    first = bought(chain, (old, 1), delivery_method="STORE_PICKUP", pickup_location="S-001")
    # What is wanted instead is not in that store.
    with nothing_changes(), pytest.raises((MethodNotAvailable, OutOfStock)):
        agreed(first, swap(old, new))
    with nothing_changes(), pytest.raises(MethodNotAvailable):
        agreed(first, replace(swap(old, new), to=exchanges.Destination("STORE_PICKUP", "S-999")))
    home = exchanges.Destination("HOME_DELIVERY", "", "Dunavska 1", "Novi Sad", "21000")
    done = agreed(first, replace(swap(old, new), to=home))
    arrives(chain, done.returned)
    assert state(done.order)[0] == "PLACED"
    healthy()


def test_picked_up_in_a_store_is_exchanged_there(chain: Chain) -> None:
    """B is the store's own unit; it is held there, handed over there, and its papers are the same as of a parcel."""
    old, new = chain.variant(price="1100.00", store_stock=1), chain.variant(price="1100.00", store_stock=1)
    first = bought(chain, (old, 1), delivery_method="STORE_PICKUP", pickup_location="S-001")
    assert first.status == "COMPLETED"
    done = agreed(first, swap(old, new))
    assert done.order.pickup_location == chain.store
    held = Reservation.objects.get(order_line__order=done.order)
    assert (held.location, held.state, held.quantity) == (chain.store, "HELD", 1)
    arrives(chain, done.returned)
    (shipment,) = send(chain, done.order)
    assert (shipment.method, shipment.status) == ("STORE_PICKUP", "DELIVERED")
    assert receipts(first)[-1] == ("NORMAL", "REFUND", "1100.00", [("OTHER", "1100.00")])
    assert receipts(done.order) == [("NORMAL", "SALE", "1100.00", [("OTHER", "1100.00")])]
    assert balances(done.order) == {
        "4306": Decimal("1100.00"),
        "604": Decimal("-1000.00"),
        "4761": Decimal("-100.00"),
        "501": Decimal("400.00"),
        "134": Decimal("-400.00"),
    }
    healthy()


def test_sent_to_a_store_is_exchanged_by_the_same_road(chain: Chain) -> None:
    """B goes to the store of A, by a transfer that begins when A is here."""
    to_store.offer_ship_to_store(chain)
    old, new = chain.variant(price="1100.00", store_stock=1), chain.variant(price="1100.00")
    first = bought(chain, (old, 1), delivery_method="STORE_PICKUP", pickup_location="S-001")
    by_van = exchanges.Destination("SHIP_TO_STORE", "S-001")
    done = agreed(first, replace(swap(old, new), to=by_van))
    assert (done.order.delivery_method, done.order.pickup_location) == ("SHIP_TO_STORE", chain.store)
    assert not Transfer.objects.exists()
    arrives(chain, done.returned)
    to_store.plan(chain, done.order)
    transfer = to_store.send(chain, Transfer.objects.get(order=done.order))
    healthy()
    to_store.receive(chain, transfer, (new, 1, 0))
    shipment = to_store.pack(chain, done.order)
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=to_store.THERE)
    assert state(done.order) == ("COMPLETED", "PAID", "1100.00", "1100.00")
    assert receipts(done.order) == [("NORMAL", "SALE", "1100.00", [("OTHER", "1100.00")])]
    assert balances(done.order)["4306"] == Decimal("1100.00")
    healthy()
    # Without another word what follows goes the way that this one came.
    once_more = agreed(done.order, swap(new, new)).order
    assert (once_more.delivery_method, once_more.pickup_location) == ("SHIP_TO_STORE", chain.store)


# Electronic editions


def test_files_neither_come_back_nor_go_out_in_an_exchange(chain: Chain) -> None:
    printed, other, file = chain.variant(price="1100.00"), chain.variant(price="1100.00"), make_ebook(chain)
    order = bought(chain, (printed, 1), (file, 1), has_withdrawal_consent=True)
    with nothing_changes(), pytest.raises(exchanges.FileNotExchanged):
        agreed(order, swap(printed, file))
    with nothing_changes(), pytest.raises(exchanges.FileNotExchanged):
        agreed(order, swap(file, other))
    # The printed one of the same order is exchanged as ever; the file stays its buyer's.
    done = agreed(order, swap(printed, other))
    assert done.outcome.worth == Decimal("1100.00")
    arrives(chain, done.returned)
    assert state(done.order)[:2] == ("PLACED", "PAID")
    order.refresh_from_db()
    assert order.lines.get(kind="DIGITAL").quantity_returned == 0
    healthy()


# Less than was agreed


def test_less_comes_than_was_agreed_and_the_rest_is_asked_for(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    first = bought(chain, (old, 2))
    done = agreed(first, swap(old, new, units=2))
    returns.receive_return(
        number=done.returned.number,
        location_code="S-001",
        lines=[returns.Arrived(old.sku, 1, "DAMAGED")],
        by=chain.bojan,
        now=NOW,
    )
    # A damaged one pays as a whole one: what its buyer owes for the damage is another matter.
    assert state(done.order) == ("PENDING_PAYMENT", "PARTLY_PAID", "2000.00", "1000.00")
    money.start_payment(order_id=done.order.pk, method="BANK_TRANSFER", by=None, now=NOW)
    credited(done.order, Decimal("1000.00"))
    assert state(done.order) == ("PLACED", "PAID", "2000.00", "2000.00")
    send(chain, done.order)
    assert receipts(done.order)[-1][3] == [("OTHER", "1000.00"), ("WIRE_TRANSFER", "1000.00")]
    healthy()
