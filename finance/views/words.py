"""Codes of the books, the providers and the imports, said in words. An unknown code is shown as it stands."""

from __future__ import annotations

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from finance.models import JournalEntry
from retail.front import refusals
from retail.kernel.errors import Refusal

type_of_words = dict[str, Promise]

DOCUMENT_KINDS: type_of_words = {
    "dispatch": pgettext_lazy("document", "Dispatch"),
    "return": _("Return"),
    "undelivered": _("Undelivered parcel"),
    "lost": _("Lost parcel"),
    "capture": _("Money received"),
    "refund": _("Money sent back"),
    "advance_refund": _("Advance closed"),
    "statement": _("Bank statement line"),
    "remittance": _("Courier remittance line"),
    "payout": _("Payout"),
    "receipt": _("Goods receipt"),
    "opening": _("Opening stock"),
    "count": _("Stock count"),
    "adjustment": _("Stock adjustment"),
    "cost_correction": _("Cost correction"),
}

ACCOUNT_CLASSES: type_of_words = {
    "0": _("Fixed assets"),
    "1": _("Inventories"),
    "2": _("Short-term receivables and cash"),
    "3": _("Capital"),
    "4": _("Liabilities"),
    "5": _("Expenses"),
    "6": _("Income"),
    "7": _("Opening and closing of accounts"),
    "8": _("Off-balance records"),
    "9": _("Cost accounting"),
}

RECEIPT_KINDS: type_of_words = {
    "FISCAL_SALE": _("Normal sale"),
    "FISCAL_REFUND": _("Normal refund"),
    "FISCAL_ADVANCE_SALE": _("Advance sale"),
    "FISCAL_ADVANCE_REFUND": _("Advance refund"),
    "FISCAL_COPY_SALE": _("Copy of a sale"),
    "FISCAL_COPY_REFUND": _("Copy of a refund"),
}

SOURCE_KINDS: type_of_words = {
    "shipment": _("shipment"),
    "variant": _("variant"),
    "statement": _("statement line"),
    "remittance": _("remittance line"),
}

