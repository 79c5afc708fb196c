"""Money of goods that come back pays for others: it leaves one order and comes to another in the same transaction, over account 4306.

The account is empty after each of them; its lines name the payment that was made. Why: docs/decisions/0017-exchanges.md.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from finance.chart import EXCHANGES
from finance.models import Capture, Payment
from finance.operations.incomes import take_money
from finance.operations.ledger import debit
from finance.operations.refunds import move_money
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.clock import business_date
from retail.kernel.models import User


def exchange_payment(*, order: Order, amount: Decimal, attempt: int, now: datetime) -> Payment:
    """What goods that are still to come back will pay of a new order, not written yet."""
    return Payment(
        order=order,
        method=PaymentMethod.EXCHANGE,
        attempt=attempt,
        currency=order.currency,
        amount=amount,
        created_at=now,
    )


def pay_by_exchange(
    *,
    origin: Order,
    order: Order,
    payment: Payment,
    amount: Decimal,
    return_id: int,
    reason: str,
    by: User | None,
    now: datetime,
) -> None:
    """The goods are here: their money leaves `origin` and pays `order`. Both rows are locked by the caller. Refuses RefundExceedsPayment."""
    move_money(order=origin, payment=payment, amount=amount, return_id=return_id, reason=reason, now=now)
    take_money(
        order=order,
        capture=Capture(payment=payment, amount=amount, created_at=now),
        debits=[debit(EXCHANGES, amount, source_kind="exchange", source_key=payment.public_id)],
        day=business_date(now),
        by=by,
        now=now,
    )
