"""The trigger functions of the trace. They are attached to every business table after each migrate (audit/attach.py)."""

from django.db import migrations

from audit import sql


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("auditlog", "0017_add_actor_email"),
    ]
    operations = [
        # django-auditlog creates its own table although ours is in use; its foreign key would break test flushes.
        migrations.RunSQL("DROP TABLE IF EXISTS auditlog_logentry", migrations.RunSQL.noop),
        migrations.RunSQL(sql.FUNCTIONS, sql.DROP_FUNCTIONS),
    ]
