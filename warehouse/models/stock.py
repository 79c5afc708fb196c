"""Units in bins, claims on them, what leaves for shoppers and what comes from suppliers."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from audit.triggers import append_only
from oms.models import BasketLine, CarrierService, Order, OrderLine
from oms.states import DeliveryKind
from retail.kernel.models import LegalEntity, Location
from storefront.models import Category, Channel, Variant
from warehouse.states import BinKind, MoveReason, PurchaseOrderStatus, ReservationState, ShipmentStatus


class StockPool(models.Model):
    """Which locations feed which channel, by date and hour; evaluated by the clock when read. A channel without pools is fed by all."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+")
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    hour_from = models.TimeField(null=True, blank=True)
    hour_to = models.TimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["channel", "location"], name="stock_pool_channel")]

    def __str__(self) -> str:
        return f"{self.location_id} feeds {self.channel_id}"


class SafetyStock(models.Model):
    """Units that are never offered: globally, per location, or per location and category; the most specific entry holds."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    category = models.ForeignKey(Category, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["location", "category"], name="safety_stock_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(category__isnull=True) | Q(location__isnull=False),
                name="safety_stock_category_at_location",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity}"


class Bin(models.Model):
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=30)
    zone = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=10, choices=BinKind, default=BinKind.STORAGE)
    pick_sequence = models.PositiveIntegerField(default=0)
    # The STORAGE bin that `"bin": null` means.
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["location", "code"], name="bin_code_once"),
            models.UniqueConstraint(
                fields=["location", "kind"], condition=Q(is_default=True), name="bin_one_default_per_kind"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="bin_takes_items_along",
                operation=pgtrigger.UpdateOf("kind", "location_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                func="UPDATE warehouse_stockitem SET location_id = NEW.location_id WHERE bin_id = NEW.id; RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return self.code


class StockItem(models.Model):
    """Units of one variant in one bin. `reserved` is the sum of its live claims; the database refuses to oversell.

    `location` and `is_sellable` repeat the bin's, so that availability is one index scan; a trigger keeps them equal.
    """

    # Its other indexes begin with them, and each claim writes a row into all of them.
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+", db_index=False)
    bin = models.ForeignKey(Bin, on_delete=models.PROTECT, related_name="items", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    is_sellable = models.BooleanField()
    on_hand = models.IntegerField(default=0)
    reserved = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["variant", "bin"], name="stock_item_once"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0) & Q(reserved__lte=F("on_hand")), name="stock_not_oversold"
            ),
        ]
        indexes = [
            models.Index(
                fields=["variant", "location"],
                name="stock_item_lookup",
                include=["on_hand", "reserved", "is_sellable"],
            ),
            models.Index(fields=["bin"], name="stock_item_bin"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="stock_item_follows_bin",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("bin_id", "location_id", "is_sellable"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                func="""
                    SELECT b.location_id, b.kind IN ('STORAGE', 'DISPLAY') INTO STRICT NEW.location_id, NEW.is_sellable
                      FROM warehouse_bin b WHERE b.id = NEW.bin_id;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.variant_id} in {self.bin_id}: {self.on_hand}"


