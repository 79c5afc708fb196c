"""The filter by what can be had: at the door by a day, or handed over next in a store. Words and addresses; the answer is the stock's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from retail.front.formats import clock_text, local, numeric_day_text, short_day_text
from retail.kernel.fold import sort_key
from retail.kernel.models import Location, LocationKind
from storefront import selectors as catalog
from storefront.models import Channel
from storefront.views import shopper, ways
from warehouse import selectors as warehouse

DAYS_OFFERED = 7
STORES_SECONDS = 60.0

# The stores to choose from may be a minute old: they are the same for everybody and hold no stock.
_stores: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Having:
    """What was asked for and what the form offers. `days` and `stores` are (value, words, is chosen)."""

    had: tuple[catalog.Condition, ...]
    postal_code: str
    days: tuple[tuple[str, str, bool], ...]
    stores: tuple[tuple[str, str, bool], ...]
    # (words, the name in the address that taking it off removes, another one that goes with it)
    picked: tuple[tuple[str, str, str], ...]
    notice: str = ""


def asked(request: HttpRequest, channel: Channel, now: datetime) -> Having:
    """One statement when a day or a store is chosen, none otherwise. What cannot be understood is left out."""
    today = local(now).date()
    by = _day(request.GET.get("by", ""), today)
    store = request.GET.get("pickup", "")
    places = stores()
    store = store if any(code == store for code, _name in places) else ""
    chosen = shopper.clean_postcode(request.GET.get("to", "")) or shopper.chosen_postcode(request)
    postal_code = chosen or (ways.largest_postcode() if by else "")
    found = warehouse.Reach(())
    if by or store:
        found = warehouse.reach(
            channel_id=channel.pk,
            now=now,
            postal_code=postal_code,
            by=by,
            store=store,
            basket_token=shopper.basket_token(request),
        )
    mine = shopper.my_store(request)
    names = sorted(places, key=lambda place: not (mine and mine.code == place[0]))
    return Having(
        had=found.had,
        postal_code=postal_code,
        days=tuple((day.isoformat(), by_words(day, today), day == by) for day in _days(today, by)),
        stores=tuple((code, ways.in_script(name), code == store) for code, name in names),
        picked=_picked(found, by, postal_code, now),
        notice=_notice(found, by, postal_code, now),
    )


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """A postcode that was typed beside a day is that of the product pages and the basket too."""
    code = shopper.clean_postcode(request.GET.get("to", ""))
    if code and code != shopper.chosen_postcode(request):
        shopper.remember_postcode(response, code)


def stores() -> tuple[tuple[str, str], ...]:
    """Stores that hand over, by place: (code, name)."""
    if not _stores or time.monotonic() - _stores["at"] > STORES_SECONDS:
        rows = Location.objects.filter(kind=LocationKind.STORE, is_active=True, has_pickup=True)
        found = sorted(
            rows.values_list("code", "city", "name"), key=lambda row: (sort_key(row[1]), sort_key(row[2]))
        )
        _stores.update(rows=tuple((code, name) for code, _city, name in found), at=time.monotonic())
    known: tuple[tuple[str, str], ...] = _stores["rows"]
    return known


def forget_stores() -> None:
    _stores.clear()


def by_words(day: date, today: date) -> str:
    """`do sutra`, `do petka, 27. 11.`"""
    if day == today:
        return _("today")
    if day == today + timedelta(days=1):
        return _("by tomorrow")
    words = _weekdays(shopper.language())[day.weekday()]
    return words % {"date": numeric_day_text(day, shopper.language())}


@lru_cache(maxsize=8)
def _weekdays(language: str) -> tuple[str, ...]:
    return (
        _("by Monday, %(date)s"),
        _("by Tuesday, %(date)s"),
        _("by Wednesday, %(date)s"),
        _("by Thursday, %(date)s"),
        _("by Friday, %(date)s"),
        _("by Saturday, %(date)s"),
        _("by Sunday, %(date)s"),
    )


def _days(today: date, by: date | None) -> list[date]:
    days = [today + timedelta(days=ahead) for ahead in range(1, DAYS_OFFERED + 1)]
    return days if by is None or by in days else sorted([*days, by])


def _day(text: str, today: date) -> date | None:
    """A day that a promise can be for; an old link's day has passed, so it narrows nothing any more."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if today <= day <= today + timedelta(days=warehouse.HORIZON_DAYS) else None


def _picked(
    found: warehouse.Reach, by: date | None, postal_code: str, now: datetime
) -> tuple[tuple[str, str, str], ...]:
    picked = []
    if by is not None:
        words = {"code": postal_code, "by": by_words(by, local(now).date())}
        picked.append((_("At %(code)s %(by)s") % words, "by", "to"))
    if found.store is not None:
        picked.append((_pickup_words(found, now), "pickup", ""))
    return tuple(picked)


def _pickup_words(found: warehouse.Reach, now: datetime) -> str:
    assert found.store is not None, "asked only with a store"
    name = ways.in_script(found.store.name)
    if found.ready_at is None:
        return _("Pickup in %(store)s") % {"store": name}
    days = (local(found.ready_at).date() - local(now).date()).days
    words = {
        0: _("Pickup today by %(time)s, %(store)s"),
        1: _("Pickup tomorrow by %(time)s, %(store)s"),
    }.get(days) or _("Pickup %(day)s by %(time)s, %(store)s")
    return words % {
        "time": clock_text(found.ready_at),
        "day": short_day_text(found.ready_at, shopper.language()),
        "store": name,
    }


def _notice(found: warehouse.Reach, by: date | None, postal_code: str, now: datetime) -> str:
    """What the shopper should know about the filter itself."""
    if found.reason == "UNKNOWN_POSTCODE" and by is not None:
        return _("We do not know the postcode %(code)s. Check the number, for example 11000.") % {
            "code": postal_code
        }
    if found.store is not None and found.ready_at is None:
        return _("This store hands nothing over in the next days.")
    if found.ready_at is not None and local(found.ready_at).date() > local(now).date():
        return _("It is too late for pickup today in this store: this is what can be picked up next.")
    return ""
