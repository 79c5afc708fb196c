"""What the database itself keeps, whoever writes: each rule is attacked around Python."""

from decimal import Decimal

import pytest
from django.db import Error, connection, transaction

from tests.unchanged import nothing_changes
from tests.warehouse.world import NOW, SOON, World, levels
from warehouse import operations as stock
from warehouse.models import Bin, Reservation, StockItem, StockMove

pytestmark = pytest.mark.django_db


def run(sql: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)  # type: ignore[arg-type]


def refused(rule: str, sql: str, *parameters: object) -> None:
    """The statement fails by this rule and leaves nothing behind."""
    with nothing_changes(), pytest.raises(Error) as error, transaction.atomic():
        run(sql, *parameters)
        run("SET CONSTRAINTS ALL IMMEDIATE")
    assert rule in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        "reserved = on_hand + 1",
        "reserved = -1",
        "on_hand = on_hand - 3",
        "on_hand = -1, reserved = -1",
        "reserved = reserved + 4",
    ],
)
def test_no_stock_item_is_oversold(world: World, change: str) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    run("UPDATE warehouse_stockitem SET reserved = 3 WHERE id = %s", item.pk)
    refused("stock_not_oversold", f"UPDATE warehouse_stockitem SET {change} WHERE id = %s", item.pk)
    assert levels(item) == [(5, 3)]


def test_a_variant_has_one_row_in_a_bin(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    refused(
        "stock_item_once",
        "INSERT INTO warehouse_stockitem (variant_id, bin_id, location_id, is_sellable, on_hand, reserved) "
        "VALUES (%s, %s, %s, true, 0, 0)",
        book.pk,
        item.bin_id,
        item.location_id,
    )


def test_what_a_stock_item_repeats_of_its_bin_cannot_be_a_lie(world: World) -> None:
    book = world.variant()
    damaged, elsewhere = world.bins["WH-1", "DAMAGED"], world.locations["WH-2"]
    run(
        "INSERT INTO warehouse_stockitem (variant_id, bin_id, location_id, is_sellable, on_hand, reserved) "
        "VALUES (%s, %s, %s, true, 0, 0)",
        book.pk,
        damaged.pk,
        elsewhere.pk,
    )
    item = StockItem.objects.get(variant=book)
    assert (item.is_sellable, item.location) == (False, world.locations["WH-1"])
    run("UPDATE warehouse_stockitem SET is_sellable = true WHERE id = %s", item.pk)
    run("UPDATE warehouse_bin SET kind = 'DISPLAY' WHERE id = %s", damaged.pk)
    item.refresh_from_db()
    assert item.is_sellable
    run("UPDATE warehouse_bin SET kind = 'TRANSIT' WHERE id = %s", damaged.pk)
    item.refresh_from_db()
    assert not item.is_sellable


def test_stock_moves_are_never_changed_or_removed(world: World) -> None:
    world.stock(world.variant(), "WH-1", 5)
    refused("append-only", "UPDATE warehouse_stockmove SET quantity = 1")
    refused("append-only", "DELETE FROM warehouse_stockmove")
    assert StockMove.objects.get().quantity == 5


MOVE = (
    "INSERT INTO warehouse_stockmove (variant_id, from_bin_id, to_bin_id, quantity, entity_id, value, reason, document_kind, "
    "document_key, is_imported, created_at, entry_id) VALUES (%s, %s, %s, %s, %s, 0, 'COUNT', 'x', 'x', false, now(), %s)"
)


def test_units_over_the_edge_need_their_journal_entry(world: World) -> None:
    book, here = world.variant(), world.bins["WH-1", "A-01"].pk
    entity = world.entity.pk
    for entry in (None, 999_999):
        refused("has no journal entry", MOVE, book.pk, None, here, 1, entity, entry)
        refused("has no journal entry", MOVE, book.pk, here, None, 1, entity, entry)
    with transaction.atomic():
        run(MOVE, book.pk, here, world.bins["WH-1", "PACKING"].pk, 1, entity, None)
        run("SET CONSTRAINTS ALL IMMEDIATE")


def test_moves_are_positive_and_go_somewhere(world: World) -> None:
    book, here = world.variant(), world.bins["WH-1", "A-01"].pk
    refused("stock_move_positive", MOVE, book.pk, here, here, 0, world.entity.pk, None)
    refused("stock_move_somewhere", MOVE, book.pk, None, None, 1, world.entity.pk, None)


@pytest.fixture
def claim(world: World) -> Reservation:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    line = world.line(world.basket(), book, 2)
    (made,) = stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=world.channel.pk,
        demands=[(book.pk, 2)],
        expires_at=SOON,
        now=NOW,
    )
    return Reservation.objects.get(pk=made.id)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("reservation_positive", "quantity = 0"),
        ("reservation_of_one_line", "basket_line_id = NULL"),
        ("reservation_allocated_to_order", "state = 'ALLOCATED'"),
        ("reservation_allocated_to_order", "state = 'PICKED'"),
        ("violates foreign key", "stock_item_id = 999999"),
        ("violates foreign key", "order_line_id = 999999, basket_line_id = NULL"),
        ("violates not-null", "stock_item_id = NULL"),
    ],
)
def test_a_claim_belongs_to_one_line_and_one_stock_item(claim: Reservation, rule: str, change: str) -> None:
    refused(rule, f"UPDATE warehouse_reservation SET {change} WHERE id = %s", claim.pk)


