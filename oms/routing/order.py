"""One order against the network: what each set of its lines would cost from each location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .amounts import IMPOSSIBLE, Flags, Ints, micro
from .arrays import NOT_OFFERED, OPEN, Network, Orders, Prices, State, Weights
from .subsets import sums

PICKED_STAYS = (
    10**12
)  # a million dinars: a line that is picked stays open only when nothing carries it from there


@dataclass(frozen=True)
class Order:
    """One order's slice of the arrays, and the state it meets."""

    network: Network
    state: State
    weights: Weights
    prices: Prices | None
    lead: Ints  # [L, V]
    promise: int
    is_cod: bool
    sku: Ints
    qty: Ints
    grams: Ints
    value: Ints  # millionths
    allowed: Flags  # [L]
    fixed: Ints  # [n] location of a line that is picked already, else OPEN

    def __len__(self) -> int:
        return len(self.sku)

    @property
    def everything(self) -> int:
        """The subset of all lines."""
        return (1 << len(self)) - 1

    def reachable(self) -> Flags:
        """[L] locations with a carrier service on the lane, where the order may be; what is picked already may."""
        allowed = self.allowed.copy()
        allowed[self.fixed[self.fixed != OPEN]] = True
        return np.asarray(allowed & (self.lead < NOT_OFFERED).any(axis=1))

    def late_days(self, places: Ints) -> Ints:
        """[P, V] days past the promise; meaningless where the service is not offered."""
        days = self.network.ship_day[places][:, None] + self.lead[places] - self.promise
        return np.asarray(np.maximum(0, days))

    def line_stock(self) -> Flags:
        """[n, L] where each line alone could be had; a picked one in its own location only."""
        state = self.state
        had: Flags = state.taken[self.sku] + self.qty[:, None] <= state.stock[self.sku]
        for line in np.flatnonzero(self.fixed != OPEN):
            had[line] = False
            had[line, self.fixed[line]] = True
        return had

    def scarcity(self, sku: Ints, units: Ints, places: Ints) -> Ints:
        """[k, P] expected lost sales of taking so many units more of each SKU."""
        state, cell = self.state, (sku[:, None], places[None])
        stock, taken, off = state.stock[cell], state.taken[cell], state.off[cell]
        before = state.cum[off + np.minimum(taken, stock)]
        after = state.cum[off + np.minimum(taken + units[:, None], stock)]
        return micro(after - before)

    def priced(self, sku: Ints, units: Ints, places: Ints, scarcity: Ints) -> Ints:
        """[k, P] what the shadow price of the units is above their own scarcity."""
        if self.prices is None:
            return np.zeros_like(scarcity)
        pi = micro(self.prices.pi[sku[:, None], places[None]])
        return np.asarray(np.maximum(0, pi * units[:, None] - scarcity))

    @property
    def is_priced(self) -> bool:
        """Whether plans are compared at more than their own cost."""
        return self.prices is not None or self.weights.crowding > 0

    def hands(self, places: Ints) -> Ints:
        """[P] what a line's work is compared at above its own cost: its shadow price, and the crowding so far."""
        price = np.zeros(len(places)) if self.prices is None else self.prices.mu[places]
        load, cap = self.state.load[places], self.network.cap[places]
        used = np.where(
            load < cap, load / np.maximum(cap, 1), 0.0
        )  # from the cap on, overtime is a real cost
        return micro(price + self.weights.overflow * self.weights.crowding * used)

    def overflow(self, lines: int | Ints, places: Ints) -> Ints:
        """[P] (or [P, …]) overtime of so many lines more."""
        load, cap = self.state.load[places], self.network.cap[places]
        if isinstance(lines, np.ndarray):
            load, cap = load[:, None], cap[:, None]
        beyond = np.maximum(0, load + lines - cap) - np.maximum(0, load - cap)
        return np.asarray(int(micro(self.weights.overflow)) * beyond)


@dataclass(frozen=True)
class Tables:
    """Costs [P, 2^n] of one parcel by place and subset of its items; the split penalty of each parcel is in.

    Items are lines, or bundles of lines. `by_any` uses the best service, `on_time` and `late` the best of
    those that keep and break the promise; each is None where it would equal `by_any` or be impossible
    altogether. `shadow` [P] is the part of the shadow prices in the cost of everything from one place.
    """

    places: Ints
    by_any: Ints
    on_time: Ints | None
    late: Ints | None
    shadow: Ints
    lines: Ints  # [2^n] lines of a subset
    picked: Ints  # [2^n] of these, lines that are picked already

    @property
    def punctual(self) -> Ints:
        return self.by_any if self.on_time is None else self.on_time


