"""The inbox of things that a person must look at."""

from datetime import datetime
from typing import Any

from django.db import transaction

from oms.events import ExceptionOpened, ExceptionResolved
from oms.models import OrderException
from oms.states import ExceptionState
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce


class ExceptionNotFound(NotFound):
    code = "UNKNOWN_EXCEPTION"


class AlreadyResolved(Refusal):
    code = "ALREADY_RESOLVED"


@transaction.atomic
def open_exception(
    *, kind: str, cause_key: str, detail: dict[str, Any], now: datetime, order_id: int | None = None
) -> OrderException:
    """Once per cause while open: a second report of the same cause refreshes the detail."""
    found = OrderException.objects.filter(
        kind=kind, cause_key=cause_key[:120], state=ExceptionState.OPEN
    ).first()
    if found is not None:
        if found.detail != detail:
            found.detail = detail
            found.save(update_fields=["detail"])
        return found
    made = OrderException.objects.create(
        kind=kind, cause_key=cause_key[:120], detail=detail, order_id=order_id, opened_at=now
    )
    announce(
        ExceptionOpened(exception=made.public_id, kind=kind, order_id=order_id),
        subject=("exception", made.public_id),
    )
    return made


@transaction.atomic
def claim_exception(*, public_id: str, by: User) -> OrderException:
    """Mark it as mine, so that two agents do not work on the same one."""
    found = _open(public_id)
    found.claimed_by = by
    found.save(update_fields=["claimed_by"])
    return found


@transaction.atomic
def resolve_exception(*, public_id: str, resolution: str, by: User | None, now: datetime) -> OrderException:
    if not resolution.strip():
        raise InvalidInput("Say how it was resolved.")
    found = _open(public_id)
    found.state = ExceptionState.RESOLVED
    found.resolution, found.resolved_by, found.resolved_at = resolution.strip()[:300], by, now
    found.save(update_fields=["state", "resolution", "resolved_by", "resolved_at"])
    announce(
        ExceptionResolved(exception=found.public_id, kind=found.kind, order_id=found.order_id),
        subject=("exception", found.public_id),
    )
    return found


def resolve_cause(*, kind: str, cause_key: str, resolution: str, now: datetime) -> None:
    """The cause went away by itself (a late message came, stock was found)."""
    for found in OrderException.objects.filter(
        kind=kind, cause_key=cause_key[:120], state=ExceptionState.OPEN
    ):
        resolve_exception(public_id=found.public_id, resolution=resolution, by=None, now=now)


def _open(public_id: str) -> OrderException:
    found = OrderException.objects.select_for_update().filter(public_id=public_id).first()
    if found is None:
        raise ExceptionNotFound("There is no such exception.")
    if found.state != ExceptionState.OPEN:
        raise AlreadyResolved("This exception was resolved already.")
    return found
