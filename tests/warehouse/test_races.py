"""Many at once for the same units. Each race has a twin with the guard off, which must go wrong: else it proves nothing."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg import sql

from oms.models import BasketLine
from retail.running import postgres
from storefront.models import Variant
from tests.warehouse.test_shipments import on_hand_equals_moves
from tests.warehouse.world import NOW, SOON, World, levels
from warehouse import operations as stock
from warehouse.models import Reservation, StockItem

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


def lines_for(world: World, variant: Variant, count: int) -> list[BasketLine]:
    return [world.line(world.basket(), variant) for _ in range(count)]


def try_to_hold(world: World, line: BasketLine, variant: Variant, *, hold: Callable[..., Any]) -> str:
    try:
        with transaction.atomic():
            hold(world, line, variant)
    except stock.OutOfStock as refusal:
        return refusal.code
    return "HELD"


def guarded(world: World, line: BasketLine, variant: Variant) -> None:
    stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=world.channel.pk,
        demands=[(variant.pk, 1)],
        expires_at=SOON,
        now=NOW,
    )


def unguarded(world: World, line: BasketLine, variant: Variant) -> None:
    """Read, think, write: what a shop does that trusts what it has read."""
    item = StockItem.objects.get(variant=variant)
    if item.on_hand - item.reserved < 1:
        raise stock.OutOfStock("sold out")
    Reservation.objects.create(
        stock_item=item,
        variant=variant,
        location=item.location,
        quantity=1,
        basket_line=line,
        expires_at=SOON,
        created_at=NOW,
    )
    StockItem.objects.filter(pk=item.pk).update(reserved=item.reserved + 1)


def let_the_database_oversell() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE warehouse_stockitem DROP CONSTRAINT stock_not_oversold")


def sold(variant: Variant) -> int:
    return Reservation.objects.filter(variant=variant, state="HELD").count()


def test_the_last_unit_goes_to_one_of_fifty(world: World, run_together: Together) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 1)
    lines = lines_for(world, book, 50)
    answers = run_together(50, lambda n: try_to_hold(world, lines[n], book, hold=guarded))
    assert Counter(answers) == {"HELD": 1, "OUT_OF_STOCK": 49}
    assert (sold(book), levels(item)) == (1, [(1, 1)])


def test_twin_without_the_guard_sells_the_last_unit_more_than_once(
    world: World, run_together: Together
) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 1)
    let_the_database_oversell()
    lines = lines_for(world, book, 50)
    run_together(50, lambda n: try_to_hold(world, lines[n], book, hold=unguarded))
    assert sold(book) > 1


def forty_at_a_time(run_together: Together, count: int, act: Callable[[int], str]) -> Counter[str]:
    """`count` buyers through 40 connections that begin together, as a web server would serve them."""
    answers: list[str] = []
    guard = threading.Lock()

    def serve(worker: int) -> None:
        for number in range(worker, count, 40):
            answer = act(number)
            with guard:
                answers.append(answer)

    run_together(40, serve)
    return Counter(answers)


def test_240_buyers_for_50_units_buy_exactly_50(world: World, run_together: Together) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 50)
    lines = lines_for(world, book, 240)
    answers = forty_at_a_time(run_together, 240, lambda n: try_to_hold(world, lines[n], book, hold=guarded))
    assert answers == {"HELD": 50, "OUT_OF_STOCK": 190}
    assert (sold(book), levels(item)) == (50, [(50, 50)])


def test_twin_without_the_guard_oversells_the_50(world: World, run_together: Together) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 50)
    let_the_database_oversell()
    lines = lines_for(world, book, 240)
    forty_at_a_time(run_together, 240, lambda n: try_to_hold(world, lines[n], book, hold=unguarded))
    assert sold(book) > 50


def test_units_in_many_lots_are_sold_to_the_last_one(world: World, run_together: Together) -> None:
    """Who loses a lot looks at the next one: nobody is refused while a unit is left."""
    book = world.variant()
    for place in ("WH-1", "WH-2", "S-001", "S-002", "S-003"):
        world.stock(book, place, 4)
    lines = lines_for(world, book, 60)
    answers = forty_at_a_time(run_together, 60, lambda n: try_to_hold(world, lines[n], book, hold=guarded))
    assert answers == {"HELD": 20, "OUT_OF_STOCK": 40}


def test_two_lines_and_a_kit_that_share_a_sku_never_oversell(world: World, run_together: Together) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 1))
    item = world.stock(mug, "WH-1", 30)
    world.stock(tea, "WH-1", 90)
    demands = []
    for _ in range(40):
        first, second = world.basket(), world.basket()
        demands.append(
            [
                (world.line(first, mug).pk, mug.pk, 1),
                (world.line(second, mug).pk, mug.pk, 1),
                (world.line(first, kit).pk, kit.pk, 1),
            ]
        )

    def buy(number: int) -> str:
        try:
            stock.hold_for_basket_lines(
                channel_id=world.channel.pk, demands=demands[number], expires_at=SOON, now=NOW
            )
        except stock.OutOfStock:
            return "OUT_OF_STOCK"
        return "HELD"

    answers = Counter(run_together(40, buy))
    assert answers == {"HELD": 10, "OUT_OF_STOCK": 30}
    assert levels(item) == [(30, 30)]


# -- Deadlocks -----------------------------------------------------------------------------------------------------

ORDERS, ITEMS = 24, 6


def crossed(world: World) -> tuple[list[Variant], list[list[int]]]:
    """Six titles with plenty of stock, and orders that name them in any order."""
    books = [world.variant() for _ in range(ITEMS)]
    for book in books:
        world.stock(book, "WH-1", 1000)
    shuffled = random.Random(7)
    return books, [shuffled.sample(range(ITEMS), ITEMS) for _ in range(ORDERS)]


def test_crossed_orders_of_many_items_never_deadlock(world: World, run_together: Together) -> None:
    deadlocks_are_noticed_at_once()
    books, sequences = crossed(world)
    demands = []
    for sequence in sequences:
        basket = world.basket()
        lines = {place: world.line(basket, books[place]) for place in sequence}
        demands.append([(lines[place].pk, books[place].pk, 1) for place in sequence])

    def buy(number: int) -> int:
        for quantity in (1, 2, 3):
            with transaction.atomic():
                stock.hold_for_basket_lines(
                    channel_id=world.channel.pk,
                    demands=[(line, variant, quantity) for line, variant, _ in demands[number]],
                    expires_at=SOON,
                    now=NOW,
                )
        return 1

    assert sum(run_together(ORDERS, buy)) == ORDERS
    assert list(StockItem.objects.values_list("reserved", flat=True)) == [ORDERS * 3] * ITEMS


def deadlocks_are_noticed_at_once() -> None:
    """A second is the server's default wait before it looks; only an administrator may shorten it, for new connections."""
    url = os.environ.get("DATABASE_URL") or postgres.administrator_url(settings.ONEROW_HOME)
    name = sql.Identifier(str(connection.settings_dict["NAME"]))
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute(sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '20ms'").format(name))


def test_twin_that_locks_in_the_order_of_the_basket_deadlocks(world: World, run_together: Together) -> None:
    deadlocks_are_noticed_at_once()
    books, sequences = crossed(world)
    items = {book.pk: StockItem.objects.get(variant=book).pk for book in books}
    deadlocks: list[str] = []

    def buy(number: int) -> None:
        try:
            with transaction.atomic():
                for place in sequences[number]:
                    StockItem.objects.select_for_update().get(pk=items[books[place].pk])
        except OperationalError as error:
            deadlocks.append(type(error.__cause__).__name__)

    for _ in range(5):
        run_together(ORDERS, buy)
        if deadlocks:
            break
    assert "DeadlockDetected" in deadlocks


def test_plans_that_cross_never_deadlock(world: World, run_together: Together) -> None:
    """Orders change places with each other, all at once, in both directions."""
    book = world.variant()
    items = [world.stock(book, place, 40) for place in ("WH-1", "WH-2", "S-001")]
    places = [world.locations[code].pk for code in ("WH-1", "WH-2", "S-001")]
    rows = []
    for number in range(20):
        order = world.order((book, 1))
        line = order.lines.get()
        stock.claim_for_order_lines(
            demands=[(line.pk, book.pk, 1, places[number % 3])],
            channel_id=None,
            state="ALLOCATED",
            expires_at=None,
            now=NOW,
        )
        rows.append((order.pk, line.pk))

    def move(number: int) -> int:
        order_id, line_id = rows[number]
        for step in range(1, 4):
            with transaction.atomic():
                stock.repoint_claims(
                    order_id=order_id, targets=[(line_id, places[(number + step) % 3], 1)], now=NOW
                )
        return 1

    assert sum(run_together(20, move)) == 20
    assert sum(reserved for _, reserved in levels(*items)) == 20
    assert on_hand_equals_moves()


# -- Two verbs about one claim -------------------------------------------------------------------------------------


def test_expiry_against_placing_ends_in_one_of_two_ways(world: World, run_together: Together) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 12)
    rows = []
    for _ in range(12):
        basket = world.basket()
        line = world.line(basket, book)
        stock.hold_for_basket_line(
            basket_line_id=line.pk,
            channel_id=world.channel.pk,
            demands=[(book.pk, 1)],
            expires_at=NOW,
            now=NOW - timedelta(minutes=20),
        )
        rows.append((basket.pk, line.pk, world.order((book, 1)).lines.get().pk))

    def act(number: int) -> str:
        if number >= 12:
            return f"RELEASED {stock.release_expired_holds(now=NOW, limit=1)}"
        basket_id, line_id, order_line_id = rows[number]
        try:
            stock.allocate_basket_claims(
                basket_id=basket_id,
                lines=[(line_id, order_line_id)],
                state="ALLOCATED",
                expires_at=None,
                now=NOW,
            )
        except stock.HoldLost:
            return "LOST"
        return "PLACED"

    answers = Counter(run_together(24, act))
    placed = Reservation.objects.filter(state="ALLOCATED").count()
    assert placed == answers["PLACED"]
    assert answers["LOST"] == answers["RELEASED 1"]
    assert placed + Reservation.objects.filter(state="RELEASED").count() == 12
    assert levels(item) == [(12, placed)]
    assert on_hand_equals_moves()


