"""Reactions to what money did."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import transaction

from finance.models import Refund
from finance.operations import bell
from finance.states import OperationState
from finance.tasks import ON_BELL, ring
from finance.tasks import deliver_files as deliver_files_task
from finance.tasks import deliver_gift_cards as deliver_task
from finance.workflows import gift_cards, loyalty
from oms.models import OrderLine
from oms.states import LineKind, OrderStatus
from oms.workflows import returns
from retail.kernel.clock import now
from retail.kernel.models import OutboxEvent
from retail.kernel.outbox import subscribe

if settings.OUTBOX_RINGS:
    for kind in ON_BELL:
        bell.answer(kind, partial(ring, kind))


@subscribe("finance.refund_done")
def finish_return(event: OutboxEvent) -> None:
    """A return is refunded when the last refund that was asked for it is done."""
    refund = Refund.objects.get(public_id=event.payload["refund"])
    if refund.parent_return_id is None:
        return
    waiting = Refund.objects.filter(parent_return_id=refund.parent_return_id, state=OperationState.PENDING)
    if not waiting.exists():
        returns.mark_refunded(return_id=refund.parent_return_id, now=now())


@subscribe("oms.order_confirmed")
def deliver_gift_cards(event: OutboxEvent) -> None:
    """Cards are issued as soon as their money is there: after this commit, for a bank card is charged outside."""
    if OrderLine.objects.filter(order_id=event.payload["order_id"], kind=LineKind.GIFT_CARD).exists():
        transaction.on_commit(deliver_task.delay, robust=True)


@subscribe("oms.order_placed")
@subscribe("oms.order_confirmed")
def deliver_files(event: OutboxEvent) -> None:
    """Files leave as soon as their money is there: after this commit, for a bank card is charged outside."""
    if event.payload.get("status", OrderStatus.PLACED) != OrderStatus.PLACED:
        return
    if OrderLine.objects.filter(order_id=event.payload["order_id"], kind=LineKind.DIGITAL).exists():
        transaction.on_commit(deliver_files_task.delay, robust=True)


@subscribe("oms.order_canceled")
def close_case_of_gift_cards(event: OutboxEvent) -> None:
    gift_cards.close_case(order_id=event.payload["order_id"], resolution="The order is canceled.", now=now())


@subscribe("finance.payment_captured")
@subscribe("finance.refund_done")
@subscribe("oms.downloads_ready")
@subscribe("oms.file_given_back")
@subscribe("oms.order_dispatched")
@subscribe("oms.order_completed")
@subscribe("oms.order_canceled")
@subscribe("oms.order_lines_canceled")
@subscribe("oms.return_received")
@subscribe("warehouse.delivery_failed")
@subscribe("warehouse.shipment_returned")
def settle_points(event: OutboxEvent) -> None:
    """Whatever moved the goods or the money of an order, its points follow."""
    loyalty.settle_points(order_id=event.payload["order_id"], now=now())
