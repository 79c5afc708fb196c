"""The worker of electronic invoices: claim one, ask SEF outside any transaction, keep what it said.

A document that SEF has twice is a second debt for the buyer. So the request id and the bytes stand before the first call;
a call without an answer is repeated with both unchanged; and before anything else is sent under the same number, SEF is asked.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from finance import selectors, ubl
from finance.models import EInvoice, Invoice
from finance.operations import einvoices
from finance.providers import sef_documents
from finance.providers.sef_documents import SefDocuments, Stored
from finance.states import EInvoiceState, InvoiceKind
from oms import operations as orders
from retail.kernel import failpoints
from retail.kernel.clock import business_date
from retail.kernel.models import LegalEntity
from retail.kernel.outside import ProviderError, ProviderRefused, ProviderUnavailable

logger = logging.getLogger("onerow.finance")

LEASE = timedelta(minutes=3)
BLOCKED_LOOK_AFTER = timedelta(minutes=10)
FIRST_LOOK_AFTER = timedelta(seconds=5)
WAIT_SECONDS_MAX = 600
# A document that is still not there after so many tries is shown to a person; it goes on by itself all the same.
PATIENCE_ATTEMPTS = 5

KNOWN_THERE = frozenset({"UBLUploadRequestIdDuplicate", "EInvoiceNumberDublicate", "InvoiceNumberNotUnique"})
WRONG_DAY = frozenset({"IssueDateCannotBeDifferentFromTodays", "InvoiceDateLaterThanToday"})
SOURCE_NOT_READY = frozenset(
    {
        "UBLSourceInvoiceNotApproved",
        "UBLSourceInvoiceNotFound",
        "UBLSourceInvoiceNumberNotFound",
        "UBLPrepaymentInvoiceNotFound",
    }
)
PERIOD_DISPUTED = frozenset(
    {"InvoicePeriodDescriptionCodeNotDefined", "InvoicePeriodDescriptionCodeNotNeeded"}
)
EXTENSION_DISPUTED = frozenset({"UBLInvoiceExtensionSrbDtExtNotValid", "UBLInvoiceExtensionNotDefined"})
_EXTENSIONS = {"XSD": ubl.ExtensionPrefix.XSD, "SBT": ubl.ExtensionPrefix.SBT}


def submit_einvoices(*, now: datetime, limit: int = 100) -> int:
    """Hand waiting documents over, each by its seller's key, oldest first; how many SEF has now that it had not before.

    Several workers may run at once. Papers of a company without a key wait, and a person is told.
    """
    clients = sef_documents.clients()
    _tell_keyless(~Q(invoice__entity__in=clients), now, limit)
    return sum(_submit(entity, client, now, limit) for entity, client in clients.items())


def _tell_keyless(of_whom: Q, now: datetime, limit: int) -> None:
    for _ in range(limit):
        einvoice = _claim(of_whom, now)
        if einvoice is None:
            return
        _postpone(einvoice, "KEY_MISSING", now, seconds=WAIT_SECONDS_MAX, is_told=True)


def _submit(entity: LegalEntity, client: SefDocuments, now: datetime, limit: int) -> int:
    stored = 0
    for _ in range(limit):
        einvoice = _claim(Q(invoice__entity=entity), now)
        if einvoice is None:
            break
        try:
            if not _is_held_back(einvoice, now) and _prepare(einvoice, now):
                stored += _send(client, einvoice, now)
        except Exception:
            # One that fails does not hold up the others; its lease brings it back.
            logger.exception("electronic invoice %s could not be sent", einvoice.pk)
    return stored


@transaction.atomic
def _claim(of_whom: Q, now: datetime) -> EInvoice | None:
    """The oldest document whose turn it is, under a lease: a crash in between leaves it for the next worker."""
    einvoice = (
        EInvoice.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related(
            "invoice__order__customer", "invoice__entity", "invoice__credits", "invoice__replaces"
        )
        .filter(
            of_whom,
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            state__in=einvoices.WAITING,
        )
        .order_by("pk")
        .first()
    )
    if einvoice is None:
        return None
    einvoice.attempts += 1
    einvoice.next_attempt_at = now + LEASE
    einvoice.save(update_fields=["attempts", "next_attempt_at"])
    return einvoice


@transaction.atomic
def _is_held_back(einvoice: EInvoice, now: datetime) -> bool:
    """A closing invoice waits for its advances to be approved, a credit note for its source to be there."""
    locked = einvoices.lock_einvoice(einvoice_id=einvoice.pk)
    blocked = _blocked_by(locked.invoice)
    if blocked is None:
        if locked.state in einvoices.BLOCKED:
            einvoices.move(locked, EInvoiceState.QUEUED, now=now)
        einvoice.state = locked.state
        return False
    if locked.state != blocked:
        if locked.state in einvoices.BLOCKED:
            einvoices.move(locked, EInvoiceState.QUEUED, now=now)
        einvoices.move(locked, blocked, now=now)
    locked.attempts, locked.next_attempt_at = 0, now + BLOCKED_LOOK_AFTER
    locked.save(update_fields=["attempts", "next_attempt_at"])
    return True


def _blocked_by(invoice: Invoice) -> EInvoiceState | None:
    closes_advance = invoice.kind == InvoiceKind.INVOICE
    ready = (EInvoiceState.APPROVED,) if closes_advance else (EInvoiceState.SENT, EInvoiceState.APPROVED)
    for source in selectors.sources_of(invoice):
        # What was issued before its buyer was at SEF is not waited for.
        state = EInvoice.objects.filter(invoice=source).values_list("state", flat=True).first()
        if state is not None and state not in ready:
            return EInvoiceState.BLOCKED_BY_ADVANCE if closes_advance else EInvoiceState.BLOCKED_BY_SOURCE
    return None


def _prepare(einvoice: EInvoice, now: datetime) -> bool:
    """The document of today with a request id of its own, unless one may be at SEF already: that is repeated as it was."""
    today = business_date(now)
    if einvoice.document and (einvoice.is_in_doubt or einvoice.document_date == today):
        return True
    document = _render(einvoice, today)
    faults = ubl.check(document)
    if faults:
        _refuse(einvoice, faults[0].code, "\n".join(f"{one.code}: {one.text}" for one in faults), now)
        return False
    with transaction.atomic():
        einvoice.document, einvoice.document_date = document.decode(), today
        einvoice.request_id, einvoice.is_in_doubt = uuid4().hex, False
        einvoice.save(update_fields=["document", "document_date", "request_id", "is_in_doubt"])
        einvoices.note(einvoice, kind="RENDERED", now=now)
    return True


def _render(einvoice: EInvoice, day: date) -> bytes:
    period = (
        ubl.PeriodCode(einvoice.credit_note_period) if einvoice.credit_note_period else ubl.PeriodCode.NONE
    )
    return ubl.build(
        selectors.ubl_document(
            einvoice.invoice,
            issued_on=day,
            credit_note_period=period,
            extension=_EXTENSIONS[einvoice.extension or "XSD"],
        )
    )


def _send(client: SefDocuments, einvoice: EInvoice, now: datetime) -> int:
    was_in_doubt = einvoice.is_in_doubt
    _mark_in_doubt(einvoice, is_in_doubt=True)
    try:
        stored = client.upload(
            request_id=einvoice.request_id,
            document=einvoice.document.encode(),
            is_for_cir=_is_for_cir(einvoice.invoice),
        )
        failpoints.hit("einvoice.stored")
    except ProviderRefused as refusal:
        return _refused(client, einvoice, refusal, was_in_doubt=was_in_doubt, now=now)
    except ProviderUnavailable as error:
        # Nothing reached SEF with this call; what an earlier one did is as unknown as before.
        _mark_in_doubt(einvoice, is_in_doubt=was_in_doubt)
        _postpone(einvoice, error.code, now, seconds=error.retry_after_seconds)
        return 0
    except ProviderError as error:
        _postpone(einvoice, error.code, now)
        return 0
    return _keep(einvoice, stored, now)


def _is_for_cir(invoice: Invoice) -> bool:
    """Budget users' invoices and credit notes go on to their register; advances do not."""
    return bool(invoice.buyer_jbkjs) and invoice.kind != InvoiceKind.ADVANCE


