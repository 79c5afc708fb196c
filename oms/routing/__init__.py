"""Order routing: which location ships which lines with which carrier service, at the least cost.

A pure engine: plain numpy arrays in and out; it reads no rows and no settings. `route(orders, network, state,
weights, prices, fixed)` takes each order, as it comes, at its exact optimum over all divisions into parcels,
and says why: the seven terms of the cost, the best plan of every other kind, and each location's best cost or
reject code. `evaluate` prices any assignment independently. See docs/routing.md.
"""

from .amounts import MICRO, Flags, Floats, Ints, in_paras, micro
from .arrays import (
    NOT_OFFERED,
    OPEN,
    TERMS,
    Decisions,
    Kind,
    Network,
    Orders,
    Plan,
    Prices,
    Reject,
    State,
    Weights,
)
from .engine import route
from .judge import Verdict, evaluate
from .long_orders import EXACT_LINES

__all__ = [
    "EXACT_LINES",
    "MICRO",
    "NOT_OFFERED",
    "OPEN",
    "TERMS",
    "Decisions",
    "Flags",
    "Floats",
    "Ints",
    "Kind",
    "Network",
    "Orders",
    "Plan",
    "Prices",
    "Reject",
    "State",
    "Verdict",
    "Weights",
    "evaluate",
    "in_paras",
    "micro",
    "route",
]
