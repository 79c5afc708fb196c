"""The truth of the shelf: it can always be written, and everybody who loses a claim is served elsewhere or told."""

from datetime import timedelta
from decimal import Decimal

import pytest

from finance.models import JournalEntry, StockValue
from oms.models import CarrierService, OrderException
from retail.kernel.models import OutboxEvent
from storefront.models import Variant
from tests.lock_order import recorded_locks
from tests.unchanged import nothing_changes
from tests.warehouse.test_shipments import (
    on_hand_equals_moves,
    pick,
    plan_of,
    postings,
    service,
    shipped,
)
from tests.warehouse.world import NOW, SOON, UNIT_COST, World, levels, live_claims
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Reservation, StockItem, StockMove

__all__ = ["service"]  # the fixture of the other file

pytestmark = pytest.mark.django_db


def adjust(world: World, variant: Variant, delta: int, **more: object) -> goods.Adjusted:
    given = {
        "location_id": world.locations["WH-1"].pk,
        "bin_id": None,
        "reason": "COUNT",
        "reference": "count 7",
        "by": world.bojan,
        "now": NOW,
        **more,
    }
    return goods.adjust_stock(variant_id=variant.pk, delta=delta, **given)  # type: ignore[arg-type]


def claimed(world: World, variant: Variant, quantity: int, **more: object) -> int:
    """The id of an order that claims units at WH-1."""
    order = world.order((variant, quantity), **more)  # type: ignore[arg-type]
    stock.claim_for_order_line(
        order_line_id=order.lines.get().pk,
        variant_id=variant.pk,
        quantity=quantity,
        location_id=world.locations["WH-1"].pk,
        channel_id=None,
        state="ALLOCATED",
        expires_at=None,
        now=NOW,
    )
    return order.pk


def held(world: World, variant: Variant, quantity: int) -> int:
    line = world.line(world.basket(), variant, quantity)
    stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=world.channel.pk,
        demands=[(variant.pk, quantity)],
        expires_at=SOON,
        now=NOW,
    )
    return line.pk


def displaced_events() -> list[tuple[int, int, bool]]:
    return [
        (event.payload["order_id"], event.payload["units"], event.payload["is_rerouted"])
        for event in OutboxEvent.objects.filter(topic="warehouse.claims_displaced").order_by("id")
    ]


# -- Adjustments ---------------------------------------------------------------------------------------------------


