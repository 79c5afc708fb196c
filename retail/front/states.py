"""Every state chip in one table: kind of fact and code give tone, icon and word, always all three.

A code that the table does not know is drawn in the idle tone with the code itself, so a new state is visible at once.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class State:
    tone: str
    icon: str
    word: str | Promise


GOOD, INFO, BUSY, WARN, BAD, IDLE = "good", "info", "busy", "warn", "bad", "idle"

ORDER = {
    "PENDING_PAYMENT": State(WARN, "clock", _("Awaiting payment")),
    "PLACED": State(INFO, "inbox", _("Placed")),
    "ON_HOLD": State(WARN, "pause", _("On hold")),
    "IN_FULFILLMENT": State(BUSY, "gear", _("In progress")),
    "COMPLETED": State(GOOD, "ok", _("Completed")),
    "CANCELED": State(IDLE, "no", pgettext_lazy("order", "Canceled")),
}
PAYMENT = {
    "NONE": State(IDLE, "unpaid", _("Not paid")),
    "AUTHORIZED": State(INFO, "lock", _("Authorized")),
    "PARTLY_PAID": State(WARN, "half", _("Partly paid")),
    "PAID": State(GOOD, "paid", _("Paid")),
    "OVERPAID": State(WARN, "alert", _("Overpaid")),
    "PARTLY_REFUNDED": State(BUSY, "back-part", _("Money partly returned")),
    "REFUNDED": State(IDLE, "back", _("Money returned")),
}
FULFILLMENT = {
    "UNROUTED": State(WARN, "dashed", _("No plan")),
    "ROUTED": State(INFO, "route", _("Routed")),
    "PICKING": State(BUSY, "list", _("Being picked")),
    "PACKED": State(BUSY, "box", _("Packed")),
    "PARTLY_DISPATCHED": State(BUSY, "truck-part", _("Partly dispatched")),
    "DISPATCHED": State(INFO, "truck", _("Dispatched")),
    "READY_FOR_PICKUP": State(GOOD, "bag", _("Ready for pickup")),
    "DELIVERED": State(GOOD, "delivered", _("Delivered")),
    "RETURNED": State(IDLE, "return", _("Goods returned")),
}
RESERVATION = {
    "HELD": State(WARN, "clock", _("Held for a basket")),
    "ALLOCATED": State(INFO, "pin", _("Allocated")),
    "PICKED": State(BUSY, "list", _("Picked")),
    "PACKED": State(BUSY, "box", _("Packed")),
    "DISPATCHED": State(GOOD, "truck", _("Dispatched")),
    "RELEASED": State(IDLE, "back", _("Released")),
}
SHIPMENT = {
    "READY": State(INFO, "box", pgettext_lazy("shipment", "Ready")),
    "DISPATCHED": State(INFO, "truck", _("Dispatched")),
    "DELIVERED": State(GOOD, "delivered", _("Delivered")),
    "UNDELIVERED": State(WARN, "alert", _("Not delivered")),
    "REFUSED": State(WARN, "no", _("Refused at the door")),
    "RETURNED": State(IDLE, "return", _("Goods returned")),
    "LOST": State(BAD, "alert", _("Lost")),
    "CANCELED": State(IDLE, "no", pgettext_lazy("shipment", "Canceled")),
}
RETURN = {
    "REQUESTED": State(INFO, "inbox", _("Requested")),
    "RECEIVED": State(BUSY, "return", _("Goods received")),
    "REFUNDED": State(GOOD, "back", _("Money returned")),
    "REJECTED": State(IDLE, "no", pgettext_lazy("return", "Rejected")),
}
DISPOSITION = {
    "RESTOCK": State(GOOD, "box", _("Back to the shelf")),
    "DAMAGED": State(BAD, "alert", _("Damaged")),
    "QUARANTINE": State(WARN, "pause", _("Quarantine")),
}
PROPOSAL = {
    "OPEN": State(INFO, "inbox", _("Awaiting a decision")),
    "STALE": State(WARN, "alert", _("Stale")),
    "RATIFIED": State(GOOD, "ok", _("Ratified")),
    "REJECTED": State(IDLE, "no", pgettext_lazy("proposal", "Rejected")),
}
EXCEPTION = {
    "OPEN": State(WARN, "alert", pgettext_lazy("exception", "Open")),
    "RESOLVED": State(GOOD, "ok", _("Resolved")),
    "UNROUTABLE": State(BAD, "route", _("No location can serve it")),
    "PAYMENT_MISMATCH": State(WARN, "scales", _("Payment does not match")),
    "SHORT_PICK": State(BAD, "alert", _("Not found on the shelf")),
    "DISPLACED_CLAIM": State(BAD, "box", _("Lost its stock")),
    "OVERPAID": State(WARN, "cash", _("Overpaid")),
    "LATE_PLAN": State(WARN, "clock", _("Promise at risk")),
    "AUTHORIZATION_EXPIRED": State(WARN, "card", _("Card authorization expired")),
    "PAPER_FAILED": State(BAD, "note", _("Paper could not be issued")),
    "DELIVERY_FAILED": State(WARN, "alert", _("Not delivered")),
}
# What the carrier last said of a parcel.
TRACKING = {
    "ANNOUNCED": State(INFO, "note", _("Announced")),
    "PICKED_UP": State(INFO, "truck", _("With the courier")),
    "IN_TRANSIT": State(INFO, "truck", _("On its way")),
    "OUT_FOR_DELIVERY": State(BUSY, "truck", _("Out for delivery")),
    "REFUSED": State(WARN, "no", _("Refused at the door")),
    "UNDELIVERABLE": State(WARN, "alert", _("Nobody to give it to")),
    "DELIVERED": State(GOOD, "delivered", _("Delivered")),
    "LOST": State(BAD, "alert", _("Lost")),
    "RETURNED": State(IDLE, "return", _("Goods returned")),
}
E_INVOICE = {
    "QUEUED": State(INFO, "clock", _("Waiting to be sent")),
    "BLOCKED_BY_ADVANCE": State(WARN, "pause", _("Waiting for the advance invoice")),
    "BLOCKED_BY_SOURCE": State(WARN, "pause", _("Waiting for its invoice")),
    "SENDING": State(BUSY, "mail", _("Being issued by SEF")),
    "SENT": State(BUSY, "mail", _("Sent to SEF")),
    "APPROVED": State(GOOD, "ok", pgettext_lazy("e-invoice", "Approved")),
    "REFUSED": State(BAD, "no", _("Refused by SEF")),
    "REJECTED": State(BAD, "no", _("Rejected by the buyer")),
    "MISTAKE": State(BAD, "alert", _("Not issued, a mistake")),
    "CANCELED": State(IDLE, "no", _("Withdrawn")),
    "STORNO": State(IDLE, "back", _("Reversed")),
}
VAT_RECORD = {
    "QUEUED": State(INFO, "clock", _("Waiting to be sent")),
    "RECORDED": State(GOOD, "ok", pgettext_lazy("VAT", "Recorded")),
    "REFUSED": State(BAD, "no", _("Refused by SEF")),
    "REPLACED": State(IDLE, "back", _("Replaced by a correction")),
    "CANCELED": State(IDLE, "no", _("Withdrawn")),
}
VAT_PERIOD = {
    "RUNNING": State(IDLE, "clock", pgettext_lazy("VAT", "Still running")),
    "TO_RECORD": State(WARN, "inbox", pgettext_lazy("VAT", "To be recorded")),
    "CHANGED": State(WARN, "edit", pgettext_lazy("VAT", "Changed since it was recorded")),
    "UNDER_WAY": State(BUSY, "mail", pgettext_lazy("VAT", "Being recorded")),
    "REFUSED": State(BAD, "no", _("Refused by SEF")),
    "DONE": State(GOOD, "ok", pgettext_lazy("VAT", "Recorded")),
    "NOTHING": State(IDLE, "ok", pgettext_lazy("VAT", "Nothing to record")),
}
PURCHASE_INVOICE = {
    "New": State(INFO, "inbox", pgettext_lazy("purchase invoice", "New")),
    "Seen": State(INFO, "inbox", pgettext_lazy("purchase invoice", "Seen")),
    "ReNotified": State(WARN, "clock", pgettext_lazy("purchase invoice", "Reminded")),
    "Approved": State(GOOD, "ok", pgettext_lazy("purchase invoice", "Accepted")),
    "Rejected": State(IDLE, "no", pgettext_lazy("purchase invoice", "Rejected")),
    "Cancelled": State(IDLE, "no", pgettext_lazy("purchase invoice", "Canceled by the supplier")),
    "Storno": State(IDLE, "back", pgettext_lazy("purchase invoice", "Reversed by the supplier")),
}
FISCAL = {
    "PENDING": State(INFO, "clock", pgettext_lazy("fiscal", "Waiting")),
    "SIGNED": State(GOOD, "ok", _("Signed")),
    "FAILED": State(BAD, "alert", pgettext_lazy("fiscal", "Refused")),
}
PAYMENT_ATTEMPT = {
    "PENDING": State(INFO, "clock", pgettext_lazy("payment", "Waiting")),
    "AUTHORIZED": State(INFO, "lock", _("Authorized")),
    "CAPTURED": State(GOOD, "paid", _("Captured")),
    "VOIDED": State(IDLE, "no", _("Voided")),
    "FAILED": State(BAD, "alert", pgettext_lazy("payment", "Failed")),
    "EXPIRED": State(IDLE, "clock", _("Expired")),
}
REFUND = {
    "PENDING": State(INFO, "clock", pgettext_lazy("payment", "Waiting")),
    "DONE": State(GOOD, "back", _("Money returned")),
    "REFUSED": State(BAD, "no", pgettext_lazy("payment", "Refused")),
}
SUPPLY = {
    "REQUESTED": State(INFO, "inbox", _("Requested")),
    "SHIPPED": State(BUSY, "truck", _("On its way")),
    "OPEN": State(INFO, "inbox", pgettext_lazy("purchase", "Open")),
    "PARTLY_RECEIVED": State(BUSY, "half", _("Partly received")),
    "RECEIVED": State(GOOD, "ok", pgettext_lazy("purchase", "Received")),
    "CANCELED": State(IDLE, "no", pgettext_lazy("purchase", "Canceled")),
}
COUNT = {
    "OPEN": State(INFO, "barcode", _("Being counted")),
    "WAITING": State(WARN, "clock", _("Waits for approval")),
    "APPROVED": State(BUSY, "half", _("Being written")),
    "POSTED": State(GOOD, "ok", _("Posted")),
    "CANCELED": State(IDLE, "no", pgettext_lazy("purchase", "Canceled")),
}
PERIOD = {
    "OPEN": State(GOOD, "ledger", pgettext_lazy("period", "Open")),
    "CLOSED": State(IDLE, "lock", pgettext_lazy("period", "Closed")),
}
STATEMENT_LINE = {
    "UNMATCHED": State(WARN, "alert", _("Not matched")),
    "MATCHED": State(GOOD, "ok", _("Matched")),
    "SET_ASIDE": State(IDLE, "no", _("Set aside")),
}

TABLE: dict[str, dict[str, State]] = {
    "order": ORDER,
    "payment": PAYMENT,
    "fulfillment": FULFILLMENT,
    "reservation": RESERVATION,
    "shipment": SHIPMENT,
    "return": RETURN,
    "disposition": DISPOSITION,
    "proposal": PROPOSAL,
    "exception": EXCEPTION,
    "tracking": TRACKING,
    "einvoice": E_INVOICE,
    "vat_record": VAT_RECORD,
    "vat_period": VAT_PERIOD,
    "purchase_invoice": PURCHASE_INVOICE,
    "fiscal": FISCAL,
    "attempt": PAYMENT_ATTEMPT,
    "refund": REFUND,
    "supply": SUPPLY,
    "count": COUNT,
    "period": PERIOD,
    "statement": STATEMENT_LINE,
}


def state_of(kind: str, code: str) -> State:
    """The chip of a code; an unknown kind is our own mistake, an unknown code is shown as it stands."""
    return TABLE[kind].get(code) or State(IDLE, "info", code)
