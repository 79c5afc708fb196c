"""Which tables are traced, and how the triggers get onto them: after every migrate, so that a new table cannot be forgotten."""

from collections.abc import Mapping, Sequence
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


def traced(
    model: type[models.Model], columns: Sequence[str], kinds: Mapping[tuple[str, str], int]
) -> sql.Traced:
    """What the triggers of a model's table are made of; `columns` are those that the table has, `kinds` the keys of the kinds of rows."""
    owner: Any = model._meta.auto_created
    assert model._meta.pk is not None
    table, primary, (app, name) = model._meta.db_table, str(model._meta.pk.column), _named(model)
    if owner:
        source = next(f for f in model._meta.fields if f.is_relation and f.related_model is owner)
        return sql.Traced(table, kinds[app, name], app, name, str(source.column), primary, columns)
    shown = COLUMNS.get(model._meta.label, {})
    # Between two migrations a table has columns that the register no longer knows, or not yet: nobody reads those in the trace.
    unknown = set(columns) - {column for each in shown.values() for column in each}
    return sql.Traced(
        table,
        kinds[app, name],
        app,
        name,
        primary,
        primary,
        [column for column in columns if column not in shown.get("skipped", ())],
        frozenset(shown.get("personal", ())),
        frozenset({*shown.get("secret", ()), *unknown}),
    )


def attach_triggers(*, using: str = "default", **_: Any) -> None:
    """Create or renew what traces every table that exists, for the columns that it has.

    A migrate may run beside a shop that sells: triggers that stand are left alone, and each table that needs some is locked by itself.
    """
    with connections[using].cursor() as cursor:
        present, standing, kinds = _columns(cursor), _standing(cursor), _kinds(cursor)
        cursor.execute(sql.FUNCTIONS)
        for model in traced_models():
            table = model._meta.db_table
            if columns := present.get(table):
                what = traced(model, columns, kinds)
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
        columns, kinds = _columns(cursor)[table], _kinds(cursor)
        for model in traced_models():
            if model._meta.db_table == table:
                cursor.execute(sql.functions(traced(model, columns, kinds)))


def _standing(cursor: Any) -> set[str]:
    """Tables whose triggers are all there, switched on, and of this version."""
    cursor.execute(
        "SELECT t.tgrelid::regclass::text FROM pg_trigger t WHERE t.tgenabled = 'O' AND (t.tgname = 'audit_truncate' "
        "OR t.tgname IN ('audit_insert', 'audit_update', 'audit_delete') AND obj_description(t.oid, 'pg_trigger') = %s) "
        "GROUP BY 1 HAVING count(*) = 4",
        [sql.VERSION],
    )
    return {table for (table,) in cursor.fetchall()}


def _kinds(cursor: Any) -> dict[tuple[str, str], int]:
    """The kinds of rows by application and name; what migrate has not written down yet is written now."""
    labels = sorted({_named(model) for model in traced_models()})
    cursor.execute(
        "INSERT INTO django_content_type (app_label, model) SELECT w.app, w.model FROM unnest(%s::text[], %s::text[]) AS w(app, model) "
        "WHERE NOT EXISTS (SELECT 1 FROM django_content_type t WHERE (t.app_label, t.model) = (w.app, w.model)) ON CONFLICT DO NOTHING",
        [[app for app, _ in labels], [name for _, name in labels]],
    )
    cursor.execute("SELECT app_label, model, id FROM django_content_type")
    return {(app, name): key for app, name, key in cursor.fetchall()}


def _named(model: type[models.Model]) -> tuple[str, str]:
    """Application and name under which the trace tells of a model's rows: those between two models go by their owner's."""
    owner: Any = model._meta.auto_created  # django-stubs says bool; it is the model that owns the relation
    app, name = (owner or model)._meta.label_lower.split(".")
    return app, name


def _columns(cursor: Any) -> dict[str, list[str]]:
    """The columns of every table, in their order."""
    cursor.execute(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped "
        "GROUP BY c.relname"
    )
    return dict(cursor.fetchall())
