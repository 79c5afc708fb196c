"""Money that came in: its entry, its paper, its capture and payment, for one order or for a whole statement at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from finance import events, rules, selectors, tax
from finance.chart import ADVANCES, COURIER_RECEIVABLE, CUSTOMERS
from finance.models import Capture, FiscalReceipt, JournalEntry
from finance.operations.ledger import Draft, Posting, credit, post_entries
from finance.operations.papers import advance_items, issue_invoice, new_receipt, queue_receipts, rate_rows
from finance.operations.payments import plan_of, summarize
from finance.operations.revenue import advance_net, advance_tax_lines
from finance.rules import Line, PaperPlan, Part, RateAmounts, Sale
from finance.states import FiscalKind, FiscalTransaction, InvoiceKind, OperationState, PaymentState
from oms import operations as orders
from oms.models import Order
from oms.states import LineKind, OrderStatus, PaymentMethod
from retail.kernel.clock import BUSINESS_ZONE, business_date
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from retail.kernel.rows import insert

STANDARD_RATE = Decimal(20)


@dataclass(frozen=True, slots=True)
class Income:
    """Money for one order: what it stands on, of which day. `standing` is the order's before it; the order row is locked."""

    order: Order
    capture: Capture
    debits: Sequence[Posting]
    day: date
    standing: selectors.Standing
    document: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Booked:
    """An income with what it pays: receivables, and an advance with its VAT."""

    income: Income
    plan: PaperPlan
    owed: Sequence[Posting]
    rest: Decimal
    advance: Sequence[RateAmounts]
    lines: Sequence[Line]
    referent: FiscalReceipt | None


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
    """Book money that came in, and settle its capture; the order counts it. The order row is locked by the caller."""
    standing = selectors.standing_of_orders(order_ids=[order.pk])[order.pk]
    [entry] = book_incomes([Income(order, capture, debits, day, standing, document)], by=by, now=now)
    _tell(order, capture, now)
    return entry


def settle_capture(*, order: Order, capture: Capture, entry: JournalEntry, now: datetime) -> None:
    """The capture is done, by this entry; payment and order count it."""
    _settle([capture], [entry], now)
    _tell(order, capture, now)


def _tell(order: Order, capture: Capture, now: datetime) -> None:
    orders.record_capture(order_id=order.pk, amount=capture.amount, now=now)
    announce_captured(order, capture)


def announce_captured(order: Order, capture: Capture) -> None:
    announce(
        events.PaymentCaptured(payment=capture.payment.public_id, order_id=order.pk, number=order.number),
        subject=("order", order.number),
    )


def book_incomes(incomes: Sequence[Income], *, by: User | None, now: datetime) -> list[JournalEntry]:
    """Entries, papers, captures and payments of money for different orders; the orders themselves are the caller's.

    Money pays first what the order owes, the rest is an advance (430); a transfer before the goods is taxed as an advance.
    """
    booked = _book(incomes)
    entries = post_entries([_draft(one) for one in booked], by=by)
    _write_papers(booked, entries, now)
    _settle([one.capture for one in incomes], entries, now)
    return entries


def _book(incomes: Sequence[Income]) -> list[_Booked]:
    taxed = [one for one in incomes if _may_be_taxed(one)]
    sales = {
        one.order.pk: selectors.sales_of_order(order=one.order) if one.standing.has_papers else []
        for one in taxed
    }
    lines = selectors.lines_of_orders(sales=sales) if sales else {}
    booked = []
    for one in incomes:
        plan = plan_of(one.order)
        owed, rest = _credits(one, plan)
        advance, referent = _advance(one, rest, sales.get(one.order.pk), lines.get(one.order.pk, []))
        booked.append(_Booked(one, plan, owed, rest, advance, lines.get(one.order.pk, []), referent))
    return booked


def _may_be_taxed(one: Income) -> bool:
    return rules.is_taxed_as_advance(one.capture.payment.method) and one.order.status != OrderStatus.CANCELED


def _credits(one: Income, plan: PaperPlan) -> tuple[list[Posting], Decimal]:
    """What the money pays of the order's open receivables, the courier's first, and what is left of it."""
    balances = selectors.order_balances(order_number=one.order.number) if one.standing.is_booked else {}
    accounts = [COURIER_RECEIVABLE, CUSTOMERS] if plan.receivable == COURIER_RECEIVABLE else [CUSTOMERS]
    lines, rest = [], one.capture.amount
    for account in accounts:
        paid = min(rest, max(balances.get(account, ZERO), ZERO))
        lines.append(credit(account, paid))
        rest -= paid
    return lines, rest