def wait_until_somebody_waits() -> None:
    """Until another connection waits for a row that this one has locked."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_units_that_are_given_back_meanwhile_are_there_for_who_waited(world: World) -> None:
    """Somebody else gives an expired hold back just when its unit is taken with another one: the row is read as it is then."""
    freed, other = world.variant(), world.variant()
    for variant in (freed, other):
        world.stock(variant, "WH-1", 1)
    guarded(world, world.line(world.basket(), freed), freed)
    late, line = SOON + timedelta(hours=1), world.line(world.basket(), freed)
    ended: list[object] = []

    def take() -> None:
        try:
            ended.append(
                stock.hold_for_basket_line(
                    basket_line_id=line.pk,
                    channel_id=world.channel.pk,
                    demands=[(freed.pk, 1), (other.pk, 1)],
                    expires_at=late + timedelta(minutes=20),
                    now=late,
                )
            )
        except Exception as error:
            ended.append(error)
        finally:
            connection.close()

    taking = threading.Thread(target=take)
    with transaction.atomic():
        assert stock.release_expired_holds(now=late) == 1
        taking.start()
        wait_until_somebody_waits()
    taking.join()

    assert [type(each) for each in ended] == [list], ended
    held = Reservation.objects.filter(basket_line=line, state="HELD").values_list("variant_id", "quantity")
    assert sorted(held) == sorted([(freed.pk, 1), (other.pk, 1)])
    assert sorted(StockItem.objects.values_list("on_hand", "reserved")) == [(1, 1), (1, 1)]


def test_releasing_twice_at_once_frees_the_units_once(world: World, run_together: Together) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    line = world.line(world.basket(), book, 3)
    stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=world.channel.pk,
        demands=[(book.pk, 3)],
        expires_at=SOON,
        now=NOW,
    )
    done = run_together(10, lambda _: stock.release_basket_line_claims(basket_line_ids=[line.pk], now=NOW))
    assert (sum(done), levels(item)) == (1, [(5, 0)])


def test_twin_that_trusts_what_it_read_frees_the_units_more_than_once(
    world: World, run_together: Together
) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    let_the_database_oversell()
    line = world.line(world.basket(), book, 3)
    guarded(world, line, book)

    def release(_: int) -> int:
        claim = Reservation.objects.get(basket_line=line)
        if claim.state != "HELD":
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE warehouse_stockitem SET reserved = reserved - %s WHERE id = %s",
                (claim.quantity, claim.stock_item_id),
            )
        Reservation.objects.filter(pk=claim.pk).update(state="RELEASED")
        return 1

    for _ in range(5):
        if sum(run_together(20, release)) > 1:
            break
        Reservation.objects.filter(basket_line=line).update(state="HELD")
        StockItem.objects.filter(pk=item.pk).update(reserved=1)
    assert levels(item)[0][1] < 0


def test_short_pick_against_new_buyers_never_leaves_more_claims_than_units(
    world: World, run_together: Together
) -> None:
    from warehouse import workflows as goods

    book = world.variant()
    item = world.stock(book, "WH-1", 20)
    lines = lines_for(world, book, 20)

    def act(number: int) -> str:
        if number < 20:
            return try_to_hold(world, lines[number], book, hold=guarded)
        try:
            goods.adjust_stock(
                variant_id=book.pk,
                location_id=world.locations["WH-1"].pk,
                bin_id=None,
                delta=-5,
                reason="COUNT",
                reference=f"count {number}",
                displace=True,
                by=None,
                now=NOW,
            )
        except (stock.StockBusy, DatabaseError) as error:
            return type(error).__name__
        return "COUNTED"

    answers = Counter(run_together(22, act))
    assert answers["COUNTED"] == 2
    ((on_hand, reserved),) = levels(item)
    assert on_hand == 10
    assert reserved == sum(Reservation.objects.filter(state="HELD").values_list("quantity", flat=True)) <= 10
    assert on_hand_equals_moves()