# Of the fiscal processor (four digits), of the way to it, and of ours.
FISCAL_ERRORS: type_of_words = {
    "BUYER_ID_MISSING": _(
        "A refund needs the buyer's document; enter it on the receipt and it is sent by itself."
    ),
    "UNKNOWN_TAX_RATE": _("The processor has no tax label for a rate of this receipt on this day."),
    "1300": _("There is no smart card in the processor."),
    "1400": _("The processor soon needs an audit; it still signs."),
    "1500": _("The processor waits for its PIN."),
    "2100": _("The PIN was wrong."),
    "2110": _("The smart card is locked for good and must be replaced."),
    "2210": _("The secure element is locked until the audit is done."),
    "2220": _("The processor cannot reach its secure element."),
    "2230": _("The secure element answered in a way that was not understood."),
    "2310": _("A tax label is not valid on this day."),
    "2400": _("The processor is not configured."),
    "2800": _("A field that is needed is missing."),
    "2801": _("A text is too long."),
    "2802": _("A text is too short."),
    "2803": _("A text has a wrong length."),
    "2804": _("A number is out of its range, or sums do not agree."),
    "2805": _("A value is not on the list of allowed values."),
    "2806": _("A value has a wrong form."),
    "2807": _("A list has too few entries."),
    "2808": _("A list has too many entries."),
    "2809": _("A field has a value that is not allowed with the others."),
}
OUTSIDE_ERRORS: type_of_words = {
    "TIMEOUT": _("No answer came; it is asked first, then repeated."),
    "CONNECTION_LOST": _("The connection broke; it is asked first, then repeated."),
    "UNREACHABLE": _("It cannot be reached; it is repeated by itself."),
    "UNREADABLE": _("The answer could not be read; it is asked again."),
    "TOO_MANY_REQUESTS": _("It asked for a pause; it is repeated by itself."),
    "PAUSED": _("After several failures there is a pause; it is repeated by itself."),
}
# Of SEF itself (its own spelling), of the way to it, and of ours.
EINVOICE_ERRORS: type_of_words = {
    "UBLRegistrationCodeDoesNotHaveGoodLength": _(
        "A company number (MB) is missing or has not eight digits."
    ),
    "CompanyWithRegistrationCodeNotFound": _(
        "PIB and company number (MB) of the buyer do not belong together."
    ),
    "ReceiverCompanyNotFound": _("The buyer is not registered at SEF."),
    "RequiredCompanyAddressMissing": _("City or postal code of the buyer is missing."),
    "UBLVatRegistrationCodeDoesNotHaveGoodLength": _("A PIB is not valid."),
    "UBLJBKJSNotDefined": _("The buyer is a public body: its JBKJS is missing or another one."),
    "UBLCannotBeDefinedPartyIdentificationIdForNonBudgetCompany": _(
        "The buyer is no public body: leave the JBKJS out."
    ),
    "UBLReceiverCannotSendToCir": _("The buyer is no public body, or is one and its JBKJS is missing."),
    "UBLSenderCompanyAndSenderCompanyIdentiferDoNotMatch": _(
        "The key belongs to another company than the seller."
    ),
    "UBLSourceInvoiceNotApproved": _("The advance invoice is not approved yet; it is tried again by itself."),
    "UBLSourceInvoiceNotFound": _(
        "SEF does not have the document that this one refers to yet; it is tried again by itself."
    ),
    "UBLSourceInvoiceUnallowedStatus": _("The document that this one refers to was rejected or reversed."),
    "UBLInvoiceWithPrepaymentInStatusStorno": _("An advance invoice that this one closes was reversed."),
    "EInvoiceNumberDublicate": _("SEF has a document with this number; it is being looked up."),
    "UBLUploadRequestIdDuplicate": _("SEF has this request already; the document is being looked up."),
    "IssueDateCannotBeDifferentFromTodays": _(
        "SEF takes only today's date; the document is made anew for today."
    ),
    "InvoicePeriodDescriptionCodeNotDefined": _("SEF wants another code of the tax point."),
    "UBLInvoiceExtensionSrbDtExtNotValid": _("SEF does not take the list of advances in this form."),
    "XmlInvalid": _("The document does not fit the schema."),
    "AllAttachedInvoicesToThisInvoiceMustBeStornoFirst": _("Credit notes on it must be reversed first."),
    "AllAttachedFinalInvoicesToThisPrepaymentInvoiceMustBeReversedFirst": _(
        "Invoices that close it must be reversed first."
    ),
    "InvoiceNotInAppropriateStatusToBeReversed": _("SEF does not let a document in this state be reversed."),
    "InvoiceForCancellationNotInSpecificStatus": _("SEF does not let a document in this state be canceled."),
    "KEY_REFUSED": _("SEF refused our key; check the key of the API. It is repeated by itself."),
    "KEY_MISSING": _("The selling company has no key at SEF; the paper waits for one."),
    "CalculationNumberNotUnique": _("SEF has a record with this number that it does not show."),
    "RequiredField": _("SEF misses a field of the record."),
    "InvalidAmount": _("SEF does not take an amount of the record."),
    "STUCK_AT_SEF": _("SEF has been issuing it for hours."),
    "WITHOUT_SUCCESSOR": _("It was withdrawn and no paper took its place."),
}
EINVOICE_EVENTS: type_of_words = {
    "QUEUED": _("Waits to be sent"),
    "RENDERED": _("The document was made"),
    "STATE": _("State changed"),
    "CALL": _("No answer from SEF"),
    "ANSWER": _("SEF refused this form"),
    "RETRY": _("Asked for once more"),
    "WITHDRAW": _("Withdrawal asked for"),
}
PURCHASE_STATUSES: type_of_words = {
    "New": _("New"),
    "Seen": _("Seen"),
    "ReNotified": _("Reminded"),
    "Approved": _("Accepted"),
    "Rejected": _("Rejected"),
    "Cancelled": _("Canceled by the supplier"),
    "Storno": _("Reversed by the supplier"),
}
PAYMENT_FAILURES: type_of_words = {
    "DECLINED": _("The bank declined it."),
    "FAILED_3DS": _("The shopper was not confirmed by the bank."),
    "CANCELED": _("The shopper gave up."),
    "EXPIRED": _("Time ran out."),
    "SUPERSEDED": _("A newer attempt took its place."),
    "ORDER_CANCELED": _("The order was canceled."),
    "NOTHING_AUTHORIZED": _("Nothing is authorized that could be captured."),
    "NOT_SENT": _("The provider never got the request."),
}
EVENT_OUTCOMES: type_of_words = {
    "DONE": _("Acted on"),
    "NOTHING_NEW": _("Nothing new in it"),
    "MISMATCH": _("Does not fit the payment; an exception is open"),
    "UNKNOWN_PAYMENT": _("Speaks of a payment that is not ours; an exception is open"),
    "ABSENT": _("The provider does not know this payment"),
}
IMPORT_ERRORS: type_of_words = {
    "LINE_CHANGED": _("It was read before with another date or amount."),
    "PERIOD_CLOSED": _("The month of its day is closed."),
}
FILE_ERRORS: type_of_words = {
    "TOO_LARGE": _("The file is larger than 5 MB. Nothing was read. Export a shorter span of days."),
    "EMPTY": _("The file is empty."),
    "ENCODING": _("The file is not UTF-8 (line %(line)s). Save it as “CSV UTF-8” and send it again."),
    "COLUMNS": _("The first line must name the columns; missing: %(missing)s."),
}
# What the verbs say when they refuse, so that it is translated here.
SAID = (
    gettext_noop("A fee is not negative."),
    gettext_noop("It has a successor already."),
    gettext_noop("Only the buyer's data can be put right."),
    gettext_noop("SEF does not have this document."),
    gettext_noop("Say why it is rejected: the supplier reads it."),
    gettext_noop("Say why: SEF asks for a comment."),
    gettext_noop("There is nothing to send or to ask."),
    gettext_noop("A document in this state cannot be withdrawn."),
    gettext_noop("Later documents refer to it: they are reversed first."),
    gettext_noop("This document was decided already."),
    gettext_noop("A line of zero says nothing."),
    gettext_noop("A payout comes from the card acquirer or a courier."),
    gettext_noop("Only a refused receipt can be sent again."),
    gettext_noop("Say to which account the money went."),
    gettext_noop("The amount is above zero, and the fee a part of it."),
    gettext_noop("The document number has 1 to 17 letters and digits."),
    gettext_noop("The line is in another currency than the books."),
    gettext_noop("The order belongs to another company or currency."),
    gettext_noop("The order belongs to another company."),
    gettext_noop("There is no such card payment."),
    gettext_noop("There is no such order."),
    gettext_noop("There is no such period."),
    gettext_noop("There is no such statement line."),
    gettext_noop("This is not a bank account."),
    gettext_noop("This kind of document is not on the list."),
    gettext_noop("This line has its place already."),
    gettext_noop("This refund was settled already."),
    gettext_noop("There is no such open line."),
    gettext_noop("The file is not a text."),
    gettext_noop("A file may have 20000 lines."),
    gettext_noop("amount must look like 1299.00."),
    gettext_noop("fee must look like 1299.00."),
    gettext_noop("booked_on must look like 2026-11-21."),
    gettext_noop("paid_on must look like 2026-11-21."),
    gettext_noop("line_key must have 1 to 80 characters."),
)


