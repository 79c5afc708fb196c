"""Who acts, in which request and why: a context variable that the database backend hands to every transaction.

The audit trigger reads it back, so a write through the ORM, bulk or raw SQL carries the same actor.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Context:
    actor_id: int | None = None
    actor_label: str = ""
    request_id: str = ""
    reason: str = ""


_EMPTY = Context()
_current: ContextVar[Context] = ContextVar("onerow_context", default=_EMPTY)


def current() -> Context:
    return _current.get()


@contextmanager
def acting(
    *, by: Any = None, label: str | None = None, request_id: str | None = None, reason: str | None = None
) -> Iterator[Context]:
    """Everything written inside is recorded as done `by` this user (or `label` for a job), for this request and reason."""
    before = _current.get()
    actor_id = getattr(by, "pk", None) if by is not None else before.actor_id
    after = replace(
        before,
        actor_id=actor_id,
        actor_label=before.actor_label if label is None else label,
        request_id=before.request_id if request_id is None else request_id,
        reason=before.reason if reason is None else reason,
    )
    token = _current.set(after)
    try:
        yield after
    finally:
        _current.reset(token)


def new_request_id() -> str:
    return uuid.uuid4().hex


def take_over(*, by: Any, label: str = "") -> None:
    """Inside a request: from now on this user acts (an API key was read). The surrounding `acting` ends it."""
    _current.set(replace(_current.get(), actor_id=by.pk, actor_label=label))
