"""Files of past orders: what was taken and where to resume."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("oms", "0004_return_bank_account"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrderImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.CharField(max_length=200)),
                ("digest", models.CharField(max_length=64)),
                ("mapping", models.CharField(max_length=60)),
                ("lines_read", models.PositiveIntegerField(default=0)),
                ("created_count", models.PositiveIntegerField(default=0)),
                ("unchanged_count", models.PositiveIntegerField(default=0)),
                ("rejected_count", models.PositiveIntegerField(default=0)),
                ("is_finished", models.BooleanField(default=False)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("orders_count", models.PositiveIntegerField(default=0)),
                ("returns_count", models.PositiveIntegerField(default=0)),
                ("credits_count", models.PositiveIntegerField(default=0)),
                ("exact_total", models.DecimalField(decimal_places=6, default=0, max_digits=24)),
                ("stored_total", models.DecimalField(decimal_places=2, default=0, max_digits=20)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("digest", "mapping"), name="order_import_once")
                ],
            },
        ),
    ]
