"""Claims on lines of purchase orders, never more than is still to come."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oms', '0018_preorders'),
        ('storefront', '0007_collections_visits_and_buyers_ratings'),
        ('warehouse', '0009_transfers_of_orders'),
    ]

    operations = [
        migrations.CreateModel(
            name='SupplyClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('HELD', 'Held for a basket'), ('ALLOCATED', 'Allocated'), ('FILLED', 'Received'), ('RELEASED', 'Released')], default='HELD', max_length=10)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField(
            model_name='purchaseorderline',
            name='quantity_claimed',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name='purchaseorderline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity_claimed', 0), ('quantity__gte', django.db.models.expressions.CombinedExpression(models.F('quantity_received'), '+', models.F('quantity_claimed'))), _connector='OR'), name='purchase_line_not_overclaimed'),
        ),
        migrations.AddField(
            model_name='supplyclaim',
            name='basket_line',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='oms.basketline'),
        ),
        migrations.AddField(
            model_name='supplyclaim',
            name='order_line',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='oms.orderline'),
        ),
        migrations.AddField(
            model_name='supplyclaim',
            name='purchase_order_line',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='warehouse.purchaseorderline'),
        ),
        migrations.AddIndex(
            model_name='supplyclaim',
            index=models.Index(condition=models.Q(('state__in', ['HELD', 'ALLOCATED'])), fields=['purchase_order_line'], name='supply_claim_live'),
        ),
        migrations.AddIndex(
            model_name='supplyclaim',
            index=models.Index(condition=models.Q(('order_line__isnull', False)), fields=['order_line'], name='supply_claim_order_line'),
        ),
        migrations.AddIndex(
            model_name='supplyclaim',
            index=models.Index(condition=models.Q(('basket_line__isnull', False)), fields=['basket_line'], name='supply_claim_basket_line'),
        ),
        migrations.AddIndex(
            model_name='supplyclaim',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('state', 'HELD')), fields=['expires_at'], name='supply_claim_expiry'),
        ),
        migrations.AddConstraint(
            model_name='supplyclaim',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='supply_claim_positive'),
        ),
        migrations.AddConstraint(
            model_name='supplyclaim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('basket_line__isnull', False), ('order_line__isnull', True)), models.Q(('basket_line__isnull', True), ('order_line__isnull', False)), _connector='OR'), name='supply_claim_of_one_line'),
        ),
        migrations.AddConstraint(
            model_name='supplyclaim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'ALLOCATED'), _negated=True), ('order_line__isnull', False), _connector='OR'), name='supply_claim_allocated_to_order'),
        ),
        migrations.AddConstraint(
            model_name='supplyclaim',
            constraint=models.CheckConstraint(condition=models.Q(('basket_line__isnull', True), ('expires_at__isnull', False), _connector='OR'), name='supply_claim_of_basket_ends'),
        ),
    ]