def test_found_units_come_with_value_and_entry(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    done = adjust(world, book, 3)
    assert (done.on_hand, done.reserved, done.bin, done.location) == (8, 0, "A-01", "WH-1")
    assert levels(item) == [(8, 0)]
    move = StockMove.objects.get(reason="COUNT")
    assert (move.quantity, move.value, move.from_bin, move.document_key) == (
        3,
        UNIT_COST * 3,
        None,
        "count 7",
    )
    assert move.entry_id is not None
    assert JournalEntry.objects.filter(pk=move.entry_id).exists()
    assert postings("count 7") == {
        "134": (UNIT_COST * 3, Decimal(0)),
        "674": (Decimal(0), UNIT_COST * 3),
    }
    assert StockValue.objects.get(variant=book).quantity == 8


def test_missing_units_lose_their_value(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    adjust(world, book, -2)
    assert postings("count 7") == {
        "134": (Decimal(0), UNIT_COST * 2),
        "574": (UNIT_COST * 2, Decimal(0)),
    }
    assert StockValue.objects.get(variant=book).value == UNIT_COST * 3


def test_below_the_claims_is_refused_with_the_claims(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    order_id = claimed(world, book, 3)
    held(world, book, 1)
    with nothing_changes(), pytest.raises(stock.BelowClaims) as refusal:
        adjust(world, book, -2)
    assert refusal.value.details["claims"] == [
        {"order": _number(order_id), "transfer": None, "quantity": 3, "state": "ALLOCATED"},
        {"order": None, "transfer": None, "quantity": 1, "state": "HELD"},
    ]
    adjust(world, book, -1)


def _number(order_id: int) -> str:
    from oms.models import Order

    return Order.objects.get(pk=order_id).number


@pytest.mark.parametrize(
    ("delta", "more", "refusal"),
    [
        (0, {}, stock.InvalidQuantity),
        (10_000_000, {}, stock.InvalidQuantity),
        (1, {"reason": "BECAUSE"}, stock.UnknownReason),
        (1, {"bin_id": 999_999}, stock.UnknownBin),
        (-6, {}, stock.NotEnoughUnits),
        (-6, {"displace": True}, stock.NotEnoughUnits),
    ],
)
def test_senseless_adjustments_are_refused(
    world: World, delta: int, more: dict[str, object], refusal: type[Exception]
) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    with nothing_changes(), pytest.raises(refusal):
        adjust(world, book, delta, **more)


def test_basket_holds_give_way_first_then_the_latest_promise(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 6)
    soon = claimed(world, book, 2, promised_at=NOW + timedelta(days=1))
    late = claimed(world, book, 2, promised_at=NOW + timedelta(days=9))
    held(world, book, 2)
    with recorded_locks() as locks:
        done = adjust(world, book, -2, displace=True)
    locks.assert_in_order()
    assert (done.displaced.basket_units, done.displaced.orders) == (2, [])
    assert levels(item) == [(4, 4)]
    done = adjust(world, book, -1, displace=True)
    assert [(one.order_id, one.units, one.served) for one in done.displaced.orders] == [(late, 1, 0)]
    assert levels(item) == [(3, 3)]
    assert displaced_events() == [(late, 1, False)]
    case = OrderException.objects.get()
    assert (case.kind, case.order_id, case.detail) == (
        "DISPLACED_CLAIM",
        late,
        {"sku": book.sku, "units": 1},
    )
    claims = {
        row.order_line.order_id: row.quantity
        for row in Reservation.objects.filter(state="ALLOCATED")
        if row.order_line
    }
    assert claims == {soon: 2, late: 1}
    assert on_hand_equals_moves()


def test_displaced_units_are_claimed_again_where_there_are_some(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 3)
    other = world.stock(book, "S-002", 3)
    order_id = claimed(world, book, 3)
    done = adjust(world, book, -2, displace=True)
    assert [(one.order_id, one.units, one.served, one.moved) for one in done.displaced.orders] == [
        (order_id, 2, 2, 2)
    ]
    assert levels(item, other) == [(1, 1), (3, 2)]
    assert displaced_events() == [(order_id, 2, True)]
    assert not OrderException.objects.exists()
    assert live_claims() == [(book.sku, "S-002", 2, "ALLOCATED"), (book.sku, "WH-1", 1, "ALLOCATED")]


def test_units_in_the_next_bin_serve_without_a_word_and_keep_the_shipment(
    world: World, service: CarrierService
) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 3)
    shipment = shipped(world, service, (book, 3))
    next_bin = world.stock(book, "WH-1", 5, bin_code="B-02")
    adjust(world, book, -3, displace=True)
    assert levels(item, next_bin) == [(0, 0), (5, 3)]
    assert displaced_events() == []
    claim = Reservation.objects.get(state="ALLOCATED")
    assert (claim.shipment_id, claim.stock_item_id) == (shipment.pk, next_bin.pk)


def test_a_pickup_is_never_served_from_another_store(world: World) -> None:
    book = world.variant()
    world.stock(book, "S-001", 1)
    world.stock(book, "WH-1", 9)
    order = world.order((book, 1), method="STORE_PICKUP", pickup="S-001")
    stock.claim_for_order_line(
        order_line_id=order.lines.get().pk,
        variant_id=book.pk,
        quantity=1,
        location_id=world.locations["S-001"].pk,
        channel_id=None,
        state="ALLOCATED",
        expires_at=None,
        now=NOW,
    )
    adjust(world, book, -1, displace=True, location_id=world.locations["S-001"].pk)
    assert displaced_events() == [(order.pk, 1, False)]
    assert live_claims() == []


def test_a_lost_component_takes_its_kit_along(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    items = [world.stock(mug, "WH-1", 3), world.stock(tea, "WH-1", 6)]
    elsewhere = [world.stock(mug, "WH-2", 1), world.stock(tea, "WH-2", 2)]
    order = world.order((kit, 3))
    stock.claim_for_order_line(
        order_line_id=order.lines.get().pk,
        variant_id=kit.pk,
        quantity=3,
        location_id=world.locations["WH-1"].pk,
        channel_id=None,
        state="ALLOCATED",
        expires_at=None,
        now=NOW,
    )
    adjust(world, tea, -1, displace=True)
    assert levels(*items) == [(3, 2), (5, 4)]
    assert levels(*elsewhere) == [(1, 1), (2, 2)]
    adjust(world, tea, -1, displace=True)
    assert levels(*items) == [(3, 2), (4, 4)]
    adjust(world, tea, -1, displace=True)
    assert levels(*items) == [(3, 1), (3, 2)]
    case = OrderException.objects.get()
    assert case.detail == {"sku": kit.sku, "units": 1}
    assert on_hand_equals_moves()


def test_a_count_writes_what_was_counted(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    count = {"bin_id": item.bin_id, "variant_id": book.pk, "reference": "c1", "by": world.bojan, "now": NOW}
    with nothing_changes():
        assert goods.count_bin(counted=5, **count) is None  # type: ignore[arg-type]
    claimed(world, book, 4)
    done = goods.count_bin(counted=1, **count)  # type: ignore[arg-type]
    assert done is not None and (done.on_hand, done.reserved) == (1, 1)
    assert levels(item) == [(1, 1)]
    with nothing_changes(), pytest.raises(stock.InvalidQuantity):
        goods.count_bin(counted=-1, **count)  # type: ignore[arg-type]


def test_written_off_units_leave_the_books_and_claimed_ones_do_not(world: World) -> None:
    book = world.variant()
    broken = world.stock(book, "WH-1", 4, bin_code="DAMAGED")
    goods.write_off(
        variant_id=book.pk, bin_id=broken.bin_id, quantity=3, reference="w1", by=world.bojan, now=NOW
    )
    assert levels(broken) == [(1, 0)]
    assert postings("w1") == {"134": (Decimal(0), UNIT_COST * 3), "577": (UNIT_COST * 3, Decimal(0))}
    item = world.stock(book, "WH-1", 2)
    claimed(world, book, 2)
    with nothing_changes(), pytest.raises(stock.BelowClaims):
        goods.write_off(variant_id=book.pk, bin_id=item.bin_id, quantity=1, reference="w2", by=None, now=NOW)


# -- Short pick ----------------------------------------------------------------------------------------------------


def short(world: World, shipment_id: int, found: int, **more: object) -> object:
    claim = Reservation.objects.get(shipment_id=shipment_id, state="ALLOCATED")
    given = {"reason": "MISSING", "by": world.bojan, "now": NOW, **more}
    return goods.short_pick(
        shipment_id=shipment_id,
        claim_id=claim.pk,
        quantity_found=found,
        **given,  # type: ignore[arg-type]
    )


def test_short_pick_takes_what_is_there_and_finds_the_rest_elsewhere(
    world: World, service: CarrierService
) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    other = world.stock(book, "WH-2", 5)
    shipment = shipped(world, service, (book, 3))
    with recorded_locks() as locks:
        short(world, shipment.pk, 1)
    locks.assert_in_order()
    packing = StockItem.objects.get(variant=book, bin=world.bins["WH-1", "PACKING"])
    # One found of three: the shelf held one, so four of the five are gone.
    assert levels(item, packing, other) == [(0, 0), (1, 1), (5, 2)]
    assert live_claims() == [(book.sku, "WH-1", 1, "PICKED"), (book.sku, "WH-2", 2, "ALLOCATED")]
    gone = StockMove.objects.get(reason="SHORT_PICK")
    assert (gone.quantity, gone.value, gone.to_bin) == (4, UNIT_COST * 4, None)
    assert StockValue.objects.get(variant=book).quantity == 6
    assert displaced_events() == [(shipment.order_id, 2, True)]
    assert not OrderException.objects.exists()
    assert on_hand_equals_moves()


def test_short_pick_displaces_who_else_counted_on_the_shelf(world: World, service: CarrierService) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    other = claimed(world, book, 1)
    held(world, book, 1)
    shipment = shipped(world, service, (book, 3))
    short(world, shipment.pk, 2)
    assert live_claims() == [(book.sku, "WH-1", 2, "PICKED")]
    assert sorted(displaced_events()) == sorted([(shipment.order_id, 1, False), (other, 1, False)])
    assert {(case.kind, case.order_id) for case in OrderException.objects.all()} == {
        ("SHORT_PICK", shipment.order_id),
        ("DISPLACED_CLAIM", other),
    }
    assert on_hand_equals_moves()


def test_damaged_units_are_set_aside_and_the_picker_takes_others(
    world: World, service: CarrierService
) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 3))
    short(world, shipment.pk, 1, reason="DAMAGED")
    damaged = StockItem.objects.get(variant=book, bin=world.bins["WH-1", "DAMAGED"])
    assert levels(item, damaged) == [(2, 2), (2, 0)]
    # Two more stand in the same bin: they are claimed for the same shipment.
    claim = Reservation.objects.get(state="ALLOCATED")
    assert (claim.quantity, claim.shipment_id, claim.stock_item_id) == (2, shipment.pk, item.pk)
    assert not JournalEntry.objects.exists()
    assert StockMove.objects.get(reason="DAMAGE").quantity == 2
    assert pick(world, shipment, (book, 2)) == stock.Progress(picked=3, left=0)
    assert on_hand_equals_moves()


def test_nothing_found_empties_and_cancels_the_shipment(world: World, service: CarrierService) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 2)
    shipment = shipped(world, service, (book, 2))
    short(world, shipment.pk, 0)
    shipment.refresh_from_db()
    assert (shipment.status, live_claims()) == ("CANCELED", [])
    order = shipment.order
    world.stock(book, "WH-2", 2)
    line = order.lines.get()
    stock.repoint_claims(order_id=order.pk, targets=[(line.pk, world.locations["WH-2"].pk, 2)], now=NOW)
    stock.create_shipments(order_id=order.pk, plan=plan_of(order, "WH-2", service, world), by=None, now=NOW)
    assert live_claims() == [(book.sku, "WH-2", 2, "ALLOCATED")]


@pytest.mark.parametrize(
    ("found", "more", "refusal"),
    [
        (2, {}, stock.InvalidQuantity),
        (-1, {}, stock.InvalidQuantity),
        (0, {"reason": "LAZY"}, stock.UnknownReason),
        (0, {"left_on_shelf": 9}, stock.InvalidQuantity),
    ],
)
def test_a_senseless_short_pick_is_refused(
    world: World, service: CarrierService, found: int, more: dict[str, object], refusal: type[Exception]
) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 2))
    with nothing_changes(), pytest.raises(refusal):
        short(world, shipment.pk, found, **more)


