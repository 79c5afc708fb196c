"""Many at once, over HTTP and through the verbs. Each race has a twin with its guard off, which must go wrong: else it proves nothing.

Races of single claims stand in tests/warehouse/test_races.py, the payment message ten times at once with its twin in
tests/finance/test_card_messages.py.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.test.testcases import QuietWSGIRequestHandler
from django.utils import timezone

from finance import operations as finance
from finance import workflows as money
from finance.models import Payment, PaymentEvent
from oms.models import Basket, Order, Return
from oms.workflows import baskets, cancellation, placing, returns, routing
from retail.doctor.examine import examine
from retail.kernel import idempotency
from retail.kernel.errors import Refusal
from retail.kernel.models import IdempotencyKey, OutboxEvent
from retail.rest.keys import issue_key
from storefront.models import KitComponent, Price, Product, Variant
from tests.flows.chain import Chain, make_chain
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Reservation, Shipment, StockItem
from warehouse.operations import displacing, picking
from warehouse.selectors import order_claims
from warehouse.workflows import dispatching, shelves

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
PAIRS = 4


@pytest.fixture
def chain() -> Chain:
    return make_chain()


def broken() -> dict[str, list[dict[str, Any]]]:
    """What the doctor finds. Handlers were not run, so events wait."""
    return {f.check.name: f.rows for f in examine() if f.violations and f.check.name != "outbox_drains"}


# -- Guards that a twin switches off -------------------------------------------------------------------------------


def drop_constraint(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}"')
        cursor.execute(f'DROP INDEX IF EXISTS "{name}"')


def drop_unique(table: str, column: str) -> None:
    """The constraint that keeps this one column unique, whatever it is called."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) "
            "WHERE c.conrelid = %s::regclass AND c.contype = 'u' AND cardinality(c.conkey) = 1 AND a.attname = %s",
            (table, column),
        )
        names = [row[0] for row in cursor.fetchall()]
    assert names, f"{table}.{column} is not unique"
    for name in names:
        drop_constraint(table, name)


@pytest.fixture
def without_row_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read, and nobody waits for anybody."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)


def meet(monkeypatch: pytest.MonkeyPatch, *places: tuple[Any, str]) -> None:
    """Two threads wait for each other once, each at one of these functions: both have read before either writes."""
    both_have_read = threading.Barrier(2)
    waited = threading.local()

    def slowed(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **values: Any) -> Any:
            answer = real(*arguments, **values)
            if not getattr(waited, "once", False):
                waited.once = True
                with suppress(threading.BrokenBarrierError):
                    both_have_read.wait(3)
            return answer

        return act

    for module, name in places:
        monkeypatch.setattr(module, name, slowed(getattr(module, name)))


# -- Over HTTP -----------------------------------------------------------------------------------------------------


class Server(ThreadedWSGIServer):
    """The house in a thread for each connection, with room for everybody who knocks at once."""

    request_queue_size = 512
    daemon_threads = True


