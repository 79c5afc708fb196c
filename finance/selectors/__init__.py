"""Questions to the books, the payments and the papers."""

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

__all__ = [
    "AccountBalance",
    "OpenAdvance",
    "StockValueRow",
    "TransferInstructions",
    "account_balance",
    "advance_of_order",
    "collectable",
    "entries",
    "estimated_costs",
    "inventory_value",
    "lines_of_order",
    "live_authorization",
    "order_balances",
    "payer_account",
    "payments_of_order",
    "preview_return",
    "sales_of_order",
    "shipment_charge",
    "shipment_needs",
    "stock_values",
    "transfer_instructions",
    "trial_balance",
]
