"""The rows of the bench are written past the models: each statement must name the columns that the tables have today."""

import re

import pytest
from django.apps import apps
from django.db.models import NOT_PROVIDED, GeneratedField, Model

from bench.accounts import _FILL

TABLES: dict[str, type[Model]] = {
    model._meta.db_table: model for model in apps.get_models(include_auto_created=True)
}
WRITTEN = {
    table: {name.strip() for name in columns.split(",")}
    for table, columns in re.findall(r"INSERT INTO (\w+) \(([^)]*)\)", _FILL)
}


@pytest.mark.parametrize("table", sorted(WRITTEN))
def test_the_bench_writes_the_columns_that_there_are(table: str) -> None:
    fields = {field.column: field for field in TABLES[table]._meta.local_concrete_fields}
    needed = {
        name
        for name, field in fields.items()
        if not (field.null or field.primary_key or isinstance(field, GeneratedField))
        and field.db_default is NOT_PROVIDED
    }
    assert WRITTEN[table] - set(fields) == set()
    assert needed - WRITTEN[table] == set()


def test_all_of_them_were_read() -> None:
    assert len(WRITTEN) == _FILL.count("INSERT INTO")
