"""Searches compare in capitals, so their index does; the newest returns and a company's orders are found without a sort."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0003_search_indexes"),
        ("kernel", "0001_initial"),
        ("oms", "0005_order_imports"),
        ("storefront", "0003_listing_walks"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="order",
            name="order_find",
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("company_pib", ""), _negated=True),
                fields=["company_pib"],
                name="order_company",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("number"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("name"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("email"), "gin_trgm_ops"
                ),
                django.contrib.postgres.indexes.OpClass("phone", "gin_trgm_ops"),
                name="order_search",
            ),
        ),
        migrations.AddIndex(
            model_name="return",
            index=models.Index(fields=["-requested_at"], name="return_newest"),
        ),
    ]
