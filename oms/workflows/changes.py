"""Changing an order before it is picked: a change set that is shown with all it does, and applied whole or not at all.

Showing is doing: the preview runs the very change and takes it back, so it answers exactly what applying will do, with the same
refusals. What was sold keeps its price; units that are added are priced by the one engine (`change_prices`). The delivery fee stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.db import transaction

from audit.models import Proposal
from audit.states import ProposalState
from crm import operations as crm
from finance import operations as finance
from finance import rules as finance_rules
from finance import selectors as finance_reads
from finance import workflows as money
from finance.models import FiscalReceipt, Invoice, Payment
from finance.states import PaymentState
from finance.workflows.sef_registration import Registration
from oms import events
from oms import operations as orders
from oms.models import Order
from oms.rules import ORDER_CHANGED
from oms.states import DeliveryKind, FulfillmentStatus, LineKind, OrderStatus, PaymentMethod
from oms.workflows.change_lines import LineChange, line_plan, units_left
from oms.workflows.checkout import (
    Company,
    InvalidContact,
    MethodNotAvailable,
    PriceChanged,
    sef_registration,
    with_registration_number,
)
from oms.workflows.order_supply import let_supply_go
from oms.workflows.payments import payment_secured
from oms.workflows.placing_promise import promise_json
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.identifiers import parse_email, parse_phone, parse_pib
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce
from warehouse import operations as stock
from warehouse import selectors as warehouse

CHANGEABLE = (OrderStatus.PENDING_PAYMENT, OrderStatus.PLACED, OrderStatus.ON_HOLD)
NOT_PICKED = (FulfillmentStatus.UNROUTED, FulfillmentStatus.ROUTED)
LENGTHS = {"name": 200, "street": 200, "city": 100, "postal_code": 12, "note": 1000}
ADDRESS = ("street", "city", "postal_code")


class TooLateToChange(Refusal):
    """The goods are being picked or have left, or the order is finished."""

    code = "TOO_LATE_TO_CHANGE"


class CardsNotChanged(TooLateToChange):
    """An order of gift cards is as it was paid: goods do not come to it, and nothing of it goes to an address. Cancel it and order anew."""

    code = "GIFT_CARDS_NOT_CHANGED"


class StaleOrder(Refusal):
    """The order changed after it was shown: look at it again."""

    code = "STALE_ORDER"


class NothingToChange(InvalidInput):
    code = "NOTHING_TO_CHANGE"


class PromiseChanged(Refusal):
    """The date is not the one that was shown."""

    code = "PROMISE_CHANGED"


class WaitsForExchange(Refusal):
    """Goods that come back are to pay for the order, as it was agreed."""

    code = "WAITS_FOR_EXCHANGE"


class PapersIssued(Refusal):
    """A receipt or invoice names the buyer already."""

    code = "PAPERS_ISSUED"


class Soonest(Enum):
    SOONEST = "SOONEST"


SOONEST = Soonest.SOONEST


@dataclass(frozen=True, slots=True)
class Changes:
    """None leaves as it is. `lines` are (SKU, units wanted in all): 0 removes, a SKU that is not there is added."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    note: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    company: Company | None = None
    lines: Sequence[tuple[str, int]] = ()
    # Another day of home delivery; `SOONEST` is the earliest there is.
    wanted: warehouse.WantedDay | Soonest | None = None

    @property
    def is_of_buyer_only(self) -> bool:
        """Nothing but the company on the papers."""
        return self.company is not None and self == Changes(company=self.company)


@dataclass(frozen=True, slots=True)
class FieldChange:
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the change does. `version` is the order's before it; `to_pay` is still to be paid, `to_refund` goes back."""

    number: str
    version: int
    currency: str
    fields: list[FieldChange]
    lines: list[LineChange]
    total_before: Decimal
    total: Decimal
    due_before: Decimal
    due: Decimal
    to_pay: Decimal
    to_refund: Decimal
    payment_method: str
    promise_before: dict[str, Any]
    promise: dict[str, Any]
    is_replanned: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done; `payment` is the new attempt when more is to be paid, with the provider's page for a card."""

    outcome: Outcome
    order: Order
    payment: Payment | None
    redirect_url: str | None


