"""Every operation has a good call that is answered as described; and what a key asked for happens once, also when the answer was lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from finance.models import Payment
from oms.models import Order
from retail.kernel.models import IdempotencyKey
from retail.rest.schema import openapi
from retail.rest.views import ApiView
from tests.api.good_calls import GOOD_CALLS, send
from tests.proof.acts import Trade, let_leases_run_out
from tests.proof.trading import outside, trade
from tests.unchanged import digests

__all__ = ["outside", "trade"]
pytestmark = pytest.mark.django_db


def operations() -> dict[str, dict[str, object]]:
    return {
        f"{method} {path.removeprefix('/api/v1/')}": operation
        for path, methods in openapi()["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_has_a_good_call() -> None:
    assert set(GOOD_CALLS) == set(operations())


@contextmanager
def undone() -> Iterator[None]:
    point = transaction.savepoint()
    try:
        yield
    finally:
        connection.needs_rollback = False
        transaction.savepoint_rollback(point)
        connection.run_on_commit = []


def test_every_operation_is_answered_with_a_yes(trade: Trade) -> None:
    answers = {}
    for operation, prepared in GOOD_CALLS.items():
        with undone():
            trade.stand.shop.requests.clear()
            answer = send(trade, operation, prepared(trade), key="once")
            answers[operation] = (
                answer.status_code,
                "" if answer.status_code < 300 else answer.content[:300],
            )
    assert {operation: said for operation, said in answers.items() if said[0] >= 300} == {}


# One more attempt takes the place of the one whose answer nobody saw: there is one to pay by all the same.
ATTEMPT = "post orders/{number}/payments"
KEYED = sorted(
    operation
    for operation, described in operations().items()
    if any(one["name"] == "Idempotency-Key" for one in described.get("parameters", []))  # type: ignore[attr-defined]
)


def rows() -> dict[str, tuple[int, str]]:
    return {table: told for table, told in digests().items() if table != "kernel_idempotencykey"}


def test_a_key_whose_process_died_is_taken_over_and_acts_once(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies when everything is done and nothing is answered yet. Who asks again a minute later changes nothing more."""
    twice = {}
    for operation in KEYED:
        with undone():
            trade.stand.shop.requests.clear()
            call = GOOD_CALLS[operation](trade)
            with monkeypatch.context() as dying:
                dying.setattr("retail.rest.views.failpoints.hit", die_at_the_answer)
                with pytest.raises(Died):
                    trade.api.client.raise_request_exception = True
                    send(trade, operation, call, key="once")
            trade.api.client.raise_request_exception = False
            let_leases_run_out()
            before = rows()
            answer = send(trade, operation, call, key="once")
            changed = {table for table, told in rows().items() if told != before[table]}
            if changed or answer.status_code not in (200, 201, 409):
                twice[operation] = (answer.status_code, changed)
            if operation == ATTEMPT:
                twice.pop(operation)
                assert Payment.objects.filter(state="PENDING").count() == 1
            elif IdempotencyKey.objects.filter(key="once", state="STARTED").exists():
                twice[operation] = ("the key is still claimed", changed)
    assert twice == {}


class Died(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def die_at_the_answer(point: str) -> None:
    if point == "answer.ready":
        raise Died


def test_without_the_common_transaction_a_lost_answer_acts_twice(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin."""
    monkeypatch.setattr(ApiView, "_with_its_answer", lambda self, verb: verb)
    with pytest.raises(AssertionError, match="post baskets"):
        test_a_key_whose_process_died_is_taken_over_and_acts_once(trade, monkeypatch)


def die_at_the_key(point: str) -> None:
    if point == "key.claimed":
        raise Died


def test_an_order_whose_process_died_at_its_key_is_placed_by_whoever_takes_it_over(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank is asked about a card outside any transaction: the key is claimed before."""
    call = GOOD_CALLS["post orders"](trade)
    call.body["payment"] = {"method": "CARD"}
    with monkeypatch.context() as dying:
        dying.setattr("retail.rest.views.failpoints.hit", die_at_the_key)
        with pytest.raises(Died):
            send(trade, "post orders", call, key="once")
    assert Order.objects.count() == 0
    waiting = send(trade, "post orders", call, key="once")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "IDEMPOTENCY_IN_FLIGHT")
    assert waiting["Retry-After"] == "1"
    let_leases_run_out()

    placed = send(trade, "post orders", call, key="once")
    assert placed.status_code == 201
    assert send(trade, "post orders", call, key="once").json() == placed.json()
    assert Order.objects.count() == 1


def test_a_key_that_is_claimed_with_its_order_dies_with_its_process(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, order and answer are one transaction: nothing of them is left, and nobody waits for a lease."""
    call = GOOD_CALLS["post orders"](trade)
    with monkeypatch.context() as dying:
        dying.setattr("retail.rest.views.failpoints.hit", die_at_the_key)
        with pytest.raises(Died):
            send(trade, "post orders", call, key="once")
    assert (Order.objects.count(), IdempotencyKey.objects.count()) == (0, 0)

    placed = send(trade, "post orders", call, key="once")
    assert placed.status_code == 201
    assert send(trade, "post orders", call, key="once").json() == placed.json()
    assert Order.objects.count() == 1
