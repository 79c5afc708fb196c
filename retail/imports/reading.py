"""A CSV file, plain or gzipped, read row by row within bounds: whatever it holds, memory and time stay small."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retail.kernel.errors import InvalidInput

LINE_BYTES_MAX = 1_000_000
RECORD_BYTES_MAX = 2_000_000
# Text packs about ten to one; what packs far better than any table of ours is an attack or a mistake.
PACKING_RATIO_MAX = 300
PACKED_FREE_BYTES = 64_000_000
DELIMITERS = (",", ";", "\t", "|")

# The parser's own limit would call an open quote a long cell and go on in the middle of it; ours refuses the file.
csv.field_size_limit(RECORD_BYTES_MAX)


class FileRefused(InvalidInput):
    """The file as a whole cannot be read; nothing after this point was taken."""

    code = "FILE_REFUSED"


class FileMissing(FileRefused):
    code = "FILE_MISSING"


class EmptyFile(FileRefused):
    code = "EMPTY_FILE"


class WrongEncoding(FileRefused):
    code = "WRONG_ENCODING"


class LineTooLong(FileRefused):
    code = "LINE_TOO_LONG"


class BrokenQuoting(FileRefused):
    """A quote is opened and not closed for so long that the rest of the file would become one cell."""

    code = "BROKEN_QUOTING"


class BrokenArchive(FileRefused):
    code = "BROKEN_ARCHIVE"


class PackedTooTightly(FileRefused):
    """A gzip file that unpacks to far more than such a table can."""

    code = "PACKED_TOO_TIGHTLY"


class MissingColumns(FileRefused):
    code = "MISSING_COLUMNS"


class DoubledColumns(FileRefused):
    code = "DOUBLED_COLUMNS"


@dataclass(frozen=True, slots=True)
class Record:
    """One row: the line it begins on, and its cells or why there are none."""

    line: int
    cells: list[str]
    problem: str = ""


class CsvFile:
    """An open file with its header. Use as a context manager; iterate for the records."""

    def __init__(self, path: Path, *, encoding: str = "utf-8") -> None:
        if not path.is_file():
            raise FileMissing(f"There is no file {path}.", file=str(path))
        self.path = path
        self.encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        self.bytes_total = max(path.stat().st_size, 1)
        self._raw: IO[bytes] = path.open("rb")
        self._is_packed = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        self._stream: IO[bytes] = (
            io.BufferedReader(gzip.GzipFile(fileobj=self._raw), 256 * 1024) if self._is_packed else self._raw
        )
        self._unpacked = 0
        self._line = 0
        self._record_bytes = 0
        self.header = self._read_header()

    def __enter__(self) -> CsvFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._raw.close()

    @property
    def bytes_read(self) -> int:
        """How far the file itself is read, packed or not: what a progress bar shows."""
        return self._raw.tell() if not self._raw.closed else self.bytes_total

    def need(self, columns: list[str]) -> None:
        if missing := [name for name in columns if name not in self.header]:
            raise MissingColumns(
                f"The file has no column {', '.join(missing)}; it has {', '.join(self.header[:20])}.",
                missing=missing,
            )

    def __iter__(self) -> Iterator[Record]:
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        width = len(self.header)
        while True:
            first = self._line + 1
            self._record_bytes = 0
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                yield Record(first, [], f"broken quoting: {problem}")
                continue
            if cells:
                yield Record(first, cells, _problem(cells, width))

    def _read_header(self) -> list[str]:
        line = next(self._lines(), "")
        if not line.strip():
            raise EmptyFile(f"{self.path.name} is empty.", file=self.path.name)
        self._delimiter = max(DELIMITERS, key=line.count)
        try:
            names = [
                name.strip() for name in next(csv.reader([line], delimiter=self._delimiter, strict=True))
            ]
        except csv.Error as problem:
            raise BrokenQuoting(f"The header cannot be read: {problem}.", line=1) from None
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise DoubledColumns(f"The header names {', '.join(doubled)} twice.", doubled=doubled)
        return names

    def _lines(self) -> Iterator[str]:
        while line := self._next_line():
            self._line += 1
            self._unpacked += len(line)
            self._record_bytes += len(line)
            self._check_bounds(len(line))
            try:
                yield line.decode(self.encoding if self._line == 1 else self.encoding.removesuffix("-sig"))
            except (UnicodeDecodeError, LookupError) as problem:
                raise WrongEncoding(
                    f"Line {self._line} is not {self.encoding.removesuffix('-sig')}: {problem}.",
                    line=self._line,
                ) from None

    def _next_line(self) -> bytes:
        try:
            return self._stream.readline(LINE_BYTES_MAX + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise BrokenArchive(f"{self.path.name}: {problem}", line=self._line) from None

    def _check_bounds(self, length: int) -> None:
        if length > LINE_BYTES_MAX:
            raise LineTooLong(f"Line {self._line} is longer than {LINE_BYTES_MAX:,} bytes.", line=self._line)
        if self._record_bytes > RECORD_BYTES_MAX:
            raise BrokenQuoting(
                f"The row that ends behind line {self._line} is longer than {RECORD_BYTES_MAX:,} bytes; "
                "a quote is not closed.",
                line=self._line,
            )
        if self._is_packed and self._unpacked > max(PACKED_FREE_BYTES, PACKING_RATIO_MAX * self._raw.tell()):
            raise PackedTooTightly(f"{self.path.name} unpacks to too much.", line=self._line)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _problem(cells: list[str], width: int) -> str:
    if len(cells) != width:
        return f"{len(cells)} cells where the header has {width}"
    return "a NUL character" if any("\0" in cell for cell in cells) else ""
