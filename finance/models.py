"""Money: payments as the provider tells them, papers, and a ledger that balances by construction."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from audit.triggers import append_only
from finance.states import (
    FiscalKind,
    FiscalState,
    FiscalTransaction,
    InvoiceKind,
    OperationState,
    PaymentState,
    PeriodState,
    StatementState,
)
from oms.models import Order, OrderLine, Return
from oms.states import PaymentMethod
from retail.kernel.models import LegalEntity, new_public_id
from storefront.models import Variant
from warehouse.models import Shipment


class LedgerAccount(models.Model):
    """An account of the chart (kontni okvir); analytics by suffix, e.g. 4760 and 4761."""

    code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=160)
    name_en = models.CharField(max_length=160, blank=True)
    is_debit_normal = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Period(models.Model):
    """A month of one entity's books; a closed one takes no more entries."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    month = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=6, choices=PeriodState, default=PeriodState.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "year", "month"], name="period_once"),
            models.CheckConstraint(condition=Q(month__gte=1, month__lte=12), name="period_month"),
        ]

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"


class JournalEntry(models.Model):
    """A balanced posting from one document. Never changed: a mistake is reversed by a new entry."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    document_kind = models.CharField(max_length=30)
    document_key = models.CharField(max_length=64)
    memo = models.CharField(max_length=200)
    # The sum of one side. Lines must add up to it at commit, so none can be added to an entry later.
    total = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    order_number = models.CharField(max_length=24, blank=True)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "journal entries"
        indexes = [
            models.Index(fields=["document_kind", "document_key"], name="entry_document"),
            models.Index(fields=["entity", "date"], name="entry_date"),
            models.Index(fields=["order_number"], name="entry_order", condition=~Q(order_number="")),
        ]
        triggers = [
            *append_only("journalentry"),
            pgtrigger.Trigger(
                name="journal_entry_has_lines",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM finance_journalline l WHERE l.entry_id = NEW.id) THEN
                        RAISE EXCEPTION 'journal entry % has no lines', NEW.id USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    IF EXISTS (SELECT 1 FROM finance_period p WHERE p.entity_id = NEW.entity_id AND p.state = 'CLOSED'
                                AND p.year = extract(year FROM NEW.date) AND p.month = extract(month FROM NEW.date)) THEN
                        RAISE EXCEPTION 'period of % is closed', NEW.date USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.memo}"


class JournalLine(models.Model):
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    debit = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    credit = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    # Where it came from, when it is finer than the entry's document.
    source_kind = models.CharField(max_length=30, blank=True)
    source_key = models.CharField(max_length=64, blank=True)
    order_line_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                # Both zero only on entries about goods that cost nothing: a move still needs its entry.
                condition=Q(debit__gte=0, credit=0) | Q(debit=0, credit__gte=0),
                name="journal_line_one_side",
            )
        ]
        indexes = [
            models.Index(
                fields=["account", "entry"], name="journal_line_account", include=["debit", "credit"]
            ),
            models.Index(
                fields=["order_line_id"],
                name="journal_line_order_line",
                condition=Q(order_line_id__isnull=False),
            ),
        ]
        triggers = [
            *append_only("journalline"),
            pgtrigger.Trigger(
                name="journal_entry_balances",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF (SELECT sum(l.debit) <> sum(l.credit) OR sum(l.debit) <> e.total
                          FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id
                         WHERE e.id = NEW.entry_id GROUP BY e.total) THEN
                        RAISE EXCEPTION 'journal entry % does not balance', NEW.entry_id USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.debit or -self.credit}"


class StockValue(models.Model):
    """What one entity's units of one variant cost it; an issue takes its share, the last unit takes the rest."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    quantity = models.IntegerField(default=0)
    value = models.DecimalField(max_digits=16, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "variant"], name="stock_value_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, value__gte=0), name="stock_value_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) | Q(value=0), name="stock_value_nothing_costs_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant_id}: {self.quantity} = {self.value}"