def _mark_in_doubt(einvoice: EInvoice, *, is_in_doubt: bool) -> None:
    einvoice.is_in_doubt = is_in_doubt
    EInvoice.objects.filter(pk=einvoice.pk).update(is_in_doubt=is_in_doubt)


def _refused(
    client: SefDocuments, einvoice: EInvoice, refusal: ProviderRefused, *, was_in_doubt: bool, now: datetime
) -> int:
    """What a regular "no" means: SEF has it already, or another day, choice or hour is needed, or a person."""
    code = refusal.code
    if refusal.status in (401, 403):
        _mark_in_doubt(einvoice, is_in_doubt=was_in_doubt)
        _postpone(einvoice, "KEY_REFUSED", now)
        return 0
    if code in KNOWN_THERE or was_in_doubt:
        try:
            stored = client.find(number=einvoice.invoice.number, today=business_date(now))
        except ProviderError as error:
            _postpone(einvoice, error.code, now)
            return 0
        if stored is not None:
            # There from a call whose answer was lost: its ids are taken over.
            return _keep(einvoice, stored, now, code="FOUND")
    if code in KNOWN_THERE:
        # SEF says that it knows it and does not show it: asked again later, and a person is told.
        _postpone(einvoice, code, now, is_told=True)
    elif code in WRONG_DAY:
        _begin_anew(einvoice, code, refusal.said, now)
    elif code in SOURCE_NOT_READY:
        _begin_anew(einvoice, code, refusal.said, now, wait=BLOCKED_LOOK_AFTER)
    elif code in PERIOD_DISPUTED and _is_first_choice(einvoice, "credit_note_period"):
        _begin_anew(einvoice, code, refusal.said, now, credit_note_period=ubl.PeriodCode.DELIVERY.value)
    elif code in EXTENSION_DISPUTED and _is_first_choice(einvoice, "extension"):
        _begin_anew(einvoice, code, refusal.said, now, extension="SBT")
    else:
        _refuse(einvoice, code, refusal.said, now)
    return 0


