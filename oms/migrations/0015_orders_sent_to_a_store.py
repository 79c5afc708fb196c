"""An order whose goods are sent to a store names the store."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0012_gift_cards'),
        ('kernel', '0003_no_second_index_of_whole_words'),
        ('oms', '0014_basket_points'),
        ('storefront', '0007_collections_visits_and_buyers_ratings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('delivery_method', 'SHIP_TO_STORE'), _negated=True), ('pickup_location__isnull', False), ('is_imported', True), _connector='OR'), name='order_sent_to_a_store'),
        ),
    ]
