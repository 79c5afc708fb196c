"""The order and its lines."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper
from django.utils import timezone

from audit.triggers import append_only
from crm.models import Campaign, Coupon, Customer, CustomerDiscount, Discount
from oms.models.baskets import Basket, new_token
from oms.models.delivery import DeliverySlot, ParcelLocker
from oms.states import (
    IN_STORE,
    OPEN_STATUSES,
    DeliveryKind,
    ExceptionKind,
    ExceptionState,
    FulfillmentStatus,
    LineKind,
    OrderStatus,
    PaperKind,
    PaymentMethod,
    PaymentStatus,
)
from retail.kernel.models import LegalEntity, Location, User, new_public_id
from storefront.models import Channel, TaxClass, Variant


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
            # The work views of the back office; of a million orders a few hundred are open.
            models.Index(
                fields=["-placed_at", "-id"], name="order_open", condition=Q(status__in=OPEN_STATUSES)
            ),
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


class LineDiscount(models.Model):
    """What one discount took off one order line, frozen: how much, its tax, for whom and why.

    `amount` and `tax_share` are gross money and the tax in it, for the whole quantity of the line; both are changed only by an
    order change, which prices the order again.
    """

    # An index of its own only where no other one begins with the column: an order writes a row for each line that is reduced.
    line = models.ForeignKey(OrderLine, on_delete=models.CASCADE, related_name="discounts", db_index=False)
    discount = models.ForeignKey(Discount, on_delete=models.PROTECT, related_name="+", db_index=False)
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    coupon = models.ForeignKey(
        Coupon, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    offer = models.ForeignKey(
        CustomerDiscount, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
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
            models.Index(fields=["coupon"], name="line_discount_coupon", condition=Q(coupon__isnull=False)),
            models.Index(fields=["offer"], name="line_discount_offer", condition=Q(offer__isnull=False)),
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
