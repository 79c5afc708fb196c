"""Baskets and orders that are paid with gift cards."""

import django.db.models.deletion
import django.utils.timezone
import retail.kernel.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_gift_cards'),
        ('oms', '0012_delivery_day_and_lockers'),
    ]

    operations = [
        migrations.AddField(
            model_name='basket',
            name='has_gift_cards',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='order',
            name='has_gift_cards',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name='order',
            name='payment_method',
            field=models.CharField(choices=[('CARD', 'Card'), ('CASH_ON_DELIVERY', 'Cash on delivery'), ('BANK_TRANSFER', 'Bank transfer'), ('GIFT_CARD', 'Gift card')], max_length=20),
        ),
        migrations.CreateModel(
            name='BasketGiftCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=retail.kernel.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('basket', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='gift_cards', to='oms.basket')),
                ('card', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='crm.giftcard')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('basket', 'card'), name='basket_gift_card_once')],
            },
        ),
    ]
