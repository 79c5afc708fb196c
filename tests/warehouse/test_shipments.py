"""From a ratified plan to the shopper's hands: units, claims, order and ledger move together."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from finance.models import JournalEntry, JournalLine, StockValue
from oms import operations as orders
from oms.models import Carrier, CarrierService, Order, OrderException
from retail.kernel.errors import IllegalMove
from retail.kernel.models import OutboxEvent
from storefront.models import Variant
from tests.lock_order import recorded_locks
from tests.unchanged import nothing_changes
from tests.warehouse.world import NOW, UNIT_COST, World, levels, live_claims
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Parcel, Reservation, Shipment, StockItem, StockMove

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


@pytest.fixture
def service(world: World) -> CarrierService:
    carrier = Carrier.objects.create(code="kurir", name="Kurir")
    return CarrierService.objects.create(
        carrier=carrier,
        code="kurir-danas",
        name="Today for tomorrow",
        position=1,
        collect_days=[0, 1, 2, 3, 4],
        deliver_days=[0, 1, 2, 3, 4],
    )


def plan_of(
    order: Order, place: str, service: CarrierService | None, world: World
) -> list[dict[str, object]]:
    return [
        {
            "line": line.position,
            "order_line": line.pk,
            "quantity": line.quantity,
            "location": place,
            "location_id": world.locations[place].pk,
            "service": service.code if service else None,
            "parcel": 1,
        }
        for line in order.lines.order_by("position")
    ]


def shipped(
    world: World,
    service: CarrierService | None,
    *wanted: tuple[Variant, int],
    place: str = "WH-1",
    **more: object,
) -> Shipment:
    """An order with one shipment, its claims at `place`."""
    order = world.order(*wanted, **more)  # type: ignore[arg-type]
    stock.claim_for_order_lines(
        demands=[
            (line.pk, line.variant_id or 0, line.quantity, world.locations[place].pk)
            for line in order.lines.all()
        ],
        channel_id=world.channel.pk,
        state="ALLOCATED",
        expires_at=None,
        now=NOW,
    )
    (pk,) = stock.create_shipments(
        order_id=order.pk, plan=plan_of(order, place, service, world), by=world.bojan, now=NOW
    )
    return Shipment.objects.get(pk=pk)


def pick(
    world: World, shipment: Shipment, *picks: tuple[Variant, int], bin_code: str = "A-01"
) -> stock.Progress:
    return stock.pick(
        shipment_id=shipment.pk,
        picks=[stock.Pick(variant.sku, bin_code, quantity) for variant, quantity in picks],
        by=world.bojan,
        now=NOW,
    )


def packed(world: World, shipment: Shipment, *picks: tuple[Variant, int]) -> Shipment:
    pick(world, shipment, *picks)
    return stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(640)], by=world.bojan, now=NOW)


def topics() -> list[str]:
    return list(OutboxEvent.objects.order_by("id").values_list("topic", flat=True))


def postings(document_key: str) -> dict[str, tuple[Decimal, Decimal]]:
    """Debit and credit by account of a document's entries."""
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for code, debit, credit in JournalLine.objects.filter(entry__document_key=document_key).values_list(
        "account__code", "debit", "credit"
    ):
        before = found.get(code, (Decimal(0), Decimal(0)))
        found[code] = (before[0] + debit, before[1] + credit)
    return found


def on_hand_equals_moves() -> bool:
    """on_hand = Σ moves, bin by bin; reserved = Σ live claims, item by item."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM warehouse_stockitem i
             WHERE i.on_hand <> COALESCE((SELECT sum(CASE WHEN m.to_bin_id = i.bin_id THEN m.quantity ELSE -m.quantity END)
                                            FROM warehouse_stockmove m
                                           WHERE m.variant_id = i.variant_id AND i.bin_id IN (m.from_bin_id, m.to_bin_id)), 0)
                OR i.reserved <> COALESCE((SELECT sum(r.quantity) FROM warehouse_reservation r
                                            WHERE r.stock_item_id = i.id
                                              AND r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED')), 0)
            """
        )
        return bool(cursor.fetchone()[0] == 0)


# -- Made from a plan ----------------------------------------------------------------------------------------------


