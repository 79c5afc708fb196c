"""Payments of an order: attempts, money that came in. Money that really came is never refused.

The order row is locked first, then the payment's rows. The sums of a payment are counted from its captures and refunds,
never added up blindly.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Sum

from finance import events, rules, selectors, tax
from finance.chart import ADVANCES, COURIER_RECEIVABLE, CUSTOMERS
from finance.models import Capture, JournalEntry, Payment, Refund
from finance.operations import bell
from finance.operations.ledger import Posting, credit, post_entry
from finance.operations.papers import advance_items, issue_invoice, queue_fiscal_receipt, rate_rows
from finance.operations.revenue import advance_net, advance_tax_lines
from finance.rules import PaperPlan, Part, RateAmounts
from finance.states import (
    FiscalKind,
    FiscalTransaction,
    InvoiceKind,
    OperationState,
    PaymentState,
)
from oms import operations as orders
from oms.models import Order
from oms.states import LineKind, OrderStatus, PaymentMethod
from retail.kernel.clock import BUSINESS_ZONE, business_date
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.identifiers import reference97
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from retail.kernel.rows import insert

CARD_SERVICE = "card"
STANDARD_RATE = Decimal(20)


class NothingToPay(InvalidInput):
    code = "NOTHING_TO_PAY"


class PaymentNotFound(NotFound):
    code = "UNKNOWN_PAYMENT"


def plan_of(order: Order) -> PaperPlan:
    return rules.PAPERS[order.paper, order.payment_method]


def create_first_payment(*, order: Order, method: str, now: datetime) -> Payment:
    """The payment of an order that the caller has just written: nobody else can have one of it. Refuses NothingToPay."""
    if order.total <= 0:
        raise NothingToPay("Nothing of this order is left to pay.")
    payment = _attempt(order, method, 1, order.total, now)
    insert([payment])
    return payment


@transaction.atomic
def create_payment(*, order_id: int, method: str, now: datetime, amount: Decimal | None = None) -> Payment:
    """One more attempt to pay. Older ones that still wait are given up; should one of them bring money after all, it is kept.

    `amount` is by default what is owed less what is held. Refuses NothingToPay.
    """
    order = orders.lock_order(order_id=order_id)
    if amount is None:
        held = order.captured_total - order.refunded_total
        amount = order.due_total - held - selectors.live_authorization(order_id=order.pk)
    if amount <= 0:
        raise NothingToPay("Nothing of this order is left to pay.")
    earlier = list(Payment.objects.filter(order=order))
    for payment in earlier:
        if payment.state == PaymentState.PENDING and not payment.captured:
            payment.state, payment.failure = PaymentState.EXPIRED, "SUPERSEDED"
            payment.save(update_fields=["state", "failure", "updated_at"])
    number = max((payment.attempt for payment in earlier), default=0) + 1
    payment = _attempt(order, method, number, amount, now)
    payment.save(force_insert=True)
    return payment


def _attempt(order: Order, method: str, number: int, amount: Decimal, now: datetime) -> Payment:
    return Payment(
        order=order,
        method=method,
        provider=CARD_SERVICE if method == PaymentMethod.CARD else "",
        attempt=number,
        currency=order.currency,
        amount=amount,
        reference=reference_of(order.number) if method == PaymentMethod.BANK_TRANSFER else "",
        created_at=now,
    )


def reference_of(order_number: str) -> str:
    """What the payer quotes (model 97): control number, then the digits of the order number."""
    return reference97(order_number.removeprefix("ORD-"))


def payment_for(*, order: Order, method: str, now: datetime) -> Payment:
    """The newest payment of the order by this method; made when the money came by a way that nobody had announced."""
    found = Payment.objects.filter(order=order, method=method).order_by("-attempt").first()
    return found or create_payment(
        order_id=order.pk, method=method, now=now, amount=max(order.total, Decimal("0.01"))
    )


def take_money(
    *,
    order: Order,
    capture: Capture,
    debits: Sequence[Posting],
    day: date,
    by: User | None,
    now: datetime,
    document: tuple[str, str] | None = None,
) -> JournalEntry:
    """Book money that came in, and settle its capture. The order row is locked by the caller.

    It pays first what the order owes, the rest is an advance (430); a transfer before the goods is taxed as an advance.
    """
    plan = plan_of(order)
    owed, rest = _credits(order, plan, capture.amount)
    advance = _advance_rates(order, rest) if rules.is_taxed_as_advance(capture.payment.method) else []
    kind, key = document or ("capture", capture.public_id)
    entry = post_entry(
        entity_id=order.entity_id,
        date=day,
        document_kind=kind,
        document_key=key,
        memo=f"Naplata {order.number}",
        order_number=order.number,
        by=by,
        lines=[*debits, *owed, credit(ADVANCES, rest), *advance_tax_lines(advance, is_closing=False)],
    )
    if advance:
        _write_advance_paper(order, capture, advance, entry, day, plan, now)
    settle_capture(order=order, capture=capture, entry=entry, now=now)
    return entry


def settle_capture(*, order: Order, capture: Capture, entry: JournalEntry, now: datetime) -> None:
    """The capture is done, by this entry; payment and order count it."""
    capture.state, capture.entry, capture.done_at, capture.failure = OperationState.DONE, entry, now, ""
    capture.save()
    summarize(capture.payment)
    orders.record_capture(order_id=order.pk, amount=capture.amount, now=now)
    announce(
        events.PaymentCaptured(payment=capture.payment.public_id, order_id=order.pk, number=order.number),
        subject=("order", order.number),
    )


def summarize(payment: Payment) -> None:
    """Sums and state of a payment as its captures, refunds, authorization and voids have them."""
    captured = payment.captures.filter(state=OperationState.DONE).aggregate(total=Sum("amount"))["total"]
    refunded = payment.refunds.filter(state=OperationState.DONE).aggregate(total=Sum("amount"))["total"]
    payment.captured, payment.refunded = captured or ZERO, refunded or ZERO
    if payment.method == PaymentMethod.CARD:
        # The provider is the truth: what it captured was authorized, whatever message is still on its way.
        payment.authorized = max(payment.authorized, payment.captured + payment.voided)
        payment.state = _card_state(payment)
    elif payment.captured >= payment.amount:
        payment.state = PaymentState.CAPTURED
    payment.save()


def _card_state(payment: Payment) -> str:
    if payment.authorized == 0:
        return payment.state
    if payment.captured + payment.voided < payment.authorized:
        return PaymentState.AUTHORIZED
    if payment.captured:
        return PaymentState.CAPTURED
    return PaymentState.EXPIRED if payment.state == PaymentState.EXPIRED else PaymentState.VOIDED


@transaction.atomic
def request_void(*, payment_id: int, now: datetime) -> None:
    """What is authorized is not needed: a worker gives it back."""
    changed = Payment.objects.filter(
        pk=payment_id, state=PaymentState.AUTHORIZED, void_requested_at__isnull=True
    ).update(void_requested_at=now)
    if changed:
        bell.work_waits(bell.VOIDS)


def held_for(*, order: Order) -> Decimal:
    """Money in hand or authorized, less what goes back."""
    rows = Payment.objects.filter(order=order)
    captured = rows.aggregate(total=Sum("captured"))["total"] or ZERO
    returning = (
        Refund.objects.filter(payment__order=order)
        .exclude(state=OperationState.REFUSED)
        .aggregate(total=Sum("amount"))["total"]
        or ZERO
    )
    live = rows.filter(
        method=PaymentMethod.CARD, state=PaymentState.AUTHORIZED, void_requested_at__isnull=True
    ).aggregate(total=Sum(F("authorized") - F("captured") - F("voided")))["total"]
    return captured - returning + (live or ZERO)


def _credits(order: Order, plan: PaperPlan, amount: Decimal) -> tuple[list[Posting], Decimal]:
    """What the money pays of the order's open receivables, the courier's first, and what is left of it."""
    balances = selectors.order_balances(order_number=order.number)
    accounts = [COURIER_RECEIVABLE, CUSTOMERS] if plan.receivable == COURIER_RECEIVABLE else [CUSTOMERS]
    lines, rest = [], amount
    for account in accounts:
        paid = min(rest, max(balances.get(account, ZERO), ZERO))
        lines.append(credit(account, paid))
        rest -= paid
    return lines, rest


def _advance_rates(order: Order, amount: Decimal) -> list[RateAmounts]:
    """The advance of this money per VAT rate: as far as goods are still to come for it."""
    if order.status == OrderStatus.CANCELED or amount <= 0:
        return []
    sales = selectors.sales_of_order(order=order)
    sold = sum((rules.total_of(rules.rest_of(sale)) for sale in sales), ZERO)
    open_advance = selectors.advance_of_order(order=order).gross_left
    amount = min(amount, max(order.due_total - sold - open_advance, ZERO))
    if amount == 0:
        return []
    goods = [
        tax.RateShare(line.rate, line.total)
        for line in selectors.lines_of_order(order=order, sales=sales)
        if line.is_goods and line.units_left > 0
    ]
    return [
        RateAmounts(one.rate, one.gross, one.tax)
        for one in tax.tax_advance(amount, goods, otherwise=STANDARD_RATE)
    ]


def _write_advance_paper(
    order: Order,
    capture: Capture,
    rates: Sequence[RateAmounts],
    entry: JournalEntry,
    day: date,
    plan: PaperPlan,
    now: datetime,
) -> None:
    if not plan.is_fiscal:
        parts = _advance_parts(order, rates)
        net, rounding = advance_net(parts)
        issue_invoice(
            order=order,
            kind=InvoiceKind.ADVANCE,
            parts=parts,
            net=net,
            rounding=rounding,
            entry=entry,
            now=now,
            supplied_on=day,
        )
        return
    queue_fiscal_receipt(
        order=order,
        kind=FiscalKind.ADVANCE,
        transaction_kind=FiscalTransaction.SALE,
        cause_key=f"advance:{capture.public_id}",
        items=advance_items(rates),
        tax_by_rate=rate_rows(rates),
        payment_method=rules.FISCAL_PAYMENTS[capture.payment.method],
        entry=entry,
        now=now,
        cashier=order.channel.code,
        referent=selectors.advance_of_order(order=order).last_receipt,
        buyer_id=buyer_of(order),
        paid_at=moment_of(day, now),
    )


def buyer_of(order: Order) -> str:
    return f"10:{order.company_pib}" if order.company_pib else ""


def moment_of(day: date, now: datetime) -> datetime:
    """The bank says only the day: the time is now when it is today, else noon of that day."""
    return now if business_date(now) == day else datetime.combine(day, time(12), BUSINESS_ZONE)


def _advance_parts(order: Order, rates: Sequence[RateAmounts]) -> list[Part]:
    """An advance invoice points to the first goods line of each rate."""
    lines = selectors.lines_of_order(order=order)
    fallback = lines[0]
    return [
        Part(
            next((line.id for line in lines if line.is_goods and line.rate == one.rate), fallback.id),
            LineKind.GOODS,
            f"Avans {one.rate.normalize():f} %",
            "",
            1,
            one.gross,
            one.tax,
            one.rate,
        )
        for one in rates
    ]
