"""A claim is rewritten at every step of its life, and stood in nineteen indexes; those that are asked stay, with the rows that are asked for."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0003_no_second_index_of_whole_words'),
        ('oms', '0010_indexes_once'),
        ('storefront', '0006_indexes_once'),
        ('warehouse', '0006_when_goods_papers_changed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='reservation',
            name='reservation_order_line',
        ),
        migrations.RemoveIndex(
            model_name='reservation',
            name='reservation_basket_line',
        ),
        migrations.RemoveIndex(
            model_name='reservation',
            name='reservation_shipment',
        ),
        migrations.AlterField(
            model_name='reservation',
            name='basket_line',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='oms.basketline'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='location',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.location'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='order_line',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='oms.orderline'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='parcel',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='warehouse.parcel'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='picked_from',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='warehouse.bin'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='picker',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='shipment',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='warehouse.shipment'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='stock_item',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='warehouse.stockitem'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='transfer_line',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='warehouse.transferline'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='variant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='storefront.variant'),
        ),
        migrations.AddIndex(
            model_name='reservation',
            index=models.Index(condition=models.Q(('order_line__isnull', False)), fields=['order_line'], name='reservation_order_line'),
        ),
        migrations.AddIndex(
            model_name='reservation',
            index=models.Index(condition=models.Q(('basket_line__isnull', False)), fields=['basket_line'], name='reservation_basket_line'),
        ),
        migrations.AddIndex(
            model_name='reservation',
            index=models.Index(condition=models.Q(('shipment__isnull', False)), fields=['shipment'], name='reservation_shipment'),
        ),
        migrations.AddIndex(
            model_name='reservation',
            index=models.Index(condition=models.Q(('parcel__isnull', False)), fields=['parcel'], name='reservation_parcel'),
        ),
    ]
