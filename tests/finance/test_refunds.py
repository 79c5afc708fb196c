"""Refunds: partial, several, to the payment the money came by, never more than came; what is not needed is voided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from finance import operations as finance
from finance import workflows as money
from finance.models import JournalEntry, Payment, Refund
from finance.operations import refunds
from oms import operations as orders
from oms.models import Order
from oms.workflows import cancellation
from retail.kernel.errors import InvalidInput
from tests.factories import NOW, Sells, goods_lines, goods_of, make_return
from tests.finance.shop import Shop, all_of, build, open_exceptions, posted
from tests.lock_order import recorded_locks
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK = Sells(2, "1100.00")


def ask(order: Order, amount: str, **values: Any) -> list[Refund]:
    return finance.request_refund(
        order_id=order.pk, amount=Decimal(amount), reason="return", by=None, now=NOW, **values
    )


def paid_and_sent(shop: Shop, outside: Stand) -> Order:
    order = shop.order(BOOK)
    shop.pay_card(order, outside)
    shop.dispatch(order, all_of(order), tracking="T1")
    return order


def test_several_partial_refunds_stop_at_what_came(shop: Shop, outside: Stand) -> None:
    order = paid_and_sent(shop, outside)

    ask(order, "400.00")
    ask(order, "600.00")
    with nothing_changes(), pytest.raises(finance.RefundExceedsPayment) as refused:
        ask(order, "100.01")
    ask(order, "100.00")
    money.send_refunds(now=NOW)

    assert refused.value.details == {"refundable": "100.00"}
    order.refresh_from_db()
    assert (str(order.refunded_total), order.payment_status) == ("1100.00", "REFUNDED")
    assert [str(one.amount) for one in Refund.objects.filter(state="DONE").order_by("pk")] == [
        "400.00",
        "600.00",
        "100.00",
    ]


@pytest.mark.parametrize(("amount", "reason"), [("0.00", "x"), ("-1.00", "x"), ("1.00", " ")])
def test_senseless_refunds_are_refused(shop: Shop, outside: Stand, amount: str, reason: str) -> None:
    order = paid_and_sent(shop, outside)

    with nothing_changes(), pytest.raises(InvalidInput):
        finance.request_refund(order_id=order.pk, amount=Decimal(amount), reason=reason, by=None, now=NOW)


def test_refund_of_cash_needs_an_account_that_is_one(shop: Shop) -> None:
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED")
    shop.cod_payment(order)
    shop.dispatch(order, all_of(order), tracking="T1")
    with nothing_changes(), pytest.raises(finance.RefundExceedsPayment):
        ask(order, "100.00", bank_account="160-12-40")
    shop.remittance(("K-1", "T1", "1100.00", "0.00"))

    with nothing_changes(), pytest.raises(finance.AccountMissing):
        ask(order, "100.00")
    with nothing_changes(), pytest.raises(InvalidInput):
        ask(order, "100.00", bank_account="160-12-41")
    [refund] = ask(order, "100.00", bank_account="160-12-40")

    assert refund.bank_account == "160000000000001240"


def test_refund_goes_over_several_payments_newest_first(shop: Shop) -> None:
    order = shop.order(Sells(2, "2000.00"), method="BANK_TRANSFER")
    first = shop.transfer_payment(order)
    shop.statement({"line_key": "a", "amount": "500.00", "reference": first.reference})
    second = shop.transfer_payment(order)
    assert str(second.amount) == "1500.00"
    shop.statement({"line_key": "b", "amount": "1500.00", "reference": second.reference})
    shop.dispatch(order, all_of(order), tracking="T1")

    refunds_made = ask(order, "1600.00")

    assert [(one.payment, str(one.amount)) for one in refunds_made] == [
        (second, "1500.00"),
        (first, "100.00"),
    ]


def test_refund_that_the_provider_refuses_is_shown_to_a_person(shop: Shop, outside: Stand) -> None:
    order = paid_and_sent(shop, outside)
    payment = order_payment(order)
    [refund] = ask(order, "1100.00")
    outside.card().refund(
        reference=payment.public_id, key="by hand", amount=Decimal("1100.00"), currency="RSD"
    )

    money.send_refunds(now=NOW)

    refund.refresh_from_db()
    assert (refund.state, refund.failure) == ("REFUSED", "AMOUNT_ABOVE_CAPTURED")
    assert open_exceptions(order) == [("PAYMENT_MISMATCH", f"refund:{refund.public_id}")]
    # What was made at the provider by hand is in the books all the same.
    order.refresh_from_db()
    assert str(order.refunded_total) == "1100.00"


def order_payment(order: Order) -> Payment:
    return Payment.objects.get(order=order)


def test_canceled_lines_of_an_authorized_order_need_no_refund(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK, Sells(1, "500.00"))
    payment = shop.pay_card(order, outside)
    _, extra = goods_lines(order)

    cancellation.cancel_lines(
        order_id=order.pk, lines=[(extra.sku, 1)], reason="not wanted", by=None, now=NOW
    )
    shop.dispatch(order, all_of(order)[:1], tracking="T1")

    payment.refresh_from_db()
    assert (str(payment.captured), payment.state) == ("1100.00", "AUTHORIZED")
    # Delivered, the order is complete: what nobody needs any more goes back to the card's limit.
    orders.record_arrival(order_id=order.pk, now=NOW)
    money.void_authorizations(now=NOW)
    payment.refresh_from_db()
    assert (payment.state, str(payment.voided)) == ("CAPTURED", "500.00")


def test_canceled_order_gives_the_authorization_back(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)

    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", by=None, now=NOW)
    assert money.void_authorizations(now=NOW) == 1
    assert money.void_authorizations(now=NOW) == 0

    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.state, str(payment.voided)) == ("VOIDED", "1100.00")
    assert (order.status, order.payment_status, str(order.authorized_total)) == ("CANCELED", "NONE", "0.00")
    assert JournalEntry.objects.filter(order_number=order.number).count() == 0


def test_void_whose_answer_is_lost_is_found_by_the_next_sweep(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", by=None, now=NOW)
    outside.fault("card", "RESET", operation="void")

    money.void_authorizations(now=NOW)
    money.void_authorizations(now=NOW + timedelta(minutes=1))

    payment.refresh_from_db()
    assert payment.state == "VOIDED"
    seen = outside.card().fetch(reference=payment.public_id)
    assert seen is not None
    assert [one.kind for one in seen.operations] == ["VOID"]


def test_row_that_fails_does_not_hold_up_the_others(
    shop: Shop, outside: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid_and_sent(shop, outside)
    first, second = ask(order, "400.00") + ask(order, "600.00")
    real = money.execute_refund

    def fail_once(*, refund_id: int, now: Any) -> str:
        if refund_id == first.pk:
            raise ZeroDivisionError
        return real(refund_id=refund_id, now=now)

    monkeypatch.setattr("finance.workflows.sweeps.execute_refund", fail_once)

    assert money.send_refunds(now=NOW) == 1

    states = dict(Refund.objects.values_list("pk", "state"))
    assert states == {first.pk: "PENDING", second.pk: "DONE"}


@pytest.mark.django_db(transaction=True)
def test_verbs_lock_in_the_one_order() -> None:
    shop = build()
    order = shop.order(BOOK, method="CASH_ON_DELIVERY", status="PLACED", paper="FISCAL_COMPANY")
    shop.cod_payment(order)
    with recorded_locks() as locks:
        shop.dispatch(order, all_of(order), tracking="T1")
        shop.remittance(("K-1", "T1", "1100.00", "0.00"))
        made = make_return(order, all_of(order))
        goods, sold = goods_of(all_of(order))
        money.post_return(return_id=made.pk, goods=goods, sold=sold, by=None, now=NOW)
        finance.release_excess(order_id=order.pk, reason="x", by=None, now=NOW)
    locks.assert_in_order()


def test_settled_refund_is_booked_from_what_is_owed_first(shop: Shop) -> None:
    """500 too much was paid, and one book of 550 came back: the buyer's credit goes first, then the advance."""
    order = shop.order(BOOK, method="BANK_TRANSFER")
    payment = shop.transfer_payment(order)
    shop.statement({"amount": "1600.00", "reference": payment.reference})
    shop.dispatch(order, all_of(order), tracking="T1")
    shop.take_back(order, [(goods_lines(order)[0], 1)])

    [refund] = finance.release_excess(order_id=order.pk, reason="return", by=None, now=NOW)
    finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)

    assert posted("refund", refund.public_id) == [
        ("204", "D", "550.00"),
        ("241", "P", "1050.00"),
        ("430", "D", "500.00"),
    ]
    assert {"204", "430"} & shop.balances(order).keys() == set()


