"""What shoppers leave at the shop: reviews of what they bought, wishes, and alerts to be told."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models.people import Customer
from crm.states import AlertKind, AlertState, ReviewState
from storefront.models import Channel, Product, Variant


def new_secret() -> str:
    return secrets.token_urlsafe(24)


class Review(models.Model):
    """Of somebody who bought it; shown after a person has read it. `order_line_id` names the purchase."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="reviews")
    order_line_id = models.BigIntegerField(unique=True)
    rating = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120, blank=True)
    text = models.TextField(blank=True)
    # As the writer wants to be called, beside the review.
    shown_name = models.CharField(max_length=60)
    language = models.CharField(max_length=10, default="sr-latn")
    state = models.CharField(max_length=9, choices=ReviewState, default=ReviewState.PENDING)
    reason = models.CharField(_("why it is not shown"), max_length=200, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    # What the shop says to it, below it.
    reply = models.TextField(blank=True, db_default="")
    replied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    replied_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "product"], name="review_once"),
            models.CheckConstraint(condition=Q(rating__gte=1, rating__lte=5), name="review_rating"),
            models.CheckConstraint(
                condition=Q(state="PENDING") | Q(decided_at__isnull=False), name="review_decided"
            ),
            models.CheckConstraint(
                condition=Q(reply="") | Q(replied_at__isnull=False), name="review_reply_has_its_time"
            ),
        ]
        indexes = [
            models.Index(
                fields=["product", "-decided_at", "-id"], name="review_shown", condition=Q(state="PUBLISHED")
            ),
            models.Index(fields=["id"], name="review_queue", condition=Q(state="PENDING")),
        ]

    def __str__(self) -> str:
        return f"{self.rating} of 5"


class Wish(models.Model):
    """Something for later, on an account. A stranger's wishes lie in a signed cookie until there is one."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="wishes")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "wishes"
        constraints = [models.UniqueConstraint(fields=["customer", "variant"], name="wish_once")]

    def __str__(self) -> str:
        return f"{self.variant_id}"


class Alert(models.Model):
    """Tell me when it is there again, or when it costs less. A stranger's counts after the address is confirmed."""

    kind = models.CharField(max_length=13, choices=AlertKind)
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+")
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="alerts"
    )
    email = models.EmailField()
    language = models.CharField(max_length=10, default="sr-latn")
    # Whoever has it may confirm or end this one alert.
    token = models.CharField(max_length=40, unique=True, default=new_secret, editable=False)
    # The price when it was asked for: only less is news.
    price_seen = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    state = models.CharField(max_length=11, choices=AlertState, default=AlertState.UNCONFIRMED)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # The basket in which the unit of a back-in-stock alert is held.
    basket_token = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "variant", "channel", "email"],
                condition=Q(state__in=["UNCONFIRMED", "WAITING"]),
                name="alert_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="BACK_IN_STOCK") | Q(price_seen__isnull=False), name="alert_price_seen"
            ),
            models.CheckConstraint(
                condition=~Q(state="WAITING") | Q(confirmed_at__isnull=False), name="alert_confirmed"
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "variant", "confirmed_at", "id"],
                name="alert_queue",
                condition=Q(state="WAITING"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.variant_id}"
