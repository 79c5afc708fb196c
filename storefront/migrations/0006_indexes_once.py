"""An index whose beginning another one has is written for nothing."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('storefront', '0005_addresses_and_feeds'),
    ]

    operations = [
        migrations.AlterField(
            model_name='contribution',
            name='product',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='contributions', to='storefront.product'),
        ),
        migrations.AlterField(
            model_name='price',
            name='price_list',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='storefront.pricelist'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.contrib.postgres.indexes.OpClass('slug', 'varchar_pattern_ops'), name='product_slug_begins'),
        ),
        # The pair of product and branch begins with the product.
        migrations.RunSQL(
            "DROP INDEX IF EXISTS storefront_product_categories_product_id_416a17eb", migrations.RunSQL.noop
        ),
    ]