class DocumentCounter(models.Model):
    """The next number of a series without gaps; its row is taken last, in a short transaction."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    year = models.PositiveSmallIntegerField()
    next_number = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "kind", "year"], name="counter_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.year}: {self.next_number}"


class Payment(models.Model):
    """One attempt to pay one order by one method; its sums follow its captures and refunds."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=20, choices=PaymentMethod)
    provider = models.CharField(max_length=20, blank=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=PaymentState, default=PaymentState.PENDING)
    currency = models.CharField(max_length=3, default="RSD")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    authorized = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    captured = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    voided = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    card_label = models.CharField(max_length=40, blank=True)
    reference = models.CharField("reference the payer quotes", max_length=40, blank=True)
    redirect_url = models.URLField(max_length=500, blank=True)
    failure = models.CharField(max_length=120, blank=True)
    authorization_expires_at = models.DateTimeField(null=True, blank=True)
    # What is still authorized is not needed any more: a worker gives it back to the shopper's limit.
    void_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "attempt"], name="payment_attempt_once"),
            models.UniqueConstraint(
                fields=["provider", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="payment_provider_ref_once",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, refunded__gte=0, refunded__lte=F("captured")),
                name="payment_refunded_in_captured",
            ),
            models.CheckConstraint(
                condition=~Q(method="CARD") | Q(captured__lte=F("authorized") - F("voided"), voided__gte=0),
                name="payment_card_captured_in_authorized",
            ),
        ]
        indexes = [
            models.Index(fields=["order"], name="payment_order"),
            models.Index(fields=["reference"], name="payment_reference", condition=~Q(reference="")),
            models.Index(
                fields=["state", "created_at"], name="payment_pending", condition=Q(state="PENDING")
            ),
            models.Index(
                fields=["void_requested_at"],
                name="payment_void_queue",
                condition=Q(void_requested_at__isnull=False, state="AUTHORIZED"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.amount} {self.state}"


class PaymentEvent(models.Model):
    """Each provider message once, as it came; replayable in any order."""

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="events"
    )
    payload = models.JSONField(default=dict)
    outcome = models.CharField(max_length=120, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="payment_event_once")]
        indexes = [
            models.Index(
                fields=["received_at"], name="payment_event_open", condition=Q(processed_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id} {self.kind}"


class Capture(models.Model):
    """Money that came in: asked of the card provider (stored before the call), or seen on a statement or remittance."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="captures")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=OperationState, default=OperationState.PENDING)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    provider_ref = models.CharField(max_length=80, blank=True)
    failure = models.CharField(max_length=120, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="capture_positive"),
            models.UniqueConstraint(
                fields=["payment", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="capture_provider_ref_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(entry__isnull=False), name="capture_has_entry"
            ),
            models.UniqueConstraint(
                fields=["payment", "shipment"],
                condition=Q(shipment__isnull=False) & ~Q(state="REFUSED"),
                name="capture_once_per_shipment",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="capture_pending", condition=Q(state="PENDING")),
            models.Index(fields=["payment"], name="capture_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"


class Refund(models.Model):
    """Money that goes back to the original payment; the key makes the provider's effect single."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    parent_return = models.ForeignKey(
        Return, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    state = models.CharField(max_length=8, choices=OperationState, default=OperationState.PENDING)
    reason = models.CharField(max_length=120)
    bank_account = models.CharField("account for a transfer back", max_length=34, blank=True)
    provider_ref = models.CharField(max_length=80, blank=True)
    failure = models.CharField(max_length=120, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_positive"),
            models.UniqueConstraint(
                fields=["payment", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="refund_provider_ref_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(entry__isnull=False), name="refund_has_entry"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "created_at"], name="refund_pending", condition=Q(state="PENDING"))
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.state}"


class Invoice(models.Model):
    """A paper with a number of a gapless series: invoice, credit note, advance. Issued whole, never changed."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=InvoiceKind)
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=30, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    parent_return = models.ForeignKey(
        Return, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    credits = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="credit_notes"
    )
    buyer_name = models.CharField(max_length=200)
    buyer_pib = models.CharField(max_length=20, blank=True)
    buyer_registration_number = models.CharField(max_length=20, blank=True)
    buyer_street = models.CharField(max_length=200, blank=True)
    buyer_city = models.CharField(max_length=100, blank=True)
    buyer_postal_code = models.CharField(max_length=12, blank=True)
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
                condition=Q(kind="INVOICE", shipment__isnull=False),
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
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+")
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
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+")
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
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


class BankStatementLine(models.Model):
    """A credit on our account, read once; matched to a payment by reference, amount, payer."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    account = models.CharField(max_length=34)
    line_key = models.CharField("the bank's id of the line", max_length=80)
    booked_on = models.DateField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="RSD")
    reference = models.CharField(max_length=60, blank=True)
    payer = models.CharField(max_length=200, blank=True)
    payer_account = models.CharField(max_length=34, blank=True)
    purpose = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=StatementState, default=StatementState.UNMATCHED)
    capture = models.OneToOneField(Capture, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "line_key"], name="statement_line_once")]
        indexes = [models.Index(fields=["state", "-booked_on"], name="statement_queue")]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount}"


class CourierRemittanceLine(models.Model):
    """Cash that a courier collected for one parcel and paid over, read once."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    carrier_code = models.CharField(max_length=30)
    line_key = models.CharField(max_length=80)
    tracking_number = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    fee = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    paid_on = models.DateField()
    state = models.CharField(max_length=10, choices=StatementState, default=StatementState.UNMATCHED)
    capture = models.OneToOneField(Capture, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["carrier_code", "line_key"], name="remittance_line_once")
        ]
        indexes = [models.Index(fields=["state", "-paid_on"], name="remittance_queue")]

    def __str__(self) -> str:
        return f"{self.tracking_number} {self.amount}"
