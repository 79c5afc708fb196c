"""Use cases of money over several rooms: what goods, providers, the bank and the couriers cause in the books."""

from finance.workflows.card_calls import execute_capture, execute_refund, execute_void, look_up_capture
from finance.workflows.cards import (
    CardUnavailable,
    OrderNotPending,
    UnknownMethod,
    open_card_session,
    process_payment_event,
    receive_card_event,
    refresh_payment,
    start_payment,
)
from finance.workflows.dispatch import (
    AlreadyPosted,
    CaptureRefused,
    CaptureUnknown,
    ForeignStock,
    PaymentMissing,
    ShipmentNotFound,
    post_dispatch,
    prepare_dispatch,
)
from finance.workflows.einvoice_standing import (
    UnknownSubscription,
    poll_einvoices,
    read_changes,
    withdraw_einvoices,
)
from finance.workflows.einvoice_standing import receive_message as receive_sef_message
from finance.workflows.einvoice_standing import subscribe as subscribe_to_sef
from finance.workflows.einvoices import submit_einvoices
from finance.workflows.fiscal import sign_receipts
from finance.workflows.imports import ImportReport, LineChanged, LineError, UnreadableFile
from finance.workflows.purchase_invoices import (
    AlreadyDecided,
    PurchaseNotFound,
    decide_purchase,
    pull_purchases,
    tell_decisions,
)
from finance.workflows.remittances import (
    UnknownCarrier,
    import_courier_remittance,
    match_remittance_line,
)
from finance.workflows.returns import (
    NothingSold,
    PostedReturn,
    post_digital_return,
    post_lost,
    post_return,
    post_undelivered,
    units_still_out,
)
from finance.workflows.statements import (
    AlreadyMatched,
    StatementLineNotFound,
    UnknownBankAccount,
    book_payout,
    import_bank_statement,
    match_statement_line,
    set_aside_statement_line,
)
from finance.workflows.sweeps import (
    poll_payments,
    process_events,
    report_unsent_captures,
    send_refunds,
    settle_captures,
    void_authorizations,
)
from finance.workflows.vat_records import send_vat_records

__all__ = [
    "AlreadyDecided",
    "AlreadyMatched",
    "AlreadyPosted",
    "CaptureRefused",
    "CaptureUnknown",
    "CardUnavailable",
    "ForeignStock",
    "ImportReport",
    "LineChanged",
    "LineError",
    "NothingSold",
    "OrderNotPending",
    "PaymentMissing",
    "PostedReturn",
    "PurchaseNotFound",
    "ShipmentNotFound",
    "StatementLineNotFound",
    "UnknownBankAccount",
    "UnknownCarrier",
    "UnknownMethod",
    "UnknownSubscription",
    "UnreadableFile",
    "book_payout",
    "decide_purchase",
    "execute_capture",
    "execute_refund",
    "execute_void",
    "import_bank_statement",
    "import_courier_remittance",
    "look_up_capture",
    "match_remittance_line",
    "match_statement_line",
    "open_card_session",
    "poll_einvoices",
    "poll_payments",
    "post_digital_return",
    "post_dispatch",
    "post_lost",
    "post_return",
    "post_undelivered",
    "prepare_dispatch",
    "process_events",
    "process_payment_event",
    "pull_purchases",
    "read_changes",
    "receive_card_event",
    "receive_sef_message",
    "refresh_payment",
    "report_unsent_captures",
    "send_refunds",
    "send_vat_records",
    "set_aside_statement_line",
    "settle_captures",
    "sign_receipts",
    "start_payment",
    "submit_einvoices",
    "subscribe_to_sef",
    "tell_decisions",
    "units_still_out",
    "void_authorizations",
    "withdraw_einvoices",
]
