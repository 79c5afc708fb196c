"""Variants that are files, and the tax class of electronic books."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


def tax_as_general(apps, schema_editor):
    """Electronic books are taxed at the general rate until the table says otherwise, from the days that it has."""
    TaxRate = apps.get_model("storefront", "TaxRate")
    for rate in TaxRate.objects.filter(tax_class="STANDARD"):
        TaxRate.objects.get_or_create(
            tax_class="EBOOKS",
            country=rate.country,
            valid_from=rate.valid_from,
            defaults={"rate": rate.rate, "valid_to": rate.valid_to},
        )


class Migration(migrations.Migration):

    dependencies = [
        ('storefront', '0008_an_authors_most_read_titles'),
    ]

    operations = [
        migrations.CreateModel(
            name='DigitalFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('media_type', models.CharField(max_length=40)),
                ('size', models.PositiveIntegerField()),
                ('digest', models.CharField(max_length=64)),
                ('uploaded_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField(
            model_name='variant',
            name='is_digital',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name='taxrate',
            name='tax_class',
            field=models.CharField(choices=[('BOOKS', 'Books and printed matter'), ('STANDARD', 'General rate'), ('EXEMPT', 'Exempt'), ('EBOOKS', 'Electronic books')], max_length=20),
        ),
        migrations.AlterField(
            model_name='variant',
            name='tax_class',
            field=models.CharField(choices=[('BOOKS', 'Books and printed matter'), ('STANDARD', 'General rate'), ('EXEMPT', 'Exempt'), ('EBOOKS', 'Electronic books')], default='BOOKS', max_length=20),
        ),
        migrations.AddIndex(
            model_name='variant',
            index=models.Index(condition=models.Q(('is_digital', True)), fields=['id'], name='variant_digital'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('is_digital', True), ('is_kit', True), _negated=True), name='variant_digital_is_no_kit'),
        ),
        migrations.AddField(
            model_name='digitalfile',
            name='variant',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='file', to='storefront.variant'),
        ),
        migrations.AlterField(
            model_name='feedrejection',
            name='reason',
            field=models.CharField(choices=[('NO_PRICE', 'It has no price in this channel'), ('BAD_BARCODE', 'The check digit of the barcode does not fit'), ('NO_IDENTITY', 'It has neither a barcode nor a publisher or brand'), ('NO_BRAND', 'It has no publisher, brand or author'), ('NO_TITLE', 'It has no title'), ('ELECTRONIC', 'It is an electronic edition, which this feed does not take')], max_length=20),
        ),
        migrations.RunPython(tax_as_general, migrations.RunPython.noop, elidable=True),
    ]
