"""Returns: asked for, received at any location, refunded to the original payment, on the same order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from crm import operations as crm
from finance import operations as finance
from finance import selectors as finance_reads
from finance import workflows as money
from finance.rules import Goods, Sold
from oms import events
from oms import operations as orders
from oms.models import Exchange, Order, OrderLine, Return, ReturnLine
from oms.states import RETURN_MOVES, Disposition, LineKind, ReturnStatus
from oms.workflows import exchange_money
from retail.kernel import crypto
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.identifiers import parse_account
from retail.kernel.models import Location, User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move
from storefront.models import KitComponent
from warehouse import operations as stock

# A shopper who bought at a distance may withdraw within 14 days of delivery; the shop gives more.
RETURN_DAYS = 30


class NothingToReturn(Refusal):
    code = "NOTHING_TO_RETURN"


class ReturnNotFound(NotFound):
    code = "UNKNOWN_RETURN"


class ReturnPeriodOver(Refusal):
    code = "RETURN_PERIOD_OVER"


class SoldElsewhere(Refusal):
    """An order of the time before this system: no paper of ours says what to give back for it."""

    code = "SOLD_ELSEWHERE"


class InvalidAccount(InvalidInput):
    """Not an account of a Serbian bank: 18 digits whose control number fits."""

    code = "INVALID_BANK_ACCOUNT"


@dataclass(frozen=True, slots=True)
class Asked:
    sku: str
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class Arrived:
    sku: str
    quantity: int
    disposition: str


def request_return(
    *,
    order_id: int,
    lines: Sequence[Asked],
    by: User | None,
    now: datetime,
    buyer_id_kind: str = "",
    buyer_id: str = "",
    bank_account: str = "",
    shipment_number: str = "",
    is_shopper: bool = False,
) -> Return:
    """Units that were dispatched and are not on another open return. `bank_account`: where cash goes back to, kept encrypted."""
    if not lines:
        raise InvalidInput("Say what you return.")
    account = parse_account(bank_account) if bank_account else ""
    if account is None:
        raise InvalidAccount("An account has 18 digits, for example 160-0000000012345-95.")
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        check_ours(order)
        _check_period(order, now, is_shopper)
        by_sku: dict[str, list[OrderLine]] = {}
        for line in order.lines.filter(kind=LineKind.GOODS).order_by("position"):
            by_sku.setdefault(line.sku, []).append(line)
        made = Return.objects.create(
            number=_next_number(order),
            order=order,
            shipment_number=shipment_number,
            requested_at=now,
            bank_account_encrypted=crypto.encrypt(account),
        )
        if buyer_id:
            finance.record_buyer_id(return_id=made.pk, kind=buyer_id_kind, number=buyer_id, by=by, now=now)
        waiting = _waiting(order)
        rows: dict[int, ReturnLine] = {}
        for asked in lines:
            for line, units in _returnable(by_sku.get(asked.sku, []), asked, waiting):
                waiting[line.pk] = waiting.get(line.pk, 0) + units
                row = rows.setdefault(
                    line.pk, ReturnLine(parent=made, order_line=line, quantity=0, reason=asked.reason[:40])
                )
                row.quantity += units
        ReturnLine.objects.bulk_create(rows.values())
        announce(
            events.ReturnRequested(order_id=order.pk, number=order.number, return_number=made.number),
            subject=("order", order.number),
        )
        return made


def _returnable(
    rows: Sequence[OrderLine], asked: Asked, waiting: dict[int, int]
) -> list[tuple[OrderLine, int]]:
    """The units asked for, line by line: a SKU that was added later at another price has two."""
    if not rows:
        raise orders.LineNotFound("This order has no such line.", sku=asked.sku[:40])
    left = [
        (line, line.quantity_dispatched - line.quantity_returned - waiting.get(line.pk, 0)) for line in rows
    ]
    available = sum(units for _, units in left)
    if not 1 <= asked.quantity <= available:
        raise NothingToReturn(
            f"{rows[0].title}: {available} can be returned, {asked.quantity} asked.",
            sku=asked.sku,
            available=available,
        )
    found, missing = [], asked.quantity
    for line, units in left:
        part = min(units, missing)
        if part > 0:
            found.append((line, part))
            missing -= part
    return found


def receive_return(
    *,
    number: str,
    location_code: str,
    lines: Sequence[Arrived],
    by: User | None,
    now: datetime,
    bank_account: str = "",
) -> Return:
    """Goods are here: to the shelf, damaged or quarantine; cost and revenue go back; the refund is asked for. All or nothing.

    A fiscal refund names the buyer's document; without it the receipt waits in the inbox, the goods and the money do not.
    """
    location = Location.objects.filter(code=location_code, is_active=True).first()
    if location is None:
        raise InvalidInput("There is no such location.", location=location_code[:20])
    with transaction.atomic():
        order, returned = _lock(number)
        check_move(RETURN_MOVES, returned.status, ReturnStatus.RECEIVED, what=returned.number)
        swap = exchange_money.exchange_of_return(returned=returned)
        if order.has_gift_cards:
            # Those that get their money back below are locked before any shelf.
            crm.lock_cards_of_order(order_number=order.number)
        by_sku: dict[str, list[ReturnLine]] = {}
        for line in returned.lines.select_related("order_line__variant").order_by("order_line__position"):
            by_sku.setdefault(line.order_line.sku, []).append(line)
        taken = _take(by_sku, lines)
        sold = [Sold(line.order_line_id, line.quantity_received) for line in taken]
        swapped = exchange_money.paid_by(swap, _worth(order, sold) if swap else Decimal("0.00"))
        posted = money.post_return(
            return_id=returned.pk, goods=_goods(taken), sold=sold, by=by, now=now, exchanged=swapped
        )
        dispositions = {line.order_line_id: line.disposition for line in taken}
        stock.receive_returned_units(
            location_id=location.pk,
            units=[
                stock.ReturnedUnits(
                    g.order_line_id, g.variant_id, g.quantity, dispositions[g.order_line_id], value
                )
                for g, value in zip(_goods(taken), posted.values, strict=True)
            ],
            document_kind="return",
            document_key=returned.number,
            entry_id=posted.entry_id,
            by=by,
            now=now,
        )
        for line in taken:
            line.refund_amount = posted.amounts[line.order_line_id]
        ReturnLine.objects.bulk_update(taken, ["quantity_received", "disposition", "refund_amount"])
        amount = sum(posted.amounts.values(), Decimal("0.00"))
        orders.record_return(
            order_id=order.pk,
            lines=[(line.order_line_id, line.quantity_received) for line in taken],
            amount=amount,
            now=now,
        )
        returned.location, returned.refund_total, returned.received_at = location, amount, now
        returned.status = ReturnStatus.RECEIVED
        returned.save(update_fields=["location", "refund_total", "received_at", "status"])
        announce(
            events.ReturnReceived(order_id=order.pk, number=order.number, return_number=returned.number),
            subject=("order", order.number),
        )
        account = bank_account or crypto.decrypt(returned.bank_account_encrypted)
        if swap is not None:
            _pay_with(swap, order, returned, swapped, by, now)
        _ask_for_refund(order, returned, amount - swapped, account, by, now)
        return returned


def _worth(order: Order, sold: Sequence[Sold]) -> Decimal:
    return sum(finance_reads.preview_return(order_id=order.pk, sold=sold).values(), Decimal("0.00"))


def _pay_with(
    swap: Exchange, order: Order, returned: Return, amount: Decimal, by: User | None, now: datetime
) -> None:
    """Its part of the money pays for the new goods; when a courier still has it, the exchange waits for the courier."""
    swap.returned = returned
    moved = exchange_money.settle(exchange=swap, origin=order, amount=amount, by=by, now=now)
    if moved != amount:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=f"exchange:{returned.number}",
            detail={"reason": "EXCHANGE_WAITS_FOR_MONEY", "amount": str(amount), "return": returned.number},
            now=now,
        )


def _goods(taken: Sequence[ReturnLine]) -> list[Goods]:
    """The units on the shelf: a kit comes back as its components."""
    kits = [
        line.order_line.variant_id
        for line in taken
        if line.order_line.variant and line.order_line.variant.is_kit
    ]
    parts: dict[int, list[tuple[int, int]]] = {}
    for kit_id, component_id, quantity in KitComponent.objects.filter(kit__in=kits).values_list(
        "kit_id", "component_id", "quantity"
    ):
        parts.setdefault(kit_id, []).append((component_id, quantity))
    return [
        Goods(line.order_line_id, variant_id, line.quantity_received * units)
        for line in taken
        if line.order_line.variant_id is not None
        for variant_id, units in parts.get(line.order_line.variant_id, [(line.order_line.variant_id, 1)])
    ]


def _ask_for_refund(
    order: Order, returned: Return, amount: Decimal, bank_account: str, by: User | None, now: datetime
) -> None:
    """Goods are in whatever happens to the money; what cannot be sent back yet is a person's task. A gift brings none back."""
    if not returned.refund_total:
        mark_refunded(return_id=returned.pk, now=now)
    if not amount:
        return
    try:
        finance.request_refund(
            order_id=order.pk,
            amount=amount,
            reason=f"return {returned.number}",
            by=by,
            now=now,
            return_id=returned.pk,
            bank_account=bank_account,
        )
    except (finance.AccountMissing, finance.RefundExceedsPayment) as refusal:
        orders.open_exception(
            kind="PAYMENT_MISMATCH",
            order_id=order.pk,
            cause_key=returned.number,
            detail={"refund": str(amount), "code": refusal.code, "return": returned.number},
            now=now,
        )


