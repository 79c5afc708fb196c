"""How documents stand at SEF: asked one by one, hinted at by messages, swept by the day's changes; and what is withdrawn there."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from finance.models import EInvoice, SefSubscription
from finance.operations import bell, einvoices
from finance.providers import sef_documents
from finance.providers.sef_documents import SefDocuments, Standing
from finance.states import EINVOICE_MOVES, EInvoiceState, Withdrawal
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotAllowed
from retail.kernel.models import LegalEntity
from retail.kernel.outside import ProviderError, ProviderRefused

STATES = {
    "new": EInvoiceState.SENDING,
    "draft": EInvoiceState.SENDING,
    "sending": EInvoiceState.SENDING,
    "sent": EInvoiceState.SENT,
    "approved": EInvoiceState.APPROVED,
    "rejected": EInvoiceState.REJECTED,
    "mistake": EInvoiceState.MISTAKE,
    "cancelled": EInvoiceState.CANCELED,
    "deleted": EInvoiceState.CANCELED,
    "storno": EInvoiceState.STORNO,
}
# How long a document in a state may go unasked; messages and the day's changes bring most answers sooner.
LOOK_AGAIN_AFTER = {
    EInvoiceState.SENDING: timedelta(minutes=1),
    EInvoiceState.SENT: timedelta(hours=6),
    EInvoiceState.REJECTED: timedelta(days=1),
    EInvoiceState.MISTAKE: timedelta(days=1),
    EInvoiceState.APPROVED: timedelta(days=7),
}
APPROVED_IS_WATCHED_FOR = timedelta(days=30)
SENDING_IS_STUCK_AFTER = timedelta(hours=2)
WAIT_AFTER_ERROR = timedelta(minutes=5)
WAIT_SECONDS_MAX = 600
MESSAGE_BYTES_MAX = 1_000_000
SUBSCRIPTION_LIVES = timedelta(days=3)


class UnknownSubscription(NotAllowed):
    """A message without a key that we were given lately: it is not read."""

    code = "UNKNOWN_SUBSCRIPTION"
    status = 401


def poll_einvoices(*, now: datetime, limit: int = 100) -> int:
    """Ask how documents stand, those first that wait longest; how many changed."""
    clients = {entity.pk: client for entity, client in sef_documents.clients().items()}
    changed = 0
    due = EInvoice.objects.filter(
        next_poll_at__lte=now, sales_id__isnull=False, invoice__entity__in=clients
    ).order_by("next_poll_at", "pk")
    for pk, sales_id, entity_id in list(due.values_list("pk", "sales_id", "invoice__entity")[:limit]):
        assert sales_id is not None, "the filter leaves none out"
        client = clients[entity_id]
        try:
            changed += apply_standing(einvoice_id=pk, standing=client.read(sales_id=sales_id), now=now)
        except ProviderError:
            EInvoice.objects.filter(pk=pk).update(next_poll_at=now + WAIT_AFTER_ERROR)
    return changed


@transaction.atomic
def apply_standing(*, einvoice_id: int, standing: Standing, now: datetime) -> bool:
    """What SEF says is the truth, in whatever order it is heard; a word that nobody knows changes nothing."""
    einvoice = einvoices.lock_einvoice(einvoice_id=einvoice_id)
    state = STATES.get(standing.status.lower())
    before = EInvoiceState(einvoice.state)
    einvoice.sef_status = standing.status
    if state is not None and state != before and state in EINVOICE_MOVES[before]:
        if state in einvoices.GONE:
            einvoices.finish_withdrawal(einvoice, state, now=now, said=standing.said)
        else:
            einvoices.move(einvoice, state, now=now, said=standing.said)
    if einvoice.state == EInvoiceState.SENDING and (einvoice.stored_at or now) < now - SENDING_IS_STUCK_AFTER:
        einvoices.tell(einvoice, codes=["STUCK_AT_SEF"], now=now)
    einvoice.next_poll_at = _next_look(einvoice, now)
    einvoice.save(update_fields=["sef_status", "next_poll_at"])
    return einvoice.state != before


def _next_look(einvoice: EInvoice, now: datetime) -> datetime | None:
    pause = LOOK_AGAIN_AFTER.get(EInvoiceState(einvoice.state))
    is_old = einvoice.stored_at is not None and einvoice.stored_at < now - APPROVED_IS_WATCHED_FOR
    if pause is None or (einvoice.state == EInvoiceState.APPROVED and is_old):
        return None
    return now + pause


def read_changes(*, entity: LegalEntity, now: datetime) -> int:
    """Yesterday's changes: documents of which a message was lost are asked about now. How many there are."""
    sales_ids = sef_documents.client_of(entity).changed_on(day=business_date(now) - timedelta(days=1))
    found = EInvoice.objects.filter(sales_id__in=sales_ids).exclude(state__in=einvoices.GONE)
    count = found.update(next_poll_at=now)
    if count:
        bell.work_waits(bell.EINVOICES)
    return count


