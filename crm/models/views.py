"""What people looked at, where they let the shop remember it."""

from django.db import models

from crm.models.people import Customer
from storefront.models import Variant


class ProductView(models.Model):
    """An account looked at a product on a day. Written only with the account's consent to personal offers, gone when it is withdrawn."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    # The first look of the day.
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "variant", "day"], name="product_view_once_a_day")
        ]
        indexes = [
            models.Index(fields=["variant", "at", "customer"], name="product_view_of"),
            models.Index(fields=["day"], name="product_view_day"),
        ]

    def __str__(self) -> str:
        return f"{self.variant_id} on {self.day}"
