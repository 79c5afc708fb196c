"""Discounts and who holds them: everyone, a live segment, the holder of a coupon, or an account that carries an offer."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models.campaigns import Campaign
from crm.models.people import Customer
from crm.models.segments import Segment
from crm.states import Audience, DiscountKind, DiscountState, MinimumBasis
from storefront.models import Category, Channel, Product, Variant


class Discount(models.Model):
    """One rule of the price engine (`oms.pricing.Discount` says what each number means).

    Of a campaign it is on while the campaign is on; its own period can only be narrower.
    """

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True)
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="discounts"
    )
    kind = models.CharField(max_length=13, choices=DiscountKind)
    value = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal(100))
    audience = models.CharField(max_length=8, choices=Audience, default=Audience.EVERYONE)
    # Beside the campaign's own segment, which always has to hold.
    segment = models.ForeignKey(
        Segment, on_delete=models.PROTECT, null=True, blank=True, related_name="discounts"
    )
    group = models.SlugField(max_length=40, blank=True)
    priority = models.PositiveSmallIntegerField(default=100)
    is_exclusive = models.BooleanField(default=False)
    minimum_amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    minimum_quantity = models.PositiveIntegerField(default=0)
    minimum_basis = models.CharField(
        max_length=16, choices=MinimumBasis, default=MinimumBasis.AFTER_DISCOUNTS
    )
    reduction_max = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    is_per_unit = models.BooleanField(default=False)
    take = models.PositiveSmallIntegerField(default=0)
    pay = models.PositiveSmallIntegerField(default=0)
    # [{"minimum_amount": "3000.00", "minimum_quantity": 0, "percent": "10.00", "amount": "0.00"}, …]
    tiers = models.JSONField(default=list, blank=True)
    gift = models.ForeignKey(Variant, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    gift_quantity = models.PositiveSmallIntegerField(default=1)
    # Empty: every way of delivery.
    delivery_methods = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    # None: every channel (of the campaign, when it has one).
    channels = models.ManyToManyField(Channel, related_name="+", blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=6, choices=DiscountState, default=DiscountState.DRAFT)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["priority", "code"]
        verbose_name = _("discount")
        verbose_name_plural = _("discounts")
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True)
                | Q(valid_from__isnull=True)
                | Q(valid_to__gt=F("valid_from")),
                name="discount_period",
            ),
            models.CheckConstraint(
                condition=~Q(audience="SEGMENT") | Q(segment__isnull=False) | Q(campaign__isnull=False),
                name="discount_segment_named",
            ),
            models.CheckConstraint(
                condition=Q(value__gte=0, minimum_amount__gte=0)
                & (Q(reduction_max__isnull=True) | Q(reduction_max__gte=0))
                & (~Q(kind__in=["PERCENT", "N_FOR_M", "CHEAPEST_FREE", "FREE_SHIPPING"]) | Q(value__lte=100)),
                name="discount_numbers",
            ),
            models.CheckConstraint(
                condition=~Q(kind="GIFT_LINE") | Q(gift__isnull=False, gift_quantity__gte=1),
                name="discount_gift_named",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="discount_active", condition=Q(state="ACTIVE")),
        ]

    def __str__(self) -> str:
        return self.name


class DiscountTarget(models.Model):
    """One part of the goods that a discount covers, or leaves out. No row that covers: everything."""

    discount = models.ForeignKey(Discount, on_delete=models.CASCADE, related_name="targets")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    is_excluded = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(category__isnull=False, product__isnull=True, variant__isnull=True)
                | Q(category__isnull=True, product__isnull=False, variant__isnull=True)
                | Q(category__isnull=True, product__isnull=True, variant__isnull=False),
                name="discount_target_one_thing",
            ),
            models.UniqueConstraint(
                fields=["discount", "category", "product", "variant"],
                name="discount_target_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{'without ' if self.is_excluded else ''}{self.category or self.product or self.variant}"


class CouponBatch(models.Model):
    """Codes made together: one word for many, or a million words for one use each."""

    discount = models.ForeignKey(Discount, on_delete=models.PROTECT, related_name="batches")
    name = models.CharField(max_length=120)
    # Of one code; None: as often as it is asked for.
    uses_max = models.PositiveIntegerField(null=True, blank=True, default=1)
    uses_per_customer_max = models.PositiveIntegerField(null=True, blank=True, default=1)
    valid_to = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "coupon batches"

    def __str__(self) -> str:
        return self.name


class Coupon(models.Model):
    """One code, stored in capitals without spaces and dashes. `uses` counts the orders that hold it now."""

    batch = models.ForeignKey(CouponBatch, on_delete=models.PROTECT, related_name="coupons")
    code = models.CharField(max_length=40, unique=True)
    # Given to one account: nobody else may use it.
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    uses = models.PositiveIntegerField(default=0)
    # The batch's limit, copied so that the database can keep it.
    uses_max = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(uses_max__isnull=True) | Q(uses__lte=F("uses_max")), name="coupon_uses_kept"
            )
        ]

    def __str__(self) -> str:
        return f"coupon {self.pk}"


class CouponRedemption(models.Model):
    """A coupon on an order. Released when the order is canceled before anything left."""

    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="redemptions")
    # Not a key: the order stands later in the arrow.
    order_number = models.CharField(max_length=24)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    is_single_use = models.BooleanField()
    redeemed_at = models.DateTimeField(default=timezone.now)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["coupon", "order_number"], name="coupon_once_per_order"),
            models.UniqueConstraint(
                fields=["coupon"],
                condition=Q(is_single_use=True, released_at__isnull=True),
                name="single_use_coupon_once",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "coupon"], name="coupon_of_customer"),
            models.Index(fields=["order_number"], name="coupon_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} on {self.order_number}"


class CustomerDiscount(models.Model):
    """An offer written on an account: the discount (audience ACCOUNT) holds for whoever carries it."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="offers")
    discount = models.ForeignKey(Discount, on_delete=models.PROTECT, related_name="carriers")
    reason = models.CharField(max_length=200)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    uses_max = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(uses_max__isnull=True) | Q(uses__lte=F("uses_max")), name="offer_uses_kept"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name="offer_period"
            ),
            models.UniqueConstraint(
                fields=["customer", "discount"],
                condition=Q(withdrawn_at__isnull=True),
                name="offer_once_per_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.discount_id} for {self.customer_id}"


class OfferMark(models.Model):
    """Left by triggers with every statement that changes what discounts are put into words of: who sees the same marks sees the same words.

    Random, so that a change that was taken back never leaves the mark of a later one.
    """

    mark = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return str(self.mark)
