"""Hours of delivery and parcel lockers are a part of the network that promises are made of."""

from django.db import migrations

TABLES = ("oms_deliveryslot", "oms_parcellocker")
FORWARD = "".join(
    f"CREATE TRIGGER network_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION warehouse_network_changed();"
    for table in TABLES
)
BACKWARD = "".join(f"DROP TRIGGER network_changed ON {table};" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0012_delivery_day_and_lockers"),
        ("warehouse", "0007_indexes_once"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
