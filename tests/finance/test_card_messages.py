"""Card messages: proved at the door, stored once, replayable in any order; money that came is never lost nor counted twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance import operations as finance
from finance import workflows as money
from finance.models import Capture, JournalEntry, Payment, PaymentEvent
from finance.workflows import cards
from oms.models import Order
from oms.states import PaymentMethod
from oms.workflows import cancellation
from retail.kernel import clock
from retail.kernel.signatures import InvalidSignature
from tests.factories import NOW, Sells
from tests.finance.shop import Shop, all_of, build, open_exceptions, state_of, stored_message, summary
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK = Sells(1, "1100.00")


def told(
    payment: Payment,
    status: str = "AUTHORIZED",
    *,
    authorized: str = "1100.00",
    captured: str = "0.00",
    refunded: str = "0.00",
    voided: str = "0.00",
    amount: str = "1100.00",
    currency: str = "RSD",
    operations: tuple[tuple[str, str, str], ...] = (),
) -> dict[str, Any]:
    """A payment as the provider writes it; operations are (kind, key, amount)."""

    def sum_of(text: str) -> dict[str, str]:
        return {"amount": text, "currency": currency}

    return {
        "id": f"pay_{payment.pk}",
        "reference": payment.public_id,
        "status": status,
        "amount": sum_of(amount),
        "authorized": sum_of(authorized),
        "captured": sum_of(captured),
        "refunded": sum_of(refunded),
        "voided": sum_of(voided),
        "card_label": "Visa •• 4242",
        "authorization_expires_at": None,
        "operations": [
            {
                "id": f"op_{kind}_{key}",
                "kind": kind,
                "key": key,
                "amount": sum_of(value),
                "created_at": NOW.isoformat(),
            }
            for kind, key, value in operations
        ],
    }


def process(payment: Payment, event_id: str, **said: Any) -> str:
    event = stored_message(payment, event_id, told(payment, **said))
    return money.process_payment_event(event_id=event.pk, now=NOW)


def card_payment(order: Order) -> Payment:
    return finance.create_payment(order_id=order.pk, method=PaymentMethod.CARD, now=NOW)


# The shopper's way


def test_page_of_the_provider_is_opened_once(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)

    payment = shop.start_card(order)
    again = money.open_card_session(payment_id=payment.pk, now=NOW)

    assert payment.redirect_url.startswith("http://localhost:8121/kartica/pay/")
    assert again.redirect_url == payment.redirect_url
    assert outside.received("card")[0]["reference"] == payment.public_id
    assert state_of(order) == ("PENDING_PAYMENT", "NONE")


def test_unreachable_provider_leaves_the_order_waiting_and_a_second_try_works(
    shop: Shop, outside: Stand
) -> None:
    order = shop.order(BOOK)
    outside.fault("card", "HTTP_503")

    with pytest.raises(money.CardUnavailable):
        shop.start_card(order)

    payment = Payment.objects.get(order=order)
    assert (payment.state, payment.failure, payment.redirect_url) == ("PENDING", "HTTP_503", "")
    assert state_of(order) == ("PENDING_PAYMENT", "NONE")
    assert money.open_card_session(payment_id=payment.pk, now=NOW).redirect_url


def test_declined_card_leaves_the_order_waiting_for_another_attempt(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    first = shop.start_card(order)
    outside.choose(first.public_id, "decline")
    shop.deliver(outside)
    assert summary(first) == ("FAILED", "0.00", "0.00", "0.00", "0.00")
    assert state_of(order) == ("PENDING_PAYMENT", "NONE")

    second = money.start_payment(order_id=order.pk, method="CARD", by=None, now=NOW)
    outside.choose(second.public_id)
    shop.deliver(outside)

    assert (second.attempt, summary(second)[0]) == (2, "AUTHORIZED")
    assert state_of(order) == ("PLACED", "AUTHORIZED")
    with nothing_changes(), pytest.raises(money.OrderNotPending):
        money.start_payment(order_id=order.pk, method="CARD", by=None, now=NOW)


def test_another_method_while_waiting(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK, payment_deadline=NOW + timedelta(minutes=30))
    card = shop.start_card(order)

    transfer = money.start_payment(order_id=order.pk, method="BANK_TRANSFER", by=None, now=NOW)

    order.refresh_from_db()
    assert (order.payment_method, order.status) == ("BANK_TRANSFER", "PENDING_PAYMENT")
    assert order.payment_deadline is not None
    assert order.payment_deadline > NOW + timedelta(days=2)
    assert (summary(card)[0], transfer.state, transfer.attempt) == ("EXPIRED", "PENDING", 2)

    money.start_payment(order_id=order.pk, method="CASH_ON_DELIVERY", by=None, now=NOW)

    changed = Order.objects.get(pk=order.pk)
    assert (changed.payment_method, changed.status) == ("CASH_ON_DELIVERY", "PLACED")
    assert changed.payment_deadline is None


def test_second_authorization_is_voided(shop: Shop, outside: Stand) -> None:
    """The shopper pays in both tabs: one authorization holds the order, the other goes back."""
    order = shop.order(BOOK)
    first = shop.start_card(order)
    second = money.start_payment(order_id=order.pk, method="CARD", by=None, now=NOW)
    for payment in (second, first):
        outside.choose(payment.public_id)
    shop.deliver(outside)
    assert state_of(order) == ("PLACED", "AUTHORIZED")

    assert money.void_authorizations(now=NOW) == 1
    shop.deliver(outside)

    order.refresh_from_db()
    states = sorted(summary(payment)[0] for payment in (first, second))
    assert states == ["AUTHORIZED", "VOIDED"]
    assert order.authorized_total == Decimal("1100.00")


# The door


def test_forged_stale_and_changed_messages_are_refused_at_the_door(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.start_card(order)
    outside.choose(payment.public_id)
    outside.deliver()
    [request] = outside.shop.requests
    headers, body = dict(request.headers), request.content
    late = clock.now() + timedelta(seconds=301)
    for changed_headers, changed_body, now in (
        (headers, body.replace(b"1100.00", b"1.00"), clock.now()),
        ({**headers, "webhook-id": "evt_other"}, body, clock.now()),
        ({**headers, "webhook-signature": "v1,AAAA"}, body, clock.now()),
        ({}, body, clock.now()),
        (headers, body, late),
    ):
        with nothing_changes(), pytest.raises(InvalidSignature):
            money.receive_card_event(headers=changed_headers, raw_body=changed_body, now=now)

    assert PaymentEvent.objects.count() == 0


def test_doubled_message_is_stored_and_acted_on_once(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.start_card(order)
    outside.fault("card", "DUPLICATE")
    outside.choose(payment.public_id)

    outcomes = shop.deliver(outside)

    assert outcomes == ["DONE", "DONE"]
    assert PaymentEvent.objects.count() == 1
    order.refresh_from_db()
    assert order.authorized_total == Decimal("1100.00")


def test_message_about_an_unknown_payment_is_kept_for_a_person(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.start_card(order)
    Payment.objects.filter(pk=payment.pk).update(public_id="another")
    outside.choose(payment.public_id)

    assert shop.deliver(outside) == ["UNKNOWN_PAYMENT"]

    event = PaymentEvent.objects.get()
    assert open_exceptions() == [("PAYMENT_MISMATCH", f"event:card:{event.event_id}")]
    assert state_of(order) == ("PENDING_PAYMENT", "NONE")


@pytest.mark.parametrize("fault", ["WRONG_AMOUNT", "WRONG_CURRENCY"])
def test_signed_message_with_another_amount_pays_nothing(shop: Shop, outside: Stand, fault: str) -> None:
    order = shop.order(BOOK)
    payment = shop.start_card(order)
    outside.fault("card", fault)
    outside.choose(payment.public_id)

    assert shop.deliver(outside) == ["MISMATCH"]

    assert summary(payment) == ("PENDING", "0.00", "0.00", "0.00", "0.00")
    assert state_of(order) == ("PENDING_PAYMENT", "NONE")
    assert open_exceptions(order) == [("PAYMENT_MISMATCH", payment.public_id)]

    # Asked directly, the provider tells the truth, and the case is closed.
    assert money.refresh_payment(payment_id=payment.pk, now=NOW) == "DONE"
    assert state_of(order) == ("PLACED", "AUTHORIZED")
    assert open_exceptions(order) == []


def test_lost_message_is_found_by_asking(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.start_card(order)
    outside.fault("card", "LOST")
    outside.choose(payment.public_id)
    assert shop.deliver(outside) == []

    assert money.poll_payments(now=NOW + timedelta(minutes=1)) == 0
    assert money.poll_payments(now=NOW + timedelta(minutes=3)) == 1

    assert state_of(order) == ("PLACED", "AUTHORIZED")


# Any order, any number


def history(payment: Payment) -> list[dict[str, Any]]:
    """What the provider writes over the life of a payment; captures and refunds were made at the provider by hand."""
    first, second = ("CAPTURE", "k1", "700.00"), ("CAPTURE", "k2", "300.00")
    back, rest = ("REFUND", "r1", "200.00"), ("VOID", "v1", "100.00")
    return [
        {},
        {"status": "PARTLY_CAPTURED", "captured": "700.00", "operations": (first,)},
        {"status": "PARTLY_CAPTURED", "captured": "1000.00", "operations": (first, second)},
        {
            "status": "PARTLY_CAPTURED",
            "captured": "1000.00",
            "refunded": "200.00",
            "operations": (first, second, back),
        },
        {
            "status": "CAPTURED",
            "captured": "1000.00",
            "refunded": "200.00",
            "voided": "100.00",
            "operations": (first, second, back, rest),
        },
    ]


@pytest.mark.parametrize("order_of_arrival", [*itertools.permutations(range(5))][::7])
def test_messages_in_any_order_end_in_the_same_state(shop: Shop, order_of_arrival: tuple[int, ...]) -> None:
    order = shop.order(BOOK)
    payment = card_payment(order)
    said = history(payment)

    for place in (*order_of_arrival, *order_of_arrival):
        process(payment, f"{place}-{PaymentEvent.objects.count()}", **said[place])

    assert summary(payment) == ("CAPTURED", "1100.00", "1000.00", "100.00", "200.00")
    order.refresh_from_db()
    sums = (order.authorized_total, order.captured_total, order.refunded_total)
    assert [str(one) for one in sums] == ["1000.00", "1000.00", "200.00"]
    assert (payment.captures.count(), payment.refunds.count()) == (2, 1)
    assert shop.balances(order) == {"2280": "800.00", "430": "-800.00"}
    assert JournalEntry.objects.filter(document_kind__in=["capture", "refund"]).count() == 3


def test_failure_that_comes_after_the_authorization_changes_nothing(shop: Shop) -> None:
    order = shop.order(BOOK)
    payment = card_payment(order)
    process(payment, "1")

    process(payment, "0", status="DECLINED", authorized="0.00")

    assert summary(payment)[0] == "AUTHORIZED"
    assert state_of(order) == ("PLACED", "AUTHORIZED")


def test_authorization_of_a_given_up_attempt_still_pays(shop: Shop) -> None:
    order = shop.order(BOOK)
    payment = card_payment(order)
    process(payment, "0", status="DECLINED", authorized="0.00")

    process(payment, "1")

    assert summary(payment)[0] == "AUTHORIZED"
    assert state_of(order) == ("PLACED", "AUTHORIZED")


@pytest.mark.parametrize("has_expired", [False, True], ids=["in time", "expired"])
def test_a_given_up_card_that_pays_after_all_is_charged(
    shop: Shop, outside: Stand, has_expired: bool
) -> None:
    """The shopper turned to a bank transfer and then approved the card in the other tab: the card pays, or holds the parcel."""
    order = shop.order(BOOK)
    card = shop.start_card(order)
    transfer = money.start_payment(order_id=order.pk, method="BANK_TRANSFER", by=None, now=NOW)

    outside.choose(card.public_id)
    shop.deliver(outside)

    order.refresh_from_db()
    assert (order.payment_method, *state_of(order)) == ("CARD", "PLACED", "AUTHORIZED")
    if has_expired:
        outside.move_clock(8 * 24 * 3600)
        with pytest.raises(money.CaptureRefused):
            shop.dispatch(order, all_of(order), tracking="T1")
        assert [kind for kind, _ in open_exceptions(order)] == ["AUTHORIZATION_EXPIRED"]
        assert shop.balances(order) == {}
    else:
        shop.dispatch(order, all_of(order), tracking="T1")
        assert summary(card) == ("CAPTURED", "1100.00", "1100.00", "0.00", "0.00")
        assert open_exceptions(order) == []
    assert summary(transfer) == ("PENDING", "0.00", "0.00", "0.00", "0.00")


def test_a_given_up_card_that_pays_after_the_transfer_is_let_go(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    card = shop.start_card(order)
    transfer = money.start_payment(order_id=order.pk, method="BANK_TRANSFER", by=None, now=NOW)
    money.import_bank_statement(
        account=order.entity.bank_account,
        text=f"line_key,booked_on,amount,currency,reference\n1,{NOW.date()},1100.00,RSD,{transfer.reference}\n",
        by=None,
        now=NOW,
    )

    outside.choose(card.public_id)
    shop.deliver(outside)
    assert money.void_authorizations(now=NOW) == 1
    shop.deliver(outside)

    order.refresh_from_db()
    assert (order.payment_method, *state_of(order)) == ("BANK_TRANSFER", "PLACED", "PAID")
    assert summary(card)[0] == "VOIDED"


# Too late


def test_authorization_of_a_canceled_order_is_voided(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK, stocked=False)
    payment = shop.start_card(order)
    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", by=None, now=NOW)
    outside.choose(payment.public_id)

    shop.deliver(outside)
    assert state_of(order)[0] == "CANCELED"
    money.void_authorizations(now=NOW)
    shop.deliver(outside)

    assert summary(payment) == ("VOIDED", "1100.00", "0.00", "1100.00", "0.00")
    order.refresh_from_db()
    assert order.authorized_total == 0
    assert shop.balances(order) == {}


def test_money_for_a_canceled_order_goes_back(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    outside.card().capture(
        reference=payment.public_id, key="by hand", amount=Decimal("1100.00"), currency="RSD"
    )
    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", by=None, now=NOW)

    shop.deliver(outside)

    [refund] = payment.refunds.all()
    assert (refund.state, str(refund.amount)) == ("PENDING", "1100.00")
    assert money.send_refunds(now=NOW) == 1
    assert money.send_refunds(now=NOW) == 0
    assert summary(payment) == ("CAPTURED", "1100.00", "1100.00", "0.00", "1100.00")
    assert shop.balances(order) == {}
    assert state_of(order) == ("CANCELED", "REFUNDED")


def test_money_for_goods_that_are_gone_cancels_the_order_and_goes_back(shop: Shop) -> None:
    order = shop.order(BOOK, stocked=False)
    payment = card_payment(order)

    process(payment, "1")

    assert state_of(order)[0] == "CANCELED"
    payment.refresh_from_db()
    assert payment.void_requested_at == NOW


# Many at once


@pytest.fixture
def world(outside: Stand, transactional_db: None) -> Shop:
    return build()


def _ten_times(shop: Shop, run_together: Callable[..., list[Any]]) -> tuple[Payment, list[Any]]:
    order = shop.order(BOOK)
    payment = card_payment(order)
    event = stored_message(
        payment,
        "once",
        told(payment, status="CAPTURED", captured="1100.00", operations=(("CAPTURE", "k1", "1100.00"),)),
    )
    return payment, run_together(10, lambda _: money.process_payment_event(event_id=event.pk, now=NOW))


def test_message_ten_times_at_once_has_one_effect(
    world: Shop, run_together: Callable[..., list[Any]]
) -> None:
    payment, outcomes = _ten_times(world, run_together)

    assert outcomes == ["DONE"] * 10
    assert summary(payment) == ("CAPTURED", "1100.00", "1100.00", "0.00", "0.00")
    assert Capture.objects.filter(payment=payment).count() == 1
    assert JournalEntry.objects.filter(document_kind="capture").count() == 1
    order = Order.objects.get(pk=payment.order_id)
    assert (str(order.captured_total), order.payment_status) == ("1100.00", "PAID")


def test_control_without_the_orders_lock_the_same_message_acts_several_times(
    world: Shop, run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: read without locks, and everybody waits until all have read that nothing was done yet."""
    import threading

    all_have_read = threading.Barrier(4)
    real = cards.apply_card_state

    def act(**values: Any) -> str:
        all_have_read.wait(10)
        return real(**values)

    def no_lock(payment: Payment) -> tuple[Order, Payment]:
        return Order.objects.get(pk=payment.order_id), Payment.objects.get(pk=payment.pk)

    monkeypatch.setattr(cards, "lock_for_payment", no_lock)
    monkeypatch.setattr(cards, "lock_event", lambda pk: PaymentEvent.objects.get(pk=pk))
    monkeypatch.setattr(cards, "apply_card_state", act)
    monkeypatch.setattr(cards, "_settle_capture", _capture_without_key)
    order = world.order(BOOK)
    payment = card_payment(order)
    event = stored_message(
        payment,
        "once",
        told(payment, status="CAPTURED", captured="1100.00", operations=(("CAPTURE", "k1", "1100.00"),)),
    )

    run_together(4, lambda _: money.process_payment_event(event_id=event.pk, now=NOW))

    assert JournalEntry.objects.filter(document_kind="capture").count() == 4


def _capture_without_key(order: Order, payment: Payment, operation: Any, now: Any, by: Any) -> None:
    capture = Capture.objects.create(payment=payment, amount=operation.amount, created_at=now)
    finance.take_money(
        order=order,
        capture=capture,
        debits=[finance.debit("2280", operation.amount)],
        day=NOW.date(),
        by=by,
        now=now,
    )


def test_capture_and_void_at_once_never_exceed_what_was_authorized(
    world: Shop, outside: Stand, run_together: Callable[..., list[Any]]
) -> None:
    order = world.order(BOOK)
    payment = world.pay_card(order, outside)
    finance.request_void(payment_id=payment.pk, now=NOW)
    capture = Capture.objects.create(payment=payment, amount=Decimal("1100.00"), created_at=NOW)

    def act(number: int) -> str:
        if number % 2:
            return money.execute_void(payment_id=payment.pk, now=NOW)
        return money.execute_capture(capture_id=capture.pk, now=NOW)

    run_together(4, act)
    world.deliver(outside)

    payment.refresh_from_db()
    assert payment.captured + payment.voided == Decimal("1100.00")
    assert payment.state in ("CAPTURED", "VOIDED")
