"""Invoices and fiscal receipts: issued whole, never changed."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from audit.triggers import append_only
from finance.models.ledger import JournalEntry
from finance.states import FiscalKind, FiscalState, FiscalTransaction, InvoiceKind
from oms.models import Order, OrderLine, Return
from retail.kernel.models import LegalEntity
from warehouse.models import Shipment


class Invoice(models.Model):
    """A paper with a number of a gapless series: invoice, credit note, advance. Issued whole, never changed."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=InvoiceKind)
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=30, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    parent_return = models.ForeignKey(
        Return, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    credits = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes"
    )
    # The same goods and amounts under a new number, after SEF or the buyer refused the other one. Sums count the first alone.
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    buyer_name = models.CharField(max_length=200)
    buyer_pib = models.CharField(max_length=20, blank=True)
    buyer_registration_number = models.CharField(max_length=20, blank=True)
    buyer_street = models.CharField(max_length=200, blank=True)
    buyer_city = models.CharField(max_length=100, blank=True)
    buyer_postal_code = models.CharField(max_length=12, blank=True)
    buyer_jbkjs = models.CharField("JBKJS", max_length=5, blank=True)
    issued_on = models.DateField()
    supplied_on = models.DateField()
    due_on = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="RSD")
    net_total = models.DecimalField(max_digits=12, decimal_places=2)
    tax_total = models.DecimalField(max_digits=12, decimal_places=2)
    total = models.DecimalField(max_digits=12, decimal_places=2)
    tax_by_rate = models.JSONField(default=list)
    # Some gross sums have no net base: what is missing to the charged gross, with its sign.
    rounding = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    # Advances that this invoice closes: [{"rate", "gross", "net", "tax"}]
    prepaid_by_rate = models.JSONField(default=list, blank=True)
    # What the whole paper said before this system; such papers have no entry.
    is_imported = models.BooleanField(default=False)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shipment"],
                condition=Q(kind="INVOICE", shipment__isnull=False, replaces__isnull=True),
                name="invoice_once_per_shipment",
            ),
            models.UniqueConstraint(
                fields=["entity", "kind", "year", "sequence"], name="invoice_sequence_once"
            ),
            models.CheckConstraint(
                condition=Q(total=F("net_total") + F("tax_total") + F("rounding")), name="invoice_adds_up"
            ),
        ]
        indexes = [
            models.Index(fields=["order"], name="invoice_order"),
            models.Index(fields=["-issued_on", "-id"], name="invoice_newest"),
        ]
        triggers = [
            *append_only("invoice"),
            pgtrigger.Trigger(
                name="invoice_has_entry",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF NEW.entry_id IS NULL AND NOT NEW.is_imported THEN
                        RAISE EXCEPTION 'invoice % has no journal entry', NEW.number USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number


class InvoiceLine(models.Model):
    """Part of an order line on a paper; amounts are positive on credit notes too."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+", db_index=False)
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=400)
    quantity = models.PositiveIntegerField()
    gross = models.DecimalField(max_digits=12, decimal_places=2)
    net = models.DecimalField(max_digits=12, decimal_places=2)
    tax = models.DecimalField(max_digits=12, decimal_places=2)
    tax_rate = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(gross=F("net") + F("tax")), name="invoice_line_adds_up")
        ]
        indexes = [models.Index(fields=["order_line"], name="invoice_line_order_line")]
        triggers = append_only("invoiceline")

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"


class FiscalReceipt(models.Model):
    """A receipt for the fiscal processor: stored with its request id and content before the first call, signed by a worker."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", db_index=False)
    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    parent_return = models.ForeignKey(
        Return, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=FiscalKind)
    transaction = models.CharField(max_length=6, choices=FiscalTransaction)
    # One receipt per cause, whoever asks twice.
    cause_key = models.CharField(max_length=80, unique=True)
    request_id = models.CharField(max_length=32, unique=True)
    referent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="followers"
    )
    buyer_id = models.CharField(max_length=20, blank=True)
    buyer_id_encrypted = models.TextField(blank=True)
    currency = models.CharField(max_length=3, default="RSD")
    total = models.DecimalField(max_digits=12, decimal_places=2)
    tax_by_rate = models.JSONField(default=list)
    # [{"name", "gtin", "quantity", "unit_price", "total", "tax", "tax_rate", "order_line", "line_kind"}]
    items = models.JSONField(default=list)
    # [{"method", "amount"}]
    payments = models.JSONField(default=list)
    cashier = models.CharField(max_length=50, blank=True)
    # When money for an advance arrived; the receipt may be written a day later.
    paid_at = models.DateTimeField(null=True, blank=True)
    # The request as first sent, without the buyer id: a repeat must send the same.
    payload = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=8, choices=FiscalState, default=FiscalState.PENDING)
    number = models.CharField(max_length=60, blank=True)
    counter = models.CharField(max_length=40, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    verification_url = models.URLField(max_length=1000, blank=True)
    journal_text = models.TextField(blank=True)
    error_codes = models.JSONField(default=list, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    issued_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="COPY") | Q(entry__isnull=False), name="fiscal_has_entry"
            ),
            models.CheckConstraint(condition=~Q(state="SIGNED") | ~Q(number=""), name="fiscal_signed_number"),
        ]
        indexes = [
            models.Index(fields=["order"], name="fiscal_order"),
            models.Index(fields=["next_attempt_at", "id"], name="fiscal_queue", condition=Q(state="PENDING")),
            models.Index(fields=["shipment"], name="fiscal_shipment"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="fiscal_content_is_final",
                operation=pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.Before,
                func="""
                    -- The buyer's document number alone may be erased later.
                    IF TG_OP = 'DELETE'
                       OR OLD.state = 'SIGNED' AND to_jsonb(NEW) - 'buyer_id_encrypted' IS DISTINCT FROM to_jsonb(OLD) - 'buyer_id_encrypted'
                       OR (NEW.entity_id, NEW.order_id, NEW.kind, NEW.transaction, NEW.cause_key, NEW.request_id, NEW.referent_id,
                           NEW.currency, NEW.total, NEW.tax_by_rate, NEW.items, NEW.payments, NEW.entry_id)
                          IS DISTINCT FROM
                          (OLD.entity_id, OLD.order_id, OLD.kind, OLD.transaction, OLD.cause_key, OLD.request_id, OLD.referent_id,
                           OLD.currency, OLD.total, OLD.tax_by_rate, OLD.items, OLD.payments, OLD.entry_id) THEN
                        RAISE EXCEPTION 'fiscal receipt % is final', OLD.id USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return self.number or self.cause_key
