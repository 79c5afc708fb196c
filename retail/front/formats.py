"""How amounts, numbers and moments are written in each language: pure functions of a value and a language code.

Amounts are `1.039,20 RSD` in Serbian and `1,039.20 RSD` in English; minus is the real sign, no amount ever breaks over a
line, and nothing known is shown as a dash, never as zero.
"""

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from babel.core import Locale
from babel.dates import format_date, format_skeleton
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext

from retail.kernel.clock import BUSINESS_ZONE

NBSP = "\u00a0"
MINUS = "\u2212"
NOTHING = "\u2013"
LOCALES = {"sr-latn": "sr_Latn_RS", "sr-cyrl": "sr_Cyrl_RS", "en": "en_GB"}


@lru_cache(maxsize=8)
def locale_of(language: str) -> Locale:
    return Locale.parse(LOCALES.get(language, LOCALES["en"]))


_AMOUNT = re.compile(r"(\d{1,3}(?:[.,]\d{3})+|\d{1,12})(?:[.,](\d{1,2}))?", re.ASCII)


def number_text(value: Any, language: str, places: int | None = None) -> str:
    """Grouped digits; `places` None keeps the decimals that the value has."""
    if value is None or value == "":
        return NOTHING
    return _number_text(str(_plain(value) if isinstance(value, float) else value), language, places)


@lru_cache(maxsize=4096)
def _number_text(digits: str, language: str, places: int | None) -> str:
    number = Decimal(digits)
    if places is not None:
        number = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = f"{abs(number):,f}"
    if language.startswith("sr"):
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{MINUS}{text}" if number < 0 else text


def read_amount(text: str) -> Decimal | None:
    """An amount as people write it, with either mark: `1.299,00`, `1,299.00`, `1299`. Groups have three digits, paras at most two."""
    found = _AMOUNT.fullmatch("".join(text.split()))
    if found is None:
        return None
    return Decimal(f"{found[1].replace('.', '').replace(',', '')}.{found[2] or '00'}")


def money_text(value: Any, language: str, currency: str = "") -> str:
    """Two decimals and, when known, the currency; takes a Decimal or a value with `amount` and `currency`."""
    amount = getattr(value, "amount", value)
    code = currency or str(getattr(value, "currency", ""))
    text = number_text(amount, language, 2)
    return text if text == NOTHING or not code else f"{text}{NBSP}{code}"


def cell_text(text: str) -> str:
    """A cell of a CSV file: what a spreadsheet would run as a formula is made a text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def percent_text(value: Any, language: str, places: int | None = None) -> str:
    text = number_text(_plain(value) if places is None else value, language, places)
    return text if text == NOTHING else f"{text}{NBSP}%"


def _plain(value: Any) -> Any:
    """`10.00` is said as 10, `12.50` as 12,5."""
    if value is None or value == "":
        return value
    number = Decimal(str(value))
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def local(moment: datetime) -> datetime:
    return moment.astimezone(BUSINESS_ZONE)


def as_day(value: date | datetime) -> date:
    return local(value).date() if isinstance(value, datetime) else value


def day_text(value: date | datetime | None, language: str) -> str:
    """A date in words, as the promise says it: `Utorak, 24. novembar`."""
    return NOTHING if value is None else _day_text(as_day(value), language)


@lru_cache(maxsize=512)
def _day_text(day: date, language: str) -> str:
    pattern = "EEEE, d. MMMM" if language.startswith("sr") else "EEEE, d MMMM"
    text = format_date(day, pattern, locale=locale_of(language))
    return text[:1].upper() + text[1:]


def short_day_text(value: date | datetime | None, language: str) -> str:
    """A date in a table: `ut 24. 11.`, in English `Tue 24 Nov`."""
    return NOTHING if value is None else _short_day_text(as_day(value), language)


@lru_cache(maxsize=512)
def _short_day_text(day: date, language: str) -> str:
    pattern = "EE d. M." if language.startswith("sr") else "EE d MMM"
    return format_date(day, pattern, locale=locale_of(language)).replace(" ", NBSP)


@lru_cache(maxsize=512)
def numeric_day_text(day: date, language: str) -> str:
    """A date beside its weekday: `27. 11.`, in English `27 Nov`."""
    pattern = "d. M." if language.startswith("sr") else "d MMM"
    return format_date(day, pattern, locale=locale_of(language)).replace(" ", NBSP)


def date_text(value: date | datetime | None, language: str) -> str:
    """A date with its year: `24. 11. 2026.`, in English `24 Nov 2026`."""
    if value is None:
        return NOTHING
    pattern = "d. M. y." if language.startswith("sr") else "d MMM y"
    return format_date(as_day(value), pattern, locale=locale_of(language)).replace(" ", NBSP)


def clock_text(value: datetime | None) -> str:
    return NOTHING if value is None else f"{local(value):%H:%M}"


def when_text(value: datetime | None, language: str) -> str:
    """Local date and time: `21. 11. 2026. 10:42`."""
    return NOTHING if value is None else f"{date_text(value, language)} {clock_text(value)}"


def month_text(value: date, language: str) -> str:
    text = format_skeleton("yMMMM", value, locale=locale_of(language))
    return text[:1].upper() + text[1:]


def span_text(span: timedelta) -> str:
    """How long, in the two largest units: `3 h 12 min`, `2 days`."""
    minutes = int(abs(span.total_seconds()) // 60)
    if minutes < 60:
        return gettext("%(minutes)s min") % {"minutes": minutes}
    if minutes < 24 * 60:
        return gettext("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}
    days = minutes // (24 * 60)
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


def ago_text(value: datetime | None, now: datetime) -> str:
    """`danas 10:31`, `juče 18:02`, earlier the date: a time that stays true while the page stands open."""
    if value is None:
        return NOTHING
    from django.utils.translation import get_language

    days = (local(now).date() - local(value).date()).days
    words: dict[int, str | Promise] = {0: gettext("today"), 1: gettext("yesterday"), -1: gettext("tomorrow")}
    if days in words:
        return f"{words[days]} {clock_text(value)}"
    return when_text(value, get_language() or "en")


def minutes_left(until: datetime, now: datetime) -> int:
    """Whole minutes, rounded up, never below zero: one second left is still a minute."""
    seconds = (until - now).total_seconds()
    return max(0, -int(-seconds // 60))
