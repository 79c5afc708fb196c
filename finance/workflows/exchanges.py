"""What goods of an exchange paid goes back the way it came: first home to the order whose goods they were, from there to its buyer."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from finance.models import Refund
from finance.operations.refunds import (
    AccountMissing,
    RefundExceedsPayment,
    call_back,
    finish_refund,
    request_refund,
)
from finance.states import OperationState
from oms import operations as orders
from oms.models import Order
from oms.states import PaymentMethod

logger = logging.getLogger("onerow.finance")


def bring_refunds_home(*, now: datetime, limit: int = 100) -> int:
    """All that wait; one that fails does not hold up the others."""
    waiting = Refund.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        state=OperationState.PENDING,
        payment__method=PaymentMethod.EXCHANGE,
    ).order_by("pk")
    done = 0
    for refund_id in waiting.values_list("pk", flat=True)[:limit]:
        try:
            done += bring_home(refund_id=refund_id, now=now)
        except Exception:
            logger.exception("refund %s could not go home", refund_id)
    return done


@transaction.atomic
def bring_home(*, refund_id: int, now: datetime) -> bool:
    """The money leaves the order that was exchanged for and goes back over the payments of the first one. Twice does nothing more.

    The older order is locked first, as when its goods come back.
    """
    payment = Refund.objects.select_related("payment").get(pk=refund_id).payment
    came = Refund.objects.filter(moved_to=payment).values_list("payment__order_id", flat=True).first()
    assert came is not None, "what an exchange paid came from somewhere"
    origin, order = orders.lock_order(order_id=came), orders.lock_order(order_id=payment.order_id)
    refund = Refund.objects.select_for_update(of=("self",)).select_related("payment").get(pk=refund_id)
    if refund.state != OperationState.PENDING:
        return False
    account, refund.bank_account = refund.bank_account, ""
    finish_refund(order=order, refund=refund, provider_ref="", by=None, now=now)
    call_back(order=origin, payment=refund.payment, amount=refund.amount, now=now)
    _send_back(origin, refund, account, now)
    return True


def _send_back(origin: Order, refund: Refund, account: str, now: datetime) -> None:
    """To whoever paid the first order; without an account for cash it is a person's task."""
    try:
        with transaction.atomic():
            request_refund(
                order_id=origin.pk,
                amount=refund.amount,
                reason=refund.reason,
                by=None,
                now=now,
                bank_account=account,
            )
    except (AccountMissing, RefundExceedsPayment) as refusal:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=origin.pk,
            cause_key=f"exchange:{refund.public_id}",
            detail={"refund": str(refund.amount), "code": refusal.code},
            now=now,
        )
