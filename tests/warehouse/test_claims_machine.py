"""Trading at random: whatever sequence of verbs, the rows of stock, claims and moves agree after each step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from oms.models import Order
from retail.kernel.errors import Refusal
from storefront.models import Channel
from tests.warehouse import world as worlds
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Reservation, Shipment

PLACES = ("WH-1", "WH-2", "S-001")

BROKEN = """
SELECT 'reserved is the sum of live claims', i.id FROM warehouse_stockitem i
 WHERE i.reserved <> COALESCE((SELECT sum(r.quantity) FROM warehouse_reservation r
                                WHERE r.stock_item_id = i.id AND r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED')), 0)
UNION ALL
SELECT '0 <= reserved <= on_hand', i.id FROM warehouse_stockitem i WHERE i.reserved < 0 OR i.reserved > i.on_hand
UNION ALL
SELECT 'on_hand is the sum of moves', i.id FROM warehouse_stockitem i
 WHERE i.on_hand <> COALESCE((SELECT sum(CASE WHEN m.to_bin_id = i.bin_id THEN m.quantity ELSE -m.quantity END)
                                FROM warehouse_stockmove m
                               WHERE m.variant_id = i.variant_id AND i.bin_id IN (m.from_bin_id, m.to_bin_id)), 0)
UNION ALL
SELECT 'a claim lies where its stock item lies', r.id FROM warehouse_reservation r JOIN warehouse_stockitem i ON i.id = r.stock_item_id
 WHERE r.location_id <> i.location_id OR r.variant_id <> i.variant_id
UNION ALL
SELECT 'no line claims more than it still has to get', l.id FROM oms_orderline l JOIN storefront_variant v ON v.id = l.variant_id
 WHERE NOT v.is_kit AND l.quantity - l.quantity_canceled - l.quantity_dispatched <
       (SELECT COALESCE(sum(r.quantity), 0) FROM warehouse_reservation r
         WHERE r.order_line_id = l.id AND NOT r.is_put_back AND r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED'))
UNION ALL
SELECT 'value follows the units', w.id FROM finance_stockvalue w
 WHERE w.quantity <> (SELECT COALESCE(sum(i.on_hand), 0) FROM warehouse_stockitem i
                        JOIN kernel_location p ON p.id = i.location_id
                       WHERE i.variant_id = w.variant_id AND p.entity_id = w.entity_id)
UNION ALL
SELECT 'picked units lie in a packing bin', r.id FROM warehouse_reservation r JOIN warehouse_stockitem i ON i.id = r.stock_item_id
  JOIN warehouse_bin b ON b.id = i.bin_id
 WHERE r.state IN ('PICKED', 'PACKED') AND b.kind <> 'PACKING'
"""


class Trading(RuleBasedStateMachine):
    baskets = Bundle("baskets")
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.now = worlds.NOW
        self.refused = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)

    @initialize()
    def open_the_chain(self) -> None:
        self.world = worlds.build()
        Channel.objects.filter(pk=self.world.channel.pk).update(hold_units_max=6)
        first, second = self.world.variant(), self.world.variant()
        self.titles = [first, second, self.world.kit((first, 1), (second, 2))]
        for title in self.titles[:2]:
            for place in PLACES:
                self.world.stock(title, place, 8)

    # -- Verbs -------------------------------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 19, 25]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(target=baskets, title=st.integers(0, 2), quantity=st.integers(1, 5))
    def put_in_basket(self, title: int, quantity: int) -> Any:
        variant = self.titles[title]
        basket = self.world.basket()
        line = self.world.line(basket, variant, quantity)
        done = self._try(
            lambda: stock.hold_for_basket_line(
                basket_line_id=line.pk,
                channel_id=self.world.channel.pk,
                demands=[(variant.pk, quantity)],
                expires_at=self.now + timedelta(minutes=20),
                now=self.now,
            )
        )
        return line if done else multiple()

    @rule(line=baskets, quantity=st.integers(1, 7))
    def change_quantity(self, line: Any, quantity: int) -> None:
        if not self._is_in_basket(line):
            return
        done = self._try(
            lambda: stock.hold_for_basket_line(
                basket_line_id=line.pk,
                channel_id=self.world.channel.pk,
                demands=[(line.variant_id, quantity)],
                expires_at=self.now + timedelta(minutes=20),
                now=self.now,
            )
        )
        if done:
            line.quantity = quantity
            line.save(update_fields=["quantity"])

    @rule(line=baskets)
    def touch(self, line: Any) -> None:
        stock.extend_basket_holds(
            basket_id=line.basket_id, expires_at=self.now + timedelta(minutes=20), now=self.now
        )

    @rule(line=baskets)
    def empty_basket(self, line: Any) -> None:
        stock.release_basket_line_claims(basket_line_ids=[line.pk], now=self.now)

    @rule()
    def sweep(self) -> None:
        stock.release_expired_holds(now=self.now)

    @rule(target=orders, line=baskets)
    def place_order(self, line: Any) -> Any:
        if not self._is_in_basket(line):
            return multiple()
        order = self.world.order((line.variant, line.quantity))
        done = self._try(
            lambda: stock.allocate_basket_claims(
                basket_id=line.basket_id,
                lines=[(line.pk, order.lines.get().pk)],
                state="ALLOCATED",
                expires_at=None,
                now=self.now,
            )
        )
        if not done:
            return multiple()
        line.basket.state = "ORDERED"
        line.basket.save(update_fields=["state"])
        return order.pk

    @rule(target=orders, title=st.integers(0, 2), quantity=st.integers(1, 4), place=st.sampled_from(PLACES))
    def buy_at_once(self, title: int, quantity: int, place: str) -> Any:
        """An order of another channel, claimed without a basket and routed."""
        variant = self.titles[title]
        order = self.world.order((variant, quantity))
        done = self._try(
            lambda: stock.claim_for_order_line(
                order_line_id=order.lines.get().pk,
                variant_id=variant.pk,
                quantity=quantity,
                channel_id=self.world.channel.pk,
                state="ALLOCATED",
                expires_at=None,
                now=self.now,
            )
        )
        if not done:
            return multiple()
        self.route(order.pk, place)
        return order.pk

    @rule(order=orders, place=st.sampled_from(PLACES))
    def route(self, order: int, place: str) -> None:
        """All that is still to leave goes to one place; its shipment is made."""
        row = Order.objects.get(pk=order)
        line = row.lines.get()
        left = line.quantity - line.quantity_canceled - line.quantity_dispatched
        if not left:
            return
        location = self.world.locations[place].pk
        step = {"order_line": line.pk, "location_id": location, "service": None, "quantity": left}

        def act() -> None:
            stock.repoint_claims(order_id=order, targets=[(line.pk, location, left)], now=self.now)
            stock.create_shipments(order_id=order, plan=[step], by=None, now=self.now)

        self._try(act)

    @rule(order=orders, units=st.integers(1, 3))
    def cancel_units(self, order: int, units: int) -> None:
        line = Order.objects.get(pk=order).lines.get()
        left = line.quantity - line.quantity_canceled - line.quantity_dispatched
        if units > left:
            return

        def act() -> None:
            line.quantity_canceled += units
            line.save(update_fields=["quantity_canceled"])
            stock.release_order_claims(order_line_ids=[line.pk], now=self.now)

        self._try(act)

    @rule(order=orders, part=st.integers(1, 4))
    def pick(self, order: int, part: int) -> None:
        for task in self._tasks(order):
            units = min(part, task.quantity)
            self._try(
                lambda task=task, units=units: stock.pick(
                    shipment_id=task.shipment_id,
                    picks=[stock.Pick(task.sku, task.bin, units)],
                    by=self.world.bojan,
                    now=self.now,
                )
            )

    @rule(order=orders, found=st.integers(0, 2), damaged=st.booleans())
    def short_pick(self, order: int, found: int, damaged: bool) -> None:
        for task in self._tasks(order)[:1]:
            self._try(
                lambda task=task: goods.short_pick(
                    shipment_id=task.shipment_id,
                    claim_id=task.claim_id,
                    quantity_found=found,
                    reason="DAMAGED" if damaged else "MISSING",
                    by=self.world.bojan,
                    now=self.now,
                )
            )

    @rule(order=orders, picks_first=st.booleans())
    def pack_and_send(self, order: int, picks_first: bool) -> None:
        if picks_first:
            self.pick(order, 9)
        for shipment in Shipment.objects.filter(order_id=order, status="READY"):
            self._try(
                lambda shipment=shipment: stock.pack(
                    shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=None, now=self.now
                )
            )
            self._try(
                lambda shipment=shipment: goods.dispatch_shipment(
                    shipment_id=shipment.pk, by=None, now=self.now
                )
            )

    @rule()
    def put_back(self) -> None:
        for claim in Reservation.objects.filter(is_put_back=True, state="PICKED")[:1]:
            stock.put_back(claim_id=claim.pk, by=self.world.bojan, now=self.now)

    @rule(title=st.integers(0, 1), place=st.sampled_from(PLACES), delta=st.integers(-6, 3))
    def count(self, title: int, place: str, delta: int) -> None:
        self._try(
            lambda: goods.adjust_stock(
                variant_id=self.titles[title].pk,
                location_id=self.world.locations[place].pk,
                bin_id=None,
                delta=delta,
                reason="COUNT",
                reference="machine",
                displace=True,
                by=None,
                now=self.now,
            )
        )

    # -- Truths ------------------------------------------------------------------------------------------------

    @invariant()
    def the_rows_agree(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(BROKEN)
            assert cursor.fetchall() == []

    @invariant()
    def the_page_and_the_waterfall_tell_the_same(self) -> None:
        if not hasattr(self, "titles"):
            return
        channel = self.world.channel.pk
        told = warehouse.availability(
            variant_ids=[title.pk for title in self.titles], channel_id=channel, now=self.now
        )
        for title in self.titles[:2]:
            terms = warehouse.explain_availability(variant_id=title.pk, channel_id=channel, now=self.now)
            assert terms.available == told[title.pk]
        assert told[self.titles[2].pk] <= min(told[self.titles[0].pk], told[self.titles[1].pk] // 2)

    # -- Helpers -----------------------------------------------------------------------------------------------

    def _try(self, act: Any) -> bool:
        """A refusal is an answer; whatever it had begun is undone with it."""
        try:
            with transaction.atomic():
                act()
        except Refusal:
            self.refused += 1
            return False
        return True

    def _is_in_basket(self, line: Any) -> bool:
        line.basket.refresh_from_db()
        return bool(line.basket.state == "OPEN")

    def _tasks(self, order: int) -> list[warehouse.PickTask]:
        shipments = Shipment.objects.filter(order_id=order, status="READY").values_list("pk", "location_id")
        return [
            task
            for shipment_id, location_id in shipments
            for task in warehouse.pick_queue(location_id=location_id, shipment_id=shipment_id)
        ]


@pytest.mark.slow
@pytest.mark.django_db
def test_stock_claims_moves_and_value_agree_whatever_happens() -> None:
    run_state_machine_as_test(
        Trading,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