def reject_return(*, number: str, reason: str, by: User, now: datetime) -> Return:
    if not reason.strip():
        raise InvalidInput("Say why the return is rejected.")
    with transaction.atomic():
        order, returned = _lock(number)
        check_move(RETURN_MOVES, returned.status, ReturnStatus.REJECTED, what=returned.number)
        returned.status, returned.reject_reason = ReturnStatus.REJECTED, reason.strip()[:200]
        returned.save(update_fields=["status", "reject_reason"])
        swap = exchange_money.exchange_of_return(returned=returned)
        if swap is not None:
            exchange_money.not_accepted(exchange=swap, by=by, now=now)
        announce(
            events.ReturnRejected(
                order_id=order.pk,
                number=order.number,
                return_number=returned.number,
                reason=returned.reject_reason,
            ),
            subject=("order", order.number),
        )
        return returned


def mark_refunded(*, return_id: int, now: datetime) -> None:
    """The last refund of this return is done."""
    order_id = Return.objects.filter(pk=return_id).values_list("order_id", flat=True).get()
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        returned = Return.objects.select_for_update().get(pk=return_id)
        if returned.status != ReturnStatus.RECEIVED:
            return
        returned.status, returned.refunded_at = ReturnStatus.REFUNDED, now
        returned.save(update_fields=["status", "refunded_at"])
        announce(
            events.ReturnRefunded(order_id=order.pk, number=order.number, return_number=returned.number),
            subject=("order", order.number),
        )


