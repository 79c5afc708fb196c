"""The journal, its periods, the value of stock and the numbers of papers."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.triggers import append_only
from finance.states import PeriodState
from retail.kernel.models import LegalEntity
from storefront.models import Variant


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

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+", db_index=False)
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
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
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