def test_a_plan_makes_one_shipment_for_each_place_and_service(world: World, service: CarrierService) -> None:
    book, mug = world.variant(), world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(mug, "S-001", 5)
    order = world.order((book, 2), (mug, 1))
    first, second = order.lines.order_by("position")
    for line, place in ((first, "WH-1"), (second, "S-001")):
        stock.claim_for_order_line(
            order_line_id=line.pk,
            variant_id=line.variant_id or 0,
            quantity=line.quantity,
            location_id=world.locations[place].pk,
            channel_id=None,
            state="ALLOCATED",
            expires_at=None,
            now=NOW,
        )
    plan = [plan_of(order, "WH-1", service, world)[0], plan_of(order, "S-001", service, world)[1]]
    made = stock.create_shipments(order_id=order.pk, plan=plan, by=None, now=NOW)
    rows = list(Shipment.objects.order_by("id"))
    assert [row.pk for row in rows] == made
    suffix = order.number.removeprefix("ORD")
    assert [(row.number, row.location.code, row.status) for row in rows] == [
        (f"SHP{suffix}-1", "WH-1", "READY"),
        (f"SHP{suffix}-2", "S-001", "READY"),
    ]
    assert [claim.shipment_number for claim in warehouse.order_claims(order_id=order.pk)] == [
        rows[0].number,
        rows[1].number,
    ]
    with nothing_changes():
        assert stock.create_shipments(order_id=order.pk, plan=plan, by=None, now=NOW) == made


def test_a_new_plan_cancels_the_shipment_that_it_empties(world: World, service: CarrierService) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(book, "WH-2", 5)
    shipment = shipped(world, service, (book, 2))
    order = shipment.order
    line = order.lines.get()
    stock.repoint_claims(order_id=order.pk, targets=[(line.pk, world.locations["WH-2"].pk, 2)], now=NOW)
    (fresh,) = stock.create_shipments(
        order_id=order.pk, plan=plan_of(order, "WH-2", service, world), by=None, now=NOW
    )
    shipment.refresh_from_db()
    assert shipment.status == "CANCELED"
    assert Reservation.objects.get().shipment_id == fresh


# -- Pick ----------------------------------------------------------------------------------------------------------


def test_a_pick_moves_units_and_claim_together(world: World, service: CarrierService) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 3))
    with recorded_locks() as locks:
        progress = stock.pick(
            shipment_id=shipment.pk,
            picks=[stock.Pick(book.barcode, "a-01", 2)],
            by=world.bojan,
            now=NOW,
        )
    locks.assert_in_order()
    assert progress == stock.Progress(picked=2, left=1)
    packing = StockItem.objects.get(variant=book, bin=world.bins["WH-1", "PACKING"])
    assert levels(item, packing) == [(3, 1), (2, 2)]
    assert live_claims() == [(book.sku, "WH-1", 1, "ALLOCATED"), (book.sku, "WH-1", 2, "PICKED")]
    picked = Reservation.objects.get(state="PICKED")
    assert (picked.picked_from, picked.picker, picked.picked_at) == (
        world.bins["WH-1", "A-01"],
        world.bojan,
        NOW,
    )
    move = StockMove.objects.get(reason="PICK")
    assert (move.from_bin, move.to_bin, move.quantity, move.document_key, move.by) == (
        world.bins["WH-1", "A-01"],
        world.bins["WH-1", "PACKING"],
        2,
        shipment.number,
        world.bojan,
    )
    shipment.order.refresh_from_db()
    assert (shipment.order.fulfillment_status, shipment.order.status) == ("PICKING", "IN_FULFILLMENT")
    assert "warehouse.units_picked" in topics()
    assert on_hand_equals_moves()


@pytest.mark.parametrize(
    ("code", "bin_code", "quantity", "refusal"),
    [
        ("nonsense", "A-01", 1, stock.WrongUnit),
        ("other", "A-01", 1, stock.WrongUnit),
        ("book", "B-99", 1, stock.UnknownBin),
        ("book", "RECEIVING", 1, stock.WrongBin),
        ("book", "A-01", 4, stock.InvalidQuantity),
        ("book", "A-01", 0, stock.InvalidQuantity),
        ("book", "A-01", -1, stock.InvalidQuantity),
    ],
)
def test_a_wrong_scan_is_refused_by_name_and_changes_nothing(
    world: World, service: CarrierService, code: str, bin_code: str, quantity: int, refusal: type[Exception]
) -> None:
    book, other = world.variant(), world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(other, "WH-1", 5)
    shipment = shipped(world, service, (book, 3))
    scanned = {"book": book.sku, "other": other.sku}.get(code, code)
    with nothing_changes(), pytest.raises(refusal):
        stock.pick(
            shipment_id=shipment.pk,
            picks=[stock.Pick(scanned, bin_code, quantity)],
            by=world.bojan,
            now=NOW,
        )


