"""Plain arrays in and out of routing. N orders, M lines, L locations, V carrier services, Z zones, S SKUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from .amounts import MICRO, Flags, Floats, Ints, in_paras

NOT_OFFERED = 99  # a lead of so many days or more: the service does not run on this lane
OPEN = -1  # location, service and parcel of a line that is not shipped

TERMS = ("parcel", "pick", "late", "split", "overflow", "scarcity", "short")


class Kind(IntEnum):
    """Kinds of plan; every plan is of exactly one."""

    ONE_PARCEL = 0  # everything from one location, on time
    SPLIT = 1  # everything, in several parcels, on time
    LATE = 2  # everything, but a parcel is late
    SHORT = 3  # a line stays open


class Reject(IntEnum):
    """Why a location cannot ship the whole order; the first that applies."""

    NONE = 0
    NOT_ALLOWED = 1  # a rule keeps this order from this location
    PICKED_ELSEWHERE = 2  # a line is already picked in another location
    NO_SERVICE = 3  # no carrier service on this lane
    NO_STOCK = 4  # no line could be had there
    PART_OF_STOCK = 5  # some lines could, not all
    NO_CAPACITY = 6  # the lines are beyond the hard capacity
    TOO_HEAVY = 7  # no service on this lane carries the whole weight


@dataclass(frozen=True)
class Orders:
    """Order o has the lines start[o]:start[o+1]. `grams` and `value` (dinars) are of the whole line."""

    zone: Ints
    promise: Ints  # days left to the promised day
    cod: Flags
    start: Ints
    sku: Ints
    qty: Ints
    grams: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.zone)


@dataclass(frozen=True)
class Network:
    """Lanes, tariffs and locations, in dinars and days.

    `bands[v]` is (upper weight in grams ascending, net price); above the last band the service does not
    carry. `allowed` None means that every order may be shipped from everywhere.
    """

    lead: Ints  # [Z, L, V] days from hand-over, NOT_OFFERED and more: not offered
    bands: Sequence[tuple[Floats, Floats]]
    cod: Floats  # [V, 2] share of the value, least fee
    ship_day: Ints  # [L] 0 ships today, 1 tomorrow, …
    cap: Ints  # [L] lines a day without overtime
    hard: Ints  # [L] lines a day at most
    pick_parcel: Floats  # [L]
    pick_line: Floats  # [L]
    rebate: Floats  # [L] factor on the tariff
    allowed: Flags | None = None  # [N, L]


@dataclass(frozen=True)
class State:
    """Stock and work so far, without the claims of the orders that are being routed.

    cum[off[s, l] + k] is the expected lost sale, in dinars, of taking k units of SKU s from location l.
    """

    stock: Ints  # [S, L] sellable units
    taken: Ints  # [S, L]
    load: Ints  # [L] lines
    off: Ints  # [S, L]
    cum: Floats


@dataclass(frozen=True)
class Weights:
    """Prices of what has no tariff, in dinars.

    `keep_promise`: a plan that ships everything on time comes before any that does not, whatever it costs.
    `crowding`: the share of the overtime price at which a line is compared in a location whose capacity is
    nearly used; it grows with the use and never enters the terms. At 0 each order is at its own optimum; at
    0.5 a day of orders routed on arrival costs about one per cent less, because the last places are kept for
    those who need them.
    """

    split: float = 80.0
    late_day: float = 150.0
    overflow: float = 60.0
    short: float = 900.0
    packaging_grams: int = 60
    keep_promise: bool = False
    crowding: float = 0.0


@dataclass(frozen=True)
class Prices:
    """Shadow prices of the last batch, in dinars: of a unit in a cell, of a line in a location."""

    pi: Floats  # [S, L]
    mu: Floats  # [L]


@dataclass(frozen=True)
class Plan:
    """One order's plan: per line location, service and parcel number, OPEN where it is not shipped."""

    kind: Kind
    location: Ints
    service: Ints
    parcel: Ints
    micro: tuple[int, ...]  # the seven TERMS in millionths of a dinar

    @property
    def terms(self) -> dict[str, float]:
        """The seven terms in dinars."""
        return {name: each / MICRO for name, each in zip(TERMS, self.micro, strict=True)}

    @property
    def paras(self) -> dict[str, int]:
        """The seven terms in whole paras that add up to the plan's rounded cost."""
        return dict(zip(TERMS, in_paras(self.micro), strict=True))

    @property
    def cost(self) -> float:
        return sum(self.micro) / MICRO


@dataclass(frozen=True)
class Decisions:
    """The chosen plans, and what a person needs to see why.

    `whole` is each location's best cost for the whole order, NaN where `reject` says why not; it is the
    plan's true cost, without shadow prices. `shadow` is what these added to the chosen plan when it was
    compared. `bound` is a proven lower bound for any plan of these orders together, `gap` how far the chosen
    plans are above it.
    """

    location: Ints  # [M]
    service: Ints  # [M]
    parcel: Ints  # [M] within the order, numbered by first line
    micro: Ints  # [N, 7] millionths of a dinar
    kind: Ints  # [N]
    shadow: Floats  # [N]
    runner_up: tuple[tuple[Plan, ...], ...]  # the best plan of each other kind, cheapest first
    whole: Floats  # [N, L]
    reject: Ints  # [N, L]
    is_exact: Flags  # [N] proven best for the order as it came; False above ten lines
    bound: float
    gap: float
    seconds: float
    seed: int
    start: Ints = field(repr=False)

    @property
    def terms(self) -> Floats:
        """[N, 7] in dinars, columns as TERMS."""
        return self.micro / MICRO

    @property
    def cost(self) -> float:
        return int(self.micro.sum()) / MICRO

    def plan(self, order: int) -> Plan:
        """The chosen plan of one order."""
        lines = slice(int(self.start[order]), int(self.start[order + 1]))
        return Plan(
            Kind(int(self.kind[order])),
            self.location[lines],
            self.service[lines],
            self.parcel[lines],
            tuple(self.micro[order].tolist()),
        )


def no_lines(count: int) -> Ints:
    """An array of so many lines, all open."""
    return np.full(count, OPEN, np.int64)
