"""What is kept beside orders: imports, views, figures for recommendations."""

from django.conf import settings
from django.db import models

from retail.imports.record import ImportRecord
from storefront.models import Category, Product


class OrderImport(ImportRecord):
    """One file of past orders: what was taken, what was refused, where to resume, and what it is worth."""

    orders_count = models.PositiveIntegerField(default=0)
    returns_count = models.PositiveIntegerField(default=0)
    credits_count = models.PositiveIntegerField(default=0)
    # Before and after rounding line by line; the difference is the remainder that the command prints.
    exact_total = models.DecimalField(max_digits=24, decimal_places=6, default=0)
    stored_total = models.DecimalField(max_digits=20, decimal_places=2, default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "mapping"], name="order_import_once")]


class SavedView(models.Model):
    """A named query string of a back office list."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    page = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "page", "name"], name="saved_view_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.name


class Neighbour(models.Model):
    """Two titles that are bought together, as one statement found it last night (oms.recommendations); replaced whole."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", db_index=False)
    other = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", db_index=False)
    score = models.FloatField()
    # In how many orders they stood together.
    orders = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "other"], name="neighbour_once")]

    def __str__(self) -> str:
        return f"{self.product_id} with {self.other_id}"


class Bestseller(models.Model):
    """What sells now in a branch, or in the whole shop (no branch); replaced whole with the neighbours."""

    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, related_name="+", null=True, blank=True, db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", db_index=False)
    orders = models.PositiveIntegerField()
    units = models.PositiveIntegerField()
    place = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["category", "place"], name="bestseller_place", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.place}. {self.product_id}"
