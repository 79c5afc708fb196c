"""Basket lines whose units are on their way, and orders that wait for such units."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oms', '0017_electronic_editions'),
    ]

    operations = [
        migrations.AddField(
            model_name='basketline',
            name='is_preorder',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='order',
            name='is_awaiting_supply',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