# -- Goods in ------------------------------------------------------------------------------------------------------


def purchase(world: World, *lines: tuple[Variant, int]) -> int:
    return stock.create_purchase_order(
        supplier_id=world.locations["WH-2"].pk,
        location_id=world.locations["WH-1"].pk,
        lines=[stock.OrderedLine(variant.pk, quantity, Decimal("333.3333")) for variant, quantity in lines],
        by=world.bojan,
        now=NOW,
    ).pk


def receive(world: World, order_id: int, *lines: tuple[Variant, int, int], **more: object) -> object:
    return goods.receive_goods(
        purchase_order_id=order_id,
        lines=[stock.ReceivedLine(variant.pk, good, damaged) for variant, good, damaged in lines],
        by=world.bojan,
        now=NOW,
        **more,  # type: ignore[arg-type]
    )


def test_receiving_counts_over_short_and_damaged_with_their_value(world: World) -> None:
    from warehouse.models import PurchaseOrder, Receipt

    book, mug = world.variant(), world.variant()
    order_id = purchase(world, (book, 3), (mug, 5))
    receive(world, order_id, (book, 4, 0), (mug, 2, 1), delivery_note="DN-77")
    order = PurchaseOrder.objects.get(pk=order_id)
    assert (order.number, order.status) == ("PO-2026-000001", "PARTLY_RECEIVED")
    receipt = Receipt.objects.get()
    assert (receipt.number, receipt.delivery_note) == ("PO-2026-000001-R1", "DN-77")
    assert [
        (line.quantity_good, line.quantity_damaged, line.value) for line in receipt.lines.order_by("id")
    ] == [
        (4, 0, Decimal("1333.33")),
        (2, 1, Decimal("1000.00")),
    ]
    where = {(item.variant_id, item.bin.code): item.on_hand for item in StockItem.objects.all()}
    assert where == {(book.pk, "RECEIVING"): 4, (mug.pk, "RECEIVING"): 2, (mug.pk, "DAMAGED"): 1}
    assert postings(receipt.number) == {
        "134": (Decimal("2333.33"), Decimal(0)),
        "4359": (Decimal(0), Decimal("2333.33")),
    }
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 0}
    receive(world, order_id, (mug, 2, 0))
    order.refresh_from_db()
    assert order.status == "RECEIVED"
    assert on_hand_equals_moves()


