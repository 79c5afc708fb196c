"""Two verbs about the same rows at once, each with a twin whose guard is off and which must go wrong.

Races of single claims stand in tests/warehouse/test_races.py, the payment message ten times at once with its twin in
tests/finance/test_card_messages.py.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from finance import operations as finance
from finance import workflows as money
from finance.models import Payment, PaymentEvent
from oms.models import Order, Return
from oms.workflows import cancellation, exchanges, returns, routing
from retail.kernel.errors import Refusal
from retail.kernel.models import OutboxEvent
from storefront.models import Variant
from tests.flows.chain import Chain
from tests.flows.exchanges import swap
from tests.proof.guards import broken, drop_constraint, drop_unique, meet
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Reservation, Shipment, StockItem
from warehouse.operations import displacing, picking
from warehouse.selectors import order_claims
from warehouse.workflows import dispatching, shelves

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
PAIRS = 4


def attempt(act: Callable[[], Any], done: str) -> str:
    try:
        act()
    except Refusal as refusal:
        return refusal.code
    except (AssertionError, DatabaseError, TypeError, ValueError) as error:
        return type(error).__name__
    return done


def planned(chain: Chain, order: Order) -> Shipment:
    decision = routing.propose_routing(order_id=order.pk, now=timezone.now())
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=timezone.now())
    return Shipment.objects.get(order=order)


def pick_all(chain: Chain, shipment: Shipment) -> None:
    picks = [
        stock.Pick(claim.sku, claim.bin, claim.quantity)
        for claim in order_claims(order_id=shipment.order_id)
        if claim.shipment_number == shipment.number and claim.state == "ALLOCATED"
    ]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=timezone.now())


def pack(chain: Chain, shipment: Shipment) -> None:
    parcels = [stock.ParcelSpec(500)]
    stock.pack(shipment_id=shipment.pk, parcels=parcels, by=chain.bojan, now=timezone.now())


def packed(chain: Chain, book: Variant) -> Shipment:
    shipment = planned(chain, chain.place((book, 2), now=timezone.now()))
    pick_all(chain, shipment)
    pack(chain, shipment)
    return shipment


def cancel_or_dispatch(chain: Chain, shipments: list[Shipment]) -> Callable[[int], str]:
    def act(number: int) -> str:
        shipment = shipments[number // 2]
        if number % 2:
            return attempt(
                lambda: goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=timezone.now()),
                "DISPATCHED",
            )
        return attempt(
            lambda: cancellation.cancel_order(
                order_id=shipment.order_id, reason="x", by=chain.dragan, now=timezone.now()
            ),
            "CANCELED",
        )

    return act


ONE_OF_TWO_WAYS = {("CANCELED", "ORDER_NOT_READY"), ("TOO_LATE_TO_CANCEL", "DISPATCHED")}


def test_cancel_against_dispatch_ends_in_one_of_two_ways(chain: Chain, run_together: Together) -> None:
    book = chain.variant(stock=50)
    shipments = [packed(chain, book) for _ in range(PAIRS)]
    answers = run_together(PAIRS * 2, cancel_or_dispatch(chain, shipments))
    for number in range(PAIRS):
        assert tuple(answers[number * 2 : number * 2 + 2]) in ONE_OF_TWO_WAYS
    dispatched = answers.count("DISPATCHED")
    assert Order.objects.filter(status="CANCELED").count() == PAIRS - dispatched
    assert Shipment.objects.filter(status="DISPATCHED").count() == dispatched
    assert sum(StockItem.objects.values_list("on_hand", flat=True)) == 50 - 2 * dispatched
    assert broken() == {}


def test_twin_without_the_orders_lock_cancels_what_it_sends(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    from oms.operations import orders

    drop_constraint("oms_orderline", "order_line_returned_dispatched_ordered")
    monkeypatch.setattr(orders, "_LIMITS", dict.fromkeys(orders._LIMITS, "l.quantity"))
    meet(monkeypatch, (cancellation, "_check_may_cancel"), (dispatching, "lock_shipment"))
    shipment = packed(chain, chain.variant(stock=5))
    answers = run_together(2, cancel_or_dispatch(chain, [shipment]))
    # Both go on; what follows depends on who writes first: both succeed, or they stand in each other's way.
    assert tuple(answers) not in ONE_OF_TWO_WAYS


def delivered(chain: Chain, units: int = 1) -> tuple[Order, Variant]:
    book = chain.variant(stock=5)
    order = chain.place((book, units), now=timezone.now())
    shipment = planned(chain, order)
    pick_all(chain, shipment)
    pack(chain, shipment)
    goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=timezone.now())
    goods.deliver(shipment_id=shipment.pk, by=None, now=timezone.now())
    return order, book


def ask(order: Order, book: Variant) -> str:
    return attempt(
        lambda: returns.request_return(
            order_id=order.pk,
            lines=[returns.Asked(book.sku, 1, "DAMAGED")],
            by=None,
            now=timezone.now(),
            buyer_id_kind="20",
            buyer_id="012345678",
        ),
        "ASKED",
    )


def test_return_against_return_gives_the_unit_back_once(chain: Chain, run_together: Together) -> None:
    order, book = delivered(chain)
    answers = Counter(run_together(6, lambda _: ask(order, book)))
    assert answers == {"ASKED": 1, "NOTHING_TO_RETURN": 5}
    number = Return.objects.get().number

    def receive(_: int) -> str:
        return attempt(
            lambda: returns.receive_return(
                number=number,
                location_code="S-001",
                lines=[returns.Arrived(book.sku, 1, "RESTOCK")],
                by=chain.bojan,
                now=timezone.now(),
            ),
            "RECEIVED",
        )

    answers = Counter(run_together(6, receive))
    assert answers == {"RECEIVED": 1, "ILLEGAL_MOVE": 5}
    assert order.lines.get(kind="GOODS").quantity_returned == 1
    assert StockItem.objects.get(variant=book, location=chain.store, is_sellable=True).on_hand == 1
    assert broken() == {}


def test_twin_without_the_orders_lock_announces_one_unit_twice(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    order, book = delivered(chain)
    # The return's number and the event's are counted per order, so they too need the lock.
    drop_unique("oms_return", "number")
    drop_constraint("kernel_outboxevent", "outbox_subject_sequence")
    meet(monkeypatch, (returns, "_waiting"))
    assert run_together(2, lambda _: ask(order, book)) == ["ASKED", "ASKED"]
    assert Return.objects.filter(order=order, status="REQUESTED").count() == 2


def swap_or_return(order: Order, old: Variant, new: Variant) -> Callable[[int], str]:
    """Every second one wants only the money."""

    def act(number: int) -> str:
        if number % 2:
            return ask(order, old)
        return attempt(
            lambda: exchanges.exchange(order_id=order.pk, wanted=swap(old, new), by=None, now=timezone.now()),
            "EXCHANGED",
        )

    return act


def test_exchange_against_exchange_and_return_takes_the_unit_once(
    chain: Chain, run_together: Together
) -> None:
    order, old = delivered(chain)
    new = chain.variant(stock=5)
    answers = Counter(run_together(6, swap_or_return(order, old, new)))
    assert answers["NOTHING_TO_RETURN"] == 5
    assert answers["EXCHANGED"] + answers["ASKED"] == 1
    # A return that was faster leaves no order and no claim behind.
    assert Order.objects.count() == 1 + answers["EXCHANGED"]
    assert (
        sum(StockItem.objects.filter(variant=new).values_list("reserved", flat=True)) == answers["EXCHANGED"]
    )
    assert broken() == {}


def test_twin_without_the_orders_lock_exchanges_one_unit_twice(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    order, old = delivered(chain)
    new = chain.variant(stock=5)
    drop_unique("oms_return", "number")
    drop_constraint("kernel_outboxevent", "outbox_subject_sequence")
    meet(monkeypatch, (returns, "_waiting"))
    act = swap_or_return(order, old, new)
    assert run_together(2, lambda _: act(0)) == ["EXCHANGED", "EXCHANGED"]
    assert Return.objects.filter(order=order, status="REQUESTED").count() == 2


def at_the_store(chain: Chain) -> tuple[list[Shipment], list[Shipment]]:
    """Pickups and parcels that are to be picked from the same shelves, one pair for each title."""
    pickups, parcels = [], []
    for _ in range(PAIRS):
        book = chain.variant(stock=0, store_stock=5)
        common = {"now": timezone.now()}
        pickup = chain.place((book, 2), delivery_method="STORE_PICKUP", pickup_location="S-001", **common)
        pickups.append(planned(chain, pickup))
        parcels.append(planned(chain, chain.place((book, 3), **common)))
    return pickups, parcels


def pick_up_or_find_less(
    chain: Chain, pickups: list[Shipment], parcels: list[Shipment]
) -> Callable[[int], str]:
    def hand_over(shipment: Shipment) -> None:
        pick_all(chain, shipment)
        pack(chain, shipment)
        shipment.refresh_from_db()
        code = shipment.handover_code
        goods.hand_over(shipment_id=shipment.pk, code=code, by=chain.bojan, now=timezone.now())

    def find_less(shipment: Shipment) -> None:
        claim = Reservation.objects.get(shipment=shipment)
        goods.short_pick(
            shipment_id=shipment.pk,
            claim_id=claim.pk,
            quantity_found=1,
            reason="MISSING",
            by=chain.bojan,
            now=timezone.now(),
        )

    def act(number: int) -> str:
        if number % 2:
            return attempt(lambda: find_less(parcels[number // 2]), "SHORT")
        return attempt(lambda: hand_over(pickups[number // 2]), "HANDED OVER")

    return act


def test_short_pick_against_pickup_never_gives_out_units_that_are_not_there(
    chain: Chain, run_together: Together
) -> None:
    """The picker says that the shelf is empty after him; who came for the same shelf has his units, or is told."""
    pickups, parcels = at_the_store(chain)
    answers = run_together(PAIRS * 2, pick_up_or_find_less(chain, pickups, parcels))
    handed = answers.count("HANDED OVER")
    assert answers.count("SHORT") == PAIRS
    assert Shipment.objects.filter(status="DELIVERED").count() == handed
    # One unit found by each picker lies in packing, everything else was handed over or written off.
    assert sum(StockItem.objects.values_list("on_hand", flat=True)) == PAIRS
    assert broken() == {}


def test_twin_without_locks_and_guard_gives_out_what_is_not_there(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    def shift(deltas: Any) -> set[int]:
        for delta in deltas:
            item = StockItem.objects.get(pk=delta.stock_item_id)
            item.on_hand, item.reserved = item.on_hand + delta.on_hand, item.reserved + delta.reserved
            item.save(update_fields=["on_hand", "reserved"])
        return set()

    drop_constraint("warehouse_stockitem", "stock_not_oversold")
    pickups, parcels = at_the_store(chain)
    monkeypatch.setattr(picking, "shift_stock", shift)
    monkeypatch.setattr(shelves, "shift_stock", shift)
    meet(monkeypatch, (picking, "_match"), (displacing, "_lock"))
    run_together(2, pick_up_or_find_less(chain, pickups, parcels))
    assert broken() != {}


def overdue_with_a_message(chain: Chain, book: Variant, now: datetime) -> tuple[Order, PaymentEvent]:
    """Not paid in time by our clock, approved in time by the provider's."""
    order = chain.place((book, 1), now=now, payment_method="BANK_TRANSFER")
    Order.objects.filter(pk=order.pk).update(payment_deadline=now, payment_method="CARD")
    Payment.objects.filter(order=order).update(state="EXPIRED")
    payment = finance.create_payment(order_id=order.pk, method="CARD", now=now)
    said = {
        name: {"amount": str(amount), "currency": "RSD"}
        for name, amount in {
            "amount": payment.amount,
            "authorized": payment.amount,
            "captured": Decimal("0.00"),
            "refunded": Decimal("0.00"),
            "voided": Decimal("0.00"),
        }.items()
    }
    event = PaymentEvent.objects.create(
        provider="card",
        event_id=f"evt-{order.pk}",
        kind="payment.authorized",
        payment=payment,
        payload={
            "created_at": now.isoformat(),
            "payment": {
                "id": f"pay-{order.pk}",
                "reference": payment.public_id,
                "status": "AUTHORIZED",
                "card_label": "Visa",
                "authorization_expires_at": None,
                "operations": [],
                **said,
            },
        },
    )
    return order, event


