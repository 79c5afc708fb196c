"""Django makes a second index of every text that has one, for LIKE; ours are asked whole, and an order wrote seven of them."""

from django.db import migrations

SQL = r"""
DO $$
DECLARE doomed regclass;
BEGIN
    FOR doomed IN
        SELECT i.oid FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         WHERE i.relname LIKE '%\_like' AND t.relname ~ '^(kernel|audit|storefront|crm|oms|warehouse|finance)_'
           AND NOT x.indisunique AND i.relnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('DROP INDEX %s', doomed);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_user_entities")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
