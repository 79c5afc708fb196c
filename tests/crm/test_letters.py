"""Letters: one per event, in the order's language and script, sent by a worker once whatever fails."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from crm import operations as crm
from crm.models import Message
from finance.models import Payment
from oms.models import Order
from oms.workflows import cancellation, changes, returns
from retail.kernel import clock, outbox
from retail.kernel.models import OutboxEvent
from tests.flows.chain import NOW, Chain
from tests.flows.test_lifecycle import pick_all, send
from tests.storefront.shopping import planned
from warehouse import operations as stock
from warehouse import workflows as goods

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


def happen() -> list[str]:
    """Everything announced so far is reacted to; the kinds of all letters."""
    while outbox.run_pending(now=NOW):
        pass
    return list(Message.objects.order_by("pk").values_list("kind", flat=True))


def letter(kind: str) -> Message:
    return Message.objects.get(kind=kind)


@pytest.mark.parametrize(
    ("language", "subject", "words", "path"),
    [
        ("sr-latn", "Porudžbina {} je primljena", "Stiže: četvrtak, 3. decembar.", "/order/"),
        ("sr-cyrl", "Поруџбина {} је примљена", "Стиже: четвртак, 3. децембар.", "/sr-cyrl/order/"),
        ("en", "Order {} is in", "It arrives Thursday, 3 December.", "/en/order/"),
    ],
)
def test_the_letter_speaks_the_language_of_the_order(
    chain: Chain, language: str, subject: str, words: str, path: str
) -> None:
    order = chain.place((chain.variant(price="1100.00"), 1), language=language)
    assert happen() == ["order_placed"]
    written = letter("order_placed")
    assert written.subject_line == subject.format(order.number)
    assert written.recipient == "ana@example.com"
    for body in (written.text_body, written.html_body):
        assert words in body
        assert f"{path}{order.token}/" in body
        assert ("1,390.00" if language == "en" else "1.390,00") in body


def test_an_event_that_is_told_twice_is_one_letter(chain: Chain) -> None:
    chain.place((chain.variant(), 1))
    happen()
    event = OutboxEvent.objects.get(topic="oms.order_placed")
    event.pending = ["crm.handlers.tell_order_placed"]
    event.save()
    assert happen() == ["order_placed"]


def test_a_transfer_is_told_how_to_pay_and_a_card_nothing_yet(chain: Chain) -> None:
    order = chain.place((chain.variant(price="1100.00"), 1), payment_method="BANK_TRANSFER")
    assert happen() == ["bank_transfer"]
    payment = Payment.objects.get(order=order)
    body = letter("bank_transfer").text_body
    assert f"97 {payment.reference}" in body
    assert "265-1660310005042-68" in body
    assert f"/order/{order.token}/transfer/" in body


def test_goods_that_leave_arrive_and_come_back_are_told(chain: Chain) -> None:
    variant = chain.variant(stock=5)
    order = chain.place((variant, 2), language="en")
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    assert happen() == ["order_placed", "dispatched", "delivered"]
    assert f"{order.total:,.2f}" in letter("dispatched").text_body  # what the courier collects
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(variant.sku, 1, "DAMAGED")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="001234567",
    )
    happen()
    assert asked.number in letter("return_requested").text_body
    assert "001234567" not in letter("return_requested").text_body


def test_a_pickup_letter_brings_the_code_and_a_handover_no_courier(chain: Chain) -> None:
    order = chain.place(
        (chain.variant(stock=5, store_stock=2), 1),
        delivery_method="STORE_PICKUP",
        pickup_location="S-001",
        street="",
        city="",
        postal_code="",
        language="en",
    )
    shipment = planned(chain, order)
    pick_all(chain, shipment)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=chain.bojan, now=NOW)
    shipment.refresh_from_db()
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=NOW)
    kinds = happen()
    assert "ready_for_pickup" in kinds
    assert "dispatched" not in kinds
    assert shipment.handover_code in letter("ready_for_pickup").text_body


def test_a_canceled_order_says_what_happens_to_the_money(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1), language="en")
    cancellation.cancel_order(order_id=order.pk, reason="test", by=None, now=NOW)
    happen()
    assert "Nothing was charged." in letter("order_canceled").text_body


def change(order: Order, what: changes.Changes) -> None:
    order.refresh_from_db()
    changes.apply_changes(order_id=order.pk, changes=what, version=order.version, by=None, now=NOW)


def test_a_changed_order_says_what_it_is_now_in_one_letter(chain: Chain) -> None:
    book = chain.variant(price="1100.00")
    order = chain.place((book, 3), (chain.variant(), 1))
    happen()
    change(order, changes.Changes(street="Cara Dušana 5", lines=[(book.sku, 2)]))
    assert happen() == ["order_placed", "order_changed"]
    written = letter("order_changed")
    assert written.subject_line == f"Porudžbina {order.number} je promenjena"
    assert "šta je poručeno, kuda ide" in written.text_body
    assert book.product.title in written.text_body and "2.200,00" in written.text_body
    assert "3.300,00" not in written.text_body
    assert "Još je za plaćanje" not in written.text_body


def test_a_note_alone_is_nobodys_news_and_what_is_missing_can_be_paid_at_once(chain: Chain) -> None:
    book = chain.variant(price="1100.00")
    order = chain.place((book, 1), payment_method="BANK_TRANSFER", language="en")
    change(order, changes.Changes(note="ring twice"))
    assert happen() == ["bank_transfer"]
    change(order, changes.Changes(lines=[(book.sku, 2)]))
    assert happen()[1] == "order_changed"
    body = letter("order_changed").text_body
    order.refresh_from_db()
    assert order.due_total == Decimal("2490.00")
    assert "2,490.00" in body and "is still to be paid" in body
    assert f"/order/{order.token}/pay/" in body


def test_imported_orders_get_no_letters(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    Order.objects.filter(pk=order.pk).update(is_imported=True)
    assert happen() == []


# ------------------------------------------------------------------ sending
def queued(chain: Chain) -> Message:
    chain.place((chain.variant(), 1))
    happen()
    return Message.objects.get()


def test_the_sweep_sends_each_letter_once(chain: Chain) -> None:
    message = queued(chain)
    Message.objects.update(state="QUEUED", sent_at=None, next_attempt_at=None, attempts=0)
    mail.outbox.clear()
    assert crm.send_queued_messages(now=NOW) == 1
    assert crm.send_queued_messages(now=NOW) == 0
    (sent,) = mail.outbox
    assert (sent.to, sent.subject, sent.body) == (
        [message.recipient],
        message.subject_line,
        message.text_body,
    )
    assert sent.extra_headers["Message-ID"].startswith(f"<message-{message.pk}@")
    message.refresh_from_db()
    assert (message.state, message.attempts, message.sent_at) == ("SENT", 1, NOW)


def test_a_mail_server_that_is_down_is_tried_again_later_and_given_up_at_last(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = queued(chain)
    Message.objects.update(state="QUEUED", sent_at=None, next_attempt_at=None, attempts=0)

    def down(self: EmailBackend, messages: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", down)
    moment = NOW
    assert crm.send_queued_messages(now=moment) == 0
    message.refresh_from_db()
    assert (message.state, message.attempts, message.next_attempt_at) == (
        "QUEUED",
        1,
        NOW + timedelta(minutes=2),
    )
    assert crm.send_message(message_id=message.pk, now=NOW + timedelta(minutes=1)) == ""  # it rests
    for _ in range(10):
        moment += timedelta(hours=3)
        crm.send_queued_messages(now=moment)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("FAILED", 8)


def test_a_letter_that_a_worker_has_is_left_to_it(chain: Chain) -> None:
    message = queued(chain)
    Message.objects.update(
        state="QUEUED", sent_at=None, attempts=1, next_attempt_at=NOW + timedelta(minutes=5)
    )
    mail.outbox.clear()
    assert crm.send_queued_messages(now=NOW) == 0
    assert mail.outbox == []
    assert crm.send_message(message_id=message.pk, now=NOW + timedelta(minutes=6)) == "SENT"
