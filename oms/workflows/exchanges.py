"""An exchange in one act: what comes back, and what goes out for it, agreed in one transaction.

The return and the new order are made together; the new goods are claimed at once and wait for the old ones. Showing is doing: the
preview runs the very exchange and takes it back. Why so: docs/decisions/0017-exchanges.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from finance import selectors as finance
from finance import workflows as money
from finance.models import Payment
from finance.rules import Sold
from finance.states import PaymentState
from finance.workflows.sef_registration import Registration
from oms import events
from oms import operations as orders
from oms.models import Exchange, Order, Return
from oms.states import DeliveryKind, ExchangeState, LineKind, OrderStatus, PaymentMethod, ReturnStatus
from oms.workflows import baskets
from oms.workflows.checkout import (
    Checkout,
    Company,
    ExchangeCredit,
    PriceChanged,
    sef_registration,
    with_registration_number,
)
from oms.workflows.payments import payment_secured
from oms.workflows.placing import Placed, place_inside
from oms.workflows.returns import Asked, request_return
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from storefront.models import Variant

# So long the new goods wait for the old ones.
EXCHANGE_DAYS = 14


class NothingInstead(InvalidInput):
    """An exchange names what goes out for what comes back."""

    code = "NOTHING_INSTEAD"


class NothingPaidForIt(Refusal):
    """What comes back is worth nothing (a gift, or goods of which no paper says the price): it can be returned, not exchanged."""

    code = "NOTHING_PAID_FOR_IT"


class FileNotExchanged(Refusal):
    """An electronic edition: nothing of it can come back in a parcel, and none goes out for goods. It is given back or bought by itself."""

    code = "FILE_NOT_EXCHANGED"


class ExchangeNotFound(NotFound):
    code = "UNKNOWN_EXCHANGE"


class ExchangeOver(Refusal):
    """The goods came already, or the exchange came to nothing."""

    code = "EXCHANGE_OVER"


class RestNotPaid(Refusal):
    """Only an even exchange is sent ahead: what is to be paid beside the goods is worked out when they are here."""

    code = "EXCHANGE_REST_NOT_PAID"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the new goods go. `place` is the store or the parcel locker of a way that has one; a courier needs the address."""

    method: str
    place: str = ""
    street: str = ""
    city: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What comes back and what goes out for it, as (SKU, units). `payment_method` is for what the new goods cost more.

    Without `to` the new goods go where the first ones went, the same way.
    """

    back: Sequence[Asked]
    instead: Sequence[tuple[str, int]]
    payment_method: str = ""
    to: Destination | None = None
    buyer_id_kind: str = ""
    buyer_id: str = ""
    bank_account: str = ""
    # Whoever asks again with the same key is told of the exchange that was made.
    idempotency_caller: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Instead:
    sku: str
    title: str
    quantity: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the exchange does. `worth` is what comes back, `total` what goes out; one of `to_pay` and `to_refund` is zero."""

    number: str
    currency: str
    worth: Decimal
    total: Decimal
    to_pay: Decimal
    to_refund: Decimal
    lines: list[Instead]
    promise: dict[str, Any]
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Agreed:
    outcome: Outcome
    exchange: Exchange
    returned: Return
    order: Order
    payment: Payment
    redirect_url: str | None