def _lock(number: str) -> tuple[Order, Return]:
    order_id = Return.objects.filter(number=number).values_list("order_id", flat=True).first()
    if order_id is None:
        raise ReturnNotFound("There is no such return.", number=number[:24])
    order = orders.lock_order(order_id=order_id)
    return order, Return.objects.select_for_update().get(number=number)


def _take(by_sku: dict[str, list[ReturnLine]], lines: Sequence[Arrived]) -> list[ReturnLine]:
    taken: list[ReturnLine] = []
    for arrived in lines:
        rows = by_sku.get(arrived.sku, [])
        if not rows:
            raise orders.LineNotFound("This return has no such line.", sku=arrived.sku[:40])
        announced = sum(line.quantity for line in rows)
        missing = arrived.quantity
        if not 1 <= missing <= sum(line.quantity - line.quantity_received for line in rows):
            raise NothingToReturn(
                f"{arrived.sku}: {announced} were announced.", sku=arrived.sku, available=announced
            )
        if arrived.disposition not in Disposition.values:
            raise InvalidInput(
                "The disposition is RESTOCK, DAMAGED or QUARANTINE.", disposition=arrived.disposition[:20]
            )
        for line in rows:
            units = min(missing, line.quantity - line.quantity_received)
            if units and line in taken:
                raise InvalidInput("Units of one line go one way: name each SKU once.", sku=arrived.sku[:40])
            if units:
                line.quantity_received += units
                line.disposition = arrived.disposition
                taken.append(line)
                missing -= units
    if not taken:
        raise InvalidInput("Say what arrived.")
    return taken


def _waiting(order: Order) -> dict[int, int]:
    """Units of each line that another open return already announces."""
    rows = (
        ReturnLine.objects.filter(parent__order=order, parent__status=ReturnStatus.REQUESTED)
        .values("order_line_id")
        .annotate(units=Sum("quantity"))
    )
    return {row["order_line_id"]: row["units"] for row in rows}


def check_ours(order: Order) -> None:
    """Refuses SoldElsewhere."""
    if order.is_imported:
        raise SoldElsewhere(
            f"{order.number} was sold before this system. Take it back where its receipt was made.",
            number=order.number,
        )


def _check_period(order: Order, now: datetime, is_shopper: bool) -> None:
    if (
        is_shopper
        and order.completed_at is not None
        and now > order.completed_at + timedelta(days=RETURN_DAYS)
    ):
        raise ReturnPeriodOver(
            f"A return is possible for {RETURN_DAYS} days after delivery.", days=RETURN_DAYS
        )


def _next_number(order: Order) -> str:
    """R1, R2 … of the order; its row is locked."""
    return f"{order.number.replace('ORD', 'RET')}-{order.returns.count() + 1}"
