from django.db import models
from django.utils.translation import gettext_lazy as _


class PaymentState(models.TextChoices):
    PENDING = "PENDING", _("Waiting")
    AUTHORIZED = "AUTHORIZED", _("Authorized")
    CAPTURED = "CAPTURED", _("Captured")
    FAILED = "FAILED", _("Failed")
    VOIDED = "VOIDED", _("Voided")
    EXPIRED = "EXPIRED", _("Expired")


PAYMENT_MOVES = {
    PaymentState.PENDING: {
        PaymentState.AUTHORIZED,
        PaymentState.CAPTURED,
        PaymentState.FAILED,
        PaymentState.VOIDED,
        PaymentState.EXPIRED,
    },
    # The provider is the truth: a late authorization of a payment that we had given up on is recorded, then voided or refunded.
    PaymentState.FAILED: {PaymentState.AUTHORIZED, PaymentState.CAPTURED},
    PaymentState.EXPIRED: {PaymentState.AUTHORIZED, PaymentState.CAPTURED},
    PaymentState.AUTHORIZED: {PaymentState.CAPTURED, PaymentState.VOIDED, PaymentState.EXPIRED},
    PaymentState.VOIDED: {PaymentState.CAPTURED},
    PaymentState.CAPTURED: set(),
}


class OperationState(models.TextChoices):
    """A call to the outside: stored before it is made, settled by its answer."""

    PENDING = "PENDING", _("Waiting")
    DONE = "DONE", _("Done")
    REFUSED = "REFUSED", _("Refused")


class InvoiceKind(models.TextChoices):
    INVOICE = "INVOICE", _("Invoice")
    CREDIT_NOTE = "CREDIT_NOTE", _("Credit note")
    ADVANCE = "ADVANCE", _("Advance invoice")


class FiscalKind(models.TextChoices):
    NORMAL = "NORMAL", _("Sale")
    ADVANCE = "ADVANCE", _("Advance")
    COPY = "COPY", _("Copy")


class FiscalTransaction(models.TextChoices):
    SALE = "SALE", _("Sale")
    REFUND = "REFUND", _("Refund")


class FiscalState(models.TextChoices):
    PENDING = "PENDING", _("Waiting for signature")
    SIGNED = "SIGNED", _("Signed")
    FAILED = "FAILED", _("Refused")


class EInvoiceState(models.TextChoices):
    """Where a paper stands on its way through SEF."""

    QUEUED = "QUEUED", _("Waiting to be sent")
    BLOCKED_BY_ADVANCE = "BLOCKED_BY_ADVANCE", _("Waiting for the advance invoice")
    BLOCKED_BY_SOURCE = "BLOCKED_BY_SOURCE", _("Waiting for the invoice it refers to")
    SENDING = "SENDING", _("Being issued by SEF")
    SENT = "SENT", _("Sent to the buyer")
    APPROVED = "APPROVED", _("Approved by the buyer")
    REJECTED = "REJECTED", _("Rejected by the buyer")
    REFUSED = "REFUSED", _("Refused by SEF")
    MISTAKE = "MISTAKE", _("Not issued, a mistake")
    CANCELED = "CANCELED", _("Withdrawn")
    STORNO = "STORNO", _("Reversed")


_E = EInvoiceState
# Whatever SEF says of a document that it has is the truth, so those may become any of each other but never unsent again.
_AT_SEF = {_E.SENDING, _E.SENT, _E.APPROVED, _E.REJECTED, _E.MISTAKE, _E.CANCELED, _E.STORNO}
EINVOICE_MOVES = {
    _E.QUEUED: _AT_SEF | {_E.BLOCKED_BY_ADVANCE, _E.BLOCKED_BY_SOURCE, _E.REFUSED},
    _E.BLOCKED_BY_ADVANCE: _AT_SEF | {_E.QUEUED, _E.REFUSED},
    _E.BLOCKED_BY_SOURCE: _AT_SEF | {_E.QUEUED, _E.REFUSED},
    _E.REFUSED: {_E.QUEUED, _E.CANCELED},
    _E.SENDING: _AT_SEF - {_E.SENDING},
    _E.SENT: {_E.APPROVED, _E.REJECTED, _E.MISTAKE, _E.CANCELED, _E.STORNO},
    # Sources dispute whether a buyer may still approve what was rejected.
    _E.REJECTED: {_E.APPROVED, _E.STORNO},
    _E.APPROVED: {_E.STORNO, _E.REJECTED},
    _E.MISTAKE: {_E.CANCELED, _E.SENT},
    _E.CANCELED: set(),
    _E.STORNO: set(),
}


class Withdrawal(models.TextChoices):
    CANCEL = "CANCEL", _("Cancel")
    STORNO = "STORNO", _("Reverse")


class PurchaseDecision(models.TextChoices):
    ACCEPT = "ACCEPT", _("Accept")
    REJECT = "REJECT", _("Reject")


class StatementState(models.TextChoices):
    UNMATCHED = "UNMATCHED", _("Not matched")
    MATCHED = "MATCHED", _("Matched")
    SET_ASIDE = "SET_ASIDE", _("Set aside")


class PeriodState(models.TextChoices):
    OPEN = "OPEN", _("Open")
    CLOSED = "CLOSED", _("Closed")


class VatRecordKind(models.TextChoices):
    INDIVIDUAL = "INDIVIDUAL", _("Single record")
    SUMMARY = "SUMMARY", _("Summary record")


class VatRecordState(models.TextChoices):
    """Where a record of VAT stands at SEF."""

    QUEUED = "QUEUED", _("Waiting to be sent")
    RECORDED = "RECORDED", _("Recorded")
    REFUSED = "REFUSED", _("Refused by SEF")
    REPLACED = "REPLACED", _("Replaced by a correction")
    CANCELED = "CANCELED", _("Withdrawn")


_V = VatRecordState
VAT_RECORD_MOVES = {
    _V.QUEUED: {_V.RECORDED, _V.REFUSED, _V.CANCELED},
    _V.REFUSED: {_V.QUEUED},
    _V.RECORDED: {_V.REPLACED, _V.CANCELED},
    _V.REPLACED: set(),
    _V.CANCELED: set(),
}
