"""Reads and inserts of hot paths without building their SQL anew each time.

The ORM spends more on the text of a statement than the server on running it. A `Question` is built once in a process from an
ordinary queryset and asked again with other values; `insert` writes rows of one model in one statement. Everything else of the
models holds: fields convert their values, related rows are filled, defaults and `auto_now` apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)


class Question(Generic[Row]):
    """A queryset with values to fill in: `Question(lambda token: Basket.objects.filter(token=token), "?")`.

    The examples stand for the values while the statement is built: of the right type, and different from everything in it.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Row]], *examples: Any) -> None:
        self._build, self._examples = build, examples
        self._built: tuple[str, tuple[Any, ...], Any] | None = None

    def rows(self, *values: Any) -> list[Row]:
        sql, parameters = self.text(*values)
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        return list(_models(self._statement()[2], found))

    def text(self, *values: Any) -> tuple[str, list[Any]]:
        """The statement with these values."""
        sql, parameters, _ = self._statement()
        given = dict(zip(self._examples, values, strict=True))
        return sql, [given.get(each, each) for each in parameters]

    def first(self, *values: Any) -> Row | None:
        return next(iter(self.rows(*values)), None)

    def _statement(self) -> tuple[str, tuple[Any, ...], Any]:
        if self._built is None:
            compiler: Any = self._build(*self._examples).query.get_compiler(using=connection.alias)
            sql, parameters = compiler.as_sql()
            missing = [each for each in self._examples if each not in parameters]
            assert not missing, f"examples that the statement does not carry as they are: {missing}"
            self._built = (sql, tuple(parameters), compiler)
        return self._built


def _models(compiler: Any, found: Sequence[Sequence[Any]]) -> Any:
    """What a queryset does with the rows of its statement."""
    select, description = compiler.select, compiler.klass_info
    fields = description["select_fields"]
    start, end = fields[0], fields[-1] + 1
    names = [column[0].target.attname for column in select[start:end]]
    related = get_related_populators(description, select, connection.alias)  # type: ignore[call-arg]
    for row in compiler.results_iter(results=[found]):
        made = description["model"].from_db(connection.alias, names, row[start:end])
        for populator in related:
            populator.populate(row, made)
        yield made


def find_or_insert(question: Question[Row], values: Sequence[Any], row: Row) -> tuple[Row, bool]:
    """The answer of the question, else the new row written; True when it was. One statement for both."""
    model = type(row)
    fields, _, head, _, _ = _insert_statement(model, ())
    asked, parameters = question.text(*values)
    own = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in model._meta.concrete_fields)
    places = ", ".join(["%s"] * len(own))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found AS ({asked}), made AS ({head.removesuffix('VALUES')} SELECT {places} "  # noqa: S608
            f"WHERE NOT EXISTS (SELECT 1 FROM found) RETURNING {columns}) "
            "SELECT false, found.* FROM found UNION ALL SELECT true, made.* FROM made",
            [*parameters, *own],
        )
        (is_new, *stored) = cursor.fetchone()
    names = [field.attname for field in model._meta.concrete_fields]
    return model.from_db(connection.alias, names, stored), is_new


def insert(
    rows: Sequence[models.Model],
    *,
    computed: Mapping[str, str] | None = None,
    beside: tuple[str, Sequence[Any]] | None = None,
) -> None:
    """Write new rows of one model in one statement and give them their keys.

    `computed` are columns that the database works out, as SQL by field name; their values are read back, like defaults of its own.
    `beside` is a change of another row that belongs to this one, made by the same statement.
    """
    if not rows:
        return
    model = type(rows[0])
    formulas = tuple(sorted((computed or {}).items()))
    fields, returned, head, one, tail = _insert_statement(model, formulas)
    values, places = [], []
    for row in rows:
        place = []
        for field in fields:
            value = field.pre_save(row, True)
            if value is None:  # nothing to bind, and no statement of its own for each mix of types
                place.append("NULL")
            elif isinstance(value, DatabaseDefault):
                place.append("DEFAULT")
            else:
                place.append("%s")
                values.append(field.get_db_prep_save(value, connection))
        places.append(one % ", ".join(place))
    with connection.cursor() as cursor:
        if beside is not None:
            head, values = f"WITH beside AS ({beside[0]}) {head}", [*beside[1], *values]
        cursor.execute(f"{head} {', '.join(places)} {tail}", values)
        answers = cursor.fetchall()
    for row, answer in zip(rows, answers, strict=True):
        for name, value in zip(returned, answer, strict=True):
            setattr(row, name, value)
        row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=256)
def _insert_statement(
    model: type[models.Model], formulas: tuple[tuple[str, str], ...]
) -> tuple[list[Any], list[str], str, str, str]:
    """The fields with values of their own, the names of what is read back, and the text around both."""
    meta, quote = model._meta, connection.ops.quote_name
    assert meta.pk is not None
    left_out = {meta.pk.name, *(name for name, _ in formulas)}
    fields = [field for field in meta.concrete_fields if field.name not in left_out and not field.generated]
    formula_columns = [meta.get_field(name).column for name, _ in formulas]  # type: ignore[union-attr]
    columns = ", ".join(quote(str(column)) for column in [*(f.column for f in fields), *formula_columns])
    returned: list[Any] = [*meta.db_returning_fields, *(meta.get_field(name) for name, _ in formulas)]
    one = "(" + ", ".join(["%s", *(formula.replace("%", "%%") for _, formula in formulas)]) + ")"
    return (
        fields,
        [field.attname for field in returned],
        f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES",
        one,
        "RETURNING " + ", ".join(quote(str(field.column)) for field in returned),
    )


def insertion(model: type[models.Model], source: str, *, without: Sequence[str] = ()) -> str:
    """A statement that writes the rows told by the JSON `source`, as `told` tells them; the database fills the columns `without`."""
    meta = model._meta
    columns = [
        str(field.column)
        for field in meta.concrete_fields
        if field.column not in without and not field.generated
    ]
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    table = connection.ops.quote_name(meta.db_table)
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, {source})"  # noqa: S608
    )


def told(rows: Sequence[models.Model]) -> str:
    """New rows of one model as JSON, each column by its name: texts for what JSON has no type for, as PostgreSQL reads them."""
    plain, filled, begun = _columns(type(rows[0])) if rows else ((), (), ())
    found = []
    for row in rows:
        own = row.__dict__
        one = {column: own[name] for column, name in plain}
        for column, field in filled:
            one[column] = field.pre_save(row, True)
        for column, name in begun:
            one[column] = None if isinstance(own[name], DatabaseDefault) else own[name]
        found.append(one)
    return as_json(found)


def as_json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=64)
def _columns(
    model: type[models.Model],
) -> tuple[list[tuple[str, str]], list[tuple[str, models.Field[Any, Any]]], list[tuple[str, str]]]:
    """Columns with their attributes; those that a field fills just before it is written (`auto_now`); those that the database may begin."""
    plain, filled, begun = [], [], []
    for each in model._meta.concrete_fields:
        column = str(each.column)
        if each.generated:
            continue
        if getattr(each, "auto_now", False) or getattr(each, "auto_now_add", False):
            filled.append((column, each))
        elif each.has_db_default():
            begun.append((column, each.attname))
        else:
            plain.append((column, each.attname))
    return plain, filled, begun
