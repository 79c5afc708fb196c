"""What was sold by a campaign that is taken back: the orders it priced, and for each whether its price is kept or the order credited.

Ending a campaign never touches an order by itself: a contract stands until a person decides. Showing is doing, as with changed orders: the
preview runs the very verbs and takes them back, so its journal is the one that would be written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum

from finance.models import JournalEntry, JournalLine, Refund
from oms import operations as orders
from oms.models import LineDiscount, Order, OrderLine, ReturnLine
from oms.states import Disposition, LineKind, OrderStatus, ReturnStatus
from oms.workflows import cancellation, returns
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO
from warehouse.models import Shipment

REASON = "CAMPAIGN_REVERTED"
AT_ONCE_MAX = 200


class NotOfCampaign(Refusal):
    """The campaign priced no line of this order."""

    code = "NOT_OF_CAMPAIGN"


class NothingToCredit(Refusal):
    """Everything of it is canceled, back, or on its way back."""

    code = "NOTHING_TO_CREDIT"


class ContractStands(Refusal):
    """An order that was agreed is not charged more than was agreed: keep its price, or credit it and let it be ordered again."""

    code = "CONTRACT_STANDS"


class Affected(NamedTuple):
    """An order with a price of the campaign; `given` is what the campaign took off it, with VAT."""

    order: Order
    given: Decimal
    is_sent: bool


class Booked(NamedTuple):
    account: str
    name: str
    name_en: str
    debit: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What crediting an order does: canceled at once what is here, and a return opened for what has left.

    `entries` are journal lines, those of the return as they will be when the goods are here; `refunds` is the money that goes back.
    """

    number: str
    canceled_units: int
    returned_units: int
    refunds: Decimal
    entries: list[Booked]


@dataclass(frozen=True, slots=True)
class Report:
    """`left`: how many orders could still be credited; calling again goes on with them."""

    done: list[str]
    refused: list[tuple[str, Refusal]]
    left: int