@pytest.mark.django_db(transaction=True)
def test_refunds_asked_at_once_never_exceed_what_came(run_together: Callable[..., list[Any]]) -> None:
    shop, order = _paid_by_transfer()

    def ask_for_all(_: int) -> str:
        try:
            ask(order, "1100.00")
        except finance.RefundExceedsPayment as refusal:
            return refusal.code
        return "DONE"

    assert sorted(run_together(6, ask_for_all)) == ["DONE"] + ["REFUND_EXCEEDS_PAYMENT"] * 5
    assert [str(one.amount) for one in Refund.objects.all()] == ["1100.00"]
    assert shop.inventory_agrees()


@pytest.mark.django_db(transaction=True)
def test_control_refunds_without_the_orders_lock_send_the_money_twice(
    run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, order = _paid_by_transfer()
    both_have_read = threading.Barrier(2)

    class NoLock:
        def __getattr__(self, name: str) -> Any:
            return getattr(orders, name)

        def lock_order(self, *, order_id: int) -> Order:
            return Order.objects.get(pk=order_id)

    def read_together(order: Order) -> Any:
        found = [(payment, payment.captured) for payment in Payment.objects.filter(order=order)]
        both_have_read.wait(10)
        return found

    monkeypatch.setattr(refunds, "orders", NoLock())
    monkeypatch.setattr(refunds, "_refundable", read_together)
    # Numbering the events of one order would notice too.
    monkeypatch.setattr(refunds, "announce", lambda *_, **__: None)

    def work(_: int) -> None:
        try:
            ask(order, "1100.00")
        finally:
            connection.close()

    run_together(2, work)

    assert [str(one.amount) for one in Refund.objects.all()] == ["1100.00", "1100.00"]


def _paid_by_transfer() -> tuple[Shop, Order]:
    shop = build()
    order = shop.order(BOOK, method="BANK_TRANSFER")
    payment = shop.transfer_payment(order)
    shop.statement({"amount": "1100.00", "reference": payment.reference})
    return shop, order