class Shop:
    """Buyers with their own connections to a running server."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/api/v1", timeout=60, limits=httpx.Limits(max_connections=64), trust_env=False
        )

    def add(self, token: str, variant: Variant, quantity: int = 1) -> httpx.Response:
        return self.http.post(f"/baskets/{token}/lines", json={"sku": variant.sku, "quantity": quantity})

    def order(self, key: str, **body: Any) -> httpx.Response:
        usual: dict[str, Any] = {
            "email": "ana@example.com",
            "name": "Ana Anić",
            "phone": "+381601112223",
            "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
            "delivery": {"method": "HOME_DELIVERY"},
            "payment": {"method": "CASH_ON_DELIVERY"},
        }
        return self.http.post("/orders", json=usual | body, headers={"Idempotency-Key": key})


@pytest.fixture
def shop() -> Iterator[Shop]:
    logging.disable(logging.WARNING)  # a refusal is an answer here, hundreds of times
    cache.clear()  # the budget of requests a minute is shared by all buyers of this machine
    server = Server(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(get_wsgi_application())
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    made = Shop(f"http://127.0.0.1:{server.server_port}")
    yield made
    made.http.close()
    server.shutdown()
    server.server_close()
    serving.join(10)
    logging.disable(logging.NOTSET)


def tokens(chain: Chain, count: int) -> list[str]:
    return [
        baskets.create_basket(channel_code=chain.channel.code, now=timezone.now()).token for _ in range(count)
    ]


def buy(shop: Shop, token: str, variant: Variant) -> str:
    """Put one unit in the basket, and order it: what became of it in a word."""
    added = shop.add(token, variant)
    if added.status_code != 201:
        return str(added.json()["code"])
    placed = shop.order(f"key-{token[:20]}", basket=token)
    return "ORDERED" if placed.status_code == 201 else f"{placed.status_code} {placed.json()['code']}"


def in_turns(run_together: Together, threads: int, count: int, act: Callable[[int], str]) -> Counter[str]:
    """`count` acts by so many threads that begin together."""

    def serve(first: int) -> list[str]:
        return [act(number) for number in range(first, count, threads)]

    return Counter(answer for answers in run_together(threads, serve) for answer in answers)


def hold_what_was_read(
    *, basket_line_id: int, demands: list[tuple[int, int]], expires_at: datetime, now: datetime, **_: Any
) -> None:
    """The guard off: read, think, write, as a shop does that trusts what it has read."""
    (variant_id, quantity) = demands[0]
    item = StockItem.objects.filter(variant_id=variant_id, is_sellable=True).order_by("-on_hand")[0]
    if item.on_hand - item.reserved < quantity:
        raise stock.OutOfStock("sold out", sku="", available=0)
    Reservation.objects.create(
        stock_item=item,
        variant_id=variant_id,
        location=item.location,
        quantity=quantity,
        basket_line_id=basket_line_id,
        expires_at=expires_at,
        created_at=now,
    )
    StockItem.objects.filter(pk=item.pk).update(reserved=item.reserved + quantity)


@pytest.mark.parametrize(("buyers", "units", "threads"), [(50, 1, 50), (240, 50, 40)])
def test_buyers_over_http_buy_exactly_what_is_there(
    chain: Chain, shop: Shop, run_together: Together, buyers: int, units: int, threads: int
) -> None:
    book = chain.variant(stock=units)
    baskets_of = tokens(chain, buyers)
    answers = in_turns(run_together, threads, buyers, lambda n: buy(shop, baskets_of[n], book))
    assert answers == {"ORDERED": units, "OUT_OF_STOCK": buyers - units}
    item = StockItem.objects.get(variant=book)
    assert (item.on_hand, item.reserved) == (units, units)
    assert Order.objects.count() == units
    assert broken() == {}


def test_twin_without_the_guard_oversells_over_http(
    chain: Chain, shop: Shop, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_constraint("warehouse_stockitem", "stock_not_oversold")
    monkeypatch.setattr(stock, "hold_for_basket_line", hold_what_was_read)
    book = chain.variant(stock=2)
    baskets_of = tokens(chain, 50)
    answers = in_turns(run_together, 50, 50, lambda n: buy(shop, baskets_of[n], book))
    assert answers["ORDERED"] > 2
    assert "stock_reserved_matches_claims" in broken()


def make_kit(chain: Chain, component: Variant) -> Variant:
    product = Product.objects.create(
        slug="komplet", title="Komplet", status="PUBLISHED", published_at=timezone.now()
    )
    kit = Variant.objects.create(product=product, sku="KOMPLET", is_kit=True, weight_grams=400)
    KitComponent.objects.create(kit=kit, component=component, quantity=1)
    Price.objects.create(
        variant=kit,
        price_list=chain.channel.price_list,
        amount=Decimal("900.00"),
        valid_from=timezone.now() - timedelta(days=1),
    )
    return kit


def key_of(chain: Chain) -> str:
    scopes = ["orders:read", "orders:write"]
    return issue_key(name="races", user=chain.dragan, scopes=scopes, now=timezone.now())[1]


def test_two_lines_and_a_kit_that_share_a_sku_sell_what_is_there(
    chain: Chain, shop: Shop, run_together: Together
) -> None:
    """Each order takes three units of the same shelf by three lines: of thirty units ten orders can be had, whole."""
    mug = chain.variant(stock=30)
    kit = make_kit(chain, mug)
    shop.http.headers["Authorization"] = f"Bearer {key_of(chain)}"
    lines = [
        {"sku": mug.sku, "quantity": 1},
        {"sku": mug.sku, "quantity": 1},
        {"sku": kit.sku, "quantity": 1},
    ]

    def order(number: int) -> str:
        answer = shop.order(f"kit-{number}", lines=lines, channel=chain.channel.code)
        return "ORDERED" if answer.status_code == 201 else str(answer.json()["code"])

    answers = Counter(run_together(16, order))
    assert answers == {"ORDERED": 10, "OUT_OF_STOCK": 6}
    item = StockItem.objects.get(variant=mug)
    assert (item.on_hand, item.reserved) == (30, 30)
    claimed = Reservation.objects.filter(state="ALLOCATED").values_list("quantity", flat=True)
    assert sum(claimed) == 30
    # Who was refused left nothing behind that would hold units of others.
    assert Basket.objects.count() == 10
    assert broken() == {}


def test_twin_that_checks_each_line_by_itself_oversells(
    chain: Chain, shop: Shop, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_constraint("warehouse_stockitem", "stock_not_oversold")
    mug = chain.variant(stock=6)
    kit = make_kit(chain, mug)

    def hold(*, demands: list[tuple[int, int, int]], **values: Any) -> None:
        for line_id, _, quantity in demands:
            hold_what_was_read(basket_line_id=line_id, demands=[(mug.pk, quantity)], **values)

    monkeypatch.setattr(stock, "hold_for_basket_lines", hold)
    shop.http.headers["Authorization"] = f"Bearer {key_of(chain)}"
    lines = [{"sku": mug.sku, "quantity": 2}, {"sku": kit.sku, "quantity": 1}]

    def order(number: int) -> int:
        return shop.order(f"kit-{number}", lines=lines, channel=chain.channel.code).status_code

    sold = Counter(run_together(16, order))[201]
    assert sold > 2
    assert "stock_reserved_matches_claims" in broken()


def test_same_key_twenty_times_at_once_makes_one_order(
    chain: Chain, shop: Shop, run_together: Together
) -> None:
    book = chain.variant(stock=30)
    (token,) = tokens(chain, 1)
    assert shop.add(token, book).status_code == 201

    def click(_: int) -> tuple[int, str]:
        answer = shop.order("one-key", basket=token)
        said = answer.json()
        return answer.status_code, said.get("number") or said["code"]

    answers = Counter(run_together(20, click))
    order = Order.objects.get()
    assert answers[201, order.number] >= 1
    assert set(answers) <= {(201, order.number), (409, "IDEMPOTENCY_IN_FLIGHT")}
    assert shop.order("one-key", basket=token).json()["number"] == order.number
    assert shop.order("one-key", basket=token, note="other").json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (StockItem.objects.get(variant=book).reserved, IdempotencyKey.objects.count()) == (1, 1)
    assert broken() == {}


def test_twin_without_key_and_lock_makes_several_orders(
    chain: Chain, shop: Shop, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    drop_constraint("oms_order", "order_once_per_key")
    drop_unique("oms_order", "basket_id")
    monkeypatch.setattr(idempotency, "claim_key", lambda **_: None)
    meet(monkeypatch, (placing, "_claim_basket"))
    book = chain.variant(stock=30)
    (token,) = tokens(chain, 1)
    assert shop.add(token, book).status_code == 201
    run_together(2, lambda _: shop.order("one-key", basket=token).status_code)
    assert Order.objects.filter(idempotency_key="one-key").count() == 2


# -- Two verbs about one order -------------------------------------------------------------------------------------


def attempt(act: Callable[[], Any], done: str) -> str:
    try:
        act()
    except Refusal as refusal:
        return refusal.code
    except (AssertionError, DatabaseError, TypeError, ValueError) as error:
        return type(error).__name__
    return done


def planned(chain: Chain, order: Order) -> Shipment:
    decision = routing.propose_routing(order_id=order.pk, now=timezone.now())
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=timezone.now())
    return Shipment.objects.get(order=order)


def pick_all(chain: Chain, shipment: Shipment) -> None:
    picks = [
        stock.Pick(claim.sku, claim.bin, claim.quantity)
        for claim in order_claims(order_id=shipment.order_id)
        if claim.shipment_number == shipment.number and claim.state == "ALLOCATED"
    ]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=timezone.now())


def pack(chain: Chain, shipment: Shipment) -> None:
    parcels = [stock.ParcelSpec(500)]
    stock.pack(shipment_id=shipment.pk, parcels=parcels, by=chain.bojan, now=timezone.now())


def packed(chain: Chain, book: Variant) -> Shipment:
    shipment = planned(chain, chain.place((book, 2), now=timezone.now()))
    pick_all(chain, shipment)
    pack(chain, shipment)
    return shipment


def cancel_or_dispatch(chain: Chain, shipments: list[Shipment]) -> Callable[[int], str]:
    def act(number: int) -> str:
        shipment = shipments[number // 2]
        if number % 2:
            return attempt(
                lambda: goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=timezone.now()),
                "DISPATCHED",
            )
        return attempt(
            lambda: cancellation.cancel_order(
                order_id=shipment.order_id, reason="x", by=chain.dragan, now=timezone.now()
            ),
            "CANCELED",
        )

    return act


ONE_OF_TWO_WAYS = {("CANCELED", "ORDER_NOT_READY"), ("TOO_LATE_TO_CANCEL", "DISPATCHED")}


def test_cancel_against_dispatch_ends_in_one_of_two_ways(chain: Chain, run_together: Together) -> None:
    book = chain.variant(stock=50)
    shipments = [packed(chain, book) for _ in range(PAIRS)]
    answers = run_together(PAIRS * 2, cancel_or_dispatch(chain, shipments))
    for number in range(PAIRS):
        assert tuple(answers[number * 2 : number * 2 + 2]) in ONE_OF_TWO_WAYS
    dispatched = answers.count("DISPATCHED")
    assert Order.objects.filter(status="CANCELED").count() == PAIRS - dispatched
    assert Shipment.objects.filter(status="DISPATCHED").count() == dispatched
    assert sum(StockItem.objects.values_list("on_hand", flat=True)) == 50 - 2 * dispatched
    assert broken() == {}


def test_twin_without_the_orders_lock_cancels_what_it_sends(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    from oms.operations import orders

    drop_constraint("oms_orderline", "order_line_returned_dispatched_ordered")
    monkeypatch.setattr(orders, "_LIMITS", dict.fromkeys(orders._LIMITS, "l.quantity"))
    meet(monkeypatch, (cancellation, "_check_may_cancel"), (dispatching, "lock_shipment"))
    shipment = packed(chain, chain.variant(stock=5))
    answers = run_together(2, cancel_or_dispatch(chain, [shipment]))
    # Both go on; what follows depends on who writes first: both succeed, or they stand in each other's way.
    assert tuple(answers) not in ONE_OF_TWO_WAYS


def delivered(chain: Chain, units: int = 1) -> tuple[Order, Variant]:
    book = chain.variant(stock=5)
    order = chain.place((book, units), now=timezone.now())
    shipment = planned(chain, order)
    pick_all(chain, shipment)
    pack(chain, shipment)
    goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=timezone.now())
    goods.deliver(shipment_id=shipment.pk, by=None, now=timezone.now())
    return order, book


def ask(order: Order, book: Variant) -> str:
    return attempt(
        lambda: returns.request_return(
            order_id=order.pk,
            lines=[returns.Asked(book.sku, 1, "DAMAGED")],
            by=None,
            now=timezone.now(),
            buyer_id_kind="20",
            buyer_id="012345678",
        ),
        "ASKED",
    )


def test_return_against_return_gives_the_unit_back_once(chain: Chain, run_together: Together) -> None:
    order, book = delivered(chain)
    answers = Counter(run_together(6, lambda _: ask(order, book)))
    assert answers == {"ASKED": 1, "NOTHING_TO_RETURN": 5}
    number = Return.objects.get().number

    def receive(_: int) -> str:
        return attempt(
            lambda: returns.receive_return(
                number=number,
                location_code="S-001",
                lines=[returns.Arrived(book.sku, 1, "RESTOCK")],
                by=chain.bojan,
                now=timezone.now(),
            ),
            "RECEIVED",
        )

    answers = Counter(run_together(6, receive))
    assert answers == {"RECEIVED": 1, "ILLEGAL_MOVE": 5}
    assert order.lines.get(kind="GOODS").quantity_returned == 1
    assert StockItem.objects.get(variant=book, location=chain.store, is_sellable=True).on_hand == 1
    assert broken() == {}


def test_twin_without_the_orders_lock_announces_one_unit_twice(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    order, book = delivered(chain)
    # The return's number and the event's are counted per order, so they too need the lock.
    drop_unique("oms_return", "number")
    drop_constraint("kernel_outboxevent", "outbox_subject_sequence")
    meet(monkeypatch, (returns, "_waiting"))
    assert run_together(2, lambda _: ask(order, book)) == ["ASKED", "ASKED"]
    assert Return.objects.filter(order=order, status="REQUESTED").count() == 2


def at_the_store(chain: Chain) -> tuple[list[Shipment], list[Shipment]]:
    """Pickups and parcels that are to be picked from the same shelves, one pair for each title."""
    pickups, parcels = [], []
    for _ in range(PAIRS):
        book = chain.variant(stock=0, store_stock=5)
        common = {"now": timezone.now()}
        pickup = chain.place((book, 2), delivery_method="STORE_PICKUP", pickup_location="S-001", **common)
        pickups.append(planned(chain, pickup))
        parcels.append(planned(chain, chain.place((book, 3), **common)))
    return pickups, parcels


def pick_up_or_find_less(
    chain: Chain, pickups: list[Shipment], parcels: list[Shipment]
) -> Callable[[int], str]:
    def hand_over(shipment: Shipment) -> None:
        pick_all(chain, shipment)
        pack(chain, shipment)
        shipment.refresh_from_db()
        code = shipment.handover_code
        goods.hand_over(shipment_id=shipment.pk, code=code, by=chain.bojan, now=timezone.now())

    def find_less(shipment: Shipment) -> None:
        claim = Reservation.objects.get(shipment=shipment)
        goods.short_pick(
            shipment_id=shipment.pk,
            claim_id=claim.pk,
            quantity_found=1,
            reason="MISSING",
            by=chain.bojan,
            now=timezone.now(),
        )

    def act(number: int) -> str:
        if number % 2:
            return attempt(lambda: find_less(parcels[number // 2]), "SHORT")
        return attempt(lambda: hand_over(pickups[number // 2]), "HANDED OVER")

    return act


def test_short_pick_against_pickup_never_gives_out_units_that_are_not_there(
    chain: Chain, run_together: Together
) -> None:
    """The picker says that the shelf is empty after him; who came for the same shelf has his units, or is told."""
    pickups, parcels = at_the_store(chain)
    answers = run_together(PAIRS * 2, pick_up_or_find_less(chain, pickups, parcels))
    handed = answers.count("HANDED OVER")
    assert answers.count("SHORT") == PAIRS
    assert Shipment.objects.filter(status="DELIVERED").count() == handed
    # One unit found by each picker lies in packing, everything else was handed over or written off.
    assert sum(StockItem.objects.values_list("on_hand", flat=True)) == PAIRS
    assert broken() == {}


def test_twin_without_locks_and_guard_gives_out_what_is_not_there(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    def shift(deltas: Any) -> set[int]:
        for delta in deltas:
            item = StockItem.objects.get(pk=delta.stock_item_id)
            item.on_hand, item.reserved = item.on_hand + delta.on_hand, item.reserved + delta.reserved
            item.save(update_fields=["on_hand", "reserved"])
        return set()

    drop_constraint("warehouse_stockitem", "stock_not_oversold")
    pickups, parcels = at_the_store(chain)
    monkeypatch.setattr(picking, "shift_stock", shift)
    monkeypatch.setattr(shelves, "shift_stock", shift)
    meet(monkeypatch, (picking, "_match"), (displacing, "_lock"))
    run_together(2, pick_up_or_find_less(chain, pickups, parcels))
    assert broken() != {}


def overdue_with_a_message(chain: Chain, book: Variant, now: datetime) -> tuple[Order, PaymentEvent]:
    """Not paid in time by our clock, approved in time by the provider's."""
    order = chain.place((book, 1), now=now, payment_method="BANK_TRANSFER")
    Order.objects.filter(pk=order.pk).update(payment_deadline=now, payment_method="CARD")
    Payment.objects.filter(order=order).update(state="EXPIRED")
    payment = finance.create_payment(order_id=order.pk, method="CARD", now=now)
    said = {
        name: {"amount": str(amount), "currency": "RSD"}
        for name, amount in {
            "amount": payment.amount,
            "authorized": payment.amount,
            "captured": Decimal("0.00"),
            "refunded": Decimal("0.00"),
            "voided": Decimal("0.00"),
        }.items()
    }
    event = PaymentEvent.objects.create(
        provider="card",
        event_id=f"evt-{order.pk}",
        kind="payment.authorized",
        payment=payment,
        payload={
            "created_at": now.isoformat(),
            "payment": {
                "id": f"pay-{order.pk}",
                "reference": payment.public_id,
                "status": "AUTHORIZED",
                "card_label": "Visa",
                "authorization_expires_at": None,
                "operations": [],
                **said,
            },
        },
    )
    return order, event


