"""From a choice of location and service per line to its seven terms; independent of how the choice was made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .amounts import Ints, micro
from .arrays import OPEN, Kind, Plan, no_lines
from .order import Order, service_cost


class Parcel(NamedTuple):
    """Lines of one order that travel together."""

    lines: tuple[int, ...]
    location: int
    service: int


class Wish(NamedTuple):
    """Lines for one location; whether its service must be late, must be on time, or may be either (None)."""

    lines: tuple[int, ...]
    location: int
    is_late: bool | None = None


def plan_of(order: Order, wishes: Iterable[Wish]) -> Plan:
    """The plan with the best allowed service for each parcel; lines in none of them stay open."""
    parcels = [
        Parcel(each.lines, each.location, best_service(order, each))
        for each in sorted(wishes, key=lambda each: each.lines)
    ]
    location, service, number = no_lines(len(order)), no_lines(len(order)), no_lines(len(order))
    for index, parcel in enumerate(parcels):
        lines = list(parcel.lines)
        location[lines], service[lines], number[lines] = parcel.location, parcel.service, index
    terms = _terms(order, parcels)
    if (location == OPEN).any():
        kind = Kind.SHORT
    elif terms[2]:
        kind = Kind.LATE
    else:
        kind = Kind.ONE_PARCEL if len(parcels) == 1 else Kind.SPLIT
    return Plan(kind, location, service, number, terms)


def best_service(order: Order, wish: Wish) -> int:
    """The cheapest service of a parcel; ties by service number."""
    lines = list(wish.lines)
    grams = int(order.grams[lines].sum()) + order.weights.packaging_grams
    value = int(order.value[lines].sum())
    best: tuple[int, int] | None = None
    for service in range(len(order.network.bands)):
        found = service_cost(order, wish.location, service, grams, value)
        if found is None or (wish.is_late is not None and bool(found[1]) is not wish.is_late):
            continue
        if best is None or sum(found) < best[0]:
            best = (sum(found), service)
    assert best is not None, "a plan is made of parcels that some service carries"
    return best[1]


def _terms(order: Order, parcels: list[Parcel]) -> tuple[int, ...]:
    """The seven terms of section TERMS in millionths; the parcels stand in different locations."""
    weights, network = order.weights, order.network
    carriage = pick = late = overflow = scarcity = shipped = 0
    for parcel in parcels:
        lines = list(parcel.lines)
        place = np.array([parcel.location])
        grams = int(order.grams[lines].sum()) + weights.packaging_grams
        found = service_cost(order, parcel.location, parcel.service, grams, int(order.value[lines].sum()))
        assert found is not None
        carriage += found[0]
        late += found[1]
        pick += int(micro(network.pick_parcel[parcel.location]))
        pick += int(micro(network.pick_line[parcel.location])) * len(lines)
        overflow += int(order.overflow(len(lines), place)[0])
        sku, units = _takings(order, lines)
        scarcity += int(order.scarcity(sku, units, place).sum())
        shipped += len(lines)
    split = int(micro(weights.split)) * max(0, len(parcels) - 1)
    short = int(micro(weights.short)) * (len(order) - shipped)
    return carriage, pick, late, split, overflow, scarcity, short


def _takings(order: Order, lines: list[int]) -> tuple[Ints, Ints]:
    sku, inverse = np.unique(order.sku[lines], return_inverse=True)
    units = np.zeros(len(sku), np.int64)
    np.add.at(units, inverse, order.qty[lines])
    return sku, units


def shadow_of(order: Order, plan: Plan) -> int:
    """What the shadow prices add to a plan when it is compared with others."""
    if not order.is_priced:
        return 0
    total = 0
    for place in np.unique(plan.location[plan.location != OPEN]):
        lines = np.flatnonzero(plan.location == place).tolist()
        here = np.array([place])
        sku, units = _takings(order, lines)
        total += int(order.priced(sku, units, here, order.scarcity(sku, units, here)).sum())
        total += int(order.hands(here)[0]) * len(lines)
    return total
