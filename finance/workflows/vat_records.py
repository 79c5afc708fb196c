"""The worker of VAT records: claim one, ask SEF outside any transaction, keep what it said.

A record that SEF has twice is tax that is owed twice. Its number stands before the first call and SEF takes none twice: what may have
arrived without an answer is looked up by it before anything is sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from finance.models import VatRecord
from finance.operations import vat_records
from finance.providers import sef_documents, sef_vat
from finance.providers.sef_vat import Recorded, SefVat
from finance.states import VatRecordKind, VatRecordState
from retail.kernel.clock import business_date
from retail.kernel.models import LegalEntity
from retail.kernel.outside import ProviderError, ProviderRefused, ProviderUnavailable

WAIT_SECONDS_MAX = 600
KNOWN_THERE = "CalculationNumberNotUnique"


def send_vat_records(*, now: datetime, limit: int = 100) -> int:
    """Record and withdraw what waits, each by its company's key; how many SEF has done. Several workers may run at once."""
    return sum(
        _send_of(entity, SefVat(client), now, limit) for entity, client in sef_documents.clients().items()
    )


def _send_of(entity: LegalEntity, sef: SefVat, now: datetime, limit: int) -> int:
    done = 0
    for _ in range(limit):
        record = _claim(entity, now)
        if record is None:
            break
        done += _withdraw(sef, record, now) if record.is_to_be_canceled else _record(sef, record, now)
    return done


@transaction.atomic
def _claim(entity: LegalEntity, now: datetime) -> VatRecord | None:
    """The oldest one whose turn it is, under a lease: a crash in between leaves it for the next worker."""
    record = (
        VatRecord.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("corrects")
        .filter(
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            Q(state=VatRecordState.QUEUED) | Q(is_to_be_canceled=True),
            entity=entity,
        )
        .order_by("pk")
        .first()
    )
    if record is None:
        return None
    record.attempts += 1
    wait = min(5 * 2 ** min(record.attempts, 10), WAIT_SECONDS_MAX)
    record.next_attempt_at = now + timedelta(seconds=wait)
    record.save(update_fields=["attempts", "next_attempt_at"])
    return record


def _record(sef: SefVat, record: VatRecord, now: datetime) -> int:
    was_in_doubt = record.is_in_doubt
    try:
        found = _find(sef, record, now) if was_in_doubt else None
        if found is None:
            _mark(record, is_in_doubt=True)
            found = _hand_over(sef, record)
        return _keep(record, found, now)
    except ProviderRefused as refusal:
        return _refused(sef, record, refusal, was_in_doubt=was_in_doubt, now=now)
    except ProviderUnavailable as error:
        # Nothing reached SEF with this call; what an earlier one did is as unknown as before.
        _mark(record, is_in_doubt=was_in_doubt, error_code=error.code)
    except ProviderError as error:
        _mark(record, is_in_doubt=True, error_code=error.code)
    return 0


def _hand_over(sef: SefVat, record: VatRecord) -> Recorded:
    kind = VatRecordKind(record.kind)
    if record.sef_id is not None:
        return sef.read(kind=kind, sef_id=record.sef_id)
    if record.corrects is not None and record.corrects.sef_id is not None:
        return sef.correct(kind=kind, sef_id=record.corrects.sef_id, body=record.body)
    return sef.add(kind=kind, body=record.body)


def _find(sef: SefVat, record: VatRecord, now: datetime) -> Recorded | None:
    """SEF lists records by the day on which they were recorded, which is its own."""
    first = business_date(record.created_at) - timedelta(days=1)
    last = business_date(now) + timedelta(days=1)
    return sef.find(kind=VatRecordKind(record.kind), number=record.number, first=first, last=last)


def _refused(
    sef: SefVat, record: VatRecord, refusal: ProviderRefused, *, was_in_doubt: bool, now: datetime
) -> int:
    if refusal.status in (401, 403):
        _mark(record, is_in_doubt=was_in_doubt, error_code="KEY_REFUSED")
        return 0
    if refusal.code == KNOWN_THERE:
        try:
            found = _find(sef, record, now)
        except ProviderError as error:
            _mark(record, is_in_doubt=True, error_code=error.code)
            return 0
        if found is not None:
            return _keep(record, found, now)
    with transaction.atomic():
        locked = vat_records.lock_record(record_id=record.pk)
        if locked.state == VatRecordState.QUEUED:
            vat_records.move(
                locked,
                VatRecordState.REFUSED,
                error_code=refusal.code[:100],
                said=refusal.said[:2000],
                is_in_doubt=False,
                next_attempt_at=None,
            )
    return 0


def _mark(record: VatRecord, *, is_in_doubt: bool, error_code: str = "") -> None:
    record.is_in_doubt = is_in_doubt
    VatRecord.objects.filter(pk=record.pk).update(is_in_doubt=is_in_doubt, error_code=error_code[:100])


@transaction.atomic
def _keep(record: VatRecord, found: Recorded, now: datetime) -> int:
    """What SEF has. A draft there is asked about again; what somebody withdrew at SEF itself is withdrawn here too."""
    locked = vat_records.lock_record(record_id=record.pk)
    if locked.state != VatRecordState.QUEUED:
        return 0
    if found.status == sef_vat.DRAFT:
        locked.sef_id, locked.is_in_doubt = found.sef_id, False
        locked.save(update_fields=["sef_id", "is_in_doubt"])
        return 0
    is_gone = found.status == sef_vat.CANCELED
    vat_records.move(
        locked,
        VatRecordState.CANCELED if is_gone else VatRecordState.RECORDED,
        sef_id=found.sef_id,
        is_in_doubt=False,
        error_code="",
        said="",
        attempts=0,
        next_attempt_at=None,
        recorded_at=now,
    )
    return 1


def _withdraw(sef: SefVat, record: VatRecord, now: datetime) -> int:
    """SEF is asked first: an earlier call whose answer was lost may have done it."""
    assert record.sef_id is not None, "only what SEF has is withdrawn there"
    kind = VatRecordKind(record.kind)
    try:
        found = sef.read(kind=kind, sef_id=record.sef_id)
        if found.status != sef_vat.CANCELED:
            found = sef.cancel(kind=kind, sef_id=record.sef_id)
    except ProviderRefused as refusal:
        is_key = refusal.status in (401, 403)
        VatRecord.objects.filter(pk=record.pk).update(
            is_to_be_canceled=is_key, error_code=refusal.code[:100], said=refusal.said[:2000]
        )
        return 0
    except ProviderError:
        return 0
    if found.status != sef_vat.CANCELED:
        return 0
    with transaction.atomic():
        locked = vat_records.lock_record(record_id=record.pk)
        if locked.state == VatRecordState.RECORDED:
            vat_records.move(
                locked, VatRecordState.CANCELED, is_to_be_canceled=False, error_code="", next_attempt_at=None
            )
    return 1
