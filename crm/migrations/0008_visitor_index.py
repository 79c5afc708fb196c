from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("crm", "0007_segment_exports")]

    operations = [
        migrations.AddIndex(
            model_name="campaignvisit",
            index=models.Index(fields=["campaign", "visit_hash", "at"], name="campaign_visitor"),
        ),
    ]