def slice_order(
    orders: Orders,
    number: int,
    network: Network,
    state: State,
    weights: Weights,
    prices: Prices | None,
    fixed: Ints | None,
) -> Order:
    begin, end = int(orders.start[number]), int(orders.start[number + 1])
    locations = len(network.cap)
    return Order(
        network=network,
        state=state,
        weights=weights,
        prices=prices,
        lead=network.lead[orders.zone[number]].astype(np.int64, copy=False),
        promise=int(orders.promise[number]),
        is_cod=bool(orders.cod[number]),
        sku=orders.sku[begin:end].astype(np.int64, copy=False),
        qty=orders.qty[begin:end].astype(np.int64, copy=False),
        grams=orders.grams[begin:end].astype(np.int64, copy=False),
        value=micro(orders.value[begin:end]),
        allowed=np.ones(locations, np.bool_) if network.allowed is None else network.allowed[number],
        fixed=np.full(end - begin, OPEN, np.int64) if fixed is None else fixed[begin:end],
    )


def tabulate(order: Order, bundles: Sequence[Sequence[int]]) -> Tables:
    """The costs of all parcels of an order whose lines travel in these bundles (each line alone, or some together)."""
    had = order.line_stock()
    is_picked = order.fixed != OPEN
    may = had.any(axis=0) & order.reachable()
    room = order.network.hard - order.state.load
    may &= (room > 0) | (had & is_picked[:, None]).any(axis=0)
    places = np.flatnonzero(may)

    item = np.empty(len(order), np.int64)
    for number, bundle in enumerate(bundles):
        item[list(bundle)] = number
    count = len(bundles)
    lines = sums(np.bincount(item, minlength=count).astype(np.int64))
    free = sums(_per_item(~is_picked, item, count))

    own, shadow = _item_costs(order, item, count, places, had)
    own += micro(order.network.pick_line[places])[:, None] * lines[1 << np.arange(count)]
    cost = sums(own)
    shadow_all = shadow.sum(axis=1)
    shadow_all += _shared_sku_costs(order, item, count, places, cost)
    cost += (micro(order.network.pick_parcel[places]) + micro(order.weights.split))[:, None]
    _add_capacity(order, places, lines, free, cost)

    grams = sums(_per_item(order.grams, item, count))
    value = sums(_per_item(order.value, item, count))
    by_any, on_time, late = _service_costs(order, places, grams + order.weights.packaging_grams, value)
    by_any += cost
    for table in (on_time, late):
        if table is not None:
            table += cost
    return Tables(places, by_any, on_time, late, shadow_all, lines, lines - free)


def service_cost(order: Order, place: int, service: int, grams: int, value: int) -> tuple[int, int] | None:
    """(tariff and COD, lateness) of one parcel; None when this service does not carry it. `grams` with packaging."""
    network = order.network
    lead = int(order.lead[place, service])
    upper, price = network.bands[service]
    band = int(np.searchsorted(upper, grams))
    if lead >= NOT_OFFERED or band == len(upper):
        return None
    fee = int(micro(price[band] * network.rebate[place]))
    if order.is_cod:
        fee += int(cod_fee(order, service, value))
    days = max(0, int(network.ship_day[place]) + lead - order.promise)
    return fee, days * int(micro(order.weights.late_day))


def cod_fee(order: Order, service: int, value: Ints | int) -> Ints:
    """What the carrier takes for collecting so many millionths of a dinar."""
    share, least = order.network.cod[service]
    return np.asarray(np.maximum(np.rint(share * np.asarray(value)).astype(np.int64), micro(least)))


def _per_item(values: Ints | Flags, item: Ints, count: int) -> Ints:
    total = np.zeros(count, np.int64)
    np.add.at(total, item, values)
    return total


def _alone(order: Order, item: Ints) -> Flags:
    """[n] lines whose SKU no other item of the order wants: their units are counted by themselves."""
    sku, inverse = np.unique(order.sku, return_inverse=True)
    if len(sku) == len(order):
        return np.ones(len(order), np.bool_)
    first = np.full(len(sku), -1, np.int64)
    is_shared = np.zeros(len(sku), np.bool_)
    for line, cell in enumerate(inverse):
        if first[cell] == -1:
            first[cell] = item[line]
        elif first[cell] != item[line]:
            is_shared[cell] = True
    return np.asarray(~is_shared[inverse])


