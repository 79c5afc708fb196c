"""One effect and one answer per caller and key, also when the process dies between the two.

The key is claimed in its own short transaction with a lease. Same key and body: the stored answer again. Another body: refused. In
flight: refused, try again. A refused request frees the key. An expired lease is taken over; the verb finds by its own unique key what
was committed already.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import IdempotencyKey, IdempotencyState

LEASE = timedelta(seconds=60)
KEEP = timedelta(hours=72)


class KeyInFlight(Refusal):
    """The same request is being worked on; repeat it in a moment."""

    code = "IDEMPOTENCY_IN_FLIGHT"


class KeyReused(Refusal):
    """The key was used for another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    status = 422


class KeyMissing(InvalidInput):
    code = "IDEMPOTENCY_KEY_REQUIRED"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


def hash_request(*parts: Any) -> str:
    """A digest of method, path and body that is the same for the same request."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def claim_key(*, caller: str, key: str, request_hash: str, now: datetime) -> Answer | None:
    """None: go on, the key is yours for a minute. An Answer: give it again."""
    if not 1 <= len(key) <= 255:
        raise InvalidInput("An idempotency key has 1 to 255 characters.")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_idempotencykey AS k (caller, key, request_hash, state, leased_until, subject, created_at) "
            "VALUES (%s, %s, %s, 'STARTED', %s, '', %s) "
            "ON CONFLICT (caller, key) DO UPDATE SET leased_until = EXCLUDED.leased_until "
            "WHERE k.state = 'STARTED' AND k.leased_until < %s AND k.request_hash = EXCLUDED.request_hash RETURNING id",
            (caller, key, request_hash, now + LEASE, now, now),
        )
        if cursor.fetchone() is not None:
            return None
    stored = IdempotencyKey.objects.filter(caller=caller, key=key).first()
    if stored is None:  # freed between the two statements
        return claim_key(caller=caller, key=key, request_hash=request_hash, now=now)
    if stored.request_hash != request_hash:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new key.")
    if stored.state == IdempotencyState.STARTED:
        raise KeyInFlight("The same request is in progress. Repeat it in a moment.")
    assert stored.response_status is not None
    return Answer(stored.response_status, stored.response_body)


def store_answer(*, caller: str, key: str, status: int, body: Any, subject: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kernel_idempotencykey SET state = 'DONE', response_status = %s, response_body = %s::jsonb, subject = %s "
            "WHERE caller = %s AND key = %s",
            (status, json.dumps(body), subject, caller, key),
        )


def free_key(*, caller: str, key: str) -> None:
    """A refused request does not burn its key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM kernel_idempotencykey WHERE caller = %s AND key = %s AND state = 'STARTED'",
            (caller, key),
        )


def forget_old_keys(*, now: datetime, limit: int = 5_000) -> int:
    with transaction.atomic():
        old = (
            IdempotencyKey.objects.filter(created_at__lt=now - KEEP)
            .order_by("created_at")
            .values("pk")[:limit]
        )
        return IdempotencyKey.objects.filter(pk__in=old).delete()[0]