def _is_first_choice(einvoice: EInvoice, name: str) -> bool:
    is_about = {
        "credit_note_period": einvoice.invoice.kind == InvoiceKind.CREDIT_NOTE,
        "extension": bool(einvoice.invoice.prepaid_by_rate),
    }
    return is_about[name] and not getattr(einvoice, name)


@transaction.atomic
def _begin_anew(
    einvoice: EInvoice,
    code: str,
    said: str,
    now: datetime,
    *,
    wait: timedelta = timedelta(0),
    **choices: str,
) -> None:
    """SEF answered regularly and has nothing: another document under another request id, and the same number."""
    locked = einvoices.lock_einvoice(einvoice_id=einvoice.pk)
    einvoices.note(locked, kind="ANSWER", now=now, code=code, said=said)
    locked.document, locked.is_in_doubt, locked.error_code, locked.said = "", False, code[:100], said
    # Around midnight the two clocks may disagree: a document of the same day is not tried again at once.
    is_same_day = code in WRONG_DAY and locked.document_date == business_date(now)
    locked.next_attempt_at = now + (timedelta(minutes=1) if is_same_day else wait)
    for name, value in choices.items():
        setattr(locked, name, value)
    locked.save(update_fields=["document", "is_in_doubt", "error_code", "said", "next_attempt_at", *choices])


@transaction.atomic
def _keep(einvoice: EInvoice, stored: Stored, now: datetime, *, code: str = "") -> int:
    locked = einvoices.lock_einvoice(einvoice_id=einvoice.pk)
    if locked.sales_id is not None:
        return 0
    einvoices.move(
        locked,
        EInvoiceState.SENDING,
        now=now,
        said=code,
        sales_id=stored.sales_id,
        purchase_id=stored.purchase_id,
        is_in_doubt=False,
        stored_at=now,
        attempts=0,
        next_attempt_at=None,
        next_poll_at=now + FIRST_LOOK_AFTER,
    )
    return 1


@transaction.atomic
def _refuse(einvoice: EInvoice, code: str, said: str, now: datetime) -> None:
    locked = einvoices.lock_einvoice(einvoice_id=einvoice.pk)
    if locked.state in einvoices.WAITING:
        einvoices.move(
            locked,
            EInvoiceState.REFUSED,
            now=now,
            code=code,
            said=said,
            is_in_doubt=False,
            next_attempt_at=None,
        )


@transaction.atomic
def _postpone(
    einvoice: EInvoice, code: str, now: datetime, *, seconds: int | None = None, is_told: bool = False
) -> None:
    orders.lock_order(order_id=einvoice.invoice.order_id)
    wait = min(seconds or 5 * 2 ** min(einvoice.attempts, 10), WAIT_SECONDS_MAX)
    EInvoice.objects.filter(pk=einvoice.pk).update(
        next_attempt_at=now + timedelta(seconds=wait), error_code=code[:100]
    )
    if einvoice.error_code != code:
        einvoices.note(einvoice, kind="CALL", now=now, code=code)
    einvoice.error_code = code
    if is_told or einvoice.attempts >= PATIENCE_ATTEMPTS:
        einvoices.tell(einvoice, codes=[code], now=now)
