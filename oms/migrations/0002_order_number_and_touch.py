"""Order numbers come from a sequence (gaps are fine, speed is not optional); every update of an order stamps it."""

from django.db import migrations

SQL = """
CREATE SEQUENCE oms_order_number START 1;
CREATE FUNCTION oms_touch_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER order_touch BEFORE UPDATE ON oms_order FOR EACH ROW EXECUTE FUNCTION oms_touch_order();
"""
UNDO = "DROP TRIGGER order_touch ON oms_order; DROP FUNCTION oms_touch_order(); DROP SEQUENCE oms_order_number;"


class Migration(migrations.Migration):
    dependencies = [("oms", "0001_initial")]
    operations = [migrations.RunSQL(SQL, UNDO)]
