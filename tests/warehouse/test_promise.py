"""When and where it can be had, from live rows; the arithmetic of dates is proved with the engine."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oms.models import (
    Carrier,
    CarrierService,
    DeliveryMethod,
    DeliveryPostcode,
    DeliveryRate,
    DeliveryZone,
    Lane,
)
from retail.kernel.models import Holiday, Location
from storefront.models import Variant
from tests.unchanged import nothing_changes
from tests.warehouse.world import NOW, SOON, World
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse.models import PurchaseOrder, PurchaseOrderLine, SafetyStock, StockPool


@pytest.fixture
def world(world: World) -> World:
    """NOW is Wednesday 2 December 2026, 10:00 in Belgrade."""
    for position, (code, orderable) in enumerate(
        [("HOME_DELIVERY", True), ("STORE_PICKUP", True), ("PARCEL_LOCKER", False)]
    ):
        method = DeliveryMethod.objects.create(
            code=code, name=code, is_orderable=orderable, position=position
        )
        if orderable:
            DeliveryRate.objects.create(
                method=method,
                channel=world.channel,
                amount=Decimal("350.00") if code == "HOME_DELIVERY" else Decimal("0.00"),
                free_from=Decimal("4000.00"),
                weight_grams_max=20_000,
                valid_from=NOW - timedelta(days=1),
            )
    zone = DeliveryZone.objects.create(code="NS", name="Novi Sad")
    DeliveryPostcode.objects.create(
        postal_code="21000", place="Novi Sad", zone=zone, latitude=45.2671, longitude=19.8335
    )
    carrier = Carrier.objects.create(code="pošta-express", name="Pošta Express")
    service = CarrierService.objects.create(
        carrier=carrier,
        code="pe-today",
        name="Today for tomorrow",
        position=1,
        collect_days=[0, 1, 2, 3, 4],
        deliver_days=[0, 1, 2, 3, 4, 5],
    )
    for code, lead in (("WH-1", 1), ("WH-2", 2), ("S-001", 1)):
        Lane.objects.create(location=world.locations[code], zone=zone, service=service, lead_days=lead)
    places = {"S-001": (45.26, 19.83), "S-002": (44.81, 20.46)}
    for code, (latitude, longitude) in places.items():
        Location.objects.filter(code=code).update(latitude=latitude, longitude=longitude)
    return world


def ask(world: World, *lines: tuple[Variant, int], **more: object) -> list[warehouse.Option]:
    given = {"postal_code": "21000", "now": NOW, "channel_id": world.channel.pk, **more}
    return warehouse.promise_options(
        lines=[(variant.pk, quantity) for variant, quantity in lines],
        **given,  # type: ignore[arg-type]
    )


def by_method(options: list[warehouse.Option], code: str) -> warehouse.Option:
    return next(option for option in options if option.method == code)


def home(world: World, *lines: tuple[Variant, int], **more: object) -> warehouse.Option:
    return by_method(ask(world, *lines, **more), "HOME_DELIVERY")


def test_every_method_with_date_price_carrier_and_places(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(book, "S-002", 2)
    delivery, pickup, locker = ask(world, (book, 1))
    assert delivery == warehouse.Option(
        method="HOME_DELIVERY",
        is_orderable=True,
        place="21000",
        date=date(2026, 12, 3),
        order_by=datetime(2026, 12, 2, 13, 0, tzinfo=UTC),
        price=Decimal("350.00"),
        carrier_code="pošta-express",
        carrier_name="Pošta Express",
        service_code="pe-today",
        locations=("WH-1",),
        location_names=("WH-1",),
    )
    assert (pickup.method, pickup.place, pickup.is_orderable) == ("STORE_PICKUP", "S-002", True)
    assert pickup.ready_at == datetime(2026, 12, 2, 11, 0, tzinfo=UTC)
    assert (pickup.price, pickup.distance_km, pickup.locations) == (Decimal("0.00"), 70.8, ("S-002",))
    assert pickup.location is not None and pickup.location.code == "S-002"
    assert (locker.method, locker.is_orderable, locker.reason) == ("PARCEL_LOCKER", False, "NOT_OFFERED")


def test_it_costs_one_statement_when_the_network_is_known(world: World) -> None:
    books = [world.variant() for _ in range(20)]
    for book in books:
        world.stock(book, "WH-1", 5)
    ask(world, (books[0], 1))
    with CaptureQueriesContext(connection) as queries, nothing_changes():
        inner = len(queries)
        ask(world, *((book, 1) for book in books))
        assert len(queries) - inner == 1


def test_stock_is_never_kept_between_questions(world: World) -> None:
    book = world.variant()
    item = world.stock(book, "WH-1", 1)
    assert home(world, (book, 1)).date == date(2026, 12, 3)
    item.on_hand = 0
    item.save(update_fields=["on_hand"])
    assert home(world, (book, 1)).reason == "OUT_OF_STOCK"


def test_a_change_of_the_calendar_is_seen_at_once(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 1)
    assert home(world, (book, 1)).date == date(2026, 12, 3)
    Holiday.objects.create(date=date(2026, 12, 3), name="A holiday")
    assert home(world, (book, 1)).date == date(2026, 12, 4)
    Holiday.objects.filter(date=date(2026, 12, 3)).delete()
    assert home(world, (book, 1)).date == date(2026, 12, 3)
    Lane.objects.filter(location=world.locations["WH-1"]).update(lead_days=2)
    assert home(world, (book, 1)).date == date(2026, 12, 4)


def test_free_delivery_by_goods_total_and_no_delivery_above_the_weight(world: World) -> None:
    book, anvil = world.variant(), world.variant(weight_grams=20_001)
    world.stock(book, "WH-1", 5)
    world.stock(anvil, "WH-1", 5)
    assert home(world, (book, 1), goods_total=Decimal("4000.00")).price == Decimal("0.00")
    assert home(world, (book, 1), goods_total=Decimal("3999.99")).price == Decimal("350.00")
    option = home(world, (anvil, 1))
    assert (option.is_orderable, option.reason) == (False, "TOO_HEAVY")


def test_unknown_postcode_says_so(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 5)
    option = home(world, (book, 1), postal_code="99999")
    assert (option.is_orderable, option.reason) == (False, "UNKNOWN_POSTCODE")


def test_own_basket_counts_as_free_and_other_baskets_do_not(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 2)
    basket = world.basket()
    line = world.line(basket, book, 2)
    stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=world.channel.pk,
        demands=[(book.pk, 2)],
        expires_at=SOON,
        now=NOW,
    )
    assert home(world, (book, 2)).reason == "OUT_OF_STOCK"
    assert home(world, (book, 2), basket_id=basket.pk).is_orderable


def test_dated_supply_is_promised_but_cannot_be_ordered_yet(world: World) -> None:
    book = world.variant()
    order = PurchaseOrder.objects.create(
        number="PO-1",
        supplier=world.locations["WH-2"],
        location=world.locations["WH-1"],
        entity=world.entity,
        expected_on=date(2026, 12, 8),
    )
    PurchaseOrderLine.objects.create(order=order, variant=book, quantity=10, unit_cost=Decimal(400))
    option = home(world, (book, 1))
    # Tuesday 8th at the door, put away on the 9th, shipped the same day, with the shopper on the 10th.
    assert (option.date, option.is_orderable, option.reason) == (date(2026, 12, 10), False, None)
    world.stock(book, "WH-1", 1)
    assert home(world, (book, 1)).is_orderable
    assert not home(world, (book, 2)).is_orderable


def test_a_quantity_that_no_place_has_alone_comes_from_the_largest(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 3)
    world.stock(book, "WH-2", 4)
    option = home(world, (book, 6))
    assert (option.is_orderable, option.locations) == (True, ("WH-2", "WH-1"))
    assert option.date == date(2026, 12, 4)


def test_kit_needs_all_its_components(world: World) -> None:
    mug, tea = world.variant(), world.variant()
    kit = world.kit((mug, 1), (tea, 2))
    world.stock(mug, "WH-1", 5)
    assert home(world, (kit, 1)).reason == "OUT_OF_STOCK"
    world.stock(tea, "WH-1", 3)
    assert home(world, (kit, 1)).is_orderable
    assert not home(world, (kit, 2)).is_orderable
    assert not home(world, (kit, 1), (tea, 2)).is_orderable


def test_safety_stock_and_pools_limit_the_promise(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 3)
    SafetyStock.objects.create(location=world.locations["WH-1"], quantity=2)
    assert home(world, (book, 1)).is_orderable
    assert home(world, (book, 2)).reason == "OUT_OF_STOCK"
    StockPool.objects.create(channel=world.channel, location=world.locations["WH-2"])
    assert home(world, (book, 1)).reason == "OUT_OF_STOCK"


def test_stores_that_have_it_come_by_nearness_and_a_named_one_answers_why_not(world: World) -> None:
    book = world.variant()
    for place in ("S-001", "S-002"):
        world.stock(book, place, 1)
    options = [option for option in ask(world, (book, 1)) if option.method == "STORE_PICKUP"]
    assert [(option.place, option.distance_km) for option in options] == [("S-001", 0.8), ("S-002", 70.8)]
    third = world.locations["S-003"].pk
    named = ask(world, (book, 1), pickup_location_ids=[third])
    option = by_method(named, "STORE_PICKUP")
    assert (option.place, option.is_orderable, option.reason) == ("S-003", False, "OUT_OF_STOCK")


def test_work_already_given_to_a_place_pushes_the_date(world: World) -> None:
    book = world.variant()
    world.stock(book, "WH-1", 50)
    Location.objects.filter(code="WH-1").update(capacity_units_per_day=10)
    order = world.order((book, 9))
    line = order.lines.get()
    stock.claim_for_order_line(
        order_line_id=line.pk,
        variant_id=book.pk,
        quantity=9,
        channel_id=None,
        state="ALLOCATED",
        expires_at=None,
        now=NOW,
    )
    assert home(world, (book, 1)).date == date(2026, 12, 3)
    assert home(world, (book, 2)).date == date(2026, 12, 4)


def test_nothing_known_is_nothing_to_be_had(world: World) -> None:
    options = warehouse.promise_options(
        lines=[(999_999, 1)], channel_id=world.channel.pk, now=NOW, postal_code="21000"
    )
    assert {option.reason for option in options} == {"OUT_OF_STOCK"}
    assert not any(option.is_orderable for option in options)