class _Undo(Exception):
    """Takes a previewed change back."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def preview_changes(*, order_id: int, changes: Changes, now: datetime) -> Outcome:
    """What `apply_changes` would do now; nothing is kept."""
    changes, known = _registered(changes, now)
    try:
        with transaction.atomic():
            raise _Undo(_carry_out(order_id, changes, known, None, None, now)[0])
    except _Undo as undone:
        return undone.outcome


def apply_changes(
    *,
    order_id: int,
    changes: Changes,
    version: int,
    by: User | None,
    now: datetime,
    expected_total: Decimal | None = None,
    expected_on: date | None = None,
) -> Changed:
    """Apply what was previewed at this version of the order. Must not be called inside a transaction: a card page is opened after.

    Refuses StaleOrder, PriceChanged, PromiseChanged, TooLateToChange, NothingToChange, NothingLeft, OutOfStock, NotForSale, MethodNotAvailable,
    InvalidContact, InvalidPib, PapersIssued, WaitsForExchange.
    """
    changes, known = _registered(changes, now)
    with transaction.atomic():
        outcome, payment = _carry_out(order_id, changes, known, version, by, now)
        if expected_total is not None and outcome.total != expected_total:
            raise PriceChanged("The total is not the one that was shown.", total=str(outcome.total))
        day = outcome.promise.get("date")
        if expected_on is not None and day and date.fromisoformat(day) != expected_on:
            raise PromiseChanged("The date is not the one that was shown.", date=day)
    order = Order.objects.get(pk=order_id)
    redirect_url = None
    if payment is not None and payment.method == PaymentMethod.CARD:
        try:
            payment = money.open_card_session(payment_id=payment.pk, language=order.language, now=now)
            redirect_url = payment.redirect_url or None
        except money.CardUnavailable:
            redirect_url = None
    return Changed(outcome, order, payment, redirect_url)


def _registered(changes: Changes, now: datetime) -> tuple[Changes, Registration | None]:
    """A company that takes electronic invoices needs its number, as at checkout; SEF is asked outside of any transaction."""
    if changes.company is None:
        return changes, None
    known = sef_registration(changes.company, now)
    return replace(changes, company=with_registration_number(changes.company, known)), known


def _carry_out(
    order_id: int,
    changes: Changes,
    known: Registration | None,
    version: int | None,
    by: User | None,
    now: datetime,
) -> tuple[Outcome, Payment | None]:
    order = orders.lock_order(order_id=order_id)
    if version is not None and order.version != version:
        raise StaleOrder(f"{order.number} has changed.", number=order.number, version=order.version)
    _check_changeable(order, changes)
    before = _as_it_is(order)
    fields = _details(order, changes, known, now)
    fewer, more, lines = line_plan(order, changes.lines, now)
    if not fields and not lines:
        raise NothingToChange("Nothing would change.")
    orders.write_details(order=order, values=fields)
    if fewer:
        orders.record_cancellation(order=order, lines=fewer, reason=ORDER_CHANGED, now=now, is_whole=False)
        let_supply_go(order=order, now=now)
        stock.release_order_claims(order_line_ids=sorted(pk for pk, _ in fewer), now=now)
    _add(order, more, now)
    is_replanned = bool(more) or bool({"postal_code", "wanted_on", "wanted_slot_id"} & set(fields))
    if is_replanned:
        _promise_again(order, now)
    was_proposed = _take_plan_back(order, is_replanned, now)
    to_refund, payment = _settle_money(order, before.due, by, now)
    shown = [
        FieldChange(name, before.details.get(name, ""), str(value))
        for name, value in fields.items()
        if name in before.details
    ]
    announce(
        events.OrderChanged(
            order_id=order.pk,
            number=order.number,
            what=", ".join([*sorted(one.field for one in shown), *(["lines"] if lines else [])]),
            is_replanned=(is_replanned or was_proposed) and order.status == OrderStatus.PLACED,
        ),
        subject=("order", order.number),
    )
    outcome = Outcome(
        number=order.number,
        version=before.version,
        currency=order.currency,
        fields=shown,
        lines=lines,
        total_before=before.total,
        total=order.total,
        due_before=before.due,
        due=order.due_total,
        to_pay=max(
            order.due_total
            - finance.held_for(order=order)
            - finance_reads.awaited_exchange(order_id=order.pk),
            Decimal("0.00"),
        ),
        to_refund=to_refund,
        payment_method=order.payment_method,
        promise_before=before.promise,
        promise=order.promise,
        is_replanned=is_replanned,
    )
    return outcome, payment


@dataclass(frozen=True, slots=True)
class _Before:
    version: int
    total: Decimal
    due: Decimal
    promise: dict[str, Any]
    details: dict[str, str]


DETAILS = (
    "name",
    "phone",
    "email",
    "note",
    *ADDRESS,
    "company_name",
    "company_pib",
    "company_registration_number",
)


def _as_it_is(order: Order) -> _Before:
    """The order as it stands, to be told beside what it becomes."""
    details = {name: str(getattr(order, name)) for name in DETAILS}
    return _Before(order.version, order.total, order.due_total, dict(order.promise), details)


def _check_changeable(order: Order, changes: Changes) -> None:
    if order.delivery_method == DeliveryKind.DIGITAL:
        raise CardsNotChanged(f"{order.number} is an order of gift cards.", number=order.number)
    if changes.is_of_buyer_only and order.status == OrderStatus.IN_FULFILLMENT:
        return  # who the papers name is open until there are papers
    if order.status not in CHANGEABLE or order.fulfillment_status not in NOT_PICKED:
        raise TooLateToChange(
            f"{order.number}: {order.get_status_display()}, {order.get_fulfillment_status_display()}.",
            number=order.number,
            status=order.status,
            fulfillment_status=order.fulfillment_status,
        )


# Who gets it and where


def _details(order: Order, changes: Changes, known: Registration | None, now: datetime) -> dict[str, Any]:
    """The columns that become different."""
    wanted: dict[str, Any] = {
        name: value.strip()
        for name in ("name", "phone", "email", "note", *ADDRESS)
        if (value := getattr(changes, name)) is not None
    }
    wrong = [name for name in ("name", *ADDRESS) if name in wanted and not wanted[name]]
    wrong += [name for name, longest in LENGTHS.items() if len(wanted.get(name, "")) > longest]
    for name, parse in (("phone", parse_phone), ("email", parse_email)):
        if name in wanted:
            wanted[name] = parse(wanted[name])
            wrong += [] if wanted[name] else [name]
    if order.delivery_method != DeliveryKind.HOME_DELIVERY:
        wrong += [name for name in ADDRESS if name in wanted]
    if wrong:
        raise InvalidContact("Some fields are missing or not right.", fields=sorted(set(wrong)))
    if changes.company is not None and known is not None:
        wanted |= _company(order, changes.company, known, wanted, now)
    if changes.wanted is not None:
        if order.delivery_method != DeliveryKind.HOME_DELIVERY:
            raise InvalidContact("Only a courier can be told when to come.", fields=["wanted"])
        day = None if changes.wanted is SOONEST else changes.wanted
        wanted |= {"wanted_on": day.on if day else None, "wanted_slot_id": day.slot_id if day else None}
    return {name: value for name, value in wanted.items() if getattr(order, name) != value}


def _company(
    order: Order, company: Company, known: Registration, wanted: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Another buyer on the papers, as long as there are none; the kind of paper follows."""
    pib = parse_pib(company.pib)
    if pib is None:
        raise crm.InvalidPib(
            "This is not a PIB: it has nine digits, the last one is a check digit.", pib=company.pib[:20]
        )
    if not company.name.strip():
        raise InvalidContact("Some fields are missing or not right.", fields=["company_name"])
    if FiscalReceipt.objects.filter(order=order).exists() or Invoice.objects.filter(order=order).exists():
        raise PapersIssued(f"{order.number} has papers already.", number=order.number)
    customer = crm.find_or_create_company(
        name=company.name.strip()[:200],
        pib=pib,
        registration_number=company.registration_number.strip()[:20],
        email=wanted.get("email", order.email),
        phone=wanted.get("phone", order.phone),
        language=order.language,
        now=now,
    )
    if known.is_new:
        crm.record_sef_registration(customer_id=customer.pk, is_registered=bool(known.is_registered), now=now)
    return {
        "company_name": company.name.strip()[:200],
        "company_pib": pib,
        "company_registration_number": company.registration_number.strip()[:20],
        "customer_id": customer.pk,
        "paper": finance_rules.paper_of(is_company=True, is_sef_registered=bool(known.is_registered)),
    }