def _advance(
    one: Income, amount: Decimal, sales: Sequence[Sale] | None, lines: Sequence[Line]
) -> tuple[list[RateAmounts], FiscalReceipt | None]:
    """The advance of this money per VAT rate, as far as goods are still to come for it; and the receipt of the advance before."""
    if sales is None or amount <= 0:
        return [], None
    sold = sum((rules.total_of(rules.rest_of(sale)) for sale in sales), ZERO)
    earlier = selectors.advance_of_order(order=one.order) if one.standing.has_papers else None
    open_advance = earlier.gross_left if earlier else ZERO
    # A gift card is taxed when it is used, whoever buys it.
    untaxed = sum((line.total for line in lines if line.kind == LineKind.GIFT_CARD), ZERO)
    amount = min(amount, max(one.order.due_total - untaxed - sold - open_advance, ZERO))
    if amount == 0:
        return [], None
    goods = [tax.RateShare(line.rate, line.total) for line in lines if line.is_goods and line.units_left > 0]
    rates = [
        RateAmounts(each.rate, each.gross, each.tax)
        for each in tax.tax_advance(amount, goods, otherwise=STANDARD_RATE)
    ]
    return rates, earlier.last_receipt if earlier else None


def _draft(booked: _Booked) -> Draft:
    one = booked.income
    kind, key = one.document or ("capture", one.capture.public_id)
    return Draft(
        entity_id=one.order.entity_id,
        date=one.day,
        document_kind=kind,
        document_key=key,
        memo=f"Naplata {one.order.number}",
        order_number=one.order.number,
        lines=[
            *one.debits,
            *booked.owed,
            credit(ADVANCES, booked.rest),
            *advance_tax_lines(booked.advance, is_closing=False),
        ],
    )


# Papers


def _write_papers(booked: Sequence[_Booked], entries: Sequence[JournalEntry], now: datetime) -> None:
    papered = [(one, entry) for one, entry in zip(booked, entries, strict=True) if one.advance]
    receipts = [_receipt(one, entry, now) for one, entry in papered if one.plan.is_fiscal]
    if receipts:
        queue_receipts(receipts, now=now)
    for one, entry in papered:
        if not one.plan.is_fiscal:
            _issue_advance_invoice(one, entry, now)


def _receipt(booked: _Booked, entry: JournalEntry, now: datetime) -> FiscalReceipt:
    one = booked.income
    return new_receipt(
        order=one.order,
        kind=FiscalKind.ADVANCE,
        transaction_kind=FiscalTransaction.SALE,
        cause_key=f"advance:{one.capture.public_id}",
        items=advance_items(booked.advance),
        tax_by_rate=rate_rows(booked.advance),
        payment_method=rules.FISCAL_PAYMENTS[one.capture.payment.method],
        entry=entry,
        now=now,
        cashier=one.order.channel.code,
        referent=booked.referent,
        buyer_id=buyer_of(one.order),
        paid_at=moment_of(one.day, now),
    )


def _issue_advance_invoice(booked: _Booked, entry: JournalEntry, now: datetime) -> None:
    parts = _advance_parts(booked)
    net, rounding = advance_net(parts)
    issue_invoice(
        order=booked.income.order,
        kind=InvoiceKind.ADVANCE,
        parts=parts,
        net=net,
        rounding=rounding,
        entry=entry,
        now=now,
        supplied_on=booked.income.day,
    )


def _advance_parts(booked: _Booked) -> list[Part]:
    """An advance invoice points to the first goods line of each rate."""
    lines = booked.lines
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
        for one in booked.advance
    ]


def buyer_of(order: Order) -> str:
    return f"10:{order.company_pib}" if order.company_pib else ""


def moment_of(day: date, now: datetime) -> datetime:
    """The bank says only the day: the time is now when it is today, else noon of that day."""
    return now if business_date(now) == day else datetime.combine(day, time(12), BUSINESS_ZONE)


# Captures


# As `summarize`: counted from the captures and refunds that are there, and the one that this statement writes.
_COUNT = """
UPDATE finance_payment p
   SET captured = n.captured, refunded = n.refunded, updated_at = %s,
       state = CASE WHEN n.captured >= p.amount THEN 'CAPTURED' ELSE p.state END
  FROM (SELECT w.id, w.amount + COALESCE((SELECT sum(c.amount) FROM finance_capture c
                                           WHERE c.payment_id = w.id AND c.state = 'DONE'), 0) AS captured,
               COALESCE((SELECT sum(r.amount) FROM finance_refund r
                          WHERE r.payment_id = w.id AND r.state = 'DONE'), 0) AS refunded
          FROM unnest(%s::bigint[], %s::numeric[]) AS w(id, amount)) n
 WHERE p.id = n.id
"""


def _settle(captures: Sequence[Capture], entries: Sequence[JournalEntry], now: datetime) -> None:
    """The captures are done, each by its entry; their payments count them. New ones that are no card's are one statement."""
    fresh = []
    for capture, entry in zip(captures, entries, strict=True):
        capture.state, capture.entry, capture.done_at, capture.failure = OperationState.DONE, entry, now, ""
        if capture._state.adding and capture.payment.method != PaymentMethod.CARD:
            fresh.append(capture)
        else:
            written = None if capture._state.adding else ["state", "entry", "done_at", "failure"]
            capture.save(update_fields=written)
            summarize(capture.payment)
    if not fresh:
        return
    payments = [capture.payment_id for capture in fresh]
    insert(fresh, beside=(_COUNT, [now, payments, [capture.amount for capture in fresh]]))
    for capture in fresh:
        payment = capture.payment
        payment.captured += capture.amount
        if payment.captured >= payment.amount:
            payment.state = PaymentState.CAPTURED
