"""Money: payments as the provider tells them, papers, and a ledger that balances by construction."""

from finance.models.einvoices import EInvoice, EInvoiceEvent, PurchaseInvoice, SefSubscription
from finance.models.ledger import (
    DocumentCounter,
    JournalEntry,
    JournalLine,
    LedgerAccount,
    Period,
    StockValue,
)
from finance.models.papers import FiscalReceipt, Invoice, InvoiceLine
from finance.models.payments import Capture, Payment, PaymentEvent, Refund
from finance.models.statements import BankStatementLine, CourierRemittanceLine
from finance.models.vat import VatRecord

__all__ = [
    "BankStatementLine",
    "Capture",
    "CourierRemittanceLine",
    "DocumentCounter",
    "EInvoice",
    "EInvoiceEvent",
    "FiscalReceipt",
    "Invoice",
    "InvoiceLine",
    "JournalEntry",
    "JournalLine",
    "LedgerAccount",
    "Payment",
    "PaymentEvent",
    "Period",
    "PurchaseInvoice",
    "Refund",
    "SefSubscription",
    "StockValue",
    "VatRecord",
]
