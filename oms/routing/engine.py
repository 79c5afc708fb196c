"""Routing on arrival: one order after the other, each at its exact optimum given what the earlier ones took."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from .amounts import IMPOSSIBLE, MICRO, Flags, Floats, Ints, micro
from .arrays import (
    NOT_OFFERED,
    OPEN,
    Decisions,
    Network,
    Orders,
    Plan,
    Prices,
    Reject,
    State,
    Weights,
    no_lines,
)
from .choose import best_plan, runners_up
from .long_orders import EXACT_LINES, bundled, good_plan, lower_bound
from .order import Order, Tables, slice_order, tabulate
from .plans import shadow_of


def route(
    orders: Orders,
    network: Network,
    state: State,
    weights: Weights,
    prices: Prices | None = None,
    fixed: Ints | None = None,
    *,
    explain: bool = True,
) -> Decisions:
    """Chooses a plan for each order, in the order given; stock and load of a plan are taken before the next
    one.

    `state` is read, never changed, and holds no claims of these orders themselves. `fixed` [M] is the
    location of a line that is picked already, else OPEN: it stays there and is never refused by stock,
    capacity or a rule. Without `explain` runners-up are left out. Pure and without chance: equal input gives
    equal output.
    """
    began = time.perf_counter()
    count = len(orders)
    now = state if count == 1 else replace(state, taken=state.taken.copy(), load=state.load.copy())
    plans: list[Plan] = []
    runner_up: list[tuple[Plan, ...]] = []
    shadow = np.zeros(count)
    whole = np.full((count, len(network.cap)), np.nan)
    reject = np.zeros((count, len(network.cap)), np.int64)
    bound = 0
    for number in range(count):
        order = slice_order(orders, number, network, now, weights, prices, fixed)
        answer = _Answer(order)
        plans.append(answer.plan)
        runner_up.append(answer.runners_up() if explain else ())
        shadow[number] = shadow_of(order, answer.plan) / MICRO
        whole[number], reject[number] = answer.per_location()
        bound += _bound(answer, state)
        if count > 1:
            _take(now, order, answer.plan)
    terms = np.array([each.micro for each in plans], np.int64).reshape(count, 7)
    return Decisions(
        location=_joined([each.location for each in plans]),
        service=_joined([each.service for each in plans]),
        parcel=_joined([each.parcel for each in plans]),
        micro=terms,
        kind=np.array([each.kind for each in plans], np.int64),
        shadow=shadow,
        runner_up=tuple(runner_up),
        whole=whole,
        reject=reject,
        is_exact=np.diff(orders.start) <= EXACT_LINES,
        bound=bound / MICRO,
        gap=float(int(terms.sum()) - bound) / bound if bound else 0.0,
        seconds=time.perf_counter() - began,
        seed=0,
        start=orders.start,
    )


class _Answer:
    """One order's plan, with the tables that it was read from."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.is_exact = len(order) <= EXACT_LINES
        self.bundles = [[line] for line in range(len(order))] if self.is_exact else bundled(order)
        if not self.is_exact and len(self.bundles) > EXACT_LINES:
            self.bundles = [list(range(len(order)))]
        self.tables: Tables = tabulate(order, self.bundles)
        self.plan = best_plan(order, self.tables, self.bundles) if self.is_exact else good_plan(order)

    def runners_up(self) -> tuple[Plan, ...]:
        return runners_up(self.order, self.tables, self.bundles, self.plan.kind)

    def per_location(self) -> tuple[Floats, Ints]:
        """The best cost of the whole order from each location, or why it cannot be had there."""
        tables, order = self.tables, self.order
        whole = np.full(len(order.network.cap), np.nan)
        cost = tables.by_any[:, -1] if len(tables.places) else np.zeros(0, np.int64)
        can = cost < IMPOSSIBLE
        true = cost - tables.shadow - int(micro(order.weights.split))
        whole[tables.places[can]] = true[can] / MICRO
        return whole, _rejects(order, np.isnan(whole))


def _rejects(order: Order, refused: Flags) -> Ints:
    picked = np.unique(order.fixed[order.fixed != OPEN])
    here = np.isin(np.arange(len(refused)), picked)
    had = order.line_stock()
    beyond = order.state.load + len(order) > order.network.hard
    conditions = {
        Reject.NOT_ALLOWED: ~order.allowed & ~here,
        Reject.PICKED_ELSEWHERE: (len(picked) > 0) & ~(here & (len(picked) == 1)),
        Reject.NO_SERVICE: ~(order.lead < NOT_OFFERED).any(axis=1),
        Reject.NO_STOCK: ~had.any(axis=0),
        Reject.PART_OF_STOCK: ~had.all(axis=0) | _lacks_together(order),
        Reject.NO_CAPACITY: beyond & (order.fixed == OPEN).any(),
    }
    codes = np.select(list(conditions.values()), [int(each) for each in conditions], Reject.TOO_HEAVY)
    return np.where(refused, codes, int(Reject.NONE))


def _lacks_together(order: Order) -> Flags:
    """[L] where lines of one SKU could be had each alone, not all together."""
    sku, inverse = np.unique(order.sku, return_inverse=True)
    if len(sku) == len(order):
        return np.zeros(len(order.network.cap), np.bool_)
    units = np.bincount(inverse, weights=order.qty).astype(np.int64)
    lacks = order.state.taken[sku] + units[:, None] > order.state.stock[sku]
    return np.asarray(lacks.any(axis=0))


def _bound(answer: _Answer, start: State) -> int:
    """What this order would cost at least if it were alone: stock value, overtime and scarcity only rise with
    others.

    So the sum over the orders is a lower bound for all of them together.
    """
    order = answer.order
    alone = replace(
        order, state=start, prices=None, weights=replace(order.weights, keep_promise=False, crowding=0.0)
    )
    if not answer.is_exact:
        return lower_bound(alone)
    is_free = not order.is_priced and not order.weights.keep_promise
    if is_free and (order.state is start or _is_untouched(order, start)):
        return sum(answer.plan.micro)
    return sum(best_plan(alone, tabulate(alone, answer.bundles), answer.bundles).micro)


def _is_untouched(order: Order, start: State) -> bool:
    """Whether nothing that earlier orders took can matter to this one."""
    now = order.state
    has_overtime = now.load + len(order) > order.network.cap
    return not bool(has_overtime.any()) and np.array_equal(now.taken[order.sku], start.taken[order.sku])


def _take(state: State, order: Order, plan: Plan) -> None:
    shipped = plan.location != OPEN
    np.add.at(state.taken, (order.sku[shipped], plan.location[shipped]), order.qty[shipped])
    np.add.at(state.load, plan.location[shipped], 1)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else no_lines(0)
