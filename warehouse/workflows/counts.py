"""Stock counts: what a bin really holds, with a second pair of eyes on differences that are worth much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from finance import selectors as finance
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move
from warehouse import events
from warehouse.models import Bin, StockCount, StockCountLine, StockItem
from warehouse.operations.numbers import next_number
from warehouse.operations.refusals import InvalidQuantity, UnknownBin
from warehouse.states import COUNT_MOVES, BinKind, CountStatus, MoveReason
from warehouse.workflows.shelves import UNITS_MAX, adjust_stock

# Units that are being packed or are on their way are not counted on a shelf.
COUNTED_BINS = (
    BinKind.STORAGE,
    BinKind.DISPLAY,
    BinKind.RECEIVING,
    BinKind.DAMAGED,
    BinKind.QUARANTINE,
)


UNFINISHED = (CountStatus.OPEN, CountStatus.WAITING, CountStatus.APPROVED)


class UnknownCount(NotFound):
    code = "UNKNOWN_COUNT"


class BinIsCounted(Refusal):
    """Another count of this bin is not finished."""

    code = "BIN_IS_COUNTED"


class OwnCount(NotAllowed):
    """Whoever counted cannot approve the differences."""

    code = "OWN_COUNT"


@dataclass(frozen=True, slots=True)
class CountedUnits:
    variant_id: int
    units: int


@transaction.atomic
def start_count(*, bin_id: int, by: User | None, now: datetime) -> StockCount:
    """Begin a count of a bin with what its rows say now. Refuses UnknownBin, BinIsCounted."""
    shelf = Bin.objects.select_for_update(of=("self",)).filter(pk=bin_id, kind__in=COUNTED_BINS).first()
    if shelf is None:
        raise UnknownBin("There is no such shelf to count.")
    if StockCount.objects.filter(bin=shelf, status__in=UNFINISHED).exists():
        raise BinIsCounted(f"{shelf.code} is being counted.", bin=shelf.code)
    count = StockCount.objects.create(
        number=next_number(StockCount.objects.all(), f"SC-{business_date(now).year}-"),
        bin=shelf,
        location_id=shelf.location_id,
        by=by,
        started_at=now,
    )
    expected = StockItem.objects.filter(bin=shelf, on_hand__gt=0).values_list("variant_id", "on_hand")
    StockCountLine.objects.bulk_create(
        StockCountLine(count=count, variant_id=variant_id, expected=units)
        for variant_id, units in expected.order_by("variant_id")
    )
    return count


def record_count(
    *, count_id: int, counted: Sequence[CountedUnits], is_whole: bool, by: User | None, now: datetime
) -> StockCount:
    """What was counted, beside what the rows say at this moment; with `is_whole` what was not seen is not there.

    Differences up to the limit are written at once; above it the count waits for another person.
    Must not be called inside a transaction: each title is written in its own.
    """
    _check_counted(counted)
    with transaction.atomic():
        count = _lock(count_id)
        if count.status != CountStatus.OPEN:
            check_move(COUNT_MOVES, count.status, CountStatus.OPEN, what=count.number)
        lines = _note_lines(count, {one.variant_id: one.units for one in counted}, is_whole)
        count.is_whole, count.by, count.counted_at = is_whole, by or count.by, now
        count.value = _worth(count, lines)
        is_small = count.value <= Decimal(settings.COUNT_APPROVAL_ABOVE)
        count.status = CountStatus.APPROVED if is_small else CountStatus.WAITING
        count.save(update_fields=["is_whole", "by", "counted_at", "value", "status"])
    return write_count(count_id=count.pk, by=by, now=now) if is_small else count


def _note_lines(count: StockCount, units: dict[int, int], is_whole: bool) -> list[StockCountLine]:
    expected = dict(StockItem.objects.filter(bin_id=count.bin_id).values_list("variant_id", "on_hand"))
    lines = {line.variant_id: line for line in count.lines.all()}
    for variant_id in {*lines, *units}:
        line = lines.setdefault(variant_id, StockCountLine(count=count, variant_id=variant_id))
        line.expected = expected.get(variant_id, 0)
        line.counted = units.get(variant_id, 0 if is_whole else None)
    StockCountLine.objects.bulk_update([line for line in lines.values() if line.pk], ["expected", "counted"])
    StockCountLine.objects.bulk_create(line for line in lines.values() if not line.pk)
    return list(lines.values())


def _check_counted(counted: Sequence[CountedUnits]) -> None:
    if any(not 0 <= one.units <= UNITS_MAX for one in counted):
        raise InvalidQuantity("The count is a whole number from 0.")
    if len({one.variant_id for one in counted}) != len(counted):
        raise InvalidInput("Name each SKU once.")


def _worth(count: StockCount, lines: Sequence[StockCountLine]) -> Decimal:
    """Units too many and units too few both count: a shelf that is wrong twice is not right."""
    differing = [line for line in lines if line.difference]
    costs = finance.estimated_costs(
        entity_id=count.location.entity_id, variant_ids=[line.variant_id for line in differing]
    )
    return sum((costs[line.variant_id] * abs(line.difference) for line in differing), Decimal("0.00"))


def approve_count(*, count_id: int, by: User, now: datetime) -> StockCount:
    """Another person lets the differences be written. Refuses OwnCount, IllegalMove. Not inside a transaction."""
    with transaction.atomic():
        count = _lock(count_id)
        if count.status != CountStatus.WAITING:
            check_move(COUNT_MOVES, count.status, CountStatus.WAITING, what=count.number)
        if count.by_id == by.pk:
            raise OwnCount("Somebody else must approve what you counted.")
        count.approved_by, count.status = by, CountStatus.APPROVED
        count.save(update_fields=["approved_by", "status"])
    return write_count(count_id=count.pk, by=by, now=now)


def write_count(*, count_id: int, by: User | None, now: datetime) -> StockCount:
    """The difference is written, not the count: what was sold since then has left by its own move.

    Title by title, each in its own transaction and once, so that it can be taken up again after a refusal or a crash. Claims on
    units that are not there give way; what cannot be claimed elsewhere becomes a person's case.
    """
    for line_id in (
        StockCountLine.objects.filter(count_id=count_id, is_written=False)
        .order_by("variant_id")
        .values_list("pk", flat=True)
    ):
        _write_line(line_id, by, now)
    with transaction.atomic():
        count = _lock(count_id)
        check_move(COUNT_MOVES, count.status, CountStatus.POSTED, what=count.number)
        count.status, count.closed_at = CountStatus.POSTED, now
        count.save(update_fields=["status", "closed_at"])
        differences = sum(bool(line.difference) for line in count.lines.all())
        announce(
            events.StockCounted(count.pk, count.number, count.location.code, count.bin.code, differences),
            subject=("stock_count", count.number),
        )
    return count


@transaction.atomic
def _write_line(line_id: int, by: User | None, now: datetime) -> None:
    line = StockCountLine.objects.select_for_update(of=("self",)).select_related("count").get(pk=line_id)
    if line.is_written or line.count.status != CountStatus.APPROVED:
        return
    if line.difference:
        done = adjust_stock(
            variant_id=line.variant_id,
            location_id=line.count.location_id,
            bin_id=line.count.bin_id,
            delta=line.difference,
            reason=MoveReason.COUNT,
            reference=line.count.number,
            displace=True,
            by=by,
            now=now,
        )
        line.displaced = sum(one.units for one in done.displaced.orders)
    line.is_written = True
    line.save(update_fields=["displaced", "is_written"])


@transaction.atomic
def cancel_count(*, count_id: int, by: User | None, now: datetime) -> StockCount:
    """The count was not right, or is not needed: nothing is written."""
    count = _lock(count_id)
    check_move(COUNT_MOVES, count.status, CountStatus.CANCELED, what=count.number)
    count.status, count.closed_at = CountStatus.CANCELED, now
    count.save(update_fields=["status", "closed_at"])
    return count


def _lock(count_id: int) -> StockCount:
    found = (
        StockCount.objects.select_for_update(of=("self",))
        .select_related("bin", "location")
        .filter(pk=count_id)
        .first()
    )
    if found is None:
        raise UnknownCount("There is no such count.")
    return found
