"""What may be wrong with rows of a file, and what one wrong row does to the others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from retail.kernel.errors import InvalidInput, Refusal


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row is not taken: where, what stood there, and the reason in words."""

    line: int
    column: str
    value: str
    code: str
    reason: str

    def as_row(self) -> list[str]:
        return [str(self.line), self.column, self.value[:200], self.code, self.reason]


class OnError(StrEnum):
    """What one bad row does: refuse the whole file, or stay behind alone."""

    REJECT = "reject"
    SKIP = "skip"


class RowsRejected(InvalidInput):
    """Some rows are wrong and the file is taken whole or not at all: nothing was changed."""

    code = "ROWS_REJECTED"


class ImportOvertaken(Refusal):
    """Another process imports the same file with the same mapping right now."""

    code = "IMPORT_OVERTAKEN"
