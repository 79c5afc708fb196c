"""Cash that couriers collected: each line of their lists once, to the parcel that it names.

The list clears what the courier owed and stands as money on its way (2480); the bank statement brings it in.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from finance import selectors
from finance.chart import COURIER_IN_TRANSIT, COURIER_RECEIVABLE, FEES, UNIDENTIFIED
from finance.models import Capture, CourierRemittanceLine
from finance.operations import payment_for, post_entry, take_money
from finance.operations.ledger import Posting, credit, debit
from finance.states import StatementState
from finance.workflows.cards import order_follows
from finance.workflows.imports import (
    KNOWN,
    MATCHED,
    UNMATCHED,
    ImportReport,
    LineChanged,
    Row,
    amount_of,
    date_of,
    key_of,
    read_lines,
    text_of,
)
from oms import operations as orders
from oms.models import Carrier, Order
from oms.states import PaymentMethod
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.models import LegalEntity, User
from retail.kernel.money import ZERO
from warehouse.models import Parcel

COLUMNS = {"line_key", "tracking_number", "amount", "paid_on"}
ALIASES = {"line_id": "line_key", "tracking": "tracking_number", "parcel": "tracking_number"}


class UnknownCarrier(NotFound):
    code = "UNKNOWN_CARRIER"


def import_courier_remittance(
    *, carrier_code: str, text: str, by: User | None, now: datetime
) -> ImportReport:
    """A courier's list as CSV: line_key, tracking_number, amount (collected at the door), fee (kept of it), paid_on.

    Refuses UnknownCarrier and UnreadableFile; single lines are refused in the report.
    """
    if not Carrier.objects.filter(code=carrier_code).exists():
        raise UnknownCarrier("There is no such carrier.", carrier=carrier_code[:30])
    return read_lines(
        text,
        needed=COLUMNS,
        aliases=ALIASES,
        take=lambda row: _take_line(carrier_code, row, by, now),
    )


@transaction.atomic
def match_remittance_line(
    *, line_id: int, order_number: str, by: User | None, now: datetime
) -> CourierRemittanceLine:
    """A person says which order a line with an unknown parcel pays."""
    order = orders.lock_order_by_number(number=order_number)
    line = CourierRemittanceLine.objects.select_for_update(of=("self",)).filter(pk=line_id).first()
    if line is None or line.state == StatementState.MATCHED:
        raise NotFound("There is no such open line.")
    if order.entity_id != line.entity_id:
        raise InvalidInput("The order belongs to another company.")
    _pay(line, order, None, [debit(UNIDENTIFIED, line.amount)], by, now)
    orders.resolve_cause(kind="PAYMENT_MISMATCH", cause_key=_cause(line), resolution="Matched.", now=now)
    return line


@transaction.atomic
def _take_line(carrier_code: str, row: Row, by: User | None, now: datetime) -> str:
    tracking = text_of(row, "tracking_number", 60)
    parcel = _parcel(carrier_code, tracking)
    order = orders.lock_order(order_id=parcel.shipment.order_id) if parcel else None
    line = _read(carrier_code, tracking, row, order, now)
    CourierRemittanceLine.objects.bulk_create([line], ignore_conflicts=True)
    stored = CourierRemittanceLine.objects.select_for_update(of=("self",)).get(
        carrier_code=carrier_code, line_key=line.line_key
    )
    if stored.entry_id is not None:
        if (stored.tracking_number, stored.amount) != (line.tracking_number, line.amount):
            raise LineChanged(f"{line.line_key} was read before with another parcel or amount.")
        return KNOWN
    if parcel is None or order is None:
        _keep_unidentified(stored, by, now)
        return UNMATCHED
    _pay(stored, order, parcel, _received(stored), by, now)
    return MATCHED


def _parcel(carrier_code: str, tracking: str) -> Parcel | None:
    """The parcel of this carrier with this number, when there is exactly one."""
    if not tracking:
        return None
    found = list(
        Parcel.objects.filter(
            shipment__service__carrier__code=carrier_code, tracking_number=tracking
        ).select_related("shipment")[:2]
    )
    return found[0] if len(found) == 1 else None


def _read(
    carrier_code: str, tracking: str, row: Row, order: Order | None, now: datetime
) -> CourierRemittanceLine:
    amount = amount_of(row, "amount")
    fee = amount_of(row, "fee") if row.get("fee", "").strip() else ZERO
    if amount <= 0 or not 0 <= fee <= amount:
        raise InvalidInput("The amount is above zero, and the fee a part of it.", field="amount")
    entity_id = (
        order.entity_id if order else LegalEntity.objects.order_by("pk").values_list("pk", flat=True)[0]
    )
    return CourierRemittanceLine(
        entity_id=entity_id,
        carrier_code=carrier_code,
        line_key=key_of(row, "line_key"),
        tracking_number=tracking,
        amount=amount,
        fee=fee,
        paid_on=date_of(row, "paid_on"),
        imported_at=now,
    )


def _received(line: CourierRemittanceLine) -> list[Posting]:
    """What the courier pays over, and what it kept for its trouble."""
    return [
        debit(COURIER_IN_TRANSIT, line.amount - line.fee, source_kind="remittance", source_key=str(line.pk)),
        debit(FEES, line.fee, source_kind="remittance", source_key=str(line.pk)),
    ]


def _pay(
    line: CourierRemittanceLine,
    order: Order,
    parcel: Parcel | None,
    debits: list[Posting],
    by: User | None,
    now: datetime,
) -> None:
    owed = selectors.order_balances(order_number=order.number).get(COURIER_RECEIVABLE, ZERO)
    expected = parcel.cod_amount if parcel is not None and parcel.cod_amount else owed
    capture = Capture.objects.create(
        payment=payment_for(order=order, method=PaymentMethod.CASH_ON_DELIVERY, now=now),
        amount=line.amount,
        provider_ref=f"remittance-{line.pk}",
        created_at=now,
    )
    line.capture, line.state = capture, StatementState.MATCHED
    line.entry = take_money(order=order, capture=capture, debits=debits, day=line.paid_on, by=by, now=now)
    line.save(update_fields=["capture", "state", "entry"])
    _tell_of_difference(order, line, expected, now)
    order_follows(order_id=order.pk, now=now)


def _tell_of_difference(order: Order, line: CourierRemittanceLine, expected: Decimal, now: datetime) -> None:
    if line.amount != expected:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=_cause(line),
            detail={
                "reason": "COURIER_AMOUNT",
                "expected": str(expected),
                "paid": str(line.amount),
                "tracking_number": line.tracking_number,
            },
            now=now,
        )


def _keep_unidentified(line: CourierRemittanceLine, by: User | None, now: datetime) -> None:
    line.entry = post_entry(
        entity_id=line.entity_id,
        date=line.paid_on,
        document_kind="remittance",
        document_key=str(line.pk),
        memo="Neraspoređen otkup",
        by=by,
        lines=[*_received(line), credit(UNIDENTIFIED, line.amount)],
    )
    line.save(update_fields=["entry"])
    orders.open_exception(
        kind="PAYMENT_MISMATCH",
        cause_key=_cause(line),
        detail={
            "reason": "UNKNOWN_PARCEL",
            "amount": str(line.amount),
            "tracking_number": line.tracking_number,
        },
        now=now,
    )


def _cause(line: CourierRemittanceLine) -> str:
    return f"remittance:{line.pk}"