@pytest.mark.parametrize("status", ["ON_HOLD", "PENDING_PAYMENT", "CANCELED"])
def test_goods_of_an_order_that_waits_stay_on_the_shelf(
    world: World, service: CarrierService, status: str
) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 1))
    Order.objects.filter(pk=shipment.order_id).update(status=status)
    with nothing_changes(), pytest.raises(stock.OrderNotReady):
        pick(world, shipment, (book, 1))


def test_canceled_picked_units_are_put_back_by_scan(world: World, service: CarrierService) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 3))
    pick(world, shipment, (book, 3))
    line = shipment.order.lines.get()
    line.quantity_canceled = 2
    line.save(update_fields=["quantity_canceled"])
    stock.release_order_claims(order_line_ids=[line.pk], now=NOW)
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 2}
    task = Reservation.objects.get(is_put_back=True)
    stock.put_back(claim_id=task.pk, by=world.bojan, now=NOW)
    assert levels(item) == [(4, 0)]
    assert warehouse.availability(variant_ids=[book.pk], channel_id=None, now=NOW) == {book.pk: 4}
    assert StockMove.objects.filter(reason="PUT_BACK", quantity=2).count() == 1
    assert on_hand_equals_moves()
    with nothing_changes(), pytest.raises(stock.UnknownClaim):
        stock.put_back(claim_id=task.pk, by=world.bojan, now=NOW)


# -- Pack ----------------------------------------------------------------------------------------------------------


def test_packing_needs_everything_picked_and_parcels_that_weigh(
    world: World, service: CarrierService
) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 3))
    pick(world, shipment, (book, 2))
    with nothing_changes(), pytest.raises(stock.NotPicked) as refusal:
        stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(640)], by=None, now=NOW)
    assert refusal.value.details == {"left": 1}
    pick(world, shipment, (book, 1))
    for parcels in ([], [stock.ParcelSpec(0)], [stock.ParcelSpec(20_001)]):
        with nothing_changes(), pytest.raises(stock.InvalidParcel):
            stock.pack(shipment_id=shipment.pk, parcels=parcels, by=None, now=NOW)
    stock.pack(
        shipment_id=shipment.pk,
        parcels=[stock.ParcelSpec(640), stock.ParcelSpec(310)],
        by=None,
        now=NOW,
    )
    assert list(Parcel.objects.order_by("id").values_list("number", "weight_grams")) == [
        (f"{shipment.number}-P1", 640),
        (f"{shipment.number}-P2", 310),
    ]
    shipment.order.refresh_from_db()
    assert shipment.order.fulfillment_status == "PACKED"
    with nothing_changes(), pytest.raises(stock.NotPicked):
        stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(640)], by=None, now=NOW)


# -- Dispatch ------------------------------------------------------------------------------------------------------


def test_dispatch_lowers_stock_and_posts_cost_and_revenue_in_one_transaction(
    world: World, service: CarrierService
) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    shipment = packed(world, shipped(world, service, (book, 2)), (book, 2))
    with recorded_locks() as locks:
        goods.dispatch_shipment(shipment_id=shipment.pk, by=world.bojan, now=NOW)
    locks.assert_in_order()
    packing = StockItem.objects.get(variant=book, bin=world.bins["WH-1", "PACKING"])
    assert levels(packing) == [(0, 0)]
    shipment.refresh_from_db()
    assert (shipment.status, shipment.dispatched_at, shipment.cod_amount) == (
        "DISPATCHED",
        NOW,
        Decimal("1980.00"),
    )
    assert Parcel.objects.get().cod_amount == Decimal("1980.00")
    move = StockMove.objects.get(reason="DISPATCH")
    assert (move.value, move.quantity, move.to_bin) == (UNIT_COST * 2, 2, None)
    assert move.entry_id is not None
    assert JournalEntry.objects.filter(pk=move.entry_id, document_key=shipment.number).exists()
    worth = StockValue.objects.get(variant=book)
    assert (worth.quantity, worth.value) == (3, UNIT_COST * 3)
    amounts = postings(shipment.number)
    assert amounts["501"] == (Decimal("800.00"), Decimal("0.00"))
    order = Order.objects.get(pk=shipment.order_id)
    assert (order.fulfillment_status, order.lines.get().quantity_dispatched) == ("DISPATCHED", 2)
    assert "warehouse.shipment_dispatched" in topics()
    assert on_hand_equals_moves()
    with nothing_changes(), pytest.raises(IllegalMove):
        goods.dispatch_shipment(shipment_id=shipment.pk, by=world.bojan, now=NOW)


