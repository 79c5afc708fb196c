"""The accounts that this house posts to stand in every database, since no verb can post without them."""

from typing import Any

from django.db import migrations

from finance.chart import ACCOUNTS


def write_chart(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("finance", "LedgerAccount")
    rows.objects.bulk_create(
        [
            rows(code=one.code, name=one.name, name_en=one.name_en, is_debit_normal=one.is_debit_normal)
            for one in ACCOUNTS
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("finance", "0001_initial")]
    operations = [migrations.RunPython(write_chart, migrations.RunPython.noop)]
