"""When a shipment, purchase order or transfer last changed, its parcels and lines included: what `updated_after` asks."""

import django.db.models.functions.datetime
from django.db import migrations, models

OWNERS = {"warehouse_shipment": "shipment", "warehouse_purchaseorder": "purchase", "warehouse_transfer": "transfer"}
PARTS = (
    ("warehouse_parcel", "shipment_id", "warehouse_shipment"),
    ("warehouse_purchaseorderline", "order_id", "warehouse_purchaseorder"),
    ("warehouse_transferline", "transfer_id", "warehouse_transfer"),
)


def touch() -> str:
    owners = "".join(
        f"CREATE TRIGGER {name}_touch BEFORE UPDATE ON {table} FOR EACH ROW "
        "WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION warehouse_touch();\n"
        for table, name in OWNERS.items()
    )
    return (
        """CREATE FUNCTION warehouse_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$;
"""
        + owners
        + "".join(
            f"""CREATE FUNCTION {part}_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE {owner} SET updated_at = clock_timestamp() WHERE id IN (SELECT {key} FROM parts); RETURN NULL; END $$;
CREATE FUNCTION {part}_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE {owner} SET updated_at = clock_timestamp()
     WHERE id IN (SELECT p.{key} FROM parts p JOIN before b USING (id) WHERE p IS DISTINCT FROM b);
    RETURN NULL;
END $$;
CREATE TRIGGER touch_insert AFTER INSERT ON {part} REFERENCING NEW TABLE AS parts FOR EACH STATEMENT EXECUTE FUNCTION {part}_new();
CREATE TRIGGER touch_update AFTER UPDATE ON {part} REFERENCING OLD TABLE AS before NEW TABLE AS parts
    FOR EACH STATEMENT EXECUTE FUNCTION {part}_changed();
"""
            for part, key, owner in PARTS
        )
    )


def untouch() -> str:
    parts = "".join(
        f"DROP TRIGGER touch_insert ON {part}; DROP TRIGGER touch_update ON {part};"
        f"DROP FUNCTION {part}_new(); DROP FUNCTION {part}_changed();"
        for part, _, _ in PARTS
    )
    owners = "".join(f"DROP TRIGGER {name}_touch ON {table};" for table, name in OWNERS.items())
    return parts + owners + "DROP FUNCTION warehouse_touch();"


def stamp(model: str) -> list[migrations.operations.base.Operation]:
    return [
        migrations.AddField(
            model_name=model,
            name="updated_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddIndex(
            model_name=model,
            index=models.Index(fields=["updated_at", "id"], name=f"{model}_updated"),
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0005_work_that_waits_by_place")]
    operations = [
        *stamp("shipment"),
        *stamp("purchaseorder"),
        *stamp("transfer"),
        migrations.RunSQL(touch(), untouch()),
    ]
