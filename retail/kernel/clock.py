"""The clock is read at the door (view, task, command) and passed in; this is the door's only way to read it."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

BUSINESS_ZONE = ZoneInfo("Europe/Belgrade")


def now() -> datetime:
    return timezone.now()


def business_date(moment: datetime) -> date:
    """The calendar day of the business for documents and periods."""
    return moment.astimezone(BUSINESS_ZONE).date()
