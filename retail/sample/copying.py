"""Many rows at once through COPY: what the sample invents need not pass the ORM row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.db.backends.utils import CursorWrapper


def copy_rows(
    cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def new_ids(cursor: CursorWrapper, table: str, count: int) -> list[int]:
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
    )
    return [row[0] for row in cursor.fetchall()]


def copy_in(instances: Sequence[models.Model]) -> None:
    """Rows of one model, with their ids given out; column types are those that COPY takes as they are, so no JSON."""
    if not instances:
        return
    meta = instances[0]._meta
    fields = [field for field in meta.concrete_fields if not field.generated]
    with connection.cursor() as cursor:
        for instance, row_id in zip(instances, new_ids(cursor, meta.db_table, len(instances)), strict=True):
            instance.pk = row_id
        rows = ([field.pre_save(instance, add=True) for field in fields] for instance in instances)
        copy_rows(cursor, meta.db_table, [str(field.column) for field in fields], rows)
