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


class StatementState(models.TextChoices):
    UNMATCHED = "UNMATCHED", _("Not matched")
    MATCHED = "MATCHED", _("Matched")
    SET_ASIDE = "SET_ASIDE", _("Set aside")


class PeriodState(models.TextChoices):
    OPEN = "OPEN", _("Open")
    CLOSED = "CLOSED", _("Closed")
