"""Until when an order waits for its money."""

from datetime import date, datetime, time, timedelta

from oms.states import PaymentMethod
from retail.kernel.clock import BUSINESS_ZONE, business_date
from retail.kernel.models import Holiday

CARD_DEADLINE = timedelta(minutes=30)
TRANSFER_WORKING_DAYS = 3


def payment_deadline(method: str, now: datetime) -> datetime | None:
    """Card: 30 minutes. Transfer: the end of the third working day. Cash on delivery: none."""
    if method == PaymentMethod.CARD:
        return now + CARD_DEADLINE
    if method != PaymentMethod.BANK_TRANSFER:
        return None
    today = business_date(now)
    holidays = set(
        Holiday.objects.filter(date__gt=today, date__lte=today + timedelta(days=30)).values_list(
            "date", flat=True
        )
    )
    return datetime.combine(
        nth_working_day(today, TRANSFER_WORKING_DAYS, holidays), time(23, 59, 59), BUSINESS_ZONE
    )


def nth_working_day(start: date, n: int, holidays: set[date]) -> date:
    day = start
    while n:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in holidays:
            n -= 1
    return day
