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


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that a verb claims in the transaction of its effect and answer: all three are committed together, or none."""

    caller: str
    key: str
    request_hash: str


class AnsweredBefore(Exception):
    """The verb was asked before: give the answer again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


# Writes nothing when the key is somebody's: taken at this moment, kept for another request, answered.
CLAIM = (
    "INSERT INTO kernel_idempotencykey AS k (caller, key, request_hash, state, leased_until, subject, created_at) "
    "VALUES (%(caller)s, %(key)s, %(request_hash)s, 'STARTED', %(leased_until)s, '', %(now)s) "
    "ON CONFLICT (caller, key) DO UPDATE SET leased_until = EXCLUDED.leased_until "
    "WHERE k.state = 'STARTED' AND k.leased_until < %(now)s AND k.request_hash = EXCLUDED.request_hash"
)
# A key that another open transaction is claiming is in flight: whoever asks is told so, and does not wait for its end.
IS_FREE = "pg_try_advisory_xact_lock(hashtextextended(%(caller)s || ' ' || %(key)s, 0))"
STORE = (
    "UPDATE kernel_idempotencykey SET state = 'DONE', response_status = %(status)s, response_body = %(body)s::jsonb, "
    "subject = %(subject)s WHERE caller = %(caller)s AND key = %(key)s"
)


def hash_request(*parts: Any) -> str:
    """A digest of method, path and body that is the same for the same request."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def check_length(key: str) -> None:
    if not 1 <= len(key) <= 255:
        raise InvalidInput("An idempotency key has 1 to 255 characters.")


def claim_key(*, caller: str, key: str, request_hash: str, now: datetime) -> Answer | None:
    """None: go on, the key is yours for a minute. An Answer: give it again."""
    check_length(key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{CLAIM} RETURNING id",
            {
                "caller": caller,
                "key": key,
                "request_hash": request_hash,
                "leased_until": now + LEASE,
                "now": now,
            },
        )
        if cursor.fetchone() is not None:
            return None
    before = answer_before(caller=caller, key=key, request_hash=request_hash)
    # Freed between the two statements: claimed now.
    return before or claim_key(caller=caller, key=key, request_hash=request_hash, now=now)


def answer_before(*, caller: str, key: str, request_hash: str) -> Answer | None:
    """What was answered to this very request; None where the key is nobody's. Refuses KeyReused, KeyInFlight."""
    stored = IdempotencyKey.objects.filter(caller=caller, key=key).first()
    if stored is None:
        return None
    if stored.request_hash != request_hash:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new key.")
    if stored.state == IdempotencyState.STARTED:
        raise in_flight()
    assert stored.response_status is not None
    return Answer(stored.response_status, stored.response_body)


def in_flight() -> KeyInFlight:
    return KeyInFlight("The same request is in progress. Repeat it in a moment.")


def store_answer(*, caller: str, key: str, status: int, body: Any, subject: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            STORE,
            {"status": status, "body": json.dumps(body), "subject": subject, "caller": caller, "key": key},
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
