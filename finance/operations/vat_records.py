"""Records of VAT as rows: what a period still owes SEF is queued, moved by what SEF says, withdrawn on demand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from finance import selectors, vat
from finance.models import VatRecord
from finance.operations import bell
from finance.states import VAT_RECORD_MOVES, VatRecordKind, VatRecordState
from finance.vat import Figures, TaxPeriod
from retail.kernel.clock import business_date
from retail.kernel.errors import IllegalMove, InvalidInput, NotFound, Refusal
from retail.kernel.models import LegalEntity, User

_PREFIXES = {VatRecordKind.INDIVIDUAL: "P", VatRecordKind.SUMMARY: "Z"}


class VatRecordNotFound(NotFound):
    code = "UNKNOWN_VAT_RECORD"


class PeriodNotOver(Refusal):
    """The period still runs: what it owes is not known."""

    code = "VAT_PERIOD_NOT_OVER"


class DiffersFromLedger(Refusal):
    """Papers and ledger say different sums: nothing is recorded before somebody knows why."""

    code = "VAT_DIFFERS_FROM_LEDGER"


class ReceiptNotSigned(Refusal):
    """A paper of the period has no number yet."""

    code = "VAT_RECEIPT_NOT_SIGNED"


class RecordUnderWay(Refusal):
    """An earlier record of the same has not arrived yet, or was refused and waits for a person."""

    code = "VAT_RECORD_UNDER_WAY"


@transaction.atomic
def record_period(
    *, entity: LegalEntity, period: TaxPeriod, by: User | None, now: datetime
) -> list[VatRecord]:
    """Queue what the period owes SEF and has not recorded: single records, the summary, or its correction; nothing when all stands.

    Refuses PeriodNotOver, DiffersFromLedger, ReceiptNotSigned, RecordUnderWay.
    """
    # Two who ask at once: the second finds what the first made.
    LegalEntity.objects.select_for_update(of=("self",), no_key=True).get(pk=entity.pk)
    if period.last >= business_date(now):
        raise PeriodNotOver("This period is not over yet.", until=period.last.isoformat())
    if period.is_quarter != selectors.running_period(entity=entity, now=now).is_quarter:
        raise InvalidInput("This company does not account by such periods.", field="period")
    found = selectors.vat_of_period(entity=entity, period=period)
    if not found.agrees:
        raise DiffersFromLedger("The papers of this period and the ledger differ.")
    made = _individual(entity, period, by, now)
    if settings.VAT_RECORDS_RETAIL:
        made += _summary(entity, period, found.persons, by, now)
    if made:
        bell.work_waits(bell.EINVOICES)
    return made


def _individual(entity: LegalEntity, period: TaxPeriod, by: User | None, now: datetime) -> list[VatRecord]:
    papers = selectors.missing_documents(entity=entity, period=period)
    if any(not document.number for _, document in papers):
        raise ReceiptNotSigned("A receipt of this period is not signed yet.")
    return [
        _create(
            entity,
            period,
            VatRecordKind.INDIVIDUAL,
            document.figures,
            vat.individual(document),
            by,
            now,
            receipt=receipt,
        )
        for receipt, document in papers
    ]


def _summary(
    entity: LegalEntity, period: TaxPeriod, figures: Figures, by: User | None, now: datetime
) -> list[VatRecord]:
    standing = selectors.summary_standing(entity=entity, period=period)
    wanted = vat.stored(figures)
    if (standing.figures if standing else {}) == wanted:
        return []
    if standing is not None and standing.state != VatRecordState.RECORDED:
        raise RecordUnderWay("An earlier summary of this period has not arrived.", number=standing.number)
    body = vat.summary(figures)
    return [_create(entity, period, VatRecordKind.SUMMARY, figures, body, by, now, corrects=standing)]


def _create(
    entity: LegalEntity,
    period: TaxPeriod,
    kind: VatRecordKind,
    figures: Figures,
    body: dict[str, Any],
    by: User | None,
    now: datetime,
    **links: Any,
) -> VatRecord:
    number = f"{_PREFIXES[kind]}-{period.name}"
    if kind == VatRecordKind.INDIVIDUAL:
        number += f"-{body['documentNumber']}"
    earlier = VatRecord.objects.filter(
        Q(number=number) | Q(number__startswith=f"{number}-"),
        entity=entity,
        kind=kind,
        receipt=links.get("receipt"),
    ).count()
    number = f"{number}-{earlier + 1}" if earlier else number
    head = {"year": period.year, "vatPeriod": period.number, "calculationNumber": number}
    return VatRecord.objects.create(
        entity=entity,
        kind=kind,
        year=period.year,
        period=period.number,
        number=number,
        figures=vat.stored(figures),
        body={**head, **({"relatedPartyIdentifier": entity.pib} if kind == VatRecordKind.SUMMARY else {}), **body},
        created_at=now,
        by=by,
        **links,
    )  # fmt: skip


def lock_record(*, record_id: int) -> VatRecord:
    found = (
        VatRecord.objects.select_for_update(of=("self",))
        .select_related("corrects", "entity")
        .filter(pk=record_id)
        .first()
    )
    if found is None:
        raise VatRecordNotFound("There is no such record.")
    return found


def move(record: VatRecord, state: VatRecordState, **changes: Any) -> None:
    """A legal move; the row is locked. A correction that stands replaces what it corrects."""
    if state not in VAT_RECORD_MOVES[VatRecordState(record.state)]:
        raise IllegalMove(f"{record.state} does not become {state}.")
    if state == VatRecordState.RECORDED and record.corrects is not None:
        move(lock_record(record_id=record.corrects.pk), VatRecordState.REPLACED)
    record.state = state
    for name, value in changes.items():
        setattr(record, name, value)
    record.save(update_fields=["state", *changes])


@transaction.atomic
def retry_record(*, record_id: int, by: User | None, now: datetime) -> VatRecord:
    """A person says: send what SEF refused again, as it is. Refuses IllegalMove."""
    record = lock_record(record_id=record_id)
    move(
        record,
        VatRecordState.QUEUED,
        by=by,
        error_code="",
        said="",
        attempts=0,
        next_attempt_at=None,
        is_in_doubt=False,
    )
    bell.work_waits(bell.EINVOICES)
    return record


@transaction.atomic
def cancel_record(*, record_id: int, by: User | None, now: datetime) -> VatRecord:
    """What SEF has is withdrawn there by a worker; the period then owes it again. Refuses IllegalMove."""
    record = lock_record(record_id=record_id)
    if record.state != VatRecordState.RECORDED:
        raise IllegalMove(f"A record that is {record.state} is not withdrawn.")
    record.is_to_be_canceled, record.by = True, by
    record.attempts, record.next_attempt_at = 0, None
    record.save(update_fields=["is_to_be_canceled", "by", "attempts", "next_attempt_at"])
    bell.work_waits(bell.EINVOICES)
    return record
