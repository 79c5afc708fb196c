"""The best plan of one order, exactly, and the best of each other kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .amounts import IMPOSSIBLE, Ints, micro
from .arrays import Kind, Plan
from .order import PICKED_STAYS, Order, Tables
from .partition import Cover, best_cover
from .plans import Wish, plan_of
from .subsets import members

Bundles = Sequence[Sequence[int]]


def best_plan(order: Order, tables: Tables, bundles: Bundles) -> Plan:
    """The cheapest plan; with `keep_promise` the cheapest that ships everything on time, where there is one."""
    if order.weights.keep_promise:
        cover = best_cover(tables.punctual) if len(tables.places) else None
        if cover is not None:
            return _plan(tables, bundles, order, cover, punctual=True)
    return _cheapest(order, tables, bundles, is_short=False)


def runners_up(order: Order, tables: Tables, bundles: Bundles, chosen: Kind) -> tuple[Plan, ...]:
    """The best plan of each kind that was not chosen, where there is one; cheapest first."""
    found = [
        plan
        for kind, find in (
            (Kind.ONE_PARCEL, _one_parcel),
            (Kind.SPLIT, _split),
            (Kind.LATE, _late),
            (Kind.SHORT, _short),
        )
        if kind is not chosen and (plan := find(order, tables, bundles)) is not None
    ]
    return tuple(sorted(found, key=lambda each: (sum(each.micro), each.kind)))


def _one_parcel(order: Order, tables: Tables, bundles: Bundles) -> Plan | None:
    if not len(tables.places):
        return None
    everything = tables.punctual[:, -1]
    place = int(everything.argmin())
    if everything[place] >= IMPOSSIBLE:
        return None
    lines = tuple(range(len(order)))
    return plan_of(order, [Wish(lines, int(tables.places[place]), is_late=False)])


def _split(order: Order, tables: Tables, bundles: Bundles) -> Plan | None:
    if not len(tables.places) or len(bundles) < 2:
        return None
    divided = tables.punctual.copy()
    divided[:, -1] = IMPOSSIBLE
    cover = best_cover(divided)
    return None if cover is None else _plan(tables, bundles, order, cover, punctual=True)


def _late(order: Order, tables: Tables, bundles: Bundles) -> Plan | None:
    if tables.late is None or not len(tables.places):
        return None
    cover = best_cover(tables.by_any, late=tables.late)
    return None if cover is None else _plan(tables, bundles, order, cover)


def _short(order: Order, tables: Tables, bundles: Bundles) -> Plan:
    return _cheapest(order, tables, bundles, is_short=True)


def _cheapest(order: Order, tables: Tables, bundles: Bundles, *, is_short: bool) -> Plan:
    """The cheapest plan that may, or must, leave lines open; ties ship more, and the earlier lines."""
    if not len(tables.places):
        return plan_of(order, [])
    cover = best_cover(tables.by_any, choose=_least_with_open(order, tables, is_short=is_short))
    assert cover is not None, "everything may stay open"
    return _plan(tables, bundles, order, cover)


def _least_with_open(order: Order, tables: Tables, *, is_short: bool) -> Callable[[Ints], int]:
    """Picks the subset to ship: its best cover plus the penalty of every line that is not in it."""
    open_lines = tables.lines[-1] - tables.lines
    penalty = int(micro(order.weights.short)) * open_lines
    penalty += PICKED_STAYS * (tables.picked[-1] - tables.picked)
    penalty[1:] -= int(micro(order.weights.split))  # every parcel carries one, the first one needs none

    def choose(values: Ints) -> int:
        total = values + penalty
        if is_short:
            total[-1] = np.iinfo(np.int64).max
        least = np.flatnonzero(total == total.min())
        return int(least[tables.lines[least].argmax()])

    return choose


def _plan(tables: Tables, bundles: Bundles, order: Order, cover: Cover, *, punctual: bool = False) -> Plan:
    return plan_of(
        order,
        [
            Wish(
                tuple(sorted(line for item in members(part.subset) for line in bundles[item])),
                int(tables.places[part.place]),
                is_late=True if part.is_late else (False if punctual else None),
            )
            for part in cover.parts
        ],
    )