def document_words(kind: str) -> str:
    return str(DOCUMENT_KINDS.get(kind, kind))


def source_words(kind: str, key: str) -> str:
    """What a journal line came from, when it is no line of an order."""
    if kind == "tax_rate":
        return gettext("VAT %(rate)s %%") % {"rate": key.removesuffix(".00")}
    return f"{SOURCE_KINDS.get(kind, kind)} {key}".strip()


def failure_words(code: str) -> str:
    for table in (PAYMENT_FAILURES, OUTSIDE_ERRORS, FISCAL_ERRORS):
        if code in table:
            return str(table[code])
    return code


def fiscal_errors(codes: list[str]) -> list[tuple[str, str]]:
    return [(code, failure_words(code)) for code in codes]


def einvoice_error(code: str) -> str:
    return str(EINVOICE_ERRORS.get(code) or OUTSIDE_ERRORS.get(code) or code)


def einvoice_event(kind: str) -> str:
    return str(EINVOICE_EVENTS.get(kind, kind))


def purchase_status(status: str) -> str:
    return str(PURCHASE_STATUSES.get(status, status))


def refusal(refused: Refusal) -> str:
    """Why a verb refused, in the reader's language."""
    if refused.code == "UNREADABLE_FILE":
        if missing := refused.details.get("missing"):
            return str(FILE_ERRORS["COLUMNS"]) % {"missing": ", ".join(missing)}
        if template := FILE_ERRORS.get(refused.details.get("reason", "")):
            return str(template) % refused.details
    return refusals.say(refused)


def import_error(code: str, message: str) -> str:
    return str(IMPORT_ERRORS[code]) if code in IMPORT_ERRORS else gettext(message)


def outcome_words(outcome: str) -> str:
    return str(EVENT_OUTCOMES.get(outcome) or OUTSIDE_ERRORS.get(outcome) or outcome)


def document_url(entry: JournalEntry) -> str:
    """Where the document of an entry is shown, or ""."""
    key = entry.document_key
    match entry.document_kind:
        case "statement" | "payout":
            return reverse("finance:statement", args=[key]) if key.isdigit() else ""
        case "remittance":
            return reverse("finance:remittance", args=[key]) if key.isdigit() else ""
        case _:
            return reverse("ops:order", args=[entry.order_number]) if entry.order_number else ""
