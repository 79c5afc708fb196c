"""Which tables are traced, and how the triggers get onto them: after every migrate, so that a new table cannot be forgotten."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction

from audit import sql
from audit.register import COLUMNS, UNTRACED

ROOMS = ("kernel", "audit", "storefront", "crm", "oms", "warehouse", "finance", "cms")


def traced_models() -> list[type[models.Model]]:
    """Every business row, the many-to-many ones included, and what the register names of a library's rows."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if (model._meta.app_label in ROOMS or model._meta.label in COLUMNS)
        and model._meta.managed
        and not model._meta.proxy
        and model._meta.label not in UNTRACED
    ]


def traced(model: type[models.Model], columns: Sequence[str]) -> sql.Traced:
    """What the triggers of a model's table are made of; `columns` are those that the table has."""
    owner: Any = model._meta.auto_created  # django-stubs says bool; it is the model that owns the relation
    assert model._meta.pk is not None
    primary = str(model._meta.pk.column)
    if owner:
        source = next(f for f in model._meta.fields if f.is_relation and f.related_model is owner)
        app, name = owner._meta.label_lower.split(".")
        return sql.Traced(model._meta.db_table, app, name, str(source.column), primary, columns)
    app, name = model._meta.label_lower.split(".")
    kinds = COLUMNS.get(model._meta.label, {})
    # Between two migrations a table has columns that the register no longer knows, or not yet: nobody reads those in the trace.
    unknown = set(columns) - {column for each in kinds.values() for column in each}
    return sql.Traced(
        model._meta.db_table,
        app,
        name,
        primary,
        primary,
        [column for column in columns if column not in kinds.get("skipped", ())],
        frozenset(kinds.get("personal", ())),
        frozenset({*kinds.get("secret", ()), *unknown}),
    )


def attach_triggers(*, using: str = "default", **_: Any) -> None:
    """Create or renew what traces every table that exists, for the columns that it has.

    A migrate may run beside a shop that sells: triggers that stand are left alone, and each table that needs some is locked by itself.
    """
    with connections[using].cursor() as cursor:
        present, standing = _columns(cursor), _standing(cursor)
        cursor.execute(sql.FUNCTIONS)
        for model in traced_models():
            table = model._meta.db_table
            if columns := present.get(table):
                what = traced(model, columns)
                with transaction.atomic(using=using):
                    cursor.execute(sql.functions(what))
                    if table not in standing:
                        cursor.execute(sql.triggers(what))
        cursor.execute(sql.DROP_FORMER)


def renew_triggers(connection: Any, table: str) -> None:
    """A migration changed the columns of this table: its functions, where it has them, are made for the new ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = 'audit_update'",
            [connection.ops.quote_name(table)],
        )
        if cursor.fetchone() is None:
            return
        columns = _columns(cursor)[table]
        for model in traced_models():
            if model._meta.db_table == table:
                cursor.execute(sql.functions(traced(model, columns)))


def _standing(cursor: Any) -> set[str]:
    """Tables whose triggers are all there, switched on, and of this version."""
    cursor.execute(
        "SELECT t.tgrelid::regclass::text FROM pg_trigger t WHERE t.tgenabled = 'O' AND (t.tgname = 'audit_truncate' "
        "OR t.tgname IN ('audit_insert', 'audit_update', 'audit_delete') AND obj_description(t.oid, 'pg_trigger') = %s) "
        "GROUP BY 1 HAVING count(*) = 4",
        [sql.VERSION],
    )
    return {table for (table,) in cursor.fetchall()}


def _columns(cursor: Any) -> dict[str, list[str]]:
    """The columns of every table, in their order."""
    cursor.execute(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped "
        "GROUP BY c.relname"
    )
    return dict(cursor.fetchall())
