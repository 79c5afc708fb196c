"""The verb `import_catalog`: batches that commit, a row that says how far, errors row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.db import connection, transaction

from retail.kernel.context import acting
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.events import CatalogImported
from storefront.imports.cleaning import Cleaned, Cleaner, RowError
from storefront.imports.loading import Loader
from storefront.imports.mapping import Mapping, detect_mapping
from storefront.imports.reading import CatalogFile, Record, digest_of
from storefront.imports.trees import Tree
from storefront.models import CatalogImport, PriceList

BATCH_LINES = 2000


class OnError(StrEnum):
    """What one bad row does: refuse the whole file, or stay behind alone."""

    REJECT = "reject"
    SKIP = "skip"


class RowsRejected(InvalidInput):
    """Some rows are wrong and the file is taken whole or not at all: nothing was changed."""

    code = "ROWS_REJECTED"


class UnknownPriceList(NotFound):
    code = "UNKNOWN_PRICE_LIST"


class ImportOvertaken(Refusal):
    """Another process imports the same file with the same mapping right now."""

    code = "IMPORT_OVERTAKEN"


@dataclass
class _Batch:
    """Clean lines up to `last_line`, and what was wrong with the others among them."""

    lines: list[Cleaned] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    rejected: int = 0
    last_line: int = 0
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.lines) + self.rejected


class _Undo(Exception):
    """Rolls a dry run or a rejected file back."""


@dataclass
class ImportReport:
    """What was done, or would be done by a dry run."""

    file_name: str
    mapping: str
    is_dry_run: bool = False
    resumed_after_line: int = 0
    lines: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    unused_columns: list[str] = field(default_factory=list)


def import_catalog(
    *,
    path: Path,
    by: User | None,
    now: datetime,
    mapping: Mapping | None = None,
    price_list: str = "",
    on_error: OnError = OnError.REJECT,
    is_dry_run: bool = False,
    on_row_error: Callable[[RowError], None] = lambda error: None,
    on_progress: Callable[[int, int], None] = lambda bytes_read, bytes_total: None,
    batch_lines: int = BATCH_LINES,
) -> ImportReport:
    """Read a catalog file. With SKIP each batch commits and a killed run continues; with REJECT all commits at the end.

    Rows are known by their external reference: a second run of the same file changes nothing, a changed file changes
    only what differs. Refuses a file that cannot be read (FileRefused) and, with REJECT, rows that are wrong (RowsRejected).
    """
    with CatalogFile(path, encoding=mapping.encoding if mapping else "utf-8") as file:
        chosen = mapping or detect_mapping(file.header)
        file.need(chosen.needed_columns())
        run = _Run(file, chosen, by, now, on_row_error, on_progress, batch_lines)
        run.report.is_dry_run = is_dry_run
        run.find_price_list(price_list)
        with acting(by=by, reason=f"import {path.name}"[:200]):
            if on_error == OnError.SKIP and not is_dry_run:
                run.batch_by_batch()
            else:
                run.whole(commit=not is_dry_run, is_strict=on_error == OnError.REJECT)
        return run.report


class _Run:
    def __init__(
        self,
        file: CatalogFile,
        mapping: Mapping,
        by: User | None,
        now: datetime,
        on_row_error: Callable[[RowError], None],
        on_progress: Callable[[int, int], None],
        batch_lines: int,
    ) -> None:
        self.file, self.mapping, self.by, self.now = file, mapping, by, now
        self.on_row_error, self.on_progress, self.batch_lines = on_row_error, on_progress, batch_lines
        self.tree = Tree(mapping.tree)
        self.cleaner = Cleaner(mapping, self.tree, file.header)
        self.price_list_id: int | None = None
        self.report = ImportReport(
            file_name=file.path.name,
            mapping=mapping.name,
            unused_columns=[name for name in file.header if name not in mapping.known_columns()],
        )
        self._seen: dict[tuple[str, str], int] = {}

    def find_price_list(self, code: str) -> None:
        """The named list, the mapping's, or the only one. Without any price in the file none is needed."""
        if not self.cleaner.prices:
            return
        lists = PriceList.objects.all()
        if wanted := code or self.mapping.price_list:
            lists = lists.filter(code=wanted)
        ids = list(lists.values_list("id", flat=True)[:2])
        if len(ids) != 1:
            raise UnknownPriceList(
                f"There is no price list {wanted}." if wanted else "Say which price list: --price-list CODE."
            )
        self.price_list_id = ids[0]

    def batch_by_batch(self) -> None:
        record = self._record()
        self.report.resumed_after_line = start = 0 if record.is_finished else record.lines_read
        loader = self._loader()
        for batch in self._ahead(start):
            with transaction.atomic():
                self._mark_batch()
                held = CatalogImport.objects.select_for_update().get(pk=record.pk)
                if not held.is_finished and held.lines_read != start:
                    raise ImportOvertaken(f"{self.file.path.name} is being imported by another process.")
                before = self._counts()
                self._load(loader, batch)
                start = batch.last_line
                self._advance(held, start, before)
        self._finish(record.pk)

    def whole(self, *, commit: bool, is_strict: bool) -> None:
        try:
            with transaction.atomic():
                self._mark_batch()
                record = self._record() if commit else None
                loader = self._loader()
                for batch in self._ahead(0):
                    if is_strict and self.report.rejected + batch.rejected:
                        # Nothing will be kept; the rest is only read for its errors.
                        batch.lines.clear()
                    self._load(loader, batch)
                if not commit or (is_strict and self.report.rejected):
                    raise _Undo
                assert record is not None
                self._advance(record, self.report.lines, (0, 0, 0, 0))
                self._finish(record.pk)
        except _Undo:
            if commit or is_strict:
                self._refuse_rejected()

    def _refuse_rejected(self) -> None:
        if self.report.rejected:
            self.report.created = self.report.updated = self.report.unchanged = 0
            raise RowsRejected(
                f"{self.report.rejected} rows of {self.file.path.name} are wrong; nothing was changed.",
                rejected=self.report.rejected,
            )

    def _loader(self) -> Loader:
        return Loader(self.mapping, self.cleaner.present, self.tree, self.price_list_id)

    def _load(self, loader: Loader, batch: _Batch) -> None:
        loaded = loader.load(batch.lines, now=self.now)
        for error in [*batch.errors, *loaded.errors]:
            self.on_row_error(error)
        self.report.lines = batch.last_line
        self.report.created += loaded.created
        self.report.updated += loaded.updated
        self.report.unchanged += loaded.unchanged
        self.report.rejected += batch.rejected + len(loaded.errors)
        self.on_progress(batch.bytes_read, self.file.bytes_total)

    def _ahead(self, start: int) -> Iterator[_Batch]:
        """The batches, each read and cleaned by a second thread while the database takes the one before."""
        batches = self._batches(start)
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, batches, None)
                yield batch

    def _batches(self, start: int) -> Iterator[_Batch]:
        batch = _Batch()
        for record in self.file:
            cleaned = self._clean(record)
            batch.last_line = record.line
            if isinstance(cleaned, list):
                batch.errors += cleaned
                batch.rejected += record.line > start
            elif record.line > start:
                batch.lines.append(cleaned)
            if len(batch) >= self.batch_lines:
                batch.bytes_read = self.file.bytes_read
                yield batch
                batch = _Batch()
        batch.bytes_read = self.file.bytes_total
        if batch.last_line:
            yield batch

    def _clean(self, record: Record) -> Cleaned | list[RowError]:
        line = record.line
        if record.problem:
            return [RowError(line, "", "", "BROKEN_ROW", record.problem)]
        cleaned = self.cleaner.clean(line, record.cells)
        if isinstance(cleaned, list):
            return cleaned
        keys = {"reference": cleaned.line.reference, "sku": cleaned.line.sku}
        for name, value in keys.items():
            if earlier := self._seen.get((name, value)):
                column = self.mapping.columns[name].column
                return [RowError(line, column, value, "DOUBLED", f"stands on line {earlier} already")]
        self._seen.update(((name, value), line) for name, value in keys.items())
        return cleaned

    def _record(self) -> CatalogImport:
        record, _ = CatalogImport.objects.get_or_create(
            digest=digest_of(self.file.path),
            mapping=self.mapping.key,
            defaults={"file_name": self.file.path.name[:200], "started_at": self.now},
        )
        return record

    def _mark_batch(self) -> None:
        """One audit row per statement, with count and digest: an import is traced as what it is."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('retail.audit_batch', %s, true)", [f"import {self.file.path.name}"[:80]]
            )

    def _counts(self) -> tuple[int, int, int, int]:
        report = self.report
        return report.created, report.updated, report.unchanged, report.rejected

    def _advance(self, record: CatalogImport, last_line: int, before: tuple[int, int, int, int]) -> None:
        """How far the file is taken, in the transaction that takes it. A finished file read again is not counted twice."""
        created, updated, unchanged, rejected = (
            after - earlier for after, earlier in zip(self._counts(), before, strict=True)
        )
        if record.is_finished:
            if created + updated:
                record.created_count += created
                record.updated_count += updated
                record.save(update_fields=["created_count", "updated_count"])
            return
        record.lines_read = last_line
        record.created_count += created
        record.updated_count += updated
        record.unchanged_count += unchanged
        record.rejected_count += rejected
        record.save()

    def _finish(self, record_id: int) -> None:
        with transaction.atomic():
            record = CatalogImport.objects.select_for_update().get(pk=record_id)
            is_first_time = not record.is_finished
            if is_first_time:
                record.is_finished = True
                record.finished_at = self.now
                record.save(update_fields=["is_finished", "finished_at"])
            if is_first_time or self.report.created + self.report.updated:
                announce(
                    CatalogImported(record.pk, record.file_name, self.report.created, self.report.updated),
                    subject=("catalog_import", str(record.pk)),
                )
