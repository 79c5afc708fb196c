"""How far a parcel is, as its carrier tells it; and the parcels that are still to be announced."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("warehouse", "0002_promise_network_version"),
    ]

    operations = [
        migrations.AddField(
            model_name="parcel",
            name="tracking_status",
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.AddIndex(
            model_name="parcel",
            index=models.Index(
                condition=Q(("announced_at__isnull", True)), fields=["id"], name="parcel_to_announce"
            ),
        ),
    ]
