"""Voids, attempts of calls outside, advances on invoices, final receipts; entries that nothing can be added to."""

import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0002_chart_of_accounts"),
        ("kernel", "0001_initial"),
        ("oms", "0002_order_number_and_touch"),
        ("warehouse", "0001_initial"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="journalline",
            name="journal_entry_balances",
        ),
        migrations.RemoveConstraint(
            model_name="invoice",
            name="invoice_adds_up",
        ),
        migrations.RemoveConstraint(
            model_name="journalline",
            name="journal_line_one_side",
        ),
        migrations.RemoveConstraint(
            model_name="payment",
            name="payment_card_captured_in_authorized",
        ),
        migrations.AddField(
            model_name="bankstatementline",
            name="note",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="capture",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="capture",
            name="next_attempt_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="courierremittanceline",
            name="note",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="fiscalreceipt",
            name="cashier",
            field=models.CharField(blank=True, max_length=50),
        ),
        migrations.AddField(
            model_name="fiscalreceipt",
            name="paid_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="fiscalreceipt",
            name="payload",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="invoice",
            name="is_imported",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="invoice",
            name="prepaid_by_rate",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="invoice",
            name="rounding",
            field=models.DecimalField(decimal_places=2, default=0, max_digits=6),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="total",
            field=models.DecimalField(decimal_places=2, default=0, max_digits=16),
        ),
        migrations.AddField(
            model_name="payment",
            name="card_label",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="payment",
            name="void_requested_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="voided",
            field=models.DecimalField(decimal_places=2, default=0, max_digits=12),
        ),
        migrations.AddField(
            model_name="refund",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="refund",
            name="next_attempt_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(
                condition=models.Q(("state", "PENDING")), fields=["created_at"], name="capture_pending"
            ),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(fields=["payment"], name="capture_payment"),
        ),
        migrations.AddIndex(
            model_name="fiscalreceipt",
            index=models.Index(fields=["shipment"], name="fiscal_shipment"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("state", "AUTHORIZED"), ("void_requested_at__isnull", False)),
                fields=["void_requested_at"],
                name="payment_void_queue",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="fiscalreceipt",
            trigger=pgtrigger.compiler.Trigger(
                name="fiscal_content_is_final",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    -- The buyer's document number alone may be erased later.\n                    IF TG_OP = 'DELETE'\n                       OR OLD.state = 'SIGNED' AND to_jsonb(NEW) - 'buyer_id_encrypted' IS DISTINCT FROM to_jsonb(OLD) - 'buyer_id_encrypted'\n                       OR (NEW.entity_id, NEW.order_id, NEW.kind, NEW.transaction, NEW.cause_key, NEW.request_id, NEW.referent_id,\n                           NEW.currency, NEW.total, NEW.tax_by_rate, NEW.items, NEW.payments, NEW.entry_id)\n                          IS DISTINCT FROM\n                          (OLD.entity_id, OLD.order_id, OLD.kind, OLD.transaction, OLD.cause_key, OLD.request_id, OLD.referent_id,\n                           OLD.currency, OLD.total, OLD.tax_by_rate, OLD.items, OLD.payments, OLD.entry_id) THEN\n                        RAISE EXCEPTION 'fiscal receipt % is final', OLD.id USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="6566092a65e28f08c54496f87ec12c2e0e2b5afc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_fiscal_content_is_final_7fc2b",
                    table="finance_fiscalreceipt",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="invoice_has_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n                    IF NEW.entry_id IS NULL AND NOT NEW.is_imported THEN\n                        RAISE EXCEPTION 'invoice % has no journal entry', NEW.number USING ERRCODE = 'integrity_constraint_violation';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="38c2706f0455ee8f84cf09719cbfcb95faa52d19",
                    operation="INSERT",
                    pgid="pgtrigger_invoice_has_entry_01617",
                    table="finance_invoice",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="journalline",
            trigger=pgtrigger.compiler.Trigger(
                name="journal_entry_balances",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    constraint="CONSTRAINT",
                    func="\n                    IF (SELECT sum(l.debit) <> sum(l.credit) OR sum(l.debit) <> e.total\n                          FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id\n                         WHERE e.id = NEW.entry_id GROUP BY e.total) THEN\n                        RAISE EXCEPTION 'journal entry % does not balance', NEW.entry_id USING ERRCODE = 'integrity_constraint_violation';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="4c76531f127ec46de52ed808374a28437240c1df",
                    operation="INSERT",
                    pgid="pgtrigger_journal_entry_balances_1b508",
                    table="finance_journalline",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="capture",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=("payment", "provider_ref"),
                name="capture_provider_ref_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="fiscalreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "COPY"), ("entry__isnull", False), _connector="OR"),
                name="fiscal_has_entry",
            ),
        ),
        migrations.AddConstraint(
            model_name="fiscalreceipt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "SIGNED"), _negated=True),
                    models.Q(("number", ""), _negated=True),
                    _connector="OR",
                ),
                name="fiscal_signed_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "INVOICE"), ("shipment__isnull", False)),
                fields=("shipment",),
                name="invoice_once_per_shipment",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "total",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("net_total"), "+", models.F("tax_total")
                            ),
                            "+",
                            models.F("rounding"),
                        ),
                    )
                ),
                name="invoice_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="journalline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credit", 0), ("debit__gte", 0)),
                    models.Q(("credit__gte", 0), ("debit", 0)),
                    _connector="OR",
                ),
                name="journal_line_one_side",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("method", "CARD"), _negated=True),
                    models.Q(
                        (
                            "captured__lte",
                            django.db.models.expressions.CombinedExpression(
                                models.F("authorized"), "-", models.F("voided")
                            ),
                        ),
                        ("voided__gte", 0),
                    ),
                    _connector="OR",
                ),
                name="payment_card_captured_in_authorized",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=("payment", "provider_ref"),
                name="refund_provider_ref_once",
            ),
        ),
    ]
