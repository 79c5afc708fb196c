"""Electronic editions paid by bank card, through the real stand-in of its provider: charged once, before any goods, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from finance.models import Capture, FiscalReceipt, Payment, Refund
from oms import operations as orders
from oms.models import DownloadGrant, Order
from oms.workflows import cancellation
from retail.kernel import clock, outbox
from tests.finance.shop import Shop
from tests.flows.chain import Chain, make_chain
from tests.flows.ebooks import make_ebook
from tests.flows.test_lifecycle import balances, healthy, send
from tests.sandbox.stand import Stand
from warehouse.models import Reservation

pytestmark = pytest.mark.django_db
PRICE = Decimal("699.00")
Commits = Callable[..., AbstractContextManager[Any]]


@dataclass
class World:
    """The shop, its bank, and the worker."""

    chain: Chain
    outside: Stand
    commits: Commits

    def bought(self) -> Order:
        """A printed book and a file, by card; what was announced is reacted to."""
        now = clock.now()
        printed, book = self.chain.variant(price="1100.00"), make_ebook(self.chain, now=now)
        order = self.chain.place(
            (printed, 1), (book, 1), now=now, payment_method="CARD", has_withdrawal_consent=True
        )
        self.outside.choose(Payment.objects.get(order=order).public_id)
        Shop(self.chain.entity, self.chain.warehouse, self.chain.channel).deliver(self.outside, now=now)
        for _ in range(3):
            with self.commits(execute=True):
                while outbox.run_pending(now=clock.now()):
                    pass
        order.refresh_from_db()
        return order


@pytest.fixture
def world(db: None, outside: Stand, django_capture_on_commit_callbacks: Commits) -> World:
    return World(make_chain(), outside, django_capture_on_commit_callbacks)


def receipts(order: Order) -> list[tuple[str, str, Decimal]]:
    rows = FiscalReceipt.objects.filter(order=order).order_by("pk")
    return [(row.kind, row.transaction, row.total) for row in rows]


def test_the_file_is_charged_at_once_and_the_goods_when_they_leave(world: World) -> None:
    order = world.bought()
    assert [(line.kind, line.total) for line in order.lines.all()] == [
        ("GOODS", Decimal("1100.00")),
        ("DIGITAL", PRICE),
        ("DELIVERY", Decimal("290.00")),
    ]
    assert list(Capture.objects.values_list("amount", "state")) == [(PRICE, "DONE")]
    assert (order.status, order.payment_status) == ("PLACED", "PARTLY_PAID")
    assert order.fulfillment_status in ("UNROUTED", "ROUTED")
    assert receipts(order) == [("NORMAL", "SALE", PRICE)]
    assert DownloadGrant.objects.get().line.kind == "DIGITAL"
    healthy()
    send(world.chain, order)
    order.refresh_from_db()
    assert list(Capture.objects.order_by("pk").values_list("amount", flat=True)) == [
        PRICE,
        Decimal("1390.00"),
    ]
    assert receipts(order)[1:] == [("NORMAL", "SALE", Decimal("1390.00"))]
    assert [line.quantity_dispatched for line in order.lines.all()] == [1, 1, 1]
    found = balances(order)
    assert found["2280"] == Decimal("2089.00")
    # The file is a service at 20 %, the printed book and its delivery are at 10 %.
    assert (found["4760"], found["4761"]) == (Decimal("-116.50"), Decimal("-126.36"))
    assert (found["604"], found["614"]) == (Decimal("-1000.00"), Decimal("-582.50") - Decimal("263.64"))
    healthy()


def test_goods_that_are_canceled_leave_the_file_that_was_fetched(world: World) -> None:
    order = world.bought()
    orders.take_download(grant=DownloadGrant.objects.get(), now=clock.now())
    cancellation.cancel_order(order_id=order.pk, reason="ne treba", by=None, now=clock.now(), is_shopper=True)
    order.refresh_from_db()
    assert (order.status, order.due_total, order.fulfillment_status) == ("COMPLETED", PRICE, "DELIVERED")
    assert not Reservation.objects.filter(state="ALLOCATED").exists()
    assert not Refund.objects.exists()
    healthy()


def test_an_order_that_is_canceled_whole_takes_back_what_nobody_fetched(world: World) -> None:
    order = world.bought()
    cancellation.cancel_order(order_id=order.pk, reason="ne treba", by=None, now=clock.now(), is_shopper=True)
    order.refresh_from_db()
    assert (order.status, order.due_total) == ("CANCELED", Decimal(0))
    assert Refund.objects.get().amount == PRICE
    assert receipts(order)[-1] == ("NORMAL", "REFUND", PRICE)
    healthy()
