"""A registration number is one of the ways to find an account; one condition without an index spoils the search by any other."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0003_search_indexes")]
    operations = [
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("registration_number", ""), _negated=True),
                fields=["registration_number"],
                name="customer_registration",
            ),
        ),
    ]
