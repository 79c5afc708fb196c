"""Files in orders: the consent of their buyers and the leave to download."""

import django.db.models.deletion
import retail.kernel.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_gift_cards'),
        ('oms', '0016_exchanges'),
        ('storefront', '0009_electronic_editions'),
    ]

    operations = [
        migrations.CreateModel(
            name='DownloadGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=retail.kernel.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('version', models.PositiveSmallIntegerField(default=1)),
                ('downloads', models.PositiveIntegerField(default=0)),
                ('downloads_max', models.PositiveIntegerField()),
                ('expires_at', models.DateTimeField()),
                ('first_download_at', models.DateTimeField(blank=True, null=True)),
                ('last_download_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='WithdrawalConsent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('words', models.CharField(max_length=400)),
                ('language', models.CharField(max_length=10)),
                ('given_at', models.DateTimeField()),
            ],
        ),
        migrations.AlterField(
            model_name='orderline',
            name='kind',
            field=models.CharField(choices=[('GOODS', 'Goods'), ('DELIVERY', 'Delivery'), ('FEE', 'Fee'), ('GIFT_CARD', 'Gift card'), ('DIGITAL', 'Electronic edition')], default='GOODS', max_length=10),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='tax_class',
            field=models.CharField(blank=True, choices=[('BOOKS', 'Books and printed matter'), ('STANDARD', 'General rate'), ('EXEMPT', 'Exempt'), ('EBOOKS', 'Electronic books')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'DIGITAL'), _negated=True), models.Q(('quantity', 1), ('variant__isnull', False)), _connector='OR'), name='order_line_digital_once'),
        ),
        migrations.AddField(
            model_name='downloadgrant',
            name='line',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='download', to='oms.orderline'),
        ),
        migrations.AddField(
            model_name='withdrawalconsent',
            name='order',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='withdrawal_consent', to='oms.order'),
        ),
        migrations.AddConstraint(
            model_name='downloadgrant',
            constraint=models.CheckConstraint(condition=models.Q(('downloads__lte', models.F('downloads_max'))), name='download_grant_in_bounds'),
        ),
        migrations.AddConstraint(
            model_name='downloadgrant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('downloads', 0), ('first_download_at__isnull', True)), models.Q(('downloads__gt', 0), ('first_download_at__isnull', False)), _connector='OR'), name='download_grant_knows_its_first'),
        ),
    ]
