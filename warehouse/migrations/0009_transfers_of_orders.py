"""A transfer may carry an order's claims: the claim names its order line and the transfer line that it travels with."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('kernel', '0003_no_second_index_of_whole_words'),
        ('oms', '0015_orders_sent_to_a_store'),
        ('storefront', '0007_collections_visits_and_buyers_ratings'),
        ('warehouse', '0008_network_of_slots'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='reservation',
            name='reservation_of_one_line',
        ),
        migrations.AddField(
            model_name='transfer',
            name='order',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='oms.order'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(condition=models.Q(('order__isnull', False)), fields=['order'], name='transfer_order'),
        ),
        migrations.AddConstraint(
            model_name='reservation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('basket_line__isnull', False), ('order_line__isnull', True), ('transfer_line__isnull', True)), models.Q(('basket_line__isnull', True), ('order_line__isnull', False)), models.Q(('basket_line__isnull', True), ('order_line__isnull', True), ('transfer_line__isnull', False)), ('state', 'RELEASED'), _connector='OR'), name='reservation_of_one_line'),
        ),
    ]
