"""Which tables are traced, and how the triggers get onto them: after every migrate, so that a new table cannot be forgotten."""

from typing import Any

from django.apps import apps
from django.db import connections, models, transaction

from audit import sql
from audit.register import COLUMNS, UNTRACED

ROOMS = ("kernel", "audit", "storefront", "crm", "oms", "warehouse", "finance", "cms")


def traced_models() -> list[type[models.Model]]:
    """Every business row, the many-to-many ones included."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in ROOMS
        and model._meta.managed
        and not model._meta.proxy
        and model._meta.label not in UNTRACED
    ]


def arguments_of(model: type[models.Model]) -> list[str]:
    """Content type label, key column, personal, secret and skipped columns of a model's trigger."""
    owner: Any = model._meta.auto_created  # django-stubs says bool; it is the model that owns the relation
    if owner:
        source = next(f for f in model._meta.fields if f.is_relation and f.related_model is owner)
        return [owner._meta.label_lower, str(source.column), "", "", ""]
    columns = COLUMNS.get(model._meta.label, {})
    assert model._meta.pk is not None
    kinds = (",".join(columns.get(kind, ())) for kind in ("personal", "secret", "skipped"))
    return [model._meta.label_lower, str(model._meta.pk.column), *kinds]


def attach_triggers(*, using: str = "default", **_: Any) -> None:
    """Create or renew the audit triggers of every traced table that exists."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for model in traced_models():
            if model._meta.db_table not in present:
                continue
            arguments = ", ".join("'" + argument.replace("'", "''") + "'" for argument in arguments_of(model))
            cursor.execute(
                sql.ATTACH.format(table=connection.ops.quote_name(model._meta.db_table), arguments=arguments)
            )