def test_what_is_put_away_is_offered(world: World) -> None:
    book = world.variant()
    receive(world, purchase(world, (book, 3)), (book, 3, 0))
    put = {
        "location_id": world.locations["WH-1"].pk,
        "variant_id": book.pk,
        "by": world.bojan,
        "now": NOW,
    }
    (task,) = warehouse.put_away_queue(location_id=world.locations["WH-1"].pk)
    assert (task.sku, task.quantity, task.home) == (book.sku, 3, None)
    stock.put_away(quantity=2, to_bin_id=world.bins["WH-1", "A-01"].pk, **put)  # type: ignore[arg-type]
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 2}
    (task,) = warehouse.put_away_queue(location_id=world.locations["WH-1"].pk)
    assert (task.quantity, task.home) == (1, "A-01")
    with nothing_changes(), pytest.raises(stock.NotEnoughUnits):
        stock.put_away(quantity=2, to_bin_id=world.bins["WH-1", "A-01"].pk, **put)  # type: ignore[arg-type]
    with nothing_changes(), pytest.raises(stock.UnknownBin):
        stock.put_away(quantity=1, to_bin_id=world.bins["WH-2", "A-01"].pk, **put)  # type: ignore[arg-type]


def test_claimed_units_are_not_moved_away_under_their_claim(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 3)
    claimed(world, book, 2)
    target = world.bin("WH-1", "B-02")
    with nothing_changes(), pytest.raises(stock.NotEnoughUnits):
        stock.move_units(
            variant_id=book.pk,
            from_bin_id=item.bin_id,
            to_bin_id=target.pk,
            quantity=2,
            by=world.bojan,
            now=NOW,
        )


