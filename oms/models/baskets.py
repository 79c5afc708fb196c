"""Baskets with what is in them, put aside, shared, and the codes and cards they carry."""

import secrets
import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.models import Coupon, Customer, GiftCard
from oms.states import BasketState
from retail.kernel.models import User, new_public_id
from storefront.models import Channel, Variant


def new_token() -> str:
    """A secret that opens one record to whoever holds it: 256 random bits."""
    return secrets.token_urlsafe(32)


class Basket(models.Model):
    """What a shopper is putting together; its secret token opens it."""

    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    language = models.CharField(max_length=10, default="sr-latn")
    postal_code = models.CharField(max_length=12, blank=True)
    client_hash = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=BasketState, default=BasketState.OPEN)
    # Whoever pays without gift cards is asked nothing about them.
    has_gift_cards = models.BooleanField(default=False, db_default=False)
    # How many points the member wants to use; what they pay is worked out with every price.
    points_wanted = models.PositiveIntegerField(default=0, db_default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["customer", "state"], name="basket_customer"),
            models.Index(
                fields=["client_hash"], name="basket_client", condition=Q(state="OPEN") & ~Q(client_hash="")
            ),
        ]

    def __str__(self) -> str:
        return f"basket {self.pk}"


class BasketLine(models.Model):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="lines", db_index=False)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    # The unit price that the shopper last saw; a different one at checkout is told before paying.
    price_seen = models.DecimalField(max_digits=12, decimal_places=2)
    # Its units are on their way to us: they are claimed on a purchase order line, not on a shelf.
    is_preorder = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["basket", "variant"], name="basket_line_variant_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=9999), name="basket_line_quantity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id}"


class BasketCoupon(models.Model):
    """A code that the shopper typed; whether it gives anything is decided with every price."""

    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="coupons")
    coupon = models.ForeignKey(Coupon, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["basket", "coupon"], name="basket_coupon_once")]

    def __str__(self) -> str:
        return f"coupon {self.coupon_id} in basket {self.basket_id}"


class SavedLine(models.Model):
    """Put aside for later: units of nothing, no price, no hold. A stranger's lie with the basket that they were taken out of."""

    basket = models.ForeignKey(
        Basket, on_delete=models.CASCADE, null=True, blank=True, related_name="saved_lines"
    )
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(basket__isnull=True) ^ Q(customer__isnull=True), name="saved_line_one_owner"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=9999), name="saved_line_quantity"
            ),
            models.UniqueConstraint(
                fields=["basket", "variant"], condition=Q(basket__isnull=False), name="saved_line_basket_once"
            ),
            models.UniqueConstraint(
                fields=["customer", "variant"],
                condition=Q(customer__isnull=False),
                name="saved_line_customer_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id} for later"


class BasketShare(models.Model):
    """A short code by which a store or the call center finds a basket; it ends by the clock, or when the basket is ordered."""

    basket = models.OneToOneField(Basket, on_delete=models.CASCADE, related_name="share")
    code = models.CharField(max_length=8, unique=True)
    expires_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"share of basket {self.basket_id}"


class BasketGiftCard(models.Model):
    """A gift card that the shopper wants to pay with; what it takes is decided with every price, in the order of adding."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="gift_cards", db_index=False)
    card = models.ForeignKey(GiftCard, on_delete=models.CASCADE, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["basket", "card"], name="basket_gift_card_once")]

    def __str__(self) -> str:
        return f"gift card {self.card_id} in basket {self.basket_id}"
