"""Claims of orders: taken over from the basket, confirmed by money, moved by routing, given up."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oms.models import Basket, BasketLine, Order, OrderLine
from storefront.models import Variant
from tests.lock_order import recorded_locks
from tests.unchanged import nothing_changes
from tests.warehouse.world import NOW, SOON, World, levels, live_claims
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse.models import Reservation, SafetyStock, StockItem


def basket_of(world: World, *wanted: tuple[Variant, int]) -> tuple[Basket, list[BasketLine]]:
    basket = world.basket()
    lines = [world.line(basket, variant, quantity) for variant, quantity in wanted]
    stock.hold_for_basket_lines(
        channel_id=world.channel.pk,
        demands=[(line.pk, line.variant_id, line.quantity) for line in lines],
        expires_at=SOON,
        now=NOW,
    )
    return basket, lines


def pairs(lines: list[BasketLine], order: Order) -> list[tuple[int, int]]:
    return [(line.pk, each.pk) for line, each in zip(lines, order.lines.order_by("position"), strict=True)]


def allocate(basket: Basket, lines: list[BasketLine], order: Order, **more: object) -> list[stock.Claim]:
    given = {"state": "ALLOCATED", "expires_at": None, "now": NOW, **more}
    return stock.allocate_basket_claims(basket_id=basket.pk, lines=pairs(lines, order), **given)  # type: ignore[arg-type]


def claimed(
    world: World, order: Order, place: str | None = None, state: str = "ALLOCATED"
) -> list[stock.Claim]:
    return stock.claim_for_order_lines(
        demands=[
            (line.pk, line.variant_id or 0, line.quantity, world.locations[place].pk if place else None)
            for line in order.lines.order_by("position")
        ],
        channel_id=world.channel.pk,
        state=state,
        expires_at=None if state == "ALLOCATED" else NOW + timedelta(minutes=30),
        now=NOW,
    )


# -- Placing -------------------------------------------------------------------------------------------------------


def test_placing_moves_every_claim_to_its_order_line_and_touches_no_stock(world: World) -> None:
    book, mug = world.variant(), world.variant()
    items = [world.stock(book, "WH-1", 5), world.stock(mug, "WH-2", 5)]
    basket, lines = basket_of(world, (book, 2), (mug, 1))
    order = world.order((book, 2), (mug, 1))
    with recorded_locks() as locks:
        claims = allocate(basket, lines, order)
    assert locks.transactions == [["warehouse_reservation"]]
    first, second = order.lines.order_by("position")
    assert sorted(
        (claim.order_line_id, claim.variant_id, claim.quantity, claim.state) for claim in claims
    ) == [
        (first.pk, book.pk, 2, "ALLOCATED"),
        (second.pk, mug.pk, 1, "ALLOCATED"),
    ]
    assert levels(*items) == [(5, 2), (5, 1)]
    assert not Reservation.objects.filter(basket_line__isnull=False).exists()
    assert warehouse.basket_holds(basket_id=basket.pk, now=NOW) == {}


@pytest.mark.parametrize("count", [1, 50])
def test_placing_is_one_statement_for_one_line_and_for_fifty(world: World, count: int) -> None:
    books = [world.variant() for _ in range(count)]
    for book in books:
        world.stock(book, "WH-1", 1)
    basket, lines = basket_of(world, *((book, 1) for book in books))
    order = world.order(*((book, 1) for book in books))
    wanted = pairs(lines, order)
    with CaptureQueriesContext(connection) as queries:
        claims = stock.allocate_basket_claims(
            basket_id=basket.pk, lines=wanted, state="ALLOCATED", expires_at=None, now=NOW
        )
    assert (len(queries), len(claims)) == (1, count)


def test_waiting_for_money_keeps_the_claim_until_the_payment_deadline(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    basket, lines = basket_of(world, (book, 2))
    order = world.order((book, 2), status="PENDING_PAYMENT", payment="CARD")
    deadline = NOW + timedelta(minutes=30)
    (claim,) = allocate(basket, lines, order, state="HELD", expires_at=deadline)
    assert (claim.state, claim.expires_at) == ("HELD", deadline)
    assert stock.release_expired_holds(now=deadline + timedelta(days=1)) == 0
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=deadline) == {book.pk: 3}
    assert stock.confirm_allocations(order_ids=[order.pk], now=NOW) == []
    row = Reservation.objects.get()
    assert (row.state, row.expires_at) == ("ALLOCATED", None)
    with nothing_changes():
        assert stock.confirm_allocations(order_ids=[order.pk], now=NOW) == []


def test_a_hold_past_its_time_that_nobody_took_is_still_the_shoppers(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 2)
    basket, lines = basket_of(world, (book, 2))
    order = world.order((book, 2))
    assert [claim.quantity for claim in allocate(basket, lines, order, now=NOW + timedelta(hours=2))] == [2]


def test_a_lost_hold_is_named_and_nothing_moves(world: World) -> None:
    book, mug = world.variant(), world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(mug, "WH-1", 5)
    basket, lines = basket_of(world, (book, 2), (mug, 1))
    order = world.order((book, 2), (mug, 1))
    stock.release_basket_line_claims(basket_line_ids=[lines[0].pk], now=NOW)
    with nothing_changes(), pytest.raises(stock.HoldLost) as refusal:
        allocate(basket, lines, order)
    assert refusal.value.code == "HOLD_LOST"
    assert refusal.value.details == {"lines": [{"sku": book.sku, "quantity": 2, "held": 0}]}


def test_a_basket_that_changed_since_is_not_placed_with_what_it_held(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    basket, lines = basket_of(world, (book, 2))
    order = world.order((book, 4))
    BasketLine.objects.filter(pk=lines[0].pk).update(quantity=4)
    with nothing_changes(), pytest.raises(stock.HoldLost) as refusal:
        allocate(basket, lines, order)
    assert refusal.value.details["lines"] == [{"sku": book.sku, "quantity": 4, "held": 2}]


def test_lines_of_another_basket_are_never_taken(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    _, lines = basket_of(world, (book, 2))
    order = world.order((book, 2))
    other = world.basket()
    with nothing_changes(), pytest.raises(stock.HoldLost):
        allocate(other, lines, order)


def test_kit_is_placed_when_all_its_components_are_held(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    world.stock(mug, "WH-1", 5)
    world.stock(tea, "WH-1", 5)
    basket, lines = basket_of(world, (kit, 2))
    order = world.order((kit, 2))
    line = order.lines.get()
    assert sorted(
        (claim.order_line_id, claim.variant_id, claim.quantity) for claim in allocate(basket, lines, order)
    ) == [
        (line.pk, mug.pk, 2),
        (line.pk, tea.pk, 4),
    ]


# -- Without a basket ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 50])
def test_claiming_for_an_order_costs_two_statements(world: World, count: int) -> None:
    books = [world.variant() for _ in range(count)]
    for book in books:
        world.stock(book, "WH-1", 1)
    order = world.order(*((book, 1) for book in books))
    lines = list(order.lines.all())
    with CaptureQueriesContext(connection) as queries:
        stock.claim_for_order_lines(
            demands=[(line.pk, line.variant_id or 0, 1, None) for line in lines],
            channel_id=world.channel.pk,
            state="ALLOCATED",
            expires_at=None,
            now=NOW,
        )
    assert len(queries) == 2
    assert len(live_claims()) == count


def test_a_fixed_location_is_kept_and_refused_with_what_it_has(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 50)
    world.stock(book, "S-001", 2)
    order = world.order((book, 3))
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refusal:
        claimed(world, order, "S-001")
    assert refusal.value.details["available"] == 2
    assert [claim.location_id for claim in claimed(world, world.order((book, 2)), "S-001")] == [
        world.locations["S-001"].pk
    ]


def test_one_short_line_refuses_the_whole_order(world: World) -> None:
    book, mug = world.variant(), world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(mug, "WH-1", 1)
    order = world.order((book, 5), (mug, 2))
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refusal:
        claimed(world, order)
    assert refusal.value.details["lines"] == [{"sku": mug.sku, "quantity": 2, "available": 1}]


# -- Giving up ----------------------------------------------------------------------------------------------------


def canceled(line: OrderLine, units: int) -> stock.ReleasedUnits:
    line.quantity_canceled += units
    line.save(update_fields=["quantity_canceled"])
    return stock.release_order_claims(order_line_ids=[line.pk], now=NOW)


def test_canceled_units_are_free_at_once(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    order = world.order((book, 4))
    claimed(world, order)
    line = order.lines.get()
    assert canceled(line, 1) == stock.ReleasedUnits(1, 0)
    assert (levels(item), live_claims()) == ([(5, 3)], [(book.sku, "WH-1", 3, "ALLOCATED")])
    assert canceled(line, 3) == stock.ReleasedUnits(3, 0)
    assert (levels(item), live_claims()) == ([(5, 0)], [])
    with nothing_changes():
        assert stock.release_order_claims(order_line_ids=[line.pk], now=NOW) == stock.ReleasedUnits(0, 0)


def test_canceled_kits_give_back_all_their_components(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    items = [world.stock(mug, "WH-1", 5), world.stock(tea, "WH-1", 9)]
    order = world.order((kit, 3))
    claimed(world, order)
    line = order.lines.get()
    assert levels(*items) == [(5, 3), (9, 6)]
    canceled(line, 2)
    assert levels(*items) == [(5, 1), (9, 2)]


def test_what_is_missing_is_canceled_before_what_is_claimed(world: World) -> None:
    """One of three units was lost from the shelf; whoever cancels one of three cancels that one."""
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    order = world.order((book, 3))
    (claim,) = claimed(world, order)
    line = order.lines.get()
    Reservation.objects.filter(pk=claim.id).update(quantity=2)
    StockItem.objects.filter(pk=item.pk).update(reserved=2)
    assert canceled(line, 1) == stock.ReleasedUnits(0, 0)
    assert (levels(item), live_claims()) == ([(5, 2)], [(book.sku, "WH-1", 2, "ALLOCATED")])
    assert canceled(line, 1) == stock.ReleasedUnits(1, 0)
    assert (levels(item), live_claims()) == ([(5, 1)], [(book.sku, "WH-1", 1, "ALLOCATED")])


def test_units_in_the_packing_bin_wait_to_be_put_back(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    order = world.order((book, 3))
    (claim,) = claimed(world, order)
    packing = world.stock(book, "WH-1", 0, bin_code="PACKING")
    _pretend_picked(claim, packing.pk, 3)
    line = order.lines.get()
    done = canceled(line, 2)
    assert done == stock.ReleasedUnits(0, 2)
    assert sorted(Reservation.objects.values_list("quantity", "state", "is_put_back")) == [
        (1, "PICKED", False),
        (2, "PICKED", True),
    ]
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 2}


def _pretend_picked(claim: stock.Claim, packing_id: int, units: int) -> None:
    from warehouse.operations.stock import Delta, shift_stock

    assert not shift_stock([Delta(claim.stock_item_id, -units, -units), Delta(packing_id, units, units)])
    Reservation.objects.filter(pk=claim.id).update(state="PICKED", stock_item_id=packing_id)


# -- Routing ------------------------------------------------------------------------------------------------------


def repoint(world: World, order: Order, *targets: tuple[OrderLine, str, int]) -> list[stock.Claim]:
    return stock.repoint_claims(
        order_id=order.pk,
        targets=[(line.pk, world.locations[place].pk, units) for line, place, units in targets],
        now=NOW,
    )


def test_a_plan_moves_claims_and_leaves_what_is_there_already(world: World) -> None:
    book, mug = world.variant(), world.variant()
    at_warehouse = [world.stock(book, "WH-1", 5), world.stock(mug, "WH-1", 5)]
    at_store = [world.stock(book, "S-001", 2), world.stock(mug, "S-002", 9)]
    order = world.order((book, 3), (mug, 2))
    before = claimed(world, order)
    first, second = order.lines.order_by("position")
    with recorded_locks() as locks:
        repoint(world, order, (first, "WH-1", 1), (first, "S-001", 2), (second, "S-002", 2))
    locks.assert_in_order()
    assert locks.transactions == [["warehouse_reservation", "warehouse_stockitem"]]
    assert levels(*at_warehouse, *at_store) == [(5, 1), (5, 0), (2, 2), (9, 2)]
    assert live_claims() == sorted(
        [
            (book.sku, "WH-1", 1, "ALLOCATED"),
            (book.sku, "S-001", 2, "ALLOCATED"),
            (mug.sku, "S-002", 2, "ALLOCATED"),
        ]
    )
    assert {claim.id for claim in before} <= set(Reservation.objects.values_list("pk", flat=True))
    with nothing_changes():
        repoint(world, order, (first, "WH-1", 1), (first, "S-001", 2), (second, "S-002", 2))


def test_lines_may_change_places_although_each_place_is_full(world: World) -> None:
    book = world.variant()
    items = [world.stock(book, "S-001", 1), world.stock(book, "S-002", 1)]
    order = world.order((book, 1), (book, 1))
    claimed(world, order)
    claims = {claim.order_line_id: claim.location_id for claim in _claims(order)}
    first, second = order.lines.order_by("position")
    codes = {place.pk: code for code, place in world.locations.items()}
    repoint(world, order, (first, codes[claims[second.pk]], 1), (second, codes[claims[first.pk]], 1))
    after = {claim.order_line_id: claim.location_id for claim in _claims(order)}
    assert after == {first.pk: claims[second.pk], second.pk: claims[first.pk]}
    assert levels(*items) == [(1, 1), (1, 1)]


def _claims(order: Order) -> list[warehouse.ClaimRow]:
    return warehouse.order_claims(order_id=order.pk)


def test_a_taken_target_makes_the_plan_stale_and_changes_nothing(world: World) -> None:
    book, mug = world.variant(), world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(mug, "WH-1", 5)
    world.stock(book, "S-001", 1)
    world.stock(mug, "S-001", 5)
    order = world.order((book, 2), (mug, 2))
    claimed(world, order)
    first, second = order.lines.order_by("position")
    with nothing_changes(), pytest.raises(stock.TargetTaken) as refusal:
        repoint(world, order, (first, "S-001", 2), (second, "S-001", 2))
    assert refusal.value.code == "TARGET_TAKEN"
    assert refusal.value.details["lines"] == [
        {"sku": book.sku, "location": "S-001", "quantity": 2, "available": 1}
    ]


def test_safety_stock_of_a_target_is_kept(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(book, "S-001", 2)
    SafetyStock.objects.create(location=world.locations["S-001"], quantity=1)
    order = world.order((book, 2))
    claimed(world, order)
    line = order.lines.get()
    with nothing_changes(), pytest.raises(stock.TargetTaken):
        repoint(world, order, (line, "S-001", 2))
    repoint(world, order, (line, "S-001", 1), (line, "WH-1", 1))


def test_expired_holds_give_way_to_a_plan(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    there = world.stock(book, "S-001", 1)
    order = world.order((book, 1))
    claimed(world, order)
    line = world.line(world.basket(), book)
    stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=world.channel.pk,
        demands=[(book.pk, 1)],
        expires_at=NOW,
        now=NOW - timedelta(minutes=20),
        prefer_location_id=world.locations["S-001"].pk,
    )
    assert levels(there) == [(1, 1)]
    repoint(world, order, (order.lines.get(), "S-001", 1))
    assert live_claims() == [(book.sku, "S-001", 1, "ALLOCATED")]


def test_a_kit_moves_with_all_its_components(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    for place in ("WH-1", "S-001"):
        world.stock(mug, place, 3)
        world.stock(tea, place, 6)
    order = world.order((kit, 3))
    claimed(world, order, "WH-1")
    repoint(world, order, (order.lines.get(), "WH-1", 1), (order.lines.get(), "S-001", 2))
    assert live_claims() == sorted(
        [
            (mug.sku, "WH-1", 1, "ALLOCATED"),
            (tea.sku, "WH-1", 2, "ALLOCATED"),
            (mug.sku, "S-001", 2, "ALLOCATED"),
            (tea.sku, "S-001", 4, "ALLOCATED"),
        ]
    )


def test_a_plan_claims_anew_what_was_displaced(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    order = world.order((book, 3))
    (claim,) = claimed(world, order)
    Reservation.objects.filter(pk=claim.id).update(quantity=1)
    item.refresh_from_db()
    item.reserved = 1
    item.save(update_fields=["reserved"])
    repoint(world, order, (order.lines.get(), "WH-1", 3))
    assert sum(row[2] for row in live_claims()) == 3
    assert levels(item) == [(5, 3)]


def test_picked_units_stay_where_they_are_whatever_the_plan_says(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(book, "WH-2", 5)
    order = world.order((book, 3))
    (claim,) = claimed(world, order, "WH-1")
    packing = world.stock(book, "WH-1", 0, bin_code="PACKING")
    _pretend_picked(claim, packing.pk, 3)
    with nothing_changes():
        repoint(world, order, (order.lines.get(), "WH-2", 3))


def test_targets_that_do_not_cover_the_claims_are_refused(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(book, "WH-2", 5)
    order = world.order((book, 3))
    claimed(world, order)
    for units in (2, 4):
        with nothing_changes(), pytest.raises(stock.InvalidQuantity):
            repoint(world, order, (order.lines.get(), "WH-2", units))


@pytest.mark.parametrize("count", [1, 50])
def test_moving_claims_costs_the_same_for_one_line_and_for_fifty(world: World, count: int) -> None:
    books = [world.variant() for _ in range(count)]
    for book in books:
        world.stock(book, "WH-1", 1)
        world.stock(book, "WH-2", 1)
    order = world.order(*((book, 1) for book in books))
    claimed(world, order, "WH-1")
    lines = list(order.lines.all())
    with CaptureQueriesContext(connection) as queries:
        repoint(world, order, *((line, "WH-2", 1) for line in lines))
    assert len(queries) == 5
    assert {claim[1] for claim in live_claims()} == {"WH-2"}
