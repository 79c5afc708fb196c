"""Orders: baskets (may be wrong), orders (may not), how they travel, what was decided and why."""

import secrets
import uuid

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper
from django.utils import timezone

from audit.models import Proposal
from audit.triggers import append_only
from crm.models import Campaign, Coupon, Customer, CustomerDiscount, Discount, GiftCard
from oms.states import (
    IN_STORE,
    BasketState,
    DecisionState,
    DeliveryKind,
    Disposition,
    ExceptionKind,
    ExceptionState,
    ExchangeState,
    FulfillmentStatus,
    LineKind,
    OrderStatus,
    PaperKind,
    PaymentMethod,
    PaymentStatus,
    ReturnStatus,
)
from retail.imports.record import ImportRecord
from retail.kernel.models import LegalEntity, Location, User, new_public_id
from storefront.models import Category, Channel, Product, TaxClass, Variant


def new_token() -> str:
    """A secret that opens one record to whoever holds it: 256 random bits."""
    return secrets.token_urlsafe(32)


class DeliveryMethod(models.Model):
    """A way in which goods reach the shopper; what is shown but not orderable yet says so."""

    code = models.CharField(max_length=20, choices=DeliveryKind, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    is_orderable = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class DeliveryRate(models.Model):
    """What the shopper pays for delivery (gross), apart from the carrier's tariff; the best matching entry wins."""

    method = models.ForeignKey(DeliveryMethod, on_delete=models.CASCADE, related_name="rates")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+")
    weight_grams_max = models.PositiveIntegerField(null=True, blank=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    free_from = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="delivery_rate_not_negative")]

    def __str__(self) -> str:
        return f"{self.method_id} {self.amount}"


class DeliveryZone(models.Model):
    """Postcodes with the same lanes."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class DeliveryPostcode(models.Model):
    postal_code = models.CharField(max_length=12, unique=True)
    place = models.CharField(max_length=100)
    zone = models.ForeignKey(DeliveryZone, on_delete=models.PROTECT, related_name="postcodes")
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    population = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.postal_code} {self.place}"


class Carrier(models.Model):
    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    phone = models.CharField(max_length=30, blank=True)

    def __str__(self) -> str:
        return self.name


class CarrierService(models.Model):
    """One product of a carrier. `position` is the service number of the routing engine: ties go to the lower one."""

    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="services")
    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(unique=True)
    collect_days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    deliver_days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    weight_grams_max = models.PositiveIntegerField(default=20000)
    cod_percent = models.DecimalField(max_digits=6, decimal_places=4, default=0)
    cod_minimum = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.carrier} {self.name}"


class DeliverySlot(models.Model):
    """Hours in which a service brings a parcel on some of its days, when the shopper asks for them."""

    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="slots")
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list)
    begins = models.TimeField()
    ends = models.TimeField()
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["service", "begins"]
        constraints = [
            models.CheckConstraint(condition=Q(begins__lt=F("ends")), name="delivery_slot_begins_first"),
            models.UniqueConstraint(fields=["service", "begins", "ends"], name="delivery_slot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


class ParcelLocker(models.Model):
    """A locker of a carrier; `service` brings parcels to it."""

    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="lockers")
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    street = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=12)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class CarrierTariff(models.Model):
    """Net price of a parcel up to a weight, as published; `source` says where."""

    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="tariffs")
    weight_grams_to = models.PositiveIntegerField()
    price_net = models.DecimalField(max_digits=10, decimal_places=2)
    source = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["service", "weight_grams_to"]
        constraints = [
            models.UniqueConstraint(fields=["service", "weight_grams_to"], name="tariff_band_once")
        ]

    def __str__(self) -> str:
        return f"≤ {self.weight_grams_to} g: {self.price_net}"


class Lane(models.Model):
    """A service that runs from a location to a zone, with its lead in delivery days."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+")
    zone = models.ForeignKey(DeliveryZone, on_delete=models.CASCADE, related_name="lanes")
    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="lanes")
    lead_days = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "location", "service"], name="lane_once")]

    def __str__(self) -> str:
        return f"{self.location_id} → {self.zone_id} in {self.lead_days}"


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


