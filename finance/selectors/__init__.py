"""Questions to the books, the payments and the papers."""

from finance.selectors.documents import (
    NotSigned,
    PaperNotFound,
    invoice_paper,
    invoice_pdf,
    receipt_kind,
    receipt_paper,
    receipt_pdf,
)
from finance.selectors.ledger import (
    AccountBalance,
    account_balance,
    entries,
    inventory_value,
    order_balances,
    trial_balance,
)
from finance.selectors.payments import (
    TransferInstructions,
    collectable,
    live_authorization,
    needs_account,
    payer_account,
    payments_of_order,
    shipment_charge,
    shipment_needs,
    transfer_instructions,
)
from finance.selectors.sales import (
    OpenAdvance,
    advance_of_order,
    lines_of_order,
    preview_return,
    sales_of_order,
)
from finance.selectors.stock_value import StockValueRow, estimated_costs, stock_values
from finance.selectors.turnover import (
    CardPage,
    Turnover,
    account_lines,
    class_by_month,
    turnover,
    with_balance,
)
from finance.selectors.ubl import invoice_ubl, live_paper, ubl_document

__all__ = [
    "AccountBalance",
    "CardPage",
    "NotSigned",
    "OpenAdvance",
    "PaperNotFound",
    "StockValueRow",
    "TransferInstructions",
    "Turnover",
    "account_balance",
    "account_lines",
    "advance_of_order",
    "class_by_month",
    "collectable",
    "entries",
    "estimated_costs",
    "inventory_value",
    "invoice_paper",
    "invoice_pdf",
    "invoice_ubl",
    "lines_of_order",
    "live_authorization",
    "live_paper",
    "needs_account",
    "order_balances",
    "payer_account",
    "payments_of_order",
    "preview_return",
    "receipt_kind",
    "receipt_paper",
    "receipt_pdf",
    "sales_of_order",
    "shipment_charge",
    "shipment_needs",
    "stock_values",
    "transfer_instructions",
    "trial_balance",
    "turnover",
    "ubl_document",
    "with_balance",
]
