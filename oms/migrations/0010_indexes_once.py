"""An order and its lines were written into eight indexes that nobody asks, or whose beginning another one has."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0007_segment_exports'),
        ('kernel', '0003_no_second_index_of_whole_words'),
        ('oms', '0009_line_customer'),
        ('storefront', '0006_indexes_once'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='basket',
            name='channel',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='storefront.channel'),
        ),
        migrations.AlterField(
            model_name='basket',
            name='customer',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='crm.customer'),
        ),
        migrations.AlterField(
            model_name='basketline',
            name='basket',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='oms.basket'),
        ),
        migrations.AlterField(
            model_name='order',
            name='channel',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='storefront.channel'),
        ),
        migrations.AlterField(
            model_name='order',
            name='customer',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.customer'),
        ),
        migrations.AlterField(
            model_name='order',
            name='entity',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.legalentity'),
        ),
        migrations.AlterField(
            model_name='order',
            name='pickup_location',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.location'),
        ),
        migrations.AlterField(
            model_name='order',
            name='placed_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='order',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='oms.order'),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='variant',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='storefront.variant'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('pickup_location__isnull', False)), fields=['pickup_location'], name='order_pickup'),
        ),
    ]