def _add(order: Order, more: Sequence[orders.AddedUnits], now: datetime) -> None:
    if not more:
        return
    demands = []
    before = orders.taken_by(order).campaigns
    for added in more:
        line = orders.add_units(order=order, added=added, now=now)
        demands.append((line.pk, added.variant.pk, added.quantity, order.shelf_id))
    after = orders.taken_by(order).campaigns
    crm.spend_more(
        campaigns={pk: after[pk] - before.get(pk, ZERO) for pk in after if after[pk] != before.get(pk)}
    )
    waits = order.status == OrderStatus.PENDING_PAYMENT
    stock.claim_for_order_lines(
        demands=demands,
        channel_id=order.channel_id,
        state="HELD" if waits else "ALLOCATED",
        expires_at=order.payment_deadline if waits else None,
        now=now,
    )


# When it comes, who packs it, what it costs


def _promise_again(order: Order, now: datetime) -> None:
    """The promise for what the order is now; refused when it cannot be had there at all."""
    options = warehouse.promise_options(
        lines=wanted_units(order),
        channel_id=order.channel_id,
        now=now,
        postal_code=order.postal_code or None,
        pickup_location_ids=[order.pickup_location_id] if order.pickup_location_id else None,
        order_id=order.pk,
        goods_total=order.goods_total,
        wanted=wanted_of(order),
        locker_code=order.locker.code if order.locker else "",
    )
    option = next((one for one in options if one.method == order.delivery_method), None)
    if option is None or not option.is_orderable or option.reason:
        raise MethodNotAvailable(
            "This delivery method cannot be had for the changed order.",
            method=order.delivery_method,
            reason=option.reason if option is not None and option.reason else "NOT_OFFERED",
        )
    day: date | None = option.date or (business_date(option.ready_at) if option.ready_at else None)
    orders.change_promise(
        order=order,
        promise=promise_json(option),
        cause=ORDER_CHANGED,
        now=now,
    )
    if (order.promised_on, order.promised_at) != (day, option.ready_at):
        orders.write_details(order=order, values={"promised_on": day, "promised_at": option.ready_at})