def test_wrong_deliveries_are_refused(world: World) -> None:
    from retail.kernel.errors import IllegalMove

    book, other = world.variant(), world.variant()
    order_id = purchase(world, (book, 3))
    for lines, refusal in (
        ([(other, 1, 0)], stock.NotOnPurchaseOrder),
        ([(book, -1, 0)], stock.InvalidQuantity),
        ([(book, 0, 0)], stock.InvalidQuantity),
        ([(book, 1, 0), (book, 1, 0)], stock.InvalidQuantity),
        ([], stock.InvalidQuantity),
    ):
        with nothing_changes(), pytest.raises(refusal):
            receive(world, order_id, *lines)
    with nothing_changes(), pytest.raises(stock.UnknownPurchaseOrder):
        receive(world, 999_999, (book, 1, 0))
    receive(world, order_id, (book, 1, 0), is_complete=True)
    with nothing_changes(), pytest.raises(IllegalMove):
        receive(world, order_id, (book, 1, 0))


# -- Why is it available, or not -----------------------------------------------------------------------------------


def test_waterfall_adds_up_and_names_the_holders(world: World) -> None:
    from warehouse.models import SafetyStock, StockPool

    book = world.variant()
    world.stock(book, "WH-1", 10)
    world.stock(book, "WH-1", 3, bin_code="DAMAGED")
    world.stock(book, "S-001", 4)
    world.stock(book, "S-002", 1)
    order_id = claimed(world, book, 2)
    held(world, book, 3)
    SafetyStock.objects.create(quantity=2)
    StockPool.objects.create(channel=world.channel, location=world.locations["WH-1"])
    StockPool.objects.create(channel=world.channel, location=world.locations["S-002"])
    told = warehouse.explain_availability(variant_id=book.pk, channel_id=world.channel.pk, now=NOW)
    assert (told.on_hand, told.unsellable, told.held_by_baskets, told.held_by_orders) == (18, 3, 3, 2)
    assert (told.expired, told.safety, told.outside_pools, told.available) == (0, 3, 4, 3)
    assert (
        told.on_hand
        - told.unsellable
        - told.held_by_baskets
        - told.held_by_orders
        + told.expired
        - told.safety
        - told.outside_pools
        == told.available
    )
    assert [(place.location, place.available, place.in_pool) for place in told.places] == [
        ("WH-1", 3, True),
        ("S-001", 0, False),
        ("S-002", 0, True),
    ]
    assert [(one.order_number, one.quantity) for one in told.holders] == [(_number(order_id), 2), (None, 3)]
    live = warehouse.availability(variant_ids=[book.pk], channel_id=world.channel.pk, now=NOW)
    assert live == {book.pk: told.available}
    later = warehouse.explain_availability(variant_id=book.pk, channel_id=world.channel.pk, now=SOON)
    assert (later.expired, later.available) == (3, 6)


def test_pick_queue_follows_the_bins(world: World, service: CarrierService) -> None:
    book, mug = world.variant(), world.variant()
    world.bin("WH-1", "Z-09", pick_sequence=90)
    world.bin("WH-1", "C-03", pick_sequence=30)
    world.stock(book, "WH-1", 5, bin_code="Z-09")
    world.stock(mug, "WH-1", 5, bin_code="C-03")
    shipment = shipped(world, service, (book, 2), (mug, 1))
    queue = warehouse.pick_queue(location_id=world.locations["WH-1"].pk)
    assert [(task.bin, task.sku, task.quantity, task.shipment_number) for task in queue] == [
        ("C-03", mug.sku, 1, shipment.number),
        ("Z-09", book.sku, 2, shipment.number),
    ]
    (task,) = warehouse.shipment_queue(location_id=world.locations["WH-1"].pk)
    assert (task.to_pick, task.picked, task.packed, task.lines) == (3, 0, 0, 2)
    found = warehouse.scanned_shipment(code=shipment.number.lower())
    assert found == shipment
    assert warehouse.scanned_shipment(code=" ") is None
