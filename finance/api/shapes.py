"""What the API gives of the books and the papers, and takes of banks and couriers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finance.models import (
    BankStatementLine,
    CourierRemittanceLine,
    Invoice,
    JournalEntry,
    LedgerAccount,
)
from finance.selectors import AccountBalance
from finance.states import InvoiceKind, StatementState
from finance.workflows import ImportReport
from retail.kernel.models import LegalEntity
from retail.rest.fields import MoneySerializer, StrictSerializer, choice_values, money

NEXT = serializers.CharField(allow_null=True, help_text="address of the next page")


class RatePart(serializers.Serializer[Any]):
    rate = serializers.CharField(help_text="percent, for example 10.00")
    net = MoneySerializer()
    tax = MoneySerializer()
    gross = MoneySerializer()


class InvoiceLinePart(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    tax_rate = serializers.CharField()
    net = MoneySerializer()
    tax = MoneySerializer()
    gross = MoneySerializer()


class BuyerPart(serializers.Serializer[Any]):
    name = serializers.CharField()
    pib = serializers.CharField()
    registration_number = serializers.CharField()
    street = serializers.CharField()
    city = serializers.CharField()
    postal_code = serializers.CharField()


class InvoiceRow(serializers.Serializer[Any]):
    number = serializers.CharField()
    kind = serializers.ChoiceField(choice_values(InvoiceKind))
    entity = serializers.CharField()
    order = serializers.CharField()
    credits = serializers.CharField(allow_null=True, help_text="number of the invoice that it credits")
    issued_on = serializers.DateField()
    supplied_on = serializers.DateField()
    buyer_name = serializers.CharField()
    net = MoneySerializer()
    tax = MoneySerializer()
    total = MoneySerializer()


class InvoiceListAnswer(serializers.Serializer[Any]):
    results = InvoiceRow(many=True)
    next = NEXT


class InvoiceAnswer(InvoiceRow):
    shipment = serializers.CharField(allow_null=True)
    buyer = BuyerPart()
    due_on = serializers.DateField(allow_null=True)
    rounding = MoneySerializer(help_text="what no net base gives of the gross, with its sign")
    rates = RatePart(many=True)
    prepaid = RatePart(many=True, help_text="advances that it closes")
    lines = InvoiceLinePart(many=True)
    credit_notes = serializers.ListField(child=serializers.CharField())
    pdf = serializers.CharField(help_text="address of the paper")


class AccountAnswer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    name_en = serializers.CharField()
    is_debit_normal = serializers.BooleanField()


class AccountListAnswer(serializers.Serializer[Any]):
    results = AccountAnswer(many=True)
    next = NEXT


class BalancePart(serializers.Serializer[Any]):
    account = serializers.CharField()
    name = serializers.CharField()
    name_en = serializers.CharField()
    debit = MoneySerializer()
    credit = MoneySerializer()
    balance = MoneySerializer(help_text="above zero on the debit side")


class TrialBalanceAnswer(serializers.Serializer[Any]):
    entity = serializers.CharField()
    as_of = serializers.DateField()
    currency = serializers.CharField()
    accounts = BalancePart(many=True)
    debit = MoneySerializer()
    credit = MoneySerializer()
    is_balanced = serializers.BooleanField()


class EntryLinePart(serializers.Serializer[Any]):
    account = serializers.CharField()
    debit = MoneySerializer()
    credit = MoneySerializer()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="kind:key, when it is finer than the document"
    )


class EntryAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    entity = serializers.CharField()
    date = serializers.DateField()
    document = serializers.CharField(help_text="kind:key")
    order = serializers.CharField()
    memo = serializers.CharField()
    reverses = serializers.CharField(allow_null=True)
    total = MoneySerializer()
    lines = EntryLinePart(many=True)
    created_at = serializers.DateTimeField()


class EntryListAnswer(serializers.Serializer[Any]):
    results = EntryAnswer(many=True)
    next = NEXT


class StatementLine(serializers.Serializer[Any]):
    line_key = serializers.CharField()
    account = serializers.CharField()
    booked_on = serializers.DateField()
    amount = MoneySerializer()
    reference = serializers.CharField()
    payer = serializers.CharField()
    purpose = serializers.CharField()
    state = serializers.ChoiceField(choice_values(StatementState))
    order = serializers.CharField(allow_null=True)
    note = serializers.CharField()


class StatementListAnswer(serializers.Serializer[Any]):
    results = StatementLine(many=True)
    next = NEXT


class RemittanceLine(serializers.Serializer[Any]):
    line_key = serializers.CharField()
    carrier = serializers.CharField()
    tracking_number = serializers.CharField()
    amount = MoneySerializer()
    fee = MoneySerializer()
    paid_on = serializers.DateField()
    state = serializers.ChoiceField(choice_values(StatementState))
    order = serializers.CharField(allow_null=True)


class RemittanceListAnswer(serializers.Serializer[Any]):
    results = RemittanceLine(many=True)
    next = NEXT


class StatementBody(StrictSerializer):
    account = serializers.CharField(max_length=40, help_text="our bank account")
    csv = serializers.CharField(
        max_length=5_000_000,
        trim_whitespace=False,
        help_text="line_key,booked_on,amount needed; currency,reference,payer,payer_account,purpose useful",
    )


class RemittanceBody(StrictSerializer):
    carrier = serializers.CharField(max_length=30)
    csv = serializers.CharField(
        max_length=5_000_000,
        trim_whitespace=False,
        help_text="line_key,tracking_number,amount,paid_on needed; fee",
    )


class ReportError(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="of the file; the head is line 1")
    code = serializers.CharField()
    detail = serializers.CharField()


class ReportAnswer(serializers.Serializer[Any]):
    read = serializers.IntegerField()
    matched = serializers.IntegerField()
    unmatched = serializers.IntegerField()
    known = serializers.IntegerField(help_text="read before; changed nothing")
    skipped = serializers.IntegerField(help_text="money that went out")
    refused = ReportError(many=True)


class EventReceipt(serializers.Serializer[Any]):
    id = serializers.CharField()
    is_known = serializers.BooleanField(help_text="this message had come before")


def show_invoice_row(invoice: Invoice) -> dict[str, Any]:
    currency = invoice.currency
    return {
        "number": invoice.number,
        "kind": invoice.kind,
        "entity": invoice.entity.code,
        "order": invoice.order.number,
        "credits": invoice.credits.number if invoice.credits else None,
        "issued_on": invoice.issued_on.isoformat(),
        "supplied_on": invoice.supplied_on.isoformat(),
        "buyer_name": invoice.buyer_name,
        "net": money(invoice.net_total, currency),
        "tax": money(invoice.tax_total, currency),
        "total": money(invoice.total, currency),
    }


def show_invoice(invoice: Invoice) -> dict[str, Any]:
    currency = invoice.currency
    return {
        **show_invoice_row(invoice),
        "shipment": invoice.shipment.number if invoice.shipment else None,
        "buyer": {
            name: getattr(invoice, f"buyer_{name}")
            for name in ("name", "pib", "registration_number", "street", "city", "postal_code")
        },
        "due_on": invoice.due_on.isoformat() if invoice.due_on else None,
        "rounding": money(invoice.rounding, currency),
        "rates": [_rate(row, currency) for row in invoice.tax_by_rate],
        "prepaid": [_rate(row, currency) for row in invoice.prepaid_by_rate],
        "lines": [
            {
                "position": line.position,
                "sku": line.order_line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "tax_rate": f"{line.tax_rate:.2f}",
                "net": money(line.net, currency),
                "tax": money(line.tax, currency),
                "gross": money(line.gross, currency),
            }
            for line in invoice.lines.select_related("order_line").order_by("position")
        ],
        "credit_notes": list(invoice.credit_notes.order_by("pk").values_list("number", flat=True)),
        "pdf": f"/api/v1/invoices/{invoice.number}/pdf",
    }


def _rate(row: dict[str, str], currency: str) -> dict[str, Any]:
    amounts = {name: money(Decimal(row[name]), currency) for name in ("net", "tax", "gross")}
    return {"rate": row["rate"], **amounts}


def show_account(account: LedgerAccount) -> dict[str, Any]:
    return {
        "code": account.code,
        "name": account.name,
        "name_en": account.name_en,
        "is_debit_normal": account.is_debit_normal,
    }


def show_balance(row: AccountBalance, entity: LegalEntity) -> dict[str, Any]:
    return {
        "account": row.code,
        "name": row.name,
        "name_en": row.name_en,
        "debit": money(row.debit, entity.currency),
        "credit": money(row.credit, entity.currency),
        "balance": money(row.balance, entity.currency),
    }


def show_entry(entry: JournalEntry) -> dict[str, Any]:
    currency = entry.entity.currency
    return {
        "id": str(entry.pk),
        "entity": entry.entity.code,
        "date": entry.date.isoformat(),
        "document": f"{entry.document_kind}:{entry.document_key}",
        "order": entry.order_number,
        "memo": entry.memo,
        "reverses": str(entry.reverses_id) if entry.reverses_id else None,
        "total": money(entry.total, currency),
        "lines": [
            {
                "account": line.account.code,
                "debit": money(line.debit, currency),
                "credit": money(line.credit, currency),
                "source": f"{line.source_kind}:{line.source_key}" if line.source_kind else "",
            }
            for line in entry.lines.all()
        ],
        "created_at": entry.created_at.isoformat(),
    }


def show_statement_line(line: BankStatementLine) -> dict[str, Any]:
    return {
        "line_key": line.line_key,
        "account": line.account,
        "booked_on": line.booked_on.isoformat(),
        "amount": money(line.amount, line.currency),
        "reference": line.reference,
        "payer": line.payer,
        "purpose": line.purpose,
        "state": line.state,
        "order": line.capture.payment.order.number if line.capture else None,
        "note": line.note,
    }


def show_remittance_line(line: CourierRemittanceLine) -> dict[str, Any]:
    return {
        "line_key": line.line_key,
        "carrier": line.carrier_code,
        "tracking_number": line.tracking_number,
        "amount": money(line.amount, line.entity.currency),
        "fee": money(line.fee, line.entity.currency),
        "paid_on": line.paid_on.isoformat(),
        "state": line.state,
        "order": line.capture.payment.order.number if line.capture else None,
    }


def show_report(report: ImportReport) -> dict[str, Any]:
    return {
        "read": report.read,
        "matched": report.matched,
        "unmatched": report.unmatched,
        "known": report.known,
        "skipped": report.skipped,
        "refused": [{"line": one.line, "code": one.code, "detail": one.message} for one in report.errors],
    }


class SefReceipt(serializers.Serializer[Any]):
    asked = serializers.IntegerField(help_text="documents that will be asked about")
