"""Notes, tasks and merges of accounts, the rules of points, and a name that any script finds."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import retail.kernel.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


# What `retail.kernel.fold` does for the letters of this part of the world, so that a column can be made of it.
FOLD = """
CREATE OR REPLACE FUNCTION crm_fold(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
SELECT lower(translate(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace($1, 'đ', 'dj'), 'љ', 'lj'), 'њ', 'nj'), 'џ', 'dz'), 'ђ', 'dj'), 'Đ', 'dj'), 'Љ', 'lj'), 'Њ', 'nj'), 'Џ', 'dz'), 'Ђ', 'dj'),
 'áàâäãåāăąéèêëěēėęíìîïīįóòôöõőøōúùûüűūůýÿñňńřŕľĺłťţďčćšśžźżğçабвгдежзијклмнопрстћуфхцчшÁÀÂÄÃÅĀĂĄÉÈÊËĚĒĖĘÍÌÎÏĪĮÓÒÔÖÕŐØŌÚÙÛÜŰŪŮÝŸÑŇŃŘŔĽĹŁŤŢĎČĆŠŚŽŹŻĞÇАБВГДЕЖЗИЈКЛМНОПРСТЋУФХЦЧШ',
 'aaaaaaaaaeeeeeeeeiiiiiioooooooouuuuuuuyynnnrrlllttdccsszzzgcabvgdezzijklmnoprstcufhccsaaaaaaaaaeeeeeeeeiiiiiioooooooouuuuuuuyynnnrrlllttdccsszzzgcabvgdezzijklmnoprstcufhccs') COLLATE "C")
$$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0008_visitor_index'),
        ('kernel', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(FOLD, "DROP FUNCTION crm_fold(text)"),
        migrations.AddField(
            model_name='tier',
            name='spend_from',
            field=models.DecimalField(decimal_places=2, default=0, max_digits=12),
        ),
        # A point was a hundred of money.
        migrations.RunSQL("UPDATE crm_tier SET spend_from = points_from * 100", migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='tier',
            name='points_from',
        ),
        migrations.CreateModel(
            name='CustomerMerge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=retail.kernel.models.new_public_id, editable=False, max_length=32, unique=True)),
                ('moved', models.JSONField(default=dict)),
                ('merged_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='CustomerNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='CustomerTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200)),
                ('due_on', models.DateField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='LoyaltyProgram',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(default='RSD', max_length=3)),
                ('spend_per_point', models.DecimalField(decimal_places=2, default=Decimal('100'), max_digits=10)),
                ('point_value', models.DecimalField(decimal_places=2, default=Decimal('1'), max_digits=10)),
                ('expiry_months', models.PositiveSmallIntegerField(default=24)),
                ('window_months', models.PositiveSmallIntegerField(default=12)),
                ('burn_points_min', models.PositiveIntegerField(default=100)),
                ('burn_percent_max', models.DecimalField(decimal_places=2, default=Decimal('50'), max_digits=5)),
                ('valid_from', models.DateTimeField(default=django.utils.timezone.now)),
                ('valid_to', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['-valid_from'],
            },
        ),
        migrations.RemoveIndex(
            model_name='customer',
            name='customer_find',
        ),
        migrations.AddField(
            model_name='consent',
            name='recorded_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='consent',
            name='source',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='customer',
            name='erased_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='customer',
            name='merged_into',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.customer'),
        ),
        migrations.AddField(
            model_name='loyaltyentry',
            name='entity',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.legalentity'),
        ),
        migrations.AddField(
            model_name='loyaltyentry',
            name='expires_on',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='loyaltyentry',
            name='order_number',
            field=models.CharField(blank=True, max_length=24),
        ),
        migrations.AddField(
            model_name='loyaltyentry',
            name='rate',
            field=models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='loyaltyentry',
            name='value',
            field=models.DecimalField(decimal_places=2, default=0, max_digits=12),
        ),
        migrations.AddField(
            model_name='tier',
            name='earn_factor',
            field=models.DecimalField(decimal_places=2, default=1, max_digits=5),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='customer_merged'),
        ),
        migrations.AddIndex(
            model_name='loyaltyentry',
            index=models.Index(condition=models.Q(('order_number', ''), _negated=True), fields=['order_number'], name='loyalty_entry_order'),
        ),
        migrations.AddIndex(
            model_name='loyaltyentry',
            index=models.Index(condition=models.Q(('expires_on__isnull', False)), fields=['expires_on'], name='loyalty_entry_expiry'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('id')), _negated=True), _connector='OR'), name='customer_not_into_itself'),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='merged',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.customer'),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='merged_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='survivor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='crm.customer'),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='undone_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='customernote',
            name='author',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='customernote',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='crm.customer'),
        ),
        migrations.AddField(
            model_name='customertask',
            name='assignee',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='customertask',
            name='created_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='customertask',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='crm.customer'),
        ),
        migrations.AddField(
            model_name='customertask',
            name='done_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='loyaltyprogram',
            name='created_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='customer',
            name='folded',
            field=models.GeneratedField(db_persist=True, expression=models.Func(django.db.models.functions.text.Concat(models.F('name'), models.Value(' '), models.F('email'), models.Value(' '), models.F('phone'), output_field=models.TextField()), function='crm_fold'), output_field=models.TextField()),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass('folded', 'gin_trgm_ops'), name='customer_find'),
        ),
        migrations.AddConstraint(
            model_name='customermerge',
            constraint=models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('merged',), name='customer_merged_once'),
        ),
        migrations.AddIndex(
            model_name='customernote',
            index=models.Index(fields=['customer', '-created_at'], name='customer_notes'),
        ),
        migrations.AddIndex(
            model_name='customertask',
            index=models.Index(fields=['customer', 'due_on'], name='customer_tasks'),
        ),
        migrations.AddIndex(
            model_name='customertask',
            index=models.Index(condition=models.Q(('done_at__isnull', True)), fields=['assignee', 'due_on'], name='task_open'),
        ),
        migrations.AddConstraint(
            model_name='customertask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', True), ('done_by__isnull', True)), models.Q(('done_at__isnull', False), ('done_by__isnull', False)), _connector='OR'), name='task_done_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='loyaltyprogram',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_to__isnull', True)), fields=('currency',), name='loyalty_program_one_open'),
        ),
        migrations.AddConstraint(
            model_name='loyaltyprogram',
            constraint=models.CheckConstraint(condition=models.Q(('valid_to__isnull', True), ('valid_to__gte', models.F('valid_from')), _connector='OR'), name='loyalty_program_period'),
        ),
        migrations.AddConstraint(
            model_name='loyaltyprogram',
            constraint=models.CheckConstraint(condition=models.Q(('burn_percent_max__gte', 0), ('burn_percent_max__lte', 100), ('expiry_months__gte', 1), ('point_value__gt', 0), ('spend_per_point__gt', 0), ('window_months__gte', 1)), name='loyalty_program_numbers'),
        ),
    ]
