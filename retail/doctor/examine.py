"""Runs the checks in one snapshot, so that what is being written at the moment is seen whole or not at all."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from retail.doctor.checks import CHECKS, Check

ROWS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    check: Check
    violations: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.check.name,
            "protects": self.check.protects,
            "violations": self.violations,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
        }


def examine(names: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Each check's finding, one after the other, all from one snapshot. Reads only."""
    wanted = [check for check in CHECKS if not names or check.name in names]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.savepoint_ids == [] and not connection.needs_rollback:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for check in wanted:
            began = time.perf_counter()
            cursor.execute(check.sql)
            columns = [column.name for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            if check.is_broken is not None:
                rows = [row for row in rows if check.is_broken(row)]
            shown = [{name: _plain(value) for name, value in row.items()} for row in rows[:ROWS_SHOWN]]
            yield Finding(check, len(rows), shown, time.perf_counter() - began)


def imported_rows() -> dict[str, int]:
    """How many rows are marked history and so outside the checks of money and goods."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM oms_order WHERE is_imported), (SELECT count(*) FROM oms_orderline WHERE is_imported), "
            "(SELECT count(*) FROM warehouse_stockmove WHERE is_imported)"
        )
        orders, lines, moves = cursor.fetchone()
    return {"orders": orders, "order_lines": lines, "stock_moves": moves}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str | float | bool | list | type(None)) else str(value)
