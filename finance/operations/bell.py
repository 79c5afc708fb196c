"""A doorbell for workers: work lies in rows, ringing only shortens the wait. What rings is registered by the tasks."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

RECEIPTS, REFUNDS, VOIDS, EVENTS = "receipts", "refunds", "voids", "events"
EINVOICES = "einvoices"

_answers: dict[str, Callable[[], object]] = {}


def answer(kind: str, ring: Callable[[], object]) -> None:
    _answers[kind] = ring


def work_waits(kind: str) -> None:
    """After commit; a broker that is down loses nothing, the sweep finds the row."""
    transaction.on_commit(lambda: _ring(kind), robust=True)


def _ring(kind: str) -> None:
    ring = _answers.get(kind)
    if ring is not None:
        ring()
