"""What a process knows of discounts: everything that can be on, by the name that the rows go by; which of it is on says the clock.

Nothing of it is taken on trust: the statement that reads prices says the name of the rows as they are now, and hands out their texts
when that is another one (`oms.selectors.OFFERS`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from crm import selectors as crm
from oms.offers import Rule, RuleSet, rule_of
from retail.kernel.prepared import as_array

# The parameters of a statement that asks what may lower prices.
KNOWN: Mapping[str, str] = {
    "known": "text",
    "campaigns": "bigint[]",
    "gifts": "bigint[]",
    "began": "timestamptz",
    "is_any": "boolean",
}
_SETS_MAX = 64


@dataclass(frozen=True)
class Window:
    """The rules that are on between two moments, in some channel and for somebody."""

    since: datetime | None
    until: datetime | None
    rules: Sequence[Rule]
    _sets: dict[tuple[int, bool, frozenset[int]], RuleSet] = field(default_factory=dict)

    def holds(self, now: datetime) -> bool:
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)

    def of(self, *, channel_id: int, is_guest: bool, held: frozenset[int]) -> RuleSet:
        """In this channel, for a guest or an account; with codes or written on an account only those that are `held`."""
        key = channel_id, is_guest, held
        found = self._sets.get(key)
        if found is None:
            found = RuleSet(rule for rule in self.rules if _may_lower(rule.row, *key))
            found.singles = {}
            while len(self._sets) >= _SETS_MAX:
                self._sets.pop(next(iter(self._sets)), None)
            self._sets[key] = found
        return found

    @cached_property
    def asked(self) -> dict[str, Any]:
        """What these rules ask the rows for with each price."""
        rows = [rule.row for rule in self.rules]
        return {
            "campaigns": as_array({row.campaign_id for row in rows if row.campaign_id and row.budget_kind}),
            "gifts": as_array({row.gift.variant_id for row in rows if row.gift}),
            "began": min((row.began_at for row in rows), default=None),
            "is_any": any(row.audience in _UNASKED for row in rows),
        }


# Who has these need not hold a code, or an offer on the account.
_UNASKED = ("EVERYONE", "SEGMENT")


def _may_lower(row: crm.LiveDiscount, channel_id: int, is_guest: bool, held: frozenset[int]) -> bool:
    return (
        row.is_in_channel(channel_id)
        and not (is_guest and row.is_for_members)
        and (row.audience in _UNASKED or row.id in held)
    )


class Book:
    """The discounts that go by this name: all that were not over at `since`."""

    def __init__(self, name: str, texts: Sequence[str], since: datetime) -> None:
        self.name, self.since = name, since
        self._rules = [rule for text in texts if (rule := rule_of(text)) is not None]
        rows = [rule.row for rule in self._rules]
        self._turns = sorted({each for row in rows for each in (row.on_from, row.on_to) if each is not None})
        self._last: Window | None = None

    def at(self, now: datetime) -> Window:
        """What is on at that moment; worked out anew when a discount begins or ends."""
        window = self._last
        if window is None or not window.holds(now):
            window = self._last = Window(
                max((each for each in self._turns if each <= now), default=None),
                min((each for each in self._turns if each > now), default=None),
                [rule for rule in self._rules if rule.row.is_on(now)],
            )
        return window


_NOTHING = {"known": None, "campaigns": "{}", "gifts": "{}", "began": None, "is_any": False}
_book: Book | None = None


@dataclass(frozen=True, slots=True)
class KnownOffers:
    """What the process knew when it asked: `values` to ask with, `rules` to read the answer with."""

    book: Book | None
    now: datetime

    @property
    def values(self) -> dict[str, Any]:
        return {"known": self.book.name, **self.book.at(self.now).asked} if self.book else _NOTHING

    def rules(
        self,
        name: str,
        texts: Sequence[str] | None,
        *,
        channel_id: int,
        is_guest: bool,
        held: frozenset[int],
    ) -> RuleSet:
        """Those that may lower a price at the moment that was asked for."""
        book = self.book if texts is None else _remember(Book(name, texts, self.now - crm.KEPT_AFTER_END))
        assert book is not None, "texts are left out only for who says the name"
        return book.at(self.now).of(channel_id=channel_id, is_guest=is_guest, held=held)


def known_offers(now: datetime) -> KnownOffers:
    book = _book
    return KnownOffers(book if book is not None and book.since <= now else None, now)


def _remember(book: Book) -> Book:
    global _book
    _book = book
    return book


def forget() -> None:
    """As a process that has priced nothing yet."""
    global _book
    _book = None
