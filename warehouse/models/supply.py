"""Units that are spoken for before they are here: claims on lines of purchase orders."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from oms.models import BasketLine, OrderLine
from warehouse.models.stock import PurchaseOrderLine
from warehouse.states import SupplyClaimState


class SupplyClaim(models.Model):
    """Units of a purchase order line for a basket line or an order line; received, they become a reservation.

    The line's `quantity_claimed` is the sum of its live claims, and the database refuses more than is still to come.
    A basket line may vanish under its claim: its time ends it.
    """

    purchase_order_line = models.ForeignKey(
        PurchaseOrderLine, on_delete=models.PROTECT, related_name="claims", db_index=False
    )
    quantity = models.PositiveIntegerField()
    basket_line = models.ForeignKey(
        BasketLine,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    order_line = models.ForeignKey(
        OrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    state = models.CharField(max_length=10, choices=SupplyClaimState, default=SupplyClaimState.HELD)
    # Of a basket's claim; an order's ends with the order.
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="supply_claim_positive"),
            models.CheckConstraint(
                condition=Q(basket_line__isnull=False, order_line__isnull=True)
                | Q(basket_line__isnull=True, order_line__isnull=False),
                name="supply_claim_of_one_line",
            ),
            models.CheckConstraint(
                condition=~Q(state="ALLOCATED") | Q(order_line__isnull=False),
                name="supply_claim_allocated_to_order",
            ),
            models.CheckConstraint(
                condition=Q(basket_line__isnull=True) | Q(expires_at__isnull=False),
                name="supply_claim_of_basket_ends",
            ),
        ]
        indexes = [
            models.Index(
                fields=["purchase_order_line"],
                name="supply_claim_live",
                condition=Q(state__in=["HELD", "ALLOCATED"]),
            ),
            models.Index(
                fields=["order_line"], name="supply_claim_order_line", condition=Q(order_line__isnull=False)
            ),
            models.Index(
                fields=["basket_line"],
                name="supply_claim_basket_line",
                condition=Q(basket_line__isnull=False),
            ),
            models.Index(
                fields=["expires_at"],
                name="supply_claim_expiry",
                condition=Q(state="HELD", expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.purchase_order_line_id} {self.state}"