class _Undo(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def preview_exchange(*, order_id: int, wanted: Wanted, now: datetime, is_shopper: bool = False) -> Outcome:
    """What `exchange` would do now; nothing is kept. Refuses as it does."""
    order = Order.objects.get(pk=order_id)
    company, known = _company_of(order, now)
    try:
        with transaction.atomic():
            raise _Undo(_carry_out(order_id, wanted, company, known, None, now, is_shopper, True)[0])
    except _Undo as undone:
        return undone.outcome


def exchange(
    *,
    order_id: int,
    wanted: Wanted,
    by: User | None,
    now: datetime,
    is_shopper: bool = False,
    expected_pay: Decimal | None = None,
    expected_refund: Decimal | None = None,
) -> Agreed:
    """The return and the new order, both or neither. A card's page is opened after it, so not to be called inside a transaction.

    Refuses NothingInstead, FileNotExchanged, NothingPaidForIt, NothingToReturn, ReturnPeriodOver, OutOfStock, NotForSale, UnknownSku, MethodMissing,
    MethodNotAvailable, PriceChanged (neither sum may differ from what was shown), InvalidAccount, InvalidBuyerId.
    """
    company, known = _company_of(Order.objects.get(pk=order_id), now)
    with transaction.atomic():
        outcome, agreed, placed = _carry_out(order_id, wanted, company, known, by, now, is_shopper, False)
        seen = (expected_pay, expected_refund)
        if any(
            shown is not None and shown != now_is
            for shown, now_is in zip(seen, (outcome.to_pay, outcome.to_refund), strict=True)
        ):
            raise PriceChanged("The sums are not those that were shown.", total=str(outcome.total), lines=[])
    payment, redirect_url = placed.payment, None
    if payment.method == PaymentMethod.CARD and payment.state == PaymentState.PENDING:
        try:
            payment = money.open_card_session(payment_id=payment.pk, language=placed.order.language, now=now)
            redirect_url = payment.redirect_url or None
        except money.CardUnavailable:
            redirect_url = None
    return Agreed(outcome, agreed, agreed.returned, placed.order, payment, redirect_url)


def _company_of(order: Order, now: datetime) -> tuple[Company | None, Registration | None]:
    """The papers name whom they named; whether it takes electronic invoices is asked outside of any transaction."""
    if not order.company_pib:
        return None, None
    company = Company(order.company_name, order.company_pib, order.company_registration_number)
    known = sef_registration(company, now)
    return with_registration_number(company, known), known


def _carry_out(
    order_id: int,
    wanted: Wanted,
    company: Company | None,
    known: Registration | None,
    by: User | None,
    now: datetime,
    is_shopper: bool,
    is_preview: bool,
) -> tuple[Outcome, Exchange, Placed]:
    if not wanted.instead:
        raise NothingInstead("Say what you want instead.")
    order = orders.lock_order(order_id=order_id)
    if wanted.idempotency_key and (before := _agreed_before(order, wanted)):
        return before
    _check_no_file(order, wanted)
    returned = request_return(
        order_id=order.pk,
        lines=wanted.back,
        by=by,
        now=now,
        buyer_id_kind=wanted.buyer_id_kind,
        buyer_id=wanted.buyer_id,
        bank_account=wanted.bank_account,
        is_shopper=is_shopper,
    )
    worth = _worth(order, returned)
    credit = ExchangeCredit(worth, now + timedelta(days=EXCHANGE_DAYS))
    # Whoever only looks has not said yet how the rest is paid.
    method = wanted.payment_method or (PaymentMethod.BANK_TRANSFER if is_preview else PaymentMethod.EXCHANGE)
    to = wanted.to or _as_before(order)
    token = _basket(order, wanted.instead, to.postal_code, now)
    checkout = replace(
        _checkout(order, token, method, to, company, credit),
        idempotency_caller=wanted.idempotency_caller,
        idempotency_key=wanted.idempotency_key,
    )
    placed = place_inside(checkout=checkout, registration=known, by=by, now=now)
    paid = min(worth, placed.order.total)
    made = Exchange.objects.create(
        returned=returned, order=placed.order, credit=paid, deadline=credit.deadline, created_at=now
    )
    announce(
        events.ExchangeAgreed(
            order_id=order.pk,
            number=order.number,
            return_number=returned.number,
            new_number=placed.order.number,
            new_order_id=placed.order.pk,
        ),
        subject=("order", order.number),
    )
    return _outcome(worth, made, placed), made, placed


def _agreed_before(order: Order, wanted: Wanted) -> tuple[Outcome, Exchange, Placed] | None:
    """The exchange that this key made, whose answer was lost."""
    made = (
        Exchange.objects.select_related("returned", "order")
        .filter(
            returned__order=order,
            order__idempotency_caller=wanted.idempotency_caller,
            order__idempotency_key=wanted.idempotency_key,
        )
        .first()
    )
    if made is None:
        return None
    is_awaited = made.returned.status == ReturnStatus.REQUESTED
    asked = finance.payments_of_order(order_id=made.order_id)
    payment = asked.exclude(method=PaymentMethod.EXCHANGE).last() or asked.last()
    assert payment is not None, "an exchange pays"
    placed = Placed(made.order, payment, None, list(made.order.lines.order_by("position")))
    return _outcome(_worth(order, made.returned) if is_awaited else made.credit, made, placed), made, placed


def _outcome(worth: Decimal, made: Exchange, placed: Placed) -> Outcome:
    return Outcome(
        number=placed.order.number,
        currency=placed.order.currency,
        worth=worth,
        total=placed.order.total,
        to_pay=placed.order.total - made.credit,
        to_refund=worth - made.credit,
        lines=[
            Instead(line.sku, line.title, line.quantity, line.total)
            for line in placed.lines
            if line.variant_id is not None
        ],
        promise=placed.order.promise,
        deadline=made.deadline,
    )


def _worth(order: Order, returned: Return) -> Decimal:
    """What the papers will give back for it."""
    sold = [Sold(row.order_line_id, row.quantity) for row in returned.lines.all()]
    worth = sum(finance.preview_return(order_id=order.pk, sold=sold).values(), ZERO)
    if worth <= 0:
        raise NothingPaidForIt("Nothing was paid for it, so it pays for nothing.", number=order.number)
    return worth


def _check_no_file(order: Order, wanted: Wanted) -> None:
    skus = [sku for sku, _ in wanted.instead]
    back = [asked.sku for asked in wanted.back]
    if (
        Variant.objects.filter(sku__in=skus, is_digital=True).exists()
        or order.lines.filter(sku__in=back, kind=LineKind.DIGITAL).exists()
    ):
        raise FileNotExchanged(
            "Electronic editions are not exchanged: one that nobody fetched is given back, another is ordered by itself.",
            number=order.number,
        )


def _basket(order: Order, instead: Sequence[tuple[str, int]], postal_code: str, now: datetime) -> str:
    basket = baskets.create_basket(
        channel_code=order.channel.code,
        now=now,
        language=order.language,
        postal_code=postal_code,
        customer_id=order.customer_id,
    )
    baskets.add_lines(token=basket.token, wanted=list(instead), now=now)
    return basket.token


def _as_before(order: Order) -> Destination:
    """The same way as the first goods."""
    locker = order.locker if order.delivery_method == DeliveryKind.PARCEL_LOCKER else None
    place = locker or order.pickup_location
    return Destination(
        order.delivery_method, place.code if place else "", order.street, order.city, order.postal_code
    )


def _checkout(
    order: Order,
    token: str,
    method: str,
    to: Destination,
    company: Company | None,
    credit: ExchangeCredit,
) -> Checkout:
    """To the same person. Papers of a company name its address, also where nothing is brought to it."""
    is_locker = to.method == DeliveryKind.PARCEL_LOCKER
    return Checkout(
        basket_token=token,
        email=order.email,
        name=order.name,
        phone=order.phone,
        delivery_method=to.method,
        payment_method=method,
        street=to.street or order.street,
        city=to.city or order.city,
        postal_code=to.postal_code or order.postal_code,
        country=order.country,
        company=company,
        pickup_location="" if is_locker else to.place,
        language=order.language,
        customer_id=order.customer_id,
        locker=to.place if is_locker else "",
        credit=credit,
    )


# How it stands


@dataclass(frozen=True, slots=True)
class Standing:
    """Of an order: the exchange that made it, those that its own goods went into, and whether it may be sent ahead."""

    mine: Exchange | None
    others: list[Exchange]
    may_send_ahead: bool

    @property
    def is_waiting(self) -> bool:
        """Only for goods, not for money."""
        return self.mine is not None and self.mine.state == ExchangeState.WAITING


def standing_of(*, order: Order) -> Standing:
    """For pages; one statement."""
    rows = Exchange.objects.select_related("returned__order", "order").filter(
        Q(order=order) | Q(returned__order=order)
    )
    found = list(rows.order_by("pk"))
    mine = next((row for row in found if row.order_id == order.pk), None)
    may = (
        mine is not None
        and mine.state == ExchangeState.WAITING
        and mine.sent_ahead_at is None
        and mine.returned.status == ReturnStatus.REQUESTED
        and order.status == OrderStatus.PENDING_PAYMENT
        and order.payment_method == PaymentMethod.EXCHANGE
    )
    return Standing(mine, [row for row in found if row.order_id != order.pk], may)


# Sent before the goods are back


def send_ahead(*, number: str, by: User | None, now: datetime) -> Exchange:
    """Staff let the new goods leave at once; the old ones pay for them when they come.

    Refuses ExchangeNotFound, ExchangeOver, RestNotPaid.
    """
    found = Exchange.objects.select_related("returned").filter(order__number=number).first()
    if found is None:
        raise ExchangeNotFound("This order is no exchange.", number=number[:24])
    with transaction.atomic():
        orders.lock_order(order_id=found.returned.order_id)
        order = orders.lock_order(order_id=found.order_id)
        made = Exchange.objects.select_for_update(of=("self",)).get(pk=found.pk)
        returned = Return.objects.get(pk=found.returned_id)
        if (
            made.state != ExchangeState.WAITING
            or made.sent_ahead_at is not None
            or returned.status != ReturnStatus.REQUESTED
            or order.status != OrderStatus.PENDING_PAYMENT
        ):
            raise ExchangeOver("This exchange does not wait for goods any more.", number=order.number)
        if order.payment_method != PaymentMethod.EXCHANGE:
            raise RestNotPaid(
                "Something of this exchange is still to be paid, so it cannot be sent ahead.",
                number=order.number,
            )
        made.sent_ahead_at, made.sent_ahead_by = now, by
        made.save(update_fields=["sent_ahead_at", "sent_ahead_by"])
        payment_secured(order_id=order.pk, now=now)
    return made
