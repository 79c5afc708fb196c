"""Gift cards bought with a bank card, through the real stand-in of its provider: charged and issued once, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail

from crm import operations as crm
from crm.models import GiftCard, Message
from finance import workflows as money
from finance.models import Capture, FiscalReceipt, JournalEntry, Payment, Refund
from finance.workflows import gift_cards as cards
from oms.models import Order
from oms.workflows import cancellation, tenders
from retail.kernel import clock, outbox
from tests.finance.shop import Shop, open_exceptions, posted, receipts, summary
from tests.flows.chain import Chain, make_chain
from tests.flows.gift_cards import order_cards
from tests.flows.test_lifecycle import healthy
from tests.sandbox.stand import Stand
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

Commits = Callable[..., AbstractContextManager[Any]]


@dataclass
class World:
    """The shop, its bank, and the worker: what was announced is reacted to when it is asked for."""

    chain: Chain
    outside: Stand
    commits: Commits

    @property
    def shop(self) -> Shop:
        return Shop(self.chain.entity, self.chain.warehouse, self.chain.channel)

    def order(self, *amounts: str) -> tuple[Order, Payment]:
        order = order_cards(self.chain, *amounts, now=clock.now(), payment_method="CARD")
        return order, Payment.objects.get(order=order)

    def happen(self) -> None:
        """Events, the tasks that they ring, and the events of these."""
        for _ in range(3):
            with self.commits(execute=True):
                while outbox.run_pending(now=clock.now()):
                    pass

    def bought(self, *amounts: str) -> tuple[Order, Payment]:
        order, payment = self.order(*amounts)
        self.outside.choose(payment.public_id)
        self.shop.deliver(self.outside, now=clock.now())
        self.happen()
        order.refresh_from_db()
        return order, payment


@pytest.fixture
def world(db: None, outside: Stand, django_capture_on_commit_callbacks: Commits) -> World:
    chain = make_chain()
    chain.variant()
    return World(chain, outside, django_capture_on_commit_callbacks)


def state(order: Order) -> tuple[str, str, str]:
    order.refresh_from_db()
    return order.status, order.payment_status, order.fulfillment_status


def on_cards(order: Order) -> list[str]:
    rows = GiftCard.objects.filter(order_number=order.number).order_by("pk")
    return [str(card.balance) for card in rows]


def gift_letters() -> list[str]:
    return [str(letter.body) for letter in mail.outbox if letter.to == ["mila@example.com"]]


def code_in(letter: str) -> str:
    [code] = [word for word in letter.split() if len(word) == 19 and word.count("-") == 3]
    return code


# ------------------------------------------------------------------ charged and issued


def test_authorization_charges_the_card_issues_and_sends(world: World) -> None:
    order, payment = world.order("3000", "500")
    assert payment.redirect_url
    assert (state(order), on_cards(order)) == (
        ("PENDING_PAYMENT", "NONE", "UNROUTED"),
        ["0.00", "0.00"],
    )
    world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    # Authorized is not yet money: nothing is on the cards before it was taken.
    assert (state(order), on_cards(order)) == (
        ("PLACED", "AUTHORIZED", "UNROUTED"),
        ["0.00", "0.00"],
    )
    world.happen()

    assert state(order) == ("COMPLETED", "PAID", "DELIVERED")
    assert summary(payment) == ("CAPTURED", "3500.00", "3500.00", "0.00", "0.00")
    assert on_cards(order) == ["3000.00", "500.00"]
    assert world.shop.balances(order) == {"2280": "3500.00", "4305": "-3500.00"}
    capture = Capture.objects.get()
    assert posted("capture", capture.public_id) == [("2280", "D", "3500.00"), ("430", "P", "3500.00")]
    assert posted("gift_cards", order.number) == [("430", "D", "3500.00"), ("4305", "P", "3500.00")]
    seen = world.outside.card().fetch(reference=payment.public_id)
    assert seen is not None
    assert [(one.kind, str(one.amount)) for one in seen.operations] == [("CAPTURE", "3500.00")]
    assert len(gift_letters()) == 2
    healthy()


def test_receipt_is_one_for_an_advance_by_card_without_tax_and_is_signed(world: World) -> None:
    order, _ = world.bought("3000")
    [receipt] = FiscalReceipt.objects.filter(order=order)
    assert (receipt.kind, receipt.transaction, receipt.total) == ("ADVANCE", "SALE", Decimal("3000.00"))
    assert [(one["method"], one["amount"]) for one in receipt.payments] == [("CARD", "3000.00")]
    assert receipt.tax_by_rate == [{"rate": "0.00", "gross": "3000.00", "net": "3000.00", "tax": "0.00"}]
    assert money.sign_receipts(now=clock.now()) == 1
    assert receipts(order) == [("ADVANCE", "SALE", "3000.00", "SIGNED")]
    healthy()


def test_code_of_the_letter_pays_and_lies_nowhere_else(world: World) -> None:
    world.bought("3000")
    [letter] = gift_letters()
    code = code_in(letter)
    assert "Srećan rođendan!" in letter
    assert not Message.objects.filter(text_body__contains=code).exists()
    basket = world.chain.basket((world.chain.variant(), 1), now=clock.now())
    basket = tenders.apply_gift_card(token=basket.token, code=code, now=clock.now())
    assert [str(one.balance) for one in tenders.tenders_of(basket=basket, now=clock.now())] == ["3000.00"]


def test_buyers_letter_speaks_of_letters_not_of_a_courier(world: World) -> None:
    world.bought("3000")
    told = Message.objects.get(kind="order_placed")
    assert "Svaka poklon kartica stiže imejlom, onog dana koji ste izabrali." in told.text_body
    for words in ("kurir", "kada roba krene", "prikupljamo"):
        assert words not in told.text_body


def test_message_that_comes_ten_times_issues_once(world: World) -> None:
    order, payment = world.order("3000")
    world.outside.choose(payment.public_id)
    world.outside.deliver()
    [request] = world.outside.shop.requests
    for _ in range(10):
        event = money.receive_card_event(
            headers=dict(request.headers), raw_body=request.content, now=clock.now()
        )
        money.process_payment_event(event_id=event.pk, now=clock.now())
        world.happen()
    assert on_cards(order) == ["3000.00"]
    with nothing_changes():
        assert {cards.deliver_cards(order_id=order.pk, now=clock.now()) for _ in range(10)} == {""}
        assert cards.deliver_due_cards(now=clock.now()) == 0
    assert Capture.objects.count() == JournalEntry.objects.filter(document_kind="capture").count() == 1
    assert JournalEntry.objects.filter(document_kind="gift_cards").count() == 1
    assert (FiscalReceipt.objects.count(), len(gift_letters())) == (1, 1)
    healthy()


def test_lost_message_and_lost_event_are_found_by_the_sweeps(world: World) -> None:
    order, payment = world.order("3000")
    world.outside.choose(payment.public_id)
    later = clock.now() + timedelta(minutes=3)
    assert cards.deliver_due_cards(now=later) == 0
    money.poll_payments(now=later)
    assert (state(order)[0], on_cards(order)) == ("PLACED", ["0.00"])
    # Nobody reacts to what was announced; the sweep of every minute does.
    assert cards.deliver_due_cards(now=later) == 1
    assert cards.deliver_due_cards(now=later) == 0
    assert (state(order)[0], on_cards(order)) == ("COMPLETED", ["3000.00"])
    assert world.shop.balances(order) == {"2280": "3000.00", "4305": "-3000.00"}
    # The message comes after all, and what it was announced for.
    world.shop.deliver(world.outside, now=later)
    world.happen()
    assert (on_cards(order), Capture.objects.count(), len(gift_letters())) == (["3000.00"], 1, 1)
    healthy()


@pytest.mark.parametrize("fault", ["TIMEOUT", "RESET", "TRUNCATED", "HTML_ANSWER"])
def test_capture_whose_answer_is_lost_is_taken_once(world: World, fault: str) -> None:
    world.outside.fault("card", fault, operation="capture")
    order, payment = world.bought("3000")
    assert (on_cards(order), summary(payment)[0]) == (["3000.00"], "CAPTURED")
    seen = world.outside.card().fetch(reference=payment.public_id)
    assert seen is not None
    assert [one.kind for one in seen.operations] == ["CAPTURE"]
    healthy()


def test_cards_wait_while_the_bank_is_away_and_are_issued_by_the_sweep(world: World) -> None:
    world.outside.fault("card", "HTTP_503", operation="capture")
    order, _ = world.bought("3000")
    assert (state(order)[0], on_cards(order), Capture.objects.get().state) == (
        "PLACED",
        ["0.00"],
        "PENDING",
    )
    assert (world.shop.balances(order), open_exceptions(order)) == ({}, [])
    assert cards.deliver_due_cards(now=clock.now() + timedelta(minutes=1)) == 1
    assert (state(order)[0], on_cards(order), Capture.objects.count()) == ("COMPLETED", ["3000.00"], 1)
    healthy()


# ------------------------------------------------------------------ not paid


@pytest.mark.parametrize("choice", ["decline", "fail_3ds", "cancel"])
def test_declined_card_issues_nothing_and_another_try_does(world: World, choice: str) -> None:
    order, payment = world.order("3000")
    world.outside.choose(payment.public_id, choice)
    world.shop.deliver(world.outside, now=clock.now())
    world.happen()
    assert (state(order)[0], summary(payment)[0], on_cards(order)) == ("PENDING_PAYMENT", "FAILED", ["0.00"])
    with nothing_changes():
        assert cards.deliver_cards(order_id=order.pk, now=clock.now()) == ""
        assert cards.deliver_due_cards(now=clock.now()) == 0
    assert (gift_letters(), FiscalReceipt.objects.count(), Capture.objects.count()) == ([], 0, 0)
    healthy()

    again = money.start_payment(order_id=order.pk, method="CARD", by=None, now=clock.now())
    world.outside.choose(again.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    world.happen()
    assert (state(order)[0], on_cards(order), len(gift_letters())) == ("COMPLETED", ["3000.00"], 1)
    healthy()


def test_authorization_that_is_over_is_a_case_and_issues_nothing(world: World) -> None:
    order, payment = world.order("3000")
    world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    world.outside.move_clock(8 * 24 * 3600)
    for _ in range(3):
        cards.deliver_due_cards(now=clock.now())
    assert (on_cards(order), summary(payment)[0]) == (["0.00"], "EXPIRED")
    assert open_exceptions(order) == [("AUTHORIZATION_EXPIRED", f"gift_cards:{order.pk}")]
    assert Capture.objects.count() == 1
    healthy()
    # Nobody wants them any more: the case is over with the order.
    cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=clock.now())
    world.happen()
    assert open_exceptions(order) == []


def test_sweep_goes_on_until_none_is_left(world: World) -> None:
    orders = [world.order("1000")[0] for _ in range(3)]
    for payment in Payment.objects.all():
        world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    assert cards.deliver_due_cards(now=clock.now(), batch=1) == 3
    assert [on_cards(order) for order in orders] == [["1000.00"]] * 3


def test_order_canceled_before_it_was_charged_gives_the_card_free(world: World) -> None:
    order, payment = world.order("3000")
    world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=clock.now())
    world.happen()
    assert cards.deliver_cards(order_id=order.pk, now=clock.now()) == ""
    money.void_authorizations(now=clock.now())
    assert (state(order)[0], summary(payment), on_cards(order)) == (
        "CANCELED",
        ("VOIDED", "3000.00", "0.00", "3000.00", "0.00"),
        ["0.00"],
    )
    assert (gift_letters(), FiscalReceipt.objects.count(), world.shop.balances(order)) == ([], 0, {})
    healthy()


# ------------------------------------------------------------------ late money


def test_late_authorization_revives_an_order_that_nobody_canceled(world: World) -> None:
    order, payment = world.order("3000")
    cancellation.cancel_unpaid_order(order_id=order.pk, now=clock.now() + timedelta(days=1))
    assert state(order)[0] == "CANCELED"
    world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    world.happen()
    assert (state(order), on_cards(order)) == (("COMPLETED", "PAID", "DELIVERED"), ["3000.00"])
    assert world.shop.balances(order) == {"2280": "3000.00", "4305": "-3000.00"}
    assert (len(gift_letters()), Refund.objects.count()) == (1, 0)
    healthy()


def test_late_authorization_of_an_order_that_the_buyer_canceled_is_given_back(world: World) -> None:
    order, payment = world.order("3000")
    cancellation.cancel_order(
        order_id=order.pk, reason="predomislila se", by=None, now=clock.now(), is_shopper=True
    )
    world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    world.happen()
    money.void_authorizations(now=clock.now())
    assert cards.deliver_due_cards(now=clock.now()) == 0
    assert (state(order)[0], summary(payment)[0], on_cards(order)) == ("CANCELED", "VOIDED", ["0.00"])
    assert (gift_letters(), Capture.objects.count(), world.shop.balances(order)) == ([], 0, {})
    healthy()


def test_charge_that_outlived_its_order_goes_back(world: World) -> None:
    """The bank took the money, nobody heard of it, and the order was canceled meanwhile."""
    order, payment = world.order("3000")
    world.outside.choose(payment.public_id)
    world.shop.deliver(world.outside, now=clock.now())
    capture = Capture.objects.create(payment=payment, amount=Decimal("3000.00"), created_at=clock.now())
    world.outside.card().capture(
        reference=payment.public_id, key=capture.public_id, amount=Decimal("3000.00"), currency="RSD"
    )
    cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=clock.now())
    world.shop.deliver(world.outside, now=clock.now())
    world.happen()
    money.send_refunds(now=clock.now())
    assert (state(order)[0], on_cards(order)) == ("CANCELED", ["0.00"])
    assert summary(payment) == ("CAPTURED", "3000.00", "3000.00", "0.00", "3000.00")
    assert (world.shop.balances(order), gift_letters()) == ({}, [])
    healthy()


# ------------------------------------------------------------------ given back


def test_unused_card_goes_back_to_the_bank_card(world: World) -> None:
    order, payment = world.bought("3000", "500")
    [big, _] = GiftCard.objects.filter(order_number=order.number).order_by("pk")
    [refund] = cards.return_card(public_id=big.public_id, reason="pogrešan iznos", by=None, now=clock.now())
    assert (refund.payment_id, refund.state, str(refund.amount)) == (payment.pk, "PENDING", "3000.00")
    # The money is still ours, and owed to the bank card's holder.
    assert (on_cards(order), world.shop.balances(order)) == (
        ["0.00", "500.00"],
        {"2280": "3500.00", "4305": "-500.00", "430": "-3000.00"},
    )
    healthy()
    money.send_refunds(now=clock.now())
    money.send_refunds(now=clock.now() + timedelta(hours=1))
    world.shop.deliver(world.outside, now=clock.now())
    assert summary(payment) == ("CAPTURED", "3500.00", "3500.00", "0.00", "3000.00")
    assert posted("refund", refund.public_id) == [("2280", "P", "3000.00"), ("430", "D", "3000.00")]
    assert world.shop.balances(order) == {"2280": "500.00", "4305": "-500.00"}
    assert [one[:3] for one in receipts(order)] == [
        ("ADVANCE", "SALE", "3500.00"),
        ("ADVANCE", "REFUND", "3000.00"),
    ]
    assert state(order)[:2] == ("COMPLETED", "PARTLY_REFUNDED")
    seen = world.outside.card().fetch(reference=payment.public_id)
    assert seen is not None
    assert seen.refunded == Decimal("3000.00")
    healthy()


def test_card_that_was_returned_pays_for_nothing_and_returns_once(world: World) -> None:
    order, _ = world.bought("3000")
    card = GiftCard.objects.get()
    [letter] = gift_letters()
    cards.return_card(public_id=card.public_id, reason="pogrešan iznos", by=None, now=clock.now())
    money.send_refunds(now=clock.now())
    assert (state(order)[1], world.shop.balances(order)) == ("REFUNDED", {})
    assert money.sign_receipts(now=clock.now()) == 2
    basket = world.chain.basket((world.chain.variant(), 1), now=clock.now())
    with nothing_changes(), pytest.raises(crm.UnknownGiftCard):
        tenders.apply_gift_card(token=basket.token, code=code_in(letter), now=clock.now())
    with nothing_changes(), pytest.raises(crm.GiftCardUsed):
        cards.return_card(public_id=card.public_id, reason="još jednom", by=None, now=clock.now())
    healthy()
