"""Money that goes back: to the payment it came from, stored before it is sent, booked when it has gone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from finance import events, rules, selectors
from finance.chart import ADVANCES, BANK, CARD_RECEIVABLE, CUSTOMERS, EXCHANGES
from finance.models import Payment, Refund
from finance.operations import bell, gift_cards
from finance.operations.ledger import Posting, credit, debit, post_entry
from finance.operations.papers import (
    advance_items,
    issue_invoice,
    own_pib,
    queue_fiscal_receipt,
    rate_rows,
)
from finance.operations.payments import plan_of, request_void, summarize
from finance.operations.revenue import advance_net, advance_tax_lines
from finance.rules import Part
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
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.identifiers import parse_account
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce

# Where the money goes back to is known: the bank card, the gift card, the order whose goods paid.
_BY_ITSELF = (PaymentMethod.CARD, PaymentMethod.GIFT_CARD, PaymentMethod.EXCHANGE)


class RefundExceedsPayment(Refusal):
    """More is to go back than came in and is not on its way back yet."""

    code = "REFUND_EXCEEDS_PAYMENT"


class AccountMissing(InvalidInput):
    """The money came by a way that leads nowhere back: an account is needed."""

    code = "ACCOUNT_MISSING"


class RefundNotFound(NotFound):
    code = "UNKNOWN_REFUND"


class AlreadySettled(Refusal):
    code = "ALREADY_SETTLED"


@transaction.atomic
def request_refund(
    *,
    order_id: int,
    amount: Decimal,
    reason: str,
    by: User | None,
    now: datetime,
    return_id: int | None = None,
    bank_account: str = "",
) -> list[Refund]:
    """Send `amount` back over the order's payments, newest first: gift cards, which come first, get back last, and at once.

    Cards are refunded by a worker, transfers wait in the list.

    Refuses RefundExceedsPayment, AccountMissing.
    """
    order = orders.lock_order(order_id=order_id)
    if amount <= 0:
        raise InvalidInput("A refund is above zero.")
    if not reason.strip():
        raise InvalidInput("Say why the money goes back.")
    account = parse_account(bank_account) if bank_account else ""
    if account is None:
        raise InvalidInput("This is not a bank account.")
    shares = _shares(order, amount)
    for payment, _ in shares:
        if payment.method not in _BY_ITSELF and not account and not _known_account(payment):
            raise AccountMissing("Say to which account the money goes back.")
    return _write_refunds(order, shares, reason, now, return_id, account or "")


@transaction.atomic
def release_excess(*, order_id: int, reason: str, by: User | None, now: datetime) -> list[Refund]:
    """After less is owed (canceled, returned): give up attempts and authorizations that are not needed, send back the surplus.

    Never refuses; doing it twice does nothing more.
    """
    order = orders.lock_order(order_id=order_id)
    if order.status in (OrderStatus.CANCELED, OrderStatus.COMPLETED):
        for payment in Payment.objects.filter(order=order, state=PaymentState.AUTHORIZED):
            request_void(payment_id=payment.pk, now=now)
    if order.status == OrderStatus.CANCELED:
        for payment in Payment.objects.filter(order=order, state=PaymentState.PENDING):
            payment.state, payment.failure = PaymentState.EXPIRED, "ORDER_CANCELED"
            payment.save(update_fields=["state", "failure", "updated_at"])
    free = sum((amount for _, amount in _refundable(order)), ZERO)
    returning = _on_the_way_back(order)
    excess = min(order.captured_total - order.refunded_total - returning - order.due_total, free)
    if excess <= 0:
        return []
    return _write_refunds(order, _shares(order, excess), reason or "-", now, None, "")


@transaction.atomic
def move_money(
    *, order: Order, payment: Payment, amount: Decimal, return_id: int | None, reason: str, now: datetime
) -> list[Refund]:
    """Instead of going back, money of this order pays a payment of another one. The order row is locked by the caller.

    Refuses RefundExceedsPayment: what has not come (cash that the courier still has) pays for nothing yet.
    """
    return _write_refunds(order, _shares(order, amount), reason, now, return_id, "", moved_to=payment)


@transaction.atomic
def call_back(*, order: Order, payment: Payment, amount: Decimal, now: datetime) -> None:
    """What this order had paid of another one is its own again: taken back whole, and what stays there moved anew.

    Both order rows are locked by the caller.
    """
    moved = Refund.objects.select_for_update(of=("self",)).filter(moved_to=payment, state=OperationState.DONE)
    rest = amount
    for refund in moved.select_related("payment").order_by("-pk"):
        if rest <= 0:
            break
        part = min(rest, refund.amount)
        rest -= part
        post_entry(
            entity_id=order.entity_id,
            date=business_date(now),
            document_kind="exchange_undone",
            document_key=refund.public_id,
            memo=f"Storno zamene {order.number}",
            order_number=order.number,
            lines=[
                debit(EXCHANGES, refund.amount, source_kind="exchange", source_key=payment.public_id),
                credit(CUSTOMERS, refund.amount),
            ],
        )
        refund.state, refund.failure = OperationState.REFUSED, "CALLED_BACK"
        refund.save(update_fields=["state", "failure"])
        summarize(refund.payment)
        orders.record_refund_undone(order=order, amount=refund.amount)
        if refund.amount > part:
            _write_refunds(
                order,
                [(refund.payment, refund.amount - part)],
                refund.reason,
                now,
                refund.parent_return_id,
                "",
                moved_to=payment,
            )
    assert rest <= 0, "no more goes home than came"


@transaction.atomic
def settle_refund(*, refund_id: int, by: User | None, now: datetime, bank_account: str = "") -> Refund:
    """The bank carried out the payment order. Refuses AlreadySettled, AccountMissing."""
    found = Refund.objects.filter(pk=refund_id).select_related("payment").first()
    if found is None or found.payment.method in _BY_ITSELF:
        raise RefundNotFound("There is no such transfer back.")
    order = orders.lock_order(order_id=found.payment.order_id)
    refund = Refund.objects.select_for_update(of=("self",)).select_related("payment").get(pk=refund_id)
    if refund.state != OperationState.PENDING:
        raise AlreadySettled("This refund was settled already.")
    if bank_account:
        account = parse_account(bank_account)
        if account is None:
            raise InvalidInput("This is not a bank account.")
        refund.bank_account = account
    if not refund.bank_account:
        raise AccountMissing("Say to which account the money went.")
    finish_refund(order=order, refund=refund, provider_ref="", by=by, now=now)
    return refund


def finish_refund(*, order: Order, refund: Refund, provider_ref: str, by: User | None, now: datetime) -> None:
    """The money has gone: book it, count it. The order row is locked by the caller."""
    balances = selectors.order_balances(order_number=order.number)
    owed = min(refund.amount, max(-balances.get(CUSTOMERS, ZERO), ZERO))
    advance = min(refund.amount - owed, max(-balances.get(ADVANCES, ZERO), ZERO))
    # What the books do not owe is a claim on the customer: somebody sent it back without a paper.
    beyond = refund.amount - owed - advance
    refund.entry = post_entry(
        entity_id=order.entity_id,
        date=business_date(now),
        document_kind="refund",
        document_key=refund.public_id,
        memo=f"Povraćaj {order.number}",
        order_number=order.number,
        by=by,
        lines=[
            debit(CUSTOMERS, owed + beyond),
            debit(ADVANCES, advance),
            _went_out(refund),
        ],
    )
    refund.state, refund.done_at, refund.provider_ref, refund.failure = (
        OperationState.DONE,
        now,
        provider_ref,
        "",
    )
    refund.save()
    summarize(refund.payment)
    orders.record_refund(order_id=order.pk, amount=refund.amount, now=now)
    if order.captured_total - order.refunded_total - refund.amount <= order.due_total:
        orders.resolve_cause(kind="OVERPAID", cause_key=order.number, resolution="Sent back.", now=now)
    announce(
        events.RefundDone(refund=refund.public_id, order_id=order.pk, number=order.number),
        subject=("order", order.number),
    )


def _went_out(refund: Refund) -> Posting:
    payment = refund.payment
    if refund.moved_to is not None or payment.method == PaymentMethod.EXCHANGE:
        swap = refund.moved_to or payment
        return credit(EXCHANGES, refund.amount, source_kind="exchange", source_key=swap.public_id)
    if payment.gift_card is not None:
        return gift_cards.more(payment.gift_card.public_id, refund.amount)
    return credit(CARD_RECEIVABLE if payment.method == PaymentMethod.CARD else BANK, refund.amount)


def _refundable(order: Order) -> list[tuple[Payment, Decimal]]:
    """What of each payment is in hand and not on its way back, newest first."""
    payments = Payment.objects.select_for_update(of=("self",)).filter(order=order).order_by("-attempt")
    found = []
    for payment in payments:
        live = (
            payment.refunds.exclude(state=OperationState.REFUSED).aggregate(total=Sum("amount"))["total"]
            or ZERO
        )
        if payment.captured > live:
            found.append((payment, payment.captured - live))
    return found


def _shares(order: Order, amount: Decimal) -> list[tuple[Payment, Decimal]]:
    shares, rest = [], amount
    for payment, free in _refundable(order):
        part = min(free, rest)
        if part > 0:
            shares.append((payment, part))
            rest -= part
    if rest > 0:
        raise RefundExceedsPayment(
            f"{amount - rest} can be sent back, {amount} asked.", refundable=str(amount - rest)
        )
    return shares


def _on_the_way_back(order: Order) -> Decimal:
    pending = Refund.objects.filter(payment__order=order, state=OperationState.PENDING)
    return pending.aggregate(total=Sum("amount"))["total"] or ZERO


def _known_account(payment: Payment) -> str:
    return parse_account(selectors.payer_account(payment_id=payment.pk)) or ""


def _write_refunds(
    order: Order,
    shares: list[tuple[Payment, Decimal]],
    reason: str,
    now: datetime,
    return_id: int | None,
    account: str,
    moved_to: Payment | None = None,
) -> list[Refund]:
    waiting_before = _on_the_way_back(order)
    refunds = [
        Refund.objects.create(
            payment=payment,
            parent_return_id=return_id,
            moved_to=moved_to,
            amount=amount,
            reason=reason.strip()[:120],
            bank_account=_account_for(payment, account) if moved_to is None else "",
            created_at=now,
        )
        for payment, amount in shares
    ]
    _close_advance(order, refunds, waiting_before, now)
    for refund in refunds:
        announce(
            events.RefundRequested(refund=refund.public_id, order_id=order.pk, number=order.number),
            subject=("order", order.number),
        )
    bell.work_waits(bell.REFUNDS)
    for refund in refunds:
        is_of_card = refund.payment.method == PaymentMethod.GIFT_CARD and moved_to is None
        if is_of_card:
            gift_cards.put_back(order=order, refund=refund, now=now)
        if is_of_card or moved_to is not None:
            finish_refund(order=order, refund=refund, provider_ref="", by=None, now=now)
            order.refresh_from_db(fields=["captured_total", "refunded_total"])
    return refunds


def _account_for(payment: Payment, account: str) -> str:
    """What an exchange paid goes home first: the account is for whoever paid there."""
    if payment.method == PaymentMethod.EXCHANGE:
        return account
    return "" if payment.method in _BY_ITSELF else account or _known_account(payment)


def _close_advance(order: Order, refunds: list[Refund], waiting_before: Decimal, now: datetime) -> None:
    """An advance that goes back instead of becoming goods is taken off the tax by a paper of its own."""
    plan = plan_of(order)
    advance = selectors.advance_of_order(order=order)
    if advance.gross_left <= 0:
        return
    balances = selectors.order_balances(order_number=order.number)
    owed = max(-balances.get(CUSTOMERS, ZERO) - waiting_before, ZERO)
    of_advance = sum((refund.amount for refund in refunds), ZERO) - owed
    sold = sum((rules.total_of(rules.rest_of(sale)) for sale in selectors.sales_of_order(order=order)), ZERO)
    still_needed = max(order.due_total - sold, ZERO)
    amount = min(of_advance, max(advance.gross_left - still_needed, ZERO))
    if amount <= 0:
        return
    closed = rules.closing_of(
        received=advance.received, closed=advance.closed, gross_by_rate={}, amount=amount
    )
    key = refunds[0].public_id
    entry = post_entry(
        entity_id=order.entity_id,
        date=business_date(now),
        document_kind="advance_refund",
        document_key=key,
        memo=f"Storno avansa {order.number}",
        order_number=order.number,
        lines=[*advance_tax_lines(closed, is_closing=True)]
        or [debit(ADVANCES, ZERO), credit(ADVANCES, ZERO)],
    )
    if plan.is_fiscal:
        queue_fiscal_receipt(
            order=order,
            kind=FiscalKind.ADVANCE,
            transaction_kind=FiscalTransaction.REFUND,
            cause_key=f"advance_refund:{key}",
            items=advance_items(closed),
            tax_by_rate=rate_rows(closed),
            payment_method=advance.paid_by,
            entry=entry,
            now=now,
            cashier=order.channel.code,
            referent=advance.last_receipt,
            buyer_id=own_pib(order.entity),
        )
        return
    line_id = selectors.lines_of_order(order=order)[0].id
    parts = [
        Part(
            line_id, LineKind.GOODS, f"Avans {one.rate.normalize():f} %", "", 1, one.gross, one.tax, one.rate
        )
        for one in closed
    ]
    net, rounding = advance_net(parts)
    issue_invoice(
        order=order,
        kind=InvoiceKind.CREDIT_NOTE,
        parts=parts,
        net=net,
        rounding=rounding,
        entry=entry,
        now=now,
        supplied_on=business_date(now),
        credited=advance.last_invoice,
    )