def expire_or_pay(pairs: list[tuple[Order, PaymentEvent]], now: datetime) -> Callable[[int], str]:
    def act(number: int) -> str:
        order, event = pairs[number // 2]
        if number % 2:
            return attempt(lambda: money.process_payment_event(event_id=event.pk, now=now), "PAID")
        return attempt(lambda: cancellation.cancel_unpaid_order(order_id=order.pk, now=now), "EXPIRED")

    return act


def story_of(order: Order) -> list[str]:
    """What was announced about the payment of an order, in its order."""
    told = OutboxEvent.objects.filter(subject_key=order.number).order_by("sequence")
    topics = [topic.removeprefix("oms.") for topic in told.values_list("topic", flat=True)]
    return [topic for topic in topics if topic in ("order_canceled", "order_confirmed")]


def test_expiry_against_payment_ends_in_one_of_two_ways(chain: Chain, run_together: Together) -> None:
    """Canceled in time, then the money goes back, since another one bought the unit; or paid, and nobody cancels it."""
    now = timezone.now()
    pairs = [overdue_with_a_message(chain, chain.variant(stock=1), now) for _ in range(PAIRS)]
    answers = run_together(PAIRS * 2, expire_or_pay(pairs, now))
    for number, (order, event) in enumerate(pairs):
        order.refresh_from_db()
        payment = Payment.objects.get(events=event)
        claims = Counter(Reservation.objects.filter(order_line__order=order).values_list("state", flat=True))
        assert answers[number * 2 + 1] == "PAID"
        if answers[number * 2] == "EXPIRED":
            # The unit was free again when the money came, so the order was taken up again.
            assert (order.status, claims) == ("PLACED", {"RELEASED": 1, "ALLOCATED": 1})
            assert story_of(order) == ["order_canceled", "order_confirmed"]
        else:
            assert (answers[number * 2], order.status, claims) == ("NOT_DUE", "PLACED", {"ALLOCATED": 1})
            assert story_of(order) == ["order_confirmed"]
        assert payment.void_requested_at is None
    assert broken() == {}


def test_twin_without_the_orders_lock_cancels_what_is_paid(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    """The sweeper has read that the order is overdue; the message comes and is processed; the sweeper goes on."""
    now = timezone.now()
    order, event = overdue_with_a_message(chain, chain.variant(stock=1), now)
    real = cancellation._check_may_cancel

    def checked_then_paid(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        monkeypatch.setattr(cancellation, "_check_may_cancel", real)

        def pay() -> None:
            money.process_payment_event(event_id=event.pk, now=now)
            connection.close()

        paying = threading.Thread(target=pay)
        paying.start()
        paying.join(10)
        assert not paying.is_alive()

    monkeypatch.setattr(cancellation, "_check_may_cancel", checked_then_paid)
    cancellation.cancel_unpaid_order(order_id=order.pk, now=now)
    assert story_of(order) == ["order_confirmed", "order_canceled"]
