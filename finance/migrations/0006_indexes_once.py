"""An index whose beginning another one has is written for nothing."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('finance', '0005_einvoices'),
        ('kernel', '0003_no_second_index_of_whole_words'),
        ('oms', '0010_indexes_once'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='payment',
            name='payment_order',
        ),
        migrations.AlterField(
            model_name='capture',
            name='payment',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='captures', to='finance.payment'),
        ),
        migrations.AlterField(
            model_name='journalentry',
            name='entity',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.legalentity'),
        ),
        migrations.AlterField(
            model_name='journalline',
            name='account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='finance.ledgeraccount'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='oms.order'),
        ),
    ]
