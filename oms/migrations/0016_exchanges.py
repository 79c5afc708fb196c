"""Exchanges: the return of one order pays for another."""

import django.db.models.deletion
import django.utils.timezone
import retail.kernel.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oms', '0015_orders_sent_to_a_store'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='order',
            name='payment_method',
            field=models.CharField(choices=[('CARD', 'Card'), ('CASH_ON_DELIVERY', 'Cash on delivery'), ('BANK_TRANSFER', 'Bank transfer'), ('GIFT_CARD', 'Gift card'), ('EXCHANGE', 'Exchange')], max_length=20),
        ),
        migrations.CreateModel(
            name='Exchange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=retail.kernel.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('credit', models.DecimalField(decimal_places=2, max_digits=12)),
                ('state', models.CharField(choices=[('WAITING', 'Waits for what comes back'), ('PAID', 'Exchanged'), ('ENDED', 'Not exchanged')], default='WAITING', max_length=8)),
                ('deadline', models.DateTimeField()),
                ('sent_ahead_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='exchange', to='oms.order')),
                ('returned', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='exchange', to='oms.return')),
                ('sent_ahead_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'WAITING')), fields=['deadline'], name='exchange_waiting')],
                'constraints': [models.CheckConstraint(condition=models.Q(('credit__gt', 0)), name='exchange_credit_positive')],
            },
        ),
    ]
