"""The server of cache and doorbell refuses, hangs or forgets: trade goes on without waiting for it, and nothing is lost.

Each test has a Valkey of its own. Signing in is refused meanwhile, since nobody counts the attempts; who is in stays in.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.test import Client
from django.utils import timezone
from kombu import pools
from redis import Redis

from oms.models import Order
from retail import tasks
from retail.apps import _ring_worker
from retail.cache import ask_again, is_up
from retail.celery import app as celery_app
from retail.doctor.examine import examine
from retail.kernel import outbox
from retail.kernel.models import OutboxEvent
from retail.rest.keys import SCOPES
from retail.running import home as local
from retail.running import valkey
from storefront.models import Variant
from tests.api.integrator import Api
from tests.flows.chain import Chain
from tests.staff import client_of, make_staff
from tests.storefront.shopping import typed

pytestmark = pytest.mark.django_db(transaction=True)
# Not a measure: an act that still waits after this waits for the server, and would for ever.
PATIENCE_SECONDS = 60


class Server:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.socket = str(local.socket_path(home, "valkey.sock"))
        valkey.start(home)
        self.pid = int(local.read_record(home, "valkey")["pid"])

    def refuse(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def hang(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def forget(self) -> None:
        with Redis(unix_socket_path=self.socket) as client:
            client.flushall()

    def go_on(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        valkey.start(self.home)
        ask_again()

    def rings(self) -> int:
        with Redis(unix_socket_path=self.socket) as client:
            found = client.llen("celery")
            assert isinstance(found, int)
            return found


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="onerow-") as folder:
        own = Server(Path(folder))
        settings.CACHES = {
            "default": {
                "BACKEND": "retail.cache.ForgetfulRedisCache",
                "LOCATION": local.cache_location(local.redis_url(own.home)),
            }
        }
        monkeypatch.setattr(outbox, "_doorbells", [_ring_worker])
        before = (celery_app.conf.broker_url, celery_app.conf.task_always_eager)
        _use(local.redis_url(own.home), is_eager=False)
        try:
            yield own
        finally:
            own.go_on()
            valkey.stop(own.home)
            _use(*before)
            caches["default"].close()


def _use(broker: str, is_eager: bool) -> None:
    celery_app.conf.update(broker_url=broker, task_always_eager=is_eager)
    pools.reset()
    vars(celery_app)["_pool"] = vars(celery_app.amqp)["_producer_pool"] = None


def in_time(act: Callable[[], Any]) -> Any:
    """The act's result, on a thread that is given up when it waits."""
    results: list[Any] = []

    def work() -> None:
        from django.db import connection

        try:
            results.append(act())
        except BaseException as error:
            results.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), "it waits for a server that does not answer"
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def trade(chain: Chain, book: Variant, staff: Client) -> None:
    """Pages, basket, checkout, back office and API, each as its people use it."""
    shopper = Client()
    for page in ("/", f"/p/{book.product.slug}/", "/search/?q=Naslov", "/accounts/login/"):
        assert shopper.get(page).status_code == 200, page
    added = shopper.post("/basket/add/", {"sku": book.sku, "quantity": 1})
    assert added.status_code == 302
    assert shopper.get("/basket/").status_code == 200
    ordered = shopper.post("/checkout/", typed(shopper))
    assert ordered.status_code == 302, ordered.text[:2000]
    number = Order.objects.latest("pk").number
    assert number in staff.get("/ops/orders/").text
    assert staff.get(f"/ops/orders/{number}/").status_code == 200
    public, api = Api(), Api(*SCOPES)
    token = public.post("baskets", {"channel": "web-rs", "postal_code": "21000"}).json()["token"]
    assert public.post(f"baskets/{token}/lines", {"sku": book.sku, "quantity": 1}).status_code == 201
    body = {
        "basket": token,
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
    }
    placed = public.post("orders", body, key="k-1")
    assert placed.status_code == 201
    assert placed.json()["number"] in {one["number"] for one in api.get("orders").json()["results"]}
    assert staff.get("/readyz").json()["database"] is True


TROUBLES: dict[str, Callable[[Server], None]] = {
    "refuses": Server.refuse,
    "hangs": Server.hang,
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trade_goes_on_and_the_sweep_works_without_the_bell(
    chain: Chain, server: Server, trouble: str
) -> None:
    book = chain.variant()
    staff = client_of(make_staff("OPS_LEAD"))
    TROUBLES[trouble](server)

    in_time(lambda: trade(chain, book, staff))

    assert not in_time(is_up)
    assert staff.get("/readyz").json() == {
        "ok": False,
        "database": True,
        "broker": False,
        "migrations": True,
    }
    # Nobody was rung for, and everything is there to be done.
    waiting = OutboxEvent.objects.exclude(pending=[])
    assert waiting.filter(topic="oms.order_placed").count() == 2
    in_time(tasks.run_outbox)
    assert not waiting.exists()
    assert Order.objects.filter(fulfillment_status="UNROUTED").count() == 2
    assert [found.check.name for found in examine() if found.violations] == []


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nobody_signs_in_while_nobody_counts(chain: Chain, server: Server, trouble: str) -> None:
    user = make_staff("OPS_LEAD", has_second_factor=False)
    attempt = {"login": user.email, "password": "a long pass phrase"}
    inside = client_of(make_staff("OPS_LEAD"))
    TROUBLES[trouble](server)

    for page in ("/accounts/login/", "/en/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"):
        refused = in_time(lambda page=page: Client().post(page, attempt))  # type: ignore[misc]
        assert (refused.status_code, refused["Retry-After"]) == (503, "5"), page
    assert in_time(lambda: inside.get("/ops/orders/")).status_code == 200
    assert in_time(lambda: inside.post("/accounts/logout/")).status_code == 302

    server.go_on()
    assert Client().post("/accounts/login/", attempt).status_code == 302


def test_a_wiped_server_has_forgotten_nothing_that_counts(chain: Chain, server: Server) -> None:
    book = chain.variant()
    staff = client_of(make_staff("OPS_LEAD"))
    shopper = Client()
    shopper.post("/basket/add/", {"sku": book.sku, "quantity": 1})
    chain.place((book, 1), now=timezone.now())
    # The bell of that order lies in the queue: this is what a working server gets.
    assert server.rings() == 1

    server.forget()

    assert server.rings() == 0
    assert f"sku={book.sku}" in (page := shopper.get("/basket/").text) or book.sku in page
    trade(chain, book, staff)
    tasks.run_outbox()
    assert not OutboxEvent.objects.exclude(pending=[]).exists()
    assert [found.check.name for found in examine() if found.violations] == []


def test_limits_count_again_after_a_wipe(server: Server, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2

    def ask() -> int:
        return int(Client().get("/api/v1/baskets/nobody").status_code)

    assert [ask() for _ in range(3)][-1] == 429
    server.forget()
    assert ask() == 404
    server.refuse()
    assert [ask() for _ in range(4)] == [404] * 4
    assert cache.get("anything") is None
