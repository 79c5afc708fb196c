"""Many buyers at once over HTTP. Each race has a twin with its guard off, which must go wrong: else it proves nothing."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.test.testcases import QuietWSGIRequestHandler
from django.utils import timezone

from oms.api.views import Orders
from oms.models import Basket, Order
from oms.workflows import baskets, placing
from retail.kernel import idempotency
from retail.kernel.models import IdempotencyKey
from retail.rest.keys import issue_key
from storefront.models import KitComponent, Price, Product, Variant
from tests.flows.chain import Chain
from tests.proof.guards import broken, drop_constraint, drop_unique, meet
from warehouse import operations as stock
from warehouse.models import Reservation, StockItem

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
# `make proof` plays the race for the last units twenty times.
ROUNDS = 20 if os.environ.get("ONEROW_PROOF") else 1


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


@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize(("buyers", "units", "threads"), [(50, 1, 50), (240, 50, 40)])
def test_buyers_over_http_buy_exactly_what_is_there(
    chain: Chain, shop: Shop, run_together: Together, buyers: int, units: int, threads: int, turn: int
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
    monkeypatch.setattr(Orders, "claims_later", lambda *_: False)
    monkeypatch.setattr(idempotency, "claim_key", lambda **_: None)
    meet(monkeypatch, (placing, "_claim_basket"))
    book = chain.variant(stock=30)
    (token,) = tokens(chain, 1)
    assert shop.add(token, book).status_code == 201
    run_together(2, lambda _: shop.order("one-key", basket=token).status_code)
    assert Order.objects.filter(idempotency_key="one-key").count() == 2


def test_basket_is_ordered_once_by_two_tabs(chain: Chain, shop: Shop, run_together: Together) -> None:
    """Two keys for the same basket: one order, the other is told."""
    book = chain.variant(stock=5)
    (token,) = tokens(chain, 1)
    assert shop.add(token, book).status_code == 201
    codes = run_together(2, lambda n: shop.order(f"tab-{n}", basket=token).status_code)
    assert sorted(codes) == [201, 409]
    assert Order.objects.count() == 1
    assert Basket.objects.get(token=token).state == "ORDERED"
