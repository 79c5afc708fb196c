"""Transfers between places of the company, with their claims; counts of a bin."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0001_initial'),
        ('oms', '0002_order_number_and_touch'),
        ('storefront', '0002_sort_orders_with_gaps_last'),
        ('warehouse', '0003_parcel_tracking_status'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='StockCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=24, unique=True)),
                ('status', models.CharField(choices=[('OPEN', 'Being counted'), ('WAITING', 'Waits for approval'), ('APPROVED', 'Being written'), ('POSTED', 'Posted'), ('CANCELED', 'Canceled')], default='OPEN', max_length=8)),
                ('is_whole', models.BooleanField(default=False)),
                ('value', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('counted_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='StockCountLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('expected', models.PositiveIntegerField()),
                ('counted', models.PositiveIntegerField(blank=True, null=True)),
                ('displaced', models.PositiveIntegerField(default=0)),
                ('is_written', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='Transfer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=24, unique=True)),
                ('status', models.CharField(choices=[('REQUESTED', 'Requested'), ('SHIPPED', 'On its way'), ('PARTLY_RECEIVED', 'Partly received'), ('RECEIVED', 'Received'), ('CANCELED', 'Canceled')], default='REQUESTED', max_length=16)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('expected_on', models.DateField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('shipped_at', models.DateTimeField(blank=True, null=True)),
                ('received_at', models.DateTimeField(blank=True, null=True)),
                ('canceled_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='TransferLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField()),
                ('quantity_shipped', models.PositiveIntegerField(default=0)),
                ('quantity_good', models.PositiveIntegerField(default=0)),
                ('quantity_damaged', models.PositiveIntegerField(default=0)),
                ('quantity_lost', models.PositiveIntegerField(default=0)),
                ('quantity_over', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='reservation',
            name='reservation_of_one_line',
        ),
        migrations.RemoveConstraint(
            model_name='reservation',
            name='reservation_allocated_to_order',
        ),
        migrations.AddField(
            model_name='stockcount',
            name='approved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='stockcount',
            name='bin',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='warehouse.bin'),
        ),
        migrations.AddField(
            model_name='stockcount',
            name='by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='stockcount',
            name='location',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.location'),
        ),
        migrations.AddField(
            model_name='stockcountline',
            name='count',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='warehouse.stockcount'),
        ),
        migrations.AddField(
            model_name='stockcountline',
            name='variant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='storefront.variant'),
        ),
        migrations.AddField(
            model_name='transfer',
            name='by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='transfer',
            name='entity',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.legalentity'),
        ),
        migrations.AddField(
            model_name='transfer',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.location'),
        ),
        migrations.AddField(
            model_name='transfer',
            name='target',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.location'),
        ),
        migrations.AddField(
            model_name='transferline',
            name='transfer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='warehouse.transfer'),
        ),
        migrations.AddField(
            model_name='transferline',
            name='variant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='storefront.variant'),
        ),
        migrations.AddField(
            model_name='reservation',
            name='transfer_line',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='warehouse.transferline'),
        ),
        migrations.AddIndex(
            model_name='reservation',
            index=models.Index(condition=models.Q(('transfer_line__isnull', False)), fields=['transfer_line'], name='reservation_transfer_line'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('basket_line__isnull', False), ('order_line__isnull', True), ('transfer_line__isnull', True)), models.Q(('basket_line__isnull', True), ('order_line__isnull', False), ('transfer_line__isnull', True)), models.Q(('basket_line__isnull', True), ('order_line__isnull', True), ('transfer_line__isnull', False)), ('state', 'RELEASED'), _connector='OR'), name='reservation_of_one_line'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['HELD', 'RELEASED']), ('order_line__isnull', False), ('transfer_line__isnull', False), _connector='OR'), name='reservation_allocated_to_order'),
        ),
        migrations.AddIndex(
            model_name='stockcount',
            index=models.Index(fields=['status', '-started_at'], name='stock_count_queue'),
        ),
        migrations.AddConstraint(
            model_name='stockcount',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['OPEN', 'WAITING', 'APPROVED'])), fields=('bin',), name='stock_count_one_per_bin'),
        ),
        migrations.AddConstraint(
            model_name='stockcountline',
            constraint=models.UniqueConstraint(fields=('count', 'variant'), name='stock_count_variant_once'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['target', 'status'], name='transfer_arriving'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['source', 'status'], name='transfer_leaving'),
        ),
        migrations.AddConstraint(
            model_name='transfer',
            constraint=models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='transfer_between_two_places'),
        ),
        migrations.AddConstraint(
            model_name='transferline',
            constraint=models.UniqueConstraint(fields=('transfer', 'variant'), name='transfer_line_variant_once'),
        ),
        migrations.AddConstraint(
            model_name='transferline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1), ('quantity_shipped__lte', models.F('quantity'))), name='transfer_line_shipped_asked'),
        ),
        migrations.AddConstraint(
            model_name='transferline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity_shipped__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('quantity_good'), '+', models.F('quantity_damaged')), '+', models.F('quantity_lost')))), name='transfer_line_arrived_shipped'),
        ),
    ]
