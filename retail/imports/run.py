"""A file taken in batches that commit: a row says how far, errors come row by row, a killed run goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Generic, TypeVar

from django.db import connection, transaction

from retail.imports.reading import CsvFile, Record, digest_of
from retail.imports.record import ImportRecord
from retail.imports.rows import ImportOvertaken, OnError, RowError, RowsRejected

FIRST_BATCH_LINES = 500


@dataclass
class Report:
    """What was done, or would be done by a dry run."""

    file_name: str
    mapping: str
    is_dry_run: bool = False
    resumed_after_line: int = 0
    lines: int = 0
    created: int = 0
    unchanged: int = 0
    rejected: int = 0
    unused_columns: list[str] = field(default_factory=list)


@dataclass
class Doors:
    """Where a run tells of itself: each row error, and bytes read of bytes in all."""

    on_row_error: Callable[[RowError], None] = lambda error: None
    on_progress: Callable[[int, int], None] = lambda bytes_read, bytes_total: None


Line = TypeVar("Line")


@dataclass
class Batch(Generic[Line]):
    """Clean lines up to `last_line`, and what was wrong with the others among them."""

    lines: list[Line] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    rejected: int = 0
    last_line: int = 0
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.lines) + self.rejected


R = TypeVar("R", bound=Report)
Model = TypeVar("Model", bound=ImportRecord)


class _Undo(Exception):
    """Rolls a dry run or a rejected file back."""


class FileImport(ABC, Generic[Line, R, Model]):
    """One run over one file. A room says how a row is cleaned, how a batch is loaded and what is counted."""

    record_class: type[Model]
    # What the report counts → where its record keeps it; the first names mean that something was changed.
    counted: ClassVar[dict[str, str]] = {
        "created": "created_count",
        "unchanged": "unchanged_count",
        "rejected": "rejected_count",
    }
    changing: ClassVar[tuple[str, ...]] = ("created",)

    def __init__(
        self, file: CsvFile, *, mapping_key: str, report: R, now: datetime, doors: Doors, batch_lines: int
    ) -> None:
        self.file, self.mapping_key, self.report = file, mapping_key, report
        self.now, self.doors, self.batch_lines = now, doors, batch_lines

    @abstractmethod
    def clean(self, record: Record) -> Line | list[RowError]: ...

    @abstractmethod
    def load(self, lines: list[Line]) -> list[RowError]:
        """Write the lines inside the caller's transaction, count them in the report; what the database refuses comes back."""

    @abstractmethod
    def finished(self, record: Model) -> None:
        """Announce a file that is taken whole, in the transaction that says so."""

    def take(self, *, on_error: OnError, is_dry_run: bool) -> None:
        """With SKIP each batch commits; with REJECT, and in a dry run, it is all one transaction."""
        self.report.is_dry_run = is_dry_run
        if on_error == OnError.SKIP and not is_dry_run:
            self._batch_by_batch()
        else:
            self._whole(commit=not is_dry_run, is_strict=on_error == OnError.REJECT)

    def _batch_by_batch(self) -> None:
        record = self._record()
        self.report.resumed_after_line = start = 0 if record.is_finished else record.lines_read
        for batch in self._ahead(start):
            with transaction.atomic():
                self._mark_batch()
                held = self.record_class._default_manager.select_for_update().get(pk=record.pk)
                if not held.is_finished and held.lines_read != start:
                    raise ImportOvertaken(f"{self.file.path.name} is being imported by another process.")
                before = self._counts()
                self._load(batch)
                start = batch.last_line
                self._advance(held, start, before)
        self._finish(record.pk)

    def _whole(self, *, commit: bool, is_strict: bool) -> None:
        try:
            with transaction.atomic():
                self._mark_batch()
                record = self._record() if commit else None
                before = self._counts()
                for batch in self._ahead(0):
                    if is_strict and self.report.rejected + batch.rejected:
                        # Nothing will be kept; the rest is only read for its errors.
                        batch.lines.clear()
                    self._load(batch)
                if not commit or (is_strict and self.report.rejected):
                    raise _Undo
                assert record is not None
                self._advance(record, self.report.lines, before)
                self._finish(record.pk)
        except _Undo:
            if commit or is_strict:
                self._refuse_rejected()

    def _refuse_rejected(self) -> None:
        if not self.report.rejected:
            return
        for name in self.counted:
            if name != "rejected":
                setattr(self.report, name, 0)
        raise RowsRejected(
            f"{self.report.rejected} rows of {self.file.path.name} are wrong; nothing was changed.",
            rejected=self.report.rejected,
        )

    def _load(self, batch: Batch[Line]) -> None:
        refused = self.load(batch.lines)
        for error in [*batch.errors, *refused]:
            self.doors.on_row_error(error)
        self.report.lines = batch.last_line
        self.report.rejected += batch.rejected + len(refused)
        self.doors.on_progress(batch.bytes_read, self.file.bytes_total)

    def _ahead(self, start: int) -> Iterator[Batch[Line]]:
        """The batches, each read and cleaned by a second thread while the database takes the one before."""
        batches = self._batches(start)
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(next, batches, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, batches, None)
                yield batch

    def _batches(self, start: int) -> Iterator[Batch[Line]]:
        """The first one is short, so that the database need not wait long for its work."""
        batch: Batch[Line] = Batch()
        enough = min(FIRST_BATCH_LINES, self.batch_lines)
        for record in self.file:
            cleaned = self._cleaned(record)
            batch.last_line = record.line
            if isinstance(cleaned, list):
                batch.errors += cleaned
                batch.rejected += record.line > start
            elif record.line > start:
                batch.lines.append(cleaned)
            if len(batch) >= enough:
                batch.bytes_read = self.file.bytes_read
                yield batch
                batch, enough = Batch(), self.batch_lines
        batch.bytes_read = self.file.bytes_total
        if batch.last_line:
            yield batch

    def _cleaned(self, record: Record) -> Line | list[RowError]:
        if record.problem:
            return [RowError(record.line, "", "", "BROKEN_ROW", record.problem)]
        return self.clean(record)

    def _record(self) -> Model:
        record, _ = self.record_class._default_manager.get_or_create(
            digest=digest_of(self.file.path),
            mapping=self.mapping_key,
            defaults={"file_name": self.file.path.name[:200], "started_at": self.now},
        )
        return record

    def _mark_batch(self) -> None:
        """One audit row per statement, with count and digest: an import is traced as what it is."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('retail.audit_batch', %s, true)", [f"import {self.file.path.name}"[:80]]
            )

    def _counts(self) -> dict[str, int | Decimal]:
        return {name: getattr(self.report, name) for name in self.counted}

    def _advance(self, record: Model, last_line: int, before: dict[str, int | Decimal]) -> None:
        """How far the file is taken, in the transaction that takes it. A finished file read again is not counted twice."""
        grown = {name: count - before[name] for name, count in self._counts().items()}
        if record.is_finished:
            grown = {name: grown[name] for name in self.changing}
            if not any(grown.values()):
                return
        else:
            record.lines_read = last_line
        for name, count in grown.items():
            setattr(record, self.counted[name], getattr(record, self.counted[name]) + count)
        record.save(update_fields=["lines_read", *(self.counted[name] for name in grown)])

    def _finish(self, record_id: int) -> None:
        with transaction.atomic():
            record = self.record_class._default_manager.select_for_update().get(pk=record_id)
            is_first_time = not record.is_finished
            if is_first_time:
                record.is_finished = True
                record.finished_at = self.now
                record.save(update_fields=["is_finished", "finished_at"])
            if is_first_time or any(getattr(self.report, name) for name in self.changing):
                self.finished(record)