def subscribe(*, entity: LegalEntity, now: datetime) -> None:
    """The key of tomorrow's messages to this company; older ones are forgotten."""
    key = sef_documents.client_of(entity).subscribe()
    with transaction.atomic():
        SefSubscription.objects.get_or_create(key=key, defaults={"asked_at": now})
        SefSubscription.objects.filter(asked_at__lt=now - SUBSCRIPTION_LIVES).delete()


def receive_message(*, raw_body: bytes, now: datetime) -> int:
    """A message of SEF: only a hint to ask, whatever it says. One event or a list; how many documents will be asked about.

    Refuses InvalidInput, UnknownSubscription.
    """
    events = _events(raw_body)
    keys = {str(one.get("subscriptionkey") or "") for one in events}
    if not events or SefSubscription.objects.filter(key__in=keys).count() != len(keys):
        raise UnknownSubscription("The message carries no key that we know.")
    ids = {one["salesinvoiceid"] for one in events if isinstance(one.get("salesinvoiceid"), int)}
    found = EInvoice.objects.filter(sales_id__in=ids).exclude(state__in=einvoices.GONE)
    count = found.update(next_poll_at=now)
    if count:
        bell.work_waits(bell.EINVOICES)
    return count


def _events(raw_body: bytes) -> list[dict[str, Any]]:
    if len(raw_body) > MESSAGE_BYTES_MAX:
        raise InvalidInput("The message is too large.")
    try:
        data = json.loads(raw_body)
    except ValueError:
        raise InvalidInput("The message is not JSON.") from None
    rows = data if isinstance(data, list) else [data]
    if not all(isinstance(one, dict) for one in rows):
        raise InvalidInput("The message is not a list of events.")
    return [{str(key).lower(): value for key, value in one.items()} for one in rows]


# -- Withdrawals -----------------------------------------------------------------------------------------------


def withdraw_einvoices(*, now: datetime, limit: int = 50) -> int:
    """Cancel and reverse what persons asked for; how many are out of the way now."""
    clients = sef_documents.clients()
    done = 0
    for _ in range(limit):
        einvoice = _claim(list(clients), now)
        if einvoice is None:
            break
        done += _withdraw(clients[einvoice.invoice.entity], einvoice, now)
    return done


@transaction.atomic
def _claim(sellers: list[LegalEntity], now: datetime) -> EInvoice | None:
    einvoice = (
        EInvoice.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("invoice__entity")
        .filter(
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            ~Q(withdrawal=""),
            invoice__entity__in=sellers,
        )
        .order_by("pk")
        .first()
    )
    if einvoice is None:
        return None
    einvoice.attempts += 1
    wait = min(5 * 2 ** min(einvoice.attempts, 10), WAIT_SECONDS_MAX)
    einvoice.next_attempt_at = now + timedelta(seconds=wait)
    einvoice.save(update_fields=["attempts", "next_attempt_at"])
    return einvoice


def _withdraw(client: SefDocuments, einvoice: EInvoice, now: datetime) -> int:
    """SEF is asked first: an earlier call whose answer was lost may have done it."""
    assert einvoice.sales_id is not None, "only what SEF has is withdrawn there"
    act = client.cancel if einvoice.withdrawal == Withdrawal.CANCEL else client.storno
    try:
        standing = client.read(sales_id=einvoice.sales_id)
        if STATES.get(standing.status.lower()) not in einvoices.GONE:
            standing = act(sales_id=einvoice.sales_id, comment=einvoice.withdrawal_reason)
    except ProviderRefused as refusal:
        if refusal.status in (401, 403):
            return 0
        _give_up(einvoice, refusal.code, refusal.said, now)
        return 0
    except ProviderError:
        return 0
    apply_standing(einvoice_id=einvoice.pk, standing=standing, now=now)
    return int(EInvoice.objects.filter(pk=einvoice.pk, withdrawal="").exists())


@transaction.atomic
def _give_up(einvoice: EInvoice, code: str, said: str, now: datetime) -> None:
    """SEF does not let it go: the wish is taken back, what SEF said stands in the history, and a person is told."""
    locked = einvoices.lock_einvoice(einvoice_id=einvoice.pk)
    locked.withdrawal, locked.is_to_be_replaced, locked.next_attempt_at = "", False, None
    locked.error_code, locked.said, locked.next_poll_at = code[:100], said, now
    locked.save(
        update_fields=[
            "withdrawal",
            "is_to_be_replaced",
            "next_attempt_at",
            "error_code",
            "said",
            "next_poll_at",
        ]
    )
    einvoices.note(locked, kind="ANSWER", now=now, code=code, said=said)
    einvoices.tell(locked, codes=[code], now=now)
