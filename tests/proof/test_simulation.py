"""Simulated trading days end clean, whatever fails outside; the same seed plays the same days; a broken rule is noticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TransactionTestCase

from oms.models import Order
from oms.operations import orders
from retail.kernel.models import OutboxEvent

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def simulate(*, seed: int, orders: int, has_faults: bool = True) -> tuple[int, dict[str, Any]]:
    """Plays in the test's own database, which is empty: (exit code, answer)."""
    said = StringIO()
    arguments = ["--seed", str(seed), "--orders", str(orders), "--here", "--json"]
    code = 0
    try:
        call_command("simulate", *arguments, *(["--faults"] if has_faults else []), stdout=said)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(said.getvalue())


@pytest.mark.parametrize("seed", [12, 14])
def test_days_with_faults_end_clean(seed: int) -> None:
    code, answer = simulate(seed=seed, orders=40)
    assert (answer["broken"], answer["crashes"], answer["doctor"], answer["chain"]) == ([], [], [], "")
    assert (code, answer["ok"], answer["seed"], answer["orders"]) == (0, True, seed, 40)
    assert sum(answer["states"].values()) == Order.objects.count() >= 25
    # Something of everything happened, inside and outside.
    assert len(answer["faults"]) >= 15
    assert sum(count for name, count in answer["faults"].items() if name.startswith("card ")) >= 10
    for act in ("place order", "ratify plan", "pick", "pack", "dispatch", "bank statement", "sign receipts"):
        assert answer["acts"].get(act, 0) > 0, act
    for act in ("draft campaign", "ratify campaign", "read basket", "expire points", "move between tiers"):
        assert answer["acts"].get(act, 0) > 0, act
    assert sum(answer["discounts"].values()) >= 3
    assert any(kind.endswith("/ campaign") for kind in answer["discounts"])
    assert any(state.startswith("COMPLETED / PAID") for state in answer["states"])
    assert any(state.startswith("CANCELED") for state in answer["states"])


@contextmanager
def other_plans() -> Iterator[None]:
    """The server joins and reads in other ways than it would choose: rows that nobody ordered come in another order."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_nestloop = off")
        try:
            yield
        finally:
            cursor.execute("RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_nestloop")


def test_same_seed_plays_the_same_days() -> None:
    """Whatever plans the server chooses for its statements: they change with its statistics, so with what ran beside."""
    renew: Any = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    renew(None)  # a test that rolled back leaves its numbers used, and who is held out goes by a number
    _, first = simulate(seed=5, orders=4)
    renew(None)
    with other_plans():
        _, second = simulate(seed=5, orders=4)
    for part in ("fingerprint", "states", "faults", "acts", "refusals"):
        assert first[part] == second[part], part
    renew(None)
    _, other = simulate(seed=6, orders=1)
    assert other["fingerprint"] != first["fingerprint"]


def test_broken_rule_is_noticed_and_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: money that comes in is counted one para short, and the days must not end clean."""
    real = orders.record_capture

    def forgetful(*, order_id: int, amount: Any, now: Any) -> Order:
        return real(order_id=order_id, amount=amount - type(amount)("0.01"), now=now)

    monkeypatch.setattr("oms.operations.record_capture", forgetful)
    code, answer = simulate(seed=11, orders=20, has_faults=False)
    assert (code, answer["ok"]) == (1, False)
    assert "order_sums_follow_its_payments" in {finding["name"] for finding in answer["doctor"]}
    assert OutboxEvent.objects.exists()


def test_production_refuses_to_play(settings: Any) -> None:
    settings.IS_LOCAL = False
    with pytest.raises(CommandError, match="never in production"):
        call_command("simulate", "--orders", "1", "--here")
    settings.IS_LOCAL = True
    with pytest.raises(CommandError, match="1 or more"):
        call_command("simulate", "--orders", "0", "--here")
