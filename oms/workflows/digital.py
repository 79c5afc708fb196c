"""Files that go back before their download began: the sale is undone, the link ends, the money returns. Afterwards it is too late."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from crm import operations as crm
from finance import operations as finance
from finance import workflows as money
from oms import events
from oms import operations as orders
from oms.models import Order, OrderLine
from oms.states import LineKind
from retail.kernel.models import User
from retail.kernel.outbox import announce


def give_file_back(*, order_id: int, sku: str, reason: str, by: User | None, now: datetime) -> OrderLine:
    """One paid file of an order. Refuses LineNotFound, UnknownDownload (not paid yet), DownloadBegun, DownloadEnded (given back before)."""
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        line = order.lines.filter(kind=LineKind.DIGITAL, sku=sku).first()
        if line is None:
            raise orders.LineNotFound("This order has no such electronic edition.", sku=sku[:40])
        if order.has_gift_cards:
            # Those that get their money back are locked before anything else.
            crm.lock_cards_of_order(order_number=order.number)
        give_line_back(order=order, line=line, reason=reason, by=by, now=now)
        return line


def give_line_back(*, order: Order, line: OrderLine, reason: str, by: User | None, now: datetime) -> None:
    """The order row is locked by the caller, in whose transaction this happens. Refuses as `give_file_back`."""
    orders.revoke_unbegun(line=line, now=now)
    posted = money.post_digital_return(
        order_id=order.pk, line_id=line.pk, key=f"{order.number}-D{line.position}", by=by, now=now
    )
    orders.record_return(order_id=order.pk, lines=[(line.pk, 1)], amount=posted.total, now=now)
    announce(
        events.FileGivenBack(order_id=order.pk, number=order.number, sku=line.sku),
        subject=("order", order.number),
    )
    if not posted.total:
        return
    try:
        finance.request_refund(order_id=order.pk, amount=posted.total, reason=reason or "-", by=by, now=now)
    except (finance.AccountMissing, finance.RefundExceedsPayment) as refusal:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=f"{order.number}:{line.sku}",
            detail={"refund": str(posted.total), "code": refusal.code, "sku": line.sku},
            now=now,
        )


def unbegun_lines(order: Order) -> list[OrderLine]:
    """Delivered files that nobody has fetched and that were not given back."""
    return list(
        order.lines.filter(
            kind=LineKind.DIGITAL, download__downloads=0, download__revoked_at__isnull=True
        ).order_by("position")
    )
