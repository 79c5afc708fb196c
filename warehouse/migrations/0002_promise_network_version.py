"""A version of everything that promises are made of except stock, so that a process may keep the rest and know when it is stale.

Random, not counted: a rolled-back change must never leave a number that a later change repeats. Kept by triggers, so that no
writer can forget it.
"""

from django.db import migrations

TABLES = (
    "kernel_location",
    "kernel_locationclosure",
    "kernel_holiday",
    "oms_deliverymethod",
    "oms_deliveryzone",
    "oms_carrier",
    "oms_carrierservice",
    "oms_lane",
)

FORWARD = """
CREATE TABLE warehouse_network (only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), version uuid NOT NULL);
INSERT INTO warehouse_network (version) VALUES (gen_random_uuid());
CREATE FUNCTION warehouse_network_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE warehouse_network SET version = gen_random_uuid();
    RETURN NULL;
END $$;
""" + "\n".join(
    f"CREATE TRIGGER network_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION warehouse_network_changed();"
    for table in TABLES
)

BACKWARD = "DROP FUNCTION warehouse_network_changed() CASCADE; DROP TABLE warehouse_network;"


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0001_initial"),
        ("oms", "0001_initial"),
        ("warehouse", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
