"""The accounts of loyalty points join the chart."""

from typing import Any

from django.db import migrations

from finance.chart import ACCOUNTS, POINTS, POINTS_REVENUE


def write_accounts(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("finance", "LedgerAccount")
    rows.objects.bulk_create(
        [
            rows(code=one.code, name=one.name, name_en=one.name_en, is_debit_normal=one.is_debit_normal)
            for one in ACCOUNTS
            if one.code in (POINTS, POINTS_REVENUE)
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("finance", "0006_indexes_once")]
    operations = [migrations.RunPython(write_accounts, migrations.RunPython.noop)]