class StockMove(models.Model):
    """Append-only: units that came (no `from_bin`), went (no `to_bin`) or moved inside. `value` is the cost that moved with them.

    A move over the edge of the company carries `entry_id`, the journal entry posted in the same transaction (checked at commit).
    """

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    from_bin = models.ForeignKey(Bin, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    to_bin = models.ForeignKey(Bin, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    quantity = models.PositiveIntegerField()
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    unit_cost = models.DecimalField(max_digits=14, decimal_places=4, null=True, blank=True)
    value = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    reason = models.CharField(max_length=12, choices=MoveReason)
    document_kind = models.CharField(max_length=30)
    document_key = models.CharField(max_length=64)
    order_line_id = models.BigIntegerField(null=True, blank=True)
    entry_id = models.BigIntegerField(null=True, blank=True)
    is_imported = models.BooleanField(default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="stock_move_positive"),
            models.CheckConstraint(
                condition=Q(from_bin__isnull=False) | Q(to_bin__isnull=False), name="stock_move_somewhere"
            ),
        ]
        indexes = [
            models.Index(fields=["variant", "-created_at"], name="stock_move_variant"),
            models.Index(fields=["document_kind", "document_key"], name="stock_move_document"),
            models.Index(
                fields=["order_line_id"], name="stock_move_line", condition=Q(order_line_id__isnull=False)
            ),
        ]
        triggers = [
            *append_only("stockmove"),
            pgtrigger.Trigger(
                name="stock_move_has_entry",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF (NEW.from_bin_id IS NULL OR NEW.to_bin_id IS NULL) AND NOT NEW.is_imported
                       AND NOT EXISTS (SELECT 1 FROM finance_journalentry e WHERE e.id = NEW.entry_id) THEN
                        RAISE EXCEPTION 'stock move % has no journal entry', NEW.id USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id} {self.reason}"


class Shipment(models.Model):
    """What leaves one location for one order (or is handed over there). `service` is empty for pickup."""

    number = models.CharField(max_length=24, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=20, choices=DeliveryKind)
    service = models.ForeignKey(
        CarrierService, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    status = models.CharField(max_length=12, choices=ShipmentStatus, default=ShipmentStatus.READY)
    planned_on = models.DateField(null=True, blank=True)
    plan_cost = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    # What the courier collects at the door; zero when nothing is owed.
    cod_amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    handover_code = models.CharField(max_length=8, blank=True)
    is_packed = models.BooleanField(default=False)
    failure = models.CharField(max_length=20, blank=True)
    packed_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Its own change or one of its parts'; written by the database.
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["updated_at", "id"], name="shipment_updated"),
            models.Index(fields=["order"], name="shipment_order"),
            models.Index(fields=["location", "status"], name="shipment_queue"),
        ]

    def __str__(self) -> str:
        return self.number


class Parcel(models.Model):
    shipment = models.ForeignKey(Shipment, on_delete=models.CASCADE, related_name="parcels")
    number = models.CharField(max_length=30, unique=True)
    weight_grams = models.PositiveIntegerField()
    cod_amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    tracking_number = models.CharField(max_length=60, blank=True)
    tracking_barcode = models.CharField(max_length=60, blank=True)
    # The furthest that its carrier told of it; a late message never takes it back.
    tracking_status = models.CharField(max_length=16, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(weight_grams__gte=1), name="parcel_weighs")]
        indexes = [
            models.Index(
                fields=["tracking_number"], name="parcel_tracking", condition=~Q(tracking_number="")
            ),
            models.Index(fields=["id"], name="parcel_to_announce", condition=Q(announced_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.number


class Reservation(models.Model):
    """The claim on a stock item, for a basket line, an order line or a transfer; the pick task is this row.

    An order's claim that names a transfer line too is to travel with it: ALLOCATED on the shelf of the source, PICKED in transit.
    """

    stock_item = models.ForeignKey(StockItem, on_delete=models.PROTECT, related_name="claims", db_index=False)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = models.PositiveIntegerField()
    basket_line = models.ForeignKey(
        BasketLine, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    order_line = models.ForeignKey(
        OrderLine, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    transfer_line = models.ForeignKey(
        "warehouse.TransferLine",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="claims",
        db_index=False,
    )
    state = models.CharField(max_length=10, choices=ReservationState, default=ReservationState.HELD)
    expires_at = models.DateTimeField(null=True, blank=True)
    picked_from = models.ForeignKey(
        Bin, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    picker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="claims", db_index=False
    )
    parcel = models.ForeignKey(
        Parcel, on_delete=models.PROTECT, null=True, blank=True, related_name="claims", db_index=False
    )
    # Canceled after the pick: the units wait in PACKING to be put back, and are not sellable until scanned.
    is_put_back = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    picked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="reservation_positive"),
            models.CheckConstraint(
                condition=Q(basket_line__isnull=False, order_line__isnull=True, transfer_line__isnull=True)
                | Q(basket_line__isnull=True, order_line__isnull=False)
                | Q(basket_line__isnull=True, order_line__isnull=True, transfer_line__isnull=False)
                | Q(state="RELEASED"),
                name="reservation_of_one_line",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["HELD", "RELEASED"])
                | Q(order_line__isnull=False)
                | Q(transfer_line__isnull=False),
                name="reservation_allocated_to_order",
            ),
        ]
        indexes = [
            models.Index(
                fields=["stock_item"],
                name="reservation_live",
                condition=Q(state__in=["HELD", "ALLOCATED", "PICKED", "PACKED"]),
            ),
            # A claim is rewritten at every step of its life, and each index with it: only the rows that are asked for are in one.
            models.Index(
                fields=["order_line"], name="reservation_order_line", condition=Q(order_line__isnull=False)
            ),
            models.Index(
                fields=["basket_line"], name="reservation_basket_line", condition=Q(basket_line__isnull=False)
            ),
            models.Index(fields=["expires_at"], name="reservation_expiry", condition=Q(state="HELD")),
            # The work that waits at each place is asked with every promise.
            models.Index(
                fields=["location", "shipment"],
                name="reservation_work",
                include=["quantity"],
                condition=Q(state__in=("ALLOCATED", "PICKED", "PACKED"), is_put_back=False),
            ),
            models.Index(
                fields=["location", "state"],
                name="reservation_pick_queue",
                condition=Q(state__in=["ALLOCATED", "PICKED", "PACKED"]),
            ),
            models.Index(
                fields=["shipment"], name="reservation_shipment", condition=Q(shipment__isnull=False)
            ),
            models.Index(fields=["parcel"], name="reservation_parcel", condition=Q(parcel__isnull=False)),
            models.Index(
                fields=["transfer_line"],
                name="reservation_transfer_line",
                condition=Q(transfer_line__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id} {self.state}"


class PurchaseOrder(models.Model):
    number = models.CharField(max_length=24, unique=True)
    supplier = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=PurchaseOrderStatus, default=PurchaseOrderStatus.OPEN)
    currency = models.CharField(max_length=3, default="RSD")
    ordered_at = models.DateTimeField(default=timezone.now)
    expected_on = models.DateField(null=True, blank=True)
    # Its own change or one of its parts'; written by the database.
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["updated_at", "id"], name="purchaseorder_updated"),
            models.Index(fields=["location", "status"], name="purchase_order_queue"),
        ]

    def __str__(self) -> str:
        return self.number


class PurchaseOrderLine(models.Model):
    order = models.ForeignKey(PurchaseOrder, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    quantity_received = models.PositiveIntegerField(default=0)
    # What is still to come and spoken for: the sum of its live supply claims.
    quantity_claimed = models.PositiveIntegerField(default=0, db_default=0)
    unit_cost = models.DecimalField(max_digits=14, decimal_places=4)
    expected_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "variant"], name="purchase_line_variant_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, unit_cost__gte=0), name="purchase_line_positive"
            ),
            models.CheckConstraint(
                condition=Q(quantity_claimed=0)
                | Q(quantity__gte=F("quantity_received") + F("quantity_claimed")),
                name="purchase_line_not_overclaimed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["variant"],
                name="purchase_line_open",
                condition=Q(quantity_received__lt=F("quantity")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.variant_id}"


class Receipt(models.Model):
    """One delivery from a supplier, as counted at the door: may be over, short or damaged."""

    number = models.CharField(max_length=24, unique=True)
    order = models.ForeignKey(PurchaseOrder, on_delete=models.PROTECT, related_name="receipts")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+")
    delivery_note = models.CharField(max_length=60, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.number


class ReceiptLine(models.Model):
    receipt = models.ForeignKey(Receipt, on_delete=models.CASCADE, related_name="lines")
    order_line = models.ForeignKey(PurchaseOrderLine, on_delete=models.PROTECT, related_name="receipt_lines")
    quantity_good = models.PositiveIntegerField(default=0)
    quantity_damaged = models.PositiveIntegerField(default=0)
    value = models.DecimalField(max_digits=14, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.quantity_good}+{self.quantity_damaged}"
