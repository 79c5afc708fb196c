"""A title that is nowhere on a shelf, ordered ahead of the delivery that brings it: from the basket to the parcel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import connection

from finance.models import FiscalReceipt
from oms.models import BasketLine, OrderException, PromiseChange
from oms.workflows import basket_later, baskets, cancellation, changes, placing, routing
from oms.workflows.checkout import MethodNotAvailable
from retail.doctor.examine import examine
from retail.kernel.errors import InvalidInput
from retail.kernel.models import OutboxEvent
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.gift_cards import pay
from tests.flows.preorders import AT_THE_DOOR, COMES, ahead, bought, came, claimed, claims
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Reservation, StockItem

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=8)


@pytest.fixture
def chain() -> Iterator[Chain]:
    made = make_chain()
    yield made
    broken = {f.check.name: f.rows for f in examine() if f.violations and f.check.name != "outbox_drains"}
    assert broken == {}


def test_an_order_ahead_is_served_by_the_delivery_before_anybody_else(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 5))
    order = ahead(chain, title, 2)
    assert (order.status, order.is_awaiting_supply, order.promised_on) == ("PLACED", True, AT_THE_DOOR)
    assert (claims(title), claimed(title)) == ([(2, "ALLOCATED")], 2)
    with nothing_changes(), pytest.raises(routing.NotRoutable):
        routing.route_order(order_id=order.pk, now=NOW)

    came(purchase, chain, title, 5, now=LATER)
    assert (claims(title), claimed(title)) == ([(2, "FILLED")], 0)
    held = Reservation.objects.get(order_line__order=order)
    assert (held.quantity, held.state, held.stock_item.bin.code) == (2, "ALLOCATED", "PREORDER")
    lying = StockItem.objects.filter(variant=title).order_by("bin__code")
    assert list(lying.values_list("bin__code", "on_hand", "reserved")) == [
        ("PREORDER", 2, 2),
        ("R-01", 3, 0),
    ]
    order.refresh_from_db()
    assert order.is_awaiting_supply is False
    assert OutboxEvent.objects.filter(topic="oms.supply_settled").count() == 1
    decision = routing.route_order(order_id=order.pk, now=LATER)
    assert [(step["location"], step["quantity"]) for step in decision.plan] == [("WH-1", 2)]


def test_who_ordered_first_is_served_first_and_the_rest_goes_on_waiting(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 6))
    first = ahead(chain, title, 2)
    second = ahead(chain, title, 3, now=NOW + timedelta(minutes=1))
    came(purchase, chain, title, 4, now=LATER)
    assert claims(title) == [(2, "FILLED"), (1, "ALLOCATED"), (2, "FILLED")]
    assert claimed(title) == 1
    for order, awaits in ((first, False), (second, True)):
        order.refresh_from_db()
        assert order.is_awaiting_supply is awaits
    came(purchase, chain, title, 2, now=LATER)
    second.refresh_from_db()
    assert (second.is_awaiting_supply, claimed(title)) == (False, 0)
    units = Reservation.objects.filter(order_line__order=second, state="ALLOCATED")
    assert sorted(units.values_list("quantity", flat=True)) == [1, 2]


def test_only_what_nobody_spoke_for_is_offered(chain: Chain) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 5))
    ahead(chain, title, 3)
    basket = chain.basket()
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refused:
        baskets.add_line(token=basket.token, sku=title.sku, quantity=3, now=NOW, is_preorder=True)
    assert refused.value.details["available"] == 2
    found = warehouse.available_ways(
        variant_id=title.pk, channel_id=chain.channel.pk, now=NOW, postal_code="21000"
    )
    assert found.coming is not None
    assert (found.coming.day, found.coming.units) == (COMES, 2)


@pytest.mark.parametrize("on", [None, date(2026, 12, 2), date(2026, 11, 20)])
def test_without_a_day_to_come_nothing_is_ordered_ahead(chain: Chain, on: date | None) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 5), on=on)
    basket = chain.basket()
    with nothing_changes(), pytest.raises(stock.OutOfStock):
        baskets.add_line(token=basket.token, sku=title.sku, quantity=1, now=NOW, is_preorder=True)


def test_what_is_on_a_shelf_is_not_ordered_ahead(chain: Chain) -> None:
    title = chain.variant(stock=1)
    bought(chain, (title, 5))
    basket = chain.basket()
    line = baskets.add_line(token=basket.token, sku=title.sku, quantity=1, now=NOW, is_preorder=True)
    assert (line.is_preorder, claims(title)) == (False, [])


def test_a_card_that_would_not_live_to_see_it_is_refused(chain: Chain) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 5))
    basket = chain.basket()
    baskets.add_line(token=basket.token, sku=title.sku, quantity=1, now=NOW, is_preorder=True)
    checkout = chain.checkout(basket, payment_method="CARD")
    with nothing_changes(), pytest.raises(MethodNotAvailable) as refused:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    assert refused.value.details["reason"] == "CARD_TOO_EARLY"


def test_a_transfer_is_an_advance_and_its_claim_waits_for_the_money(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 5))
    order = ahead(chain, title, 2, payment_method="BANK_TRANSFER")
    assert (order.status, claims(title)) == ("PENDING_PAYMENT", [(2, "HELD")])
    pay(order)
    assert (order.status, order.is_awaiting_supply) == ("PLACED", True)
    assert claims(title) == [(2, "ALLOCATED")]
    assert list(FiscalReceipt.objects.values_list("kind", "transaction")) == [("ADVANCE", "SALE")]
    came(purchase, chain, title, 5, now=LATER)
    assert Reservation.objects.get(order_line__order=order).state == "ALLOCATED"


def test_goods_that_come_before_the_money_wait_until_its_deadline(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 5))
    order = ahead(chain, title, 2, payment_method="BANK_TRANSFER")
    came(purchase, chain, title, 5)
    held = Reservation.objects.get(order_line__order=order)
    assert (held.state, held.expires_at) == ("HELD", order.payment_deadline)
    deadline = order.payment_deadline
    assert deadline is not None
    cancellation.cancel_unpaid_order(order_id=order.pk, now=deadline)
    held.refresh_from_db()
    assert held.state == "RELEASED"


def test_an_unpaid_order_gives_back_what_it_waited_for(chain: Chain) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 5))
    order = ahead(chain, title, 2, payment_method="BANK_TRANSFER")
    deadline = order.payment_deadline
    assert deadline is not None
    cancellation.cancel_unpaid_order(order_id=order.pk, now=deadline)
    order.refresh_from_db()
    assert (claims(title), claimed(title), order.is_awaiting_supply) == ([(2, "RELEASED")], 0, False)


def test_a_canceled_line_lets_its_units_go_and_the_rest_on_its_way(chain: Chain) -> None:
    here, coming = chain.variant(stock=3), chain.variant(stock=0)
    bought(chain, (coming, 5))
    basket = chain.basket((here, 1))
    baskets.add_line(token=basket.token, sku=coming.sku, quantity=2, now=NOW, is_preorder=True)
    order = placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW).order
    assert (order.is_awaiting_supply, order.promised_on) == (True, AT_THE_DOOR)
    cancellation.cancel_lines(
        order_id=order.pk, lines=[(coming.sku, 1)], reason="one is enough", by=None, now=NOW
    )
    assert (claims(coming), claimed(coming)) == ([(1, "ALLOCATED")], 1)
    order.refresh_from_db()
    fewer = changes.Changes(lines=[(coming.sku, 0)])
    changes.apply_changes(order_id=order.pk, changes=fewer, version=order.version, by=None, now=NOW)
    order.refresh_from_db()
    assert (claims(coming), claimed(coming), order.is_awaiting_supply) == ([(1, "RELEASED")], 0, False)
    decision = routing.route_order(order_id=order.pk, now=NOW)
    assert [(step["sku"], step["quantity"]) for step in decision.plan] == [(here.sku, 1)]


def test_a_short_delivery_is_made_good_by_the_next_one(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 3))
    bought(chain, (title, 9), on=date(2026, 12, 17))
    order = ahead(chain, title, 2)
    came(purchase, chain, title, 1, damaged=2, now=LATER)
    order.refresh_from_db()
    assert claims(title) == [(1, "RELEASED"), (1, "FILLED"), (1, "ALLOCATED")]
    assert (order.is_awaiting_supply, order.promised_on) == (True, date(2026, 12, 19))
    change = PromiseChange.objects.get(order=order)
    assert (change.before["date"], change.after["date"]) == ("2026-12-12", "2026-12-19")
    assert change.cause == "SHORT"
    told = OutboxEvent.objects.get(topic="oms.supply_changed").payload
    assert (told["cause"], told["before"], told["after"]) == ("SHORT", "2026-12-12", "2026-12-19")
    assert not OrderException.objects.exists()


def test_what_no_delivery_brings_is_a_case_and_its_buyer_chooses(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 3))
    order = ahead(chain, title, 2)
    goods.cancel_purchase_order(number=purchase.number, by=chain.dragan, now=NOW)
    order.refresh_from_db()
    assert (claims(title), order.is_awaiting_supply, order.promised_on) == ([(2, "RELEASED")], False, None)
    case = OrderException.objects.get()
    assert (case.kind, case.state, case.detail) == ("DISPLACED_CLAIM", "OPEN", {"sku": title.sku, "units": 2})
    assert OutboxEvent.objects.get(topic="oms.supply_changed").payload["after"] == ""
    cancellation.cancel_order(order_id=order.pk, reason="tired of waiting", by=None, now=NOW, is_shopper=True)
    order.refresh_from_db()
    assert order.status == "CANCELED"


def test_another_date_is_another_promise(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 3))
    order = ahead(chain, title, 2)
    goods.move_purchase_order(
        number=purchase.number, expected_on=date(2026, 12, 14), by=chain.dragan, now=NOW
    )
    order.refresh_from_db()
    assert (order.promised_on, order.promise["date"]) == (date(2026, 12, 16), "2026-12-16")
    assert OutboxEvent.objects.get(topic="oms.supply_changed").payload["cause"] == "MOVED"
    with nothing_changes(), pytest.raises(InvalidInput):
        goods.move_purchase_order(
            number=purchase.number, expected_on=date(2026, 12, 1), by=chain.dragan, now=NOW
        )


# --- baskets


def test_a_basket_gives_back_what_it_had_spoken_for(chain: Chain) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 5))
    basket = chain.basket()
    line = baskets.add_line(token=basket.token, sku=title.sku, quantity=2, now=NOW, is_preorder=True)
    baskets.change_line(token=basket.token, line_id=line.public_id, quantity=4, now=NOW)
    assert claimed(title) == 4
    baskets.remove_line(token=basket.token, line_id=line.public_id, now=NOW)
    assert (claimed(title), {state for _, state in claims(title)}) == (0, {"RELEASED"})
    line = baskets.add_line(token=basket.token, sku=title.sku, quantity=2, now=NOW, is_preorder=True)
    basket_later.save_for_later(token=basket.token, line_id=line.public_id, now=NOW)
    assert claimed(title) == 0


def test_time_ends_a_baskets_claim_and_it_may_be_kept_again(chain: Chain) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 2))
    basket = chain.basket()
    baskets.add_line(token=basket.token, sku=title.sku, quantity=2, now=NOW, is_preorder=True)
    over = NOW + timedelta(minutes=61)
    view = baskets.read_basket(basket=basket, now=over)
    assert [problem.code for problem in view.problems] == ["HOLD_LOST"]
    other = chain.basket()
    # Nobody swept it yet; it is given to who asks.
    baskets.add_line(token=other.token, sku=title.sku, quantity=1, now=over, is_preorder=True)
    assert claims(title) == [(2, "RELEASED"), (1, "HELD")]
    with pytest.raises(stock.OutOfStock):
        baskets.extend_holds(token=basket.token, now=over)
    assert stock.release_expired_supply(now=over + timedelta(hours=2)) == 1
    baskets.extend_holds(token=basket.token, now=over + timedelta(hours=2))
    assert [p.code for p in baskets.read_basket(basket=basket, now=over + timedelta(hours=2)).problems] == []


def test_a_basket_that_waits_when_the_delivery_comes_holds_units_of_it(chain: Chain) -> None:
    title = chain.variant(stock=0)
    purchase = bought(chain, (title, 2))
    basket = chain.basket()
    line = baskets.add_line(token=basket.token, sku=title.sku, quantity=2, now=NOW, is_preorder=True)
    came(purchase, chain, title, 2)
    held = Reservation.objects.get(basket_line=line)
    assert (held.quantity, held.state, held.expires_at) == (2, "HELD", NOW + timedelta(minutes=60))
    assert BasketLine.objects.get(pk=line.pk).is_preorder is False
    order = placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW).order
    assert (order.is_awaiting_supply, order.promised_on) == (False, date(2026, 12, 3))


def test_a_lost_claim_is_not_placed(chain: Chain) -> None:
    title = chain.variant(stock=0)
    bought(chain, (title, 2))
    basket = chain.basket()
    baskets.add_line(token=basket.token, sku=title.sku, quantity=2, now=NOW, is_preorder=True)
    stock.release_expired_supply(now=NOW + timedelta(hours=2))
    with nothing_changes(), pytest.raises(stock.HoldLost):
        placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW)


# --- doctor


@pytest.mark.parametrize(
    ("check", "corruption"),
    [
        ("supply_claimed_matches_claims", "UPDATE warehouse_purchaseorderline SET quantity_claimed = 1"),
        ("supply_claims_only_what_comes", "UPDATE warehouse_purchaseorder SET status = 'RECEIVED'"),
        ("order_that_waits_has_claims", "UPDATE oms_order SET is_awaiting_supply = false"),
    ],
)
def test_doctor_finds_what_is_corrupted(db: None, check: str, corruption: str) -> None:
    chain = make_chain()
    title = chain.variant(stock=0)
    bought(chain, (title, 5))
    ahead(chain, title, 2)
    assert check not in {f.check.name for f in examine() if f.violations}
    with connection.cursor() as cursor:
        cursor.execute(corruption)
    assert check in {f.check.name for f in examine() if f.violations}
