"""The clock is read at the door (view, task, handler, command) and passed in; this is the door's only way to read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

BUSINESS_ZONE = ZoneInfo("Europe/Belgrade")
_standing: ContextVar[datetime | None] = ContextVar("onerow_standing_clock", default=None)


def now() -> datetime:
    return _standing.get() or timezone.now()


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Inside, the doors read this moment: for simulated days."""
    token = _standing.set(moment)
    try:
        yield
    finally:
        _standing.reset(token)


def business_date(moment: datetime) -> date:
    """The calendar day of the business for documents and periods."""
    return moment.astimezone(BUSINESS_ZONE).date()
