"""The promise in words: one row for each way to get the goods, its date first; what cannot be had says why and when it can."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from oms import selectors as oms
from oms.models import DeliveryPostcode
from oms.states import DeliveryKind
from retail.front.formats import clock_text, day_text, local, short_day_text, span_text
from retail.kernel.records import record
from retail.kernel.script import to_cyrillic
from storefront.views import shopper
from warehouse import selectors as warehouse

ICONS = {
    DeliveryKind.HOME_DELIVERY: "truck",
    DeliveryKind.STORE_PICKUP: "store",
    DeliveryKind.SHIP_TO_STORE: "box",
    DeliveryKind.PARCEL_LOCKER: "locker",
    DeliveryKind.DIGITAL: "down",
}
SOON = timedelta(hours=12)
LARGEST_SECONDS = 60.0
_largest: dict[str, Any] = {}


@record
class Way:
    """One row: `when` is the date in words, or why there is none. Only `is_orderable` rows can be chosen."""

    method: str
    icon: str
    when: str
    what: str
    why: str
    price: Decimal | None
    currency: str
    is_orderable: bool
    is_today: bool
    store: str = ""
    store_name: str = ""
    parcels: str = ""
    # Its goods are under way to us; not orderable, it can be ordered ahead.
    is_ahead: bool = False


@record
class Shelf:
    """A store nearby with what stands on its shelf now."""

    code: str
    name: str
    units: int
    distance_km: float | None
    hours: str
    latitude: float | None
    longitude: float | None


def in_words(options: Sequence[warehouse.Option], now: datetime, *chosen: str) -> list[Way]:
    """One row per method: of pickups and lockers the chosen one's, else the best one; the others are in the choice of them."""
    rows: list[Way] = []
    language, today = shopper.language(), local(now).date()
    places = {place for place in chosen if place}
    for option in sorted(options, key=lambda each: each.place not in places):
        if any(row.method == option.method for row in rows):
            continue
        rows.append(_way(option, now, language, today))
    # What can be ordered, soonest first; below it what cannot.
    when = {id(row): index for index, row in enumerate(rows)}
    return sorted(rows, key=lambda row: (not row.is_orderable, not row.is_today, when[id(row)]))


def _way(option: warehouse.Option, now: datetime, language: str, today: date) -> Way:
    is_today = option.date is not None and option.date == today
    return Way(
        method=option.method,
        icon=ICONS.get(DeliveryKind(option.method), "box"),
        when=when_words(option, now, language) if not option.reason else reason_words(option, language),
        what=what_words(option, language),
        why=_why(option, now, language),
        price=option.price,
        currency=option.currency,
        is_orderable=option.is_orderable,
        is_today=is_today and option.is_orderable,
        store=option.location.code if option.location else "",
        store_name=option.location.name if option.location else "",
        parcels=parcels_words(option, language),
        is_ahead=option.supply_on is not None and option.date is not None,
    )


def at_once(format_name: str, price: Decimal | None, currency: str = "RSD") -> Way:
    """The electronic edition, told beside the ways of its printed one; it is ordered on its own page."""
    return Way(
        method=DeliveryKind.DIGITAL,
        icon=ICONS[DeliveryKind.DIGITAL],
        when=_("At once, as soon as it is paid"),
        what=in_script(format_name) or method_words(DeliveryKind.DIGITAL),
        why=_("Chosen above, among the formats"),
        price=price,
        currency=currency,
        is_orderable=True,
        is_today=True,
    )


def parcels_words(option: warehouse.Option, language: str) -> str:
    """Said before anything is paid: what comes from several places comes in several parcels."""
    if option.reason or len(option.location_names) < 2:
        return ""
    names = [in_script(name, language) for name in option.location_names]
    words = _("In %(n)s parcels, from %(places)s. You pay delivery once.")
    return words % {"n": len(names), "places": ", ".join(names)}


def day_choices(options: Sequence[warehouse.Option], now: datetime) -> list[tuple[str, str]]:
    """(value, words) of the days on which the courier can be asked to come, each with its hours."""
    language = shopper.language()
    home = next((each for each in options if each.days), None)
    if home is None or home.date is None:
        return []
    found = [("", _("As soon as possible: %(day)s") % {"day": day_text(home.date, language)})]
    for choice in home.days:
        words = day_text(choice.day, language)
        if choice.day != home.date:
            found.append((choice.day.isoformat(), words))
        found += [
            (f"{choice.day.isoformat()}/{slot.pk}", f"{words}, {slot.begins:%H:%M}–{slot.ends:%H:%M}")
            for slot in choice.slots
        ]
    return found


def when_words(option: warehouse.Option, now: datetime, language: str = "") -> str:
    """`Danas do 18:40`, `Sutra do 12:00`, `Utorak, 24. novembar`."""
    language = language or shopper.language()
    if option.method == DeliveryKind.DIGITAL and option.is_orderable:
        return _("At once, as soon as it is paid")
    if option.date is None:
        return reason_words(option, language)
    if option.ready_at is None:
        return day_text(option.date, language)
    days = (option.date - local(now).date()).days
    words = {0: _("Today by %(time)s"), 1: _("Tomorrow by %(time)s")}.get(days)
    if words is None:
        words = _("%(day)s by %(time)s")
    return words % {"time": clock_text(option.ready_at), "day": day_text(option.date, language)}


