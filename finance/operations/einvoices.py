"""The way of a paper through SEF as rows: queued with the paper, moved with its history, withdrawn and replaced on demand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from finance import selectors
from finance.models import EInvoice, EInvoiceEvent, Invoice, InvoiceLine
from finance.operations import bell
from finance.operations.ledger import take_number
from finance.states import EINVOICE_MOVES, EInvoiceState, InvoiceKind, Withdrawal
from oms import operations as orders
from oms.states import PaperKind
from retail.kernel.clock import business_date
from retail.kernel.errors import IllegalMove, InvalidInput, NotFound, Refusal
from retail.kernel.models import User

BLOCKED = (EInvoiceState.BLOCKED_BY_ADVANCE, EInvoiceState.BLOCKED_BY_SOURCE)
WAITING = (EInvoiceState.QUEUED, *BLOCKED)
GONE = (EInvoiceState.CANCELED, EInvoiceState.STORNO)
# What a person may put right about the buyer when a paper is made anew.
CORRECTIONS = {
    "buyer_name": 200,
    "buyer_registration_number": 20,
    "buyer_street": 200,
    "buyer_city": 100,
    "buyer_postal_code": 12,
    "buyer_jbkjs": 5,
}
# How each state is left for good, so that the paper can be made anew.
WAYS_OUT = {
    EInvoiceState.REFUSED: "",
    EInvoiceState.MISTAKE: Withdrawal.CANCEL,
    EInvoiceState.SENT: Withdrawal.STORNO,
    EInvoiceState.APPROVED: Withdrawal.STORNO,
    EInvoiceState.REJECTED: Withdrawal.STORNO,
    EInvoiceState.CANCELED: "",
    EInvoiceState.STORNO: "",
}


class EInvoiceNotFound(NotFound):
    code = "UNKNOWN_EINVOICE"


class NotWithdrawable(Refusal):
    """In this state SEF lets nobody withdraw the document, or it is being withdrawn already."""

    code = "NOT_WITHDRAWABLE"


class HasDependants(Refusal):
    """Later documents refer to this one: they are reversed first."""

    code = "HAS_DEPENDANTS"


def queue_einvoice(*, invoice: Invoice, now: datetime) -> EInvoice | None:
    """With the paper itself: its way to SEF begins. Only for buyers who are there."""
    if invoice.order.paper != PaperKind.SEF:
        return None
    einvoice = EInvoice.objects.create(invoice=invoice, created_at=now)
    note(einvoice, kind="QUEUED", now=now)
    bell.work_waits(bell.EINVOICES)
    return einvoice


def note(
    einvoice: EInvoice, *, kind: str, now: datetime, code: str = "", said: str = "", by: User | None = None
) -> None:
    """One line of history."""
    EInvoiceEvent.objects.create(
        einvoice=einvoice,
        at=now,
        kind=kind,
        state=einvoice.state,
        code=code[:100],
        said=said[:2000],
        request_id=einvoice.request_id,
        by=by,
    )


def lock_einvoice(*, einvoice_id: int) -> EInvoice:
    """The order row first, then its way to SEF."""
    order_id = EInvoice.objects.filter(pk=einvoice_id).values_list("invoice__order_id", flat=True).first()
    if order_id is None:
        raise EInvoiceNotFound("There is no such document.")
    orders.lock_order(order_id=order_id)
    return (
        EInvoice.objects.select_for_update(of=("self",))
        .select_related("invoice__order", "invoice__entity", "invoice__credits", "invoice__replaces")
        .get(pk=einvoice_id)
    )


def move(
    einvoice: EInvoice,
    state: EInvoiceState,
    *,
    now: datetime,
    code: str = "",
    said: str = "",
    by: User | None = None,
    **changes: Any,
) -> None:
    """A legal move with its line of history; the row is locked. Documents that waited for this one are looked at again."""
    if state not in EINVOICE_MOVES[EInvoiceState(einvoice.state)]:
        raise IllegalMove(f"{einvoice.state} does not become {state}.")
    einvoice.state, einvoice.error_code, einvoice.said = state, code[:100], said
    for name, value in changes.items():
        setattr(einvoice, name, value)
    einvoice.save(update_fields=["state", "error_code", "said", *changes])
    note(einvoice, kind="STATE", now=now, code=code, said=said, by=by)
    _tell_person(einvoice, now)
    waiting = EInvoice.objects.filter(invoice__order_id=einvoice.invoice.order_id, state__in=BLOCKED)
    if state not in WAITING and waiting.exclude(pk=einvoice.pk).update(next_attempt_at=now):
        bell.work_waits(bell.EINVOICES)


def _tell_person(einvoice: EInvoice, now: datetime) -> None:
    """What only a person can resolve is in the inbox as long as it stands; everything else has no place there."""
    if einvoice.state in (EInvoiceState.REFUSED, EInvoiceState.REJECTED, EInvoiceState.MISTAKE):
        tell(einvoice, codes=[einvoice.error_code or einvoice.state], now=now)
    else:
        orders.resolve_cause(
            kind="PAPER_FAILED", cause_key=cause_of(einvoice), resolution=str(einvoice.state), now=now
        )


def tell(einvoice: EInvoice, *, codes: list[str], now: datetime) -> None:
    orders.open_exception(
        kind="PAPER_FAILED",
        order_id=einvoice.invoice.order_id,
        cause_key=cause_of(einvoice),
        detail={"invoice": einvoice.invoice.number, "codes": codes},
        now=now,
    )


def cause_of(einvoice: EInvoice) -> str:
    return f"einvoice:{einvoice.pk}"


@transaction.atomic
def retry_einvoice(*, einvoice_id: int, by: User | None, now: datetime) -> EInvoice:
    """A person says: send it again now. What SEF refused goes under a new request id, since a regular answer used the old one up.

    Refuses NotWithdrawable when there is nothing to send.
    """
    einvoice = lock_einvoice(einvoice_id=einvoice_id)
    if einvoice.state == EInvoiceState.REFUSED:
        move(einvoice, EInvoiceState.QUEUED, now=now, by=by, document="", next_attempt_at=None)
    elif einvoice.state in WAITING:
        einvoice.next_attempt_at = None
        einvoice.save(update_fields=["next_attempt_at"])
    elif einvoice.sales_id is not None and einvoice.state not in GONE:
        einvoice.next_poll_at = now
        einvoice.save(update_fields=["next_poll_at"])
    else:
        raise NotWithdrawable("There is nothing to send or to ask.", state=einvoice.state)
    note(einvoice, kind="RETRY", now=now, by=by)
    bell.work_waits(bell.EINVOICES)
    return einvoice


@transaction.atomic
def request_withdrawal(
    *,
    einvoice_id: int,
    reason: str,
    by: User | None,
    now: datetime,
    is_to_be_replaced: bool = False,
    corrections: dict[str, str] | None = None,
) -> EInvoice:
    """Cancel (a mistake) or reverse (what the buyer has), by a worker; when wanted the same paper follows under a new number.

    A document that SEF refused is not there, so only its paper is replaced. Refuses NotWithdrawable, HasDependants, InvalidInput.
    """
    wanted = reason.strip()
    if not wanted:
        raise InvalidInput("Say why: SEF asks for a comment.", field="reason")
    einvoice = lock_einvoice(einvoice_id=einvoice_id)
    state = EInvoiceState(einvoice.state)
    if state not in WAYS_OUT or einvoice.withdrawal:
        raise NotWithdrawable("A document in this state cannot be withdrawn.", state=state)
    is_out = not WAYS_OUT[state]
    if is_out and not is_to_be_replaced:
        raise NotWithdrawable("SEF does not have this document.", state=state)
    if state in GONE and Invoice.objects.filter(replaces_id=einvoice.invoice_id).exists():
        raise NotWithdrawable("It has a successor already.", state=state)
    refuse_dependants(einvoice)
    einvoice.withdrawal, einvoice.withdrawal_reason = WAYS_OUT[state], wanted[:300]
    einvoice.is_to_be_replaced, einvoice.corrections = is_to_be_replaced, _read_corrections(corrections or {})
    einvoice.attempts, einvoice.next_attempt_at = 0, None
    einvoice.save(
        update_fields=[
            "withdrawal",
            "withdrawal_reason",
            "is_to_be_replaced",
            "corrections",
            "attempts",
            "next_attempt_at",
        ]
    )
    note(einvoice, kind="WITHDRAW", now=now, said=wanted, by=by)
    if state in GONE:
        _replace(einvoice, now)
        orders.resolve_cause(
            kind="PAPER_FAILED", cause_key=cause_of(einvoice), resolution="Issued anew.", now=now
        )
    elif is_out:
        finish_withdrawal(einvoice, EInvoiceState.CANCELED, now=now, said=wanted, by=by)
    else:
        bell.work_waits(bell.EINVOICES)
    return einvoice


def refuse_dependants(einvoice: EInvoice) -> None:
    """Credit notes and closing invoices that name this document are reversed before it."""
    family = EInvoice.objects.filter(invoice__order_id=einvoice.invoice.order_id).exclude(
        state__in=[*GONE, EInvoiceState.REFUSED]
    )
    for other in family.exclude(pk=einvoice.pk).select_related("invoice__credits", "invoice__replaces"):
        if einvoice.invoice_id in {one.pk for one in selectors.sources_of(other.invoice)}:
            raise HasDependants(
                "Later documents refer to it: they are reversed first.", number=other.invoice.number
            )


def _read_corrections(given: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(CORRECTIONS))
    if unknown:
        raise InvalidInput("Only the buyer's data can be put right.", fields=unknown)
    return {name: given[name].strip()[: CORRECTIONS[name]] for name in sorted(given) if given[name].strip()}


def finish_withdrawal(
    einvoice: EInvoice, state: EInvoiceState, *, now: datetime, said: str = "", by: User | None = None
) -> Invoice | None:
    """The document is out of the way; in the same transaction its successor is issued, once. The row is locked."""
    is_replaced = einvoice.is_to_be_replaced
    move(
        einvoice, state, now=now, said=said, by=by, withdrawal="", next_poll_at=None, is_to_be_replaced=False
    )
    if is_replaced:
        return _replace(einvoice, now)
    # Goods that left have no paper at SEF now: somebody decides whether one follows or the sale is taken back.
    tell(einvoice, codes=["WITHOUT_SUCCESSOR"], now=now)
    return None


def _replace(einvoice: EInvoice, now: datetime) -> Invoice:
    """The same goods, amounts and entry under a new number, with the buyer's data put right.

    Nothing is booked: the supply and its tax are what they were, and sums count the first paper alone.
    """
    old = Invoice.objects.select_related("entity", "order").get(pk=einvoice.invoice_id)
    lines = list(old.lines.order_by("position"))
    day = business_date(now)
    sequence = take_number(entity_id=old.entity_id, kind=InvoiceKind(old.kind), year=day.year)
    kept = {
        field.attname: getattr(old, field.attname)
        for field in Invoice._meta.concrete_fields
        if not field.primary_key
    }
    prefix = old.number.rsplit("-", 2)[0]
    new = Invoice.objects.create(
        **{
            **kept,
            "number": f"{prefix}-{day.year}-{sequence:06d}",
            "year": day.year,
            "sequence": sequence,
            "issued_on": day,
            "due_on": max(old.due_on, day) if old.due_on else None,
            "replaces_id": old.pk,
            "created_at": now,
            **einvoice.corrections,
        }
    )
    for line in lines:
        line.pk, line.invoice = None, new
    InvoiceLine.objects.bulk_create(lines)
    queue_einvoice(invoice=new, now=now)
    return new
