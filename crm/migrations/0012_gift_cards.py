"""Gift cards and the ledger of what is on them."""

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import retail.kernel.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0011_reviews_wishes_alerts'),
        ('kernel', '0003_no_second_index_of_whole_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='GiftCard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=retail.kernel.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('currency', models.CharField(default='RSD', max_length=3)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('balance', models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                ('code_digest', models.CharField(blank=True, max_length=64)),
                ('last_four', models.CharField(blank=True, max_length=4)),
                ('expires_on', models.DateField(blank=True, null=True)),
                ('blocked_at', models.DateTimeField(blank=True, null=True)),
                ('block_reason', models.CharField(blank=True, max_length=200)),
                ('order_number', models.CharField(max_length=24)),
                ('sender_name', models.CharField(blank=True, max_length=120)),
                ('recipient_name', models.CharField(blank=True, max_length=120)),
                ('recipient_email', models.EmailField(max_length=254)),
                ('message', models.CharField(blank=True, max_length=500)),
                ('language', models.CharField(default='sr-latn', max_length=10)),
                ('send_on', models.DateField()),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('next_attempt_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('customer', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='gift_cards', to='crm.customer')),
                ('entity', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.legalentity')),
            ],
        ),
        migrations.CreateModel(
            name='GiftCardEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('reason', models.CharField(choices=[('ISSUED', 'Paid for'), ('SPENT', 'Paid with'), ('GIVEN_BACK', 'Given back'), ('REFUNDED', 'Card returned'), ('EXPIRED', 'Expired')], max_length=10)),
                ('source_kind', models.CharField(max_length=30)),
                ('source_key', models.CharField(max_length=64)),
                ('order_number', models.CharField(blank=True, max_length=24)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('card', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='crm.giftcard')),
            ],
            options={
                'verbose_name_plural': 'gift card entries',
            },
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(fields=['order_number'], name='gift_card_order'),
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(condition=models.Q(('last_four', ''), _negated=True), fields=['last_four'], name='gift_card_last_four'),
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(fields=['recipient_email'], name='gift_card_recipient'),
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(condition=models.Q(('customer__isnull', False)), fields=['customer'], name='gift_card_customer'),
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(condition=models.Q(('sent_at__isnull', True)), fields=['send_on'], name='gift_card_to_send'),
        ),
        migrations.AddIndex(
            model_name='giftcard',
            index=models.Index(condition=models.Q(('balance__gt', 0)), fields=['expires_on'], name='gift_card_expiry'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('balance__gte', 0), ('balance__lte', models.F('amount'))), name='gift_card_never_below_zero'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.UniqueConstraint(condition=models.Q(('code_digest', ''), _negated=True), fields=('code_digest',), name='gift_card_code_once'),
        ),
        migrations.AddConstraint(
            model_name='giftcard',
            constraint=models.CheckConstraint(condition=models.Q(('blocked_at__isnull', True), models.Q(('block_reason', ''), _negated=True), _connector='OR'), name='gift_card_block_has_reason'),
        ),
        migrations.AddIndex(
            model_name='giftcardentry',
            index=models.Index(condition=models.Q(('order_number', ''), _negated=True), fields=['order_number'], name='gift_card_entry_order'),
        ),
        migrations.AddConstraint(
            model_name='giftcardentry',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='gift_card_entry_moves'),
        ),
        migrations.AddConstraint(
            model_name='giftcardentry',
            constraint=models.UniqueConstraint(fields=('card', 'source_kind', 'source_key'), name='gift_card_entry_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='giftcardentry',
            trigger=pgtrigger.compiler.Trigger(name='giftcardentry_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';", hash='35bf731657c8b3d06da7e1a9b7c79897be27cf50', operation='UPDATE OR DELETE', pgid='pgtrigger_giftcardentry_append_only_b7c04', table='crm_giftcardentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='giftcardentry',
            trigger=pgtrigger.compiler.Trigger(name='gift_card_balance_follows', sql=pgtrigger.compiler.UpsertTriggerSql(func='UPDATE crm_giftcard SET balance = balance + NEW.amount WHERE id = NEW.card_id; RETURN NULL;', hash='084129244b0009854f7a567dc65dcfb520db6a37', operation='INSERT', pgid='pgtrigger_gift_card_balance_follows_f6bb0', table='crm_giftcardentry', when='AFTER')),
        ),
    ]