def what_words(option: warehouse.Option, language: str) -> str:
    words = method_words(option.method, language)
    if option.location is None:
        return words
    if option.method == DeliveryKind.SHIP_TO_STORE:
        return _("Sent to a store: %(store)s") % {"store": in_script(option.location.name, language)}
    return f"{words}, {in_script(option.location.name, language)}"


def method_words(method: str, language: str = "") -> str:
    return _words_of_methods(language or shopper.language()).get(method, method)


@lru_cache(maxsize=8)
def _words_of_methods(language: str) -> dict[str, str]:
    """In the language of the request, which `language` names."""
    return {
        DeliveryKind.HOME_DELIVERY: _("Courier to your address"),
        DeliveryKind.STORE_PICKUP: pgettext("delivery", "Pickup"),
        DeliveryKind.SHIP_TO_STORE: _("Shipped to a store of your choice"),
        DeliveryKind.PARCEL_LOCKER: _("Parcel locker nearby"),
        DeliveryKind.DIGITAL: _("Electronic edition"),
    }


def reason_words(option: warehouse.Option, language: str) -> str:
    """Why there is no date; never a code."""
    known = _words_of_reasons(language)
    return known.get(option.reason or "") or known[""]


@lru_cache(maxsize=8)
def _words_of_reasons(language: str) -> dict[str, str]:
    return {
        "": _("Not possible at the moment"),
        "OUT_OF_STOCK": _("Not in stock now"),
        "UNKNOWN_POSTCODE": _("We do not know this postcode"),
        "NO_LANE": _("No courier goes there"),
        "TOO_HEAVY": _("Too heavy for one parcel"),
        "NOT_A_PICKUP_POINT": _("No pickup in this store"),
        "NOT_OFFERED": _("Not offered yet"),
        "NOT_HERE_YET": _("On its way to us"),
        "LOCKER_FULL": _("The locker is full"),
        "DAY_NOT_POSSIBLE": _("Not on that day"),
    }


def _why(option: warehouse.Option, now: datetime, language: str) -> str:
    """The small line: until when this date holds, or what to do instead."""
    if option.reason == "UNKNOWN_POSTCODE":
        return _("Check the number, for example 11000")
    if option.reason:
        return ""
    if option.supply_on is not None:
        return _("A pre-order: it reaches us on %(day)s") % {
            "day": short_day_text(option.supply_on, language)
        }
    if not option.is_orderable:
        return _("Expected then; it can be ordered when it reaches us")
    if option.order_by is None or option.order_by <= now:
        return ""
    return _order_by_words(option.order_by, now, language)


def _order_by_words(order_by: datetime, now: datetime, language: str) -> str:
    """`Poručite u naredna 2 h 10 min`, further off `Ako poručite do 14:00, pon 23. 11.`"""
    left = order_by - now
    if left <= SOON:
        return _("Order within %(span)s") % {"span": span_text(left)}
    if local(order_by).date() == local(now).date():
        return _("If you order by %(time)s today") % {"time": clock_text(order_by)}
    return _("If you order by %(time)s, %(day)s") % {
        "time": clock_text(order_by),
        "day": short_day_text(order_by, language),
    }


def in_script(text: str, language: str = "") -> str:
    return to_cyrillic(text) if (language or shopper.language()) == "sr-cyrl" else text


# ------------------------------------------------------------------ the postcode that dates are told for
def postcode_for(*chosen: str) -> str:
    """The first that the shopper gave; else the largest place, so that a date can be said at once."""
    return next((code for code in chosen if code), "") or largest_postcode()


def largest_postcode() -> str:
    """Read once a minute: the same for everybody, and no town outgrows another meanwhile."""
    if not _largest or time.monotonic() - _largest["at"] > LARGEST_SECONDS:
        codes = DeliveryPostcode.objects.order_by("-population", "postal_code")
        _largest.update(code=codes.values_list("postal_code", flat=True).first() or "", at=time.monotonic())
    return str(_largest["code"])


def forget_largest() -> None:
    _largest.clear()


def place_of(postal_code: str) -> str:
    found = oms.places_of_postcode(postal_code, limit=1) if postal_code else []
    return found[0].place if found and found[0].postal_code == postal_code else ""


# ------------------------------------------------------------------ stores nearby
def hours_words(hours: dict[str, list[str]], now: datetime) -> str:
    """`otvoreno do 21:00`, or when it opens next."""
    here = local(now)
    clock = f"{here:%H:%M}"
    today = hours.get(str(here.weekday()))
    if today and today[0] <= clock < today[1]:
        return _("open until %(time)s") % {"time": today[1]}
    if today and clock < today[0]:
        return _("opens today at %(time)s") % {"time": today[0]}
    for ahead in range(1, 8):
        day = here + timedelta(days=ahead)
        span = hours.get(str(day.weekday()))
        if span:
            words = _("opens tomorrow at %(time)s") if ahead == 1 else _("opens %(day)s at %(time)s")
            return words % {"time": span[0], "day": short_day_text(day, shopper.language())}
    return _("closed")
