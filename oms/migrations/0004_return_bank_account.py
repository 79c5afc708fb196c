"""Where the money of a return goes back that did not come by card; encrypted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("oms", "0003_order_placed_by")]
    operations = [
        migrations.AddField(
            model_name="return",
            name="bank_account_encrypted",
            field=models.TextField(blank=True),
        ),
    ]
