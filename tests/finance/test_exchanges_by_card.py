"""What an exchange costs more, paid by bank card through the API and the real stand-in of its provider: charged once, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance import workflows as money
from finance.models import Capture, FiscalReceipt, JournalEntry, Payment, Refund
from oms.models import Exchange, Order, Return
from oms.workflows import cancellation
from oms.workflows.exchanges import EXCHANGE_DAYS
from retail.kernel import clock, outbox
from storefront.models import Variant
from tests.api.integrator import Api
from tests.finance.shop import Shop, summary
from tests.flows.chain import Chain, make_chain
from tests.flows.exchanges import agreed, arrives, bought, swap
from tests.flows.test_lifecycle import balances, healthy, send
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes
from warehouse import workflows as goods

pytestmark = pytest.mark.django_db
NO_ANSWER = ["TIMEOUT", "RESET", "TRUNCATED", "HTML_ANSWER"]


@dataclass
class World:
    """A book of 1,000.00 with its buyer, another of 1,500.00 on the shelf, the bank, and a program that speaks to the API."""

    chain: Chain
    outside: Stand
    api: Api
    first: Order
    old: Variant
    new: Variant

    def asked(self, *, key: str = "exchange-1") -> dict[str, Any]:
        body = {
            "lines": [{"sku": self.old.sku, "quantity": 1}],
            "instead": [{"sku": self.new.sku, "quantity": 1}],
            "payment": {"method": "CARD"},
            "buyer_id_kind": "20",
            "buyer_id": "012345678",
            "apply": True,
            "expected_pay": {"amount": "500.00", "currency": "RSD"},
        }
        answer = self.api.post(f"orders/{self.first.number}/exchanges", body, key=key)
        assert answer.status_code == 200, answer.content
        told: dict[str, Any] = answer.json()
        return told

    def agreed(self) -> tuple[Order, Payment]:
        order = Order.objects.get(number=self.asked()["order_number"])
        return order, Payment.objects.get(order=order, method="CARD")

    def approved(self, payment: Payment) -> None:
        self.outside.choose(payment.public_id)
        self.messages()

    def messages(self) -> list[str]:
        shop = Shop(self.chain.entity, self.chain.warehouse, self.chain.channel)
        return shop.deliver(self.outside, now=clock.now())

    def comes_back(self) -> None:
        arrives(self.chain, Return.objects.get(), now=clock.now())

    def at_the_bank(self, payment: Payment) -> list[tuple[str, str]]:
        seen = self.outside.card().fetch(reference=payment.public_id)
        assert seen is not None
        return [(one.kind, str(one.amount)) for one in seen.operations]


@pytest.fixture
def world(db: None, outside: Stand) -> World:
    chain = make_chain()
    old, new = chain.variant(price="1000.00"), chain.variant(price="1500.00")
    first = bought(chain, (old, 1), now=clock.now())
    return World(chain, outside, Api("orders:write"), first, old, new)


def state(order: Order) -> tuple[str, str]:
    order.refresh_from_db()
    return order.status, order.payment_status


def react() -> None:
    while outbox.run_pending(now=clock.now()):
        pass


def sold(order: Order) -> list[tuple[str, str, list[tuple[str, str]]]]:
    rows = FiscalReceipt.objects.filter(order=order).order_by("pk")
    return [(r.kind, r.transaction, [(p["method"], p["amount"]) for p in r.payments]) for r in rows]


def charges() -> list[tuple[int, Decimal, str]]:
    rows = Capture.objects.filter(payment__method="CARD").order_by("pk")
    return list(rows.values_list("payment_id", "amount", "state"))


def assert_sold(world: World, order: Order, payment: Payment) -> None:
    """The books and papers of the new goods once they left: 1,000.00 by what came back, 500.00 by card."""
    assert charges() == [(payment.pk, Decimal("500.00"), "DONE")]
    assert world.at_the_bank(payment) == [("CAPTURE", "500.00")]
    assert sold(order) == [("NORMAL", "SALE", [("OTHER", "1000.00"), ("CARD", "500.00")])]
    found = balances(order)
    assert (found["2280"], found["604"], found["4761"]) == (
        Decimal("500.00"),
        Decimal("-1363.64"),
        Decimal("-136.36"),
    )
    assert found["4306"] == Decimal("1000.00")
    assert "430" not in found
    # What the goods paid, and the card.
    assert JournalEntry.objects.filter(document_kind="capture", order_number=order.number).count() == 2
    healthy()


def test_authorized_when_agreed_and_charged_when_the_new_goods_leave(world: World) -> None:
    told = world.asked()
    assert (told["to_pay"]["amount"], told["payment"]["method"], told["payment"]["status"]) == (
        "500.00",
        "CARD",
        "PENDING",
    )
    assert told["payment"]["redirect_url"]
    order = Order.objects.get(number=told["order_number"])
    payment = Payment.objects.get(order=order, method="CARD")
    world.approved(payment)
    # A third of it is authorized, which the order's own summary does not call authorized.
    assert state(order) == ("PENDING_PAYMENT", "NONE")
    assert summary(payment) == ("AUTHORIZED", "500.00", "0.00", "0.00", "0.00")
    healthy()

    world.comes_back()
    assert state(order)[0] == "PLACED"
    assert charges() == []
    send(world.chain, order)
    assert state(order)[1] == "PAID"
    assert_sold(world, order, payment)


def test_message_that_comes_late_and_ten_times_confirms_and_charges_once(world: World) -> None:
    order, payment = world.agreed()
    world.comes_back()
    assert state(order) == ("PENDING_PAYMENT", "PARTLY_PAID")
    world.outside.choose(payment.public_id)
    # Asked before the message came.
    assert money.refresh_payment(payment_id=payment.pk, now=clock.now()) == "DONE"
    assert state(order)[0] == "PLACED"
    send(world.chain, order)
    world.outside.deliver()
    requests = world.outside.shop.requests
    for request in [*requests, *requests] * 5:
        event = money.receive_card_event(
            headers=dict(request.headers), raw_body=request.content, now=clock.now()
        )
        money.process_payment_event(event_id=event.pk, now=clock.now())
    assert_sold(world, order, payment)


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_page_whose_answer_is_lost_is_opened_again_and_paid_once(world: World, fault: str) -> None:
    world.outside.fault("card", fault, operation="create")
    told = world.asked()
    assert (told["is_applied"], told["payment"]["redirect_url"]) == (True, None)
    with nothing_changes():
        assert world.asked() == told
    order = Order.objects.get(number=told["order_number"])
    payment = money.open_card_session(
        payment_id=Payment.objects.get(order=order, method="CARD").pk, now=clock.now()
    )
    assert payment.redirect_url
    assert (Exchange.objects.count(), Return.objects.count(), Order.objects.count()) == (1, 1, 2)
    world.approved(payment)
    world.comes_back()
    assert state(order)[0] == "PLACED"
    send(world.chain, order)
    assert_sold(world, order, payment)


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_charge_whose_answer_is_lost_is_taken_once(world: World, fault: str) -> None:
    order, payment = world.agreed()
    world.approved(payment)
    world.comes_back()
    world.outside.fault("card", fault, operation="capture")
    send(world.chain, order)
    world.messages()
    money.settle_captures(now=clock.now() + timedelta(minutes=5))
    assert_sold(world, order, payment)


def test_goods_that_never_come_give_the_card_free(world: World) -> None:
    order, payment = world.agreed()
    world.approved(payment)
    later = clock.now() + timedelta(days=EXCHANGE_DAYS, minutes=1)
    assert cancellation.cancel_overdue_orders(now=later) == 1
    react()
    money.void_authorizations(now=later)
    assert (state(order)[0], summary(payment)[0]) == ("CANCELED", "VOIDED")
    assert (Exchange.objects.get().state, balances(order), sold(order)) == ("ENDED", {}, [])
    assert charges() == [] and not Refund.objects.exists()
    healthy()


def test_authorization_that_ended_before_the_goods_came_is_asked_for_again(world: World) -> None:
    order, payment = world.agreed()
    world.approved(payment)
    deadline = Exchange.objects.get().deadline
    world.outside.move_clock(8 * 24 * 3600)
    money.poll_payments(now=clock.now() + timedelta(days=8))
    assert (summary(payment)[0], state(order)) == ("EXPIRED", ("PENDING_PAYMENT", "NONE"))
    world.outside.move_clock(0)
    world.comes_back()
    assert state(order) == ("PENDING_PAYMENT", "PARTLY_PAID")
    assert order.payment_deadline == deadline
    again = money.start_payment(order_id=order.pk, method="CARD", by=None, now=clock.now())
    assert again.amount == Decimal("500.00")
    world.approved(again)
    assert state(order)[0] == "PLACED"
    send(world.chain, order)
    assert_sold(world, order, again)


def test_whoever_changes_to_a_card_still_has_the_days_of_the_exchange(world: World) -> None:
    """A card's half an hour is for the bank's page, not for goods that are on their way here."""
    order, first = world.agreed()
    money.start_payment(order_id=order.pk, method="BANK_TRANSFER", by=None, now=clock.now())
    again = money.start_payment(order_id=order.pk, method="CARD", by=None, now=clock.now())
    world.approved(again)
    assert (state(order)[0], summary(first)[0]) == ("PENDING_PAYMENT", "EXPIRED")
    assert order.payment_deadline == Exchange.objects.get().deadline
    assert cancellation.cancel_overdue_orders(now=clock.now() + timedelta(days=EXCHANGE_DAYS - 1)) == 0
    world.comes_back()
    assert state(order)[0] == "PLACED"
    # The page of the first try was still open: what is approved there is given back.
    world.approved(first)
    money.void_authorizations(now=clock.now())
    assert summary(first)[0] == "VOIDED"
    send(world.chain, order)
    assert_sold(world, order, again)


def test_first_goods_paid_by_card_pay_for_the_others_and_go_home_to_the_card(world: World) -> None:
    """What moves to another order stays charged: the bank hears of a refund only when the money leaves the house."""
    chain, now = world.chain, clock.now()
    other = chain.variant(price="1000.00")
    order = chain.place((world.old, 1), now=now, payment_method="CARD")
    payment = money.open_card_session(payment_id=Payment.objects.get(order=order).pk, now=now)
    world.approved(payment)
    for shipment in send(chain, order):
        goods.deliver(shipment_id=shipment.pk, by=None, now=now)
    done = agreed(order, swap(world.old, other), now=now)
    arrives(chain, done.returned, now=now)
    assert state(done.order) == ("PLACED", "PAID")
    assert (summary(payment), world.at_the_bank(payment)) == (
        ("CAPTURED", "1290.00", "1290.00", "0.00", "1000.00"),
        [("CAPTURE", "1290.00")],
    )
    assert balances(order)["2280"] == Decimal("1290.00")
    healthy()

    cancellation.cancel_order(order_id=done.order.pk, reason="ne treba", by=None, now=now)
    # First home, then to the card, each time by the same sweep.
    for _ in range(2):
        money.send_refunds(now=now)
    assert world.at_the_bank(payment) == [("CAPTURE", "1290.00"), ("REFUND", "1000.00")]
    assert balances(order)["2280"] == Decimal("290.00")
    assert balances(done.order) == {}
    healthy()
