"""Gift cards from the money that buys them to the goods that they pay, with exact books, doctor clean at every station."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail

from crm import operations as crm
from crm.models import GiftCard, GiftCardEntry
from finance import operations as finance
from finance import selectors as finance_reads
from finance.models import FiscalReceipt, Payment, Refund
from finance.workflows import gift_cards as cards
from oms.models import Basket, Order
from oms.workflows import cancellation, changes, placing, returns, tenders
from oms.workflows.basket_coupons import TooManyAttempts
from oms.workflows.checkout import Company
from oms.workflows.gift_card_orders import InvalidGiftCard
from tests.flows.chain import NOW, Chain
from tests.flows.gift_cards import make_card, order_cards, pay
from tests.flows.test_lifecycle import balances, healthy, send
from tests.lock_order import recorded_locks
from tests.unchanged import nothing_changes
from warehouse import workflows as goods

pytestmark = pytest.mark.django_db


def entries(card: GiftCard) -> list[tuple[str, str]]:
    return [(one.reason, str(one.amount)) for one in card.entries.order_by("pk")]


def balance(card: GiftCard) -> Decimal:
    card.refresh_from_db()
    return card.balance


def with_cards(basket: Basket, *codes: str) -> Basket:
    for code in codes:
        tenders.apply_gift_card(token=basket.token, code=code, now=NOW)
    return basket


def place(chain: Chain, basket: Basket, **changes: object) -> Order:
    return placing.place_order(checkout=chain.checkout(basket, **changes), by=None, now=NOW).order


def receipts(order: Order) -> list[tuple[str, str, list[tuple[str, str]]]]:
    rows = FiscalReceipt.objects.filter(order=order).order_by("pk")
    return [
        (one.kind, one.transaction, [(each["method"], each["amount"]) for each in one.payments])
        for one in rows
    ]


def owed(chain: Chain) -> Decimal:
    return -finance_reads.account_balance(entity_id=chain.entity.pk, code="4305")


# ------------------------------------------------------------------ sold


def test_card_is_worth_nothing_until_it_is_paid(chain: Chain) -> None:
    chain.variant()
    order = order_cards(chain, "3000")
    card = GiftCard.objects.get()
    assert (order.status, order.total, order.delivery_method) == (
        "PENDING_PAYMENT",
        Decimal("3000.00"),
        "DIGITAL",
    )
    assert (card.balance, card.code_digest, card.sent_at) == (Decimal("0.00"), "", None)
    with nothing_changes():
        assert cards.deliver_cards(order_id=order.pk, now=NOW) == ""
    healthy()


def test_paid_card_is_owed_without_tax_and_its_code_is_only_in_the_letter(chain: Chain) -> None:
    card, code = make_card(chain, "3000")
    order = Order.objects.get(number=card.order_number)
    assert (order.status, order.payment_status, order.fulfillment_status) == (
        "COMPLETED",
        "PAID",
        "DELIVERED",
    )
    assert balances(order) == {"241": Decimal("3000.00"), "4305": Decimal("-3000.00")}
    assert receipts(order) == [("ADVANCE", "SALE", [("WIRE_TRANSFER", "3000.00")])]
    [receipt] = FiscalReceipt.objects.filter(order=order)
    assert receipt.tax_by_rate == [{"rate": "0.00", "gross": "3000.00", "net": "3000.00", "tax": "0.00"}]
    assert (card.balance, entries(card), card.last_four) == (
        Decimal("3000.00"),
        [("ISSUED", "3000.00")],
        code[-4:],
    )
    assert str(card.expires_on) == "2028-12-02"
    assert mail.outbox[-1].to == ["mila@example.com"]
    assert "Srećan rođendan!" in str(mail.outbox[-1].body)
    assert GiftCard.objects.filter(code_digest__contains=code.replace("-", "")).count() == 0
    healthy()


def test_delivering_again_does_nothing(chain: Chain) -> None:
    card, _ = make_card(chain, "3000")
    chain.variant()
    order = Order.objects.get(number=card.order_number)
    with nothing_changes():
        assert cards.deliver_cards(order_id=order.pk, now=NOW) == ""
        assert cards.deliver_due_cards(now=NOW) == 0


@pytest.mark.parametrize(
    "wanted",
    [
        changes.Changes(note="Požurite"),
        changes.Changes(company=Company("Firma d.o.o.", "100000024", "20998873")),
    ],
)
def test_order_of_cards_is_not_changed(chain: Chain, wanted: changes.Changes) -> None:
    chain.variant()
    order = order_cards(chain, "3000")
    with nothing_changes(), pytest.raises(changes.CardsNotChanged):
        changes.apply_changes(order_id=order.pk, changes=wanted, version=order.version, by=None, now=NOW)


@pytest.mark.parametrize("amount", ["499", "50001", "1000.50", "-1000"])
def test_amount_that_no_card_has_is_refused(chain: Chain, amount: str) -> None:
    chain.variant()
    with nothing_changes(), pytest.raises(InvalidGiftCard) as refused:
        order_cards(chain, amount)
    assert refused.value.details["fields"] == ["amount"]


def test_unpaid_order_of_cards_is_canceled_and_late_money_issues_them(chain: Chain) -> None:
    order = order_cards(chain, "2000")
    later = NOW + timedelta(days=8)
    cancellation.cancel_unpaid_order(order_id=order.pk, now=later)
    pay(order, now=later)
    assert order.status == "PLACED"
    assert cards.deliver_cards(order_id=order.pk, now=later) == "ISSUED"
    assert owed(chain) == Decimal("2000.00")
    healthy()


# ------------------------------------------------------------------ paid with


def test_card_covers_the_whole_order(chain: Chain) -> None:
    card, code = make_card(chain, "5000")
    basket = with_cards(chain.basket((chain.variant(price="1000.00"), 2)), code)
    with recorded_locks() as locks:
        order = place(chain, basket, payment_method="CARD", expected_rest=Decimal("0.00"))
    # The statement that writes the order names coupons too, but has none: they were asked before the card.
    held = [table for table in locks.transactions[0] if table != "crm_coupon"]
    assert held[:3] == ["oms_basket", "crm_giftcard", "warehouse_reservation"]
    # 2 × 1,000.00 + 290.00
    assert (order.status, order.payment_method, order.payment_status, order.captured_total) == (
        "PLACED",
        "GIFT_CARD",
        "PAID",
        Decimal("2290.00"),
    )
    assert balance(card) == Decimal("2710.00")
    assert balances(order) == {"4305": Decimal("2290.00"), "430": Decimal("-2290.00")}
    [payment] = Payment.objects.filter(order=order)
    assert (payment.method, payment.state, payment.amount, payment.captured, payment.gift_card_id) == (
        "GIFT_CARD",
        "CAPTURED",
        Decimal("2290.00"),
        Decimal("2290.00"),
        card.pk,
    )
    healthy()
    send(chain, order)
    # Taxed now: 2,290.00 at 10 %.
    assert balances(order) == {
        "4305": Decimal("2290.00"),
        "604": Decimal("-1818.18"),
        "614": Decimal("-263.64"),
        "4761": Decimal("-208.18"),
        "501": Decimal("800.00"),
        "134": Decimal("-800.00"),
    }
    assert receipts(order) == [("NORMAL", "SALE", [("VOUCHER", "2290.00")])]
    healthy()


def test_two_cards_and_the_rest_in_cash(chain: Chain) -> None:
    first, one = make_card(chain, "500")
    second, two = make_card(chain, "600")
    basket = with_cards(chain.basket((chain.variant(price="1000.00"), 2)), one, two)
    order = place(chain, basket, expected_rest=Decimal("1190.00"))
    assert (order.status, order.payment_method, order.payment_status) == (
        "PLACED",
        "CASH_ON_DELIVERY",
        "PARTLY_PAID",
    )
    assert (balance(first), balance(second)) == (Decimal("0.00"), Decimal("0.00"))
    payments = Payment.objects.filter(order=order).order_by("attempt")
    assert [(p.attempt, p.method, str(p.amount), str(p.captured)) for p in payments] == [
        (1, "GIFT_CARD", "500.00", "500.00"),
        (2, "GIFT_CARD", "600.00", "600.00"),
        (3, "CASH_ON_DELIVERY", "1190.00", "0.00"),
    ]
    healthy()
    (shipment,) = send(chain, order)
    assert shipment.cod_amount == Decimal("1190.00")
    assert balances(order)["2281"] == Decimal("1190.00")
    assert receipts(order) == [("NORMAL", "SALE", [("VOUCHER", "1100.00"), ("CASH", "1190.00")])]
    healthy()


def test_rest_by_transfer_is_taxed_as_an_advance_and_the_card_is_not(chain: Chain) -> None:
    _, code = make_card(chain, "1000")
    basket = with_cards(chain.basket((chain.variant(price="1000.00"), 2)), code)
    order = place(chain, basket, payment_method="BANK_TRANSFER", expected_rest=Decimal("1290.00"))
    assert (order.status, order.payment_status) == ("PENDING_PAYMENT", "PARTLY_PAID")
    pay(order)
    assert (order.status, order.payment_status) == ("PLACED", "PAID")
    # 1,290.00 at 10 %: 117.27.
    assert balances(order) == {
        "4305": Decimal("1000.00"),
        "241": Decimal("1290.00"),
        "430": Decimal("-2290.00"),
        "4309": Decimal("117.27"),
        "4730": Decimal("-117.27"),
    }
    healthy()
    send(chain, order)
    assert receipts(order) == [
        ("ADVANCE", "SALE", [("WIRE_TRANSFER", "1290.00")]),
        ("ADVANCE", "REFUND", [("WIRE_TRANSFER", "1290.00")]),
        ("NORMAL", "SALE", [("VOUCHER", "1000.00"), ("WIRE_TRANSFER", "1290.00")]),
    ]
    assert balances(order)["4761"] == Decimal("-208.18")
    healthy()


def test_several_cards_spend_only_what_is_needed(chain: Chain) -> None:
    first, one = make_card(chain, "2000")
    second, two = make_card(chain, "2000")
    basket = with_cards(chain.basket((chain.variant(price="2000.00"), 1)), two, one, two)
    place(chain, basket)
    assert (balance(second), balance(first)) == (Decimal("0.00"), Decimal("1710.00"))
    healthy()


# ------------------------------------------------------------------ refused


def test_code_that_does_not_hold_gets_one_answer(chain: Chain) -> None:
    blocked, code = make_card(chain, "1000")
    crm.block_card(public_id=blocked.public_id, reason="prijavljena krađa", by=None, now=NOW)
    over, old = make_card(chain, "1000")
    GiftCard.objects.filter(pk=over.pk).update(expires_on=NOW.date() - timedelta(days=1))
    basket = chain.basket((chain.variant(), 1))
    answers = set()
    for typed in (code, old, "XXXX-XXXX-XXXX-XXXX", "KNJIGA", ""):
        with nothing_changes(), pytest.raises(crm.UnknownGiftCard) as refused:
            tenders.apply_gift_card(token=basket.token, code=typed, now=NOW)
        answers.add((refused.value.code, refused.value.message, str(refused.value.details)))
    assert len(answers) == 1


def test_guesses_are_counted_with_those_of_coupons(chain: Chain) -> None:
    basket = chain.basket((chain.variant(), 1))
    for _ in range(15):
        with pytest.raises(crm.UnknownGiftCard):
            tenders.apply_gift_card(token=basket.token, code="XXXX-XXXX-XXXX-XXXX", now=NOW)
    with nothing_changes(), pytest.raises(TooManyAttempts):
        tenders.apply_gift_card(token=basket.token, code="XXXX-XXXX-XXXX-XXXX", now=NOW)


def test_card_spent_meanwhile_is_told_and_nothing_is_ordered(chain: Chain) -> None:
    _, code = make_card(chain, "2000")
    variant = chain.variant(price="1000.00", stock=9)
    late = with_cards(chain.basket((variant, 1)), code)
    place(chain, with_cards(chain.basket((variant, 1)), code), expected_rest=Decimal("0.00"))
    with nothing_changes(), pytest.raises(tenders.TenderChanged) as refused:
        place(chain, late, expected_rest=Decimal("0.00"))
    # 2,000.00 less 1,290.00 is left on the card.
    assert refused.value.details["rest"] == "580.00"
    healthy()


def test_method_is_missing_when_cards_do_not_cover(chain: Chain) -> None:
    _, code = make_card(chain, "500")
    basket = with_cards(chain.basket((chain.variant(price="1000.00"), 1)), code)
    with nothing_changes(), pytest.raises(tenders.MethodMissing):
        place(chain, basket, payment_method="GIFT_CARD")


# ------------------------------------------------------------------ given back


def test_canceled_order_gives_the_card_its_money_at_once(chain: Chain) -> None:
    card, code = make_card(chain, "500")
    basket = with_cards(chain.basket((chain.variant(price="1000.00"), 1)), code)
    order = place(chain, basket)
    with recorded_locks() as locks:
        cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=NOW)
    assert locks.transactions[0][:4] == [
        "oms_order",
        "audit_proposal",
        "crm_giftcard",
        "warehouse_reservation",
    ]
    order.refresh_from_db()
    assert entries(card) == [("ISSUED", "500.00"), ("SPENT", "-500.00"), ("GIVEN_BACK", "500.00")]
    assert (balance(card), order.payment_status, order.refunded_total) == (
        Decimal("500.00"),
        "REFUNDED",
        Decimal("500.00"),
    )
    assert balances(order) == {}
    healthy()


def test_payment_that_never_came_gives_the_card_its_money(chain: Chain) -> None:
    card, code = make_card(chain, "500")
    basket = with_cards(chain.basket((chain.variant(price="1000.00"), 1)), code)
    order = place(chain, basket, payment_method="BANK_TRANSFER")
    cancellation.cancel_unpaid_order(order_id=order.pk, now=NOW + timedelta(days=8))
    assert balance(card) == Decimal("500.00")
    # The transfer comes after all: the card is free again, so the order stays canceled and the money goes back.
    pay(order, now=NOW + timedelta(days=9))
    assert order.status == "CANCELED"
    assert [
        (r.payment.method, r.state, str(r.amount)) for r in Refund.objects.filter(payment__order=order)
    ] == [
        ("GIFT_CARD", "DONE", "500.00"),
        ("BANK_TRANSFER", "PENDING", "790.00"),
    ]
    healthy()


def test_return_gives_money_back_first_and_the_card_last(chain: Chain) -> None:
    card, code = make_card(chain, "1500")
    variant = chain.variant(price="1000.00", stock=9)
    basket = with_cards(chain.basket((variant, 2)), code)
    order = place(chain, basket, payment_method="BANK_TRANSFER")
    pay(order)
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(variant.sku, 2, "DAMAGED")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    with recorded_locks() as locks:
        returns.receive_return(
            number=asked.number,
            location_code="S-001",
            lines=[returns.Arrived(variant.sku, 2, "RESTOCK")],
            by=chain.bojan,
            now=NOW,
        )
    assert locks.transactions[0][:2] == ["oms_order", "crm_giftcard"]
    # 2,290.00 = 1,500.00 by card and 790.00 by transfer; 2,000.00 come back.
    refunds = Refund.objects.filter(payment__order=order).order_by("pk")
    assert [(r.payment.method, r.state, str(r.amount)) for r in refunds] == [
        ("BANK_TRANSFER", "PENDING", "790.00"),
        ("GIFT_CARD", "DONE", "1210.00"),
    ]
    assert balance(card) == Decimal("1210.00")
    assert receipts(order)[-1] == (
        "NORMAL",
        "REFUND",
        [("VOUCHER", "1210.00"), ("WIRE_TRANSFER", "790.00")],
    )
    healthy()
    waiting = refunds.get(state="PENDING")
    finance.settle_refund(refund_id=waiting.pk, by=None, now=NOW)
    assert owed(chain) == Decimal("1210.00")
    healthy()


def test_unused_card_goes_back_and_is_empty(chain: Chain) -> None:
    card, _ = make_card(chain, "3000")
    [refund] = cards.return_card(public_id=card.public_id, reason="pogrešan iznos", by=None, now=NOW)
    assert (refund.payment.method, refund.state, refund.amount) == (
        "BANK_TRANSFER",
        "PENDING",
        Decimal("3000.00"),
    )
    assert (balance(card), entries(card)) == (
        Decimal("0.00"),
        [("ISSUED", "3000.00"), ("REFUNDED", "-3000.00")],
    )
    healthy()
    finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)
    order = Order.objects.get(number=card.order_number)
    assert balances(order) == {}
    assert receipts(order)[-1] == ("ADVANCE", "REFUND", [("WIRE_TRANSFER", "3000.00")])
    assert order.payment_status == "REFUNDED"
    healthy()
    with nothing_changes(), pytest.raises(crm.GiftCardUsed):
        cards.return_card(public_id=card.public_id, reason="još jednom", by=None, now=NOW)


def test_used_card_does_not_go_back(chain: Chain) -> None:
    card, code = make_card(chain, "3000")
    place(chain, with_cards(chain.basket((chain.variant(price="1000.00"), 1)), code))
    with nothing_changes(), pytest.raises(crm.GiftCardUsed):
        cards.return_card(public_id=card.public_id, reason="ipak ne", by=None, now=NOW)


def test_card_past_its_day_is_the_shops(chain: Chain) -> None:
    card, _ = make_card(chain, "3000")
    chain.variant()
    last = NOW + timedelta(days=731)
    with nothing_changes():
        assert cards.expire_cards(now=last) == 0
    assert cards.expire_cards(now=last + timedelta(days=1)) == 1
    assert (balance(card), entries(card)[-1]) == (Decimal("0.00"), ("EXPIRED", "-3000.00"))
    assert -finance_reads.account_balance(entity_id=chain.entity.pk, code="679") == Decimal("3000.00")
    assert owed(chain) == Decimal("0.00")
    healthy()


def test_card_of_another_day_waits_for_it(chain: Chain) -> None:
    from crm.workflows.gift_cards import send_due_cards

    day = (NOW + timedelta(days=5)).date()
    order = order_cards(chain, cards=[crm.NewCard(Decimal(1000), "mila@example.com", day)])
    pay(order)
    cards.deliver_cards(order_id=order.pk, now=NOW)
    assert send_due_cards(now=NOW) == 0
    assert send_due_cards(now=NOW + timedelta(days=5)) == 1
    assert send_due_cards(now=NOW + timedelta(days=6)) == 0


def test_new_letter_makes_a_new_code(chain: Chain) -> None:
    from tests.flows.gift_cards import send as send_letter

    card, old = make_card(chain, "1000")
    crm.send_again(public_id=card.public_id, recipient_email="mila.nova@example.com", by=None)
    card, new = send_letter(card)
    assert mail.outbox[-1].to == ["mila.nova@example.com"]
    assert old != new
    basket = chain.basket((chain.variant(), 1))
    with pytest.raises(crm.UnknownGiftCard):
        tenders.apply_gift_card(token=basket.token, code=old, now=NOW)
    tenders.apply_gift_card(token=basket.token, code=new.lower().replace("-", " "), now=NOW)
    assert GiftCardEntry.objects.count() == 1
