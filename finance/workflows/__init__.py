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
from finance.workflows.fiscal import sign_receipts
from finance.workflows.imports import ImportReport, LineChanged, LineError, UnreadableFile
from finance.workflows.remittances import (
    UnknownCarrier,
    import_courier_remittance,
    match_remittance_line,
)
from finance.workflows.returns import (
    NothingSold,
    PostedReturn,
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
    send_refunds,
    settle_captures,
    void_authorizations,
)

__all__ = [
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
    "ShipmentNotFound",
    "StatementLineNotFound",
    "UnknownBankAccount",
    "UnknownCarrier",
    "UnknownMethod",
    "UnreadableFile",
    "book_payout",
    "execute_capture",
    "execute_refund",
    "execute_void",
    "import_bank_statement",
    "import_courier_remittance",
    "look_up_capture",
    "match_remittance_line",
    "match_statement_line",
    "open_card_session",
    "poll_payments",
    "post_dispatch",
    "post_lost",
    "post_return",
    "post_undelivered",
    "prepare_dispatch",
    "process_events",
    "process_payment_event",
    "receive_card_event",
    "refresh_payment",
    "send_refunds",
    "set_aside_statement_line",
    "settle_captures",
    "sign_receipts",
    "start_payment",
    "units_still_out",
    "void_authorizations",
]