def expire_or_pay(pairs: list[tuple[Order, PaymentEvent]], now: datetime) -> Callable[[int], str]:
    def act(number: int) -> str:
        order, event = pairs[number // 2]
        if number % 2:
            return attempt(lambda: money.process_payment_event(event_id=event.pk, now=now), "PAID")
        return attempt(lambda: cancellation.cancel_unpaid_order(order_id=order.pk, now=now), "EXPIRED")

    return act


def story_of(order: Order) -> list[str]:
    """What was announced about the payment of an order, in its order."""
    told = OutboxEvent.objects.filter(subject_key=order.number).order_by("sequence")
    topics = [topic.removeprefix("oms.") for topic in told.values_list("topic", flat=True)]
    return [topic for topic in topics if topic in ("order_canceled", "order_confirmed")]


def test_expiry_against_payment_ends_in_one_of_two_ways(chain: Chain, run_together: Together) -> None:
    """Canceled in time, then the money goes back, since another one bought the unit; or paid, and nobody cancels it."""
    now = timezone.now()
    pairs = [overdue_with_a_message(chain, chain.variant(stock=1), now) for _ in range(PAIRS)]
    answers = run_together(PAIRS * 2, expire_or_pay(pairs, now))
    for number, (order, event) in enumerate(pairs):
        order.refresh_from_db()
        payment = Payment.objects.get(events=event)
        claims = Counter(Reservation.objects.filter(order_line__order=order).values_list("state", flat=True))
        assert answers[number * 2 + 1] == "PAID"
        if answers[number * 2] == "EXPIRED":
            # The unit was free again when the money came, so the order was taken up again.
            assert (order.status, claims) == ("PLACED", {"RELEASED": 1, "ALLOCATED": 1})
            assert story_of(order) == ["order_canceled", "order_confirmed"]
        else:
            assert (answers[number * 2], order.status, claims) == ("NOT_DUE", "PLACED", {"ALLOCATED": 1})
            assert story_of(order) == ["order_confirmed"]
        assert payment.void_requested_at is None
    assert broken() == {}


def test_twin_without_the_orders_lock_cancels_what_is_paid(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, without_row_locks: None
) -> None:
    """The sweeper has read that the order is overdue; the message comes and is processed; the sweeper goes on."""
    now = timezone.now()
    order, event = overdue_with_a_message(chain, chain.variant(stock=1), now)
    real = cancellation._check_may_cancel

    def checked_then_paid(*arguments: Any) -> None:
        real(*arguments)
        monkeypatch.setattr(cancellation, "_check_may_cancel", real)

        def pay() -> None:
            money.process_payment_event(event_id=event.pk, now=now)
            connection.close()

        paying = threading.Thread(target=pay)
        paying.start()
        paying.join(10)
        assert not paying.is_alive()

    monkeypatch.setattr(cancellation, "_check_may_cancel", checked_then_paid)
    cancellation.cancel_unpaid_order(order_id=order.pk, now=now)
    assert story_of(order) == ["order_confirmed", "order_canceled"]


def test_basket_is_ordered_once_by_two_tabs(chain: Chain, shop: Shop, run_together: Together) -> None:
    """Two keys for the same basket: one order, the other is told."""
    book = chain.variant(stock=5)
    (token,) = tokens(chain, 1)
    assert shop.add(token, book).status_code == 201
    codes = run_together(2, lambda n: shop.order(f"tab-{n}", basket=token).status_code)
    assert sorted(codes) == [201, 409]
    assert Order.objects.count() == 1
    assert Basket.objects.get(token=token).state == "ORDERED"
