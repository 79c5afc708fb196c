"""A migrate runs while the shop sells: whoever writes meanwhile does not wait for it, and it gets its turn in the end."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.utils import timezone

from oms.models import Order
from retail.management.commands import migrate
from retail.running import postgres
from tests.flows.chain import Chain

PATIENCE_SECONDS = 60
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'oms_order'::regclass"
SOURCE = "SELECT prosrc FROM pg_proc WHERE proname = 'audit_update_oms_order'"


@pytest.fixture
def waits_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "WAITS_SECONDS", 1)
    monkeypatch.setattr(migrate, "COMES_AGAIN_AFTER_SECONDS", 0.2)


def stranger() -> psycopg.Connection[tuple[Any, ...]]:
    name = str(connection.settings_dict["NAME"])
    return psycopg.connect(postgres.administrator_url(settings.ONEROW_HOME, name))


def value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def migrated(ended: threading.Event) -> None:
    try:
        call_command("migrate", verbosity=0)
        ended.set()
    finally:
        connections.close_all()


def test_nothing_to_migrate_waits_for_nobody(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody writes orders all the time: what stands is left alone, so one try is enough."""
    monkeypatch.setattr(migrate, "TIMES", 1)
    order = chain.place((chain.variant(), 1), now=timezone.now())
    with stranger() as other:
        other.execute("UPDATE oms_order SET version = version WHERE id = %s", [order.pk])
        before = value("SHOW lock_timeout")
        call_command("migrate", verbosity=0)
        other.rollback()
    assert value("SHOW lock_timeout") == before


def test_what_traces_a_table_is_renewed_without_its_lock(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TIMES", 1)
    order = chain.place((chain.variant(), 1), now=timezone.now())
    right = value(SOURCE)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION audit_update_oms_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
        )
    with stranger() as other:
        other.execute("UPDATE oms_order SET version = version WHERE id = %s", [order.pk])
        call_command("migrate", verbosity=0)
        other.rollback()
    assert value(SOURCE) == right


def test_who_writes_gets_its_turn_before_a_migration_that_waits_for_the_table(
    chain: Chain, waits_shortly: None
) -> None:
    """A trigger is missing, so the table is needed whole; a first writer holds it all the while, and a second one passes nevertheless."""
    order = chain.place((chain.variant(), 1), now=timezone.now())
    has_trigger = (
        "SELECT count(*) FROM pg_trigger WHERE tgname = 'audit_delete' AND tgrelid = 'oms_order'::regclass"
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_delete ON oms_order")
    ended = threading.Event()
    with stranger() as first, stranger() as second:
        first.execute("UPDATE oms_order SET version = version WHERE id = %s", [order.pk])
        thread = threading.Thread(target=migrated, args=[ended])
        thread.start()
        while not value(WAITING):
            pass
        # Stands behind the migration that waits for the first; nobody but the migration can let it pass.
        second.execute("LOCK TABLE oms_order IN ROW EXCLUSIVE MODE")
        assert not ended.is_set()
        second.rollback()
        first.rollback()
        assert ended.wait(PATIENCE_SECONDS)
        thread.join()
    assert value(has_trigger) == 1
    assert Order.objects.get(pk=order.pk).number == order.number


def test_twin_that_does_not_give_way_keeps_everybody_waiting(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "WAITS_SECONDS", PATIENCE_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_delete ON oms_order")
    ended = threading.Event()
    with stranger() as first, stranger() as second:
        first.execute("LOCK TABLE oms_order IN ROW EXCLUSIVE MODE")
        thread = threading.Thread(target=migrated, args=[ended])
        thread.start()
        while not value(WAITING):
            pass
        second.execute("SET lock_timeout = '3s'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute("LOCK TABLE oms_order IN ROW EXCLUSIVE MODE")
        first.rollback()
        assert ended.wait(PATIENCE_SECONDS)
        thread.join()


def test_a_table_that_is_never_free_ends_in_a_clear_failure(
    chain: Chain, waits_shortly: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(migrate, "TIMES", 2)
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_delete ON oms_order")
    with stranger() as other:
        other.execute("LOCK TABLE oms_order IN ROW EXCLUSIVE MODE")
        with pytest.raises(OperationalError, match="lock timeout"):
            call_command("migrate", verbosity=0)
        other.rollback()
    assert capsys.readouterr().err.count("A table is in use.") == 1