def test_what_is_not_packed_does_not_leave(world: World, service: CarrierService) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 2))
    pick(world, shipment, (book, 2))
    with nothing_changes(), pytest.raises(stock.NotPacked):
        goods.dispatch_shipment(shipment_id=shipment.pk, by=None, now=NOW)
    with nothing_changes(), pytest.raises(stock.UnknownShipment):
        goods.dispatch_shipment(shipment_id=999_999, by=None, now=NOW)


def test_an_incomplete_kit_does_not_leave(world: World, service: CarrierService) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    world.stock(mug, "WH-1", 5)
    world.stock(tea, "WH-1", 5)
    shipment = packed(world, shipped(world, service, (kit, 1)), (mug, 1), (tea, 2))
    contents = warehouse.shipment_contents(shipment_id=shipment.pk)
    line = shipment.order.lines.get()
    assert (contents.sold, contents.goods) == (
        {line.pk: 1},
        {(line.pk, mug.pk): 1, (line.pk, tea.pk): 2},
    )
    Reservation.objects.filter(variant=tea).update(shipment=None)
    with nothing_changes(), pytest.raises(stock.NotPicked):
        goods.dispatch_shipment(shipment_id=shipment.pk, by=None, now=NOW)
    Reservation.objects.filter(variant=tea).update(shipment=shipment)
    goods.dispatch_shipment(shipment_id=shipment.pk, by=None, now=NOW)
    line.refresh_from_db()
    assert line.quantity_dispatched == 1
    assert StockValue.objects.get(variant=tea).quantity == 3


# -- After dispatch ------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(world: World, service: CarrierService) -> Shipment:
    book = world.variant("BOOK")
    world.stock(book, "WH-1", 5)
    shipment = packed(world, shipped(world, service, (book, 2)), (book, 2))
    return goods.dispatch_shipment(shipment_id=shipment.pk, by=world.bojan, now=NOW)


def test_delivered_tells_the_order(sent: Shipment) -> None:
    goods.deliver(shipment_id=sent.pk, by=None, now=NOW + timedelta(days=1))
    sent.refresh_from_db()
    sent.order.refresh_from_db()
    assert (sent.status, sent.delivered_at) == ("DELIVERED", NOW + timedelta(days=1))
    assert sent.order.fulfillment_status == "DELIVERED"
    with nothing_changes(), pytest.raises(IllegalMove):
        goods.deliver(shipment_id=sent.pk, by=None, now=NOW)


def test_refused_parcel_comes_back_with_units_sale_and_money_undone(world: World, sent: Shipment) -> None:
    goods.fail_delivery(shipment_id=sent.pk, reason="REFUSED", by=None, now=NOW)
    case = OrderException.objects.get(kind="DELIVERY_FAILED")
    assert (case.state, case.detail) == ("OPEN", {"shipment": sent.number, "reason": "REFUSED"})
    book = Variant.objects.get(sku="BOOK")
    goods.return_to_sender(
        shipment_id=sent.pk,
        location_id=world.locations["WH-2"].pk,
        damaged={book.pk: 1},
        by=world.bojan,
        now=NOW,
    )
    back = {
        item.bin.code: item.on_hand
        for item in StockItem.objects.filter(variant=book, location=world.locations["WH-2"])
    }
    assert back == {"A-01": 1, "DAMAGED": 1}
    moves = StockMove.objects.filter(reason="RETURN").order_by("id")
    assert [(move.quantity, move.value) for move in moves] == [(1, UNIT_COST), (1, UNIT_COST)]
    worth = StockValue.objects.get(variant=book)
    assert (worth.quantity, worth.value) == (5, UNIT_COST * 5)
    case.refresh_from_db()
    order = Order.objects.get(pk=sent.order_id)
    assert (case.state, order.due_total, order.fulfillment_status) == (
        "RESOLVED",
        Decimal("0.00"),
        "RETURNED",
    )
    assert order.lines.get().quantity_returned == 2
    assert on_hand_equals_moves()


