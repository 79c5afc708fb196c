"""What a promise answers: an offer for each delivery method, or the reason why it cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from retail.kernel.records import record


class Method(StrEnum):
    HOME_DELIVERY = "HOME_DELIVERY"
    PARCEL_LOCKER = "PARCEL_LOCKER"
    STORE_PICKUP = "STORE_PICKUP"
    SHIP_TO_STORE = "SHIP_TO_STORE"


class Reason(StrEnum):
    """Why a method cannot be had, the first that applies from the top."""

    NOT_A_PICKUP_POINT = "NOT_A_PICKUP_POINT"
    NO_LANE = "NO_LANE"  # no location reaches this destination in this way
    TOO_HEAVY = "TOO_HEAVY"  # above the weight limit of every carrier that could
    OUT_OF_STOCK = "OUT_OF_STOCK"  # no location that could has the units within the look-ahead
    NO_SHIP_DAY = "NO_SHIP_DAY"  # no day on which a place with the units works and is collected, or is open
    NO_CAPACITY = "NO_CAPACITY"  # such days, but none with room for the units
    LOCKER_FULL = "LOCKER_FULL"
    DAY_NOT_POSSIBLE = "DAY_NOT_POSSIBLE"  # it can be had, but not on the day that was asked for
    BEYOND_HORIZON = "BEYOND_HORIZON"  # it would come after the look-ahead


@record
class Line:
    """Units of one SKU that somebody wants. Lines of the same SKU are added up before anything is promised."""

    sku: str
    quantity: int
    unit_grams: int = 0


@record
class Source:
    """Where a line comes from; carrier and days are None when the units are in the store already."""

    sku: str
    quantity: int
    location: str
    carrier: str | None = None
    ship_on: date | None = None
    arrives_on: date | None = None


@record
class Offer:
    """One delivery method: a local day (home, locker) or a local instant (pickup, ship to store), or a
    reason.

    `order_by` is the instant before which an order still gets this promise, other things equal: the same date
    for home, locker and what travels to a store; the same day for what is handed over from the store's own
    shelf.
    """

    method: Method
    place: str  # postcode, locker or store
    day: date | None = None
    ready_at: datetime | None = None
    order_by: datetime | None = None
    sources: tuple[Source, ...] = ()
    reason: Reason | None = None
    reason_sku: str | None = None

    @property
    def is_available(self) -> bool:
        return self.reason is None

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations that would serve it, each once, in the order of the lines."""
        return tuple(dict.fromkeys(each.location for each in self.sources))


@dataclass(frozen=True, slots=True)
class Days:
    """The days on which a basket can be brought: by any carriers together, and by each one alone."""

    possible: tuple[date, ...]
    by_carrier: Mapping[str, tuple[date, ...]]