def _item_costs(order: Order, item: Ints, count: int, places: Ints, had: Flags) -> tuple[Ints, Ints]:
    """[P, items] stock value and shadow price of each item alone; IMPOSSIBLE where a line of it cannot be had."""
    alone = _alone(order, item)
    cost = np.zeros((count, len(places)), np.int64)
    shadow = np.zeros((count, len(places)), np.int64)
    impossible = np.zeros((count, len(places)), np.bool_)
    np.logical_or.at(impossible, item, ~had[:, places])
    if alone.any():
        owner, sku, units, free = _takings(order, item, alone)
        scarcity = order.scarcity(sku, units, places)
        extra = order.priced(sku, units, places, scarcity)
        cell = (sku[:, None], places[None])
        lacks = order.state.taken[cell] + units[:, None] > order.state.stock[cell]
        np.add.at(cost, owner, scarcity + extra)
        np.add.at(shadow, owner, extra)
        np.logical_or.at(impossible, owner, lacks & free[:, None])
    if order.is_priced:
        hands = np.bincount(item, minlength=count)[:, None] * order.hands(places)
        cost += hands
        shadow += hands
    cost[impossible] = IMPOSSIBLE
    return cost.T, shadow.T


def _takings(order: Order, item: Ints, alone: Flags) -> tuple[Ints, Ints, Ints, Flags]:
    """(item, SKU, units, whether some are not picked yet): lines of one SKU in one item are one taking."""
    is_free = order.fixed == OPEN
    if len(order) == len(np.unique(item)) and bool(alone.all()):
        return item, order.sku, order.qty, is_free
    keys, inverse = np.unique(np.stack([item[alone], order.sku[alone]]), axis=1, return_inverse=True)
    taking = inverse.ravel()
    units = _per_item(order.qty[alone], taking, keys.shape[1])
    free = _per_item(is_free[alone], taking, keys.shape[1]) > 0
    return keys[0], keys[1], units, free


def _shared_sku_costs(order: Order, item: Ints, count: int, places: Ints, cost: Ints) -> Ints:
    """Adds to `cost` the units of SKUs that several items want: from one place they draw on the same stock."""
    shadow = np.zeros(len(places), np.int64)
    alone = _alone(order, item)
    for sku in np.unique(order.sku[~alone]):
        wants = order.sku == sku
        units = sums(_per_item(order.qty * wants, item, count))
        is_free = wants & (order.fixed == OPEN)
        free = sums(_per_item(order.qty * is_free, item, count))
        amounts, inverse = np.unique(units, return_inverse=True)
        cells = np.full(len(amounts), sku, np.int64)
        scarcity = order.scarcity(cells, amounts, places)
        extra = order.priced(cells, amounts, places, scarcity)
        lacks = order.state.taken[sku, places][:, None] + units > order.state.stock[sku, places][:, None]
        cost += (scarcity + extra).T[:, inverse]
        cost[lacks & (free > 0)] += IMPOSSIBLE
        shadow += extra[inverse[-1]]
    return shadow


def _add_capacity(order: Order, places: Ints, lines: Ints, free: Ints, cost: Ints) -> None:
    """Overtime above the soft capacity, and nothing above the hard one; lines that are picked already are never refused."""
    load, most = order.state.load[places], int(lines[-1])
    if bool((load + most > order.network.cap[places]).any()):
        cost += order.overflow(np.arange(most + 1), places)[:, lines]
    room = order.network.hard[places] - load
    if bool((room < most).any()):
        cost[(lines > room[:, None]) & (free > 0)] += IMPOSSIBLE


def _service_costs(
    order: Order, places: Ints, grams: Ints, value: Ints
) -> tuple[Ints, Ints | None, Ints | None]:
    """[P, 2^n] tariff, COD and lateness of the best service: of any, of those on time, of those late."""
    network = order.network
    shape = (len(places), len(grams))
    by_any = np.full(shape, IMPOSSIBLE, np.int64)
    offered = order.lead[places] < NOT_OFFERED
    days = order.late_days(places)
    is_late = offered & (days > 0)
    is_mixed = bool(is_late.any())
    on_time = np.full(shape, IMPOSSIBLE, np.int64) if is_mixed else None
    late = np.full(shape, IMPOSSIBLE, np.int64) if is_mixed else None
    fine = int(micro(order.weights.late_day)) * days
    rebate = network.rebate[places]
    for service, (upper, price) in enumerate(network.bands):
        if not offered[:, service].any():
            continue
        tariff = np.full((len(places), len(upper) + 1), IMPOSSIBLE, np.int64)
        tariff[:, :-1] = micro(rebate[:, None] * price)
        tariff += np.where(offered[:, service], fine[:, service], IMPOSSIBLE)[:, None]
        cost = tariff[:, np.searchsorted(upper, grams)]
        if order.is_cod:
            cost += cod_fee(order, service, value)
        np.minimum(by_any, cost, out=by_any)
        if on_time is not None and late is not None:
            rows = is_late[:, service]
            on_time[~rows] = np.minimum(on_time[~rows], cost[~rows])
            late[rows] = np.minimum(late[rows], cost[rows])
    return by_any, on_time, late
