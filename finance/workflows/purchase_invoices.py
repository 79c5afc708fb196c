"""Suppliers' documents at SEF: pulled into rows, accepted or rejected by a person, told to SEF by a worker."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from finance.models import PurchaseInvoice
from finance.operations import bell
from finance.providers import sef_documents
from finance.providers.sef_documents import Purchase
from finance.states import PurchaseDecision
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import LegalEntity, User
from retail.kernel.outside import ProviderError, ProviderRefused

WINDOW = timedelta(days=30)
OPEN = ("New", "Seen", "ReNotified")
DECIDED = {PurchaseDecision.ACCEPT: "Approved", PurchaseDecision.REJECT: "Rejected"}
WAIT_SECONDS_MAX = 600


class PurchaseNotFound(NotFound):
    code = "UNKNOWN_PURCHASE_INVOICE"


class AlreadyDecided(Refusal):
    """It was accepted or rejected before, here or at SEF itself."""

    code = "ALREADY_DECIDED"


def pull_purchases(*, entity: LegalEntity, now: datetime) -> int:
    """What suppliers sent in the last month, each document once, with its newest status; how many rows are new."""
    today = business_date(now)
    found = sef_documents.client_of(entity).purchases(first=today - WINDOW, last=today)
    return sum(_take(entity, one, now) for one in found)


@transaction.atomic
def _take(entity: LegalEntity, one: Purchase, now: datetime) -> bool:
    values = {name: getattr(one, name) for name in Purchase.__slots__ if name != "sef_id"}
    row, is_new = PurchaseInvoice.objects.select_for_update(of=("self",)).get_or_create(
        entity=entity, sef_id=one.sef_id, defaults={**values, "read_at": now}
    )
    if not is_new and row.status != one.status:
        row.status, row.read_at = one.status, now
        row.save(update_fields=["status", "read_at"])
    return is_new


@transaction.atomic
def decide_purchase(
    *, purchase_id: int, is_accepted: bool, comment: str, by: User | None, now: datetime
) -> PurchaseInvoice:
    """A person accepts or rejects; SEF hears of it from a worker. Refuses AlreadyDecided, InvalidInput (a rejection says why)."""
    row = PurchaseInvoice.objects.select_for_update(of=("self",)).filter(pk=purchase_id).first()
    if row is None:
        raise PurchaseNotFound("There is no such document.")
    if (row.decision and not row.failure) or row.status not in OPEN:
        raise AlreadyDecided("This document was decided already.", status=row.status)
    words = comment.strip()[:500]
    if not is_accepted and not words:
        raise InvalidInput("Say why it is rejected: the supplier reads it.", field="comment")
    row.decision = PurchaseDecision.ACCEPT if is_accepted else PurchaseDecision.REJECT
    row.comment, row.decided_by, row.decided_at = words, by, now
    row.failure, row.attempts, row.next_attempt_at = "", 0, None
    row.save()
    bell.work_waits(bell.EINVOICES)
    return row


def tell_decisions(*, now: datetime, limit: int = 50) -> int:
    """Tell SEF what was decided; how many it took."""
    clients = sef_documents.clients()
    done = 0
    for _ in range(limit):
        row = _claim(list(clients), now)
        if row is None:
            break
        client = clients[row.entity]
        is_accepted = row.decision == PurchaseDecision.ACCEPT
        wanted = DECIDED[PurchaseDecision(row.decision)]
        try:
            # An earlier call may have done it: a decision that stands already is not asked for again.
            if client.purchase(sef_id=row.sef_id).status != wanted:
                client.decide(sef_id=row.sef_id, is_accepted=is_accepted, comment=row.comment)
        except ProviderRefused as refusal:
            if refusal.status not in (401, 403):
                _settle(row, now, failure=f"{refusal.code} {refusal.said}".strip()[:300])
            continue
        except ProviderError:
            continue
        _settle(row, now, status=wanted)
        done += 1
    return done


@transaction.atomic
def _claim(buyers: list[LegalEntity], now: datetime) -> PurchaseInvoice | None:
    row = (
        PurchaseInvoice.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("entity")
        .filter(
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            ~Q(decision=""),
            told_at__isnull=True,
            failure="",
            entity__in=buyers,
        )
        .order_by("pk")
        .first()
    )
    if row is None:
        return None
    row.attempts += 1
    wait = min(5 * 2 ** min(row.attempts, 10), WAIT_SECONDS_MAX)
    row.next_attempt_at = now + timedelta(seconds=wait)
    row.save(update_fields=["attempts", "next_attempt_at"])
    return row


@transaction.atomic
def _settle(row: PurchaseInvoice, now: datetime, *, status: str = "", failure: str = "") -> None:
    row.failure, row.told_at = failure, None if failure else now
    row.status = status or row.status
    row.save(update_fields=["failure", "told_at", "status"])
