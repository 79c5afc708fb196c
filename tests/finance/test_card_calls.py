"""What we ask of the card provider: each parcel's part once, whatever becomes of the answer; an expired card holds the parcel."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from finance import operations as finance
from finance import workflows as money
from finance.models import Capture, JournalEntry
from oms.models import OrderException
from tests.factories import NOW, Sells, goods_of, make_shipment
from tests.finance.shop import Shop, all_of, open_exceptions, posted, state_of, summary
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

BOOK = Sells(1, "1100.00")

CUTS = ["TIMEOUT", "RESET", "TRUNCATED", "HTML_ANSWER"]


@pytest.mark.parametrize("fault", CUTS)
def test_capture_whose_answer_is_lost_is_looked_up_and_taken_once(
    shop: Shop, outside: Stand, fault: str
) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    outside.fault("card", fault, operation="capture")

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    assert summary(payment) == ("CAPTURED", "1100.00", "1100.00", "0.00", "0.00")
    seen = outside.card().fetch(reference=payment.public_id)
    assert seen is not None
    assert [operation.kind for operation in seen.operations] == ["CAPTURE"]
    assert ("430", "D", "1100.00") in posted("dispatch", shipment.number)
    # The provider's own message about it comes afterwards and finds it done.
    assert shop.deliver(outside) == ["NOTHING_NEW"]
    assert JournalEntry.objects.filter(document_kind="capture").count() == 1


def test_parcel_that_was_paid_in_two_parts_is_captured_from_both(shop: Shop, outside: Stand) -> None:
    """Units were added after the card was charged, and paid apart: no single card covers the parcel, and it stayed for ever."""
    order = shop.order(Sells(3, "3300.00"))
    payments = []
    for part in ("2200.00", "1100.00"):
        payment = finance.create_payment(order_id=order.pk, method="CARD", now=NOW, amount=Decimal(part))
        payments.append(money.open_card_session(payment_id=payment.pk, now=NOW))
        outside.choose(payment.public_id)
        shop.deliver(outside)

    shipment = shop.dispatch(order, all_of(order), tracking="T1")

    assert [summary(payment)[:3] for payment in payments] == [
        ("CAPTURED", "2200.00", "2200.00"),
        ("CAPTURED", "1100.00", "1100.00"),
    ]
    assert ("430", "D", "3300.00") in posted("dispatch", shipment.number)
    assert {capture.shipment_id for capture in Capture.objects.all()} == {shipment.pk}
    assert open_exceptions(order) == []


def test_parcel_stays_when_all_cards_together_do_not_cover_it(shop: Shop, outside: Stand) -> None:
    order = shop.order(Sells(3, "3300.00"))
    payment = finance.create_payment(order_id=order.pk, method="CARD", now=NOW, amount=Decimal("2200.00"))
    money.open_card_session(payment_id=payment.pk, now=NOW)
    outside.choose(payment.public_id)
    shop.deliver(outside)

    with pytest.raises(money.CaptureRefused):
        shop.dispatch(order, all_of(order), tracking="T1")

    assert summary(payment)[:3] == ("AUTHORIZED", "2200.00", "0.00")
    assert not Capture.objects.exists()


@pytest.mark.parametrize("fault", ["HTTP_503", "HTTP_429"])
def test_parcel_waits_while_nobody_knows_whether_the_card_was_charged(
    shop: Shop, outside: Stand, fault: str
) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    outside.fault("card", fault, operation="capture")

    with pytest.raises(money.CaptureUnknown):
        shop.dispatch(order, all_of(order), tracking="T1")

    assert payment.captures.get().state == "PENDING"
    assert shop.balances(order) == {}
    assert open_exceptions(order) == []

    shop.dispatch(order, all_of(order), tracking="T1")
    assert summary(payment)[:3] == ("CAPTURED", "1100.00", "1100.00")


def test_capture_left_in_doubt_is_settled_by_looking_never_by_taking(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    shipment = make_shipment(order, shop.location, tracking="T1")
    lost = Capture.objects.create(
        payment=payment, amount=Decimal("1100.00"), shipment=shipment, created_at=NOW
    )

    money.settle_captures(now=NOW + timedelta(minutes=5))
    lost.refresh_from_db()
    assert lost.state == "PENDING"
    money.settle_captures(now=NOW + timedelta(minutes=11))

    lost.refresh_from_db()
    assert (lost.state, lost.failure) == ("REFUSED", "NOT_SENT")
    assert summary(payment)[:3] == ("AUTHORIZED", "1100.00", "0.00")


def test_card_charged_for_goods_that_stay_is_a_case_after_a_day(shop: Shop, outside: Stand) -> None:
    """The process died between the charge and the dispatch, and nobody tried again."""
    order = shop.order(BOOK)
    shop.pay_card(order, outside)
    wanted = all_of(order)
    _, sold = goods_of(wanted)
    shipment = make_shipment(order, shop.location, tracking="T1")
    money.prepare_dispatch(shipment_id=shipment.pk, sold=sold, by=None, now=NOW)

    with nothing_changes():
        assert money.report_unsent_captures(now=NOW + timedelta(hours=23)) == 0
    next_day = NOW + timedelta(hours=25)
    assert money.report_unsent_captures(now=next_day) == 1
    assert money.report_unsent_captures(now=next_day) == 1
    case = OrderException.objects.get(order=order, state="OPEN")
    assert (case.kind, case.detail) == (
        "PAYMENT_MISMATCH",
        {"reason": "CAPTURED_NOT_SENT", "amount": "1100.00"},
    )

    shop.send(order, shipment, wanted)
    assert money.report_unsent_captures(now=next_day) == 0
    case.refresh_from_db()
    assert (case.state, case.resolution) == ("RESOLVED", "Sent or given back.")


def test_expired_authorization_holds_the_parcel(shop: Shop, outside: Stand) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    outside.move_clock(8 * 24 * 3600)

    with pytest.raises(money.CaptureRefused) as refused:
        shop.dispatch(order, all_of(order), tracking="T1")

    assert refused.value.code == "AUTHORIZATION_EXPIRED"
    [(kind, _)] = open_exceptions(order)
    assert kind == "AUTHORIZATION_EXPIRED"
    assert summary(payment) == ("EXPIRED", "1100.00", "0.00", "1100.00", "0.00")
    assert state_of(order)[1] == "NONE"
    assert shop.balances(order) == {}
    assert Capture.objects.get().state == "REFUSED"


def test_each_parcel_captures_its_own_part(shop: Shop, outside: Stand) -> None:
    order = shop.order(Sells(3, "1000.00"), BOOK, delivery="100.00")
    payment = shop.pay_card(order, outside)
    books, other = (line for line, _ in all_of(order))

    shop.dispatch(order, [(books, 1)], tracking="T1")
    assert summary(payment)[:3] == ("AUTHORIZED", "2200.00", "433.33")
    shop.dispatch(order, [(books, 2)], tracking="T2")
    shop.dispatch(order, [(other, 1)], tracking="T3")

    assert summary(payment)[:3] == ("CAPTURED", "2200.00", "2200.00")
    amounts = payment.captures.order_by("pk").values_list("amount", flat=True)
    assert [str(amount) for amount in amounts] == ["433.33", "666.67", "1100.00"]
    assert "430" not in shop.balances(order)
    assert "204" not in shop.balances(order)


@pytest.mark.parametrize("fault", CUTS)
def test_refund_whose_answer_is_lost_goes_back_once(shop: Shop, outside: Stand, fault: str) -> None:
    order = shop.order(BOOK)
    payment = shop.pay_card(order, outside)
    shop.dispatch(order, all_of(order), tracking="T1")
    _, given_back = shop.take_back(order, all_of(order))
    [refund] = finance.request_refund(
        order_id=order.pk, amount=given_back.total, reason="return", by=None, now=NOW
    )
    outside.fault("card", fault, operation="refund")

    money.send_refunds(now=NOW)
    money.send_refunds(now=NOW + timedelta(hours=1))
    shop.deliver(outside)

    assert summary(payment) == ("CAPTURED", "1100.00", "1100.00", "0.00", "1100.00")
    assert posted("refund", refund.public_id) == [("204", "D", "1100.00"), ("2280", "P", "1100.00")]
    assert shop.balances(order) == {}
