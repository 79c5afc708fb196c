"""Reading what the bank and the couriers say: each line once, row by row, with a report of what was not readable."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.money import in_paras

LINES_MAX = 20_000
SET_LINES = 200
MATCHED, UNMATCHED, KNOWN, SKIPPED = "matched", "unmatched", "known", "skipped"


class UnreadableFile(InvalidInput):
    """The text is no CSV with the columns that are needed."""

    code = "UNREADABLE_FILE"


class LineChanged(Refusal):
    """A line that was read before comes again with another content."""

    code = "LINE_CHANGED"


@dataclass(frozen=True, slots=True)
class LineError:
    line: int
    code: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """What became of the lines of one file. `known` lines had been read before and changed nothing."""

    matched: int = 0
    unmatched: int = 0
    known: int = 0
    skipped: int = 0
    errors: list[LineError] = field(default_factory=list)

    @property
    def read(self) -> int:
        return self.matched + self.unmatched + self.known + self.skipped + len(self.errors)


Row = Mapping[str, str]
Line = TypeVar("Line")


def read_lines(
    text: str, *, needed: Iterable[str], aliases: Mapping[str, str], take: Callable[[Row], str]
) -> ImportReport:
    """Hand each line to `take`, which does its own transaction and says what came of it. A refused line stops nothing."""
    report = ImportReport()
    for number, row in enumerate(_rows(text, set(needed), aliases), start=2):
        try:
            _note(report, number, take(row))
        except Refusal as refusal:
            _note(report, number, refusal)
    return report


Outcome = str | Refusal


def read_in_sets(
    text: str,
    *,
    needed: Iterable[str],
    aliases: Mapping[str, str],
    read: Callable[[Row], Line | None],
    names: Callable[[Line], set[str]],
    take: Callable[[Sequence[Line]], Sequence[Outcome]],
) -> ImportReport:
    """Hand lines that have nothing in common to `take` together, in the order of the file, so that work is done for a set at once.

    `names` are what no other line of the set may name; a line without any goes alone. A set that is refused is taken again line by
    line, so that a refused line stops nothing. What `read` makes nothing of is skipped.
    """
    report = ImportReport()
    waiting: list[tuple[int, Row, Line]] = []
    named: set[str] = set()

    def flush() -> None:
        for (number, _, _), outcome in zip(waiting, _outcomes(waiting, read, take), strict=True):
            _note(report, number, outcome)
        waiting.clear()
        named.clear()

    for number, row in enumerate(_rows(text, set(needed), aliases), start=2):
        try:
            line = read(row)
        except Refusal as refusal:
            _note(report, number, refusal)
            continue
        if line is None:
            _note(report, number, SKIPPED)
            continue
        mine = names(line)
        if waiting and (not mine or not named or named & mine or len(waiting) == SET_LINES):
            flush()
        waiting.append((number, row, line))
        named |= mine
    flush()
    report.errors.sort(key=lambda error: error.line)
    return report


def _outcomes(
    waiting: Sequence[tuple[int, Row, Line]],
    read: Callable[[Row], Line | None],
    take: Callable[[Sequence[Line]], Sequence[Outcome]],
) -> Sequence[Outcome]:
    if not waiting:
        return []
    try:
        return take([line for _, _, line in waiting])
    except Refusal as refusal:
        if len(waiting) == 1:
            return [refusal]
    # Read anew: what the refused set wrote into its lines is undone.
    again = [(number, row, line) for number, row, _ in waiting if (line := read(row)) is not None]
    return [outcome for one in again for outcome in _outcomes([one], read, take)]


def _note(report: ImportReport, number: int, outcome: Outcome) -> None:
    if isinstance(outcome, Refusal):
        report.errors.append(LineError(number, outcome.code, outcome.message))
    else:
        setattr(report, outcome, getattr(report, outcome) + 1)


def amount_of(row: Row, name: str) -> Decimal:
    """An amount with at most two places; refuses anything else."""
    text = row.get(name, "").strip().replace("\u00a0", "")
    try:
        value = Decimal(text)
        if not value.is_finite() or abs(value) >= Decimal("1e12"):
            raise InvalidOperation
        in_paras(value)
    except (InvalidOperation, ValueError):
        raise InvalidInput(f"{name} must look like 1299.00.", field=name, value=text[:40]) from None
    return value


def date_of(row: Row, name: str) -> date:
    text = row.get(name, "").strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{name} must look like 2026-11-21.", field=name, value=text[:40]) from None


def text_of(row: Row, name: str, length_max: int) -> str:
    return " ".join(row.get(name, "").split())[:length_max]


def key_of(row: Row, name: str) -> str:
    key = row.get(name, "").strip()
    if not key or len(key) > 80:
        raise InvalidInput(f"{name} must have 1 to 80 characters.", field=name)
    return key


def _rows(text: str, needed: set[str], aliases: Mapping[str, str]) -> list[Row]:
    if "\x00" in text:
        raise UnreadableFile("The file is not a text.")
    try:
        table = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), dialect=_dialect(text), strict=True)
        names = [aliases.get(name.strip().lower(), name.strip().lower()) for name in table.fieldnames or []]
        if missing := sorted(needed - set(names)):
            raise UnreadableFile("Columns are missing.", missing=missing)
        table.fieldnames = names
        rows: list[Row] = [
            {str(name): value or "" for name, value in row.items() if name is not None} for row in table
        ]
    except csv.Error as error:
        raise UnreadableFile(f"The file is no CSV: {error}.") from error
    if len(rows) > LINES_MAX:
        raise UnreadableFile(f"A file may have {LINES_MAX} lines.")
    return rows


def _dialect(text: str) -> type[csv.Dialect]:
    """Semicolons come from spreadsheets set to Serbian."""
    first = text.partition("\n")[0]
    return _Semicolons if first.count(";") > first.count(",") else csv.excel


class _Semicolons(csv.excel):
    delimiter = ";"
