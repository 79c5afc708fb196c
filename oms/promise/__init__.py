"""Delivery promises: for lines and a destination the date of every method, or why it cannot be had.

A pure engine: plain dataclasses in, dates out; it reads no rows, no settings and no clock. `Network` (places,
carriers, lanes, holidays) is built once and shared, `Stock` (levels, dated supply and demand, used capacity)
is read live for each request, `Promise(network, stock, now=…)` answers `home`, `locker`, `pickup`,
`ship_to_store` and `all`.
"""

from .engine import Promise, merged
from .network import HORIZON_DAYS, NOON, STORE_LEAD_DAYS_MIN, Calendar, Carrier, Lane, Location, Network
from .offers import Days, Line, Method, Offer, Reason, Source
from .stock import Dated, Level, Stock

__all__ = [
    "HORIZON_DAYS",
    "NOON",
    "STORE_LEAD_DAYS_MIN",
    "Calendar",
    "Carrier",
    "Dated",
    "Days",
    "Lane",
    "Level",
    "Line",
    "Location",
    "Method",
    "Network",
    "Offer",
    "Promise",
    "Reason",
    "Source",
    "Stock",
    "merged",
]