def test_a_claim_never_belongs_to_a_basket_and_an_order(world: World, claim: Reservation) -> None:
    line = world.order((claim.variant, 1)).lines.get()
    refused(
        "reservation_of_one_line",
        "UPDATE warehouse_reservation SET order_line_id = %s WHERE id = %s",
        line.pk,
        claim.pk,
    )


def test_a_basket_line_with_a_live_claim_cannot_be_deleted_under_it(claim: Reservation) -> None:
    refused("violates foreign key", "DELETE FROM oms_basketline WHERE id = %s", claim.basket_line_id)


def test_bins_are_named_once_with_one_default_of_a_kind(world: World) -> None:
    place = world.locations["WH-1"].pk
    insert = "INSERT INTO warehouse_bin (location_id, code, zone, kind, pick_sequence, is_default) VALUES (%s, %s, '', 'STORAGE', 0, %s)"
    refused("bin_code_once", insert, place, "A-01", False)
    refused("bin_one_default_per_kind", insert, place, "B-77", True)
    run(insert, place, "B-77", False)
    assert Bin.objects.filter(location_id=place, kind="STORAGE").count() == 2


def test_safety_stock_is_said_once_and_a_category_needs_its_place(world: World) -> None:
    from storefront.models import Category

    node = Category.objects.create(slug="books", path="books", name="Books")
    insert = "INSERT INTO warehouse_safetystock (location_id, category_id, quantity) VALUES (%s, %s, 1)"
    run(insert, None, None)
    refused("safety_stock_once", insert, None, None)
    run(insert, world.locations["WH-1"].pk, None)
    refused("safety_stock_once", insert, world.locations["WH-1"].pk, None)
    refused("safety_stock_category_at_location", insert, None, node.pk)


def test_purchase_lines_and_parcels_are_sensible(world: World) -> None:
    book = world.variant()
    order = stock.create_purchase_order(
        supplier_id=world.locations["WH-2"].pk,
        location_id=world.locations["WH-1"].pk,
        lines=[stock.OrderedLine(book.pk, 3, Decimal("1.00"))],
        by=None,
        now=NOW,
    )
    refused("purchase_line_positive", "UPDATE warehouse_purchaseorderline SET quantity = 0")
    refused("purchase_line_positive", "UPDATE warehouse_purchaseorderline SET unit_cost = -1")
    refused(
        "purchase_line_variant_once",
        "INSERT INTO warehouse_purchaseorderline (order_id, variant_id, quantity, quantity_received, unit_cost) VALUES (%s, %s, 1, 0, 1)",
        order.pk,
        book.pk,
    )
    refused("violates check constraint", "UPDATE warehouse_purchaseorderline SET quantity_received = -1")


def test_truncate_is_refused_outside_of_the_test_run(world: World) -> None:
    with transaction.atomic():
        run("SET LOCAL retail.allow_truncate = ''")
        refused("would leave no trace", "TRUNCATE warehouse_stockmove CASCADE")
