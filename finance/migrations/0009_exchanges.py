"""An exchange has its account, and money of a refund may pay another order."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from finance.chart import ACCOUNTS, EXCHANGES


def write_account(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("finance", "LedgerAccount")
    rows.objects.bulk_create(
        [
            rows(code=one.code, name=one.name, name_en=one.name_en, is_debit_normal=one.is_debit_normal)
            for one in ACCOUNTS
            if one.code == EXCHANGES
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0008_payments_by_gift_card'),
        ('oms', '0016_exchanges'),
    ]

    operations = [
        migrations.RunPython(write_account, migrations.RunPython.noop),
        migrations.AddField(
            model_name='refund',
            name='moved_to',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.payment'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='method',
            field=models.CharField(choices=[('CARD', 'Card'), ('CASH_ON_DELIVERY', 'Cash on delivery'), ('BANK_TRANSFER', 'Bank transfer'), ('GIFT_CARD', 'Gift card'), ('EXCHANGE', 'Exchange')], max_length=20),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('moved_to__isnull', False)), fields=['moved_to'], name='refund_moved_to'),
        ),
    ]
