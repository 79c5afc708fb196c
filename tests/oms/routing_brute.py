"""The routing of one order by trying everything: each line in each location or open, each parcel with each service.

Written from the definition of the cost, in whole millionths and plain loops, to contradict the engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oms.routing import MICRO, NOT_OFFERED, OPEN, Kind, Prices
from tests.oms.routing_instances import Case

Terms = tuple[int, ...]
PICKED_STAYS = 10**12


@dataclass(frozen=True)
class Tried:
    """One possible plan: location per line, terms in millionths, what shadow prices add when plans are compared."""

    location: tuple[int, ...]
    terms: Terms
    shadow: int
    kind: Kind
    picked_open: int

    @property
    def cost(self) -> int:
        return sum(self.terms) + self.shadow

    @property
    def rank(self) -> int:
        return self.cost + PICKED_STAYS * self.picked_open


def every_plan(case: Case, prices: Prices | None = None, fixed: list[int] | None = None) -> list[Tried]:
    """All plans of the only order of the case that break no hard constraint."""
    lines = len(case.orders.sku)
    places = range(len(case.network.cap))
    found: list[Tried] = []
    for location in itertools.product([OPEN, *places], repeat=lines):
        if _stays(location, fixed):
            found += _with_services(case, location, prices, fixed)
    return found


def best(plans: list[Tried], *, keep_promise: bool = False) -> int:
    """The rank of the plan that has to be chosen."""
    on_time = [each.rank for each in plans if each.kind in (Kind.ONE_PARCEL, Kind.SPLIT)]
    return min(on_time) if keep_promise and on_time else min(each.rank for each in plans)


def best_of_kind(plans: list[Tried], kind: Kind) -> int | None:
    return min((each.rank for each in plans if each.kind is kind), default=None)


def best_whole(plans: list[Tried], place: int) -> int | None:
    """The true cost of the best plan that ships everything from one place."""
    return min((sum(each.terms) for each in plans if set(each.location) == {place}), default=None)


def _stays(location: tuple[int, ...], fixed: list[int] | None) -> bool:
    return fixed is None or all(
        want == OPEN or have in (want, OPEN) for have, want in zip(location, fixed, strict=True)
    )


def _with_services(
    case: Case, location: tuple[int, ...], prices: Prices | None, fixed: list[int] | None
) -> Iterator[Tried]:
    parcels = {
        place: [line for line, at in enumerate(location) if at == place]
        for place in sorted(set(location) - {OPEN})
    }
    if any(_refused(case, place, lines, fixed) for place, lines in parcels.items()):
        return
    picked_open = 0
    if fixed is not None:
        picked_open = sum(at == OPEN and want != OPEN for at, want in zip(location, fixed, strict=True))
    shadow = sum(_shadow(case, place, lines, prices) for place, lines in parcels.items())
    carriages = [list(_carriages(case, place, lines)) for place, lines in parcels.items()]
    for chosen in itertools.product(*carriages):
        terms = (
            sum(fee for fee, _ in chosen),
            sum(_pick(case, place, lines) for place, lines in parcels.items()),
            sum(late for _, late in chosen),
            _micro(case.weights.split) * max(0, len(parcels) - 1),
            sum(_overflow(case, place, len(lines)) for place, lines in parcels.items()),
            sum(_scarcity(case, place, lines) for place, lines in parcels.items()),
            _micro(case.weights.short) * location.count(OPEN),
        )
        if OPEN in location:
            kind = Kind.SHORT
        elif terms[2]:
            kind = Kind.LATE
        else:
            kind = Kind.ONE_PARCEL if len(parcels) == 1 else Kind.SPLIT
        yield Tried(location, terms, shadow, kind, picked_open)


def _refused(case: Case, place: int, lines: list[int], fixed: list[int] | None) -> bool:
    state, network, orders = case.state, case.network, case.orders
    free = [line for line in lines if fixed is None or fixed[line] == OPEN]
    if free and network.allowed is not None and not network.allowed[0, place]:
        picked_here = fixed is not None and place in fixed
        if not picked_here:
            return True
    if free and state.load[place] + len(lines) > network.hard[place]:
        return True
    for sku in {int(orders.sku[line]) for line in free}:
        units = sum(int(orders.qty[line]) for line in lines if orders.sku[line] == sku)
        if state.taken[sku, place] + units > state.stock[sku, place]:
            return True
    return False


def _carriages(case: Case, place: int, lines: list[int]) -> Iterator[tuple[int, int]]:
    network, orders = case.network, case.orders
    grams = sum(int(orders.grams[line]) for line in lines) + case.weights.packaging_grams
    value = sum(float(orders.value[line]) for line in lines)
    for service, (upper, price) in enumerate(network.bands):
        lead = int(network.lead[orders.zone[0], place, service])
        carried = [float(each) for most, each in zip(upper, price, strict=True) if grams <= most]
        if lead >= NOT_OFFERED or not carried:
            continue
        fee = _micro(carried[0] * float(network.rebate[place]))
        if orders.cod[0]:
            share, least = network.cod[service]
            fee += _micro(max(float(share) * value, float(least)))
        days = max(0, int(network.ship_day[place]) + lead - int(orders.promise[0]))
        yield fee, days * _micro(case.weights.late_day)


def _pick(case: Case, place: int, lines: list[int]) -> int:
    return _micro(case.network.pick_parcel[place]) + _micro(case.network.pick_line[place]) * len(lines)


def _overflow(case: Case, place: int, lines: int) -> int:
    beyond = [
        max(0, int(case.state.load[place]) + more - int(case.network.cap[place])) for more in (lines, 0)
    ]
    return _micro(case.weights.overflow) * (beyond[0] - beyond[1])


def _units(case: Case, lines: list[int]) -> dict[int, int]:
    units: dict[int, int] = {}
    for line in lines:
        sku = int(case.orders.sku[line])
        units[sku] = units.get(sku, 0) + int(case.orders.qty[line])
    return units


def _scarcity_of(case: Case, place: int, sku: int, units: int) -> int:
    state = case.state
    stock, taken = int(state.stock[sku, place]), int(state.taken[sku, place])
    first = int(state.off[sku, place])
    return sum(
        _micro(state.cum[first + k + 1] - state.cum[first + k])
        for k in range(taken, min(stock, taken + units))
    )


def _scarcity(case: Case, place: int, lines: list[int]) -> int:
    return sum(_scarcity_of(case, place, sku, units) for sku, units in _units(case, lines).items())


def _shadow(case: Case, place: int, lines: list[int], prices: Prices | None) -> int:
    load, cap = int(case.state.load[place]), int(case.network.cap[place])
    hands = case.weights.overflow * case.weights.crowding * (load / cap if load < cap else 0)
    if prices is None:
        return _micro(hands) * len(lines)
    total = _micro(float(prices.mu[place]) + hands) * len(lines)
    for sku, units in _units(case, lines).items():
        price = _micro(prices.pi[sku, place]) * units
        total += max(0, price - _scarcity_of(case, place, sku, units))
    return total


def _micro(rsd: float | np.floating) -> int:
    return round(float(rsd) * MICRO)
