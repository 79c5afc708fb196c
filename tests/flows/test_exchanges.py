"""Exchanges from agreeing to the last para: even, dearer, cheaper; goods that never come, that were sent ahead, that go back again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from crm.models import Message
from finance import operations as finance
from finance import workflows as money
from finance.models import FiscalReceipt, Payment, Refund
from finance.workflows.exchanges import bring_refunds_home
from oms.models import Exchange, Order, OrderException
from oms.workflows import cancellation, changes, exchange_money, exchanges, returns
from oms.workflows.checkout import PriceChanged
from oms.workflows.tenders import MethodMissing
from retail.kernel import outbox
from retail.kernel.models import OutboxEvent
from tests.flows.chain import NOW, Chain
from tests.flows.exchanges import agreed, arrives, bought, credited, swap
from tests.flows.test_lifecycle import balances, healthy, send
from tests.unchanged import nothing_changes
from warehouse import workflows as goods
from warehouse.models import Reservation
from warehouse.operations import OutOfStock

pytestmark = pytest.mark.django_db

ZERO = Decimal("0.00")
LATER = NOW + timedelta(days=exchanges.EXCHANGE_DAYS, minutes=1)


def state(order: Order) -> tuple[str, str, str, str]:
    order.refresh_from_db()
    return (
        order.status,
        order.payment_status,
        str(order.due_total),
        str(order.captured_total - order.refunded_total),
    )


def payments(order: Order) -> list[tuple[str, str, str, str, str]]:
    rows = Payment.objects.filter(order=order).order_by("attempt")
    return [(p.method, p.state, str(p.amount), str(p.captured), str(p.refunded)) for p in rows]


def receipts(order: Order) -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    rows = FiscalReceipt.objects.filter(order=order).order_by("pk")
    return [
        (r.kind, r.transaction, str(r.total), [(p["method"], p["amount"]) for p in r.payments]) for r in rows
    ]


def claims(order: Order) -> list[tuple[str, int]]:
    rows = Reservation.objects.filter(order_line__order=order).exclude(state="RELEASED")
    return sorted(rows.values_list("state", "quantity"))


def react() -> None:
    while outbox.run_pending(now=NOW):
        pass


def test_even_exchange_holds_the_new_and_pays_it_with_the_old(chain: Chain) -> None:
    small, large = chain.variant(price="1100.00"), chain.variant(price="1100.00")
    first = bought(chain, (small, 2))
    shown = exchanges.preview_exchange(order_id=first.pk, wanted=swap(small, large), now=NOW)
    assert not Exchange.objects.exists() and Order.objects.count() == 1

    done = agreed(first, swap(small, large), expected_pay=ZERO, expected_refund=ZERO)

    outcome = done.outcome
    # Bringing it is free: the first goods paid for that.
    assert (outcome.worth, outcome.total, outcome.to_pay, outcome.to_refund) == (
        Decimal("1100.00"),
        Decimal("1100.00"),
        ZERO,
        ZERO,
    )
    assert (shown.worth, shown.total, shown.to_pay, shown.promise) == (
        outcome.worth,
        outcome.total,
        outcome.to_pay,
        outcome.promise,
    )
    assert state(done.order) == ("PENDING_PAYMENT", "NONE", "1100.00", "0.00")
    assert payments(done.order) == [("EXCHANGE", "PENDING", "1100.00", "0.00", "0.00")]
    assert claims(done.order) == [("HELD", 1)]
    assert done.order.payment_deadline == NOW + timedelta(days=exchanges.EXCHANGE_DAYS)
    healthy()

    arrives(chain, done.returned)

    assert state(done.order) == ("PLACED", "PAID", "1100.00", "1100.00")
    assert claims(done.order) == [("ALLOCATED", 1)]
    assert state(first)[1:] == ("PARTLY_REFUNDED", "1390.00", "1390.00")
    assert balances(done.order) == {"4306": Decimal("1100.00"), "430": Decimal("-1100.00")}
    assert receipts(first)[-1] == ("NORMAL", "REFUND", "1100.00", [("OTHER", "1100.00")])
    react()
    done.returned.refresh_from_db()
    assert done.returned.status == "REFUNDED"
    assert Exchange.objects.get().state == "PAID"
    healthy()

    send(chain, done.order)
    assert receipts(done.order) == [("NORMAL", "SALE", "1100.00", [("OTHER", "1100.00")])]
    assert balances(done.order)["604"] == Decimal("-1000.00") and "430" not in balances(done.order)
    healthy()


def test_dearer_one_waits_for_goods_and_difference_in_either_order(chain: Chain) -> None:
    cheap, dear = chain.variant(price="1000.00"), chain.variant(price="1500.00")
    first = bought(chain, (cheap, 2))
    with nothing_changes(), pytest.raises(MethodMissing):
        agreed(first, swap(cheap, dear))
    with nothing_changes(), pytest.raises(PriceChanged):
        agreed(first, swap(cheap, dear, method="BANK_TRANSFER"), expected_pay=Decimal("400.00"))
    done = agreed(first, swap(cheap, dear, method="BANK_TRANSFER"), expected_pay=Decimal("500.00"))
    assert payments(done.order) == [
        ("EXCHANGE", "PENDING", "1000.00", "0.00", "0.00"),
        ("BANK_TRANSFER", "PENDING", "500.00", "0.00", "0.00"),
    ]
    credited(done.order, Decimal("500.00"))
    assert state(done.order)[0] == "PENDING_PAYMENT"
    arrives(chain, done.returned)
    assert state(done.order) == ("PLACED", "PAID", "1500.00", "1500.00")
    healthy()

    second = agreed(first, swap(cheap, dear, method="BANK_TRANSFER"))
    arrives(chain, second.returned)
    assert state(second.order) == ("PENDING_PAYMENT", "PARTLY_PAID", "1500.00", "1000.00")
    credited(second.order, Decimal("500.00"))
    assert state(second.order) == ("PLACED", "PAID", "1500.00", "1500.00")
    send(chain, second.order)
    assert receipts(second.order)[-1] == (
        "NORMAL",
        "SALE",
        "1500.00",
        [("OTHER", "1000.00"), ("WIRE_TRANSFER", "500.00")],
    )
    healthy()


def test_difference_at_the_door_is_what_the_courier_collects(chain: Chain) -> None:
    cheap, dear = chain.variant(price="1000.00"), chain.variant(price="1500.00")
    first = bought(chain, (cheap, 1))
    done = agreed(first, swap(cheap, dear, method="CASH_ON_DELIVERY"))
    # Agreed is not yet here: cash at the door confirms nothing before the goods come.
    assert state(done.order)[0] == "PENDING_PAYMENT"
    arrives(chain, done.returned)
    assert state(done.order) == ("PLACED", "PARTLY_PAID", "1500.00", "1000.00")
    (shipment,) = send(chain, done.order)
    assert shipment.cod_amount == Decimal("500.00")
    assert balances(done.order)["2281"] == Decimal("500.00")
    healthy()


def test_another_way_of_paying_does_not_confirm_before_the_goods_come(chain: Chain) -> None:
    cheap, dear = chain.variant(price="1000.00"), chain.variant(price="1500.00")
    first = bought(chain, (cheap, 1))
    done = agreed(first, swap(cheap, dear, method="BANK_TRANSFER"))
    money.start_payment(order_id=done.order.pk, method="CASH_ON_DELIVERY", by=None, now=NOW)
    assert state(done.order)[0] == "PENDING_PAYMENT"
    assert payments(done.order) == [
        ("EXCHANGE", "PENDING", "1000.00", "0.00", "0.00"),
        ("BANK_TRANSFER", "EXPIRED", "500.00", "0.00", "0.00"),
        ("CASH_ON_DELIVERY", "PENDING", "500.00", "0.00", "0.00"),
    ]
    assert done.order.payment_deadline == done.exchange.deadline
    arrives(chain, done.returned)
    assert state(done.order)[0] == "PLACED"
    healthy()


def test_cheaper_one_gives_the_difference_back_when_the_goods_are_here(chain: Chain) -> None:
    dear, cheap = chain.variant(price="1500.00"), chain.variant(price="1000.00")
    first = bought(chain, (dear, 1))
    done = agreed(first, swap(dear, cheap), expected_refund=Decimal("500.00"))
    assert not Refund.objects.exists()
    arrives(chain, done.returned)
    assert [(str(r.amount), r.state, bool(r.moved_to_id)) for r in Refund.objects.order_by("pk")] == [
        ("1000.00", "DONE", True),
        ("500.00", "PENDING", False),
    ]
    assert receipts(first)[-1] == (
        "NORMAL",
        "REFUND",
        "1500.00",
        [("OTHER", "1000.00"), ("WIRE_TRANSFER", "500.00")],
    )
    assert state(done.order) == ("PLACED", "PAID", "1000.00", "1000.00")
    healthy()


def test_goods_that_never_come_give_the_new_ones_back_to_the_shelf(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00", stock=1)
    first = bought(chain, (old, 1))
    done = agreed(first, swap(old, new))
    with pytest.raises(OutOfStock):
        chain.place((new, 1))
    assert cancellation.cancel_overdue_orders(now=LATER) == 1
    react()
    assert state(done.order)[0] == "CANCELED" and claims(done.order) == []
    assert Exchange.objects.get().state == "ENDED"
    healthy()

    # Late is not lost: the goods are a return like any other.
    arrives(chain, done.returned, now=LATER)
    assert [(str(r.amount), bool(r.moved_to_id)) for r in Refund.objects.all()] == [("1000.00", False)]
    assert receipts(first)[-1][3] == [("WIRE_TRANSFER", "1000.00")]
    assert state(done.order)[0] == "CANCELED"
    healthy()


@pytest.mark.parametrize(
    "is_told_late", [False, True], ids=["told before the parcel is back", "told afterwards"]
)
def test_goods_that_came_back_unclaimed_are_not_awaited_in_any_letter(
    chain: Chain, is_told_late: bool
) -> None:
    """Asked for while the parcel was on its road: nobody took it, so its units are here and can come back no more."""
    old, new = chain.variant(price="1000.00"), chain.variant(price="900.00")
    first = chain.place((old, 1), payment_method="BANK_TRANSFER")
    credited(first, first.total)
    (parcel,) = send(chain, first)
    agreed(first, swap(old, new))
    if not is_told_late:
        react()
    goods.fail_delivery(shipment_id=parcel.pk, reason="REFUSED", by=None, now=NOW)
    goods.return_to_sender(shipment_id=parcel.pk, location_id=parcel.location_id, by=chain.bojan, now=NOW)
    cancellation.cancel_overdue_orders(now=LATER)
    react()
    assert Exchange.objects.get().state == "ENDED"
    assert not OutboxEvent.objects.exclude(pending=[]).exists()
    told = Message.objects.filter(kind__in=["exchange_agreed", "exchange_ended"]).order_by("pk")
    assert list(told.values_list("kind", flat=True)) == ["exchange_agreed", "exchange_ended"]
    healthy()


def test_return_that_is_not_accepted_cancels_the_new_order(chain: Chain) -> None:
    old, new = chain.variant(), chain.variant()
    done = agreed(bought(chain, (old, 1)), swap(old, new))
    returns.reject_return(number=done.returned.number, reason="Korišćeno", by=chain.dragan, now=NOW)
    assert state(done.order)[0] == "CANCELED"
    assert Exchange.objects.get().state == "ENDED"
    react()
    healthy()


def test_money_of_an_exchange_goes_home_when_the_new_order_is_canceled(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    first = bought(chain, (old, 1))
    done = agreed(first, swap(old, new))
    arrives(chain, done.returned)
    react()
    cancellation.cancel_order(order_id=done.order.pk, reason="ne treba", by=chain.dragan, now=NOW)
    react()
    assert bring_refunds_home(now=NOW) == 1
    assert bring_refunds_home(now=NOW) == 0
    assert balances(done.order) == {}
    # To the account that the first transfer came from.
    back = Refund.objects.get(payment__order=first, state="PENDING")
    assert (str(back.amount), back.bank_account) == ("1000.00", PAYER_DIGITS)
    finance.settle_refund(refund_id=back.pk, by=chain.dragan, now=NOW)
    assert state(first)[2:] == ("290.00", "290.00")
    assert balances(first).get("4306") is None
    healthy()


PAYER_DIGITS = "160000000001234595"


def test_part_of_what_an_exchange_paid_goes_home_and_the_rest_stays(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    first = bought(chain, (old, 2))
    done = agreed(first, swap(old, new, units=2))
    arrives(chain, done.returned)
    send(chain, done.order)
    again = returns.request_return(
        order_id=done.order.pk,
        lines=[returns.Asked(new.sku, 1, "OTHER")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    arrives(chain, again)
    assert receipts(done.order)[-1] == ("NORMAL", "REFUND", "1000.00", [("OTHER", "1000.00")])
    assert bring_refunds_home(now=NOW) == 1
    moved = Refund.objects.filter(moved_to__isnull=False).order_by("pk")
    assert [(str(r.amount), r.state) for r in moved] == [("2000.00", "REFUSED"), ("1000.00", "DONE")]
    assert [str(r.amount) for r in Refund.objects.filter(payment__order=first, state="PENDING")] == [
        "1000.00"
    ]
    assert payments(done.order) == [("EXCHANGE", "CAPTURED", "2000.00", "2000.00", "1000.00")]
    healthy()


def test_exchange_of_what_was_exchanged_finds_its_way_home(chain: Chain) -> None:
    old, new, newest = (chain.variant(price="1000.00") for _ in range(3))
    first = bought(chain, (old, 1))
    one = agreed(first, swap(old, new))
    arrives(chain, one.returned)
    send(chain, one.order)
    two = agreed(one.order, swap(new, newest))
    arrives(chain, two.returned)
    assert state(two.order) == ("PLACED", "PAID", "1000.00", "1000.00")
    healthy()
    cancellation.cancel_order(order_id=two.order.pk, reason="ne treba", by=chain.dragan, now=NOW)
    assert bring_refunds_home(now=NOW) == 1
    assert bring_refunds_home(now=NOW) == 1
    assert [str(r.amount) for r in Refund.objects.filter(payment__order=first, state="PENDING")] == [
        "1000.00"
    ]
    healthy()


def test_while_goods_are_awaited_the_address_changes_and_the_price_does_not(chain: Chain) -> None:
    small, large = chain.variant(price="1100.00"), chain.variant(price="1100.00")
    new = agreed(bought(chain, (small, 1)), swap(small, large)).order
    asked = payments(new)

    more = changes.Changes(lines=[(large.sku, 2)])
    with nothing_changes(), pytest.raises(changes.WaitsForExchange):
        changes.apply_changes(order_id=new.pk, changes=more, version=new.version, by=None, now=NOW)
    elsewhere = changes.Changes(street="Dunavska 2")
    done = changes.apply_changes(
        order_id=new.pk, changes=elsewhere, version=new.version, by=None, now=NOW
    ).outcome
    assert (done.to_pay, done.to_refund) == (ZERO, ZERO)
    assert (state(new), payments(new)) == (("PENDING_PAYMENT", "NONE", str(new.total), "0.00"), asked)
    new.refresh_from_db()
    assert new.street == "Dunavska 2"
    healthy()


def test_sent_ahead_is_paid_when_the_old_one_comes(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    done = agreed(bought(chain, (old, 1)), swap(old, new))
    exchanges.send_ahead(number=done.order.number, by=chain.dragan, now=NOW)
    assert state(done.order) == ("PLACED", "NONE", "1000.00", "0.00")
    with nothing_changes(), pytest.raises(exchanges.ExchangeOver):
        exchanges.send_ahead(number=done.order.number, by=chain.dragan, now=NOW)
    send(chain, done.order)
    assert balances(done.order)["204"] == Decimal("1000.00")
    healthy()
    arrives(chain, done.returned)
    assert "204" not in balances(done.order)
    assert state(done.order)[1:] == ("PAID", "1000.00", "1000.00")
    healthy()


def test_sent_ahead_and_nothing_came_back_is_owed_for(chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    done = agreed(bought(chain, (old, 1)), swap(old, new))
    exchanges.send_ahead(number=done.order.number, by=chain.dragan, now=NOW)
    send(chain, done.order)
    assert exchange_money.sweep_exchanges(now=NOW) == 0
    assert exchange_money.sweep_exchanges(now=LATER) == 1
    assert exchange_money.sweep_exchanges(now=LATER) == 0
    assert payments(done.order) == [
        ("EXCHANGE", "EXPIRED", "1000.00", "0.00", "0.00"),
        ("BANK_TRANSFER", "PENDING", "1000.00", "0.00", "0.00"),
    ]
    case = OrderException.objects.get(order=done.order)
    assert (case.kind, case.detail["reason"]) == ("PAYMENT_MISMATCH", "EXCHANGE_NOT_RETURNED")
    assert Exchange.objects.get().state == "ENDED"
    healthy()
    arrives(chain, done.returned, now=LATER)
    assert Exchange.objects.get().state == "PAID"
    assert "204" not in balances(done.order)
    healthy()


def test_not_even_is_not_sent_ahead(chain: Chain) -> None:
    cheap, dear = chain.variant(price="1000.00"), chain.variant(price="1500.00")
    done = agreed(bought(chain, (cheap, 1)), swap(cheap, dear, method="CASH_ON_DELIVERY"))
    with nothing_changes(), pytest.raises(exchanges.RestNotPaid):
        exchanges.send_ahead(number=done.order.number, by=chain.dragan, now=NOW)


def test_cash_that_the_courier_still_has_pays_when_it_comes(chain: Chain) -> None:
    from warehouse import workflows as goods
    from warehouse.models import Parcel

    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    first = chain.place((old, 1))
    (shipment,) = send(chain, first)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    done = agreed(first, swap(old, new))
    arrives(chain, done.returned)
    assert state(done.order)[0] == "PENDING_PAYMENT"
    assert OrderException.objects.get().detail["reason"] == "EXCHANGE_WAITS_FOR_MONEY"
    healthy()
    Parcel.objects.filter(shipment=shipment).update(tracking_number="PE123")
    assert shipment.service is not None
    text = "line_key,tracking_number,amount,fee,paid_on\nr1,PE123,1290.00,0.00,2026-12-04\n"
    money.import_courier_remittance(carrier_code=shipment.service.carrier.code, text=text, by=None, now=NOW)
    assert exchange_money.sweep_exchanges(now=NOW) == 1
    assert state(done.order) == ("PLACED", "PAID", "1000.00", "1000.00")
    assert not OrderException.objects.filter(state="OPEN", cause_key__startswith="exchange").exists()
    healthy()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"instead": []}, exchanges.NothingInstead),
        ({"back": [returns.Asked("9999999999999", 1, "OTHER")]}, None),
        ({"bank_account": "12"}, returns.InvalidAccount),
    ],
)
def test_what_cannot_be_exchanged_changes_nothing(chain: Chain, change: dict[str, Any], refusal: Any) -> None:
    from dataclasses import replace

    from oms.operations import LineNotFound

    old, new = chain.variant(), chain.variant()
    first = bought(chain, (old, 1))
    with nothing_changes(), pytest.raises(refusal or LineNotFound):
        agreed(first, replace(swap(old, new), **change))


def test_what_a_former_system_sold_is_neither_taken_back_nor_exchanged(chain: Chain, client: Client) -> None:
    small, large = chain.variant(), chain.variant()
    order = bought(chain, (small, 1))
    page = f"/order/{order.token}/"
    assert f"{page}return/" in client.get(page).text
    Order.objects.filter(pk=order.pk).update(is_imported=True)

    with nothing_changes(), pytest.raises(returns.SoldElsewhere):
        agreed(order, swap(small, large))
    with nothing_changes(), pytest.raises(returns.SoldElsewhere):
        returns.request_return(
            order_id=order.pk, lines=[returns.Asked(small.sku, 1, "OTHER")], by=None, now=NOW
        )
    assert f"{page}return/" not in client.get(page).text


def test_new_goods_that_are_gone_leave_no_return_behind(chain: Chain) -> None:
    old, new = chain.variant(), chain.variant(stock=0)
    first = bought(chain, (old, 1))
    with nothing_changes(), pytest.raises(OutOfStock):
        agreed(first, swap(old, new))