class Order(models.Model):
    """One order of any channel, written once; routed, picked, invoiced and returned on this row.

    The three states and the sums are kept by oms operations; other rooms write by calling down.
    """

    number = models.CharField(max_length=24, unique=True)
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+", db_index=False)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # The login that ordered: a company's order stands on the company's account and is still this person's.
    placed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    basket = models.OneToOneField(
        Basket, on_delete=models.SET_NULL, null=True, blank=True, related_name="order"
    )
    status = models.CharField(max_length=16, choices=OrderStatus, default=OrderStatus.PENDING_PAYMENT)
    payment_status = models.CharField(max_length=16, choices=PaymentStatus, default=PaymentStatus.NONE)
    fulfillment_status = models.CharField(
        max_length=18, choices=FulfillmentStatus, default=FulfillmentStatus.UNROUTED
    )
    currency = models.CharField(max_length=3, default="RSD")
    language = models.CharField(max_length=10, default="sr-latn")

    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    name = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=12, blank=True)
    country = models.CharField(max_length=2, default="RS")
    company_name = models.CharField(max_length=200, blank=True)
    company_pib = models.CharField(max_length=20, blank=True)
    company_registration_number = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)

    delivery_method = models.CharField(max_length=20, choices=DeliveryKind)
    pickup_location = models.ForeignKey(
        Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # The day that the shopper chose in place of the earliest one, and the hours within it.
    wanted_on = models.DateField(null=True, blank=True)
    wanted_slot = models.ForeignKey(
        DeliverySlot, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    locker = models.ForeignKey(
        ParcelLocker, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    payment_method = models.CharField(max_length=20, choices=PaymentMethod)
    # Some of it was paid by gift cards; who reads other orders is asked nothing about cards.
    has_gift_cards = models.BooleanField(default=False, db_default=False)
    paper = models.CharField(max_length=16, choices=PaperKind, default=PaperKind.FISCAL)

    goods_total = models.DecimalField(max_digits=12, decimal_places=2)
    delivery_total = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    total = models.DecimalField(max_digits=12, decimal_places=2)
    # What is owed now: total less canceled lines and received returns.
    due_total = models.DecimalField(max_digits=12, decimal_places=2)
    authorized_total = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    captured_total = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    refunded_total = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    promised_at = models.DateTimeField(null=True, blank=True)
    promised_on = models.DateField(null=True, blank=True)
    promise = models.JSONField(default=dict, blank=True)
    # Some of it is on its way to us: nothing of the order is routed before it is here.
    is_awaiting_supply = models.BooleanField(default=False, db_default=False)
    payment_deadline = models.DateTimeField(null=True, blank=True)
    hold_reason = models.CharField(max_length=200, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    placed_at = models.DateTimeField(default=timezone.now)
    canceled_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(db_default=Now())
    version = models.PositiveIntegerField(default=1)
    idempotency_caller = models.CharField(max_length=80, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)
    external_ref = models.CharField(max_length=120, blank=True)
    is_imported = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_caller", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="order_once_per_key",
            ),
            models.UniqueConstraint(
                fields=["external_ref"], condition=~Q(external_ref=""), name="order_external_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    goods_total__gte=0, delivery_total__gte=0, total=F("goods_total") + F("delivery_total")
                )
                | Q(is_imported=True),
                name="order_total_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(due_total__gte=0, due_total__lte=F("total")) | Q(is_imported=True),
                name="order_due_in_total",
            ),
            models.CheckConstraint(
                condition=Q(refunded_total__gte=0, refunded_total__lte=F("captured_total")),
                name="order_refunded_in_captured",
            ),
            models.CheckConstraint(
                condition=~Q(delivery_method="STORE_PICKUP") | Q(pickup_location__isnull=False),
                name="order_pickup_has_store",
            ),
            models.CheckConstraint(
                condition=~Q(delivery_method="SHIP_TO_STORE")
                | Q(pickup_location__isnull=False)
                | Q(is_imported=True),
                name="order_sent_to_a_store",
            ),
            models.CheckConstraint(
                condition=~Q(delivery_method="PARCEL_LOCKER") | Q(locker__isnull=False) | Q(is_imported=True),
                name="order_locker_is_named",
            ),
            models.CheckConstraint(
                condition=Q(wanted_slot__isnull=True) | Q(wanted_on__isnull=False),
                name="order_slot_has_day",
            ),
        ]
        indexes = [
            models.Index(fields=["-placed_at", "-id"], name="order_newest"),
            models.Index(fields=["status", "-placed_at"], name="order_status"),
            models.Index(fields=["fulfillment_status", "-placed_at"], name="order_fulfillment"),
            models.Index(fields=["payment_status", "-placed_at"], name="order_payment"),
            models.Index(fields=["customer", "-placed_at"], name="order_customer"),
            models.Index(
                fields=["pickup_location"], name="order_pickup", condition=Q(pickup_location__isnull=False)
            ),
            models.Index(
                fields=["placed_by", "-placed_at"],
                name="order_placed_by",
                condition=Q(placed_by__isnull=False),
            ),
            models.Index(
                fields=["payment_deadline"], name="order_deadline", condition=Q(status="PENDING_PAYMENT")
            ),
            models.Index(fields=["updated_at", "id"], name="order_updated"),
            models.Index(fields=["company_pib"], name="order_company", condition=~Q(company_pib="")),
            # `icontains` compares in capitals; an index on the bare columns would never be asked.
            GinIndex(
                OpClass(Upper("number"), "gin_trgm_ops"),
                OpClass(Upper("name"), "gin_trgm_ops"),
                OpClass(Upper("email"), "gin_trgm_ops"),
                OpClass("phone", "gin_trgm_ops"),
                name="order_search",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="lines_follow_customer",
                operation=pgtrigger.UpdateOf("customer_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.Q(old__customer__df=pgtrigger.F("new__customer")),
                func="UPDATE oms_orderline SET customer_id = NEW.customer_id WHERE order_id = NEW.id; RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_collected(self) -> bool:
        """The shopper comes for it to a store."""
        return self.delivery_method in IN_STORE

    @property
    def is_sent_to_store(self) -> bool:
        return self.delivery_method == DeliveryKind.SHIP_TO_STORE

    @property
    def shelf_id(self) -> int | None:
        """The only place whose units will do: a pickup's own store. What is sent to a store may come from anywhere."""
        return self.pickup_location_id if self.delivery_method == DeliveryKind.STORE_PICKUP else None


class OrderLine(models.Model):
    """What was sold, at the price it was sold at and why. `total` is gross after discounts, for the whole quantity."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    # The order's account, copied so that "who bought this" reads no orders; triggers keep it equal, so it needs no key of its own.
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        editable=False,
    )
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind, default=LineKind.GOODS)
    variant = models.ForeignKey(
        Variant, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    sku = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=400)
    quantity = models.IntegerField()
    unit_price = models.DecimalField(max_digits=12, decimal_places=2)
    total = models.DecimalField(max_digits=12, decimal_places=2)
    tax_class = models.CharField(max_length=20, choices=TaxClass, blank=True)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)
    weight_grams = models.PositiveIntegerField(default=0)
    quantity_canceled = models.PositiveIntegerField(default=0)
    quantity_dispatched = models.PositiveIntegerField(default=0)
    quantity_returned = models.PositiveIntegerField(default=0)
    explanation = models.JSONField(default=list, blank=True)
    ordered_at = models.DateTimeField(default=timezone.now)
    is_imported = models.BooleanField(default=False)

    class Meta:
        ordering = ["order", "position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_position_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1) | Q(is_imported=True), name="order_line_quantity_positive"
            ),
            models.CheckConstraint(
                condition=Q(total__gte=0, unit_price__gte=0) | Q(is_imported=True),
                name="order_line_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    quantity_returned__lte=F("quantity_dispatched"),
                    quantity_dispatched__lte=F("quantity") - F("quantity_canceled"),
                )
                | Q(is_imported=True),
                name="order_line_returned_dispatched_ordered",
            ),
            models.CheckConstraint(
                condition=~Q(kind="GOODS") | Q(variant__isnull=False) | Q(is_imported=True),
                name="order_line_goods_variant",
            ),
            models.CheckConstraint(
                condition=~Q(kind="DIGITAL") | Q(variant__isnull=False, quantity=1),
                name="order_line_digital_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["variant", "-ordered_at"],
                name="order_line_bought",
                include=["customer", "quantity", "quantity_canceled"],
            ),
            models.Index(
                fields=["customer", "-ordered_at"],
                name="order_line_customer",
                include=["variant"],
                condition=Q(customer__isnull=False, quantity__gt=F("quantity_canceled")),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="line_knows_its_customer",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__customer__isnull=True),
                func="SELECT customer_id INTO NEW.customer_id FROM oms_order WHERE id = NEW.order_id; RETURN NEW;",
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"


class WithdrawalConsent(models.Model):
    """The buyer of something digital agreed that the right of withdrawal ends when the download begins: when, and to which words."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="withdrawal_consent")
    words = models.CharField(max_length=400)
    language = models.CharField(max_length=10)
    given_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"consent of {self.order_id}"


class DownloadGrant(models.Model):
    """Leave to fetch one paid file, so many times and until a day. Its link is signed, nothing secret is kept; a new `version` ends older links."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    line = models.OneToOneField(OrderLine, on_delete=models.CASCADE, related_name="download")
    version = models.PositiveSmallIntegerField(default=1)
    downloads = models.PositiveIntegerField(default=0)
    downloads_max = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    first_download_at = models.DateTimeField(null=True, blank=True)
    last_download_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(downloads__lte=F("downloads_max")), name="download_grant_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(downloads=0, first_download_at__isnull=True)
                | Q(downloads__gt=0, first_download_at__isnull=False),
                name="download_grant_knows_its_first",
            ),
        ]

    def __str__(self) -> str:
        return f"download of line {self.line_id}"


class LineDiscount(models.Model):
    """What one discount took off one order line, frozen: how much, its tax, for whom and why.

    `amount` and `tax_share` are gross money and the tax in it, for the whole quantity of the line; both are changed only by an
    order change, which prices the order again.
    """

    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="discounts")
    discount = models.ForeignKey(Discount, on_delete=models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    offer = models.ForeignKey(
        CustomerDiscount, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # As they were: the discount's code, kind and version; the segment's words, when one had to hold.
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=13)
    discount_version = models.PositiveIntegerField()
    segment_slug = models.CharField(max_length=60, blank=True)
    segment_version = models.PositiveIntegerField(null=True, blank=True)
    segment_definition = models.TextField(blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    tax_share = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "discount"], name="line_discount_once"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, tax_share__gte=0, tax_share__lte=F("amount")),
                name="line_discount_amounts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "created_at"], name="line_discount_campaign", include=["line", "amount"]
            ),
            models.Index(fields=["discount", "created_at"], name="line_discount_discount"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} by {self.code}"


class PromiseChange(models.Model):
    """Each later change of an order's promise, with its cause."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="promise_changes")
    before = models.JSONField()
    after = models.JSONField()
    cause = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = append_only("promisechange")

    def __str__(self) -> str:
        return self.cause


class OrderNote(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.text[:60]


class OrderException(models.Model):
    """One thing that a person must look at; the inbox is the list of the open ones."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=24, choices=ExceptionKind)
    order = models.ForeignKey(
        Order, on_delete=models.CASCADE, null=True, blank=True, related_name="exceptions"
    )
    # Once per cause: the same cause never fills the inbox twice while it is open.
    cause_key = models.CharField(max_length=120)
    detail = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=ExceptionState, default=ExceptionState.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    resolution = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "cause_key"], condition=Q(state="OPEN"), name="exception_once_while_open"
            )
        ]
        indexes = [models.Index(fields=["state", "kind", "opened_at"], name="exception_inbox")]

    def __str__(self) -> str:
        return f"{self.kind} {self.cause_key}"


class RoutingRule(models.Model):
    """Filters and weights of routing, and the limit below which a proposal ratifies itself."""

    name = models.CharField(max_length=120)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    weights = models.JSONField(default=dict, blank=True)
    excluded_locations = models.ManyToManyField(Location, blank=True, related_name="+")
    excluded_services = models.ManyToManyField(CarrierService, blank=True, related_name="+")
    ratify_value_below = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class RoutingDecision(models.Model):
    """The chosen plan with all its terms, the best plan of each other kind, and per location its best cost or why not."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="decisions")
    proposal = models.OneToOneField(
        Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=DecisionState, default=DecisionState.PROPOSED)
    order_version = models.PositiveIntegerField()
    # [{"line": position, "quantity": n, "location": code, "service": code or null, "parcel": n}]
    plan = models.JSONField(default=list)
    terms = models.JSONField(default=dict)
    cost = models.DecimalField(max_digits=12, decimal_places=2)
    runners_up = models.JSONField(default=list)
    by_location = models.JSONField(default=dict)
    is_late = models.BooleanField(default=False)
    compute_ms = models.FloatField(default=0)
    ratified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ratified_by_rule = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ratified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["order", "-created_at"], name="decision_order")]

    def __str__(self) -> str:
        return f"plan of {self.order_id}: {self.cost}"


class Return(models.Model):
    """Goods that come back: asked for, received anywhere, refunded. Buyer id for the fiscal refund is kept encrypted."""

    number = models.CharField(max_length=24, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns")
    status = models.CharField(max_length=10, choices=ReturnStatus, default=ReturnStatus.REQUESTED)
    shipment_number = models.CharField(max_length=24, blank=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    buyer_id_kind = models.CharField(max_length=2, blank=True)
    buyer_id_encrypted = models.TextField(blank=True)
    # Where money goes back that came in cash.
    bank_account_encrypted = models.TextField(blank=True)
    refund_total = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    reject_reason = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    received_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["status", "-requested_at"], name="return_queue"),
            models.Index(fields=["-requested_at"], name="return_newest"),
        ]

    def __str__(self) -> str:
        return self.number


class ReturnLine(models.Model):
    parent = models.ForeignKey(Return, on_delete=models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="return_lines")
    quantity = models.PositiveIntegerField()
    quantity_received = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=40)
    disposition = models.CharField(max_length=10, choices=Disposition, blank=True)
    refund_amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["parent", "order_line"], name="return_line_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity_received__lte=F("quantity")),
                name="return_line_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.order_line_id}"


class Exchange(models.Model):
    """Goods that come back pay for others: the return of one order, the order that it pays for, and how much of it."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    returned = models.OneToOneField(Return, on_delete=models.PROTECT, related_name="exchange")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="exchange")
    # What of the money of the goods that come back pays for the new ones; the rest of it goes back to the buyer.
    credit = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=ExchangeState, default=ExchangeState.WAITING)
    # Until then the goods must be here.
    deadline = models.DateTimeField()
    # Staff let the new goods leave before the old ones are here.
    sent_ahead_at = models.DateTimeField(null=True, blank=True)
    sent_ahead_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(credit__gt=0), name="exchange_credit_positive")]
        indexes = [
            models.Index(fields=["deadline"], name="exchange_waiting", condition=Q(state="WAITING")),
        ]

    def __str__(self) -> str:
        return f"{self.returned_id} for order {self.order_id}"


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
