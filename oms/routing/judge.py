"""The judge: prices any assignment of many orders together, straight from the definition of the cost, in
dinars.

It shares nothing with the engine but the arrays, so that it can contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .amounts import Ints
from .arrays import NOT_OFFERED, OPEN, TERMS, Network, Orders, State, Weights


@dataclass(frozen=True)
class Verdict:
    """Terms in dinars over all orders, and how often each hard constraint is broken."""

    terms: dict[str, float]
    violations: dict[str, int]
    parcels: int
    orders_split: int
    orders_late: int  # with a late parcel or an open line
    lines_open: int

    @property
    def cost(self) -> float:
        return sum(self.terms.values())


def evaluate(
    orders: Orders, network: Network, state: State, weights: Weights, location: Ints, service: Ints
) -> Verdict:
    """What these plans cost together. A parcel is the lines of one order from one location."""
    order_of = np.repeat(np.arange(len(orders)), np.diff(orders.start))
    shipped = location != OPEN
    parcels: dict[tuple[int, int], list[int]] = {}
    for line in np.flatnonzero(shipped).tolist():
        parcels.setdefault((int(order_of[line]), int(location[line])), []).append(line)
    terms = dict.fromkeys(TERMS, 0.0)
    late = np.zeros(len(orders), np.bool_)
    late[order_of[~shipped]] = True
    broken_service = 0
    for (order, place), lines in parcels.items():
        used = set(service[lines].tolist())
        fee, days = _carriage(orders, network, weights, order, place, lines, int(service[lines[0]]))
        if len(used) > 1 or fee is None:
            broken_service += 1
            continue
        terms["parcel"] += fee
        terms["pick"] += float(network.pick_parcel[place] + network.pick_line[place] * len(lines))
        terms["late"] += weights.late_day * days
        late[order] |= days > 0
    per_order = np.bincount([order for order, _ in parcels], minlength=len(orders))
    terms["split"] = weights.split * float(np.maximum(0, per_order - 1).sum())
    added = np.bincount(location[shipped], minlength=len(network.cap))
    before, after = state.load - network.cap, state.load + added - network.cap
    terms["overflow"] = weights.overflow * float((np.maximum(0, after) - np.maximum(0, before)).sum())
    taken = state.taken.copy()
    np.add.at(taken, (orders.sku[shipped], location[shipped]), orders.qty[shipped])
    from_unit, to_unit = np.minimum(state.taken, state.stock), np.minimum(taken, state.stock)
    terms["scarcity"] = float((state.cum[state.off + to_unit] - state.cum[state.off + from_unit]).sum())
    terms["short"] = weights.short * float((~shipped).sum())
    return Verdict(
        terms=terms,
        violations={
            "stock": int(((taken > state.stock) & (taken > state.taken)).sum()),
            "capacity": int(((state.load + added > network.hard) & (added > 0)).sum()),
            "service": broken_service,
            "allowed": 0
            if network.allowed is None
            else sum(not network.allowed[order, place] for order, place in parcels),
        },
        parcels=len(parcels),
        orders_split=int((per_order > 1).sum()),
        orders_late=int(late.sum()),
        lines_open=int((~shipped).sum()),
    )


def _carriage(
    orders: Orders, network: Network, weights: Weights, order: int, place: int, lines: list[int], service: int
) -> tuple[float | None, int]:
    lead = int(network.lead[orders.zone[order], place, service])
    upper, price = network.bands[service]
    grams = int(orders.grams[lines].sum()) + weights.packaging_grams
    band = int(np.searchsorted(upper, grams))
    if service == OPEN or lead >= NOT_OFFERED or band == len(upper):
        return None, 0
    fee = float(price[band] * network.rebate[place])
    if orders.cod[order]:
        share, least = network.cod[service]
        fee += max(float(share * orders.value[lines].sum()), float(least))
    return fee, max(0, int(network.ship_day[place]) + lead - int(orders.promise[order]))
