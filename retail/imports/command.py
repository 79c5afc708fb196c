"""What every import command offers: mapping, dry run, what a bad row does, the file of row errors, a progress bar, JSON."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import sys
import time
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from retail.imports.mappings import Shelf
from retail.imports.rows import OnError, RowError
from retail.imports.run import Doors, Report
from retail.kernel.context import acting
from retail.kernel.errors import Refusal

R = TypeVar("R", bound=Report)
ERROR_HEADER = ["line", "column", "value", "code", "reason"]
ERRORS_SHOWN = 5


class ImportCommand(BaseCommand, ABC, Generic[R]):
    """The door of one import for people and scripts; a room says what is read and how its result reads."""

    requires_system_checks: list[str] = []
    label = ""
    shelf: Shelf[Any]

    @abstractmethod
    def take(self, path: Path, doors: Doors, options: dict[str, Any]) -> R:
        """Reads the file through these doors."""

    @abstractmethod
    def counts(self, report: R, would: str) -> str:
        """What was made and changed, as it stands in the line of counts."""

    def sentences(self, report: R) -> list[str]:
        """The result in words, below the line of counts."""
        return []

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = ", ".join(f"{mapping.name} ({mapping.about})" for mapping in self.shelf.shipped())
        parser.add_argument("file", type=Path, help="CSV with a header, plain or gzipped")
        parser.add_argument(
            "--map", default="", help=f"a TOML file, or one of: {names}. Default: by the header"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, change nothing")
        parser.add_argument(
            "--on-error",
            choices=list(OnError),
            default=OnError.REJECT,
            help="reject: one bad row refuses the whole file (default); skip: it stays behind alone",
        )
        parser.add_argument("--errors", type=Path, help="where the row errors go (CSV)")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        started = time.monotonic()
        errors = _ErrorFile(options["errors"] or settings.ONEROW_HOME / "imports" / f"{path.name}.errors.csv")
        try:
            with (
                errors,
                _progress(path.name, is_shown=not options["json"]) as on_progress,
                acting(label=self.label),
            ):
                report = self.take(path, Doors(errors.add, on_progress), options)
        except Refusal as refusal:
            if options["json"]:
                self.stdout.write(json.dumps({"ok": False, "code": refusal.code, "detail": refusal.message}))
            self._show_errors(errors)
            raise CommandError(f"{refusal.code}: {refusal.message}") from None
        self._say(report, errors, time.monotonic() - started, is_json=options["json"])

    def _say(self, report: R, errors: _ErrorFile, seconds: float, *, is_json: bool) -> None:
        if is_json:
            result = {"ok": True, **dataclasses.asdict(report), "seconds": round(seconds, 2)}
            result["errors"] = str(errors.path) if errors.count else None
            self.stdout.write(json.dumps(result, default=str))
            return
        if report.resumed_after_line:
            self.stdout.write(f"Continued after line {report.resumed_after_line:,}.")
        taken = report.lines - report.resumed_after_line
        self.stdout.write(
            f"{report.file_name} ({report.mapping}): {self.counts(report, 'would be ' if report.is_dry_run else '')}, "
            f"{report.unchanged:,} unchanged, {report.rejected:,} rejected; {taken:,} lines in {seconds:.1f} s "
            f"({taken / max(seconds, 0.001):,.0f} a second)."
        )
        for sentence in self.sentences(report):
            self.stdout.write(sentence)
        if report.unused_columns:
            self.stdout.write(f"Columns not used: {', '.join(report.unused_columns)}.")
        self._show_errors(errors)

    def _show_errors(self, errors: _ErrorFile) -> None:
        for error in errors.first:
            self.stderr.write(
                f"  line {error.line}, {error.column or 'row'}: {error.reason} ({error.code}) {error.value[:60]!r}"
            )
        if errors.count:
            self.stderr.write(f"{errors.count:,} row errors in {errors.path}")


class _ErrorFile:
    """The row errors as CSV, made at the first one; an older file of the same name does not outlive a clean run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.first: list[RowError] = []
        self._stack = contextlib.ExitStack()
        self._rows: Any = None

    def __enter__(self) -> _ErrorFile:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, error: RowError) -> None:
        if self._rows is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._rows = csv.writer(
                self._stack.enter_context(self.path.open("w", newline="", encoding="utf-8"))
            )
            self._rows.writerow(ERROR_HEADER)
        self._rows.writerow(error.as_row())
        self.count += 1
        if len(self.first) < ERRORS_SHOWN:
            self.first.append(error)


@contextlib.contextmanager
def _progress(name: str, *, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar of the bytes read, for a person at a terminal only."""
    console = Console(stderr=True)
    if not is_shown or not sys.stderr.isatty():
        yield lambda bytes_read, bytes_total: None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task(name)
        yield lambda bytes_read, bytes_total: progress.update(task, completed=bytes_read, total=bytes_total)
