"""Gift cards join the chart, and a payment may be made with one."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from finance.chart import ACCOUNTS, GIFT_CARDS


def write_account(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("finance", "LedgerAccount")
    rows.objects.bulk_create(
        [
            rows(code=one.code, name=one.name, name_en=one.name_en, is_debit_normal=one.is_debit_normal)
            for one in ACCOUNTS
            if one.code == GIFT_CARDS
        ],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_gift_cards'),
        ('finance', '0007_accounts_of_points'),
        ('oms', '0013_gift_cards_pay'),
    ]

    operations = [
        migrations.RunPython(write_account, migrations.RunPython.noop),
        migrations.AddField(
            model_name='payment',
            name='gift_card',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.giftcard'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='method',
            field=models.CharField(choices=[('CARD', 'Card'), ('CASH_ON_DELIVERY', 'Cash on delivery'), ('BANK_TRANSFER', 'Bank transfer'), ('GIFT_CARD', 'Gift card')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('gift_card__isnull', False), ('method', 'GIFT_CARD')), models.Q(models.Q(('method', 'GIFT_CARD'), _negated=True), ('gift_card__isnull', True)), _connector='OR'), name='payment_names_its_gift_card'),
        ),
    ]