class _Undo(Exception):
    """Takes a previewed credit back."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def affected_orders(*, campaign_id: int) -> QuerySet[Order]:
    """Orders that can still be credited, newest first, with `given`. Those that were canceled or are on their way back are left out."""
    given = (
        LineDiscount.objects.filter(campaign=campaign_id, line__order=OuterRef("pk"))
        .order_by()
        .values("line__order")
        .annotate(given=Sum("amount"))
        .values("given")
    )
    announced = (
        ReturnLine.objects.filter(order_line=OuterRef("pk"), parent__status=ReturnStatus.REQUESTED)
        .order_by()
        .values("order_line")
        .annotate(units=Sum("quantity"))
        .values("units")
    )
    open_lines = (
        OrderLine.objects.filter(order=OuterRef("pk"), kind=LineKind.GOODS)
        .annotate(announced=Subquery(announced))
        .filter(
            Q(quantity__gt=F("quantity_canceled") + F("quantity_dispatched"))
            | Q(announced__isnull=True, quantity_dispatched__gt=F("quantity_returned"))
            | Q(quantity_dispatched__gt=F("quantity_returned") + F("announced"))
        )
    )
    priced = LineDiscount.objects.filter(campaign=campaign_id)
    return (
        Order.objects.filter(Exists(open_lines), pk__in=priced.values("line__order"))
        .exclude(status=OrderStatus.CANCELED)
        .annotate(given=Subquery(given))
        .order_by("-placed_at", "-pk")
    )


def preview_credit(*, order_id: int, campaign_id: int, by: User | None, now: datetime) -> Outcome:
    """What `credit_order` would do now, and the books once the goods are here; nothing is kept. Refuses like it."""
    try:
        with transaction.atomic():
            raise _Undo(_credit(order_id, campaign_id, by, now, is_preview=True))
    except _Undo as undone:
        return undone.outcome


def credit_order(*, order_id: int, campaign_id: int, by: User | None, now: datetime) -> Outcome:
    """Cancel what has not left, and open a return for what has. Refuses NotOfCampaign, NothingToCredit, and what these verbs refuse."""
    with transaction.atomic():
        return _credit(order_id, campaign_id, by, now, is_preview=False)


def charge_again(*, order_id: int, campaign_id: int) -> None:
    """Invoice an order anew at the price without the campaign: always refused (ContractStands), so that whoever asks is told why."""
    order = Order.objects.get(pk=order_id)
    _check_priced(order, campaign_id)
    raise ContractStands(
        f"{order.number} was agreed at its price. Keep it, or credit it and let it be ordered again.",
        number=order.number,
    )


def credit_orders(
    *,
    campaign_id: int,
    numbers: Sequence[str] | None,
    by: User | None,
    now: datetime,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """These orders, or (None) all that are left, each in a transaction of its own: one refusal does not hold up the rest.

    What was done stays done when this is interrupted; calling it again goes on with the rest. `tell` hears (done, total).
    """
    rows = affected_orders(campaign_id=campaign_id)
    if numbers is not None:
        rows = rows.filter(number__in=list(numbers))
    wanted = list(rows.values_list("pk", "number")[:AT_ONCE_MAX])
    done: list[str] = []
    refused: list[tuple[str, Refusal]] = []
    for place, (order_id, number) in enumerate(wanted, start=1):
        try:
            credit_order(order_id=order_id, campaign_id=campaign_id, by=by, now=now)
            done.append(number)
        except Refusal as refusal:
            refused.append((number, refusal))
        tell(place, len(wanted))
    left = affected_orders(campaign_id=campaign_id).count()
    return Report(done, refused, left)


def _credit(order_id: int, campaign_id: int, by: User | None, now: datetime, *, is_preview: bool) -> Outcome:
    order = orders.lock_order(order_id=order_id)
    _check_priced(order, campaign_id)
    before = JournalEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    refunded = _refunded(order)
    here, out = _units(order)
    if not here and not out:
        raise NothingToCredit(f"{order.number}: nothing is left to be credited.", number=order.number)
    if here:
        _cancel(order, here, is_whole=not any(_sent(order)), by=by, now=now)
    if out:
        _take_back(order, out, by, now, is_preview=is_preview)
    return Outcome(
        number=order.number,
        canceled_units=sum(here.values()),
        returned_units=sum(out.values()),
        refunds=_refunded(order) - refunded,
        entries=_written(order, before),
    )


def _check_priced(order: Order, campaign_id: int) -> None:
    if not LineDiscount.objects.filter(campaign=campaign_id, line__order=order).exists():
        raise NotOfCampaign(f"{order.number} has no price of this campaign.", number=order.number)


def _sent(order: Order) -> list[int]:
    return list(
        order.lines.filter(kind=LineKind.GOODS, quantity_dispatched__gt=0).values_list("pk", flat=True)
    )


def _units(order: Order) -> tuple[dict[str, int], dict[str, int]]:
    """By SKU: units that are here, and units that are out and on no return yet."""
    announced = dict(
        ReturnLine.objects.filter(parent__order=order, parent__status=ReturnStatus.REQUESTED)
        .order_by()
        .values_list("order_line")
        .annotate(units=Sum("quantity"))
    )
    here: dict[str, int] = {}
    out: dict[str, int] = {}
    for line in order.lines.filter(kind=LineKind.GOODS):
        waits = line.quantity - line.quantity_canceled - line.quantity_dispatched
        away = line.quantity_dispatched - line.quantity_returned - announced.get(line.pk, 0)
        for units, where in ((waits, here), (away, out)):
            if units > 0:
                where[line.sku] = where.get(line.sku, 0) + units
    return here, out


def _cancel(order: Order, here: dict[str, int], *, is_whole: bool, by: User | None, now: datetime) -> None:
    if is_whole:
        cancellation.cancel_order(order_id=order.pk, reason=REASON, by=by, now=now)
    else:
        cancellation.cancel_lines(
            order_id=order.pk, lines=sorted(here.items()), reason=REASON, by=by, now=now
        )


def _take_back(
    order: Order, out: dict[str, int], by: User | None, now: datetime, *, is_preview: bool
) -> None:
    asked = [returns.Asked(sku, units, REASON) for sku, units in sorted(out.items())]
    opened = returns.request_return(order_id=order.pk, lines=asked, by=by, now=now)
    if is_preview:
        shipment = Shipment.objects.filter(order=order).select_related("location").order_by("-pk").first()
        assert shipment is not None, "units left with a shipment"
        arrived = [
            returns.Arrived(sku, units, Disposition.RESTOCK.value) for sku, units in sorted(out.items())
        ]
        returns.receive_return(
            number=opened.number, location_code=shipment.location.code, lines=arrived, by=by, now=now
        )


def _refunded(order: Order) -> Decimal:
    return Refund.objects.filter(payment__order=order).aggregate(sum=Sum("amount"))["sum"] or ZERO


def _written(order: Order, after: int) -> list[Booked]:
    rows = (
        JournalLine.objects.filter(entry__order_number=order.number, entry_id__gt=after)
        .values_list("account__code", "account__name", "account__name_en")
        .annotate(debit=Sum("debit"), credit=Sum("credit"))
        .order_by("account__code")
    )
    return [Booked(*row) for row in rows]
