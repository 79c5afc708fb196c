"""Two submission workers at one electronic invoice: SEF is asked once. The twin has no lease, and both ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q

from finance import workflows as money
from finance.models import EInvoice
from finance.operations import einvoices
from finance.workflows import einvoices as worker
from tests.finance.sef_world import Seller, state_of
from tests.finance.shop import build
from tests.sandbox.stand import Stand

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
WORKERS = 2


@pytest.fixture
def seller(transactional_db: None, outside: Stand) -> Seller:
    return Seller(build(), outside).open()


def test_two_workers_send_one_document_once(seller: Seller, run_together: Together) -> None:
    _, einvoice = seller.sent_order()
    run_together(WORKERS, lambda _: money.submit_einvoices(now=seller.now))

    assert len(seller.calls("upload")) == 1
    seller.work()
    assert seller.at_sef() == [("380", einvoice.invoice.number, "Sent")]
    assert len(seller.calls("upload")) == 1
    assert state_of(einvoice) == "SENT"


def test_without_the_lease_both_send(
    seller: Seller, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the row before either has written; SEF itself still knows the request id, so even then there is one."""
    _, einvoice = seller.sent_order()
    meeting = threading.Barrier(WORKERS)
    rounds: dict[int, int] = {}

    def read(of_whom: Q, now: object) -> EInvoice | None:
        if not EInvoice.objects.filter(of_whom).exists():
            return None
        mine = threading.get_ident()
        rounds[mine] = rounds.get(mine, 0) + 1
        if rounds[mine] > 1:
            return None
        found = EInvoice.objects.select_related("invoice__order__customer", "invoice__entity").get(
            state__in=einvoices.WAITING
        )
        meeting.wait(30)
        return found

    # The document and its request id stand before: this is about sending.
    with transaction.atomic():
        worker._prepare(EInvoice.objects.get(pk=einvoice.pk), seller.now)
    monkeypatch.setattr(worker, "_claim", read)
    run_together(WORKERS, lambda _: money.submit_einvoices(now=seller.now))

    assert len(seller.calls("upload")) == WORKERS
    assert len(seller.at_sef()) == 1
    connection.close()
