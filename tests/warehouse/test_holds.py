"""A shopper's units are his from the moment they are in the basket, for a while."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retail.kernel.errors import NotFound
from storefront.models import Channel, Variant
from tests.lock_order import recorded_locks
from tests.unchanged import nothing_changes
from tests.warehouse.world import NOW, SOON, World, levels, live_claims
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse.models import Reservation, SafetyStock, StockPool


def hold(world: World, variant: Variant, quantity: int, **more: object) -> list[stock.Claim]:
    line = world.line(world.basket(), variant, quantity)
    return hold_line(world, line.pk, variant, quantity, **more)


def hold_line(
    world: World, line_id: int, variant: Variant, quantity: int, **more: object
) -> list[stock.Claim]:
    given = {"expires_at": SOON, "now": NOW, **more}
    return stock.hold_for_basket_line(
        basket_line_id=line_id,
        channel_id=world.channel.pk,
        demands=[(variant.pk, quantity)],
        **given,  # type: ignore[arg-type]
    )


def refused(world: World, variant: Variant, quantity: int) -> stock.OutOfStock:
    """The refusal of a line that asks for too much, proved to have changed nothing."""
    line = world.line(world.basket(), variant, quantity)
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refusal:
        hold_line(world, line.pk, variant, quantity)
    return refusal.value


def test_hold_claims_a_real_stock_item_until_it_expires(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    line = world.line(world.basket(), book, 2)
    (claim,) = hold_line(world, line.pk, book, 2)
    assert levels(item) == [(5, 2)]
    assert claim == stock.Claim(
        claim.id, line.pk, None, book.pk, item.pk, world.locations["WH-1"].pk, 2, "HELD", SOON
    )
    row = Reservation.objects.get(pk=claim.id)
    assert (row.quantity, row.state, row.expires_at, row.basket_line_id) == (2, "HELD", SOON, line.pk)


def test_asking_again_for_the_same_changes_nothing(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    line = world.line(world.basket(), book, 2)
    hold_line(world, line.pk, book, 2)
    with nothing_changes():
        assert hold_line(world, line.pk, book, 2) == []


def test_growing_and_shrinking_a_line_moves_only_the_difference(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 10)
    line = world.line(world.basket(), book, 2)
    (first,) = hold_line(world, line.pk, book, 2)
    (second,) = hold_line(world, line.pk, book, 5)
    assert second.quantity == 3
    assert levels(item) == [(10, 5)]
    assert hold_line(world, line.pk, book, 1) == []
    assert levels(item) == [(10, 1)]
    states = dict(Reservation.objects.values_list("pk", "state"))
    assert sorted(states.values()) == ["HELD", "RELEASED"]
    assert Reservation.objects.get(state="HELD").quantity == 1
    assert {first.id, second.id} == set(states)


def test_refusal_tells_what_can_be_had_and_changes_nothing(world: World) -> None:
    book = world.variant("9780002005883")
    world.stock(book, "WH-1", 1)
    line = world.line(world.basket(), book, 2)
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refusal:
        hold_line(world, line.pk, book, 2)
    assert refusal.value.code == "OUT_OF_STOCK"
    assert refusal.value.status == 409
    assert refusal.value.details == {
        "sku": "9780002005883",
        "available": 1,
        "lines": [{"sku": "9780002005883", "quantity": 2, "available": 1}],
    }


def test_refused_growth_counts_what_the_line_holds_as_available(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 3)
    line = world.line(world.basket(), book, 2)
    hold_line(world, line.pk, book, 2)
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refusal:
        hold_line(world, line.pk, book, 7)
    assert refusal.value.details["available"] == 3


def test_warehouses_come_first_then_the_largest_lot_that_serves_the_whole(world: World) -> None:
    book = world.variant()
    world.stock(book, "S-001", 90)
    world.stock(book, "WH-1", 6)
    world.stock(book, "WH-2", 8)
    assert [claim.location_id for claim in hold(world, book, 3)] == [world.locations["WH-2"].pk]
    assert [claim.location_id for claim in hold(world, book, 6)] == [world.locations["WH-1"].pk]
    assert [claim.location_id for claim in hold(world, book, 7)] == [world.locations["S-001"].pk]


def test_no_lot_serves_the_whole_so_it_is_split_over_the_largest(world: World) -> None:
    book = world.variant()
    items = [world.stock(book, place, units) for place, units in (("S-001", 2), ("S-002", 7), ("WH-1", 4))]
    claims = hold(world, book, 12)
    assert [(claim.location_id, claim.quantity) for claim in claims] == [
        (world.locations["S-002"].pk, 7),
        (world.locations["WH-1"].pk, 4),
        (world.locations["S-001"].pk, 1),
    ]
    assert levels(*items) == [(2, 1), (7, 7), (4, 4)]


def test_preferred_location_serves_a_pickup_when_it_can(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 50)
    world.stock(book, "S-002", 2)
    store = world.locations["S-002"].pk
    assert [claim.location_id for claim in hold(world, book, 2, prefer_location_id=store)] == [store]
    elsewhere = hold(world, book, 1, prefer_location_id=store)
    assert [claim.location_id for claim in elsewhere] == [world.locations["WH-1"].pk]


def test_inside_a_location_one_bin_along_the_way_serves_before_several(world: World) -> None:
    book = world.variant()
    world.bin("WH-1", "B-02", pick_sequence=20)
    world.bin("WH-1", "C-03", pick_sequence=30)
    first = world.stock(book, "WH-1", 1)
    second = world.stock(book, "WH-1", 4, bin_code="B-02")
    third = world.stock(book, "WH-1", 6, bin_code="C-03")
    assert [claim.stock_item_id for claim in hold(world, book, 3)] == [second.pk]
    assert [(claim.stock_item_id, claim.quantity) for claim in hold(world, book, 7)] == [
        (third.pk, 6),
        (first.pk, 1),
    ]


def test_units_outside_sellable_bins_are_never_offered(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 9, bin_code="RECEIVING")
    world.stock(book, "WH-1", 9, bin_code="DAMAGED")
    assert warehouse.availability(variant_ids=[book.pk], channel_id=world.channel.pk, now=NOW) == {book.pk: 0}
    refused(world, book, 1)


def test_kit_claims_its_components_at_one_place(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    world.stock(mug, "WH-1", 5)
    world.stock(tea, "WH-1", 3)
    at_store = [world.stock(mug, "S-001", 2), world.stock(tea, "S-001", 4)]
    claims = hold(world, kit, 2)
    assert sorted((claim.variant_id, claim.quantity) for claim in claims) == [(mug.pk, 2), (tea.pk, 4)]
    assert levels(*at_store) == [(2, 2), (4, 4)]
    available = warehouse.availability(variant_ids=[kit.pk], channel_id=world.channel.pk, now=NOW)
    assert available == {kit.pk: 1}


def test_two_lines_and_a_kit_that_share_a_sku_are_judged_by_their_sum(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 1))
    item = world.stock(mug, "WH-1", 5)
    world.stock(tea, "WH-1", 5)
    basket, other = world.basket(), world.basket()
    lines = [(world.line(basket, mug, 2), mug, 2), (world.line(other, mug, 2), mug, 2)]
    lines.append((world.line(basket, kit, 2), kit, 2))
    demands = [(line.pk, variant.pk, quantity) for line, variant, quantity in lines]
    with nothing_changes(), pytest.raises(stock.OutOfStock) as refusal:
        stock.hold_for_basket_lines(channel_id=world.channel.pk, demands=demands, expires_at=SOON, now=NOW)
    # Kits choose first, then the lines in their order: the second line finds one unit left.
    assert refusal.value.details["lines"] == [{"sku": mug.sku, "quantity": 2, "available": 1}]
    world.stock(mug, "WH-1", 1)
    stock.hold_for_basket_lines(channel_id=world.channel.pk, demands=demands, expires_at=SOON, now=NOW)
    assert levels(item) == [(6, 6)]


@pytest.mark.parametrize("lines", [1, 50])
def test_holding_costs_two_statements_for_one_line_and_for_fifty(world: World, lines: int) -> None:
    books = [world.variant() for _ in range(lines)]
    for book in books:
        world.stock(book, "WH-1", 2)
    basket = world.basket()
    demands = [(world.line(basket, book).pk, book.pk, 1) for book in books]
    with CaptureQueriesContext(connection) as queries:
        stock.hold_for_basket_lines(channel_id=world.channel.pk, demands=demands, expires_at=SOON, now=NOW)
    assert len(queries) == 2
    assert Reservation.objects.filter(state="HELD").count() == lines


def test_locks_are_taken_in_the_one_order(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    line = world.line(world.basket(), book, 3)
    for quantity in (3, 1, 4):
        with recorded_locks() as locks:
            hold_line(world, line.pk, book, quantity)
        locks.assert_in_order()
    assert locks.transactions == [["warehouse_stockitem"]]


# -- Time --------------------------------------------------------------------------------------------------------


def test_expired_holds_count_as_free_and_go_to_who_asks_next(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 2)
    hold(world, book, 2, expires_at=NOW)
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 2}
    assert levels(item) == [(2, 2)]
    (claim,) = hold(world, book, 1)
    assert levels(item) == [(2, 1)]
    assert Reservation.objects.get(state="HELD").pk == claim.id


def test_free_units_are_used_before_those_of_expired_holds(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    hold(world, book, 5, expires_at=NOW)
    elsewhere = world.stock(book, "WH-2", 2)
    (claim,) = hold(world, book, 2)
    assert claim.stock_item_id == elsewhere.pk
    assert Reservation.objects.filter(state="HELD").count() == 2


def test_a_hold_that_lives_is_nobody_elses(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 2)
    hold(world, book, 2, expires_at=NOW + timedelta(microseconds=1))
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 0}
    refused(world, book, 1)


def test_an_expired_hold_is_claimed_anew_for_its_own_line(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 2)
    line = world.line(world.basket(), book, 2)
    (old,) = hold_line(world, line.pk, book, 2, expires_at=NOW)
    later = NOW + timedelta(minutes=30)
    (new,) = hold_line(world, line.pk, book, 2, now=later, expires_at=later + timedelta(minutes=20))
    assert (old.id != new.id, levels(item)) == (True, [(2, 2)])
    assert Reservation.objects.get(pk=old.id).state == "RELEASED"
    assert Reservation.objects.get(pk=new.id).created_at == later


def test_touch_extends_up_to_the_channels_maximum_and_never_shortens(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 2)
    basket = world.basket()
    line = world.line(basket, book, 2)
    hold_line(world, line.pk, book, 2)

    def touched(minutes: int) -> object:
        now = NOW + timedelta(minutes=minutes)
        stock.extend_basket_holds(basket_id=basket.pk, expires_at=now + timedelta(minutes=20), now=now)
        return (warehouse.hold_expiry(basket_id=basket.pk) or NOW) - NOW

    assert touched(10) == timedelta(minutes=30)
    assert touched(5) == timedelta(minutes=30)
    assert touched(55) == timedelta(minutes=60)
    assert warehouse.basket_holds(basket_id=basket.pk, now=NOW + timedelta(minutes=60)) == {
        line.pk: warehouse.Hold(2, NOW + timedelta(minutes=60), True)
    }


def test_sweeping_ends_expired_basket_holds_and_leaves_orders_alone(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 9)
    hold(world, book, 2, expires_at=NOW)
    hold(world, book, 1, expires_at=SOON)
    order = world.order((book, 3), status="PENDING_PAYMENT")
    stock.claim_for_order_line(
        order_line_id=order.lines.get().pk,
        variant_id=book.pk,
        quantity=3,
        channel_id=None,
        state="HELD",
        expires_at=NOW - timedelta(days=1),
        now=NOW,
    )
    assert levels(item) == [(9, 6)]
    assert stock.release_expired_holds(now=NOW) == 1
    assert levels(item) == [(9, 4)]
    with nothing_changes():
        assert stock.release_expired_holds(now=NOW) == 0


def test_removing_a_line_frees_its_units_at_once(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 3)
    line = world.line(world.basket(), book, 2)
    hold_line(world, line.pk, book, 2)
    assert stock.release_basket_line_claims(basket_line_ids=[line.pk], now=NOW) == 1
    line.delete()
    assert levels(item) == [(3, 0)]
    assert live_claims() == []


def test_own_holds_count_as_free_for_the_own_basket_only(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 3)
    basket = world.basket()
    hold_line(world, world.line(basket, book, 2).pk, book, 2)
    ask = {"variant_ids": [book.pk], "channel_id": world.channel.pk, "now": NOW}
    assert warehouse.availability(**ask) == {book.pk: 1}  # type: ignore[arg-type]
    assert warehouse.availability(**ask, basket_id=basket.pk) == {book.pk: 3}  # type: ignore[arg-type]
    assert warehouse.availability(**ask, basket_id=world.basket().pk) == {book.pk: 1}  # type: ignore[arg-type]


# -- Limits ------------------------------------------------------------------------------------------------------


def test_one_client_may_hold_so_many_of_one_variant_over_all_baskets(world: World) -> None:
    Channel.objects.filter(pk=world.channel.pk).update(hold_units_max=5)
    book = world.variant()
    world.stock(book, "WH-1", 50)
    first, second = world.basket(client_hash="abc"), world.basket(client_hash="abc")
    hold_line(world, world.line(first, book, 3).pk, book, 3)
    line = world.line(second, book, 3)
    with nothing_changes(), pytest.raises(stock.HoldLimit) as refusal:
        hold_line(world, line.pk, book, 3)
    assert (refusal.value.code, refusal.value.details) == ("HOLD_LIMIT", {"sku": book.sku, "maximum": 2})
    hold_line(world, line.pk, book, 2)
    other = world.basket(client_hash="xyz")
    hold_line(world, world.line(other, book, 5).pk, book, 5)
    assert sum(claim[2] for claim in live_claims()) == 10


def test_cap_counts_the_components_of_kits(world: World) -> None:
    Channel.objects.filter(pk=world.channel.pk).update(hold_units_max=5)
    mug = world.variant()
    kit = world.kit((mug, 2))
    world.stock(mug, "WH-1", 50)
    with pytest.raises(stock.HoldLimit) as refusal:
        hold(world, kit, 3)
    assert refusal.value.details == {"sku": kit.sku, "maximum": 2}


def test_unknown_variant_is_refused(world: World) -> None:
    line = world.line(world.basket(), world.variant())
    with nothing_changes(), pytest.raises(NotFound):
        stock.hold_for_basket_line(
            basket_line_id=line.pk,
            channel_id=world.channel.pk,
            demands=[(999_999, 1)],
            expires_at=SOON,
            now=NOW,
        )


@pytest.mark.parametrize(
    ("entries", "offered"),
    [
        ([], 10),
        ([(None, None, 4)], 6),
        ([(None, None, 4), ("WH-1", None, 1)], 9),
        ([(None, None, 4), ("WH-1", None, 1), ("WH-1", "branch", 3)], 7),
        ([("WH-1", "branch", 3), ("WH-1", "leaf", 8)], 2),
        ([("WH-1", "other", 9)], 10),
        ([("WH-2", None, 9)], 10),
        ([(None, None, 12)], 0),
    ],
)
def test_the_most_specific_safety_stock_is_kept_back(
    world: World, entries: list[tuple[str | None, str | None, int]], offered: int
) -> None:
    from storefront.models import Category

    branch = Category.objects.create(slug="books", path="books", depth=0, name="Books")
    leaf = Category.objects.create(slug="novels", path="books/novels", depth=1, name="N", parent=branch)
    other = Category.objects.create(slug="booksellers", path="booksellers", depth=0, name="O")
    nodes = {"branch": branch, "leaf": leaf, "other": other, None: None}
    book = world.variant(category=leaf)
    item = world.stock(book, "WH-1", 10)
    for place, node, quantity in entries:
        SafetyStock.objects.create(
            location=world.locations[place] if place else None, category=nodes[node], quantity=quantity
        )
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: offered}
    assert refused(world, book, offered + 1).details["available"] == offered
    if offered:
        hold(world, book, offered)
        assert levels(item) == [(10, offered)]


@pytest.mark.parametrize(
    ("pool", "is_open"),
    [
        ({}, True),
        ({"valid_from": NOW}, True),
        ({"valid_from": NOW + timedelta(seconds=1)}, False),
        ({"valid_to": NOW}, False),
        ({"valid_to": NOW + timedelta(seconds=1)}, True),
        ({"weekdays": [2]}, True),  # NOW is a Wednesday, 10:00 in Belgrade
        ({"weekdays": [0, 1, 3]}, False),
        ({"hour_from": "10:00", "hour_to": "11:00"}, True),
        ({"hour_from": "09:00", "hour_to": "10:00"}, False),
        ({"hour_from": "10:01"}, False),
        ({"hour_to": "10:01"}, True),
        ({"hour_from": "22:00", "hour_to": "11:00"}, True),
        ({"hour_from": "22:00", "hour_to": "06:00"}, False),
    ],
)
def test_pools_are_evaluated_by_the_clock(world: World, pool: dict[str, object], is_open: bool) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 4)
    world.stock(book, "S-001", 3)
    StockPool.objects.create(channel=world.channel, location=world.locations["WH-1"], **pool)
    ask = {"variant_ids": [book.pk], "now": NOW}
    assert warehouse.availability(**ask, channel_id=world.channel.pk) == {book.pk: 4 if is_open else 0}  # type: ignore[arg-type]
    assert warehouse.availability(**ask, channel_id=None) == {book.pk: 7}  # type: ignore[arg-type]
    if is_open:
        hold(world, book, 4)
    else:
        refused(world, book, 1)


def test_the_reserving_statement_judges_safety_and_pool_itself(world: World) -> None:
    """What was read a moment ago may be wrong by now: the statement that writes asks again."""
    from warehouse.operations.stock import reserve
    from warehouse.rules import Piece

    book = world.variant()
    item = world.stock(book, "WH-1", 4)
    line = world.line(world.basket(), book, 4)
    piece = Piece(line.pk, book.pk, book.pk, item.pk, item.location_id, 4)

    def attempt(**more: object) -> object:
        given = {"is_safety_kept": True, "channel_id": world.channel.pk, **more}
        return reserve(pieces=[piece], for_baskets=True, state="HELD", expires_at=SOON, now=NOW, **given)  # type: ignore[arg-type]

    SafetyStock.objects.create(quantity=1)
    with nothing_changes():
        assert attempt() is None
    StockPool.objects.create(channel=world.channel, location=world.locations["WH-2"])
    with nothing_changes():
        assert attempt(is_safety_kept=False) is None
    assert attempt(is_safety_kept=False, channel_id=None) is not None
    assert levels(item) == [(4, 4)]