def test_lost_parcel_undoes_the_sale_and_keeps_the_loss(sent: Shipment) -> None:
    goods.fail_delivery(shipment_id=sent.pk, reason="LOST", by=None, now=NOW)
    order = Order.objects.get(pk=sent.order_id)
    sent.refresh_from_db()
    assert (sent.status, order.due_total) == ("LOST", Decimal("0.00"))
    assert StockValue.objects.get(variant__sku="BOOK").quantity == 3
    assert not StockMove.objects.filter(reason__in=["RETURN", "LOST"]).exists()
    assert on_hand_equals_moves()


def test_only_known_failures_of_what_is_under_way(world: World, sent: Shipment) -> None:
    with nothing_changes(), pytest.raises(stock.UnknownReason):
        goods.fail_delivery(shipment_id=sent.pk, reason="EATEN", by=None, now=NOW)
    with nothing_changes(), pytest.raises(IllegalMove):
        goods.return_to_sender(shipment_id=sent.pk, location_id=world.locations["WH-1"].pk, by=None, now=NOW)


# -- Pickup --------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(world: World) -> Shipment:
    book = world.variant("BOOK")
    world.stock(book, "S-001", 3)
    shipment = shipped(world, None, (book, 1), place="S-001", method="STORE_PICKUP", pickup="S-001")
    return packed(world, shipment, (book, 1))


def test_pickup_is_handed_over_for_its_code_only(world: World, waiting: Shipment) -> None:
    waiting.order.refresh_from_db()
    assert waiting.order.fulfillment_status == "READY_FOR_PICKUP"
    assert len(waiting.handover_code) == 6 and waiting.handover_code.isdigit()
    assert "oms.order_ready_for_pickup" in topics()
    wrong = f"{(int(waiting.handover_code) + 1) % 1_000_000:06d}"
    for code in (wrong, "", "čćž"):
        with nothing_changes(), pytest.raises(stock.WrongCode):
            goods.hand_over(shipment_id=waiting.pk, code=code, by=world.bojan, now=NOW)
    with nothing_changes(), pytest.raises(IllegalMove):
        goods.dispatch_shipment(shipment_id=waiting.pk, by=world.bojan, now=NOW)
    goods.hand_over(shipment_id=waiting.pk, code=f" {waiting.handover_code} ", by=world.bojan, now=NOW)
    order = Order.objects.get(pk=waiting.order_id)
    assert (order.fulfillment_status, order.lines.get().quantity_dispatched) == ("DELIVERED", 1)
    assert live_claims() == []
    assert on_hand_equals_moves()


def test_a_no_show_is_canceled_and_its_units_wait_to_be_put_back(world: World, waiting: Shipment) -> None:
    assert goods.release_no_shows(now=NOW + timedelta(days=6, hours=23)) == 0
    assert goods.release_no_shows(now=NOW + timedelta(days=7)) == 1
    waiting.refresh_from_db()
    order = Order.objects.get(pk=waiting.order_id)
    assert (order.status, waiting.status) == ("CANCELED", "CANCELED")
    task = Reservation.objects.get(is_put_back=True)
    stock.put_back(claim_id=task.pk, by=world.bojan, now=NOW)
    assert warehouse.availability(variant_ids=[task.variant_id], channel_id=world.channel.pk, now=NOW) == {
        task.variant_id: 3
    }
    assert on_hand_equals_moves()


def test_hold_of_the_order_stops_the_handover(world: World, waiting: Shipment) -> None:
    with transaction.atomic():
        orders.hold_order(order_id=waiting.order_id, reason="asked to wait", by=world.bojan)
    with nothing_changes(), pytest.raises(stock.OrderNotReady):
        goods.hand_over(shipment_id=waiting.pk, code=waiting.handover_code, by=world.bojan, now=NOW)
