"""Somebody else holds what an act needs, or holds it crosswise: the act gives way within seconds and says so, nothing is half done."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from finance.models import Payment
from oms.models import Order
from oms.workflows import routing
from retail.doctor.examine import examine
from retail.kernel import outbox
from retail.kernel.models import IdempotencyKey, OutboxEvent
from retail.rest.keys import SCOPES
from retail.running import postgres
from storefront.models import Variant
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain
from tests.storefront.shopping import typed
from tests.unchanged import nothing_changes

Stranger = psycopg.Connection[tuple[Any, ...]]
PATIENCE_SECONDS = 30
SHORT = "200ms"


@pytest.fixture
def stranger(chain: Chain) -> Iterator[Stranger]:
    """Another process at the same rows. It never gives way itself: who waits crosswise with it is the one that is thrown out."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(postgres.administrator_url(settings.ONEROW_HOME, str(name))) as other:
        other.execute("SET deadlock_timeout = '60s'")
        other.commit()
        yield other
        other.rollback()


@pytest.fixture
def impatient(chain: Chain) -> Iterator[None]:
    """The usual wait, shortened for the test."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{SHORT}'")
        yield
        cursor.execute("RESET lock_timeout")


def hold(stranger: Stranger, table: str, **which: Any) -> None:
    condition = " AND ".join(f"{name} = %s" for name in which)
    stranger.execute(f"SELECT 1 FROM {table} WHERE {condition} FOR UPDATE", [*which.values()])


def basket_of(public: Api, book: Variant) -> dict[str, Any]:
    token = public.post("baskets", {"channel": "web-rs", "postal_code": "21000"}).json()["token"]
    assert public.post(f"baskets/{token}/lines", {"sku": book.sku, "quantity": 1}).status_code == 201
    return {
        "basket": token,
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
    }


def healthy() -> bool:
    return [one.check.name for one in examine() if one.violations and one.check.name != "outbox_drains"] == []


def test_nobody_waits_for_a_row_for_ever(db: None) -> None:
    """A connection has what the settings ask for; the test run waits a minute."""
    asked = settings.DATABASES["default"]["OPTIONS"]["options"]
    assert asked.startswith(f"-c lock_timeout={settings.LOCK_TIMEOUT_SECONDS}s -c statement_timeout=0s ")
    assert settings.LOCK_TIMEOUT_SECONDS == 10
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("1min",)


def test_an_order_whose_units_are_locked_gives_way_and_is_placed_once_afterwards(
    chain: Chain, stranger: Stranger, impatient: None
) -> None:
    book, public = chain.variant(), Api()
    body = basket_of(public, book)
    hold(stranger, "warehouse_reservation", variant_id=book.pk)

    with nothing_changes():
        answer = public.post("orders", body, key="k-1")
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")
    assert not IdempotencyKey.objects.exists()

    stranger.rollback()
    assert public.post("orders", body, key="k-1").status_code == 201
    assert (Order.objects.count(), healthy()) == (1, True)


def test_a_checkout_whose_units_are_locked_says_when_to_come_again(
    chain: Chain, stranger: Stranger, impatient: None
) -> None:
    book = chain.variant()
    shopper = Client(raise_request_exception=False)
    shopper.post("/basket/add/", {"sku": book.sku, "quantity": 1})
    form = typed(shopper)
    hold(stranger, "warehouse_reservation", variant_id=book.pk)

    with nothing_changes():
        answer = shopper.post("/checkout/", form)
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")

    stranger.rollback()
    assert shopper.post("/checkout/", form).status_code == 302
    assert (Order.objects.count(), healthy()) == (1, True)


def test_a_reaction_that_meets_a_locked_order_comes_again(
    chain: Chain, stranger: Stranger, impatient: None
) -> None:
    order = chain.place((chain.variant(), 1), now=timezone.now())
    hold(stranger, "oms_order", id=order.pk)
    outbox.run_pending(now=timezone.now())
    event = OutboxEvent.objects.get(topic="oms.order_placed")
    assert event.pending and event.attempts and not event.dead_reason

    stranger.rollback()
    assert event.next_attempt_at is not None
    while outbox.run_pending(now=event.next_attempt_at):
        pass
    event.refresh_from_db()
    assert event.pending == []
    assert healthy()


def crossed(stranger: Stranger, mine: Callable[[], Any], second: Callable[[], None]) -> Any:
    """`mine` runs into what the stranger holds, and the stranger into what `mine` holds."""
    found: list[Any] = []

    def act() -> None:
        try:
            found.append(mine())
        finally:
            connection.close()

    acting = threading.Thread(target=act)
    acting.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _somebody_waits(stranger):
        assert time.monotonic() < deadline and acting.is_alive(), "nobody came to the locked row"
        time.sleep(0.02)
    second()
    acting.join(PATIENCE_SECONDS)
    assert not acting.is_alive(), "it waits for ever"
    return found[0]


def _somebody_waits(stranger: Stranger) -> bool:
    # Not pg_stat_activity: a transaction sees it as it was when it first looked.
    (count,) = stranger.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() or (0,)
    return bool(count)


def test_of_two_that_wait_crosswise_the_order_gives_way_whole(chain: Chain, stranger: Stranger) -> None:
    book, public = chain.variant(), Api()
    body = basket_of(public, book)
    hold(stranger, "warehouse_reservation", variant_id=book.pk)

    with nothing_changes():
        answer = crossed(
            stranger,
            lambda: public.post("orders", body, key="k-1"),
            lambda: hold(stranger, "oms_basket", token=body["basket"]),
        )
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")

    stranger.rollback()
    assert public.post("orders", body, key="k-1").status_code == 201
    assert (Order.objects.count(), Payment.objects.count(), healthy()) == (1, 1, True)


def test_of_two_that_wait_crosswise_the_plan_gives_way_whole(chain: Chain, stranger: Stranger) -> None:
    book, api = chain.variant(), Api(*SCOPES)
    order = chain.place((book, 1), now=timezone.now())
    proposal = routing.propose_routing(order_id=order.pk, now=timezone.now()).proposal
    assert proposal is not None
    hold(stranger, "warehouse_reservation", variant_id=book.pk)

    with nothing_changes():
        answer = crossed(
            stranger,
            lambda: api.post(f"proposals/{proposal.public_id}/ratify", {}),
            lambda: hold(stranger, "oms_order", id=order.pk),
        )
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")

    stranger.rollback()
    assert api.post(f"proposals/{proposal.public_id}/ratify", {}).json()["state"] == "RATIFIED"
    assert healthy()


def test_an_order_whose_statement_runs_too_long_is_stopped_and_placed_once_afterwards(chain: Chain) -> None:
    """No lock to wait for: a statement that takes its time, as under a plan gone wrong."""
    book, public = chain.variant(), Api()
    body = basket_of(public, book)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION takes_its_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER slow BEFORE INSERT ON oms_order FOR EACH ROW EXECUTE FUNCTION takes_its_time()"
        )
        cursor.execute("SET statement_timeout = '1500ms'")
        with nothing_changes():
            answer = public.post("orders", body, key="k-1")
        cursor.execute("RESET statement_timeout")
        cursor.execute("DROP TRIGGER slow ON oms_order")
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")
    assert not IdempotencyKey.objects.exists()

    assert public.post("orders", body, key="k-1").status_code == 201
    assert (Order.objects.count(), healthy()) == (1, True)


def test_the_web_server_stops_what_runs_longer_than_a_minute() -> None:
    """Asked of a process that starts as the server's does."""
    asked = "import retail.wsgi; from django.conf import settings as s; print(s.DATABASES['default']['OPTIONS']['options'])"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    said = subprocess.run(
        [sys.executable, "-c", asked],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.BASE_DIR,
    )
    assert said.stdout.strip().endswith("-c statement_timeout=60s")
