"""Points that a basket wants to use."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oms', '0013_gift_cards_pay'),
    ]

    operations = [
        migrations.AddField(
            model_name='basket',
            name='points_wanted',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