def wanted_units(order: Order) -> list[tuple[int, int]]:
    """(variant, units) that are still to come."""
    wanted: dict[int, int] = {}
    for line in order.lines.filter(kind=LineKind.GOODS):
        if line.variant_id is not None and units_left(line):
            wanted[line.variant_id] = wanted.get(line.variant_id, 0) + units_left(line)
    return list(wanted.items())


def wanted_of(order: Order) -> warehouse.WantedDay | None:
    return warehouse.WantedDay(order.wanted_on, order.wanted_slot_id) if order.wanted_on else None


def _take_plan_back(order: Order, is_replanned: bool, now: datetime) -> bool:
    """An open proposal is out of date; with another address or more units the ratified plan falls too. Whether one was open."""
    were_open = Proposal.objects.filter(
        kind="ROUTING", subject_kind="order", subject_key=order.number, state=ProposalState.OPEN
    ).update(state=ProposalState.STALE, decided_at=now, decision_reason="the order changed")
    if is_replanned and order.fulfillment_status == FulfillmentStatus.ROUTED:
        stock.withdraw_shipments(order_id=order.pk)
        if order.is_sent_to_store:
            stock.withdraw_transfers(order_id=order.pk, now=now)
        orders.write_details(order=order, values={"fulfillment_status": FulfillmentStatus.UNROUTED})
    else:
        stock.cancel_shipments(order_id=order.pk, now=now)
        if order.is_sent_to_store:
            stock.cancel_empty_transfers(order_id=order.pk, now=now)
    return bool(were_open)


def _settle_money(
    order: Order, due_before: Decimal, by: User | None, now: datetime
) -> tuple[Decimal, Payment | None]:
    """(what goes back, the attempt that asks for what is missing). Older attempts that wait ask for the wrong sum."""
    if finance_reads.awaited_exchange(order_id=order.pk):
        if order.due_total != due_before:
            raise WaitsForExchange(
                "Goods that come back are to pay for this order: what it costs can change when they are here.",
                number=order.number,
            )
        return Decimal("0.00"), None
    refunds = finance.release_excess(order_id=order.pk, reason=ORDER_CHANGED, by=by, now=now)
    missing = order.due_total - finance.held_for(order=order)
    waiting = (
        finance_reads.payments_of_order(order_id=order.pk)
        .filter(state=PaymentState.PENDING, captured=0)
        .last()
    )
    payment = None
    if missing > 0 and order.payment_method == PaymentMethod.GIFT_CARD:
        # Its cards covered it; what is more is paid by bank card.
        orders.write_details(order=order, values={"payment_method": PaymentMethod.CARD})
    if missing > 0 and (waiting is None or waiting.amount != missing):
        payment = finance.create_payment(
            order_id=order.pk, method=order.payment_method, now=now, amount=missing
        )
    elif missing <= 0 and order.status == OrderStatus.PENDING_PAYMENT:
        payment_secured(order_id=order.pk, now=now)
    order.refresh_from_db()
    return sum((refund.amount for refund in refunds), Decimal("0.00")), payment
