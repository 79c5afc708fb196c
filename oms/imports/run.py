"""The verb `import_orders`: a file of past orders, taken whole or batch by batch, its sums proved on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from oms.events import OrdersImported
from oms.imports.cleaning import Cleaner, PastLine
from oms.imports.loading import Loader
from oms.imports.mapping import Mapping, detect_mapping
from oms.models import OrderImport
from retail.imports.reading import CsvFile, Record
from retail.imports.rows import OnError, RowError
from retail.imports.run import Doors, FileImport, Report
from retail.kernel.context import acting
from retail.kernel.errors import NotFound
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.models import Channel

BATCH_LINES = 10_000
CHANNEL = "api"


class UnknownChannel(NotFound):
    code = "UNKNOWN_CHANNEL"


@dataclass
class ImportReport(Report):
    """`created` counts lines. The totals are of the lines that stand in the rows now: as the file has them, and as stored."""

    orders: int = 0
    returns: int = 0
    credits: int = 0
    exact_total: Decimal = Decimal(0)
    stored_total: Decimal = Decimal(0)

    @property
    def rounding_remainder(self) -> Decimal:
        return self.exact_total - self.stored_total


def import_orders(
    *,
    path: Path,
    by: User | None,
    now: datetime,
    mapping: Mapping | None = None,
    channel: str = "",
    on_error: OnError = OnError.REJECT,
    is_dry_run: bool = False,
    on_row_error: Callable[[RowError], None] = lambda error: None,
    on_progress: Callable[[int, int], None] = lambda bytes_read, bytes_total: None,
    batch_lines: int = BATCH_LINES,
) -> ImportReport:
    """Read past orders as marked history: no claims, moves, papers or journals come of them.

    With SKIP each batch commits and a killed run continues; with REJECT all commits at the end. Orders are known by their
    external reference and lines by their position in it: a second run changes nothing, and history is never rewritten.
    Refuses a file that cannot be read (FileRefused) and, with REJECT, rows that are wrong (RowsRejected).
    """
    with CsvFile(path, encoding=mapping.encoding if mapping else "utf-8") as file:
        chosen = mapping or detect_mapping(file.header)
        file.need(chosen.needed_columns())
        came_by = _channel(channel or chosen.channel or CHANNEL)
        run = _OrderRun(file, chosen, came_by, now, Doors(on_row_error, on_progress), batch_lines)
        with acting(by=by, reason=f"import {path.name}"[:200]):
            run.take(on_error=on_error, is_dry_run=is_dry_run)
        return run.report


def _channel(code: str) -> Channel:
    found = Channel.objects.filter(code=code).first()
    if found is None:
        raise UnknownChannel(f"There is no channel {code}. Say which one: --channel CODE.", channel=code)
    return found


class _OrderRun(FileImport[PastLine, ImportReport, OrderImport]):
    record_class = OrderImport
    counted = {
        **FileImport.counted,
        "orders": "orders_count",
        "returns": "returns_count",
        "credits": "credits_count",
        "exact_total": "exact_total",
        "stored_total": "stored_total",
    }

    def __init__(
        self,
        file: CsvFile,
        mapping: Mapping,
        channel: Channel,
        now: datetime,
        doors: Doors,
        batch_lines: int,
    ) -> None:
        known = set(mapping.columns.values())
        report = ImportReport(
            file_name=file.path.name,
            mapping=mapping.name,
            unused_columns=[name for name in file.header if name not in known],
        )
        super().__init__(
            file, mapping_key=mapping.key, report=report, now=now, doors=doors, batch_lines=batch_lines
        )
        self.cleaner = Cleaner(mapping, file.header)
        self.loader = Loader(mapping, channel)

    def clean(self, record: Record) -> PastLine | list[RowError]:
        return self.cleaner.clean(record)

    def load(self, lines: list[PastLine]) -> list[RowError]:
        loaded = self.loader.load(lines, now=self.now)
        report = self.report
        report.created += loaded.created
        report.unchanged += loaded.unchanged
        report.orders += loaded.orders
        report.returns += loaded.returns
        report.credits += loaded.credits
        report.stored_total += loaded.stored_total
        report.exact_total += loaded.exact_total
        return loaded.errors

    def finished(self, record: OrderImport) -> None:
        if self.report.resumed_after_line:
            # The proof is about the whole file, not about what was left of it.
            self.report.exact_total, self.report.stored_total = record.exact_total, record.stored_total
        announce(
            OrdersImported(record.pk, record.file_name, self.report.orders, self.report.created),
            subject=("order_import", str(record.pk)),
        )
